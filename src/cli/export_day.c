// SPDX-License-Identifier: MIT
#include "cli/export_day.h"

#include "cli/database.h"
#include "cli/export_file.h"
#include "cli/failure.h"
#include "util/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define PROGRESS_US 500000

static bool fail(const char *what, const char *why)
{
	return failure_print("export", what, why);
}

// ---- messages

static void end_progress(const struct export_task *task)
{
	if (task->on_terminal)
		fputs("\r\033[K", stderr);
}

// Writes "4.7 kB" or "36.2 MB".
static const char *size_text(uint64_t bytes, char out[24])
{
	const double kilobytes = (double)bytes / 1e3;
	snprintf(out, 24, "%.1f %s", kilobytes < 1e3 ? kilobytes : kilobytes / 1e3,
		kilobytes < 1e3 ? "kB" : "MB");
	return out;
}

static void show_progress(struct export_task *task, const struct export_file *file, uint64_t rows)
{
	if (!task->on_terminal || rows % 1024)
		return;
	const int64_t now_us = clock_monotonic_us();
	if (now_us - task->progress_us < PROGRESS_US)
		return;
	char size[24];
	task->progress_us = now_us;
	fprintf(stderr, "\r\033[Kavld export: %s: %" PRIu64 " rows, %s", file->name, rows,
		size_text(export_file_bytes(file), size));
}

bool export_day_fail_query(const struct export_task *task, const char *what, const char *state)
{
	end_progress(task);
	return database_fail("export", what, task->conn, state);
}

bool export_day_fail_result(
	const struct export_task *task, const char *what, const PGresult *result)
{
	return export_day_fail_query(task, what, PQresultErrorField(result, PG_DIAG_SQLSTATE));
}

// Errors of a file, from errno. Always returns false.
static bool fail_file(const struct export_task *task, const char *name)
{
	char path[4096];
	const int error = errno;

	end_progress(task);
	snprintf(path, sizeof(path), "%s/%s", task->dir, name);
	fail(path, strerror(error));
	if (error == ENOSPC || error == EDQUOT || error == EFBIG)
		fputs("avld export: free disk space and run it again: it continues with this day\n",
			stderr);
	return false;
}

// ---- a day

// Sends the rows to the file. *sent becomes false if the database fails.
static bool copy_rows(struct export_task *task, struct export_file *file, bool *sent)
{
	const bool geojson = task->format == EXPORT_GEOJSON;
	uint64_t count = 0;
	char *row;
	int len = 0;
	bool sound =
		!geojson || export_file_write(file, EXPORT_ROWS_HEAD, sizeof(EXPORT_ROWS_HEAD) - 1);

	while (sound && (len = PQgetCopyData(task->conn, &row, 0)) > 0) {
		// each is a line; a Feature ends with the comma before the next
		if (geojson && count > 0)
			sound = export_file_write(file, ",\n", 2);
		sound = sound && export_file_write(file, row, (size_t)(geojson ? len - 1 : len));
		PQfreemem(row);
		count++;
		if (sound)
			show_progress(task, file, count);
	}
	if (sound && len == -2)
		*sent = false;
	if (sound && geojson)
		sound = export_file_write(file, EXPORT_ROWS_TAIL, sizeof(EXPORT_ROWS_TAIL) - 1);
	return sound;
}

// Reads the end of COPY; sets *rows to the number that the server counted.
static bool end_copy(struct export_task *task, uint64_t *rows)
{
	PGresult *result;
	bool sound = true;

	while ((result = PQgetResult(task->conn))) {
		if (sound && PQresultStatus(result) != PGRES_COMMAND_OK)
			sound = export_day_fail_result(task, "cannot read the database", result);
		else if (sound)
			*rows = strtoull(PQcmdTuples(result), NULL, 10);
		PQclear(result);
	}
	return sound;
}

// Fills the file from the COPY that has begun, with at least as many rows as are wanted. Returns false after an error, which is
// printed.
static bool fill(
	struct export_task *task, struct export_file *file, uint64_t wanted, uint64_t *rows)
{
	bool sent = true;
	uint64_t written = 0;

	if (!copy_rows(task, file, &sent)) {
		fail_file(task, file->name);
		return false; // the rest of the rows is not needed: the connection is closed
	}
	if (!sent)
		return export_day_fail_query(task, "cannot read the database", "");
	if (!end_copy(task, rows))
		return false;
	end_progress(task);
	if (!export_rows_total(&file->rows, &written) || written != *rows)
		return fail(file->name,
			"not what the database sent: a fault of avld; please report it");
	if (*rows < wanted)
		return fail(file->name, "rows of this day were deleted meanwhile; run it again");
	return true;
}

static bool begin_copy(struct export_task *task, int table, const struct export_range *day)
{
	PGresult *statement = export_query_copy(task->conn, table, task->format, day);
	PGresult *begun = NULL;
	bool sound = false;

	if (PQresultStatus(statement) == PGRES_TUPLES_OK)
		begun = PQexec(task->conn, PQgetvalue(statement, 0, 0));
	if (begun && PQresultStatus(begun) == PGRES_COPY_OUT)
		sound = true;
	else
		export_day_fail_result(
			task, "cannot query the database", begun ? begun : statement);
	PQclear(statement);
	PQclear(begun);
	return sound;
}

static bool write_day(struct export_task *task, int table, const struct export_range *day,
	const char *name, uint64_t wanted)
{
	struct export_file file;
	struct export_sum *sum = &task->sums[table];
	char size[24];
	uint64_t rows = 0;

	if (!export_file_open(&file, task->dir_fd, name, task->format, task->plain))
		return fail_file(task, name);
	const bool sound = begin_copy(task, table, day) && fill(task, &file, wanted, &rows);
	if (!export_file_close(&file, sound))
		return sound ? fail_file(task, name) : false;
	sum->rows += rows;
	sum->written++;
	sum->bytes += file.bytes;
	fprintf(stderr, "avld export: %s: %" PRIu64 " rows, %s\n", name, rows,
		size_text(file.bytes, size));
	return true;
}

// Decides on a file that exists already. Returns true if it is to be written anew.
static bool is_replaced(struct export_task *task, const char *name, enum export_found found,
	uint64_t has, uint64_t wanted)
{
	if (found == EXPORT_BROKEN && !task->force)
		fprintf(stderr,
			"avld export: %s: not a complete file of avld export; --force replaces "
			"it\n",
			name);
	else if (found == EXPORT_COMPLETE && has > wanted)
		fprintf(stderr,
			"avld export: %s: has %" PRIu64 " rows, the table %" PRIu64
			": not replaced, it may be all that is left of the day; move it away, or "
			"give another --output\n",
			name, has, wanted);
	else if (found == EXPORT_COMPLETE && !task->force)
		fprintf(stderr,
			"avld export: %s: has %" PRIu64 " rows, the table %" PRIu64
			": reports came late; --force replaces it\n",
			name, has, wanted);
	else
		return true;
	task->kept++;
	return false;
}

bool export_day_run(
	struct export_task *task, int table, const struct export_range *day, uint64_t wanted)
{
	char name[EXPORT_NAME_MAX];
	struct export_sum *sum = &task->sums[table];
	uint64_t has = 0;

	if (!export_rows_name(name, export_query_tables[table].name, day->from, day->ident,
		    task->format, task->plain))
		return fail(day->ident, "too long for the name of a file");
	const enum export_found found = export_file_read(task->dir_fd, name, task->format, &has);
	sum->days++;
	if (found == EXPORT_UNREADABLE)
		return fail_file(task, name);
	if (found == EXPORT_COMPLETE && has == wanted) {
		sum->present++;
		sum->rows += has;
		fprintf(stderr, "avld export: %s: already there, %" PRIu64 " rows\n", name, has);
		return true;
	}
	if (found != EXPORT_ABSENT && !is_replaced(task, name, found, has, wanted))
		return true;
	return write_day(task, table, day, name, wanted);
}
