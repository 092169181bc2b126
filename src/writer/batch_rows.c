// SPDX-License-Identifier: MIT
// From journal entries to COPY BINARY rows. The order of the copy_put_ calls is the order of the
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
	[ROWS_STATE] = {latest_columns, 0},
	[ROWS_UNKNOWN] = {"ident, protocol, peer, seen", 4},
	[ROWS_COMMANDS] = {"lsn, id, state, at, attempts, reason, reply", 7},
	[ROWS_MEDIA] = {"key, part, parts, device_id, taken_at, received_at, latitude, longitude, "
			"camera, content_type, complete, dedup, bytes",
		13},
};

const char *rows_columns(enum rows_kind kind)
{
	return kinds[kind].columns;
}

void rows_init(struct rows *rows)
{
	*rows = (struct rows){.latest = latest_new()};
	rows_clear(rows);
}

void rows_done(struct rows *rows)
{
	for (int i = 0; i < ROWS_KINDS; i++)
		copy_done(&rows->copies[i]);
	latest_free(rows->latest);
}

void rows_clear(struct rows *rows)
{
	for (int i = 0; i < ROWS_KINDS; i++)
		copy_begin(&rows->copies[i]);
	latest_clear(rows->latest);
}

size_t rows_bytes(const struct rows *rows)
{
	size_t bytes = 0;
	for (int i = 0; i < ROWS_KINDS; i++)
		bytes += rows->copies[i].len;
	return bytes;
}

// Begins a row with room for its fixed fields and `texts` bytes of text.
static uint8_t *begin(struct rows *rows, enum rows_kind kind, size_t texts, uint64_t lsn)
{
	const unsigned count = kinds[kind].count;
	return copy_row(&rows->copies[kind], count, count * COPY_FIELD_MAX + texts, lsn);
}

static uint8_t *put_literal(uint8_t *out, const char *literal)
{
	return copy_put_text_always(out, (struct text){literal, strlen(literal)});
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
		return copy_put_null(out);
	return copy_put_time(out, body->device_time_us);
}

// A position if it carries coordinates, else a status: the same but for those.
static void add_position(struct rows *rows, const struct entry *report, int64_t device_id,
	struct fixed_time fixed, uint64_t lsn)
{
	const struct report_body *body = &report->body;
	const bool has_fix = body->has & HAS_FIX;
	const enum rows_kind kind = has_fix ? ROWS_POSITIONS : ROWS_STATUSES;
	uint8_t *out = begin(
		rows, kind, 16 + report->event.len + report->driver.len + report->extra.len, lsn);

	out = copy_put_int8(out, device_id);
	out = copy_put_time(out, fixed.time_us);
	out = copy_put_time(out, report->received_us);
	out = put_device_time(out, body, fixed.source);
	out = put_literal(out, time_source_name(fixed.source));
	out = copy_put_text(out, report->event);
	if (has_fix) {
		out = copy_put_bool(out, body->flags & FLAG_VALID);
		out = copy_put_double(out, body->lat_e7 / 1e7);
		out = copy_put_double(out, body->lon_e7 / 1e7);
	}
	out = copy_put_motion(out, body);
	out = copy_put_telemetry(out, body);
	out = copy_put_text(out, report->driver);
	out = copy_put_bool(out, body->flags & FLAG_STORED);
	out = copy_put_members(out, report->extra);
	out = copy_put_int8(out, (int64_t)body->dedup);
	copy_row_end(&rows->copies[kind], out);
}

static void add_alarm(struct rows *rows, const struct entry *report, int64_t device_id,
	struct fixed_time fixed, uint64_t lsn, enum alarm alarm)
{
	const struct report_body *body = &report->body;
	const bool has_fix = body->has & HAS_FIX;
	const char *name = alarm_name(alarm);
	uint8_t *out = begin(rows, ROWS_ALARMS, strlen(name) + report->event.len, lsn);

	out = copy_put_int8(out, device_id);
	out = copy_put_time(out, fixed.time_us);
	out = copy_put_time(out, report->received_us);
	out = put_literal(out, name);
	out = copy_put_text(out, report->event);
	out = has_fix ? copy_put_double(out, body->lat_e7 / 1e7) : copy_put_null(out);
	out = has_fix ? copy_put_double(out, body->lon_e7 / 1e7) : copy_put_null(out);
	out = body->has & HAS_SPEED ? copy_put_real(out, (float)(body->speed_kmh_e2 / 1e2))
				    : copy_put_null(out);
	out = has_fix ? copy_put_bool(out, body->flags & FLAG_VALID) : copy_put_null(out);
	out = copy_put_bool(out, body->flags & FLAG_STORED);
	out = copy_put_int8(out, (int64_t)body->dedup);
	copy_row_end(&rows->copies[ROWS_ALARMS], out);
}

void rows_add_report(struct rows *rows, const struct entry *report, int64_t device_id,
	struct fixed_time fixed, uint64_t lsn, bool live)
{
	add_position(rows, report, device_id, fixed, lsn);
	for (unsigned alarm = 0; alarm < ALARM_COUNT && report->body.alarms >> alarm; alarm++)
		if (report->body.alarms >> alarm & 1)
			add_alarm(rows, report, device_id, fixed, lsn, (enum alarm)alarm);
	latest_seen(rows->latest, device_id, report, live);
	latest_report(rows->latest, device_id, report, fixed);
}

void rows_add_repeat(struct rows *rows, const struct entry *report, int64_t device_id, bool live)
{
	latest_seen(rows->latest, device_id, report, live);
}

void rows_add_connected(struct rows *rows, const struct entry *entry, int64_t device_id, bool live)
{
	latest_seen(rows->latest, device_id, entry, live);
}

void rows_add_reject(struct rows *rows, const struct entry *entry, struct text reason, uint64_t lsn)
{
	const size_t texts = PEER_TEXT_MAX + 16 + entry->protocol.len + entry->ident.len +
			     reason.len + entry->raw.len;
	uint8_t *out = begin(rows, ROWS_REJECTS, texts, lsn);

	out = copy_put_time(out, entry->received_us);
	out = put_peer(out, &entry->peer);
	out = put_literal(out, transport_name(entry->peer.transport));
	out = copy_put_text(out, entry->protocol);
	out = copy_put_text(out, entry->ident);
	out = copy_put_text_always(out, reason);
	out = copy_put_bytes(out, entry->raw);
	copy_row_end(&rows->copies[ROWS_REJECTS], out);
}

void rows_add_disconnected(struct rows *rows, const struct entry *entry, uint64_t lsn)
{
	const size_t texts =
		PEER_TEXT_MAX + 16 + entry->protocol.len + entry->ident.len + entry->reason.len;
	uint8_t *out = begin(rows, ROWS_CONNECTIONS, texts, lsn);

	out = copy_put_time(out, entry->traffic.opened_us);
	out = copy_put_time(out, entry->received_us);
	out = put_peer(out, &entry->peer);
	out = put_literal(out, transport_name(entry->peer.transport));
	out = copy_put_text(out, entry->protocol);
	out = copy_put_text(out, entry->ident);
	out = copy_put_int8(out, (int64_t)entry->traffic.bytes);
	out = copy_put_int8(out, entry->traffic.frames);
	out = copy_put_int8(out, entry->traffic.rejects);
	out = copy_put_text_always(out, entry->reason);
	copy_row_end(&rows->copies[ROWS_CONNECTIONS], out);
}

void rows_add_left(struct rows *rows, const struct entry *entry, int64_t device_id, uint64_t lsn)
{
	if (latest_disconnected(rows->latest, device_id, entry))
		return;
	uint8_t *out = begin(rows, ROWS_ENDED, PEER_TEXT_MAX, lsn);
	out = copy_put_int8(out, device_id);
	out = put_peer(out, &entry->peer);
	copy_row_end(&rows->copies[ROWS_ENDED], out);
}

void rows_add_unknown(struct rows *rows, const struct entry *entry, uint64_t lsn)
{
	const size_t texts = PEER_TEXT_MAX + entry->ident.len + entry->protocol.len;
	uint8_t *out = begin(rows, ROWS_UNKNOWN, texts, lsn);

	out = copy_put_text_always(out, entry->ident);
	out = copy_put_text(out, entry->protocol);
	out = put_peer(out, &entry->peer);
	out = copy_put_time(out, entry->received_us);
	copy_row_end(&rows->copies[ROWS_UNKNOWN], out);
}

void rows_add_command(struct rows *rows, const struct entry *entry, uint64_t lsn)
{
	const struct command_change *change = &entry->change;
	uint8_t *out = begin(rows, ROWS_COMMANDS, 16 + entry->reason.len + entry->extra.len, lsn);

	out = copy_put_int8(out, (int64_t)lsn);
	out = copy_put_int8(out, change->id);
	out = put_literal(out, command_state_name((enum command_state)change->state));
	out = copy_put_time(out, entry->received_us);
	out = copy_put_int4(
		out, (int32_t)(change->attempts < INT32_MAX ? change->attempts : INT32_MAX));
	out = copy_put_text(out, entry->reason);
	out = copy_put_members(out, entry->extra);
	copy_row_end(&rows->copies[ROWS_COMMANDS], out);
}

void rows_add_media(struct rows *rows, const struct entry *entry, int64_t device_id, uint64_t lsn)
{
	const struct media_piece *media = &entry->media;
	const bool has_fix = media->flags & MEDIA_FIX;
	uint8_t *out = begin(rows, ROWS_MEDIA, entry->reason.len + entry->raw.len, lsn);

	out = copy_put_int8(out, (int64_t)media->key);
	out = copy_put_int4(out, media->piece);
	out = copy_put_int4(out, media->pieces);
	out = copy_put_int8(out, device_id);
	out = copy_put_time(out, media->taken_us);
	out = copy_put_time(out, entry->received_us);
	out = has_fix ? copy_put_double(out, media->lat_e7 / 1e7) : copy_put_null(out);
	out = has_fix ? copy_put_double(out, media->lon_e7 / 1e7) : copy_put_null(out);
	out = media->camera >= 0 ? copy_put_int2(out, media->camera) : copy_put_null(out);
	out = copy_put_text_always(out, entry->reason);
	out = copy_put_bool(out, media->flags & MEDIA_COMPLETE);
	out = copy_put_int8(out, (int64_t)media->dedup);
	out = copy_put_bytes(out, entry->raw);
	copy_row_end(&rows->copies[ROWS_MEDIA], out);
}

void rows_finish(struct rows *rows, const char *instance)
{
	latest_write(rows->latest, instance, &rows->copies[ROWS_STATE]);
	for (int i = 0; i < ROWS_KINDS; i++)
		copy_end(&rows->copies[i]);
}
