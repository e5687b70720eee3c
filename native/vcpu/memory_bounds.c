/*
 * Which of the VMM's mappings hold one thing alone. The kernel makes one mapping of two that lie side by side where they are
 * alike: memory of no file may so have the VMM's own behind the guest's, and no line of /proc/PID/maps says where one ends. It
 * does not where both were told apart: by the file that they are of, or by a mark that was put on one of them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proc.h"
#include "session.h"

/* Marks that were read, by what they were read of: to read them the kernel looks at each page of the process. */
static struct {
	struct mapping_record of;
	int kept_from_forks;
} marks[MAX_MAPPINGS];
static uint32_t mark_count;
static pid_t marks_of;

static int is_same(const struct mapping_record *a, const struct mapping_record *b)
{
	return a->start == b->start && a->end == b->end;
}

/* -1: not read yet. Those that were read stand in the order of their addresses. */
static int mark_of(const struct mapping_record *mapping)
{
	uint32_t from = 0, to = marks_of == target.pid ? mark_count : 0;

	while (from < to) {
		uint32_t middle = from + (to - from) / 2;

		if (is_same(&marks[middle].of, mapping))
			return marks[middle].kept_from_forks;
		if (marks[middle].of.start < mapping->start)
			from = middle + 1;
		else
			to = middle;
	}
	return -1;
}

/* One way through the text, however many mappings there are: they stand in it in the order in which they were listed. */
static void read_marks(const struct mapping_record *known, uint32_t count)
{
	char *smaps = proc_text("/proc/%d/smaps", target.pid);
	const char *at = smaps;

	marks_of = target.pid;
	mark_count = 0;
	for (uint32_t i = 0; i < count; i++) {
		marks[mark_count].of = known[i];
		marks[mark_count++].kept_from_forks = at && mapping_kept_from_forks(&at, known[i].start, known[i].end);
	}
	free(smaps);
}

/* Memory that is kept from forks, as QEMU keeps its guests', and that a part which nobody may touch ends. */
static int is_set_apart(const char *behind, const struct mapping_record *mapping, const struct mapping_record *known, uint32_t count)
{
	struct mapping next;

	if (mapping_next(&behind, &next) < 0 || next.start != mapping->end || memcmp(next.access, "---p", 4) != 0 || next.object.inode)
		return 0;
	if (mark_of(mapping) < 0)
		read_marks(known, count);
	return mark_of(mapping) == 1;
}

int memory_bounds(struct vcpu *vcpu, struct reply *reply, struct refusal *why)
{
	static struct mapping_bounds bounds[MAX_MAPPINGS];
	struct bounds_head head = { 0 };
	const struct mapping_record *known = memory_known(&head.count);
	char *maps = proc_text("/proc/%d/maps", target.pid);
	const char *at = maps;
	struct mapping m;

	(void)vcpu;
	if (!maps)
		return refuse(why, REASON_TARGET_GONE, errno, NULL, "The mappings of process %d cannot be read.", target.pid);
	memset(bounds, 0, head.count * sizeof(bounds[0]));
	for (uint32_t i = 0; i < head.count && mapping_next(&at, &m) == 0;) {
		while (i < head.count && known[i].start < m.start)
			i++;
		if (i < head.count && known[i].start == m.start && known[i].end == m.end)
			bounds[i].is_one_thing = m.object.inode || is_set_apart(at, &known[i], known, head.count);
	}
	free(maps);
	(void)reply_add(reply, &head, sizeof(head));
	(void)reply_add(reply, bounds, head.count * sizeof(bounds[0]));
	return 0;
}
