// SPDX-License-Identifier: MIT
// The levels of single modules. A module is a room of the source: known from the file of each place that logs.
#ifndef AVLD_UTIL_LOG_LEVELS_H
#define AVLD_UTIL_LOG_LEVELS_H

#include "util/log_site.h"

#include <stddef.h>

#define LOG_LEVELS_MODULES_MAX 16
#define LOG_LEVELS_NAME_MAX    16

struct log_levels {
	size_t count;
	struct log_levels_module {
		char name[LOG_LEVELS_NAME_MAX];
		enum log_level level;
	} modules[LOG_LEVELS_MODULES_MAX];
};

// Reads "writer=debug, net=warning"; "" is none. On false *levels is unspecified, and error says what is wrong and how to
// mend it.
bool log_levels_parse(const char *text, struct log_levels *levels, char *error, size_t cap);
// Sets the level of all places that log; text: as for log_levels_parse, which has accepted it.
void log_levels_apply(enum log_level level, const char *text);
// Writes the name of a file's module: "src/net/conn.c" -> "net". out has room for LOG_LEVELS_NAME_MAX. Returns out.
const char *log_levels_module(const char *file, char *out);

#endif
