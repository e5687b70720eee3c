/*
 * The VMM's memory: which of its mappings could be the guest's, bytes of them, and what KVM translates. Which mapping is the
 * guest's is not decided here; bytes are written where they are what they were said to be.
 */
#include <errno.h>
#include <linux/kvm.h>
#include <stdlib.h>
#include <string.h>

#include "groups.h"
#include "kill_point.h"
#include "proc.h"
#include "session.h"

#define LEAST_MAPPING_BYTES (1u << 20)
/* Of the process that is attached; what may be read by MSG_READ_MEMORY. */
static struct mapping_record known[MAX_MAPPINGS];
static struct mapped_object known_object[MAX_MAPPINGS];
static uint32_t known_count;
static pid_t known_of;

/* Readable, writable, not executable, and neither a stack nor the heap nor KVM's own page. */
static int could_be_guest_memory(const struct mapping *m)
{
	return m->access[0] == 'r' && m->access[1] == 'w' && m->access[2] != 'x' &&
	       m->end - m->start >= LEAST_MAPPING_BYTES && m->path[0] != '[' && strncmp(m->path, "anon_inode:", 11) != 0;
}

int memory_mappings(struct vcpu *vcpu, struct reply *reply, struct refusal *why)
{
	struct mappings_head head = { 0 };
	char *maps = proc_text("/proc/%d/maps", target.pid);
	const char *at = maps;
	struct mapping m;

	(void)vcpu;
	if (!maps)
		return refuse(why, REASON_TARGET_GONE, errno, NULL, "The mappings of process %d cannot be read.", target.pid);
	known_count = 0;
	known_of = target.pid;
	while (mapping_next(&at, &m) == 0) {
		if (!could_be_guest_memory(&m))
			continue;
		if (known_count == MAX_MAPPINGS)
			head.left_out++;
		else {
			known_object[known_count] = m.object;
			known[known_count++] = (struct mapping_record){ m.start, m.end };
		}
	}
	free(maps);
	head.count = known_count;
	(void)reply_add(reply, &head, sizeof(head));
	(void)reply_add(reply, known, known_count * sizeof(known[0]));
	return 0;
}

const struct mapping_record *memory_known(uint32_t *count)
{
	*count = known_of == target.pid ? known_count : 0;
	return known;
}

/* Mappings that touch are one range. */
static int is_known(uint64_t address, uint64_t bytes)
{
	uint64_t end = address + bytes;

	if (known_of != target.pid || end < address)
		return 0;
	for (uint32_t i = 0; i < known_count && address < end; i++)
		if (address >= known[i].start && address < known[i].end)
			address = known[i].end;
	return address >= end;
}

#define ALLOWED_BYTES (2 * MAX_READ_BYTES)

/*
 * A page that nobody has touched comes to be where shared memory is looked at, and each is counted to the VMM's control groups: there has
 * to be room for them. Asked for once for so many bytes.
 */
static int may_come_to_be(uint64_t address, uint64_t bytes, struct refusal *why)
{
	uint64_t whole = (address % MEMORY_PAGE_BYTES + bytes + MEMORY_PAGE_BYTES - 1) / MEMORY_PAGE_BYTES * MEMORY_PAGE_BYTES;
	static uint64_t allowed;
	static pid_t allowed_of;

	if (allowed_of != target.pid)
		allowed = 0;
	if (allowed < whole) {
		if (groups_check(target.pid, ALLOWED_BYTES, why) < 0)
			return -1;
		allowed = ALLOWED_BYTES;
		allowed_of = target.pid;
	}
	allowed -= whole;
	return 0;
}

int memory_send(struct vcpu *vcpu, const struct read_memory_request *request, struct reply *reply, struct refusal *why)
{
	void *place;

	(void)vcpu;
	if (request->bytes == 0 || request->bytes > MAX_READ_BYTES)
		return refuse(why, REASON_BAD_FRAME, 0, NULL, "1 to %u bytes are read at a time, not %u.", MAX_READ_BYTES,
			      request->bytes);
	if (!is_known(request->address, request->bytes))
		return refuse(why, REASON_BAD_FRAME, 0, NULL, "%u bytes at %#llx are in no mapping that was listed.", request->bytes,
			      (unsigned long long)request->address);
	if (may_come_to_be(request->address, request->bytes, why) < 0)
		return -1;
	place = reply_add(reply, NULL, request->bytes);
	if (!place)
		return refuse(why, REASON_NO_MEMORY, 0, NULL, "The answer does not fit into one frame.");
	if (memory_read(target.pid, request->address, place, request->bytes) < 0)
		return refuse_errno(why, errno, "process_vm_readv");
	return 0;
}

static int is_same_object(const struct mapped_object *a, const struct mapped_object *b)
{
	return a->offset == b->offset && a->inode == b->inode && a->device_major == b->device_major && a->device_minor == b->device_minor;
}

static int was_listed(const struct mapping *m)
{
	for (uint32_t i = 0; i < known_count; i++)
		if (known[i].start == m->start && known[i].end == m->end)
			return is_same_object(&known_object[i], &m->object) && could_be_guest_memory(m);
	return 0;
}

/*
 * Mappings may have gone, and others come in their place, since they were listed: they have to be the same, of the same file at the
 * same offset. Memory without a name looks like any other without one: that the guest's tables are in it is proved once more by the
 * caller, right before.
 */
static int is_still_mapped(uint64_t address, uint64_t end)
{
	char *maps = proc_text("/proc/%d/maps", target.pid);
	const char *at = maps;
	struct mapping m;

	while (maps && address < end && mapping_next(&at, &m) == 0)
		if (address >= m.start && address < m.end && was_listed(&m))
			address = m.end;
	free(maps);
	return maps && address >= end;
}

/* The vCPU stands still. One page, so one copy of the kernel's: no byte beside it, and none of it again. */
static int write_stopped(const struct write_memory_request *request, const uint8_t *before, struct reply *reply, struct refusal *why)
{
	const uint8_t *after = before + request->bytes;
	uint8_t now[MEMORY_PAGE_BYTES];
	void *back = reply_add(reply, NULL, request->bytes);

	if (!back)
		return refuse(why, REASON_NO_MEMORY, 0, NULL, "The answer does not fit into one frame.");
	if (!is_still_mapped(request->address, request->address + request->bytes))
		return refuse(why, REASON_MEMORY_CHANGED, 0, NULL, "What is mapped at %#llx has changed.",
			      (unsigned long long)request->address);
	if (memory_read(target.pid, request->address, now, request->bytes) < 0)
		return refuse_errno(why, errno, "process_vm_readv");
	if (memcmp(now, before, request->bytes) != 0)
		return refuse(why, REASON_MEMORY_CHANGED, 0, NULL, "The %u bytes there are not what they were.", request->bytes);
	KILL_POINT("memory compared");
	if (memory_write(target.pid, request->address, after, request->bytes) < 0)
		return refuse_errno(why, errno, "process_vm_writev");
	KILL_POINT("memory written");
	if (memory_read(target.pid, request->address, back, request->bytes) < 0)
		return refuse_errno(why, errno, "process_vm_readv");
	return 0;
}

int memory_write_checked(struct vcpu *vcpu, const struct write_memory_request *request, const uint8_t *bytes, struct reply *reply,
			 struct refusal *why)
{
	uint64_t offset = request->address % MEMORY_PAGE_BYTES;
	int result;

	if (request->bytes == 0 || request->bytes > MEMORY_PAGE_BYTES - offset)
		return refuse(why, REASON_BAD_FRAME, 0, NULL, "1 to %llu bytes are written there at a time, not %u.",
			      (unsigned long long)(MEMORY_PAGE_BYTES - offset), request->bytes);
	if (!is_known(request->address, request->bytes))
		return refuse(why, REASON_BAD_FRAME, 0, NULL, "%u bytes at %#llx are in no mapping that was listed.", request->bytes,
			      (unsigned long long)request->address);
	if (may_come_to_be(request->address, request->bytes, why) < 0 || vcpu_stop(vcpu, NEED_ANY, why) < 0)
		return -1;
	result = write_stopped(request, bytes, reply, why);
	vcpu_release(vcpu);
	return result;
}

/* One chain's worth of KVM_TRANSLATE, in the stop that the caller holds. */
static int translate_some(struct vcpu *vcpu, const uint64_t *linear, uint32_t count, struct reply *reply, struct refusal *why)
{
	static struct kvm_translation asked[TRANSLATIONS_A_CHAIN];
	struct program program = { 0 };

	memset(asked, 0, sizeof(asked));
	for (uint32_t i = 0; i < count; i++) {
		asked[i].linear_address = linear[i];
		program_ioctl(&program, CALL_KVM_TRANSLATE, vcpu->fd, vcpu->scratch + SCRATCH_IMAGE2 + i * sizeof(asked[0]));
	}
	if (memory_write(target.pid, vcpu->scratch + SCRATCH_IMAGE2, asked, count * sizeof(asked[0])) < 0)
		return vcpu_refuse_memory(errno, "process_vm_writev", why);
	if (vcpu_run(vcpu, &program, why) < 0)
		return -1;
	if (memory_read(target.pid, vcpu->scratch + SCRATCH_IMAGE2, asked, count * sizeof(asked[0])) < 0)
		return vcpu_refuse_memory(errno, "process_vm_readv", why);
	for (uint32_t i = 0; i < count; i++) {
		struct translation t = { .physical = asked[i].physical_address, .valid = asked[i].valid };

		if (program.calls[i].result < 0)
			return refuse(why, REASON_CALL_FAILED, (int)-program.calls[i].result, "KVM_TRANSLATE",
				      "KVM_TRANSLATE failed: %s.", strerror((int)-program.calls[i].result));
		(void)reply_add(reply, &t, sizeof(t));
	}
	return 0;
}

int memory_translate(struct vcpu *vcpu, const uint64_t *linear, uint32_t count, struct reply *reply, struct refusal *why)
{
	struct translate_head head = { .count = count };
	int result = 0;

	if (count == 0 || count > MAX_TRANSLATIONS)
		return refuse(why, REASON_BAD_FRAME, 0, NULL, "1 to %u addresses are translated at a time, not %u.",
			      MAX_TRANSLATIONS, count);
	if (vcpu_stop(vcpu, NEED_ANY, why) < 0)
		return -1;
	(void)reply_add(reply, &head, sizeof(head));
	for (uint32_t i = 0; i < count && result == 0; i += TRANSLATIONS_A_CHAIN) {
		uint32_t some = count - i < TRANSLATIONS_A_CHAIN ? count - i : TRANSLATIONS_A_CHAIN;

		result = translate_some(vcpu, linear + i, some, reply, why);
	}
	vcpu_release(vcpu);
	return result;
}
