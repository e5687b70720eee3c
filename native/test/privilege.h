/* What needs a privilege is skipped by name where it is missing. */
#ifndef TILESCOPE_TEST_PRIVILEGE_H
#define TILESCOPE_TEST_PRIVILEGE_H

/* CAP_SYS_ADMIN, without which the kernel shows nobody a seccomp filter. 0: `name` is skipped, and that is said. */
int can_read_filters(const char *name);

#endif
