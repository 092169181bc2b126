// SPDX-License-Identifier: MIT
// avld export: writes old days of positions, statuses and alarms to files, one a day and table, before they are dropped.
//
// A day that is in a file already is skipped if the file has as many rows as the table. So a run that was interrupted
// continues where it stopped. Rows are streamed: memory does not grow with the day.
#include "cli/database.h"
#include "cli/export_day.h"
#include "cli/failure.h"
#include "cli/time_argument.h"
#include "cli/verbs.h"
#include "util/calendar.h"
#include "util/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define DAY_US INT64_C(86400000000)

static bool fail(const char *what, const char *why)
{
	return failure_print("export", what, why);
}

// ---- all days

static bool export_table(struct export_task *task, int table)
{
	PGresult *days = export_query_days(task->conn, table, &task->range);
	bool sound = PQresultStatus(days) == PGRES_TUPLES_OK;

	if (!sound)
		export_day_fail_result(task, "cannot query the database", days);
	for (int row = 0; sound && row < PQntuples(days); row++) {
		const struct export_range day = {
			.from = PQgetvalue(days, row, 0),
			.before = PQgetvalue(days, row, 1),
			.ident = task->range.ident,
		};
		sound = export_day_run(
			task, table, &day, strtoull(PQgetvalue(days, row, 2), NULL, 10));
	}
	PQclear(days);
	return sound;
}

static void print_sums(const struct export_task *task)
{
	for (int i = 0; i < EXPORT_TABLES; i++) {
		const struct export_sum *sum = &task->sums[i];
		if (task->tables[i])
			printf("%s%s days=%" PRIu64 " rows=%" PRIu64 " written=%" PRIu64
			       " already_there=%" PRIu64 " bytes_written=%" PRIu64 "\n",
				task->drop_sql ? "-- " : "", export_query_tables[i].name, sum->days,
				sum->rows, sum->written, sum->present, sum->bytes);
	}
}

static void print_drop(const struct export_task *task)
{
	uint64_t rows[EXPORT_TABLES];

	for (int i = 0; i < EXPORT_TABLES; i++)
		rows[i] = task->sums[i].rows;
	export_query_print_drop(stdout, task->tables, rows, task->before);
}

static bool export_all(struct export_task *task)
{
	uint64_t days = 0;
	bool sound = true;

	for (int i = 0; sound && i < EXPORT_TABLES; i++) {
		if (task->tables[i])
			sound = export_table(task, i);
		days += task->sums[i].days;
	}
	print_sums(task);
	if (sound && task->kept) {
		fprintf(stderr,
			"avld export: %" PRIu64 " of %" PRIu64
			" files are not what the table has\n",
			task->kept, days);
		sound = false;
	}
	if (sound && !days)
		fprintf(stderr, "avld export: no rows%s%s before %s\n",
			task->range.ident ? " of ident " : "",
			task->range.ident ? task->range.ident : "", task->before);
	if (sound && task->drop_sql)
		print_drop(task);
	if (fflush(stdout) == 0 && !ferror(stdout))
		return sound;
	return fail("stdout", strerror(errno));
}

// Opens the folder, in which no other avld export may write.
static bool open_folder(struct export_task *task)
{
	if (mkdir(task->dir, 0750) < 0 && errno != EEXIST)
		return fail(task->dir, strerror(errno));
	task->dir_fd = open(task->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (task->dir_fd < 0)
		return fail(task->dir, strerror(errno));
	// some network file systems have no locks
	if (flock(task->dir_fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
		return fail(task->dir, "another avld export writes to this folder");
	return true;
}

static bool is_known(const struct export_task *task)
{
	const char *const values[] = {task->range.ident};

	if (!task->range.ident)
		return true;
	PGresult *result = PQexecParams(task->conn, "SELECT FROM avld.devices WHERE ident = $1", 1,
		NULL, values, NULL, NULL, 0);
	const bool sound = PQresultStatus(result) == PGRES_TUPLES_OK;
	const bool known = sound && PQntuples(result) == 1;
	if (!sound)
		export_day_fail_result(task, "cannot query the database", result);
	else if (!known)
		fprintf(stderr,
			"avld export: no tracker has the ident %s; --ident must match the whole "
			"ident\n",
			task->range.ident);
	PQclear(result);
	return known;
}

static bool run(const struct command_line *line, struct export_task *task)
{
	char state[6];
	bool sound = false;

	task->conn = database_connect(line);
	if (!task->conn)
		return false;
	task->dir_fd = -1;
	task->on_terminal = isatty(STDERR_FILENO);
	if (!export_query_begin(task->conn, state))
		export_day_fail_query(task, "cannot query the database", state);
	else
		sound = is_known(task) && open_folder(task) && export_all(task);
	if (task->dir_fd >= 0)
		close(task->dir_fd);
	PQfinish(task->conn);
	return sound;
}

// ---- arguments. The functions return 0, or the exit code.

static void write_day_of(int64_t time_us, char out[EXPORT_DAY_MAX])
{
	char text[CALENDAR_TEXT_MAX];
	snprintf(out, EXPORT_DAY_MAX, "%.10s", calendar_text(time_us, 0, text));
}

// Reads a day, or an age such as 30d: the day that was so long ago.
static int read_day(const struct command_line *line, const char *name, char out[EXPORT_DAY_MAX])
{
	const char *text = command_line_value(line, name);
	int64_t time_us;

	if (!time_argument_read(text, &time_us) || time_us < 0 ||
		(strchr(text, '-') && time_us % DAY_US))
		return command_line_error(line,
			"invalid day '%s' for --%s; examples are 2026-11-22 and 30d (ago)", text,
			name);
	write_day_of(time_us, out);
	return 0;
}

static int read_range(const struct command_line *line, struct export_task *task)
{
	char today[EXPORT_DAY_MAX];
	int code = read_day(line, "before", task->before);

	if (!code && command_line_value(line, "from")) {
		code = read_day(line, "from", task->from);
		task->range.from = task->from;
	}
	if (code)
		return code;
	write_day_of(clock_utc_us(), today);
	task->range.before = task->before;
	task->range.ident = command_line_value(line, "ident");
	if (strcmp(task->before, today) > 0)
		return command_line_error(line,
			"--before %s includes the current day (UTC), which is not complete; the "
			"latest is --before %s",
			task->before, today);
	if (task->range.from && strcmp(task->from, task->before) >= 0)
		return command_line_error(line, "--from must be before --before");
	return 0;
}

static int read_format(const struct command_line *line, struct export_task *task)
{
	const char *text = command_line_value(line, "format");

	if (!text || !strcmp(text, "csv"))
		task->format = EXPORT_CSV;
	else if (!strcmp(text, "geojson"))
		task->format = EXPORT_GEOJSON;
	else
		return command_line_error(
			line, "invalid format '%s' for --format; csv or geojson", text);
	return 0;
}

// Reads names with commas between them.
static int read_tables(const struct command_line *line, bool tables[EXPORT_TABLES])
{
	const char *list = command_line_value(line, "tables");

	for (int i = 0; i < EXPORT_TABLES; i++)
		tables[i] = !list;
	while (list) {
		const size_t len = strcspn(list, ",");
		int i = 0;
		while (i < EXPORT_TABLES &&
			(strlen(export_query_tables[i].name) != len ||
				memcmp(export_query_tables[i].name, list, len) != 0))
			i++;
		if (i == EXPORT_TABLES)
			return command_line_error(line,
				"invalid table '%.*s' for --tables; positions, statuses, alarms",
				(int)len, list);
		tables[i] = true;
		list = list[len] ? list + len + 1 : NULL;
	}
	return 0;
}

static int check_drop(const struct command_line *line, const struct export_task *task)
{
	if (!task->drop_sql)
		return 0;
	if (task->range.ident)
		return command_line_error(line, "--drop-sql and --ident exclude each other: "
						"whole days are dropped");
	if (task->tables[EXPORT_POSITIONS] != task->tables[EXPORT_STATUSES])
		return command_line_error(line, "--drop-sql needs positions and statuses, or none "
						"of them: their days are dropped together");
	return 0;
}

int export_verb(struct command_line *line)
{
	struct export_task task = {
		.dir = command_line_value(line, "output"),
		.plain = command_line_value(line, "plain") != NULL,
		.force = command_line_value(line, "force") != NULL,
		.drop_sql = command_line_value(line, "drop-sql") != NULL,
	};
	int code = read_range(line, &task);

	if (!code)
		code = read_format(line, &task);
	if (!code)
		code = read_tables(line, task.tables);
	if (!code)
		code = check_drop(line, &task);
	if (code)
		return code;
	return run(line, &task) ? 0 : 1;
}
