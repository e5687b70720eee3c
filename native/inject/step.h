/*
 * Where a helper can die. STEP names what has just been done; it is nothing in the helper that is shipped. Compiled with
 * -DSTEPS, for tests alone, each step is told to whoever runs the helper, and waits to be let on (test/steps.c).
 */
#ifndef TILESCOPE_STEP_H
#define TILESCOPE_STEP_H

#ifdef STEPS
void step_passed(const char *format, ...) __attribute__((format(printf, 1, 2)));
#define STEP(...) step_passed(__VA_ARGS__)
#else
#define STEP(...) ((void)0)
#endif

#endif
