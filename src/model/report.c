// SPDX-License-Identifier: MIT
#include "model/report.h"

#include <assert.h>
#include <string.h>

_Static_assert(ALARM_COUNT <= 64, "alarms is a set of 64 bits");

static const char *const alarm_names[ALARM_COUNT] = {
	[ALARM_GENERAL] = "general",
	[ALARM_SOS] = "sos",
	[ALARM_VIBRATION] = "vibration",
	[ALARM_MOVEMENT] = "movement",
	[ALARM_LOW_SPEED] = "lowspeed",
	[ALARM_OVERSPEED] = "overspeed",
	[ALARM_FALL_DOWN] = "fallDown",
	[ALARM_LOW_POWER] = "lowPower",
	[ALARM_LOW_BATTERY] = "lowBattery",
	[ALARM_FAULT] = "fault",
	[ALARM_POWER_OFF] = "powerOff",
	[ALARM_POWER_ON] = "powerOn",
	[ALARM_DOOR] = "door",
	[ALARM_LOCK] = "lock",
	[ALARM_UNLOCK] = "unlock",
	[ALARM_GEOFENCE] = "geofence",
	[ALARM_GEOFENCE_ENTER] = "geofenceEnter",
	[ALARM_GEOFENCE_EXIT] = "geofenceExit",
	[ALARM_GPS_ANTENNA_CUT] = "gpsAntennaCut",
	[ALARM_ACCIDENT] = "accident",
	[ALARM_TOW] = "tow",
	[ALARM_IDLE] = "idle",
	[ALARM_HIGH_RPM] = "highRpm",
	[ALARM_HARD_ACCELERATION] = "hardAcceleration",
	[ALARM_HARD_BRAKING] = "hardBraking",
	[ALARM_HARD_CORNERING] = "hardCornering",
	[ALARM_LANE_CHANGE] = "laneChange",
	[ALARM_FATIGUE_DRIVING] = "fatigueDriving",
	[ALARM_POWER_CUT] = "powerCut",
	[ALARM_POWER_RESTORED] = "powerRestored",
	[ALARM_JAMMING] = "jamming",
	[ALARM_TEMPERATURE] = "temperature",
	[ALARM_PARKING] = "parking",
	[ALARM_BONNET] = "bonnet",
	[ALARM_FOOT_BRAKE] = "footBrake",
	[ALARM_FUEL_LEAK] = "fuelLeak",
	[ALARM_TAMPERING] = "tampering",
	[ALARM_REMOVING] = "removing",
};

const char *report_alarm_name(enum alarm alarm)
{
	assert(alarm < ALARM_COUNT);
	return alarm_names[alarm];
}

static bool in_range(int64_t value, int64_t least, int64_t most)
{
	return value >= least && value <= most;
}

// Marks the field present or absent: a setter that fails also removes an older value.
static bool mark(struct report *report, uint32_t has, bool valid)
{
	if (valid)
		report->body.has |= has;
	else
		report->body.has &= ~has;
	return valid;
}

static void set_flag(struct report *report, uint8_t flag, bool on)
{
	if (on)
		report->body.flags |= flag;
	else
		report->body.flags &= (uint8_t)~flag;
}

bool report_set_fix(struct report *report, int64_t lat_e7, int64_t lon_e7, bool valid)
{
	bool in_bounds = in_range(lat_e7, -900000000, 900000000) &&
			 in_range(lon_e7, -1800000000, 1800000000);
	report->body.lat_e7 = in_bounds ? (int32_t)lat_e7 : 0;
	report->body.lon_e7 = in_bounds ? (int32_t)lon_e7 : 0;
	set_flag(report, FLAG_VALID, in_bounds && valid);
	return mark(report, HAS_FIX, in_bounds);
}

bool report_set_speed(struct report *report, int64_t kmh_e2)
{
	bool valid = in_range(kmh_e2, 0, 100000);
	report->body.speed_kmh_e2 = valid ? (uint32_t)kmh_e2 : 0;
	return mark(report, HAS_SPEED, valid);
}

bool report_set_course(struct report *report, int64_t deg_e2)
{
	bool valid = in_range(deg_e2, 0, 36000);
	report->body.course_deg_e2 = valid ? (uint16_t)deg_e2 : 0;
	return mark(report, HAS_COURSE, valid);
}

bool report_set_altitude(struct report *report, int64_t m_e2)
{
	bool valid = in_range(m_e2, -100000, 2000000);
	report->body.altitude_m_e2 = valid ? (int32_t)m_e2 : 0;
	return mark(report, HAS_ALTITUDE, valid);
}

bool report_set_satellites(struct report *report, int64_t n)
{
	bool valid = in_range(n, 0, 99);
	report->body.satellites = valid ? (uint8_t)n : 0;
	return mark(report, HAS_SATELLITES, valid);
}

bool report_set_hdop(struct report *report, int64_t e2)
{
	bool valid = in_range(e2, 0, 9999);
	report->body.hdop_e2 = valid ? (uint16_t)e2 : 0;
	return mark(report, HAS_HDOP, valid);
}

bool report_set_odometer(struct report *report, int64_t m)
{
	bool valid = in_range(m, 0, INT64_C(1000000000000));
	report->body.odometer_m = valid ? m : 0;
	return mark(report, HAS_ODOMETER, valid);
}

bool report_set_battery_percent(struct report *report, int64_t percent)
{
	bool valid = in_range(percent, 0, 100);
	report->body.battery_percent = valid ? (uint8_t)percent : 0;
	return mark(report, HAS_BATTERY_PERCENT, valid);
}

bool report_set_battery_mv(struct report *report, int64_t mv)
{
	bool valid = in_range(mv, 0, 100000);
	report->body.battery_mv = valid ? (uint32_t)mv : 0;
	return mark(report, HAS_BATTERY_V, valid);
}

bool report_set_power_mv(struct report *report, int64_t mv)
{
	bool valid = in_range(mv, 0, 1000000);
	report->body.power_mv = valid ? (uint32_t)mv : 0;
	return mark(report, HAS_POWER_V, valid);
}

bool report_set_gsm_percent(struct report *report, int64_t percent)
{
	bool valid = in_range(percent, 0, 100);
	report->body.gsm_percent = valid ? (uint8_t)percent : 0;
	return mark(report, HAS_GSM, valid);
}

void report_set_time(struct report *report, int64_t time_us)
{
	report->body.device_time_us = time_us;
	report->body.has |= HAS_TIME;
}

void report_set_ignition(struct report *report, bool on)
{
	set_flag(report, FLAG_IGNITION, on);
	report->body.has |= HAS_IGNITION;
}

void report_set_inputs(struct report *report, uint32_t bits)
{
	report->body.inputs = bits;
	report->body.has |= HAS_INPUTS;
}

void report_set_outputs(struct report *report, uint32_t bits)
{
	report->body.outputs = bits;
	report->body.has |= HAS_OUTPUTS;
}

void report_set_adc(struct report *report, unsigned channel, int32_t value)
{
	if (channel >= 4)
		return;
	report->body.adc[channel] = value;
	report->body.has |= (uint32_t)HAS_ADC1 << channel;
}

void report_add_alarm(struct report *report, enum alarm alarm)
{
	if ((unsigned)alarm >= ALARM_COUNT)
		return;
	report->body.alarms |= UINT64_C(1) << alarm;
}

#define SECOND_US   INT64_C(1000000)
#define PAST_US     (400 * 86400 * SECOND_US)
#define FUTURE_US   (600 * SECOND_US)
#define ROLLOVER_US (1024 * 7 * 86400 * SECOND_US) /* a GPS week number has ten bits */

// Calculates only with the time of receipt, so that no device time can overflow.
struct fixed_time report_fixed_time(const struct report_body *body, int64_t received_us)
{
	int64_t oldest = received_us - PAST_US, newest = received_us + FUTURE_US;
	int64_t time_us = body->device_time_us;

	if (body->has & HAS_TIME) {
		if (in_range(time_us, oldest, newest))
			return (struct fixed_time){time_us, TIME_DEVICE};
		if (in_range(time_us, oldest - ROLLOVER_US, newest - ROLLOVER_US))
			return (struct fixed_time){time_us + ROLLOVER_US, TIME_ROLLOVER};
	}
	return (struct fixed_time){received_us, TIME_RECEIVED};
}

const char *report_time_source_name(enum time_source source)
{
	switch (source) {
	case TIME_DEVICE:
		return "device";
	case TIME_ROLLOVER:
		return "rollover";
	case TIME_RECEIVED:
		break;
	}
	return "received";
}

void report_unset(struct report *report, uint32_t has)
{
	struct report_body *body = &report->body;
	has &= body->has;
	if (has == 0)
		return;
	body->has &= ~has;
	if (has & HAS_TIME)
		body->device_time_us = 0;
	if (has & HAS_FIX)
		body->lat_e7 = body->lon_e7 = 0;
	if (has & HAS_SPEED)
		body->speed_kmh_e2 = 0;
	if (has & HAS_COURSE)
		body->course_deg_e2 = 0;
	if (has & HAS_ALTITUDE)
		body->altitude_m_e2 = 0;
	if (has & HAS_SATELLITES)
		body->satellites = 0;
	if (has & HAS_HDOP)
		body->hdop_e2 = 0;
	if (has & HAS_INPUTS)
		body->inputs = 0;
	if (has & HAS_OUTPUTS)
		body->outputs = 0;
	for (unsigned i = 0; i < 4; i++)
		if (has & (uint32_t)HAS_ADC1 << i)
			body->adc[i] = 0;
	if (has & HAS_ODOMETER)
		body->odometer_m = 0;
	if (has & HAS_BATTERY_PERCENT)
		body->battery_percent = 0;
	if (has & HAS_BATTERY_V)
		body->battery_mv = 0;
	if (has & HAS_POWER_V)
		body->power_mv = 0;
	if (has & HAS_GSM)
		body->gsm_percent = 0;
	if (has & HAS_FIX)
		set_flag(report, FLAG_VALID, false);
	if (has & HAS_IGNITION)
		set_flag(report, FLAG_IGNITION, false);
}
