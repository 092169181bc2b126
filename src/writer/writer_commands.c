// SPDX-License-Identifier: MIT
// What stands open in avld.commands, read for whoever sends commands: after each connect, when the database notifies us,
// and once a minute. Not before what an earlier process left in the journal is stored: it may have sent some of them.
#include "writer/writer_internal.h"

#include "util/log.h"

#include <stdio.h>
#include <stdlib.h>

#define READ_S   60.
#define ROWS_MAX 10000 /* the others when these have ended */

static void on_minute(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	struct writer *writer = timer->data;

	commands_set_due(writer);
	writer_wake(writer);
}

void commands_init(struct writer *writer)
{
	ev_timer_init(&writer->commands.timer, on_minute, READ_S, READ_S);
	writer->commands.timer.data = writer;
}

void writer_set_commands(struct writer *writer, const struct command_sink *sink)
{
	writer->commands.sink = sink;
	ev_timer_start(writer->loop, &writer->commands.timer);
}

void commands_done(struct writer *writer)
{
	ev_timer_stop(writer->loop, &writer->commands.timer);
}

void commands_set_due(struct writer *writer)
{
	writer->commands.due = writer->commands.sink != NULL;
}

bool commands_due(const struct writer *writer)
{
	const struct commands_reading *reading = &writer->commands;
	const bool due =
		reading->due || (reading->wanted_lsn && writer->lsn >= reading->wanted_lsn);
	const bool batch_due = writer->batch.due || writer->batch.now.more;

	return due && !(reading->was_last && batch_due) &&
	       writer->lsn >= journal_recovered(writer->journal);
}

// ---- rows

enum column {
	COLUMN_ID,
	COLUMN_IDENT,
	COLUMN_NAME,
	COLUMN_SENT,
	COLUMN_ATTEMPTS,
	COLUMN_CREATED,
	COLUMN_EXPIRES,
	COLUMN_SENT_AT,
	COLUMN_FIXED_AT,
	COLUMN_SPEED,
	COLUMN_ELSEWHERE,
	COLUMN_ARGS, /* each in the order of enum command_arg */
};

#define EPOCH_US(column) "(extract(epoch FROM " column ") * 1000000)::bigint, "

static void write_query(const struct writer *writer, struct sql *sql)
{
	sql_clear(sql);
	sql_add(sql,
		"SELECT c.id, d.ident, c.command, c.state = 'sent', c.attempts, " EPOCH_US(
			"c.created_at") EPOCH_US("c.expires_at") EPOCH_US("c.sent_at")
			EPOCH_US("s.fixed_at") "round(s.speed_kmh * 100)::integer, s.instance <> ");
	sql_literal(sql, writer->link.conn, writer->config->database.instance);
	for (unsigned arg = 0; arg < COMMAND_ARGS; arg++)
		sql_format(sql, ", c.args->>'%s'", command_arg_name((enum command_arg)arg));
	sql_format(sql,
		" FROM avld.commands c LEFT JOIN avld.devices d ON d.id = c.device_id "
		"LEFT JOIN avld.device_state s ON s.device_id = c.device_id "
		"WHERE c.state IN ('queued', 'sent') ORDER BY c.id LIMIT %d",
		ROWS_MAX);
}

static struct text text_at(const PGresult *result, int row, int column)
{
	if (PQgetisnull(result, row, column))
		return (struct text){NULL, 0};
	return (struct text){
		PQgetvalue(result, row, column), (size_t)PQgetlength(result, row, column)};
}

static int64_t number_at(const PGresult *result, int row, int column, int64_t absent)
{
	if (PQgetisnull(result, row, column))
		return absent;
	return strtoll(PQgetvalue(result, row, column), NULL, 10);
}

static void take_command(struct writer *writer, const PGresult *result, int row)
{
	const struct command_sink *sink = writer->commands.sink;
	struct command_row command = {
		.id = number_at(result, row, COLUMN_ID, 0),
		.ident = text_at(result, row, COLUMN_IDENT),
		.name = text_at(result, row, COLUMN_NAME),
		.sent = *PQgetvalue(result, row, COLUMN_SENT) == 't',
		.attempts = (uint32_t)number_at(result, row, COLUMN_ATTEMPTS, 0),
		.created_us = number_at(result, row, COLUMN_CREATED, 0),
		.expires_us = number_at(result, row, COLUMN_EXPIRES, 0),
		.sent_us = number_at(result, row, COLUMN_SENT_AT, 0),
		.has_fix = !PQgetisnull(result, row, COLUMN_FIXED_AT),
		.fixed_us = number_at(result, row, COLUMN_FIXED_AT, 0),
		.speed_kmh_e2 = (int32_t)number_at(result, row, COLUMN_SPEED, -1),
		.elsewhere = *PQgetvalue(result, row, COLUMN_ELSEWHERE) == 't',
	};

	for (int arg = 0; arg < COMMAND_ARGS; arg++)
		command.args[arg] = text_at(result, row, COLUMN_ARGS + arg);
	writer->commands.last_id = command.id;
	writer->commands.rows++;
	sink->row(sink->context, &command);
}

static void take_commands(struct writer *writer, PGresult *result)
{
	for (int row = 0; row < PQntuples(result); row++)
		take_command(writer, result, row);
}

// Commands are an extra: that they cannot be read is no reason to stop writing reports.
static void on_read(struct writer *writer)
{
	struct commands_reading *reading = &writer->commands;
	const bool whole = reading->rows < ROWS_MAX;

	if (writer->query.failed && !reading->warned)
		log_warning("cannot read avld.commands, trying again every minute reason=\"%s\"",
			writer->query.failure.message);
	reading->warned = writer->query.failed;
	const uint64_t wanted_lsn =
		reading->sink->end(reading->sink->context, writer->query.failed ? -1
							   : whole              ? INT64_MAX
										: reading->last_id);
	reading->wanted_lsn = writer->query.failed ? 0 : wanted_lsn; /* in a minute then */
	writer_ready(writer);
}

void commands_read(struct writer *writer)
{
	struct commands_reading *reading = &writer->commands;

	reading->due = false;
	reading->wanted_lsn = 0;
	reading->was_last = true; /* however fast new commands come, reports get their turn */
	reading->rows = 0;
	reading->last_id = 0;
	write_query(writer, &writer->sql);
	reading->sink->begin(reading->sink->context, writer->lsn);
	writer_set_state(writer, WRITER_LEARNING);
	writer_query(writer, writer->sql.data, take_commands, on_read);
}
