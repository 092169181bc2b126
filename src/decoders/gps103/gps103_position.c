// SPDX-License-Identifier: MIT
// F and L, the usual layouts. Drawn in gps103_layout.c.
#include "decoders/gps103/gps103_position.h"

#define PHONE_LEAST 5
#define PHONE_MOST  20

static void set_fourth(const struct gps103_message *m)
{
	const struct text text = gps103_message_get(m, GPS103_FOURTH);
	struct text number = text, phone = text;
	uint64_t percent;
	if (gps103_message_cut_percent(&number) && fields_is_digits(number, 1, 3) &&
		text_uint(number, &percent) && percent <= 100) {
		report_set_battery_percent(m->report, (int64_t)percent);
		return;
	}
	if (fields_is_word(m->keyword, "RFID") && fields_is_printable(text, DRIVER_MAX)) {
		m->report->driver = text;
		return;
	}
	if (phone.len > 0 && phone.data[0] == '+')
		phone.data++, phone.len--;
	const bool is_phone = fields_is_digits(phone, PHONE_LEAST, PHONE_MOST);
	gps103_message_add_text(m, is_phone ? "phone" : "info", text);
}

// Sets the fields from acc on.
static void set_tail(const struct gps103_message *m, size_t at)
{
	const struct text acc = gps103_message_get(m, at), door = gps103_message_get(m, at + 1),
			  fuel2 = gps103_message_get(m, at + 3);
	uint64_t km;
	if (gps103_message_is_bit(acc))
		report_set_ignition(m->report, acc.data[0] == '1');
	if (gps103_message_is_bit(door))
		extra_bool(m->out, m->report, "door", door.data[0] == '1');
	gps103_message_add_marked_percent(m, "fuel1", gps103_message_get(m, at + 2));
	if (text_uint(fuel2, &km) && km >= 1 && km <= GPS103_MILEAGE_MOST)
		report_set_odometer(m->report, (int64_t)km * 1000);
	else if (!gps103_message_add_marked_percent(m, "fuel2", fuel2) && fuel2.len > 0 &&
		 (fuel2.data[0] | 0x20) >= 'a' && (fuel2.data[0] | 0x20) <= 'z' &&
		 fields_is_word(m->keyword, "DTC"))
		gps103_message_add_text(m, "dtcs", fuel2);
	if (!m->has_temp)
		gps103_message_add_number(m, "temp1", gps103_message_get(m, at + 4));
	gps103_message_add_unknown(m, at + 5);
}

// Returns true for digits with one point among them or none.
static bool is_unsigned(struct text text)
{
	size_t digits = 0, points = 0;
	for (size_t i = 0; i < text.len; i++) {
		digits += text_is_digit(text.data[i]);
		points += text.data[i] == '.';
	}
	return digits > 0 && points <= 1 && digits + points == text.len;
}

// Parses degrees and minutes; leading zeros may be missing, up to the point.
static enum fields_angle read_angle(struct text text, unsigned most, int64_t *e7)
{
	if (text.len == 0)
		return FIELDS_ANGLE_EMPTY;
	if (!is_unsigned(text))
		return FIELDS_ANGLE_ODD;
	if (text.data[0] == '.') {
		struct scan scan = {text.data + 1, text.data + text.len};
		unsigned next;
		*e7 = (int64_t)((scan_fraction(&scan, 6, &next) + 3) / 6);
		return FIELDS_ANGLE_OK;
	}
	for (; text.len > 1 && text.data[0] == '0' && text_is_digit(text.data[1]); text.len--)
		text.data++;
	return text_nmea_angle(text, most, e7) ? FIELDS_ANGLE_OK : FIELDS_ANGLE_RANGE;
}

static bool is_side(struct text text, const char sides[2])
{
	return fields_is_letter(text, sides[0]) || fields_is_letter(text, sides[1]);
}

// Reads a coordinate and its hemisphere at *at, and moves *at after them. The letter may stand before the number, or its place
// after the number may be empty, or be missing; the first of `sides` is meant then.
static enum fields_angle read_side(
	const struct gps103_message *m, size_t *at, const char sides[2], unsigned most, int64_t *e7)
{
	struct text number = gps103_message_get(m, *at), letter = gps103_message_get(m, *at + 1);
	if (is_side(number, sides)) {
		letter = number;
		number = gps103_message_get(m, *at + 1);
		*at += 2;
	} else if (letter.len == 0 || is_side(letter, sides)) {
		*at += 2;
	} else if (is_unsigned(letter)) {
		*at += 1;
	} else {
		return FIELDS_ANGLE_ODD;
	}
	const enum fields_angle angle = read_angle(number, most, e7);
	if (fields_is_letter(letter, sides[1]))
		*e7 = -*e7;
	return angle;
}

// Returns true for a mark of validity, or none.
static bool is_mark(struct text text)
{
	return text.len == 0 || fields_is_letter(text, 'A') || fields_is_letter(text, 'V');
}

enum gps103_fit gps103_position_decode_gps(const struct gps103_message *m)
{
	const struct text mark = gps103_message_get(m, GPS103_TYPE + 2);
	const bool valid = fields_is_letter(mark, 'A');
	int64_t lat_e7 = 0, lon_e7 = 0, altitude_e2;
	size_t at = GPS103_TYPE + 3;
	if (!is_mark(mark))
		return GPS103_FIT_NO;
	const enum fields_angle lat = read_side(m, &at, "NS", 90, &lat_e7);
	const enum fields_angle lon =
		lat == FIELDS_ANGLE_ODD ? lat : read_side(m, &at, "EW", 180, &lon_e7);
	if (lat == FIELDS_ANGLE_ODD || lon == FIELDS_ANGLE_ODD)
		return GPS103_FIT_NO;
	if (lat == FIELDS_ANGLE_RANGE || lon == FIELDS_ANGLE_RANGE) {
		m->out->detail = lat == FIELDS_ANGLE_RANGE ? "latitude" : "longitude";
		return GPS103_FIT_BAD;
	}
	if (lat == FIELDS_ANGLE_OK && lon == FIELDS_ANGLE_OK && (valid || lat_e7 || lon_e7)) {
		report_set_fix(m->report, lat_e7, lon_e7, valid);
		fields_set_knots(m->report, gps103_message_get(m, at));
		fields_set_course(m->report, gps103_message_get(m, at + 1));
		if (text_fixed(gps103_message_get(m, at + 2), 2, &altitude_e2))
			report_set_altitude(m->report, altitude_e2);
	}
	gps103_message_set_gps_time(m);
	set_fourth(m);
	set_tail(m, at + 3);
	return GPS103_FIT_YES;
}

enum gps103_fit gps103_position_decode_none(const struct gps103_message *m)
{
	const struct text utc = gps103_message_get(m, GPS103_UTC),
			  lac_text = gps103_message_get(m, GPS103_TYPE + 3),
			  cid_text = gps103_message_get(m, GPS103_TYPE + 5);
	uint64_t lac, cid;
	if ((utc.len > 0 && !is_unsigned(utc)) ||
		!is_mark(gps103_message_get(m, GPS103_TYPE + 2)) ||
		!fields_is_hex(lac_text, 0, 8) || !fields_is_hex(cid_text, 0, 8))
		return GPS103_FIT_NO;
	if (text_hex(lac_text, &lac))
		extra_int(m->out, m->report, "lac", (int64_t)lac);
	if (text_hex(cid_text, &cid))
		extra_int(m->out, m->report, "cid", (int64_t)cid);
	gps103_message_set_local_time(m);
	set_fourth(m);
	set_tail(m, GPS103_TYPE + 10);
	return GPS103_FIT_YES;
}
