// SPDX-License-Identifier: MIT
// The log: one line an event, one write a line, never a wait. A line that would have to wait is
// dropped and counted; the count is told as soon as a line gets through again.
//
//   on a terminal, in a file:  2026-11-22T10:15:00.123Z INFO conn closed peer=...
//   under journald:            <6>conn closed peer=...
#include "util/log.h"

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
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 2048 /* below PIPE_BUF: a pipe takes a line whole or not at all */
#define PEERS_MAX      128
#define BURST          5
#define WINDOW_S       60.0

static const struct {
	const char *name;
	int priority; /* of syslog */
} levels[] = {
	[LOG_LEVEL_ERROR] = {"ERROR", 3},
	[LOG_LEVEL_WARNING] = {"WARNING", 4},
	[LOG_LEVEL_INFO] = {"INFO", 6},
	[LOG_LEVEL_DEBUG] = {"DEBUG", 7},
};

static _Atomic enum log_level shown = LOG_LEVEL_INFO;
static atomic_ulong dropped;

void log_set_level(enum log_level level)
{
	shown = level;
}

bool log_enabled(enum log_level level)
{
	return level <= shown;
}

// Is stderr the stream that journald opened? The variable alone does not say so: shells inherit it.
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

// Writes what stands in front of the text; returns its length.
static size_t begin_line(enum log_level level, char *out, size_t cap)
{
	if (under_journald())
		return (size_t)snprintf(out, cap, "<%d>", levels[level].priority);
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	struct tm utc;
	gmtime_r(&now.tv_sec, &utc);
	size_t len = strftime(out, cap, "%Y-%m-%dT%H:%M:%S", &utc);
	len += (size_t)snprintf(
		out + len, cap - len, ".%03ldZ %s ", now.tv_nsec / 1000000, levels[level].name);
	return len;
}

// An event is one line: line ends within the text (libpq's messages have them) become spaces, those
// behind it go.
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
	// POLLERR: a pipe without a reader, where write would raise SIGPIPE.
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
	unsigned long lost = atomic_exchange(&dropped, 0);
	bool told = !lost || write_text(LOG_LEVEL_WARNING, "log lines dropped=%lu", lost);
	errno = error; // for %m
	if (!told)
		atomic_fetch_add(&dropped, lost + 1);
	else if (!write_line(level, format, arguments))
		atomic_fetch_add(&dropped, 1);
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
	exit(1);
}

// A handler is given nothing but its signal's number: what it is to write must stand here before.
static struct {
	char line[LINE_MAX_BYTES];
	size_t len;
} last_words;

static void on_last_signal(int number)
{
	send_line(last_words.line, last_words.len);
	signal(number, SIG_DFL);
	raise(number); /* held back until we return; then what it does by default */
}

void log_last_words(int number, const char *format, ...)
{
	const struct sigaction action = {.sa_handler = on_last_signal};
	char *line = last_words.line;
	const size_t cap = sizeof(last_words.line) - 1;
	/* No time: it is not known yet, and no handler may ask for it in words. */
	size_t len = under_journald()
			     ? (size_t)snprintf(line, cap, "<%d>", levels[LOG_LEVEL_ERROR].priority)
			     : (size_t)snprintf(line, cap, "%s ", levels[LOG_LEVEL_ERROR].name);
	va_list arguments;
	va_start(arguments, format);
	const int wanted = vsnprintf(line + len, cap - len, format, arguments);
	va_end(arguments);
	len = flatten(line, strlen(line));
	line[len++] = '\n';
	last_words.len = wanted < 0 ? 0 : len;
	sigaction(number, &action, NULL);
}

// One minute of lines about peers. Peers that find no slot share the last one, so that many
// addresses together cannot write more than few.
static struct {
	double began_s;
	unsigned long kept_back;
	size_t peers;
	struct {
		unsigned char key[16];
		unsigned lines;
	} slot[PEERS_MAX + 1];
} window;

static unsigned *find_lines(const unsigned char *key)
{
	size_t i = 0;
	while (i < window.peers && memcmp(window.slot[i].key, key, sizeof(window.slot[i].key)))
		i++;
	if (i == window.peers && i < PEERS_MAX) {
		memcpy(window.slot[i].key, key, sizeof(window.slot[i].key));
		window.slot[i].lines = 0;
		window.peers++;
	}
	return &window.slot[i].lines;
}

bool log_allow(const unsigned char *key, double now_s)
{
	if (now_s < window.began_s || now_s - window.began_s >= WINDOW_S) {
		if (window.kept_back)
			log_info("log lines kept back=%lu peers=%zu", window.kept_back,
				window.peers);
		window.began_s = now_s;
		window.kept_back = 0;
		window.peers = 0;
		window.slot[PEERS_MAX].lines = 0;
	}
	unsigned *lines = find_lines(key);
	if (*lines >= BURST) {
		window.kept_back++;
		return false;
	}
	(*lines)++;
	return true;
}

// Bytes beyond ASCII are escaped as well: they come from trackers, and need not be UTF-8.
const char *log_quote(const char *data, size_t len, char *out, size_t cap)
{
	static const char hex[] = "0123456789abcdef";
	size_t used = 0;
	for (size_t i = 0; i < len; i++) {
		unsigned char byte = (unsigned char)data[i];
		char form[4] = {'\\', (char)byte};
		size_t form_len = 2;
		if (byte < ' ' || byte >= 0x7f) {
			form[1] = 'x';
			form[2] = hex[byte >> 4];
			form[3] = hex[byte & 15];
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
