/* One helper and one held guest, and what was said between them. */
#include <errno.h>
#include <string.h>

#include "amx_talk.h"
#include "check.h"

struct client client;
struct guest guest;
struct seen seen;
static FILE *asked, *answered, *steps;

const char *detail(void)
{
	return client.refusal ? client.refusal->detail : "no answer";
}

void note_step(const char *name)
{
	if (steps)
		fprintf(steps, "%s\n  { \"requestId\": %u, \"step\": \"%s\" }", client.next_id == 2 ? "" : ",",
			client.next_id - 1, name);
}

void note_named(const char *name, const char *what)
{
	char both[64];

	(void)snprintf(both, sizeof(both), "%s-%s", name, what);
	note_step(both);
}

uint64_t msr(uint32_t index)
{
	for (size_t i = 0; i < sizeof(seen.msrs) / sizeof(seen.msrs[0]); i++)
		if (seen.msrs[i].index == index)
			return seen.msrs[i].errno_value ? ~0ull : seen.msrs[i].value;
	return ~0ull;
}

static void keep_section(uint32_t kind, void *into, size_t room, uint32_t *bytes)
{
	uint32_t found_bytes = 0;
	const void *found = capture_section(&client, kind, &found_bytes);

	CHECK(found && found_bytes <= room, "section %u of %u bytes", kind, found_bytes);
	if (found && found_bytes <= room)
		memcpy(into, found, found_bytes);
	if (bytes)
		*bytes = found_bytes;
}

void take(const char *name)
{
	struct xcr_value xcrs[16] = { 0 };
	uint64_t regs[18] = { 0 };

	memset(&seen, 0, sizeof(seen));
	CHECK(client_vcpu(&client, MSG_CAPTURE, guest.pid, 0) == 1, "%s: %s", name, detail());
	note_step(name);
	if (client.header.status != STATUS_OK)
		return;
	memcpy(&seen.head, client.payload, sizeof(seen.head));
	keep_section(SECTION_IMAGE, seen.image, sizeof(seen.image), &seen.image_bytes);
	keep_section(SECTION_MSRS, seen.msrs, sizeof(seen.msrs), NULL);
	keep_section(SECTION_REGS, regs, sizeof(regs), NULL);
	keep_section(SECTION_XCRS, xcrs, sizeof(xcrs), NULL);
	seen.rip = regs[16];
	seen.xcr0 = xcrs[0].value;
	CHECK(seen.image_bytes == AMX_IMAGE_BYTES && seen.head.written_bytes == AMX_IMAGE_BYTES, "%s: %u bytes", name,
	      seen.image_bytes);
	CHECK(seen.head.legacy_errno == EINVAL, "%s: KVM_GET_XSAVE says %d", name, seen.head.legacy_errno);
	CHECK(seen.head.in_kvm_run == 1, "%s: not in KVM_RUN", name);
	printf("# %s: XSTATE_BV %#llx, XFD %#llx, XFD_ERR %#llx, rip %#llx, pause %llu us\n", name,
	       (unsigned long long)image_bv(seen.image), (unsigned long long)msr(MSR_XFD), (unsigned long long)msr(MSR_XFD_ERR),
	       (unsigned long long)seen.rip, (unsigned long long)seen.head.pause_ns / 1000);
}

void take_named(const char *name, const char *what)
{
	char both[64];

	(void)snprintf(both, sizeof(both), "%s-%s", name, what);
	take(both);
}

int set_msr(const char *name, uint32_t index, uint64_t value, uint32_t flags)
{
	struct set_msr_request request = { .vcpu = { guest.pid, 0 }, .index = index, .value = value, .flags = flags };
	int answer = client_ask(&client, MSG_SET_MSR, &request, sizeof(request));

	note_step(name);
	return answer;
}

int set_xcr0(const char *name, uint64_t value)
{
	struct set_xcr0_request request = { .vcpu = { guest.pid, 0 }, .value = value };
	int answer = client_ask(&client, MSG_SET_XCR0, &request, sizeof(request));

	note_step(name);
	return answer;
}

int set_image(const char *name, const uint8_t *image)
{
	int answer = client_set_image(&client, guest.pid, 0, image, AMX_IMAGE_BYTES);

	note_step(name);
	return answer;
}

int refused_for(uint32_t reason, uint64_t mask)
{
	return client.refusal && client.refusal->reason == reason && client.refusal->mask == mask;
}

/* What a write read back, from its reply. */
const uint8_t *read_back(struct write_reply *reply)
{
	memcpy(reply, client.payload, sizeof(*reply));
	return client.payload + sizeof(*reply);
}

void step(uint32_t number)
{
	CHECK(guest_step(&guest, 0, number), "the guest has not done step %u", number);
}

static FILE *open_in(const char *folder, const char *name)
{
	char path[256];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "wb");
	CHECK(file, "%s: %s", path, strerror(errno));
	return file;
}

static void close_file(FILE *file)
{
	CHECK(!file || fclose(file) == 0, "%s", strerror(errno));
}

int talk_start(const char *helper, const char *demo, const char *folder)
{
	static const char *const held[] = { "--program", "amx", "--held", NULL };

	asked = open_in(folder, "amx-session.requests");
	answered = open_in(folder, "amx-session.frames");
	steps = open_in(folder, "amx-session.json");
	if (guest_start_demo(&guest, demo, held) < 0 || client_start(&client, helper) < 0) {
		CHECK(0, "the demo VMM or the helper did not start");
		return -1;
	}
	client.asked = asked;
	client.answered = answered;
	if (steps)
		fprintf(steps, "[");
	return 0;
}

void talk_end(void)
{
	if (steps)
		fprintf(steps, "\n]\n");
	if (client.pid)
		CHECK(client_end(&client) == 0, "the helper did not end with 0");
	guest_end(&guest);
	close_file(asked);
	close_file(answered);
	close_file(steps);
}
