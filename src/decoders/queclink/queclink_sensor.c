// SPDX-License-Identifier: MIT
// From Queclink's @Track documents (GV300, GV310LAU, GV350M, GV600M). By the bits of ERI's mask, in this order:
//
//   0     fuel, hex                                                  (GV350M: in the form of 3 and 4)
//   1     n, n x (id, type, hex temperature or empty)                1-wire, of 1/16 degree
//   2     state, mask, ... of the CAN bus                            what follows is not read
//   3, 4  n, n x (type,[GV350M: UART, bit 0: hex,][3: %,][4: litres])
//   7     n, n x (serial, type, temperature,[type 2: humidity])      433 MHz
//   8     n, n x (index, type, model,[GV600M: length,] data, items, an item for each of their bits)    Bluetooth
//
// The UART's type before them may be missing. They count only if they end where the content does, or until what is not read.
#include "decoders/queclink/queclink_sensor.h"

#include "decoders/queclink/queclink_value.h"

#define MASK_FUEL      0x01u
#define MASK_WIRE      0x02u
#define MASK_CAN       0x04u
#define MASK_PERCENT   0x08u
#define MASK_LITRES    0x10u
#define MASK_UNKNOWN   0x60u /* before what is known */
#define MASK_RADIO     0x80u
#define MASK_BLUETOOTH 0x100u
#define MASK_LATER     0xFFFFFE00u

#define ITEM_NAMES   15
#define ITEM_UNKNOWN 0x8040u

struct sensors {
	const struct queclink_message *m;
	size_t at;
	uint32_t mask;
	unsigned tags;
	bool adds; /* else it only checks */
	bool bad;  /* a field is missing or does not fit */
};

static struct text take(struct sensors *s)
{
	s->bad |= s->at >= s->m->end;
	return queclink_message_at(s->m, s->at++);
}

static struct text take_hex(struct sensors *s, size_t least, size_t most)
{
	const struct text text = take(s);
	s->bad |= !fields_is_hex(text, least, most);
	return text;
}

static unsigned take_count(struct sensors *s)
{
	uint64_t count = 0;
	const struct text text = take(s);
	s->bad |= !fields_is_digits(text, 1, 2) || !text_uint(text, &count);
	return s->bad ? 0 : (unsigned)count;
}

// Adds a value of the tag read last.
static void add_tag_value(struct sensors *s,
	void (*add)(struct decoded *, struct report *, const char *, struct text), const char *what,
	struct text text)
{
	char name[QUECLINK_VALUE_NAME];
	if (s->adds && !s->bad)
		add(s->m->out, s->m->report, queclink_value_name(name, "tag", s->tags, what), text);
}

static void add_tag_id(struct sensors *s, struct text id)
{
	char name[QUECLINK_VALUE_NAME];
	if (s->adds && !s->bad && id.len > 0)
		extra_text(s->m->out, s->m->report, queclink_value_name(name, "tag", s->tags, "Id"),
			id.data, id.len);
}

static void read_raw_fuel(struct sensors *s)
{
	uint64_t value;
	if (text_hex(take_hex(s, 1, 8), &value) && s->adds)
		extra_int(s->m->out, s->m->report, "fuelRaw", (int64_t)value);
}

static void read_wires(struct sensors *s)
{
	char name[QUECLINK_VALUE_NAME];
	const unsigned count = take_count(s);
	for (unsigned k = 1; k <= count && !s->bad; k++) {
		uint64_t value;
		take_hex(s, 1, 16);
		take(s);
		const struct text text = take(s);
		s->bad |= text.len > 0 && !fields_is_hex(text, 4, 4);
		if (s->adds && !s->bad && text_hex(text, &value))
			extra_fixed(s->m->out, s->m->report,
				queclink_value_name(name, "temp", k, ""),
				(int64_t)(int16_t)value * 625, 4);
	}
}

static void add_fuel(struct sensors *s, unsigned number, const char *unit)
{
	char name[QUECLINK_VALUE_NAME] = "fuel";
	const struct text text = take(s);
	if (!s->adds || s->bad)
		return;
	if (number == 1)
		memcpy(name + 4, unit, strlen(unit) + 1);
	else
		queclink_value_name(name, "fuel", number, unit);
	if (unit[1] == 'p')
		queclink_value_set_percent(s->m->out, s->m->report, name, text);
	else
		fields_add_number(s->m->out, s->m->report, name, text);
}

static void read_fuel(struct sensors *s, bool is_gv350m)
{
	const unsigned count = take_count(s);
	for (unsigned k = 1; k <= count && !s->bad; k++) {
		take(s);
		if (is_gv350m)
			take(s);
		if (is_gv350m && s->mask & MASK_FUEL)
			take(s);
		if (s->mask & MASK_PERCENT)
			add_fuel(s, k, "_percent");
		if (s->mask & MASK_LITRES)
			add_fuel(s, k, "_l");
	}
}

static void read_radio(struct sensors *s)
{
	const unsigned count = take_count(s);
	for (unsigned k = 0; k < count && !s->bad; k++) {
		const struct text serial = take(s);
		const unsigned type = take_count(s);
		const struct text temperature = take(s);
		s->tags++;
		add_tag_id(s, serial);
		add_tag_value(s, fields_add_number, "Temp", temperature);
		if (type == 2)
			add_tag_value(s, queclink_value_set_percent, "Humidity", take(s));
	}
}

static bool is_number(struct text text)
{
	int64_t value;
	unsigned decimals;
	return fields_number(text, &value, &decimals);
}

// Items: 0 name, 1 MAC, 2 status, 3 battery in mV, 4 temperature, 5 humidity, 7 I/O, 8 event, 9 tyre pressure, 10 time, 11
// finer temperature, 12 magnet, 13 battery in percent, 14 relay.
static void read_bluetooth(struct sensors *s)
{
	const bool has_length = s->m->prefix == 0xC2 || s->m->prefix == 0xDC;
	const unsigned count = take_count(s);
	for (unsigned k = 0; k < count && !s->bad; k++) {
		struct text items[ITEM_NAMES] = {{0}};
		uint64_t mask = 0;
		for (int i = 0; i < 4 + has_length; i++)
			take(s);
		text_hex(take_hex(s, 4, 4), &mask);
		s->bad |= (mask & ITEM_UNKNOWN) > 0;
		for (unsigned bit = 0; bit < ITEM_NAMES && !s->bad; bit++)
			if (mask >> bit & 1)
				items[bit] = take(s);
		s->tags++;
		add_tag_id(s, items[1]);
		add_tag_value(
			s, fields_add_number, "Temp", is_number(items[4]) ? items[4] : items[11]);
		add_tag_value(s, queclink_value_set_percent, "Humidity", items[5]);
		add_tag_value(s, queclink_value_set_percent, "Battery", items[13]);
	}
}

// Reads state and mask of a report of the CAN bus.
static void read_can(struct sensors *s)
{
	s->bad |= take(s).len > 1;
	const struct text mask = take(s);
	s->bad |= mask.len > 0 && !fields_is_hex(mask, 8, 8);
}

// Returns true if the sensors fit from a field on.
static bool read(const struct queclink_message *m, uint32_t mask, size_t at, bool adds)
{
	struct sensors s = {.m = m, .at = at, .mask = mask, .adds = adds};
	const bool is_gv350m = m->prefix == 0xF1;
	if (mask & MASK_FUEL && !is_gv350m)
		read_raw_fuel(&s);
	if (mask & MASK_WIRE && !s.bad)
		read_wires(&s);
	if (mask & MASK_CAN && !s.bad)
		read_can(&s);
	if (mask & MASK_CAN || s.bad)
		return !s.bad;
	if (mask & (MASK_PERCENT | MASK_LITRES | (is_gv350m ? MASK_FUEL : 0)))
		read_fuel(&s, is_gv350m);
	if (mask & MASK_UNKNOWN || s.bad)
		return !s.bad;
	if (mask & MASK_RADIO)
		read_radio(&s);
	if (mask & MASK_BLUETOOTH && !s.bad)
		read_bluetooth(&s);
	return !s.bad && (mask & MASK_LATER || s.at == m->end);
}

void queclink_sensor_decode(const struct queclink_message *m, uint32_t mask, size_t at)
{
	if (read(m, mask, at + 1, false))
		read(m, mask, at + 1, true);
	else if (read(m, mask, at, false))
		read(m, mask, at, true);
}
