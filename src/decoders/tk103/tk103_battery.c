// SPDX-License-Identifier: MIT
// Battery frames of gateways that speak the TK103's protocol, from captures; in hexadecimal.
//
//   BS50, little-endian, 88 bytes and more
//
//   0 header 3 | n 1 | 24 x mV u16 | 52 charging 1 (0: yes) | current u16/10 A | volts u16/100 | percent 1 | 58 flags 5
//   63 cycles u16 | fault 1 | 66 unknown 6 | m 1 | 73 power temperature | equalizer's | 75 7 x battery's | 82 capacity u16/100 Ah
//   84 discharged u32 | more                                       temperatures: + 40; n and m: how many are in use
//
//   BS51, big-endian items of a Daly battery manager: id:16 digits,id:16 digits..
//
//   90  volts u16/10 | u16 | current u16/10 + 3000 A | charge u16/10 %
//   91  highest cell mV u16 | its number 1 | lowest mV u16 | its number 1 | 2
//   92  highest temperature + 40 | its number 1 | lowest + 40 | its number 1 | 4
//   93..98  state, strings, cells, temperatures, bits: kept as they are
#include "decoders/tk103/tk103_battery.h"
#include "decoders/tk103/tk103_report.h"
#include "util/decimal.h"
#include "util/reader.h"

#define BLOCK_LEAST 88
#define BLOCK_MOST  1024 /* a frame has at most 2048 digits */
#define CELLS_MOST  24
#define TEMPS_MOST  7
#define ITEM_LEN    19 /* 90:0123456789ABCDEF */

// Writes hex digits, an even number, as bytes. Returns false if one is none.
static bool to_bytes(struct text digits, uint8_t *out)
{
	for (size_t i = 0; i < digits.len; i += 2) {
		const int high = text_hex_digit(digits.data[i]),
			  low = text_hex_digit(digits.data[i + 1]);
		if (high < 0 || low < 0)
			return false;
		out[i / 2] = (uint8_t)(high << 4 | low);
	}
	return true;
}

// Adds numbers of `size` bytes each, less `offset`, as a text: "25,26".
static void add_list(const struct tk103_message *message, const char *name, const uint8_t *data,
	size_t count, size_t size, int64_t offset)
{
	char text[CELLS_MOST * 8], *end = text;
	struct reader reader = reader_of(data, count * size);
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			*end++ = ',';
		end = decimal_write_signed(end, (int64_t)reader_le(&reader, size) - offset);
	}
	if (count > 0)
		extra_text(message->out, message->report, name, text, (size_t)(end - text));
}

static unsigned u16_at(const uint8_t *block, size_t at)
{
	return block[at] | (unsigned)block[at + 1] << 8;
}

bool tk103_battery_block(const struct tk103_message *message)
{
	uint8_t block[BLOCK_MOST];
	struct decoded *out = message->out;
	struct report *report = message->report;
	const struct text hex = message->rest;
	if (hex.len % 2 != 0 || hex.len < 2 * BLOCK_LEAST || hex.len > 2 * sizeof block ||
		!to_bytes(hex, block) || block[3] > CELLS_MOST || block[72] > TEMPS_MOST)
		return false;
	add_list(message, "cell_mv", block + 4, block[3], 2, 0);
	extra_bool(out, report, "charge", block[52] == 0);
	extra_fixed(out, report, "current", u16_at(block, 53), 1);
	report_set_battery_mv(report, (int64_t)u16_at(block, 55) * 10);
	report_set_battery_percent(report, block[57]);
	extra_int(out, report, "cycles", u16_at(block, 63));
	extra_int(out, report, "fault", block[65]);
	extra_int(out, report, "power_temp", block[73] - 40);
	add_list(message, "temps", block + 75, block[72], 1, 40);
	return true;
}

// Items -----------------------------------------------------------------------

static struct text item_digits(struct text items, size_t index)
{
	return tk103_part(items, index * (ITEM_LEN + 1) + 3, ITEM_LEN - 3);
}

static struct text item_id(struct text items, size_t index)
{
	return tk103_part(items, index * (ITEM_LEN + 1), 2);
}

// Returns the number of items; 0: the text is none of items only.
static size_t count_items(struct text items)
{
	const size_t count = (items.len + 1) / (ITEM_LEN + 1);
	if ((items.len + 1) % (ITEM_LEN + 1) != 0)
		return 0;
	for (size_t i = 0; i < count; i++)
		if (!fields_is_hex(item_id(items, i), 2, 2) || item_id(items, i).data[2] != ':' ||
			!fields_is_hex(item_digits(items, i), 16, 16) ||
			(i + 1 < count && item_digits(items, i).data[16] != ','))
			return 0;
	return count;
}

static void add_volts(const struct tk103_message *message, struct reader *item)
{
	report_set_battery_mv(message->report, (int64_t)reader_be16(item) * 100);
	reader_bytes(item, 2);
	extra_fixed(message->out, message->report, "current", reader_be16(item) - 30000, 1);
	report_set_battery_percent(message->report, reader_be16(item) / 10);
}

static void add_cell_range(const struct tk103_message *message, struct reader *item)
{
	extra_int(message->out, message->report, "cell_max_mv", reader_be16(item));
	reader_bytes(item, 1);
	extra_int(message->out, message->report, "cell_min_mv", reader_be16(item));
}

static void add_temperature_range(const struct tk103_message *message, struct reader *item)
{
	extra_int(message->out, message->report, "temp_max", reader_u8(item) - 40);
	reader_bytes(item, 1);
	extra_int(message->out, message->report, "temp_min", reader_u8(item) - 40);
}

static bool is_zero(struct text digits)
{
	for (size_t i = 0; i < digits.len; i++)
		if (digits.data[i] != '0')
			return false;
	return true;
}

// Adds the digits of all items of an id, except those of zeros only.
static void add_raw(
	const struct tk103_message *message, size_t count, const char *id, const char *name)
{
	char text[BLOCK_MOST * 2], *end = text;
	for (size_t i = 0; i < count; i++) {
		const struct text digits = item_digits(message->rest, i);
		if (!text_equal(item_id(message->rest, i), id) || is_zero(digits))
			continue;
		if (end > text)
			*end++ = ',';
		end = fields_put(end, digits.data, digits.len);
	}
	if (end > text)
		extra_text(message->out, message->report, name, text, (size_t)(end - text));
}

// The items with fields of their own; the first of each id counts.
static const struct {
	const char *id;
	void (*add)(const struct tk103_message *message, struct reader *item);
} known[] = {{"90", add_volts}, {"91", add_cell_range}, {"92", add_temperature_range}};

static void add_known(const struct tk103_message *message, size_t count, size_t k)
{
	for (size_t i = 0; i < count; i++) {
		uint8_t bytes[8] = {0};
		if (!text_equal(item_id(message->rest, i), known[k].id) ||
			!to_bytes(item_digits(message->rest, i), bytes))
			continue;
		struct reader item = reader_of(bytes, sizeof bytes);
		known[k].add(message, &item);
		return;
	}
}

bool tk103_battery_items(const struct tk103_message *message)
{
	static const char *const raw[] = {
		"bms_93", "bms_94", "bms_95", "bms_96", "bms_97", "bms_98"};
	const size_t count = count_items(message->rest);
	bool is_odd = false;
	for (size_t i = 0; i < count; i++) {
		const struct text id = item_id(message->rest, i);
		is_odd |= id.data[0] != '9' || id.data[1] < '0' || id.data[1] > '8';
	}
	for (size_t k = 0; k < sizeof known / sizeof known[0]; k++)
		add_known(message, count, k);
	for (size_t i = 0; i < sizeof raw / sizeof raw[0]; i++)
		add_raw(message, count, raw[i] + 4, raw[i]);
	if (is_odd)
		tk103_report_text(message, "data", message->rest);
	return count > 0;
}
