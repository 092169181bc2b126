// SPDX-License-Identifier: MIT
// The connection of a verb to the database.
#ifndef AVLD_CLI_DATABASE_H
#define AVLD_CLI_DATABASE_H

#include "cli/command_line.h"

#include <libpq-fe.h>

// Connects to database.conninfo. The encoding is UTF-8, and pg_stat_activity shows "avld VERB" unless conninfo has a name.
// Returns NULL after an error, which is printed with its remedy. The caller ends the connection with PQfinish.
PGconn *database_connect(const struct command_line *line);

// Prints why `what` failed, from the connection; state: the SQLSTATE, or NULL. Names the remedy if rights or tables are missing.
// Always returns false.
bool database_fail(const char *verb, const char *what, const PGconn *conn, const char *state);

#endif
