// SPDX-License-Identifier: MIT
// The command line of a verb: described as data, from which it is parsed and the help is printed.
#ifndef AVLD_CLI_COMMAND_LINE_H
#define AVLD_CLI_COMMAND_LINE_H

#include "config/config.h"

#define COMMAND_LINE_OPTIONS_MAX  13
#define COMMAND_LINE_REQUIRED_MAX 2

struct command_line_option {
	char letter;       /* 'p' for -p; 0: none */
	const char *name;  /* "protocol" for --protocol */
	const char *value; /* "NAME", as the help names it; NULL: the option takes none */
	const char *help;  /* lines end with \n, but for the last */
};

struct command_line;

struct command_line_verb {
	const char *name;
	int (*run)(struct command_line *line);
	const char *summary;  /* one line for the list of verbs */
	const char *argument; /* "DIR"; "[FILE]": optional; NULL: takes none */
	bool settings;        /* takes -c and -o; the settings are loaded before run is called */
	const char *help;     /* paragraph before the options */
	const char *notes;    /* paragraph after the options, or NULL */
	const char *required[COMMAND_LINE_REQUIRED_MAX]; /* names of options that must be given */
	struct command_line_option options[COMMAND_LINE_OPTIONS_MAX]; /* ends with name NULL */
};

// A parsed command line. Texts live in argv.
struct command_line {
	const struct command_line_verb *verb;
	const char *argument;                         /* NULL: not given */
	const char *values[COMMAND_LINE_OPTIONS_MAX]; /* by index in verb->options; "" for an
							 option without value; NULL: not given */
	struct config config;                         /* if verb->settings */
	char **settings; /* the -o options, passwords hidden; config.origin refers to them */
};

// Parses what follows the verb (argv[0] is the verb; argv may be permuted) and loads the settings. Without -c these
// come from /etc/avld/avld.ini if it exists; if it is not readable, -o alone is enough. Sets the log level. Returns
// false if there is nothing to run: help or version was printed (*exit_code 0), or an error (2). On true the caller
// calls command_line_done.
bool command_line_parse(struct command_line *line, const struct command_line_verb *verb, int argc,
	char **argv, int *exit_code);
void command_line_done(struct command_line *line);

// Returns the value of an option of this verb, "" for one without value, NULL if it was not given.
const char *command_line_value(const struct command_line *line, const char *name);

// Prints "avld VERB: message" and how to get help. Returns 2.
int command_line_error(const struct command_line *line, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
