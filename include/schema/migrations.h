// SPDX-License-Identifier: MIT
// The SQL of the schema, compiled in from src/schema/sql (the build makes migrations.c of it): steps
// that change tables, each run once in a database, and the functions and views, all run again
// whenever a step runs or their text has changed.
#ifndef AVLD_SCHEMA_MIGRATIONS_H
#define AVLD_SCHEMA_MIGRATIONS_H

#include <stddef.h>

struct migration {
	int version;      /* of a step; 0: functions */
	const char *name; /* NNN_name, or functions/name */
	const char *sql;  /* NUL-terminated */
};

extern const struct migration migrations_tables[]; /* by version */
extern const size_t migrations_tables_count;
extern const struct migration migrations_functions[];
extern const size_t migrations_functions_count;
extern const char migrations_functions_hash[]; /* of their text, 16 hex digits */

// The version of the schema that this program needs.
#define SCHEMA_VERSION (migrations_tables[migrations_tables_count - 1].version)

#endif
