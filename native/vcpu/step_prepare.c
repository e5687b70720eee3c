/* Before the chain of steps is laid out: what this KVM, the guest and the filters allow of it. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "groups.h"
#include "kill_point.h"
#include "proc.h"
#include "room.h"
#include "session.h"
#include "stepping.h"

#define KVM_CAP_SET_GUEST_DEBUG2_NUMBER 195u
#define SYNCED (KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS)
#define GUESTDBG_STEP (KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP)

/* A thread's number in its own pid namespace, the last of NSpid. */
static pid_t own_number(pid_t tid)
{
	char *text = proc_text("/proc/%d/task/%d/status", target.pid, tid);
	const char *line = text ? strstr(text, "\nNSpid:") : NULL;
	pid_t number = tid;

	if (line)
		for (const char *at = line + 7; *at && *at != '\n';) {
			char *end;
			long value = strtol(at, &end, 10);

			if (end == at)
				break;
			number = (pid_t)value;
			at = end;
		}
	free(text);
	return number;
}

/* What KVM has of two capabilities for this VM, which does not change; nothing, where it may not be asked. */
static void learn_features(struct vcpu *vcpu)
{
	struct program p = { 0 };
	struct refusal ignored;
	int fd = vcpu->vm_fd >= 0 ? vcpu->vm_fd : vcpu->kvm_fd;

	if (vcpu->features_asked || fd < 0 || vcpu_add_ioctl_of(vcpu, &p, CALL_KVM_CHECK_EXTENSION, fd, KVM_CAP_SET_GUEST_DEBUG2_NUMBER) < 0 ||
	    vcpu_add_ioctl_of(vcpu, &p, CALL_KVM_CHECK_EXTENSION, fd, KVM_CAP_SYNC_REGS) < 0 || vcpu_run(vcpu, &p, &ignored) < 0)
		return;
	vcpu->features_asked = 1;
	vcpu->debug_features = p.calls[0].result > 0 ? (uint32_t)p.calls[0].result : 0;
	vcpu->sync_features = p.calls[1].result > 0 ? (uint32_t)p.calls[1].result : 0;
}

/* What the thread reads of its own memory is what the helper has put there by PTRACE_POKEDATA, which writes where a process may not. */
static int poke_code(const struct vcpu *vcpu)
{
	uint64_t words[CODE_PAGE_BYTES / 8] = { 0 }, there[CODE_PAGE_BYTES / 8], place = vcpu->scratch + SCRATCH_CODE;
	size_t bytes = (size_t)(step_code_end - step_code);

	memcpy(words, step_code, bytes);
	for (size_t at = 0; at * 8 < bytes; at++)
		if (sys_ptrace(PTRACE_POKEDATA, vcpu->tid, place + at * 8, (const void *)(uintptr_t)words[at]) < 0)
			return -1;
	return memory_read(target.pid, place, there, sizeof(there)) < 0 || memcmp(words, there, sizeof(there)) != 0 ? -1 : 0;
}

/*
 * The last page of scratch memory becomes one that can be executed and not written, once; where a filter, or a policy as SELinux's, does
 * not let the target have one, a chain of frames makes the steps.
 */
static int has_code(struct vcpu *vcpu)
{
	struct program p = { 0 };
	struct refusal ignored;
	struct call *map;

	if (vcpu->code_asked)
		return vcpu->code_laid;
	vcpu->code_asked = 1;
	if (program_add(&p, CALL_mmap, vcpu->scratch + SCRATCH_CODE, CODE_PAGE_BYTES, PROT_READ | PROT_EXEC) < 0)
		return 0;
	map = &p.calls[0];
	map->arguments[3] = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
	map->arguments[4] = (uint64_t)-1;
	if (!seccomp_allows(chain_call_verdict(&target, &vcpu->filters, map)) || vcpu_run(vcpu, &p, &ignored) < 0 ||
	    map->result != (long)(vcpu->scratch + SCRATCH_CODE))
		return 0;
	KILL_POINT("page for code is there");
	vcpu->code_laid = poke_code(vcpu) == 0;
	return vcpu->code_laid;
}

static int is_in(uint64_t signals, int number)
{
	return (int)(signals >> (number - 1) & 1);
}

/*
 * The signal of the chain's timer, or 0: then interrupts are not blocked. Whoever gets it before its handler is there, or after it is
 * gone, ignores it; a target that waits for it or catches it keeps it. It is SIGURG alone: a handler is the whole process's, and the
 * kernel lays its frame on the stack of whoever gets the signal, which may be a coroutine's of 2 KiB. Nobody else sends SIGURG but a
 * socket with an owner; SIGWINCH comes to the main thread with each new size of its terminal, SIGCHLD and SIGCONT from others too.
 *
 * A thread that blocks it (QEMU's vCPUs block all but their kick) has it open in the chain's KVM_RUN alone, where KVM has no mask of
 * its own; but where the main thread blocks it too, somebody may read it from a signalfd, and it is not ours.
 */
static int find_alarm(struct stepping *s)
{
	struct loop with = s->loop;
	struct program calls = { 0 };
	struct status_facts facts;
	struct refusal ignored;

	if (proc_status(target.pid, s->vcpu->tid, &facts) < 0)
		return 0;
	if (is_in(facts.caught | facts.ignored | facts.pending, SIGURG))
		return 0;
	if (is_in(facts.blocked | s->vcpu->stop.mask, SIGURG) &&
	    (!s->vcpu->mask_looks || s->vcpu->mask_differs || proc_status(target.pid, target.pid, &facts) < 0 || is_in(facts.blocked, SIGURG)))
		return 0;
	with.alarm_signal = SIGURG;
	loop_alarm_calls(&with, &calls);
	return chain_check_filters(&target, &s->vcpu->filters, &calls, &ignored) == 0 ? SIGURG : 0;
}

/* KVM_GET_MSRS stops at the first that the guest has not: so each is asked for alone, once. */
static int learn_msrs(struct vcpu *vcpu, struct refusal *why)
{
	struct program p = { 0 };
	uint64_t place = vcpu->scratch + SCRATCH_MSRS;

	if (vcpu->msrs_learnt)
		return 0;
	for (size_t i = 0; i < LISTED_MSRS; i++) {
		struct {
			struct kvm_msrs head;
			struct kvm_msr_entry entry;
		} one = { .head = { .nmsrs = 1 }, .entry = { .index = listed_msrs[i] } };

		if (memory_write(target.pid, place + i * SCRATCH_MSR_STRIDE, &one, sizeof(one)) < 0)
			return refuse_errno(why, errno, "process_vm_writev");
		(void)program_ioctl(&p, CALL_KVM_GET_MSRS, vcpu->fd, place + i * SCRATCH_MSR_STRIDE);
	}
	if (vcpu_run(vcpu, &p, why) < 0)
		return -1;
	for (size_t i = 0; i < LISTED_MSRS; i++)
		if (p.calls[i].result == 1)
			vcpu->msrs[vcpu->msr_count++] = listed_msrs[i];
	vcpu->msrs_learnt = 1;
	return 0;
}

#define MSR_EFER 0xc0000080u
#define MSR_LSTAR 0xc0000082u
#define EFER_SCE 1u

/* Where the guest's SYSCALL goes from 64-bit code; 0: it has none, or the filter forbids what is done there. */
static int learn_syscall(struct stepping *s, struct refusal *why)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entries[2];
	} asked = { .head = { .nmsrs = 2 }, .entries = { { .index = MSR_EFER }, { .index = MSR_LSTAR } } };
	uint64_t place = s->vcpu->scratch + SCRATCH_MSRS;
	struct program p = { 0 };
	uint64_t fd = (uint64_t)(unsigned int)s->vcpu->fd;
	/* The chain makes it by itself, when nobody lifts a filter. */
	struct call set_regs = { .number = SYS_ioctl, .arguments = { fd, KVM_SET_REGS, place } };

	if (vcpu_add_ioctl(s->vcpu, &p, CALL_KVM_GET_MSRS, SCRATCH_MSRS) < 0 ||
	    !seccomp_allows(chain_call_verdict(&target, &s->vcpu->filters, &set_regs)))
		return 0;
	s->may_finish = 1;
	if (memory_write(target.pid, place, &asked, sizeof(asked)) < 0)
		return refuse_errno(why, errno, "process_vm_writev");
	if (vcpu_run(s->vcpu, &p, why) < 0)
		return -1;
	if (p.calls[0].result != 2)
		return 0;
	if (memory_read(target.pid, place, &asked, sizeof(asked)) < 0)
		return refuse_errno(why, errno, "process_vm_readv");
	if (asked.entries[0].data & EFER_SCE)
		s->syscall_entry = asked.entries[1].data;
	return 0;
}

/* Here the filter stands between a killed helper's chain and its end: what it forbids is not begun, suspended or not. */
int stepping_prepare(struct stepping *s, const struct run_request *request, struct refusal *why)
{
	char *maps = proc_text("/proc/%d/maps", target.pid);
	struct vcpu *vcpu = s->vcpu;
	struct program calls = { 0 };
	struct loop all;
	struct room room;
	int found;

	if (!maps)
		return refuse(why, REASON_TARGET_GONE, errno, NULL, "The mappings of process %d cannot be read.", target.pid);
	/* Its part of scratch memory is written to for the first time. */
	if (!vcpu->has_stepped && groups_check(target.pid, LOOP_BYTES, why) < 0) {
		free(maps);
		return -1;
	}
	vcpu->has_stepped = 1;
	found = room_find(&target, maps, vcpu->ref.vcpu_index, vcpu->fd, &room, why);
	free(maps);
	if (found < 0)
		return -1;
	s->loop = (struct loop){
		.base = vcpu->scratch + SCRATCH_LOOP, .fpstate = vcpu->scratch + SCRATCH_FPSTATE, .run = room.run,
		.vcpu_fd = vcpu->fd, .own_pid = own_number(target.pid), .own_tid = own_number(vcpu->tid), .record_bytes = RECORD_SREGS,
		.keep_last = (request->flags & STEP_KEEP_LAST) != 0,
		.lookups = (const struct step_lookup *)(const void *)(request + 1), .lookup_count = request->lookup_count,
	};
	if (request->flags & STEP_KNOWN_CODE)
		s->loop.code = (const struct step_code *)(const void *)(s->loop.lookups + request->lookup_count);
	s->loop.alarm_signal = find_alarm(s);
	learn_features(vcpu);
	/* A step that a fault leads away keeps interrupts from its handler: so only where its end is certain, whoever lives. */
	s->head.irqs_blocked = s->loop.alarm_signal && (vcpu->debug_features & GUESTDBG_BLOCKIRQ);
	if (learn_syscall(s, why) < 0)
		return -1;
	if (request->flags & STEP_KEEP_STATE) {
		if (learn_msrs(vcpu, why) < 0)
			return -1;
		s->loop.get_image = vcpu->get_image ? vcpu->get_image : KVM_GET_XSAVE2;
		s->loop.record_bytes = RECORD_IMAGE + vcpu->image_bytes;
		s->loop.msr_count = vcpu->msr_count;
		memcpy(s->loop.msrs, vcpu->msrs, sizeof(vcpu->msrs));
	}
	for (uint32_t i = 0; i < request->lookup_count; i++)
		if (s->loop.lookups[i].offset >= s->loop.record_bytes)
			return refuse(why, REASON_BAD_FRAME, 0, NULL, "A record has %u bytes, and byte %u is looked up.",
				      s->loop.record_bytes, s->loop.lookups[i].offset);
	s->most = LOOP_RECORDS_BYTES / s->loop.record_bytes;
	if (s->loop.keep_last || s->most > LOOP_STEPS)
		s->most = LOOP_STEPS;
	s->loop.debug.control = GUESTDBG_STEP | (s->head.irqs_blocked ? GUESTDBG_BLOCKIRQ : 0);
	s->loop.ends_at_syscall = s->syscall_entry != 0;
	/* A step that is led away makes one call more, at its end. */
	all = s->loop;
	all.finishes = s->may_finish;
	loop_calls(&all, &calls);
	if (chain_check_filters(&target, &vcpu->filters, &calls, why) < 0)
		return -1;
	if (has_code(vcpu)) {
		s->loop.machine_code = vcpu->scratch + SCRATCH_CODE;
		all.machine_code = s->loop.machine_code;
		if (!loop_code_allowed(&all, &vcpu->filters))
			s->loop.machine_code = 0;
		s->loop.may_sync = (vcpu->sync_features & SYNCED) == SYNCED;
	}
	return 0;
}
