/* What the parts of bench-live share. */
#ifndef TILESCOPE_TEST_BENCH_H
#define TILESCOPE_TEST_BENCH_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "../demo/vm.h"

#define ROUNDS 300
#define STEPS 4000u
#define STATES_KEPT 400u /* of one request: so many of a guest with AMX the client has room for */
#define GDB_STEPS 300
#define ATTACHMENTS 9u
#define REFRESH_HZ 30 /* the fastest live refresh */

uint64_t now(clockid_t clock);
double percentile(uint64_t *values, size_t count, unsigned int percent); /* sorts them; microseconds of nanoseconds */
void give_up(const char *what);

/* bench_own.c: a VM of this process, whose guest counts as the demo guest does. */
void own_vm_start(struct vm *vm, struct vm_vcpu *vcpu);
/* One step, in the thread's own time. With what else is called after each: */
enum own_step {
	STEP_ALONE,
	STEP_ARMED, /* KVM_SET_GUEST_DEBUG, for an instruction may load flags of its own */
	STEP_READ,  /* the fewest that read the whole state: kvm_run brings the general and segment registers where KVM can */
};
double own_step_us(const struct vm_vcpu *vcpu, enum own_step how);
/* What the calls of a capture after the first cost by themselves. */
double own_calls_us(const struct vm_vcpu *vcpu);

#endif
