// SPDX-License-Identifier: MIT
// From the makers' manuals ("ST300", "ST340", "ST600 LATAM" and others):
//
//   ST300STT;id;[model;]version;date;hh:mm:ss;[cell;]lat;lon;km/h;course;satellites;fix;metres;power V;[I/O;] ...
//     ...  STT  mode;number        EMG, ALT, EVT  id        UEX  length;payload;sum        more: suntech_more.c
//
// The cell is one field on SA200 and ST300, which is not kept, none on ST500, and cid;mcc;mnc;lac;level on ST600. fix 0: the last
// known place.
//
//   ST300HTE;id;model;version;date;hh:mm:ss;metres;power V;minutes;battery V;type;...;driver
#include "decoders/suntech/suntech_legacy.h"

#include "decoders/suntech/suntech_asset.h"
#include "decoders/suntech/suntech_columns.h"
#include "decoders/suntech/suntech_more.h"
#include "decoders/suntech/suntech_serial.h"

#define ST600_CELL 5 /* fields */

static struct text get(const struct suntech_message *m, size_t index)
{
	return suntech_message_get(m, index);
}

// Ignition, in1, in2, in3, out1, out2; or with four inputs and three outputs.
static void set_io(const struct suntech_message *m, struct text text)
{
	struct scan scan = text_scan(text);
	uint32_t bits;
	if ((text.len != 6 && text.len != 8) || scan_bits(&scan, &bits) != text.len)
		return;
	const unsigned inputs = text.len == 6 ? 3 : 4;
	report_set_ignition(m->report, bits & 1);
	report_set_inputs(m->report, bits >> 1 & ((1u << inputs) - 1));
	report_set_outputs(m->report, bits >> (1 + inputs));
}

// Sets the fields from the cell to the I/O.
static void set_place(const struct suntech_message *m, const struct suntech_columns *columns)
{
	const size_t lat = columns->lat;
	if (columns->date != SUNTECH_NONE_FOUND && lat - columns->date == 2 + ST600_CELL)
		suntech_message_add_hex_cell(m, m->fields.at + columns->date + 2);
	suntech_message_set_place(
		m, &(struct suntech_place){get(m, lat), get(m, lat + 1), get(m, lat + 2),
			   get(m, lat + 3), fields_is_letter(get(m, lat + 5), '1')});
	suntech_message_set_satellites(m, get(m, lat + 4));
	suntech_message_set_odometer(m, get(m, lat + 6));
	suntech_message_set_power(m, get(m, lat + 7));
	set_io(m, get(m, lat + 8));
}

// Adds mode and number, which some firmwares send with an event. Returns how many fields they are.
static size_t add_event_mode(const struct suntech_message *m, size_t at)
{
	if (suntech_more_is_meter(m, at) || !fields_is_digits(get(m, at), 1, 1) ||
		!fields_is_digits(get(m, at + 1), 1, 6) ||
		(m->fields.count != at + 2 && !suntech_more_is_meter(m, at + 2)))
		return 0;
	suntech_message_add(m, "mode", get(m, at));
	suntech_message_add(m, "index", get(m, at + 1));
	return 2;
}

static void add_type(struct suntech_message *m, size_t at)
{
	if (fields_is_word(m->head.type, "STT")) {
		suntech_message_add(m, "mode", get(m, at));
		suntech_message_add(m, "index", get(m, at + 1));
		at++;
	} else if (fields_is_word(m->head.type, "EMG")) {
		suntech_message_set_emergency(m, get(m, at));
	} else if (fields_is_word(m->head.type, "ALT")) {
		suntech_message_set_alert(m, get(m, at));
	} else if (fields_is_word(m->head.type, "EVT")) {
		suntech_message_add(m, "event", get(m, at));
		at += add_event_mode(m, at + 1);
	} else {
		suntech_serial_decode(m);
		at = 0;
	}
	suntech_more_add(m, at + 1);
}

// Returns false if a UEX has no payload. Leaves only the fields before it: others may look like theirs.
static bool read_columns(struct suntech_message *m)
{
	struct suntech_serial serial;
	if (!fields_is_word(m->head.type, "UEX"))
		return true;
	if (!suntech_serial_find(m->text, &m->head, &serial) ||
		suntech_serial_end(m->text, &serial, true) == SIZE_MAX)
		return false;
	fields_split_at((struct text){m->text.data, serial.start}, ';', &m->fields);
	return true;
}

static void decode_place(struct suntech_message *m)
{
	const struct text all = fields_from(&m->fields, 2);
	const bool is_whole = read_columns(m);
	const struct suntech_columns columns = suntech_columns_find_legacy(&m->fields, &m->head);
	if (columns.date != SUNTECH_NONE_FOUND)
		suntech_message_set_time(m, get(m, columns.date), get(m, columns.date + 1));
	if (columns.lat == SUNTECH_NONE_FOUND || !is_whole) {
		suntech_message_keep(m, "data", all);
		return;
	}
	set_place(m, &columns);
	add_type(m, suntech_columns_type_at(&m->fields, columns.lat));
}

// Travel ----------------------------------------------------------------------

// Returns the text between two fields, without the ; at its end.
static struct text between(const struct suntech_message *m, size_t from, size_t to)
{
	if (from >= to || to > m->fields.count)
		return (struct text){"", 0};
	const struct text first = m->fields.at[from], last = m->fields.at[to - 1];
	return (struct text){first.data, (size_t)(last.data + last.len - first.data)};
}

static void decode_travel(struct suntech_message *m)
{
	const size_t date = suntech_columns_find(&m->fields, 2).date, at = date + 2;
	const struct text last = get(m, m->fields.count > 2 ? m->fields.count - 1 : SIZE_MAX);
	const bool has_driver = last.len > 0 && fields_is_printable(last, DRIVER_MAX);
	const size_t end = m->fields.count - has_driver;
	if (has_driver)
		suntech_message_set_driver(m, last);
	if (date == SUNTECH_NONE_FOUND || m->fields.count < at + 6 ||
		!fields_is_digits(get(m, at), 1, 18) ||
		!suntech_message_is_fixed(get(m, at + 1), 3, 3) ||
		!suntech_more_is_meter(m, at + 2)) {
		suntech_message_keep(m, "data", between(m, 2, end));
		return;
	}
	suntech_message_set_time(m, get(m, date), get(m, date + 1));
	suntech_message_set_odometer(m, get(m, at));
	suntech_message_set_power(m, get(m, at + 1));
	suntech_more_set_meter(m, at + 2);
	suntech_message_keep(m, "tail", between(m, at + 5, end));
}

void suntech_legacy_decode(struct suntech_message *m)
{
	const struct text type = m->head.type;
	const bool is_status = fields_is_word(type, "STT"), is_alert = fields_is_word(type, "ALT");
	if ((is_status || is_alert) && suntech_asset_decode(m))
		return;
	if (is_status || is_alert || fields_is_word(type, "EMG") || fields_is_word(type, "EVT") ||
		fields_is_word(type, "UEX"))
		decode_place(m);
	else if (fields_is_word(type, "HTE"))
		decode_travel(m);
	else
		suntech_message_keep(m, "data", fields_from(&m->fields, 2));
}
