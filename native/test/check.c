#include "check.h"

#include <time.h>

int checks_passed, checks_failed, checks_skipped;
static int failed_before;

void look_later(void)
{
	const struct timespec millisecond = { .tv_nsec = 1000000 };

	(void)nanosleep(&millisecond, NULL);
}

int is_fine(void)
{
	return checks_failed == failed_before;
}

void begin_part(void)
{
	failed_before = checks_failed;
}

void rule(const char *words)
{
	begin_part();
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
