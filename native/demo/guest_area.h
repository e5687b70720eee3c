/*
 * Where things lie in a demo guest's memory. For C and for the guests' assembly, so numbers only; demo.h draws the area as a
 * struct and checks that both say the same.
 */
#ifndef TILESCOPE_DEMO_GUEST_AREA_H
#define TILESCOPE_DEMO_GUEST_AREA_H

#define GUEST_CODE 0x1000
#define GUEST_COUNTERS 0x7e00 /* vCPU n counts at + n * DEMO_VCPU_STRIDE */
#define GUEST_PML4 0x8000
#define GUEST_PDPT 0x9000
#define GUEST_PD 0xa000
#define GUEST_GDT 0xb000
#define GUEST_IDT 0xb100
#define GUEST_AREAS 0x20000 /* one for each vCPU */
#define GUEST_AREA_BYTES 0x4000

#define AREA_STEP 0x00
#define AREA_DONE 0x04
#define AREA_NM_COUNT 0x08
#define AREA_ROUND 0x0c
#define AREA_XCR0 0x10
#define AREA_NM_XFD 0x18
#define AREA_NM_XFD_ERR 0x20
#define AREA_NM_RIP 0x28
#define AREA_TOUCH_RIP 0x30
#define AREA_TILECFG 0x40
#define AREA_STACK_TOP 0x400
#define AREA_A 0x400
#define AREA_B 0x800
#define AREA_FA 0xc00
#define AREA_FB 0x1000
#define AREA_RAMP 0x1400
#define AREA_OUT 0x2000 /* tile t at + t * 1024 */

/* AREA_STEP: what a guest in 64-bit mode does next. After a step it holds, and says in AREA_DONE which step it was. */
#define STEP_FREE 0     /* round after round */
#define STEP_HOLD 1     /* counts, and leaves all vector state alone */
#define STEP_LOAD 2     /* LDTILECFG and the sources */
#define STEP_MULTIPLY 3 /* both products */
#define STEP_STORE 4    /* every configured tile, to AREA_OUT */
#define STEP_TOUCH 5    /* one TILESTORED of tmm0, at AREA_TOUCH_RIP */
#define STEP_RELEASE 6  /* TILERELEASE */
#define STEP_TRIAL 7    /* one round, then HLT */

#define TILE_ROW_BYTES 64
#define SPIN_ROUNDS 0x40000 /* between two rounds, so that most captures see a finished one */

#endif
