/* The descriptors over which a helper with kill points reports and waits. */
#ifndef TILESCOPE_TEST_KILL_POINTS_H
#define TILESCOPE_TEST_KILL_POINTS_H

#define KILL_POINT_REPORT_FD 100
#define KILL_POINT_GO_FD 101
#define KILL_POINT_NAME_BYTES 128

#endif
