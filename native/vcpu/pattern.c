#include <string.h>
#include <sys/random.h>

#include "session.h"

const uint8_t *pattern_bytes(void)
{
	static uint8_t pattern[SCRATCH_DATA_BYTES];
	static int made;

	if (!made) {
		for (size_t at = 0; at < sizeof(pattern); at += 256)
			(void)!getrandom(pattern + at, sizeof(pattern) - at < 256 ? sizeof(pattern) - at : 256, 0);
		for (size_t i = 0; i < sizeof(pattern); i++)
			pattern[i] |= (uint8_t)(pattern[i] == 0);
		made = 1;
	}
	return pattern;
}

/*
 * KVM fills the end of an image with zeros, and the pattern has none: so the end shows exactly. Where the last component
 * reaches the end, its last bytes could equal the pattern; rounding up to 8 makes that a chance of one in 2^63.
 */
uint32_t pattern_written(const uint8_t *bytes, size_t offset, size_t count)
{
	const uint8_t *before = pattern_bytes() + offset;

	while (count && bytes[count - 1] == before[count - 1])
		count--;
	return (uint32_t)((count + 7) & ~(size_t)7);
}
