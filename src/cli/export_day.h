// SPDX-License-Identifier: MIT
// A day of a table, from the database to a file.
#ifndef AVLD_CLI_EXPORT_DAY_H
#define AVLD_CLI_EXPORT_DAY_H

#include "cli/export_query.h"

// What became of the days of a table.
struct export_sum {
	uint64_t days, rows;       /* rows: in files that have all */
	uint64_t written, present; /* files */
	uint64_t bytes;            /* written */
};

struct export_task {
	PGconn *conn;
	const char *dir;
	int dir_fd;
	enum export_format format;
	bool plain, force, drop_sql;
	bool tables[EXPORT_TABLES];
	struct export_range range;
	char from[EXPORT_DAY_MAX], before[EXPORT_DAY_MAX]; /* of the range */
	struct export_sum sums[EXPORT_TABLES];
	uint64_t kept;       /* files that do not have what the table has, and were not replaced */
	bool on_terminal;    /* stderr */
	int64_t progress_us; /* when progress was last shown, monotonic */
};

// Writes the rows of a day to its file, unless it is there already. day: from and before are that day and the next. wanted: the
// number of rows in the table. Returns false after an error, which is printed; a file that is kept only counts in task->kept.
bool export_day_run(
	struct export_task *task, int table, const struct export_range *day, uint64_t wanted);

// Print an error of the database, and how to mend it. state: SQLSTATE or "". Always return false.
bool export_day_fail_query(const struct export_task *task, const char *what, const char *state);
bool export_day_fail_result(
	const struct export_task *task, const char *what, const PGresult *result);

#endif
