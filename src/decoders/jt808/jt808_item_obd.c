// SPDX-License-Identifier: MIT
// OBD tables:
//
//   80   the rest of the message: id u8, len u8, value            what is not understood is kept as i80<id>
//   F3   id u16, len u8, value, ids below 0300; or mask u8 and Bluetooth tags
//   $OBD-RT,power,rpm,..                                          text
#include "decoders/jt808/jt808_item_obd.h"
#include "decoders/fields.h"
#include "decoders/jt808/jt808_entries.h"

#define F3_ID_END 0x0300

static const struct jt808_row rows_80[] = {
	{0x01, {NULL, 100, 0, JT808_ODOMETER, 0}},
	{0x02, {"fuel", 1, 0, JT808_EXTRA, 1}},
	{0x03, {"obdSpeed", 1, 0, JT808_EXTRA, 1}},
	{0x61, {NULL, 10, 0, JT808_POWER, 0}},
	{0x69, {NULL, 10, 0, JT808_BATTERY, 0}},
	{0x80, {"obdSpeed", 1, 0, JT808_EXTRA, 0}},
	{0x81, {"rpm", 1, 0, JT808_EXTRA, 0}},
	{0x82, {NULL, 100, 0, JT808_POWER, 0}},
	{0x83, {"engineLoad", 1, 0, JT808_EXTRA, 0}},
	{0x84, {"coolantTemp", 1, 40, JT808_EXTRA, 0}},
	{0x85, {"fuelConsumption", 1, 0, JT808_EXTRA, 0}},
	{0x86, {"intakeTemp", 1, 40, JT808_EXTRA, 0}},
	{0x87, {"intakeFlow", 1, 0, JT808_EXTRA, 0}},
	{0x88, {"intakePressure", 1, 0, JT808_EXTRA, 0}},
	{0x89, {"throttle", 1, 0, JT808_EXTRA, 0}},
	{0x8C, {"obdOdometer", 100, 0, JT808_EXTRA, 0}},
	{0x8D, {"tripOdometer", 1000, 0, JT808_EXTRA, 0}},
	{0x8E, {"fuelLevel", 1, 0, JT808_SHARE, 0}},
};

// Trouble codes, which commas separate.
static bool read_dtcs(struct jt808_report *r, const uint8_t *v, size_t len)
{
	char text[UINT8_MAX];
	for (size_t i = 0; i < len; i++)
		text[i] = v[i] == ',' ? ' ' : (char)v[i];
	return jt808_report_trimmed(r, "dtcs", (const uint8_t *)text, len);
}

static bool read_80_entry(struct jt808_report *r, const struct jt808_entry *entry)
{
	switch (entry->id) {
	case 0x56:
		return entry->len == 2 && jt808_report_value(r, JT808_PERCENT, entry->v[1]);
	case 0x8B:
		return entry->len == 17 && jt808_report_trimmed(r, "vin", entry->v, entry->len);
	case 0xA0:
		return read_dtcs(r, entry->v, entry->len);
	case 0xCC:
		return entry->len == 20 && jt808_report_iccid(r, entry->v, entry->len);
	default:
		return jt808_entries_set_number(
			r, rows_80, sizeof rows_80 / sizeof rows_80[0], entry);
	}
}

bool jt808_item_obd_read_80(struct jt808_report *r, const uint8_t *v, size_t len)
{
	return jt808_entries_read(r, v, len, 1, "i80", read_80_entry);
}

// F3 -------------------------------------------------------------------------

static const struct jt808_row rows_f3[] = {
	{0x0002, {"obdSpeed", 1, 0, JT808_EXTRA, 1}},
	{0x0003, {"rpm", 1, 0, JT808_EXTRA, 0}},
	{0x0004, {NULL, 1, 0, JT808_POWER, 0}},
	{0x0005, {"obdOdometer", 100, 0, JT808_EXTRA, 0}},
	{0x0007, {"fuelConsumption", 1, 0, JT808_EXTRA, 1}},
	{0x0008, {"engineLoad", 1, 0, JT808_EXTRA, 1}},
	{0x0009, {"coolantTemp", 1, 40, JT808_EXTRA, 0}},
	{0x000B, {"intakePressure", 1, 0, JT808_EXTRA, 0}},
	{0x000C, {"intakeTemp", 1, 40, JT808_EXTRA, 0}},
	{0x000D, {"intakeFlow", 1, 0, JT808_EXTRA, 0}},
	{0x0100, {"tripOdometer", 1, 0, JT808_EXTRA, 1}},
	{0x0102, {"tripFuel", 1, 0, JT808_EXTRA, 1}},
	{0x0112, {"hardAccelerationCount", 1, 0, JT808_EXTRA, 0}},
	{0x0113, {"hardBrakingCount", 1, 0, JT808_EXTRA, 0}},
	{0x0114, {"hardCorneringCount", 1, 0, JT808_EXTRA, 0}},
};

static void read_f3_entry(struct jt808_report *r, const struct jt808_entry *entry)
{
	uint32_t value;
	switch (entry->id) {
	case 0x000E:
		if (jt808_report_wide(entry->v, entry->len, &value))
			jt808_report_int(r, "throttle", value * INT64_C(100) / 255);
		break;
	case 0x0050:
		jt808_report_trimmed(r, "vin", entry->v, entry->len);
		break;
	case 0x0051:
		if (entry->len > 0)
			jt808_report_hex(r, "cvn", entry->v, entry->len);
		break;
	case 0x0052:
		jt808_report_trimmed(r, "calid", entry->v, entry->len);
		break;
	default:
		jt808_entries_set_number(r, rows_f3, sizeof rows_f3 / sizeof rows_f3[0], entry);
	}
}

static bool has_low_ids(const uint8_t *v, size_t len)
{
	struct reader in = reader_of(v, len);
	struct jt808_entry entry;
	while (jt808_entries_next(&in, 2, 1, &entry))
		if (entry.id >= F3_ID_END)
			return false;
	return len > 0 && !in.bad;
}

// A Bluetooth tag has MAC 6, signal s8 and what the mask's bits announce, in this order.
static const struct tag_part {
	const char *suffix; /* NULL: not known */
	uint8_t size;
	uint8_t decimals; /* of s16; battery: V */
} tag_parts[8] = {{"Name", 10, 0}, {NULL, 2, 0}, {"Battery", 2, 3}, {"Temp", 2, 1},
	{"Humidity", 2, 1}, {NULL, 6, 0}, {NULL, 2, 0}, {NULL, 2, 0}};

static size_t tag_size(uint8_t mask)
{
	size_t size = 7;
	for (size_t bit = 0; bit < 8; bit++)
		size += mask >> bit & 1 ? tag_parts[bit].size : 0;
	return size;
}

// Returns false if a value is impossible.
static bool read_tag(struct jt808_report *r, uint32_t number, uint8_t mask, const uint8_t *v)
{
	char name[JT808_NAME_MAX];
	bool all = true;
	jt808_report_hex(r, jt808_report_name(name, "tag", number, "Mac"), v, 6);
	jt808_report_int(r, jt808_report_name(name, "tag", number, "Rssi"), (int8_t)v[6]);
	v += 7;
	for (size_t bit = 0; bit < 8; bit++) {
		const struct tag_part *part = &tag_parts[bit];
		if (!(mask >> bit & 1))
			continue;
		if (part->suffix && bit == 0)
			jt808_report_trimmed(r,
				jt808_report_name(name, "tag", number, part->suffix), v,
				part->size);
		else if (bit == 4)
			all &= jt808_report_share(r,
				jt808_report_name(name, "tag", number, part->suffix), jt808_s16(v),
				part->decimals);
		else if (part->suffix)
			jt808_report_fixed(r, jt808_report_name(name, "tag", number, part->suffix),
				bit == 2 ? (int32_t)jt808_u16(v) : jt808_s16(v), part->decimals);
		v += part->size;
	}
	return all;
}

static bool read_tags(struct jt808_report *r, const uint8_t *v, size_t len)
{
	struct text name;
	bool all = true;
	if (len < 2)
		return false;
	const uint8_t mask = v[0];
	const size_t size = tag_size(mask), count = (len - 1) / size;
	if (count * size != len - 1)
		return false;
	for (size_t i = 0; mask & 1 && i < count; i++)
		if (!jt808_report_trim(v + 1 + i * size + 7, 10, &name))
			return false;
	for (size_t i = 0; i < count; i++)
		all &= read_tag(r, (uint32_t)i + 1, mask, v + 1 + i * size);
	return all;
}

bool jt808_item_obd_read_f3(struct jt808_report *r, const uint8_t *v, size_t len)
{
	struct reader in = reader_of(v, len);
	struct jt808_entry entry;
	if (!has_low_ids(v, len))
		return read_tags(r, v, len);
	while (jt808_entries_next(&in, 2, 1, &entry))
		read_f3_entry(r, &entry);
	return true;
}

// $OBD-RT --------------------------------------------------------------------

bool jt808_item_obd_read_obd_text(struct jt808_report *r, const uint8_t *v, size_t len)
{
	static const char *const names[] = {"rpm", "obdSpeed", "throttle", "engineLoad",
		"coolantTemp", "fuelConsumption", "fuelConsumption", "tripOdometer", "obdOdometer",
		"tripFuelUsed", "fuelUsed"};
	struct fields fields;
	struct text text = {(const char *)v, len};
	while (text.len > 0 && (uint8_t)text.data[0] <= 0x20)
		text.data++, text.len--;
	while (text.len > 0 && (uint8_t)text.data[text.len - 1] <= 0x20)
		text.len--;
	if (text.len < 8 || memcmp(text.data, "$OBD-RT,", 8) != 0)
		return false;
	fields_split(text, &fields);
	for (size_t i = 1; i <= 1 + sizeof names / sizeof names[0] && i < fields.count; i++) {
		const struct text field = fields_trim(fields.at[i]);
		int64_t value;
		unsigned decimals;
		if (!fields_number(field, &value, &decimals))
			continue;
		if (i > 1)
			jt808_report_fixed(r, names[i - 2], value, decimals);
		else if (text_fixed(field, 3, &value))
			jt808_report_value(r, JT808_POWER, value);
	}
	return true;
}
