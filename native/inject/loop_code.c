/* The steps in machine code: what it is given, and the two frames beside it (step_code.h). */
#include <errno.h>
#include <linux/audit.h>
#include <string.h>

#include "loop_parts.h"

/* What the assembler has as numbers. */
#define AT(field, number) _Static_assert(offsetof(struct step_code_data, field) == (number), #field)
AT(fd, CODE_FD);
AT(run, CODE_RUN);
AT(record, CODE_RECORD);
AT(stride, CODE_STRIDE);
AT(made, CODE_MADE);
AT(limit, CODE_LIMIT);
AT(get_image, CODE_GET_IMAGE);
AT(has_msrs, CODE_HAS_MSRS);
AT(now, CODE_NOW);
AT(lookups, CODE_LOOKUPS);
AT(lookup_list, CODE_LOOKUP_LIST);
AT(verdicts, CODE_VERDICTS);
AT(base, CODE_BASE);
AT(stored_dr6, CODE_STORED_DR6);
AT(finishes, CODE_FINISHES);
AT(flags_byte, CODE_FLAGS_BYTE);
AT(on, CODE_ON);
AT(ends, CODE_ENDS);
AT(to_end, CODE_TO_END);
AT(sync, CODE_SYNC);
AT(saved, CODE_SAVED);
AT(rip, CODE_RIP);
_Static_assert(RUN_VALID_REGS == offsetof(struct kvm_run, kvm_valid_regs) && RUN_DIRTY_REGS == offsetof(struct kvm_run, kvm_dirty_regs) &&
		       RUN_REGS == offsetof(struct kvm_run, s.regs.regs) && RUN_SREGS == offsetof(struct kvm_run, s.regs.sregs) &&
		       RUN_EXIT_REASON == offsetof(struct kvm_run, exit_reason) && RUN_DR6 == DEBUG_DR6_OFFSET, "struct kvm_run");
_Static_assert(REGS_WORDS * 8 == sizeof(struct kvm_regs) && SREGS_WORDS * 8 == sizeof(struct kvm_sregs) &&
		       SYNCED_BYTES == (REGS_WORDS + SREGS_WORDS) * 8 && REGS_RIP == offsetof(struct kvm_regs, rip) &&
		       REGS_RFLAGS == offsetof(struct kvm_regs, rflags), "the registers");
_Static_assert(RECORD_SREGS == RECORD_REGS + sizeof(struct kvm_regs) && RECORD_IMAGE - RECORD_MSRS == CODE_MSRS_WORDS * 8, "a record");

int loop_code_allowed(const struct loop *l, const struct seccomp_filters *filters)
{
	struct program calls = { 0 };

	loop_calls(l, &calls);
	for (size_t i = 0; i < calls.count; i++) {
		struct seccomp_data data = {
			.nr = (int)calls.calls[i].number, .arch = AUDIT_ARCH_X86_64, .instruction_pointer = l->machine_code,
		};

		memcpy(data.args, calls.calls[i].arguments, sizeof(data.args));
		if (!seccomp_allows(seccomp_verdict(filters, &data)))
			return 0;
	}
	return 1;
}

/* What kvm_run has where registers are synchronized is put back; a VMM that has a use for them keeps it, and they are asked for. */
static int lay_sync(const struct target *target, const struct loop *l, struct data *data, struct refusal *why)
{
	struct {
		uint64_t valid, dirty;
		uint8_t regs[SYNCED_BYTES];
	} now;

	if (!l->may_sync)
		return 0;
	if (memory_read(target->pid, l->run + RUN_VALID_REGS, &now, sizeof(now)) < 0)
		return refuse_errno(why, errno, "process_vm_readv");
	if (!now.valid && !now.dirty)
		data->steps.sync = l->get_image ? KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS : KVM_SYNC_X86_REGS;
	memcpy(data->synced, now.regs, sizeof(data->synced));
	return 0;
}

int loop_lay_code(const struct target *target, const struct loop *l, struct ucontext *run, struct ucontext *reason, struct data *data,
		  struct refusal *why)
{
	/* With the signals open that KVM_RUN has open; the other one blocks them, and its stack pointer is what the code writes. */
	run->rip = l->machine_code;
	run->rbx = DATA(steps);
	run->rsp = l->base + REASON;
	reason->rip = target->gadget + SYSCALL_BYTES;
	reason->rsp = l->base + KICK;
	data->steps = (struct step_code_data){
		.fd = (uint64_t)(unsigned int)l->vcpu_fd, .run = l->run, .record = record_at(l, 0), .stride = record_at(l, 1) - record_at(l, 0),
		.limit = l->steps, .get_image = l->get_image, .has_msrs = l->msr_count, .now = loop_now(l), .lookups = l->lookup_count,
		.lookup_list = DATA(lookup_list), .verdicts = l->code ? code_at(l) : 0, .base = l->code ? l->code->base : 0,
		.stored_dr6 = l->ends_at_syscall ? SYSCALL_DR6 : 0, .finishes = (uint64_t)l->finishes, .flags_byte = flags_byte(l),
		.on = DATA(on), .ends = { l->base + DONE, l->base + EXIT, l->base + KICK }, .to_end = rsp_of(l, REASON),
		.saved = DATA(synced), .rip = l->rip,
	};
	for (uint32_t i = 0; i < l->lookup_count; i++)
		data->lookup_list[i] = (struct step_code_lookup){ l->lookups[i].offset, table_at(l, i) };
	return lay_sync(target, l, data, why);
}
