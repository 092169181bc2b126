// SPDX-License-Identifier: MIT
#include "writer/writer_commands.h"

#include "model/peer.h"
#include "util/address.h"
#include "util/log.h"
#include "writer/writer_link.h"
#include "writer/writer_states.h"

#include <ev.h>
#include <stdlib.h>
#include <string.h>

#define READ_S   60.
#define ROWS_MAX 10000 /* in one reading; the others once these have ended */

struct writer_commands {
	const struct command_sink *sink;
	ev_timer timer;
	bool due;
	uint64_t wanted_lsn; /* due once all below it is stored; 0: none */
	bool warned;
	unsigned rows; /* of this reading */
	int64_t last_id;
};

static void on_minute(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	struct writer *writer = timer->data;

	writer_commands_set_due(writer);
	writer_link_wake(writer);
}

void writer_commands_init(struct writer *writer)
{
	struct writer_commands *commands = calloc(1, sizeof(*commands));

	if (!commands)
		log_fatal("out of memory for=\"writer\"");
	writer->commands = commands;
	ev_timer_init(&commands->timer, on_minute, READ_S, READ_S);
	commands->timer.data = writer;
}

void writer_commands_set_sink(struct writer *writer, const struct command_sink *sink)
{
	writer->commands->sink = sink;
	ev_timer_start(writer->loop, &writer->commands->timer);
}

bool writer_commands_has_sink(const struct writer *writer)
{
	return writer->commands->sink != NULL;
}

void writer_commands_done(struct writer *writer)
{
	ev_timer_stop(writer->loop, &writer->commands->timer);
	free(writer->commands);
}

void writer_commands_set_due(struct writer *writer)
{
	writer->commands->due = writer->commands->sink != NULL;
}

bool writer_commands_due(const struct writer *writer)
{
	const struct writer_commands *commands = writer->commands;
	const bool due = commands->due || (commands->wanted_lsn && writer_states_lsn(writer) >=
									   commands->wanted_lsn);

	return due && writer->lsn >= journal_recovered(writer->journal);
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
	COLUMN_CORRELATION,
	COLUMN_ELSEWHERE,
	COLUMN_UDP_PEER,
	COLUMN_ARGS, /* each in the order of enum command_arg */
};

#define EPOCH_US(column) "(extract(epoch FROM " column ") * 1000000)::bigint, "

static void write_query(const struct writer *writer, struct writer_sql *sql)
{
	writer_sql_clear(sql);
	writer_sql_add(sql,
		"SELECT c.id, d.ident, c.command, c.state = 'sent', c.attempts, " EPOCH_US(
			"c.created_at") EPOCH_US("c.expires_at") EPOCH_US("c.sent_at")
			EPOCH_US("s.fixed_at") "round(s.speed_kmh * 100)::integer, c.correlation, "
					       "s.instance <> ");
	writer_sql_literal(sql, writer_link_conn(writer), writer->config->database.instance);
	writer_sql_add(sql, ", CASE WHEN s.transport = 'udp' THEN s.peer END");
	for (unsigned arg = 0; arg < COMMAND_ARGS; arg++)
		writer_sql_format(sql, ", c.args->>'%s'", command_arg_name((enum command_arg)arg));
	writer_sql_format(sql,
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

// Reads the address of "192.0.2.1:4711"; :: if it is NULL.
static void read_address(const char *peer, uint8_t address[16])
{
	struct sockaddr_storage at;
	socklen_t len;

	if (!address_parse(peer, &at, &len))
		return;
	const struct peer parsed = peer_of_sockaddr((const struct sockaddr *)&at, TRANSPORT_UDP);
	memcpy(address, parsed.address, sizeof(parsed.address));
}

static void read_command(struct writer *writer, const PGresult *result, int row)
{
	const struct command_sink *sink = writer->commands->sink;
	struct command_row command = {
		.id = number_at(result, row, COLUMN_ID, 0),
		.ident = text_at(result, row, COLUMN_IDENT),
		.name = text_at(result, row, COLUMN_NAME),
		.sent = *PQgetvalue(result, row, COLUMN_SENT) == 't',
		.attempts = (uint32_t)number_at(result, row, COLUMN_ATTEMPTS, 0),
		.created_us = number_at(result, row, COLUMN_CREATED, 0),
		.expires_us = number_at(result, row, COLUMN_EXPIRES, 0),
		.sent_us = number_at(result, row, COLUMN_SENT_AT, 0),
		.correlation = {!PQgetisnull(result, row, COLUMN_CORRELATION),
			(uint32_t)number_at(result, row, COLUMN_CORRELATION, 0)},
		.has_fix = !PQgetisnull(result, row, COLUMN_FIXED_AT),
		.fixed_us = number_at(result, row, COLUMN_FIXED_AT, 0),
		.speed_kmh_e2 = (int32_t)number_at(result, row, COLUMN_SPEED, -1),
		.elsewhere = *PQgetvalue(result, row, COLUMN_ELSEWHERE) == 't',
	};

	read_address(PQgetvalue(result, row, COLUMN_UDP_PEER), command.udp_address);
	for (int arg = 0; arg < COMMAND_ARGS; arg++)
		command.args[arg] = text_at(result, row, COLUMN_ARGS + arg);
	writer->commands->last_id = command.id;
	writer->commands->rows++;
	sink->row(sink->context, &command);
}

static void read_commands(struct writer *writer, PGresult *result)
{
	for (int row = 0; row < PQntuples(result); row++)
		read_command(writer, result, row);
}

// A failure to read commands does not stop the writing of reports.
static void on_read(struct writer *writer)
{
	struct writer_commands *commands = writer->commands;
	const struct writer_failure *failure = writer_link_failure(writer);
	const bool whole = commands->rows < ROWS_MAX;
	const int64_t up_to = failure ? -1 : whole ? INT64_MAX : commands->last_id;

	if (failure && !commands->warned)
		log_warning("cannot read avld.commands, retrying every minute reason=\"%s\"",
			failure->quoted);
	commands->warned = failure != NULL;
	const uint64_t wanted_lsn = commands->sink->end(commands->sink->context, up_to);
	commands->wanted_lsn = failure ? 0 : wanted_lsn;
	writer_link_ready(writer);
}

void writer_commands_run(struct writer *writer)
{
	struct writer_commands *commands = writer->commands;

	commands->due = false;
	commands->wanted_lsn = 0;
	commands->rows = 0;
	commands->last_id = 0;
	write_query(writer, &writer->sql);
	/* The rows have the fixes of device_state. */
	commands->sink->begin(commands->sink->context, writer_states_lsn(writer));
	writer_link_set_state(writer, WRITER_ASKING);
	writer_link_query(writer, writer->sql.data, read_commands, on_read);
}
