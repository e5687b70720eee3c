/* The helper's loop: frames in, frames out, and a watch on what is attached. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/utsname.h>

#include "breakpoints.h"
#include "host_cpuid.h"
#include "discover.h"
#include "kvm_report.h"
#include "permission.h"
#include "session.h"
#include "stand.h"

static uint8_t request_bytes[MAX_PAYLOAD_BYTES] __attribute__((aligned(16)));
static uint8_t reply_bytes[MAX_PAYLOAD_BYTES] __attribute__((aligned(16)));

typedef int (*handler_function)(const void *payload, size_t bytes, struct reply *reply, struct refusal *why);

/* The kernel is asked once, after the start; what KVM supports does not change while it is loaded. */
static void probe_kvm(struct hello_reply *h)
{
	struct kvm_device_attr attribute = { .attr = KVM_X86_XCOMP_GUEST_SUPP };
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	if (fd < 0) {
		h->kvm_errno = errno;
		return;
	}
	h->kvm_api_version = (uint32_t)ioctl(fd, KVM_GET_API_VERSION, 0);
	attribute.addr = (uint64_t)(uintptr_t)&h->host_xcr0_supported;
	if (ioctl(fd, KVM_GET_DEVICE_ATTR, &attribute) < 0)
		h->host_xcr0_supported = 0;
	close(fd);
}

static int handle_hello(const void *payload, size_t bytes, struct reply *reply, struct refusal *why)
{
	const struct hello_request *request = payload;
	struct hello_reply h = { .version = PROTOCOL_VERSION };
	struct utsname names;

	(void)bytes;
	if (request->version != PROTOCOL_VERSION)
		return refuse(why, REASON_VERSION, 0, NULL, "The helper speaks version %u, the request version %u.",
			      PROTOCOL_VERSION, request->version);
	h.pid = (uint32_t)getpid();
	h.uid = (uint32_t)geteuid();
	h.yama_scope = yama_scope();
	h.capabilities = own_capabilities();
	h.debugfs_kvm = access("/sys/kernel/debug/kvm", R_OK | X_OK) == 0;
	probe_kvm(&h);
	if (uname(&names) == 0)
		(void)snprintf(h.kernel_release, sizeof(h.kernel_release), "%.63s", names.release);
	(void)reply_add(reply, &h, sizeof(h));
	h.cpuid_count = cpuid_report(reply);
	memcpy(reply->bytes, &h, sizeof(h));
	return 0;
}

static int handle_list(const void *payload, size_t bytes, struct reply *reply, struct refusal *why)
{
	const struct list_request *request = payload;

	(void)bytes;
	if (request->after_pid < 0)
		return refuse(why, REASON_BAD_FRAME, 0, NULL, "%d is no process id.", request->after_pid);
	discover_list(request->after_pid, reply);
	return 0;
}

static int handle_attach(const void *payload, size_t bytes, struct reply *reply, struct refusal *why)
{
	const struct attach_request *request = payload;
	struct attach_reply answer = { 0 };

	(void)bytes;
	if (request->flags & ~ATTACH_SUSPEND_SECCOMP)
		return refuse(why, REASON_BAD_FRAME, 0, NULL, "Unknown attach flags %#x.", request->flags);
	if (request->vcpu.pid <= 0)
		return refuse(why, REASON_BAD_FRAME, 0, NULL, "%d is no process id.", request->vcpu.pid);
	if (attach(request, &answer, why) < 0)
		return -1;
	(void)reply_add(reply, &answer, sizeof(answer));
	return 0;
}

static int answer_thread(struct vcpu *vcpu, struct reply *reply, struct refusal *why,
			 int (*act)(struct vcpu *, struct thread_reply *, struct refusal *))
{
	struct thread_reply answer = { 0 };

	if (act(vcpu, &answer, why) < 0)
		return -1;
	(void)reply_add(reply, &answer, sizeof(answer));
	return 0;
}

/* A message that names a vCPU, and no more. */
#define ON_VCPU(name, answer)                                                                                          \
	static int handle_##name(const void *payload, size_t bytes, struct reply *reply, struct refusal *why)          \
	{                                                                                                              \
		struct vcpu *vcpu;                                                                                     \
                                                                                                                       \
		(void)bytes;                                                                                           \
		return vcpu_require(payload, &vcpu, why) < 0 ? -1 : answer;                                            \
	}
ON_VCPU(detach, answer_thread(vcpu, reply, why, detach))
ON_VCPU(freeze, answer_thread(vcpu, reply, why, freeze))
ON_VCPU(resume, answer_thread(vcpu, reply, why, resume))
ON_VCPU(verdicts, verdicts(vcpu, reply, why))
ON_VCPU(capture, capture(vcpu, reply, why))
ON_VCPU(mappings, memory_mappings(vcpu, reply, why))
ON_VCPU(bounds, memory_bounds(vcpu, reply, why))

static int handle_set_image(const void *payload, size_t bytes, struct reply *reply, struct refusal *why)
{
	const struct set_image_request *request = payload;
	struct vcpu *vcpu;

	if (request->image_bytes != bytes - sizeof(*request))
		return refuse(why, REASON_BAD_FRAME, 0, NULL, "The frame says %u bytes of image and has %zu.",
			      request->image_bytes, bytes - sizeof(*request));
	if (vcpu_require(&request->vcpu, &vcpu, why) < 0)
		return -1;
	return write_image(vcpu, (const uint8_t *)payload + sizeof(*request), request->image_bytes, reply, why);
}

static int handle_set_xcr0(const void *payload, size_t bytes, struct reply *reply, struct refusal *why)
{
	const struct set_xcr0_request *request = payload;
	struct vcpu *vcpu;

	(void)bytes;
	return vcpu_require(&request->vcpu, &vcpu, why) < 0 ? -1 : write_xcr0(vcpu, request->value, reply, why);
}

static int handle_set_msr(const void *payload, size_t bytes, struct reply *reply, struct refusal *why)
{
	const struct set_msr_request *request = payload;
	struct vcpu *vcpu;

	(void)bytes;
	if (request->flags & ~MSR_PUT_TO_INIT_FIRST)
		return refuse(why, REASON_BAD_FRAME, 0, NULL, "Unknown MSR flags %#x.", request->flags);
	return vcpu_require(&request->vcpu, &vcpu, why) < 0 ? -1 : write_msr(vcpu, request, reply, why);
}

static int handle_set_regs(const void *payload, size_t bytes, struct reply *reply, struct refusal *why)
{
	struct vcpu *vcpu;
	struct kvm_regs regs;

	(void)bytes;
	memcpy(&regs, (const uint8_t *)payload + sizeof(struct vcpu_ref), sizeof(regs));
	return vcpu_require(payload, &vcpu, why) < 0 ? -1 : write_regs(vcpu, &regs, reply, why);
}

static int handle_read_memory(const void *payload, size_t bytes, struct reply *reply, struct refusal *why)
{
	const struct read_memory_request *request = payload;
	struct vcpu *vcpu;

	(void)bytes;
	return vcpu_require(&request->vcpu, &vcpu, why) < 0 ? -1 : memory_send(vcpu, request, reply, why);
}

static int handle_write_memory(const void *payload, size_t bytes, struct reply *reply, struct refusal *why)
{
	const struct write_memory_request *request = payload;
	struct vcpu *vcpu;

	if (bytes - sizeof(*request) != 2 * (size_t)request->bytes)
		return refuse(why, REASON_BAD_FRAME, 0, NULL, "The frame says %u bytes, as they are and are to be, and has %zu.",
			      request->bytes, bytes - sizeof(*request));
	if (vcpu_require(&request->vcpu, &vcpu, why) < 0)
		return -1;
	return memory_write_checked(vcpu, request, (const uint8_t *)payload + sizeof(*request), reply, why);
}

static int handle_translate(const void *payload, size_t bytes, struct reply *reply, struct refusal *why)
{
	const struct translate_request *request = payload;
	struct vcpu *vcpu;

	if (request->count != (bytes - sizeof(*request)) / 8 || bytes % 8 != 0)
		return refuse(why, REASON_BAD_FRAME, 0, NULL, "The frame says %u addresses and has %zu bytes of them.",
			      request->count, bytes - sizeof(*request));
	if (vcpu_require(&request->vcpu, &vcpu, why) < 0)
		return -1;
	return memory_translate(vcpu, (const uint64_t *)(const void *)((const uint8_t *)payload + sizeof(*request)),
				request->count, reply, why);
}

static int handle_run(const void *payload, size_t bytes, struct reply *reply, struct refusal *why)
{
	const struct run_request *request = payload;
	struct vcpu *vcpu;

	size_t code = request->flags & STEP_KNOWN_CODE ? sizeof(struct step_code) : 0;

	if (request->lookup_count > MOST_LOOKUPS || bytes != sizeof(*request) + request->lookup_count * sizeof(struct step_lookup) + code)
		return refuse(why, REASON_BAD_FRAME, 0, NULL, "The frame says %u lookups%s and has %zu bytes of them.",
			      request->lookup_count, code ? " and the code" : "", bytes - sizeof(*request));
	(void)reply;
	return vcpu_require(&request->vcpu, &vcpu, why) < 0 ? -1 : run_begin(vcpu, request, why);
}

/* Code, payload bytes, whether more may follow, function. */
static const struct handler {
	uint32_t code;
	uint32_t bytes;
	int and_more;
	handler_function function;
} handlers[] = {
	{ MSG_HELLO, sizeof(struct hello_request), 0, handle_hello },
	{ MSG_LIST_TARGETS, sizeof(struct list_request), 0, handle_list },
	{ MSG_ATTACH, sizeof(struct attach_request), 0, handle_attach },
	{ MSG_DETACH, sizeof(struct vcpu_ref), 0, handle_detach },
	{ MSG_FREEZE, sizeof(struct vcpu_ref), 0, handle_freeze },
	{ MSG_RESUME, sizeof(struct vcpu_ref), 0, handle_resume },
	{ MSG_VERDICTS, sizeof(struct vcpu_ref), 0, handle_verdicts },
	{ MSG_CAPTURE, sizeof(struct vcpu_ref), 0, handle_capture },
	{ MSG_SET_IMAGE, sizeof(struct set_image_request), 1, handle_set_image },
	{ MSG_SET_XCR0, sizeof(struct set_xcr0_request), 0, handle_set_xcr0 },
	{ MSG_SET_MSR, sizeof(struct set_msr_request), 0, handle_set_msr },
	{ MSG_SET_REGS, sizeof(struct vcpu_ref) + REGS_BYTES, 0, handle_set_regs },
	{ MSG_RUN, sizeof(struct run_request), 1, handle_run },
	{ MSG_BREAKPOINTS, 0, 0, breakpoints_answer },
	{ MSG_MAPPINGS, sizeof(struct vcpu_ref), 0, handle_mappings },
	{ MSG_BOUNDS, sizeof(struct vcpu_ref), 0, handle_bounds },
	{ MSG_READ_MEMORY, sizeof(struct read_memory_request), 0, handle_read_memory },
	{ MSG_WRITE_MEMORY, sizeof(struct write_memory_request), 1, handle_write_memory },
	{ MSG_TRANSLATE, sizeof(struct translate_request), 1, handle_translate },
};

static int dispatch(const struct frame_header *header, struct reply *reply, struct refusal *why)
{
	if (header->payload_bytes > MAX_PAYLOAD_BYTES)
		return refuse(why, REASON_BAD_FRAME, 0, NULL, "A payload has at most %u bytes, this one %u: goodbye.",
			      MAX_PAYLOAD_BYTES, header->payload_bytes);
	if (header->request_id == 0 || header->status != 0)
		return refuse(why, REASON_BAD_FRAME, 0, NULL, "A request has an id that is not 0, and status 0.");
	for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++) {
		const struct handler *h = &handlers[i];

		if (h->code != header->code)
			continue;
		if (header->payload_bytes < h->bytes || (header->payload_bytes > h->bytes && !h->and_more))
			return refuse(why, REASON_BAD_FRAME, 0, NULL, "Message %#x takes %u bytes of payload, %u came.",
				      header->code, h->bytes, header->payload_bytes);
		return h->function(request_bytes, header->payload_bytes, reply, why);
	}
	return refuse(why, REASON_UNKNOWN_MESSAGE, 0, NULL, "There is no message %#x.", header->code);
}

/* Everything attached is gone with the process; whoever asked is told once for each vCPU. */
static int report_gone(struct vcpu *vcpu)
{
	struct frame_header header = { sizeof(struct vcpu_ref), 0, EVENT_TARGET_GONE, STATUS_EVENT };
	struct vcpu_ref ref = vcpu->ref;

	vcpu_forget(vcpu);
	return frame_write(STDOUT_FILENO, &header, &ref);
}

/* 0: go on; -1: the pipe is closed. process_ended: its pidfd said so. */
static int watch(int process_ended)
{
	(void)late_release(0);
	for (size_t i = 0; i < MAX_ATTACHED; i++) {
		int ended = vcpu_is_frozen(&vcpus[i]) && thread_is_gone(vcpus[i].tid);

		if (ended || (vcpus[i].state && process_ended))
			if (report_gone(&vcpus[i]) < 0)
				return -1;
	}
	return 0;
}

/* A request, or the next part of one: half a frame must not keep us from the rest of our work. 0: go on; -1: the end. */
static int serve(void)
{
	static struct frame_start incoming;
	struct reply reply = { .bytes = reply_bytes };
	struct refusal why = { 0 };
	enum frame_outcome outcome = frame_read(STDIN_FILENO, &incoming, request_bytes);
	struct frame_header header = incoming.header;
	const void *payload = reply_bytes;
	int gone;

	if (outcome == FRAME_PART)
		return 0;
	if (outcome != FRAME_READ && outcome != FRAME_TOO_LONG)
		return -1;
	header.status = dispatch(&header, &reply, &why) < 0 ? STATUS_REFUSED : STATUS_OK;
	if (header.status == STATUS_REFUSED || reply.full) {
		if (reply.full)
			(void)refuse(&why, REASON_NO_MEMORY, 0, NULL, "The answer does not fit into one frame.");
		header.status = STATUS_REFUSED;
		payload = &why;
		reply.used = sizeof(why);
	}
	header.payload_bytes = (uint32_t)reply.used;
	gone = frame_write(STDOUT_FILENO, &header, payload) < 0;
	/* What has begun is led to its end in any case, which an asker that is gone makes a near one. */
	if (header.code == MSG_RUN && header.status == STATUS_OK)
		gone |= run_on(&why) < 0 && why.reason == REASON_NONE;
	stand_watch_end();
	if (gone || outcome == FRAME_TOO_LONG)
		return -1;
	/* A target that ended in mid-request is reported to its asker, and then its session is over. */
	if (why.reason == REASON_TARGET_GONE && target.pid)
		return watch(syscall(SYS_pidfd_send_signal, target.pidfd, 0, NULL, 0) < 0);
	return 0;
}

static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	(void)sigprocmask(SIG_SETMASK, &set, NULL); /* what our parent had blocked is none of ours: SIGALRM must arrive (stand.h) */
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGALRM, SIG_DFL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* 1 where a signal that asks us to end was among those that came. */
static int take_signals(int fd)
{
	struct signalfd_siginfo info;
	int end = 0;

	while (read(fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		end |= info.ssi_signo != SIGCHLD;
	return end;
}

int main(int argc, char **argv)
{
	int signals, end = 0;

	capabilities_drop();
	if (argc == 2 && strcmp(argv[1], "--kvm") == 0)
		return kvm_report();
	signals = open_signals();
	while (!end) {
		struct pollfd fds[3] = {
			{ .fd = STDIN_FILENO, .events = POLLIN },
			{ .fd = signals, .events = POLLIN },
			{ .fd = target.pid ? target.pidfd : -1, .events = POLLIN },
		};

		if (poll(fds, 3, -1) < 0)
			continue;
		if (fds[1].revents)
			end = take_signals(signals);
		if (fds[1].revents || fds[2].revents)
			end |= watch(fds[2].revents != 0) < 0;
		/* A request that waits for a thread takes every SIGCHLD that comes meanwhile, so what they said is looked up after it. */
		if (!end && fds[0].revents)
			end = serve() < 0 || watch(0) < 0;
	}
	detach_all();
	return 0;
}
