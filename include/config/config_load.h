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

#endif
