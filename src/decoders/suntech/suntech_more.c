// SPDX-License-Identifier: MIT
// What the tracker adds depends on model and settings, so each field is recognised by its shape:
//
//   019267;4.1;1                     minutes, battery V, 1 live or 0 stored; first, if it is there
//   0.05;;12.40                      up to three ADC in V, empty if unused; only after these
//   1200;0000001A2B3C4D;1            RPM before a driver; only after these
//   0000001A2B3C4D;1                 iButton, registered or not; zeros: nobody
//   28FF641D2B3C4D5E:+21.5;:         up to three DS18B20, : if unused
//   30062;724;5;-65;5221;255         cell: cid, mcc, mnc, level, lac, timing advance; unless one is before the coordinates
//
// The rest becomes extra.tail.
#include "decoders/suntech/suntech_more.h"

#define COLUMNS 3
#define TAIL    2048 /* bytes: more than a text has */

// What has been found: each counts once.
struct more {
	const struct suntech_message *m;
	size_t at;
	bool has_meter, has_adc, has_rpm, has_driver, has_temperature, has_cell;
};

static struct text get(const struct more *more, size_t offset)
{
	return suntech_message_get(more->m, more->at + offset);
}

static bool is_bool(struct text text)
{
	return fields_is_letter(text, '0') || fields_is_letter(text, '1');
}

bool suntech_more_is_meter(const struct suntech_message *m, size_t at)
{
	return fields_is_digits(suntech_message_get(m, at), 1, 10) &&
	       suntech_message_is_fixed(suntech_message_get(m, at + 1), 1, 2) &&
	       is_bool(suntech_message_get(m, at + 2));
}

void suntech_more_set_meter(const struct suntech_message *m, size_t at)
{
	suntech_message_set_minutes(m, suntech_message_get(m, at));
	suntech_message_set_battery(m, suntech_message_get(m, at + 1));
	suntech_message_set_stored(m, suntech_message_get(m, at + 2));
}

static bool is_adc(struct text text)
{
	return text.len == 0 || suntech_message_is_fixed(text, 6, SIZE_MAX);
}

static bool take_adc(struct more *more)
{
	int64_t mv;
	if (!more->has_meter || more->has_adc || !is_adc(get(more, 0)))
		return false;
	more->has_adc = true;
	for (unsigned i = 0; i < COLUMNS && more->at < more->m->fields.count; i++, more->at++) {
		if (!is_adc(get(more, 0)))
			break;
		if (text_fixed(get(more, 0), 3, &mv))
			report_set_adc(more->m->report, i, (int32_t)mv);
	}
	return true;
}

static bool take_rpm(struct more *more)
{
	if (!more->has_meter || more->has_rpm || !fields_is_digits(get(more, 0), 1, 5) ||
		!fields_is_hex(get(more, 1), 14, 14))
		return false;
	more->has_rpm = true;
	suntech_message_add(more->m, "rpm", get(more, 0));
	more->at++;
	return true;
}

static bool take_driver(struct more *more)
{
	if (more->has_driver || !fields_is_hex(get(more, 0), 14, 16) || !is_bool(get(more, 1)))
		return false;
	more->has_driver = true;
	suntech_message_set_driver(more->m, get(more, 0));
	more->at += 2;
	return true;
}

// Returns true for an unused sensor, or one with its id; *value: the text of the temperature.
static bool is_temperature(struct text text, struct text *value)
{
	const size_t id = 16;
	*value = (struct text){"", 0};
	if (fields_is_letter(text, ':'))
		return true;
	if (text.len <= id + 1 || text.data[id] != ':' ||
		!fields_is_hex((struct text){text.data, id}, id, id))
		return false;
	*value = (struct text){text.data + id + 1, text.len - id - 1};
	const bool is_signed = value->data[0] == '-' || value->data[0] == '+';
	return suntech_message_is_fixed(
		(struct text){value->data + is_signed, value->len - is_signed}, 3, 2);
}

static bool take_temperatures(struct more *more)
{
	char name[SUNTECH_NAME_MOST];
	struct text value;
	if (more->has_temperature || !is_temperature(get(more, 0), &value))
		return false;
	more->has_temperature = true;
	for (unsigned i = 1; i <= COLUMNS && is_temperature(get(more, 0), &value); i++, more->at++)
		fields_add_number(more->m->out, more->m->report,
			suntech_message_name(name, "temp", i, ""), value);
	return true;
}

static bool take_cell(struct more *more)
{
	uint64_t cid, mcc, mnc, lac;
	int64_t rssi;
	if (more->has_cell || !fields_is_digits(get(more, 0), 1, 10) ||
		!fields_is_digits(get(more, 1), 3, 3) || !fields_is_digits(get(more, 2), 1, 3) ||
		!fields_level(get(more, 3), &rssi) || get(more, 3).data[0] != '-' ||
		!fields_is_digits(get(more, 4), 1, 6) || extra_has(more->m->report, "cid") ||
		extra_has(more->m->report, "rssi"))
		return false;
	more->has_cell = true;
	if (text_uint(get(more, 0), &cid) && text_uint(get(more, 1), &mcc) &&
		text_uint(get(more, 2), &mnc) && text_uint(get(more, 4), &lac)) {
		const struct suntech_cell cell = {
			(int64_t)mcc, (int64_t)mnc, (int64_t)lac, (int64_t)cid, rssi};
		suntech_message_add_cell(more->m, &cell);
	}
	more->at += fields_is_digits(get(more, 5), 1, 5) ? 6 : 5;
	return true;
}

void suntech_more_add(const struct suntech_message *m, size_t at)
{
	char tail[TAIL];
	size_t len = 0;
	struct more more = {.m = m, .at = at, .has_meter = suntech_more_is_meter(m, at)};
	if (more.has_meter) {
		suntech_more_set_meter(m, at);
		more.at += 3;
	}
	bool is_first = true;
	while (more.at < m->fields.count) {
		if (take_adc(&more) || take_rpm(&more) || take_driver(&more) ||
			take_temperatures(&more) || take_cell(&more))
			continue;
		const struct text field = get(&more, 0);
		if (len + 1 + field.len <= sizeof tail) {
			if (!is_first)
				tail[len++] = ';';
			memcpy(tail + len, field.data, field.len);
			len += field.len;
			is_first = false;
		}
		more.at++;
	}
	suntech_message_keep(m, "tail", (struct text){tail, len});
}
