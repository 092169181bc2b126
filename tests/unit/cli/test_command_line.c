// SPDX-License-Identifier: MIT
// Options, settings, help and usage errors of a verb; the table of verbs.
#include "cli/cli.h"
#include "cli/command_line.h"
#include "config/setting.h"
#include "util/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(array)  (sizeof(array) / sizeof((array)[0]))
#define ARGUMENTS_MAX 8

static char path[] = "/tmp/avld_test_command_line.XXXXXX"; /* sets log.level = warning */
static char out[65536], err[65536];

struct capture {
	FILE *to;
	int fd, saved;
};

static struct capture begin_capture(int fd)
{
	fflush(NULL);
	struct capture capture = {.to = tmpfile(), .fd = fd, .saved = dup(fd)};
	assert_non_null(capture.to);
	dup2(fileno(capture.to), fd);
	return capture;
}

static void end_capture(struct capture capture, char *text, size_t cap)
{
	fflush(NULL);
	dup2(capture.saved, capture.fd);
	close(capture.saved);
	rewind(capture.to);
	text[fread(text, 1, cap - 1, capture.to)] = '\0';
	fclose(capture.to);
}

static int never_run(struct command_line *line)
{
	(void)line;
	fail();
	return 1;
}

// Takes settings and nothing else.
static const struct command_line_verb plain = {
	"test", never_run, "does nothing", .settings = true, .help = "Does nothing."};
// Takes an argument and options of its own.
static const struct command_line_verb rich = {"rich", never_run, "does nothing", "DIR",
	.help = "Does nothing,\non two lines.", .required = {"to"}, .notes = "Notes.",
	.options = {{'p', "protocol", "NAME", "one line"}, {0, "flag", NULL, "first\nsecond"},
		{0, "to", "HOST:PORT", "where"}}};

// Parses argv, which ends with NULL. What is printed goes into out and err.
static bool parse(struct command_line *line, const struct command_line_verb *verb, int *exit_code,
	const char *const *arguments)
{
	static char copies[ARGUMENTS_MAX][256]; /* line points into them */
	char *argv[ARGUMENTS_MAX + 1] = {0};
	int argc = 0;
	for (; argc < ARGUMENTS_MAX && arguments[argc]; argc++) {
		snprintf(copies[argc], sizeof(copies[argc]), "%s", arguments[argc]);
		argv[argc] = copies[argc];
	}
	struct capture to_out = begin_capture(STDOUT_FILENO);
	struct capture to_err = begin_capture(STDERR_FILENO);
	bool good = command_line_parse(line, verb, argc, argv, exit_code);
	end_capture(to_err, err, sizeof(err));
	end_capture(to_out, out, sizeof(out));
	return good;
}

static int run(const char *first, const char *second)
{
	char name[] = "avld", a[64], b[64];
	char *argv[] = {name, a, b, NULL};
	snprintf(a, sizeof(a), "%s", first ? first : "");
	snprintf(b, sizeof(b), "%s", second ? second : "");
	struct capture to_out = begin_capture(STDOUT_FILENO);
	struct capture to_err = begin_capture(STDERR_FILENO);
	const int code = cli_run(1 + (first != NULL) + (second != NULL), argv);
	end_capture(to_err, err, sizeof(err));
	end_capture(to_out, out, sizeof(out));
	return code;
}

static void settings_are_loaded_and_errors_named(void **state)
{
	(void)state;
	static const struct {
		const char *arguments[ARGUMENTS_MAX];
		int level; /* -1: an error */
		const char *message;
	} rows[] = {
		{{"test", "-c", path}, LOG_LEVEL_WARNING, ""},
		{{"test", "--config", path, "-o", "log.level=debug"}, LOG_LEVEL_DEBUG, ""},
		{{"test", "-o", "log.level=debug", "-c", "/dev/null"}, LOG_LEVEL_DEBUG, ""},
		{{"test", "-olog.level=debug", "-olog.level=error", "-c/dev/null"}, LOG_LEVEL_ERROR,
			""},
		{{"test", "--config=/dev/null", "--option=log.level=debug"}, LOG_LEVEL_DEBUG, ""},
		{{"test", "-c"}, -1,
			"avld test: option '-c' needs a value\n'avld test --help' shows"},
		{{"test", "--config"}, -1, "avld test: option '--config' needs a value\n"},
		{{"test", "-c", path, "-c", path}, -1, "-c is given twice"},
		{{"test", "-x"}, -1, "avld test: unknown option '-x'\n"},
		{{"test", "--verbose"}, -1, "avld test: unknown option '--verbose'\n"},
		{{"test", "--help=x"}, -1, "option '--help=x' takes no value\n"},
		{{"test", "stray"}, -1, "avld test: unexpected argument 'stray'\n"},
		{{"test", "-c", "/dev/null", "--", "-x"}, -1, "unexpected argument '-x'"},
		{{"test", "-c", "/dev/null", "-o", "log.level=x"}, -1, "avld: -o log.level=x: "},
		{{"test", "-c", "/nonexistent"}, -1, "avld: /nonexistent: cannot read"},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct command_line line;
		int exit_code = -1;
		bool good = parse(&line, &plain, &exit_code, rows[i].arguments);
		assert_int_equal(good, rows[i].level >= 0);
		assert_int_equal(exit_code, good ? 0 : 2);
		if (!strstr(err, rows[i].message))
			fail_msg("row %zu printed '%s'", i, err);
		assert_string_equal(out, "");
		if (good) {
			assert_string_equal(err, "");
			assert_int_equal(line.config.log.level, rows[i].level);
			assert_int_equal(
				log_enabled(LOG_LEVEL_DEBUG), rows[i].level == LOG_LEVEL_DEBUG);
		}
		command_line_done(&line);
	}
	log_set_level(LOG_LEVEL_INFO);
}

static void options_and_the_argument_are_found_in_any_order(void **state)
{
	(void)state;
	static const char *const rows[][ARGUMENTS_MAX] = {
		{"rich", "folder", "-p", "gt06", "--to", "a:1", "--flag"},
		{"rich", "--flag", "--to=a:1", "-pgt06", "folder"},
		{"rich", "--protocol=gt06", "folder", "--fl", "--to", "a:1"},
		{"rich", "-p", "x", "-p", "gt06", "--flag", "--to=a:1", "folder"},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct command_line line;
		int exit_code = -1;
		assert_true(parse(&line, &rich, &exit_code, rows[i]));
		assert_string_equal(line.argument, "folder");
		assert_string_equal(command_line_value(&line, "protocol"), "gt06");
		assert_string_equal(command_line_value(&line, "to"), "a:1");
		assert_string_equal(command_line_value(&line, "flag"), "");
		command_line_done(&line);
	}
	struct command_line line;
	int exit_code = -1;
	const char *const least[] = {"rich", "--to=a:1", "folder", NULL};
	assert_true(parse(&line, &rich, &exit_code, least));
	assert_null(command_line_value(&line, "protocol"));
	assert_null(command_line_value(&line, "flag"));
	command_line_done(&line);
}

static void own_option_o_takes_settings_too(void **state)
{
	(void)state;
	static const struct command_line_verb writer = {"writer", never_run, "does nothing",
		.settings = true, .help = "Does nothing.",
		.options = {{'o', "output", "FILE", "where"}}};
	static const struct {
		const char *argument[2];
		const char *file; /* NULL: not given */
	} rows[] = {
		{{"-o", "map.html"}, "map.html"},
		{{"-o", "-"}, "-"},
		{{"-olog.level=debug"}, NULL},
		{{"-o", "./log.level=debug"}, "./log.level=debug"},
		{{"-o", "a=b.c"}, "a=b.c"},
		{{"-o", "log.level"}, "log.level"},
		{{"--output=log.level=debug"}, "log.level=debug"},
		{{"--option=log.level=debug"}, NULL},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *const arguments[ARGUMENTS_MAX] = {"writer", "-c", "/dev/null", "-o",
			"log.level=error", rows[i].argument[0], rows[i].argument[1]};
		struct command_line line;
		int exit_code = -1;
		assert_true(parse(&line, &writer, &exit_code, arguments));
		const char *file = command_line_value(&line, "output");
		assert_int_equal(file != NULL, rows[i].file != NULL);
		if (file)
			assert_string_equal(file, rows[i].file);
		assert_int_equal(line.config.log.level, file ? LOG_LEVEL_ERROR : LOG_LEVEL_DEBUG);
		command_line_done(&line);
	}
	const char *const misspelt[ARGUMENTS_MAX] = {
		"writer", "-c", "/dev/null", "-o", "lok.level=debug"};
	struct command_line line;
	int exit_code = -1;
	assert_false(parse(&line, &writer, &exit_code, misspelt));
	assert_int_equal(exit_code, 2);
	assert_non_null(strstr(err, "lok.level"));
}

static void what_is_missing_is_named(void **state)
{
	(void)state;
	static const struct {
		const char *arguments[ARGUMENTS_MAX];
		const char *message;
	} rows[] = {
		{{"rich", "--to", "a:1"}, "avld rich: missing DIR\n"},
		{{"rich", "folder"}, "avld rich: missing --to HOST:PORT\n"},
		{{"rich", "folder", "--to="}, "avld rich: missing --to HOST:PORT\n"},
		{{"rich", "folder", "more", "--to=a:1"}, "unexpected argument 'more'"},
		{{"rich", "folder", "--flag=x"}, "option '--flag=x' takes no value"},
		{{"rich", "folder", "-c", path}, "unknown option '-c'"},
		{{"rich", "folder", "--to"}, "option '--to' needs a value"},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct command_line line;
		int exit_code = -1;
		assert_false(parse(&line, &rich, &exit_code, rows[i].arguments));
		assert_int_equal(exit_code, 2);
		if (!strstr(err, rows[i].message))
			fail_msg("row %zu printed '%s'", i, err);
	}
}

static void help_goes_to_stdout(void **state)
{
	(void)state;
	struct command_line line;
	int exit_code = -1;
	const char *const arguments[] = {"test", "-o", "log.level=x", "--help", NULL};
	assert_false(parse(&line, &plain, &exit_code, arguments));
	assert_int_equal(exit_code, 0);
	assert_string_equal(err, "");
	assert_memory_equal(out, "usage: avld test [OPTION]...\n\nDoes nothing.\n\n", 45);
	for (size_t i = 0; i < setting_count; i++)
		assert_non_null(strstr(out, setting_table[i].key));
}

static void help_is_made_from_the_description(void **state)
{
	(void)state;
	struct command_line line;
	int exit_code = -1;
	const char *const arguments[] = {"rich", "-h", NULL};
	assert_false(parse(&line, &rich, &exit_code, arguments));
	assert_int_equal(exit_code, 0);
	assert_string_equal(out, "usage: avld rich DIR --to HOST:PORT [OPTION]...\n"
				 "\n"
				 "Does nothing,\n"
				 "on two lines.\n"
				 "\n"
				 "  -p, --protocol NAME  one line\n"
				 "      --flag           first\n"
				 "                       second\n"
				 "      --to HOST:PORT   where\n"
				 "  -h, --help           print this text\n"
				 "      --version        print the version\n"
				 "\n"
				 "Notes.\n");
}

static void every_verb_has_help(void **state)
{
	(void)state;
	static const char *const verbs[] = {
		"serve", "check", "migrate", "decode", "simulate", "journal", "media", "status"};
	char list[sizeof(out)];
	assert_int_equal(run("--help", NULL), 0);
	memcpy(list, out, sizeof(list));
	for (size_t i = 0; i < COUNT(verbs); i++) {
		char begin[64];
		snprintf(begin, sizeof(begin), "  avld %s ", verbs[i]);
		assert_non_null(strstr(list, begin));
		snprintf(begin, sizeof(begin), "usage: avld %s ", verbs[i]);
		assert_int_equal(run(verbs[i], "--help"), 0);
		assert_memory_equal(out, begin, strlen(begin));
		assert_string_equal(err, "");
		for (const char *at = out; *at; at += strcspn(at, "\n") + 1)
			assert_in_range(strcspn(at, "\n"), 0, 120);
		assert_int_equal(run(verbs[i], "--version"), 0);
		assert_string_equal(out, "avld " AVLD_VERSION "\n");
		assert_int_equal(run(verbs[i], "--no-such-option"), 2);
		assert_non_null(strstr(err, "unknown option '--no-such-option'"));
	}
}

static void without_a_verb_the_help_is_printed(void **state)
{
	(void)state;
	assert_int_equal(run(NULL, NULL), 2);
	assert_string_equal(out, "");
	assert_non_null(strstr(err, "usage: avld VERB"));
	assert_int_equal(run("help", NULL), 0);
	assert_non_null(strstr(out, "usage: avld VERB"));
	assert_int_equal(run("-h", NULL), 0);
	assert_int_equal(run("--version", NULL), 0);
	assert_string_equal(out, "avld " AVLD_VERSION "\n");
	assert_int_equal(run("fly", NULL), 2);
	assert_string_equal(err, "avld: unknown verb 'fly'; 'avld --help' lists the verbs\n");
}

int main(void)
{
	int fd = mkstemp(path);
	if (fd < 0 || write(fd, "[log]\nlevel = warning\n", 22) != 22)
		return 1;
	close(fd);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(settings_are_loaded_and_errors_named),
		cmocka_unit_test(options_and_the_argument_are_found_in_any_order),
		cmocka_unit_test(own_option_o_takes_settings_too),
		cmocka_unit_test(what_is_missing_is_named),
		cmocka_unit_test(help_goes_to_stdout),
		cmocka_unit_test(help_is_made_from_the_description),
		cmocka_unit_test(every_verb_has_help),
		cmocka_unit_test(without_a_verb_the_help_is_printed),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return failed;
}
