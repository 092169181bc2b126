// SPDX-License-Identifier: MIT
// Positions as text, and answers to commands.
//
//   AAA,event,lat,lon,yymmddHHMMSS,A or V,satellites,GSM,km/h,course,HDOP,altitude,metres,seconds,
//       mcc|mnc|lac|cell,I/O,analog,event data,custom,version,fuel,temperatures,acceleration,deceleration,sensors,,,,taxi
//   AFF,cached,event,...      the same after four hex digits
//   CMD,...                   others
//
//   I/O 4 hex: inputs, outputs      fuel 4 hex: percent, hundredths      temperature: sensor 2 hex, value 4 hex, with | between
//   analog  ad1|ad2|ad3|battery|power|...   hex, of the converter; of old firmware decimal
//           battery|power|...               V, with points
//   taxi    state|start|end|metres|fare|HHMMSS|HHMMSS
#include "decoders/meitrack/meitrack_text.h"

#include "decoders/meitrack/meitrack_command.h"
#include "util/decimal.h"

#define U32_MOST     UINT32_MAX
#define VERSION_MOST 999999999
#define EVENT_DIGITS 9
#define TIME         12 /* digits */
#define IO           4
#define FUEL         4
#define TEMPERATURE  6
#define PERCENT_E2   10000
#define HEX_MOST     0xFFF /* of a converter */
#define FIRST_FINE   3     /* the first version with hundredths of a degree */
#define NAME_MOST    16

// Indexes of fields.
enum {
	EVENT,
	LATITUDE,
	LONGITUDE,
	MOMENT,
	VALID,
	SATELLITES,
	GSM,
	SPEED,
	COURSE,
	HDOP,
	ALTITUDE,
	ODOMETER,
	RUNTIME,
	CELL,
	INPUTS,
	ANALOG,
	EVENT_DATA,
	CUSTOM,
	VERSION,
	FUEL_LEVEL,
	TEMPERATURES,
	ACCELERATION,
	DECELERATION,
	SENSORS,
	UNKNOWN,
	TAXI = 27,
	MORE
};

// Numbers ---------------------------------------------------------------------

static int64_t fixed_or_none(struct text text, unsigned decimals)
{
	int64_t value;
	return text_fixed(text, decimals, &value) ? value : MEITRACK_NONE;
}

static int64_t whole_or_none(struct text text, uint64_t most)
{
	uint64_t value;
	return text_uint(text, &value) && value <= most ? (int64_t)value : MEITRACK_NONE;
}

// Reads at most so many hex digits.
static int64_t hex_or_none(struct text text, size_t most)
{
	uint64_t value;
	return text.len <= most && text_hex(text, &value) ? (int64_t)value : MEITRACK_NONE;
}

static void add_whole(const struct meitrack_message *m, const char *name, struct text text)
{
	const int64_t value = whole_or_none(text, U32_MOST);
	if (value >= 0)
		extra_int(m->out, m->report, name, value);
}

static void add_text(const struct meitrack_message *m, const char *name, struct text text)
{
	if (text.len > 0)
		extra_text(m->out, m->report, name, text.data, text.len);
}

// Adds a text unless it has separators only.
static void add_list(
	const struct meitrack_message *m, const char *name, struct text text, char separator)
{
	size_t i = 0;
	while (i < text.len && text.data[i] == separator)
		i++;
	if (i < text.len)
		add_text(m, name, text);
}

static bool read_time(struct text text, int64_t *time_us)
{
	int64_t clock_us;
	if (text.len != TIME || !text_yymmdd((struct text){text.data, TIME / 2}, time_us) ||
		!text_hhmmss((struct text){text.data + TIME / 2, TIME / 2}, &clock_us))
		return false;
	*time_us += clock_us;
	return true;
}

// Splits a list at its bars. Returns how many parts it has, at most `most`; those beyond are empty, or dropped.
static size_t split_bars(struct text text, struct text *parts, size_t most)
{
	size_t count = 0;
	for (size_t i = 0; i < most; i++)
		parts[i] = (struct text){"", 0};
	while (count < most && text_next(&text, '|', &parts[count]))
		count++;
	return count;
}

// Fields ----------------------------------------------------------------------

static void set_cell(const struct meitrack_message *m, struct text text)
{
	struct text part[4];
	if (split_bars(text, part, 4) == 4 && part[0].len <= 3 && part[1].len <= 3)
		meitrack_message_add_cell(m, whole_or_none(part[0], U32_MOST),
			whole_or_none(part[1], U32_MOST), hex_or_none(part[2], 4),
			hex_or_none(part[3], 8));
}

static void set_voltages(const struct meitrack_message *m, struct text battery, struct text power)
{
	const int64_t battery_mv = fixed_or_none(battery, 3), power_mv = fixed_or_none(power, 3);
	report_set_battery_mv(m->report, battery_mv);
	report_set_power_mv(m->report, power_mv);
}

static void set_analog(const struct meitrack_message *m, struct text text)
{
	struct text part[5];
	int64_t number[5];
	if (text.len == 0)
		return;
	add_list(m, "analog", text, '|');
	split_bars(text, part, 5);
	if (memchr(text.data, '.', text.len)) {
		set_voltages(m, part[0], part[1]);
		return;
	}
	const bool is_decimal = hex_or_none(part[3], 4) > HEX_MOST;
	for (size_t i = 0; i < 5; i++)
		number[i] = !is_decimal        ? hex_or_none(part[i], 4)
			    : part[i].len <= 4 ? whole_or_none(part[i], U32_MOST)
					       : MEITRACK_NONE;
	meitrack_message_set_volts(m, number[3], number[4], number);
}

static void set_fuel(const struct meitrack_message *m, struct text text)
{
	const int64_t value = text.len == FUEL ? hex_or_none(text, FUEL) : MEITRACK_NONE;
	const int64_t fuel_e2 = (value >> 8) * 100 + (value & 0xFF);
	if (value >= 0 && (value & 0xFF) < 100 && fuel_e2 <= PERCENT_E2)
		extra_fixed(m->out, m->report, "fuel", fuel_e2, 2);
}

// Adds "01FE70". Before version 3 the value is degrees with a sign, and hundredths of the same sign.
static void add_temperature(const struct meitrack_message *m, struct text text, bool is_fine)
{
	char name[NAME_MOST] = "temp";
	const int64_t both = text.len == TEMPERATURE ? hex_or_none(text, TEMPERATURE) : -1;
	int value_e2 = (int16_t)(uint16_t)both;
	if (both < 0)
		return;
	if (!is_fine) {
		const int hundredths = value_e2 & 0xFF, degrees = (value_e2 - hundredths) / 256;
		if (hundredths > 99)
			return;
		value_e2 = degrees * 100 + (degrees < 0 ? -hundredths : hundredths);
	}
	*decimal_write(name + 4, (uint64_t)both >> 16) = 0;
	extra_fixed(m->out, m->report, name, value_e2, 2);
}

static void add_duration(const struct meitrack_message *m, const char *name, struct text text)
{
	if (!fields_is_digits(text, 6, 6) || text.data[2] > '5' || text.data[4] > '5')
		return;
	const int hours = fields_pair(text.data), minutes = fields_pair(text.data + 2);
	extra_int(
		m->out, m->report, name, hours * 3600 + minutes * 60 + fields_pair(text.data + 4));
}

static void add_moment(const struct meitrack_message *m, const char *name, struct text text)
{
	int64_t time_us;
	if (read_time(text, &time_us))
		meitrack_message_add_time(m, name, time_us);
}

static void add_taxi(const struct meitrack_message *m, struct text text)
{
	struct text part[7];
	if (text.len == 0)
		return;
	add_text(m, "taxi", text);
	split_bars(text, part, 7);
	const int64_t state = part[0].len == 2 ? hex_or_none(part[0], 2) : MEITRACK_NONE;
	if (state >= 0 && (state & 0xF) <= 1)
		extra_text(m->out, m->report, "taxiState", state & 1 ? "stopped" : "started", 7);
	add_moment(m, "taxiStart", part[1]);
	add_moment(m, "taxiEnd", part[2]);
	add_whole(m, "taxiDistance", part[3]);
	const int64_t fare_e2 = whole_or_none(part[4], U32_MOST);
	if (fare_e2 >= 0)
		extra_fixed(m->out, m->report, "taxiFare", fare_e2, 2);
	add_duration(m, "taxiTrip_s", part[5]);
	add_duration(m, "taxiWaiting_s", part[6]);
}

static void set_event_data(const struct meitrack_message *m, uint64_t event, struct text text)
{
	if (text.len == 0)
		return;
	if (event == 37 && fields_is_printable(text, DRIVER_MAX)) {
		m->report->driver = text;
		return;
	}
	add_text(m,
		event == 20 || event == 21   ? "fence"
		: event == 35                ? "flags"
		: event == 39                ? "file"
		: event == 50 || event == 51 ? "sensor"
		: event == 58                ? "source"
					     : "event_data",
		text);
}

// Reports ---------------------------------------------------------------------

static void set_position(const struct meitrack_message *m, const struct text *f)
{
	const struct meitrack_place place = {
		fixed_or_none(f[LATITUDE], 7),
		fixed_or_none(f[LONGITUDE], 7),
		fields_is_word(f[VALID], "A"),
		fixed_or_none(f[SPEED], 2),
		fixed_or_none(f[COURSE], 2),
		fixed_or_none(f[ALTITUDE], 2),
		fixed_or_none(f[HDOP], 2),
	};
	int64_t time_us;
	if (read_time(f[MOMENT], &time_us))
		report_set_time(m->report, time_us);
	meitrack_message_set_place(m, &place);
	report_set_satellites(m->report, whole_or_none(f[SATELLITES], U32_MOST));
	meitrack_message_set_gsm(m, whole_or_none(f[GSM], U32_MOST));
	report_set_odometer(m->report, whole_or_none(f[ODOMETER], U32_MOST));
	const int64_t io = f[INPUTS].len == IO ? hex_or_none(f[INPUTS], IO) : MEITRACK_NONE;
	if (io >= 0) {
		report_set_inputs(m->report, (uint32_t)io >> 8);
		report_set_outputs(m->report, (uint32_t)io & 0xFF);
	}
	add_whole(m, "runtime", f[RUNTIME]);
	set_cell(m, f[CELL]);
	set_analog(m, f[ANALOG]);
}

// Adds fields 25 to 27, and those after the taxi's, as they are.
static void add_unknown(const struct meitrack_message *m, const struct fields *fields)
{
	struct text all = fields_from(fields, UNKNOWN);
	char text[MEITRACK_KEPT_MOST], *end = text;
	if (fields->count > TAXI) {
		const struct text taxi = fields->at[TAXI], more = fields_from(fields, MORE);
		all.len = (size_t)(taxi.data - all.data) - 1;
		if (fields->count > MORE && all.len + 1 + more.len <= sizeof text) {
			end = fields_put(end, all.data, all.len);
			*end++ = ',';
			end = fields_put(end, more.data, more.len);
			all = (struct text){text, (size_t)(end - text)};
		}
	}
	add_list(m, "unknown", all, ',');
}

static void add_tail(
	const struct meitrack_message *m, const struct fields *fields, const struct text *f)
{
	struct text rest = f[TEMPERATURES], one;
	const int64_t version = whole_or_none(f[VERSION], VERSION_MOST);
	add_text(m, "custom", f[CUSTOM]);
	if (version >= 0)
		extra_int(m->out, m->report, "version", version);
	set_fuel(m, f[FUEL_LEVEL]);
	while (rest.len > 0 && text_next(&rest, '|', &one))
		add_temperature(m, one, version >= FIRST_FINE);
	add_whole(m, "maxAcceleration", f[ACCELERATION]);
	add_whole(m, "maxDeceleration", f[DECELERATION]);
	add_list(m, "sensors", f[SENSORS], '|');
	add_unknown(m, fields);
	add_taxi(m, f[TAXI]);
}

// Decodes the fields from the event on.
static bool decode_position(struct meitrack_message *m, struct text data, struct text *picture)
{
	struct fields fields; // not initialised: they are many
	uint64_t event = 0;
	*picture = (struct text){"", 0};
	if (!data.data) // no comma after the command
		return false;
	fields_split(data, &fields);
	const size_t count = fields.count;
	for (size_t i = count; i < MORE; i++)
		fields.at[i] = (struct text){"", 0};
	const struct text *f = fields.at;
	if (!fields_is_digits(f[EVENT], 1, EVENT_DIGITS) || !text_uint(f[EVENT], &event) ||
		!meitrack_message_begin(m, data, m->raw))
		return false;
	struct text name = f[EVENT];
	while (name.len > 1 && name.data[0] == '0')
		name.data++, name.len--;
	m->report->event = name;
	meitrack_message_add_alarm(m, (uint32_t)event);
	set_position(m, f);
	set_event_data(m, event, f[EVENT_DATA]);
	if (count > CUSTOM)
		add_tail(m, &fields, f);
	if (event == 39)
		*picture = f[EVENT_DATA];
	return true;
}

bool meitrack_text_decode(struct meitrack_message *m, struct text *picture)
{
	return decode_position(m, m->data, picture);
}

bool meitrack_text_decode_counted(struct meitrack_message *m, struct text *picture)
{
	struct text rest = m->data, cached;
	uint64_t count;
	if (!rest.data || !text_next(&rest, ',', &cached) || !rest.data ||
		!fields_is_hex(cached, 4, 4) || !text_hex(cached, &count) ||
		!decode_position(m, rest, picture))
		return false;
	extra_int(m->out, m->report, "cached", (int64_t)count);
	return true;
}

static bool is_ok(struct text text)
{
	return fields_is_word(text, "OK");
}

void meitrack_text_add_result(struct meitrack_message *m)
{
	const struct text all = m->content, command = m->command;
	struct text result = all;
	if (!meitrack_message_begin(m, all, m->raw))
		return;
	if (fields_is_printable(command, EVENT_MAX))
		m->report->event = command;
	if (!fields_is_printable(all, SIZE_MAX)) {
		meitrack_message_keep_bytes(m, all);
	} else {
		if (result.len > MEITRACK_KEPT_MOST)
			result.len = MEITRACK_KEPT_MOST;
		add_text(m, "result", result);
	}
	decoded_answer(m->out,
		is_ok(m->data) ? ANSWER_DONE : decoded_judge_text(m->data.data, m->data.len),
		meitrack_command_number(m->flag, command));
}
