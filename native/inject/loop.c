/* The chain of steps, laid out: loop.h says what it does. */
#include <errno.h>
#include <linux/futex.h>
#include <string.h>

#include "loop_parts.h"

static uint8_t byte_1(uint64_t address)
{
	return (uint8_t)(address >> 8);
}

struct layout {
	const struct target *target;
	const struct loop *loop;
	const struct stopped *stopped;
	uint8_t *bytes; /* up to AT_RECORDS */
};

static struct ucontext *context_at(const struct layout *y, uint32_t place)
{
	return &((struct srop_frame *)(void *)(y->bytes + place))->context;
}

static struct ucontext *frame_at(const struct layout *y, uint32_t place)
{
	struct chain_place chain = { .frames = y->loop->base, .fpstate = y->loop->fpstate };

	chain_start_frame(y->target, &chain, (struct srop_frame *)(void *)(y->bytes + place));
	return context_at(y, place);
}

/* A call; what follows it is the element at `then`. */
static struct ucontext *call_at(const struct layout *y, uint32_t place, uint64_t number, uint64_t a, uint64_t b, uint64_t c,
				      uint32_t then)
{
	struct ucontext *context = frame_at(y, place);

	context->rax = number;
	context->rdi = a;
	context->rsi = b;
	context->rdx = c;
	context->rip = y->target->gadget;
	context->rsp = y->loop->base + then;
	context->eflags = 0x202;
	context->mask = ~0ull;
	return context;
}

static struct ucontext *ioctl_at(const struct layout *y, uint32_t place, uint64_t request, uint64_t argument, uint32_t then)
{
	return call_at(y, place, SYS_ioctl, (uint64_t)(unsigned int)y->loop->vcpu_fd, request, argument, then);
}

static void copy_at(const struct layout *y, uint32_t place, uint64_t to, uint64_t to_count, uint64_t from, uint64_t from_count,
		    uint32_t then)
{
	struct ucontext *context =
		call_at(y, place, SYS_process_vm_readv, (uint64_t)(unsigned int)y->loop->own_pid, to, to_count, then);

	context->r10 = from;
	context->r8 = from_count;
}

static uint32_t lookup_place(uint32_t lookup)
{
	return AT_LOOKUPS + lookup * FRAME_STRIDE;
}

/* After the general registers: what else is read, what is looked up, and the copy into the record. */
static void lay_next(const struct layout *y)
{
	const struct loop *l = y->loop;
	uint32_t first_lookup = l->lookup_count ? SCATTER : STEPPED, at = NEXT;
	int last = l->steps == 1;

	if (l->get_image) {
		ioctl_at(y, NEXT, l->get_image, loop_now(l) + RECORD_IMAGE, SREGS);
		ioctl_at(y, SREGS, KVM_GET_SREGS, loop_now(l) + RECORD_SREGS, XCRS);
		ioctl_at(y, XCRS, KVM_GET_XCRS, loop_now(l) + RECORD_XCRS, l->msr_count ? (uint32_t)MSRS : first_lookup);
		ioctl_at(y, MSRS, KVM_GET_MSRS, loop_now(l) + RECORD_MSRS, first_lookup);
		at = first_lookup;
	}
	if (l->lookup_count) {
		copy_at(y, at, DATA(to_index), l->lookup_count, DATA(from_byte), l->lookup_count, AT_LOOKUPS);
		for (uint32_t i = 0; i < l->lookup_count; i++)
			copy_at(y, lookup_place(i), DATA(to_state) + i * sizeof(struct iovec), 1,
				DATA(from_entry) + i * sizeof(struct iovec), 1, i + 1 < l->lookup_count ? lookup_place(i + 1) : (uint32_t)AGAIN);
		copy_at(y, AGAIN, DATA(to_exit_reason), 1, DATA(from_no_exit), 1, STEPPED); /* its stack pointer is what the last one writes */
		copy_at(y, STEPPED_LAST, DATA(to_record), 5, DATA(from_now), 3, LAST);
		at = STEPPED;
	}
	copy_at(y, at, DATA(to_record), 5, DATA(from_now), 3, last ? LAST : AFTER);
}

/* What comes before the next step. */
static void lay_after(const struct layout *y)
{
	const struct loop *l = y->loop;

	if (l->code) {
		copy_at(y, AFTER, DATA(to_entries), RIP_BYTES + 1, DATA(from_rip), RIP_BYTES + 1, CODE_EQUAL);
		copy_at(y, CODE_EQUAL, DATA(to_lengths), RIP_BYTES, DATA(from_equal), RIP_BYTES, CODE_VERDICT);
		copy_at(y, CODE_VERDICT, DATA(to_verdict), 1, DATA(from_verdict), RIP_BYTES + 2, AGAIN_ON);
		ioctl_at(y, AGAIN_ON, KVM_SET_GUEST_DEBUG, DATA(on), RUN); /* its stack pointer is what the verdict writes, or `table` */
	} else {
		ioctl_at(y, AFTER, KVM_SET_GUEST_DEBUG, DATA(on), RUN);
	}
	/* What it copies is there; its stack pointer is what `table` writes. */
	copy_at(y, LAST, DATA(to_exit_reason), 1, DATA(from_no_exit), 1, DONE);
	copy_at(y, STORED, DATA(to_flags_index), 1, DATA(from_flags), 1, FLAGS_CLEARED);
	copy_at(y, FLAGS_CLEARED, DATA(to_flags), 1, DATA(from_cleared), 1, FLAGS_SET);
	ioctl_at(y, FLAGS_SET, KVM_SET_REGS, loop_now(l), DONE);
}

/* Where `stepped` lies. */
static uint32_t stepped_place(const struct loop *l)
{
	return l->get_image || l->lookup_count ? STEPPED : NEXT;
}

static void handler_at(const struct layout *y, uint32_t place, uint64_t handler, uint32_t then)
{
	call_at(y, place, SYS_rt_sigaction, (uint64_t)y->loop->alarm_signal, handler, 0, then)->r10 = sizeof(uint64_t);
}

/* A timer that is not there has the number -1, and interrupts are not blocked then. */
static void lay_alarm(const struct layout *y)
{
	const struct loop *l = y->loop;

	handler_at(y, START, DATA(handler), TIMER);
	call_at(y, TIMER, SYS_timer_create, CLOCK_MONOTONIC, DATA(event), DATA(timer), TIMER_NAMED);
	copy_at(y, TIMER_NAMED, DATA(to_timers), 5, DATA(from_timer), 5, TIMER_THERE);
	copy_at(y, TIMER_THERE, DATA(to_control), 1, DATA(from_control), 1, TIMER_SET);
	call_at(y, TIMER_SET, SYS_timer_settime, 0, 0, DATA(span), ON)->r10 = 0;
}

static void lay_end(const struct layout *y, uint32_t end, uint32_t ended, uint32_t hold, uint32_t leave, uint64_t to, uint64_t from)
{
	const struct loop *l = y->loop;
	uint32_t timer_gone = end == DONE ? TIMER_GONE_DONE : end == EXIT ? TIMER_GONE_EXIT : TIMER_GONE_KICK;
	uint32_t no_alarm = end == DONE ? NO_ALARM_DONE : end == EXIT ? NO_ALARM_EXIT : NO_ALARM_KICK;
	struct ucontext *context;

	ioctl_at(y, end, KVM_SET_GUEST_DEBUG, DATA(off), l->alarm_signal ? timer_gone : ended);
	call_at(y, timer_gone, SYS_timer_delete, 0, 0, 0, no_alarm);
	handler_at(y, no_alarm, DATA(no_handler), ended);
	copy_at(y, ended, to, 2, from, 2, hold);
	context = call_at(y, hold, SYS_futex, DATA(zero), FUTEX_WAIT_PRIVATE, 0, leave);
	context->r10 = DATA(hold);
}

static void lay_frames(const struct layout *y)
{
	const struct loop *l = y->loop;

	if (l->alarm_signal)
		lay_alarm(y);
	ioctl_at(y, l->alarm_signal ? ON : START, KVM_SET_GUEST_DEBUG, DATA(on), FIRST);
	copy_at(y, FIRST, DATA(to_exit_reason), 1, DATA(from_no_exit), 1, RUN);
	ioctl_at(y, RUN, KVM_RUN, 0, REASON)->mask = y->stopped->mask & ~(l->alarm_signal ? 1ull << (l->alarm_signal - 1) : 0);
	copy_at(y, REASON, DATA(to_table), 3, DATA(from_reason), 3, TABLE);
	copy_at(y, TABLE, DATA(to_branch), 3, DATA(from_table), 3, REGS);
	ioctl_at(y, REGS, KVM_GET_REGS, loop_now(l), KICK); /* its stack pointer is what `table` writes */
	lay_next(y);
	lay_after(y);
	lay_end(y, DONE, ENDED_DONE, HOLD_DONE, LEAVE_DONE, DATA(to_done), DATA(from_done));
	lay_end(y, EXIT, ENDED_EXIT, HOLD_EXIT, LEAVE_EXIT, DATA(to_exit), DATA(from_exit));
	lay_end(y, KICK, ENDED_KICK, HOLD_KICK, LEAVE_KICK, DATA(to_kick), DATA(from_kick));
}

static struct iovec part(uint64_t address, size_t bytes)
{
	return (struct iovec){ (void *)(uintptr_t)address, bytes };
}

static void lay_lookups(const struct layout *y, struct data *data)
{
	const struct loop *l = y->loop;
	uint8_t go_on = byte_1(l->base + STEPPED), stop = byte_1(l->base + STEPPED_LAST);

	for (uint32_t i = 0; i < l->lookup_count; i++) {
		uint64_t entry = DATA(from_entry) + i * sizeof(struct iovec);
		uint8_t *table = y->bytes + AT_TABLES + i * TABLE_BYTES;
		int is_last = i + 1 == l->lookup_count;

		data->to_index[i] = part(entry, 1);
		data->from_byte[i] = part(loop_now(l) + l->lookups[i].offset, 1);
		data->from_entry[i] = part(table_at(l, i), 1);
		data->to_state[i] = part(is_last ? rsp_of(l, AGAIN) + 1 : entry + sizeof(struct iovec) + 1, 1);
		for (uint32_t at = 0; at < TABLE_BYTES; at++) {
			uint8_t state = l->lookups[i].next[at] % LOOKUP_STATES;

			if (l->machine_code)
				table[at] = state;
			else
				table[at] = !is_last ? (uint8_t)(byte_1(table_at(l, i + 1)) + state) : state == 1 ? stop : go_on;
		}
	}
}

static void lay_words(const struct layout *y)
{
	const struct loop *l = y->loop;

	for (uint32_t i = 0; i < l->steps; i++) {
		struct words words = { record_at(l, i + 1), words_at(l, i + 1), l->base + (i + 2 < l->steps ? AFTER : LAST) };

		memcpy(y->bytes + AT_WORDS + i * sizeof(words), &words, sizeof(words));
	}
}

/* Byte 1 of the stack pointer of what runs before the next step. */
static uint64_t next_branch(const struct loop *l)
{
	return rsp_of(l, l->code ? AGAIN_ON : AFTER) + 1;
}

static void lay_code(const struct layout *y, struct data *data)
{
	const struct loop *l = y->loop;
	uint64_t rip = loop_now(l) + RECORD_REGS + offsetof(struct kvm_regs, rip);

	for (uint32_t i = 0; i < RIP_BYTES; i++) {
		uint32_t byte = 7 - i;
		uint8_t *table = y->bytes + AT_EQUAL + i * 256;

		memset(table, 1, 256);
		table[(uint8_t)(l->code->base >> (8 * byte))] = 0;
		data->to_entries[i] = part(DATA(from_equal) + i * sizeof(struct iovec), 1);
		data->from_rip[i] = part(rip + byte, 1);
		data->from_equal[i] = part(l->base + AT_EQUAL + i * 256, 1);
		data->to_lengths[i] = part(DATA(from_verdict) + (1 + i) * sizeof(struct iovec) + offsetof(struct iovec, iov_len), 1);
		data->from_verdict[1 + i] = part(DATA(done), 0);
	}
	data->to_entries[RIP_BYTES] = part(DATA(from_verdict) + (1 + RIP_BYTES) * sizeof(struct iovec), 2);
	data->from_rip[RIP_BYTES] = part(rip, 2);
	data->from_verdict[0] = part(DATA(stored), 0);
	data->from_verdict[1 + RIP_BYTES] = part(code_at(l), 1);
	data->to_verdict = part(next_branch(l), 1);
}

/* The entry of a SYSCALL is the one breakpoint that a step can hit; and a fault's own TF ends a step that is being finished. */
static void lay_dr6(const struct layout *y)
{
	const struct loop *l = y->loop;
	uint8_t go_on = l->code ? 0 : byte_1(l->base + RUN), hit = l->code ? 1 : byte_1(l->base + STORED);

	for (uint32_t dr6 = 0; dr6 < 256; dr6++) {
		int is_stored = l->finishes || (l->ends_at_syscall && (dr6 & SYSCALL_DR6));

		y->bytes[AT_DR6 + dr6] = is_stored ? hit : go_on;
		y->bytes[AT_DR6_LAST + dr6] = byte_1(l->base + (is_stored ? STORED : DONE));
	}
	for (uint32_t byte = 0; byte < 256; byte++)
		y->bytes[AT_CLEARED + byte] = (uint8_t)(byte & ~(TRAP_FLAG >> 8));
}

/* Where the first argument of a call stands in its frame. */
static uint64_t rdi_of(const struct loop *l, uint32_t place)
{
	return l->base + place + offsetof(struct srop_frame, context) + offsetof(struct ucontext, rdi);
}

static void lay_alarm_data(const struct layout *y, struct data *data)
{
	static const uint32_t with_timer[] = { TIMER_SET, TIMER_GONE_DONE, TIMER_GONE_EXIT, TIMER_GONE_KICK };
	const struct timespec each = { .tv_nsec = LOOP_ALARM_NS };
	const struct loop *l = y->loop;
	uint8_t control = (uint8_t)(l->debug.control >> 16);

	data->timer = -1;
	data->handler = (struct handler){ y->target->gadget + SYSCALL_BYTES, SA_RESTORER | SA_RESTART, y->target->restorer, ~0ull };
	data->event = (struct timer_event){ .value = CHAIN_MARK, .signal_number = l->alarm_signal, .notify = SIGEV_THREAD_ID, .tid = l->own_tid };
	data->span = (struct itimerspec){ .it_interval = each, .it_value = each };
	for (uint32_t i = 0; i < 4; i++) {
		data->to_timers[i] = part(rdi_of(l, with_timer[i]), 4);
		data->from_timer[i] = part(DATA(timer), 4);
	}
	data->to_timers[4] = part(DATA(from_control), 1);
	data->from_timer[4] = part(DATA(timer) + 3, 1);
	data->to_control = part(DATA(on.control) + 2, 1);
	data->from_control = part(l->base + AT_CONTROL, 1);
	for (uint32_t byte = 0; byte < 256; byte++)
		y->bytes[AT_CONTROL + byte] = byte & 0x80 ? (uint8_t)(control & ~(GUESTDBG_BLOCKIRQ >> 16)) : control;
}

static int lay_data(const struct layout *y, struct refusal *why)
{
	const struct loop *l = y->loop;
	uint64_t table = l->base + AT_TABLE, reason = l->run + EXIT_REASON_OFFSET;
	uint64_t flags = loop_now(l) + flags_byte(l);
	struct data data = {
		.on = l->debug, .hold = { .tv_nsec = LOOP_HOLD_NS }, .no_exit = NO_EXIT, .interrupted = KVM_EXIT_INTR,
		.exit_reason = NO_EXIT, .ends = { LOOP_RUNS, LOOP_DONE, LOOP_EXIT, LOOP_KICK },
		.done = byte_1(l->base + DONE), .stored = byte_1(l->base + STORED),
		.to_table = { part(DATA(from_table[0]), 1), part(DATA(from_table[1]), 1), part(DATA(from_table[2]), 1) },
		.from_reason = { part(reason, 1), part(l->run + DEBUG_DR6_OFFSET, 1), part(l->run + DEBUG_DR6_OFFSET, 1) },
		.to_branch = { part(rsp_of(l, REGS) + 1, 1),
			       part(l->code ? DATA(from_verdict[0].iov_len) : next_branch(l), 1), part(rsp_of(l, LAST) + 1, 1) },
		.from_table = { part(table, 1), part(l->base + AT_DR6, 1), part(l->base + AT_DR6_LAST, 1) },
		.to_flags_index = part(DATA(from_cleared), 1), .from_flags = part(flags, 1),
		.to_flags = part(flags, 1), .from_cleared = part(l->base + AT_CLEARED, 1),
		.to_record = { part(record_at(l, 0), l->record_bytes), part(DATA(to_record[0].iov_base), 8),
			       part(DATA(from_now[1].iov_base), 8), part(rsp_of(l, stepped_place(l)), 8), part(reason, 4) },
		.from_now = { part(loop_now(l), l->record_bytes), part(words_at(l, 0), sizeof(struct words)), part(DATA(no_exit), 4) },
		.to_exit_reason = part(reason, 4), .from_no_exit = part(DATA(no_exit), 4),
		.to_done = { part(reason, 4), part(DATA(ended), 4) },
		.from_done = { part(DATA(interrupted), 4), part(DATA(ends[LOOP_DONE]), 4) },
		.to_exit = { part(DATA(exit_reason), 4), part(DATA(ended), 4) },
		.from_exit = { part(reason, 4), part(DATA(ends[LOOP_EXIT]), 4) },
		.to_kick = { part(reason, 4), part(DATA(ended), 4) },
		.from_kick = { part(DATA(interrupted), 4), part(DATA(ends[LOOP_KICK]), 4) },
	};

	lay_alarm_data(y, &data);
	lay_lookups(y, &data);
	if (l->code)
		lay_code(y, &data);
	lay_dr6(y);
	if (l->machine_code && loop_lay_code(y->target, l, context_at(y, RUN), context_at(y, REASON), &data, why) < 0)
		return -1;
	memcpy(y->bytes + AT_DATA, &data, sizeof(data));
	memset(y->bytes + AT_TABLE, byte_1(l->base + EXIT), 256);
	y->bytes[AT_TABLE + KVM_EXIT_DEBUG] = byte_1(l->base + NEXT);
	y->bytes[AT_TABLE + KVM_EXIT_INTR] = y->bytes[AT_TABLE + NO_EXIT] = byte_1(l->base + KICK);
	return 0;
}

/* As KVM_RUN left it, with this result. */
static void leave_at(const struct layout *y, uint32_t place, int64_t result)
{
	struct chain_place chain = { .frames = y->loop->base, .fpstate = y->loop->fpstate };
	struct stopped as_left = *y->stopped;

	as_left.regs.rax = (uint64_t)result;
	as_left.restarts_kvm_run = 0;
	chain_last_frame(y->target, &chain, &as_left, (struct srop_frame *)(void *)(y->bytes + place));
}

/* What KVM_GET_MSRS is asked. */
static void lay_msrs(const struct loop *l, uint8_t *record)
{
	struct kvm_msrs head = { .nmsrs = l->msr_count };

	memcpy(record + RECORD_MSRS, &head, sizeof(head));
	for (uint32_t i = 0; i < l->msr_count; i++) {
		struct kvm_msr_entry entry = { .index = l->msrs[i] };

		memcpy(record + RECORD_MSRS + sizeof(head) + i * sizeof(entry), &entry, sizeof(entry));
	}
}

static int write_code(const struct target *target, const struct loop *l, struct refusal *why)
{
	static uint8_t verdicts[CODE_BYTES];
	uint8_t go_on = l->machine_code ? 1 : byte_1(l->base + RUN), stop = l->machine_code ? 0 : byte_1(l->base + DONE);

	for (uint32_t at = 0; at < CODE_BYTES; at++)
		verdicts[at] = l->code->may_be_stepped[at / 8] >> at % 8 & 1 ? go_on : stop;
	return memory_write(target->pid, code_at(l), verdicts, sizeof(verdicts)) < 0 ? refuse_errno(why, errno, "process_vm_writev") : 0;
}

int loop_write(const struct target *target, const struct loop *loop, const struct stopped *stopped, struct refusal *why)
{
	static uint8_t bytes[AT_RECORDS] __attribute__((aligned(4096)));
	struct layout y = { target, loop, stopped, bytes };
	const struct {
		uint32_t from, count;
	} parts[] = {
		{ START, AT_WORDS + loop->steps * (uint32_t)sizeof(struct words) - START },
		{ AT_LOOKUPS, loop->lookup_count * FRAME_STRIDE },
		{ AT_TABLES, loop->lookup_count * TABLE_BYTES },
		{ AT_NOW, loop->record_bytes },
	};

	if (loop->code && write_code(target, loop, why) < 0)
		return -1;
	memset(bytes, 0, sizeof(bytes));
	lay_frames(&y);
	lay_words(&y);
	if (lay_data(&y, why) < 0)
		return -1;
	if (loop->get_image)
		lay_msrs(loop, bytes + AT_NOW);
	leave_at(&y, LEAVE_DONE, -EINTR);
	leave_at(&y, LEAVE_EXIT, 0);
	leave_at(&y, LEAVE_KICK, -EINTR);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (parts[i].count && memory_write(target->pid, loop->base + parts[i].from, bytes + parts[i].from, parts[i].count) < 0)
			return refuse_errno(why, errno, "process_vm_writev");
	return memory_write(target->pid, loop->fpstate, stopped->fpstate, stopped->fpstate_bytes + 4) < 0 ?
		       refuse_errno(why, errno, "process_vm_writev") : 0;
}
