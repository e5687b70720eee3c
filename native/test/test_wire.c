/* Frames of every wrong kind into the real helper: test-wire HELPER. It must answer or end with 0, and never hang. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "client.h"

static const char *helper;
static unsigned int seed = 4711;

static uint32_t rnd(uint32_t n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % n;
}

static void hello(void)
{
	struct hello_request request = { .version = PROTOCOL_VERSION };
	struct hello_reply reply;
	struct client c;

	rule("hello reports, and a version that differs is refused by name");
	CHECK(client_start(&c, helper) == 0, "no helper");
	CHECK(client_ask(&c, MSG_HELLO, &request, sizeof(request)) == 1, "refused");
	memcpy(&reply, c.payload, sizeof(reply));
	CHECK(reply.version == PROTOCOL_VERSION && reply.pid == (uint32_t)c.pid, "version %u pid %u", reply.version, reply.pid);
	CHECK(c.header.payload_bytes == sizeof(reply) + reply.cpuid_count * sizeof(struct cpuid_entry), "length");
	printf("# kernel %s, KVM API %u, XCR0 of guests %#llx, capabilities %#llx, %u CPUID entries\n", reply.kernel_release,
	       reply.kvm_api_version, (unsigned long long)reply.host_xcr0_supported, (unsigned long long)reply.capabilities,
	       reply.cpuid_count);
	CHECK((reply.capabilities & ~((1ull << 19) | (1ull << 21) | (1ull << 2))) == 0, "capabilities were kept");
	request.version++;
	CHECK(client_ask(&c, MSG_HELLO, &request, sizeof(request)) == 0 && c.refusal->reason == REASON_VERSION, "taken");
	CHECK(client_end(&c) == 0, "the helper did not end with 0");
}

static void wrong_frames(void)
{
	static const uint32_t codes[] = {
		MSG_HELLO, MSG_LIST_TARGETS, MSG_ATTACH, MSG_DETACH, MSG_FREEZE, MSG_RESUME, MSG_VERDICTS, MSG_CAPTURE, MSG_SET_IMAGE,
		MSG_SET_XCR0, MSG_SET_MSR, MSG_SET_REGS, MSG_MAPPINGS, MSG_BOUNDS, MSG_READ_MEMORY, MSG_TRANSLATE, MSG_WRITE_MEMORY, MSG_RUN, MSG_BREAKPOINTS,
	};
	static uint8_t bytes[64];
	struct frame_header zero_id = { 0, 0, MSG_LIST_TARGETS, 0 };
	struct client c;

	rule("an unknown message or a wrong length is refused, and the next request is served");
	CHECK(client_start(&c, helper) == 0, "no helper");
	for (uint32_t code = 0; code < 512; code++) {
		int known = 0;

		for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
			known |= codes[i] == code;
		if (!known)
			CHECK(client_ask(&c, code, NULL, 0) == 0 && c.refusal->reason == REASON_UNKNOWN_MESSAGE, "code %#x", code);
	}
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		CHECK(client_ask(&c, codes[i], bytes, 5) == 0 && c.refusal->reason == REASON_BAD_FRAME, "code %#x", codes[i]);
	CHECK(write(c.to, &zero_id, sizeof(zero_id)) == (ssize_t)sizeof(zero_id) && client_receive(&c) == 0 &&
	      c.refusal->reason == REASON_BAD_FRAME, "request id 0");
	CHECK(client_end(&c) == 0, "the helper did not end with 0");
}

static void too_long(void)
{
	struct frame_header header = { MAX_PAYLOAD_BYTES + 1, 9, MSG_HELLO, 0 };
	struct client c;

	rule("a frame too long is refused and ends the helper");
	CHECK(client_start(&c, helper) == 0, "no helper");
	CHECK(write(c.to, &header, sizeof(header)) == (ssize_t)sizeof(header), "write");
	CHECK(client_receive(&c) == 0 && c.refusal->reason == REASON_BAD_FRAME && c.header.request_id == 9, "not refused");
	CHECK(client_receive(&c) == -1, "it goes on");
	CHECK(client_end(&c) == 0, "the helper did not end with 0");
}

static void truncated(void)
{
	struct frame_header header = { 24, 9, MSG_ATTACH, 0 };
	uint8_t bytes[40] = { 0 };

	rule("a frame cut short at any length is a clean end");
	memcpy(bytes, &header, sizeof(header));
	for (size_t length = 0; length < sizeof(bytes); length += 3) {
		struct client c;

		CHECK(client_start(&c, helper) == 0, "no helper");
		CHECK(write(c.to, bytes, length) == (ssize_t)length, "write");
		CHECK(client_end(&c) == 0, "the helper did not end with 0 at length %zu", length);
	}
}

/* Known and unknown codes, right and wrong lengths, random payloads; never the pid of a living process but init's. */
static void fuzz(int rounds)
{
	static const uint32_t lengths[] = { 0, 8, 16, 24, 32, 56, 152, 600, 4112 };
	static uint8_t bytes[8192];
	struct client c;

	rule("random frames are answered, one by one");
	CHECK(client_start(&c, helper) == 0, "no helper");
	for (int i = 0; i < rounds; i++) {
		uint32_t length = rnd(3) ? lengths[rnd(9)] : rnd(sizeof(bytes)), code = rnd(4) ? rnd(0x40) : rnd(0xffff);
		struct vcpu_ref ref = { (int32_t)(0x40000000 + rnd(1000)), rnd(4) };

		for (uint32_t at = 0; at < length; at++)
			bytes[at] = (uint8_t)rnd(256);
		if (length >= sizeof(ref))
			memcpy(bytes, &ref, sizeof(ref));
		if (code == MSG_LIST_TARGETS && rnd(20))
			continue;
		if (client_ask(&c, code, bytes, length) < 0) {
			CHECK(0, "no answer to code %#x with %u bytes in round %d", code, length, i);
			break;
		}
		checks_passed++;
	}
	CHECK(client_end(&c) == 0, "the helper did not end with 0");
}

/* As where it is built anew meanwhile. To kill(2) its -1 is everybody. */
static void never_started(void)
{
	struct client c;

	rule("a helper that could not be started is nobody to kill");
	CHECK(client_start(&c, "/proc/self/no-helper") < 0, "it has started");
	(void)client_kill(&c);
	CHECK(signal_process(-1, 0) < 0 && signal_process(0, 0) < 0, "a signal to everybody");
}

int main(int count, char **arguments)
{
	if (count < 2) {
		fprintf(stderr, "usage: test-wire HELPER\n");
		return 64;
	}
	helper = arguments[1];
	hello();
	wrong_frames();
	too_long();
	truncated();
	fuzz(3000);
	never_started();
	return summary();
}
