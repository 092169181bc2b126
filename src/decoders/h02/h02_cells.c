// SPDX-License-Identifier: MIT
// The messages of an H02 that list cells: NBR, V3, BASE, BS, and VP1 without a fix. Drawn in h02_text.c.
#include "decoders/h02/h02_cells.h"
#include "decoders/cells.h"

#define LEVEL_0_DBM 220

// Reads an optional number with a sign; empty: CELLS_NO_RSSI.
static bool read_rssi(struct text text, int64_t *rssi)
{
	*rssi = CELLS_NO_RSSI;
	if (text.len == 0)
		return true;
	struct text digits = text;
	if (digits.data[0] == '-')
		digits.data++, digits.len--;
	return fields_is_digits(digits, 1, 9) && text_int(text, rssi);
}

struct group {
	uint64_t lac, cid;
	int64_t rssi, dbm;
};

// Reads one cell of `size` fields: lac, cid and, if there are more, rssi and dBm.
static bool read_group(
	const struct h02_message *message, size_t at, size_t size, bool hex, struct group *group)
{
	const struct text lac = h02_message_get(message, at),
			  cid = h02_message_get(message, at + 1);
	group->rssi = group->dbm = CELLS_NO_RSSI;
	if (hex ? !fields_is_hex(lac, 1, 8) || !fields_is_hex(cid, 1, 8) ||
				!text_hex(lac, &group->lac) || !text_hex(cid, &group->cid)
		: !h02_message_decimal(lac, 9, &group->lac) ||
				!h02_message_decimal(cid, 10, &group->cid))
		return false;
	return (size < 3 || read_rssi(h02_message_get(message, at + 2), &group->rssi)) &&
	       (size < 4 || read_rssi(h02_message_get(message, at + 3), &group->dbm));
}

// The level of V3 is 220 more than the signal in dBm, which is below 0 and may be given, too.
static int64_t choose_rssi(const struct group *group)
{
	if (group->dbm != CELLS_NO_RSSI && group->dbm < 0)
		return group->dbm;
	return group->rssi > 0 && group->rssi < LEVEL_0_DBM ? group->rssi - LEVEL_0_DBM
							    : CELLS_NO_RSSI;
}

// Checks `count` groups before anything is added, then adds them.
static bool add_groups(const struct h02_message *message, struct cells *cells, size_t at,
	size_t size, size_t count, bool hex, bool add)
{
	struct group group;
	for (size_t i = 0; i < count; i++) {
		if (!read_group(message, at + i * size, size, hex, &group))
			return false;
		if (size == 4)
			group.rssi = choose_rssi(&group);
		if (add && !(hex && group.lac == 0))
			cells_add(cells, group.lac, group.cid, group.rssi);
	}
	if (add)
		cells_end(cells);
	return true;
}

// Where the parts of a message with cells are.
struct cell_shape {
	size_t groups, size, count; /* first field, fields of each, number of them */
	size_t date;                /* the status follows */
	bool hex;
};

static bool decode_cells(const struct h02_message *message, uint64_t mcc, uint64_t mnc,
	const struct cell_shape *shape)
{
	struct cells cells;
	cells_init(&cells, mcc, mnc, message->report, message->out);
	const struct text date = h02_message_get(message, shape->date),
			  word = h02_message_get(message, shape->date + 1);
	if (!h02_message_is_date(date) || (word.len > 0 && !h02_message_is_word(word)) ||
		!add_groups(message, &cells, shape->groups, shape->size, shape->count, shape->hex,
			false))
		return false;
	h02_message_set_time(message, date, h02_message_get(message, H02_FIRST));
	h02_message_set_status(message, word);
	return add_groups(
		message, &cells, shape->groups, shape->size, shape->count, shape->hex, true);
}

bool h02_cells_decode_nbr(const struct h02_message *message)
{
	uint64_t mcc, mnc, count;
	if (!h02_message_decimal(h02_message_get(message, H02_FIRST + 1), 3, &mcc) ||
		!h02_message_decimal(h02_message_get(message, H02_FIRST + 2), 3, &mnc) ||
		!h02_message_decimal(h02_message_get(message, H02_FIRST + 4), 2, &count))
		return false;
	const struct cell_shape shape = {H02_FIRST + 5, 3, count, H02_FIRST + 5 + 3 * count, false};
	const size_t more = message->fields.count - shape.date;
	if ((more != 2 && more != 3) || !decode_cells(message, mcc, mnc, &shape))
		return false;
	h02_message_add_text(message, "battery", h02_message_get(message, shape.date + 2));
	return true;
}

bool h02_cells_decode_v3(const struct h02_message *message)
{
	const struct text network = h02_message_get(message, H02_FIRST + 1);
	uint64_t count, value, battery;
	if (!fields_is_digits(network, 4, 6) || !text_uint(network, &value) ||
		!h02_message_decimal(h02_message_get(message, H02_FIRST + 2), 2, &count))
		return false;
	const struct cell_shape shape = {
		H02_FIRST + 3, 4, count, H02_FIRST + 3 + 4 * count + 3, false};
	const struct text level = h02_message_get(message, shape.date - 3);
	const uint64_t scale = network.len == 4 ? 10 : network.len == 5 ? 100 : 1000;
	if (message->fields.count != shape.date + 2 ||
		!fields_is_letter(h02_message_get(message, shape.date - 1), 'X') ||
		(level.len > 0 && !fields_is_hex(level, 4, 4)) ||
		!decode_cells(message, value / scale, value % scale, &shape))
		return false;
	if (text_hex(level, &battery))
		extra_int(message->out, message->report, "battery", (int64_t)battery);
	return true;
}

bool h02_cells_decode_base(const struct h02_message *message)
{
	const struct cell_shape shape = {H02_FIRST + 3, 2, 1, H02_FIRST + 5, false};
	uint64_t mcc, mnc;
	return message->fields.count == H02_FIRST + 7 &&
	       h02_message_decimal(h02_message_get(message, H02_FIRST + 1), 3, &mcc) &&
	       h02_message_decimal(h02_message_get(message, H02_FIRST + 2), 3, &mnc) &&
	       decode_cells(message, mcc, mnc, &shape);
}

bool h02_cells_decode_bs(const struct h02_message *message)
{
	const struct cell_shape shape = {H02_FIRST + 3, 3, 3, H02_FIRST + 12, true};
	const struct text mcc_text = h02_message_get(message, H02_FIRST + 1),
			  mnc_text = h02_message_get(message, H02_FIRST + 2);
	uint64_t mcc, mnc;
	if (message->fields.count != H02_FIRST + 15 || !fields_is_hex(mcc_text, 1, 8) ||
		!fields_is_hex(mnc_text, 1, 8) || !text_hex(mcc_text, &mcc) ||
		!text_hex(mnc_text, &mnc) || !decode_cells(message, mcc, mnc, &shape))
		return false;
	h02_message_add_text(message, "battery", h02_message_get(message, H02_FIRST + 14));
	return true;
}

// VP1,V: the letter Y joins the cells.
bool h02_cells_decode_joined(const struct h02_message *message)
{
	struct text rest = fields_from(&message->fields, H02_FIRST + 1), part;
	struct h02_message split = *message;
	struct cells cells;
	cells_init(&cells, 0, 0, message->report, message->out);
	for (int pass = 0; pass < 2; pass++) {
		struct text left = rest;
		for (bool first = true; text_next(&left, 'Y', &part); first = false) {
			const size_t head = first ? 2 : 0;
			fields_split(part, &split.fields);
			if (split.fields.count != head + 3 ||
				(first && (!h02_message_decimal(
						   h02_message_get(&split, 0), 3, &cells.mcc) ||
						  !h02_message_decimal(h02_message_get(&split, 1),
							  3, &cells.mnc))))
				return false;
			struct group group;
			if (!read_group(&split, head, 3, false, &group))
				return false;
			if (pass == 1)
				cells_add(&cells, group.lac, group.cid, group.rssi);
		}
	}
	cells_end(&cells);
	return true;
}
