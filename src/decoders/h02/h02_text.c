// SPDX-License-Identifier: MIT
// Text records of the H02, from the makers' papers and captures. No checksum, no escapes.
//
//   *HQ,id,V1,hhmmss,S,lat,N,lon,E,speed,course,ddmmyy,status[,more]#       positions: V1, V2, V5, V19, VI1 ...
//   *HQ,id,V4,words,hhmmss,hhmmss,S,lat,N, ... #                            answer to a command, with a position
//   *HQ,id,NBR,hhmmss,mcc,mnc,delay,n,(lac,cid,rssi) x n,ddmmyy,status[,battery]#
//   *HQ,id,V3,hhmmss,MCCMNC,n,(lac,cid,level,dBm) x n,battery,reboot,X,ddmmyy,status#
//   *HQ,id,VP1,A,lat,N,lon,E,speed,course,ddmmyy#      *HQ,id,VP1,V,mcc,mnc,lac,cid,rssi[Ylac,cid,rssi]...#
//   *HQ,id,LINK,hhmmss,gsm,satellites,battery,steps,turns,ddmmyy,status#    *HQ,id,HTBT[,battery]#
//   *HQ,id,BASE,hhmmss,mcc,mnc,lac,cid,ddmmyy,status#                       *HQ,id,SMS,text#
//   *HQ,id,BS,hhmmss,mcc,mnc,(lac,cid,rssi) x 3,ddmmyy,status,battery#      hexadecimal
//
// S: A or a digit is valid. speed: knots. A type that is not known, or whose fields do not fit, is a status with its fields
// as text.
#include "decoders/h02/h02_text.h"
#include "decoders/decimal.h"
#include "decoders/h02/h02_report.h"
#include "util/calendar.h"

#define TYPE     2 /* fields, counted from the letters */
#define FIRST    3
#define NO_FIELD SIZE_MAX

#define HEADER_MOST 32
#define ID_MOST     20

// The frame being decoded.
struct message {
	struct session *session;
	struct report *report;
	struct decoded *out;
	struct fields fields;
	const char *bad; /* the field that is out of range */
};

static struct text get(const struct message *message, size_t index)
{
	return fields_get(&message->fields, index);
}

static void set_time(const struct message *message, struct text date, struct text clock)
{
	int64_t date_us, clock_us;
	if (clock.len == 6 && text_hhmmss(clock, &clock_us) && text_ddmmyy(date, &date_us))
		report_set_time(message->report, date_us + clock_us);
}

static void set_status(const struct message *message, struct text word)
{
	uint64_t value;
	if (word.len > 0 && text_hex(word, &value))
		h02_report_status(
			message->session, message->report, (uint32_t)value, word, message->out);
}

static void add_text(const struct message *message, const char *name, struct text text)
{
	if (text.len > 0)
		extra_text(message->out, message->report, name, text.data, text.len);
}

static bool is_date(struct text text)
{
	return text.len == 0 || fields_is_digits(text, 6, 6);
}

static bool is_word(struct text text)
{
	return fields_is_hex(text, 8, 8);
}

static bool is_side(struct text text, char positive, char negative)
{
	return fields_is_letter(text, positive) || fields_is_letter(text, negative);
}

// The fields after the status -------------------------------------------------

static const char *const io_names[] = {"io1", "io2", "io3", "io4", "io5", "io6", "io7", "io8",
	"io9", "io10", "io11", "io12", "io13", "io14", "io15", "io16"};

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
static enum cell find_cell(const struct message *message, size_t at, uint64_t values[4])
{
	struct text texts[4];
	bool padded = false, six = true;
	for (size_t i = 0; i < 4; i++) {
		const struct text field = get(message, at + i);
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

// odometer,temperature,fuel,altitude,LAC,CID
static void add_sensors(const struct message *message, size_t at)
{
	struct report *report = message->report;
	uint64_t odometer_m, lac, cid;
	int64_t altitude_e2;
	const struct text lac_text = get(message, at + 4), cid_text = get(message, at + 5);
	if (fields_is_digits(get(message, at), 1, 12) && text_uint(get(message, at), &odometer_m))
		report_set_odometer(report, (int64_t)odometer_m);
	fields_add_number(message->out, report, "temp1", get(message, at + 1));
	fields_add_number(message->out, report, "fuel", get(message, at + 2));
	if (text_fixed(get(message, at + 3), 2, &altitude_e2))
		report_set_altitude(report, altitude_e2);
	if (!fields_is_hex(lac_text, 1, 8) || !fields_is_hex(cid_text, 1, 8) ||
		!text_hex(lac_text, &lac) || !text_hex(cid_text, &cid) || !(lac | cid))
		return;
	extra_int(message->out, report, "lac", (int64_t)lac);
	extra_int(message->out, report, "cid", (int64_t)cid);
}

static bool has_point(struct text text)
{
	return text.len > 0 && memchr(text.data, '.', text.len);
}

static void add_more(const struct message *message, size_t at, bool is_v6)
{
	const size_t count = message->fields.count > at ? message->fields.count - at : 0;
	int64_t value;
	unsigned decimals;
	size_t first = 0;
	if (count == 6 && has_point(get(message, at + 2)) &&
		fields_number(get(message, at + 2), &value, &decimals)) {
		add_sensors(message, at);
		return;
	}
	if (count >= 4) {
		uint64_t cell[4];
		const enum cell found = find_cell(message, at, cell);
		if (found == CELL_FOUND)
			h02_report_cell(
				message->report, cell[0], cell[1], cell[2], cell[3], message->out);
		first = found == CELL_TEXT ? 0 : 4;
	}
	for (size_t i = first; i < count && i < sizeof io_names / sizeof io_names[0]; i++) {
		const struct text text = get(message, at + i);
		const bool iccid =
			is_v6 && i == 4 && first == 4 && text.len >= 15 && text.len <= 22;
		add_text(message, iccid ? "iccid" : io_names[i], text);
	}
}

// Positions -------------------------------------------------------------------

// Reads the angles around the hemisphere letter at `place`. Returns the worse of both.
static enum fields_angle read_angles(
	struct message *message, size_t place, int64_t *lat_e7, int64_t *lon_e7)
{
	const enum fields_angle lat = fields_read_angle(get(message, place - 1), 90, lat_e7);
	// The first odd or impossible one decides.
	if (lat == FIELDS_ANGLE_RANGE)
		message->bad = "latitude";
	if (lat >= FIELDS_ANGLE_ODD)
		return lat;
	const enum fields_angle lon = fields_read_angle(get(message, place + 1), 180, lon_e7);
	if (lon == FIELDS_ANGLE_RANGE)
		message->bad = "longitude";
	if (fields_is_letter(get(message, place), 'S'))
		*lat_e7 = -*lat_e7;
	if (fields_is_letter(get(message, place + 2), 'W'))
		*lon_e7 = -*lon_e7;
	return lon > lat ? lon : lat;
}

static void set_fix(
	const struct message *message, size_t place, int64_t lat_e7, int64_t lon_e7, bool valid)
{
	report_set_fix(message->report, lat_e7, lon_e7, valid);
	fields_set_knots(message->report, fields_trim(get(message, place + 3)));
	fields_set_course(message->report, fields_trim(get(message, place + 4)));
}

static size_t find_place(const struct message *message)
{
	for (size_t i = 5; i + 2 < message->fields.count; i++)
		if (is_side(get(message, i), 'N', 'S') && is_side(get(message, i + 2), 'E', 'W'))
			return i;
	return NO_FIELD;
}

static bool is_mark(struct text mark)
{
	return mark.len == 0 ||
	       (mark.len == 1 && (text_is_digit(mark.data[0]) || memchr("AVB", mark.data[0], 3)));
}

// Decodes what follows the coordinates. at: the place of the letter N or S, moved by an extra field before the date.
static bool decode_rest(const struct message *message, size_t at, struct text clock, bool has_fix)
{
	const struct text date = get(message, at + 5);
	const struct text type = get(message, TYPE);
	const bool is_v19 = fields_is_word(type, "V19") && get(message, at + 6).len == 0 &&
			    message->fields.count > at + 9;
	size_t status = is_v19 ? at + 9 : at + 6;
	struct text word = get(message, status);
	if (!has_fix && (message->fields.count <= at + 5 || !is_mark(get(message, at - 2)) ||
				!is_date(date) || (word.len > 0 && !is_word(word))))
		return false;
	set_time(message, date, clock);
	if (!is_word(word)) {
		status -= word.len > 0; // it is one of the fields after the status
		word.len = 0;
	}
	set_status(message, word);
	if (is_v19) {
		add_text(message, "phone", get(message, at + 7));
		add_text(message, "iccid", get(message, at + 8));
	}
	add_more(message, status + 1, fields_is_word(type, "V6"));
	return true;
}

// Notes the answer to a command: word[,words],hhmmss of the command.
static void note_answer(const struct message *message, size_t place, struct text result)
{
	struct correlation correlation = {0};
	size_t at = place == NO_FIELD ? FIRST + 1 : place - 4;
	uint64_t clock;
	while (place == NO_FIELD && at + 1 < message->fields.count &&
		!fields_is_digits(get(message, at), 6, 6))
		at++;
	if (at >= FIRST && fields_is_digits(get(message, at), 6, 6) &&
		text_uint(get(message, at), &clock))
		correlation = (struct correlation){true, (uint32_t)clock};
	enum answer_result judged = decoded_judge_text(result.data, result.len);
	for (size_t i = FIRST + 1; i < at && judged == ANSWER_GIVEN; i++)
		if (fields_is_word(get(message, i), "DONE") ||
			fields_is_word(get(message, i), "OK"))
			judged = ANSWER_DONE;
	decoded_answer(message->out, judged, correlation);
}

static bool decode_position(struct message *message)
{
	const size_t place = find_place(message);
	size_t at = place == NO_FIELD ? 6 : place;
	int64_t lat_e7 = 0, lon_e7 = 0;
	bool has_fix = false;
	if (fields_is_word(get(message, TYPE), "V4")) {
		struct text result = fields_from(&message->fields, FIRST);
		if (place != NO_FIELD)
			result.len =
				place > 6 ? (size_t)(get(message, place - 3).data - 1 - result.data)
					  : 0;
		add_text(message, "result", result);
		note_answer(message, place, result);
		if (place == NO_FIELD)
			return true;
	}
	if (place != NO_FIELD) {
		const enum fields_angle angle = read_angles(message, place, &lat_e7, &lon_e7);
		const struct text mark = get(message, place - 2);
		const bool valid = fields_is_letter(mark, 'A') || fields_is_digits(mark, 1, 1);
		if (angle >= FIELDS_ANGLE_ODD)
			return false;
		has_fix = angle == FIELDS_ANGLE_OK && (valid || lat_e7 || lon_e7);
		if (has_fix)
			set_fix(message, place, lat_e7, lon_e7, valid);
	}
	const struct text clock = get(message, at - 3), date = get(message, at + 5);
	if (has_fix && date.len != 6 && fields_is_digits(date, 1, 1024) &&
		fields_is_digits(get(message, at + 6), 6, 6)) {
		add_text(message, "battery", date);
		at++;
	}
	return decode_rest(message, at, clock, has_fix);
}

// VP1,A: without a time of day.
static bool decode_fix_only(struct message *message)
{
	const size_t place = FIRST + 2;
	const bool valid = fields_is_letter(get(message, FIRST), 'A');
	int64_t lat_e7 = 0, lon_e7 = 0;
	if (!is_side(get(message, place), 'N', 'S') ||
		!is_side(get(message, place + 2), 'E', 'W') ||
		read_angles(message, place, &lat_e7, &lon_e7) != FIELDS_ANGLE_OK)
		return false;
	if (valid || lat_e7 || lon_e7)
		set_fix(message, place, lat_e7, lon_e7, valid);
	return true;
}

// Cells -----------------------------------------------------------------------

struct cells {
	uint64_t mcc, mnc;
	struct report *report;
	struct decoded *out;
	char *end;
	size_t count;
	char others[1024]; /* the text of all but the first */
};

static char *put_value(char *end, const char *before, int64_t value)
{
	*end = *before;
	end += *before != 0;
	if (value < 0)
		*end++ = '-';
	return decimal_write(end, value < 0 ? (uint64_t)-value : (uint64_t)value);
}

// rssi: INT64_MIN if unknown. LAC and CID 0: no cell.
static void add_cell(struct cells *cells, uint64_t lac, uint64_t cid, int64_t rssi)
{
	const bool has_rssi = rssi != INT64_MIN;
	if (!(lac | cid))
		return;
	if (cells->count++ == 0) {
		h02_report_cell(cells->report, cells->mcc, cells->mnc, lac, cid, cells->out);
		if (has_rssi)
			extra_int(cells->out, cells->report, "rssi", rssi);
		cells->end = cells->others;
		return;
	}
	if (sizeof cells->others - (size_t)(cells->end - cells->others) < 48)
		return;
	cells->end = put_value(cells->end, cells->count > 2 ? ";" : "", (int64_t)lac);
	cells->end = put_value(cells->end, ",", (int64_t)cid);
	if (has_rssi)
		cells->end = put_value(cells->end, ",", rssi);
}

static void end_cells(struct cells *cells)
{
	if (cells->count > 1)
		extra_text(cells->out, cells->report, "cells", cells->others,
			(size_t)(cells->end - cells->others));
}

// Reads an optional number with a sign; empty: INT64_MIN.
static bool read_rssi(struct text text, int64_t *rssi)
{
	*rssi = INT64_MIN;
	if (text.len == 0)
		return true;
	struct text digits = text;
	if (digits.data[0] == '-')
		digits.data++, digits.len--;
	return fields_is_digits(digits, 1, 9) && text_int(text, rssi);
}

static bool read_decimal(struct text text, size_t most, uint64_t *value)
{
	return fields_is_digits(text, 1, most) && text_uint(text, value);
}

struct group {
	uint64_t lac, cid;
	int64_t rssi, dbm;
};

// Reads one cell of `size` fields: lac, cid and, if there are more, rssi and dBm.
static bool read_group(
	const struct message *message, size_t at, size_t size, bool hex, struct group *group)
{
	const struct text lac = get(message, at), cid = get(message, at + 1);
	group->rssi = group->dbm = INT64_MIN;
	if (hex ? !fields_is_hex(lac, 1, 8) || !fields_is_hex(cid, 1, 8) ||
				!text_hex(lac, &group->lac) || !text_hex(cid, &group->cid)
		: !read_decimal(lac, 9, &group->lac) || !read_decimal(cid, 10, &group->cid))
		return false;
	return (size < 3 || read_rssi(get(message, at + 2), &group->rssi)) &&
	       (size < 4 || read_rssi(get(message, at + 3), &group->dbm));
}

// Checks `count` groups before anything is added, then adds them.
static bool add_groups(const struct message *message, struct cells *cells, size_t at, size_t size,
	size_t count, bool hex, bool add)
{
	struct group group;
	for (size_t i = 0; i < count; i++) {
		if (!read_group(message, at + i * size, size, hex, &group))
			return false;
		if (size == 4)
			group.rssi = group.dbm != INT64_MIN && group.dbm < 0 ? group.dbm
				     : group.rssi != INT64_MIN               ? group.rssi - 220
									     : INT64_MIN;
		if (add && !(hex && group.lac == 0))
			add_cell(cells, group.lac, group.cid, group.rssi);
	}
	if (add)
		end_cells(cells);
	return true;
}

// Where the parts of a message with cells are.
struct cell_shape {
	size_t groups, size, count; /* first field, fields of each, number of them */
	size_t date;                /* the status follows */
	bool hex;
};

static bool decode_cells(
	const struct message *message, uint64_t mcc, uint64_t mnc, const struct cell_shape *shape)
{
	struct cells cells = {
		.mcc = mcc, .mnc = mnc, .report = message->report, .out = message->out};
	const struct text date = get(message, shape->date), word = get(message, shape->date + 1);
	if (!is_date(date) || (word.len > 0 && !is_word(word)) ||
		!add_groups(message, &cells, shape->groups, shape->size, shape->count, shape->hex,
			false))
		return false;
	set_time(message, date, get(message, FIRST));
	set_status(message, word);
	return add_groups(
		message, &cells, shape->groups, shape->size, shape->count, shape->hex, true);
}

static bool decode_nbr(const struct message *message)
{
	uint64_t mcc, mnc, count;
	if (!read_decimal(get(message, FIRST + 1), 3, &mcc) ||
		!read_decimal(get(message, FIRST + 2), 3, &mnc) ||
		!read_decimal(get(message, FIRST + 4), 2, &count))
		return false;
	const struct cell_shape shape = {FIRST + 5, 3, count, FIRST + 5 + 3 * count, false};
	const size_t more = message->fields.count - shape.date;
	if ((more != 2 && more != 3) || !decode_cells(message, mcc, mnc, &shape))
		return false;
	add_text(message, "battery", get(message, shape.date + 2));
	return true;
}

static bool decode_v3(const struct message *message)
{
	const struct text network = get(message, FIRST + 1);
	uint64_t count, value, battery;
	if (!fields_is_digits(network, 4, 6) || !text_uint(network, &value) ||
		!read_decimal(get(message, FIRST + 2), 2, &count))
		return false;
	const struct cell_shape shape = {FIRST + 3, 4, count, FIRST + 3 + 4 * count + 3, false};
	const struct text level = get(message, shape.date - 3);
	const uint64_t scale = network.len == 4 ? 10 : network.len == 5 ? 100 : 1000;
	if (message->fields.count != shape.date + 2 ||
		!fields_is_letter(get(message, shape.date - 1), 'X') ||
		(level.len > 0 && !fields_is_hex(level, 4, 4)) ||
		!decode_cells(message, value / scale, value % scale, &shape))
		return false;
	if (text_hex(level, &battery))
		extra_int(message->out, message->report, "battery", (int64_t)battery);
	return true;
}

static bool decode_base(const struct message *message)
{
	const struct cell_shape shape = {FIRST + 3, 2, 1, FIRST + 5, false};
	uint64_t mcc, mnc;
	return message->fields.count == FIRST + 7 &&
	       read_decimal(get(message, FIRST + 1), 3, &mcc) &&
	       read_decimal(get(message, FIRST + 2), 3, &mnc) &&
	       decode_cells(message, mcc, mnc, &shape);
}

static bool decode_bs(const struct message *message)
{
	const struct cell_shape shape = {FIRST + 3, 3, 3, FIRST + 12, true};
	const struct text mcc_text = get(message, FIRST + 1), mnc_text = get(message, FIRST + 2);
	uint64_t mcc, mnc;
	if (message->fields.count != FIRST + 15 || !fields_is_hex(mcc_text, 1, 8) ||
		!fields_is_hex(mnc_text, 1, 8) || !text_hex(mcc_text, &mcc) ||
		!text_hex(mnc_text, &mnc) || !decode_cells(message, mcc, mnc, &shape))
		return false;
	add_text(message, "battery", get(message, FIRST + 14));
	return true;
}

// VP1,V: the letter Y joins the cells.
static bool decode_joined_cells(const struct message *message)
{
	struct text rest = fields_from(&message->fields, FIRST + 1), part;
	struct message split = *message;
	struct cells cells = {.report = message->report, .out = message->out};
	for (int pass = 0; pass < 2; pass++) {
		struct text left = rest;
		for (bool first = true; text_next(&left, 'Y', &part); first = false) {
			const size_t head = first ? 2 : 0;
			fields_split(part, &split.fields);
			if (split.fields.count != head + 3 ||
				(first && (!read_decimal(get(&split, 0), 3, &cells.mcc) ||
						  !read_decimal(get(&split, 1), 3, &cells.mnc))))
				return false;
			struct group group;
			if (!read_group(&split, head, 3, false, &group))
				return false;
			if (pass == 1)
				add_cell(&cells, group.lac, group.cid, group.rssi);
		}
	}
	end_cells(&cells);
	return true;
}

// The other types -------------------------------------------------------------

static bool decode_vp1(struct message *message)
{
	const struct text mark = get(message, FIRST);
	if (is_side(mark, 'A', 'B'))
		return decode_fix_only(message);
	return fields_is_letter(mark, 'V') && decode_joined_cells(message);
}

static bool decode_link(const struct message *message)
{
	const struct text date = get(message, FIRST + 6), word = get(message, FIRST + 7);
	uint64_t values[5];
	bool given[5];
	if (message->fields.count != FIRST + 8 || !is_date(date) ||
		(word.len > 0 && !is_word(word)))
		return false;
	for (size_t i = 0; i < 5; i++) {
		const struct text text = get(message, FIRST + 1 + i);
		given[i] = text.len > 0;
		if (given[i] && !read_decimal(text, 9, &values[i]))
			return false;
	}
	set_time(message, date, get(message, FIRST));
	set_status(message, word);
	if (given[0])
		extra_int(message->out, message->report, "gsm", (int64_t)values[0]);
	if (given[1])
		report_set_satellites(message->report, (int64_t)values[1]);
	if (given[2])
		report_set_battery_percent(message->report, (int64_t)values[2]);
	if (given[3])
		extra_int(message->out, message->report, "steps", (int64_t)values[3]);
	if (given[4])
		extra_int(message->out, message->report, "turnovers", (int64_t)values[4]);
	return true;
}

static bool decode_beat(const struct message *message)
{
	const struct text battery = get(message, FIRST);
	uint64_t percent;
	if (message->fields.count > FIRST + 1 ||
		(battery.len > 0 && !fields_is_digits(battery, 1, 3)))
		return false;
	if (text_uint(battery, &percent))
		report_set_battery_percent(message->report, (int64_t)percent);
	return true;
}

// Decodes the fields after the type. Returns false if they do not fit it.
static bool decode_fields(struct message *message)
{
	const struct text type = get(message, TYPE);
	if (fields_is_word(type, "V0") || fields_is_word(type, "HTBT"))
		return decode_beat(message);
	if (fields_is_word(type, "V3"))
		return decode_v3(message);
	if (fields_is_word(type, "VP1"))
		return decode_vp1(message);
	if (type.len > 0 && (type.data[0] | 0x20) == 'v')
		return decode_position(message);
	if (fields_is_word(type, "NBR"))
		return decode_nbr(message);
	if (fields_is_word(type, "LINK"))
		return decode_link(message);
	if (fields_is_word(type, "BASE"))
		return decode_base(message);
	if (fields_is_word(type, "BS"))
		return decode_bs(message);
	if (!fields_is_word(type, "SMS"))
		return false;
	add_text(message, "result", fields_from(&message->fields, FIRST));
	return true;
}

// Answers --------------------------------------------------------------------

// Appends *HQ,<id>,
static char *put_head(char *end, const struct session *session)
{
	end = fields_put(end, "*", 1);
	end = fields_put(end, h02_report_letters(session), 2);
	end = fields_put(end, ",", 1);
	end = fields_put(end, session->ident, session->ident_len);
	return fields_put(end, ",", 1);
}

static char *put_clock(char *end, int64_t time_us)
{
	const struct calendar now = calendar_of(time_us);
	end = fields_put_digits(end, (unsigned)now.year, 4);
	end = fields_put_digits(end, (unsigned)now.month, 2);
	end = fields_put_digits(end, (unsigned)now.day, 2);
	end = fields_put_digits(end, (unsigned)now.hour, 2);
	end = fields_put_digits(end, (unsigned)now.minute, 2);
	return fields_put_digits(end, (unsigned)now.second, 2);
}

static void answer(const struct message *message)
{
	const struct text type = get(message, TYPE);
	const bool is_v1 = fields_is_word(type, "V1"), is_nbr = fields_is_word(type, "NBR");
	char reply[80], *end = put_head(reply, message->session);
	if (is_v1 || is_nbr) {
		end = is_v1 ? fields_put(end, "V4,V1,", 6) : fields_put(end, "V4,NBR,", 7);
		end = put_clock(end, message->session->received_us);
		end = fields_put(end, "#", 1);
		decoded_reply(message->out, REPLY_STORED, reply, (size_t)(end - reply));
	} else if (fields_is_word(type, "V0") || fields_is_word(type, "HTBT")) {
		end = fields_put(end, type.data, type.len);
		end = fields_put(end, "#", 1);
		decoded_reply(message->out, REPLY_NOW, reply, (size_t)(end - reply));
	}
}

// Decoding --------------------------------------------------------------------

static bool is_letter(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static void start_report(struct message *message, const uint8_t *data, size_t len)
{
	const struct text type = get(message, TYPE);
	message->report = decoded_report(message->out, message->session);
	message->report->raw = (struct text){(const char *)data, len};
	message->report->key = (struct text){(const char *)data, len - 1};
	for (size_t i = 0; i < type.len; i++)
		if (type.len > EVENT_MAX || type.data[i] < 0x20 || type.data[i] > 0x7E)
			return;
	message->report->event = type;
}

enum decode_status h02_text_decode(
	struct session *session, const uint8_t *data, size_t len, struct decoded *out)
{
	struct message message = {.session = session, .out = out};
	fields_split((struct text){(const char *)data + 1, len - 2}, &message.fields);
	const struct text letters = get(&message, 0), ident = get(&message, 1);
	if ((ident.len > 0 && !session_set_ident(session, ident.data, ident.len)) ||
		session->ident_len == 0) {
		out->detail = "ident";
		return DECODE_BAD_VALUE;
	}
	if (letters.len == 2 && is_letter(letters.data[0]) && is_letter(letters.data[1]))
		memcpy(session->memo + H02_MEMO_LETTERS, letters.data, 2);
	start_report(&message, data, len);
	if (!decode_fields(&message)) {
		decoded_drop_report(out);
		if (message.bad) {
			out->detail = message.bad;
			return DECODE_BAD_VALUE;
		}
		start_report(&message, data, len);
		add_text(&message, "data", fields_from(&message.fields, FIRST));
	}
	answer(&message);
	return DECODE_OK;
}

// Sniffing --------------------------------------------------------------------

static bool is_alnum(char c)
{
	return text_is_digit(c) || is_letter(c);
}

// Returns YES for a type, MORE for the start of one. end: the type is complete.
static enum probe probe_type(struct text type, bool end)
{
	static const char *const words[] = {
		"NBR", "LINK", "HTBT", "SMS", "XT", "BASE", "BS", "BC", "ALRM", "BIND"};
	const char first = type.len > 0 ? (char)(type.data[0] & ~0x20) : 0;
	bool alnum = true, digits = type.len > 1;
	if (type.len == 0)
		return end ? PROBE_NO : PROBE_MORE;
	for (size_t i = 1; i < type.len; i++) {
		alnum &= is_alnum(type.data[i]);
		digits &= text_is_digit(type.data[i]);
	}
	if (first == 'V' && alnum && type.len <= 4 && (type.len > 1 || !end))
		return end ? PROBE_YES : PROBE_MORE;
	if ((first == 'I' || first == 'M') && (digits || (type.len == 1 && !end)))
		return end ? PROBE_YES : PROBE_MORE;
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		const size_t len = strlen(words[i]);
		char start[8] = "";
		if (type.len > len || (end && type.len < len))
			continue;
		memcpy(start, words[i], type.len);
		if (fields_is_word(type, start))
			return end ? PROBE_YES : PROBE_MORE;
	}
	return PROBE_NO;
}

enum probe h02_text_probe(const uint8_t *data, size_t len)
{
	const char *text = (const char *)data;
	size_t at = 4;
	if ((len > 1 && !is_letter(text[1])) || (len > 2 && !is_letter(text[2])) ||
		(len > 3 && text[3] != ','))
		return PROBE_NO;
	if (len > 2 && (text[1] & ~0x20) == 'E' && (text[2] & ~0x20) == 'T')
		return PROBE_NO; // EasyTrack
	while (at < len && at < 4 + ID_MOST && text_is_digit(text[at]))
		at++;
	if (len <= at)
		return PROBE_MORE;
	if (text[at] != ',' || (at > 4 && at < 4 + 5))
		return PROBE_NO;
	const size_t type = ++at;
	while (at < len && at < HEADER_MOST && text[at] != ',' && text[at] != '#')
		at++;
	const bool end = at < len && (text[at] == ',' || text[at] == '#');
	if (at == HEADER_MOST && !end)
		return PROBE_NO;
	const enum probe known = probe_type((struct text){text + type, at - type}, end);
	if (known != PROBE_YES)
		return known;
	return memchr(text + at, '#', len - at) ? PROBE_YES : PROBE_MORE;
}
