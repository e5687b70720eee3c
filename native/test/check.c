#include "check.h"

#include <time.h>

int checks_passed, checks_failed, checks_skipped;

void look_later(void)
{
	const struct timespec millisecond = { .tv_nsec = 1000000 };

	(void)nanosleep(&millisecond, NULL);
}

void rule(const char *words)
{
	printf("# %s\n", words);
	(void)fflush(stdout);
}

void skip(const char *name, const char *reason)
{
	printf("skipped: %s: %s\n", name, reason);
	checks_skipped++;
}

int summary(void)
{
	printf("%d passed, %d failed, %d skipped\n", checks_passed, checks_failed, checks_skipped);
	return checks_failed ? 1 : 0;
}
