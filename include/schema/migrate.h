// SPDX-License-Identifier: MIT
// Brings the schema of a database to what this program was built with (migrations.h). Blocking: for
// `avld migrate`, and for `serve` before its loop starts.
#ifndef AVLD_SCHEMA_MIGRATE_H
#define AVLD_SCHEMA_MIGRATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <libpq-fe.h>

// The schema's version: 0 where there is none, -1 on an error, which PQerrorMessage(conn) then
// tells.
int migrate_version(PGconn *conn) __attribute__((warn_unused_result));

// Runs each migration that is missing, in one transaction with its row in avld.schema_version; one
// run at a time, others wait. Tells `progress` a line for each, or that there was nothing to do. A
// schema newer than this program is an error. On false `error` holds the reason; migrations done
// before it stay done.
bool migrate_run(PGconn *conn, FILE *progress, char *error, size_t error_size)
	__attribute__((warn_unused_result));

// Prints the SQL that migrate_run would run, for psql; an SQL comment if nothing is missing.
// Changes nothing.
bool migrate_print(PGconn *conn, FILE *out, char *error, size_t error_size)
	__attribute__((warn_unused_result));

#endif
