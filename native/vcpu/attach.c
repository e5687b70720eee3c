/* Attaching: find the thread, get scratch memory in the target, ask what a capture needs to know. And back. */
#include <errno.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "discover.h"
#include "groups.h"
#include "permission.h"
#include "session.h"
#include "kill_point.h"

static struct vmm vmm;

/* The first vCPU with that number; two VMs in one process have two of them. */
static int find_vcpu(struct vcpu *vcpu, struct vcpu_place **place, struct refusal *why)
{
	if (discover_vmm(target.pid, &vmm) < 0)
		return refuse(why, REASON_PERMISSION, errno, "readdir", "The descriptors of process %d may not be read.",
			      target.pid);
	if (vmm.vcpu_count == 0)
		return refuse(why, REASON_NOT_A_VMM, 0, NULL, "Process %d has no KVM vCPU.", target.pid);
	discover_threads(&vmm);
	for (uint32_t i = 0; i < vmm.vcpu_count; i++) {
		if (vmm.vcpus[i].index != vcpu->ref.vcpu_index)
			continue;
		*place = &vmm.vcpus[i];
		vcpu->fd = vmm.vcpus[i].fd;
		vcpu->vm_fd = vmm.vcpus[i].vm_fd;
		vcpu->kvm_fd = vmm.kvm_fd;
		return 0;
	}
	if (vmm.left_out)
		return refuse(why, REASON_NO_SUCH_VCPU, 0, NULL,
			      "vCPU %u is not among the first %d of process %d, and %u more were not looked at.",
			      vcpu->ref.vcpu_index, MAX_VCPUS, target.pid, vmm.left_out);
	return refuse(why, REASON_NO_SUCH_VCPU, 0, NULL, "Process %d has no vCPU %u.", target.pid, vcpu->ref.vcpu_index);
}

static int32_t result_of(const struct program *program, int at, int32_t without)
{
	return at < 0 ? without : (int32_t)program->calls[at].result;
}

/* Everything about permission and sizes that has the caller's process for its subject, so it is asked inside. */
static int ask_inside(struct vcpu *vcpu, struct attach_reply *reply, struct refusal *why)
{
	static uint8_t image[SCRATCH_IMAGE_BYTES];
	struct kvm_device_attr attribute = { .attr = KVM_X86_XCOMP_GUEST_SUPP, .addr = vcpu->scratch + SCRATCH_ANSWERS };
	uint64_t answers[3], answer = vcpu->scratch + SCRATCH_ANSWERS;
	struct program p = { 0 };
	int vm = -1, kvm = -1, guest, host, supported = -1, image2, image1;

	KILL_POINT("scratch is signed");
	if (memory_write(target.pid, vcpu->scratch + SCRATCH_DATA, pattern_bytes(), SCRATCH_DATA_BYTES) < 0 ||
	    memory_write(target.pid, answer + 64, &attribute, sizeof(attribute)) < 0)
		return refuse_errno(why, errno, "process_vm_writev");
	if (vcpu->vm_fd >= 0)
		vm = vcpu_add_ioctl_of(vcpu, &p, CALL_KVM_CHECK_EXTENSION, vcpu->vm_fd, KVM_CAP_XSAVE2);
	if (vcpu->kvm_fd >= 0) {
		kvm = vcpu_add_ioctl_of(vcpu, &p, CALL_KVM_CHECK_EXTENSION, vcpu->kvm_fd, KVM_CAP_XSAVE2);
		supported = vcpu_add_ioctl_of(vcpu, &p, CALL_KVM_GET_DEVICE_ATTR, vcpu->kvm_fd, answer + 64);
	}
	guest = vcpu_add_allowed(vcpu, &p, CALL_arch_prctl, ARCH_GET_XCOMP_GUEST_PERM, answer + 8, 0);
	host = vcpu_add_allowed(vcpu, &p, CALL_arch_prctl, ARCH_GET_XCOMP_PERM, answer + 16, 0);
	image2 = vcpu_add_ioctl(vcpu, &p, CALL_KVM_GET_XSAVE2, SCRATCH_IMAGE);
	image1 = vcpu_add_ioctl(vcpu, &p, CALL_KVM_GET_XSAVE, SCRATCH_IMAGE2);
	if (p.count && vcpu_run(vcpu, &p, why) < 0)
		return -1;
	/* KVM answers EIO to every process but the one whose memory the guest has. */
	if (result_of(&p, image2, 0) == -EIO || result_of(&p, image1, 0) == -EIO)
		return refuse(why, REASON_NOT_A_VMM, EIO, "KVM_GET_XSAVE",
			      "vCPU %u is of another process's VM, or its VM is dead: KVM answers EIO.", vcpu->ref.vcpu_index);
	if (memory_read(target.pid, answer, answers, sizeof(answers)) < 0 ||
	    memory_read(target.pid, vcpu->scratch + SCRATCH_IMAGE, image, sizeof(image)) < 0)
		return refuse_errno(why, errno, "process_vm_readv");
	reply->cap_xsave2_vm = result_of(&p, vm, -EACCES);
	reply->cap_xsave2_system = result_of(&p, kvm, -EACCES);
	reply->supported_xcr0 = result_of(&p, supported, -1) == 0 ? answers[0] : 0;
	reply->guest_permission = result_of(&p, guest, -1) == 0 ? answers[1] : 0;
	reply->host_permission = result_of(&p, host, -1) == 0 ? answers[2] : 0;
	reply->known = (result_of(&p, guest, -1) == 0) | (uint32_t)(result_of(&p, host, -1) == 0) << 1 |
		       (uint32_t)(result_of(&p, supported, -1) == 0) << 2;
	vcpu->get_image = KVM_GET_XSAVE2;
	/* An older kernel does not know the one, an older VMM's filter does not allow it; KVM_GET_XSAVE answers EINVAL where 4096 bytes do not do. */
	if (result_of(&p, image2, -1) != 0 && result_of(&p, image1, -1) == 0)
		vcpu->get_image = KVM_GET_XSAVE;
	vcpu->image_bytes = 4096;
	if (result_of(&p, image2, -1) == 0)
		vcpu->image_bytes = pattern_written(image, SCRATCH_IMAGE - SCRATCH_DATA, sizeof(image));
	else if (vcpu->get_image == KVM_GET_XSAVE2 && reply->cap_xsave2_vm > 4096)
		vcpu->image_bytes = (uint32_t)reply->cap_xsave2_vm;
	return 0;
}

static int same_time_namespace(pid_t pid)
{
	char ours[64], theirs[64];

	/* Kernels without time namespaces have neither link. */
	if (proc_link(ours, sizeof(ours), "/proc/self/ns/time") < 0)
		return 1;
	return proc_link(theirs, sizeof(theirs), "/proc/%d/ns/time", pid) == 0 && strcmp(ours, theirs) == 0;
}

static int open_target(const struct attach_request *request, struct refusal *why)
{
	struct permission permission;
	struct stat_facts facts;

	if (proc_stat(request->vcpu.pid, 0, &facts) < 0)
		return refuse(why, REASON_NO_SUCH_PROCESS, ESRCH, NULL, "There is no process %d.", request->vcpu.pid);
	if (request->start_time_ticks && request->start_time_ticks != facts.start_time_ticks)
		return refuse(why, REASON_NOT_THE_SAME_PROCESS, 0, NULL, "Process %d is another one than was listed.",
			      request->vcpu.pid);
	permission_check(request->vcpu.pid, 0, &permission);
	/* The first thread may be a vCPU's that another helper has frozen; whether ours is traced, seizing it will show. */
	if (permission.reason != REASON_ALREADY_TRACED && permission_refusal(&permission, why) < 0)
		return -1;
	if (target.pid)
		return 0;
	target.pidfd = (int)syscall(SYS_pidfd_open, request->vcpu.pid, 0);
	if (target.pidfd < 0)
		return refuse_errno(why, errno, "pidfd_open");
	target.pid = request->vcpu.pid;
	target.start_time_ticks = facts.start_time_ticks;
	target.same_clock = same_time_namespace(target.pid);
	return 0;
}

/* May the filter be lifted at all? */
static int can_suspend(const struct vcpu *vcpu, struct refusal *why)
{
	uintptr_t with = PTRACE_O_TRACESYSGOOD | PTRACE_O_SUSPEND_SECCOMP, without = PTRACE_O_TRACESYSGOOD;

	if (sys_ptrace(PTRACE_SETOPTIONS, vcpu->tid, 0, (void *)with) < 0)
		return refuse(why, REASON_PERMISSION, errno, "PTRACE_SETOPTIONS",
			      "The kernel does not let the thread's seccomp filter be suspended: CAP_SYS_ADMIN is needed.");
	return sys_ptrace(PTRACE_SETOPTIONS, vcpu->tid, 0, (void *)without) < 0 ? refuse_errno(why, errno, "PTRACE_SETOPTIONS") : 0;
}

/* With the thread stopped: the part that must end with the thread in its own context, whatever happens. */
static int attach_stopped(struct vcpu *vcpu, struct attach_reply *reply, struct refusal *why)
{
	vcpu_read_filters(vcpu);
	if (vcpu_is_suspended(vcpu) && can_suspend(vcpu, why) < 0)
		return -1;
	if (scratch_map(vcpu, why) < 0)
		return -1;
	KILL_POINT("scratch is there");
	if (scratch_sign(vcpu, why) == 0 && ask_inside(vcpu, reply, why) == 0)
		return 0;
	if (vcpu->state != VCPU_LATE && why->reason != REASON_TARGET_GONE) {
		struct refusal ignored;

		(void)scratch_unmap(vcpu, &ignored);
	}
	return -1;
}

/* The thread was seen to run the vCPU: the number in its name is this CPU's. */
static int32_t number_in_name(const struct vcpu *vcpu)
{
	struct stat_facts facts;

	return proc_stat(target.pid, vcpu->tid, &facts) < 0 ? -1 : vcpu_of_thread_name(facts.comm);
}

static void fill_reply(const struct vcpu *vcpu, struct attach_reply *reply)
{
	reply->vmm_number = number_in_name(vcpu);
	reply->tid = vcpu->tid;
	reply->vcpu_fd = vcpu->fd;
	reply->vm_fd = vcpu->vm_fd;
	reply->kvm_fd = vcpu->kvm_fd;
	reply->start_time_ticks = target.start_time_ticks;
	reply->image_bytes = vcpu->image_bytes;
	reply->seccomp_mode = vcpu->seccomp_mode;
	reply->flags = vcpu->flags;
}

int attach(const struct attach_request *request, struct attach_reply *reply, struct refusal *why)
{
	struct vcpu_place *place = NULL;
	struct vcpu *vcpu = vcpus;
	uint64_t free_place;
	char *maps = NULL;
	int result = -1;

	if (vcpu_find(&request->vcpu) || (target.pid && target.pid != request->vcpu.pid))
		return refuse(why, REASON_ALREADY_ATTACHED, 0, NULL, "This helper is attached to process %d already.", target.pid);
	while (vcpu < vcpus + MAX_ATTACHED && vcpu->state)
		vcpu++;
	if (vcpu == vcpus + MAX_ATTACHED)
		return refuse(why, REASON_NO_MEMORY, 0, NULL, "No more than %d vCPUs at once.", MAX_ATTACHED);
	vcpu->state = VCPU_RUNS;
	vcpu->ref = request->vcpu;
	if (open_target(request, why) < 0 || find_vcpu(vcpu, &place, why) < 0)
		goto out;
	maps = proc_text("/proc/%d/maps", target.pid);
	if (!maps) {
		(void)refuse(why, REASON_PERMISSION, errno, "read", "The mappings of process %d may not be read.", target.pid);
		goto out;
	}
	if (!target.restorer && gadget_find(&target, maps, why) < 0)
		goto out;
	if (scratch_find(vcpu->ref.vcpu_index, maps, &vcpu->scratch, &free_place, why) < 0 || groups_check(target.pid, SCRATCH_BYTES, why) < 0)
		goto out;
	KILL_POINT("mappings read");
	if (search_thread(vcpu, place->tid, request->flags, why) < 0)
		goto out;
	result = attach_stopped(vcpu, reply, why);
	vcpu_release(vcpu);
	reply->pause_ns = now_ns(CLOCK_MONOTONIC) - vcpu->stop.interrupted_ns;
	fill_reply(vcpu, reply);
out:
	free(maps);
	if (result < 0)
		vcpu_forget(vcpu);
	return result;
}

int detach(struct vcpu *vcpu, struct thread_reply *reply, struct refusal *why)
{
	if (vcpu_stop(vcpu, NEED_ANY, why) < 0)
		goto out;
	if (vcpu->scratch && scratch_unmap(vcpu, why) < 0) {
		/* Of a target that is gone nothing stays held: it may be another program that stands still here. */
		if (vcpu_is_frozen(vcpu) && why->reason == REASON_TARGET_GONE)
			vcpu->state = VCPU_RUNS;
		vcpu_release(vcpu);
		goto out;
	}
	KILL_POINT("scratch is gone");
	vcpu->state = VCPU_RUNS;
	reply->in_kvm_run = (uint32_t)vcpu->stop.in_kvm_run;
	vcpu_release(vcpu);
	reply->pause_ns = now_ns(CLOCK_MONOTONIC) - vcpu->stop.interrupted_ns;
	vcpu_forget(vcpu);
	return 0;
out:
	if (why->reason == REASON_TARGET_GONE)
		vcpu_forget(vcpu);
	return -1;
}

void detach_all(void)
{
	for (size_t i = 0; i < MAX_ATTACHED; i++) {
		struct thread_reply reply = { 0 };
		struct refusal why;

		if (!vcpus[i].state || detach(&vcpus[i], &reply, &why) == 0)
			continue;
		if (vcpu_is_frozen(&vcpus[i]))
			(void)thread_let_go(vcpus[i].tid, &vcpus[i].stop);
		fprintf(stderr, "tilescope-helper: vCPU %zu was let go, not cleaned up: %s\n", i, why.detail);
	}
}
