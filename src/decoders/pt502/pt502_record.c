// SPDX-License-Identifier: MIT
// The general parser for lines of the PT-502, in one pass, from the maker's manual and captures:
//
//   record    $EVT,id,hhmmss.sss,fix,lat,N,lon,E,speed,course,ddmmyy,,,mode
//             /inputs,outputs/adc/odometer/driver/state/spec
//   firmware  $FUS<id>,<firmware>,<version>
//   text      any other line
//
//   EVT       three characters, PHO<size>[-<camera>] for a photo
//   fix       A valid, V not valid              speed    knots; course in degrees
//   mode      of NMEA: A autonomous, N no fix (both as the fix says, and not kept), D differential, E estimated
//   inputs    "00010": the leftmost is input 1  adc      hex, one field per channel
//   odometer  metres                            state    three hex digits: battery, GSM, satellites
//
// Fields end at ',' or '/'; the first '/' ends the front part even if fields are missing there. An
// invalid field counts as absent. A record is rejected if its ident is invalid, or if its fix is
// valid and its time is not.
#include "decoders/pt502/pt502_record.h"
#include "decoders/pt502/pt502_line.h"
#include "decoders/pt502/pt502_photo.h"
#include "util/scan.h"

// The parts that all kinds of lines have.
struct line {
	struct text raw;  /* with its terminator */
	struct text body; /* without it */
	struct text key;  /* nor the '#' of a stored record: live and stored have the same key */
	struct text code; /* between '$' and the first ','; empty if that is not a code */
};

static enum decode_status refuse_field(struct decoded *out, const char *field)
{
	return pt502_refuse(out, DECODE_BAD_VALUE, field);
}

static enum decode_status refuse_many(struct decoded *out)
{
	return pt502_refuse(out, DECODE_DETAIL, "too many records in one frame");
}

// Skips the rest of a field. Returns false, for leave_field.
static bool skip_field(struct scan *scan)
{
	while (scan->at < scan->end && *scan->at != ',' && *scan->at != '/')
		scan->at++;
	scan->at += scan_is(scan, ',');
	return false;
}

// Steps over the ',' after a field, but stays at a '/'. Returns false if it had to skip bytes of
// the field.
static inline bool leave_field(struct scan *scan)
{
	if (scan->at == scan->end || *scan->at == '/')
		return true;
	if (*scan->at != ',')
		return skip_field(scan);
	scan->at++;
	return true;
}

// Takes a field of one byte. Returns 0 if its length differs.
static inline char take_letter(struct scan *scan)
{
	char letter = 0;
	if (scan->at < scan->end && *scan->at != ',' && *scan->at != '/')
		letter = *scan->at++;
	return leave_field(scan) ? letter : 0;
}

// Takes the bytes up to the next '/' and steps over it.
static inline struct text take_part(struct scan *scan)
{
	const char *start = scan->at;
	while (scan->at < scan->end && *scan->at != '/')
		scan->at++;
	struct text part = {start, (size_t)(scan->at - start)};
	scan->at += scan->at < scan->end;
	return part;
}

// Steps over the '/' after a part. Returns false if it had to skip bytes of the part.
static inline bool leave_part(struct scan *scan)
{
	return take_part(scan).len == 0;
}

static inline bool take_ident(struct scan *scan, struct text *ident)
{
	uint64_t number;
	const char *start = scan->at;
	bool valid = scan_uint(scan, PT502_IDENT_MOST, &number);
	*ident = (struct text){start, (size_t)(scan->at - start)};
	return leave_field(scan) && valid && ident->len >= PT502_IDENT_LEAST;
}

// Takes an angle and the letter of its hemisphere.
static inline bool take_angle(
	struct scan *scan, unsigned max_degrees, char positive, char negative, int64_t *e7)
{
	bool valid = scan_nmea_angle(scan, max_degrees, e7);
	valid &= leave_field(scan);
	char letter = take_letter(scan) & ~0x20; // upper case
	if (letter == negative)
		*e7 = -*e7;
	return valid && (letter == positive || letter == negative);
}

static inline void take_fix(struct scan *scan, struct report *report, bool valid)
{
	int64_t lat_e7 = 0, lon_e7 = 0;
	bool complete = take_angle(scan, 90, 'N', 'S', &lat_e7);
	complete &= take_angle(scan, 180, 'E', 'W', &lon_e7);
	if (complete &&
		(valid || lat_e7 != 0 || lon_e7 != 0)) // zeros without a fix are no position
		report_set_fix(report, lat_e7, lon_e7, valid);
}

static inline void take_motion(struct scan *scan, struct report *report)
{
	uint64_t knots_e6, course_e2;
	bool valid = scan_fixed(scan, 6, &knots_e6) && knots_e6 < UINT64_C(1000000000);
	if (leave_field(scan) && valid)
		report_set_speed(report, (int64_t)((knots_e6 * 1852 + 5000000) / 10000000));
	valid = scan_fixed(scan, 2, &course_e2);
	if (leave_field(scan) && valid)
		report_set_course(report, (int64_t)course_e2);
}

// Takes "00010"; the leftmost is number 1, bit 0. Returns the number of digits, or 0 if absent or
// invalid.
static inline unsigned take_bits(struct scan *scan, uint32_t *bits)
{
	uint32_t more;
	unsigned count = scan_bits(scan, bits), step = count;
	while (step == 8 && count < 32) {
		step = scan_bits(scan, &more);
		*bits |= more << count;
		count += step;
	}
	return leave_field(scan) ? count : 0;
}

static inline void take_inputs(struct scan *scan, struct report *report)
{
	uint32_t bits;
	unsigned count = take_bits(scan, &bits);
	if (count > 0)
		report_set_inputs(report, bits);
	if (count >= 4) // the PT-502's input 4 is wired to ACC
		report_set_ignition(report, bits & 1u << 3);
	if (take_bits(scan, &bits) > 0)
		report_set_outputs(report, bits);
	leave_part(scan);
}

static inline void take_adc(struct scan *scan, struct report *report, struct decoded *out)
{
	static const char *const more[] = {"adc5", "adc6", "adc7", "adc8", "adc9", "adc10", "adc11",
		"adc12", "adc13", "adc14", "adc15", "adc16"};
	for (unsigned n = 0; scan->at < scan->end && *scan->at != '/'; n++) {
		uint64_t value = 0;
		unsigned count = 0;
		int digit;
		for (; scan->at < scan->end && (digit = text_hex_digit(*scan->at)) >= 0;
			scan->at++) {
			value = value << 4 | (unsigned)digit;
			count++;
		}
		if (!leave_field(scan) || count < 1 || count > 8 || value > INT32_MAX)
			continue;
		if (n < 4)
			report_set_adc(report, n, (int32_t)value);
		else if (n - 4 < sizeof more / sizeof more[0])
			extra_int(out, report, more[n - 4], (int64_t)value);
	}
	leave_part(scan);
}

static void set_driver(struct report *report, struct text driver)
{
	for (size_t i = 0; i < driver.len; i++) {
		if (driver.data[i] < 0x20 || driver.data[i] > 0x7E)
			return;
	}
	if (driver.len <= DRIVER_MAX)
		report->driver = driver;
}

// Three hex digits: battery, GSM, satellites. The scales are unpublished; 15 is taken to be full.
static void set_state(struct report *report, struct text state)
{
	int digits[3];
	if (state.len != 3)
		return;
	for (int i = 0; i < 3; i++) {
		digits[i] = text_hex_digit(state.data[i]);
		if (digits[i] < 0)
			return;
	}
	report_set_battery_percent(report, (digits[0] * 200 + 15) / 30);
	report_set_gsm_percent(report, (digits[1] * 200 + 15) / 30);
	report_set_satellites(report, digits[2]);
}

void pt502_record_keep_mode(struct report *report, char mode, struct decoded *out)
{
	if (mode > 'A' && mode <= 'Z' && mode != 'N')
		extra_text(out, report, "mode", &mode, 1);
}

// Takes the rest of the front part: two unnamed fields and the mode, which some trackers omit.
static inline void take_mode(struct scan *scan, struct report *report, struct decoded *out)
{
	const struct text part = take_part(scan);
	if (part.len == 1 || (part.len > 1 && part.data[part.len - 2] == ','))
		pt502_record_keep_mode(report, part.data[part.len - 1], out);
}

// Takes the rest of the front part, and the parts from the first '/' on.
static inline void take_tail(struct scan *scan, struct report *report, struct decoded *out)
{
	uint64_t odometer_m;
	take_mode(scan, report, out);
	take_inputs(scan, report);
	take_adc(scan, report, out);
	bool valid = scan_uint(scan, 18, &odometer_m);
	if (leave_part(scan) && valid)
		report_set_odometer(report, (int64_t)odometer_m);
	set_driver(report, take_part(scan));
	set_state(report, take_part(scan));
	while (scan->end > scan->at && scan->end[-1] == '/')
		scan->end--;
	if (scan->at < scan->end)
		extra_text(out, report, "spec", scan->at, (size_t)(scan->end - scan->at));
}

static const struct {
	char code[4];
	enum alarm alarm;
} alarms[] = {
	{"IN1", ALARM_SOS},
	{"IN2", ALARM_GENERAL},
	{"IN3", ALARM_GENERAL},
	{"GOF", ALARM_GEOFENCE},
	{"GEO", ALARM_GEOFENCE},
	{"SPD", ALARM_OVERSPEED},
	{"LPA", ALARM_LOW_BATTERY},
	{"CPA", ALARM_POWER_CUT},
	{"TOW", ALARM_TOW},
	{"HDA", ALARM_HARD_ACCELERATION},
	{"HDB", ALARM_HARD_BRAKING},
	{"FDA", ALARM_FATIGUE_DRIVING},
	{"SKA", ALARM_VIBRATION},
	{"PMA", ALARM_MOVEMENT},
};

void pt502_record_add_alarm(struct report *report, struct text code)
{
	if (code.len < 3 || memcmp(code.data, "POS", 3) == 0)
		return;
	if (memcmp(code.data, "AD", 2) == 0 && text_is_digit(code.data[2]))
		report_add_alarm(report, ALARM_GENERAL);
	for (size_t i = 0; code.len == 3 && i < sizeof alarms / sizeof alarms[0]; i++) {
		if (memcmp(code.data, alarms[i].code, 3) == 0)
			report_add_alarm(report, alarms[i].alarm);
	}
}

// Parses PHO<size>[-<camera>]. *camera is -1 if there is none.
static bool is_photo(struct text code, uint64_t *size, int64_t *camera)
{
	struct scan scan = text_scan(code);
	uint64_t number;
	*camera = -1;
	if (code.len < 4 || memcmp(code.data, "PHO", 3) != 0)
		return false;
	scan.at += 3;
	if (!scan_uint(&scan, 9, size))
		return false;
	if (scan.at == scan.end)
		return true;
	if (*scan.at++ != '-' || !scan_uint(&scan, 3, &number) || scan.at != scan.end)
		return false;
	*camera = (int64_t)number;
	return true;
}

static void set_event(
	struct session *session, struct report *report, struct text code, struct decoded *out)
{
	uint64_t size;
	int64_t camera;
	report->event = code;
	pt502_record_add_alarm(report, code);
	if (code.len == 3 || !is_photo(code, &size, &camera))
		return;
	report->event.len = 3;
	extra_int(out, report, "photo_size", (int64_t)size);
	if (size == 0) // no photo was taken
		decoded_answer(out, ANSWER_REFUSED, (struct correlation){0});
	if (camera >= 0)
		extra_int(out, report, "camera", camera);
	pt502_photo_open(session, report, size, (int)camera, out);
}

void pt502_record_set_ident(struct session *session, struct text ident)
{
	if (session->ident_len == ident.len && memcmp(session->ident, ident.data, ident.len) == 0)
		return;
	memcpy(session->ident, ident.data, ident.len);
	session->ident_len = (uint8_t)ident.len;
}

// Adds a report and sets the session's ident. ident: in the frame. Returns NULL if there is no
// room.
static struct report *add_report(
	struct session *session, const struct line *line, struct text ident, struct decoded *out)
{
	pt502_record_set_ident(session, ident);
	struct report *report = decoded_report(out, session);
	if (!report)
		return NULL;
	// The session's ident may change with the frame's next record.
	report->ident = ident;
	report->raw = line->raw;
	report->key = line->key;
	if (line->key.len < line->body.len)
		report->body.flags |= FLAG_STORED;
	return report;
}

static struct scan after_code(const struct line *line)
{
	return (struct scan){line->code.data + line->code.len + 1, line->key.data + line->key.len};
}

static enum decode_status decode_record(
	struct session *session, const struct line *line, struct decoded *out)
{
	struct scan scan = after_code(line);
	struct text ident;
	int64_t clock_us = 0, date_us = 0;
	if (!take_ident(&scan, &ident))
		return refuse_field(out, "ident");
	struct report *report = add_report(session, line, ident, out);
	if (!report)
		return refuse_many(out);

	bool clock = scan_hhmmss(&scan, &clock_us);
	clock &= leave_field(&scan);
	bool valid = take_letter(&scan) == 'A';
	take_fix(&scan, report, valid);
	take_motion(&scan, report);
	bool date = scan_ddmmyy(&scan, &date_us);
	date &= leave_field(&scan);
	if (valid && !(clock && date)) {
		decoded_drop_report(out);
		return refuse_field(out, clock ? "date" : "time");
	}
	if (clock && date)
		report_set_time(report, date_us + clock_us);
	set_event(session, report, line->code, out);
	take_tail(&scan, report, out);
	return DECODE_OK;
}

static enum decode_status decode_firmware(
	struct session *session, const struct line *line, struct decoded *out)
{
	struct scan scan = after_code(line);
	struct text rest = {scan.at, (size_t)(scan.end - scan.at)}, firmware;
	struct text ident = {line->code.data + 3, line->code.len - 3};
	if (!pt502_is_ident(ident.data, ident.len))
		return refuse_field(out, "ident");
	struct report *report = add_report(session, line, ident, out);
	if (!report)
		return refuse_many(out);
	report->event = (struct text){line->code.data, 3};
	if (text_next(&rest, ',', &firmware) && firmware.len > 0)
		extra_text(out, report, "firmware", firmware.data, firmware.len);
	if (rest.len > 0)
		extra_text(out, report, "version", rest.data, rest.len);
	return DECODE_OK;
}

// Copies the session's ident, which may change with the frame's next record. Empty if there is no
// room.
static struct text copy_ident(const struct session *session, struct decoded *out)
{
	char *copy = out->arena + out->arena_len;
	if (session->ident_len > DECODED_ARENA - out->arena_len)
		return (struct text){NULL, 0};
	memcpy(copy, session->ident, session->ident_len);
	out->arena_len += session->ident_len;
	return (struct text){copy, session->ident_len};
}

static enum decode_status decode_text(
	struct session *session, struct line *line, struct decoded *out)
{
	if (session->ident_len == 0)
		return pt502_refuse(out, DECODE_DETAIL, "text before ident");
	struct text ident = copy_ident(session, out);
	line->key = line->body; // a '#' at its end is part of the text
	struct report *report = ident.len > 0 ? add_report(session, line, ident, out) : NULL;
	if (!report)
		return refuse_many(out);
	report->body.flags |= FLAG_TEXT;
	decoded_answer(
		out, decoded_judge_text(line->body.data, line->body.len), (struct correlation){0});
	extra_text(out, report, "text", line->body.data, line->body.len);
	if (extra_has(report, "text"))
		return DECODE_OK;
	decoded_drop_report(out);
	return pt502_refuse(out, DECODE_DETAIL, "text too long");
}

static bool is_firmware(struct text code)
{
	uint64_t number;
	return code.len > 3 && memcmp(code.data, "FUS", 3) == 0 &&
	       text_uint((struct text){code.data + 3, code.len - 3}, &number);
}

// Returns the text between '$' and ',', or an empty text if it cannot be the code of a record.
static struct text find_code(const uint8_t *data, size_t len)
{
	const char *start = (const char *)data + 1;
	struct text code = {start, 0};
	uint64_t size;
	int64_t camera;
	if (data[0] != '$')
		return code;
	while (code.len < len - 1 && pt502_is_code_char(start[code.len]))
		code.len++;
	if (code.len == len - 1 || start[code.len] != ',')
		return (struct text){start, 0};
	bool fits = code.len == 3 || is_photo(code, &size, &camera) || is_firmware(code);
	return fits ? code : (struct text){start, 0};
}

// Tells records from replies, which may also begin with a code, a comma and digits: "$VER,PT502-V3,2.1", "$SPD,5020001,80".
// POS is no command, so it begins no reply. Another record has a time or the letter of a fix in its place.
static bool is_record(const struct line *line)
{
	struct scan scan = after_code(line);
	int64_t clock_us;
	if (memcmp(line->code.data, "POS", 3) == 0)
		return true;
	skip_field(&scan);
	if (scan_hhmmss(&scan, &clock_us))
		return true;
	skip_field(&scan);
	const char letter = take_letter(&scan);
	return letter == 'A' || letter == 'V';
}

enum decode_status pt502_record_decode(
	struct session *session, const uint8_t *data, size_t len, struct decoded *out)
{
	const char *start = (const char *)data;
	size_t body_len = len;
	while (body_len > 1 && pt502_is_line_end(data[body_len - 1]))
		body_len--;
	size_t key_len = body_len - (body_len > 1 && data[body_len - 1] == '#');
	struct line line = {{start, len}, {start, body_len}, {start, key_len}, {start, 0}};
	line.code = find_code(data, body_len);
	if (pt502_is_photo_data(data, body_len))
		return pt502_refuse(out, DECODE_DETAIL, "photo data: not asked for");
	if (line.code.len > 3 && is_firmware(line.code))
		return decode_firmware(session, &line, out);
	if (line.code.len == 0 || !is_record(&line))
		return decode_text(session, &line, out);
	return decode_record(session, &line, out);
}
