// SPDX-License-Identifier: MIT
// Writes each line with one system call that does not block. A line that would block is dropped and
// counted; the count is logged before the next line that is written.
//
//   on a terminal, in a file:  2026-11-22T10:15:00.123Z INFO conn closed peer=...
//   under journald:            to its socket, with fields; else to stderr: <6>conn closed peer=...
#include "util/log.h"
#include "util/calendar.h"
#include "util/clock.h"
#include "util/log_journald.h"
#include "util/log_levels.h"
#include "util/log_limit.h"
#include "util/log_sites.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_MAX_BYTES 2048 /* below PIPE_BUF: a pipe takes all of a line or nothing */

static const struct {
	const char *name;
	int priority; /* of syslog */
} levels[] = {
	[LOG_LEVEL_ERROR] = {"ERROR", 3},
	[LOG_LEVEL_WARNING] = {"WARNING", 4},
	[LOG_LEVEL_INFO] = {"INFO", 6},
	[LOG_LEVEL_DEBUG] = {"DEBUG", 7},
};

// The log's state is static so that every function of the program can log without being passed a logger,
// and because a signal handler is passed nothing but its signal's number.
static struct {
	atomic_ulong dropped; /* lines not written since the last one that was */
	struct {
		char line[LINE_MAX_BYTES];
		size_t len;
	} at_signal;
	pthread_mutex_t lock; /* of the limits */
	struct log_limit limit;
	uint32_t (*now_s)(void);
} logger = {.lock = PTHREAD_MUTEX_INITIALIZER, .now_s = clock_coarse_s};

void log_set_level(enum log_level level)
{
	log_levels_apply(level, "");
}

void log_set_clock(uint32_t (*now_s)(void))
{
	logger.now_s = now_s;
}

// Returns true if stderr is the stream that journald opened. The variable alone does not prove it: shells
// inherit it.
static bool under_journald(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	if (!stream)
		return false;
	struct stat status;
	if (fstat(STDERR_FILENO, &status))
		return false;
	char own[64];
	snprintf(own, sizeof(own), "%ju:%ju", (uintmax_t)status.st_dev, (uintmax_t)status.st_ino);
	return !strcmp(stream, own);
}

// Writes the time and the level; returns their length.
static size_t begin_line(enum log_level level, bool journald, char *out, size_t cap)
{
	if (journald)
		return (size_t)snprintf(out, cap, "<%d>", levels[level].priority);
	char time[CALENDAR_TEXT_MAX];
	calendar_text(clock_utc_us(), 3, time);
	return (size_t)snprintf(out, cap, "%s %s ", time, levels[level].name);
}

// Keeps an event on one line: replaces line ends within the text (libpq's messages have them) by spaces and
// removes those after it. Returns the new length.
static size_t flatten(char *text, size_t len)
{
	while (len && (unsigned char)text[len - 1] <= ' ')
		len--;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			text[i] = ' ';
	return len;
}

static bool send_line(const char *line, size_t len)
{
	ssize_t sent = send(STDERR_FILENO, line, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent >= 0 || errno != ENOTSOCK)
		return sent >= 0;
	/* POLLERR: a pipe without a reader, where write would raise SIGPIPE. */
	struct pollfd wanted = {.fd = STDERR_FILENO, .events = POLLOUT};
	if (poll(&wanted, 1, 0) != 1 || wanted.revents != POLLOUT)
		return false;
	return write(STDERR_FILENO, line, len) >= 0;
}

static bool send_fields(
	const struct log_site *site, enum log_level level, const char *message, size_t len)
{
	char datagram[LOG_JOURNALD_MAX];
	return log_journald_send(LOG_JOURNALD_SOCKET, datagram,
		log_journald_compose(site, levels[level].priority, message, len, datagram));
}

__attribute__((format(printf, 3, 0))) static bool write_line(
	const struct log_site *site, enum log_level level, const char *format, va_list arguments)
{
	char line[LINE_MAX_BYTES];
	const bool journald = under_journald();
	size_t head = begin_line(level, journald, line, sizeof(line));
	size_t room = sizeof(line) - head - 1;
	int wanted = vsnprintf(line + head, room, format, arguments);
	size_t len = wanted < 0 ? 0 : (size_t)wanted;
	if (len >= room) {
		len = room - 1;
		memcpy(line + head + len - 3, "...", 3);
	}
	len = flatten(line + head, len);
	if (journald && send_fields(site, level, line + head, len))
		return true;
	len += head;
	line[len++] = '\n';
	return send_line(line, len);
}

// Writes a line of the log about itself.
__attribute__((format(printf, 2, 3))) static bool write_own(
	enum log_level level, const char *format, ...)
{
	const struct log_site site = {.file = __FILE__, .line = __LINE__, .format = format};
	va_list arguments;
	va_start(arguments, format);
	bool written = write_line(&site, level, format, arguments);
	va_end(arguments);
	return written;
}

__attribute__((format(printf, 2, 0))) static void write_event(
	const struct log_site *site, const char *format, va_list arguments)
{
	int error = errno;
	unsigned long lost = atomic_exchange(&logger.dropped, 0);
	bool reported = !lost || write_own(LOG_LEVEL_WARNING, "log lines dropped=%lu", lost);
	errno = error; /* for %m */
	if (!reported)
		atomic_fetch_add(&logger.dropped, lost + 1);
	else if (!write_line(site, site->level, format, arguments))
		atomic_fetch_add(&logger.dropped, 1);
	errno = error;
}

// Limits -----------------------------------------------------------------------------------------

static void tell_suppressed(struct log_site *site)
{
	const unsigned count = atomic_exchange(&site->suppressed, 0);
	char cause[LOG_LIMIT_CAUSE_MAX], module[LOG_LEVELS_NAME_MAX];

	atomic_store(&site->lines, 0);
	if (count && !write_own(site->level,
			     "log lines suppressed=%u cause=\"%s\" module=%s place=%s:%d", count,
			     log_limit_cause(site, cause), log_levels_module(site->file, module),
			     site->file, site->line))
		atomic_fetch_add(&logger.dropped, 1);
}

// Begins a minute, after telling what was suppressed in the one before. The caller holds the lock.
static void begin_minute(void)
{
	LOG_SITES_EACH (site) {
		tell_suppressed(site);
	}
	log_limit_begin(&logger.limit, logger.now_s());
}

bool log_allow(struct log_site *site, const struct log_peer *peer)
{
	const int error = errno;

	pthread_mutex_lock(&logger.lock);
	if (log_limit_is_over(&logger.limit, logger.now_s()))
		begin_minute();
	const bool allowed = log_limit_allow(&logger.limit, site, peer);
	pthread_mutex_unlock(&logger.lock);
	errno = error; /* for %m */
	return allowed;
}

void log_each_second(void)
{
	pthread_mutex_lock(&logger.lock);
	if (logger.limit.begun && log_limit_is_over(&logger.limit, logger.now_s()))
		begin_minute();
	pthread_mutex_unlock(&logger.lock);
}

void log_end(void)
{
	if (pthread_mutex_trylock(&logger.lock))
		return;
	begin_minute();
	pthread_mutex_unlock(&logger.lock);
}

// Lines ------------------------------------------------------------------------------------------

void log_write(struct log_site *site, const char *format, ...)
{
	if (!log_allow(site, NULL))
		return;
	va_list arguments;
	va_start(arguments, format);
	write_event(site, format, arguments);
	va_end(arguments);
}

void log_write_each(struct log_site *site, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	write_event(site, format, arguments);
	va_end(arguments);
}

void log_die(struct log_site *site, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	write_event(site, format, arguments);
	va_end(arguments);
	log_end();
	fflush(stdout);
	_exit(1);
}

static void on_signal(int number)
{
	send_line(logger.at_signal.line, logger.at_signal.len);
	signal(number, SIG_DFL);
	raise(number); /* blocked until this returns; then its default action */
}

void log_at_signal(int number, const char *format, ...)
{
	const struct sigaction action = {.sa_handler = on_signal};
	char *line = logger.at_signal.line;
	const size_t cap = sizeof(logger.at_signal.line) - 1;
	/* Without the time: it is not known yet, and a signal handler must not format it. */
	size_t len = under_journald()
			     ? (size_t)snprintf(line, cap, "<%d>", levels[LOG_LEVEL_ERROR].priority)
			     : (size_t)snprintf(line, cap, "%s ", levels[LOG_LEVEL_ERROR].name);
	va_list arguments;
	va_start(arguments, format);
	const int wanted = vsnprintf(line + len, cap - len, format, arguments);
	va_end(arguments);
	len = flatten(line, strlen(line));
	line[len++] = '\n';
	logger.at_signal.len = wanted < 0 ? 0 : len;
	sigaction(number, &action, NULL);
}
