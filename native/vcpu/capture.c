/* One stop that brings everything: a chain asks, the thread runs it alone, and the answers are read afterwards. */
#include <errno.h>
#include <linux/kvm.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "capture_msrs.h"
#include "session.h"
#include "kill_point.h"

#define CHAIN_TIMEOUT_NS 2000000000ull
#define CPUID_ENTRIES 256u

struct question_row {
	enum injected call;
	uint32_t offset;
	uint32_t probe; /* where in the answer to look whether there is one */
	uint32_t probe_bytes;
	enum section_kind section;
};

static const struct question_row questions[ASK_MSRS] = {
	[ASK_XSAVE2] = { CALL_KVM_GET_XSAVE2, SCRATCH_IMAGE, 0, XSAVE_MIN_BYTES, SECTION_IMAGE },
	[ASK_XSAVE] = { CALL_KVM_GET_XSAVE, SCRATCH_IMAGE2, 0, XSAVE_MIN_BYTES, SECTION_IMAGE },
	[ASK_CPUID] = { CALL_KVM_GET_CPUID2, SCRATCH_CPUID, 8, 40, SECTION_CPUID },
	[ASK_XCRS] = { CALL_KVM_GET_XCRS, SCRATCH_XCRS, 0, 8, SECTION_XCRS },
	[ASK_REGS] = { CALL_KVM_GET_REGS, SCRATCH_REGS, 0, sizeof(struct kvm_regs), SECTION_REGS },
	[ASK_SREGS] = { CALL_KVM_GET_SREGS, SCRATCH_SREGS, 0, sizeof(struct kvm_sregs), SECTION_SREGS },
};

static struct question_row question_row(int question)
{
	if (question < ASK_MSRS)
		return questions[question];
	return (struct question_row){
		CALL_KVM_GET_MSRS, SCRATCH_MSRS + (uint32_t)(question - ASK_MSRS) * SCRATCH_MSR_STRIDE,
		offsetof(struct msr_pair, entries[1].data), 8, SECTION_MSRS,
	};
}

static const char *name_of(int question)
{
	return injected_calls[question_row(question).call].name;
}

/* The data area before the calls, as it will be written to the target. */
static void prepare(const struct vcpu *vcpu, uint8_t *data)
{
	struct kvm_cpuid2 cpuid = { .nent = CPUID_ENTRIES };
	struct timespec not_done = { 0 };

	memcpy(data, pattern_bytes(), SCRATCH_DATA_BYTES);
	memcpy(data + SCRATCH_CPUID - SCRATCH_DATA, &cpuid, 8);
	memcpy(data + SCRATCH_DONE - SCRATCH_DATA, &not_done, sizeof(not_done));
	msrs_prepare(vcpu, data);
}

static int answered(const uint8_t *data, int question)
{
	struct question_row q = question_row(question);
	size_t at = q.offset + q.probe - SCRATCH_DATA;

	return memcmp(data + at, pattern_bytes() + at, q.probe_bytes) != 0;
}

/* Why a question is not asked: the filter forbids it; what comes of it is known; or one call answers it with others. */
enum left_out { LEFT_TO_FILTER = -1, LEFT_AS_LEARNT = -2, LEFT_TO_ONE_CALL = -3 };

struct asking {
	struct program program;
	int place[QUESTION_COUNT]; /* in the program; below 0: left out */
	uint8_t *data;
	uint64_t ended_ns;
};

/* What a guest's CPU has, and how long its state is, is settled before it runs. */
static int is_learnt(const struct vcpu *vcpu, int question)
{
	if (question == ASK_XSAVE && vcpu->legacy_known && vcpu->get_image != KVM_GET_XSAVE)
		return 1;
	return vcpu->known_errno[question] && vcpu->known_errno[question] != EIO;
}

static void plan(struct vcpu *vcpu, struct asking *a)
{
	int together = 0, asked = -1;

	memset(&a->program, 0, sizeof(a->program));
	for (int i = 0; i < QUESTION_COUNT; i++) {
		struct question_row q = question_row(i);

		if (is_learnt(vcpu, i)) {
			a->place[i] = LEFT_AS_LEARNT;
		} else if (i >= ASK_MSRS && vcpu->msrs_known) {
			if (!together++)
				asked = vcpu_add_ioctl(vcpu, &a->program, q.call, MSRS_IN_ONE_CALL);
			a->place[i] = asked < 0 ? LEFT_TO_FILTER : LEFT_TO_ONE_CALL;
		} else {
			a->place[i] = vcpu_add_ioctl(vcpu, &a->program, q.call, q.offset);
		}
	}
}

/* Without the image a capture is nothing: then the refusal says which call the filter forbids. */
static int check_plan(struct vcpu *vcpu, const struct asking *a, struct refusal *why)
{
	int image = vcpu->get_image == KVM_GET_XSAVE ? ASK_XSAVE : ASK_XSAVE2;
	struct question_row q = question_row(image);
	struct program needed = { 0 };

	if (a->place[image] >= 0 && a->program.count)
		return vcpu_check_filters(vcpu, &a->program, why);
	program_ioctl(&needed, q.call, vcpu->fd, vcpu->scratch + q.offset);
	if (vcpu_check_filters(vcpu, &needed, why) < 0)
		return -1;
	return refuse(why, REASON_SECCOMP, 0, name_of(image), "The thread's seccomp filter refuses %s.", name_of(image));
}

/* Polls for the chain's last answer. The thread is its own master meanwhile. */
static int wait_for_end(struct vcpu *vcpu, uint64_t *ended_ns, struct refusal *why)
{
	uint64_t deadline = now_ns(CLOCK_MONOTONIC) + CHAIN_TIMEOUT_NS;

	for (unsigned int tries = 0;; tries++) {
		struct timespec nap = { .tv_nsec = 50000 }, done;

		if (memory_read(target.pid, vcpu->scratch + SCRATCH_DONE, &done, sizeof(done)) < 0)
			return refuse(why, REASON_TARGET_GONE, errno, "process_vm_readv", "The target ended during a capture.");
		if (done.tv_sec) {
			*ended_ns = (uint64_t)done.tv_sec * 1000000000u + (uint64_t)done.tv_nsec;
			if (!target.same_clock)
				*ended_ns = now_ns(CLOCK_MONOTONIC);
			return 0;
		}
		vcpu->unfinished = now_ns(CLOCK_MONOTONIC) > deadline;
		if (vcpu->unfinished)
			return refuse(why, REASON_CHAIN_TIMEOUT, 0, NULL, "The injected calls did not end in two seconds.");
		if (tries > 1000)
			(void)nanosleep(&nap, NULL);
		else
			(void)sched_yield(); /* woken by us, it may wait for this very CPU */
	}
}

/* Runs the plan in the stopped thread. It is let go, and so it must be stepped where we may not let go before the end. */
static int run(struct vcpu *vcpu, struct asking *a, struct refusal *why)
{
	struct chain_place place = vcpu_place(vcpu);
	int clock = -1, result;

	if (!vcpu_is_frozen(vcpu) && !vcpu_is_suspended(vcpu))
		clock = vcpu_add_allowed(vcpu, &a->program, CALL_clock_gettime, CLOCK_MONOTONIC, vcpu->scratch + SCRATCH_DONE, 0);
	if (clock < 0) {
		result = vcpu_run(vcpu, &a->program, why);
		a->ended_ns = now_ns(CLOCK_MONOTONIC);
		vcpu_release(vcpu);
	} else {
		result = chain_run_free(&target, vcpu->tid, &place, &vcpu->stop, &a->program, why);
		if (result == 0)
			result = wait_for_end(vcpu, &a->ended_ns, why);
		else
			vcpu_release(vcpu);
	}
	KILL_POINT("questions asked");
	if (result == 0 &&
	    memory_read(target.pid, vcpu->scratch + SCRATCH_DATA, a->data, SCRATCH_DATA_BYTES) < 0)
		result = refuse_errno(why, errno, "process_vm_readv");
	return result;
}

static int errno_of(const struct asking *a, int question)
{
	long result = a->program.calls[a->place[question]].result;

	if (question >= ASK_MSRS && result >= 0)
		return EINVAL; /* KVM_GET_MSRS says how many it read, and not why it stopped */
	return result < 0 ? (int)-result : EIO;
}

/*
 * What did not answer in a chain that ran alone is asked once more under PTRACE_SYSCALL, which shows the errno. It is kept:
 * later captures need no second stop for it. Nothing here makes the capture fail.
 */
static void learn_errnos(struct vcpu *vcpu, const struct asking *a)
{
	struct asking again = { 0 };
	struct refusal ignored;
	int missing = 0;

	for (int i = 0; i < QUESTION_COUNT; i++) {
		struct question_row q = question_row(i);

		again.place[i] = -1;
		if (a->place[i] < 0 || answered(a->data, i) || vcpu->known_errno[i])
			continue;
		again.place[i] = (int)again.program.count;
		program_ioctl(&again.program, q.call, vcpu->fd, vcpu->scratch + q.offset);
		missing = 1;
	}
	if (!missing || vcpu_stop(vcpu, NEED_ANY, &ignored) < 0)
		return;
	if (vcpu_run(vcpu, &again.program, &ignored) == 0)
		for (int i = 0; i < QUESTION_COUNT; i++)
			if (again.place[i] >= 0)
				vcpu->known_errno[i] = errno_of(&again, i);
	vcpu_release(vcpu);
}

/* What has been seen of each question alone. Where an MSR is not read any more, all are asked for alone again. */
static void note_known(struct vcpu *vcpu, const struct asking *a)
{
	uint64_t value;
	int known = 1;

	if (a->place[ASK_XSAVE] >= 0)
		vcpu->legacy_known = answered(a->data, ASK_XSAVE) || vcpu->known_errno[ASK_XSAVE];
	for (int i = ASK_MSRS; i < QUESTION_COUNT; i++) {
		int one = a->place[i] == LEFT_TO_ONE_CALL ? msrs_at_once(a->data, i - ASK_MSRS, &value) : vcpu->known_errno[i] || (a->place[i] >= 0 && answered(a->data, i));

		known = known && one;
	}
	vcpu->msrs_known = known;
}

static int failure_of(const struct vcpu *vcpu, const struct asking *a, int question)
{
	uint64_t value;

	if (a->place[question] == LEFT_TO_ONE_CALL)
		return msrs_at_once(a->data, question - ASK_MSRS, &value) ? 0 : EIO;
	if (a->place[question] == LEFT_AS_LEARNT)
		return vcpu->known_errno[question];
	if (a->place[question] == LEFT_TO_FILTER)
		return EACCES; /* the thread's filter forbids it, so it was not made */
	if (answered(a->data, question))
		return 0;
	return vcpu->known_errno[question] ? vcpu->known_errno[question] : EIO;
}

static void add_section(struct reply *reply, struct capture_head *head, enum section_kind kind, const void *bytes,
			size_t count)
{
	struct section section = { .kind = (uint32_t)kind, .bytes = (uint32_t)count };

	(void)reply_add(reply, &section, sizeof(section));
	(void)reply_add(reply, bytes, count);
	reply_pad(reply, 8);
	head->section_count++;
}

static void add_cpuid(struct reply *reply, struct capture_head *head, const uint8_t *answer)
{
	struct cpuid_entry entries[CPUID_ENTRIES];
	uint32_t count;

	memcpy(&count, answer, sizeof(count));
	for (uint32_t i = 0; i < count && i < CPUID_ENTRIES; i++) {
		struct kvm_cpuid_entry2 e;

		memcpy(&e, answer + 8 + i * sizeof(e), sizeof(e));
		entries[i] = (struct cpuid_entry){ e.function, e.index, e.eax, e.ebx, e.ecx, e.edx };
	}
	if (count > CPUID_ENTRIES)
		count = CPUID_ENTRIES;
	add_section(reply, head, SECTION_CPUID, entries, count * sizeof(entries[0]));
}

static void add_xcrs(struct reply *reply, struct capture_head *head, const uint8_t *answer)
{
	struct xcr_value values[KVM_MAX_XCRS] = { 0 };
	struct kvm_xcrs xcrs;
	uint32_t count = 0;

	memcpy(&xcrs, answer, sizeof(xcrs));
	for (; count < xcrs.nr_xcrs && count < KVM_MAX_XCRS; count++)
		values[count] = (struct xcr_value){ .index = xcrs.xcrs[count].xcr, .value = xcrs.xcrs[count].value };
	add_section(reply, head, SECTION_XCRS, values, count * sizeof(values[0]));
}

static void add_msrs(struct reply *reply, struct capture_head *head, const struct vcpu *vcpu, const struct asking *a)
{
	struct msr_value values[LISTED_MSRS] = { 0 };

	for (int i = 0; i < LISTED_MSRS; i++) {
		struct msr_pair pair;

		memcpy(&pair, a->data + question_row(ASK_MSRS + i).offset - SCRATCH_DATA, sizeof(pair));
		values[i].index = listed_msrs[i];
		values[i].errno_value = failure_of(vcpu, a, ASK_MSRS + i);
		if (a->place[ASK_MSRS + i] == LEFT_TO_ONE_CALL)
			(void)msrs_at_once(a->data, i, &values[i].value);
		else
			values[i].value = values[i].errno_value ? 0 : pair.entries[0].data;
	}
	add_section(reply, head, SECTION_MSRS, values, sizeof(values));
}

static void add_failures(struct reply *reply, struct capture_head *head, const struct vcpu *vcpu, const struct asking *a)
{
	struct failed_call failed[ASK_MSRS] = { 0 };
	size_t count = 0;

	for (int i = ASK_CPUID; i < ASK_MSRS; i++) {
		int errno_value = failure_of(vcpu, a, i);

		if (!errno_value)
			continue;
		failed[count].section = (uint32_t)questions[i].section;
		failed[count].errno_value = errno_value;
		(void)snprintf(failed[count].call, sizeof(failed[count].call), "%s", name_of(i));
		count++;
	}
	if (count)
		add_section(reply, head, SECTION_FAILED, failed, count * sizeof(failed[0]));
}

/* 0: the image is in the reply. */
static int add_image(struct reply *reply, struct capture_head *head, const struct vcpu *vcpu, const struct asking *a,
		     struct refusal *why)
{
	int question = answered(a->data, ASK_XSAVE2) ? ASK_XSAVE2 : ASK_XSAVE;
	size_t at = questions[question].offset - SCRATCH_DATA;
	int failure = failure_of(vcpu, a, question);

	if (failure)
		return refuse(why, REASON_CALL_FAILED, failure, name_of(question), "%s failed: %s.", name_of(question),
			      strerror(failure));
	head->image_call = (uint32_t)injected_calls[questions[question].call].request;
	head->written_bytes = pattern_written(a->data + at, at, SCRATCH_IMAGE_BYTES);
	head->legacy_errno = failure_of(vcpu, a, ASK_XSAVE);
	add_section(reply, head, SECTION_IMAGE, a->data + at, head->written_bytes);
	return 0;
}

int capture(struct vcpu *vcpu, struct reply *reply, struct refusal *why)
{
	static uint8_t data[SCRATCH_DATA_BYTES];
	static struct asking a;
	struct capture_head head = { 0 };
	uint64_t started_ns;

	/* Only chain frames are still in use when a chain has written its last answer: the data area is free. */
	prepare(vcpu, data);
	a.data = data;
	if (memory_write(target.pid, vcpu->scratch + SCRATCH_DATA, data, sizeof(data)) < 0)
		return vcpu_refuse_memory(errno, "process_vm_writev", why);
	KILL_POINT("data area written");
	started_ns = now_ns(CLOCK_MONOTONIC);
	if (vcpu_stop(vcpu, NEED_ANY, why) < 0)
		return -1;
	/* Once more where a chain that was no longer waited for may have answered in between: it has ended by now. */
	if (vcpu->unfinished && memory_write(target.pid, vcpu->scratch + SCRATCH_DATA, data, sizeof(data)) < 0) {
		(void)vcpu_refuse_memory(errno, "process_vm_writev", why);
		vcpu_release(vcpu);
		return -1;
	}
	vcpu->unfinished = 0;
	if (!vcpu_is_frozen(vcpu))
		started_ns = vcpu->stop.interrupted_ns;
	/* A frozen vCPU stands still since long before, but may have been written in between: what is read is of now. */
	head.taken_realtime_ns = vcpu_is_frozen(vcpu) ? now_ns(CLOCK_REALTIME) : vcpu->stop.realtime_ns;
	head.in_kvm_run = (uint32_t)vcpu->stop.in_kvm_run;
	plan(vcpu, &a);
	if (check_plan(vcpu, &a, why) < 0) {
		vcpu_release(vcpu);
		return -1;
	}
	if (run(vcpu, &a, why) < 0)
		return -1;
	head.pause_ns = a.ended_ns - started_ns;
	head.frozen = (uint32_t)vcpu_is_frozen(vcpu);
	learn_errnos(vcpu, &a);
	note_known(vcpu, &a);
	(void)reply_add(reply, &head, sizeof(head));
	if (add_image(reply, &head, vcpu, &a, why) < 0)
		return -1;
	vcpu->image_bytes = head.written_bytes;
	if (answered(data, ASK_CPUID))
		add_cpuid(reply, &head, data + SCRATCH_CPUID - SCRATCH_DATA);
	if (answered(data, ASK_XCRS))
		add_xcrs(reply, &head, data + SCRATCH_XCRS - SCRATCH_DATA);
	add_msrs(reply, &head, vcpu, &a);
	if (answered(data, ASK_REGS))
		add_section(reply, &head, SECTION_REGS, data + SCRATCH_REGS - SCRATCH_DATA, sizeof(struct kvm_regs));
	if (answered(data, ASK_SREGS))
		add_section(reply, &head, SECTION_SREGS, data + SCRATCH_SREGS - SCRATCH_DATA, sizeof(struct kvm_sregs));
	add_failures(reply, &head, vcpu, &a);
	memcpy(reply->bytes, &head, sizeof(head));
	return 0;
}
