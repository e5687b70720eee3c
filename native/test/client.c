#include "client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "kill_points.h"

static int pipes(int ends[2])
{
	return pipe2(ends, O_CLOEXEC);
}

/* posix_spawn, for fork would copy the page tables of a sanitized program each time. */
static int start(struct client *c, const char *helper, int stepped)
{
	int in[2], out[2], step[2] = { -1, -1 }, go[2] = { -1, -1 };
	char *arguments[] = { (char *)(uintptr_t)helper, NULL };
	posix_spawn_file_actions_t actions;

	memset(c, 0, sizeof(*c));
	c->payload = malloc(CLIENT_PAYLOAD_BYTES);
	if (!c->payload || pipes(in) < 0 || pipes(out) < 0 || (stepped && (pipes(step) < 0 || pipes(go) < 0)))
		return -1;
	(void)posix_spawn_file_actions_init(&actions);
	(void)posix_spawn_file_actions_adddup2(&actions, in[0], 0);
	(void)posix_spawn_file_actions_adddup2(&actions, out[1], 1);
	if (stepped) {
		(void)posix_spawn_file_actions_adddup2(&actions, step[1], KILL_POINT_REPORT_FD);
		(void)posix_spawn_file_actions_adddup2(&actions, go[0], KILL_POINT_GO_FD);
	}
	if (posix_spawn(&c->pid, helper, &actions, NULL, arguments, environ) != 0)
		c->pid = -1;
	(void)posix_spawn_file_actions_destroy(&actions);
	close(in[0]);
	close(out[1]);
	if (stepped) {
		close(step[1]);
		close(go[0]);
	}
	c->to = in[1];
	c->from = out[0];
	c->step = step[0];
	c->go = go[1];
	c->next_id = 1;
	(void)signal(SIGPIPE, SIG_IGN);
	return c->pid < 0 ? -1 : 0;
}

int client_start(struct client *c, const char *helper)
{
	return start(c, helper, 0);
}

int client_start_with_kill_points(struct client *c, const char *helper)
{
	return start(c, helper, 1);
}

static int finish(struct client *c)
{
	int status = -1;

	if (c->to >= 0)
		close(c->to);
	if (c->step >= 0) {
		close(c->step);
		close(c->go); /* what it still waits for ends the waiting */
	}
	/* One that could not be started is nobody to wait for: -1 would be any child, the guest too. */
	while (c->pid > 0 && waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
		;
	close(c->from);
	free(c->payload);
	memset(c, 0, sizeof(*c));
	return status;
}

int client_end(struct client *c)
{
	return finish(c);
}

int client_kill(struct client *c)
{
	(void)signal_process(c->pid, SIGKILL);
	return finish(c);
}

static void write_down(FILE *file, const void *bytes, size_t count)
{
	if (file)
		(void)fwrite(bytes, 1, count, file);
}

static int put(struct client *c, const void *bytes, size_t count)
{
	write_down(c->asked, bytes, count);
	while (count) {
		ssize_t n = write(c->to, bytes, count);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		bytes = (const char *)bytes + n;
		count -= (size_t)n;
	}
	return 0;
}

static int get(struct client *c, void *bytes, size_t count)
{
	while (count) {
		struct pollfd wait = { .fd = c->from, .events = POLLIN };
		ssize_t n;

		if (poll(&wait, 1, HANGS_MS) <= 0)
			return -1;
		n = read(c->from, bytes, count);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		bytes = (char *)bytes + n;
		count -= (size_t)n;
	}
	return 0;
}

int client_send(struct client *c, uint32_t code, const void *payload, size_t bytes)
{
	struct frame_header header = { (uint32_t)bytes, c->next_id++, code, 0 };

	return put(c, &header, sizeof(header)) < 0 || put(c, payload, bytes) < 0 ? -1 : 0;
}

static int get_frame(struct client *c)
{
	if (get(c, &c->header, sizeof(c->header)) < 0 || c->header.payload_bytes > MAX_PAYLOAD_BYTES)
		return -1;
	if (get(c, c->payload, c->header.payload_bytes) < 0)
		return -1;
	write_down(c->answered, &c->header, sizeof(c->header));
	write_down(c->answered, c->payload, c->header.payload_bytes);
	return 0;
}

enum { NO_ANSWER = -1, REFUSED, ANSWERED, MORE };

/* An event of a run that has been answered. Records are gathered behind the place where its end is put. */
static int take_event(struct client *c, uint8_t *payload)
{
	struct steps_event steps;

	if (c->header.code == EVENT_STEPS) {
		memcpy(&steps, payload, sizeof(steps));
		c->record_bytes = steps.record_bytes;
		memmove(payload, payload + sizeof(steps), (size_t)steps.record_count * steps.record_bytes);
		c->gathered += (size_t)steps.record_count * steps.record_bytes;
		return c->gathered + 2 * MAX_PAYLOAD_BYTES > CLIENT_PAYLOAD_BYTES ? NO_ANSWER : MORE;
	}
	if (c->header.code != EVENT_STOPPED)
		return MORE;
	memmove(c->payload, payload, sizeof(struct stopped_event));
	if (((struct stopped_event *)(void *)payload)->reason != STOPPED_FAILED)
		return ANSWERED;
	memmove(c->payload, payload + sizeof(struct stopped_event), sizeof(struct refusal));
	c->refusal = (const struct refusal *)(const void *)c->payload;
	return REFUSED;
}

static int receive_one(struct client *c)
{
	uint8_t *payload = c->payload, *place = c->running ? payload + sizeof(struct stopped_event) + c->gathered : payload;
	int got, result;

	c->payload = place;
	got = get_frame(c);
	c->payload = payload;
	if (got < 0)
		return NO_ANSWER;
	if (c->header.status == STATUS_EVENT) {
		c->events += c->header.code == EVENT_TARGET_GONE;
		result = c->running ? take_event(c, place) : MORE;
		c->running = c->running && result == MORE;
		return result;
	}
	if (c->header.status == STATUS_REFUSED)
		c->refusal = (const struct refusal *)(const void *)c->payload;
	c->running = c->header.code == MSG_RUN && c->header.status == STATUS_OK;
	c->gathered = 0;
	return c->running ? MORE : c->header.status == STATUS_OK;
}

int client_receive(struct client *c)
{
	int result;

	c->refusal = NULL;
	while ((result = receive_one(c)) == MORE)
		;
	return result;
}

int client_until_kill_point(struct client *c, unsigned int count, char *name, void (*passed)(const char *name))
{
	c->refusal = NULL;
	for (unsigned int seen = 0;;) {
		struct pollfd wait[2] = { { .fd = c->step, .events = POLLIN }, { .fd = c->from, .events = POLLIN } };
		ssize_t n;

		if (poll(wait, 2, HANGS_MS) <= 0)
			return -1;
		if (!(wait[0].revents & POLLIN)) {
			int result = receive_one(c);

			if (result != MORE)
				return result;
			continue;
		}
		n = read(c->step, name, KILL_POINT_NAME_BYTES - 1);
		if (n <= 0)
			return -1;
		name[n] = '\0';
		if (++seen == count)
			return 2;
		if (passed)
			passed(name);
		if (write(c->go, "g", 1) != 1)
			return -1;
	}
}

int client_ask(struct client *c, uint32_t code, const void *payload, size_t bytes)
{
	return client_send(c, code, payload, bytes) < 0 ? -1 : client_receive(c);
}

int client_ask2(struct client *c, uint32_t code, const void *head, size_t head_bytes, const void *body, size_t body_bytes)
{
	struct frame_header header = { (uint32_t)(head_bytes + body_bytes), c->next_id++, code, 0 };

	if (put(c, &header, sizeof(header)) < 0 || put(c, head, head_bytes) < 0 || put(c, body, body_bytes) < 0)
		return -1;
	return client_receive(c);
}

int client_wait_event(struct client *c)
{
	struct pollfd wait = { .fd = c->from, .events = POLLIN };

	if (c->events)
		return 1;
	if (poll(&wait, 1, HANGS_MS) <= 0 || get_frame(c) < 0)
		return 0;
	c->events += c->header.status == STATUS_EVENT;
	return c->header.status == STATUS_EVENT;
}

int client_attach(struct client *c, pid_t pid, uint32_t index, uint32_t flags, struct attach_reply *reply)
{
	struct attach_request request = { .vcpu = { pid, index }, .flags = flags };
	int answer = client_ask(c, MSG_ATTACH, &request, sizeof(request));

	if (answer == 1 && reply)
		memcpy(reply, c->payload, sizeof(*reply));
	return answer;
}

int client_vcpu(struct client *c, uint32_t code, pid_t pid, uint32_t index)
{
	struct vcpu_ref ref = { pid, index };

	return client_ask(c, code, &ref, sizeof(ref));
}

const void *capture_section(const struct client *c, uint32_t kind, uint32_t *bytes)
{
	struct capture_head head;
	size_t at = sizeof(head);

	if (c->refusal || c->header.code != MSG_CAPTURE || c->header.payload_bytes < sizeof(head))
		return NULL;
	memcpy(&head, c->payload, sizeof(head));
	for (uint32_t i = 0; i < head.section_count; i++) {
		struct section section;

		memcpy(&section, c->payload + at, sizeof(section));
		at += sizeof(section);
		if (section.kind == kind) {
			if (bytes)
				*bytes = section.bytes;
			return c->payload + at;
		}
		at += (section.bytes + 7u) & ~7u;
	}
	return NULL;
}

int client_set_regs(struct client *c, pid_t pid, uint32_t index, const struct kvm_regs *regs)
{
	struct vcpu_ref ref = { pid, index };

	return client_ask2(c, MSG_SET_REGS, &ref, sizeof(ref), regs, sizeof(*regs));
}

int client_set_image(struct client *c, pid_t pid, uint32_t index, const void *image, uint32_t bytes)
{
	struct set_image_request request = { .vcpu = { pid, index }, .image_bytes = bytes };

	return client_ask2(c, MSG_SET_IMAGE, &request, sizeof(request), image, bytes);
}
