// SPDX-License-Identifier: MIT
// From Queclink's @Track documents (GV300, GV500):
//
//   CAN  name, report type, state, mask, items by its bits, position (bit 30), cell and a reserved field (31)
//        22-28: by the model; 29: a second mask and its items, of which 31 is a third mask and its items
//   OBD  name, report type, mask, items by its bits, position (20), cell and a reserved field (21), odometer (22)
#include "decoders/queclink/queclink_engine.h"

#include "decoders/queclink/queclink_place.h"
#include "decoders/queclink/queclink_value.h"

#define PLACE_FIELDS 7
#define CELL_FIELDS  5

#define CAN_MODEL    0x1FC00000u /* bits whose items depend on the model */
#define CAN_SECOND   29
#define CAN_PLACE    30
#define CAN_CELL     31
#define SECOND_CARD  15 /* of the driver, and of the other one */
#define SECOND_THIRD 31
#define THIRD_ITEMS  0x7u
#define OBD_UNKNOWN  0xFF860000u
#define OBD_KM       19
#define OBD_PLACE    20
#define OBD_CELL     21
#define OBD_ODOMETER 22

struct item {
	enum {
		SKIPPED,
		NUMBER,
		VIN,
		WORDS,
		DIGITS, /* hex, as text */
		PERCENT,
		IGNITION,
		DISTANCE, /* H and 100 m; I: impulses */
		FUEL,     /* P percent, L litres */
	} kind;
	const char *name;
};

static const struct item can_items[] = {{VIN, "vin"}, {IGNITION, ""}, {DISTANCE, "obdOdometer"},
	{NUMBER, "fuelUsed"}, {NUMBER, "rpm"}, {NUMBER, "obdSpeed"}, {NUMBER, "coolantTemp"},
	{WORDS, "fuelConsumption"}, {FUEL, ""}, {SKIPPED, "range"}, {NUMBER, "throttle"},
	{NUMBER, "engineHours"}, {NUMBER, "drivingHours"}, {NUMBER, "idleHours"},
	{NUMBER, "idleFuelUsed"}, {NUMBER, "axleWeight"}, {SKIPPED, "tachograph"},
	{SKIPPED, "indicators"}, {SKIPPED, "lights"}, {DIGITS, "doors"},
	{SKIPPED, "overspeed time"}, {SKIPPED, "engine overspeed time"}};

static const struct item obd_items[] = {{VIN, "vin"}, {SKIPPED, "connected"}, {SKIPPED, "voltage"},
	{SKIPPED, "PIDs"}, {NUMBER, "rpm"}, {NUMBER, "obdSpeed"}, {NUMBER, "coolantTemp"},
	{NUMBER, "fuelConsumption"}, {SKIPPED, "km since DTCs were cleared"},
	{SKIPPED, "km with MIL"}, {SKIPPED, "MIL"}, {NUMBER, "dtcs"}, {SKIPPED, "DTCs"},
	{NUMBER, "throttle"}, {NUMBER, "engineLoad"}, {PERCENT, "fuel_percent"},
	{SKIPPED, "protocol"}};

static void add_text(const struct queclink_message *m, const char *name, struct text text)
{
	extra_text(m->out, m->report, name, text.data, text.len);
}

static void set_distance(const struct queclink_message *m, const char *name, struct text text)
{
	int64_t tenths;
	if (text.len < 2 || text.data[0] != 'H')
		return;
	text.data++, text.len--;
	if ((fields_is_digits(text, 1, 9) || queclink_value_is_decimal(text, false, 9, 1, 1)) &&
		text_fixed(text, 1, &tenths))
		extra_int(m->out, m->report, name, tenths * 10);
}

static void set_fuel(const struct queclink_message *m, struct text text)
{
	if (text.len < 2)
		return;
	const char unit = text.data[0];
	text.data++, text.len--;
	const size_t most = unit == 'P' ? 3 : 6;
	if (!fields_is_digits(text, 1, most) && !queclink_value_is_decimal(text, false, most, 1, 2))
		return;
	if (unit == 'P')
		queclink_value_set_percent(m->out, m->report, "fuel_percent", text);
	else if (unit == 'L')
		fields_add_number(m->out, m->report, "fuel_l", text);
}

static void set_item(const struct queclink_message *m, const struct item *item, struct text text)
{
	switch (item->kind) {
	case NUMBER:
		fields_add_number(m->out, m->report, item->name, text);
		break;
	case VIN:
		if (queclink_value_is_vin(text) && m->vin.len == 0)
			add_text(m, item->name, text);
		break;
	case WORDS:
		if (text.len > 0 && fields_is_printable(text, 32))
			add_text(m, item->name, text);
		break;
	case DIGITS:
		if (fields_is_hex(text, 1, 8))
			add_text(m, item->name, text);
		break;
	case PERCENT:
		queclink_value_set_percent(m->out, m->report, item->name, text);
		break;
	case IGNITION:
		if (text.len == 1 && text.data[0] >= '0' && text.data[0] <= '2')
			report_set_ignition(m->report, text.data[0] != '0');
		break;
	case DISTANCE:
		set_distance(m, item->name, text);
		break;
	case FUEL:
		set_fuel(m, text);
		break;
	case SKIPPED:
		break;
	}
}

// Returns the index at which the items end at the latest.
static size_t end_of_items(const struct queclink_message *m)
{
	return m->places > 0 ? m->start : m->end;
}

// Reads the items of the mask's bits. Returns the index after them; 0: one is missing, or their number is not known.
static size_t read_items(const struct queclink_message *m, const struct item *items, size_t count,
	size_t at, uint64_t mask, uint64_t unknown)
{
	const size_t end = end_of_items(m);
	for (size_t bit = 0; bit < count; bit++) {
		if (!(mask >> bit & 1))
			continue;
		if (at >= end)
			return 0;
		set_item(m, &items[bit], queclink_message_at(m, at++));
	}
	return mask & unknown ? 0 : at;
}

// Reads the cell after an empty position, or without one. Returns the index after it; 0: it is not there.
static size_t read_cell(const struct queclink_message *m, size_t at, bool has_place, bool has_cell)
{
	if (has_place) {
		if (!queclink_place_is_empty(m, at))
			return 0;
		at += PLACE_FIELDS;
	}
	if (!has_cell)
		return at;
	queclink_place_add_cell(m, at);
	return at + CELL_FIELDS;
}

// Reads the masks behind a CAN mask, of eight hex digits.
static bool take_mask(const struct queclink_message *m, size_t *at, uint64_t *mask)
{
	const struct text text = queclink_message_at(m, (*at)++);
	return fields_is_hex(text, 8, 8) && text_hex(text, mask);
}

// Reads the items of the second and the third mask, and adds the drivers' cards if wanted. Returns the index after them; 0:
// they are not there.
static size_t read_second(const struct queclink_message *m, size_t at, bool adds)
{
	static const struct item cards[] = {{WORDS, "driver1Card"}, {WORDS, "driver2Card"}};
	uint64_t mask, third = 0;
	if (!take_mask(m, &at, &mask))
		return 0;
	for (unsigned bit = 0; bit < SECOND_THIRD; bit++) {
		if (!(mask >> bit & 1))
			continue;
		const struct text text = queclink_message_at(m, at++);
		if (adds && (bit == SECOND_CARD || bit == SECOND_CARD + 1))
			set_item(m, &cards[bit - SECOND_CARD], text);
	}
	if (mask >> SECOND_THIRD & 1 && (!take_mask(m, &at, &third) || third & ~THIRD_ITEMS))
		return 0;
	return at + queclink_value_count_bits(third);
}

// Returns the bits of a CAN mask that have one item each with this model.
static uint64_t model_items(uint32_t prefix)
{
	return prefix == 0xF1 ? 0x01C00000 : prefix == 0x802005 ? CAN_MODEL : 0;
}

// Reads the items after those of can_items; at: the first. Returns the index after them; 0: they do not end at the position.
static size_t read_more(const struct queclink_message *m, size_t at, uint64_t mask)
{
	const uint64_t model = mask & CAN_MODEL;
	const size_t second = at + queclink_value_count_bits(model);
	size_t end = second;
	if (at == 0 || model & ~model_items(m->prefix))
		return 0;
	if (mask >> CAN_SECOND & 1)
		end = read_second(m, second, false);
	if (m->places > 0 ? end != m->start
			  : !(mask >> CAN_PLACE & 1) || !queclink_place_is_empty(m, end))
		return 0;
	if (mask >> CAN_SECOND & 1)
		read_second(m, second, true);
	return end;
}

static bool read_mask(const struct queclink_message *m, size_t offset, uint64_t *mask)
{
	const struct text text = queclink_message_after(m, offset);
	return fields_is_hex(text, 6, 8) && text_hex(text, mask);
}

void queclink_engine_decode_can(struct queclink_message *m)
{
	uint64_t mask;
	if (!read_mask(m, 3, &mask))
		return;
	size_t at = read_items(
		m, can_items, sizeof can_items / sizeof can_items[0], m->name + 4, mask, 0);
	if (mask & (CAN_MODEL | UINT32_C(1) << CAN_SECOND))
		at = read_more(m, at, mask);
	if (at > 0 && m->places == 0)
		read_cell(m, at, mask >> CAN_PLACE & 1, mask >> CAN_CELL & 1);
}

void queclink_engine_decode_obd(struct queclink_message *m)
{
	uint64_t mask, km;
	if (!read_mask(m, 2, &mask))
		return;
	size_t at = read_items(m, obd_items, sizeof obd_items / sizeof obd_items[0], m->name + 3,
		mask, OBD_UNKNOWN);
	if (at > 0 && at < end_of_items(m) && mask >> OBD_KM & 1) {
		const struct text text = queclink_message_at(m, at++);
		if (fields_is_digits(text, 1, 9) && text_uint(text, &km))
			extra_int(m->out, m->report, "obdOdometer", (int64_t)km * 1000);
	}
	if (at == 0 || m->places > 0)
		return;
	at = read_cell(m, at, mask >> OBD_PLACE & 1, mask >> OBD_CELL & 1);
	if (at > 0 && mask >> OBD_ODOMETER & 1)
		queclink_value_set_km(m->report, queclink_message_at(m, at));
}
