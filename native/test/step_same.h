/* Where step_mixed.S and step_same.c put things in the guest's memory: numbers only. */
#ifndef TILESCOPE_TEST_STEP_SAME_H
#define TILESCOPE_TEST_STEP_SAME_H

#define MIXED_CODE 0x2000
#define MIXED_DATA 0x5000
#define MIXED_DATA_END 0x5200
#define MIXED_DONE 0x5200
#define MIXED_GO_BACK 0x5201
#define MIXED_STACK 0x6000
#define MIXED_STACK_BYTES 0x40

#endif
