/* Scratch memory in the target: found again, mapped, signed, unmapped. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "proc.h"
#include "session.h"

static uint64_t slot_address(uint32_t vcpu_index, uint32_t slot)
{
	return SCRATCH_SLOT_BASE + ((uint64_t)vcpu_index * SCRATCH_SLOTS + slot) * SCRATCH_SLOT_BYTES;
}

static int helper_lives(const struct scratch_header *header)
{
	struct stat_facts facts;

	/* Our own, of a vCPU that we hold no more: its thread ended. */
	if (header->helper_pid == getpid())
		return 0;
	return proc_stat(header->helper_pid, 0, &facts) == 0 && facts.start_time_ticks == header->helper_start_ticks &&
	       facts.state != 'Z' && facts.state != 'X';
}

/* A header of zeros is one whose helper died between mmap and its first write. Whoever lives owns the vCPU: refused. */
int scratch_find(uint32_t vcpu_index, const char *maps, uint64_t *left, uint64_t *free_slot, struct refusal *why)
{
	*left = *free_slot = 0;
	for (uint32_t slot = 0; slot < SCRATCH_SLOTS; slot++) {
		uint64_t address = slot_address(vcpu_index, slot);
		struct scratch_header header = { 0 };
		struct mapping m;
		int taken = 0, ours = 0;

		for (const char *at = maps; mapping_next(&at, &m) == 0;) {
			if (m.end <= address || m.start >= address + SCRATCH_SLOT_BYTES)
				continue;
			taken = 1;
			ours = m.start == address && m.end == address + SCRATCH_BYTES && !m.path[0] && m.access[1] == 'w';
		}
		if (!taken && !*free_slot)
			*free_slot = address;
		if (!ours || memory_read(target.pid, address, &header, sizeof(header)) < 0)
			continue;
		if (header.magic != SCRATCH_MAGIC && header.magic != 0)
			continue;
		if (header.magic && helper_lives(&header)) {
			(void)refuse(why, REASON_OTHER_HELPER, 0, NULL, "Another helper is attached to vCPU %u.", vcpu_index);
			why->other_pid = header.helper_pid;
			return -1;
		}
		if (!*left)
			*left = address;
	}
	if (!*left && !*free_slot)
		return refuse(why, REASON_NO_MEMORY, 0, NULL, "Every address for scratch memory is taken.");
	return 0;
}

/*
 * mmap through a chain on the thread's own stack. All calls of the session's life must be allowed before the first. 1: the
 * address was taken meanwhile, and the kernel chose another, where no later helper would look: given back.
 */
static int map_or_keep(struct vcpu *vcpu, const char *maps, uint64_t left, uint64_t free_slot, struct refusal *why)
{
	struct program mapping = { 0 }, both;
	uint64_t address = left ? left : free_slot;
	long result;

	program_add(&mapping, "mmap", SYS_mmap, address, SCRATCH_BYTES, PROT_READ | PROT_WRITE);
	mapping.calls[0].arguments[3] = MAP_PRIVATE | MAP_ANONYMOUS;
	mapping.calls[0].arguments[4] = (uint64_t)-1;
	both = mapping;
	program_add(&both, "munmap", SYS_munmap, address, SCRATCH_BYTES, 0);
	if (vcpu_check_filters(vcpu, &both, why) < 0)
		return -1;
	vcpu->scratch = left;
	if (left)
		return 0;
	if (vcpu_run_on_stack(vcpu, maps, &mapping, why) < 0)
		return -1;
	result = mapping.calls[0].result;
	if (result < 0 && result > -4096)
		return refuse(why, REASON_NO_MEMORY, (int)-result, "mmap", "mmap in the target failed: %s.", strerror((int)-result));
	vcpu->scratch = (uint64_t)result;
	if (vcpu->scratch == address)
		return 0;
	return scratch_unmap(vcpu, why) < 0 ? -1 : 1;
}

/*
 * What was found before the thread stood still may be so no longer: a killed helper's last chain has mapped its region since,
 * or given it back, or another helper has signed one. Only this thread maps and unmaps them, so what is found now stays.
 */
int scratch_map(struct vcpu *vcpu, struct refusal *why)
{
	uint64_t left, free_slot;
	int result = 1;

	for (uint32_t tries = 0; result == 1; tries++) {
		char *maps = proc_text("/proc/%d/maps", target.pid);

		vcpu->scratch = 0;
		result = -1;
		if (!maps)
			(void)refuse(why, REASON_TARGET_GONE, errno, NULL, "The mappings of process %d cannot be read.", target.pid);
		else if (tries == SCRATCH_SLOTS)
			(void)refuse(why, REASON_NO_MEMORY, 0, "mmap", "The target's kernel maps scratch memory elsewhere each time.");
		else if (scratch_find(vcpu->ref.vcpu_index, maps, &left, &free_slot, why) == 0)
			result = map_or_keep(vcpu, maps, left, free_slot, why);
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
	program_add(&program, "munmap", SYS_munmap, vcpu->scratch, SCRATCH_BYTES, 0);
	result = vcpu_run_on_stack(vcpu, maps, &program, why);
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
