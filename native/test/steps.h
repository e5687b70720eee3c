/* A helper compiled with -DSTEPS, run step by step, and killed at one of them. */
#ifndef TILESCOPE_TEST_STEPS_H
#define TILESCOPE_TEST_STEPS_H

#define STEP_REPORT_FD 100
#define STEP_GO_FD 101
#define STEP_NAME_BYTES 128

#endif
