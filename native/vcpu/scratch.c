/* Scratch memory in the target: searched for, mapped, signed with its owner, unmapped. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "limits.h"
#include "proc.h"
#include "session.h"

#define CHOICES 16

/* The finalizer of splitmix64: each bit of the input changes about half of the bits of the result. */
static uint64_t mix(uint64_t z)
{
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

uint64_t scratch_address(uint32_t number, uint32_t vcpu_index)
{
	uint32_t random = number & ((1u << SCRATCH_RANDOM_BITS) - 1);
	uint64_t whose = (vcpu_index ^ mix(random)) & ((1u << SCRATCH_INDEX_BITS) - 1);

	return SCRATCH_BASE | ((uint64_t)random << SCRATCH_INDEX_BITS | whose) << 12;
}

/* rest: of the mappings, what follows this one. */
static int is_whole(const struct mapping *m, const char *rest)
{
	struct mapping code;

	if (m->end - m->start == SCRATCH_BYTES)
		return 1;
	return m->end - m->start == SCRATCH_CODE && mapping_next(&rest, &code) == 0 && code.start == m->end &&
	       code.end - code.start == CODE_PAGE_BYTES && !code.path[0] && strcmp(code.access, "r-xp") == 0;
}

static int is_scratch(const struct mapping *m, const char *rest, uint32_t vcpu_index)
{
	return is_whole(m, rest) && !m->path[0] && strcmp(m->access, "rw-p") == 0 &&
	       m->start == scratch_address((uint32_t)(m->start >> (12 + SCRATCH_INDEX_BITS)), vcpu_index);
}

static int is_free(uint64_t address, const char *maps)
{
	struct mapping m;

	for (const char *at = maps; mapping_next(&at, &m) == 0;)
		if (m.end + SCRATCH_GAP_BYTES > address && m.start < address + SCRATCH_BYTES + SCRATCH_GAP_BYTES)
			return 0;
	return 1;
}

static uint64_t choose(uint32_t vcpu_index, const char *maps)
{
	for (int tries = 0; tries < CHOICES; tries++) {
		uint32_t number;
		uint64_t address;

		if (getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number))
			continue;
		address = scratch_address(number, vcpu_index);
		if (is_free(address, maps))
			return address;
	}
	return 0;
}

static int helper_lives(const struct scratch_header *header)
{
	struct stat_facts facts;

	/* Signed by us, for a vCPU whose thread has ended since: nobody uses it. */
	if (header->helper_pid == getpid())
		return 0;
	return proc_stat(header->helper_pid, 0, &facts) == 0 && facts.start_time_ticks == header->helper_start_ticks &&
	       facts.state != 'Z' && facts.state != 'X';
}

/* 1: a region of this vCPU's, and its header. One of zeros: its helper died between mmap and scratch_sign. */
static int is_signed_scratch(const struct mapping *m, const char *rest, uint32_t vcpu_index, struct scratch_header *header)
{
	*header = (struct scratch_header){ 0 };
	return is_scratch(m, rest, vcpu_index) && memory_read(target.pid, m->start, header, sizeof(*header)) == 0 &&
	       (header->magic == SCRATCH_MAGIC || header->magic == 0);
}

/* Refused where the helper that signed one is alive. */
int scratch_find(uint32_t vcpu_index, const char *maps, uint64_t *left, uint64_t *free_place, struct refusal *why)
{
	struct mapping m;

	*left = 0;
	for (const char *at = maps; mapping_next(&at, &m) == 0;) {
		struct scratch_header header;

		if (!is_signed_scratch(&m, at, vcpu_index, &header))
			continue;
		if (header.magic && helper_lives(&header)) {
			(void)refuse(why, REASON_OTHER_HELPER, 0, NULL, "Another helper is attached to vCPU %u.", vcpu_index);
			why->other_pid = header.helper_pid;
			return -1;
		}
		if (!*left)
			*left = m.start;
	}
	*free_place = *left ? 0 : choose(vcpu_index, maps);
	if (!*left && !*free_place)
		return refuse(why, REASON_NO_MEMORY, 0, NULL, "No free address was found for scratch memory.");
	return 0;
}

/*
 * mmap, by a chain in unused bytes of KVM's pages (room.h), unless a region was left. The filters must allow it and the
 * munmap before it is made. 1: the address was taken meanwhile and the kernel chose another, where no later helper
 * would look, so it was unmapped again: to be tried once more.
 */
static int map_or_keep(struct vcpu *vcpu, const char *maps, uint64_t left, uint64_t free_place, struct refusal *why)
{
	struct program mapping = { 0 }, both;
	uint64_t address = left ? left : free_place;
	long result;

	program_add(&mapping, CALL_mmap, address, SCRATCH_BYTES, PROT_READ | PROT_WRITE);
	mapping.calls[0].arguments[3] = MAP_PRIVATE | MAP_ANONYMOUS;
	mapping.calls[0].arguments[4] = (uint64_t)-1;
	both = mapping;
	program_add(&both, CALL_munmap, address, SCRATCH_BYTES, 0);
	if (vcpu_check_filters(vcpu, &both, why) < 0)
		return -1;
	vcpu->scratch = left;
	if (left)
		return 0;
	if (vcpu_run_in_room(vcpu, maps, &mapping, why) < 0)
		return -1;
	result = mapping.calls[0].result;
	if (result < 0 && result > -4096)
		return limit_refuse(target.pid, SCRATCH_BYTES, (int)-result, why);
	vcpu->scratch = (uint64_t)result;
	if (vcpu->scratch == address)
		return 0;
	return scratch_unmap(vcpu, why) < 0 ? -1 : 1;
}

/*
 * In KVM_RUN of its own the thread stands nowhere else. Outside, a handler of the VMM's may be at work, on a stack of its own, that came
 * over the chain of a killed helper: back from it the thread is in that region again.
 */
static int nothing_is_left_to_end(const struct vcpu *vcpu)
{
	return vcpu->stop.restarts_kvm_run;
}

static int find_place(const struct vcpu *vcpu, const char *maps, uint64_t *left, uint64_t *free_place, struct refusal *why)
{
	if (scratch_find(vcpu->ref.vcpu_index, maps, left, free_place, why) < 0)
		return -1;
	if (!*left || nothing_is_left_to_end(vcpu))
		return 0;
	*left = 0;
	*free_place = choose(vcpu->ref.vcpu_index, maps);
	return *free_place ? 0 : refuse(why, REASON_NO_MEMORY, 0, NULL, "No free address was found for scratch memory.");
}

/* With our own region, those that killed helpers have left beside it. */
static void add_left(const struct vcpu *vcpu, const char *maps, struct program *program)
{
	struct mapping m;

	for (const char *at = maps; program->count < MAX_CALLS && mapping_next(&at, &m) == 0;) {
		struct scratch_header header;

		if (m.start != vcpu->scratch && is_signed_scratch(&m, at, vcpu->ref.vcpu_index, &header) && !(header.magic && helper_lives(&header)))
			(void)program_add(program, CALL_munmap, m.start, SCRATCH_BYTES, 0);
	}
}

/*
 * What was found before the thread was stopped may have changed: the last chain of a killed helper has mapped or unmapped its
 * region since, or another helper has signed one. All of them map and unmap in this thread alone, which is stopped now, so what
 * is found here does not change any more.
 */
int scratch_map(struct vcpu *vcpu, struct refusal *why)
{
	uint64_t left, free_place;
	int result = 1;

	for (uint32_t tries = 0; result == 1; tries++) {
		char *maps = proc_text("/proc/%d/maps", target.pid);

		vcpu->scratch = 0;
		result = -1;
		if (!maps)
			(void)refuse(why, REASON_TARGET_GONE, errno, NULL, "The mappings of process %d cannot be read.", target.pid);
		else if (tries == CHOICES)
			(void)refuse(why, REASON_NO_MEMORY, 0, "mmap", "The target's kernel maps scratch memory elsewhere each time.");
		else if (find_place(vcpu, maps, &left, &free_place, why) == 0)
			result = map_or_keep(vcpu, maps, left, free_place, why);
		free(maps);
	}
	return result;
}

int scratch_unmap(struct vcpu *vcpu, struct refusal *why)
{
	struct program program = { 0 };
	char *maps = proc_text("/proc/%d/maps", target.pid);
	int result = -1;

	if (!maps) {
		(void)refuse(why, REASON_TARGET_GONE, errno, NULL, "The mappings of process %d cannot be read.", target.pid);
		goto out;
	}
	program_add(&program, CALL_munmap, vcpu->scratch, SCRATCH_BYTES, 0);
	if (nothing_is_left_to_end(vcpu))
		add_left(vcpu, maps, &program);
	result = vcpu_run_in_room(vcpu, maps, &program, why);
	if (result == 0 && program.calls[0].result < 0)
		result = refuse_errno(why, (int)-program.calls[0].result, "munmap");
	if (result == 0)
		vcpu->scratch = 0;
out:
	free(maps);
	return result;
}

int scratch_sign(struct vcpu *vcpu, struct refusal *why)
{
	struct scratch_header header = { .magic = SCRATCH_MAGIC, .helper_pid = getpid(), .bytes = SCRATCH_BYTES };
	struct stat_facts self;

	if (proc_stat(getpid(), 0, &self) < 0)
		return refuse(why, REASON_CALL_FAILED, errno, "read", "/proc/self/stat cannot be read.");
	header.helper_start_ticks = self.start_time_ticks;
	header.vcpu_index = vcpu->ref.vcpu_index;
	if (memory_write(target.pid, vcpu->scratch, &header, sizeof(header)) < 0)
		return refuse_errno(why, errno, "process_vm_writev");
	return 0;
}
