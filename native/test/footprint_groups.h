/* [W14] A VMM whose control group has no room is not ended by looking. */
#ifndef TILESCOPE_TEST_FOOTPRINT_GROUPS_H
#define TILESCOPE_TEST_FOOTPRINT_GROUPS_H

void footprint_groups(const char *helper, const char *demo);

#endif
