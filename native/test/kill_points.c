/* The other side of KILL_POINT: one line for each, then a wait for one byte. Without the descriptors nothing waits. */
#include "kill_points.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "kill_point.h"

void kill_point_passed(const char *format, ...)
{
	char name[KILL_POINT_NAME_BYTES];
	va_list arguments;
	int length;
	char go;

	va_start(arguments, format);
	length = vsnprintf(name, sizeof(name), format, arguments);
	va_end(arguments);
	if (length < 0 || (size_t)length >= sizeof(name))
		length = (int)sizeof(name) - 1;
	if (write(KILL_POINT_REPORT_FD, name, (size_t)length) == length)
		(void)!read(KILL_POINT_GO_FD, &go, 1);
}
