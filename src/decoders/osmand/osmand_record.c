// SPDX-License-Identifier: MIT
#include "decoders/osmand/osmand_record.h"

#include "decoders/fields.h"
#include "decoders/number.h"
#include "decoders/osmand/osmand_names.h"
#include "decoders/osmand/osmand_time.h"
#include "decoders/wifi.h"

// Extra members ----------------------------------------------------------------

void osmand_record_keep(struct osmand_record *r, struct text name, struct osmand_value value)
{
	char written[FIELDS_NAME_ROOM];
	if (!fields_write_name(name, written))
		return;
	if (r->report->extra.len > 0)
		extra_remove(r->m->out, r->report, written);
	if (value.is_string)
		extra_text(r->m->out, r->report, written, value.text.data, value.text.len);
	else
		number_add(r->m->out, r->report, written, value.text);
}

static void keep_text(struct osmand_record *r, struct text name, struct text text)
{
	osmand_record_keep(r, name, (struct osmand_value){text, true, false});
}

static void keep_bool(struct osmand_record *r, struct text name, bool value)
{
	osmand_record_keep(r, name,
		(struct osmand_value){value ? (struct text){"true", 4} : (struct text){"false", 5},
			false, false});
}

// Columns ----------------------------------------------------------------------

// Sets the speed of a number that is 10^-9 of a unit, of so many units of 10^-4 km/h.
static void set_speed(struct report *report, int64_t e9, int64_t unit)
{
	const int64_t most = INT64_C(1000000000000); /* 1,000 units */
	const bool possible = e9 > -most && e9 < most;
	const int64_t half = e9 < 0 ? -INT64_C(50000000000) : INT64_C(50000000000);
	report_set_speed(report, possible ? (e9 * unit + half) / INT64_C(100000000000) : -1);
}

void osmand_record_set_speed(struct osmand_record *r, struct text number)
{
	set_speed(r->report, number_round(number, 9), 36000);
}

void osmand_record_set_level(struct osmand_record *r, struct text number)
{
	report_set_battery_percent(r->report, number_round(number, 2));
}

// Sets a column that is a whole number. Returns false if the number has a fraction.
static bool set_whole(struct report *report, enum osmand_kind kind, struct text number)
{
	int64_t value;
	if (!number_whole(number, &value))
		return false;
	if (kind == OSMAND_SATELLITES)
		report_set_satellites(report, value);
	else if (kind == OSMAND_INPUTS && value >= 0 && value <= UINT32_MAX)
		report_set_inputs(report, (uint32_t)value);
	else if (kind == OSMAND_OUTPUTS && value >= 0 && value <= UINT32_MAX)
		report_set_outputs(report, (uint32_t)value);
	else if (kind >= OSMAND_ADC1 && kind <= OSMAND_ADC4 && value >= INT32_MIN &&
		 value <= INT32_MAX)
		report_set_adc(report, (unsigned)(kind - OSMAND_ADC1), (int32_t)value);
	return true;
}

// Sets a column of a number that has no fixed count of decimals. Returns false if it goes into extra.
static bool set_other(struct osmand_record *r, enum osmand_kind kind, struct text number)
{
	const bool negative = number.data[0] == '-' && number_round(number, 18) != 0;
	switch (kind) {
	case OSMAND_ACCURACY:
		return negative;
	case OSMAND_ODOMETER:
		report_set_odometer(r->report, negative ? -1 : number_cut(number, 0));
		return true;
	default:
		return set_whole(r->report, kind, number);
	}
}

// Sets a column of a number that has been rounded to the decimals of its kind. Returns false if it goes into extra.
static bool set_rounded(struct osmand_record *r, enum osmand_kind kind, int64_t value)
{
	switch (kind) {
	case OSMAND_LAT:
		r->lat_e7 = value;
		return r->has_lat = true;
	case OSMAND_LON:
		r->lon_e7 = value;
		return r->has_lon = true;
	case OSMAND_SPEED:
		set_speed(r->report, value, 18520);
		return true;
	case OSMAND_COURSE:
		report_set_course(r->report, value);
		return true;
	case OSMAND_ALTITUDE:
		report_set_altitude(r->report, value);
		return true;
	case OSMAND_HDOP:
		report_set_hdop(r->report, value);
		return true;
	case OSMAND_BATTERY:
		report_set_battery_mv(r->report, value);
		return true;
	case OSMAND_POWER:
		report_set_power_mv(r->report, value);
		return true;
	default:
		if (value > INT64_C(100000000000))
			return false;
		report_set_battery_percent(r->report,
			(value + (value < 0 ? -INT64_C(500000000) : INT64_C(500000000))) /
				INT64_C(1000000000));
		return true;
	}
}

static unsigned places_of(enum osmand_kind kind)
{
	return kind <= OSMAND_LON                               ? 7
	       : kind == OSMAND_SPEED || kind == OSMAND_PERCENT ? 9
	       : kind >= OSMAND_BATTERY                         ? 3
								: 2;
}

static void set_number_field(
	struct osmand_record *r, enum osmand_kind kind, struct text name, struct osmand_value value)
{
	struct text number = value.text;
	int64_t rounded;
	if (kind == OSMAND_LAT)
		r->has_lat = false;
	if (kind == OSMAND_LON)
		r->has_lon = false;
	if (kind <= OSMAND_POWER && number_read(value.text, places_of(kind), &rounded)) {
		if (set_rounded(r, kind, rounded))
			return;
	} else {
		number = number_of(value.text);
		if (number.len > 0 && kind > OSMAND_POWER && set_other(r, kind, number))
			return;
		value.is_string |= number.len == 0;
	}
	value.is_string &= kind != OSMAND_ACCURACY || number.len == 0;
	osmand_record_keep(r, name, value);
}

static void set_location(struct osmand_record *r, struct text name, struct text text)
{
	struct text rest = text, lat = {"", 0}, lon = {"", 0};
	text_next(&rest, ',', &lat);
	text_next(&rest, ',', &lon);
	lat = number_of(lat);
	lon = number_of(lon);
	r->has_lat = r->has_lon = lat.len > 0 && lon.len > 0 && !rest.data;
	if (!r->has_lat) {
		keep_text(r, name, text);
		return;
	}
	r->lat_e7 = number_round(lat, 7);
	r->lon_e7 = number_round(lon, 7);
}

static bool is_zeros(struct text text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] != '0')
			return false;
	return text.len <= 15;
}

static void set_time(struct osmand_record *r, struct text text)
{
	static const struct text name = {"timestamp", 9};
	int64_t time_us;
	if (osmand_time_read(text, &time_us))
		report_set_time(r->report, time_us);
	else if (!is_zeros(text))
		keep_text(r, name, text);
}

// Words ------------------------------------------------------------------------

static bool is_yes(struct text text)
{
	return fields_is_word(text, "TRUE") || fields_is_letter(text, '1');
}

static bool is_no(struct text text)
{
	return fields_is_word(text, "FALSE") || fields_is_letter(text, '0');
}

static void set_ignition(struct osmand_record *r, struct text name, struct osmand_value value)
{
	const bool on = is_yes(value.text) || fields_is_word(value.text, "ON");
	if (on || is_no(value.text) || fields_is_word(value.text, "OFF"))
		report_set_ignition(r->report, on);
	else
		osmand_record_keep(r, name, value);
}

static void set_charge(struct osmand_record *r, struct text name, struct osmand_value value)
{
	if (is_yes(value.text) || is_no(value.text))
		keep_bool(r, name, is_yes(value.text));
	else
		osmand_record_keep(r, name, value);
}

static void set_archive(struct osmand_record *r, struct text name, struct osmand_value value)
{
	if (fields_is_word(value.text, "TRUE"))
		r->report->body.flags |= FLAG_STORED;
	else if (fields_is_word(value.text, "FALSE"))
		r->report->body.flags &= (uint8_t)~FLAG_STORED;
	else
		osmand_record_keep(r, name, value);
}

// Sets the alarms of a list of names. Unknown ones go into extra.
static void set_alarms(struct osmand_record *r, struct text field, struct text names)
{
	char unknown[EXTRA_MAX];
	size_t len = 0;
	struct text name;
	r->report->body.alarms = 0;
	while (text_next(&names, ',', &name)) {
		name = fields_trim(name);
		if (name.len == 0 || fields_add_alarm(r->report, name) ||
			name.len + 1 > sizeof unknown - len)
			continue;
		if (len > 0)
			unknown[len++] = ',';
		memcpy(unknown + len, name.data, name.len);
		len += name.len;
	}
	if (len > 0)
		keep_text(r, field, (struct text){unknown, len});
}

// Sets event or driver.
static void set_text(struct osmand_record *r, struct text name, struct osmand_value value,
	struct text *column, size_t most, char *room)
{
	*column = (struct text){"", 0};
	if (value.text.len == 0)
		return;
	if (!fields_is_printable(value.text, most) || (value.passes && !room)) {
		keep_text(r, name, value.text);
		return;
	}
	*column = value.text;
	if (!value.passes)
		return;
	memcpy(room, value.text.data, value.text.len);
	column->data = room;
}

// Networks ---------------------------------------------------------------------

static bool read_count(struct text *rest, size_t digits, uint64_t *value)
{
	struct text field;
	return text_next(rest, ',', &field) && fields_is_digits(field, 1, digits) &&
	       text_uint(field, value);
}

// Adds "mcc,mnc,lac,cid" or "mcc,mnc,lac,cid,level", whose level may be empty. Returns false for another text, and for a cell of
// another network than the first: `cells` has no networks.
static bool add_cell(struct osmand_record *r, struct text text)
{
	uint64_t mcc, mnc, lac, cid;
	int64_t level = CELLS_NO_RSSI;
	struct text last;
	if (!read_count(&text, 4, &mcc) || !read_count(&text, 4, &mnc) ||
		!read_count(&text, 10, &lac) || !read_count(&text, 12, &cid))
		return false;
	if (text_next(&text, ',', &last) &&
		(text.data || (last.len > 0 && !fields_level(last, &level))))
		return false;
	if (r->cells.count == 0) {
		r->cells.mcc = mcc;
		r->cells.mnc = mnc;
	}
	if (mcc != r->cells.mcc || mnc != r->cells.mnc)
		return false;
	cells_put(&r->cells, lac, cid, level);
	return true;
}

// Adds "mac,level". Returns false for another text.
static bool add_point(struct osmand_record *r, struct text text)
{
	struct text mac;
	int64_t level;
	if (!text_next(&text, ',', &mac) || !wifi_is_mac(mac, true) || !text.data ||
		!fields_level(text, &level))
		return false;
	if (OSMAND_RECORD_WIFI - r->wifi_len >= WIFI_POINT)
		r->wifi_len = wifi_put(r->wifi, r->wifi_len, mac, level);
	return true;
}

// Record -----------------------------------------------------------------------

bool osmand_record_begin(struct osmand_record *r, const struct osmand_message *m, struct text key)
{
	uint8_t *room = decoded_arena(m->out, EVENT_MAX + DRIVER_MAX);
	r->m = m;
	r->event = room ? (char *)room : NULL;
	r->driver = room ? (char *)room + EVENT_MAX : NULL;
	r->seen = 0;
	r->lat_e7 = r->lon_e7 = 0;
	r->has_lat = r->has_lon = r->marked_invalid = r->outdated = false;
	r->wifi_len = 0;
	r->report = decoded_report(m->out, m->session);
	if (!r->report)
		return false;
	cells_init(&r->cells, 0, 0, r->report, m->out);
	r->report->key = key;
	r->report->raw = m->raw;
	return true;
}

static void set_field(struct osmand_record *r, const struct osmand_name *field, struct text name,
	struct osmand_value value)
{
	switch ((enum osmand_kind)field->kind) {
	case OSMAND_LOCATION:
		set_location(r, name, value.text);
		break;
	case OSMAND_TIME:
		set_time(r, value.text);
		break;
	case OSMAND_VALID:
		r->marked_invalid = !is_yes(value.text);
		break;
	case OSMAND_CHARGE:
		set_charge(r, name, value);
		break;
	case OSMAND_IGNITION:
		set_ignition(r, name, value);
		break;
	case OSMAND_ARCHIVE:
		set_archive(r, name, value);
		break;
	case OSMAND_ALARM:
		set_alarms(r, name, value.text);
		break;
	case OSMAND_EVENT:
		set_text(r, name, value, &r->report->event, EVENT_MAX, r->event);
		break;
	case OSMAND_DRIVER:
		set_text(r, name, value, &r->report->driver, DRIVER_MAX, r->driver);
		break;
	case OSMAND_CELL:
		if (!add_cell(r, value.text))
			keep_text(r, name, value.text);
		break;
	case OSMAND_WIFI:
		if (!add_point(r, value.text))
			keep_text(r, name, value.text);
		break;
	case OSMAND_DROPPED:
		break;
	default:
		set_number_field(r, (enum osmand_kind)field->kind, name, value);
		break;
	}
}

void osmand_record_set_found(
	struct osmand_record *r, uint8_t index, struct text name, struct osmand_value value)
{
	const struct osmand_name *field = osmand_names_at(index);
	const uint64_t bit = UINT64_C(1) << index;
	if (field->kind == OSMAND_NONE || field->kind == OSMAND_IDENT ||
		field->kind == OSMAND_ATTRIBUTES) {
		osmand_record_keep(r, name, value);
		return;
	}
	report_unset(r->report, field->has); // the last one of a name counts
	if (r->seen & bit && field->kind != OSMAND_CELL && r->report->extra.len > 0) {
		char written[FIELDS_NAME_ROOM];
		if (fields_write_name(name, written))
			extra_remove(r->m->out, r->report, written);
	}
	r->seen |= bit;
	set_field(r, field, name, value);
}

void osmand_record_set(struct osmand_record *r, struct text name, struct osmand_value value)
{
	osmand_record_set_found(r, osmand_names_find(name), name, value);
}

// Keeps a coordinate that is there without the other one.
static void keep_lone(struct osmand_record *r)
{
	if (r->has_lat && r->lat_e7 >= -900000000 && r->lat_e7 <= 900000000)
		extra_fixed(r->m->out, r->report, "lat", r->lat_e7, 7);
	if (r->has_lon && r->lon_e7 >= -1800000000 && r->lon_e7 <= 1800000000)
		extra_fixed(r->m->out, r->report, "lon", r->lon_e7, 7);
}

void osmand_record_end(struct osmand_record *r, struct text raw)
{
	struct report *report = r->report;
	if (r->wifi_len > 0)
		keep_text(r, (struct text){"wifi", 4}, (struct text){r->wifi, r->wifi_len});
	cells_end(&r->cells);
	if (!r->has_lat || !r->has_lon) {
		keep_lone(r);
		return;
	}
	const bool valid = !r->marked_invalid && !r->outdated;
	if (!valid && r->lat_e7 == 0 && r->lon_e7 == 0)
		return;
	if (report_set_fix(report, r->lat_e7, r->lon_e7, valid))
		return;
	const bool north = r->lat_e7 < -900000000 || r->lat_e7 > 900000000;
	decoded_drop_report(r->m->out);
	decoded_reject(r->m->out, DECODE_BAD_VALUE, north ? "latitude" : "longitude",
		(const uint8_t *)raw.data, raw.len);
}
