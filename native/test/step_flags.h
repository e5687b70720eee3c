/* Single steps of a guest that stores its flags. */
#ifndef TILESCOPE_TEST_STEP_FLAGS_H
#define TILESCOPE_TEST_STEP_FLAGS_H

#include "client.h"
#include "guest.h"

void step_flags(const char *helper, const char *demo);

#endif
