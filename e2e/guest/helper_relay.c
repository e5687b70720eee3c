/*
 * Stands where Tilescope looks for its helper and hands everything on to the test, which runs the real helper and decides
 * what happens between two frames: stdin and stdout on one side, the UNIX socket named by TILESCOPE_RELAY on the other.
 * First it says who it is: its pid and its parent's, 32 bits each.
 */
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int hand_on(int from, int to)
{
	static char bytes[65536];
	ssize_t got = read(from, bytes, sizeof(bytes));

	for (ssize_t sent = 0; sent < got;) {
		ssize_t part = write(to, bytes + sent, (size_t)(got - sent));

		if (part <= 0)
			return 0;
		sent += part;
	}
	return got > 0;
}

int main(void)
{
	const char *path = getenv("TILESCOPE_RELAY");
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int test = socket(AF_UNIX, SOCK_STREAM, 0);
	int32_t who[2] = { getpid(), getppid() };

	if (path == NULL || strlen(path) >= sizeof(address.sun_path))
		return 2;
	strcpy(address.sun_path, path);
	if (connect(test, (struct sockaddr *)&address, sizeof(address)) != 0) {
		perror("TILESCOPE_RELAY");
		return 1;
	}
	if (write(test, who, sizeof(who)) != (ssize_t)sizeof(who))
		return 1;
	struct pollfd ends[2] = { { .fd = STDIN_FILENO, .events = POLLIN }, { .fd = test, .events = POLLIN } };

	for (;;) {
		if (poll(ends, 2, -1) < 0)
			return 1;
		/* Told that no more will be asked, as a closed pipe tells the helper; what it still says is handed on. */
		if (ends[0].revents != 0 && !hand_on(STDIN_FILENO, test)) {
			shutdown(test, SHUT_WR);
			ends[0].fd = -1;
		}
		if (ends[1].revents != 0 && !hand_on(test, STDOUT_FILENO))
			return 0;
	}
}
