// SPDX-License-Identifier: MIT
// The log: one line per event, what happened, then key=value. Lines go to stderr in one write and never block the loop: a
// line that would block is dropped and counted. Under journald (JOURNAL_STREAM set) each value is a field of its own too.
// May be called from any thread.
//
// Each place in the source that logs is a cause, with a level of its room (util/log_levels.h) and at most LOG_CAUSE_LINES
// lines a minute. What is suppressed is counted: one line tells the number by cause when the minute ends. Lines at debug
// level and those of log_..._each are not limited.
#ifndef AVLD_UTIL_LOG_H
#define AVLD_UTIL_LOG_H

#include "util/log_quote.h"
#include "util/log_site.h"

// Sets the level below which lines are not written, of all rooms; LOG_LEVEL_INFO at first.
void log_set_level(enum log_level level);
// Returns true if lines of this level are written by the caller's room.
#define log_enabled(level)                                                                         \
	__extension__({                                                                            \
		LOG_SITE(level, NULL);                                                             \
		atomic_load(&log_site.on);                                                         \
	})

// log_error(FORMAT, ...) and so on write a line if the level is on; the arguments are evaluated only then.
#define log_error(...)   LOG_WRITE(LOG_LEVEL_ERROR, log_write, __VA_ARGS__)
#define log_warning(...) LOG_WRITE(LOG_LEVEL_WARNING, log_write, __VA_ARGS__)
#define log_info(...)    LOG_WRITE(LOG_LEVEL_INFO, log_write, __VA_ARGS__)
#define log_debug(...)   LOG_WRITE(LOG_LEVEL_DEBUG, log_write_each, __VA_ARGS__)
// The same without a limit: for lines whose number a person decides.
#define log_error_each(...)   LOG_WRITE(LOG_LEVEL_ERROR, log_write_each, __VA_ARGS__)
#define log_warning_each(...) LOG_WRITE(LOG_LEVEL_WARNING, log_write_each, __VA_ARGS__)
#define log_info_each(...)    LOG_WRITE(LOG_LEVEL_INFO, log_write_each, __VA_ARGS__)
// The same with the limits of lines about peers instead of the one of the cause.
#define log_warning_peer(peer, ...) LOG_WRITE_PEER(LOG_LEVEL_WARNING, peer, __VA_ARGS__)
#define log_info_peer(peer, ...)    LOG_WRITE_PEER(LOG_LEVEL_INFO, peer, __VA_ARGS__)
// Logs at error level and ends the process with status 1, without exit handlers: other threads may be running. stdout
// is flushed.
#define log_fatal(...)                                                                             \
	do {                                                                                       \
		LOG_SITE(LOG_LEVEL_ERROR, LOG_FIRST(__VA_ARGS__, 0));                              \
		log_die(&log_site, __VA_ARGS__);                                                   \
	} while (0)

// Makes the process write this line when the signal arrives, then die of the signal as it would have without a handler
// (SIGBUS: core dump). For one signal.
void log_at_signal(int number, const char *format, ...) __attribute__((format(printf, 2, 3)));

// Tells what was suppressed, if the minute is over. To be called once a second.
void log_each_second(void);
// Tells what was suppressed so far. For the end of the process.
void log_end(void);
// Sets the clock of the limits, in seconds, for tests.
void log_set_clock(uint32_t (*now_s)(void));

// ---- for the macros

#define LOG_FIRST(first, ...) first
#define LOG_WRITE(level, write, ...)                                                               \
	do {                                                                                       \
		LOG_SITE(level, LOG_FIRST(__VA_ARGS__, 0));                                        \
		if (atomic_load_explicit(&log_site.on, memory_order_relaxed))                      \
			write(&log_site, __VA_ARGS__);                                             \
	} while (0)
#define LOG_WRITE_PEER(level, peer, ...)                                                           \
	do {                                                                                       \
		LOG_SITE(level, LOG_FIRST(__VA_ARGS__, 0));                                        \
		if (atomic_load_explicit(&log_site.on, memory_order_relaxed) &&                    \
			log_allow(&log_site, peer))                                                \
			log_write_each(&log_site, __VA_ARGS__);                                    \
	} while (0)

void log_write(struct log_site *site, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void log_write_each(struct log_site *site, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
_Noreturn void log_die(struct log_site *site, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
// peer: NULL for the limit of the cause.
bool log_allow(struct log_site *site, const struct log_peer *peer);

#endif
