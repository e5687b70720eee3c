#include "loop.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>

#include "chain.h"

#define EXIT_REASON_OFFSET 8u
#define NO_EXIT 0xffu /* of KVM_EXIT_*, none has this low byte */

/*
 * `reason` follows KVM_RUN: below it is the stack of signal handlers that run when KVM_RUN has ended. They may write over `on`,
 * which is loaded once, and has the same room for a handler that comes before it.
 */
#define AT_ON 0xfe00u
#define AT_REASON 0x10000u
#define AT_BRANCHES 0x11000u /* next, exit and kick, which differ in byte 1 of their addresses alone */
#define AT_FRAMES 0x12000u
#define AT_DATA 0x14000u
#define AT_TABLE 0x15000u
#define AT_RECORDS 0x16000u
#define RECORD_BYTES 256u
#define FRAME_STRIDE 0x200u
_Static_assert(AT_RECORDS + LOOP_STEPS * RECORD_BYTES <= LOOP_BYTES, "the records fit");

enum place {
	NEXT = AT_BRANCHES,
	EXIT = AT_BRANCHES + FRAME_STRIDE,
	KICK = AT_BRANCHES + 2 * FRAME_STRIDE,
	REASON = AT_REASON,
	ON = AT_ON,
	AGAIN = AT_FRAMES + FRAME_STRIDE,
	RUN = AT_FRAMES + 2 * FRAME_STRIDE,
	TABLE = AT_FRAMES + 3 * FRAME_STRIDE,
	BRANCH = AT_FRAMES + 4 * FRAME_STRIDE,
	STEPPED = AT_FRAMES + 5 * FRAME_STRIDE,
	DONE = AT_FRAMES + 6 * FRAME_STRIDE,
	INTERRUPTED = AT_FRAMES + 7 * FRAME_STRIDE,
	LEAVE_DONE = AT_FRAMES + 8 * FRAME_STRIDE,
	LEAVE_EXIT = AT_FRAMES + 9 * FRAME_STRIDE,
	LEAVE_KICK = AT_FRAMES + 10 * FRAME_STRIDE,
	KICKED = AT_FRAMES + 11 * FRAME_STRIDE,
};
_Static_assert(KICKED + FRAME_STRIDE <= AT_DATA, "the frames fit");

/* What the copies read and write, beside kvm_run and the frames. */
struct data {
	struct kvm_guest_debug on, off;
	uint32_t no_exit, interrupted, exit_reason, padding;
	struct iovec to_table, from_reason;      /* reason */
	struct iovec to_branch, from_table;      /* table */
	struct iovec to_kept, from_exit_reason;  /* branch */
	struct iovec to_next[3], from_record;    /* stepped */
	struct iovec to_exit_reason, from_no_exit, from_interrupted;
};
_Static_assert(sizeof(struct data) <= AT_TABLE - AT_DATA, "the data fits");

struct record {
	struct kvm_regs regs;
	uint64_t next_regs, next_record, next_stack; /* copied by `stepped` */
};
_Static_assert(sizeof(struct record) <= RECORD_BYTES, "a record's place");
_Static_assert(offsetof(struct record, next_record) == offsetof(struct record, next_regs) + 8, "copied as one");

static uint64_t data_at(const struct loop *l, size_t offset)
{
	return l->base + AT_DATA + offset;
}
#define DATA(field) data_at(l, offsetof(struct data, field))

static uint64_t record_at(const struct loop *l, uint32_t number, size_t offset)
{
	return l->base + AT_RECORDS + number * RECORD_BYTES + offset;
}

/* Of the element at a place: where a register stands in its frame. */
static uint64_t word_of(const struct loop *l, enum place place, size_t offset)
{
	return l->base + (uint64_t)place + offsetof(struct element, context) + offset;
}
#define RSP_OF(place) word_of(l, place, offsetof(struct signal_context, rsp))

struct layout {
	const struct target *target;
	const struct loop *loop;
	const struct stopped *stopped;
	uint8_t *bytes; /* LOOP_BYTES */
};

static struct element *element_at(const struct layout *y, enum place place)
{
	struct chain_place chain = { .frames = y->loop->base, .fpstate = y->loop->fpstate };
	struct element *e = (struct element *)(void *)(y->bytes + place);

	chain_start_element(y->target, &chain, e);
	return e;
}

/* A call; what follows it is the element at `then`. */
static void call_at(const struct layout *y, enum place place, uint64_t number, uint64_t a, uint64_t b, uint64_t c, enum place then)
{
	struct signal_context *context = &element_at(y, place)->context;

	context->rax = number;
	context->rdi = a;
	context->rsi = b;
	context->rdx = c;
	context->rip = y->target->gadget;
	context->rsp = y->loop->base + (uint64_t)then;
	context->eflags = 0x202;
	context->mask = ~0ull;
}

static void ioctl_at(const struct layout *y, enum place place, uint64_t request, uint64_t argument, enum place then)
{
	call_at(y, place, SYS_ioctl, (uint64_t)(unsigned int)y->loop->vcpu_fd, request, argument, then);
}

static void copy_at(const struct layout *y, enum place place, uint64_t to, uint64_t to_count, uint64_t from, enum place then)
{
	struct signal_context *context;

	call_at(y, place, SYS_process_vm_readv, (uint64_t)(unsigned int)y->loop->own_pid, to, to_count, then);
	context = &((struct element *)(void *)(y->bytes + place))->context;
	context->r10 = from;
	context->r8 = 1;
}

static void lay_frames(const struct layout *y)
{
	const struct loop *l = y->loop;

	ioctl_at(y, ON, KVM_SET_GUEST_DEBUG, DATA(on), AGAIN);
	copy_at(y, AGAIN, DATA(to_exit_reason), 1, DATA(from_no_exit), RUN);
	ioctl_at(y, RUN, KVM_RUN, 0, REASON);
	((struct element *)(void *)(y->bytes + RUN))->context.mask = y->stopped->mask;
	copy_at(y, REASON, DATA(to_table), 1, DATA(from_reason), TABLE);
	copy_at(y, TABLE, DATA(to_branch), 1, DATA(from_table), BRANCH);
	copy_at(y, BRANCH, DATA(to_kept), 1, DATA(from_exit_reason), KICK); /* its stack pointer is what `table` writes */
	ioctl_at(y, NEXT, KVM_GET_REGS, record_at(l, 0, 0), STEPPED);
	copy_at(y, STEPPED, DATA(to_next), 3, DATA(from_record), AGAIN);
	ioctl_at(y, DONE, KVM_SET_GUEST_DEBUG, DATA(off), INTERRUPTED);
	copy_at(y, INTERRUPTED, DATA(to_exit_reason), 1, DATA(from_interrupted), LEAVE_DONE);
	ioctl_at(y, EXIT, KVM_SET_GUEST_DEBUG, DATA(off), LEAVE_EXIT);
	ioctl_at(y, KICK, KVM_SET_GUEST_DEBUG, DATA(off), KICKED);
	copy_at(y, KICKED, DATA(to_exit_reason), 1, DATA(from_interrupted), LEAVE_KICK);
}

static struct iovec part(uint64_t address, size_t bytes)
{
	return (struct iovec){ (void *)(uintptr_t)address, bytes };
}

static void lay_data(const struct layout *y)
{
	const struct loop *l = y->loop;
	uint64_t table = l->base + AT_TABLE, reason = l->run + EXIT_REASON_OFFSET;
	struct data data = {
		.on = l->debug, .no_exit = NO_EXIT, .interrupted = KVM_EXIT_INTR,
		.to_table = part(DATA(from_table), 1), .from_reason = part(reason, 1),
		.to_branch = part(RSP_OF(BRANCH) + 1, 1), .from_table = part(table, 1),
		.to_kept = part(DATA(exit_reason), 4), .from_exit_reason = part(reason, 4),
		.to_next = { part(word_of(l, NEXT, offsetof(struct signal_context, rdx)), 8), part(DATA(from_record), 8),
			     part(RSP_OF(AGAIN), 8) },
		.from_record = part(record_at(l, 0, offsetof(struct record, next_regs)), 24),
		.to_exit_reason = part(reason, 4), .from_no_exit = part(DATA(no_exit), 4),
		.from_interrupted = part(DATA(interrupted), 4),
	};

	memcpy(y->bytes + AT_DATA, &data, sizeof(data));
	for (uint32_t i = 0; i < 256; i++)
		y->bytes[AT_TABLE + i] = (uint8_t)((l->base + EXIT) >> 8);
	y->bytes[AT_TABLE + KVM_EXIT_DEBUG] = (uint8_t)((l->base + NEXT) >> 8);
	y->bytes[AT_TABLE + KVM_EXIT_INTR] = y->bytes[AT_TABLE + NO_EXIT] = (uint8_t)((l->base + KICK) >> 8);
	for (uint32_t i = 0; i < l->steps; i++) {
		struct record record = {
			.next_regs = record_at(l, i + 1, 0), .next_record = record_at(l, i + 1, offsetof(struct record, next_regs)),
			.next_stack = l->base + (uint64_t)(i + 1 < l->steps ? RUN : DONE),
		};

		memcpy(y->bytes + AT_RECORDS + i * RECORD_BYTES, &record, sizeof(record));
	}
}

/* Its own context; as KVM_RUN left it, with this result, where result is not NULL. */
static void leave_at(const struct layout *y, enum place place, const int64_t *result)
{
	struct chain_place chain = { .frames = y->loop->base, .fpstate = y->loop->fpstate };
	struct element *e = (struct element *)(void *)(y->bytes + place);
	struct stopped as_left = *y->stopped;

	if (result) {
		as_left.regs.rax = (uint64_t)*result;
		as_left.restarts_kvm_run = 0;
	}
	chain_last_element(y->target, &chain, &as_left, e);
}

int loop_write(const struct target *target, const struct loop *loop, const struct stopped *stopped, struct refusal *why)
{
	static uint8_t bytes[LOOP_BYTES] __attribute__((aligned(4096)));
	struct layout y = { target, loop, stopped, bytes };
	int64_t kicked = -EINTR, exited = 0;
	size_t from = AT_ON, count = AT_RECORDS + loop->steps * RECORD_BYTES - from;

	memset(bytes, 0, sizeof(bytes));
	lay_frames(&y);
	lay_data(&y);
	leave_at(&y, LEAVE_DONE, NULL);
	leave_at(&y, LEAVE_EXIT, &exited);
	leave_at(&y, LEAVE_KICK, &kicked);
	if (memory_write(target->pid, loop->base + from, bytes + from, count) < 0 ||
	    memory_write(target->pid, loop->fpstate, stopped->fpstate, stopped->fpstate_bytes + 4) < 0)
		return refuse_errno(why, errno, "process_vm_writev");
	return 0;
}

uint64_t loop_start(const struct loop *loop)
{
	return loop->base + ON + offsetof(struct element, context);
}

int loop_leaves(const struct loop *loop, uint64_t stack_pointer, enum loop_end *end)
{
	static const struct {
		enum place place;
		enum loop_end end;
	} last[] = { { LEAVE_DONE, LOOP_DONE }, { LEAVE_EXIT, LOOP_EXIT }, { LEAVE_KICK, LOOP_KICK } };

	for (size_t i = 0; i < sizeof(last) / sizeof(last[0]); i++)
		if (stack_pointer == loop->base + (uint64_t)last[i].place + offsetof(struct element, context)) {
			*end = last[i].end;
			return 1;
		}
	return 0;
}

void loop_calls(const struct loop *l, struct program *p)
{
	(void)program_ioctl(p, "KVM_SET_GUEST_DEBUG", l->vcpu_fd, KVM_SET_GUEST_DEBUG, DATA(on));
	(void)program_ioctl(p, "KVM_RUN", l->vcpu_fd, KVM_RUN, 0);
	(void)program_ioctl(p, "KVM_GET_REGS", l->vcpu_fd, KVM_GET_REGS, record_at(l, 0, 0));
	(void)program_add(p, "process_vm_readv", SYS_process_vm_readv, (uint64_t)(unsigned int)l->own_pid, DATA(to_table), 1);
}

int loop_read(const struct target *target, const struct loop *l, struct kvm_regs *regs, uint32_t *steps, uint32_t *exit_reason,
	      struct refusal *why)
{
	static uint8_t records[LOOP_STEPS * RECORD_BYTES];
	struct data data;
	uint64_t made;

	if (memory_read(target->pid, l->base + AT_DATA, &data, sizeof(data)) < 0 ||
	    memory_read(target->pid, l->base + AT_RECORDS, records, l->steps * RECORD_BYTES) < 0)
		return refuse_errno(why, errno, "process_vm_readv");
	made = ((uint64_t)(uintptr_t)data.from_record.iov_base - record_at(l, 0, offsetof(struct record, next_regs))) / RECORD_BYTES;
	if (made > l->steps)
		return refuse(why, REASON_CHAIN_CHANGED, 0, NULL, "Another thread of the VMM changed the chain of steps.");
	for (uint32_t i = 0; i < made; i++)
		memcpy(&regs[i], records + i * RECORD_BYTES, sizeof(regs[i]));
	*steps = (uint32_t)made;
	*exit_reason = data.exit_reason;
	return 0;
}
