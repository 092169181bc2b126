// SPDX-License-Identifier: MIT
// From journal entries to COPY BINARY rows. The order of the pgcopy_put_ calls is the order of the
// columns named beside them.
#include "writer/batch_rows.h"

#include <assert.h>

#define MOTION "altitude_m, speed_kmh, course_deg, satellites, hdop, "
#define TELEMETRY                                                                                  \
	"ignition, inputs, outputs, adc1, adc2, adc3, adc4, odometer_m, battery_percent, "         \
	"battery_v, power_v, gsm_percent, "

static const struct {
	const char *columns;
	unsigned count;
} kinds[ROWS_KINDS] = {
	[ROWS_POSITIONS] = {"device_id, fixed_at, received_at, device_time, time_source, event, "
			    "valid, latitude, longitude, " MOTION TELEMETRY
			    "driver, stored, extra, dedup",
		30},
	[ROWS_STATUSES] = {"device_id, reported_at, received_at, device_time, time_source, "
			   "event, " MOTION TELEMETRY "driver, stored, extra, dedup",
		27},
	[ROWS_ALARMS] = {"device_id, occurred_at, received_at, alarm, event, latitude, longitude, "
			 "speed_kmh, valid, stored, dedup",
		11},
	[ROWS_REJECTS] = {"received_at, peer, transport, protocol, ident, reason, frame", 7},
	[ROWS_CONNECTIONS] = {"opened_at, closed_at, peer, transport, protocol, ident, bytes, "
			      "frames, rejects, reason",
		10},
	[ROWS_ENDED] = {"device_id, peer", 2},
	[ROWS_STATE] = {device_state_columns, 0},
	[ROWS_UNKNOWN] = {"ident, protocol, peer, seen", 4},
	[ROWS_COMMANDS] = {"lsn, id, state, at, attempts, reason, reply", 7},
	[ROWS_MEDIA] = {"key, part, parts, device_id, taken_at, received_at, latitude, longitude, "
			"camera, content_type, complete, dedup, bytes",
		13},
};

const char *batch_rows_columns(enum rows_kind kind)
{
	return kinds[kind].columns;
}

void batch_rows_init(struct batch_rows *rows)
{
	*rows = (struct batch_rows){.latest = device_state_new()};
	batch_rows_clear(rows);
}

void batch_rows_done(struct batch_rows *rows)
{
	for (int i = 0; i < ROWS_KINDS; i++)
		pgcopy_done(&rows->copies[i]);
	device_state_free(rows->latest);
}

void batch_rows_clear(struct batch_rows *rows)
{
	for (int i = 0; i < ROWS_KINDS; i++)
		pgcopy_begin(&rows->copies[i]);
	device_state_clear(rows->latest);
}

size_t batch_rows_bytes(const struct batch_rows *rows)
{
	size_t bytes = 0;
	for (int i = 0; i < ROWS_KINDS; i++)
		bytes += rows->copies[i].len;
	return bytes;
}

// Begins a row with room for its fixed fields and `texts` bytes of text.
static uint8_t *begin(struct batch_rows *rows, enum rows_kind kind, size_t texts, uint64_t lsn)
{
	const unsigned count = kinds[kind].count;
	return pgcopy_row(&rows->copies[kind], count, count * PGCOPY_FIELD_MAX + texts, lsn);
}

static uint8_t *put_literal(uint8_t *out, const char *literal)
{
	return pgcopy_put_text_always(out, (struct text){literal, strlen(literal)});
}

static uint8_t *put_peer(uint8_t *out, const struct peer *peer)
{
	char text[PEER_TEXT_MAX];
	return put_literal(out, peer_text(peer, text));
}

// What the tracker sent as its time, where it is not the time we go by.
static uint8_t *put_device_time(
	uint8_t *out, const struct report_body *body, enum time_source source)
{
	if (source == TIME_DEVICE || !(body->has & HAS_TIME))
		return pgcopy_put_null(out);
	return pgcopy_put_time(out, body->device_time_us);
}

// A position if it carries coordinates, else a status: the same but for those.
static void add_position(struct batch_rows *rows, const struct entry *report, int64_t device_id,
	struct fixed_time fixed, uint64_t lsn)
{
	const struct report_body *body = &report->body;
	const bool has_fix = body->has & HAS_FIX;
	const enum rows_kind kind = has_fix ? ROWS_POSITIONS : ROWS_STATUSES;
	uint8_t *out = begin(
		rows, kind, 16 + report->event.len + report->driver.len + report->extra.len, lsn);

	out = pgcopy_put_int8(out, device_id);
	out = pgcopy_put_time(out, fixed.time_us);
	out = pgcopy_put_time(out, report->received_us);
	out = put_device_time(out, body, fixed.source);
	out = put_literal(out, report_time_source_name(fixed.source));
	out = pgcopy_put_text(out, report->event);
	if (has_fix) {
		out = pgcopy_put_bool(out, body->flags & FLAG_VALID);
		out = pgcopy_put_double(out, body->lat_e7 / 1e7);
		out = pgcopy_put_double(out, body->lon_e7 / 1e7);
	}
	out = pgcopy_put_motion(out, body);
	out = pgcopy_put_telemetry(out, body);
	out = pgcopy_put_text(out, report->driver);
	out = pgcopy_put_bool(out, body->flags & FLAG_STORED);
	out = pgcopy_put_members(out, report->extra);
	out = pgcopy_put_int8(out, (int64_t)body->dedup);
	pgcopy_row_end(&rows->copies[kind], out);
}

static void add_alarm(struct batch_rows *rows, const struct entry *report, int64_t device_id,
	struct fixed_time fixed, uint64_t lsn, enum alarm alarm)
{
	const struct report_body *body = &report->body;
	const bool has_fix = body->has & HAS_FIX;
	const char *name = report_alarm_name(alarm);
	uint8_t *out = begin(rows, ROWS_ALARMS, strlen(name) + report->event.len, lsn);

	out = pgcopy_put_int8(out, device_id);
	out = pgcopy_put_time(out, fixed.time_us);
	out = pgcopy_put_time(out, report->received_us);
	out = put_literal(out, name);
	out = pgcopy_put_text(out, report->event);
	out = has_fix ? pgcopy_put_double(out, body->lat_e7 / 1e7) : pgcopy_put_null(out);
	out = has_fix ? pgcopy_put_double(out, body->lon_e7 / 1e7) : pgcopy_put_null(out);
	out = body->has & HAS_SPEED ? pgcopy_put_real(out, (float)(body->speed_kmh_e2 / 1e2))
				    : pgcopy_put_null(out);
	out = has_fix ? pgcopy_put_bool(out, body->flags & FLAG_VALID) : pgcopy_put_null(out);
	out = pgcopy_put_bool(out, body->flags & FLAG_STORED);
	out = pgcopy_put_int8(out, (int64_t)body->dedup);
	pgcopy_row_end(&rows->copies[ROWS_ALARMS], out);
}

void batch_rows_add_report(struct batch_rows *rows, const struct entry *report, int64_t device_id,
	struct fixed_time fixed, uint64_t lsn, bool live)
{
	add_position(rows, report, device_id, fixed, lsn);
	for (unsigned alarm = 0; alarm < ALARM_COUNT && report->body.alarms >> alarm; alarm++)
		if (report->body.alarms >> alarm & 1)
			add_alarm(rows, report, device_id, fixed, lsn, (enum alarm)alarm);
	device_state_seen(rows->latest, device_id, report, live);
	device_state_report(rows->latest, device_id, report, fixed);
}

void batch_rows_add_repeat(
	struct batch_rows *rows, const struct entry *report, int64_t device_id, bool live)
{
	device_state_seen(rows->latest, device_id, report, live);
}

void batch_rows_add_connected(
	struct batch_rows *rows, const struct entry *entry, int64_t device_id, bool live)
{
	device_state_seen(rows->latest, device_id, entry, live);
}

void batch_rows_add_reject(
	struct batch_rows *rows, const struct entry *entry, struct text reason, uint64_t lsn)
{
	const size_t texts = PEER_TEXT_MAX + 16 + entry->protocol.len + entry->ident.len +
			     reason.len + entry->raw.len;
	uint8_t *out = begin(rows, ROWS_REJECTS, texts, lsn);

	out = pgcopy_put_time(out, entry->received_us);
	out = put_peer(out, &entry->peer);
	out = put_literal(out, peer_transport_name(entry->peer.transport));
	out = pgcopy_put_text(out, entry->protocol);
	out = pgcopy_put_text(out, entry->ident);
	out = pgcopy_put_text_always(out, reason);
	out = pgcopy_put_bytes(out, entry->raw);
	pgcopy_row_end(&rows->copies[ROWS_REJECTS], out);
}

void batch_rows_add_disconnected(struct batch_rows *rows, const struct entry *entry, uint64_t lsn)
{
	const size_t texts =
		PEER_TEXT_MAX + 16 + entry->protocol.len + entry->ident.len + entry->reason.len;
	uint8_t *out = begin(rows, ROWS_CONNECTIONS, texts, lsn);

	out = pgcopy_put_time(out, entry->traffic.opened_us);
	out = pgcopy_put_time(out, entry->received_us);
	out = put_peer(out, &entry->peer);
	out = put_literal(out, peer_transport_name(entry->peer.transport));
	out = pgcopy_put_text(out, entry->protocol);
	out = pgcopy_put_text(out, entry->ident);
	out = pgcopy_put_int8(out, (int64_t)entry->traffic.bytes);
	out = pgcopy_put_int8(out, entry->traffic.frames);
	out = pgcopy_put_int8(out, entry->traffic.rejects);
	out = pgcopy_put_text_always(out, entry->reason);
	pgcopy_row_end(&rows->copies[ROWS_CONNECTIONS], out);
}

void batch_rows_add_left(
	struct batch_rows *rows, const struct entry *entry, int64_t device_id, uint64_t lsn)
{
	if (device_state_disconnected(rows->latest, device_id, entry))
		return;
	uint8_t *out = begin(rows, ROWS_ENDED, PEER_TEXT_MAX, lsn);
	out = pgcopy_put_int8(out, device_id);
	out = put_peer(out, &entry->peer);
	pgcopy_row_end(&rows->copies[ROWS_ENDED], out);
}

void batch_rows_add_unknown(struct batch_rows *rows, const struct entry *entry, uint64_t lsn)
{
	const size_t texts = PEER_TEXT_MAX + entry->ident.len + entry->protocol.len;
	uint8_t *out = begin(rows, ROWS_UNKNOWN, texts, lsn);

	out = pgcopy_put_text_always(out, entry->ident);
	out = pgcopy_put_text(out, entry->protocol);
	out = put_peer(out, &entry->peer);
	out = pgcopy_put_time(out, entry->received_us);
	pgcopy_row_end(&rows->copies[ROWS_UNKNOWN], out);
}

void batch_rows_add_command(struct batch_rows *rows, const struct entry *entry, uint64_t lsn)
{
	const struct command_change *change = &entry->change;
	uint8_t *out = begin(rows, ROWS_COMMANDS, 16 + entry->reason.len + entry->extra.len, lsn);

	out = pgcopy_put_int8(out, (int64_t)lsn);
	out = pgcopy_put_int8(out, change->id);
	out = put_literal(out, entry_command_state_name((enum command_state)change->state));
	out = pgcopy_put_time(out, entry->received_us);
	out = pgcopy_put_int4(
		out, (int32_t)(change->attempts < INT32_MAX ? change->attempts : INT32_MAX));
	out = pgcopy_put_text(out, entry->reason);
	out = pgcopy_put_members(out, entry->extra);
	pgcopy_row_end(&rows->copies[ROWS_COMMANDS], out);
}

void batch_rows_add_media(
	struct batch_rows *rows, const struct entry *entry, int64_t device_id, uint64_t lsn)
{
	const struct media_piece *media = &entry->media;
	const bool has_fix = media->flags & MEDIA_FIX;
	uint8_t *out = begin(rows, ROWS_MEDIA, entry->reason.len + entry->raw.len, lsn);

	out = pgcopy_put_int8(out, (int64_t)media->key);
	out = pgcopy_put_int4(out, media->piece);
	out = pgcopy_put_int4(out, media->pieces);
	out = pgcopy_put_int8(out, device_id);
	out = pgcopy_put_time(out, media->taken_us);
	out = pgcopy_put_time(out, entry->received_us);
	out = has_fix ? pgcopy_put_double(out, media->lat_e7 / 1e7) : pgcopy_put_null(out);
	out = has_fix ? pgcopy_put_double(out, media->lon_e7 / 1e7) : pgcopy_put_null(out);
	out = media->camera >= 0 ? pgcopy_put_int2(out, media->camera) : pgcopy_put_null(out);
	out = pgcopy_put_text_always(out, entry->reason);
	out = pgcopy_put_bool(out, media->flags & MEDIA_COMPLETE);
	out = pgcopy_put_int8(out, (int64_t)media->dedup);
	out = pgcopy_put_bytes(out, entry->raw);
	pgcopy_row_end(&rows->copies[ROWS_MEDIA], out);
}

void batch_rows_finish(struct batch_rows *rows, const char *instance)
{
	device_state_write(rows->latest, instance, &rows->copies[ROWS_STATE]);
	for (int i = 0; i < ROWS_KINDS; i++)
		pgcopy_end(&rows->copies[i]);
}
