// SPDX-License-Identifier: MIT
// OBD, and the layout that ends with '*'. Drawn in gps103_layout.c.
#include "decoders/gps103/gps103_other.h"

#define RPM_NONE 16383 /* and above */

// OBD -------------------------------------------------------------------------

static void add_codes(const struct gps103_message *m, size_t at)
{
	char codes[FRAME_CAP];
	size_t len = 0;
	for (; at < m->fields->count; at++) {
		const struct text code = gps103_message_get(m, at);
		if (code.len == 0)
			continue;
		if (code.len + 1 > sizeof codes - len)
			break;
		if (len > 0)
			codes[len++] = ' ';
		memcpy(codes + len, code.data, code.len);
		len += code.len;
	}
	gps103_message_add_text(m, "dtcs", (struct text){codes, len});
}

static void add_unsigned(const struct gps103_message *m, const char *name, size_t index)
{
	const struct text text = gps103_message_get(m, index);
	if (text.len > 0 && text.data[0] != '-')
		gps103_message_add_number(m, name, text);
}

enum gps103_fit gps103_other_decode_obd(const struct gps103_message *m)
{
	int64_t metres, millivolts, rpm;
	unsigned decimals;
	gps103_message_set_local_time(m);
	if (text_fixed(gps103_message_get(m, 3), 3, &metres) &&
		metres <= INT64_C(1000) * GPS103_MILEAGE_MOST)
		report_set_odometer(m->report, metres);
	add_unsigned(m, "fuel_instant", 4);
	add_unsigned(m, "fuel_average", 5);
	add_unsigned(m, "hours", 6);
	add_unsigned(m, "obd_speed", 7);
	gps103_message_add_marked_percent(m, "engine_load", gps103_message_get(m, 8));
	gps103_message_add_number(m, "coolant_temp", gps103_message_get(m, 9));
	gps103_message_add_marked_percent(m, "throttle", gps103_message_get(m, 10));
	if (fields_number(gps103_message_get(m, 11), &rpm, &decimals) && rpm >= 0 &&
		rpm < (int64_t)(RPM_NONE * scan_power(decimals)))
		extra_fixed(m->out, m->report, "rpm", rpm, decimals);
	if (text_fixed(gps103_message_get(m, 12), 3, &millivolts) && millivolts > 0)
		report_set_power_mv(m->report, millivolts);
	add_codes(m, 13);
	return GPS103_FIT_YES;
}

// The layout that ends with '*' -----------------------------------------------

struct text gps103_other_get(const struct gps103_message *m, size_t index)
{
	const struct text text = gps103_message_get(m, index);
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] != '-')
			return text;
	return (struct text){"", 0};
}

static enum fields_angle read_degrees(struct text text, int most, int64_t *e7)
{
	if (text.len == 0)
		return FIELDS_ANGLE_EMPTY;
	if (!text_fixed(text, 7, e7))
		return FIELDS_ANGLE_ODD;
	return *e7 < -most * INT64_C(10000000) || *e7 > most * INT64_C(10000000)
		       ? FIELDS_ANGLE_RANGE
		       : FIELDS_ANGLE_OK;
}

static void set_alternative_fix(
	const struct gps103_message *m, int64_t lat_e7, int64_t lon_e7, bool valid)
{
	int64_t e2;
	report_set_fix(m->report, lat_e7, lon_e7, valid);
	if (text_fixed(gps103_other_get(m, 11), 2, &e2))
		report_set_speed(m->report, e2);
	fields_set_course(m->report, gps103_other_get(m, 12));
	if (text_fixed(gps103_other_get(m, 13), 2, &e2))
		report_set_altitude(m->report, e2);
}

enum gps103_fit gps103_other_decode_star(const struct gps103_message *m)
{
	const struct text acc = gps103_other_get(m, 16), charge = gps103_other_get(m, 17);
	const bool valid = fields_is_letter(gps103_other_get(m, 8), '1');
	int64_t lat_e7 = 0, lon_e7 = 0, date_us, clock_us, hdop_e2;
	uint64_t satellites;
	const enum fields_angle lat = read_degrees(gps103_other_get(m, 9), 90, &lat_e7);
	const enum fields_angle lon = read_degrees(gps103_other_get(m, 10), 180, &lon_e7);
	if (lat == FIELDS_ANGLE_ODD || lon == FIELDS_ANGLE_ODD)
		return GPS103_FIT_NO;
	if (lat == FIELDS_ANGLE_RANGE || lon == FIELDS_ANGLE_RANGE) {
		m->out->detail = lat == FIELDS_ANGLE_RANGE ? "latitude" : "longitude";
		return GPS103_FIT_BAD;
	}
	if (lat == FIELDS_ANGLE_OK && lon == FIELDS_ANGLE_OK && (valid || lat_e7 || lon_e7))
		set_alternative_fix(m, lat_e7, lon_e7, valid);
	if (text_hhmmss(gps103_other_get(m, 5), &clock_us) &&
		text_ddmmyy(gps103_other_get(m, 6), &date_us))
		report_set_time(m->report, date_us + clock_us);
	if (text_fixed(gps103_other_get(m, 14), 2, &hdop_e2))
		report_set_hdop(m->report, hdop_e2);
	if (text_uint(gps103_other_get(m, 15), &satellites))
		report_set_satellites(m->report, (int64_t)satellites);
	if (gps103_message_is_bit(acc))
		report_set_ignition(m->report, acc.data[0] == '1');
	gps103_message_add_text(m, "sensor_id", gps103_other_get(m, 3));
	gps103_message_add_number(m, "sensor_voltage", gps103_other_get(m, 4));
	gps103_message_add_number(m, "gsm", gps103_other_get(m, 7));
	if (gps103_message_is_bit(charge))
		extra_bool(m->out, m->report, "charge", charge.data[0] == '1');
	gps103_message_add_text(m, "error", gps103_other_get(m, 18));
	gps103_message_add_unknown(m, 19);
	return GPS103_FIT_YES;
}
