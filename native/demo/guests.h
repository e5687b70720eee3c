/* Programs that a demo guest can run. Each is real-mode code that counts its rounds in memory, for others to see. */
#ifndef TILESCOPE_GUESTS_H
#define TILESCOPE_GUESTS_H

#include <stddef.h>
#include <stdint.h>

#define GUEST_CODE_ADDRESS 0x1000u
#define GUEST_COUNTER_OFFSET 0x7e00u /* from the start of the data segment */

struct guest_program {
	const char *name;
	const char *summary;
	const uint8_t *code;
	size_t bytes;
	int (*host_can_run)(void); /* NULL: every CPU */
};

extern const struct guest_program guest_programs[];
extern const size_t guest_program_count;

const struct guest_program *guest_program_named(const char *name);

#endif
