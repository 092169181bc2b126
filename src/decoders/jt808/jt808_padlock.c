// SPDX-License-Identifier: MIT
// Positions of Jointech padlocks, from the maker's papers and public tests. Digits are BCD.
//
//   0  ddmmyy | hhmmss | latitude DD MM mmmm 4 | longitude DDD MM mmmm 4.5, flags .5 | speed | course / 2 | signal, CSQ |
//   18 satellites | mileage u32 km | battery | CID u32 | LAC u16 | product u8 | status u16 | alarm u16 | items
//
//   flags    1 valid  2 north  4 east         speed    knots         time  UTC
//   battery  up to 100 %; AA, AB: charging
#include "decoders/jt808/jt808_padlock.h"
#include "decoders/jt808/jt808_item_lock.h"
#include "decoders/jt808/jt808_items.h"
#include "util/bcd.h"

#define FIXED 35

static void read_time(struct jt808_report *r, const uint8_t *v)
{
	const uint8_t turned[6] = {v[2], v[1], v[0], v[3], v[4], v[5]};
	int64_t time_us;
	if (jt808_report_read_time(turned, &time_us))
		report_set_time(r->report, time_us);
}

// Converts degrees and minutes with four decimals. Returns false if they are none.
static bool read_angle(int64_t digits, int64_t *e7)
{
	const int64_t minutes_e4 = digits % 1000000;
	*e7 = digits / 1000000 * 10000000 + (minutes_e4 * 100 + 3) / 6;
	return digits >= 0 && minutes_e4 < 600000;
}

static void read_place(struct jt808_report *r, const uint8_t *v)
{
	const uint8_t flags = v[14] & 15;
	const bool valid = flags & 1;
	int64_t lat_e7, lon_e7;
	if (!read_angle(bcd_number(v, 12, 20), &lat_e7) ||
		!read_angle(bcd_number(v, 20, 29), &lon_e7) ||
		(!valid && lat_e7 == 0 && lon_e7 == 0) ||
		!report_set_fix(r->report, flags & 2 ? lat_e7 : -lat_e7,
			flags & 4 ? lon_e7 : -lon_e7, valid))
		return;
	const int64_t knots = bcd_number(v, 30, 32);
	if (knots >= 0)
		report_set_speed(r->report, (knots * 1852 + 5) / 10);
	if (v[16] < 180)
		report_set_course(r->report, v[16] * INT64_C(200));
}

static void read_battery(struct jt808_report *r, uint8_t battery)
{
	if (battery == 0xAA || battery == 0xAB)
		jt808_report_bool(r, "charge", true);
	else
		jt808_report_value(r, JT808_PERCENT, battery);
}

static void read_alarms(struct jt808_report *r, uint8_t product, uint32_t status, uint32_t word)
{
	static const uint8_t alarms[] = {ALARM_OVERSPEED, ALARM_LOW_POWER, ALARM_VIBRATION,
		ALARM_LOW_BATTERY, ALARM_COUNT, ALARM_GEOFENCE_ENTER, ALARM_GEOFENCE_EXIT};
	if ((product == 1 || product == 2) && word & 1)
		report_add_alarm(r->report, ALARM_LOW_POWER);
	if (product != 3)
		return;
	for (size_t bit = 0; bit < sizeof alarms; bit++)
		if (word >> bit & 1)
			report_add_alarm(r->report, (enum alarm)alarms[bit]);
	if (status >> 5 & 1)
		jt808_report_bool(r, "blocked", true);
}

static bool read_item(struct jt808_report *r, uint8_t id, const uint8_t *v, size_t len)
{
	struct reader in = reader_of(v, len);
	if (id == 0x02 && len == 2 && jt808_s16(v) >= -1000 && jt808_s16(v) <= 20000) {
		report_set_altitude(r->report, jt808_s16(v) * INT64_C(100));
	} else if (id == 0x0A && (len == 3 || len == 4) && jt808_u16(v) <= 999) {
		jt808_report_int(r, "mcc", reader_be16(&in));
		jt808_report_int(r, "mnc", (int64_t)reader_be(&in, in.left));
	} else if (id == 0x0B) {
		return jt808_item_lock_read_0b(r, v, len);
	} else if (id == 0x0C && len == 6) {
		jt808_report_vector(r, "tilt",
			(const int32_t[]){jt808_s16(v), jt808_s16(v + 2), jt808_s16(v + 4)});
	} else if (id == 0x10 && len == 1) {
		jt808_report_int(r, "wakeSource", v[0]);
	} else if (id == 0xFC && len == 1) {
		jt808_report_int(r, "geofence", v[0]);
	} else {
		return false;
	}
	return true;
}

bool jt808_padlock_read(struct jt808_report *r, const uint8_t *v, size_t len)
{
	if (len < FIXED)
		return false;
	const uint32_t cid = jt808_u32(v + 24), lac = jt808_u16(v + 28);
	const uint8_t product = v[30];
	const uint32_t status = jt808_u16(v + 31), word = jt808_u16(v + 33);
	read_time(r, v);
	read_place(r, v);
	jt808_report_value(r, JT808_CSQ, v[17]);
	jt808_report_value(r, JT808_SATELLITES, v[18]);
	jt808_report_value(r, JT808_ODOMETER, jt808_u32(v + 19) * INT64_C(1000));
	read_battery(r, v[23]);
	if (cid != 0 && lac != 0) {
		jt808_report_int(r, "cid", cid);
		jt808_report_int(r, "lac", lac);
	}
	jt808_report_int(r, "product", product);
	jt808_report_int(r, "status", status);
	if (word)
		jt808_report_int(r, "alarm", word);
	read_alarms(r, product, status, word);
	jt808_items_visit(r, v + FIXED, len - FIXED, read_item);
	return true;
}
