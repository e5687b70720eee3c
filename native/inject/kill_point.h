/*
 * Where a helper can be killed. KILL_POINT names what has just been done. In the helper that is shipped it is nothing; with
 * -DKILL_POINTS, for tests alone, the helper reports each name and waits to be told to go on (test/kill_points.c).
 */
#ifndef TILESCOPE_KILL_POINT_H
#define TILESCOPE_KILL_POINT_H

#ifdef KILL_POINTS
/* Says the name on the pipe of the test, and waits for its word. */
void kill_point_passed(const char *format, ...) __attribute__((format(printf, 1, 2)));
#define KILL_POINT(...) kill_point_passed(__VA_ARGS__)
#else
#define KILL_POINT(...) ((void)0)
#endif

#endif
