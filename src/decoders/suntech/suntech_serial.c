// SPDX-License-Identifier: MIT
// What the tracker has read from its serial port:
//
//   ...;outputs;length;payload;sum[;...]CR      sum: two hex digits
//
// The payload may have any bytes, separators and line ends too. On the way its last CR LF may be cut out, while the length still
// counts it: then the payload ends at the first sum.
#include "decoders/suntech/suntech_serial.h"

#include "decoders/suntech/suntech_columns.h"

#define LENGTH_DIGITS 4
#define MAPPED_MOST   18 /* the last bit before the serial data */

// Returns the index of the length; SUNTECH_NONE_FOUND: none.
static size_t find_length(const struct fields *fields, const struct suntech_head *head)
{
	uint64_t map;
	if (head->kind == SUNTECH_UNIVERSAL)
		return suntech_columns_map(fields_get(fields, 2), &map)
			       ? 3 + suntech_columns_count(map, MAPPED_MOST)
			       : SUNTECH_NONE_FOUND;
	const struct suntech_columns columns = suntech_columns_find_legacy(fields, head);
	return columns.lat == SUNTECH_NONE_FOUND ? SUNTECH_NONE_FOUND
						 : suntech_columns_type_at(fields, columns.lat);
}

bool suntech_serial_find(
	struct text text, const struct suntech_head *head, struct suntech_serial *serial)
{
	struct fields fields;
	uint64_t length;
	const char *end = memchr(text.data, '\r', text.len);
	if (end)
		text.len = (size_t)(end - text.data);
	fields_split_at(text, ';', &fields);
	const size_t index = find_length(&fields, head);
	if (index >= fields.count - 1)
		return false;
	const struct text field = fields.at[index];
	serial->start = (size_t)(fields.at[index + 1].data - text.data);
	serial->length =
		field.len <= LENGTH_DIGITS && text_uint(field, &length) ? (size_t)length : SIZE_MAX;
	return true;
}

// Returns true for ; and two hex digits with a ; or CR after them.
static bool is_sum(struct text text, size_t at, bool is_end)
{
	if (text.len < SUNTECH_SUM || at > text.len - SUNTECH_SUM)
		return false;
	const char *sum = text.data + at;
	if (sum[0] != ';' || text_hex_digit(sum[1]) < 0 || text_hex_digit(sum[2]) < 0)
		return false;
	if (at + SUNTECH_SUM == text.len)
		return is_end;
	return sum[SUNTECH_SUM] == ';' || sum[SUNTECH_SUM] == '\r';
}

bool suntech_serial_fits(struct text text, const struct suntech_serial *serial, bool is_end)
{
	return serial->length <= text.len && is_sum(text, serial->start + serial->length, is_end);
}

size_t suntech_serial_end(struct text text, const struct suntech_serial *serial, bool is_end)
{
	if (suntech_serial_fits(text, serial, is_end))
		return serial->start + serial->length;
	for (size_t at = serial->start; at + SUNTECH_SUM <= text.len; at++)
		if (is_sum(text, at, is_end))
			return at;
	return SIZE_MAX;
}

// Known payloads --------------------------------------------------------------

static bool is_blank(char c)
{
	return c == ' ' || c == '\r' || c == '\n';
}

// Sets the driver of "GTSL|6|1|0|<driver>|1|" or "RFID:<hex>".
static void set_driver(const struct suntech_message *m, struct text text)
{
	struct text field = {"", 0};
	if (text.len > 5 && memcmp(text.data, "RFID:", 5) == 0) {
		field = (struct text){text.data + 5, text.len - 5};
		if (fields_is_hex(field, 1, DRIVER_MAX))
			suntech_message_set_driver(m, field);
		return;
	}
	if (text.len <= 5 || memcmp(text.data, "GTSL|", 5) != 0)
		return;
	for (unsigned i = 0; i < 5; i++)
		if (!text_next(&text, '|', &field))
			return;
	if (text.data)
		suntech_message_set_driver(m, field);
}

static void add_payload(const struct suntech_message *m, struct text payload)
{
	struct text text = payload;
	while (text.len > 0 && is_blank(text.data[0]))
		text.data++, text.len--;
	while (text.len > 0 && is_blank(text.data[text.len - 1]))
		text.len--;
	if (!fields_is_printable(text, SIZE_MAX)) {
		suntech_message_keep_bytes(m, payload.data, payload.len);
		return;
	}
	if (text.len > 0)
		extra_text(m->out, m->report, "serial", text.data, text.len);
	set_driver(m, text);
}

bool suntech_serial_decode(struct suntech_message *m)
{
	struct suntech_serial serial;
	if (!suntech_serial_find(m->text, &m->head, &serial))
		return false;
	const size_t end = suntech_serial_end(m->text, &serial, true);
	if (end == SIZE_MAX)
		return false;
	add_payload(m, (struct text){m->text.data + serial.start, end - serial.start});
	fields_split_at(
		(struct text){m->text.data + end + 1, m->text.len - end - 1}, ';', &m->fields);
	return true;
}
