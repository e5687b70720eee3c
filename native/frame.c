#include "frame.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* How many bytes came before the end of the pipe or an error. */
static size_t read_whole(int fd, void *bytes, size_t count)
{
	size_t got = 0;

	while (got < count) {
		ssize_t n = read(fd, (char *)bytes + got, count - got);

		if (n > 0) {
			got += (size_t)n;
		} else if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
			/* Whoever shares the pipe may have set O_NONBLOCK on it: Node does. */
			struct pollfd wait = { .fd = fd, .events = POLLIN };

			(void)poll(&wait, 1, -1);
		} else if (n == 0 || errno != EINTR) {
			break;
		}
	}
	return got;
}

static int write_whole(int fd, const void *bytes, size_t count)
{
	size_t put = 0;

	while (put < count) {
		ssize_t n = write(fd, (const char *)bytes + put, count - put);

		if (n > 0) {
			put += (size_t)n;
		} else if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
			struct pollfd wait = { .fd = fd, .events = POLLOUT };

			(void)poll(&wait, 1, -1);
		} else if (n < 0 && errno != EINTR) {
			return -1;
		}
	}
	return 0;
}

enum frame_outcome frame_read(int fd, struct frame_header *header, void *payload)
{
	size_t got = read_whole(fd, header, sizeof(*header));

	if (got == 0)
		return FRAME_END;
	if (got < sizeof(*header))
		return FRAME_TRUNCATED;
	if (header->payload_bytes > MAX_PAYLOAD_BYTES)
		return FRAME_TOO_LONG;
	if (read_whole(fd, payload, header->payload_bytes) < header->payload_bytes)
		return FRAME_TRUNCATED;
	return FRAME_READ;
}

int frame_write(int fd, const struct frame_header *header, const void *payload)
{
	if (write_whole(fd, header, sizeof(*header)) < 0)
		return -1;
	return write_whole(fd, payload, header->payload_bytes);
}

void *reply_add(struct reply *reply, const void *bytes, size_t count)
{
	uint8_t *place = reply->bytes + reply->used;

	if (reply->full || count > MAX_PAYLOAD_BYTES - reply->used) {
		reply->full = 1;
		return NULL;
	}
	if (count && bytes)
		memcpy(place, bytes, count);
	else
		memset(place, 0, count);
	reply->used += count;
	return place;
}

void reply_pad(struct reply *reply, size_t alignment)
{
	size_t over = reply->used % alignment;

	if (over)
		(void)reply_add(reply, NULL, alignment - over);
}

int refuse(struct refusal *why, enum reason reason, int errno_value, const char *call, const char *format, ...)
{
	va_list arguments;

	memset(why, 0, sizeof(*why));
	why->reason = (uint32_t)reason;
	why->errno_value = errno_value;
	if (call)
		(void)snprintf(why->call, sizeof(why->call), "%s", call);
	va_start(arguments, format);
	(void)vsnprintf(why->detail, sizeof(why->detail), format, arguments);
	va_end(arguments);
	return -1;
}

int refuse_errno(struct refusal *why, int errno_value, const char *call)
{
	if (errno_value == ESRCH)
		return refuse(why, REASON_TARGET_GONE, errno_value, call, "The target ended during %s.", call);
	return refuse(why, REASON_CALL_FAILED, errno_value, call, "%s failed: %s.", call, strerror(errno_value));
}
