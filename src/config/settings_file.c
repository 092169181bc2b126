// SPDX-License-Identifier: MIT
// inih reads lines, splits them and removes comments. It gets each line from read_line, which passes on only what inih
// can hold: inih cuts long lines and section names, and takes an indented line as part of the line before.
//
//   getline -> read_line: counts lines; blank lines, comments, [section], length -> inih -> on_setting -> handler
#include "config/settings_file.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reading {
	const struct settings_file_handler *handler;
	FILE *stream;
	char *line; /* owned by getline */
	size_t line_cap;
	int number; /* of the line, from 1 */
	int error;  /* errno */
	bool given; /* inih got the line and has not called on_setting for it */
	bool skip;  /* inside an unknown section */
};

__attribute__((format(printf, 2, 3))) static void report(
	const struct reading *reading, const char *format, ...)
{
	char text[256];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	reading->handler->problem(reading->handler->context, reading->number, text);
}

static char *trim(char *text)
{
	while (isspace((unsigned char)*text))
		text++;
	size_t len = strlen(text);
	while (len && isspace((unsigned char)text[len - 1]))
		len--;
	text[len] = '\0';
	return text;
}

static bool is_comment(const char *text)
{
	return !*text || *text == ';' || *text == '#';
}

// Shortens "[ name ] ; comment" to "[name]" in place. Returns false if inih must not get the line.
static bool read_section(struct reading *reading, char *line)
{
	char *end = strchr(line, ']');
	reading->skip = true;
	if (!end) {
		report(reading, "section without a closing ]; write [name]");
		return false;
	}
	if (!is_comment(trim(end + 1))) {
		report(reading, "text after the section's ]; move it to a line of its own");
		return false;
	}
	*end = '\0';
	const char *name = trim(line + 1);
	if (!reading->handler->section(reading->handler->context, reading->number, name))
		return false;
	reading->skip = false;
	const size_t len = strlen(name);
	memmove(line + 1, name, len);
	memcpy(line + 1 + len, "]", 2);
	return true;
}

// Returns the line for inih, "" for none. cap: the room inih has, with line end and NUL.
static const char *prepare_line(struct reading *reading, size_t len, size_t cap)
{
	char *line = reading->line;
	if (reading->number == 1 && !strncmp(line, "\xEF\xBB\xBF", 3)) {
		line += 3;
		len -= 3;
	}
	if (strlen(line) != len) {
		report(reading, "NUL byte in the line; write the settings as plain text");
		return "";
	}
	line = trim(line);
	if (is_comment(line))
		return "";
	len = strlen(line);
	if (len + 2 > cap) {
		report(reading, "line of %zu bytes is too long (at most %zu); shorten it%s", len,
			cap - 2,
			strncmp(line, "conninfo", 8) ? ""
						     : " (libpq: service=NAME, passfile=FILE)");
		return "";
	}
	if (*line == '[')
		return read_section(reading, line) ? line : "";
	reading->given = true;
	return line;
}

static void check_given(struct reading *reading)
{
	if (reading->given)
		report(reading, "not understood; write [section] or key = value");
	reading->given = false;
}

// inih's source of lines.
static char *read_line(char *out, int cap, void *context)
{
	struct reading *reading = context;
	check_given(reading);
	errno = 0;
	const ssize_t len = getline(&reading->line, &reading->line_cap, reading->stream);
	if (len < 0) {
		reading->error = feof(reading->stream) ? 0 : errno;
		return NULL;
	}
	reading->number++;
	snprintf(out, (size_t)cap, "%s\n", prepare_line(reading, (size_t)len, (size_t)cap));
	return out;
}

// inih passes no line number: the setting is in the line that was read last.
static int on_setting(void *context, const char *section, const char *name, const char *value)
{
	struct reading *reading = context;
	const struct settings_file_handler *handler = reading->handler;
	reading->given = false;
	if (!reading->skip)
		handler->setting(handler->context, reading->number, section, name, value);
	return 1;
}

int settings_file_read(const char *path, const struct settings_file_handler *handler)
{
	struct reading reading = {.handler = handler, .stream = fopen(path, "re")};
	if (!reading.stream)
		return errno;
	if (ini_parse_stream(read_line, &reading, on_setting, &reading) < 0)
		reading.error = ENOMEM;
	free(reading.line);
	fclose(reading.stream);
	return reading.error;
}
