/* Frames, parsers of /proc, the write guard, the restart of interrupted calls: everything that needs no VMM. */
#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "discover.h"
#include "guard.h"
#include "session.h"
#include "target.h"
#include "check.h"

void proc_and_list(void); /* units_proc.c */
#include "same_image.h"

static uint8_t payload[MAX_PAYLOAD_BYTES];

/* A child writes bytes in pieces, with pauses and a stream of signals at us, so that read() comes back short or EINTR. */
static enum frame_outcome read_pieces(const uint8_t *bytes, size_t count, size_t piece, struct frame_header *header)
{
	struct frame_start start = { 0 };
	enum frame_outcome outcome;
	pid_t reader = getpid(), child;
	int ends[2];

	if (pipe(ends) < 0)
		abort();
	child = fork();
	if (child == 0) {
		for (size_t at = 0; at < count; at += piece) {
			if (write(ends[1], bytes + at, count - at < piece ? count - at : piece) < 0)
				_exit(1);
			if (piece < 64)
				(void)signal_process(reader, SIGUSR1);
		}
		_exit(0);
	}
	close(ends[1]);
	while ((outcome = frame_read(ends[0], &start, payload)) == FRAME_PART)
		;
	*header = start.header;
	close(ends[0]);
	while (waitpid(child, NULL, 0) < 0)
		;
	return outcome;
}

static void on_signal(int number)
{
	(void)number;
}

static void frames(void)
{
	struct sigaction without_restart = { .sa_handler = on_signal };
	struct frame_header header = { 40, 7, MSG_HELLO, 0 }, got;
	uint8_t bytes[56];

	(void)sigaction(SIGUSR1, &without_restart, NULL);
	memcpy(bytes, &header, sizeof(header));
	for (size_t i = 0; i < 40; i++)
		bytes[16 + i] = (uint8_t)(i * 7);
	rule("a frame is read whole through short counts and EINTR");
	for (size_t piece = 1; piece <= sizeof(bytes); piece++) {
		memset(payload, 0, 40);
		CHECK(read_pieces(bytes, sizeof(bytes), piece, &got) == FRAME_READ, "pieces of %zu", piece);
		CHECK(memcmp(&got, &header, sizeof(got)) == 0 && memcmp(payload, bytes + 16, 40) == 0, "pieces of %zu", piece);
	}
	rule("a frame cut short at any length is told from the end of the pipe");
	for (size_t length = 0; length < sizeof(bytes); length++)
		CHECK(read_pieces(bytes, length, 64, &got) == (length ? FRAME_TRUNCATED : FRAME_END), "length %zu", length);
	header.payload_bytes = MAX_PAYLOAD_BYTES + 1;
	memcpy(bytes, &header, sizeof(header));
	CHECK(read_pieces(bytes, sizeof(bytes), 64, &got) == FRAME_TOO_LONG, "too long");
}

static void replies(void)
{
	struct reply reply = { .bytes = payload };
	struct refusal why;

	rule("a reply never grows past a frame");
	CHECK(reply_add(&reply, NULL, MAX_PAYLOAD_BYTES - 3) != NULL, "room");
	CHECK(reply_add(&reply, NULL, 4) == NULL && reply.full && reply.used == MAX_PAYLOAD_BYTES - 3, "no room");
	rule("a refusal's words are cut to their place, and end");
	(void)refuse(&why, REASON_BAD_FRAME, 1, "a call with a name that is much longer than its place in the frame", "%0300d", 1);
	CHECK(why.call[39] == '\0' && why.detail[191] == '\0' && strlen(why.detail) == 191, "not cut");
}

static void guards(void)
{
	static uint8_t image[11008];
	struct component components[64] = { [2] = { 576, 256 }, [17] = { 2752, 64 }, [18] = { 2816, 8192 } };
	struct xfd_reading open = { 0, 0 }, armed = { 0, 1ull << 18 }, absent = { EINVAL, ~0ull }, unread = { EPERM, 0 };
	struct refusal why;
	uint64_t bv = 7ull | 3ull << 17;

	rule("an image with a bit that IA32_XFD covers is never given to the kernel");
	memcpy(image + 512, &bv, 8);
	image[0] = 0x7f;
	CHECK(guard_image(image, 11008, 11008, &open, components, &why) == 0, "disarmed: %s", why.detail);
	CHECK(guard_image(image, 11008, 11008, &armed, components, &why) < 0 && why.reason == REASON_GUARD_XFD_COVERS_IMAGE &&
	      why.mask == 1ull << 18, "armed");
	CHECK(guard_image(image, 11008, 11008, &absent, components, &why) == 0, "no such MSR");
	CHECK(guard_image(image, 11008, 11008, &unread, components, &why) < 0 && why.reason == REASON_CALL_FAILED, "unread");
	rule("an image holds what its XSTATE_BV says, and no more than the vCPU takes");
	CHECK(guard_image(image, 11007, 11008, &open, components, &why) < 0 && why.reason == REASON_BAD_SIZE &&
	      why.mask == 1ull << 18, "one byte short");
	CHECK(guard_image(image, 11008, 4096, &open, components, &why) < 0 && why.reason == REASON_BAD_SIZE, "too long");
	for (size_t length = 0; length < 576; length++)
		CHECK(guard_image(image, length, 11008, &open, components, &why) < 0, "length %zu", length);
	bv |= 1ull << 40;
	memcpy(image + 512, &bv, 8);
	CHECK(guard_image(image, 11008, 11008, &open, components, &why) < 0 && why.mask == 1ull << 40, "unknown component");
	rule("IA32_XFD is never armed over a component in use");
	CHECK(guard_arming(1ull << 18, 0x202e7, &why) == 0, "in init");
	CHECK(guard_arming(1ull << 18, 0x602e7, &why) < 0 && why.reason == REASON_GUARD_ARMING_OVER_STATE, "in use");
	CHECK(why.mask == 1ull << 18 && guard_arming(0, ~0ull, &why) == 0, "disarming");
	CHECK(guard_msr_listed(0x1c4) && guard_msr_listed(0x6a8) && !guard_msr_listed(0x6a3) && !guard_msr_listed(0), "list");
	memset(image, 0, sizeof(image));
	CHECK(guard_is_protected(image, 4096) && !guard_is_protected(image, 100), "protected");
	image[575] = 1;
	CHECK(!guard_is_protected(image, 4096), "not protected");
}

static void register_guards(void)
{
	struct kvm_sregs real = { .cr0 = 0x10 }, protected = { .cr0 = 0x11 };
	struct kvm_sregs long_mode = { .cr0 = 0x80000011, .efer = 0x500, .cs = { .l = 1 } }, compatibility = long_mode, la57 = long_mode;
	static const uint64_t defined[] = { 0x3f7fd7 & ~(1ull << 17), 2, 0, 0x202 };
	struct kvm_vcpu_events events = { 0 };
	struct kvm_regs regs = { 0 };
	struct refusal why;

	compatibility.cs.l = 0;
	la57.cr4 = 1u << 12;
	rule("general registers with which the CPU would not enter the guest are refused");
	for (unsigned int bit = 0; bit < 64; bit++) {
		int reserved = bit == 3 || bit == 5 || bit == 15 || bit > 21;

		regs.rflags = 1ull << bit;
		CHECK((guard_regs(&regs, &protected, &why) < 0) == reserved, "RFLAGS bit %u", bit);
		CHECK(!reserved || (why.reason == REASON_GUARD_REGS && why.mask == 1ull << bit), "RFLAGS bit %u", bit);
		CHECK((guard_regs(&regs, &long_mode, &why) < 0) == (reserved || bit == 17), "RFLAGS bit %u in 64-bit mode", bit);
		CHECK((guard_regs(&regs, &real, &why) < 0) == (reserved || bit == 17), "RFLAGS bit %u in real mode", bit);
	}
	for (size_t i = 0; i < sizeof(defined) / sizeof(defined[0]); i++) {
		regs.rflags = defined[i];
		CHECK(guard_regs(&regs, &long_mode, &why) == 0, "RFLAGS %#llx", (unsigned long long)defined[i]);
	}
	for (unsigned int bit = 31; bit < 64; bit++) {
		regs.rip = 1ull << bit;
		CHECK((guard_regs(&regs, &long_mode, &why) < 0) == (bit > 46), "RIP bit %u", bit);
		CHECK((guard_regs(&regs, &la57, &why) < 0) == (bit > 55), "RIP bit %u with 57 bits", bit);
		CHECK((guard_regs(&regs, &real, &why) < 0) == (bit > 31), "RIP bit %u in real mode", bit);
		CHECK((guard_regs(&regs, &compatibility, &why) < 0) == (bit > 31), "RIP bit %u in compatibility mode", bit);
		regs.rip = ~0ull << bit;
		CHECK((guard_regs(&regs, &long_mode, &why) < 0) == (bit > 47), "RIP from bit %u up", bit);
	}
	rule("what is on its way into the guest is not lost");
	CHECK(guard_events(&events, &why) == 0, "nothing waits");
	events.exception.has_error_code = events.interrupt.shadow = events.nmi.pending = 1;
	CHECK(guard_events(&events, &why) == 0, "nothing that KVM_SET_REGS would lose");
	for (int i = 0; i < 4; i++) {
		struct kvm_vcpu_events waiting = { 0 };

		*(i == 0 ? &waiting.exception.pending : i == 1 ? &waiting.exception.injected : i == 2 ? &waiting.interrupt.injected :
												 &waiting.nmi.injected) = 1;
		CHECK(guard_events(&waiting, &why) < 0 && why.reason == REASON_EVENT_PENDING, "event %d", i);
	}
}

static void set_bits(uint8_t *image, uint64_t bv)
{
	memcpy(image + XSAVE_BV_OFFSET, &bv, sizeof(bv));
}

static void images(void)
{
	static const struct image_place layout[64] = { [2] = { 576, 256 }, [9] = { 832, 8 } };
	static const struct { uint32_t offset, bit; } inside[] = { { 0, 0 }, { 23, 0 }, { 32, 0 }, { 159, 0 }, { 160, 1 },
								  { 415, 1 }, { 576, 2 }, { 831, 2 }, { 832, 9 } };
	static uint8_t one[840], other[840];

	rule("two images say the same where the values are: XSTATE_BV is no fingerprint (D6)");
	one[0] = other[0] = 0x7f;
	one[1] = other[1] = 3;
	set_bits(one, 0x207);
	for (uint64_t bv = 0; bv < 8; bv++) {
		set_bits(other, bv);
		CHECK(same_image_in(layout, one, other, sizeof(one)), "initial values, XSTATE_BV %#llx", (unsigned long long)bv);
	}
	for (size_t i = 0; i < sizeof(inside) / sizeof(inside[0]); i++) {
		set_bits(one, 0x207);
		set_bits(other, 0x207);
		other[inside[i].offset] ^= 1;
		CHECK(!same_image_in(layout, one, other, sizeof(one)), "in use, byte %u", inside[i].offset);
		set_bits(one, 0);
		CHECK(!same_image_in(layout, one, other, sizeof(one)), "init against in use, byte %u", inside[i].offset);
		CHECK(!same_image_in(layout, other, one, sizeof(one)), "in use against init, byte %u", inside[i].offset);
		set_bits(other, 0x207 & ~(1ull << inside[i].bit));
		CHECK(same_image_in(layout, one, other, sizeof(one)), "stale byte %u", inside[i].offset);
		other[inside[i].offset] ^= 1;
	}
	other[24] ^= 1;
	CHECK(!same_image_in(layout, one, other, sizeof(one)), "MXCSR");
	other[24] ^= 1;
	other[464] ^= 1;
	CHECK(same_image_in(layout, one, other, sizeof(one)), "bytes 416 to 511");
	set_bits(one, 1ull << 18);
	set_bits(other, 0);
	CHECK(!same_image_in(layout, one, other, sizeof(one)), "a component without a place");
	set_bits(one, 0x200);
	CHECK(!same_image_in(layout, one, other, 832), "a component that the image ends before");
	other[520] = 1;
	set_bits(one, 0);
	CHECK(!same_image_in(layout, one, other, sizeof(one)), "XCOMP_BV");
}

static void restarts(void)
{
	static const struct {
		uint64_t call, second;
		int result, kvm_run, signal, restarts, sees;
	} cases[] = {
		{ 16, 0xae80, -EINTR, 1, 0, 1, 0 },        { 16, 0xae80, -EINTR, 1, 1, 0, -EINTR },
		{ 16, 0x1234, -EINTR, 0, 0, 0, -EINTR },   { 0, 0, -512, 0, 0, 1, 0 },
		{ 0, 0, -512, 0, 1, 0, -EINTR },           { 7, 0, -514, 0, 0, 1, 0 },
		{ 7, 0, -514, 0, 1, 0, -EINTR },           { 7, 0, -513, 0, 1, 1, 0 },
		{ 7, 0, -516, 0, 0, 0, -EINTR },           { 202, FUTEX_WAIT | 128, -516, 0, 0, 0, -EINTR },
		{ 202, FUTEX_WAIT_BITSET | 128, -516, 0, 0, 1, 0 }, { 202, FUTEX_WAIT_BITSET | 128 | 256, -516, 0, 0, 1, 0 },
		{ 1, 0, 5, 0, 0, 0, 5 },                   { (uint64_t)-1, 0, -512, 0, 0, 0, -512 },
	};

	rule("no restart code of the kernel ever reaches user space");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		static struct stopped s;
		struct user_regs_struct r;

		s.regs = (struct user_regs_struct){ .orig_rax = cases[i].call, .rsi = cases[i].second, .rip = 0x1000,
						    .rax = (unsigned long long)cases[i].result };
		s.in_kvm_run = s.restarts_kvm_run = cases[i].kvm_run;
		s.signal_seen = cases[i].signal;
		thread_final_registers(&s, &r);
		CHECK(r.orig_rax == (uint64_t)-1, "case %zu: orig_rax", i);
		CHECK(r.rip == (cases[i].restarts ? 0x1000u - 2 : 0x1000u), "case %zu: rip", i);
		CHECK(r.rax == (cases[i].restarts ? cases[i].call : (unsigned long long)cases[i].sees), "case %zu: rax", i);
	}
}

/* A region of zeros, as it is before it is signed, where one vCPU may have one: no other vCPU takes it for what was left for it. */
static void scratch_places(void)
{
	pid_t before = target.pid;
	unsigned int others = 0, own = 0, places = 0;

	target.pid = getpid();
	for (uint32_t number = 0; number < 4096; number++) {
		uint64_t address = scratch_address(number * 2654435761u, 0), left, free_place;
		struct refusal why = { 0 };
		char maps[128];
		void *region = mmap((void *)(uintptr_t)address, SCRATCH_BYTES, PROT_READ, // NOLINT(performance-no-int-to-ptr)
				    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

		if (region == MAP_FAILED)
			continue;
		places++;
		(void)snprintf(maps, sizeof(maps), "%lx-%lx rw-p 00000000 00:00 0 \n", (unsigned long)address,
			       (unsigned long)(address + SCRATCH_BYTES));
		own += scratch_find(0, maps, &left, &free_place, &why) == 0 && left == address;
		for (uint32_t vcpu = 1; vcpu < 16384; vcpu *= 2)
			others += scratch_find(vcpu, maps, &left, &free_place, &why) != 0 || left != 0;
		(void)munmap(region, SCRATCH_BYTES);
	}
	target.pid = before;
	CHECK(places > 4000 && own == places, "a region is found by its own vCPU: %u of %u", own, places);
	CHECK(others == 0, "another vCPU took it %u times for its own", others);
}

/* Each region lies at a place of its own, drawn from all there are: one that the next is foreseen by would let a compromised VMM lie in wait. */
#define DRAWN 64u
static void scratch_is_unguessable(void)
{
	uint64_t drawn[DRAWN], left, ones = 0, zeros = 0;
	struct refusal why = { 0 };
	unsigned int same = 0;

	for (unsigned int i = 0; i < DRAWN; i++) {
		CHECK(scratch_find(5, "", &left, &drawn[i], &why) == 0, "no place was found");
		ones |= drawn[i];
		zeros |= ~drawn[i];
		for (unsigned int j = 0; j < i; j++)
			same += drawn[i] == drawn[j];
	}
	/* By chance alone: two alike in 64 of 2^19 once in 260 tries, two such pairs once in 130,000; a bit that stays, never. */
	CHECK(same < 2, "%u pairs of places are alike", same);
	for (unsigned int bit = 0; bit < SCRATCH_RANDOM_BITS; bit++)
		CHECK((ones & zeros) >> (12 + SCRATCH_INDEX_BITS + bit) & 1, "bit %u of the random number is always the same", bit);
}

int main(void)
{
	scratch_places();
	scratch_is_unguessable();
	frames();
	replies();
	proc_and_list();
	guards();
	register_guards();
	images();
	restarts();
	return summary();
}
