// SPDX-License-Identifier: MIT
// The daemon's decoder reads from a simulated GT06 what its vehicle measured.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "decoders/decoders.h"
#include "simulate/simulate_gt06.h"
#include "simulate/simulate_tracker.h"

#include <stdlib.h>
#include <string.h>

#define NOON_US INT64_C(1795003200000000) /* 2026-11-18 12:00:00 UTC */

static struct decoded decoded;

// Decodes a whole frame and checks that the reply acknowledges it to the tracker.
static void decode_one(struct session *session, const uint8_t *data, size_t len)
{
	struct frame frame = decoder_gt06.frame(session, data, len);
	assert_int_equal(frame.kind, FRAME_OK);
	assert_int_equal(frame.len, len);
	decoded_reset(&decoded);
	assert_int_equal(decoder_gt06.decode(session, data, len, &decoded), DECODE_OK);
	assert_int_equal(decoded.reject_count, 0);
	enum reply_when when = decoded.reply_len[REPLY_NOW] ? REPLY_NOW : REPLY_STORED;
	size_t used = 0;
	uint32_t key = 0;
	assert_int_equal(
		simulate_gt06.answer(decoded.reply[when], decoded.reply_len[when], &used, &key),
		ANSWER_ACK);
	assert_int_equal(used, decoded.reply_len[when]);
	assert_int_equal(key, simulate_gt06.key(data, len));
}

static void check_report(const struct simulate_sighting *seen)
{
	static const uint64_t alarms[] = {
		0, 0, 1u << ALARM_OVERSPEED, 1u << ALARM_SOS, 1u << ALARM_LOW_BATTERY};
	assert_int_equal(decoded.report_count, 1);
	const struct report_body *b = &decoded.reports[0].body;
	assert_int_equal(b->alarms, alarms[seen->event]);
	assert_int_equal(b->device_time_us, seen->time_us / 1000000 * 1000000);
	assert_true(labs(b->lat_e7 - seen->lat_e7) <= 3 && labs(b->lon_e7 - seen->lon_e7) <= 3);
	assert_true(labs((long)b->speed_kmh_e2 - (long)seen->speed_kmh_e2) <= 50);
	assert_true(labs((long)b->course_deg_e2 - (long)seen->course_deg_e2) <= 50);
	assert_int_equal(b->odometer_m, seen->odometer_m);
	assert_int_equal(b->satellites, seen->satellites);
	assert_int_equal(b->flags, FLAG_VALID | (seen->ignition ? FLAG_IGNITION : 0));
}

static void a_gt06_report_decodes_to_what_was_measured(void **state)
{
	(void)state;
	for (uint32_t number = 1; number <= 4; number++) {
		struct simulate_tracker tracker;
		simulate_tracker_init(&tracker, &simulate_gt06, 1, number);
		simulate_vehicle_start(&tracker.vehicle, 1, number, NOON_US);
		struct session session = {.received_us = NOON_US};
		uint8_t out[SIMULATE_RECORD_MAX];
		size_t len = simulate_gt06.login(&tracker, out);
		assert_true(len <= SIMULATE_LOGIN_MAX);
		decode_one(&session, out, len);
		assert_int_equal(session.ident_len, tracker.ident_len);
		assert_memory_equal(session.ident, tracker.ident, tracker.ident_len);
		for (int64_t n = 0; n < 20000; n++) {
			struct simulate_sighting seen =
				simulate_vehicle_drive(&tracker.vehicle, NOON_US + n * 7001001);
			session.received_us = seen.time_us;
			len = simulate_gt06.report(&tracker, &seen, out);
			assert_int_equal(simulate_gt06.length(out, len), len);
			assert_true(simulate_gt06.is_report(out));
			decode_one(&session, out, len);
			check_report(&seen);
			if (n % 100)
				continue;
			len = simulate_gt06.heartbeat(&tracker, &seen, out);
			assert_false(simulate_gt06.is_report(out));
			decode_one(&session, out, len);
			assert_int_equal(decoded.report_count, 1);
			assert_false(decoded.reports[0].body.has & HAS_FIX);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_gt06_report_decodes_to_what_was_measured),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
