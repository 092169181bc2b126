// SPDX-License-Identifier: MIT
// The verbs of the command line. Each gets what follows its name and returns the exit code: 0 good, 1 failed, 2 bad usage
// or bad settings.
#ifndef AVLD_CLI_CLI_H
#define AVLD_CLI_CLI_H

#include "config/config.h"

int serve_verb(int argc, char **argv);
int check_verb(int argc, char **argv);
int migrate_verb(int argc, char **argv);
int decode_verb(int argc, char **argv);
int simulate_verb(int argc, char **argv);
int journal_verb(int argc, char **argv);
int media_verb(int argc, char **argv);
int status_verb(int argc, char **argv);

// cli.c: what the verbs share. argv[0] is the verb.
// Settings of a verb that reads them: takes -c FILE, -o SECTION.KEY=VALUE (any number), --help (prints usage and the table
// of settings) and --version; anything else is an error. On false *exit_code is what to return (0 after --help) and config
// holds nothing. Without -c: /etc/avld/avld.ini if it is there; if it is there but not ours to read, -o alone is enough.
// Sets the log's level.
bool cli_settings(int argc, char **argv, const char *usage, struct config *config, int *exit_code);
// Prints "avld VERB: message" and how to get help, returns 2.
int cli_usage_error(const char *verb, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
