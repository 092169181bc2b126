// SPDX-License-Identifier: MIT
// Reads the settings: defaults, one INI file, -o options.
#ifndef AVLD_CONFIG_CONFIG_LOAD_H
#define AVLD_CONFIG_CONFIG_LOAD_H

#include "config/config.h"

// Sets the defaults, then applies the file (NULL: none), then the options ("section.key=value") in order; later
// options override earlier ones and the file. A key that is set twice in the file is an error. Prints every error to
// stderr, not just the first: "avld: FILE:LINE: section.key: what is wrong; how to mend it", for options "avld: -o
// server.lsten=...: ...". Returns false if there was one. The caller calls config_done in either case.
//
// Overwrites the passwords in the options, with '*': they are the process's arguments, which every user can read.
bool config_load(struct config *config, const char *file, char *const *options, int option_count);

// Receives an error, as config_load prints it but without "avld: ".
typedef void config_load_problem(void *context, const char *text);

// For a reload: reads the file of *running again into *config, which is uninitialised. The settings that *running has from
// options stay as they are. options: those given at the start, for messages. Returns false after an error, or if the file
// is no regular file: a pipe, for example, would be empty now. The caller calls config_done in either case.
bool config_load_again(struct config *config, const struct config *running, char *const *options,
	config_load_problem *problem, void *context);

#endif
