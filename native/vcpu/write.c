/*
 * Writes. One continuous stop each: read what the guard needs, check, and only then lay the write into a chain of its own.
 * A check and a write are never in one chain, because a chain cannot be called back.
 */
#include <errno.h>
#include <linux/kvm.h>
#include <string.h>
#include <time.h>

#include "host_cpuid.h"
#include "session.h"
#include "kill_point.h"

/* What the vCPU said in the current stop. */
struct reading {
	uint8_t image[SCRATCH_IMAGE_BYTES];
	uint32_t image_bytes;
	struct xfd_reading xfd;
};

struct one_msr {
	struct kvm_msrs head;
	struct kvm_msr_entry entry;
};

static struct reading now; /* one request at a time */

static int put(struct vcpu *vcpu, uint32_t offset, const void *bytes, size_t count, struct refusal *why)
{
	return memory_write(target.pid, vcpu->scratch + offset, bytes, count) < 0 ?
		       vcpu_refuse_memory(errno, "process_vm_writev", why) : 0;
}

static int fetch(struct vcpu *vcpu, uint32_t offset, void *bytes, size_t count, struct refusal *why)
{
	return memory_read(target.pid, vcpu->scratch + offset, bytes, count) < 0 ?
		       refuse_errno(why, errno, "process_vm_readv") : 0;
}

static int put_msr(struct vcpu *vcpu, uint32_t slot, uint32_t index, uint64_t value, struct refusal *why)
{
	struct one_msr msr = { .head.nmsrs = 1, .entry = { .index = index, .data = value } };

	return put(vcpu, SCRATCH_MSRS + slot * SCRATCH_MSR_STRIDE, &msr, sizeof(msr), why);
}

static int fetch_msr(struct vcpu *vcpu, uint32_t slot, uint64_t *value, struct refusal *why)
{
	struct one_msr msr;

	if (fetch(vcpu, SCRATCH_MSRS + slot * SCRATCH_MSR_STRIDE, &msr, sizeof(msr), why) < 0)
		return -1;
	*value = msr.entry.data;
	return 0;
}

/* After a run of which call `at` must have returned `expected`. */
static int require(const struct program *program, size_t at, long expected, struct refusal *why)
{
	const struct call *call = &program->calls[at];

	if (call->result == expected)
		return 0;
	/* KVM_SET_MSRS says how many it wrote: 0 is a value that KVM refuses for this MSR. */
	return refuse_errno(why, call->result < 0 ? (int)-call->result : EINVAL, call->name);
}

static void take_xfd(const struct call *call, struct xfd_reading *xfd)
{
	xfd->errno_value = 0;
	if (call->result != 1)
		xfd->errno_value = call->result < 0 ? (int)-call->result : EINVAL;
}

/* Reads IA32_XFD and the stored image into `now`. In a chain of questions only. */
static int read_state(struct vcpu *vcpu, struct refusal *why)
{
	struct program p = { 0 };

	memset(&now, 0, sizeof(now));
	if (put(vcpu, SCRATCH_DATA, pattern_bytes(), SCRATCH_DATA_BYTES, why) < 0 ||
	    put_msr(vcpu, 0, MSR_IA32_XFD, 0, why) < 0)
		return -1;
	KILL_POINT("questions written");
	program_ioctl(&p, get_image_call(vcpu->get_image), vcpu->fd, vcpu->scratch + SCRATCH_IMAGE);
	program_ioctl(&p, CALL_KVM_GET_MSRS, vcpu->fd, vcpu->scratch + SCRATCH_MSRS);
	if (vcpu_run(vcpu, &p, why) < 0 || require(&p, 0, 0, why) < 0)
		return -1;
	take_xfd(&p.calls[1], &now.xfd);
	if (fetch(vcpu, SCRATCH_IMAGE, now.image, sizeof(now.image), why) < 0 ||
	    fetch_msr(vcpu, 0, &now.xfd.value, why) < 0)
		return -1;
	now.image_bytes = pattern_written(now.image, SCRATCH_IMAGE - SCRATCH_DATA, sizeof(now.image));
	if (guard_is_protected(now.image, now.image_bytes))
		return refuse(why, REASON_PROTECTED_GUEST, 0, injected_calls[get_image_call(vcpu->get_image)].name,
			      "The guest's state is encrypted: KVM shows zeros and ignores writes.");
	return 0;
}

/* The guard, then KVM_SET_XSAVE with a buffer that is zero far beyond what the kernel may read, then the read back. */
static int store_image(struct vcpu *vcpu, const uint8_t *image, uint32_t bytes, struct refusal *why)
{
	static uint8_t buffer[SCRATCH_IMAGE_BYTES];
	struct program p = { 0 };

	if (guard_image(image, bytes, now.image_bytes, &now.xfd, host_components(), why) < 0)
		return -1;
	memset(buffer, 0, sizeof(buffer));
	memcpy(buffer, image, bytes);
	if (put(vcpu, SCRATCH_IMAGE2, buffer, sizeof(buffer), why) < 0 || put_msr(vcpu, 0, MSR_IA32_XFD, 0, why) < 0)
		return -1;
	KILL_POINT("image written to scratch");
	program_ioctl(&p, CALL_KVM_SET_XSAVE, vcpu->fd, vcpu->scratch + SCRATCH_IMAGE2);
	program_ioctl(&p, get_image_call(vcpu->get_image), vcpu->fd, vcpu->scratch + SCRATCH_IMAGE);
	program_ioctl(&p, CALL_KVM_GET_MSRS, vcpu->fd, vcpu->scratch + SCRATCH_MSRS);
	if (vcpu_run(vcpu, &p, why) < 0 || require(&p, 0, 0, why) < 0 || require(&p, 1, 0, why) < 0)
		return -1;
	take_xfd(&p.calls[2], &now.xfd);
	if (fetch_msr(vcpu, 0, &now.xfd.value, why) < 0)
		return -1;
	return fetch(vcpu, SCRATCH_IMAGE, now.image, now.image_bytes, why);
}

static void answer(struct vcpu *vcpu, uint64_t started_ns, uint64_t value, struct reply *reply)
{
	struct write_reply head = { .image_bytes = now.image_bytes, .frozen = (uint32_t)vcpu_is_frozen(vcpu), .value = value };

	head.pause_ns = now_ns(CLOCK_MONOTONIC) - (vcpu_is_frozen(vcpu) ? started_ns : vcpu->stop.interrupted_ns);
	(void)reply_add(reply, &head, sizeof(head));
	(void)reply_add(reply, now.image, now.image_bytes);
}

/* Stop, read, write, release. */
typedef int (*write_step)(struct vcpu *vcpu, const void *what, uint64_t *value, struct refusal *why);

static int in_one_stop(struct vcpu *vcpu, write_step step, const void *what, struct reply *reply, struct refusal *why)
{
	uint64_t started_ns = now_ns(CLOCK_MONOTONIC), value = 0;
	int result = -1;

	if (vcpu_stop(vcpu, NEED_KVM_RUN, why) < 0)
		return -1;
	if (read_state(vcpu, why) == 0 && step(vcpu, what, &value, why) == 0)
		result = 0;
	KILL_POINT(result == 0 ? "read back" : "refused");
	vcpu_release(vcpu);
	if (result == 0)
		answer(vcpu, started_ns, value, reply);
	return result;
}

struct image_bytes {
	const uint8_t *image;
	uint32_t bytes;
};

static int image_step(struct vcpu *vcpu, const void *what, uint64_t *value, struct refusal *why)
{
	const struct image_bytes *image = what;

	if (store_image(vcpu, image->image, image->bytes, why) < 0)
		return -1;
	*value = now.xfd.errno_value ? 0 : now.xfd.value;
	return 0;
}

int write_image(struct vcpu *vcpu, const uint8_t *image, uint32_t bytes, struct reply *reply, struct refusal *why)
{
	struct image_bytes what = { image, bytes };

	return in_one_stop(vcpu, image_step, &what, reply, why);
}

static int xcr0_step(struct vcpu *vcpu, const void *what, uint64_t *value, struct refusal *why)
{
	struct kvm_xcrs xcrs = { .nr_xcrs = 1 };
	struct program p = { 0 };

	memcpy(&xcrs.xcrs[0].value, what, sizeof(uint64_t));
	if (put(vcpu, SCRATCH_CPUID, &xcrs, sizeof(xcrs), why) < 0)
		return -1;
	program_ioctl(&p, CALL_KVM_SET_XCRS, vcpu->fd, vcpu->scratch + SCRATCH_CPUID);
	program_ioctl(&p, CALL_KVM_GET_XCRS, vcpu->fd, vcpu->scratch + SCRATCH_XCRS);
	program_ioctl(&p, get_image_call(vcpu->get_image), vcpu->fd, vcpu->scratch + SCRATCH_IMAGE);
	if (vcpu_run(vcpu, &p, why) < 0 || require(&p, 0, 0, why) < 0 || require(&p, 1, 0, why) < 0 ||
	    require(&p, 2, 0, why) < 0 || fetch(vcpu, SCRATCH_XCRS, &xcrs, sizeof(xcrs), why) < 0)
		return -1;
	for (uint32_t i = 0; i < xcrs.nr_xcrs && i < KVM_MAX_XCRS; i++)
		if (xcrs.xcrs[i].xcr == 0)
			*value = xcrs.xcrs[i].value;
	return fetch(vcpu, SCRATCH_IMAGE, now.image, now.image_bytes, why);
}

int write_xcr0(struct vcpu *vcpu, uint64_t value, struct reply *reply, struct refusal *why)
{
	return in_one_stop(vcpu, xcr0_step, &value, reply, why);
}

/* The safe order of arming: the stored image first loses what IA32_XFD will cover, and is seen to have lost it. */
static int put_to_init(struct vcpu *vcpu, uint64_t mask, struct refusal *why)
{
	static uint8_t image[SCRATCH_IMAGE_BYTES];
	uint64_t bv = image_xstate_bv(now.image) & ~mask;

	memcpy(image, now.image, now.image_bytes);
	memcpy(image + XSAVE_BV_OFFSET, &bv, sizeof(bv));
	return store_image(vcpu, image, now.image_bytes, why);
}

static int store_msr(struct vcpu *vcpu, const struct set_msr_request *request, uint64_t *value, struct refusal *why)
{
	struct program p = { 0 };

	if (put_msr(vcpu, 1, request->index, request->value, why) < 0 || put_msr(vcpu, 2, request->index, 0, why) < 0)
		return -1;
	program_ioctl(&p, CALL_KVM_SET_MSRS, vcpu->fd, vcpu->scratch + SCRATCH_MSRS + SCRATCH_MSR_STRIDE);
	program_ioctl(&p, CALL_KVM_GET_MSRS, vcpu->fd, vcpu->scratch + SCRATCH_MSRS + 2 * SCRATCH_MSR_STRIDE);
	program_ioctl(&p, get_image_call(vcpu->get_image), vcpu->fd, vcpu->scratch + SCRATCH_IMAGE);
	if (vcpu_run(vcpu, &p, why) < 0 || require(&p, 0, 1, why) < 0 || require(&p, 1, 1, why) < 0 ||
	    require(&p, 2, 0, why) < 0 || fetch_msr(vcpu, 2, value, why) < 0)
		return -1;
	return fetch(vcpu, SCRATCH_IMAGE, now.image, now.image_bytes, why);
}

/* KVM checks the value only when it is too late: a refused IA32_XFD must not cost the components that were put to init. */
static int arm(struct vcpu *vcpu, const struct set_msr_request *request, uint64_t *value, struct refusal *why)
{
	static struct reading before;
	int given_up = (request->flags & MSR_PUT_TO_INIT_FIRST) && (request->value & image_xstate_bv(now.image));
	struct refusal ignored;

	before = now;
	if (given_up && put_to_init(vcpu, request->value, why) < 0)
		return -1;
	if (guard_arming(request->value, image_xstate_bv(now.image), why) == 0 && store_msr(vcpu, request, value, why) == 0)
		return 0;
	/* IA32_XFD is read again: should it be armed after all, the guard refuses to write back what it covers. */
	if (given_up && vcpu->state != VCPU_LATE && why->reason != REASON_TARGET_GONE && read_state(vcpu, &ignored) == 0)
		(void)store_image(vcpu, before.image, before.image_bytes, &ignored);
	return -1;
}

static int msr_step(struct vcpu *vcpu, const void *what, uint64_t *value, struct refusal *why)
{
	const struct set_msr_request *request = what;

	return request->index == MSR_IA32_XFD ? arm(vcpu, request, value, why) : store_msr(vcpu, request, value, why);
}

int write_msr(struct vcpu *vcpu, const struct set_msr_request *request, struct reply *reply, struct refusal *why)
{
	if (!guard_msr_listed(request->index))
		return refuse(why, REASON_MSR_NOT_LISTED, 0, "KVM_SET_MSRS", "MSR %#x is not on the list of those that may be written.",
			      request->index);
	return in_one_stop(vcpu, msr_step, request, reply, why);
}

_Static_assert(sizeof(struct kvm_regs) == REGS_BYTES, "struct kvm_regs goes over the wire as it is");

/* What KVM_SET_REGS must know before: registers of the mode, and what is on its way into the guest. */
static int read_mode(struct vcpu *vcpu, struct kvm_sregs *sregs, struct kvm_vcpu_events *events, struct refusal *why)
{
	struct program p = { 0 };

	program_ioctl(&p, CALL_KVM_GET_SREGS, vcpu->fd, vcpu->scratch + SCRATCH_SREGS);
	program_ioctl(&p, CALL_KVM_GET_VCPU_EVENTS, vcpu->fd, vcpu->scratch + SCRATCH_EVENTS);
	if (vcpu_run(vcpu, &p, why) < 0 || require(&p, 0, 0, why) < 0 || require(&p, 1, 0, why) < 0 ||
	    fetch(vcpu, SCRATCH_SREGS, sregs, sizeof(*sregs), why) < 0)
		return -1;
	return fetch(vcpu, SCRATCH_EVENTS, events, sizeof(*events), why);
}

static struct kvm_regs regs_read_back;

static int regs_step(struct vcpu *vcpu, const void *what, uint64_t *value, struct refusal *why)
{
	struct kvm_vcpu_events events;
	struct kvm_sregs sregs;
	struct program p = { 0 };

	program_ioctl(&p, CALL_KVM_SET_REGS, vcpu->fd, vcpu->scratch + SCRATCH_CPUID);
	program_ioctl(&p, CALL_KVM_GET_REGS, vcpu->fd, vcpu->scratch + SCRATCH_REGS);
	program_ioctl(&p, get_image_call(vcpu->get_image), vcpu->fd, vcpu->scratch + SCRATCH_IMAGE);
	if (read_mode(vcpu, &sregs, &events, why) < 0 || guard_regs(what, &sregs, why) < 0 ||
	    guard_events(&events, why) < 0 || put(vcpu, SCRATCH_CPUID, what, sizeof(struct kvm_regs), why) < 0 ||
	    vcpu_run(vcpu, &p, why) < 0 || require(&p, 0, 0, why) < 0 || require(&p, 1, 0, why) < 0 ||
	    require(&p, 2, 0, why) < 0 || fetch(vcpu, SCRATCH_REGS, &regs_read_back, sizeof(regs_read_back), why) < 0)
		return -1;
	*value = regs_read_back.rip;
	return fetch(vcpu, SCRATCH_IMAGE, now.image, now.image_bytes, why);
}

#define EVENT_TRIES 5

/* What is on its way into the guest has arrived a moment later, unless the vCPU is frozen. */
int write_regs(struct vcpu *vcpu, const struct kvm_regs *regs, struct reply *reply, struct refusal *why)
{
	struct timespec millisecond = { .tv_nsec = 1000000 };

	for (int tries = 1; in_one_stop(vcpu, regs_step, regs, reply, why) < 0; tries++) {
		if (why->reason != REASON_EVENT_PENDING || vcpu_is_frozen(vcpu) || tries == EVENT_TRIES)
			return -1;
		(void)nanosleep(&millisecond, NULL);
	}
	(void)reply_add(reply, &regs_read_back, sizeof(regs_read_back));
	return 0;
}
