/*
 * The longest that a vCPU stands still for one request, or between two looks at one that is driven, whatever its process looks like: memory that keeps its reader waiting, a
 * table of mappings that has no end, a kernel that is slow. When the time is up, SIGALRM ends the helper, whatever killable wait it is
 * in. A helper may be killed at any instant: the thread goes on by itself.
 */
#ifndef TILESCOPE_STAND_H
#define TILESCOPE_STAND_H

#define STAND_LIMIT_S 5

void stand_watch_begin(void); /* when a thread is told to stop; the time starts anew */
void stand_watch_end(void);   /* when the request is over: what stands now has been asked to */

#endif
