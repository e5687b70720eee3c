/*
 * What the helper parses that others write, for libFuzzer: /proc of a target (a process says its own name, and maps what it
 * likes), frames, seccomp filters and images. The first byte says whose turn it is. Whatever the bytes: an answer.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "frame.h"
#include "guard.h"
#include "proc.h"
#include "seccomp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(int holds)
{
	if (!holds)
		abort();
}

static void fuzz_stat(const char *text)
{
	struct stat_facts facts;

	if (stat_parse(text, &facts) == 0)
		need(memchr(facts.comm, 0, sizeof(facts.comm)) != NULL);
}

static void fuzz_status(const char *text)
{
	struct status_facts facts;

	(void)status_parse(text, &facts);
}

static void fuzz_mappings(const char *text)
{
	struct mapping mapping;
	const char *at = text, *end = text + strlen(text);

	/* Each line is taken off the text, so that the loop ends. */
	for (const char *before = at; mapping_next(&at, &mapping) == 0; before = at) {
		need(at > before && at <= end);
		need(memchr(mapping.path, 0, sizeof(mapping.path)) != NULL && mapping.access[4] == '\0');
	}
	at = text;
	(void)mapping_kept_from_forks(&at, 0x1000, 0x2000);
	need(at >= text && at <= end);
}

static void fuzz_syscall(const char *text)
{
	(void)syscall_is_kvm_run(text, -1);
	(void)syscall_is_kvm_run(text, 7);
}

static void fuzz_frames(const uint8_t *data, size_t size)
{
	static uint8_t payload[MAX_PAYLOAD_BYTES];
	struct frame_start start = { 0 };
	enum frame_outcome outcome;
	int fd = memfd_create("frames", MFD_CLOEXEC);

	need(fd >= 0 && write(fd, data, size) == (ssize_t)size && lseek(fd, 0, SEEK_SET) == 0);
	do
		outcome = frame_read(fd, &start, payload);
	while (outcome == FRAME_PART || outcome == FRAME_READ);
	need(outcome == FRAME_END || outcome == FRAME_TRUNCATED || outcome == FRAME_TOO_LONG);
	close(fd);
}

static void fuzz_seccomp(const uint8_t *data, size_t size)
{
	struct seccomp_data call = { 0 };
	struct seccomp_program program = { 0 };

	if (size < sizeof(call))
		return;
	memcpy(&call, data, sizeof(call));
	program.count = (size - sizeof(call)) / sizeof(struct sock_filter);
	program.instructions = malloc(program.count * sizeof(struct sock_filter) + 1);
	need(program.instructions != NULL);
	memcpy(program.instructions, data + sizeof(call), program.count * sizeof(struct sock_filter));
	(void)seccomp_action_name(seccomp_run(&program, &call));
	free(program.instructions);
}

static void fuzz_image(const uint8_t *data, size_t size)
{
	struct component components[64] = { 0 };
	struct xfd_reading xfd = { 0 };
	struct refusal why = { 0 };
	uint8_t *image;

	if (size < 24)
		return;
	memcpy(&xfd.value, data, sizeof(xfd.value));
	for (int bit = 2; bit < 20; bit++) {
		components[bit].offset_bytes = data[bit] * 64u;
		components[bit].bytes = data[bit] ? 64 : 0;
	}
	/* A copy of its own size: a read beyond its end is found. */
	image = malloc(size);
	need(image != NULL);
	memcpy(image, data, size);
	if (guard_image(image, size, size, &xfd, components, &why) == 0)
		need(size >= 576 && !(image_xstate_bv(image) & xfd.value));
	if (size >= 576)
		(void)guard_is_protected(image, size);
	free(image);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (size == 0)
		return 0;
	text = malloc(size);
	need(text != NULL);
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	switch (data[0] % 7) {
	case 0: fuzz_stat(text); break;
	case 1: fuzz_status(text); break;
	case 2: fuzz_mappings(text); break;
	case 3: fuzz_syscall(text); break;
	case 4: fuzz_frames(data + 1, size - 1); break;
	case 5: fuzz_seccomp(data + 1, size - 1); break;
	default: fuzz_image(data + 1, size - 1); break;
	}
	free(text);
	return 0;
}
