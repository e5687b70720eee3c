/* The chain of steps from outside: what it calls, how far it is, what it has kept. */
#include <errno.h>
#include <linux/futex.h>
#include <string.h>

#include "loop_parts.h"

uint64_t loop_now(const struct loop *l)
{
	return l->base + AT_NOW;
}

uint64_t loop_start(const struct loop *loop)
{
	return loop->base + START + offsetof(struct srop_frame, context);
}

uint64_t loop_leave(const struct loop *loop, enum loop_end end)
{
	uint32_t place = end == LOOP_DONE ? LEAVE_DONE : end == LOOP_EXIT ? LEAVE_EXIT : LEAVE_KICK;

	return loop->base + place + offsetof(struct srop_frame, context);
}

int loop_holds(const struct loop *loop, uint64_t stack_pointer)
{
	return stack_pointer - loop->base < LOOP_BYTES;
}

void loop_record_calls(const struct loop *l, struct program *p)
{
	(void)program_ioctl(p, CALL_KVM_GET_REGS, l->vcpu_fd, loop_now(l));
	if (!l->get_image)
		return;
	(void)program_ioctl(p, get_image_call(l->get_image), l->vcpu_fd, loop_now(l) + RECORD_IMAGE);
	(void)program_ioctl(p, CALL_KVM_GET_SREGS, l->vcpu_fd, loop_now(l) + RECORD_SREGS);
	(void)program_ioctl(p, CALL_KVM_GET_XCRS, l->vcpu_fd, loop_now(l) + RECORD_XCRS);
	if (l->msr_count)
		(void)program_ioctl(p, CALL_KVM_GET_MSRS, l->vcpu_fd, loop_now(l) + RECORD_MSRS);
}

void loop_calls(const struct loop *l, struct program *p)
{
	int futex;

	(void)program_ioctl(p, CALL_KVM_SET_GUEST_DEBUG, l->vcpu_fd, DATA(on));
	(void)program_ioctl(p, CALL_KVM_RUN, l->vcpu_fd, 0);
	(void)program_add(p, CALL_process_vm_readv, (uint64_t)(unsigned int)l->own_pid, DATA(to_table), 1);
	futex = program_add(p, CALL_futex, DATA(zero), FUTEX_WAIT_PRIVATE, 0);
	if (futex >= 0)
		p->calls[futex].arguments[3] = DATA(hold);
	if (l->ends_at_syscall || l->finishes)
		(void)program_ioctl(p, CALL_KVM_SET_REGS, l->vcpu_fd, loop_now(l));
	loop_record_calls(l, p);
}

void loop_alarm_calls(const struct loop *l, struct program *p)
{
	int at = program_add(p, CALL_rt_sigaction, (uint64_t)l->alarm_signal, DATA(handler), 0);

	if (at >= 0)
		p->calls[at].arguments[3] = sizeof(uint64_t);
	(void)program_add(p, CALL_timer_create, CLOCK_MONOTONIC, DATA(event), DATA(timer));
	(void)program_add(p, CALL_timer_settime, 0, 0, DATA(span));
	(void)program_add(p, CALL_timer_delete, 0, 0, 0);
}

static int read_data(const struct target *target, const struct loop *l, struct data *data, uint32_t *made, struct refusal *why)
{
	uint64_t behind;

	if (memory_read(target->pid, l->base + AT_DATA, data, offsetof(struct data, to_index)) < 0)
		return refuse_errno(why, errno, "process_vm_readv");
	behind = l->machine_code ? data->steps.made * sizeof(struct words) :
				   (uint64_t)(uintptr_t)data->from_now[1].iov_base - words_at(l, 0);
	if (behind > l->steps * sizeof(struct words))
		return refuse(why, REASON_CHAIN_CHANGED, 0, NULL, "Another thread of the VMM changed the chain of steps.");
	*made = (uint32_t)(behind / sizeof(struct words));
	return 0;
}

int loop_look(const struct target *target, const struct loop *l, enum loop_end *end, uint32_t *made, struct refusal *why)
{
	struct data data;

	if (read_data(target, l, &data, made, why) < 0)
		return -1;
	*end = data.ended <= LOOP_KICK ? (enum loop_end)data.ended : LOOP_KICK;
	return 0;
}

/* The words differ in byte 1 of their last one alone, so that one that is just copied is the old or the new. */
int loop_shorten(const struct target *target, const struct loop *l, struct refusal *why)
{
	static const uint64_t no_more;
	static struct words words[LOOP_STEPS];

	if (l->machine_code)
		return memory_write(target->pid, DATA(steps.limit), &no_more, sizeof(no_more)) < 0 ?
			       refuse_errno(why, errno, "process_vm_writev") : 0;
	for (uint32_t i = 0; i < l->steps; i++)
		words[i] = (struct words){ record_at(l, i + 1), words_at(l, i + 1), l->base + LAST };
	return memory_write(target->pid, words_at(l, 0), words, l->steps * sizeof(words[0])) < 0 ?
		       refuse_errno(why, errno, "process_vm_writev") : 0;
}

int loop_read(const struct target *target, const struct loop *l, uint8_t *records, struct loop_made *m, struct refusal *why)
{
	struct data data;
	uint32_t kept;

	if (read_data(target, l, &data, &m->steps, why) < 0)
		return -1;
	kept = l->keep_last && m->steps ? 1 : m->steps;
	if (kept && memory_read(target->pid, record_at(l, 0), records, (size_t)kept * l->record_bytes) < 0)
		return refuse_errno(why, errno, "process_vm_readv");
	m->exit_reason = data.ended == LOOP_DONE ? KVM_EXIT_DEBUG : data.exit_reason;
	m->control = data.on.control;
	return 0;
}

int loop_may_step(const struct loop *l, uint64_t rip)
{
	uint64_t at;

	if (!l->code)
		return 1;
	at = rip - l->code->base;
	return at < CODE_BYTES && (l->code->may_be_stepped[at / 8] >> at % 8 & 1);
}

int loop_condition(const struct step_lookup *lookups, uint32_t count, const uint8_t *record)
{
	uint8_t state = 0;

	for (uint32_t i = 0; i < count; i++)
		state = lookups[i].next[state % LOOKUP_STATES * 256 + record[lookups[i].offset]];
	return count && state % LOOKUP_STATES == 1;
}
