// SPDX-License-Identifier: MIT
// The journal folder, for avld check.
#ifndef AVLD_CLI_CHECK_JOURNAL_H
#define AVLD_CLI_CHECK_JOURNAL_H

#include "config/config.h"

#include <sys/types.h>

// Tests the folder, its file system and the journal in it. Prints what it finds; returns false after a problem.
bool check_journal(const struct config *config);
// Returns the process that writes the journal, or 0. Looks for its lock in /proc: trying it would hold it for a moment.
pid_t check_journal_holder(const char *dir);

#endif
