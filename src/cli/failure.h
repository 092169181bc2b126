// SPDX-License-Identifier: MIT
// What the verbs print when something fails.
#ifndef AVLD_CLI_FAILURE_H
#define AVLD_CLI_FAILURE_H

#include <stdbool.h>

// Prints "avld VERB: what: why" to stderr. why may end with a newline, as most messages of libpq do. Always returns false.
bool failure_print(const char *verb, const char *what, const char *why);

#endif
