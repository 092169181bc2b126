// SPDX-License-Identifier: MIT
// Settings from a file and from -o options, in that order, through the table of config.c. Whatever
// is wrong is said, with its place, and the rest is read on.
//
//   file -> read_line (counts; blank lines, comments, [section]) -> inih -> on_setting -+
//   -o section.key=value ---------------------------------------------------------------+-> take ->
//   setting.read
#include "config/setting.h"
#include "config/setting_value.h"
#include "util/log.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Where the values of the last config_load come from. Here, and not in struct config, because
// config_origin has no more than the key.
enum { LINE_DEFAULT = 0 };
static struct {
	char *file;
	int line[SETTINGS_MAX]; /* by index in settings; below 0: -n is the n-th option */
} origin;

struct load {
	struct config *config;
	const char *file;
	const char *option; /* at hand, NULL while the file is read */
	int option_number;  /* of it, from 1 */
	FILE *stream;
	char *line; /* of getline */
	size_t line_cap;
	int line_number;
	int read_error; /* errno */
	bool pending;   /* inih has the line, and has not made a setting of it */
	bool skip;      /* within an unknown section */
	bool sound;     /* nothing wrong so far */
};

// Says what is wrong in the line or option at hand.
__attribute__((format(printf, 2, 3))) static void report(struct load *load, const char *format, ...)
{
	load->sound = false;
	if (load->option)
		fprintf(stderr, "avld: -o %s: ", load->option);
	else
		fprintf(stderr, "avld: %s:%d: ", load->file, load->line_number);
	va_list arguments;
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
}

// The setting that was meant: two typing errors away, or of the same name in another section.
static const struct setting *find_near(const char *key)
{
	const struct setting *near = NULL;
	size_t least = 3;
	for (size_t i = 0; i < setting_count; i++) {
		size_t distance = setting_value_distance(settings[i].key, key);
		if (distance < least) {
			least = distance;
			near = &settings[i];
		}
	}
	const char *name = strchr(key, '.');
	for (size_t i = 0; i < setting_count && !near && name; i++)
		if (!strcmp(strchr(settings[i].key, '.'), name))
			near = &settings[i];
	return near;
}

static void report_unknown(struct load *load, const char *key)
{
	const struct setting *near = find_near(key);
	char shown[96];
	log_quote(key, strlen(key), shown, sizeof(shown));
	if (near)
		report(load, "%s: no such setting; did you mean %s?", shown, near->key);
	else
		report(load, "%s: no such setting; 'avld check --help' lists them", shown);
}

// One setting, wherever it comes from. value has no blanks around it.
static void take(struct load *load, const char *key, const char *value)
{
	const struct setting *setting = setting_find(key);
	if (!setting) {
		report_unknown(load, key);
		return;
	}
	int *line = &origin.line[setting - settings];
	if (!load->option && *line != LINE_DEFAULT) {
		report(load, "%s: set in line %d already; remove one of the two", key, *line);
		return;
	}
	*line = load->option ? -load->option_number : load->line_number;
	struct complaint complaint;
	size_t len = strlen(value);
	if (len >= 2 && value[0] == '"' && value[len - 1] == '"')
		report(load, "%s: quotes would be part of the value; leave them out", key);
	else if (!setting->read(setting, value, load->config, &complaint))
		report(load, "%s: %s%s", key, complaint.text,
			strstr(value, " #") ? " (a comment behind a value begins with ;)" : "");
}

static int on_setting(void *user, const char *section, const char *name, const char *value)
{
	struct load *load = user;
	load->pending = false;
	if (load->skip)
		return 1;
	char key[256];
	snprintf(key, sizeof(key), "%s.%s", section, name);
	if (*section)
		take(load, key, value);
	else
		report(load, "%s: no section; put a line such as [server] above it", name);
	return 1;
}

static bool is_section(const char *name, size_t len)
{
	for (size_t i = 0; i < setting_count; i++)
		if (!strncmp(settings[i].key, name, len) && settings[i].key[len] == '.')
			return true;
	return false;
}

static void report_section(struct load *load, const char *name)
{
	for (size_t i = 0; i < setting_count; i++) {
		char known[64];
		size_t len = strcspn(settings[i].key, ".");
		memcpy(known, settings[i].key, len);
		known[len] = '\0';
		// Two wrong letters of three are no slip: another name was meant.
		const size_t distance = setting_value_distance(known, name);
		if (distance <= 2 && 2 * distance < len) {
			report(load, "[%s]: no such section; did you mean [%s]?", name, known);
			return;
		}
	}
	report(load, "[%s]: no such section; 'avld check --help' lists what there is", name);
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

// "[name]": false when there is nothing in it for inih. inih would cut a long name and skip what
// stands behind.
static bool check_section(struct load *load, char *line)
{
	char *end = strchr(line, ']');
	load->skip = true;
	if (!end) {
		report(load, "a section without its ]; write [name]");
		return false;
	}
	const char *behind = trim(end + 1);
	if (*behind && *behind != ';' && *behind != '#') {
		report(load, "something stands behind the section's ]; give it a line of its own");
		return false;
	}
	*end = '\0';
	char *name = trim(line + 1);
	if (!is_section(name, strlen(name))) {
		report_section(load, name);
		return false;
	}
	load->skip = false;
	size_t len = strlen(name);
	memmove(line + 1, name, len);
	memcpy(line + 1 + len, "]", 2);
	return true;
}

// The line as inih is to see it, "" for nothing. Blanks in front would make it the rest of the line
// before.
static const char *prepare_line(struct load *load, size_t len, size_t cap)
{
	char *line = load->line;
	if (load->line_number == 1 && !strncmp(line, "\xEF\xBB\xBF", 3)) {
		line += 3;
		len -= 3;
	}
	if (strlen(line) != len) {
		report(load, "a NUL byte; this is not a text file");
		return "";
	}
	line = trim(line);
	if (!*line || *line == ';' || *line == '#')
		return "";
	len = strlen(line);
	if (len + 2 > cap) {
		report(load, "a line of %zu bytes, %zu fit; shorten it%s", len, cap - 2,
			strncmp(line, "conninfo", 8) ? ""
						     : " (libpq: service=NAME, passfile=FILE)");
		return "";
	}
	if (*line == '[')
		return check_section(load, line) ? line : "";
	load->pending = true;
	return line;
}

static void check_pending(struct load *load)
{
	if (load->pending)
		report(load, "not understood; write [section] or key = value");
	load->pending = false;
}

// inih's source of lines. Its handler is not told the line's number: it is the one read last.
static char *read_line(char *out, int cap, void *user)
{
	struct load *load = user;
	check_pending(load);
	errno = 0;
	ssize_t len = getline(&load->line, &load->line_cap, load->stream);
	if (len < 0) {
		load->read_error = feof(load->stream) ? 0 : errno;
		return NULL;
	}
	load->line_number++;
	snprintf(out, (size_t)cap, "%s\n", prepare_line(load, (size_t)len, (size_t)cap));
	return out;
}

static void load_file(struct load *load)
{
	load->stream = fopen(load->file, "re");
	if (!load->stream)
		load->read_error = errno;
	else if (ini_parse_stream(read_line, load, on_setting, load) < 0)
		load->read_error = ENOMEM;
	if (load->read_error) {
		fprintf(stderr,
			"avld: %s: cannot be read: %s; check its name and who may read it\n",
			load->file, strerror(load->read_error));
		load->sound = false;
	}
	free(load->line);
	if (load->stream)
		fclose(load->stream);
}

static void load_option(struct load *load, const char *option)
{
	load->option = option;
	load->option_number++;
	char *copy = strdup(option);
	if (!copy)
		log_fatal("out of memory");
	char *value = strchr(copy, '=');
	if (value) {
		*value = '\0';
		take(load, trim(copy), trim(value + 1));
	} else {
		report(load, "not of the form SECTION.KEY=VALUE; write -o log.level=debug, say");
	}
	free(copy);
	load->option = NULL;
}

static int line_of(const char *key)
{
	return origin.line[setting_find(key) - settings];
}

// What no value can say alone. To blame is the option that was given last, else what the file has.
static bool check_together(const struct config *config, char *const *options)
{
	if (config->journal.max_size / 2 >= config->journal.segment_size)
		return true;
	const int max_size = line_of("journal.max_size");
	const int segment_size = line_of("journal.segment_size");
	const bool by_size = max_size != LINE_DEFAULT &&
			     (segment_size >= LINE_DEFAULT || max_size < segment_size);
	const char *key = by_size ? "journal.max_size" : "journal.segment_size";
	const int line = by_size ? max_size : segment_size;
	char size[VALUE_SHOW_MAX], segment[VALUE_SHOW_MAX];
	fprintf(stderr,
		"avld: %s%s%s: %s: max_size of %s does not hold two segments of %s; raise max_size "
		"or "
		"lower segment_size\n",
		config_origin(key), line < 0 ? " " : "", line < 0 ? options[-line - 1] : "", key,
		setting_value_show_size(config->journal.max_size, size),
		setting_value_show_size(config->journal.segment_size, segment));
	return false;
}

bool config_load(struct config *config, const char *file, char *const *options, int option_count)
{
	assert(setting_count <= SETTINGS_MAX);
	memset(config, 0, sizeof(*config));
	free(origin.file);
	memset(&origin, 0, sizeof(origin));
	for (size_t i = 0; i < setting_count; i++) {
		struct complaint complaint;
		bool good = settings[i].read(&settings[i], settings[i].text, config, &complaint);
		assert(good);
		(void)good;
	}
	struct load load = {.config = config, .file = file, .sound = true};
	if (file) {
		origin.file = strdup(file);
		load_file(&load);
	}
	for (int i = 0; i < option_count; i++)
		load_option(&load, options[i]);
	return load.sound && check_together(config, options);
}

void config_done(struct config *config)
{
	free(config->server.listen);
	free(config->database.conninfo);
	free(config->database.instance);
	free(config->journal.dir);
	free(config->http.listen);
	memset(config, 0, sizeof(*config));
	free(origin.file);
	memset(&origin, 0, sizeof(origin));
}

const char *config_origin(const char *key)
{
	static char text[512];
	const struct setting *setting = setting_find(key);
	assert(setting);
	int line = origin.line[setting - settings];
	if (line == LINE_DEFAULT)
		return "default";
	if (line < LINE_DEFAULT)
		return "-o";
	snprintf(text, sizeof(text), "%s:%d", origin.file ? origin.file : "", line);
	return text;
}
