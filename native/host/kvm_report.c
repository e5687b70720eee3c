#include "kvm_report.h"

#include "breakpoints.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* By number: the header this is built with may know fewer. main/hosts/cli/doctor-kvm.ts says what each is for. */
static const int numbers[] = { 23, 41, 50, 55, 56, 74, 136, 153, 157, 195, 208, 209, 235, 238 };

int kvm_report(void)
{
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	if (fd < 0) {
		fprintf(stderr, "tilescope-helper: /dev/kvm: %s\n", strerror(errno));
		return 1;
	}
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		printf("%d %d\n", numbers[i], ioctl(fd, KVM_CHECK_EXTENSION, numbers[i]));
	close(fd);
	if (breakpoints_hit()->known & KNOWS_FAULTS)
		printf("faults %u\n", breakpoints_hit()->faults);
	if (breakpoints_hit()->known & KNOWS_BREAKPOINTS)
		printf("breakpoints %u\nwatchpoints %u\n", breakpoints_hit()->instructions, breakpoints_hit()->data);
	return 0;
}
