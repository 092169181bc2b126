// SPDX-License-Identifier: MIT
// The report's fields: ranges, names, plausible time.
#include "model/report.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define DAY          (86400 * INT64_C(1000000))
#define MINUTE       (60 * INT64_C(1000000))
#define RECEIVED     INT64_C(1795342500000000) /* 2026-11-22T10:15:00Z */

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

static void setters_check_their_range(void **state)
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

static void setters_store_their_value(void **state)
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

static void what_is_unset_was_never_set(void **state)
{
	(void)state;
	struct report report = {0}, empty = {0};
	for (int round = 0; round < 2; round++) {
		report_set_time(&report, RECEIVED);
		report_set_fix(&report, 525000000, 212500000, true);
		report_set_speed(&report, 1);
		report_set_course(&report, 1);
		report_set_altitude(&report, 1);
		report_set_satellites(&report, 1);
		report_set_hdop(&report, 1);
		report_set_ignition(&report, true);
		report_set_inputs(&report, 1);
		report_set_outputs(&report, 1);
		for (unsigned channel = 0; channel < 4; channel++)
			report_set_adc(&report, channel, 1);
		report_set_odometer(&report, 1);
		report_set_battery_percent(&report, 1);
		report_set_battery_mv(&report, 1);
		report_set_power_mv(&report, 1);
		report_set_gsm_percent(&report, 1);
		const uint32_t all = report.body.has;
		if (round == 0)
			report_unset(&report, all);
		for (uint32_t one = 1; round == 1 && one && one <= all; one <<= 1)
			report_unset(&report, one);
		assert_memory_equal(&report.body, &empty.body, sizeof empty.body);
	}
	report_set_speed(&report, 1);
	report_unset(&report, HAS_COURSE);
	assert_int_equal(report.body.speed_kmh_e2, 1);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(alarms_keep_number_and_name),
		cmocka_unit_test(setters_check_their_range),
		cmocka_unit_test(setters_store_their_value),
		cmocka_unit_test(what_is_unset_was_never_set),
		cmocka_unit_test(fixed_time_is_plausible),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
