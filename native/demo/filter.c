#include "filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/falloc.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/if_tun.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "vm.h"

#ifndef KVM_GET_XSAVE2
#define KVM_GET_XSAVE2 _IOR(KVMIO, 0xcf, struct kvm_xsave)
#endif

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define ANSWER(value) BPF_STMT(BPF_RET | BPF_K, value)

/* No memory that can be executed, as where a policy forbids it. */
static void install_no_code(void)
{
	struct sock_filter code[] = {
		LOAD(nr),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 0, 3),
		LOAD(args[2]),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1),
		ANSWER(SECCOMP_RET_KILL_PROCESS),
		ANSWER(SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		vm_fail("seccomp");
}

/* No KVM_SET_REGS from where scratch memory lies. */
static void install_no_regs_there(void)
{
	struct sock_filter code[] = {
		LOAD(args[1]),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, KVM_SET_REGS, 0, 4),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, instruction_pointer) + 4),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x2000, 0, 2),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x4000, 1, 0),
		ANSWER(SECCOMP_RET_KILL_PROCESS),
		ANSWER(SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		vm_fail("seccomp");
}

/* One system call, perhaps with one value of its second argument, gets this answer; everything else is allowed. */
static void install(uint32_t number, int64_t second, uint32_t answer)
{
	struct sock_filter code[] = {
		LOAD(nr),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 3),
		LOAD(args[1]),
		BPF_JUMP(BPF_JMP | (second < 0 ? BPF_JGE : BPF_JEQ) | BPF_K, second < 0 ? 0 : (uint32_t)second, 0, 1),
		ANSWER(answer),
		ANSWER(SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		vm_fail("seccomp");
}

/*
 * What two VMMs let a vCPU's thread do; everything else is trapped. Laid down from what they publish: Firecracker's
 * resources/seccomp/x86_64-unknown-linux-musl.json, "vcpu", of 81b38b9dad60 (2026-08-21), and Cloud Hypervisor's
 * vmm/src/seccomp_filters.rs, vcpu_thread_rules() with KVM, of ae44c2971c83 (2026-08-22), without what vhost-vdpa and iommufd
 * add to ioctl. Firecracker's reads the vCPU and writes nothing; Cloud Hypervisor's neither reads nor writes it.
 */
enum { ANYTHING, EQUAL, NO_BIT };

struct condition {
	uint8_t argument, op;
	uint32_t value;
};

/* A call is allowed by any rule of its number whose conditions all hold. */
struct allowed {
	uint32_t call;
	struct condition conditions[2];
};

#define ARGUMENT(n, value) { n, EQUAL, value }
#define REQUEST(value) { SYS_ioctl, { ARGUMENT(1, (uint32_t)(value)) } }
#define VFIO_GROUP_UNSET_CONTAINER _IO(';', 105)
#define VFIO_DEVICE_SET_IRQS _IO(';', 110)
#define VFIO_IOMMU_MAP_DMA _IO(';', 113)
#define VFIO_IOMMU_UNMAP_DMA _IO(';', 114)

static const struct allowed firecracker[] = {
	{ .call = SYS_exit },
	{ .call = SYS_exit_group },
	{ .call = SYS_write },
	{ .call = SYS_open },
	{ .call = SYS_close },
	{ .call = SYS_eventfd2 },
	{ .call = SYS_io_uring_enter },
	{ .call = SYS_epoll_ctl },
	{ .call = SYS_fstat },
	{ .call = SYS_brk },
	{ .call = SYS_gettid },
	{ .call = SYS_clock_gettime },
	{ .call = SYS_mremap },
	{ .call = SYS_munmap },
	{ .call = SYS_rt_sigprocmask },
	{ .call = SYS_rt_sigreturn },
	{ .call = SYS_sigaltstack },
	{ .call = SYS_sched_yield },
	{ .call = SYS_sendmsg },
	{ .call = SYS_restart_syscall },
	{ SYS_futex, { ARGUMENT(1, FUTEX_WAIT) } },
	{ SYS_futex, { ARGUMENT(1, FUTEX_WAKE) } },
	{ SYS_futex, { ARGUMENT(1, FUTEX_WAIT_PRIVATE) } },
	{ SYS_futex, { ARGUMENT(1, FUTEX_WAKE_PRIVATE) } },
	{ SYS_futex, { ARGUMENT(1, FUTEX_WAIT_BITSET_PRIVATE) } },
	{ SYS_madvise, { ARGUMENT(2, MADV_DONTNEED) } },
	{ SYS_mmap, { ARGUMENT(3, MAP_SHARED), { 2, NO_BIT, PROT_EXEC } } },
	{ SYS_mmap, { ARGUMENT(3, MAP_ANONYMOUS | MAP_PRIVATE), ARGUMENT(2, PROT_READ | PROT_WRITE) } },
	{ SYS_rt_sigaction, { ARGUMENT(0, SIGABRT) } },
	{ SYS_timerfd_settime, { ARGUMENT(1, 0) } },
	{ SYS_tkill, { ARGUMENT(1, SIGABRT) } },
	REQUEST(KVM_RUN),
	REQUEST(KVM_GET_MP_STATE),
	REQUEST(KVM_GET_VCPU_EVENTS),
	REQUEST(KVM_GET_LAPIC),
	REQUEST(KVM_GET_SREGS),
	REQUEST(KVM_GET_REGS),
	REQUEST(KVM_GET_MSRS),
	REQUEST(KVM_GET_CPUID2),
	REQUEST(KVM_GET_DEBUGREGS),
	REQUEST(KVM_GET_XSAVE),
	REQUEST(KVM_GET_XSAVE2),
	REQUEST(KVM_GET_XCRS),
	REQUEST(KVM_GET_TSC_KHZ),
	REQUEST(KVM_KVMCLOCK_CTRL),
	REQUEST(KVM_SET_GSI_ROUTING),
	REQUEST(KVM_IRQFD),
	REQUEST(TUNSETOFFLOAD),
	{ SYS_ioctl, { ARGUMENT(1, KVM_CHECK_EXTENSION), ARGUMENT(2, KVM_CAP_MSI_DEVID) } },
};

static const struct allowed cloud_hypervisor[] = {
	{ .call = SYS_brk },
	{ .call = SYS_clock_gettime },
	{ .call = SYS_clock_nanosleep },
	{ .call = SYS_close },
	{ .call = SYS_dup },
	{ .call = SYS_exit },
	{ .call = SYS_epoll_ctl },
	{ SYS_fallocate, { ARGUMENT(1, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE) } },
	{ .call = SYS_fcntl },
	{ .call = SYS_fstat },
	{ .call = SYS_fsync },
	{ .call = SYS_futex },
	{ .call = SYS_getcwd },
	{ .call = SYS_getrandom },
	{ .call = SYS_lseek },
	{ .call = SYS_madvise },
	{ .call = SYS_mmap },
	{ .call = SYS_mprotect },
	{ .call = SYS_mremap },
	{ .call = SYS_munmap },
	{ .call = SYS_nanosleep },
	{ .call = SYS_newfstatat },
	{ .call = SYS_open },
	{ .call = SYS_pread64 },
	{ .call = SYS_pwrite64 },
	{ .call = SYS_pwritev2 },
	{ .call = SYS_readlink },
	{ .call = SYS_recvfrom },
	{ .call = SYS_recvmsg },
	{ .call = SYS_rt_sigreturn },
	{ .call = SYS_sched_yield },
	{ .call = SYS_sendmsg },
	{ .call = SYS_sendto },
	{ .call = SYS_shutdown },
	{ .call = SYS_sigaltstack },
	{ .call = SYS_statx },
	{ .call = SYS_unlink },
	{ .call = SYS_writev },
	REQUEST(KVM_CHECK_EXTENSION),
	REQUEST(KVM_IOEVENTFD),
	REQUEST(KVM_IRQFD),
	REQUEST(KVM_SET_DEVICE_ATTR),
	REQUEST(KVM_SET_GSI_ROUTING),
	REQUEST(KVM_SET_USER_MEMORY_REGION),
	REQUEST(KVM_RUN),
	REQUEST(KVM_NMI),
	REQUEST(KVM_GET_NESTED_STATE),
	REQUEST(KVM_SET_NESTED_STATE),
	REQUEST(0x40a0ae49), /* KVM_SET_USER_MEMORY_REGION2 */
	REQUEST(0x4020aed2), /* KVM_SET_MEMORY_ATTRIBUTES */
	REQUEST(0xc040aed4), /* KVM_CREATE_GUEST_MEMFD */
	REQUEST(VFIO_DEVICE_SET_IRQS),
	REQUEST(VFIO_GROUP_UNSET_CONTAINER),
	REQUEST(VFIO_IOMMU_MAP_DMA),
	REQUEST(VFIO_IOMMU_UNMAP_DMA),
};

static const struct {
	const char *kind;
	const struct allowed *rules;
	size_t count;
} vmms[] = {
	{ "firecracker", firecracker, sizeof(firecracker) / sizeof(firecracker[0]) },
	{ "cloud-hypervisor", cloud_hypervisor, sizeof(cloud_hypervisor) / sizeof(cloud_hypervisor[0]) },
};

/* A test that fails jumps over the rest of its rule. */
static unsigned short put_rule(struct sock_filter *code, const struct allowed *rule)
{
	unsigned short n = 0, conditions = 0;

	while (conditions < 2 && rule->conditions[conditions].op != ANYTHING)
		conditions++;
	code[n++] = (struct sock_filter)LOAD(nr);
	code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, rule->call, 0, (uint8_t)(2 * conditions + 1));
	for (unsigned short i = 0; i < conditions; i++) {
		const struct condition *c = &rule->conditions[i];
		uint8_t over = (uint8_t)(2 * (conditions - i - 1) + 1);

		code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
							 offsetof(struct seccomp_data, args) + 8u * c->argument);
		if (c->op == EQUAL)
			code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, c->value, 0, over);
		else
			code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, c->value, over, 0);
	}
	code[n++] = (struct sock_filter)ANSWER(SECCOMP_RET_ALLOW);
	return n;
}

static void install_list(const struct allowed *rules, size_t count)
{
	static struct sock_filter code[512];
	struct sock_fprog program = { 0, code };

	for (size_t i = 0; i < count; i++)
		program.len = (unsigned short)(program.len + put_rule(code + program.len, &rules[i]));
	code[program.len++] = (struct sock_filter)ANSWER(SECCOMP_RET_TRAP);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		vm_fail("seccomp");
}

void filter_install(const char *kind)
{
	static const struct {
		const char *kind;
		uint32_t number;
		int64_t second;
		uint32_t answer;
	} kinds[] = {
		{ "allow", SYS_swapoff, -1, SECCOMP_RET_KILL_PROCESS },
		{ "trap-set", SYS_ioctl, KVM_SET_XSAVE, SECCOMP_RET_TRAP },
		{ "kill-set", SYS_ioctl, KVM_SET_XSAVE, SECCOMP_RET_KILL_PROCESS },
		{ "trap-get", SYS_ioctl, KVM_GET_XSAVE2, SECCOMP_RET_TRAP },
		{ "trap-get", SYS_ioctl, KVM_GET_XSAVE, SECCOMP_RET_TRAP },
		{ "trap-get2", SYS_ioctl, KVM_GET_XSAVE2, SECCOMP_RET_TRAP },
		{ "errno", SYS_ioctl, KVM_GET_SREGS, SECCOMP_RET_ERRNO | EPERM },
		{ "kill-regs", SYS_ioctl, KVM_SET_REGS, SECCOMP_RET_KILL_PROCESS },
		{ "trap-events", SYS_ioctl, (int64_t)(uint32_t)KVM_GET_VCPU_EVENTS, SECCOMP_RET_TRAP },
		{ "no-copy", SYS_process_vm_readv, -1, SECCOMP_RET_KILL_PROCESS },
		{ "no-clock", SYS_clock_gettime, -1, SECCOMP_RET_KILL_PROCESS },
		{ "no-debug", SYS_ioctl, KVM_SET_GUEST_DEBUG, SECCOMP_RET_KILL_PROCESS },
		{ "no-wait", SYS_futex, FUTEX_WAIT_PRIVATE, SECCOMP_RET_KILL_PROCESS },
		{ "no-msrs", SYS_ioctl, (int64_t)(uint32_t)KVM_GET_MSRS, SECCOMP_RET_KILL_PROCESS },
		{ "no-timer", SYS_timer_create, -1, SECCOMP_RET_KILL_PROCESS },
	};
	int no_code = strcmp(kind, "no-code") == 0, no_regs_there = strcmp(kind, "no-regs-there") == 0, installed = no_code || no_regs_there;

	if (no_code)
		install_no_code();
	if (no_regs_there)
		install_no_regs_there();
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].kind, kind) == 0) {
			install(kinds[i].number, kinds[i].second, kinds[i].answer);
			installed = 1;
		}
	if (installed)
		return;
	for (size_t i = 0; i < sizeof(vmms) / sizeof(vmms[0]); i++)
		if (strcmp(vmms[i].kind, kind) == 0) {
			install_list(vmms[i].rules, vmms[i].count);
			return;
		}
	errno = EINVAL;
	vm_fail(kind);
}
