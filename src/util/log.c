// SPDX-License-Identifier: MIT
// Writes each line with one system call that does not block. A line that would block is dropped and
// counted; the count is logged before the next line that is written.
//
//   on a terminal, in a file:  2026-11-22T10:15:00.123Z INFO conn closed peer=...
//   under journald:            <6>conn closed peer=...
#include "util/log.h"
#include "util/calendar.h"
#include "util/clock.h"
#include "util/hex.h"

#include <errno.h>
#include <poll.h>
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
#define PEERS_MAX      128
#define BURST          5
#define WINDOW_S       60.0
#define LINES_MAX      150 /* about all peers, in a minute */
#define STRANGERS_MAX                                                                              \
	20 /* of these, about peers without an ident: enough to find one new tracker */

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
	_Atomic enum log_level level; /* less severe lines are not written */
	atomic_ulong dropped;         /* lines not written since the last one that was */
	struct {
		char line[LINE_MAX_BYTES];
		size_t len;
	} at_signal;
	/* One minute of lines about peers. Peers without a slot share the last one, so that many
	 * addresses together cannot write more than a few lines. */
	struct {
		double began_s;
		unsigned lines, strangers;
		unsigned long suppressed;
		size_t peers;
		struct {
			unsigned char key[16];
			unsigned lines;
		} slot[PEERS_MAX + 1];
	} window;
} logger = {.level = LOG_LEVEL_INFO};

void log_set_level(enum log_level level)
{
	logger.level = level;
}

bool log_enabled(enum log_level level)
{
	return level <= logger.level;
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
static size_t begin_line(enum log_level level, char *out, size_t cap)
{
	if (under_journald())
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

__attribute__((format(printf, 2, 0))) static bool write_line(
	enum log_level level, const char *format, va_list arguments)
{
	char line[LINE_MAX_BYTES];
	size_t head = begin_line(level, line, sizeof(line));
	size_t room = sizeof(line) - head - 1;
	int wanted = vsnprintf(line + head, room, format, arguments);
	size_t len = wanted < 0 ? 0 : (size_t)wanted;
	if (len >= room) {
		len = room - 1;
		memcpy(line + head + len - 3, "...", 3);
	}
	len = head + flatten(line + head, len);
	line[len++] = '\n';
	return send_line(line, len);
}

__attribute__((format(printf, 2, 3))) static bool write_text(
	enum log_level level, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	bool written = write_line(level, format, arguments);
	va_end(arguments);
	return written;
}

__attribute__((format(printf, 2, 0))) static void write_event(
	enum log_level level, const char *format, va_list arguments)
{
	if (!log_enabled(level))
		return;
	int error = errno;
	unsigned long lost = atomic_exchange(&logger.dropped, 0);
	bool reported = !lost || write_text(LOG_LEVEL_WARNING, "log lines dropped=%lu", lost);
	errno = error; /* for %m */
	if (!reported)
		atomic_fetch_add(&logger.dropped, lost + 1);
	else if (!write_line(level, format, arguments))
		atomic_fetch_add(&logger.dropped, 1);
	errno = error;
}

void log_error(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	write_event(LOG_LEVEL_ERROR, format, arguments);
	va_end(arguments);
}

void log_warning(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	write_event(LOG_LEVEL_WARNING, format, arguments);
	va_end(arguments);
}

void log_info(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	write_event(LOG_LEVEL_INFO, format, arguments);
	va_end(arguments);
}

void log_debug(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	write_event(LOG_LEVEL_DEBUG, format, arguments);
	va_end(arguments);
}

void log_fatal(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	write_event(LOG_LEVEL_ERROR, format, arguments);
	va_end(arguments);
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

// Returns the counter of lines of this peer address.
static unsigned *find_lines(const unsigned char *key)
{
	size_t i = 0;
	while (i < logger.window.peers &&
		memcmp(logger.window.slot[i].key, key, sizeof(logger.window.slot[i].key)))
		i++;
	if (i == logger.window.peers && i < PEERS_MAX) {
		memcpy(logger.window.slot[i].key, key, sizeof(logger.window.slot[i].key));
		logger.window.slot[i].lines = 0;
		logger.window.peers++;
	}
	return &logger.window.slot[i].lines;
}

static bool allow(const unsigned char *key, bool stranger, double now_s)
{
	if (now_s < logger.window.began_s || now_s - logger.window.began_s >= WINDOW_S) {
		if (logger.window.suppressed)
			log_info("log lines suppressed=%lu peers=%zu", logger.window.suppressed,
				logger.window.peers);
		logger.window.began_s = now_s;
		logger.window.suppressed = 0;
		logger.window.peers = 0;
		logger.window.lines = logger.window.strangers = 0;
		logger.window.slot[PEERS_MAX].lines = 0;
	}
	unsigned *lines = find_lines(key);
	if (*lines >= BURST || logger.window.lines >= LINES_MAX ||
		(stranger && logger.window.strangers >= STRANGERS_MAX)) {
		logger.window.suppressed++;
		return false;
	}
	(*lines)++;
	logger.window.lines++;
	logger.window.strangers += stranger;
	return true;
}

bool log_allow(const unsigned char *key, double now_s)
{
	return allow(key, false, now_s);
}

bool log_allow_stranger(const unsigned char *key, double now_s)
{
	return allow(key, true, now_s);
}

// Escapes bytes beyond ASCII as well: they come from trackers and need not be UTF-8.
const char *log_quote(const char *data, size_t len, char *out, size_t cap)
{
	size_t used = 0;
	for (size_t i = 0; i < len; i++) {
		unsigned char byte = (unsigned char)data[i];
		char form[4] = {'\\', (char)byte};
		size_t form_len = 2;
		if (byte < ' ' || byte >= 0x7f) {
			form[1] = 'x';
			form[2] = hex_digits[byte >> 4];
			form[3] = hex_digits[byte & 15];
			form_len = 4;
		} else if (byte != '"' && byte != '\\') {
			form[0] = (char)byte;
			form_len = 1;
		}
		if (cap - used <= form_len)
			break;
		memcpy(out + used, form, form_len);
		used += form_len;
	}
	if (cap)
		out[used] = '\0';
	return out;
}
