// SPDX-License-Identifier: MIT
// Simulated trackers: idents, plausible routes, records that decode to what was measured, the schedule, and what is sent
// again after a break.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "decoders/decoders.h"
#include "feed/registry.h"
#include "simulate/simulate_gps103.h"
#include "simulate/simulate_gt06.h"
#include "simulate/simulate_pt502.h"
#include "simulate/simulate_records.h"
#include "simulate/simulate_registry.h"
#include "simulate/simulate_schedule.h"
#include "simulate/simulate_tracker.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NOON_US INT64_C(1795003200000000) /* 2026-11-18 12:00:00 UTC */

// ---- idents

static void idents_contain_seed_and_number(void **state)
{
	(void)state;
	static const struct {
		uint32_t seed, number;
		const char *ident, *imei;
	} rows[] = {
		{1, 1, "5020001", "860000000000017"},
		{1, 2, "5020002", "860000000000025"},
		{1, 9999, "5029999", "860000000099993"},
		{2, 1, "5030001", "860000010000015"},
		{498, 9999, "9999999", "860004970099991"},
		{499, 1, "5000499000001", "860004980000013"},
		{1, 10000, "5000001010000", "860000000100007"},
		{999999, 999999, "5999999999999", "869999989999993"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char ident[16];
		assert_int_equal(simulate_tracker_ident_short(rows[i].seed, rows[i].number, ident),
			strlen(rows[i].ident));
		assert_string_equal(ident, rows[i].ident);
		assert_int_equal(
			simulate_tracker_ident_imei(rows[i].seed, rows[i].number, ident), 15);
		assert_string_equal(ident, rows[i].imei);
	}
}

// ---- vehicles

#define RADIAN (3.14159265358979323846 / 180)

// Computes the metres from a to b, to the east and to the north.
static void offset_m(const struct simulate_sighting *a, const struct simulate_sighting *b,
	double *east, double *north)
{
	double metre = 111195.08 / 1e7;
	*north = (b->lat_e7 - a->lat_e7) * metre;
	*east = (b->lon_e7 - a->lon_e7) * metre * cos(a->lat_e7 / 1e7 * RADIAN);
}

static bool alike(double a, double b, double part, double slack)
{
	return fabs(a - b) <= part * fmax(fabs(a), fabs(b)) + slack;
}

static void check_second(const struct simulate_sighting *a, const struct simulate_sighting *b)
{
	double east, north;
	offset_m(a, b, &east, &north);
	double distance = hypot(east, north);
	double by_speed = (a->speed_kmh_e2 + b->speed_kmh_e2) / 2.0 / 360;
	assert_true(b->speed_kmh_e2 <= 13000);
	assert_true(alike((double)(b->odometer_m - a->odometer_m), by_speed, 0.02, 1.8));
	if (a->course_deg_e2 != b->course_deg_e2) {
		assert_true(b->speed_kmh_e2 <= 3000); /* corners are taken slowly */
		return;
	}
	assert_true(alike(distance, by_speed, 0.02, 0.9));
	if (distance < 5)
		return;
	double bearing = atan2(east, north) / RADIAN;
	double turn = remainder(bearing - b->course_deg_e2 / 100.0, 360);
	assert_true(fabs(turn) < 1);
}

static void routes_are_plausible(void **state)
{
	(void)state;
	unsigned events[8] = {0};
	unsigned moving = 0, corners = 0, seconds = 0;
	uint32_t fastest = 0;
	for (uint32_t number = 1; number <= 40; number++) {
		struct simulate_vehicle vehicle;
		simulate_vehicle_start(&vehicle, 7, number, NOON_US);
		struct simulate_sighting last = simulate_vehicle_drive(&vehicle, NOON_US);
		for (int s = 1; s <= 7200; s++) {
			struct simulate_sighting seen =
				simulate_vehicle_drive(&vehicle, NOON_US + s * INT64_C(1000000));
			check_second(&last, &seen);
			assert_true(seen.ignition || seen.speed_kmh_e2 == 0);
			assert_true(seen.satellites >= 5 && seen.satellites <= 14);
			assert_true(seen.adc < 1024);
			assert_int_equal(
				seen.event == SIGHTING_IGNITION, seen.ignition != last.ignition);
			events[seen.event]++;
			moving += seen.speed_kmh_e2 > 0;
			corners += seen.course_deg_e2 != last.course_deg_e2;
			fastest = seen.speed_kmh_e2 > fastest ? seen.speed_kmh_e2 : fastest;
			seconds++;
			last = seen;
		}
		double east, north;
		struct simulate_sighting middle = {.lat_e7 = 481170000, .lon_e7 = 115170000};
		offset_m(&middle, &last, &east, &north);
		assert_true(hypot(east, north) < 9000);
	}
	assert_true(moving > seconds / 3 && moving < seconds);
	assert_true(corners > 1000);
	assert_true(fastest > 11000);
	for (int event = SIGHTING_POSITION; event <= SIGHTING_LOW_BATTERY; event++)
		assert_true(events[event] > 0);
	assert_true(events[SIGHTING_POSITION] > seconds / 10 * 9);
}

static void the_odometer_is_right_after_long_gaps(void **state)
{
	(void)state;
	struct simulate_vehicle vehicle;
	simulate_vehicle_start(&vehicle, 3, 5, NOON_US);
	struct simulate_sighting last = simulate_vehicle_drive(&vehicle, NOON_US);
	for (int n = 1; n <= 2000; n++) {
		struct simulate_sighting seen =
			simulate_vehicle_drive(&vehicle, NOON_US + n * INT64_C(10000000));
		double east, north;
		offset_m(&last, &seen, &east, &north);
		double driven = (double)(seen.odometer_m - last.odometer_m);
		assert_true(driven >= hypot(east, north) * 0.99 -
					      2); /* no street is shorter than the straight line */
		assert_true(driven <= 10 * 130 / 3.6);
		last = seen;
	}
}

static void the_seed_determines_the_route(void **state)
{
	(void)state;
	struct simulate_vehicle a, b, c;
	simulate_vehicle_start(&a, 1, 1, NOON_US);
	simulate_vehicle_start(&b, 1, 1, NOON_US + 86400000000);
	simulate_vehicle_start(&c, 2, 1, NOON_US);
	unsigned others = 0;
	for (int64_t us = 0; us < INT64_C(3600000000); us += 5000000) {
		struct simulate_sighting from_a = simulate_vehicle_drive(&a, NOON_US + us);
		struct simulate_sighting from_b =
			simulate_vehicle_drive(&b, NOON_US + 86400000000 + us);
		struct simulate_sighting from_c = simulate_vehicle_drive(&c, NOON_US + us);
		from_b.time_us = from_a.time_us;
		assert_memory_equal(&from_a, &from_b, sizeof(from_a));
		others += from_a.lat_e7 != from_c.lat_e7;
	}
	assert_true(others > 600);
}

// ---- records

static struct decoded decoded;

static const struct report *decode_one(
	const struct decoder *decoder, const uint8_t *data, size_t len)
{
	struct session session = {.received_us = NOON_US};
	struct frame frame = decoder->frame(&session, data, len);
	assert_int_equal(frame.kind, FRAME_OK);
	size_t blanks = len - frame.len;
	assert_true(blanks <= 2); /* CR LF may count as filler */
	decoded_reset(&decoded);
	assert_int_equal(decoder->decode(&session, data, frame.len, &decoded), DECODE_OK);
	assert_int_equal(decoded.report_count, 1);
	assert_int_equal(decoded.reject_count, 0);
	return &decoded.reports[0];
}

static void check_pt502(const struct simulate_tracker *tracker,
	const struct simulate_sighting *seen, const struct report *r)
{
	static const char *const names[] = {"POS", "IN4", "SPD", "IN1", "LPA"};
	static const uint64_t alarms[] = {
		0, 0, 1u << ALARM_OVERSPEED, 1u << ALARM_SOS, 1u << ALARM_LOW_BATTERY};
	const struct report_body *b = &r->body;
	assert_int_equal(r->ident.len, tracker->ident_len);
	assert_memory_equal(r->ident.data, tracker->ident, tracker->ident_len);
	assert_memory_equal(r->event.data, names[seen->event], 3);
	assert_int_equal(b->alarms, alarms[seen->event]);
	assert_int_equal(b->device_time_us, seen->time_us / 1000 * 1000);
	assert_true(labs(b->lat_e7 - seen->lat_e7) <= 9 && labs(b->lon_e7 - seen->lon_e7) <= 9);
	assert_true(labs((long)b->speed_kmh_e2 - (long)seen->speed_kmh_e2) <= 2);
	assert_int_equal(b->course_deg_e2, seen->course_deg_e2);
	assert_int_equal(b->odometer_m, seen->odometer_m);
	assert_int_equal(b->satellites, seen->satellites);
	assert_int_equal(b->adc[0], seen->adc);
	assert_int_equal(b->inputs, (seen->ignition ? 8u : 0) | (seen->event == SIGHTING_SOS));
	assert_int_equal(b->flags, FLAG_VALID | (seen->ignition ? FLAG_IGNITION : 0));
	assert_int_equal(b->battery_percent, (seen->battery * 100 + 7) / 15);
	assert_int_equal(b->gsm_percent, (seen->gsm * 100 + 7) / 15);
}

static void a_pt502_record_decodes_to_what_was_measured(void **state)
{
	(void)state;
	for (uint32_t number = 1; number <= 4; number++) {
		struct simulate_tracker tracker;
		simulate_tracker_init(&tracker, &simulate_pt502, 1, number);
		simulate_vehicle_start(&tracker.vehicle, 1, number, NOON_US);
		for (int64_t n = 0; n < 20000; n++) {
			struct simulate_sighting seen =
				simulate_vehicle_drive(&tracker.vehicle, NOON_US + n * 7001001);
			uint8_t out[SIMULATE_RECORD_MAX];
			size_t len = simulate_pt502.report(&tracker, &seen, out);
			assert_true(len < sizeof(out));
			assert_int_equal(simulate_pt502.length(out, len), len);
			assert_int_equal(out[0], number / 2 % 2 ? 0xbf : '$');
			check_pt502(&tracker, &seen, decode_one(&decoder_pt502, out, len));
		}
	}
}

// Longest fields, and southern and western hemisphere.
static void the_longest_record_fits(void **state)
{
	(void)state;
	struct simulate_tracker tracker;
	simulate_tracker_init(&tracker, &simulate_pt502, 999999, 999998);
	struct simulate_sighting seen = {.time_us = NOON_US,
		.odometer_m = 999999999999,
		.lat_e7 = -899999999,
		.lon_e7 = -1799999999,
		.speed_kmh_e2 = 99999,
		.course_deg_e2 = 35999,
		.adc = 1023,
		.satellites = 15,
		.battery = 15,
		.gsm = 15,
		.ignition = true};
	uint8_t out[SIMULATE_RECORD_MAX];
	size_t len = simulate_pt502.report(&tracker, &seen, out);
	assert_true(len < sizeof(out));
	check_pt502(&tracker, &seen, decode_one(&decoder_pt502, out, len));
}

// ---- schedule

#define S INT64_C(1000000)

static void a_count_ends_now_without_repeating_a_second(void **state)
{
	(void)state;
	static const struct {
		uint32_t devices;
		uint64_t count, rate_milli;
		int64_t step_us, last_us; /* last: of tracker 0, from the start */
	} rows[] = {
		{10, 100, 10000, S, 9 * S},      /* one per second: real time */
		{10, 100, 1000, 10 * S, 90 * S}, /* one in ten seconds */
		{10, 100, 3000, 3333333, 9 * INT64_C(3333333)},
		{10, 100, 0, 10 * S, 0},         /* no limit: ends now */
		{10, 100, 50000, 10 * S, 2 * S}, /* ends when the last report is sent */
		{100, 100000, 0, 10 * S, 0},
		{100, 2000000, 0, 2 * S, 0},
		{1, 5000000, 0, S, 0},
		{3, 1, 0, 10 * S, 0},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct simulate_schedule s;
		assert_true(simulate_schedule_make(
			&s, rows[i].devices, rows[i].count, rows[i].rate_milli, NOON_US));
		assert_int_equal(s.step_us, rows[i].step_us);
		uint64_t most = simulate_schedule_share(&s, rows[i].count, 0);
		assert_int_equal(
			simulate_schedule_time(&s, 0, most - 1), NOON_US + rows[i].last_us);
		uint64_t all = 0;
		for (uint32_t d = 0; d < rows[i].devices; d++)
			all += simulate_schedule_share(&s, rows[i].count, d);
		assert_int_equal(all, rows[i].count);
		assert_int_equal(simulate_schedule_due(&s, NOON_US + 1000000 * S), rows[i].count);
	}
}

static void too_many_reports_per_device_are_refused(void **state)
{
	(void)state;
	struct simulate_schedule s;
	assert_true(simulate_schedule_make(&s, 2, 2 * UINT64_C(25920000), 0, NOON_US));
	assert_int_equal(simulate_schedule_time(&s, 0, 0), NOON_US - 300 * 86400 * S + S);
	assert_false(simulate_schedule_make(&s, 2, 2 * UINT64_C(25920000) + 1, 0, NOON_US));
	assert_true(simulate_schedule_make(&s, 2, 2 * UINT64_C(25920000) + 1, 2000, NOON_US));
}

static void nothing_is_due_early(void **state)
{
	(void)state;
	static const uint64_t rates[] = {0, 1, 500, 1000, 7000, 10000, 33333, 1000000, 500000000};
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		struct simulate_schedule s;
		assert_true(simulate_schedule_make(&s, 10, SCHEDULE_ENDLESS, rates[i], NOON_US));
		assert_true(s.step_us >= S);
		for (int64_t after = 0; after < 400 * 86400 * S; after = after * 2 + 1) {
			uint64_t due = simulate_schedule_due(&s, NOON_US + after);
			double rate = (double)rates[i] / 1000;
			assert_true(
				rates[i] == 0 || (double)due <= rate * (double)after / 1e6 + 1.001);
			for (uint32_t d = 0; d < 10; d++) {
				uint64_t part = simulate_schedule_share(&s, due, d);
				/* reports due are not from the future */
				if (part > 0)
					assert_true(simulate_schedule_time(&s, d, part - 1) <=
						    NOON_US + after + 1);
			}
		}
	}
}

// ---- sending again

static void fill(struct simulate_records *records, struct simulate_tracker *tracker, int64_t from,
	int64_t count)
{
	for (int64_t n = from; n < from + count; n++) {
		assert_true(simulate_records_reserve(records, SIMULATE_RECORD_MAX));
		struct simulate_sighting seen =
			simulate_vehicle_drive(&tracker->vehicle, NOON_US + n * S);
		records->len +=
			records->protocol->report(tracker, &seen, records->data + records->len);
	}
}

static void the_last_three_records_and_a_cut_one_are_sent_again(void **state)
{
	(void)state;
	for (uint32_t number = 1; number <= 2; number++) {
		struct simulate_tracker tracker;
		simulate_tracker_init(&tracker, &simulate_pt502, 1, number);
		simulate_vehicle_start(&tracker.vehicle, 1, number, NOON_US);
		struct simulate_records records = {.protocol = &simulate_pt502};
		fill(&records, &tracker, 0, 10);
		size_t ends[10], at = 0;
		for (size_t i = 0; i < 10; i++)
			ends[i] = at += simulate_records_at(&records, at);
		assert_int_equal(at, records.len);

		records.sent = ends[5] + 7; /* the seventh is cut */
		simulate_records_forget_old(&records);
		assert_int_equal(records.first, ends[2]);
		assert_int_equal(simulate_records_unsent(&records), 4);
		simulate_records_rewind(&records);
		assert_int_equal(records.sent, ends[2]);
		assert_int_equal(simulate_records_unsent(&records), 4);
		assert_int_equal(
			simulate_records_count(&records, records.first, records.again_until, true),
			3);

		records.sent = records.len;
		simulate_records_forget_old(&records);
		assert_int_equal(records.first, ends[6]);
		assert_int_equal(simulate_records_unsent(&records), 0);
		fill(&records, &tracker, 10, 100); /* moves the kept records to the front */
		assert_int_equal(simulate_records_unsent(&records), 100);
		records.sent = records.len;
		simulate_records_forget_old(&records);
		assert_int_equal(
			simulate_records_count(&records, records.first, records.len, true), 3);
		simulate_records_done(&records);
		assert_null(records.data);
	}
}

static void records_stop_at_the_cap(void **state)
{
	(void)state;
	struct simulate_tracker tracker;
	simulate_tracker_init(&tracker, &simulate_gt06, 1, 1);
	simulate_vehicle_start(&tracker.vehicle, 1, 1, NOON_US);
	struct simulate_records records = {.protocol = &simulate_gt06};
	int64_t n = 0;
	for (; simulate_records_reserve(&records, SIMULATE_RECORD_MAX); n++)
		fill(&records, &tracker, n, 1);
	assert_true(records.len <= RECORDS_MAX && records.len > RECORDS_MAX - SIMULATE_RECORD_MAX);
	assert_int_equal(simulate_records_unsent(&records), n);
	simulate_records_done(&records);
}

// ---- acknowledgements

static void answers_are_classified(void **state)
{
	(void)state;
	static const uint8_t good[] = {0x78, 0x78, 5, 1, 0, 1, 0xd9, 0xdc, 0x0d, 0x0a};
	size_t used = 0;
	uint32_t key = 0;
	for (size_t len = 1; len < sizeof(good); len++)
		assert_int_equal(simulate_gt06.answer(good, len, &used, &key), ANSWER_MORE);
	assert_int_equal(simulate_gt06.answer(good, sizeof(good), &used, &key), ANSWER_ACK);
	assert_int_equal(used, sizeof(good));
	assert_int_equal(key, 0x10001);
	for (size_t i = 0; i < sizeof(good); i++) {
		uint8_t bad[sizeof(good)];
		memcpy(bad, good, sizeof(good));
		bad[i] ^= 0x40;
		assert_int_equal(simulate_gt06.answer(bad, sizeof(bad), &used, &key),
			i == 2 ? ANSWER_OTHER : ANSWER_BAD);
	}
	assert_int_equal(used, 0x45 + 5); /* a command, longer than the bytes given */
}

static void only_sent_records_are_acknowledged_and_only_once(void **state)
{
	(void)state;
	struct simulate_tracker tracker;
	simulate_tracker_init(&tracker, &simulate_gt06, 1, 1);
	simulate_vehicle_start(&tracker.vehicle, 1, 1, NOON_US);
	struct simulate_records records = {.protocol = &simulate_gt06};
	fill(&records, &tracker, 0, 5);
	uint32_t keys[5];
	size_t at = 0;
	for (size_t i = 0; i < 5; i++) {
		size_t len = simulate_records_at(&records, at);
		keys[i] = simulate_gt06.key(records.data + at, len);
		assert_int_equal(keys[i] & 0xffff, i + 1);
		at += len;
		if (i == 3)
			records.sent = at;
	}
	assert_false(simulate_records_acknowledge(&records, keys[4])); /* not sent yet */
	assert_true(simulate_records_acknowledge(&records, keys[2]));  /* out of turn */
	assert_false(simulate_records_acknowledge(&records, keys[2]));
	assert_true(simulate_records_acknowledge(&records, keys[0]));
	assert_false(simulate_records_acknowledge(&records, keys[1] ^ 0x10000)); /* wrong type */
	assert_int_equal(simulate_records_count(&records, records.first, records.len, true), 3);
	assert_true(simulate_records_acknowledge(&records, keys[1]));
	assert_true(simulate_records_acknowledge(&records, keys[3]));
	assert_int_equal(records.first, records.sent);
	simulate_records_done(&records);
}

// A GPS103 gets answers to "help me" and heartbeats only.
static void records_without_an_answer_are_not_awaited(void **state)
{
	static const enum simulate_event events[] = {SIGHTING_POSITION, SIGHTING_SOS,
		SIGHTING_OVERSPEED, SIGHTING_POSITION, SIGHTING_LOW_BATTERY, SIGHTING_SOS,
		SIGHTING_POSITION, SIGHTING_POSITION};
	static const char stop[] = "**,imei:860000000000017,E;ON";
	struct simulate_records records = {.protocol = &simulate_gps103};
	struct simulate_sighting seen = {.time_us = NOON_US};
	struct simulate_tracker tracker;
	size_t used = 0;
	uint32_t sos = 0, beat = 0;
	(void)state;
	simulate_tracker_init(&tracker, &simulate_gps103, 1, 1);
	assert_true(simulate_records_reserve(&records, 10 * SIMULATE_RECORD_MAX));
	assert_false(simulate_records_awaits_any(&records));
	for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
		seen.event = events[i];
		records.len += simulate_gps103.report(&tracker, &seen, records.data + records.len);
	}
	records.len += simulate_gps103.heartbeat(&tracker, &seen, records.data + records.len);
	assert_int_equal(simulate_records_count_awaited(&records, 0, records.len), 3);
	records.sent = records.len;
	simulate_records_forget_old(&records);
	assert_int_equal(simulate_records_count(&records, records.first, records.len, false), 6);
	assert_int_equal(simulate_records_count_awaited(&records, records.first, records.len), 3);
	assert_int_equal(
		simulate_gps103.answer((const uint8_t *)stop, 25, &used, &sos), ANSWER_MORE);
	assert_int_equal(
		simulate_gps103.answer((const uint8_t *)stop, 28, &used, &sos), ANSWER_ACK);
	assert_int_equal(used, 26);
	assert_int_equal(
		simulate_gps103.answer((const uint8_t *)stop + 26, 2, &used, &beat), ANSWER_ACK);
	assert_true(simulate_records_acknowledge(&records, sos));
	assert_true(simulate_records_acknowledge(&records, beat));
	assert_true(simulate_records_awaits_any(&records));
	assert_true(simulate_records_acknowledge(&records, sos));
	assert_false(simulate_records_acknowledge(&records, sos));
	assert_false(simulate_records_awaits_any(&records));
	assert_int_equal(simulate_records_count(&records, records.first, records.len, true), 3);
	simulate_records_done(&records);
}

static void protocols_are_found_by_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < simulate_registry_count; i++)
		assert_ptr_equal(
			simulate_registry_find(simulate_registry[i]->name), &simulate_registry[i]);
	assert_null(simulate_registry_find("mixed"));
	assert_null(simulate_registry_find(""));
}

// A photo part is sent however the request's line ends; what asks for no part of the photo has no answer.
static void photo_parts_are_sent_whatever_the_line_end(void **state)
{
	static const struct {
		const char *line, *start; /* of the answer's body; NULL: no answer */
	} requests[] = {{"#PHD0,9\r\n", "$PHD0,9,"}, {"#PHD0,9\n", "$PHD0,9,"},
		{"#PHD1,9\r\r\n", "$PHD1,9,"}, {"#PHD\n", NULL}, {"#PHD0\r\n", NULL},
		{"#PHD0,\r\n", NULL}, {"#PHD,9\n", NULL}, {"#PHD9999,9\r\n", NULL}};
	(void)state;
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		uint8_t reply[SIMULATE_REPLY_MAX];
		struct simulate_tracker tracker;
		simulate_tracker_init(&tracker, &simulate_pt502, 1, 2);
		tracker.camera.on = true;
		tracker.camera.size = 3000;
		const char *line = requests[i].line, *start = requests[i].start;
		const size_t len = simulate_pt502.execute(
			&tracker, (const uint8_t *)line, strlen(line), reply);
		assert_int_equal(len, start ? 5 + strlen(start) + 9 + 2 : 0);
		if (start)
			assert_memory_equal(reply + 5, start, strlen(start));
	}
}

static void protocols_for_tcp_only_are_the_last(void **state)
{
	(void)state;
	for (size_t i = 0; i < simulate_registry_count; i++) {
		const struct simulate_protocol *protocol = simulate_registry[i];
		const struct decoder *decoder =
			registry_find(protocol->name, strlen(protocol->name));
		assert_non_null(decoder);
		assert_int_equal(protocol->tcp_only, !strcmp(decoder->transports, "TCP"));
		assert_int_equal(protocol->tcp_only, i >= simulate_registry_udp_count());
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(idents_contain_seed_and_number),
		cmocka_unit_test(photo_parts_are_sent_whatever_the_line_end),
		cmocka_unit_test(protocols_are_found_by_name),
		cmocka_unit_test(protocols_for_tcp_only_are_the_last),
		cmocka_unit_test(records_without_an_answer_are_not_awaited),
		cmocka_unit_test(routes_are_plausible),
		cmocka_unit_test(the_odometer_is_right_after_long_gaps),
		cmocka_unit_test(the_seed_determines_the_route),
		cmocka_unit_test(a_pt502_record_decodes_to_what_was_measured),
		cmocka_unit_test(the_longest_record_fits),
		cmocka_unit_test(a_count_ends_now_without_repeating_a_second),
		cmocka_unit_test(too_many_reports_per_device_are_refused),
		cmocka_unit_test(nothing_is_due_early),
		cmocka_unit_test(the_last_three_records_and_a_cut_one_are_sent_again),
		cmocka_unit_test(records_stop_at_the_cap),
		cmocka_unit_test(answers_are_classified),
		cmocka_unit_test(only_sent_records_are_acknowledged_and_only_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
