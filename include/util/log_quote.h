// SPDX-License-Identifier: MIT
#ifndef AVLD_UTIL_LOG_QUOTE_H
#define AVLD_UTIL_LOG_QUOTE_H

#include <stddef.h>

// Makes text from outside fit for a log line: escapes quotes, backslashes, control bytes and bytes beyond ASCII, cuts it
// at cap - 1. Returns out.
const char *log_quote(const char *data, size_t len, char *out, size_t cap);

#endif
