/* The evaluator of classic BPF beside the kernel itself: children install filters and make the call. */
#include <errno.h>
#include <linux/audit.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel.h"
#include "seccomp.h"
#include "check.h"

#define MAX_CODE 24
#define PROBE_NUMBER SYS_lookup_dcookie /* takes three 64-bit arguments, and fails without effect */

static unsigned int seed = 20240117;

static uint32_t rnd(uint32_t n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % n;
}

struct code {
	struct sock_filter instructions[MAX_CODE];
	size_t count;
};

static const uint32_t answers[] = {
	SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_THREAD, SECCOMP_RET_TRAP, SECCOMP_RET_ERRNO | 17, SECCOMP_RET_ERRNO | 99,
	SECCOMP_RET_LOG, SECCOMP_RET_ALLOW, SECCOMP_RET_TRACE,
};
#define ANSWERS (sizeof(answers) / sizeof(answers[0]))

static struct sock_filter random_step(size_t left)
{
	static const uint16_t alu[] = { BPF_ADD, BPF_SUB, BPF_MUL, BPF_DIV, BPF_AND, BPF_OR, BPF_XOR, BPF_LSH, BPF_RSH, BPF_NEG };
	static const uint16_t jumps[] = { BPF_JEQ, BPF_JGT, BPF_JGE, BPF_JSET };
	static const uint32_t words[] = { 0, 4, 16, 20, 24, 28, 32, 36, 40, 44 }; /* not the instruction pointer */
	uint16_t source = rnd(2) ? BPF_X : BPF_K, op;
	uint32_t k = rnd(3) ? rnd(32) + 1 : seed;

	switch (rnd(8)) {
	case 0:
	case 1: return (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, words[rnd(10)]);
	case 2:
		op = alu[rnd(10)];
		if (op == BPF_NEG)
			source = BPF_K;
		return (struct sock_filter)BPF_STMT(BPF_ALU | op | source, source == BPF_X ? 0 : op == BPF_LSH || op == BPF_RSH ? k % 32 : k ? k : 1);
	case 3: return (struct sock_filter)BPF_STMT(BPF_MISC | (rnd(2) ? BPF_TAX : BPF_TXA), 0);
	case 4: return (struct sock_filter)BPF_STMT(rnd(2) ? BPF_ST : BPF_STX, rnd(2));
	case 5: return (struct sock_filter)BPF_STMT((rnd(2) ? BPF_LD : BPF_LDX) | BPF_IMM, k);
	case 6: return (struct sock_filter)BPF_STMT((rnd(2) ? BPF_LD : BPF_LDX) | BPF_W | BPF_LEN, 0);
	default:
		if (left < 3)
			return (struct sock_filter)BPF_STMT(BPF_LD | BPF_IMM, k);
		return (struct sock_filter)BPF_JUMP(BPF_JMP | jumps[rnd(4)] | source, source == BPF_X ? 0 : k,
						    (uint8_t)rnd((uint32_t)left - 1), (uint8_t)rnd((uint32_t)left - 1));
	}
}

/* Our own children need read-free exit: only the probe's number meets the random part. */
static void random_code(struct code *c)
{
	size_t length = 8 + rnd(8);

	c->count = 0;
	c->instructions[c->count++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0);
	c->instructions[c->count++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PROBE_NUMBER, 1, 0);
	c->instructions[c->count++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	/* The kernel refuses a program that loads a memory word it may not have stored. */
	c->instructions[c->count++] = (struct sock_filter)BPF_STMT(BPF_ST, 0);
	c->instructions[c->count++] = (struct sock_filter)BPF_STMT(BPF_ST, 1);
	while (c->count < length)
		c->instructions[c->count] = random_step(length + 2 - c->count), c->count++;
	c->instructions[c->count++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 1u << rnd(8), 0, 1);
	c->instructions[c->count++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, answers[rnd(ANSWERS)]);
	c->instructions[c->count++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, answers[rnd(ANSWERS)]);
}

/* What a child that made the call came to, in the terms of a filter's answer; 0xffffffff: the kernel took no such filter. */
static uint32_t kernel_says(const struct code *codes, int count, const uint64_t *a)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		long result;

		(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		for (int i = 0; i < count; i++) {
			struct sock_fprog program = { (unsigned short)codes[i].count, (struct sock_filter *)(uintptr_t)codes[i].instructions };

			if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
				_exit(254);
		}
		(void)signal(SIGSYS, SIG_DFL);
		errno = 0;
		result = syscall(PROBE_NUMBER, a[0], a[1], a[2], a[3], a[4], a[5]);
		_exit(result < 0 && (errno == 17 || errno == 99) ? errno : result < 0 && errno == ENOSYS ? 38 : 0);
	}
	while (waitpid(pid, &status, 0) < 0)
		;
	if (WIFSIGNALED(status))
		return SECCOMP_RET_KILL_THREAD; /* TRAP without a handler looks the same from here */
	if (WEXITSTATUS(status) == 254)
		return 0xffffffffu;
	return (uint32_t)WEXITSTATUS(status);
}

static uint32_t seen_as(uint32_t action, uint32_t without)
{
	switch (action & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_ALLOW:
	case SECCOMP_RET_LOG: return without;
	case SECCOMP_RET_ERRNO: return action & SECCOMP_RET_DATA;
	case SECCOMP_RET_TRACE: return ENOSYS; /* nobody traces */
	default: return SECCOMP_RET_KILL_THREAD;
	}
}

static void beside_the_kernel(int rounds)
{
	int taken = 0, kinds[4] = { 0 };

	rule("the evaluator answers as the kernel does, over random programs and up to three filters");
	for (int i = 0; i < rounds; i++) {
		struct code codes[3];
		struct seccomp_filters filters = { .count = 1 + rnd(3) };
		struct seccomp_data data = { .nr = PROBE_NUMBER, .arch = AUDIT_ARCH_X86_64 };
		static const uint64_t none[6];
		uint32_t real, ours, without;

		for (size_t f = 0; f < filters.count; f++) {
			random_code(&codes[f]);
			filters.programs[f] = (struct seccomp_program){ codes[f].instructions, codes[f].count };
		}
		for (int a = 0; a < 6; a++)
			data.args[a] = rnd(3) ? rnd(64) : (uint64_t)seed << rnd(32);
		without = kernel_says(NULL, 0, none);
		real = kernel_says(codes, (int)filters.count, (const uint64_t *)data.args);
		if (real == 0xffffffffu)
			continue;
		taken++;
		ours = seccomp_verdict(&filters, &data);
		kinds[seccomp_allows(ours) ? 0 : (ours & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO ? 1 : 2]++;
		CHECK(seen_as(ours, without) == real, "round %d: we say %#x (%s), the kernel came to %#x", i, ours,
		      seccomp_action_name(ours), real);
	}
	printf("# %d programs taken by the kernel: %d allowed, %d errno, %d fatal\n", taken, kinds[0], kinds[1], kinds[2]);
	CHECK(taken > rounds / 4, "the kernel took only %d of %d", taken, rounds);
}

static void precedence(void)
{
	static const uint32_t strictest_first[] = {
		SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_THREAD, SECCOMP_RET_TRAP, SECCOMP_RET_ERRNO, SECCOMP_RET_USER_NOTIF,
		SECCOMP_RET_TRACE, SECCOMP_RET_LOG, SECCOMP_RET_ALLOW,
	};
	struct seccomp_data data = { 0 };

	rule("the strictest of several answers wins, in whatever order");
	for (size_t i = 0; i < 8; i++)
		for (size_t j = 0; j < 8; j++) {
			struct sock_filter a = BPF_STMT(BPF_RET | BPF_K, strictest_first[i]);
			struct sock_filter b = BPF_STMT(BPF_RET | BPF_K, strictest_first[j]);
			struct seccomp_filters f = { .programs = { { &a, 1 }, { &b, 1 } }, .count = 2 };

			CHECK(seccomp_verdict(&f, &data) == strictest_first[i < j ? i : j], "%zu and %zu", i, j);
		}
}

static void edges(void)
{
	struct sock_filter past[] = { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 64), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
	struct sock_filter zero[] = { BPF_STMT(BPF_LDX | BPF_IMM, 0), BPF_STMT(BPF_ALU | BPF_DIV | BPF_X, 0),
				      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
	struct sock_filter jump[] = { BPF_STMT(BPF_JMP | BPF_JA, 0xfffffff0u), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
	struct sock_filter word[] = { BPF_STMT(BPF_LD | BPF_MEM, 16), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
	struct seccomp_data data = { 0 };

	rule("a program that reads or jumps out of bounds is never taken for ALLOW");
	CHECK(seccomp_run(&(struct seccomp_program){ past, 2 }, &data) == SECCOMP_RET_KILL_PROCESS, "load past the data");
	CHECK(seccomp_run(&(struct seccomp_program){ zero, 3 }, &data) == SECCOMP_RET_KILL_THREAD, "division by zero");
	CHECK(seccomp_run(&(struct seccomp_program){ jump, 2 }, &data) == SECCOMP_RET_KILL_PROCESS, "jump past the end");
	CHECK(seccomp_run(&(struct seccomp_program){ word, 2 }, &data) == SECCOMP_RET_KILL_PROCESS, "memory word 16");
	CHECK(seccomp_run(&(struct seccomp_program){ NULL, 0 }, &data) == SECCOMP_RET_KILL_PROCESS, "no program");
}

int main(void)
{
	precedence();
	edges();
	beside_the_kernel(400);
	return summary();
}
