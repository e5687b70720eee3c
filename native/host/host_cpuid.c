#include "host_cpuid.h"

#include <cpuid.h>

static struct cpuid_entry ask(uint32_t leaf, uint32_t subleaf)
{
	struct cpuid_entry e = { .leaf = leaf, .subleaf = subleaf };

	__cpuid_count(leaf, subleaf, e.eax, e.ebx, e.ecx, e.edx);
	return e;
}

static uint32_t add(struct reply *reply, uint32_t leaf, uint32_t subleaf)
{
	struct cpuid_entry e = ask(leaf, subleaf);

	return reply_add(reply, &e, sizeof(e)) ? 1 : 0;
}

uint32_t cpuid_report(struct reply *reply)
{
	uint32_t highest = ask(0, 0).eax;
	uint32_t highest_extended = ask(0x80000000u, 0).eax;
	uint32_t count = add(reply, 0, 0) + add(reply, 1, 0);

	/* Beyond the highest basic leaf an Intel CPU answers with the data of the last one: never ask there. */
	if (highest >= 7)
		for (uint32_t sub = 0; sub <= ask(7, 0).eax && sub < 8; sub++)
			count += add(reply, 7, sub);
	if (highest >= 0xd) {
		count += add(reply, 0xd, 0) + add(reply, 0xd, 1);
		for (uint32_t sub = 2; sub < 64; sub++)
			if (ask(0xd, sub).eax)
				count += add(reply, 0xd, sub);
	}
	if (highest >= 0x1d)
		for (uint32_t sub = 0; sub <= ask(0x1d, 0).eax && sub < 8; sub++)
			count += add(reply, 0x1d, sub);
	if (highest >= 0x1e)
		count += add(reply, 0x1e, 0) + add(reply, 0x1e, 1);
	for (uint32_t leaf = 0x80000002u; leaf <= 0x80000004u && leaf <= highest_extended; leaf++)
		count += add(reply, leaf, 0);
	return count;
}

const struct component *host_components(void)
{
	static struct component components[64];
	static int asked;

	if (asked)
		return components;
	asked = 1;
	if (ask(0, 0).eax < 0xd)
		return components;
	for (uint32_t bit = 2; bit < 63; bit++) {
		struct cpuid_entry e = ask(0xd, bit);

		/* ECX bit 0 marks a supervisor component: it has no place in the standard format. */
		if (e.eax && !(e.ecx & 1)) {
			components[bit].offset_bytes = e.ebx;
			components[bit].bytes = e.eax;
		}
	}
	return components;
}
