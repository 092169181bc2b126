// SPDX-License-Identifier: MIT
// Frames of the TK103 in comma style (magnetic and pet trackers), from captures:
//
//   (id,CMD,ddmmyy,A,ddmm.mmmmN,dddmm.mmmmE,speed,hhmmss,course[,altitude,satellites])      ZC.., DW3x, DW4x, BP05
//   (id,CMD,ddmmyy,A,ddmm.mmmmN,dddmm.mmmmE,speed,hhmmss,course,state[,Lmileage])
//   (id,ZC20,ddmmyy,hhmmss,level,battery V*100,power V*10,x)
//   (id,ZC03,ddmmyy,hhmmss,$text$)                     answer to a command; the last $ may be missing
//   (id,DW5x,mcc,mnc,lac,cid,n,(mac*rssi*channel,) x n,ddmmyy,hhmmss)      also DW6x; cell decimal, 0 and 0: none
//
// speed: km/h. altitude: m. The command may be an alarm. A command of another shape is a status with its fields as text.
#include "decoders/tk103/tk103_comma.h"
#include "decoders/cells.h"
#include "decoders/tk103/tk103_report.h"

#define NONE_16   65535 /* a voltage that is not measured */
#define MAC_LEN   17    /* 02:00:5E:10:00:01 */
#define WIFI_MOST 2048

// Fields, counted from the command.
enum { CMD, DATE, MARK, LAT, LON, SPEED, CLOCK, COURSE, ALTITUDE, SATELLITES };
#define STATE   ALTITUDE
#define MILEAGE SATELLITES

struct comma {
	struct tk103_message *message;
	struct fields fields;
};

static struct text get(const struct comma *comma, size_t index)
{
	return fields_get(&comma->fields, index);
}

static void set_time(const struct comma *comma, struct text date, struct text clock)
{
	int64_t date_us, clock_us;
	if (clock.len == 6 && text_hhmmss(clock, &clock_us) && text_ddmmyy(date, &date_us))
		report_set_time(comma->message->report, date_us + clock_us);
}

// Returns true for six digits or none.
static bool is_date(struct text text)
{
	return text.len == 0 || fields_is_digits(text, 6, 6);
}

// Commands --------------------------------------------------------------------

enum ignition { IGNITION_SAME, IGNITION_ON, IGNITION_OFF };

static const struct meaning {
	const char *zc, *position, *cells; /* its commands */
	uint8_t alarm;                     /* ALARM_COUNT: none */
	uint8_t ignition;
} meanings[] = {
	{"ZC11", "DW31", "DW51", ALARM_MOVEMENT, IGNITION_SAME},
	{"ZC12", "DW32", "DW52", ALARM_LOW_BATTERY, IGNITION_SAME},
	{"ZC13", "DW33", "DW53", ALARM_POWER_CUT, IGNITION_SAME},
	{"ZC15", "DW35", "DW55", ALARM_COUNT, IGNITION_ON},
	{"ZC29", "DW42", "DW62", ALARM_COUNT, IGNITION_ON},
	{"ZC16", "DW36", "DW56", ALARM_COUNT, IGNITION_OFF},
	{"ZC17", "DW37", "DW57", ALARM_REMOVING, IGNITION_SAME},
	{"ZC25", "DW3E", "DW5E", ALARM_SOS, IGNITION_SAME},
	{"ZC26", "DW3F", "DW5F", ALARM_TAMPERING, IGNITION_SAME},
	{"ZC27", "DW40", "DW60", ALARM_LOW_POWER, IGNITION_SAME},
};

// Begins the report, with the alarm or ignition that the command means.
static void begin(const struct comma *comma)
{
	const struct text command = get(comma, CMD);
	tk103_report_begin(comma->message);
	struct report *report = comma->message->report;
	for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++) {
		const struct meaning *meaning = &meanings[i];
		if (!fields_is_word(command, meaning->zc) &&
			!fields_is_word(command, meaning->position) &&
			!fields_is_word(command, meaning->cells))
			continue;
		if (meaning->alarm != ALARM_COUNT)
			report_add_alarm(report, (enum alarm)meaning->alarm);
		if (meaning->ignition != IGNITION_SAME)
			report_set_ignition(report, meaning->ignition == IGNITION_ON);
	}
}

static bool is_cells(struct text command)
{
	return command.len == 4 && fields_is_word(tk103_part(command, 0, 2), "DW") &&
	       (command.data[2] == '5' || command.data[2] == '6');
}

// Positions -------------------------------------------------------------------

static void set_height(const struct comma *comma)
{
	struct report *report = comma->message->report;
	int64_t altitude_e2;
	if (report->body.has & HAS_FIX && text_fixed(get(comma, ALTITUDE), 2, &altitude_e2))
		report_set_altitude(report, altitude_e2);
}

static void set_satellites(const struct comma *comma)
{
	const struct text text = get(comma, SATELLITES);
	uint64_t count;
	if (fields_is_digits(text, 1, 9) && text_uint(text, &count))
		report_set_satellites(comma->message->report, (int64_t)count);
}

static bool decode_position(const struct comma *comma)
{
	struct tk103_message *message = comma->message;
	const struct text mark = get(comma, MARK), state = get(comma, STATE);
	const struct text mileage = get(comma, MILEAGE);
	const struct text lat = get(comma, LAT), lon = get(comma, LON);
	struct tk103_fix fix;
	if ((!fields_is_letter(mark, 'A') && !fields_is_letter(mark, 'V')) || lat.len == 0 ||
		lon.len == 0 ||
		tk103_report_read_side(lat, "NS", 90, &fix.lat_e7, &fix.ns) != lat.len ||
		tk103_report_read_side(lon, "EW", 180, &fix.lon_e7, &fix.ew) != lon.len)
		return false;
	fix.mark = mark.data[0];
	const enum tk103_fix_result result = tk103_report_fix(message, &fix);
	if (result == TK103_FIX_BAD)
		return true;
	set_time(comma, get(comma, DATE), get(comma, CLOCK));
	if (result == TK103_FIX_SET) {
		tk103_report_speed(message, get(comma, SPEED));
		fields_set_course(message->report, fields_trim(get(comma, COURSE)));
	}
	const bool has_mileage =
		mileage.len > 1 && mileage.data[0] == 'L' && text_hex_digit(mileage.data[1]) >= 0;
	if (has_mileage ? tk103_report_is_state(state)
			: comma->fields.count == MILEAGE && tk103_report_is_last_state(state)) {
		tk103_report_state(message, state);
		tk103_report_mileage(message, tk103_from(mileage, 1));
	} else {
		set_height(comma);
		set_satellites(comma);
	}
	return true;
}

// Statuses --------------------------------------------------------------------

static bool decode_status(const struct comma *comma)
{
	static const uint8_t percents[] = {[2] = 10, [3] = 20, [4] = 50, [5] = 80, [6] = 100};
	struct report *report = comma->message->report;
	uint64_t values[3];
	bool given[3];
	if (comma->fields.count < 6 || !is_date(get(comma, 1)) || !is_date(get(comma, 2)))
		return false;
	for (size_t i = 0; i < 3; i++) {
		const struct text text = get(comma, 3 + i);
		given[i] = text.len > 0;
		if (given[i] && (!fields_is_digits(text, 1, 9) || !text_uint(text, &values[i])))
			return false;
	}
	set_time(comma, get(comma, 1), get(comma, 2));
	if (given[0] && values[0] >= 2 && values[0] <= 6)
		report_set_battery_percent(report, percents[values[0]]);
	if (given[1] && values[1] != NONE_16)
		report_set_battery_mv(report, (int64_t)values[1] * 10);
	if (given[2] && values[2] != NONE_16)
		report_set_power_mv(report, (int64_t)values[2] * 100);
	return true;
}

// The text is between the first $ and the last, or the end.
static bool decode_answer(const struct comma *comma)
{
	struct text text = fields_from(&comma->fields, 3);
	if (text.len == 0 || text.data[0] != '$' || !is_date(get(comma, 1)) ||
		!is_date(get(comma, 2)))
		return false;
	text = tk103_from(text, 1);
	size_t end = text.len;
	while (end > 0 && text.data[end - 1] != '$')
		end--;
	if (end > 0)
		text.len = end - 1;
	set_time(comma, get(comma, 1), get(comma, 2));
	tk103_report_text(comma->message, "result", text);
	decoded_answer(comma->message->out, decoded_judge_text(text.data, text.len),
		(struct correlation){0});
	return true;
}

// Appends mac*rssi*channel as "02005e100001,-61". Returns the byte after it; NULL for another shape.
static char *put_point(char *end, struct text point)
{
	struct text mac, rssi, channel;
	int64_t value;
	if (!text_next(&point, '*', &mac) || !text_next(&point, '*', &rssi) ||
		!text_next(&point, '*', &channel) || point.data || mac.len != MAC_LEN ||
		!fields_is_digits(channel, 1, 3) ||
		!fields_is_digits(tk103_from(rssi, rssi.len > 0 && rssi.data[0] == '-'), 1, 3) ||
		!text_int(rssi, &value))
		return NULL;
	for (size_t i = 0; i < MAC_LEN; i++) {
		const char c = mac.data[i];
		if (i % 3 == 2 ? c != ':' : text_hex_digit(c) < 0)
			return NULL;
		if (i % 3 != 2)
			*end++ = c >= 'A' && c <= 'F' ? (char)(c | 0x20) : c;
	}
	*end++ = ',';
	return decimal_write_signed(end, value);
}

static bool decode_cells(const struct comma *comma)
{
	static const uint8_t most[] = {3, 3, 9, 10};
	struct tk103_message *message = comma->message;
	char wifi[WIFI_MOST], *end = wifi;
	uint64_t cell[4], points;
	for (size_t i = 0; i < 4; i++)
		if (!fields_is_digits(get(comma, 1 + i), 1, most[i]) ||
			!text_uint(get(comma, 1 + i), &cell[i]))
			return false;
	if (!fields_is_digits(get(comma, 5), 1, 3) || !text_uint(get(comma, 5), &points) ||
		comma->fields.count != points + 8)
		return false;
	for (size_t i = 0; i < points && end; i++) {
		if (i > 0)
			*end++ = ';';
		end = put_point(end, get(comma, 6 + i));
	}
	const struct text date = get(comma, 6 + points), clock = get(comma, 7 + points);
	if (!end || !is_date(date) || !is_date(clock))
		return false;
	set_time(comma, date, clock);
	if (cell[2] | cell[3])
		cells_put_first(message->report, cell[0], cell[1], cell[2], cell[3], message->out);
	tk103_report_text(message, "wifi", (struct text){wifi, (size_t)(end - wifi)});
	return true;
}

// Decoding --------------------------------------------------------------------

static bool decode_fields(const struct comma *comma)
{
	const struct text command = get(comma, CMD);
	if (fields_is_word(command, "ZC20"))
		return decode_status(comma);
	if (fields_is_word(command, "ZC03"))
		return decode_answer(comma);
	return is_cells(command) ? decode_cells(comma) : decode_position(comma);
}

enum decode_status tk103_comma_decode(struct tk103_message *message)
{
	struct comma comma = {.message = message};
	fields_split(message->rest, &comma.fields);
	message->command = get(&comma, CMD);
	begin(&comma);
	if (decode_fields(&comma))
		return message->bad ? DECODE_BAD_VALUE : DECODE_OK;
	begin(&comma);
	// A command that cannot be the event is kept with the fields.
	const bool has_event = message->report->event.len > 0 || message->command.len == 0;
	tk103_report_text(message, "data", fields_from(&comma.fields, has_event ? 1 : 0));
	return DECODE_OK;
}
