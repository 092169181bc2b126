// SPDX-License-Identifier: MIT
// Journal entries as COPY BINARY rows, the newest state of each device, and the cache of recent keys.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "util/text.h"
#include "writer/batch_rows.h"
#include "writer/dedup_cache.h"

#include <stdio.h>
#include <stdlib.h>

#define RECEIVED  INT64_C(1795342500000000) /* 2026-11-22 10:15 UTC */
#define SECOND    INT64_C(1000000)
#define EPOCH2000 INT64_C(946684800000000)

static struct text text_of(const char *literal)
{
	return (struct text){literal, strlen(literal)};
}

static struct entry report_of(int64_t time_us, bool fix)
{
	struct entry entry = {.kind = ENTRY_REPORT,
		.received_us = RECEIVED,
		.protocol = text_of("pt502"),
		.ident = text_of("5020001"),
		.event = text_of("POS"),
		.raw = text_of("$POS...\r\n")};

	entry.peer.transport = TRANSPORT_TCP;
	entry.peer.port = 4711;
	memcpy(entry.peer.address, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\1", 16);
	entry.body.has = HAS_TIME;
	entry.body.device_time_us = time_us;
	entry.body.dedup = 99;
	if (fix) {
		entry.body.has |= HAS_FIX;
		entry.body.flags |= FLAG_VALID;
		entry.body.lat_e7 = 540000000;
		entry.body.lon_e7 = -70000000;
	}
	return entry;
}

static void add(struct batch_rows *rows, const struct entry *entry, uint64_t lsn)
{
	batch_rows_add_report(
		rows, entry, 7, report_fixed_time(&entry->body, entry->received_us), lsn, true);
}

// Returns a field of a COPY BINARY buffer; row and column count from 0. *len is -1 for NULL.
static const uint8_t *field(const struct rows_copy *copy, size_t row, unsigned column, int32_t *len)
{
	const uint8_t *at = copy->data + 19, *end = copy->data + copy->len;

	for (size_t r = 0;; r++) {
		const int16_t count = (int16_t)(at[0] << 8 | at[1]);
		at += 2;
		assert_true(count > 0);
		for (int16_t i = 0; i < count; i++) {
			*len = (int32_t)((uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 |
					 (uint32_t)at[2] << 8 | at[3]);
			at += 4;
			if (r == row && i == (int16_t)column)
				return at;
			at += *len > 0 ? *len : 0;
			assert_true(at <= end);
		}
	}
}

// Returns the number of a kind's column.
static unsigned column_of(enum rows_kind kind, const char *name)
{
	struct text rest = text_of(batch_rows_columns(kind)), one;
	for (unsigned n = 0; text_next(&rest, ',', &one); n++) {
		while (one.len && *one.data == ' ')
			one.data++, one.len--;
		if (text_equal(one, name))
			return n;
	}
	fail_msg("no column %s", name);
	return 0;
}

static bool is_null(
	const struct batch_rows *rows, enum rows_kind kind, size_t row, const char *name)
{
	int32_t len;
	field(&rows->copies[kind], row, column_of(kind, name), &len);
	return len == -1;
}

static int64_t number(
	const struct batch_rows *rows, enum rows_kind kind, size_t row, const char *name)
{
	int32_t len;
	const uint8_t *at = field(&rows->copies[kind], row, column_of(kind, name), &len);
	uint64_t value = 0;
	assert_in_range(len, 1, 8);
	for (int32_t i = 0; i < len; i++)
		value = value << 8 | at[i];
	return (int64_t)value;
}

static double real(const struct batch_rows *rows, enum rows_kind kind, size_t row, const char *name)
{
	int32_t len;
	field(&rows->copies[kind], row, column_of(kind, name), &len);
	const int64_t bits = number(rows, kind, row, name);
	if (len == 4) {
		const uint32_t bits4 = (uint32_t)bits;
		float value;
		memcpy(&value, &bits4, sizeof(value));
		return (double)value;
	}
	double value;
	assert_int_equal(len, 8);
	memcpy(&value, &bits, sizeof(value));
	return value;
}

static void assert_text(const struct batch_rows *rows, enum rows_kind kind, size_t row,
	const char *name, const char *want)
{
	int32_t len;
	const uint8_t *at = field(&rows->copies[kind], row, column_of(kind, name), &len);
	assert_int_equal(len, strlen(want));
	assert_memory_equal(at, want, strlen(want));
}

static void a_report_with_a_fix_becomes_a_position_and_its_alarms(void **state)
{
	(void)state;
	struct batch_rows rows;
	batch_rows_init(&rows);
	struct entry entry = report_of(RECEIVED - 3 * SECOND, true);
	entry.body.has |= HAS_SPEED | HAS_ADC3 | HAS_IGNITION | HAS_POWER_V | HAS_ALTITUDE;
	entry.body.flags |= FLAG_IGNITION | FLAG_STORED;
	entry.body.speed_kmh_e2 = 4148;
	entry.body.altitude_m_e2 = -1250;
	entry.body.adc[2] = -5;
	entry.body.power_mv = 12600;
	entry.body.alarms = UINT64_C(1) << ALARM_SOS | UINT64_C(1) << ALARM_REMOVING;
	entry.extra = text_of("\"a\":1");
	entry.driver = text_of("card\x01\xff");
	add(&rows, &entry, 1000);
	batch_rows_finish(&rows);
	batch_rows_set_states(&rows, rows.states, 0, "main");

	const enum rows_kind p = ROWS_POSITIONS;
	assert_int_equal(rows.copies[p].rows, 1);
	assert_int_equal(rows.copies[p].lsns[0], 1000);
	assert_int_equal(rows.copies[ROWS_STATUSES].rows, 0);
	assert_int_equal(number(&rows, p, 0, "device_id"), 7);
	assert_int_equal(number(&rows, p, 0, "fixed_at"), RECEIVED - 3 * SECOND - EPOCH2000);
	assert_int_equal(number(&rows, p, 0, "received_at"), RECEIVED - EPOCH2000);
	assert_true(is_null(&rows, p, 0, "device_time"));
	assert_text(&rows, p, 0, "time_source", "device");
	assert_text(&rows, p, 0, "event", "POS");
	assert_true(real(&rows, p, 0, "latitude") == 54.0);
	assert_true(real(&rows, p, 0, "longitude") == -7.0);
	assert_true(real(&rows, p, 0, "speed_kmh") == (double)41.48f);
	assert_true(real(&rows, p, 0, "altitude_m") == -12.5);
	assert_true(real(&rows, p, 0, "power_v") == (double)12.6f);
	assert_true(is_null(&rows, p, 0, "course_deg"));
	assert_true(is_null(&rows, p, 0, "adc1"));
	assert_int_equal((int32_t)number(&rows, p, 0, "adc3"), -5);
	assert_int_equal(number(&rows, p, 0, "ignition"), 1);
	assert_int_equal(number(&rows, p, 0, "stored"), 1);
	assert_text(&rows, p, 0, "driver", "card??");
	assert_text(&rows, p, 0, "extra", "\x01{\"a\":1}");
	assert_int_equal(number(&rows, p, 0, "dedup"), 99);

	assert_int_equal(rows.copies[ROWS_ALARMS].rows, 2);
	assert_text(&rows, ROWS_ALARMS, 0, "alarm", "sos");
	assert_text(&rows, ROWS_ALARMS, 1, "alarm", report_alarm_name(ALARM_REMOVING));
	assert_int_equal(rows.copies[ROWS_ALARMS].lsns[1], 1000);
	batch_rows_done(&rows);
}

static void a_report_without_a_fix_becomes_a_status_with_a_plausible_time(void **state)
{
	(void)state;
	struct batch_rows rows;
	batch_rows_init(&rows);
	const enum rows_kind s = ROWS_STATUSES;
	struct entry entry = report_of(5 * SECOND, false); /* a clock of 1970 */
	add(&rows, &entry, 10);
	entry = report_of(RECEIVED - INT64_C(1024) * 7 * 86400 * SECOND, false);
	add(&rows, &entry, 20);
	entry = report_of(INT64_MIN, false);
	entry.body.alarms = 1;
	add(&rows, &entry, 30);
	batch_rows_finish(&rows);
	batch_rows_set_states(&rows, rows.states, 0, "main");

	assert_int_equal(rows.copies[s].rows, 3);
	assert_text(&rows, s, 0, "time_source", "received");
	assert_int_equal(number(&rows, s, 0, "reported_at"), RECEIVED - EPOCH2000);
	assert_int_equal(number(&rows, s, 0, "device_time"), 5 * SECOND - EPOCH2000);
	assert_text(&rows, s, 1, "time_source", "rollover");
	assert_int_equal(number(&rows, s, 1, "reported_at"), RECEIVED - EPOCH2000);
	assert_true(is_null(&rows, s, 2, "device_time"));
	assert_true(is_null(&rows, ROWS_ALARMS, 0, "latitude"));
	assert_true(is_null(&rows, ROWS_ALARMS, 0, "valid"));
	batch_rows_done(&rows);
}

static void rejects_ends_of_connections_and_unknown_devices_become_rows(void **state)
{
	(void)state;
	struct batch_rows rows;
	batch_rows_init(&rows);
	struct entry entry = report_of(RECEIVED, false);
	entry.raw = (struct text){"\0\xff", 2};
	batch_rows_add_reject(&rows, &entry, text_of("bad value: time"), 40);
	entry.raw = (struct text){NULL, 0};
	entry.protocol = entry.ident = (struct text){NULL, 0};
	batch_rows_add_reject(&rows, &entry, text_of(""), 41);
	entry = report_of(RECEIVED, false);
	entry.kind = ENTRY_DISCONNECTED;
	entry.reason = text_of("idle");
	entry.traffic = (struct traffic){RECEIVED - SECOND, UINT64_C(1) << 40, 2, 3};
	batch_rows_add_disconnected(&rows, &entry, 50);
	batch_rows_add_unknown(&rows, &entry, 60);
	batch_rows_finish(&rows);
	batch_rows_set_states(&rows, rows.states, 0, "main");

	assert_int_equal(rows.copies[ROWS_REJECTS].rows, 2);
	assert_text(&rows, ROWS_REJECTS, 0, "peer", "192.0.2.1:4711");
	assert_text(&rows, ROWS_REJECTS, 0, "transport", "tcp");
	assert_int_equal(number(&rows, ROWS_REJECTS, 0, "frame"), 0xff);
	assert_true(is_null(&rows, ROWS_REJECTS, 1, "ident"));
	assert_text(&rows, ROWS_REJECTS, 1, "reason", "");
	assert_text(&rows, ROWS_REJECTS, 1, "frame", "");
	assert_int_equal(number(&rows, ROWS_CONNECTIONS, 0, "bytes"), INT64_C(1) << 40);
	assert_int_equal(number(&rows, ROWS_CONNECTIONS, 0, "rejects"), 3);
	assert_text(&rows, ROWS_UNKNOWN, 0, "ident", "5020001");
	assert_int_equal(rows.copies[ROWS_STATE].rows, 0);
	batch_rows_done(&rows);
}

static void newer_values_replace_older_ones_in_the_state(void **state)
{
	(void)state;
	struct batch_rows rows;
	batch_rows_init(&rows);
	const enum rows_kind s = ROWS_STATE;
	struct entry entry = report_of(RECEIVED - 10 * SECOND, true);
	entry.body.has |= HAS_ODOMETER | HAS_INPUTS;
	entry.body.odometer_m = 1000;
	entry.body.inputs = 1;
	add(&rows, &entry, 1);
	/* An older record from the log fills in missing values only. */
	entry = report_of(RECEIVED - 100 * SECOND, true);
	entry.event = text_of("LOG");
	entry.body.lat_e7 = 1;
	entry.body.has |= HAS_INPUTS | HAS_GSM;
	entry.body.inputs = 2;
	entry.body.gsm_percent = 67;
	add(&rows, &entry, 2);
	/* A newer report by UDP, whose fix is not valid. */
	entry = report_of(RECEIVED - 5 * SECOND, true);
	entry.event = text_of("NEW");
	entry.received_us += SECOND;
	entry.peer.transport = TRANSPORT_UDP;
	entry.peer.port = 9;
	entry.body.flags = 0;
	entry.body.lat_e7 = 2;
	entry.body.has |= HAS_INPUTS;
	entry.body.inputs = 4;
	add(&rows, &entry, 3);
	/* A record from the log without a plausible time is ignored. */
	entry = report_of(0, true);
	entry.body.flags |= FLAG_STORED;
	entry.body.lat_e7 = 3;
	add(&rows, &entry, 4);
	batch_rows_finish(&rows);
	batch_rows_set_states(&rows, rows.states, 0, "main");

	assert_int_equal(rows.copies[s].rows, 1);
	assert_int_equal(rows.copies[ROWS_POSITIONS].rows, 4);
	assert_true(real(&rows, s, 0, "latitude") == 54.0);
	assert_int_equal(number(&rows, s, 0, "fixed_at"), RECEIVED - 10 * SECOND - EPOCH2000);
	assert_int_equal(number(&rows, s, 0, "last_seen"), RECEIVED + SECOND - EPOCH2000);
	assert_int_equal(number(&rows, s, 0, "telemetry_at"), RECEIVED - 5 * SECOND - EPOCH2000);
	assert_text(&rows, s, 0, "event", "NEW");
	assert_int_equal(number(&rows, s, 0, "inputs"), 4);
	assert_int_equal(number(&rows, s, 0, "odometer_m"), 1000);
	assert_int_equal(number(&rows, s, 0, "gsm_percent"), 67);
	assert_true(is_null(&rows, s, 0, "outputs"));
	assert_text(&rows, s, 0, "peer", "192.0.2.1:4711");
	assert_text(&rows, s, 0, "transport", "tcp");
	assert_text(&rows, s, 0, "instance", "main");
	assert_int_equal(number(&rows, s, 0, "connected"), 1);
	batch_rows_done(&rows);
}

static void the_state_is_certain_only_where_a_connection_started(void **state)
{
	(void)state;
	static const struct {
		const char *what; /* C: connected, D: disconnected, 1 or 2: the port; R: a report,
				     U: by UDP, S: by a gateway */
		bool live, certain, open;
		const char *peer; /* NULL: no row of the device's state */
		size_t ended;     /* rows of ROWS_ENDED */
	} cases[] = {
		{"C1", true, true, true, "192.0.2.1:1", 0},
		{"C1", false, false, false, "192.0.2.1:1", 0}, /* received by an earlier process */
		{"R1", true, true, true, "192.0.2.1:1", 0},
		{"U1", true, false, false, "192.0.2.1:1", 0},
		{"D1", true, false, false, NULL, 1},
		{"U2D1", true, false, false, "192.0.2.1:2", 1},
		{"D1D2", true, false, false, NULL, 2},
		{"C1D1", true, true, false, "192.0.2.1:1", 0},
		{"C1C2D1", true, true, true, "192.0.2.1:2", 0},
		{"C1D1C2", true, true, true, "192.0.2.1:2", 0},
		{"C1U2D1", true, true, false, "192.0.2.1:1", 0},
		{"D1C2", true, true, true, "192.0.2.1:2", 1},
		{"S1", true, false, false, "192.0.2.1:1", 0},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct batch_rows rows;
		batch_rows_init(&rows);
		for (const char *step = cases[i].what; *step; step += 2) {
			struct entry entry = report_of(RECEIVED, false);
			entry.peer.port = (uint16_t)(step[1] - '0');
			entry.peer.transport = *step == 'U' ? TRANSPORT_UDP : TRANSPORT_TCP;
			if (*step == 'S')
				entry.body.flags |= FLAG_SHARED;
			if (*step == 'C')
				batch_rows_add_connected(&rows, &entry, 7, cases[i].live);
			else if (*step == 'D')
				batch_rows_add_left(&rows, &entry, 7);
			else
				add(&rows, &entry, 1);
		}
		batch_rows_finish(&rows);
		batch_rows_set_states(&rows, rows.states, 0, "main");
		assert_int_equal(rows.copies[ROWS_ENDED].rows, cases[i].ended);
		assert_int_equal(rows.copies[ROWS_STATE].rows, cases[i].peer != NULL);
		if (!cases[i].peer) {
			batch_rows_done(&rows);
			continue;
		}
		assert_int_equal(is_null(&rows, ROWS_STATE, 0, "instance"), !cases[i].certain);
		assert_int_equal(number(&rows, ROWS_STATE, 0, "connected"), cases[i].open);
		assert_text(&rows, ROWS_STATE, 0, "peer", cases[i].peer);
		batch_rows_done(&rows);
	}
}

static void what_is_set_aside_is_stored_but_no_state(void **state)
{
	(void)state;
	struct batch_rows rows;
	batch_rows_init(&rows);
	struct entry entry = report_of(RECEIVED - 10 * SECOND, true);
	add(&rows, &entry, 1);
	entry = report_of(RECEIVED - SECOND, true);
	entry.protocol = text_of("gt06");
	entry.received_us += 2 * SECOND;
	entry.peer.transport = TRANSPORT_UDP;
	entry.peer.port = 9;
	entry.body.flags |= FLAG_ASIDE;
	entry.body.lat_e7 = 10000000;
	entry.body.has |= HAS_INPUTS;
	entry.body.alarms = UINT64_C(1) << ALARM_SOS;
	add(&rows, &entry, 2);
	batch_rows_add_repeat(&rows, &entry, 8, true);
	batch_rows_finish(&rows);
	batch_rows_set_states(&rows, rows.states, 0, "main");

	assert_int_equal(rows.copies[ROWS_POSITIONS].rows, 2);
	assert_int_equal(rows.copies[ROWS_ALARMS].rows, 1);
	assert_int_equal(rows.copies[ROWS_STATE].rows, 1); /* none of device 8 */
	assert_true(real(&rows, ROWS_STATE, 0, "latitude") == 54.0);
	assert_text(&rows, ROWS_STATE, 0, "protocol", "pt502");
	assert_text(&rows, ROWS_STATE, 0, "peer", "192.0.2.1:4711");
	assert_int_equal(number(&rows, ROWS_STATE, 0, "last_seen"), RECEIVED - EPOCH2000);
	assert_true(is_null(&rows, ROWS_STATE, 0, "inputs"));
	assert_int_equal(rows.copies[ROWS_OTHER].rows, 2);
	assert_int_equal(number(&rows, ROWS_OTHER, 1, "device_id"), 8);
	assert_text(&rows, ROWS_OTHER, 0, "peer", "192.0.2.1:9");
	assert_int_equal(number(&rows, ROWS_OTHER, 0, "seen"), RECEIVED + 2 * SECOND - EPOCH2000);
	batch_rows_done(&rows);
}

static void a_fix_by_udp_cannot_be_newest_for_long(void **state)
{
	(void)state;
	static const struct {
		enum transport over;
		int64_t ahead, counted;
	} cases[] = {{TRANSPORT_TCP, 599 * SECOND, 599 * SECOND}, {TRANSPORT_UDP, 599 * SECOND, 0},
		{TRANSPORT_UDP, 61 * SECOND, 0}, {TRANSPORT_UDP, 60 * SECOND, 60 * SECOND},
		{TRANSPORT_UDP, -9 * SECOND, -9 * SECOND}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct batch_rows rows;
		batch_rows_init(&rows);
		struct entry entry = report_of(RECEIVED + cases[i].ahead, true);
		entry.peer.transport = (uint8_t)cases[i].over;
		add(&rows, &entry, 1);
		batch_rows_finish(&rows);
		batch_rows_set_states(&rows, rows.states, 0, "main");
		assert_int_equal(number(&rows, ROWS_POSITIONS, 0, "fixed_at"),
			RECEIVED + cases[i].ahead - EPOCH2000);
		assert_int_equal(number(&rows, ROWS_STATE, 0, "fixed_at"),
			RECEIVED + cases[i].counted - EPOCH2000);
		assert_int_equal(number(&rows, ROWS_STATE, 0, "telemetry_at"),
			RECEIVED + cases[i].counted - EPOCH2000);
		batch_rows_done(&rows);
	}
}

// A letter is a peer that sends a datagram.
static void two_udp_peers_are_noted_when_they_alternate(void **state)
{
	(void)state;
	static const struct {
		const char *peers;
		char other; /* 0: none is noted */
	} cases[] = {{"A", 0}, {"AAA", 0}, {"AB", 0}, {"ABBBC", 0}, {"ABA", 'B'}, {"AABBBA", 'B'},
		{"BBBABBB", 'A'}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct batch_rows rows;
		batch_rows_init(&rows);
		for (const char *at = cases[i].peers; *at; at++) {
			struct entry entry = report_of(RECEIVED, false);
			entry.peer.transport = TRANSPORT_UDP;
			entry.peer.port = (uint16_t)*at;
			add(&rows, &entry, 1);
		}
		batch_rows_finish(&rows);
		batch_rows_set_states(&rows, rows.states, 0, "main");
		assert_int_equal(rows.copies[ROWS_STATE].rows, 1);
		assert_int_equal(rows.copies[ROWS_OTHER].rows, cases[i].other != 0);
		if (cases[i].other)
			assert_text(&rows, ROWS_OTHER, 0, "peer",
				cases[i].other == 'A' ? "192.0.2.1:65" : "192.0.2.1:66");
		batch_rows_done(&rows);
	}
}

// Reads the stream in pieces of at most so many bytes.
static struct rows_copy stream_of(const struct rows_copy *copy, size_t cap)
{
	struct rows_copy stream = {.data = malloc(copy->len), .rows = copy->rows};
	struct rows_reader reader = {0};
	uint8_t *buffer = malloc(cap);
	const uint8_t *piece;
	size_t len;

	while ((len = rows_copy_read(copy, &reader, buffer, cap, &piece)) > 0) {
		assert_true(stream.len + len <= copy->len);
		memcpy(stream.data + stream.len, piece, len);
		stream.len += len;
	}
	free(buffer);
	assert_int_equal(stream.len, copy->len);
	assert_int_equal(rows_copy_read(copy, &reader, NULL, 0, &piece), 0);
	return stream;
}

static int64_t integer_of(const struct rows_copy *copy, unsigned row, const char *column)
{
	int32_t len;
	uint64_t wire;
	memcpy(&wire, field(copy, row, column_of(ROWS_POSITIONS, column), &len), sizeof(wire));
	assert_int_equal(len, 8);
	return (int64_t)be64toh(wire);
}

static void rows_are_sent_by_device_in_the_order_of_the_journal(void **state)
{
	(void)state;
	struct batch_rows rows;
	const size_t counts[] = {1, 2, 400}, caps[] = {1, 100, 1000, 65536};

	batch_rows_init(&rows);
	for (size_t i = 0; i < 12; i++) {
		const size_t count = counts[i / 4];
		const struct rows_copy *copy = &rows.copies[ROWS_POSITIONS];
		batch_rows_clear(&rows);
		for (size_t n = 0; n < count; n++) {
			const int64_t device_id = (int64_t)(n * 7919 % 101) * 1000003;
			struct entry entry = report_of(RECEIVED + (int64_t)n, true);
			batch_rows_add_report(&rows, &entry, device_id,
				(struct fixed_time){RECEIVED + (int64_t)n, TIME_DEVICE}, n + 1,
				true);
		}
		batch_rows_finish(&rows);
		struct rows_copy stream = stream_of(copy, caps[i % 4]);
		for (unsigned row = 0; row < count; row++) {
			const int64_t n =
				integer_of(&stream, row, "fixed_at") + EPOCH2000 - RECEIVED;
			assert_int_equal(
				integer_of(&stream, row, "device_id"), n * 7919 % 101 * 1000003);
			assert_int_equal(rows_copy_lsn(copy, row + 1), n + 1);
			if (row == 0)
				continue;
			const int64_t before = integer_of(&stream, row - 1, "device_id"),
				      after = integer_of(&stream, row, "device_id");
			assert_true(before <= after);
			assert_true(before < after || integer_of(&stream, row - 1, "fixed_at") +
								      EPOCH2000 - RECEIVED <
							      n);
		}
		assert_int_equal(rows_copy_lsn(copy, 0), 0);
		assert_int_equal(rows_copy_lsn(copy, count + 1), 0);
		free(stream.data);
	}
	batch_rows_done(&rows);
}

static void buffers_are_used_again(void **state)
{
	(void)state;
	struct batch_rows rows;
	batch_rows_init(&rows);
	for (int round = 0; round < 3; round++) {
		const int64_t devices = round == 1 ? 3 : 5000;
		batch_rows_clear(&rows);
		for (int64_t i = 0; i < 10000; i++) {
			const struct entry entry = report_of(RECEIVED + i, true);
			batch_rows_add_report(&rows, &entry, 1 + i % devices,
				(struct fixed_time){RECEIVED + i, TIME_DEVICE}, (uint64_t)i, true);
		}
		batch_rows_finish(&rows);
		batch_rows_set_states(&rows, rows.states, 0, "main");
		assert_int_equal(rows.copies[ROWS_POSITIONS].rows, 10000);
		assert_int_equal(rows.copies[ROWS_STATE].rows, devices);
		assert_int_equal(number(&rows, ROWS_STATE, 2, "device_id"), 3);
		assert_true(number(&rows, ROWS_STATE, 2, "fixed_at") >=
			    RECEIVED + 10000 - devices - EPOCH2000);
	}
	batch_rows_done(&rows);
}

static void recent_keys_are_remembered(void **state)
{
	(void)state;
	struct dedup_cache *recent = dedup_cache_new();
	const int total = 3 * DEDUP_CACHE_GENERATION;
	for (int i = 1; i <= total; i++) {
		const struct dedup_key key = {i, RECEIVED, 5}, other = {i, RECEIVED, 6};
		assert_false(dedup_cache_add(recent, &key));
		assert_true(dedup_cache_add(recent, &key));
		if (i == total) {
			assert_false(dedup_cache_add(recent, &other));
		}
	}
	/* Keys of the previous generation are remembered, those of the third before are not. */
	assert_true(dedup_cache_add(
		recent, &(struct dedup_key){total - DEDUP_CACHE_GENERATION + 1, RECEIVED, 5}));
	assert_false(dedup_cache_add(recent, &(struct dedup_key){1, RECEIVED, 5}));
	dedup_cache_forget(recent);
	assert_false(dedup_cache_add(recent, &(struct dedup_key){total, RECEIVED, 5}));
	dedup_cache_free(recent);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_report_with_a_fix_becomes_a_position_and_its_alarms),
		cmocka_unit_test(a_report_without_a_fix_becomes_a_status_with_a_plausible_time),
		cmocka_unit_test(rejects_ends_of_connections_and_unknown_devices_become_rows),
		cmocka_unit_test(newer_values_replace_older_ones_in_the_state),
		cmocka_unit_test(the_state_is_certain_only_where_a_connection_started),
		cmocka_unit_test(what_is_set_aside_is_stored_but_no_state),
		cmocka_unit_test(a_fix_by_udp_cannot_be_newest_for_long),
		cmocka_unit_test(two_udp_peers_are_noted_when_they_alternate),
		cmocka_unit_test(rows_are_sent_by_device_in_the_order_of_the_journal),
		cmocka_unit_test(buffers_are_used_again),
		cmocka_unit_test(recent_keys_are_remembered),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
