// SPDX-License-Identifier: MIT
// A row is written through a plain pointer into memory reserved for it (rows_copy.h). The order of the put_ calls is the order
// of the columns in `kinds`.
#include "writer/batch_rows.h"

#include "writer/rows_put.h"

#include <string.h>

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
	[ROWS_STATE] = {"device_id, last_seen, protocol, transport, peer, connected, instance, "
			"fixed_at, latitude, longitude, " MOTION "telemetry_at, event, " TELEMETRY
			"driver",
		30},
	[ROWS_OTHER] = {"device_id, peer, seen", 3},
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

// ---- fields

static uint8_t *put_e2(uint8_t *out, bool present, double e2)
{
	return present ? rows_put_real(out, (float)(e2 / 1e2)) : rows_put_null(out);
}

static uint8_t *put_milli(uint8_t *out, bool present, double milli)
{
	return present ? rows_put_real(out, (float)(milli / 1e3)) : rows_put_null(out);
}

static uint8_t *put_optional_int2(uint8_t *out, bool present, uint8_t value)
{
	return present ? rows_put_int2(out, value) : rows_put_null(out);
}

static uint8_t *put_optional_int4(uint8_t *out, bool present, int32_t value)
{
	return present ? rows_put_int4(out, value) : rows_put_null(out);
}

// Writes altitude_m, speed_kmh, course_deg, satellites, hdop; absent ones as NULL.
static uint8_t *put_body_motion(uint8_t *out, const struct report_body *body)
{
	const uint32_t has = body->has;

	out = put_e2(out, has & HAS_ALTITUDE, body->altitude_m_e2);
	out = put_e2(out, has & HAS_SPEED, body->speed_kmh_e2);
	out = put_e2(out, has & HAS_COURSE, body->course_deg_e2);
	out = put_optional_int2(out, has & HAS_SATELLITES, body->satellites);
	return put_e2(out, has & HAS_HDOP, body->hdop_e2);
}

// Writes ignition, inputs, outputs, adc1..adc4, odometer_m, battery_percent, battery_v, power_v, gsm_percent; absent ones as NULL.
static uint8_t *put_body_telemetry(uint8_t *out, const struct report_body *body)
{
	const uint32_t has = body->has;

	out = has & HAS_IGNITION ? rows_put_bool(out, body->flags & FLAG_IGNITION)
				 : rows_put_null(out);
	out = put_optional_int4(out, has & HAS_INPUTS, (int32_t)body->inputs);
	out = put_optional_int4(out, has & HAS_OUTPUTS, (int32_t)body->outputs);
	for (unsigned i = 0; i < 4; i++)
		out = put_optional_int4(out, has & (uint32_t)HAS_ADC1 << i, body->adc[i]);
	out = has & HAS_ODOMETER ? rows_put_int8(out, body->odometer_m) : rows_put_null(out);
	out = put_optional_int2(out, has & HAS_BATTERY_PERCENT, body->battery_percent);
	out = put_milli(out, has & HAS_BATTERY_V, body->battery_mv);
	out = put_milli(out, has & HAS_POWER_V, body->power_mv);
	return put_optional_int2(out, has & HAS_GSM, body->gsm_percent);
}

// ---- rows

void batch_rows_init(struct batch_rows *rows)
{
	*rows = (struct batch_rows){.states = device_state_new()};
	batch_rows_clear(rows);
}

void batch_rows_done(struct batch_rows *rows)
{
	for (int i = 0; i < ROWS_KINDS; i++)
		rows_copy_done(&rows->copies[i]);
	device_state_free(rows->states);
}

void batch_rows_clear(struct batch_rows *rows)
{
	for (int i = 0; i < ROWS_KINDS; i++)
		rows_copy_begin(&rows->copies[i]);
	device_state_clear(rows->states);
}

size_t batch_rows_bytes(const struct batch_rows *rows)
{
	size_t bytes = 0;
	for (int i = 0; i < ROWS_KINDS; i++)
		bytes += rows->copies[i].len;
	return bytes;
}

// Begins a row with room for its fields of fixed size and `texts` bytes of text.
static uint8_t *begin_row(struct batch_rows *rows, enum rows_kind kind, size_t texts, uint64_t lsn)
{
	const unsigned count = kinds[kind].count;
	return rows_copy_row(&rows->copies[kind], count, count * ROWS_PUT_MOST + texts, lsn);
}

// The same, for the kinds whose rows are sent by device.
static uint8_t *begin_sorted_row(
	struct batch_rows *rows, enum rows_kind kind, size_t texts, uint64_t lsn, int64_t device_id)
{
	const unsigned count = kinds[kind].count;
	return rows_copy_sorted_row(
		&rows->copies[kind], count, count * ROWS_PUT_MOST + texts, lsn, device_id);
}

static uint8_t *put_peer(uint8_t *out, const struct peer *peer)
{
	char text[PEER_TEXT_MAX];
	return rows_put_literal(out, peer_text(peer, text));
}

// Writes the tracker's time if it differs from the time that the report is stored under.
static uint8_t *put_device_time(
	uint8_t *out, const struct report_body *body, enum time_source source)
{
	if (source == TIME_DEVICE || !(body->has & HAS_TIME))
		return rows_put_null(out);
	return rows_put_time(out, body->device_time_us);
}

// Adds a position if the report has coordinates, else a status, which is the same without them.
static void add_position(struct batch_rows *rows, const struct entry *report, int64_t device_id,
	struct fixed_time fixed, uint64_t lsn)
{
	const struct report_body *body = &report->body;
	const bool has_fix = body->has & HAS_FIX;
	const enum rows_kind kind = has_fix ? ROWS_POSITIONS : ROWS_STATUSES;
	const size_t texts = 16 + report->event.len + report->driver.len + report->extra.len;
	uint8_t *out = begin_sorted_row(rows, kind, texts, lsn, device_id);

	out = rows_put_int8(out, device_id);
	out = rows_put_time(out, fixed.time_us);
	out = rows_put_time(out, report->received_us);
	out = put_device_time(out, body, fixed.source);
	out = rows_put_literal(out, report_time_source_name(fixed.source));
	out = rows_put_text(out, report->event);
	if (has_fix) {
		out = rows_put_bool(out, body->flags & FLAG_VALID);
		out = rows_put_double(out, body->lat_e7 / 1e7);
		out = rows_put_double(out, body->lon_e7 / 1e7);
	}
	out = put_body_motion(out, body);
	out = put_body_telemetry(out, body);
	out = rows_put_text(out, report->driver);
	out = rows_put_bool(out, body->flags & FLAG_STORED);
	out = rows_put_members(out, report->extra);
	out = rows_put_int8(out, (int64_t)body->dedup);
	rows_copy_end_row(&rows->copies[kind], out);
}

static void add_alarm(struct batch_rows *rows, const struct entry *report, int64_t device_id,
	struct fixed_time fixed, uint64_t lsn, enum alarm alarm)
{
	const struct report_body *body = &report->body;
	const bool has_fix = body->has & HAS_FIX;
	const char *name = report_alarm_name(alarm);
	uint8_t *out = begin_sorted_row(
		rows, ROWS_ALARMS, strlen(name) + report->event.len, lsn, device_id);

	out = rows_put_int8(out, device_id);
	out = rows_put_time(out, fixed.time_us);
	out = rows_put_time(out, report->received_us);
	out = rows_put_literal(out, name);
	out = rows_put_text(out, report->event);
	out = has_fix ? rows_put_double(out, body->lat_e7 / 1e7) : rows_put_null(out);
	out = has_fix ? rows_put_double(out, body->lon_e7 / 1e7) : rows_put_null(out);
	out = body->has & HAS_SPEED ? rows_put_real(out, (float)(body->speed_kmh_e2 / 1e2))
				    : rows_put_null(out);
	out = has_fix ? rows_put_bool(out, body->flags & FLAG_VALID) : rows_put_null(out);
	out = rows_put_bool(out, body->flags & FLAG_STORED);
	out = rows_put_int8(out, (int64_t)body->dedup);
	rows_copy_end_row(&rows->copies[ROWS_ALARMS], out);
}

void batch_rows_add_report(struct batch_rows *rows, const struct entry *report, int64_t device_id,
	struct fixed_time fixed, uint64_t lsn, bool live)
{
	add_position(rows, report, device_id, fixed, lsn);
	for (unsigned alarm = 0; alarm < ALARM_COUNT && report->body.alarms >> alarm; alarm++)
		if (report->body.alarms >> alarm & 1)
			add_alarm(rows, report, device_id, fixed, lsn, (enum alarm)alarm);
	device_state_seen(rows->states, device_id, report, live);
	device_state_report(rows->states, device_id, report, fixed);
}

void batch_rows_add_repeat(
	struct batch_rows *rows, const struct entry *report, int64_t device_id, bool live)
{
	device_state_seen(rows->states, device_id, report, live);
}

void batch_rows_add_connected(
	struct batch_rows *rows, const struct entry *entry, int64_t device_id, bool live)
{
	device_state_seen(rows->states, device_id, entry, live);
}

void batch_rows_add_reject(
	struct batch_rows *rows, const struct entry *entry, struct text reason, uint64_t lsn)
{
	const size_t texts = PEER_TEXT_MAX + 16 + entry->protocol.len + entry->ident.len +
			     reason.len + entry->raw.len;
	uint8_t *out = begin_row(rows, ROWS_REJECTS, texts, lsn);

	out = rows_put_time(out, entry->received_us);
	out = put_peer(out, &entry->peer);
	out = rows_put_literal(out, peer_transport_name(entry->peer.transport));
	out = rows_put_text(out, entry->protocol);
	out = rows_put_text(out, entry->ident);
	out = rows_put_text_always(out, reason);
	out = rows_put_bytes(out, entry->raw);
	rows_copy_end_row(&rows->copies[ROWS_REJECTS], out);
}

void batch_rows_add_disconnected(struct batch_rows *rows, const struct entry *entry, uint64_t lsn)
{
	const size_t texts =
		PEER_TEXT_MAX + 16 + entry->protocol.len + entry->ident.len + entry->reason.len;
	uint8_t *out = begin_row(rows, ROWS_CONNECTIONS, texts, lsn);

	out = rows_put_time(out, entry->traffic.opened_us);
	out = rows_put_time(out, entry->received_us);
	out = put_peer(out, &entry->peer);
	out = rows_put_literal(out, peer_transport_name(entry->peer.transport));
	out = rows_put_text(out, entry->protocol);
	out = rows_put_text(out, entry->ident);
	out = rows_put_int8(out, (int64_t)entry->traffic.bytes);
	out = rows_put_int8(out, entry->traffic.frames);
	out = rows_put_int8(out, entry->traffic.rejects);
	out = rows_put_text_always(out, entry->reason);
	rows_copy_end_row(&rows->copies[ROWS_CONNECTIONS], out);
}

void batch_rows_add_left(struct batch_rows *rows, const struct entry *entry, int64_t device_id)
{
	device_state_disconnected(rows->states, device_id, &entry->peer);
}

void batch_rows_add_unknown(struct batch_rows *rows, const struct entry *entry, uint64_t lsn)
{
	const size_t texts = PEER_TEXT_MAX + entry->ident.len + entry->protocol.len;
	uint8_t *out = begin_row(rows, ROWS_UNKNOWN, texts, lsn);

	out = rows_put_text_always(out, entry->ident);
	out = rows_put_text(out, entry->protocol);
	out = put_peer(out, &entry->peer);
	out = rows_put_time(out, entry->received_us);
	rows_copy_end_row(&rows->copies[ROWS_UNKNOWN], out);
}

void batch_rows_add_command(struct batch_rows *rows, const struct entry *entry, uint64_t lsn)
{
	const struct command_change *change = &entry->change;
	uint8_t *out =
		begin_row(rows, ROWS_COMMANDS, 16 + entry->reason.len + entry->extra.len, lsn);

	out = rows_put_int8(out, (int64_t)lsn);
	out = rows_put_int8(out, change->id);
	out = rows_put_literal(out, entry_command_state_name((enum command_state)change->state));
	out = rows_put_time(out, entry->received_us);
	out = rows_put_int4(
		out, (int32_t)(change->attempts < INT32_MAX ? change->attempts : INT32_MAX));
	out = rows_put_text(out, entry->reason);
	out = rows_put_members(out, entry->extra);
	rows_copy_end_row(&rows->copies[ROWS_COMMANDS], out);
}

void batch_rows_add_media(
	struct batch_rows *rows, const struct entry *entry, int64_t device_id, uint64_t lsn)
{
	const struct media_piece *media = &entry->media;
	const bool has_fix = media->flags & MEDIA_FIX;
	uint8_t *out = begin_row(rows, ROWS_MEDIA, entry->reason.len + entry->raw.len, lsn);

	out = rows_put_int8(out, (int64_t)media->key);
	out = rows_put_int4(out, media->piece);
	out = rows_put_int4(out, media->pieces);
	out = rows_put_int8(out, device_id);
	out = rows_put_time(out, media->taken_us);
	out = rows_put_time(out, entry->received_us);
	out = has_fix ? rows_put_double(out, media->lat_e7 / 1e7) : rows_put_null(out);
	out = has_fix ? rows_put_double(out, media->lon_e7 / 1e7) : rows_put_null(out);
	out = media->camera >= 0 ? rows_put_int2(out, media->camera) : rows_put_null(out);
	out = rows_put_text_always(out, entry->reason);
	out = rows_put_bool(out, media->flags & MEDIA_COMPLETE);
	out = rows_put_int8(out, (int64_t)media->dedup);
	out = rows_put_bytes(out, entry->raw);
	rows_copy_end_row(&rows->copies[ROWS_MEDIA], out);
}

// ---- the newest state of each device

static uint8_t *put_seen(uint8_t *out, const struct state_seen *seen, struct text instance)
{
	out = rows_put_time(out, seen->time_us);
	out = rows_put_text(out, (struct text){seen->protocol, seen->protocol_len});
	out = rows_put_literal(out, peer_transport_name(seen->peer.transport));
	out = put_peer(out, &seen->peer);
	out = rows_put_bool(out, seen->certain && seen->open);
	return seen->certain ? rows_put_text_always(out, instance) : rows_put_null(out);
}

static uint8_t *put_fix(uint8_t *out, const struct state_fix *fix)
{
	if (!fix->known) {
		for (int i = 0; i < 8; i++)
			out = rows_put_null(out);
		return out;
	}
	out = rows_put_time(out, fix->time_us);
	out = rows_put_double(out, fix->body.lat_e7 / 1e7);
	out = rows_put_double(out, fix->body.lon_e7 / 1e7);
	return put_body_motion(out, &fix->body);
}

static uint8_t *put_telemetry(uint8_t *out, const struct state_telemetry *telemetry)
{
	if (!telemetry->known) {
		for (int i = 0; i < 15; i++)
			out = rows_put_null(out);
		return out;
	}
	out = rows_put_time(out, telemetry->time_us);
	out = rows_put_text(out, (struct text){telemetry->event, telemetry->event_len});
	out = put_body_telemetry(out, &telemetry->body);
	return rows_put_text(out, (struct text){telemetry->driver, telemetry->driver_len});
}

static void add_ends(struct batch_rows *rows, const struct device_states *states)
{
	for (size_t i = 0; i < states->end_count; i++) {
		const struct state_end *end = &states->ends[i];
		uint8_t *out = begin_row(rows, ROWS_ENDED, PEER_TEXT_MAX, 0);
		out = rows_put_int8(out, end->device_id);
		out = put_peer(out, &end->peer);
		rows_copy_end_row(&rows->copies[ROWS_ENDED], out);
	}
}

static void add_state(struct batch_rows *rows, const struct state_row *row, struct text instance)
{
	const size_t texts =
		STATE_PROTOCOL_MAX + PEER_TEXT_MAX + EVENT_MAX + DRIVER_MAX + instance.len;
	uint8_t *out = begin_row(rows, ROWS_STATE, texts, 0);

	out = rows_put_int8(out, row->device_id);
	out = put_seen(out, &row->seen, instance);
	out = put_fix(out, &row->fix);
	out = put_telemetry(out, &row->telemetry);
	rows_copy_end_row(&rows->copies[ROWS_STATE], out);
}

static void add_other(struct batch_rows *rows, const struct state_row *row)
{
	uint8_t *out = begin_row(rows, ROWS_OTHER, PEER_TEXT_MAX, 0);

	out = rows_put_int8(out, row->device_id);
	out = put_peer(out, &row->other.peer);
	out = rows_put_time(out, row->other.time_us);
	rows_copy_end_row(&rows->copies[ROWS_OTHER], out);
}

static void add_states(struct batch_rows *rows, const struct device_states *states, size_t first,
	struct text instance)
{
	for (size_t i = first; i < states->count; i++) {
		const struct state_row *row = &states->rows[i];
		if (row->seen.known)
			add_state(rows, row, instance);
		if (row->other.both)
			add_other(rows, row);
	}
}

static bool is_of_states(int kind)
{
	return kind == ROWS_ENDED || kind == ROWS_STATE || kind == ROWS_OTHER;
}

void batch_rows_finish(struct batch_rows *rows)
{
	for (int i = 0; i < ROWS_KINDS; i++)
		if (!is_of_states(i))
			rows_copy_finish(&rows->copies[i]);
}

void batch_rows_set_states(struct batch_rows *rows, const struct device_states *states,
	size_t first, const char *instance)
{
	for (int i = 0; i < ROWS_KINDS; i++)
		if (is_of_states(i))
			rows_copy_begin(&rows->copies[i]);
	if (states) {
		add_ends(rows, states);
		add_states(rows, states, first, (struct text){instance, strlen(instance)});
	}
	for (int i = 0; i < ROWS_KINDS; i++)
		if (is_of_states(i))
			rows_copy_finish(&rows->copies[i]);
}
