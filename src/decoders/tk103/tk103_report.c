// SPDX-License-Identifier: MIT
// The state of a TK103, from the maker's paper and captures:
//
//   P I X1 X2 X3 FFF   then, after an L, the mileage in m, 8 or 7 hex digits, and +021.5 or -003.0, a temperature in Celsius
//
//   P  main power, 0: connected        X1  bit 0 input 2, 1 panic, 2 output 2, 3 engine blocked
//   I  ACC, 1: on                      X2  bit 3 door, 2..0 high sensors 1..3
//   FFF  fuel, hexadecimal             X3  bit 3..1 low sensors 1..3
//
// Old firmware sends only 0 and 1 there; so a bit of X1..X3 that is 0 is no statement, except for input and output.
#include "decoders/tk103/tk103_report.h"

#define MILEAGE_LEAST 7 /* hex digits */
#define MILEAGE_MOST  8

void tk103_report_begin(struct tk103_message *message)
{
	if (message->report)
		decoded_drop_report(message->out);
	message->report = decoded_report(message->out, message->session);
	message->report->raw = message->raw;
	message->report->key = (struct text){message->raw.data, message->raw.len - 1};
	for (size_t i = 0; i < message->command.len; i++)
		if (message->command.len > EVENT_MAX || message->command.data[i] < 0x20 ||
			message->command.data[i] > 0x7E)
			return;
	message->report->event = message->command;
}

void tk103_report_text(const struct tk103_message *message, const char *name, struct text text)
{
	if (text.len > 0)
		extra_text(message->out, message->report, name, text.data, text.len);
}

// Coordinates -----------------------------------------------------------------

size_t tk103_report_read_side(
	struct text text, const char sides[2], unsigned most, int64_t *e7, char *side)
{
	struct scan scan = text_scan(text);
	uint64_t whole;
	unsigned next;
	while (scan_is(&scan, ' '))
		scan.at++;
	if (!scan_uint(&scan, 5, &whole) || !scan_is(&scan, '.'))
		return 0;
	const char *fraction = ++scan.at;
	const uint64_t minutes_e6 = whole % 100 * 1000000 + scan_fraction(&scan, 6, &next);
	if (scan.at == fraction || scan.at == scan.end || !memchr(sides, *scan.at, 2))
		return 0;
	*side = *scan.at;
	*e7 = (int64_t)(whole / 100 * 10000000 + (minutes_e6 + 3) / 6);
	if (minutes_e6 >= 60000000 || *e7 > (int64_t)most * 10000000)
		*e7 = -1;
	return (size_t)(scan.at - text.data) + 1;
}

enum tk103_fix_result tk103_report_fix(struct tk103_message *message, const struct tk103_fix *fix)
{
	const bool valid = fix->mark == 'A';
	if (fix->lat_e7 < 0 || fix->lon_e7 < 0) {
		message->bad = fix->lat_e7 < 0 ? "latitude" : "longitude";
		return TK103_FIX_BAD;
	}
	if (!valid && !fix->lat_e7 && !fix->lon_e7)
		return TK103_FIX_NONE;
	report_set_fix(message->report, fix->ns == 'S' ? -fix->lat_e7 : fix->lat_e7,
		fix->ew == 'W' ? -fix->lon_e7 : fix->lon_e7, valid);
	return TK103_FIX_SET;
}

void tk103_report_speed(const struct tk103_message *message, struct text kmh)
{
	int64_t kmh_e2;
	if (text_fixed(fields_trim(kmh), 2, &kmh_e2))
		report_set_speed(message->report, kmh_e2);
}

// State and mileage -----------------------------------------------------------

bool tk103_report_is_state(struct text text)
{
	return fields_is_hex(text, 8, 8);
}

static bool is_bit(char c)
{
	return c == '0' || c == '1';
}

bool tk103_report_is_last_state(struct text text)
{
	return tk103_report_is_state(text) && is_bit(text.data[0]) && is_bit(text.data[1]);
}

// Adds the alarm sos if the bit was 0 in the last state of the connection. BO01 has an alarm of its own.
static void note_panic(const struct tk103_message *message, bool panic)
{
	uint8_t *last = &message->session->memo[TK103_MEMO_PANIC];
	if (panic && *last == TK103_PANIC_OFF && !tk103_is_command(message, "BO01"))
		report_add_alarm(message->report, ALARM_SOS);
	*last = panic ? TK103_PANIC_ON : TK103_PANIC_OFF;
}

void tk103_report_state(const struct tk103_message *message, struct text text)
{
	static const struct {
		uint8_t digit, bit;
		const char *name;
	} flags[] = {{2, 2, "panic"}, {2, 8, "blocked"}, {3, 8, "door"}, {3, 4, "hs1"},
		{3, 2, "hs2"}, {3, 1, "hs3"}, {4, 8, "ls1"}, {4, 4, "ls2"}, {4, 2, "ls3"}};
	struct report *report = message->report;
	const int x1 = text_hex_digit(text.data[2]);
	uint64_t fuel = 0;
	if (is_bit(text.data[0]))
		extra_bool(message->out, report, "charge", text.data[0] == '0');
	if (is_bit(text.data[1]))
		report_set_ignition(report, text.data[1] == '1');
	report_set_inputs(report, x1 & 1 ? 2 : 0);
	report_set_outputs(report, x1 & 4 ? 2 : 0);
	for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
		if (text_hex_digit(text.data[flags[i].digit]) & flags[i].bit)
			extra_bool(message->out, report, flags[i].name, true);
	text_hex(tk103_from(text, 5), &fuel);
	extra_int(message->out, report, "fuel", (int64_t)fuel);
	note_panic(message, x1 & 2);
}

void tk103_report_mileage(const struct tk103_message *message, struct text text)
{
	size_t digits = 0;
	uint64_t mileage_m;
	while (digits < MILEAGE_MOST && digits < text.len && text_hex_digit(text.data[digits]) >= 0)
		digits++;
	if (digits < MILEAGE_LEAST || !text_hex(tk103_part(text, 0, digits), &mileage_m))
		return;
	report_set_odometer(message->report, (int64_t)mileage_m);
	const struct text tail = tk103_from(text, digits);
	int64_t celsius_e1;
	if (tail.len == 6 && (tail.data[0] == '+' || tail.data[0] == '-') && tail.data[4] == '.' &&
		text_fixed(tail, 1, &celsius_e1))
		extra_fixed(message->out, message->report, "temp1", celsius_e1, 1);
}
