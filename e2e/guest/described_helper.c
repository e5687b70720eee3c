/*
 * The helper of another machine: runs the real one, named by TILESCOPE_REAL_HELPER, and hands everything on, but its first
 * answer, MSG_HELLO, in which it describes the machine: that is the file named by TILESCOPE_DESCRIBED_HOST. With
 * TILESCOPE_NO_TARGETS it finds no VMM; with TILESCOPE_DESCRIBED_XCR0 that is what a VMM's process may use and KVM supports, in 4096
 * bytes, and what the guest's CPUID has at most: some KVMs show a guest all that the CPU has. Started with --kvm it says what TILESCOPE_DESCRIBED_KVM says; with that empty, there is no KVM.
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../native/wire/protocol.h"

#define MOST_BYTES MAX_PAYLOAD_BYTES

static int whole(int from, void *bytes, size_t count)
{
	for (size_t at = 0; at < count;) {
		ssize_t got = read(from, (uint8_t *)bytes + at, count - at);

		if (got <= 0)
			return -1;
		at += (size_t)got;
	}
	return 0;
}

static int say(const void *bytes, size_t count)
{
	for (size_t at = 0; at < count;) {
		ssize_t done = write(STDOUT_FILENO, (const uint8_t *)bytes + at, count - at);

		if (done <= 0)
			return -1;
		at += (size_t)done;
	}
	return 0;
}

/* What is known of the machine beforehand; -1 bytes: the file cannot be read. */
static ssize_t described(uint8_t *into)
{
	const char *path = getenv("TILESCOPE_DESCRIBED_HOST");
	FILE *file = path ? fopen(path, "rb") : NULL;
	size_t got;

	if (!file)
		return -1;
	got = fread(into, 1, MOST_BYTES, file);
	(void)fclose(file);
	return (ssize_t)got;
}

static void describe_attached(struct attach_reply *reply, const char *xcr0)
{
	uint64_t mask = strtoull(xcr0, NULL, 0);

	reply->cap_xsave2_vm = 4096;
	reply->cap_xsave2_system = 4096;
	reply->guest_permission = mask;
	reply->host_permission = mask;
	reply->supported_xcr0 = mask;
}

/* Leaf 0xD of the guest's CPUID cut to the components of a mask: as if KVM had been given no others. */
static void cut_cpuid(struct cpuid_entry *entries, size_t count, uint64_t mask)
{
	uint32_t end = 576;

	for (size_t at = 0; at < count; at++) {
		struct cpuid_entry *entry = &entries[at];

		if (entry->leaf != 0xd || entry->subleaf < 2)
			continue;
		if (entry->subleaf > 63 || !(mask >> entry->subleaf & 1))
			entry->eax = entry->ebx = entry->ecx = entry->edx = 0;
		else if (entry->eax + entry->ebx > end)
			end = entry->eax + entry->ebx;
	}
	for (size_t at = 0; at < count; at++) {
		struct cpuid_entry *entry = &entries[at];

		if (entry->leaf == 0xd && entry->subleaf == 0)
			*entry = (struct cpuid_entry){ 0xd, 0, entry->eax & (uint32_t)mask, end, end, 0 };
		if (entry->leaf == 0xd && entry->subleaf == 1)
			*entry = (struct cpuid_entry){ 0xd, 1, entry->eax, end, 0, 0 };
	}
}

static void cut_capture(uint8_t *payload, size_t bytes, const char *xcr0)
{
	const struct capture_head *head = (const struct capture_head *)(const void *)payload;
	size_t at = sizeof(*head);

	for (uint32_t left = bytes < at ? 0 : head->section_count; left > 0 && at + sizeof(struct section) <= bytes; left--) {
		const struct section *section = (const struct section *)(const void *)(payload + at);
		size_t from = at + sizeof(*section), whole = ((size_t)section->bytes + 7) / 8 * 8;

		if (whole > bytes - from)
			return;
		if (section->kind == SECTION_CPUID)
			cut_cpuid((struct cpuid_entry *)(void *)(payload + from), section->bytes / sizeof(struct cpuid_entry),
				strtoull(xcr0, NULL, 0));
		at = from + whole;
	}
}

static int hand_on(int from)
{
	static _Alignas(8) uint8_t payload[MOST_BYTES];
	int no_targets = getenv("TILESCOPE_NO_TARGETS") != NULL;
	const char *xcr0 = getenv("TILESCOPE_DESCRIBED_XCR0");
	struct frame_header header;

	while (whole(from, &header, sizeof(header)) == 0) {
		if (header.payload_bytes > MOST_BYTES || whole(from, payload, header.payload_bytes) < 0)
			return 1;
		if (header.status == 0 && header.code == MSG_HELLO) {
			ssize_t bytes = described(payload);

			if (bytes < 0)
				return 1;
			header.payload_bytes = (uint32_t)bytes;
		}
		if (xcr0 && header.status == 0 && header.code == MSG_ATTACH && header.payload_bytes >= sizeof(struct attach_reply))
			describe_attached((struct attach_reply *)(void *)payload, xcr0);
		if (xcr0 && header.status == 0 && header.code == MSG_CAPTURE)
			cut_capture(payload, header.payload_bytes, xcr0);
		if (header.status == 0 && header.code == MSG_LIST_TARGETS && no_targets) {
			header.payload_bytes = sizeof(struct list_head);
			memset(payload, 0, sizeof(struct list_head));
		}
		if (say(&header, sizeof(header)) < 0 || say(payload, header.payload_bytes) < 0)
			return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	const char *helper = getenv("TILESCOPE_REAL_HELPER"), *kvm = getenv("TILESCOPE_DESCRIBED_KVM");
	int answers[2], status = 0, result;
	pid_t us = getpid(), child;

	if (!helper)
		return 2;
	if (argc > 1 && strcmp(argv[1], "--kvm") == 0) {
		if (!kvm)
			return execl(helper, helper, argv[1], (char *)NULL);
		(void)fputs(kvm, stdout);
		return *kvm ? 0 : 1;
	}
	/* Who reads us may be gone: then the real one is told that no more is asked, and lets go of its target as it does elsewhere. */
	(void)signal(SIGPIPE, SIG_IGN);
	if (pipe(answers) < 0)
		return 2;
	child = fork();
	if (child == 0) {
		/* Tilescope may kill what it takes for its helper: then the real one goes too. */
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != us)
			_exit(1);
		(void)dup2(answers[1], STDOUT_FILENO);
		(void)close(answers[0]);
		(void)close(answers[1]);
		(void)execl(helper, helper, (char *)NULL);
		perror(helper);
		_exit(127);
	}
	(void)close(answers[1]);
	(void)close(STDIN_FILENO);
	result = hand_on(answers[0]);
	(void)close(answers[0]);
	if (waitpid(child, &status, 0) != child || !WIFEXITED(status))
		return 1;
	return result ? result : WEXITSTATUS(status);
}
