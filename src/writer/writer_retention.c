// SPDX-License-Identifier: MIT
// The end of what is older than the settings keep it: at the start, then once an hour. Days of positions and statuses are
// dropped; their rows in DEFAULT, and those of other tables, are deleted a few thousand at a time, one step between two
// batches, so that no batch waits for more than a step.
#include "writer/writer_internal.h"

#include "util/log.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>

#define EVERY_S 3600.

#define AGE(field) offsetof(struct config, database.field)
static const struct {
	const char *name;    /* as avld.delete_before knows it */
	const char *setting; /* of [database] */
	int rows;            /* in one step */
	bool is_days;        /* whole days go, as with partitions */
	size_t age;          /* where the settings have it */
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

	writer->retention.due = true;
	writer_wake(writer);
}

void retention_init(struct writer *writer)
{
	struct retention *retention = &writer->retention;

	ev_timer_init(&retention->timer, on_hour, EVERY_S, EVERY_S);
	retention->timer.data = writer;
	retention->due = writer->config->database.retention_us > 0;
	for (size_t table = 0; table < TABLES; table++)
		retention->due |= age_of(writer, table) > 0;
	if (retention->due)
		ev_timer_start(writer->loop, &retention->timer);
}

void retention_done(struct writer *writer)
{
	ev_timer_stop(writer->loop, &writer->retention.timer);
}

bool retention_due(const struct writer *writer)
{
	const struct retention *retention = &writer->retention;

	return retention->due && !writer->drained && !(retention->was_last && batch_wanted(writer));
}

int64_t retention_first_day(const struct writer *writer)
{
	const int64_t age_us = writer->config->database.retention_us;

	return age_us > 0 ? learn_today(writer) - age_us / DAY_US : INT64_MIN;
}

// The connection ends: the step is repeated over the next one.
static bool is_cut_off(const struct writer *writer)
{
	const struct query *query = &writer->query;
	const char *state = query->failure.sqlstate;

	return query->failed && (!*state || !strncmp(state, "57P", 3));
}

// ---- days

static void take_dropped(struct writer *writer, PGresult *result)
{
	(void)writer;
	if (PQntuples(result) && strtol(PQgetvalue(result, 0, 0), NULL, 10) > 0)
		log_info("partitions older than database.retention dropped count=%s",
			PQgetvalue(result, 0, 0));
}

static void on_dropped(struct writer *writer)
{
	if (is_cut_off(writer)) {
		writer_lose_query(writer);
		return;
	}
	if (writer->query.failed)
		log_warning("cannot drop old partitions, trying again in an hour reason=\"%s\"",
			writer->query.failure.told);
	learn_forget_days(writer);
	writer->retention.step++;
	writer_ready(writer);
}

static void drop_days(struct writer *writer)
{
	sql_add(&writer->sql, "SELECT avld.drop_partitions(");
	sql_date(&writer->sql, retention_first_day(writer));
	sql_add(&writer->sql, ")");
	writer_query(writer, writer->sql.data, take_dropped, on_dropped);
}

// ---- rows

static void next_table(struct writer *writer)
{
	struct retention *retention = &writer->retention;
	const size_t table = retention->step - 1;

	if (retention->rows)
		log_info("rows older than database.%s deleted table=%s count=%" PRIu64,
			tables[table].setting, tables[table].name, retention->rows);
	retention->rows = 0;
	retention->step++;
}

static void take_deleted(struct writer *writer, PGresult *result)
{
	struct retention *retention = &writer->retention;
	const long rows = PQntuples(result) ? strtol(PQgetvalue(result, 0, 0), NULL, 10) : 0;

	retention->rows += (uint64_t)rows;
	if (rows < tables[retention->step - 1].rows)
		next_table(writer);
}

static void on_deleted(struct writer *writer)
{
	if (is_cut_off(writer)) {
		writer_lose_query(writer);
		return;
	}
	if (writer->query.failed) {
		log_warning(
			"cannot delete old rows, trying again in an hour table=%s reason=\"%s\"",
			tables[writer->retention.step - 1].name, writer->query.failure.told);
		next_table(writer);
	}
	writer_ready(writer);
}

// By the database's clock; days by ours, which is what refuses late data.
static void delete_rows(struct writer *writer, size_t table)
{
	sql_format(&writer->sql, "SELECT avld.delete_before('%s', ", tables[table].name);
	if (tables[table].is_days)
		sql_date(&writer->sql, retention_first_day(writer));
	else
		sql_format(&writer->sql, "now() - make_interval(secs => %" PRId64 ")",
			age_of(writer, table) / 1000000);
	sql_format(&writer->sql, ", %d)", tables[table].rows);
	writer_query(writer, writer->sql.data, take_deleted, on_deleted);
}

// ---- one step

void retention_run(struct writer *writer)
{
	struct retention *retention = &writer->retention;

	retention->was_last = true;
	batch_drop_ahead(writer);
	if (!retention->step && writer->config->database.retention_us <= 0)
		retention->step++;
	while (retention->step && retention->step <= TABLES && !age_of(writer, retention->step - 1))
		retention->step++;
	if (retention->step > TABLES) {
		retention->step = 0;
		retention->due = false;
		writer_wake(writer);
		return;
	}
	writer_set_state(writer, WRITER_LEARNING);
	sql_clear(&writer->sql);
	if (retention->step)
		delete_rows(writer, retention->step - 1);
	else
		drop_days(writer);
}
