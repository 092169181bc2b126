// SPDX-License-Identifier: MIT
// The makers' lists:
//
//   E8   3 bytes; or type u16, len u8, content                    Jimi
//   EA   u8, then id u8, len u8, value
//   EB   text; or len u16, id u16, value, the length counts the id; or cells
#include "decoders/jt808/jt808_item_lists.h"
#include "decoders/fields.h"
#include "decoders/jt808/jt808_entries.h"
#include "decoders/jt808/jt808_item_radio.h"
#include "util/hex.h"

// EB -------------------------------------------------------------------------

// Reads "mac,rssi,mac,rssi..", all of it or nothing.
static bool read_wifi_text(struct jt808_report *r, const uint8_t *v, size_t len)
{
	struct fields fields;
	fields_split((struct text){(const char *)v, len}, &fields);
	if (fields.count % 2 != 0)
		return false;
	for (size_t i = 0; i < fields.count; i += 2) {
		struct text rssi = fields.at[i + 1];
		if (rssi.len > 0 && rssi.data[0] == '-')
			rssi.data++, rssi.len--;
		if (fields.at[i].len < 12 || fields.at[i].len > 17 || !fields_is_digits(rssi, 1, 3))
			return false;
		for (size_t at = 0; at < fields.at[i].len; at++)
			if (text_hex_digit(fields.at[i].data[at]) < 0 &&
				fields.at[i].data[at] != ':')
				return false;
	}
	for (size_t i = 0; i < fields.count; i += 2)
		jt808_report_wifi(r, fields.at[i], fields.at[i + 1]);
	return true;
}

static bool read_eb_fuel2(struct jt808_report *r, const uint8_t *v)
{
	int64_t value;
	unsigned decimals;
	if (!fields_number((struct text){(const char *)v, 6}, &value, &decimals))
		return false;
	jt808_report_fixed(r, "fuel2", value, decimals);
	return true;
}

// A bit at 0 is active.
static void read_eb_89(struct jt808_report *r, uint32_t bits)
{
	if (!(bits & 1))
		report_add_alarm(r->report, ALARM_POWER_OFF);
	if (!(bits >> 12 & 1))
		report_add_alarm(r->report, ALARM_REMOVING);
}

static void read_eb_c5(struct jt808_report *r, uint32_t bits)
{
	if (!(bits >> 6 & 1))
		report_add_alarm(r->report, ALARM_VIBRATION);
	if ((bits >> 23 & 3) < 2)
		jt808_report_bool(r, "motion", (bits >> 23 & 3) == 0);
}

static void read_eb_c6(struct jt808_report *r, uint8_t level)
{
	jt808_report_int(r, "batteryAlarm", level);
	if (level == 3 || level == 4)
		report_add_alarm(r->report, ALARM_LOW_BATTERY);
}

static bool read_eb_entry(struct jt808_report *r, uint32_t id, const uint8_t *v, size_t len)
{
	if (id == 0x0001 && len >= 2)
		jt808_report_fixed(r, "fuel1", jt808_u16(v), 1);
	else if (id == 0x0089 && len == 4)
		read_eb_89(r, jt808_u32(v));
	else if (id == 0x00B2 && len == 10)
		jt808_report_iccid_hex(r, v);
	else if (id == 0x00C5 && len == 4)
		read_eb_c5(r, jt808_u32(v));
	else if (id == 0x00C6 && len == 1)
		read_eb_c6(r, v[0]);
	else if (id == 0x0023)
		return len == 6 && read_eb_fuel2(r, v);
	else if (id == 0x002D && len == 4)
		return jt808_report_value(r, JT808_POWER, jt808_u32(v));
	else if (id == 0x002D && len == 2)
		return jt808_report_value(r, JT808_BATTERY, jt808_u16(v));
	else if (id == 0x00A8 || id == 0x00E1)
		return len == 1 && jt808_report_value(r, JT808_PERCENT, v[0]);
	else if (id == 0x00B9)
		return len >= 1 && read_wifi_text(r, v + 1, len - 1);
	else if (id == 0x00CE)
		return len == 2 && jt808_report_value(r, JT808_POWER, jt808_u16(v) * INT64_C(10));
	else if (id == 0x00D5)
		return jt808_report_imei(r, v, len);
	else if (id == 0x00D8)
		return jt808_item_radio_read_d8(r, v, len);
	else
		return false;
	return true;
}

// Visits len u16, id u16, value, or only checks that they add up.
static bool read_eb_list(struct jt808_report *r, const uint8_t *v, size_t len, bool add)
{
	struct reader in = reader_of(v, len);
	while (in.left > 0) {
		const size_t size = reader_be16(&in);
		const uint32_t id = reader_be16(&in);
		const uint8_t *value = size >= 2 ? reader_bytes(&in, size - 2) : NULL;
		if (!value || in.bad)
			return false;
		if (add && !read_eb_entry(r, id, value, size - 2))
			jt808_report_keep(r, "ieb", id, 4, value, size - 2);
	}
	return len > 0;
}

bool jt808_item_lists_read_eb(struct jt808_report *r, const uint8_t *v, size_t len)
{
	bool printable = len > 0;
	for (size_t i = 0; i < len; i++)
		printable &= v[i] >= 0x20 && v[i] <= 0x7E;
	if (printable)
		return jt808_report_trimmed(r, "timezone", v, len);
	return read_eb_list(r, v, len, false) ? read_eb_list(r, v, len, true)
					      : jt808_item_radio_read_eb(r, v, len);
}

// E8 -------------------------------------------------------------------------

static const struct {
	uint16_t type;
	uint8_t alarm;
} jimi_alarms[] = {
	{0x0001, ALARM_FAULT},
	{0x0400, ALARM_HARD_ACCELERATION},
	{0x0401, ALARM_HARD_BRAKING},
	{0x0402, ALARM_HARD_CORNERING},
	{0x0403, ALARM_OVERSPEED},
	{0x0405, ALARM_ACCIDENT},
	{0x0406, ALARM_VIBRATION},
	{0x0407, ALARM_TOW},
	{0x0408, ALARM_GEOFENCE_ENTER},
	{0x0409, ALARM_GEOFENCE_EXIT},
	{0x040C, ALARM_DOOR},
	{0x0412, ALARM_HARD_ACCELERATION},
	{0x0413, ALARM_HARD_BRAKING},
	{0x0414, ALARM_HARD_CORNERING},
	{0x0415, ALARM_LANE_CHANGE},
	{0x0416, ALARM_ACCIDENT},
	{0x0417, ALARM_ACCIDENT},
	{0x0C01, ALARM_SOS},
	{0x0C02, ALARM_LOW_POWER},
	{0x0C05, ALARM_GENERAL},
	{0x0C0E, ALARM_POWER_CUT},
	{0x0C0F, ALARM_LOW_BATTERY},
	{0x0C10, ALARM_POWER_OFF},
	{0x0C12, ALARM_TAMPERING},
};

static void read_jimi_event(struct jt808_report *r, uint32_t type)
{
	jt808_report_int(r, "eventCode", type);
	if (type == 0x0C03 || type == 0x0C04)
		report_set_ignition(r->report, type == 0x0C03);
	for (size_t i = 0; i < sizeof jimi_alarms / sizeof jimi_alarms[0]; i++)
		if (jimi_alarms[i].type == type)
			report_add_alarm(r->report, (enum alarm)jimi_alarms[i].alarm);
}

static bool read_jimi_power(struct jt808_report *r, const uint8_t *v, size_t len)
{
	if (len != 7 || !jt808_report_value(r, JT808_BATTERY, jt808_u16(v + 2) * INT64_C(10)))
		return false;
	jt808_report_bool(r, "charge", v[0] == 1);
	if (v[1] >= 1 && v[1] <= 6)
		jt808_report_value(r, JT808_PERCENT, v[1] * 100 / 6);
	jt808_report_int(r, "gsm", v[4]);
	return jt808_report_value(r, JT808_POWER, jt808_u16(v + 5) * INT64_C(10)) && v[1] <= 6;
}

static bool read_jimi_upload(struct jt808_report *r, const uint8_t *v, size_t len)
{
	if (len != 2)
		return false;
	jt808_report_int(r, "uploadMode", v[0]);
	jt808_report_bool(r, "buffered", v[1] == 1);
	if (v[1] == 1)
		r->report->body.flags |= FLAG_STORED;
	return true;
}

// 20 half bytes or digits, of which the last one is filler.
static bool read_jimi_iccid(struct jt808_report *r, const struct jt808_entry *entry)
{
	char digits[20];
	struct text text = {(const char *)entry->v, entry->len};
	if (entry->len == 10) {
		hex_write(digits, entry->v, 10);
		text = (struct text){digits, sizeof digits};
	}
	text.len = text.len < 19 ? text.len : 19;
	if (!fields_is_digits(text, 19, 19))
		return false;
	jt808_report_text(r, "iccid", text);
	return true;
}

static bool read_jimi_value(struct jt808_report *r, const struct jt808_entry *entry)
{
	static const struct jt808_row rows[] = {
		{0x0001, {NULL, 10, 0, JT808_BATTERY, 0}},
		{0x0003, {NULL, 1, 0, JT808_PERCENT, 0}},
		{0x0007, {NULL, 10, 0, JT808_HDOP, 0}},
		{0x2001, {NULL, 100, 0, JT808_POWER, 0}},
	};
	uint32_t value;
	if (entry->id == 0x0002 && entry->len == 4)
		jt808_report_int(r, "dataUsage", jt808_u32(entry->v));
	else if (entry->id == 0x0004 && jt808_report_wide(entry->v, entry->len, &value))
		jt808_report_bool(r, "charge", value == 0);
	else if (entry->id == 0x0005)
		return read_jimi_iccid(r, entry);
	else
		return jt808_entries_set_number(r, rows, sizeof rows / sizeof rows[0], entry);
	return true;
}

static bool read_jimi_entry(struct jt808_report *r, const struct jt808_entry *entry)
{
	if (entry->id == 0x2003)
		return read_jimi_power(r, entry->v, entry->len);
	if (entry->id == 0x2002)
		return read_jimi_upload(r, entry->v, entry->len);
	if (entry->id == 0x2005)
		return jt808_entries_read(r, entry->v, entry->len, 2, "ie82005", read_jimi_value);
	if (entry->id >> 8 != 0x04 && entry->id >> 8 != 0x0C && entry->id != 0x0001)
		return false;
	read_jimi_event(r, entry->id);
	return true;
}

bool jt808_item_lists_read_e8(struct jt808_report *r, const uint8_t *v, size_t len)
{
	struct reader in = reader_of(v, len);
	if (len == 3) {
		jt808_report_int(r, "lockStatus", (int64_t)reader_be(&in, 3));
		return true;
	}
	return len > 3 && jt808_entries_read(r, v, len, 2, "ie8", read_jimi_entry);
}

// EA -------------------------------------------------------------------------

static bool read_ea_entry(struct jt808_report *r, const struct jt808_entry *entry)
{
	static const struct jt808_row rows[] = {
		{0x13, {"externalIlluminance", 1, 0, JT808_EXTRA, 0}},
		{0x14, {"externalAirPressure", 1, 0, JT808_EXTRA, 0}},
		{0x15, {"externalHumidity", 1, 0, JT808_SHARE, 1}},
		{0x16, {"externalTemp", 1, 500, JT808_EXTRA, 1}},
	};
	if (entry->id != 0x11)
		return entry->len == 2 &&
		       jt808_entries_set_number(r, rows, sizeof rows / sizeof rows[0], entry);
	if (entry->len < 3)
		return false;
	jt808_report_int(r, "externalAlarms", jt808_u16(entry->v));
	jt808_report_int(r, "alarmThresholdType", entry->v[2]);
	return true;
}

bool jt808_item_lists_read_ea(struct jt808_report *r, const uint8_t *v, size_t len)
{
	return len > 3 && jt808_entries_read(r, v + 1, len - 1, 1, "iea", read_ea_entry);
}
