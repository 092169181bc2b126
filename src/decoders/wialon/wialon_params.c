// SPDX-License-Identifier: MIT
// Parameters, from the maker's papers, lists of trackers' parameters, and captures:
//
//   name:type:value,name:type:value,...       type 1 whole number, 2 number, 3 text
//
// Names in any case. A value that looks like a number is one, whatever its type. Cells are four parameters each, without a digit or
// with 1 to 9: mcc1, mnc1, lac1, cell_id1.
#include "decoders/wialon/wialon_params.h"

#include "decoders/cells.h"
#include "decoders/number.h"

#include <strings.h>

#define CELL_GROUPS 10
#define CELL_PARTS  4

enum kind {
	KIND_OTHER, /* goes into extra only */
	KIND_SOS,
	KIND_PERCENT,
	KIND_POWER,
	KIND_BATTERY,
	KIND_IGNITION,
	KIND_CSQ,
	KIND_DRIVER,
	KIND_ALARM,
};

static const struct known {
	const char *name; /* in extra */
	uint8_t len, kind;
} known[] = {
	/* by rising length */
	{"SOS", 3, KIND_SOS},
	{"bat", 3, KIND_PERCENT},
	{"odo", 3, KIND_OTHER},
	{"ign", 3, KIND_IGNITION},
	{"gsm", 3, KIND_OTHER},
	{"csq", 3, KIND_CSQ},
	{"Uext", 4, KIND_POWER},
	{"Uacc", 4, KIND_BATTERY},
	{"temp", 4, KIND_OTHER},
	{"text", 4, KIND_OTHER},
	{"Board", 5, KIND_POWER},
	{"Accum", 5, KIND_BATTERY},
	{"alarm", 5, KIND_ALARM},
	{"motion", 6, KIND_OTHER},
	{"battery", 7, KIND_PERCENT},
	{"pwr_ext", 7, KIND_POWER},
	{"pwr_int", 7, KIND_BATTERY},
	{"mileage", 7, KIND_OTHER},
	{"ignition", 8, KIND_IGNITION},
	{"accuracy", 8, KIND_OTHER},
	{"avl_driver", 10, KIND_DRIVER},
	{"can_mileage", 11, KIND_OTHER},
	{"batteryLevel", 12, KIND_PERCENT},
};
#define KNOWN_LEN 12 /* bytes of the longest name */
/* the first name with so many bytes */
static const uint8_t known_from[KNOWN_LEN + 2] = {
	0, 0, 0, 0, 6, 10, 13, 14, 18, 20, 20, 21, 22, 23};
_Static_assert(sizeof known / sizeof known[0] == 23, "known_from");

static const char *const cell_names[CELL_PARTS] = {"mcc", "mnc", "lac", "cell_id"};

struct params {
	const struct wialon_message *m;
	struct report *report;
	uint64_t names;      /* a bit of the hash of each name in extra */
	struct text csq;     /* empty: none */
	unsigned cell_count; /* values found */
	uint8_t has[CELL_GROUPS];
	uint64_t cells[CELL_GROUPS][CELL_PARTS]; /* valid by the bits in `has` */
};

// Extra -----------------------------------------------------------------------

static uint64_t bit_of(const char *name, size_t len)
{
	const uint8_t first = (uint8_t)name[0], middle = (uint8_t)name[len / 2],
		      last = (uint8_t)name[len - 1];
	return UINT64_C(1) << ((first * 7u + middle * 3u + last + len) & 63);
}

// Removes an earlier member of this name.
static void make_room(struct params *p, const char *name)
{
	const uint64_t bit = bit_of(name, strlen(name));
	if (p->names & bit)
		extra_remove(p->m->out, p->report, name);
	p->names |= bit;
}

static bool is_nonzero(struct text number)
{
	for (size_t i = 0; i < number.len && (number.data[i] | 0x20) != 'e'; i++)
		if (number.data[i] >= '1' && number.data[i] <= '9')
			return true;
	return false;
}

// name: as in JSON between its quotes.
static void keep(struct params *p, const char *name, struct text value)
{
	make_room(p, name);
	number_add(p->m->out, p->report, name, value);
}

// Columns ---------------------------------------------------------------------

// Sets a voltage. Returns false if the value is none.
static bool set_volts(struct report *report, enum kind kind, struct text value)
{
	const uint32_t has = kind == KIND_POWER ? HAS_POWER_V : HAS_BATTERY_V;
	const struct report_body before = report->body;
	int64_t mv;
	if (!text_fixed(value, 3, &mv))
		return false;
	if (kind == KIND_POWER ? report_set_power_mv(report, mv)
			       : report_set_battery_mv(report, mv))
		return true;
	if (before.has & has)
		report->body = before;
	return false;
}

static bool set_percent(struct report *report, struct text value)
{
	int64_t percent;
	return text_int(value, &percent) && percent >= 0 && percent <= 100 &&
	       report_set_battery_percent(report, percent);
}

// Returns false for a value that is neither a number nor true or false.
static bool set_ignition(struct report *report, struct text value)
{
	const struct text number = number_of(value);
	const bool on = number.len > 0 ? is_nonzero(number) : fields_is_word(value, "TRUE");
	if (number.len == 0 && !on && !fields_is_word(value, "FALSE"))
		return false;
	report_set_ignition(report, on);
	return true;
}

static void set_sos(struct report *report, struct text value)
{
	const struct text number = number_of(value);
	if (number.len > 0 ? is_nonzero(number) : !fields_is_word(value, "FALSE"))
		report_add_alarm(report, ALARM_SOS);
}

// Sets the column of a parameter. Returns false if it goes into extra.
static bool set_column(struct params *p, enum kind kind, struct text value)
{
	struct report *report = p->report;
	switch (kind) {
	case KIND_SOS:
		set_sos(report, value);
		return true;
	case KIND_PERCENT:
		return set_percent(report, value);
	case KIND_POWER:
	case KIND_BATTERY:
		return set_volts(report, kind, value);
	case KIND_IGNITION:
		return set_ignition(report, value);
	case KIND_DRIVER:
		if (report->driver.len > 0 || !fields_is_printable(value, DRIVER_MAX))
			return false;
		report->driver = value;
		return true;
	case KIND_ALARM:
		return fields_add_alarm(report, value);
	default:
		return false;
	}
}

// Cells -----------------------------------------------------------------------

// Returns true for a parameter of a cell. Its value counts later.
static bool note_cell(struct params *p, struct text name, struct text value)
{
	uint64_t number;
	unsigned group = 0;
	const char last = name.data[name.len - 1];
	if (last >= '1' && last <= '9') {
		group = (unsigned)(last - '0');
		name.len--;
	}
	for (size_t part = 0; part < CELL_PARTS; part++) {
		const size_t len = part == 3 ? 7 : 3;
		if (name.len != len || strncasecmp(name.data, cell_names[part], len) != 0)
			continue;
		if (!text_uint(value, &number))
			return false;
		if (p->cell_count == 0) {
			memset(p->has, 0, sizeof p->has);
			memset(p->cells, 0, sizeof p->cells);
		}
		p->cell_count++;
		p->has[group] |= (uint8_t)(1u << part);
		p->cells[group][part] = number;
		return true;
	}
	return false;
}

// Adds the values of groups that are no cell.
static void keep_incomplete(struct params *p, bool whole[CELL_GROUPS])
{
	char name[16];
	for (size_t group = 0; group < CELL_GROUPS; group++)
		for (size_t part = 0; part < CELL_PARTS && !whole[group]; part++) {
			if (!(p->has[group] >> part & 1))
				continue;
			char *end = fields_put(name, cell_names[part], strlen(cell_names[part]));
			if (group > 0)
				*end++ = (char)('0' + group);
			*end = 0;
			make_room(p, name);
			extra_int(p->m->out, p->report, name, (int64_t)p->cells[group][part]);
		}
}

// Adds the cells: the group without a digit, and those from 1 on until one is incomplete. `cells` has no networks: the
// parameters of a cell of another one than the first stay.
static void add_cells(struct params *p)
{
	static const char *const names[] = {"mcc", "mnc", "lac", "cid", "cells"};
	bool whole[CELL_GROUPS] = {p->has[0] == 0xF};
	const uint64_t *first = p->cells[whole[0] ? 0 : 1];
	struct cells cells;
	for (size_t group = 1; group < CELL_GROUPS && p->has[group] == 0xF; group++)
		whole[group] = memcmp(p->cells[group], first, 2 * sizeof *first) == 0;
	const bool any = whole[0] || whole[1];
	keep_incomplete(p, whole);
	if (!any)
		return;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		make_room(p, names[i]);
	for (size_t group = 0, count = 0; group < CELL_GROUPS; group++) {
		const uint64_t *cell = p->cells[group];
		if (!whole[group])
			continue;
		if (count++ == 0)
			cells_init(&cells, cell[0], cell[1], p->report, p->m->out);
		cells_put(&cells, cell[2], cell[3], CELLS_NO_RSSI);
	}
	cells_end(&cells);
}

// Parameters ------------------------------------------------------------------

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

// Returns true if the texts of len bytes are equal, without regard to case. They are a few bytes long.
static bool is_same(const char *a, const char *b, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (a[i] != b[i] && lower(a[i]) != lower(b[i]))
			return false;
	return true;
}

static const struct known *find_known(struct text name)
{
	const char first = (char)(name.data[0] | 0x20);
	if (name.len > KNOWN_LEN)
		return NULL;
	for (size_t i = known_from[name.len]; i < known_from[name.len + 1]; i++)
		if ((known[i].name[0] | 0x20) == first &&
			is_same(known[i].name, name.data, name.len))
			return &known[i];
	return NULL;
}

// Splits "name:type:value". Returns false for another text, and for one without a value.
static bool read_param(struct text text, struct text *name, struct text *value)
{
	const char *colon = text.data, *end = text.data + text.len;
	while (colon < end && *colon != ':')
		colon++;
	if (colon == text.data || end - colon < 3 || !text_is_digit(colon[1]) || colon[2] != ':')
		return false;
	*name = (struct text){text.data, (size_t)(colon - text.data)};
	*value = (struct text){colon + 3, (size_t)(end - colon) - 3};
	return name->len <= FIELDS_NAME_MOST && !wialon_message_is_absent(*value);
}

static void add_param(struct params *p, struct text name, struct text value)
{
	char written[FIELDS_NAME_ROOM];
	const struct known *found = find_known(name);
	if (!found && note_cell(p, name, value))
		return;
	if (found) {
		if (set_column(p, (enum kind)found->kind, value))
			return;
		if (found->kind == KIND_CSQ)
			p->csq = value;
		keep(p, found->name, value);
	} else if (fields_write_name(name, written) &&
		   !(text_equal(name, "adc") && extra_has(p->report, "adc"))) {
		keep(p, written, value);
	}
}

void wialon_params_add(
	const struct wialon_message *m, struct report *report, struct text params, struct text rest)
{
	struct params p;
	struct text param, name, value;
	p.m = m;
	p.report = report;
	p.names = report->extra.len > 0 ? bit_of("adc", 3) | bit_of("driver", 6) : 0;
	p.csq.len = 0;
	p.cell_count = 0;
	for (size_t at = 0; !wialon_message_is_absent(params) && at < params.len;
		at += param.len + 1) {
		param = (struct text){params.data + at, params.len - at};
		const char *comma = memchr(param.data, ',', param.len);
		if (comma)
			param.len = (size_t)(comma - param.data);
		if (read_param(param, &name, &value))
			add_param(&p, name, value);
	}
	if (p.csq.len > 0 && !extra_has(report, "gsm"))
		keep(&p, "gsm", p.csq);
	if (p.cell_count > 0)
		add_cells(&p);
	if (rest.len > 0) {
		make_room(&p, "data");
		extra_text(m->out, report, "data", rest.data, rest.len);
	}
}
