/* What captures after the first one ask no more; of the guest of kill_scenes.h. */
#ifndef TILESCOPE_TEST_ASKED_ONCE_H
#define TILESCOPE_TEST_ASKED_ONCE_H

void asked_once(const char *stepped);

#endif
