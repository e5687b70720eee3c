#include "footprint.h"

#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "proc.h"
#include "guest.h"

#define DEBUG_EXIT_END (offsetof(struct kvm_run, debug) + sizeof(((struct kvm_run *)0)->debug))
#define MAX_MAPPINGS 1024
#define MAX_MAPPING_BYTES (64u << 20)

struct part {
	uint64_t start;
	size_t bytes;
	int is_kvm_run;
	char path[64];
	uint8_t *content;
};

struct footprint {
	size_t count;
	struct part parts[MAX_MAPPINGS];
};

static int read_part(pid_t pid, struct part *part)
{
	struct iovec into, from = { (void *)(uintptr_t)part->start, part->bytes };

	part->content = calloc(1, part->bytes);
	into = (struct iovec){ part->content, part->bytes };
	if (part->content && process_vm_readv(pid, &into, 1, &from, 1, 0) == (ssize_t)part->bytes)
		return 0;
	free(part->content);
	return -1;
}

struct footprint *footprint_take(pid_t pid, const char *except)
{
	struct footprint *print = calloc(1, sizeof(*print));
	char *maps = proc_text("/proc/%d/maps", pid);
	struct mapping m;

	for (const char *at = maps; print && at && mapping_next(&at, &m) == 0 && print->count < MAX_MAPPINGS;) {
		struct part *part = &print->parts[print->count];

		if (m.access[0] != 'r' || m.access[1] != 'w' || m.end - m.start > MAX_MAPPING_BYTES || strstr(m.path, except) ||
		    is_scratch_region(m.start, m.end))
			continue;
		*part = (struct part){ .start = m.start, .bytes = m.end - m.start };
		part->is_kvm_run = strncmp(m.path, "anon_inode:kvm-vcpu:", 20) == 0;
		(void)snprintf(part->path, sizeof(part->path), "%.60s", m.path);
		print->count += read_part(pid, part) == 0;
	}
	free(maps);
	return print;
}

void footprint_free(struct footprint *print)
{
	for (size_t i = 0; print && i < print->count; i++)
		free(print->parts[i].content);
	free(print);
}

static size_t differences(const struct part *a, const struct part *b, int whole, char *where, size_t where_bytes)
{
	size_t count = 0;

	for (size_t at = 0; at < a->bytes; at++) {
		if (a->content[at] == b->content[at])
			continue;
		/* KVM's own: the reason of the exit, flags and interrupt window that each exit writes, what a debug exit says; the ring of page 2. */
		if (a->is_kvm_run && (at < DEBUG_EXIT_END || at >= 8192 || (!whole && at >= sizeof(struct kvm_run))))
			continue;
		if (count++ == 0)
			(void)snprintf(where, where_bytes, "%s + %#zx", a->path[0] ? a->path : "an anonymous mapping", at);
	}
	return count;
}

size_t footprint_differences(const struct footprint *before, const struct footprint *after, int whole, char *where,
			     size_t where_bytes)
{
	size_t count = 0;

	for (size_t i = 0; i < before->count; i++) {
		const struct part *a = &before->parts[i], *b = NULL;

		for (size_t j = 0; j < after->count && !b; j++)
			if (after->parts[j].start == a->start && after->parts[j].bytes == a->bytes)
				b = &after->parts[j];
		if (b)
			count += differences(a, b, whole, count ? (char[1]){ 0 } : where, count ? 1 : where_bytes);
		else if (count++ == 0)
			(void)snprintf(where, where_bytes, "%s at %#lx, which is gone", a->path, (unsigned long)a->start);
	}
	return count;
}
