// SPDX-License-Identifier: MIT
// Parses options with getopt_long, and prints the help of a verb.
#include "cli/command_line.h"

#include "config/config_load.h"
#include "config/setting.h"
#include "util/log.h"
#include "util/log_levels.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef AVLD_CONFIG_FILE
#define AVLD_CONFIG_FILE "/etc/avld/avld.ini"
#endif

// Options of every verb, and of those that read settings.
static const struct command_line_option help_option = {'h', "help", NULL, "print this text"};
static const struct command_line_option version_option = {0, "version", NULL, "print the version"};
static const struct command_line_option file_option = {
	'c', "config", "FILE", "settings (default " AVLD_CONFIG_FILE ", if it exists)"};
static const struct command_line_option setting_option = {
	'o', "option", "SECTION.KEY=VALUE", "one setting; overrides the file; may be repeated"};

#define ALL_MAX (COMMAND_LINE_OPTIONS_MAX + 4)

struct parsing {
	struct command_line *line;
	const struct command_line_option *all[ALL_MAX]; /* options of the verb */
	size_t count;
	const char *file; /* -c, or NULL */
	char **settings;  /* -o; room for all of argv */
	int setting_count;
};

static void collect(struct parsing *parsing)
{
	const struct command_line_verb *verb = parsing->line->verb;
	for (size_t i = 0; verb->options[i].name; i++)
		parsing->all[parsing->count++] = &verb->options[i];
	if (verb->settings) {
		parsing->all[parsing->count++] = &file_option;
		parsing->all[parsing->count++] = &setting_option;
	}
	parsing->all[parsing->count++] = &help_option;
	parsing->all[parsing->count++] = &version_option;
}

static bool is_required(
	const struct command_line_verb *verb, const struct command_line_option *option)
{
	for (size_t i = 0; i < COMMAND_LINE_REQUIRED_MAX && verb->required[i]; i++)
		if (!strcmp(verb->required[i], option->name))
			return true;
	return false;
}

// Help -------------------------------------------------------------------------------------------

static void print_usage(const struct command_line_verb *verb)
{
	printf("usage: avld %s", verb->name);
	if (verb->argument)
		printf(" %s", verb->argument);
	for (size_t i = 0; verb->options[i].name; i++)
		if (is_required(verb, &verb->options[i]))
			printf(" --%s %s", verb->options[i].name, verb->options[i].value);
	puts(" [OPTION]...\n");
}

// Writes "  -p, --protocol NAME".
static void name_option(const struct command_line_option *option, char *out, size_t cap)
{
	char letter[8] = "    ";
	if (option->letter)
		snprintf(letter, sizeof(letter), "-%c, ", option->letter);
	snprintf(out, cap, "  %s--%s%s%s", letter, option->name, option->value ? " " : "",
		option->value ? option->value : "");
}

static void print_options(const struct parsing *parsing)
{
	char name[64];
	int width = 0;
	for (size_t i = 0; i < parsing->count; i++) {
		name_option(parsing->all[i], name, sizeof(name));
		const int len = (int)strlen(name);
		width = len > width ? len : width;
	}
	for (size_t i = 0; i < parsing->count; i++) {
		const char *help = parsing->all[i]->help;
		name_option(parsing->all[i], name, sizeof(name));
		for (const char *indent = name; *help; indent = "") {
			const int len = (int)strcspn(help, "\n");
			printf("%-*s  %.*s\n", width, indent, len, help);
			help += len + (help[len] == '\n');
		}
	}
}

static void print_help(const struct parsing *parsing)
{
	const struct command_line_verb *verb = parsing->line->verb;
	print_usage(verb);
	printf("%s\n\n", verb->help);
	print_options(parsing);
	if (verb->notes)
		printf("\n%s\n", verb->notes);
	if (!verb->settings)
		return;
	puts("\nSettings with their defaults (the sample avld.ini explains them):");
	for (size_t i = 0; i < setting_count; i++) {
		const struct setting *setting = &setting_table[i];
		printf("  %-34s %-21s %s\n", setting->key, *setting->text ? setting->text : "-",
			setting->doc);
	}
}

int command_line_error(const struct command_line *line, const char *format, ...)
{
	fprintf(stderr, "avld %s: ", line->verb->name);
	va_list arguments;
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fprintf(stderr, "\n'avld %s --help' shows the usage\n", line->verb->name);
	return 2;
}

// Parsing ----------------------------------------------------------------------------------------

enum { GO_ON = -1 }; /* no exit code yet */

#define LONG 256 /* + index in all: getopt_long's value of a long option */

// Stores the option. Returns GO_ON or the exit code.
static int apply(struct parsing *parsing, const struct command_line_option *option)
{
	struct command_line *line = parsing->line;
	if (option == &help_option) {
		print_help(parsing);
		return 0;
	}
	if (option == &version_option) {
		puts("avld " AVLD_VERSION);
		return 0;
	}
	if (option == &file_option) {
		if (parsing->file)
			return command_line_error(line, "-c is given twice");
		parsing->file = optarg;
	} else if (option == &setting_option) {
		parsing->settings[parsing->setting_count++] = optarg;
	} else {
		line->values[option - line->verb->options] = option->value ? optarg : "";
	}
	return GO_ON;
}

// Returns the exit code. text: the argument of argv that getopt_long looked at last.
static int reject(const struct parsing *parsing, int found, const char *text)
{
	if (found == ':')
		return command_line_error(parsing->line, "option '%s' needs a value", text);
	if (optopt >= LONG)
		return command_line_error(parsing->line, "option '%s' takes no value", text);
	if (optopt)
		return command_line_error(parsing->line, "unknown option '-%c'", optopt);
	return command_line_error(parsing->line, "unknown option '%s'", text);
}

// Returns true for "section.key=..." of any name. Names that no setting has are errors of the settings.
static bool is_setting(const char *text)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
	const size_t section = strspn(text, letters);
	if (section == 0 || text[section] != '.')
		return false;
	const size_t key = strspn(text + section + 1, letters);
	return key > 0 && text[section + 1 + key] == '=';
}

// Returns the option that getopt_long found, NULL if none. A verb that has an option -o of its own takes settings after -o,
// too.
static const struct command_line_option *option_of(const struct parsing *parsing, int found)
{
	if (found >= LONG)
		return parsing->all[found - LONG];
	if (found == setting_option.letter && parsing->line->verb->settings && is_setting(optarg))
		return &setting_option;
	for (size_t i = 0; i < parsing->count; i++)
		if (parsing->all[i]->letter && parsing->all[i]->letter == found)
			return parsing->all[i];
	return NULL;
}

// Returns GO_ON or the exit code.
static int parse_options(struct parsing *parsing, int argc, char **argv)
{
	struct option longs[ALL_MAX + 1] = {0};
	char letters[2 * ALL_MAX + 2] = ":";
	for (size_t i = 0, at = 1; i < parsing->count; i++) {
		const struct command_line_option *option = parsing->all[i];
		const bool valued = option->value != NULL;
		longs[i] = (struct option){option->name, valued ? required_argument : no_argument,
			NULL, LONG + (int)i};
		if (option->letter) {
			letters[at++] = option->letter;
			letters[at] = ':';
			at += valued;
			letters[at] = '\0';
		}
	}
	optind = 0; // GNU: start anew
	opterr = 0;
	for (int found; (found = getopt_long(argc, argv, letters, longs, NULL)) != -1;) {
		const struct command_line_option *option = option_of(parsing, found);
		if (!option)
			return reject(parsing, found, argv[optind - 1]);
		const int code = apply(parsing, option);
		if (code != GO_ON)
			return code;
	}
	return GO_ON;
}

// Checks what getopt_long left: at most one argument, and everything that is required.
static int parse_rest(struct parsing *parsing, int argc, char **argv)
{
	struct command_line *line = parsing->line;
	const struct command_line_verb *verb = line->verb;
	if (optind < argc && verb->argument)
		line->argument = argv[optind++];
	if (optind < argc)
		return command_line_error(line, "unexpected argument '%s'", argv[optind]);
	if (verb->argument && *verb->argument != '[' && !line->argument)
		return command_line_error(line, "missing %s", verb->argument);
	for (size_t i = 0; verb->options[i].name; i++) {
		const struct command_line_option *option = &verb->options[i];
		if (is_required(verb, option) && (!line->values[i] || !*line->values[i]))
			return command_line_error(
				line, "missing --%s %s", option->name, option->value);
	}
	return GO_ON;
}

// Settings ---------------------------------------------------------------------------------------

// Returns the file to read without -c, or NULL. given: number of -o options. A user who may not read it (it belongs
// to root and the service) can still give all settings as options.
static const char *default_file(int given)
{
	int fd = open(AVLD_CONFIG_FILE, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		close(fd);
		return AVLD_CONFIG_FILE;
	}
	if (errno == ENOENT || errno == ENOTDIR)
		return NULL;
	if (!given)
		return AVLD_CONFIG_FILE; // config_load reports the error
	fprintf(stderr, "avld: %s: %s; continuing with the defaults and the -o options\n",
		AVLD_CONFIG_FILE, strerror(errno));
	return NULL;
}

static int load_settings(struct parsing *parsing)
{
	struct config *config = &parsing->line->config;
	const char *file = parsing->file ? parsing->file : default_file(parsing->setting_count);
	if (!config_load(config, file, parsing->settings, parsing->setting_count)) {
		config_done(config);
		return 2;
	}
	log_levels_apply((enum log_level)config->log.level, config->log.modules);
	return GO_ON;
}

bool command_line_parse(struct command_line *line, const struct command_line_verb *verb, int argc,
	char **argv, int *exit_code)
{
	*line = (struct command_line){.verb = verb};
	struct parsing parsing = {.line = line, .settings = calloc((size_t)argc, sizeof(char *))};
	if (!parsing.settings)
		log_fatal("out of memory");
	collect(&parsing);
	int code = parse_options(&parsing, argc, argv);
	if (code == GO_ON)
		code = parse_rest(&parsing, argc, argv);
	if (code == GO_ON && verb->settings)
		code = load_settings(&parsing);
	if (code == GO_ON)
		line->settings = parsing.settings;
	else
		free(parsing.settings);
	*exit_code = code == GO_ON ? 0 : code;
	return code == GO_ON;
}

void command_line_done(struct command_line *line)
{
	config_done(&line->config);
	free(line->settings);
}

const char *command_line_value(const struct command_line *line, const char *name)
{
	size_t i = 0;
	while (line->verb->options[i].name && strcmp(line->verb->options[i].name, name))
		i++;
	assert(line->verb->options[i].name);
	return line->values[i];
}
