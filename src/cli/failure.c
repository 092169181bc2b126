// SPDX-License-Identifier: MIT
#include "cli/failure.h"

#include <stdio.h>
#include <string.h>

bool failure_print(const char *verb, const char *what, const char *why)
{
	const size_t len = strlen(why);
	fprintf(stderr, "avld %s: %s: %s%s", verb, what, why,
		len > 0 && why[len - 1] == '\n' ? "" : "\n");
	return false;
}
