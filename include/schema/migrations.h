// SPDX-License-Identifier: MIT
// The schema's migrations, compiled in from src/sql/NNN_name.sql (the build makes migrations.c of them).
#ifndef AVLD_SCHEMA_MIGRATIONS_H
#define AVLD_SCHEMA_MIGRATIONS_H

#include <stddef.h>

struct migration {
	int version;      /* NNN */
	const char *name; /* NNN_name */
	const char *sql;  /* NUL-terminated */
};

extern const struct migration migrations[];
extern const size_t migration_count;
#define SCHEMA_VERSION (migrations[migration_count - 1].version)

#endif
