// SPDX-License-Identifier: MIT
// Brings the schema of a database to the version of this program (migrations.h). All calls block:
// for `avld migrate`, and for `serve` before its loop starts.
#ifndef AVLD_SCHEMA_MIGRATE_H
#define AVLD_SCHEMA_MIGRATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <libpq-fe.h>

// Returns the version of the schema: 0 if there is none, -1 on an error, see PQerrorMessage(conn).
int migrate_version(PGconn *conn) __attribute__((warn_unused_result));

// Runs the missing steps, and the functions and views if a step ran or their text differs, in one
// transaction with their rows in avld.schema_version. One run at a time: others wait. Writes one
// line to `progress`, also if there was nothing to do, and the server's notices. A schema newer
// than this program is an error. On false `error` holds the reason, and nothing has changed.
bool migrate_run(PGconn *conn, FILE *progress, char *error, size_t error_size)
	__attribute__((warn_unused_result));

// Prints the SQL that migrate_run would run, for psql; an SQL comment if nothing is missing.
// Changes nothing.
bool migrate_print(PGconn *conn, FILE *out, char *error, size_t error_size)
	__attribute__((warn_unused_result));

#endif
