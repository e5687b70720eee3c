/* Where step_fault_code.S and step_fault.c put things in the guest's memory: numbers only, but for C's own. */
#ifndef TILESCOPE_TEST_STEP_FAULT_H
#define TILESCOPE_TEST_STEP_FAULT_H

#define FAULT_CODE 0x2000
#define FAULT_MAY_GO 0x5000   /* bytes: its handler waits while this is 0, */
#define FAULT_LEAVES 0x5001  /* and leaves the guest for a port meanwhile, where this is not 0 */
#define FAULT_GO_BACK 0x5002
#define FAULT_COUNT 0x5004   /* words: faults, #DBs that the guest took, its flags behind the instruction */
#define FAULT_DB_COUNT 0x5006
#define FAULT_FLAGS 0x5008
#define FAULT_DONE 0x500a
#define FAULT_STACK 0x6000

#ifndef __ASSEMBLER__
/* A step whose instruction faults, into a handler that waits: for test-step, and for the lab. stepped: the helper that waits at its kill points. */
void step_fault(const char *helper, const char *stepped, const char *demo);
#endif

#endif
