// SPDX-License-Identifier: MIT
// Days of positions and statuses are dropped; their rows in DEFAULT, and those of other tables, are deleted a few thousand
// at a time, one step between two batches, so that no batch is delayed by more than a step.
#include "writer/writer_retention.h"

#include "util/log.h"
#include "writer/writer_days.h"
#include "writer/writer_link.h"

#include <ev.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define EVERY_S 3600.

#define AGE(field) offsetof(struct config, database.field)
static const struct {
	const char *name;    /* for avld.delete_before */
	const char *setting; /* of [database] */
	int rows;            /* in one step */
	bool is_days;        /* only whole days are deleted, as with partitions */
	size_t age;          /* offset of the setting */
} tables[] = {
	{"positions", "retention", 10000, true, AGE(retention_us)},
	{"statuses", "retention", 10000, true, AGE(retention_us)},
	{"rejects", "rejects_retention", 10000, false, AGE(rejects_retention_us)},
	{"connections", "connections_retention", 10000, false, AGE(connections_retention_us)},
	{"unknown_devices", "unknown_devices_retention", 10000, false,
		AGE(unknown_devices_retention_us)},
	{"alarms", "alarms_retention", 10000, false, AGE(alarms_retention_us)},
	{"media", "media_retention", 200, false, AGE(media_retention_us)}, /* large ones */
	{"commands", "commands_retention", 10000, false, AGE(commands_retention_us)},
};
#define TABLES (sizeof(tables) / sizeof(tables[0]))

struct writer_retention {
	ev_timer timer;
	bool due;
	size_t step;   /* 0: days, then a table each */
	uint64_t rows; /* deleted from the table so far */
};

static int64_t age_of(const struct writer *writer, size_t table)
{
	int64_t age_us;
	memcpy(&age_us, (const char *)writer->config + tables[table].age, sizeof(age_us));
	return age_us;
}

static void on_hour(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	struct writer *writer = timer->data;

	writer->retention->due = true;
	writer_link_wake(writer);
}

void writer_retention_init(struct writer *writer)
{
	struct writer_retention *retention = calloc(1, sizeof(*retention));

	if (!retention)
		log_fatal("out of memory for=\"writer\"");
	writer->retention = retention;
	ev_timer_init(&retention->timer, on_hour, EVERY_S, EVERY_S);
	retention->timer.data = writer;
	writer_retention_configure(writer);
}

void writer_retention_configure(struct writer *writer)
{
	struct writer_retention *retention = writer->retention;

	for (size_t table = 0; table < TABLES; table++)
		retention->due |= age_of(writer, table) > 0;
	if (retention->due)
		ev_timer_start(writer->loop, &retention->timer);
}

void writer_retention_done(struct writer *writer)
{
	ev_timer_stop(writer->loop, &writer->retention->timer);
	free(writer->retention);
}

bool writer_retention_due(const struct writer *writer)
{
	return writer->retention->due;
}

int64_t writer_retention_first_day(const struct writer *writer)
{
	const int64_t age_us = writer->config->database.retention_us;

	return age_us > 0 ? writer_days_today(writer) - age_us / DAY_US : INT64_MIN;
}

// ---- days

static void on_dropped_count(struct writer *writer, PGresult *result)
{
	(void)writer;
	if (PQntuples(result) && strtol(PQgetvalue(result, 0, 0), NULL, 10) > 0)
		log_info("partitions older than database.retention dropped count=%s",
			PQgetvalue(result, 0, 0));
}

static void on_dropped(struct writer *writer)
{
	const struct writer_failure *failure = writer_link_failure(writer);

	if (writer_link_was_cut_off(writer)) { /* the next connection repeats the step */
		writer_link_lose_query(writer);
		return;
	}
	if (failure)
		log_warning("cannot drop old partitions, trying again in an hour reason=\"%s\"",
			failure->quoted);
	writer_days_forget(writer);
	writer->retention->step++;
	writer_link_ready(writer);
}

// Drops partitions.
static void drop_days(struct writer *writer)
{
	writer_sql_add(&writer->sql, "SELECT avld.drop_partitions(");
	writer_sql_date(&writer->sql, writer_retention_first_day(writer));
	writer_sql_add(&writer->sql, ")");
	writer_link_query(writer, writer->sql.data, on_dropped_count, on_dropped);
}

// ---- rows

static void next_table(struct writer *writer)
{
	struct writer_retention *retention = writer->retention;
	const size_t table = retention->step - 1;

	if (retention->rows)
		log_info("rows older than database.%s deleted table=%s count=%" PRIu64,
			tables[table].setting, tables[table].name, retention->rows);
	retention->rows = 0;
	retention->step++;
}

static void on_deleted_count(struct writer *writer, PGresult *result)
{
	struct writer_retention *retention = writer->retention;
	const long rows = PQntuples(result) ? strtol(PQgetvalue(result, 0, 0), NULL, 10) : 0;

	retention->rows += (uint64_t)rows;
	if (rows < tables[retention->step - 1].rows)
		next_table(writer);
}

static void on_deleted(struct writer *writer)
{
	const struct writer_failure *failure = writer_link_failure(writer);

	if (writer_link_was_cut_off(writer)) { /* the next connection repeats the step */
		writer_link_lose_query(writer);
		return;
	}
	if (failure) {
		log_warning(
			"cannot delete old rows, trying again in an hour table=%s reason=\"%s\"",
			tables[writer->retention->step - 1].name, failure->quoted);
		next_table(writer);
	}
	writer_link_ready(writer);
}

// Rows are deleted by the database's clock; days by this machine's, by which late reports are rejected too.
static void delete_rows(struct writer *writer, size_t table)
{
	writer_sql_format(&writer->sql, "SELECT avld.delete_before('%s', ", tables[table].name);
	if (tables[table].is_days)
		writer_sql_date(&writer->sql, writer_retention_first_day(writer));
	else
		writer_sql_format(&writer->sql, "now() - make_interval(secs => %" PRId64 ")",
			age_of(writer, table) / 1000000);
	writer_sql_format(&writer->sql, ", %d)", tables[table].rows);
	writer_link_query(writer, writer->sql.data, on_deleted_count, on_deleted);
}

// ---- one step

void writer_retention_run(struct writer *writer)
{
	struct writer_retention *retention = writer->retention;

	if (!retention->step && writer->config->database.retention_us <= 0)
		retention->step++;
	while (retention->step && retention->step <= TABLES && !age_of(writer, retention->step - 1))
		retention->step++;
	if (retention->step > TABLES) {
		retention->step = 0;
		retention->due = false;
		writer_link_wake(writer);
		return;
	}
	writer_link_set_state(writer, WRITER_ASKING);
	writer_sql_clear(&writer->sql);
	if (retention->step)
		delete_rows(writer, retention->step - 1);
	else
		drop_days(writer);
}
