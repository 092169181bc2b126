// SPDX-License-Identifier: MIT
// Elements of varying length. Source: the maker's lists of AVL ids.
//
//   256, 325  VIN as text           281  trouble codes as text, with commas
//
//   385       part u8 | beacon ...      beacon:  flags u8 | id | RSSI s8 | [battery u16, mV] | [temperature u16]
//             id: UUID 16, major u16, minor u16 if one of the flags F0 is set, else namespace 10, instance 6
//             flags: 02 battery, 04 temperature
//
//   548, 10828, 10829, 10831, 11317
//             header u8 | tag ...       tag:  length u8 | item ...       item:  id u8 | length u8 | value
#include "decoders/teltonika/teltonika_beacon.h"

// Reads a structure, twice: at first only to check it (is_check), then to add its members.
struct reading {
	struct teltonika_extra *extra;
	const char *what; /* "tag" or "beacon" */
	unsigned number;  /* of the tag, from 1 */
	bool is_check;
};

static void add_int(struct reading *to, const char *name, int64_t value)
{
	if (!to->is_check)
		teltonika_extra_int(
			to->extra, teltonika_extra_name(to->what, to->number, name).text, value);
}

static void add_fixed(struct reading *to, const char *name, int64_t value, unsigned decimals)
{
	if (!to->is_check)
		teltonika_extra_fixed(to->extra,
			teltonika_extra_name(to->what, to->number, name).text, value, decimals);
}

static void add_bool(struct reading *to, const char *name, bool value)
{
	if (!to->is_check)
		teltonika_extra_bool(
			to->extra, teltonika_extra_name(to->what, to->number, name).text, value);
}

static void add_hex(struct reading *to, const char *name, const uint8_t *data, size_t len)
{
	if (!to->is_check)
		teltonika_extra_hex(to->extra,
			teltonika_extra_name(to->what, to->number, name).text, data, len);
}

static void read_beacon(struct reading *to, struct reader *r)
{
	const unsigned flags = reader_u8(r);
	if (flags >> 4) {
		add_hex(to, "Uuid", reader_bytes(r, 16), 16);
		add_int(to, "Major", reader_be16(r));
		add_int(to, "Minor", reader_be16(r));
	} else {
		add_hex(to, "Namespace", reader_bytes(r, 10), 10);
		add_hex(to, "Instance", reader_bytes(r, 6), 6);
	}
	add_int(to, "Rssi", (int8_t)reader_u8(r));
	if (flags & 2)
		add_fixed(to, "Battery", reader_be16(r), 3);
	if (flags & 4)
		add_int(to, "Temp", reader_be16(r));
}

// The items of a tag with a number of one or two bytes.
enum item_type { NONE, UNSIGNED, SIGNED, BOOL, CENTI, MILLI, SHARE /* in %, at most 100 */ };
static const struct item {
	const char *name;
	uint8_t bytes, type;
} items[] = {
	[0] = {"Rssi", 1, SIGNED},
	[6] = {"Temp", 2, CENTI},
	[7] = {"Humidity", 1, SHARE},
	[8] = {"Magnet", 1, BOOL},
	[9] = {"Motion", 1, BOOL},
	[10] = {"MotionCount", 2, UNSIGNED},
	[11] = {"Pitch", 1, SIGNED},
	[12] = {"Roll", 2, SIGNED},
	[13] = {"LowBattery", 1, BOOL},
	[14] = {"Battery", 2, MILLI},
};

static bool read_number(struct reading *to, const struct item *item, struct reader value)
{
	if (value.left != item->bytes)
		return false;
	const unsigned number = (unsigned)reader_be(&value, item->bytes);
	if (item->type == SHARE && number > 100)
		return true; // no value
	const int is_signed = item->bytes == 1 ? (int8_t)number : (int16_t)number;
	if (item->type == BOOL)
		add_bool(to, item->name, number != 0);
	else if (item->type == CENTI)
		add_fixed(to, item->name, is_signed, 2);
	else if (item->type == MILLI)
		add_fixed(to, item->name, number, 3);
	else
		add_int(to, item->name, item->type == SIGNED ? is_signed : (int)number);
	return true;
}

// Flags: 40 the battery is low, 80 its voltage follows, in steps of 10 mV from 2 V.
static bool read_flags(struct reading *to, struct reader value)
{
	const unsigned flags = reader_u8(&value);
	if (flags & 0x40)
		add_bool(to, "LowBattery", true);
	if (flags & 0x80)
		add_int(to, "Voltage", reader_u8(&value) * 10 + 2000);
	return !value.bad;
}

static bool read_item(struct reading *to, unsigned id, struct reader value)
{
	switch (id) {
	case 1:
		add_hex(to, "Id", value.at, value.left);
		return true;
	case 2:
		return read_flags(to, value);
	case 5:
		if (!to->is_check)
			teltonika_extra_text(to->extra,
				teltonika_extra_name(to->what, to->number, "Name").text, value.at,
				value.left);
		return teltonika_extra_is_text(value.at, value.left);
	case 15:
		add_hex(to, "Mac", value.at, value.left);
		return value.left == 6;
	default:
		if (id < sizeof items / sizeof items[0] && items[id].type != NONE)
			return read_number(to, &items[id], value);
		return true;
	}
}

static void read_tag(struct reading *to, struct reader *r)
{
	const size_t len = reader_u8(r);
	const uint8_t *data = reader_bytes(r, len);
	struct reader tag = reader_of(data, data ? len : 0);
	while (tag.left > 0 && !r->bad) {
		const unsigned id = reader_u8(&tag);
		const size_t item_len = reader_u8(&tag);
		const uint8_t *value = reader_bytes(&tag, item_len);
		r->bad = !value || !read_item(to, id, reader_of(value, item_len));
	}
}

// Returns false if the structure is not well-formed.
static bool read_all(struct reading *to, const struct teltonika_element *element)
{
	struct reader r = reader_of(element->at, element->len);
	void (*read)(struct reading *, struct reader *) =
		element->id == 385 ? read_beacon : read_tag;
	reader_u8(&r); // the part, or the header
	while (r.left > 0 && !r.bad) {
		to->number++;
		read(to, &r);
	}
	return !r.bad;
}

// *last: number of the last tag or beacon of the record.
static bool read_structure(struct teltonika_extra *extra, const char *what,
	const struct teltonika_element *element, unsigned *last)
{
	struct reading check = {extra, what, *last, true}, reading = {extra, what, *last, false};
	if (!read_all(&check, element))
		return false;
	read_all(&reading, element);
	*last = reading.number;
	return true;
}

// Adds trouble codes, with blanks in place of the commas.
static void add_codes(struct teltonika_extra *extra, const struct teltonika_element *element)
{
	char codes[EXTRA_MAX];
	const size_t len =
		element->len < sizeof codes ? element->len : sizeof codes; // too long anyway
	for (size_t i = 0; i < len; i++)
		codes[i] = element->at[i] == ',' ? ' ' : (char)element->at[i];
	teltonika_extra_text(extra, "dtcs", codes, len);
}

bool teltonika_beacon_read(struct teltonika_extra *extra, const struct teltonika_element *element,
	struct teltonika_beacons *seen)
{
	switch (element->id) {
	case 256:
	case 325:
	case 281:
		if (!teltonika_extra_is_text(element->at, element->len))
			return false;
		if (element->id == 281)
			add_codes(extra, element);
		else
			teltonika_extra_text(extra, "vin", element->at, element->len);
		return true;
	case 385:
		return read_structure(extra, "beacon", element, &seen->beacons);
	case 548:
	case 10828:
	case 10829:
	case 10831:
	case 11317:
		return read_structure(extra, "tag", element, &seen->tags);
	default:
		return false;
	}
}
