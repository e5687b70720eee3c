#include "guests.h"

#include <string.h>

/* again: inc dword [0x7e00]; jmp again */
static const uint8_t count_code[] = { 0x66, 0xff, 0x06, 0x00, 0x7e, 0xeb, 0xf9 };

const struct guest_program guest_programs[] = {
	{ "count", "an integer loop; leaves all vector state alone", count_code, sizeof(count_code), NULL },
};
const size_t guest_program_count = sizeof(guest_programs) / sizeof(guest_programs[0]);

const struct guest_program *guest_program_named(const char *name)
{
	for (size_t i = 0; i < guest_program_count; i++)
		if (strcmp(guest_programs[i].name, name) == 0)
			return &guest_programs[i];
	return NULL;
}
