/* General registers of a running vCPU: written, used by the guest, refused where the guest would not survive them. */
#include <linux/seccomp.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "live.h"
#include "privilege.h"

/* In memory of the real-mode guest: mov [0x7f00], eax; mov [0x7f04], ebx; jmp 0x1000, where it counts. */
#define PROBE_CODE 0x1100u
#define PROBE_RESULT 0x7f00u
static const uint8_t probe_code[] = { 0x66, 0xa3, 0x00, 0x7f, 0x66, 0x89, 0x1e, 0x04, 0x7f, 0xe9, 0xf4, 0xfe };

#define CARRY 1ull
#define FIXED 2ull

static int start(struct guest *g, const char *a, const char *b)
{
	const char *arguments[] = { "--program", "integer", a, b, NULL };

	if (guest_start_demo(g, demo_program, arguments) == 0)
		return 0;
	CHECK(0, "the demo VMM did not start");
	guest_end(g);
	return -1;
}

static struct kvm_regs regs_of(struct client *c, struct guest *g)
{
	struct kvm_regs regs = { 0 };
	const void *found;

	CHECK(client_vcpu(c, MSG_CAPTURE, g->pid, 0) == 1, "%s", c->refusal ? c->refusal->detail : "no answer");
	found = c->refusal ? NULL : capture_section(c, SECTION_REGS, NULL);
	if (found)
		memcpy(&regs, found, sizeof(regs));
	return regs;
}

static int set_regs(struct client *c, struct guest *g, const struct kvm_regs *regs)
{
	int answer = client_set_regs(c, g->pid, 0, regs);

	CHECK(answer == 1, "%s", c->refusal ? c->refusal->detail : "no answer");
	return answer == 1;
}

/* What the write's own stop read back, behind the image. */
static struct kvm_regs read_back(const struct client *c, struct write_reply *head)
{
	struct kvm_regs regs = { 0 };

	memcpy(head, c->payload, sizeof(*head));
	CHECK(c->header.payload_bytes == sizeof(*head) + head->image_bytes + sizeof(regs), "%u bytes", c->header.payload_bytes);
	memcpy(&regs, c->payload + sizeof(*head) + head->image_bytes, sizeof(regs));
	return regs;
}

/* Every register but RIP and RFLAGS, which the guest moves. */
static int same_general(const struct kvm_regs *a, const struct kvm_regs *b)
{
	return memcmp(a, b, offsetof(struct kvm_regs, rip)) == 0;
}

void live_regs(struct guest *g)
{
	struct kvm_regs old, new, now;
	struct write_reply head;
	struct client c;

	CHECK(client_start(&c, helper_program) == 0, "no helper");
	CHECK(client_attach(&c, g->pid, 0, 0, NULL) == 1, "%s", c.refusal ? c.refusal->detail : "no answer");
	old = new = regs_of(&c, g);
	new.rax = 0x1122334455667788ull;
	new.r15 = 0xfedcba9876543210ull;
	new.rflags = (old.rflags & ~FIXED) ^ CARRY;
	if (set_regs(&c, g, &new)) {
		now = read_back(&c, &head);
		CHECK(same_general(&now, &new) && now.rip == new.rip && head.value == new.rip, "read back differs");
		CHECK(now.rflags == (new.rflags | FIXED), "RFLAGS %#llx", (unsigned long long)now.rflags);
		CHECK(head.image_bytes >= 4096, "no image came with it");
	}
	CHECK(guest_progresses(g, 0), "the guest stands still");
	now = regs_of(&c, g);
	/* INC leaves CF alone. */
	CHECK(same_general(&now, &new) && (now.rflags & CARRY) == (new.rflags & CARRY), "the guest lost what was written");
	old.rip = now.rip;
	CHECK(set_regs(&c, g, &old), "restoring refused");
	now = regs_of(&c, g);
	CHECK(same_general(&now, &old) && (now.rflags & CARRY) == (old.rflags & CARRY), "not restored");
	CHECK(client_end(&c) == 0, "the helper did not end with 0");
}

/* The guest goes where RIP says, and stores what RAX and RBX hold. frozen: it does so after it was resumed, not before. */
static void used_by_guest(struct guest *g, struct client *c, int frozen)
{
	volatile uint32_t *result = (volatile uint32_t *)((uintptr_t)g->page + DEMO_MEMORY_AT + PROBE_RESULT);
	struct kvm_regs old, new;

	memcpy((uint8_t *)(uintptr_t)g->page + DEMO_MEMORY_AT + PROBE_CODE, probe_code, sizeof(probe_code));
	result[0] = result[1] = 0;
	if (frozen)
		CHECK(client_vcpu(c, MSG_FREEZE, g->pid, 0) == 1, "freeze");
	old = new = regs_of(c, g);
	new.rax = frozen ? 0xc001d00d : 0x1234abcd;
	new.rbx = ~new.rax;
	new.rip = PROBE_CODE;
	if (!set_regs(c, g, &new))
		return;
	if (frozen) {
		(void)usleep(2000);
		CHECK(result[0] == 0, "a frozen guest ran on");
		CHECK(client_vcpu(c, MSG_RESUME, g->pid, 0) == 1, "resume");
	}
	CHECK(guest_progresses(g, 0), "the guest does not come back to its loop");
	CHECK(result[0] == (uint32_t)new.rax && result[1] == (uint32_t)new.rbx, "the guest stored %#x and %#x", result[0], result[1]);
	old.rip = regs_of(c, g).rip;
	CHECK(set_regs(c, g, &old), "restoring refused");
}

/* Values with which the CPU would not enter this real-mode guest: refused before anything is written. */
static void refused_values(struct guest *g, struct client *c)
{
	static const struct {
		uint64_t rflags, rip;
		const char *what;
	} bad[] = {
		{ 1ull << 3, 0, "a reserved bit of RFLAGS" },   { 1ull << 15, 0, "bit 15 of RFLAGS" },
		{ 1ull << 22, 0, "bit 22 of RFLAGS" },		{ 1ull << 63, 0, "bit 63 of RFLAGS" },
		{ 1ull << 17, 0, "RFLAGS.VM in real mode" },	{ 0, 1ull << 32, "RIP beyond 4 GiB" },
	};
	struct kvm_regs old = regs_of(c, g), now;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct kvm_regs new = old;

		new.rflags |= bad[i].rflags;
		new.rip |= bad[i].rip;
		new.r14 = 0x4242;
		CHECK(client_set_regs(c, g->pid, 0, &new) == 0 && c->refusal->reason == REASON_GUARD_REGS, "%s was taken", bad[i].what);
	}
	now = regs_of(c, g);
	CHECK(same_general(&now, &old) && guest_progresses(g, 0), "something was written");
}

static void written_and_used(void)
{
	struct client c;
	struct guest g;

	rule("demo VMM: general registers are written, read back, and used by the guest");
	if (start(&g, NULL, NULL) < 0)
		return;
	live_regs(&g);
	CHECK(client_start(&c, helper_program) == 0, "no helper");
	CHECK(client_attach(&c, g.pid, 0, 0, NULL) == 1, "%s", c.refusal ? c.refusal->detail : "no answer");
	used_by_guest(&g, &c, 0);
	used_by_guest(&g, &c, 1);
	refused_values(&g, &c);
	CHECK(client_end(&c) == 0, "the helper did not end with 0");
	CHECK(g.page->vcpus[0].eintr_count == 0 && g.page->vcpus[0].run_count == 1, "the VMM noticed");
	guest_end(&g);
}

static void outside_kvm_run(void)
{
	struct kvm_regs regs;
	struct client c;
	struct guest g;

	rule("demo VMM: general registers of a parked vCPU are not written");
	if (start(&g, "--park", NULL) < 0)
		return;
	CHECK(client_start(&c, helper_program) == 0, "no helper");
	CHECK(client_attach(&c, g.pid, 0, 0, NULL) == 1, "%s", c.refusal ? c.refusal->detail : "no answer");
	regs = regs_of(&c, &g);
	regs.r15++;
	CHECK(client_set_regs(&c, g.pid, 0, &regs) == 0 && c.refusal->reason == REASON_OUTSIDE_KVM_RUN, "written");
	CHECK(client_vcpu(&c, MSG_FREEZE, g.pid, 0) == 1, "freeze");
	CHECK(client_set_regs(&c, g.pid, 0, &regs) == 0 && c.refusal->reason == REASON_OUTSIDE_KVM_RUN, "written while frozen");
	CHECK(client_end(&c) == 0, "the helper did not end with 0");
	guest_end(&g);
}

static void filtered(const char *kind, const char *call, uint32_t action, uint32_t flags)
{
	struct kvm_regs regs;
	struct client c;
	struct guest g;

	if (start(&g, "--seccomp", kind) < 0)
		return;
	CHECK(client_start(&c, helper_program) == 0, "no helper");
	CHECK(client_attach(&c, g.pid, 0, flags, NULL) == 1, "%s: %s", kind, c.refusal ? c.refusal->detail : "");
	CHECK(client_vcpu(&c, MSG_VERDICTS, g.pid, 0) == 1, "verdicts refused");
	CHECK(live_verdict(&c, call) && live_verdict(&c, call)->known &&
	      (live_verdict(&c, call)->action & SECCOMP_RET_ACTION_FULL) == action, "%s: verdict on %s", kind, call);
	regs = regs_of(&c, &g);
	regs.r15 = 0x5eed;
	CHECK(client_set_regs(&c, g.pid, 0, &regs) == (flags != 0), "%s: write", kind);
	CHECK(!c.refusal || (c.refusal->reason == REASON_SECCOMP && c.refusal->seccomp_action == action &&
			     strcmp(c.refusal->call, call) == 0), "%s: %s", kind, c.refusal->detail);
	CHECK((regs_of(&c, &g).r15 == 0x5eed) == (flags != 0), "%s: r15", kind);
	CHECK(client_end(&c) == 0, "the helper did not end with 0");
	CHECK(guest_lives(&g) && guest_progresses(&g, 0) && g.page->vcpus[0].sigsys == 0, "%s: the VMM noticed", kind);
	guest_end(&g);
}

void live_demo_regs(void)
{
	written_and_used();
	outside_kvm_run();
	if (!can_read_filters("general registers under a seccomp filter"))
		return;
	rule("demo VMM: filters that forbid KVM_SET_REGS or KVM_GET_VCPU_EVENTS are asked first");
	for (uint32_t flags = 0; flags <= ATTACH_SUSPEND_SECCOMP; flags++) {
		filtered("kill-regs", "KVM_SET_REGS", SECCOMP_RET_KILL_PROCESS, flags);
		filtered("trap-events", "KVM_GET_VCPU_EVENTS", SECCOMP_RET_TRAP, flags);
	}
}
