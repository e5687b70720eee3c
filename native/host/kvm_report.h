/* `tilescope-helper --kvm`: what KVM answers to KVM_CHECK_EXTENSION, for people and `tilescope doctor`. */
#ifndef TILESCOPE_KVM_REPORT_H
#define TILESCOPE_KVM_REPORT_H

/*
 * A line for each capability that is asked for: its number, and the answer. Then, where it could be found out, what a VM of its own
 * says (breakpoints.h). Returns the exit code: 1 without /dev/kvm.
 */
int kvm_report(void);

#endif
