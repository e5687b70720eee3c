/* A VM of the test's own, to ask this machine what it can do without Tilescope. */
#ifndef TILESCOPE_TEST_OWN_VM_H
#define TILESCOPE_TEST_OWN_VM_H

/* Does a guest stop at a breakpoint of KVM_SET_GUEST_DEBUG here? A KVM whose CPU is emulated may never hit one. */
int breakpoints_are_hit(void);
/* And at one on data, after the instruction that writes? Some software KVM has the former alone. */
int watchpoints_are_hit(void);

#endif
