// SPDX-License-Identifier: MIT
// Records, from the maker's papers (versions 1.1, 2.0 and 2.1) and captures:
//
//   date;time;latitude;N;longitude;E;speed;course;altitude;satellites                          SD
//     ;hdop;inputs;outputs;adc;driver;parameters                                               D
//     [;sum]
//
// ddmmyy and hhmmss[.fraction] in UTC, degrees and minutes, km/h, m, decimal masks, volts (a list). NA or nothing: no value.
// The sum is that of the bytes from the body's first to the semicolon before it. A D may have fewer fields; with version 2 the
// last one is the sum if it fits.
#include "decoders/wialon/wialon_record.h"

#include "decoders/wialon/wialon_params.h"
#include "util/checksum.h"

#define FIELDS     (WIALON_RECORD_LONG + 2)
#define LAT_DIGITS 4 /* before the point, with all zeros */
#define LON_DIGITS 5

struct record {
	struct text at[FIELDS];
	size_t count;
};

struct angle {
	bool is_there;
	char first;      /* digit */
	unsigned digits; /* before the point */
	size_t decimals;
	uint64_t whole, micro; /* before the point; 10^-6 of what is after it */
};

enum column {
	DATE,
	CLOCK,
	LATITUDE,
	NORTH,
	LONGITUDE,
	EAST,
	SPEED,
	COURSE,
	ALTITUDE,
	SATELLITES,
	HDOP,
	INPUTS,
	OUTPUTS,
	ADC,
	DRIVER,
	PARAMS,
	REST
};

static struct text field_of(const struct record *record, enum column column)
{
	return record->at[column];
}

// Coordinates -----------------------------------------------------------------

// Returns false if the text is no angle.
static bool read_angle(struct text text, struct angle *angle)
{
	struct scan scan = text_scan(text);
	const char *start = scan.at;
	unsigned next;
	*angle = (struct angle){0};
	if (wialon_message_is_absent(text))
		return true;
	if (!scan_uint(&scan, 9, &angle->whole))
		return false;
	angle->is_there = true;
	angle->first = *start;
	angle->digits = (unsigned)(scan.at - start);
	if (scan_is(&scan, '.')) {
		start = ++scan.at;
		angle->micro = scan_fraction(&scan, 6, &next);
		angle->decimals = (size_t)(scan.at - start);
	}
	return scan.at == scan.end;
}

// Returns 1e-7 degrees. minutes_short: the minutes have one digit if the angle lacks one.
static int64_t degrees_of(const struct angle *angle, unsigned digits, bool minutes_short)
{
	const uint64_t unit = minutes_short && angle->digits < digits ? 10 : 100;
	const uint64_t minutes_e6 = angle->whole % unit * 1000000 + angle->micro;
	return (int64_t)(angle->whole / unit * 10000000 + (minutes_e6 + 3) / 6);
}

// Traccar writes degrees with all zeros and minutes without them, other senders the other way round.
static bool has_short_minutes(const struct wialon_message *m, const struct record *record,
	const struct angle *lat, const struct angle *lon)
{
	const bool lat_short = lat->is_there && lat->digits < LAT_DIGITS,
		   lon_short = lon->is_there && lon->digits < LON_DIGITS;
	if ((!lat_short && !lon_short) || (lat_short && lat->digits != LAT_DIGITS - 1) ||
		(lon_short && lon->digits != LON_DIGITS - 1))
		return false;
	if ((lat_short && lat->first == '0') || (lon_short && lon->first == '0'))
		return true;
	return m->session->datagram && lat->decimals == 5 && lon->decimals == 5 &&
	       fields_is_word(field_of(record, SATELLITES), "NA") &&
	       fields_is_word(field_of(record, HDOP), "NA") &&
	       fields_is_word(field_of(record, INPUTS), "NA") &&
	       fields_is_word(field_of(record, OUTPUTS), "NA") && field_of(record, ADC).len == 0;
}

// Reads a letter, which may be absent. sides: the positive and the negative one.
static bool read_side(struct text text, const char *sides, bool *is_there, bool *negative)
{
	*is_there = !wialon_message_is_absent(text);
	if (!*is_there)
		return true;
	const char letter = text.len == 1 ? (char)(text.data[0] & ~0x20) : 0;
	*negative = letter == sides[1];
	return letter == sides[0] || letter == sides[1];
}

struct place {
	bool is_there;
	int64_t lat_e7, lon_e7;
};

static enum wialon_fault read_place(const struct wialon_message *m, const struct record *record,
	struct place *place, const char **detail)
{
	struct angle lat, lon;
	bool has_north, has_east, south = false, west = false;
	*detail = "latitude";
	if (!read_angle(field_of(record, LATITUDE), &lat) ||
		!read_side(field_of(record, NORTH), "NS", &has_north, &south))
		return WIALON_PLACE;
	const bool lon_fine = read_angle(field_of(record, LONGITUDE), &lon);
	if (!lon_fine)
		lon.is_there = false;
	const bool minutes_short = has_short_minutes(m, record, &lat, &lon);
	place->lat_e7 = degrees_of(&lat, LAT_DIGITS, minutes_short);
	if (place->lat_e7 > 900000000)
		return WIALON_PLACE;
	*detail = "longitude";
	place->lon_e7 = degrees_of(&lon, LON_DIGITS, minutes_short);
	if (!lon_fine || !read_side(field_of(record, EAST), "EW", &has_east, &west) ||
		place->lon_e7 > 1800000000)
		return WIALON_PLACE;
	if (south)
		place->lat_e7 = -place->lat_e7;
	if (west)
		place->lon_e7 = -place->lon_e7;
	place->is_there = lat.is_there && lon.is_there && has_north && has_east;
	return WIALON_FINE;
}

// Numbers ---------------------------------------------------------------------

struct motion {
	bool has[3];
	int64_t e2[3]; /* speed, course, altitude */
};

static enum wialon_fault read_motion(
	const struct record *record, struct motion *motion, const char **detail)
{
	static const char *const names[] = {"speed", "course", "altitude"};
	for (size_t i = 0; i < 3; i++) {
		const struct text text = record->at[SPEED + i];
		motion->has[i] = !wialon_message_is_absent(text);
		*detail = names[i];
		if (motion->has[i] && !text_fixed(text, 2, &motion->e2[i]))
			return WIALON_MOTION;
	}
	return WIALON_FINE;
}

static enum wialon_fault read_satellites(
	struct report *report, const struct record *record, bool *valid, const char **detail)
{
	const struct text satellites = field_of(record, SATELLITES), hdop = field_of(record, HDOP);
	int64_t value;
	*valid = true;
	*detail = "satellites";
	if (!wialon_message_is_absent(satellites)) {
		if (!text_int(satellites, &value))
			return WIALON_SATELLITES;
		report_set_satellites(report, value);
		*valid = value >= 3;
	}
	*detail = "hdop";
	if (!wialon_message_is_absent(hdop)) {
		if (!text_fixed(hdop, 2, &value))
			return WIALON_SATELLITES;
		report_set_hdop(report, value);
	}
	return WIALON_FINE;
}

static enum wialon_fault read_masks(
	struct report *report, const struct record *record, const char **detail)
{
	const struct text inputs = field_of(record, INPUTS), outputs = field_of(record, OUTPUTS);
	uint64_t mask;
	*detail = "inputs";
	if (!wialon_message_is_absent(inputs)) {
		if (!text_uint(inputs, &mask))
			return WIALON_MASKS;
		if (mask <= UINT32_MAX)
			report_set_inputs(report, (uint32_t)mask);
	}
	*detail = "outputs";
	if (!wialon_message_is_absent(outputs)) {
		if (!text_uint(outputs, &mask))
			return WIALON_MASKS;
		if (mask <= UINT32_MAX)
			report_set_outputs(report, (uint32_t)mask);
	}
	return WIALON_FINE;
}

// Sets adc 1 to 4 in mV. *any: one of the list has a value.
static enum wialon_fault read_adc(struct report *report, struct text list, bool *any)
{
	struct text member;
	*any = false;
	if (wialon_message_is_absent(list))
		return WIALON_FINE;
	for (unsigned i = 0; text_next(&list, ',', &member); i++) {
		int64_t mv;
		if (wialon_message_is_absent(member))
			continue;
		if (!text_fixed(member, 3, &mv))
			return WIALON_ADC;
		*any = true;
		if (i < 4 && mv <= INT32_MAX && mv >= -INT32_MAX)
			report_set_adc(report, i, (int32_t)mv);
	}
	return WIALON_FINE;
}

// Record ----------------------------------------------------------------------

// A record without coordinates may have a speed all the same. Zeros without a fix are no values.
static void set_place(
	struct report *report, const struct place *place, const struct motion *motion, bool valid)
{
	if (place->is_there && !valid && !place->lat_e7 && !place->lon_e7)
		return;
	if (place->is_there)
		report_set_fix(report, place->lat_e7, place->lon_e7, valid);
	if (motion->has[0])
		report_set_speed(report, motion->e2[0]);
	if (motion->has[1])
		report_set_course(report, motion->e2[1]);
	if (motion->has[2])
		report_set_altitude(report, motion->e2[2]);
}

// Reads all fields but the last ones, which cannot be faulty.
static enum wialon_fault set_columns(const struct wialon_message *m, struct report *report,
	const struct record *record, bool *has_adc, const char **detail)
{
	struct place place;
	struct motion motion;
	int64_t time_us;
	bool has_time, valid;
	enum wialon_fault fault;
	*detail = "time";
	if (!wialon_message_time(
		    field_of(record, DATE), field_of(record, CLOCK), &time_us, &has_time))
		return WIALON_TIME;
	if (has_time)
		report_set_time(report, time_us);
	if ((fault = read_place(m, record, &place, detail)) != WIALON_FINE ||
		(fault = read_motion(record, &motion, detail)) != WIALON_FINE ||
		(fault = read_satellites(report, record, &valid, detail)) != WIALON_FINE ||
		(fault = read_masks(report, record, detail)) != WIALON_FINE)
		return fault;
	*detail = "adc";
	fault = read_adc(report, field_of(record, ADC), has_adc);
	set_place(report, &place, &motion, valid);
	return fault;
}

// Adds the report of the fields, of a packet SD, D or B. Further ones than it may have go into extra.data.
static enum wialon_fault add(const struct wialon_message *m, struct record *record,
	const char *event, struct text key, const char **detail)
{
	struct report *report;
	bool has_adc;
	const size_t base = event[0] == 'S' ? WIALON_RECORD_SHORT : WIALON_RECORD_LONG;
	struct text rest = {"", 0};
	*detail = NULL;
	if (record->count < WIALON_RECORD_SHORT)
		return WIALON_STRUCTURE;
	if (record->count > base)
		rest = (struct text){record->at[base].data,
			(size_t)(record->at[record->count - 1].data +
				 record->at[record->count - 1].len - record->at[base].data)};
	for (size_t i = record->count < base ? record->count : base; i < WIALON_RECORD_LONG; i++)
		record->at[i] = (struct text){"", 0};
	report = wialon_message_begin(m, (struct text){event, strlen(event)}, key);
	if (!report)
		return WIALON_FULL;
	const enum wialon_fault fault = set_columns(m, report, record, &has_adc, detail);
	if (fault != WIALON_FINE) {
		decoded_drop_report(m->out);
		return fault;
	}
	if (has_adc)
		extra_text(m->out, report, "adc", field_of(record, ADC).data,
			field_of(record, ADC).len);
	wialon_message_driver(m, report, field_of(record, DRIVER));
	wialon_params_add(m, report, field_of(record, PARAMS), rest);
	return WIALON_FINE;
}

// Splits the body, without semicolons at the end behind the fields that it may have.
static void split(struct text body, struct record *record, size_t base)
{
	record->count = wialon_message_split(body, record->at, FIELDS);
	struct text *last = &record->at[record->count - 1];
	while (record->count > base) {
		while (last->len > 0 && last->data[last->len - 1] == ';')
			last->len--;
		if (last->len > 0)
			return;
		record->count--;
		last--;
	}
}

// Removes the sum. Returns false if it is wrong.
static bool cut_sum(
	const struct wialon_message *m, struct record *record, size_t base, struct text *key)
{
	const struct text last = record->at[record->count - 1];
	const struct text covered = {m->body.data, (size_t)(last.data - m->body.data)};
	uint16_t sum;
	const bool is_due = record->count == base + 1,
		   is_short = base == WIALON_RECORD_LONG && m->is_2 &&
			      record->count > WIALON_RECORD_SHORT && record->count <= base;
	if ((!is_due && !is_short) || !wialon_message_sum(last, &sum))
		return true;
	const bool fits = sum == checksum_crc16_arc((const uint8_t *)covered.data, covered.len);
	if (fits) {
		*key = (struct text){covered.data, covered.len - 1};
		record->count--;
	}
	return fits || is_short;
}

enum wialon_fault wialon_record_add(
	const struct wialon_message *m, struct text part, const char **detail)
{
	struct record record;
	split(part, &record, WIALON_RECORD_LONG);
	return add(m, &record, "B", part, detail);
}

enum decode_status wialon_record_decode(const struct wialon_message *m, bool is_short)
{
	static const char *const codes[2][WIALON_FAULTS] = {
		{"1", "-1", "0", "10", "11", "12", "13", "14", "16", ""},
		{"1", "-1", "0", "10", "11", "12", "", "", "13", ""}};
	const size_t base = is_short ? WIALON_RECORD_SHORT : WIALON_RECORD_LONG;
	const char *type = is_short ? "SD" : "D", *detail = NULL;
	struct record record;
	struct text key = m->body;
	enum wialon_fault fault = WIALON_SUM;
	if (!m->is_known) {
		wialon_message_answer(m, REPLY_NOW, type, (struct text){"-1", 2});
		return wialon_message_refuse(m, DECODE_DETAIL, "before login");
	}
	split(m->body, &record, base);
	if (cut_sum(m, &record, base, &key))
		fault = add(m, &record, type, key, &detail);
	const char *code = codes[is_short][fault];
	wialon_message_answer(m, fault == WIALON_FINE ? REPLY_STORED : REPLY_NOW, type,
		(struct text){code, strlen(code)});
	if (fault == WIALON_FINE)
		return DECODE_OK;
	return wialon_message_refuse(m,
		fault == WIALON_SUM         ? DECODE_BAD_SUM
		: fault == WIALON_STRUCTURE ? DECODE_BAD_LENGTH
					    : DECODE_BAD_VALUE,
		detail);
}
