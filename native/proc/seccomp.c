/*
 * Seccomp programs are classic BPF (kernel/seccomp.c, seccomp_check_filter): the instructions that pass its check are the
 * ones below, loads are absolute 32-bit words of struct seccomp_data.
 */
#include "seccomp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel.h"

struct machine {
	uint32_t a, x, memory[BPF_MEMWORDS];
};

static uint32_t alu(uint16_t op, uint32_t a, uint32_t b)
{
	switch (op) {
	case BPF_ADD: return a + b;
	case BPF_SUB: return a - b;
	case BPF_MUL: return a * b;
	case BPF_DIV: return b ? a / b : 0;
	case BPF_OR: return a | b;
	case BPF_AND: return a & b;
	case BPF_XOR: return a ^ b;
	/* A shift by X of 32 or more wraps, as the kernel's interpreter and its x86 JIT do. */
	case BPF_LSH: return a << (b & 31);
	case BPF_RSH: return a >> (b & 31);
	case BPF_NEG: return 0u - a;
	default: return a;
	}
}

static int jump_taken(uint16_t op, uint32_t a, uint32_t b)
{
	switch (op) {
	case BPF_JEQ: return a == b;
	case BPF_JGT: return a > b;
	case BPF_JGE: return a >= b;
	case BPF_JSET: return (a & b) != 0;
	default: return 0;
	}
}

/* 0: loaded; -1: this is not a load that seccomp knows. */
static int load(const struct sock_filter *i, const struct seccomp_data *data, struct machine *m, uint32_t *into)
{
	switch (BPF_MODE(i->code)) {
	case BPF_ABS:
		if (i->k > sizeof(*data) - 4 || i->k % 4)
			return -1;
		memcpy(into, (const char *)data + i->k, 4);
		return 0;
	case BPF_IMM:
		*into = i->k;
		return 0;
	case BPF_MEM:
		if (i->k >= BPF_MEMWORDS)
			return -1;
		*into = m->memory[i->k];
		return 0;
	case BPF_LEN:
		*into = sizeof(*data);
		return 0;
	default:
		return -1;
	}
}

/* Everything but jumps and returns. 0 or -1. */
static int step(const struct sock_filter *i, const struct seccomp_data *data, struct machine *m)
{
	switch (BPF_CLASS(i->code)) {
	case BPF_LD:
		return load(i, data, m, &m->a);
	case BPF_LDX:
		return load(i, data, m, &m->x);
	case BPF_ST:
	case BPF_STX:
		if (i->k >= BPF_MEMWORDS)
			return -1;
		m->memory[i->k] = BPF_CLASS(i->code) == BPF_ST ? m->a : m->x;
		return 0;
	case BPF_ALU:
		m->a = alu(BPF_OP(i->code), m->a, BPF_SRC(i->code) == BPF_X ? m->x : i->k);
		return 0;
	case BPF_MISC:
		if (BPF_MISCOP(i->code) == BPF_TXA)
			m->a = m->x;
		else
			m->x = m->a;
		return 0;
	default:
		return -1;
	}
}

uint32_t seccomp_run(const struct seccomp_program *program, const struct seccomp_data *data)
{
	struct machine m = { 0 };
	size_t at = 0;

	/* Jumps only go forward, so this loop ends. */
	while (at < program->count) {
		const struct sock_filter *i = &program->instructions[at];
		uint32_t right = BPF_SRC(i->code) == BPF_X ? m.x : i->k;

		at++;
		if (BPF_CLASS(i->code) == BPF_RET)
			return BPF_RVAL(i->code) == BPF_A ? m.a : i->k;
		/* The kernel ends the program with 0 when it divides by zero. */
		if (i->code == (BPF_ALU | BPF_DIV | BPF_X) && m.x == 0)
			return SECCOMP_RET_KILL_THREAD;
		if (BPF_CLASS(i->code) == BPF_JMP) {
			if (BPF_OP(i->code) == BPF_JA)
				at += i->k;
			else
				at += jump_taken(BPF_OP(i->code), m.a, right) ? i->jt : i->jf;
		} else if (step(i, data, &m) < 0) {
			break;
		}
	}
	return SECCOMP_RET_KILL_PROCESS;
}

uint32_t seccomp_verdict(const struct seccomp_filters *filters, const struct seccomp_data *data)
{
	uint32_t strictest = SECCOMP_RET_ALLOW;

	/* Newest first, as the kernel goes: of two equal actions the newer filter's data (an errno) counts. */
	for (size_t i = filters->count; i-- > 0;) {
		uint32_t action = seccomp_run(&filters->programs[i], data);

		/* KILL_PROCESS is 0x80000000: the order is that of signed numbers (kernel/seccomp.c, ACTION_ONLY). */
		if ((int32_t)(action & SECCOMP_RET_ACTION_FULL) < (int32_t)(strictest & SECCOMP_RET_ACTION_FULL))
			strictest = action;
	}
	return strictest;
}

int seccomp_allows(uint32_t action)
{
	uint32_t a = action & SECCOMP_RET_ACTION_FULL;

	return a == SECCOMP_RET_ALLOW || a == SECCOMP_RET_LOG;
}

const char *seccomp_action_name(uint32_t action)
{
	switch (action & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_KILL_PROCESS: return "KILL_PROCESS";
	case SECCOMP_RET_KILL_THREAD: return "KILL_THREAD";
	case SECCOMP_RET_TRAP: return "TRAP";
	case SECCOMP_RET_ERRNO: return "ERRNO";
	case SECCOMP_RET_USER_NOTIF: return "USER_NOTIF";
	case SECCOMP_RET_TRACE: return "TRACE";
	case SECCOMP_RET_LOG: return "LOG";
	case SECCOMP_RET_ALLOW: return "ALLOW";
	default: return "KILL_PROCESS (unknown action)";
	}
}

void seccomp_read_filters(pid_t tid, struct seccomp_filters *filters)
{
	memset(filters, 0, sizeof(*filters));
	for (size_t i = 0; i < SECCOMP_MAX_PROGRAMS; i++) {
		struct seccomp_program *p = &filters->programs[i];
		long count = sys_ptrace(PTRACE_SECCOMP_GET_FILTER, tid, i, NULL);

		if (count < 0 && errno == ENOENT)
			return;
		if (count > 0)
			p->instructions = calloc((size_t)count, sizeof(struct sock_filter));
		if (!p->instructions || sys_ptrace(PTRACE_SECCOMP_GET_FILTER, tid, i, p->instructions) != count) {
			filters->unreadable_errno = errno ? errno : EINVAL;
			free(p->instructions);
			p->instructions = NULL;
			return;
		}
		p->count = (size_t)count;
		filters->count++;
	}
	filters->unreadable_errno = E2BIG;
}

void seccomp_free_filters(struct seccomp_filters *filters)
{
	for (size_t i = 0; i < filters->count; i++)
		free(filters->programs[i].instructions);
	memset(filters, 0, sizeof(*filters));
}
