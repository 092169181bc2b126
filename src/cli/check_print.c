// SPDX-License-Identifier: MIT
#include "cli/check_print.h"

#include "config/setting.h"

#include <stdarg.h>
#include <stdio.h>

__attribute__((format(printf, 2, 0))) static void print(
	const char *start, const char *format, va_list arguments)
{
	fputs(start, stdout);
	vprintf(format, arguments);
	putchar('\n');
}

void check_print_ok(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	print("ok ", format, arguments);
	va_end(arguments);
}

void check_print_note(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	print("note: ", format, arguments);
	va_end(arguments);
}

bool check_print_problem(const struct config *config, const char *key, const char *format, ...)
{
	char origin[SETTING_ORIGIN_MAX];
	va_list arguments;
	printf("problem: %s: %s: ", setting_origin(config, key, origin), key);
	va_start(arguments, format);
	print("", format, arguments);
	va_end(arguments);
	return false;
}
