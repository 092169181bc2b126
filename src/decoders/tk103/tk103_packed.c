// SPDX-License-Identifier: MIT
// Packed frames of the TK103, from the maker's paper (V1.5) and captures: (id command rest), without separators.
//
//   BP00 <0..16 digits>HSO         handshake                      BP05 [15 digits]<position>   log-in with a position
//   BR00 BR01 BR02 BP04 <position>                                BO01 n<position>             alarm n
//   BQ81 ,ALARM,n,x,<position>     driving alarm n                any  <text><position>
//   any  [15 digits],{mcc,mnc,lac,cid}{..}..,<state>              decimal cells; LF after each
//   BZ00 ,mcc,mnc,(lac,cid[,rssi]) x n[,<state>]                  lac and cid hexadecimal
//   BV00 <17 characters>           VIN                            BS50 BS51                    tk103_battery.c
//
//   position   yymmdd A ddmm.mmmm N dddmm.mmmm E sss.s hhmmss ccc.cc [,] [state [L mileage]] tail
//              speed in km/h; course of 6 characters, of 2 if exactly these, a state and L are left, or up to a comma
//
// A state that no L follows counts only after a comma and at the end. A command that is not listed is a status with its text.
#include "decoders/tk103/tk103_packed.h"
#include "decoders/cells.h"
#include "decoders/tk103/tk103_battery.h"
#include "decoders/tk103/tk103_command.h"
#include "decoders/tk103/tk103_report.h"

#define DATE_LEN   6
#define SPEED_LEN  5
#define CLOCK_LEN  6
#define COURSE_LEN 6
#define STATE_LEN  8
#define IMEI_LEN   15
#define VIN_LEN    17
#define LISTED_LEN 4 /* of a LAC or CID, at least */

static const uint8_t bo01_alarms[] = {ALARM_POWER_CUT, ALARM_ACCIDENT, ALARM_SOS, ALARM_VIBRATION,
	ALARM_LOW_SPEED, ALARM_OVERSPEED, ALARM_GEOFENCE_EXIT, ALARM_MOVEMENT};
static const uint8_t bq81_alarms[] = {ALARM_LOW_BATTERY, ALARM_OVERSPEED, ALARM_IDLE,
	ALARM_HARD_ACCELERATION, ALARM_HARD_BRAKING, ALARM_TEMPERATURE};

static void reply(const struct tk103_message *message, enum reply_when when, const char *word,
	struct text argument)
{
	char text[IDENT_MAX + 24], *end = text;
	*end++ = '(';
	end = fields_put(end, message->session->ident, message->session->ident_len);
	end = fields_put(end, word, strlen(word));
	if (argument.len > 0)
		end = fields_put(end, argument.data, argument.len);
	*end++ = ')';
	decoded_reply(message->out, when, text, (size_t)(end - text));
}

// Positions -------------------------------------------------------------------

// A position in the rest of the frame.
struct place {
	size_t start, end; /* of date and coordinates */
	struct tk103_fix fix;
};

// Finds a position by its shape: six digits, A or V, number, N or S, number, E or W.
static bool find_place(struct text rest, struct place *place)
{
	for (size_t at = DATE_LEN; at < rest.len; at++) {
		struct tk103_fix *fix = &place->fix;
		const char mark = rest.data[at];
		if ((mark != 'A' && mark != 'V') ||
			!fields_is_digits(tk103_part(rest, at - DATE_LEN, DATE_LEN), 6, 6))
			continue;
		const struct text lat = tk103_from(rest, at + 1);
		const size_t lat_len =
			tk103_report_read_side(lat, "NS", 90, &fix->lat_e7, &fix->ns);
		const struct text lon = tk103_from(lat, lat_len);
		const size_t lon_len =
			lat_len ? tk103_report_read_side(lon, "EW", 180, &fix->lon_e7, &fix->ew)
				: 0;
		if (lon_len == 0)
			continue;
		fix->mark = mark;
		place->start = at - DATE_LEN;
		place->end = at + 1 + lat_len + lon_len;
		return true;
	}
	return false;
}

// Returns how many digits, points and blanks the text begins with, at most `most`.
static size_t number_len(struct text text, size_t most)
{
	size_t len = 0;
	while (len < most && len < text.len &&
		(text_is_digit(text.data[len]) || text.data[len] == '.' || text.data[len] == ' '))
		len++;
	return len;
}

static bool is_state_before_mileage(struct text text, size_t at)
{
	return text.len > at + STATE_LEN && text.data[at + STATE_LEN] == 'L' &&
	       tk103_report_is_state(tk103_part(text, at, STATE_LEN));
}

// Finds the course, and the state after it. rest: after the time. *state: its offset; 0: none.
static struct text find_course(struct text rest, size_t *state)
{
	size_t len = number_len(rest, COURSE_LEN);
	*state = 0;
	if (is_state_before_mileage(rest, 2) && fields_is_digits(tk103_part(rest, 0, 2), 2, 2))
		len = *state = 2;
	else if (len == COURSE_LEN && is_state_before_mileage(rest, COURSE_LEN))
		*state = COURSE_LEN;
	if (*state > 0)
		return tk103_part(rest, 0, len);
	// A course with a point may have more decimals.
	if (len > 0 && memchr(rest.data, '.', len))
		while (len < rest.len && text_is_digit(rest.data[len]))
			len++;
	if (len < rest.len && rest.data[len] == ',' &&
		(is_state_before_mileage(rest, len + 1) ||
			tk103_report_is_last_state(tk103_from(rest, len + 1))))
		*state = len + 1;
	return tk103_part(rest, 0, len);
}

// Decodes the text after the coordinates.
static void decode_tail(
	const struct tk103_message *message, struct text date, struct text tail, bool has_fix)
{
	const struct text clock = tk103_part(tail, SPEED_LEN, CLOCK_LEN);
	const struct text rest = tk103_from(tail, SPEED_LEN + CLOCK_LEN);
	int64_t date_us, clock_us;
	size_t state;
	if (number_len(tail, SPEED_LEN) < SPEED_LEN || !fields_is_digits(clock, 6, 6)) {
		tk103_report_text(message, "data", tail);
		return;
	}
	if (text_yymmdd(date, &date_us) && text_hhmmss(clock, &clock_us))
		report_set_time(message->report, date_us + clock_us);
	const struct text course = find_course(rest, &state);
	if (has_fix) {
		tk103_report_speed(message, tk103_part(tail, 0, SPEED_LEN));
		fields_set_course(message->report, fields_trim(course));
	}
	if (state == 0)
		return;
	tk103_report_state(message, tk103_part(rest, state, STATE_LEN));
	tk103_report_mileage(message, tk103_from(rest, state + STATE_LEN + 1));
}

static enum decode_status decode_position(struct tk103_message *message, const struct place *place)
{
	const enum tk103_fix_result fix = tk103_report_fix(message, &place->fix);
	if (fix == TK103_FIX_BAD)
		return DECODE_BAD_VALUE;
	decode_tail(message, tk103_part(message->rest, place->start, DATE_LEN),
		tk103_from(message->rest, place->end), fix == TK103_FIX_SET);
	return DECODE_OK;
}

// Alarms ----------------------------------------------------------------------

static void add_alarm(
	const struct tk103_message *message, const uint8_t *alarms, size_t count, uint64_t number)
{
	if (number < count)
		report_add_alarm(message->report, (enum alarm)alarms[number]);
	else
		extra_int(message->out, message->report, "alarm", (int64_t)number);
}

// Returns the number of BO01, one or two digits: all text before the position, or those at the head of another text.
static struct text find_bo01_number(const struct tk103_message *message, const struct place *place)
{
	size_t len = place ? place->start : 0;
	while (!place && len < message->rest.len && text_is_digit(message->rest.data[len]))
		len++;
	const struct text digits = tk103_part(message->rest, 0, len);
	return tk103_is_command(message, "BO01") && fields_is_digits(digits, 1, 2)
		       ? digits
		       : (struct text){"", 0};
}

// Sets the alarm of BO01 or BQ81. number: BO01's.
static void set_alarm(const struct tk103_message *message, struct text number)
{
	struct text rest = message->rest, field;
	uint64_t value;
	if (text_uint(number, &value))
		add_alarm(message, bo01_alarms, sizeof bo01_alarms, value);
	if (!tk103_is_command(message, "BQ81") || !text_next(&rest, ',', &field) || field.len > 0 ||
		!text_next(&rest, ',', &field) || !fields_is_word(field, "ALARM") ||
		!text_next(&rest, ',', &field) || !rest.data || !fields_is_digits(field, 1, 3))
		return;
	if (text_uint(field, &value))
		add_alarm(message, bq81_alarms, sizeof bq81_alarms, value);
}

// Cells -----------------------------------------------------------------------

// 15 digits before a position or cells. Those that begin with 000 are the ident once more.
static void set_imei(const struct tk103_message *message, struct text digits)
{
	if (digits.len == IMEI_LEN && memcmp(digits.data, "000", 3) != 0 &&
		fields_is_digits(digits, IMEI_LEN, IMEI_LEN))
		tk103_report_text(message, "imei", digits);
}

static bool read_number(struct text text, size_t most, uint64_t *value)
{
	return fields_is_digits(text, 1, most) && text_uint(text, value);
}

// Reads {mcc,mnc,lac,cid}, and line ends and blanks after it. Moves *rest after them.
static bool next_braced(struct text *rest, uint64_t values[4])
{
	static const uint8_t most[4] = {3, 3, 9, 10};
	struct text field;
	const char *close = rest->len > 0 ? memchr(rest->data, '}', rest->len) : NULL;
	if (!close || rest->data[0] != '{')
		return false;
	struct text group = {rest->data + 1, (size_t)(close - rest->data) - 1};
	for (size_t i = 0; i < 4; i++)
		if (!text_next(&group, ',', &field) || !read_number(field, most[i], &values[i]))
			return false;
	if (group.data)
		return false; // more than four
	*rest = tk103_from(*rest, (size_t)(close - rest->data) + 1);
	while (rest->len > 0 && memchr("\r\n ", rest->data[0], 3))
		*rest = tk103_from(*rest, 1);
	return true;
}

// Adds the cells of {mcc,mnc,lac,cid}.. that are in the network of the first one. Those of others are kept with the text.
static void add_braced(const struct tk103_message *message, struct text groups)
{
	struct text left = groups;
	struct cells cells;
	uint64_t values[4];
	bool has_others = false;
	cells_init(&cells, 0, 0, message->report, message->out);
	while (next_braced(&left, values)) {
		if (!(values[2] | values[3]))
			continue;
		if (cells.count == 0) {
			cells.mcc = values[0];
			cells.mnc = values[1];
		}
		if (values[0] == cells.mcc && values[1] == cells.mnc)
			cells_put(&cells, values[2], values[3], CELLS_NO_RSSI);
		else
			has_others = true;
	}
	cells_end(&cells);
	if (has_others)
		tk103_report_text(message, "data", groups);
}

// [15 digits][,]{mcc,mnc,lac,cid}..[,state]
static bool decode_braced(const struct tk103_message *message)
{
	struct text rest = message->rest, imei = tk103_part(rest, 0, IMEI_LEN);
	uint64_t values[4];
	if (fields_is_digits(imei, IMEI_LEN, IMEI_LEN))
		rest = tk103_from(rest, IMEI_LEN);
	else
		imei.len = 0;
	if (rest.len > 0 && rest.data[0] == ',')
		rest = tk103_from(rest, 1);
	struct text left = rest;
	while (next_braced(&left, values))
		;
	const struct text state = tk103_from(left, 1);
	if (left.data == rest.data ||
		(left.len > 0 && (left.data[0] != ',' || !tk103_report_is_last_state(state))))
		return false;
	set_imei(message, imei);
	add_braced(message, tk103_part(rest, 0, rest.len - left.len));
	if (state.len > 0)
		tk103_report_state(message, state);
	return true;
}

// Moves the next field, without the comma before it, to *field. Returns false if there is none.
static bool next_field(struct text *rest, struct text *field)
{
	if (rest->len == 0 || rest->data[0] != ',')
		return false;
	*field = tk103_from(*rest, 1);
	const char *comma = field->len > 0 ? memchr(field->data, ',', field->len) : NULL;
	if (comma)
		field->len = (size_t)(comma - field->data);
	*rest = tk103_from(*rest, 1 + field->len);
	return true;
}

struct listed {
	uint64_t lac, cid;
	int64_t rssi;
};

// Reads lac,cid[,rssi], two or three fields. A LAC or CID of less than four characters would be a signal.
static bool next_listed(struct text *rest, size_t size, struct listed *cell)
{
	struct text lac, cid, rssi = {"", 0};
	if (!next_field(rest, &lac) || !next_field(rest, &cid) ||
		(size == 3 && !next_field(rest, &rssi)))
		return false;
	const struct text digits = tk103_from(rssi, rssi.len > 0 && rssi.data[0] == '-');
	cell->rssi = CELLS_NO_RSSI;
	return fields_is_hex(lac, LISTED_LEN, 8) && text_hex(lac, &cell->lac) &&
	       fields_is_hex(cid, LISTED_LEN, 8) && text_hex(cid, &cell->cid) &&
	       (rssi.len == 0 || (fields_is_digits(digits, 1, 3) && text_int(rssi, &cell->rssi)));
}

// Groups have three fields if the fields divide so and each third is shorter than four characters, else two. Returns 0 if
// they do not divide.
static size_t find_group_size(struct text groups)
{
	struct text field;
	size_t count = 0;
	bool is_three = true;
	while (next_field(&groups, &field))
		is_three &= ++count % 3 != 0 || field.len < LISTED_LEN;
	if (is_three && count % 3 == 0)
		return 3;
	return count % 2 == 0 ? 2 : 0;
}

// Cuts the state off the end: a last field of eight characters. Returns it; empty: none.
static struct text cut_state(struct text *groups)
{
	struct text state = {"", 0};
	if (groups->len > STATE_LEN && groups->data[groups->len - STATE_LEN - 1] == ',' &&
		!memchr(groups->data + groups->len - STATE_LEN, ',', STATE_LEN)) {
		groups->len -= STATE_LEN + 1;
		state = (struct text){groups->data + groups->len + 1, STATE_LEN};
	}
	return state;
}

// ,mcc,mnc,groups[,state]
static bool decode_listed(const struct tk103_message *message)
{
	struct text groups = message->rest, field;
	struct cells cells;
	struct listed cell;
	uint64_t mcc, mnc;
	if (!next_field(&groups, &field) || !read_number(field, 3, &mcc) ||
		!next_field(&groups, &field) || !read_number(field, 3, &mnc))
		return false;
	const struct text state = cut_state(&groups);
	const size_t size = find_group_size(groups);
	struct text left = groups;
	if (size == 0 || (state.len > 0 && !tk103_report_is_state(state)))
		return false;
	while (left.len > 0)
		if (!next_listed(&left, size, &cell))
			return false;
	cells_init(&cells, mcc, mnc, message->report, message->out);
	while (groups.len > 0 && next_listed(&groups, size, &cell))
		cells_add(&cells, cell.lac, cell.cid, cell.rssi);
	cells_end(&cells);
	if (state.len > 0)
		tk103_report_state(message, state);
	return true;
}

// Commands --------------------------------------------------------------------

static bool is_handshake(const struct tk103_message *message)
{
	size_t digits = 0;
	if (!tk103_is_command(message, "BP00"))
		return false;
	while (digits < 16 && digits < message->rest.len &&
		text_is_digit(message->rest.data[digits]))
		digits++;
	return fields_is_word(tk103_part(message->rest, digits, 3), "HSO");
}

// Decodes a frame without a position. Returns false if its text does not fit.
static bool decode_status(const struct tk103_message *message)
{
	const struct text rest = message->rest;
	if (rest.len > 0 && memchr(rest.data, '{', rest.len))
		return decode_braced(message);
	if (tk103_is_command(message, "BP05")) {
		set_imei(message, rest);
		return fields_is_digits(rest, IMEI_LEN, IMEI_LEN);
	}
	if (tk103_is_command(message, "BZ00"))
		return decode_listed(message);
	if (tk103_is_command(message, "BS50"))
		return tk103_battery_block(message);
	if (tk103_is_command(message, "BS51"))
		return tk103_battery_items(message);
	if (!tk103_is_command(message, "BV00") || rest.len != VIN_LEN)
		return false;
	tk103_report_text(message, "vin", rest);
	return true;
}

// Keeps the text of a frame that is not understood, after the number of BO01.
static void keep_text(struct tk103_message *message, struct text number)
{
	struct text rest = tk103_from(message->rest, number.len);
	tk103_report_begin(message);
	set_alarm(message, number);
	if (rest.len > 0 && rest.data[0] == ',')
		rest = tk103_from(rest, 1);
	tk103_report_text(message, "data", rest);
	tk103_command_note_answer(message);
}

enum decode_status tk103_packed_decode(struct tk103_message *message)
{
	struct place place;
	bool holds_data = true; /* besides the log-in */
	if (is_handshake(message)) {
		reply(message, REPLY_NOW, "AP01HSO", (struct text){"", 0});
		return DECODE_OK;
	}
	const bool has_place = find_place(message->rest, &place);
	const struct text number = find_bo01_number(message, has_place ? &place : NULL);
	tk103_report_begin(message);
	if (has_place) {
		set_imei(message, tk103_part(message->rest, 0, place.start));
		const enum decode_status status = decode_position(message, &place);
		if (status != DECODE_OK)
			return status;
		set_alarm(message, number);
		tk103_command_note_answer(message);
	} else if (!decode_status(message)) {
		holds_data = false;
		keep_text(message, number);
	} else {
		holds_data = memchr(message->rest.data, '{', message->rest.len);
	}
	if (tk103_is_command(message, "BP05"))
		reply(message, holds_data ? REPLY_STORED : REPLY_NOW, "AP05", (struct text){"", 0});
	else if (number.len > 0)
		reply(message, REPLY_STORED, "AS01", number);
	return DECODE_OK;
}
