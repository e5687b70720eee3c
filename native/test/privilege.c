#include "privilege.h"

#include <linux/capability.h>
#include <stdio.h>

#include "check.h"

int can_read_filters(const char *name)
{
	unsigned long long effective = 0;
	char line[256];
	FILE *status = fopen("/proc/self/status", "r");

	while (status && fgets(line, sizeof(line), status))
		if (sscanf(line, "CapEff: %llx", &effective) == 1)
			break;
	if (status)
		(void)fclose(status);
	if (effective >> CAP_SYS_ADMIN & 1)
		return 1;
	skip(name, "CAP_SYS_ADMIN is needed, for seccomp filters are read with it alone");
	return 0;
}
