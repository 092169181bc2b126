// SPDX-License-Identifier: MIT
// The verbs, one file each. Each returns the exit code (cli.h).
#ifndef AVLD_CLI_VERBS_H
#define AVLD_CLI_VERBS_H

#include "cli/command_line.h"

int serve_verb(struct command_line *line);
int check_verb(struct command_line *line);
int migrate_verb(struct command_line *line);
int decode_verb(struct command_line *line);
int simulate_verb(struct command_line *line);
int journal_verb(struct command_line *line);
int media_verb(struct command_line *line);
int map_verb(struct command_line *line);
int export_verb(struct command_line *line);
int trace_verb(struct command_line *line);
int status_verb(struct command_line *line);
int protocols_verb(struct command_line *line);

#endif
