/* A seccomp filter for the calling thread, so that a debugger's verdicts can be tried. */
#ifndef TILESCOPE_DEMO_FILTER_H
#define TILESCOPE_DEMO_FILTER_H

/*
 * kind: allow, trap-set, kill-set (KVM_SET_XSAVE), trap-get (KVM_GET_XSAVE2 and KVM_GET_XSAVE), trap-get2 (the first alone),
 * errno (KVM_GET_SREGS), kill-regs (KVM_SET_REGS), trap-events (KVM_GET_VCPU_EVENTS), no-clock, no-copy (process_vm_readv),
 * no-debug (KVM_SET_GUEST_DEBUG), no-wait (futex), no-msrs (KVM_GET_MSRS), no-timer (timer_create), no-code (mmap of
 * memory that can be executed).
 */
void filter_install(const char *kind);

#endif
