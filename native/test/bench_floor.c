/*
 * What reading another process costs at least, and copying a whole image: bench-floor prints one line of JSON, nanoseconds each, the
 * medians. What is read is a child's, all of it there.
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "signal_process.h"

#define ROUNDS 501
#define MIB (1u << 20)
#define IMAGE_BYTES 11008u
#define COPIES 100u

static uint8_t to[MIB], from[MIB];

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static double median(uint64_t *values)
{
	qsort(values, ROUNDS, sizeof(values[0]), by_size);
	return (double)values[ROUNDS / 2];
}

static double reading(pid_t child, size_t bytes)
{
	static uint64_t times[ROUNDS];
	struct iovec local = { to, bytes }, remote = { from, bytes };

	for (size_t i = 0; i < ROUNDS; i++) {
		uint64_t begun = now();

		if (process_vm_readv(child, &local, 1, &remote, 1, 0) != (ssize_t)bytes) {
			perror("bench-floor: process_vm_readv");
			exit(1);
		}
		times[i] = now() - begun;
	}
	return median(times);
}

static double copying(void)
{
	static uint64_t times[ROUNDS];

	for (size_t i = 0; i < ROUNDS; i++) {
		uint64_t begun = now();

		for (size_t copy = 0; copy < COPIES; copy++) {
			memcpy(to, from, IMAGE_BYTES);
			__asm__ volatile("" : : "r"(to), "r"(from) : "memory");
		}
		times[i] = (now() - begun) / COPIES;
	}
	return median(times);
}

int main(void)
{
	pid_t child;

	memset(from, 0x5a, sizeof(from));
	child = fork();
	if (child == 0)
		for (;;)
			(void)pause();
	printf("{\"read8\": %.1f, \"read1MiB\": %.1f, \"copyImage\": %.1f}\n", reading(child, 8), reading(child, MIB), copying());
	(void)signal_process(child, SIGKILL);
	(void)waitpid(child, NULL, 0);
	return 0;
}
