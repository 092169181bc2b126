// SPDX-License-Identifier: MIT
#include "decoders/suntech/suntech_message.h"

#include "decoders/cells.h"
#include "decoders/suntech/suntech_columns.h"

#define DATE_LEN 8 /* 20260314 */

void suntech_message_begin(struct suntech_message *m, struct text event)
{
	m->report = decoded_report(m->out, m->session);
	m->report->key = m->text;
	m->report->raw = m->raw;
	m->report->event = event;
}

// Texts -----------------------------------------------------------------------

bool suntech_message_is_fixed(struct text text, size_t most_before, size_t most_after)
{
	const char *point = memchr(text.data, '.', text.len);
	if (!point)
		return false;
	const size_t before = (size_t)(point - text.data);
	return fields_is_digits((struct text){text.data, before}, 1, most_before) &&
	       fields_is_digits((struct text){point + 1, text.len - before - 1}, 1, most_after);
}

void suntech_message_keep(const struct suntech_message *m, const char *name, struct text text)
{
	size_t i = 0;
	while (i < text.len && text.data[i] == ';')
		i++;
	if (i < text.len)
		extra_text(m->out, m->report, name, text.data, text.len);
}

void suntech_message_keep_bytes(const struct suntech_message *m, const void *data, size_t len)
{
	if (len > 0)
		extra_hex(m->out, m->report, "data", data,
			len < SUNTECH_KEPT_MOST ? len : SUNTECH_KEPT_MOST);
}

void suntech_message_add(const struct suntech_message *m, const char *name, struct text text)
{
	uint64_t value;
	if (text_uint(text, &value))
		extra_int(m->out, m->report, name, (int64_t)value);
	else if (text.len > 0)
		extra_text(m->out, m->report, name, text.data, text.len);
}

const char *suntech_message_name(
	char out[SUNTECH_NAME_MOST], const char *prefix, uint64_t number, const char *suffix)
{
	char *end = fields_put(out, prefix, strlen(prefix));
	end = decimal_write(end, number);
	fields_put(end, suffix, strlen(suffix) + 1);
	return out;
}

// Fields ----------------------------------------------------------------------

void suntech_message_set_time(const struct suntech_message *m, struct text date, struct text clock)
{
	int64_t time_us;
	const char *d = date.data, *c = clock.data;
	if (fields_is_digits(date, DATE_LEN, DATE_LEN) && suntech_columns_is_clock(clock) &&
		text_make_time(fields_pair(d) * 100 + fields_pair(d + 2), fields_pair(d + 4),
			fields_pair(d + 6), fields_pair(c), fields_pair(c + 3), fields_pair(c + 6),
			0, &time_us))
		report_set_time(m->report, time_us);
}

void suntech_message_set_satellites(const struct suntech_message *m, struct text text)
{
	uint64_t value;
	if (text_uint(text, &value))
		report_set_satellites(m->report, (int64_t)value);
}

void suntech_message_set_odometer(const struct suntech_message *m, struct text text)
{
	uint64_t value;
	if (text_uint(text, &value))
		report_set_odometer(m->report, (int64_t)value);
}

void suntech_message_set_power(const struct suntech_message *m, struct text text)
{
	int64_t mv;
	if (text_fixed(text, 3, &mv))
		report_set_power_mv(m->report, mv);
}

void suntech_message_set_battery(const struct suntech_message *m, struct text text)
{
	int64_t mv;
	if (text_fixed(text, 3, &mv))
		report_set_battery_mv(m->report, mv);
}

void suntech_message_set_stored(const struct suntech_message *m, struct text text)
{
	if (fields_is_letter(text, '0'))
		m->report->body.flags |= FLAG_STORED;
}

void suntech_message_set_minutes(const struct suntech_message *m, struct text text)
{
	uint64_t value;
	if (text.len <= 10 && text_uint(text, &value))
		extra_int(m->out, m->report, "hours_s", (int64_t)value * 60);
}

void suntech_message_set_driver(const struct suntech_message *m, struct text text)
{
	size_t i = 0;
	while (i < text.len && text.data[i] == '0')
		i++;
	if (i < text.len && text.len <= DRIVER_MAX)
		m->report->driver = text;
}

// Place and cell --------------------------------------------------------------

void suntech_message_set_fix(const struct suntech_message *m, int64_t lat_e7, int64_t lon_e7,
	bool valid, int64_t speed_e2, int64_t course_e2)
{
	if (lat_e7 == SUNTECH_NO || lon_e7 == SUNTECH_NO || !(valid || lat_e7 || lon_e7) ||
		!report_set_fix(m->report, lat_e7, lon_e7, valid))
		return;
	if (speed_e2 != SUNTECH_NO)
		report_set_speed(m->report, speed_e2);
	if (course_e2 != SUNTECH_NO)
		report_set_course(m->report, course_e2);
}

// Parses degrees with decimals to 1e-7 degree. A number of the usual length, "-046.633308", without text_fixed's detour.
static int64_t angle_or_no(struct text text)
{
	struct scan scan = text_scan(text);
	const bool negative = scan_is(&scan, '-');
	uint64_t whole;
	unsigned next;
	int64_t e7;
	scan.at += negative || scan_is(&scan, '+');
	if (scan_uint(&scan, 3, &whole) && scan_is(&scan, '.') && scan_left(&scan) > 1) {
		scan.at++;
		e7 = (int64_t)(whole * 10000000 + scan_fraction(&scan, 7, &next)) + (next >= 5);
		if (scan.at == scan.end)
			return negative ? -e7 : e7;
	}
	return text_fixed(text, 7, &e7) ? e7 : SUNTECH_NO;
}

static int64_t fixed_or_no(struct text text, unsigned decimals)
{
	int64_t value;
	return text_fixed(text, decimals, &value) ? value : SUNTECH_NO;
}

void suntech_message_set_place(const struct suntech_message *m, const struct suntech_place *place)
{
	suntech_message_set_fix(m, angle_or_no(place->lat), angle_or_no(place->lon), place->valid,
		fixed_or_no(place->speed, 2), fixed_or_no(place->course, 2));
}

static void add_known(const struct suntech_message *m, const char *name, int64_t value)
{
	if (value != SUNTECH_NO)
		extra_int(m->out, m->report, name, value);
}

void suntech_message_add_cell(const struct suntech_message *m, const struct suntech_cell *cell)
{
	if ((cell->lac != SUNTECH_NO && cell->lac != 0) ||
		(cell->cid != SUNTECH_NO && cell->cid != 0)) {
		add_known(m, "mcc", cell->mcc);
		add_known(m, "mnc", cell->mnc);
		add_known(m, "lac", cell->lac);
		add_known(m, "cid", cell->cid);
	}
	add_known(m, "rssi", cell->rssi);
}

static int64_t code_or_no(struct text text)
{
	uint64_t value;
	return text.len <= 3 && text_uint(text, &value) ? (int64_t)value : SUNTECH_NO;
}

static int64_t hex_or_no(struct text text)
{
	uint64_t value;
	return text.len <= 8 && text_hex(text, &value) ? (int64_t)value : SUNTECH_NO;
}

void suntech_message_add_hex_cell(const struct suntech_message *m, const struct text fields[5])
{
	struct suntech_cell cell = {.cid = hex_or_no(fields[0]),
		.mcc = code_or_no(fields[1]),
		.mnc = code_or_no(fields[2]),
		.lac = hex_or_no(fields[3])};
	if (!fields_level(fields[4], &cell.rssi))
		cell.rssi = SUNTECH_NO;
	suntech_message_add_cell(m, &cell);
}

// Alarms ----------------------------------------------------------------------

// Their alarms plus 1; 0: none.
static const uint8_t emergencies[] = {
	[1] = ALARM_SOS + 1,
	[2] = ALARM_PARKING + 1,
	[3] = ALARM_POWER_CUT + 1,
	[5] = ALARM_DOOR + 1,
	[6] = ALARM_DOOR + 1,
	[7] = ALARM_MOVEMENT + 1,
	[8] = ALARM_VIBRATION + 1,
};

#define IGNITION_ON  33
#define IGNITION_OFF 34

static const uint8_t alerts[] = {
	[1] = ALARM_OVERSPEED + 1,
	[3] = ALARM_GPS_ANTENNA_CUT + 1,
	[5] = ALARM_GEOFENCE_EXIT + 1,
	[6] = ALARM_GEOFENCE_ENTER + 1,
	[13] = ALARM_FAULT + 1,
	[14] = ALARM_LOW_BATTERY + 1,
	[15] = ALARM_VIBRATION + 1,
	[16] = ALARM_ACCIDENT + 1,
	[26] = ALARM_HIGH_RPM + 1,
	[40] = ALARM_POWER_RESTORED + 1,
	[41] = ALARM_POWER_CUT + 1,
	[42] = ALARM_SOS + 1,
	[46] = ALARM_HARD_ACCELERATION + 1,
	[47] = ALARM_HARD_BRAKING + 1,
	[48] = ALARM_HARD_CORNERING + 1,
	[49] = ALARM_OVERSPEED + 1,
	[50] = ALARM_JAMMING + 1,
	[61] = ALARM_IDLE + 1,
	[64] = ALARM_HIGH_RPM + 1,
	[68] = ALARM_IDLE + 1,
	[73] = ALARM_FUEL_LEAK + 1,
	[75] = ALARM_TEMPERATURE + 1,
	[76] = ALARM_TEMPERATURE + 1,
	[132] = ALARM_DOOR + 1,
};

static void add_alarm(
	const struct suntech_message *m, const uint8_t *alarms, size_t count, uint64_t id)
{
	if (id < count && alarms[id] > 0)
		report_add_alarm(m->report, (enum alarm)(alarms[id] - 1));
}

void suntech_message_set_emergency(const struct suntech_message *m, struct text id)
{
	uint64_t number;
	suntech_message_add(m, "emergency", id);
	if (text_uint(id, &number))
		add_alarm(m, emergencies, sizeof emergencies, number);
}

void suntech_message_set_alert(const struct suntech_message *m, struct text id)
{
	uint64_t number;
	suntech_message_add(m, "alert", id);
	if (!text_uint(id, &number))
		return;
	add_alarm(m, alerts, sizeof alerts, number);
	if (number == IGNITION_ON || number == IGNITION_OFF)
		report_set_ignition(m->report, number == IGNITION_ON);
}

// Answers ---------------------------------------------------------------------

// Sends family, word, the ident, end and a CR.
static void answer(
	const struct suntech_message *m, struct text family, const char *word, const char *end_text)
{
	char reply[SUNTECH_FAMILY_MOST + IDENT_MAX + 32], *end = reply;
	end = fields_put(end, family.data, family.len);
	end = fields_put(end, word, strlen(word));
	end = fields_put(end, m->session->ident, m->session->ident_len);
	end = fields_put(end, end_text, strlen(end_text));
	decoded_reply(m->out, REPLY_STORED, reply, (size_t)(end - reply));
}

void suntech_message_answer_emergency(const struct suntech_message *m)
{
	answer(m, suntech_head_family(m->session), "CMD;", ";02;AckEmerg\r");
}

void suntech_message_acknowledge(const struct suntech_message *m, struct text family)
{
	if (m->session->datagram)
		answer(m, family, "ACK;", "\r");
}
