// SPDX-License-Identifier: MIT
// report.c and batch.c.
#include "fixture.h"
#include "protocol/decoder.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define DAY          (86400 * INT64_C(1000000))
#define MINUTE       (60 * INT64_C(1000000))
#define RECEIVED     INT64_C(1795342500000000) /* 2026-11-22T10:15:00Z */

static struct decoded batch;

// A journal written today must read the same tomorrow: the numbers, not just the names.
static void alarms_keep_number_and_name(void **state)
{
	(void)state;
	static const char *const names[] = {"general", "sos", "vibration", "movement", "lowspeed",
		"overspeed", "fallDown", "lowPower", "lowBattery", "fault", "powerOff", "powerOn",
		"door", "lock", "unlock", "geofence", "geofenceEnter", "geofenceExit",
		"gpsAntennaCut", "accident", "tow", "idle", "highRpm", "hardAcceleration",
		"hardBraking", "hardCornering", "laneChange", "fatigueDriving", "powerCut",
		"powerRestored", "jamming", "temperature", "parking", "bonnet", "footBrake",
		"fuelLeak", "tampering", "removing"};
	assert_int_equal(ALARM_COUNT, COUNT(names));
	for (unsigned i = 0; i < COUNT(names); i++) {
		struct report report;
		report_clear(&report);
		assert_string_equal(report_alarm_name((enum alarm)i), names[i]);
		report_add_alarm(&report, (enum alarm)i);
		assert_int_equal(report.body.alarms, UINT64_C(1) << i);
	}
}

typedef bool setter(struct report *report, int64_t value);

static bool set_latitude(struct report *report, int64_t e7)
{
	return report_set_fix(report, e7, 0, true);
}

static bool set_longitude(struct report *report, int64_t e7)
{
	return report_set_fix(report, 0, e7, true);
}

static void setters_hold_their_range(void **state)
{
	(void)state;
	static const struct {
		setter *set;
		uint32_t has;
		int64_t least, most;
	} setters[] = {
		{set_latitude, HAS_FIX, -900000000, 900000000},
		{set_longitude, HAS_FIX, -1800000000, 1800000000},
		{report_set_speed, HAS_SPEED, 0, 100000},
		{report_set_course, HAS_COURSE, 0, 36000},
		{report_set_altitude, HAS_ALTITUDE, -100000, 2000000},
		{report_set_satellites, HAS_SATELLITES, 0, 99},
		{report_set_hdop, HAS_HDOP, 0, 9999},
		{report_set_odometer, HAS_ODOMETER, 0, 1000000000000},
		{report_set_battery_percent, HAS_BATTERY_PERCENT, 0, 100},
		{report_set_battery_mv, HAS_BATTERY_V, 0, 100000},
		{report_set_power_mv, HAS_POWER_V, 0, 1000000},
		{report_set_gsm_percent, HAS_GSM, 0, 100},
	};
	for (size_t i = 0; i < COUNT(setters); i++) {
		const int64_t bad[] = {
			setters[i].least - 1, setters[i].most + 1, INT64_MIN, INT64_MAX};
		struct report report;
		report_clear(&report);
		assert_true(setters[i].set(&report, setters[i].least));
		assert_int_equal(report.body.has, setters[i].has);
		assert_true(setters[i].set(&report, setters[i].most));
		for (size_t k = 0; k < COUNT(bad); k++) {
			struct report empty;
			report_clear(&empty);
			assert_true(setters[i].set(&report, setters[i].most));
			assert_false(setters[i].set(&report, bad[k]));
			assert_memory_equal(&report.body, &empty.body, sizeof empty.body);
		}
	}
}

static void setters_store_what_they_are_given(void **state)
{
	(void)state;
	struct report report;
	report_clear(&report);
	assert_true(report_set_fix(&report, -335678901, 1512345678, true));
	assert_int_equal(report.body.lat_e7, -335678901);
	assert_int_equal(report.body.lon_e7, 1512345678);
	assert_int_equal(report.body.flags, FLAG_VALID);
	assert_true(report_set_fix(&report, 1, 2, false));
	assert_int_equal(report.body.flags, 0);
	report_set_ignition(&report, true);
	assert_int_equal(report.body.flags, FLAG_IGNITION);
	report_set_ignition(&report, false);
	assert_int_equal(report.body.flags, 0);
	report_set_inputs(&report, 8);
	report_set_outputs(&report, 3);
	report_set_adc(&report, 3, -7);
	report_set_time(&report, -5);
	report_set_altitude(&report, -123);
	report_set_odometer(&report, 106945600);
	assert_int_equal(report.body.inputs, 8);
	assert_int_equal(report.body.outputs, 3);
	assert_int_equal(report.body.adc[3], -7);
	assert_int_equal(report.body.device_time_us, -5);
	assert_int_equal(report.body.altitude_m_e2, -123);
	assert_int_equal(report.body.odometer_m, 106945600);
	assert_int_equal(report.body.has, HAS_FIX | HAS_IGNITION | HAS_INPUTS | HAS_OUTPUTS |
						  HAS_ADC4 | HAS_TIME | HAS_ALTITUDE |
						  HAS_ODOMETER);
}

static void fixed_time_is_plausible(void **state)
{
	(void)state;
	const int64_t rollover = 1024 * 7 * DAY;
	const struct {
		int64_t device_us;
		enum time_source source;
	} samples[] = {
		{RECEIVED, TIME_DEVICE},
		{RECEIVED - 400 * DAY, TIME_DEVICE},
		{RECEIVED - 400 * DAY - 1, TIME_RECEIVED},
		{RECEIVED + 10 * MINUTE, TIME_DEVICE},
		{RECEIVED + 10 * MINUTE + 1, TIME_RECEIVED},
		{RECEIVED - rollover, TIME_ROLLOVER},
		{RECEIVED - rollover - 400 * DAY, TIME_ROLLOVER},
		{RECEIVED - rollover - 400 * DAY - 1, TIME_RECEIVED},
		{RECEIVED - rollover + 10 * MINUTE, TIME_ROLLOVER},
		{RECEIVED - rollover + 10 * MINUTE + 1, TIME_RECEIVED},
		{0, TIME_RECEIVED},
		{INT64_MIN, TIME_RECEIVED},
		{INT64_MAX, TIME_RECEIVED},
	};
	for (size_t i = 0; i < COUNT(samples); i++) {
		struct report report;
		report_clear(&report);
		report_set_time(&report, samples[i].device_us);
		struct fixed_time fixed = report_fixed_time(&report.body, RECEIVED);
		int64_t expected = samples[i].source == TIME_DEVICE ? samples[i].device_us
				   : samples[i].source == TIME_ROLLOVER
					   ? samples[i].device_us + rollover
					   : RECEIVED;
		assert_int_equal(fixed.source, samples[i].source);
		assert_int_equal(fixed.time_us, expected);
	}
	struct report none;
	report_clear(&none);
	none.body.device_time_us = RECEIVED - 1; // without its bit: absent
	assert_int_equal(report_fixed_time(&none.body, RECEIVED).source, TIME_RECEIVED);
	assert_string_equal(report_time_source_name(TIME_DEVICE), "device");
	assert_string_equal(report_time_source_name(TIME_ROLLOVER), "rollover");
	assert_string_equal(report_time_source_name(TIME_RECEIVED), "received");
}

static void check_extra(const struct report *report, const char *expected)
{
	assert_int_equal(report->extra.len, strlen(expected));
	assert_memory_equal(report->extra.data, expected, report->extra.len);
}

static void extra_is_json(void **state)
{
	(void)state;
	const struct session session = {0};
	decoded_reset(&batch);
	struct report *report = decoded_report(&batch, &session);
	extra_int(&batch, report, "a", -5);
	extra_int(&batch, report, "b", INT64_MIN);
	extra_fixed(&batch, report, "c", 1234, 2);
	extra_fixed(&batch, report, "d", -5, 2);
	extra_bool(&batch, report, "e", true);
	extra_bool(&batch, report, "f", false);
	extra_hex(&batch, report, "g", "\x00\xAB\x0F", 3);
	extra_text(&batch, report, "h", "", 0);
	check_extra(report,
		"\"a\":-5,\"b\":-9223372036854775808,\"c\":12.34,\"d\":-0.05,\"e\":true,"
		"\"f\":false,\"g\":\"00ab0f\",\"h\":\"\"");
}

static void extra_text_is_sound_utf8(void **state)
{
	(void)state;
#define BAD "\xEF\xBF\xBD"
	static const struct {
		const char *in;
		size_t len;
		const char *out;
	} samples[] = {
		{"plain", 5, "plain"},
		{"a\"b\\c", 5, "a\\\"b\\\\c"},
		{"\r\n\x1f\x7f", 4, "\\u000d\\u000a\\u001f\x7f"},
		{"a\0b", 3, "ab"},
		{"M\xC3\xBCnchen", 8, "M\xC3\xBCnchen"},
		{"\xE2\x82\xAC\xF0\x9F\x9A\x97", 7, "\xE2\x82\xAC\xF0\x9F\x9A\x97"},
		{"\xFCx", 2, BAD "x"},
		{"\xC3", 1, BAD},
		{"\xE2\x82", 2, BAD BAD},
		{"\xC0\x80", 2, BAD BAD},         // overlong
		{"\xE0\x9F\xBF", 3, BAD BAD BAD}, // overlong
		{"\xED\xA0\x80", 3, BAD BAD BAD}, // surrogate
		{"\xF4\x90\x80\x80", 4, BAD BAD BAD BAD},
		{"\xF0\x8F\xBF\xBF", 4, BAD BAD BAD BAD},
		{"\xF5\x80\x80\x80", 4, BAD BAD BAD BAD},
		{"\xE2\x28\xA1", 3, BAD "(" BAD},
	};
	const struct session session = {0};
	struct guarded guard = guarded_new(64);
	for (size_t i = 0; i < COUNT(samples); i++) {
		char expected[64] = "\"t\":\"";
		decoded_reset(&batch);
		struct report *report = decoded_report(&batch, &session);
		extra_text(&batch, report, "t", guarded_copy(&guard, samples[i].in, samples[i].len),
			samples[i].len);
		strcat(strcat(expected, samples[i].out), "\"");
		check_extra(report, expected);
	}
	guarded_free(&guard);
}

static void a_member_goes_in_whole_or_not_at_all(void **state)
{
	(void)state;
	static char long_text[EXTRA_MAX];
	const struct session session = {0};
	memset(long_text, 'x', sizeof long_text);
	decoded_reset(&batch);
	struct report *report = decoded_report(&batch, &session);
	extra_text(&batch, report, "t", long_text, EXTRA_MAX - 5); // "t":"" are six
	assert_int_equal(report->extra.len, 0);
	assert_int_equal(batch.arena_len, 0);
	extra_text(&batch, report, "t", long_text, EXTRA_MAX - 6);
	assert_int_equal(report->extra.len, EXTRA_MAX);
	extra_int(&batch, report, "n", 1);
	assert_int_equal(report->extra.len, EXTRA_MAX);

	// The arena fills up: the last report's text is left out, none is cut.
	for (size_t i = 1; i < DECODED_ARENA / EXTRA_MAX + 1; i++) {
		report = decoded_report(&batch, &session);
		extra_text(&batch, report, "t", long_text, EXTRA_MAX - 6);
		assert_int_equal(report->extra.len, i < DECODED_ARENA / EXTRA_MAX ? EXTRA_MAX : 0);
	}
	assert_int_equal(batch.arena_len, DECODED_ARENA);
}

static void a_dropped_report_takes_its_members_along(void **state)
{
	(void)state;
	const struct session session = {0};
	decoded_reset(&batch);
	struct report *first = decoded_report(&batch, &session);
	extra_int(&batch, first, "a", 1);
	extra_int(&batch, decoded_report(&batch, &session), "b", 2);
	decoded_drop_report(&batch);
	extra_int(&batch, first, "c", 3);
	check_extra(first, "\"a\":1,\"c\":3");
	assert_int_equal(batch.report_count, 1);
}

static void reports_are_clean_and_bounded(void **state)
{
	(void)state;
	struct session session = {0};
	decoded_reset(&batch);
	memset(batch.reports, 0xAA, sizeof batch.reports);
	struct report *report = decoded_report(&batch, &session);
	struct report empty;
	report_clear(&empty);
	assert_memory_equal(report, &empty, sizeof empty);
	assert_true(session_set_ident(&session, "0042", 4));
	for (size_t i = 1; i < DECODED_REPORTS; i++) {
		report = decoded_report(&batch, &session);
		assert_non_null(report);
		assert_int_equal(report->ident.len, 4);
		assert_memory_equal(report->ident.data, "0042", 4);
	}
	assert_null(decoded_report(&batch, &session));
	decoded_reset(&batch);
	assert_int_equal(batch.report_count, 0);
}

static void rejects_beyond_the_last_widen_it(void **state)
{
	(void)state;
	static const uint8_t frame[DECODED_REJECTS * 2 + 10];
	decoded_reset(&batch);
	for (size_t i = 0; i < DECODED_REJECTS + 3; i++)
		decoded_reject(&batch, DECODE_BAD_VALUE, "record", frame + 2 * i, 2);
	assert_int_equal(batch.reject_count, DECODED_REJECTS);
	const struct reject *last = &batch.rejects[DECODED_REJECTS - 1];
	assert_ptr_equal(last->raw.data, frame + 2 * (DECODED_REJECTS - 1));
	assert_int_equal(last->raw.len, 8);
	assert_int_equal(batch.rejects[0].raw.len, 2);
	assert_int_equal(last->status, DECODE_BAD_VALUE);
}

static void replies_fit_or_are_refused(void **state)
{
	(void)state;
	static const uint8_t bytes[DECODED_REPLY + 1];
	decoded_reset(&batch);
	assert_false(decoded_reply(&batch, REPLY_NOW, bytes, DECODED_REPLY + 1));
	assert_true(decoded_reply(&batch, REPLY_NOW, "ab", 2));
	assert_true(decoded_reply(&batch, REPLY_STORED, bytes, DECODED_REPLY));
	assert_false(decoded_reply(&batch, REPLY_STORED, "x", 1));
	assert_true(decoded_reply(&batch, REPLY_NOW, "cd", 2));
	assert_int_equal(batch.reply_len[REPLY_NOW], 4);
	assert_memory_equal(batch.reply[REPLY_NOW], "abcd", 4);
	assert_int_equal(batch.reply_len[REPLY_STORED], DECODED_REPLY);
}

static void idents_are_plain(void **state)
{
	(void)state;
	struct session session = {0};
	assert_true(session_set_ident(&session, "0aZ._:-", 7));
	assert_int_equal(session.ident_len, 7);
	static const char *const bad[] = {"", "a b", "a,b", "a\n", "a\"", "\xC3\xBC", "a/b",
		"123456789012345678901234567890123"};
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_false(session_set_ident(&session, bad[i], strlen(bad[i])));
		assert_int_equal(session.ident_len, 7);
		assert_memory_equal(session.ident, "0aZ._:-", 7);
	}
	assert_true(session_set_ident(&session, "12345678901234567890123456789012", 32));
}

static void statuses_have_their_text(void **state)
{
	(void)state;
	assert_string_equal(decode_status_text(DECODE_OK), "");
	assert_string_equal(decode_status_text(DECODE_IGNORED), "");
	assert_string_equal(decode_status_text(DECODE_BAD_SUM), "bad checksum");
	assert_string_equal(decode_status_text(DECODE_BAD_LENGTH), "bad length");
	assert_string_equal(decode_status_text(DECODE_BAD_VALUE), "bad value");
	assert_string_equal(decode_status_text(DECODE_UNKNOWN), "unknown message");
	assert_string_equal(decode_status_text(DECODE_DETAIL), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(alarms_keep_number_and_name),
		cmocka_unit_test(setters_hold_their_range),
		cmocka_unit_test(setters_store_what_they_are_given),
		cmocka_unit_test(fixed_time_is_plausible),
		cmocka_unit_test(extra_is_json),
		cmocka_unit_test(extra_text_is_sound_utf8),
		cmocka_unit_test(a_member_goes_in_whole_or_not_at_all),
		cmocka_unit_test(a_dropped_report_takes_its_members_along),
		cmocka_unit_test(reports_are_clean_and_bounded),
		cmocka_unit_test(rejects_beyond_the_last_widen_it),
		cmocka_unit_test(replies_fit_or_are_refused),
		cmocka_unit_test(idents_are_plain),
		cmocka_unit_test(statuses_have_their_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
