// SPDX-License-Identifier: MIT
// The log: one line per event, what happened, then key=value. Lines go to stderr in one write and never block the loop: a
// line that would block is dropped and counted. Under journald (JOURNAL_STREAM set) lines begin with <priority>.
// May be called from any thread, except log_allow and log_allow_stranger.
#ifndef AVLD_UTIL_LOG_H
#define AVLD_UTIL_LOG_H

#include <stdbool.h>
#include <stddef.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

// Sets the level below which lines are not written; LOG_LEVEL_INFO at first.
void log_set_level(enum log_level level);
// Returns true if lines of this level are written.
bool log_enabled(enum log_level level);

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));
// Logs at error level and ends the process with status 1, without exit handlers: other threads may be running. stdout
// is flushed.
_Noreturn void log_fatal(const char *format, ...) __attribute__((format(printf, 1, 2)));

// Makes the process write this line when the signal arrives, then die of the signal as it would have without a handler
// (SIGBUS: core dump). For one signal.
void log_at_signal(int number, const char *format, ...) __attribute__((format(printf, 2, 3)));

// Returns true if a line about this peer may be written now: at most 5 per peer address and minute, and 150 in all. The
// number of suppressed lines is logged in one line a minute. key: peer address, 16 bytes. now_s: any clock, in seconds.
bool log_allow(const unsigned char *key, double now_s);
// The same for a peer that has given no ident: at most 20 of these lines in all.
bool log_allow_stranger(const unsigned char *key, double now_s);

// Makes text from outside fit for a log line: escapes quotes, backslashes, control bytes and bytes beyond ASCII, cuts it
// at cap - 1. Returns out.
const char *log_quote(const char *data, size_t len, char *out, size_t cap);

#endif
