// SPDX-License-Identifier: MIT
// Applies the file and the options to the table of settings. An error is printed with its place, and reading continues.
//
//   file                 -> settings_file -> on_setting -+
//   -o SECTION.KEY=VALUE -> apply_option ----------------+-> apply -> setting->read
#include "config/config_load.h"

#include "config/conninfo.h"
#include "config/conninfo_error.h"
#include "config/setting.h"
#include "config/setting_field.h"
#include "config/setting_value.h"
#include "config/settings_file.h"
#include "util/log.h"

#include <assert.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct load {
	struct config *config;
	const char *file;
	const char *option; /* the current one, NULL while the file is read */
	int number;         /* of the line or option, from 1 */
	bool good;          /* no error so far */
	char *const *options;
	config_load_problem *problem;
	void *context;
};

static void print_problem(void *context, const char *text)
{
	(void)context;
	fprintf(stderr, "avld: %s\n", text);
}

// Reports an error; place: "FILE:12" or "-o OPTION".
__attribute__((format(printf, 3, 0))) static void report_at(
	struct load *load, const char *place, const char *format, va_list arguments)
{
	char text[2048];
	const int len = snprintf(text, sizeof(text), "%s: ", place);

	load->good = false;
	if (len > 0 && (size_t)len < sizeof(text))
		vsnprintf(text + len, sizeof(text) - (size_t)len, format, arguments);
	load->problem(load->context, text);
}

// Reports what is wrong in the current line or option.
__attribute__((format(printf, 2, 3))) static void report(struct load *load, const char *format, ...)
{
	char place[SETTING_ORIGIN_MAX];
	if (load->option)
		snprintf(place, sizeof(place), "-o %s", load->option);
	else
		snprintf(place, sizeof(place), "%s:%d", load->file, load->number);
	va_list arguments;
	va_start(arguments, format);
	report_at(load, place, format, arguments);
	va_end(arguments);
}

__attribute__((format(printf, 3, 4))) static void report_place(
	struct load *load, const char *place, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	report_at(load, place, format, arguments);
	va_end(arguments);
}

// Returns the setting that was probably meant: at most two typing errors away, or of the same name in another section.
static const struct setting *find_similar(const char *key)
{
	const struct setting *similar = NULL;
	size_t least = 3;
	for (size_t i = 0; i < setting_count; i++) {
		size_t distance = setting_value_distance(setting_table[i].key, key);
		if (distance < least) {
			least = distance;
			similar = &setting_table[i];
		}
	}
	const char *name = strchr(key, '.');
	for (size_t i = 0; i < setting_count && !similar && name; i++) {
		const char *other = strchr(setting_table[i].key, '.');
		if (other && !strcmp(other, name))
			similar = &setting_table[i];
	}
	return similar;
}

static void report_unknown(struct load *load, const char *key)
{
	const struct setting *similar = find_similar(key);
	char shown[96];
	log_quote(key, strlen(key), shown, sizeof(shown));
	if (similar)
		report(load, "%s: unknown setting; did you mean %s?", shown, similar->key);
	else
		report(load, "%s: unknown setting; 'avld check --help' lists all", shown);
}

// Applies one setting. value has no blanks around it.
static void apply(struct load *load, const char *key, const char *value)
{
	const struct setting *setting = setting_find(key);
	if (!setting) {
		report_unknown(load, key);
		return;
	}
	int *line = &load->config->origin.line[setting - setting_table];
	if (!load->option && *line) {
		report(load, "%s: already set in line %d; remove one of the two", key, *line);
		return;
	}
	*line = load->option ? -load->number : load->number;
	struct setting_error error;
	size_t len = strlen(value);
	if (len >= 2 && value[0] == '"' && value[len - 1] == '"')
		report(load, "%s: quotes would become part of the value; remove them", key);
	else if (!setting->read(setting, value, load->config, &error))
		report(load, "%s: %s%s", key, error.text,
			strstr(value, " #") ? " (a comment after a value begins with ;)" : "");
}

// File -------------------------------------------------------------------------------------------

static void on_setting(
	void *context, int line, const char *section, const char *name, const char *value)
{
	struct load *load = context;
	char key[256];
	load->number = line;
	snprintf(key, sizeof(key), "%s.%s", section, name);
	if (*section)
		apply(load, key, value);
	else
		report(load, "%s: outside a section; put a line such as [server] above it", name);
}

static bool is_in_section(const char *key, const char *name, size_t len)
{
	return key && !strncmp(key, name, len) && key[len] == '.';
}

static bool is_section(const char *name, size_t len)
{
	for (size_t i = 0; i < setting_count; i++)
		if (is_in_section(setting_table[i].key, name, len) ||
			is_in_section(setting_table[i].old, name, len))
			return true;
	return false;
}

static bool on_section(void *context, int line, const char *name)
{
	struct load *load = context;
	load->number = line;
	if (is_section(name, strlen(name)))
		return true;
	for (size_t i = 0; i < setting_count; i++) {
		char known[64];
		size_t len = strcspn(setting_table[i].key, ".");
		memcpy(known, setting_table[i].key, len);
		known[len] = '\0';
		// Two wrong letters of three are no typing error: another name was meant.
		const size_t distance = setting_value_distance(known, name);
		if (distance <= 2 && 2 * distance < len) {
			report(load, "[%s]: unknown section; did you mean [%s]?", name, known);
			return false;
		}
	}
	report(load, "[%s]: unknown section; 'avld check --help' lists all settings", name);
	return false;
}

static void on_problem(void *context, int line, const char *text)
{
	struct load *load = context;
	load->number = line;
	report(load, "%s", text);
}

static void apply_file(struct load *load)
{
	const struct settings_file_handler handler = {load, on_section, on_setting, on_problem};
	const int error = settings_file_read(load->file, &handler);
	if (!error)
		return;
	report_place(load, load->file, "cannot read: %s; check the path and its permissions",
		strerror(error));
}

// Options ----------------------------------------------------------------------------------------

static char *trim(char *text)
{
	text += strspn(text, " \t\n");
	size_t len = strlen(text);
	while (len && isspace((unsigned char)text[len - 1]))
		len--;
	text[len] = '\0';
	return text;
}

// Where libpq cannot parse a conninfo, a password may go on after what is taken for its end.
static void hide_passwords(char *option)
{
	char error[256], *value = strchr(option, '=');
	if (value && conninfo_has_password(value + 1) &&
		!conninfo_error_parse(value + 1, error, sizeof(error)))
		memset(value + 1, '*', strlen(value + 1));
	else
		conninfo_hide_passwords(option);
}

// Reads a copy: passwords in the option itself are overwritten, so that neither ps nor an error message shows them.
static void apply_option(struct load *load, char *option, int number)
{
	load->option = option;
	load->number = number;
	char *copy = strdup(option);
	if (!copy)
		log_fatal("out of memory for=\"settings\"");
	hide_passwords(option);
	char *value = strchr(copy, '=');
	if (value) {
		*value = '\0';
		apply(load, trim(copy), trim(value + 1));
	} else {
		report(load, "not of the form SECTION.KEY=VALUE; an example is -o log.level=debug");
	}
	free(copy);
}

// Both -------------------------------------------------------------------------------------------

static int line_of(const struct config *config, const char *key)
{
	return config->origin.line[setting_find(key) - setting_table];
}

// Checks settings that limit each other. An error names the option given last, else the line of the file.
static bool check_together(struct load *load)
{
	const struct config *config = load->config;
	if (config->journal.max_size / 2 >= config->journal.segment_size)
		return true;
	const int max_size = line_of(config, "journal.max_size");
	const int segment_size = line_of(config, "journal.segment_size");
	const bool by_size = max_size != 0 && (segment_size >= 0 || max_size < segment_size);
	const char *key = by_size ? "journal.max_size" : "journal.segment_size";
	const int line = by_size ? max_size : segment_size;
	char origin[SETTING_ORIGIN_MAX], size[VALUE_SHOW_MAX], segment[VALUE_SHOW_MAX];
	setting_origin(config, key, origin);
	if (line < 0)
		snprintf(origin, sizeof(origin), "-o %s", load->options[-line - 1]);
	report_place(load, origin,
		"%s: max_size of %s does not hold two segments of %s; raise max_size or lower "
		"segment_size",
		key, setting_value_show_size(config->journal.max_size, size),
		setting_value_show_size(config->journal.segment_size, segment));
	return false;
}

static void set_defaults(struct config *config)
{
	memset(config, 0, sizeof(*config));
	for (size_t i = 0; i < setting_count; i++) {
		const struct setting *setting = &setting_table[i];
		struct setting_error error;
		const bool good = setting->read(setting, setting->text, config, &error);
		assert(good);
		(void)good;
	}
}

static void set_file(struct config *config, const char *file)
{
	config->origin.file = strdup(file);
	if (!config->origin.file)
		log_fatal("out of memory for=\"settings\"");
}

bool config_load(struct config *config, const char *file, char *const *options, int option_count)
{
	struct load load = {.config = config,
		.file = file,
		.good = true,
		.options = options,
		.problem = print_problem};
	set_defaults(config);
	if (file) {
		set_file(config, file);
		apply_file(&load);
	}
	for (int i = 0; i < option_count; i++)
		apply_option(&load, options[i], i + 1);
	return load.good && check_together(&load);
}

// Reload -----------------------------------------------------------------------------------------

static bool is_file(struct load *load)
{
	struct stat status;
	if (stat(load->file, &status))
		return true; // apply_file reports the error
	if (S_ISREG(status.st_mode) || !strcmp(load->file, "/dev/null"))
		return true;
	report_place(load, load->file,
		"not a regular file, so it cannot be read again; restart avld to apply changes");
	return false;
}

bool config_load_again(struct config *config, const struct config *running, char *const *options,
	config_load_problem *problem, void *context)
{
	struct load load = {.config = config,
		.file = running->origin.file,
		.good = true,
		.options = options,
		.problem = problem,
		.context = context};
	set_defaults(config);
	if (load.file) {
		set_file(config, load.file);
		if (!is_file(&load))
			return false;
		apply_file(&load);
	}
	for (size_t i = 0; i < setting_count; i++) {
		if (running->origin.line[i] >= 0)
			continue;
		config->origin.line[i] = running->origin.line[i];
		setting_field_copy(&setting_table[i], running, config);
	}
	return load.good && check_together(&load);
}
