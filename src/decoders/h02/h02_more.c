// SPDX-License-Identifier: MIT
// The fields after the status of a position: cells, sensors, and others as text.
#include "decoders/h02/h02_more.h"
#include "decoders/cells.h"
#include "util/decimal.h"

#define FUEL_MOST 100 /* % */

enum cell { CELL_TEXT, CELL_NONE, CELL_FOUND };

static bool read_cell(const struct text texts[4], bool hex, uint64_t values[4])
{
	for (int i = 0; i < 4; i++)
		if (hex ? !fields_is_hex(texts[i], 1, 8) || !text_hex(texts[i], &values[i])
			: !fields_is_digits(texts[i], 1, 10) || !text_uint(texts[i], &values[i]))
			return false;
	return true;
}

static bool has_letter(struct text text)
{
	for (size_t i = 0; i < text.len; i++)
		if (!text_is_digit(text.data[i]) && text_hex_digit(text.data[i]) >= 0)
			return true;
	return false;
}

// MCC, MNC, LAC and CID are decimal or hexadecimal by model; the values tell.
static enum cell find_cell(const struct h02_message *message, size_t at, uint64_t values[4])
{
	struct text texts[4];
	bool padded = false, six = true;
	for (size_t i = 0; i < 4; i++) {
		const struct text field = h02_message_get(message, at + i);
		texts[i] = fields_trim(field);
		padded |= texts[i].len != field.len;
		six &= texts[i].len == 6;
	}
	bool hex = padded || six || has_letter(texts[0]) || has_letter(texts[1]);
	if (!hex) {
		uint64_t mcc = 0;
		const bool decimal = fields_is_digits(texts[0], 1, 10) && text_uint(texts[0], &mcc);
		const bool all = read_cell(texts, false, values);
		if (all && !(values[0] | values[1] | values[2] | values[3]))
			return CELL_NONE;
		hex = !decimal || mcc < 200 || mcc > 799;
		if (!hex && !all)
			return CELL_TEXT;
	}
	if (hex && !read_cell(texts, true, values))
		return CELL_TEXT;
	if (!(values[0] | values[1] | values[2] | values[3]))
		return CELL_NONE;
	const bool fits = values[0] >= 200 && values[0] <= 799 && values[1] <= 999 &&
			  values[2] <= 65535 && (values[2] | values[3]);
	return fits ? CELL_FOUND : CELL_TEXT;
}

static bool has_point(struct text text)
{
	return text.len > 0 && memchr(text.data, '.', text.len);
}

static bool is_number_or_empty(struct text text)
{
	int64_t value;
	unsigned decimals;
	return text.len == 0 || fields_number(text, &value, &decimals);
}

// Returns true for odometer,temperature,fuel,altitude,LAC,CID. The fuel has a decimal point; the others may be empty.
static bool are_sensors(const struct h02_message *message, size_t at)
{
	const struct text fuel = h02_message_get(message, at + 2),
			  lac = h02_message_get(message, at + 4),
			  cid = h02_message_get(message, at + 5);
	int64_t value;
	unsigned decimals;
	return has_point(fuel) && fields_number(fuel, &value, &decimals) && value >= 0 &&
	       value <= (int64_t)(FUEL_MOST * scan_power(decimals)) &&
	       fields_is_digits(h02_message_get(message, at), 0, 12) &&
	       is_number_or_empty(h02_message_get(message, at + 1)) &&
	       is_number_or_empty(h02_message_get(message, at + 3)) && fields_is_hex(lac, 0, 8) &&
	       fields_is_hex(cid, 0, 8) && (lac.len == 0) == (cid.len == 0);
}

static void add_sensors(const struct h02_message *message, size_t at)
{
	struct report *report = message->report;
	uint64_t odometer_m, lac, cid;
	int64_t altitude_e2;
	if (text_uint(h02_message_get(message, at), &odometer_m))
		report_set_odometer(report, (int64_t)odometer_m);
	fields_add_number(message->out, report, "temp1", h02_message_get(message, at + 1));
	fields_add_number(message->out, report, "fuel", h02_message_get(message, at + 2));
	if (text_fixed(h02_message_get(message, at + 3), 2, &altitude_e2))
		report_set_altitude(report, altitude_e2);
	if (!text_hex(h02_message_get(message, at + 4), &lac) ||
		!text_hex(h02_message_get(message, at + 5), &cid) || !(lac | cid))
		return;
	extra_int(message->out, report, "lac", (int64_t)lac);
	extra_int(message->out, report, "cid", (int64_t)cid);
}

// Adds a field as text. Its name is its number, from 1 on.
static void add_text(const struct h02_message *message, size_t number, struct text text)
{
	char name[2 + DECIMAL_MAX + 1] = "io";
	if (text.len == 0)
		return;
	*decimal_write(name + 2, number) = 0;
	h02_message_add_text(message, name, text);
}

void h02_more_add(const struct h02_message *message, size_t at, bool is_v6)
{
	const size_t count = message->fields.count > at ? message->fields.count - at : 0;
	size_t first = 0;
	if (count == 6 && are_sensors(message, at)) {
		add_sensors(message, at);
		return;
	}
	if (count >= 4) {
		uint64_t cell[4];
		const enum cell found = find_cell(message, at, cell);
		if (found == CELL_FOUND)
			cells_put_first(
				message->report, cell[0], cell[1], cell[2], cell[3], message->out);
		first = found == CELL_TEXT ? 0 : 4;
	}
	for (size_t i = first; i < count; i++) {
		const struct text text = h02_message_get(message, at + i);
		if (is_v6 && i == 4 && text.len >= 15 && text.len <= 22)
			h02_message_add_text(message, "iccid", text);
		else
			add_text(message, i + 1, text);
	}
}
