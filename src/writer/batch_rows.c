// SPDX-License-Identifier: MIT
// COPY BINARY:
//
//   "PGCOPY\n\377\r\n\0" flags(4) extension(4) { fields(2) { length(4) bytes }... }... -1(2)
//
// Numbers are big-endian; the length of a NULL is -1. A row is written through a plain pointer into memory reserved for
// it. The order of the put_ calls is the order of the columns in `kinds`.
#include "writer/batch_rows.h"

#include "util/log.h"
#include "writer/rows_order.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#define EPOCH_2000_US INT64_C(946684800000000)
#define YEAR_1800_US  INT64_C(-5364662400000000)
#define YEAR_9999_US  INT64_C(253370764800000000)

#define FIELD_MAX 12 /* bytes of a field of fixed size, with its length */

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

// ---- COPY BINARY: buffers

static const uint8_t head[] = {
	'P', 'G', 'C', 'O', 'P', 'Y', '\n', 0xff, '\r', '\n', 0, 0, 0, 0, 0, 0, 0, 0, 0};

static void *grow(void *memory, size_t *cap, size_t need, size_t each)
{
	if (need <= *cap)
		return memory;
	size_t cap_new = *cap ? *cap : 256;
	while (cap_new < need)
		cap_new *= 2;
	memory = realloc(memory, cap_new * each);
	if (!memory)
		log_fatal("out of memory: batch");
	*cap = cap_new;
	return memory;
}

// Removes the rows, keeps the memory.
static void copy_begin(struct rows_copy *copy)
{
	copy->data = grow(copy->data, &copy->cap, sizeof(head), 1);
	memcpy(copy->data, head, sizeof(head));
	copy->len = sizeof(head);
	copy->rows = 0;
}

// Begins a row. Returns where its fields go: there is room for `size` bytes.
static uint8_t *copy_row(struct rows_copy *copy, unsigned fields, size_t size, uint64_t lsn)
{
	const uint16_t wire = htobe16((uint16_t)fields);
	copy->data = grow(copy->data, &copy->cap, copy->len + sizeof(wire) + size, 1);
	copy->lsns = grow(copy->lsns, &copy->rows_cap, copy->rows + 1, sizeof(*copy->lsns));
	copy->lsns[copy->rows++] = lsn;
	memcpy(copy->data + copy->len, &wire, sizeof(wire));
	return copy->data + copy->len + sizeof(wire);
}

// The same, for a kind that is sorted.
static uint8_t *copy_sorted_row(
	struct rows_copy *copy, unsigned fields, size_t size, uint64_t lsn, int64_t device_id)
{
	const size_t row = copy->rows;

	copy->offsets = grow(copy->offsets, &copy->offsets_cap, row + 2, sizeof(*copy->offsets));
	copy->keys = grow(copy->keys, &copy->keys_cap, row + 1, sizeof(*copy->keys));
	copy->offsets[row] = (uint32_t)copy->len;
	copy->keys[row] = rows_order_key(device_id, row);
	return copy_row(copy, fields, size, lsn);
}

// Ends the row at `end`, where its last field ends.
static void end_row(struct rows_copy *copy, const uint8_t *end)
{
	copy->len = (size_t)(end - copy->data);
}

static void copy_end(struct rows_copy *copy)
{
	copy->data = grow(copy->data, &copy->cap, copy->len + 2, 1);
	copy->data[copy->len++] = 0xff;
	copy->data[copy->len++] = 0xff;
	if (copy->rows == 0 || !copy->keys)
		return;
	copy->offsets[copy->rows] = (uint32_t)(copy->len - 2);
	copy->scratch = grow(copy->scratch, &copy->scratch_cap, copy->rows, sizeof(*copy->scratch));
	if (rows_order_sort(copy->keys, copy->scratch, copy->rows) == copy->keys)
		return;
	uint64_t *const keys = copy->scratch;
	const size_t cap = copy->scratch_cap;
	copy->scratch = copy->keys;
	copy->scratch_cap = copy->keys_cap;
	copy->keys = keys;
	copy->keys_cap = cap;
}

static void copy_done(struct rows_copy *copy)
{
	free(copy->data);
	free(copy->lsns);
	free(copy->offsets);
	free(copy->keys);
	free(copy->scratch);
	*copy = (struct rows_copy){0};
}

// ---- COPY BINARY: fields

static inline uint8_t *put_raw32(uint8_t *out, uint32_t value)
{
	const uint32_t wire = htobe32(value);
	memcpy(out, &wire, sizeof(wire));
	return out + sizeof(wire);
}

static inline uint8_t *put_raw64(uint8_t *out, uint64_t value)
{
	const uint64_t wire = htobe64(value);
	memcpy(out, &wire, sizeof(wire));
	return out + sizeof(wire);
}

static inline uint8_t *put_null(uint8_t *out)
{
	return put_raw32(out, UINT32_MAX);
}

static inline uint8_t *put_bool(uint8_t *out, bool value)
{
	out = put_raw32(out, 1);
	*out = value;
	return out + 1;
}

static inline uint8_t *put_int2(uint8_t *out, int16_t value)
{
	const uint16_t wire = htobe16((uint16_t)value);
	out = put_raw32(out, 2);
	memcpy(out, &wire, sizeof(wire));
	return out + sizeof(wire);
}

static inline uint8_t *put_int4(uint8_t *out, int32_t value)
{
	return put_raw32(put_raw32(out, 4), (uint32_t)value);
}

static inline uint8_t *put_int8(uint8_t *out, int64_t value)
{
	return put_raw64(put_raw32(out, 8), (uint64_t)value);
}

static inline uint8_t *put_real(uint8_t *out, float value)
{
	uint32_t bits;
	memcpy(&bits, &value, sizeof(bits));
	return put_raw32(put_raw32(out, 4), bits);
}

static inline uint8_t *put_double(uint8_t *out, double value)
{
	uint64_t bits;
	memcpy(&bits, &value, sizeof(bits));
	return put_raw64(put_raw32(out, 8), bits);
}

// Writes µs since 1970, UTC, or NULL outside the years 1800 to 9999.
static uint8_t *put_time(uint8_t *out, int64_t time_us)
{
	if (time_us < YEAR_1800_US || time_us >= YEAR_9999_US)
		return put_null(out);
	return put_int8(out, time_us - EPOCH_2000_US);
}

// Writes '?' for bytes that are not printable ASCII.
static uint8_t *put_printable(uint8_t *out, struct text text)
{
	for (size_t i = 0; i < text.len; i++) {
		const uint8_t c = (uint8_t)text.data[i];
		out[i] = c >= ' ' && c <= '~' ? c : '?';
	}
	return out + text.len;
}

static uint8_t *put_text_always(uint8_t *out, struct text text)
{
	return put_printable(put_raw32(out, (uint32_t)text.len), text);
}

// The same, with NULL for an empty text.
static uint8_t *put_text(uint8_t *out, struct text text)
{
	return text.len ? put_text_always(out, text) : put_null(out);
}

// Writes JSON members, without their braces, as jsonb; NULL if there are none. Takes 7 + len.
static uint8_t *put_members(uint8_t *out, struct text members)
{
	if (!members.len)
		return put_null(out);
	out = put_raw32(out, (uint32_t)members.len + 3);
	*out++ = 1; /* jsonb's version */
	*out++ = '{';
	out = put_printable(out, members);
	*out++ = '}';
	return out;
}

static uint8_t *put_bytes(uint8_t *out, struct text bytes)
{
	out = put_raw32(out, (uint32_t)bytes.len);
	if (bytes.len)
		memcpy(out, bytes.data, bytes.len);
	return out + bytes.len;
}

static uint8_t *put_e2(uint8_t *out, bool present, double e2)
{
	return present ? put_real(out, (float)(e2 / 1e2)) : put_null(out);
}

static uint8_t *put_milli(uint8_t *out, bool present, double milli)
{
	return present ? put_real(out, (float)(milli / 1e3)) : put_null(out);
}

static uint8_t *put_optional_int2(uint8_t *out, bool present, uint8_t value)
{
	return present ? put_int2(out, value) : put_null(out);
}

static uint8_t *put_optional_int4(uint8_t *out, bool present, int32_t value)
{
	return present ? put_int4(out, value) : put_null(out);
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

	out = has & HAS_IGNITION ? put_bool(out, body->flags & FLAG_IGNITION) : put_null(out);
	out = put_optional_int4(out, has & HAS_INPUTS, (int32_t)body->inputs);
	out = put_optional_int4(out, has & HAS_OUTPUTS, (int32_t)body->outputs);
	for (unsigned i = 0; i < 4; i++)
		out = put_optional_int4(out, has & (uint32_t)HAS_ADC1 << i, body->adc[i]);
	out = has & HAS_ODOMETER ? put_int8(out, body->odometer_m) : put_null(out);
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
		copy_done(&rows->copies[i]);
	device_state_free(rows->states);
}

void batch_rows_clear(struct batch_rows *rows)
{
	for (int i = 0; i < ROWS_KINDS; i++)
		copy_begin(&rows->copies[i]);
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
	return copy_row(&rows->copies[kind], count, count * FIELD_MAX + texts, lsn);
}

// The same, for the kinds whose rows are sent by device.
static uint8_t *begin_sorted_row(
	struct batch_rows *rows, enum rows_kind kind, size_t texts, uint64_t lsn, int64_t device_id)
{
	const unsigned count = kinds[kind].count;
	return copy_sorted_row(
		&rows->copies[kind], count, count * FIELD_MAX + texts, lsn, device_id);
}

static uint8_t *put_literal(uint8_t *out, const char *literal)
{
	return put_text_always(out, (struct text){literal, strlen(literal)});
}

static uint8_t *put_peer(uint8_t *out, const struct peer *peer)
{
	char text[PEER_TEXT_MAX];
	return put_literal(out, peer_text(peer, text));
}

// Writes the tracker's time if it differs from the time that the report is stored under.
static uint8_t *put_device_time(
	uint8_t *out, const struct report_body *body, enum time_source source)
{
	if (source == TIME_DEVICE || !(body->has & HAS_TIME))
		return put_null(out);
	return put_time(out, body->device_time_us);
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

	out = put_int8(out, device_id);
	out = put_time(out, fixed.time_us);
	out = put_time(out, report->received_us);
	out = put_device_time(out, body, fixed.source);
	out = put_literal(out, report_time_source_name(fixed.source));
	out = put_text(out, report->event);
	if (has_fix) {
		out = put_bool(out, body->flags & FLAG_VALID);
		out = put_double(out, body->lat_e7 / 1e7);
		out = put_double(out, body->lon_e7 / 1e7);
	}
	out = put_body_motion(out, body);
	out = put_body_telemetry(out, body);
	out = put_text(out, report->driver);
	out = put_bool(out, body->flags & FLAG_STORED);
	out = put_members(out, report->extra);
	out = put_int8(out, (int64_t)body->dedup);
	end_row(&rows->copies[kind], out);
}

static void add_alarm(struct batch_rows *rows, const struct entry *report, int64_t device_id,
	struct fixed_time fixed, uint64_t lsn, enum alarm alarm)
{
	const struct report_body *body = &report->body;
	const bool has_fix = body->has & HAS_FIX;
	const char *name = report_alarm_name(alarm);
	uint8_t *out = begin_sorted_row(
		rows, ROWS_ALARMS, strlen(name) + report->event.len, lsn, device_id);

	out = put_int8(out, device_id);
	out = put_time(out, fixed.time_us);
	out = put_time(out, report->received_us);
	out = put_literal(out, name);
	out = put_text(out, report->event);
	out = has_fix ? put_double(out, body->lat_e7 / 1e7) : put_null(out);
	out = has_fix ? put_double(out, body->lon_e7 / 1e7) : put_null(out);
	out = body->has & HAS_SPEED ? put_real(out, (float)(body->speed_kmh_e2 / 1e2))
				    : put_null(out);
	out = has_fix ? put_bool(out, body->flags & FLAG_VALID) : put_null(out);
	out = put_bool(out, body->flags & FLAG_STORED);
	out = put_int8(out, (int64_t)body->dedup);
	end_row(&rows->copies[ROWS_ALARMS], out);
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

	out = put_time(out, entry->received_us);
	out = put_peer(out, &entry->peer);
	out = put_literal(out, peer_transport_name(entry->peer.transport));
	out = put_text(out, entry->protocol);
	out = put_text(out, entry->ident);
	out = put_text_always(out, reason);
	out = put_bytes(out, entry->raw);
	end_row(&rows->copies[ROWS_REJECTS], out);
}

void batch_rows_add_disconnected(struct batch_rows *rows, const struct entry *entry, uint64_t lsn)
{
	const size_t texts =
		PEER_TEXT_MAX + 16 + entry->protocol.len + entry->ident.len + entry->reason.len;
	uint8_t *out = begin_row(rows, ROWS_CONNECTIONS, texts, lsn);

	out = put_time(out, entry->traffic.opened_us);
	out = put_time(out, entry->received_us);
	out = put_peer(out, &entry->peer);
	out = put_literal(out, peer_transport_name(entry->peer.transport));
	out = put_text(out, entry->protocol);
	out = put_text(out, entry->ident);
	out = put_int8(out, (int64_t)entry->traffic.bytes);
	out = put_int8(out, entry->traffic.frames);
	out = put_int8(out, entry->traffic.rejects);
	out = put_text_always(out, entry->reason);
	end_row(&rows->copies[ROWS_CONNECTIONS], out);
}

void batch_rows_add_left(struct batch_rows *rows, const struct entry *entry, int64_t device_id)
{
	device_state_disconnected(rows->states, device_id, &entry->peer);
}

void batch_rows_add_unknown(struct batch_rows *rows, const struct entry *entry, uint64_t lsn)
{
	const size_t texts = PEER_TEXT_MAX + entry->ident.len + entry->protocol.len;
	uint8_t *out = begin_row(rows, ROWS_UNKNOWN, texts, lsn);

	out = put_text_always(out, entry->ident);
	out = put_text(out, entry->protocol);
	out = put_peer(out, &entry->peer);
	out = put_time(out, entry->received_us);
	end_row(&rows->copies[ROWS_UNKNOWN], out);
}

void batch_rows_add_command(struct batch_rows *rows, const struct entry *entry, uint64_t lsn)
{
	const struct command_change *change = &entry->change;
	uint8_t *out =
		begin_row(rows, ROWS_COMMANDS, 16 + entry->reason.len + entry->extra.len, lsn);

	out = put_int8(out, (int64_t)lsn);
	out = put_int8(out, change->id);
	out = put_literal(out, entry_command_state_name((enum command_state)change->state));
	out = put_time(out, entry->received_us);
	out = put_int4(out, (int32_t)(change->attempts < INT32_MAX ? change->attempts : INT32_MAX));
	out = put_text(out, entry->reason);
	out = put_members(out, entry->extra);
	end_row(&rows->copies[ROWS_COMMANDS], out);
}

void batch_rows_add_media(
	struct batch_rows *rows, const struct entry *entry, int64_t device_id, uint64_t lsn)
{
	const struct media_piece *media = &entry->media;
	const bool has_fix = media->flags & MEDIA_FIX;
	uint8_t *out = begin_row(rows, ROWS_MEDIA, entry->reason.len + entry->raw.len, lsn);

	out = put_int8(out, (int64_t)media->key);
	out = put_int4(out, media->piece);
	out = put_int4(out, media->pieces);
	out = put_int8(out, device_id);
	out = put_time(out, media->taken_us);
	out = put_time(out, entry->received_us);
	out = has_fix ? put_double(out, media->lat_e7 / 1e7) : put_null(out);
	out = has_fix ? put_double(out, media->lon_e7 / 1e7) : put_null(out);
	out = media->camera >= 0 ? put_int2(out, media->camera) : put_null(out);
	out = put_text_always(out, entry->reason);
	out = put_bool(out, media->flags & MEDIA_COMPLETE);
	out = put_int8(out, (int64_t)media->dedup);
	out = put_bytes(out, entry->raw);
	end_row(&rows->copies[ROWS_MEDIA], out);
}

// ---- the newest state of each device

static uint8_t *put_seen(uint8_t *out, const struct state_seen *seen, struct text instance)
{
	out = put_time(out, seen->time_us);
	out = put_text(out, (struct text){seen->protocol, seen->protocol_len});
	out = put_literal(out, peer_transport_name(seen->peer.transport));
	out = put_peer(out, &seen->peer);
	out = put_bool(out, seen->certain && seen->open);
	return seen->certain ? put_text_always(out, instance) : put_null(out);
}

static uint8_t *put_fix(uint8_t *out, const struct state_fix *fix)
{
	if (!fix->known) {
		for (int i = 0; i < 8; i++)
			out = put_null(out);
		return out;
	}
	out = put_time(out, fix->time_us);
	out = put_double(out, fix->body.lat_e7 / 1e7);
	out = put_double(out, fix->body.lon_e7 / 1e7);
	return put_body_motion(out, &fix->body);
}

static uint8_t *put_telemetry(uint8_t *out, const struct state_telemetry *telemetry)
{
	if (!telemetry->known) {
		for (int i = 0; i < 15; i++)
			out = put_null(out);
		return out;
	}
	out = put_time(out, telemetry->time_us);
	out = put_text(out, (struct text){telemetry->event, telemetry->event_len});
	out = put_body_telemetry(out, &telemetry->body);
	return put_text(out, (struct text){telemetry->driver, telemetry->driver_len});
}

static void add_ends(struct batch_rows *rows, const struct device_states *states)
{
	for (size_t i = 0; i < states->end_count; i++) {
		const struct state_end *end = &states->ends[i];
		uint8_t *out = begin_row(rows, ROWS_ENDED, PEER_TEXT_MAX, 0);
		out = put_int8(out, end->device_id);
		out = put_peer(out, &end->peer);
		end_row(&rows->copies[ROWS_ENDED], out);
	}
}

static void add_state(struct batch_rows *rows, const struct state_row *row, struct text instance)
{
	const size_t texts =
		STATE_PROTOCOL_MAX + PEER_TEXT_MAX + EVENT_MAX + DRIVER_MAX + instance.len;
	uint8_t *out = begin_row(rows, ROWS_STATE, texts, 0);

	out = put_int8(out, row->device_id);
	out = put_seen(out, &row->seen, instance);
	out = put_fix(out, &row->fix);
	out = put_telemetry(out, &row->telemetry);
	end_row(&rows->copies[ROWS_STATE], out);
}

static void add_other(struct batch_rows *rows, const struct state_row *row)
{
	uint8_t *out = begin_row(rows, ROWS_OTHER, PEER_TEXT_MAX, 0);

	out = put_int8(out, row->device_id);
	out = put_peer(out, &row->other.peer);
	out = put_time(out, row->other.time_us);
	end_row(&rows->copies[ROWS_OTHER], out);
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
			copy_end(&rows->copies[i]);
}

void batch_rows_set_states(struct batch_rows *rows, const struct device_states *states,
	size_t first, const char *instance)
{
	for (int i = 0; i < ROWS_KINDS; i++)
		if (is_of_states(i))
			copy_begin(&rows->copies[i]);
	if (states) {
		add_ends(rows, states);
		add_states(rows, states, first, (struct text){instance, strlen(instance)});
	}
	for (int i = 0; i < ROWS_KINDS; i++)
		if (is_of_states(i))
			copy_end(&rows->copies[i]);
}

// ---- reading

static const uint8_t *row_at(const struct rows_copy *copy, size_t number, size_t *size)
{
	const size_t row = rows_order_row(copy->keys[number]);

	*size = copy->offsets[row + 1] - copy->offsets[row];
	return copy->data + copy->offsets[row];
}

#define AHEAD 4 /* rows: they are anywhere in memory */

// Gathers rows that fit the buffer; one that alone does not fit is not copied.
static size_t gather(const struct rows_copy *copy, struct rows_reader *reader, uint8_t *buffer,
	size_t cap, const uint8_t **piece)
{
	size_t used = 0, size;

	*piece = buffer;
	for (; reader->row < copy->rows; reader->row++) {
		const uint8_t *data = row_at(copy, reader->row, &size);
		if (size > cap - used && used > 0)
			break;
		if (size > cap) {
			reader->row++;
			*piece = data;
			return size;
		}
		if (reader->row + AHEAD < copy->rows) {
			size_t unused;
			const uint8_t *next = row_at(copy, reader->row + AHEAD, &unused);
			__builtin_prefetch(next);
			__builtin_prefetch(next + 64);
		}
		memcpy(buffer + used, data, size);
		used += size;
	}
	return used;
}

static size_t read_plain(const struct rows_copy *copy, struct rows_reader *reader, size_t end,
	size_t cap, const uint8_t **piece)
{
	const size_t left = end - reader->offset, len = left < cap ? left : cap;

	*piece = copy->data + reader->offset;
	reader->offset += len;
	return len;
}

size_t batch_rows_read(const struct rows_copy *copy, struct rows_reader *reader, uint8_t *buffer,
	size_t cap, const uint8_t **piece)
{
	if (!copy->keys || copy->rows == 0)
		return read_plain(copy, reader, copy->len, cap, piece);
	if (reader->offset < copy->offsets[0]) /* before the rows */
		return read_plain(copy, reader, copy->offsets[0], cap, piece);
	if (reader->row < copy->rows)
		return gather(copy, reader, buffer, cap, piece);
	if (reader->offset < copy->offsets[copy->rows])
		reader->offset = copy->offsets[copy->rows];
	return read_plain(copy, reader, copy->len, cap, piece);
}

uint64_t batch_rows_lsn(const struct rows_copy *copy, size_t line)
{
	if (line < 1 || line > copy->rows)
		return 0;
	return copy->lsns[copy->keys ? rows_order_row(copy->keys[line - 1]) : line - 1];
}
