#include "frame.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

enum frame_outcome frame_read(int fd, struct frame_start *start, void *payload)
{
	size_t in_payload = start->got - sizeof(start->header);
	int in_header = start->got < sizeof(start->header);
	ssize_t n;

	if (in_header)
		n = read(fd, (char *)&start->header + start->got, sizeof(start->header) - start->got);
	else
		n = read(fd, (char *)payload + in_payload, start->header.payload_bytes - in_payload);
	/* Whoever shares the pipe may have set O_NONBLOCK on it: Node does. */
	if (n < 0 && (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK))
		return FRAME_PART;
	if (n <= 0)
		return start->got ? FRAME_TRUNCATED : FRAME_END;
	start->got += (size_t)n;
	if (start->got < sizeof(start->header))
		return FRAME_PART;
	if (start->header.payload_bytes <= MAX_PAYLOAD_BYTES && start->got < sizeof(start->header) + start->header.payload_bytes)
		return FRAME_PART;
	start->got = 0;
	return start->header.payload_bytes > MAX_PAYLOAD_BYTES ? FRAME_TOO_LONG : FRAME_READ;
}

int frame_waits(int fd)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };

	return poll(&wait, 1, 0) > 0;
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
