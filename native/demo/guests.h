/* Programs that a demo guest can run. Each counts in memory, for others to see that it runs. */
#ifndef TILESCOPE_GUESTS_H
#define TILESCOPE_GUESTS_H

#include "demo.h"

enum guest_mode { GUEST_REAL_MODE, GUEST_64_BIT };

struct guest_program {
	const char *name;
	const char *summary;
	enum guest_mode mode;
	const uint8_t *code, *code_end;
	const uint8_t *on_nm;       /* the handler of #NM in it; NULL: none */
	uint64_t xcr0;              /* what the guest sets by XSETBV */
	int permission;             /* the component that arch_prctl must permit before the first vCPU; 0: none */
	void (*fill)(struct guest_area *area);
	int (*host_can_run)(const struct guest_program *program); /* NULL: every CPU */
};

/* The most telling first. */
extern const struct guest_program guest_programs[];
extern const size_t guest_program_count;

/* NULL: there is none of that name. */
const struct guest_program *guest_program_named(const char *name);
/* The first that runs here. */
const struct guest_program *guest_program_chosen(void);

#endif
