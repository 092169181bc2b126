// SPDX-License-Identifier: MIT
// From the maker's "Universal Reporting Guide" and captures:
//
//   STT;id;map;...      a field for each bit that is set in the map, from bit 1 on:
//
//     1 model     5 hh:mm:ss  9 lac (hex)  13 km/h        17 inputs, the last digit is the ignition   21 number, data
//     2 version   6 cid (hex) 10 level     14 course      18 outputs, the last digit is output 1      22 reserved
//     3 type      7 mcc       11 latitude  15 satellites  19 mode, alert                              23 a map of its own
//     4 date      8 mnc       12 longitude 16 fix         20 reason, modifier
//
// Each bit of the map in field 23 stands for a value that the user has assigned; values without a map may follow. What they mean
// only the user can tell. A UEX has length;payload;sum after the outputs, then 22 and values without a map.
//
//   BLE;id;model;version;date;hh:mm:ss;lat;lon;count;(level;min;max;mac;samples;major;minor) x count
#include "decoders/suntech/suntech_universal.h"

#include "decoders/suntech/suntech_columns.h"
#include "decoders/suntech/suntech_serial.h"

#define MAPPED      22 /* the last bit with a field of its own */
#define MAPPED_UEX  18
#define ASSIGN_MAP  23
#define ASSIGN_BITS 31
#define BLE_FIXED   9 /* fields before the tags */
#define BLE_TAG     7 /* fields of a tag */

struct universal {
	struct suntech_message *m;
	struct text at[MAPPED + 1]; /* the field of each bit; empty: absent */
	uint64_t map;
	size_t used; /* fields of the message */
};

// Reads the fields of the map.
static void read_fields(struct universal *u, unsigned last)
{
	u->used = 3;
	for (unsigned bit = 1; bit <= MAPPED; bit++)
		u->at[bit] = bit <= last && u->map >> bit & 1 ? suntech_message_get(u->m, u->used++)
							      : (struct text){"", 0};
}

// Parses digits 0 and 1 whose last one is bit 0.
static bool read_bits(struct text text, uint32_t *bits)
{
	*bits = 0;
	if (text.len == 0 || text.len > 32)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] != '0' && text.data[i] != '1')
			return false;
		*bits = *bits << 1 | (text.data[i] == '1');
	}
	return true;
}

static bool is_zero(struct text text)
{
	uint64_t value;
	return text_uint(text, &value) && value == 0;
}

static void set_place(const struct universal *u)
{
	const struct suntech_message *m = u->m;
	uint32_t bits;
	suntech_message_set_time(m, u->at[4], u->at[5]);
	suntech_message_set_stored(m, u->at[3]);
	const bool valid =
		u->map >> 16 & 1 ? fields_is_letter(u->at[16], '1') : !is_zero(u->at[15]);
	suntech_message_set_place(
		m, &(struct suntech_place){u->at[11], u->at[12], u->at[13], u->at[14], valid});
	suntech_message_add_hex_cell(m, u->at + 6);
	suntech_message_set_satellites(m, u->at[15]);
	if (read_bits(u->at[17], &bits)) {
		report_set_ignition(m->report, bits & 1);
		report_set_inputs(m->report, bits >> 1);
	}
	if (read_bits(u->at[18], &bits))
		report_set_outputs(m->report, bits);
}

static void add_alert(const struct universal *u)
{
	const struct suntech_message *m = u->m;
	const struct text data = u->at[21];
	suntech_message_set_alert(m, u->at[19]);
	suntech_message_add(m, "alertModifier", u->at[20]);
	if (text_equal(u->at[19], "59") && fields_is_hex(data, 16, 16))
		suntech_message_set_driver(m, data);
	else if (data.len > 0)
		extra_text(m->out, m->report, "alertData", data.data, data.len);
}

// Adds the values of the assigned map. Returns the index after them.
static size_t add_assigned(const struct universal *u, size_t at)
{
	const struct suntech_message *m = u->m;
	char name[SUNTECH_NAME_MOST];
	uint64_t map;
	if (!(u->map >> ASSIGN_MAP & 1) || !suntech_columns_map(suntech_message_get(m, at), &map))
		return at;
	at++;
	for (unsigned bit = 0; bit < ASSIGN_BITS; bit++) {
		if (!(map >> bit & 1))
			continue;
		const struct text value = suntech_message_get(m, at++);
		if (value.len > 0)
			extra_text(m->out, m->report, suntech_message_name(name, "io", bit + 1, ""),
				value.data, value.len);
	}
	return at;
}

static void add_values(const struct suntech_message *m, size_t at)
{
	char name[SUNTECH_NAME_MOST];
	for (size_t i = at; i < m->fields.count; i++) {
		const struct text value = m->fields.at[i];
		if (value.len > 0)
			extra_text(m->out, m->report,
				suntech_message_name(name, "assign", i - at + 1, ""), value.data,
				value.len);
	}
}

static void keep_all(const struct suntech_message *m)
{
	suntech_message_keep(m, "data", fields_from(&m->fields, 2));
}

static void decode_mapped(struct suntech_message *m)
{
	struct universal u = {.m = m};
	const bool is_alert = fields_is_word(m->head.type, "ALT");
	if (!suntech_columns_map(suntech_message_get(m, 2), &u.map)) {
		keep_all(m);
		return;
	}
	read_fields(&u, MAPPED);
	set_place(&u);
	if (is_alert) {
		add_alert(&u);
	} else {
		suntech_message_add(m, "mode", u.at[19]);
		suntech_message_add(m, "reason", u.at[20]);
		suntech_message_add(m, "index", u.at[21]);
	}
	add_values(m, add_assigned(&u, u.used));
}

static void decode_serial(struct suntech_message *m)
{
	struct universal u = {.m = m};
	struct suntech_serial serial;
	if (!suntech_columns_map(suntech_message_get(m, 2), &u.map) ||
		!suntech_serial_find(m->text, &m->head, &serial) ||
		suntech_serial_end(m->text, &serial, true) == SIZE_MAX) {
		keep_all(m);
		return;
	}
	read_fields(&u, MAPPED_UEX);
	set_place(&u);
	suntech_serial_decode(m);
	add_values(m, 1 + (u.map >> MAPPED & 1));
}

// Beacons ---------------------------------------------------------------------

static void add_tag(
	const struct suntech_message *m, uint64_t number, const struct text tag[BLE_TAG])
{
	char name[SUNTECH_NAME_MOST];
	int64_t level;
	if (tag[3].len > 0)
		extra_text(m->out, m->report, suntech_message_name(name, "tag", number, "Id"),
			tag[3].data, tag[3].len);
	if (fields_level(tag[0], &level))
		extra_int(m->out, m->report, suntech_message_name(name, "tag", number, "Rssi"),
			level);
	suntech_message_add(m, suntech_message_name(name, "tag", number, "Samples"), tag[4]);
	suntech_message_add(m, suntech_message_name(name, "tag", number, "Major"), tag[5]);
	suntech_message_add(m, suntech_message_name(name, "tag", number, "Minor"), tag[6]);
}

// Reads the fields of one tag. Returns false, and moves nothing, if fewer are left.
static bool read_tag(struct text *rest, struct text tag[BLE_TAG])
{
	struct text left = *rest;
	for (size_t i = 0; i < BLE_TAG; i++)
		if (!left.data || !text_next(&left, ';', &tag[i]))
			return false;
	*rest = left;
	return true;
}

static void decode_beacons(const struct suntech_message *m)
{
	uint64_t count;
	struct text tag[BLE_TAG];
	const struct text number = suntech_message_get(m, BLE_FIXED - 1);
	if (number.len > 3 || !text_uint(number, &count)) {
		keep_all(m);
		return;
	}
	suntech_message_set_time(m, suntech_message_get(m, 4), suntech_message_get(m, 5));
	suntech_message_set_place(m, &(struct suntech_place){.lat = suntech_message_get(m, 6),
					     .lon = suntech_message_get(m, 7),
					     .valid = true});
	struct text rest = fields_from(&m->fields, BLE_FIXED);
	if (m->fields.count <= BLE_FIXED)
		return;
	for (uint64_t i = 1; i <= count && read_tag(&rest, tag); i++)
		add_tag(m, i, tag);
	if (rest.data)
		suntech_message_keep(m, "tail", rest);
}

void suntech_universal_decode(struct suntech_message *m)
{
	const struct text type = m->head.type;
	if (fields_is_word(type, "STT") || fields_is_word(type, "ALT"))
		decode_mapped(m);
	else if (fields_is_word(type, "UEX"))
		decode_serial(m);
	else if (fields_is_word(type, "BLE"))
		decode_beacons(m);
	else
		keep_all(m);
}
