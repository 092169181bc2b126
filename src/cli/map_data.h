// SPDX-License-Identifier: MIT
// The data of the page of avld map: read from the database row by row, written as JSON. Errors are printed to stderr.
#ifndef AVLD_CLI_MAP_DATA_H
#define AVLD_CLI_MAP_DATA_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <libpq-fe.h>

#define MAP_DATA_LIST_MAX   20000                       /* trips; stops, alarms, photos likewise */
#define MAP_DATA_PHOTOS_MAX (INT64_C(16) * 1024 * 1024) /* bytes of the pictures together */
#define MAP_DATA_POINTS_MAX 10000000

// from_us <= time < to_us
struct map_data_query {
	const char *ident; /* NULL: every tracker */
	int64_t from_us, to_us;
	uint64_t points_max; /* 1 to MAP_DATA_POINTS_MAX */
};

struct map_data {
	PGconn *conn;
	struct map_data_query query;
	/* what the database has: set by map_data_count */
	bool known; /* the ident exists, or none is given */
	uint64_t trackers, fixes, alarms, photos;
	uint64_t step; /* of the points of a tracker, each step-th is written, and the last */
	/* what the page has: set by map_data_write */
	uint64_t points, thinned, implausible, pictures, pictures_left_out;
};

// Begins a transaction with one snapshot for all queries, and counts the rows. Returns false on error, also if there
// are too many trackers for points_max.
bool map_data_count(struct map_data *data) __attribute__((warn_unused_result));

// Writes one JSON object, without the characters < > & and the line separators of Unicode, so that it can stand in a
// script element. Errors of `out` are left to the caller.
bool map_data_write(struct map_data *data, FILE *out) __attribute__((warn_unused_result));

#endif
