/*
 * The contract between Tilescope's helper and whoever runs it.
 *
 * Frames go over stdin (requests) and stdout (replies, events); words for people go to stderr. All numbers are
 * little-endian. Every frame is a struct frame_header and payload_bytes of payload. A request ends in exactly one of:
 * a reply (STATUS_OK), a refusal (STATUS_REFUSED with a struct refusal), the end of the pipe.
 *
 * app/wire/ holds the same catalogue in TypeScript; a test reads this file and compares codes, sizes, offsets and version.
 * Whoever changes anything here raises PROTOCOL_VERSION in the same commit.
 */
#ifndef TILESCOPE_PROTOCOL_H
#define TILESCOPE_PROTOCOL_H

#include <stddef.h>
#include <stdint.h>

#define PROTOCOL_VERSION 12u
#define MAX_PAYLOAD_BYTES (1u << 20)

struct frame_header {
	uint32_t payload_bytes;
	uint32_t request_id; /* chosen by the asker, not 0; 0 in events */
	uint32_t code;       /* enum message */
	uint32_t status;     /* 0 in requests; enum status in answers */
};
_Static_assert(sizeof(struct frame_header) == 16, "frame header is 16 bytes on the wire");

enum status {
	STATUS_OK = 0,
	STATUS_REFUSED = 1,
	STATUS_EVENT = 2,
};

enum message {
	MSG_HELLO = 0x01,
	MSG_LIST_TARGETS = 0x02,
	MSG_ATTACH = 0x03,
	MSG_DETACH = 0x04,
	MSG_FREEZE = 0x05,
	MSG_RESUME = 0x06,
	MSG_VERDICTS = 0x07,
	MSG_CAPTURE = 0x10,
	MSG_SET_IMAGE = 0x11,
	MSG_SET_XCR0 = 0x12,
	MSG_SET_MSR = 0x13,
	MSG_SET_REGS = 0x14,
	MSG_MAPPINGS = 0x20,
	MSG_READ_MEMORY = 0x21,
	MSG_TRANSLATE = 0x22,
	MSG_WRITE_MEMORY = 0x23,
	MSG_BOUNDS = 0x24,
	MSG_RUN = 0x30,
	MSG_BREAKPOINTS = 0x31,
	EVENT_TARGET_GONE = 0x80, /* struct vcpu_ref: the target ended or the thread vanished; the session is over */
	EVENT_STEPS = 0x81,
	EVENT_STOPPED = 0x82,
};

/* Why something was refused, or why a target cannot be attached. REASON_NONE: nothing stands in the way. */
enum reason {
	REASON_NONE = 0,
	/* the request is at fault */
	REASON_BAD_FRAME = 1,        /* a length or field that cannot be; detail says which */
	REASON_UNKNOWN_MESSAGE = 2,
	REASON_VERSION = 3,          /* the versions differ; detail holds the helper's */
	REASON_NOT_ATTACHED = 4,
	REASON_ALREADY_ATTACHED = 5,
	REASON_BAD_SIZE = 6,         /* image shorter than its own XSTATE_BV needs, or longer than the vCPU takes */
	REASON_MSR_NOT_LISTED = 7,   /* not on the closed list of MSRs that may be written */
	/* the target cannot be reached */
	REASON_NO_SUCH_PROCESS = 20,
	REASON_NOT_THE_SAME_PROCESS = 21, /* the pid lives, but not with that start time */
	REASON_NOT_A_VMM = 22,            /* no anon_inode:kvm-vcpu descriptor */
	REASON_NO_SUCH_VCPU = 23,
	REASON_OTHER_USER = 24,           /* different uid and no CAP_SYS_PTRACE */
	REASON_NOT_DUMPABLE = 25,
	REASON_YAMA = 26,                 /* kernel.yama.ptrace_scope forbids it; errno_value holds the scope, not an errno */
	REASON_ALREADY_TRACED = 27,       /* refusal.other_pid holds the tracer */
	REASON_SELF = 28,                 /* the helper itself, or one of its ancestors */
	REASON_NOT_64_BIT = 29,
	REASON_SHADOW_STACK = 30,
	REASON_NO_GADGET = 31,            /* no `syscall; ret` or no signal restorer in its text */
	REASON_THREAD_NOT_FOUND = 32,     /* no thread of the process was seen in KVM_RUN on this vCPU */
	REASON_STOP_TIMEOUT = 33,         /* the thread did not stop: uninterruptible sleep, or no CPU for it */
	REASON_SECCOMP = 34,              /* the thread's filter would refuse a call: refusal.call, refusal.seccomp_action */
	REASON_SECCOMP_UNREADABLE = 35,   /* a filter is there and may not be read (CAP_SYS_ADMIN) */
	REASON_PERMISSION = 36,           /* ptrace refused for some other cause (an LSM) */
	REASON_TARGET_GONE = 37,
	REASON_OTHER_HELPER = 38,         /* another helper is attached to this vCPU: refusal.other_pid */
	REASON_NOT_AUTHORISED = 39,       /* the helper's capabilities would allow it, but its caller may not: detail says why */
	REASON_STOPPED = 40,              /* the process is stopped by a job-control signal */
	REASON_CGROUP_FROZEN = 41,
	/* the write guard, and refusals of a write */
	REASON_GUARD_XFD_COVERS_IMAGE = 50, /* image XSTATE_BV has a bit that IA32_XFD covers */
	REASON_GUARD_ARMING_OVER_STATE = 51,/* IA32_XFD would be armed over a stored component in use */
	REASON_OUTSIDE_KVM_RUN = 52,        /* the VMM is handling an exit or is paused: it would overwrite the write */
	REASON_PROTECTED_GUEST = 53,
	REASON_EVENT_PENDING = 54,  /* an exception or interrupt is being injected into the guest: KVM_SET_REGS would lose it */
	REASON_GUARD_REGS = 55,     /* with these registers the CPU refuses to enter the guest, which ends it */
	/* a system call failed: call and errno_value say which and how */
	REASON_CALL_FAILED = 60,
	REASON_CHAIN_TIMEOUT = 61,          /* the injected calls did not end in time */
	REASON_NO_MEMORY = 62,
	REASON_CHAIN_CHANGED = 63,          /* another thread of the target changed the injected calls: they were ended */
	REASON_MEMORY_CHANGED = 64,         /* memory that was to be written holds other bytes than was said: nothing was written */
};

struct refusal {
	uint32_t reason;      /* enum reason */
	int32_t errno_value;  /* positive errno, 0 where none; of REASON_YAMA the scope */
	int32_t other_pid;    /* see REASON_ALREADY_TRACED */
	uint32_t seccomp_action; /* see REASON_SECCOMP: SECCOMP_RET_* */
	uint64_t mask;        /* guards: the bits in question */
	char call[40];        /* "KVM_SET_XSAVE", "PTRACE_SEIZE"; NUL padded */
	char detail[192];     /* one sentence, ASCII, NUL padded */
};
_Static_assert(sizeof(struct refusal) == 256, "refusal is 256 bytes on the wire");

/* ---- hello ------------------------------------------------------------------------------------------------------ */

struct hello_request {
	uint32_t version;
	uint32_t reserved;
};

/* One CPUID sub-leaf. */
struct cpuid_entry {
	uint32_t leaf, subleaf, eax, ebx, ecx, edx;
};

struct hello_reply {
	uint32_t version;
	uint32_t pid;
	uint32_t uid;               /* effective */
	int32_t yama_scope;         /* kernel.yama.ptrace_scope; -1: Yama is not there */
	uint64_t capabilities;      /* effective, as in /proc/self/status CapEff */
	uint64_t host_xcr0_supported; /* KVM_X86_XCOMP_GUEST_SUPP of /dev/kvm; 0 where it cannot be asked */
	uint32_t kvm_api_version;   /* KVM_GET_API_VERSION; 0: /dev/kvm cannot be opened */
	int32_t kvm_errno;          /* why /dev/kvm cannot be opened */
	uint32_t debugfs_kvm;       /* 1: /sys/kernel/debug/kvm can be read */
	uint32_t cpuid_count;       /* struct cpuid_entry of the host follow: leaves 0, 1, 7, 0xD (all), 0x1D, 0x1E, 0x8000000[2-4] */
	char kernel_release[64];
};
_Static_assert(sizeof(struct hello_reply) == 112, "hello reply is 112 bytes before its CPUID entries");

/* ---- list targets: struct list_head, then target_count records, ascending by pid --------------------------------- */

struct list_request {
	int32_t after_pid; /* 0: from the start */
	uint32_t reserved;
};

struct list_head {
	uint32_t target_count;
	uint32_t skipped_count; /* processes whose descriptors may not be read */
	int32_t more_after_pid; /* not 0: the frame was full, and a request with this after_pid brings the rest */
	uint32_t reserved;
};

struct vcpu_record {
	uint32_t index;  /* N of anon_inode:kvm-vcpu:N */
	int32_t fd;
	int32_t tid;     /* 0: not known; else the likely one: only a stop of the thread can tell */
	int32_t vm_fd;   /* -1: not known */
	uint32_t seccomp_mode;  /* /proc/PID/task/TID/status Seccomp: 0 none, 1 strict, 2 filter */
	uint32_t seccomp_filters;
	int32_t vmm_number; /* of this CPU in its VMM's count; -1: not known */
	uint32_t reserved;
};

/* Followed by vcpu_count struct vcpu_record, exe_bytes, cmdline_bytes (arguments separated by NUL), padding to 8. */
struct target_record {
	uint32_t record_bytes;   /* all of it, padding included */
	int32_t pid;
	uint32_t uid;
	uint32_t reason;         /* enum reason: why attach would fail; REASON_NONE where it should work */
	int32_t errno_or_scope;
	int32_t tracer_pid;
	uint64_t start_time_ticks; /* /proc/PID/stat field 22: with pid, the identity of a process */
	uint64_t running_ms;
	uint32_t vm_count;
	uint32_t vcpu_count;
	uint32_t exe_bytes;
	uint32_t cmdline_bytes;
	uint32_t vcpus_left_out; /* vCPUs that have no record here: a process has more of them than KVM gives a VM */
	uint32_t cmdline_cut;    /* 1: the command line goes on */
	uint32_t seccomp_action; /* REASON_SECCOMP: what the filter answers to call */
	uint32_t reserved;
	char call[40];           /* the call that reason is about; NUL padded */
	char comm[16];
};
_Static_assert(sizeof(struct vcpu_record) == 32, "vcpu record is 32 bytes on the wire");
_Static_assert(sizeof(struct target_record) == 128, "target record is 128 bytes before its lists");

/* ---- attach, detach, freeze, resume ------------------------------------------------------------------------------ */

#define ATTACH_SUSPEND_SECCOMP 1u /* only by the user's explicit word; needs CAP_SYS_ADMIN */

/*
 * A helper serves one process; it may be attached to several of its vCPUs, and other helpers to its other ones. A vCPU is one
 * helper's at a time (REASON_OTHER_HELPER).
 */
struct vcpu_ref {
	int32_t pid;
	uint32_t vcpu_index;
};

struct attach_request {
	struct vcpu_ref vcpu;
	uint64_t start_time_ticks; /* 0: whatever process has that pid now */
	uint32_t flags;
	uint32_t reserved;
};

struct attach_reply {
	int32_t tid;
	int32_t vcpu_fd;
	int32_t vm_fd;            /* -1: not known */
	int32_t kvm_fd;           /* /dev/kvm in the target; -1: closed */
	uint64_t start_time_ticks;
	int32_t cap_xsave2_vm;    /* KVM_CHECK_EXTENSION(KVM_CAP_XSAVE2) on the VM, bytes; 0: unknown capability; -errno */
	int32_t cap_xsave2_system; /* the same on /dev/kvm, asked inside the target */
	uint64_t guest_permission; /* ARCH_GET_XCOMP_GUEST_PERM */
	uint64_t host_permission;  /* ARCH_GET_XCOMP_PERM of the target */
	uint64_t supported_xcr0;   /* KVM_X86_XCOMP_GUEST_SUPP asked inside the target; 0: unknown */
	uint32_t known;            /* bit 0 guest_permission, 1 host_permission, 2 supported_xcr0 could be asked */
	uint32_t image_bytes;      /* what a capture will bring, and the least that KVM_SET_XSAVE reads */
	uint32_t seccomp_mode;
	uint32_t flags;            /* those of the request that took effect */
	uint64_t pause_ns;         /* how long the thread stood still */
	int32_t vmm_number;        /* of this CPU in its VMM's count, as the name of the thread that runs it says; -1: not known */
	uint32_t reserved;
};
_Static_assert(sizeof(struct attach_request) == 24, "attach request is 24 bytes on the wire");
_Static_assert(sizeof(struct attach_reply) == 88, "attach reply is 88 bytes on the wire");

/* MSG_FREEZE, MSG_RESUME, MSG_DETACH: request struct vcpu_ref, reply struct thread_reply. Detach resumes what is frozen. */
struct thread_reply {
	uint64_t pause_ns;      /* how long the thread has stood still; 0 after freeze */
	uint32_t in_kvm_run;    /* 1: interrupted inside KVM_RUN; 0: the VMM is at work outside it */
	uint32_t frozen;        /* 1: the thread is held now */
};

/* MSG_VERDICTS: request struct vcpu_ref, reply count and that many struct verdict. Stops the thread once where it has a filter. */
struct verdicts_head {
	uint32_t count;
	uint32_t seccomp_mode;
};
struct verdict {
	char call[40];
	uint64_t number;        /* the ioctl request or the system call number */
	uint32_t action;        /* SECCOMP_RET_* the filter gives; SECCOMP_RET_ALLOW without filter */
	uint32_t known;         /* 0: the filter could not be read */
};
_Static_assert(sizeof(struct verdict) == 56, "verdict is 56 bytes on the wire");

/* ---- capture ------------------------------------------------------------------------------------------------------ */

/* Request: struct vcpu_ref. Reply: struct capture_head, then section_count sections, each padded to 8. */
struct capture_head {
	uint64_t pause_ns;        /* from PTRACE_INTERRUPT to the end of the last call */
	uint64_t taken_realtime_ns; /* CLOCK_REALTIME when the thread had stopped; of a frozen one, when it was read */
	uint32_t in_kvm_run;
	uint32_t frozen;
	uint32_t image_call;      /* the ioctl that brought the image: KVM_GET_XSAVE2 or KVM_GET_XSAVE */
	uint32_t written_bytes;   /* how many bytes of the image buffer the kernel wrote, found by a pattern */
	int32_t legacy_errno;     /* what KVM_GET_XSAVE says: 0, or errno (EINVAL once the state outgrew 4096 bytes) */
	uint32_t section_count;
};
_Static_assert(sizeof(struct capture_head) == 40, "capture head is 40 bytes on the wire");

enum section_kind {
	SECTION_IMAGE = 1,  /* written_bytes of XSAVE image, standard format */
	SECTION_CPUID = 2,  /* struct cpuid_entry each: the guest's, KVM_GET_CPUID2 */
	SECTION_XCRS = 3,   /* struct xcr_value each */
	SECTION_MSRS = 4,   /* struct msr_value each */
	SECTION_REGS = 5,   /* struct kvm_regs, 144 bytes */
	SECTION_SREGS = 6,  /* struct kvm_sregs, 312 bytes */
	SECTION_FAILED = 7, /* struct failed_call each: what could not be read, and why */
};

struct section {
	uint32_t kind;
	uint32_t bytes; /* without padding */
};
struct xcr_value {
	uint32_t index;
	uint32_t reserved;
	uint64_t value;
};
struct msr_value {
	uint32_t index;
	int32_t errno_value; /* 0: read; else why not (EINVAL: KVM does not give this MSR to this guest) */
	uint64_t value;
};
struct failed_call {
	uint32_t section; /* the section it would have filled */
	int32_t errno_value;
	char call[40];
};
_Static_assert(sizeof(struct msr_value) == 16, "msr value is 16 bytes on the wire");
_Static_assert(sizeof(struct failed_call) == 48, "failed call is 48 bytes on the wire");

/* ---- writes --------------------------------------------------------------------------------------------------------
 * All of them stop the thread, read what the guard needs, check, write, read back and let go again (a frozen thread stays
 * frozen). Nothing is written where a refusal is the answer, but for REASON_CALL_FAILED of the write itself: the kernel
 * checks everything before it stores, and the read back in a following capture shows it.
 */

/* MSG_SET_IMAGE: this head, then the image. Reply: struct write_reply, then the image read back in the same stop. */
struct set_image_request {
	struct vcpu_ref vcpu;
	uint32_t image_bytes;
	uint32_t reserved;
};
struct write_reply {
	uint64_t pause_ns;
	uint32_t image_bytes; /* of the image that follows: the state read back in the same stop, after the write */
	uint32_t frozen;
	uint64_t value;       /* MSR or XCR0 read back; IA32_XFD for MSG_SET_IMAGE; RIP for MSG_SET_REGS */
};
_Static_assert(sizeof(struct write_reply) == 24, "write reply is 24 bytes on the wire");

struct set_xcr0_request {
	struct vcpu_ref vcpu;
	uint64_t value;
};

/* MSRs that a capture reads and that may be written, each an address and a name (Intel SDM vol. 4), in the order of a record. */
#define MSR_LIST(row) \
	row(0x1c4, IA32_XFD) row(0x1c5, IA32_XFD_ERR) row(0xda0, IA32_XSS) row(0x6a0, IA32_U_CET) row(0x6a2, IA32_S_CET) \
	row(0x6a4, IA32_PL0_SSP) row(0x6a5, IA32_PL1_SSP) row(0x6a6, IA32_PL2_SSP) row(0x6a7, IA32_PL3_SSP) row(0x6a8, IA32_INT_SSP_TAB)
#define MSR_COUNTED(index, name) + 1
#define LISTED_MSRS (0 MSR_LIST(MSR_COUNTED))

/*
 * MSR_PUT_TO_INIT_FIRST asks for the safe order of arming: XSTATE_BV bits that the new IA32_XFD covers are cleared by KVM_SET_XSAVE
 * first. It gives up what those components hold.
 */
#define MSR_PUT_TO_INIT_FIRST 1u
struct set_msr_request {
	struct vcpu_ref vcpu;
	uint32_t index;
	uint32_t flags;
	uint64_t value;
};

/*
 * MSG_SET_REGS: struct vcpu_ref, then struct kvm_regs as in SECTION_REGS. Reply: struct write_reply, the image, and struct
 * kvm_regs as read back in the same stop. KVM sets bit 1 of RFLAGS whatever is asked.
 */
#define REGS_BYTES 144u
_Static_assert(sizeof(struct set_image_request) == 16, "set image request is 16 bytes before its image");
_Static_assert(sizeof(struct set_msr_request) == 24, "set msr request is 24 bytes on the wire");

#include "protocol_memory.h"
#include "protocol_run.h"
#endif
