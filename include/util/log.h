// SPDX-License-Identifier: MIT
// One line an event: what happened, then key=value. Lines go to stderr in one write and never block the loop:
// what would block is dropped and counted. Under journald (JOURNAL_STREAM set) lines begin with <priority>.
#ifndef AVLD_UTIL_LOG_H
#define AVLD_UTIL_LOG_H

#include <stdbool.h>
#include <stddef.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

void log_set_level(enum log_level level);
bool log_enabled(enum log_level level);

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));
// Cannot go on: logs at error level and exits with 1.
_Noreturn void log_fatal(const char *format, ...) __attribute__((format(printf, 1, 2)));

// If this signal comes, for what a fault of the machine has done to us: this line is written, and the process ends as it
// would have without a word (SIGBUS: core dump). One signal.
void log_last_words(int number, const char *format, ...) __attribute__((format(printf, 2, 3)));

// May a line about this peer's fault be written now? At most `burst` per peer address and minute (bounded table);
// what was kept back is told once a minute in one line. key: peer address, 16 bytes. now_s: any clock, in seconds.
bool log_allow(const unsigned char *key, double now_s);

// Text from outside made fit for a log line: quotes, backslashes and control bytes escaped, cut at cap - 1. Returns out.
const char *log_quote(const char *data, size_t len, char *out, size_t cap);

#endif
