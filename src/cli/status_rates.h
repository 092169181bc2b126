// SPDX-License-Identifier: MIT
// The page of `avld status`, with the change of its numbers per second.
#ifndef AVLD_CLI_STATUS_RATES_H
#define AVLD_CLI_STATUS_RATES_H

#include <stdio.h>

// Prints the page: lines "NUMBER  WHAT" and others. Numbers that differ from those of the page before (NULL: none), which was
// read `seconds` earlier, have their change per second after them. At most `lines` lines (0: all); the last one says how
// many are left out.
void status_rates_print(
	FILE *to, const char *page, const char *before, double seconds, unsigned lines);

#endif
