// SPDX-License-Identifier: MIT
// Positions of a Watch, from the maker's and vendors' papers and captures:
//
//   UD,ddmmyy,hhmmss,A,lat,N,lon,E,speed,course,altitude,satellites,gsm,battery,steps,turns,status
//     ,n[,TA,mcc,mnc,(lac,cid,rssi) x n]      cells. Decimal, or hex if one of the numbers has a letter
//     ,w(,name,mac,level) x w                 Wi-Fi. Names may contain commas
//     [,accuracy]                             m, with a point; else a flag of the model
//
// Degrees with decimals, km/h, m (-1: unknown), percent, steps of the day or in all, turns in sleep. A letter S or W makes the
// coordinate negative; N, E or none keep its sign.
//
// The high 16 bits of the status word are alarms. The low ones are states, of which the change against the device's last word
// is an alarm. AL is an alarm by itself, and is repeated until it is answered.
#include "decoders/watch/watch_position.h"

#include "decoders/watch/watch_network.h"
#include "protocol/device_memory.h"

#define STATES UINT64_C(0xFFFF)

static const struct {
	uint8_t bit, alarm;
} alarms[] = {
	{0, ALARM_LOW_BATTERY},
	{1, ALARM_GEOFENCE_EXIT},
	{2, ALARM_GEOFENCE_ENTER},
	{14, ALARM_POWER_OFF},
	{16, ALARM_SOS},
	{17, ALARM_LOW_BATTERY},
	{18, ALARM_GEOFENCE_EXIT},
	{19, ALARM_GEOFENCE_ENTER},
	{20, ALARM_REMOVING},
	{21, ALARM_FALL_DOWN},
	{22, ALARM_FALL_DOWN},
};

struct place {
	bool has_time, valid;
	int64_t time_us, lat_e7, lon_e7, altitude_e2;
	uint64_t speed_e2, course_e2;
	uint64_t satellites, gsm, battery, steps, turns, status;
};

bool watch_position_is(const struct watch_message *m)
{
	return watch_message_begins(m, "UD") || watch_message_begins(m, "AL") ||
	       watch_message_begins(m, "WT") || watch_message_begins(m, "PP");
}

// Fields ----------------------------------------------------------------------

static bool skip_comma(struct scan *scan)
{
	const bool is_comma = scan_is(scan, ',');
	scan->at += is_comma;
	return is_comma;
}

static bool skip_minus(struct scan *scan)
{
	const bool is_minus = scan_is(scan, '-');
	scan->at += is_minus;
	return is_minus;
}

// Reads date and time, six digits each or empty. Only a possible time counts.
static bool read_time(struct scan *scan, struct place *place)
{
	unsigned date[3] = {0}, clock[3] = {24};
	int64_t midnight_us;
	if ((!scan_is(scan, ',') && !scan_pairs(scan, date)) || !skip_comma(scan) ||
		(!scan_is(scan, ',') && !scan_pairs(scan, clock)) || !skip_comma(scan))
		return false;
	place->has_time =
		clock[0] < 24 && clock[1] < 60 && clock[2] < 60 &&
		scan_make_date(scan_year(date[2]), (int)date[1], (int)date[0], &midnight_us);
	if (place->has_time)
		place->time_us =
			midnight_us +
			(int64_t)(clock[0] * 3600 + clock[1] * 60 + clock[2]) * INT64_C(1000000);
	return true;
}

static bool read_mark(struct scan *scan, struct place *place)
{
	if (!scan_is(scan, 'A') && !scan_is(scan, 'V'))
		return false;
	place->valid = *scan->at++ == 'A';
	return skip_comma(scan);
}

// Reads a coordinate and its letter, one of sides or none.
static bool read_angle(struct scan *scan, const char sides[2], unsigned most, int64_t *e7)
{
	uint64_t magnitude;
	while (scan_is(scan, ' '))
		scan->at++;
	bool negative = skip_minus(scan);
	if (!scan_fixed(scan, 7, &magnitude) || magnitude > most * UINT64_C(10000000) ||
		!skip_comma(scan))
		return false;
	if (scan_is(scan, sides[0]) || scan_is(scan, sides[1]))
		negative |= *scan->at++ == sides[1];
	*e7 = negative ? -(int64_t)magnitude : (int64_t)magnitude;
	return skip_comma(scan);
}

static bool read_motion(struct scan *scan, struct place *place)
{
	uint64_t altitude_e2;
	if (!scan_fixed(scan, 2, &place->speed_e2) || !skip_comma(scan) ||
		!scan_fixed(scan, 2, &place->course_e2) || !skip_comma(scan))
		return false;
	const bool below = skip_minus(scan);
	if (!scan_fixed(scan, 2, &altitude_e2))
		return false;
	place->altitude_e2 = below ? -(int64_t)altitude_e2 : (int64_t)altitude_e2;
	return skip_comma(scan);
}

static bool read_count(struct scan *scan, uint64_t *value)
{
	return scan_uint(scan, 18, value) && skip_comma(scan);
}

// Reads the status word, 1 to 8 hex digits, which may be the last field.
static bool read_status(struct scan *scan, struct place *place)
{
	const char *start = scan->at;
	int digit;
	place->status = 0;
	while (scan->at < scan->end && scan->at - start < 8 &&
		(digit = text_hex_digit(*scan->at)) >= 0) {
		place->status = place->status << 4 | (unsigned)digit;
		scan->at++;
	}
	return scan->at > start && (scan->at == scan->end || *scan->at == ',');
}

// Reads the fixed fields. Returns false if they do not fit.
static bool read_place(struct scan *scan, struct place *place)
{
	return read_time(scan, place) && read_mark(scan, place) &&
	       read_angle(scan, "NS", 90, &place->lat_e7) &&
	       read_angle(scan, "EW", 180, &place->lon_e7) && read_motion(scan, place) &&
	       read_count(scan, &place->satellites) && read_count(scan, &place->gsm) &&
	       read_count(scan, &place->battery) && read_count(scan, &place->steps) &&
	       read_count(scan, &place->turns) && read_status(scan, place);
}

// Report ----------------------------------------------------------------------

static void set_place(const struct watch_message *m, const struct place *place)
{
	struct report *report = m->report;
	if (place->has_time)
		report_set_time(report, place->time_us);
	if (place->valid || place->lat_e7 || place->lon_e7) {
		report_set_fix(report, place->lat_e7, place->lon_e7, place->valid);
		report_set_speed(report, (int64_t)place->speed_e2);
		report_set_course(report, (int64_t)place->course_e2);
		if (place->altitude_e2 != -100)
			report_set_altitude(report, place->altitude_e2);
	}
	report_set_satellites(report, (int64_t)place->satellites);
	report_set_gsm_percent(report, (int64_t)place->gsm);
	report_set_battery_percent(report, (int64_t)place->battery);
	extra_int(m->out, report, "steps", (int64_t)place->steps);
	extra_int(m->out, report, "turns", (int64_t)place->turns);
	extra_int(m->out, report, "status", (int64_t)place->status);
}

// Adds the alarms of the bits. Returns false if these have no name.
static bool add_alarms(struct report *report, uint64_t bits)
{
	bool any = false;
	for (size_t i = 0; bits && i < sizeof alarms / sizeof alarms[0]; i++) {
		if (!(bits >> alarms[i].bit & 1))
			continue;
		report_add_alarm(report, (enum alarm)alarms[i].alarm);
		any = true;
	}
	return any;
}

static void raise_alarms(const struct watch_message *m, uint64_t status, bool is_alarm)
{
	struct watch_device *device = device_memory_block(m->session);
	const uint64_t states = status & STATES;
	add_alarms(m->report, states & ~(device ? device->states : 0));
	if (device)
		decoded_change(m->out, &device->states, states);
	if (!add_alarms(m->report, status & ~STATES) && is_alarm && !add_alarms(m->report, states))
		report_add_alarm(m->report, ALARM_GENERAL);
}

static bool wants_echo(struct text model)
{
	for (size_t at = 0; at + 4 <= model.len; at++)
		if (memcmp(model.data + at, "echo", 4) == 0)
			return true;
	return false;
}

// Answers an alarm: AL, or its own word if the device's model wants that and the word can be an event; others are too long for
// an answer, or not text.
static void answer_alarm(const struct watch_message *m)
{
	struct text word = {"AL", 2};
	if (m->report->event.len > 2) {
		if (wants_echo(session_settings(m->session).model))
			word = m->report->event;
	}
	watch_message_answer(m, REPLY_STORED, word);
}

void watch_position_decode(struct watch_message *m)
{
	const bool is_alarm = watch_message_begins(m, "AL");
	struct scan scan = text_scan(m->rest);
	struct place place = {0};
	watch_message_begin(m);
	if (read_place(&scan, &place)) {
		if (watch_message_begins(m, "UD2") && (m->word.len == 3 || m->word.data[3] == '_'))
			m->report->body.flags |= FLAG_STORED;
		set_place(m, &place);
		raise_alarms(m, place.status, is_alarm);
		if (scan.at < scan.end)
			watch_network_decode(m, (struct text){scan.at + 1, scan_left(&scan) - 1});
	} else {
		watch_message_keep_all(m);
		if (is_alarm)
			report_add_alarm(m->report, ALARM_GENERAL);
	}
	if (is_alarm)
		answer_alarm(m);
}
