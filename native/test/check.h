/* Counting checks: a line for each that fails, `N passed, N failed, N skipped` at the end. */
#ifndef TILESCOPE_TEST_CHECK_H
#define TILESCOPE_TEST_CHECK_H

#include <stdio.h>

extern int checks_passed, checks_failed, checks_skipped;

#define CHECK(condition, ...)                                                          \
	do {                                                                           \
		if (condition) {                                                       \
			checks_passed++;                                               \
		} else {                                                               \
			checks_failed++;                                               \
			printf("not ok: %s:%d: %s: ", __FILE__, __LINE__, #condition); \
			printf(__VA_ARGS__);                                           \
			printf("\n");                                                  \
		}                                                                      \
	} while (0)

void rule(const char *words);
void skip(const char *name, const char *reason);
int summary(void); /* the exit code */

#endif
