// SPDX-License-Identifier: MIT
// The lines that avld check prints.
#ifndef AVLD_CLI_CHECK_PRINT_H
#define AVLD_CLI_CHECK_PRINT_H

#include "config/config.h"

__attribute__((format(printf, 1, 2))) void check_print_ok(const char *format, ...);
__attribute__((format(printf, 1, 2))) void check_print_note(const char *format, ...);
// Prints a problem with the setting `key`. Always returns false.
__attribute__((format(printf, 3, 4))) bool check_print_problem(
	const struct config *config, const char *key, const char *format, ...);

#endif
