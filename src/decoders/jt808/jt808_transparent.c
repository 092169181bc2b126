// SPDX-License-Identifier: MIT
// 0900, by the kind in its first byte: from the makers' papers and public tests.
//
//   40  text GTSL|..|..|..|driver|..             41  $OBD-RT,power,rpm,..
//   F0  time | late u8 | vehicle type u8 | sub-type u8 | content
//        01 OBD values    02 trouble codes    03 alarms    each with status u32 | latitude u32 | longitude u32 at its end
//        04 trip    0B VIN    15 behaviour
//   F3  n x (id u16 | len u16 | value)
//   FF  time | latitude s32 | longitude s32 | altitude s16 | speed u16 | course u16 | ..
//   53  position block without the alarm word | count u8 | n x (index u8 | MAC 6 | signal s8 | len u8, data)
//   54  the same block | n x (mask u16 | time | values by the mask's bits)
#include "decoders/jt808/jt808_transparent.h"
#include "decoders/fields.h"
#include "decoders/jt808/jt808_entries.h"
#include "decoders/jt808/jt808_item_obd.h"
#include "decoders/jt808/jt808_position.h"

#define F0_HEADER  10
#define PLACE      24 /* status, place, motion, time */
#define TEXTS_MOST 1024

static const struct jt808_row f0_values[] = {
	{0x0102, {NULL, 100, 0, JT808_ODOMETER, 0}},
	{0x0103, {"fuel", 1, 0, JT808_EXTRA, 2}},
	{0x0105, {"fuelUsed", 1, 0, JT808_EXTRA, 2}},
	{0x0111, {"fuelTemp", 1, 40, JT808_EXTRA, 0}},
	{0x012E, {"oilLevel", 1, 0, JT808_EXTRA, 1}},
	{0x014A, {"fuelConsumption", 1, 0, JT808_EXTRA, 2}},
	{0x0528, {NULL, 100, 0, JT808_ODOMETER, 0}},
	{0x052A, {"fuel", 1, 0, JT808_EXTRA, 2}},
	{0x052B, {"fuelLevel", 1, 0, JT808_SHARE, 0}},
	{0x052C, {"fuelUsed", 1, 0, JT808_EXTRA, 2}},
	{0x052D, {"coolantTemp", 1, 40, JT808_EXTRA, 0}},
	{0x052E, {"airTemp", 1, 40, JT808_EXTRA, 0}},
	{0x0530, {NULL, 1, 0, JT808_POWER, 0}},
	{0x0535, {"obdSpeed", 1, 0, JT808_EXTRA, 1}},
	{0x0536, {"rpm", 1, 0, JT808_EXTRA, 0}},
	{0x0537, {"fuelConsumption", 1, 0, JT808_EXTRA, 2}},
	{0x0538, {"fuelConsumption", 1, 0, JT808_EXTRA, 2}},
	{0x0539, {"fuelConsumption", 1, 0, JT808_EXTRA, 2}},
	{0x053D, {"intakePressure", 1, 0, JT808_EXTRA, 1}},
	{0x0544, {"liquidLevel", 1, 0, JT808_EXTRA, 0}},
	{0x0546, {NULL, 100, 0, JT808_ODOMETER, 0}},
	{0x0547, {"throttle", 1, 0, JT808_EXTRA, 0}},
	{0x0548, {"throttle", 1, 0, JT808_EXTRA, 0}},
};

static const struct {
	uint8_t code, alarm;
} f0_alarms[] = {
	{0x01, ALARM_POWER_RESTORED},
	{0x02, ALARM_POWER_CUT},
	{0x0E, ALARM_IDLE},
	{0x1A, ALARM_HARD_ACCELERATION},
	{0x1B, ALARM_HARD_BRAKING},
	{0x1C, ALARM_HARD_CORNERING},
	{0x1D, ALARM_LANE_CHANGE},
	{0x1E, ALARM_LANE_CHANGE},
	{0x1F, ALARM_LANE_CHANGE},
	{0x23, ALARM_FATIGUE_DRIVING},
	{0x25, ALARM_OVERSPEED},
	{0x26, ALARM_ACCIDENT},
	{0x27, ALARM_ACCIDENT},
	{0x28, ALARM_ACCIDENT},
	{0x31, ALARM_DOOR},
	{0x32, ALARM_DOOR},
};

// F0 -------------------------------------------------------------------------

// Adds a value under its number: as one, or in hex.
static void add_unknown_value(struct jt808_report *r, const struct jt808_entry *entry)
{
	char name[JT808_NAME_MAX];
	uint32_t value;
	jt808_report_name(name, "io", entry->id, "");
	if (jt808_report_wide(entry->v, entry->len, &value))
		jt808_report_int(r, name, value);
	else
		jt808_report_hex(r, name, entry->v,
			entry->len < JT808_RAW_MOST ? entry->len : JT808_RAW_MOST);
}

static void add_value(struct jt808_report *r, const struct jt808_entry *entry)
{
	if (entry->id == 0xFEEC && jt808_report_trimmed(r, "vin", entry->v, entry->len))
		return;
	if (!jt808_entries_set_number(r, f0_values, sizeof f0_values / sizeof f0_values[0], entry))
		add_unknown_value(r, entry);
}

static void read_values(struct jt808_report *r, struct reader *in)
{
	struct jt808_entry entry;
	for (unsigned left = reader_u8(in); left > 0; left--)
		if (jt808_entries_next(in, 2, 1, &entry))
			add_value(r, &entry);
		else
			in->bad = true;
}

static bool read_codes(struct jt808_report *r, struct reader *in)
{
	char codes[TEXTS_MOST], *end = codes;
	for (unsigned systems = reader_be16(in); systems > 0 && !in->bad; systems--) {
		reader_bytes(in, 4);
		for (unsigned left = reader_be16(in); left > 0 && !in->bad; left--) {
			struct text text;
			reader_bytes(in, 8);
			const size_t len = reader_be16(in);
			const uint8_t *v = reader_bytes(in, len);
			if (!v || !jt808_report_trim(v, len, &text))
				return false;
			if (text.len == 0 || sizeof codes - (size_t)(end - codes) <= text.len)
				continue;
			if (end > codes)
				*end++ = ' ';
			end = fields_put(end, text.data, text.len);
		}
	}
	jt808_report_text(r, "dtcs", (struct text){codes, (size_t)(end - codes)});
	return true;
}

// Returns false if there is no alarm of that code.
static bool add_alarm(struct jt808_report *r, uint8_t code)
{
	for (size_t i = 0; i < sizeof f0_alarms / sizeof f0_alarms[0]; i++) {
		if (f0_alarms[i].code != code)
			continue;
		report_add_alarm(r->report, (enum alarm)f0_alarms[i].alarm);
		return true;
	}
	return false;
}

static void read_alarms(struct jt808_report *r, struct reader *in)
{
	bool all = true;
	for (unsigned left = reader_u8(in); left > 0 && !in->bad; left--) {
		const uint8_t code = reader_u8(in);
		reader_bytes(in, reader_u8(in));
		all &= add_alarm(r, code);
	}
	if (!all)
		jt808_report_keep_body(r);
}

static void read_trip(struct jt808_report *r, struct reader *in)
{
	const uint8_t property = reader_u8(in);
	jt808_report_int(r, "property", property);
	jt808_report_int(r, "tripNumber", reader_be32(in));
	reader_bytes(in, 6); // start
	if (property != 2)
		return;
	reader_bytes(in, 6 + 8 + 8 + 1); // end, two places
	jt808_report_int(r, "idlingCount", reader_be16(in));
	jt808_report_int(r, "idlingTime", reader_be16(in));
	jt808_report_int(r, "tripOdometer", reader_be16(in) * INT64_C(100));
	jt808_report_fixed(r, "tripFuel", reader_be16(in), 2);
}

static void read_behaviour(struct jt808_report *r, struct reader *in)
{
	static const uint8_t alarms[] = {ALARM_HARD_ACCELERATION, ALARM_HARD_BRAKING,
		ALARM_HARD_CORNERING, ALARM_LANE_CHANGE, ALARM_COUNT, ALARM_ACCIDENT};
	const uint32_t code = reader_be32(in);
	jt808_report_int(r, "behaviour", code);
	if (code >= 51 && code - 51 < sizeof alarms)
		report_add_alarm(r->report, (enum alarm)alarms[code - 51]);
}

static bool read_vin(struct jt808_report *r, struct reader *in)
{
	if (reader_u8(in) == 0)
		return true;
	const uint8_t *vin = reader_bytes(in, 17);
	return vin && jt808_report_trimmed(r, "vin", vin, 17);
}

static void read_end_place(struct jt808_report *r, struct reader *in)
{
	const uint32_t status = reader_be32(in), lat = reader_be32(in), lon = reader_be32(in);
	jt808_position_set_status(r, status);
	jt808_position_set_place(r, status, lat, lon);
}

static bool read_f0(struct jt808_report *r, const uint8_t *v, size_t len)
{
	struct reader in = reader_of(v + F0_HEADER, len < F0_HEADER ? 0 : len - F0_HEADER);
	if (len < F0_HEADER)
		return false;
	jt808_report_time(r, v + 1);
	if (v[7] != 0)
		r->report->body.flags |= FLAG_STORED;
	const uint8_t sub = v[9];
	bool fits = true;
	if (sub == 0x01)
		read_values(r, &in);
	else if (sub == 0x02)
		fits = read_codes(r, &in);
	else if (sub == 0x03)
		read_alarms(r, &in);
	else if (sub == 0x04)
		read_trip(r, &in);
	else if (sub == 0x0B)
		fits = read_vin(r, &in);
	else if (sub == 0x15)
		read_behaviour(r, &in);
	else
		return false;
	if (sub <= 0x03)
		read_end_place(r, &in);
	return fits && !in.bad && in.left == 0;
}

// The other kinds ------------------------------------------------------------

// The text may have its length before it.
static bool read_gtsl(struct jt808_report *r, const uint8_t *v, size_t len)
{
	struct text text = {(const char *)v, len}, field = {NULL, 0}, driver;
	if (len >= 2 && jt808_u16(v) == len - 2)
		text = (struct text){text.data + 2, len - 2};
	while (text.len > 0 && (uint8_t)text.data[0] <= 0x20)
		text.data++, text.len--;
	while (text.len > 0 && (uint8_t)text.data[text.len - 1] <= 0x20)
		text.len--;
	if (!text_next(&text, '|', &field) || !text_equal(field, "GTSL"))
		return false;
	for (unsigned i = 1; i <= 4; i++)
		if (!text_next(&text, '|', &field))
			return false;
	return jt808_report_trim((const uint8_t *)field.data, field.len, &driver) &&
	       jt808_report_driver(r, driver);
}

static bool read_f3(struct jt808_report *r, const uint8_t *v, size_t len)
{
	struct reader in = reader_of(v, len);
	bool all = true;
	if (len == 0)
		return false;
	while (in.left > 0) {
		const uint16_t id = reader_be16(&in);
		const size_t size = reader_be16(&in);
		const uint8_t *value = reader_bytes(&in, size);
		if (!value || in.bad)
			return false;
		if (id == 0x0002 && size == 2) // 1/25600 g
			jt808_report_fixed(r, "collision", jt808_u16(value) * INT64_C(390625), 10);
		else if (id == 0x0006 && size == 6)
			jt808_report_time(r, value);
		else
			all = false;
	}
	if (!all)
		jt808_report_keep_body(r);
	return true;
}

static bool read_ff(struct jt808_report *r, const uint8_t *v, size_t len)
{
	if (len < 20)
		return false;
	jt808_report_time(r, v);
	const int64_t lat = (int32_t)jt808_u32(v + 6), lon = (int32_t)jt808_u32(v + 10);
	if (report_set_fix(r->report, lat * 10, lon * 10, true))
		jt808_position_set_motion(r, v + 14);
	return true;
}

static bool read_tags(struct jt808_report *r, struct reader *in)
{
	char name[JT808_NAME_MAX];
	for (unsigned left = reader_u8(in); left > 0 && !in->bad; left--) {
		const uint32_t number = reader_u8(in) + 1u;
		const uint8_t *mac = reader_bytes(in, 6);
		const int8_t rssi = (int8_t)reader_u8(in);
		const size_t size = reader_u8(in);
		const uint8_t *data = reader_bytes(in, size);
		if (!data || in->bad)
			return false;
		jt808_report_hex(r, jt808_report_name(name, "tag", number, "Mac"), mac, 6);
		jt808_report_int(r, jt808_report_name(name, "tag", number, "Rssi"), rssi);
		if (size > 0)
			jt808_report_hex(r, jt808_report_name(name, "tag", number, "Data"), data,
				size < JT808_RAW_MOST ? size : JT808_RAW_MOST);
	}
	return !in->bad && in->left == 0;
}

static bool read_sensors(struct jt808_report *r, struct reader *in)
{
	bool all = true;
	while (in->left > 0) {
		const uint16_t mask = reader_be16(in);
		reader_bytes(in, 6);
		if (mask >> 5)
			return false;
		if (mask & 1)
			jt808_report_int(r, "lightSensor", reader_be16(in));
		if (mask & 2) {
			jt808_report_fixed(r, "deviceTemp", (int16_t)reader_be16(in), 1);
			all &= jt808_report_share(r, "humidity", (int16_t)reader_be16(in), 1);
		}
		if (mask & 4)
			jt808_report_fixed(r, "temp3", (int16_t)reader_be16(in), 1);
		if (mask & 8)
			reader_bytes(in, 6);
		if (mask & 16)
			jt808_report_int(r, "airPressure", reader_be16(in));
	}
	if (!all)
		jt808_report_keep_body(r);
	return !in->bad;
}

static bool read_place(struct jt808_report *r, uint8_t kind, const uint8_t *v, size_t len)
{
	struct reader in = reader_of(v, len);
	const uint8_t *place = reader_bytes(&in, PLACE);
	if (!place)
		return false;
	jt808_position_read_place(r, place);
	jt808_report_time(r, place + PLACE - 6);
	return kind == 0x53 ? read_tags(r, &in) : read_sensors(r, &in);
}

bool jt808_transparent_read(struct jt808_report *r, const uint8_t *v, size_t len)
{
	switch (len > 0 ? v[0] : 0) {
	case 0x40:
		return read_gtsl(r, v + 1, len - 1);
	case 0x41:
		return jt808_item_obd_read_obd_text(r, v + 1, len - 1);
	case 0x53:
	case 0x54:
		return read_place(r, v[0], v + 1, len - 1);
	case 0xF0:
		return read_f0(r, v, len);
	case 0xF3:
		return read_f3(r, v + 1, len - 1);
	case 0xFF:
		return read_ff(r, v + 1, len - 1);
	default:
		return false;
	}
}

size_t jt808_transparent_kind(const uint8_t *v, size_t len, uint8_t kind[2])
{
	if (len == 0)
		return 0;
	kind[0] = v[0];
	if (v[0] != 0xF0 || len < F0_HEADER)
		return 1;
	kind[1] = v[9];
	return 2;
}
