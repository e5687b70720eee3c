/*
 * A VMM that an enemy has taken over, and does what it can to whoever attaches to it, without a pause:
 *
 *	hostile-vmm --shm FILE --does BITS --seed N [--aim WORD]…
 *
 * WORD is OFFSET:BYTES:VALUE, hex: 4 or 8 bytes of scratch memory, written as often as it can.
 */
#ifndef TILESCOPE_TEST_HOSTILE_H
#define TILESCOPE_TEST_HOSTILE_H

enum hostile_deed {
	DOES_SCRIBBLE = 1,     /* random words into scratch memory and behind kvm_run, wherever a helper has something there */
	DOES_UNMAP = 2,        /* takes scratch memory away, or writes over it with mappings of its own */
	DOES_CHURN = 4,        /* threads and processes come and go, so that numbers do too; by vfork among them */
	DOES_SIGNAL = 8,       /* signals to the vCPU's thread, each of which ends KVM_RUN with EINTR */
	DOES_DESCRIPTORS = 16, /* vCPUs of VMs that are dead or empty, and the same vCPU by other numbers, come and go */
	DOES_AIM = 32,         /* the words that it was given, into scratch memory */
};
#define DOES_ALL 31u
/* What leaves the frames of a chain alone: such a VMM must live, and its guest go on. */
#define DOES_NO_HARM_TO_ITSELF (DOES_CHURN | DOES_SIGNAL | DOES_DESCRIPTORS)

#endif
