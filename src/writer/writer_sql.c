// SPDX-License-Identifier: MIT
// Query strings have several statements and no BEGIN: each is one implicit transaction.
#include "writer/writer_sql.h"

#include "util/calendar.h"
#include "util/log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void reserve(struct writer_sql *sql, size_t more)
{
	if (sql->cap - sql->len > more)
		return;
	size_t cap = sql->cap ? sql->cap : 4096;
	while (cap - sql->len <= more)
		cap *= 2;
	char *grown = realloc(sql->data, cap);
	if (!grown)
		log_fatal("out of memory for=\"SQL\"");
	sql->data = grown;
	sql->cap = cap;
}

void writer_sql_clear(struct writer_sql *sql)
{
	reserve(sql, 0);
	sql->len = 0;
	sql->data[0] = '\0';
}

void writer_sql_add(struct writer_sql *sql, const char *text)
{
	const size_t len = strlen(text);
	reserve(sql, len);
	memcpy(sql->data + sql->len, text, len + 1);
	sql->len += len;
}

void writer_sql_format(struct writer_sql *sql, const char *format, ...)
{
	char text[512];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	writer_sql_add(sql, text);
}

void writer_sql_literal(struct writer_sql *sql, PGconn *conn, const char *text)
{
	char *quoted = PQescapeLiteral(conn, text, strlen(text));
	if (!quoted)
		log_fatal("out of memory for=\"SQL\"");
	writer_sql_add(sql, quoted);
	PQfreemem(quoted);
}

void writer_sql_date(struct writer_sql *sql, int64_t day)
{
	const struct calendar date = calendar_of(day * INT64_C(86400000000));

	writer_sql_format(sql, "'%04" PRId64 "-%02d-%02d'", date.year, date.month, date.day);
}

void writer_sql_done(struct writer_sql *sql)
{
	free(sql->data);
}

// The target of each kind's rows: directly, or through a stage that leaves out stored rows.
static const struct {
	const char *table; /* schema-qualified */
	const char *name;  /* as an error's context names it */
	const char *stage; /* NULL: the kind has no duplicates */
	const char *order; /* of the rows that are copied from the stage */
	const char *after; /* statements that use the rows */
} targets[ROWS_KINDS] = {
	[ROWS_POSITIONS] = {"avld.positions", "positions", "avld_positions",
		"device_id, fixed_at, dedup", NULL},
	[ROWS_STATUSES] = {"avld.statuses", "statuses", "avld_statuses",
		"device_id, reported_at, dedup", NULL},
	[ROWS_ALARMS] = {"avld.alarms", "alarms", "avld_alarms",
		"device_id, occurred_at, alarm, dedup", NULL},
	[ROWS_REJECTS] = {"avld.rejects", "rejects", NULL, NULL, NULL},
	[ROWS_CONNECTIONS] = {"avld.connections", "connections", NULL, NULL, NULL},
	[ROWS_ENDED] = {"pg_temp.avld_ended", "avld_ended", NULL, NULL,
		"EXECUTE avld_keep_ended;\n"},
	[ROWS_STATE] = {"pg_temp.avld_state", "avld_state", NULL, NULL,
		"EXECUTE avld_keep_state;\n"},
	[ROWS_OTHER] = {"pg_temp.avld_other", "avld_other", NULL, NULL,
		"EXECUTE avld_keep_other;\n"},
	[ROWS_UNKNOWN] = {"pg_temp.avld_unknown", "avld_unknown", NULL, NULL,
		"EXECUTE avld_keep_unknown; TRUNCATE pg_temp.avld_unknown;\n"},
	[ROWS_COMMANDS] = {"pg_temp.avld_commands", "avld_commands", NULL, NULL,
		"EXECUTE avld_keep_commands; TRUNCATE pg_temp.avld_commands;\n"},
	[ROWS_MEDIA] = {"pg_temp.avld_media", "avld_media", NULL, NULL,
		"EXECUTE avld_keep_media_parts; TRUNCATE pg_temp.avld_media; "
		"EXECUTE avld_keep_media; EXECUTE avld_forget_media;\n"},
};

enum rows_kind writer_sql_kind(const char *relation)
{
	for (unsigned kind = 0; kind < ROWS_KINDS; kind++)
		if (!strcmp(relation, targets[kind].name) ||
			(targets[kind].stage && !strcmp(relation, targets[kind].stage)))
			return (enum rows_kind)kind;
	return ROWS_KINDS;
}

// avld_state is written in each batch, avld_ended and avld_other in many: ON COMMIT DELETE ROWS empties them at almost no cost as long as
// they have neither index nor TOAST table, hence varchar(n). The others are used rarely and truncated by the statement
// that uses them.
static const char session_tables[] =
	"CREATE TEMP TABLE avld_state (device_id bigint, last_seen timestamptz, "
	"protocol varchar(32), transport varchar(8), peer varchar(56), connected boolean, "
	"instance varchar(64), fixed_at timestamptz, latitude double precision, "
	"longitude double precision, altitude_m real, speed_kmh real, course_deg real, "
	"satellites smallint, hdop real, telemetry_at timestamptz, event varchar(32), "
	"ignition boolean, inputs integer, outputs integer, adc1 integer, adc2 integer, "
	"adc3 integer, adc4 integer, odometer_m bigint, battery_percent smallint, "
	"battery_v real, power_v real, gsm_percent smallint, "
	"driver varchar(64)) ON COMMIT DELETE ROWS;\n"
	"CREATE TEMP TABLE avld_ended (device_id bigint, "
	"peer varchar(56)) ON COMMIT DELETE ROWS;\n"
	"CREATE TEMP TABLE avld_other (device_id bigint, peer varchar(56), "
	"seen timestamptz) ON COMMIT DELETE ROWS;\n"
	"CREATE TEMP TABLE avld_unknown (ident text, protocol text, peer text, "
	"seen timestamptz);\n"
	"CREATE TEMP TABLE avld_commands (lsn bigint, id bigint, state text, at timestamptz, "
	"attempts integer, reason text, reply jsonb);\n";

// At most UNKNOWN_ROWS rows: beyond that a new ident takes the row of one that was heard once, the oldest first, then of
// others.
#define UNKNOWN_ROWS "10000"
static const char keep_unknown[] =
	"PREPARE avld_keep_unknown AS WITH heard AS MATERIALIZED ("
	"SELECT ident, (array_agg(protocol ORDER BY seen DESC))[1] AS protocol, "
	"(array_agg(peer ORDER BY seen DESC))[1] AS peer, min(seen) AS first_seen, "
	"max(seen) AS last_seen, count(*) AS count FROM pg_temp.avld_unknown GROUP BY ident), "
	"room AS MATERIALIZED (SELECT greatest(0, " UNKNOWN_ROWS " - count(*)) AS n "
	"FROM avld.unknown_devices), "
	"beyond AS MATERIALIZED (SELECT * FROM (SELECT h.*, row_number() OVER (ORDER BY "
	"h.last_seen DESC, "
	"h.ident) - room.n AS n FROM heard h, room WHERE NOT EXISTS (SELECT FROM "
	"avld.unknown_devices u WHERE u.ident = h.ident)) f WHERE n > 0), "
	"victims AS MATERIALIZED (SELECT u.ident, row_number() OVER (ORDER BY u.count > 1, "
	"u.last_seen) AS n "
	"FROM avld.unknown_devices u WHERE NOT EXISTS (SELECT FROM heard h WHERE h.ident = "
	"u.ident) ORDER BY u.count > 1, u.last_seen LIMIT (SELECT count(*) FROM beyond)), "
	"replaced AS (UPDATE avld.unknown_devices u SET ident = b.ident, protocol = b.protocol, "
	"peer = b.peer, first_seen = b.first_seen, last_seen = b.last_seen, count = b.count "
	"FROM beyond b JOIN victims v USING (n) WHERE u.ident = v.ident) "
	"INSERT INTO avld.unknown_devices AS u "
	"(ident, protocol, peer, first_seen, last_seen, count) "
	"SELECT ident, protocol, peer, first_seen, last_seen, count FROM heard "
	"WHERE ident NOT IN (SELECT ident FROM beyond) ORDER BY ident "
	"ON CONFLICT (ident) DO UPDATE SET protocol = coalesce(EXCLUDED.protocol, u.protocol), "
	"peer = EXCLUDED.peer, first_seen = least(u.first_seen, EXCLUDED.first_seen), "
	"last_seen = greatest(u.last_seen, EXCLUDED.last_seen), count = u.count + "
	"EXCLUDED.count;\n";

// The newest change of each command counts; the time of sending is in an older one. "reply" has the JSON members of the
// entry: the text of a reply, or the correlation of a command just sent. A command that has ended (confirmed,
// or withdrawn by an operator while it was being sent) stays ended, but its sent_at and attempts are updated.
#define OPEN "c.state IN ('queued', 'sent')"
static const char keep_commands[] =
	"PREPARE avld_keep_commands AS UPDATE avld.commands c SET "
	"state = CASE WHEN " OPEN " THEN s.state ELSE c.state END, "
	"reason = CASE WHEN " OPEN " THEN s.reason ELSE c.reason END, "
	"reply = CASE WHEN " OPEN " THEN coalesce(s.reply->>'text', c.reply) ELSE c.reply END, "
	"ended_at = CASE WHEN " OPEN " AND s.state NOT IN ('queued', 'sent') THEN s.at ELSE "
	"c.ended_at END, "
	"sent_at = greatest(c.sent_at, s.sent_at), attempts = greatest(c.attempts, s.attempts), "
	"correlation = CASE s.state WHEN 'sent' THEN (s.reply->>'correlation')::bigint ELSE "
	"c.correlation END "
	"FROM (SELECT DISTINCT ON (id) id, state, at, attempts, reason, reply, "
	"max(at) FILTER (WHERE state = 'sent') OVER (PARTITION BY id) AS sent_at "
	"FROM pg_temp.avld_commands ORDER BY id, lsn DESC) s "
	"WHERE c.id = s.id;\n";

// A photo becomes a row with its last piece. A photo that was fetched twice is one row, the complete one if either is.
// Pieces that are still incomplete after a month are deleted: the others were lost with a journal.
#define MEDIA                                                                                      \
	"device_id, taken_at, received_at, latitude, longitude, camera, content_type, complete, "  \
	"dedup"
static const char keep_media[] =
	"PREPARE avld_keep_media_parts AS INSERT INTO avld.media_parts "
	"(key, part, parts, " MEDIA ", bytes) SELECT key, part, parts, " MEDIA ", bytes "
	"FROM pg_temp.avld_media ON CONFLICT DO NOTHING;\n"
	"PREPARE avld_keep_media AS WITH whole AS (SELECT key FROM avld.media_parts "
	"GROUP BY key HAVING count(*) = max(parts)), "
	"pieces AS (DELETE FROM avld.media_parts p USING whole w WHERE p.key = w.key RETURNING "
	"p.*), "
	"media AS (SELECT " MEDIA ", string_agg(bytes, '' ORDER BY part) AS bytes FROM pieces "
	"GROUP BY key, " MEDIA ") "
	"INSERT INTO avld.media AS m (" MEDIA ", bytes) "
	"SELECT DISTINCT ON (device_id, taken_at, dedup) " MEDIA ", bytes FROM media "
	"ORDER BY device_id, taken_at, dedup, complete DESC, length(bytes) DESC "
	"ON CONFLICT (device_id, taken_at, dedup) DO UPDATE SET received_at = "
	"EXCLUDED.received_at, complete = EXCLUDED.complete, bytes = EXCLUDED.bytes "
	"WHERE NOT m.complete AND (EXCLUDED.complete OR length(EXCLUDED.bytes) > "
	"length(m.bytes));\n"
	"PREPARE avld_forget_media AS DELETE FROM avld.media_parts "
	"WHERE stored_at < now() - interval '30 days';\n";

// Runs before keep_state, so that a datagram of the same batch can replace the peer. The end of a refused connection changes
// nothing: its peer is no device's. Locks the rows in the order of keep_state.
static const char keep_ended[] =
	"PREPARE avld_keep_ended AS UPDATE avld.device_state s SET connected = false "
	"FROM (SELECT t.device_id FROM avld.device_state t JOIN pg_temp.avld_ended e "
	"ON t.device_id = e.device_id AND t.peer = e.peer WHERE t.connected AND t.transport = "
	"'tcp' "
	"ORDER BY t.device_id FOR UPDATE OF t) o WHERE s.device_id = o.device_id;\n";

// Devices heard from two peers at once.
static const char keep_other[] =
	"PREPARE avld_keep_other AS UPDATE avld.device_state s SET other_peer = o.peer, "
	"other_peer_at = o.seen, two_peers_at = o.seen "
	"FROM (SELECT e.device_id, e.peer, e.seen FROM avld.device_state t "
	"JOIN pg_temp.avld_other e ON t.device_id = e.device_id "
	"ORDER BY t.device_id FOR UPDATE OF t) o WHERE s.device_id = o.device_id;\n";

// The device is connected to another instance by now: what this one saw before that, and writes only now, does not count.
#define ELSEWHERE                                                                                  \
	"s.connected AND s.instance <> EXCLUDED.instance AND EXCLUDED.last_seen < s.last_seen"

// The peer is that of a certain connection; else of the newest frame, unless a connection is open.
#define MOVED                                                                                      \
	"((EXCLUDED.instance IS NOT NULL AND (" ELSEWHERE ") IS NOT TRUE) OR "                     \
	"(EXCLUDED.last_seen >= s.last_seen AND NOT s.connected))"

// Two UDP senders whose frames are in different batches: the one before is kept, and if it sends again within 10 minutes,
// both send at once.
#define OTHER                                                                                      \
	"s.peer <> EXCLUDED.peer AND s.transport = 'udp' AND EXCLUDED.transport = 'udp' AND "      \
	"(" MOVED ")"

// Ordered by device, so that two instances lock the rows in the same order. Citus wants immutable functions here: the difference of
// two times is one, a time less an interval is not.
static const char keep_state_begin[] =
	" ORDER BY device_id ON CONFLICT (device_id) DO UPDATE SET "
	"last_seen = greatest(s.last_seen, EXCLUDED.last_seen), "
	"protocol = CASE WHEN EXCLUDED.last_seen >= s.last_seen THEN coalesce(EXCLUDED.protocol, "
	"s.protocol) "
	"ELSE s.protocol END, "
	"transport = CASE WHEN " MOVED " THEN EXCLUDED.transport ELSE s.transport END, "
	"peer = CASE WHEN " MOVED " THEN EXCLUDED.peer ELSE s.peer END, "
	"connected = CASE WHEN " ELSEWHERE " THEN true WHEN EXCLUDED.instance IS NOT NULL THEN "
	"EXCLUDED.connected ELSE s.connected AND "
	"(EXCLUDED.transport = 'udp' OR s.peer IS DISTINCT FROM EXCLUDED.peer) END, "
	"instance = CASE WHEN " ELSEWHERE " THEN s.instance ELSE coalesce(EXCLUDED.instance, "
	"s.instance) END, "
	"other_peer = CASE WHEN " OTHER " THEN s.peer ELSE s.other_peer END, "
	"other_peer_at = CASE WHEN " OTHER " THEN s.last_seen ELSE s.other_peer_at END, "
	"two_peers_at = CASE WHEN " OTHER " AND EXCLUDED.peer = s.other_peer AND "
	"EXCLUDED.last_seen - s.other_peer_at < interval '10 min' THEN EXCLUDED.last_seen ELSE "
	"s.two_peers_at END";

// A newer fix replaces the older one as a whole.
static const char *const fix_columns[] = {"fixed_at", "latitude", "longitude", "altitude_m",
	"speed_kmh", "course_deg", "satellites", "hdop"};
// Newer telemetry replaces the values it has; older telemetry fills in missing ones.
static const char *const telemetry_columns[] = {"event", "ignition", "inputs", "outputs", "adc1",
	"adc2", "adc3", "adc4", "odometer_m", "battery_percent", "battery_v", "power_v",
	"gsm_percent", "driver"};

static void add_keep_state(struct writer_sql *sql)
{
	writer_sql_add(sql, "PREPARE avld_keep_state AS INSERT INTO avld.device_state AS s (");
	writer_sql_add(sql, batch_rows_columns(ROWS_STATE));
	writer_sql_add(sql, ") SELECT ");
	writer_sql_add(sql, batch_rows_columns(ROWS_STATE));
	writer_sql_add(sql, " FROM pg_temp.avld_state");
	writer_sql_add(sql, keep_state_begin);
	for (size_t i = 0; i < sizeof(fix_columns) / sizeof(fix_columns[0]); i++)
		writer_sql_format(sql,
			", %s = CASE WHEN s.fixed_at IS NULL OR EXCLUDED.fixed_at >= s.fixed_at "
			"THEN EXCLUDED.%s ELSE s.%s END",
			fix_columns[i], fix_columns[i], fix_columns[i]);
	for (size_t i = 0; i < sizeof(telemetry_columns) / sizeof(telemetry_columns[0]); i++) {
		const char *name = telemetry_columns[i];
		writer_sql_format(sql,
			", %s = CASE WHEN s.telemetry_at IS NULL OR EXCLUDED.telemetry_at >= "
			"s.telemetry_at "
			"THEN coalesce(EXCLUDED.%s, s.%s) ELSE coalesce(s.%s, EXCLUDED.%s) END",
			name, name, name, name, name);
	}
	writer_sql_add(sql, ", telemetry_at = greatest(s.telemetry_at, EXCLUDED.telemetry_at);\n");
}

// Adds a temporary table with the columns that avld fills, of the types in avld's table. A column that the owner has added would be
// NOT NULL here, too, but without its default.
static void add_stage(
	struct writer_sql *sql, enum rows_kind kind, const char *stage, const char *table)
{
	writer_sql_format(sql, "CREATE TEMP TABLE %s AS SELECT ", stage);
	writer_sql_add(sql, batch_rows_columns(kind));
	writer_sql_format(sql, " FROM %s WITH NO DATA;\n", table);
}

void writer_sql_session(struct writer_sql *sql)
{
	writer_sql_clear(sql);
	writer_sql_add(sql, session_tables);
	add_stage(sql, ROWS_MEDIA, targets[ROWS_MEDIA].name, "avld.media_parts");
	for (unsigned kind = 0; kind < ROWS_KINDS; kind++)
		if (targets[kind].stage)
			add_stage(sql, (enum rows_kind)kind, targets[kind].stage,
				targets[kind].table);
	writer_sql_add(sql, keep_unknown);
	writer_sql_add(sql, keep_commands);
	writer_sql_add(sql, keep_media);
	writer_sql_add(sql, keep_ended);
	writer_sql_add(sql, keep_other);
	add_keep_state(sql);
}

static void add_copy(
	struct writer_sql *sql, enum rows_kind kind, const char *schema, const char *table)
{
	writer_sql_add(sql, "COPY ");
	writer_sql_add(sql, schema);
	writer_sql_add(sql, table);
	writer_sql_add(sql, " (");
	writer_sql_add(sql, batch_rows_columns(kind));
	writer_sql_add(sql, ") FROM STDIN (FORMAT binary);\n");
}

// Notifies each stored row when the batch commits. Two notifications of a transaction with equal texts would be one: the
// primary key makes them different. A text of 8000 bytes or more, and a full queue, would fail the batch: the texts are
// bounded here, and half the queue is left to others. PostgreSQL asks for the queue once, not for each row.
static const char notify_stored[] =
	" RETURNING CASE WHEN (SELECT pg_notification_queue_usage() < 0.5) THEN "
	"pg_notify('avld_alarms', json_build_object("
	"'ident', (SELECT left(d.ident, 64) FROM avld.devices d WHERE d.id = alarms.device_id), "
	"'alarm', alarms.alarm, 'event', left(alarms.event, 64), "
	"'occurred_at', alarms.occurred_at, 'received_at', alarms.received_at, "
	"'latitude', alarms.latitude, 'longitude', alarms.longitude, "
	"'speed_kmh', alarms.speed_kmh, 'valid', alarms.valid, 'stored', alarms.stored, "
	"'device_id', alarms.device_id, 'dedup', alarms.dedup::text)::text) IS NOT NULL "
	"ELSE false END";

// Without RETURNING, Citus's command tag also counts the rows that were stored already.
static void add_from_stage(
	struct writer_sql *sql, enum rows_kind kind, const struct writer_sql_batch *batch)
{
	writer_sql_add(sql, "INSERT INTO ");
	writer_sql_add(sql, targets[kind].table);
	writer_sql_add(sql, " (");
	writer_sql_add(sql, batch_rows_columns(kind));
	writer_sql_add(sql, ") SELECT ");
	writer_sql_add(sql, batch_rows_columns(kind));
	writer_sql_format(sql, " FROM pg_temp.%s ORDER BY %s ON CONFLICT DO NOTHING",
		targets[kind].stage, targets[kind].order);
	if (batch->notify && kind == ROWS_ALARMS)
		writer_sql_add(sql, notify_stored);
	else if (batch->on_citus)
		writer_sql_add(sql, " RETURNING NULL");
	writer_sql_format(sql, "; TRUNCATE pg_temp.%s;\n", targets[kind].stage);
}

bool writer_sql_is_staged(const struct writer_sql_batch *batch, enum rows_kind kind)
{
	return targets[kind].stage && (batch->staged || (batch->notify && kind == ROWS_ALARMS));
}

size_t writer_sql_batch(struct writer_sql *sql, PGconn *conn, const struct writer_sql_batch *batch,
	const struct batch_rows *rows, enum rows_kind order[ROWS_KINDS])
{
	size_t count = 0;

	writer_sql_clear(sql);
	writer_sql_format(sql,
		"WITH u AS (UPDATE avld.checkpoint SET lsn = %" PRIu64 ", state_lsn = %" PRIu64
		", updated_at = now() WHERE instance = ",
		batch->new_lsn, batch->state_lsn);
	writer_sql_literal(sql, conn, batch->instance);
	writer_sql_format(sql,
		" AND journal = '%s' AND lsn = %" PRIu64
		" RETURNING 1) SELECT 1 / count(*) FROM u;\n",
		batch->journal, batch->old_lsn);
	for (unsigned k = 0; k < ROWS_KINDS; k++) {
		const enum rows_kind kind = (enum rows_kind)k;
		if (!rows->copies[kind].rows)
			continue;
		order[count++] = kind;
		if (writer_sql_is_staged(batch, kind)) {
			add_copy(sql, kind, "pg_temp.", targets[kind].stage);
			add_from_stage(sql, kind, batch);
			continue;
		}
		add_copy(sql, kind, "", targets[kind].table);
		if (targets[kind].after)
			writer_sql_add(sql, targets[kind].after);
	}
	return count;
}
