#include "stand.h"

#include <sys/time.h>

static void set(long seconds)
{
	struct itimerval timer = { .it_value.tv_sec = seconds };

	(void)setitimer(ITIMER_REAL, &timer, (void *)0);
}

void stand_watch_begin(void)
{
	set(STAND_LIMIT_S);
}

void stand_watch_end(void)
{
	set(0);
}
