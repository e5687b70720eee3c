#include "room.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "proc.h"

#define PAGE_BYTES 4096u
#define FRAMES_OFFSET 2368u
#define FRAMES_BYTES (PAGE_BYTES - FRAMES_OFFSET)
#define MARK_OFFSET 16u /* of a frame's uc_link */
#define MAX_CANDIDATES 64
_Static_assert(sizeof(struct kvm_run) <= FRAMES_OFFSET, "kvm_run ends before the frames");
_Static_assert(2 * CHAIN_STRIDE <= FRAMES_BYTES, "two frames fit");

struct candidates {
	uint64_t run[MAX_CANDIDATES];
	size_t count;
};

static void collect(const char *maps, uint32_t vcpu_index, struct candidates *found)
{
	char name[64];
	struct mapping m;

	(void)snprintf(name, sizeof(name), "anon_inode:kvm-vcpu:%u", vcpu_index);
	found->count = 0;
	for (const char *at = maps, *line = maps; mapping_next(&at, &m) == 0; line = at) {
		uint64_t offset = 1;

		if (strcmp(m.path, name) != 0 || m.access[1] != 'w' || m.access[3] != 's' || m.end - m.start < 2 * PAGE_BYTES ||
		    sscanf(line, "%*s %*s %" SCNx64, &offset) != 1 || offset != 0 || found->count == MAX_CANDIDATES)
			continue;
		found->run[found->count++] = m.start;
	}
}

static int refuse_pages(struct refusal *why, const char *what)
{
	return refuse(why, REASON_NO_MEMORY, 0, NULL, "There is no room for a chain: %s.", what);
}

/* A number that is written through the descriptor itself shows which of them is its mapping. */
static int tell_apart(const struct target *target, int vcpu_fd, const struct candidates *found, struct room *room,
		      struct refusal *why)
{
	uint64_t words[2] = { CHAIN_MARK, 0 }, seen[2];
	int fd = (int)syscall(SYS_pidfd_getfd, target->pidfd, vcpu_fd, 0);
	uint8_t *own = fd < 0 ? MAP_FAILED : mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	int result = -1;

	if (fd >= 0)
		close(fd);
	if (own == MAP_FAILED || getrandom(&words[1], sizeof(words[1]), 0) != (ssize_t)sizeof(words[1])) {
		(void)refuse_pages(why, "it cannot be told which of several mappings is this vCPU's");
		goto out;
	}
	if (own[FRAMES_OFFSET + MARK_OFFSET] != 0 && memcmp(own + FRAMES_OFFSET + MARK_OFFSET, words, 8) != 0) {
		(void)refuse_pages(why, "the bytes behind kvm_run are in use");
		goto out;
	}
	memcpy(own + FRAMES_OFFSET + MARK_OFFSET, words, sizeof(words));
	for (size_t i = 0; i < found->count && result < 0; i++) {
		if (memory_read(target->pid, found->run[i] + FRAMES_OFFSET + MARK_OFFSET, seen, sizeof(seen)) < 0 ||
		    memcmp(seen, words, sizeof(seen)) != 0)
			continue;
		room->run = found->run[i];
		result = 0;
	}
	memset(own + FRAMES_OFFSET, 0, FRAMES_BYTES);
	if (result < 0)
		(void)refuse_pages(why, "none of the mappings is this vCPU's");
out:
	if (own != MAP_FAILED)
		(void)munmap(own, PAGE_BYTES);
	return result;
}

int room_check(const char *maps, uint32_t vcpu_index, struct refusal *why)
{
	struct candidates found;

	collect(maps, vcpu_index, &found);
	if (found.count)
		return 0;
	return refuse(why, REASON_NO_MEMORY, 0, "kvm_run", "There is no room for a chain: the VMM has not mapped the page behind kvm_run.");
}

int room_find(const struct target *target, const char *maps, uint32_t vcpu_index, int vcpu_fd, struct room *room,
	      struct refusal *why)
{
	struct candidates found;

	memset(room, 0, sizeof(*room));
	if (room_check(maps, vcpu_index, why) < 0)
		return -1;
	collect(maps, vcpu_index, &found);
	if (found.count > 1)
		return tell_apart(target, vcpu_fd, &found, room, why);
	room->run = found.run[0];
	return 0;
}

/* Bytes of page 1, from its start, that an exit which may wait for its answer has to itself. */
static uint64_t in_use(const struct kvm_run *run, const struct stopped *stopped)
{
	uint64_t end;

	/* Interrupted inside KVM_RUN: whatever exit there was before has been completed. */
	if (stopped->in_kvm_run || run->exit_reason != KVM_EXIT_IO)
		return 0;
	end = run->io.data_offset + (uint64_t)run->io.size * run->io.count;
	return run->io.data_offset < PAGE_BYTES || end > 2 * PAGE_BYTES ? PAGE_BYTES : end - PAGE_BYTES;
}

static int is_free(const uint8_t *bytes)
{
	uint64_t mark = CHAIN_MARK;

	if (memcmp(bytes + MARK_OFFSET, &mark, sizeof(mark)) == 0)
		return 1; /* a killed helper's */
	for (size_t i = 0; i < FRAMES_BYTES; i++)
		if (bytes[i])
			return 0;
	return 1;
}

int room_take(const struct target *target, const struct stopped *stopped, struct room *room, struct refusal *why)
{
	uint32_t bytes = (stopped->fpstate_bytes + 4 + 63) & ~63u;
	union {
		struct kvm_run run;
		uint8_t bytes[PAGE_BYTES];
	} page;

	if (memory_read(target->pid, room->run, &page, sizeof(page)) < 0)
		return refuse_errno(why, errno, "process_vm_readv");
	if (!is_free(page.bytes + FRAMES_OFFSET))
		return refuse_pages(why, "the bytes behind kvm_run are in use");
	/* Of all that a thread may hold only AMX tiles are longer than this. */
	if (bytes > PAGE_BYTES)
		return refuse_pages(why, "the VMM's own thread holds AMX tiles, which it would lose");
	if (in_use(&page.run, stopped) > PAGE_BYTES - bytes)
		return refuse_pages(why, "the VMM is answering an exit for an I/O port with much data");
	room->place.frames = room->run + FRAMES_OFFSET;
	room->place.fpstate = room->run + 2 * PAGE_BYTES - bytes;
	room->saved_bytes = bytes;
	if (memory_read(target->pid, room->place.fpstate, room->saved, bytes) < 0)
		return refuse_errno(why, errno, "process_vm_readv");
	return 0;
}

void room_give_back(const struct target *target, const struct room *room)
{
	static const uint8_t zeros[FRAMES_BYTES];

	(void)memory_write(target->pid, room->place.fpstate, room->saved, room->saved_bytes);
	(void)memory_write(target->pid, room->place.frames, zeros, sizeof(zeros));
}
