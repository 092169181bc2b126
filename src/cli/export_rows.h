// SPDX-License-Identifier: MIT
// The files of avld export: their names, and the rows that they have. Pure.
//
//   csv      a header, then a row of RFC 4180 each; lines end with \n
//   geojson  EXPORT_ROWS_HEAD, then a Feature in each line, between them ",\n"; at the end EXPORT_ROWS_TAIL
#ifndef AVLD_CLI_EXPORT_ROWS_H
#define AVLD_CLI_EXPORT_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum export_format { EXPORT_CSV, EXPORT_GEOJSON };

#define EXPORT_ROWS_HEAD "{\"type\":\"FeatureCollection\",\"features\":[\n"
#define EXPORT_ROWS_TAIL "\n]}\n"

#define EXPORT_NAME_MAX 256 /* bytes of a name, with its NUL */

// Writes "positions-2026-11-20.csv.gz", with an ident "positions-2026-11-20-5021234.csv.gz"; in the ident what a file name or a
// shell could take for something else is %-encoded. ident: NULL for all. Returns false if the name is too long.
bool export_rows_name(char name[EXPORT_NAME_MAX], const char *table, const char *day,
	const char *ident, enum export_format format, bool plain);

// Counts the rows of a file, whose bytes come in parts of any size.
struct export_rows {
	enum export_format format;
	bool quoted;    /* csv: inside of quotes */
	uint64_t lines; /* that have ended */
	char last[3];   /* bytes */
};

void export_rows_count(struct export_rows *rows, const char *data, size_t len);

// Returns true if the file so far is complete, and sets *count.
bool export_rows_total(const struct export_rows *rows, uint64_t *count);

#endif
