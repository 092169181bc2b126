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
#include "decoders/h02/h02_cells.h"
#include "decoders/h02/h02_message.h"
#include "decoders/h02/h02_more.h"
#include "util/calendar.h"
#include "util/decimal.h"

#define NO_FIELD SIZE_MAX

#define HEADER_MOST 32
#define ID_MOST     20

// Positions -------------------------------------------------------------------

static bool is_side(struct text text, char positive, char negative)
{
	return fields_is_letter(text, positive) || fields_is_letter(text, negative);
}

// Reads the angles around the hemisphere letter at `place`. Returns the worse of both.
static enum fields_angle read_angles(
	struct h02_message *message, size_t place, int64_t *lat_e7, int64_t *lon_e7)
{
	const enum fields_angle lat =
		fields_read_angle(h02_message_get(message, place - 1), 90, lat_e7);
	// The first odd or impossible one decides.
	if (lat == FIELDS_ANGLE_RANGE)
		message->bad = "latitude";
	if (lat >= FIELDS_ANGLE_ODD)
		return lat;
	const enum fields_angle lon =
		fields_read_angle(h02_message_get(message, place + 1), 180, lon_e7);
	if (lon == FIELDS_ANGLE_RANGE)
		message->bad = "longitude";
	if (fields_is_letter(h02_message_get(message, place), 'S'))
		*lat_e7 = -*lat_e7;
	if (fields_is_letter(h02_message_get(message, place + 2), 'W'))
		*lon_e7 = -*lon_e7;
	return lon > lat ? lon : lat;
}

static void set_fix(
	const struct h02_message *message, size_t place, int64_t lat_e7, int64_t lon_e7, bool valid)
{
	report_set_fix(message->report, lat_e7, lon_e7, valid);
	fields_set_knots(message->report, fields_trim(h02_message_get(message, place + 3)));
	fields_set_course(message->report, fields_trim(h02_message_get(message, place + 4)));
}

static size_t find_place(const struct h02_message *message)
{
	for (size_t i = 5; i + 2 < message->fields.count; i++)
		if (is_side(h02_message_get(message, i), 'N', 'S') &&
			is_side(h02_message_get(message, i + 2), 'E', 'W'))
			return i;
	return NO_FIELD;
}

static bool is_mark(struct text mark)
{
	return mark.len == 0 ||
	       (mark.len == 1 && (text_is_digit(mark.data[0]) || memchr("AVB", mark.data[0], 3)));
}

// Decodes what follows the coordinates. at: the place of the letter N or S, moved by an extra field before the date.
static bool decode_rest(
	const struct h02_message *message, size_t at, struct text clock, bool has_fix)
{
	const struct text date = h02_message_get(message, at + 5);
	const struct text type = h02_message_get(message, H02_TYPE);
	const bool is_v19 = fields_is_word(type, "V19") &&
			    h02_message_get(message, at + 6).len == 0 &&
			    message->fields.count > at + 9;
	size_t status = is_v19 ? at + 9 : at + 6;
	struct text word = h02_message_get(message, status);
	if (!has_fix && (message->fields.count <= at + 5 || !h02_message_is_date(date) ||
				(word.len > 0 && !h02_message_is_word(word))))
		return false;
	h02_message_set_time(message, date, clock);
	if (!h02_message_is_word(word)) {
		status -= word.len > 0; // it is one of the fields after the status
		word.len = 0;
	}
	h02_message_set_status(message, word);
	if (is_v19) {
		h02_message_add_text(message, "phone", h02_message_get(message, at + 7));
		h02_message_add_text(message, "iccid", h02_message_get(message, at + 8));
	}
	h02_more_add(message, status + 1, fields_is_word(type, "V6"));
	return true;
}

// Notes the answer to a command: word[,words],hhmmss of the command.
static void note_answer(const struct h02_message *message, size_t place, struct text result)
{
	struct correlation correlation = {0};
	size_t at = place == NO_FIELD ? H02_FIRST + 1 : place - 4;
	uint64_t clock;
	while (place == NO_FIELD && at + 1 < message->fields.count &&
		!fields_is_digits(h02_message_get(message, at), 6, 6))
		at++;
	if (at >= H02_FIRST && fields_is_digits(h02_message_get(message, at), 6, 6) &&
		text_uint(h02_message_get(message, at), &clock))
		correlation = (struct correlation){true, (uint32_t)clock};
	enum answer_result judged = decoded_judge_text(result.data, result.len);
	for (size_t i = H02_FIRST + 1; i < at && judged == ANSWER_GIVEN; i++)
		if (fields_is_word(h02_message_get(message, i), "DONE") ||
			fields_is_word(h02_message_get(message, i), "OK"))
			judged = ANSWER_DONE;
	decoded_answer(message->out, judged, correlation);
}

static bool decode_position(struct h02_message *message)
{
	const size_t place = find_place(message);
	size_t at = place == NO_FIELD ? 6 : place;
	int64_t lat_e7 = 0, lon_e7 = 0;
	bool has_place = false, has_fix = false;
	if (fields_is_word(h02_message_get(message, H02_TYPE), "V4")) {
		struct text result = fields_from(&message->fields, H02_FIRST);
		if (place != NO_FIELD)
			result.len = place > 6 ? (size_t)(h02_message_get(message, place - 3).data -
							  1 - result.data)
					       : 0;
		h02_message_add_text(message, "result", result);
		note_answer(message, place, result);
		if (place == NO_FIELD)
			return true;
	}
	if (place != NO_FIELD) {
		const enum fields_angle angle = read_angles(message, place, &lat_e7, &lon_e7);
		const struct text mark = h02_message_get(message, place - 2);
		const bool valid = fields_is_letter(mark, 'A') || fields_is_digits(mark, 1, 1);
		if (angle >= FIELDS_ANGLE_ODD)
			return false;
		has_place = angle == FIELDS_ANGLE_OK;
		has_fix = has_place && (valid || lat_e7 || lon_e7);
		if (has_fix)
			set_fix(message, place, lat_e7, lon_e7, valid);
	}
	if (!has_fix && !is_mark(h02_message_get(message, at - 2)))
		return false;
	const struct text clock = h02_message_get(message, at - 3),
			  date = h02_message_get(message, at + 5);
	if (has_place && date.len != 6 && fields_is_digits(date, 1, 1024) &&
		fields_is_digits(h02_message_get(message, at + 6), 6, 6)) {
		h02_message_add_text(message, "battery", date);
		at++;
	}
	return decode_rest(message, at, clock, has_fix);
}

// VP1,A: without a time of day.
static bool decode_fix_only(struct h02_message *message)
{
	const size_t place = H02_FIRST + 2;
	const bool valid = fields_is_letter(h02_message_get(message, H02_FIRST), 'A');
	int64_t lat_e7 = 0, lon_e7 = 0;
	if (!is_side(h02_message_get(message, place), 'N', 'S') ||
		!is_side(h02_message_get(message, place + 2), 'E', 'W') ||
		read_angles(message, place, &lat_e7, &lon_e7) != FIELDS_ANGLE_OK)
		return false;
	if (valid || lat_e7 || lon_e7)
		set_fix(message, place, lat_e7, lon_e7, valid);
	return true;
}

// The other types -------------------------------------------------------------

static bool decode_vp1(struct h02_message *message)
{
	const struct text mark = h02_message_get(message, H02_FIRST);
	if (is_side(mark, 'A', 'B'))
		return decode_fix_only(message);
	return fields_is_letter(mark, 'V') && h02_cells_decode_joined(message);
}

static bool decode_link(const struct h02_message *message)
{
	const struct text date = h02_message_get(message, H02_FIRST + 6),
			  word = h02_message_get(message, H02_FIRST + 7);
	uint64_t values[5];
	bool given[5];
	if (message->fields.count != H02_FIRST + 8 || !h02_message_is_date(date) ||
		(word.len > 0 && !h02_message_is_word(word)))
		return false;
	for (size_t i = 0; i < 5; i++) {
		const struct text text = h02_message_get(message, H02_FIRST + 1 + i);
		given[i] = text.len > 0;
		if (given[i] && !h02_message_decimal(text, 9, &values[i]))
			return false;
	}
	h02_message_set_time(message, date, h02_message_get(message, H02_FIRST));
	h02_message_set_status(message, word);
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

static bool decode_beat(const struct h02_message *message)
{
	const struct text battery = h02_message_get(message, H02_FIRST);
	uint64_t percent;
	if (message->fields.count > H02_FIRST + 1 ||
		(battery.len > 0 && !fields_is_digits(battery, 1, 3)))
		return false;
	if (text_uint(battery, &percent))
		report_set_battery_percent(message->report, (int64_t)percent);
	return true;
}

// Decodes the fields after the type. Returns false if they do not fit it.
static bool decode_fields(struct h02_message *message)
{
	const struct text type = h02_message_get(message, H02_TYPE);
	if (fields_is_word(type, "V0") || fields_is_word(type, "HTBT"))
		return decode_beat(message);
	if (fields_is_word(type, "V3"))
		return h02_cells_decode_v3(message);
	if (fields_is_word(type, "VP1"))
		return decode_vp1(message);
	if (type.len > 0 && (type.data[0] | 0x20) == 'v')
		return decode_position(message);
	if (fields_is_word(type, "NBR"))
		return h02_cells_decode_nbr(message);
	if (fields_is_word(type, "LINK"))
		return decode_link(message);
	if (fields_is_word(type, "BASE"))
		return h02_cells_decode_base(message);
	if (fields_is_word(type, "BS"))
		return h02_cells_decode_bs(message);
	if (!fields_is_word(type, "SMS"))
		return false;
	h02_message_add_text(message, "result", fields_from(&message->fields, H02_FIRST));
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

static void answer(const struct h02_message *message)
{
	const struct text type = h02_message_get(message, H02_TYPE);
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

static void start_report(struct h02_message *message, const uint8_t *data, size_t len)
{
	const struct text type = h02_message_get(message, H02_TYPE);
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
	struct h02_message message = {.session = session, .out = out};
	fields_split((struct text){(const char *)data + 1, len - 2}, &message.fields);
	const struct text letters = h02_message_get(&message, 0),
			  ident = h02_message_get(&message, 1);
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
		h02_message_add_text(&message, "data", fields_from(&message.fields, H02_FIRST));
	}
	answer(&message);
	return DECODE_OK;
}

// Sniffing --------------------------------------------------------------------

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
		alnum &= text_is_alnum(type.data[i]);
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
