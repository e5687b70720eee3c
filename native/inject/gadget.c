/* Two short pieces of code that every x86-64 libc has; they are found by reading, and no text is ever written. */
#include <string.h>

#include "proc.h"
#include "target.h"

#define CHUNK_BYTES 65536u
#define OVERLAP_BYTES 16u

static const uint8_t syscall_ret[] = { 0x0f, 0x05, 0xc3 };
static const uint8_t restorer_rax[] = { 0x48, 0xc7, 0xc0, 0x0f, 0x00, 0x00, 0x00, 0x0f, 0x05 }; /* mov $15, %rax */
static const uint8_t restorer_eax[] = { 0xb8, 0x0f, 0x00, 0x00, 0x00, 0x0f, 0x05 };             /* mov $15, %eax */

static uint64_t find(const uint8_t *bytes, size_t count, const uint8_t *what, size_t what_bytes, uint64_t base)
{
	const uint8_t *at = memmem(bytes, count, what, what_bytes);

	return at ? base + (uint64_t)(at - bytes) : 0;
}

static void scan(struct target *target, const struct mapping *m)
{
	static uint8_t bytes[CHUNK_BYTES];

	for (uint64_t at = m->start; at < m->end; at += CHUNK_BYTES - OVERLAP_BYTES) {
		size_t count = m->end - at < CHUNK_BYTES ? (size_t)(m->end - at) : CHUNK_BYTES;

		if ((target->gadget && target->restorer) || memory_read(target->pid, at, bytes, count) < 0)
			return;
		if (!target->gadget)
			target->gadget = find(bytes, count, syscall_ret, sizeof(syscall_ret), at);
		if (!target->restorer) {
			target->restorer = find(bytes, count, restorer_rax, sizeof(restorer_rax), at);
			target->restorer_syscall = target->restorer + sizeof(restorer_rax) - 2;
		}
		if (!target->restorer) {
			target->restorer = find(bytes, count, restorer_eax, sizeof(restorer_eax), at);
			target->restorer_syscall = target->restorer + sizeof(restorer_eax) - 2;
		}
	}
}

int gadget_is_there(const struct target *target)
{
	size_t bytes = (size_t)(target->restorer_syscall + 2 - target->restorer);
	uint8_t now[sizeof(syscall_ret)], restorer[sizeof(restorer_rax)];

	if (memory_read(target->pid, target->gadget, now, sizeof(now)) < 0 ||
	    memory_read(target->pid, target->restorer, restorer, bytes) < 0)
		return 0;
	return memcmp(now, syscall_ret, sizeof(now)) == 0 &&
	       memcmp(restorer, bytes == sizeof(restorer_rax) ? restorer_rax : restorer_eax, bytes) == 0;
}

static int is_libc(const struct mapping *m)
{
	return strstr(m->path, "/libc.so") || strstr(m->path, "/libc-") || strstr(m->path, "/ld-musl");
}

int gadget_find(struct target *target, const char *maps, struct refusal *why)
{
	struct mapping m;

	/* libc first, where both are; then everything, for a program without one. */
	for (int pass = 0; pass < 2; pass++) {
		for (const char *at = maps; mapping_next(&at, &m) == 0;)
			if (m.access[0] == 'r' && m.access[2] == 'x' && strcmp(m.path, "[vsyscall]") != 0 &&
			    (pass == 1 || is_libc(&m)))
				scan(target, &m);
		if (target->gadget && target->restorer)
			return 0;
	}
	return refuse(why, REASON_NO_GADGET, 0, NULL, "Its program text has no %s.",
		      target->gadget ? "signal restorer" : "`syscall; ret`");
}
