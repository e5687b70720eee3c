#include "footprint_groups.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "client.h"
#include "guest.h"
#include "proc.h"

#define LITTLE_BYTES 0x10000u
#define ENOUGH_BYTES 0x1000000u

static struct client client;
static struct guest guest;

/* A control group with a limit of memory, of version 1 or 2. */
static struct group {
	char folder[96];
	const char *limit, *usage;
} group;

static const char *words(void)
{
	return client.refusal ? client.refusal->detail : "no answer";
}

static int put(const char *file, uint64_t number)
{
	char path[160];
	FILE *out;
	int written;

	(void)snprintf(path, sizeof(path), "%s/%s", group.folder, file);
	out = fopen(path, "we");
	if (!out)
		return -1;
	written = fprintf(out, "%" PRIu64 "\n", number) > 0;
	return fclose(out) == 0 && written ? 0 : -1;
}

static int make_group(void)
{
	static const struct {
		const char *root, *limit, *usage;
	} versions[] = {
		{ "/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes" },
		{ "/sys/fs/cgroup", "memory.max", "memory.current" },
	};

	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		char path[160];

		(void)snprintf(group.folder, sizeof(group.folder), "%s/tilescope-test-%d", versions[i].root, getpid());
		(void)snprintf(path, sizeof(path), "%s/%s", group.folder, versions[i].limit);
		group.limit = versions[i].limit;
		group.usage = versions[i].usage;
		if (mkdir(group.folder, 0755) < 0)
			continue;
		if (access(path, W_OK) == 0)
			return 0;
		(void)rmdir(group.folder);
	}
	return -1;
}

/* Of its limit so many bytes are left. */
static void leave(uint64_t bytes)
{
	char *text = proc_text("%s/%s", group.folder, group.usage);

	CHECK(text && put(group.limit, strtoull(text, NULL, 10) + bytes) == 0, "no limit");
	free(text);
}

/* The largest part of what could be its guest's memory. */
static int read_memory(void)
{
	struct read_memory_request request = { .vcpu = { guest.pid, 0 }, .bytes = MAX_READ_BYTES };
	struct mapping_record mapping;

	if (client_vcpu(&client, MSG_MAPPINGS, guest.pid, 0) != 1)
		return -1;
	memcpy(&mapping, client.payload + sizeof(struct mappings_head), sizeof(mapping));
	request.address = mapping.start;
	return client_ask(&client, MSG_READ_MEMORY, &request, sizeof(request));
}

static void look(const char *helper)
{
	CHECK(client_start(&client, helper) == 0, "no helper");
	leave(LITTLE_BYTES);
	CHECK(client_attach(&client, guest.pid, 0, 0, NULL) == 0 && client.refusal->reason == REASON_NO_MEMORY, "attached, or %s", words());
	CHECK(guest_lives(&guest) && guest_progresses(&guest, 0), "it ended of an attachment");
	leave(ENOUGH_BYTES);
	CHECK(client_attach(&client, guest.pid, 0, 0, NULL) == 1 && client_vcpu(&client, MSG_CAPTURE, guest.pid, 0) == 1, "%s", words());
	leave(LITTLE_BYTES);
	CHECK(read_memory() == 0 && client.refusal->reason == REASON_NO_MEMORY, "read, or %s", words());
	CHECK(guest_lives(&guest) && guest_progresses(&guest, 0), "it ended of its memory being read");
	CHECK(client_vcpu(&client, MSG_CAPTURE, guest.pid, 0) == 1, "%s", words());
	leave(ENOUGH_BYTES);
	CHECK(read_memory() == 1, "%s", words());
	leave(LITTLE_BYTES);
	CHECK(client_vcpu(&client, MSG_DETACH, guest.pid, 0) == 1, "%s", words());
	CHECK(guest_lives(&guest) && guest_progresses(&guest, 0) && guest_scratch_regions(&guest) == 0, "it does not go on as before");
	CHECK(client_end(&client) == 0, "the helper did not end with 0");
}

void footprint_groups(const char *helper, const char *demo)
{
	static const char *const arguments[] = { "--program", "integer", NULL };

	rule("a VMM whose control group has no room is not ended by looking");
	if (make_group() < 0) {
		skip("a VMM whose control group has no room", "no control group with a limit of memory can be made here");
		return;
	}
	/* Pages of a file on a disk would be given up. */
	(void)setenv("TMPDIR", "/dev/shm", 1);
	if (guest_start_demo(&guest, demo, arguments) == 0 && guest_progresses(&guest, 0) && put("cgroup.procs", (uint64_t)guest.pid) == 0)
		look(helper);
	else
		CHECK(0, "the demo VMM does not start in its group");
	guest_end(&guest);
	(void)unsetenv("TMPDIR");
	CHECK(COMES(rmdir(group.folder) == 0), "the group is left");
}
