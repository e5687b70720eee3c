/* The other side of STEP: a line for each step, and a byte to be let on. Without the descriptors nothing waits. */
#include "steps.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "step.h"

void step_passed(const char *format, ...)
{
	char name[STEP_NAME_BYTES];
	va_list arguments;
	int length;
	char go;

	va_start(arguments, format);
	length = vsnprintf(name, sizeof(name), format, arguments);
	va_end(arguments);
	if (length < 0 || (size_t)length >= sizeof(name))
		length = (int)sizeof(name) - 1;
	if (write(STEP_REPORT_FD, name, (size_t)length) == length)
		(void)!read(STEP_GO_FD, &go, 1);
}
