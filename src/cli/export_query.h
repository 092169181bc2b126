// SPDX-License-Identifier: MIT
// The SQL of avld export.
#ifndef AVLD_CLI_EXPORT_QUERY_H
#define AVLD_CLI_EXPORT_QUERY_H

#include "cli/export_rows.h"

#include <libpq-fe.h>
#include <stdio.h>

// The tables, in the order in which they are exported.
enum { EXPORT_POSITIONS, EXPORT_STATUSES, EXPORT_ALARMS, EXPORT_TABLES };

struct export_table {
	const char *name;
	const char *time; /* the column by whose UTC day the rows are divided */
};

extern const struct export_table export_query_tables[EXPORT_TABLES];

#define EXPORT_DAY_MAX 11 /* bytes of "2026-11-20", with its NUL */

// The rows to export. Days are UTC.
struct export_range {
	const char *from;   /* "2026-11-20"; NULL: from the first row on */
	const char *before; /* not included */
	const char *ident;  /* NULL: all */
};

// Prepares the session: read only, and independent of settings that change how values are written. Returns false after an
// error, of which PQerrorMessage and *state (SQLSTATE) tell.
bool export_query_begin(PGconn *conn, char state[6]);

// The results of both belong to the caller; PQresultStatus is PGRES_TUPLES_OK unless there was an error.

// Returns for each day that has rows: the day, the next day, the number of rows.
PGresult *export_query_days(PGconn *conn, int table, const struct export_range *range);

// Returns, in one row and column, the statement that copies the rows of a day to the client in the order of device, time and
// dedup: as CSV with a header, or a Feature of GeoJSON each. The columns are ident, name and all of the table, also those that
// its owner has added; in GeoJSON latitude and longitude are the geometry.
PGresult *export_query_copy(
	PGconn *conn, int table, enum export_format format, const struct export_range *range);

// Prints SQL for psql that drops the rows before that day, unless they are not as many as were exported. tables: which;
// positions and statuses are dropped together. rows: of each table.
void export_query_print_drop(FILE *out, const bool tables[EXPORT_TABLES],
	const uint64_t rows[EXPORT_TABLES], const char *before);

#endif
