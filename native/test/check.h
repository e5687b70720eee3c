/* Counting checks: a line for each that fails, `N passed, N failed, N skipped` at the end. */
#ifndef TILESCOPE_TEST_CHECK_H
#define TILESCOPE_TEST_CHECK_H

#include <stdio.h>

#include "signal_process.h"

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

/* How long a test waits for what hangs: what is only slow is waited for. */
#define HANGS_MS 120000

/* Looks every millisecond until the condition holds. 1: it does. 0: it did not for HANGS_MS. */
#define COMES(condition)                                                                      \
	__extension__({                                                                       \
		int comes_ = 0;                                                               \
		for (int looks_ = 0; !(comes_ = !!(condition)) && looks_ < HANGS_MS; looks_++) \
			look_later();                                                         \
		comes_;                                                                       \
	})

void look_later(void); /* in a millisecond */
void rule(const char *words);
/* 1: no check has failed since the last rule, or the last part of it: what failed before keeps nothing else from being tried. */
int is_fine(void);
void begin_part(void);
void skip(const char *name, const char *reason);
int summary(void); /* the exit code */

#endif
