// SPDX-License-Identifier: MIT
#include "decoders/queclink/queclink_value.h"

#include "util/decimal.h"

// Shapes ----------------------------------------------------------------------

bool queclink_value_is_decimal(
	struct text text, bool allows_minus, size_t whole, size_t least, size_t most)
{
	const char *at = text.data, *end = text.data + text.len;
	if (allows_minus && at < end && *at == '-')
		at++;
	const char *start = at;
	while (at < end && text_is_digit(*at))
		at++;
	const size_t before = (size_t)(at - start), after = (size_t)(end - at) - 1;
	return before >= 1 && before <= whole && at < end && *at == '.' &&
	       fields_is_digits((struct text){at + 1, after}, least, most);
}

bool queclink_value_is_vin(struct text text)
{
	if (text.len != 17)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		const char c = text.data[i];
		const bool is_letter = c >= 'A' && c <= 'Z' && c != 'I' && c != 'O' && c != 'Q';
		if (!is_letter && !text_is_digit(c))
			return false;
	}
	return true;
}

// Returns two digits as a number.
bool queclink_value_time(struct text text, int64_t *time_us)
{
	if (!fields_is_digits(text, 14, 14))
		return false;
	const char *at = text.data;
	return text_make_time(fields_pair(at) * 100 + fields_pair(at + 2), fields_pair(at + 4),
		fields_pair(at + 6), fields_pair(at + 8), fields_pair(at + 10),
		fields_pair(at + 12), 0, time_us);
}

// State -----------------------------------------------------------------------

enum { UNKNOWN, OFF_AT_REST, OFF_MOVING, ON_AT_REST, ON_MOVING, AT_REST, MOVING };

static unsigned meaning_of(unsigned state)
{
	switch (state) {
	case 0x11:
		return OFF_AT_REST;
	case 0x12: /* fall through */
	case 0x16: /* is towed */
	case 0x1A: /* is moved, but perhaps not towed */
		return OFF_MOVING;
	case 0x21:
		return ON_AT_REST;
	case 0x22:
		return ON_MOVING;
	case 0x41: /* without a sensor of the ignition */
		return AT_REST;
	case 0x42:
		return MOVING;
	default:
		return UNKNOWN;
	}
}

bool queclink_value_is_state(unsigned state)
{
	return meaning_of(state) != UNKNOWN;
}

bool queclink_value_set_state(struct decoded *out, struct report *report, unsigned state)
{
	const unsigned meaning = meaning_of(state);
	if (meaning == UNKNOWN)
		return false;
	if (meaning < AT_REST)
		report_set_ignition(report, meaning == ON_AT_REST || meaning == ON_MOVING);
	extra_bool(out, report, "motion",
		meaning == OFF_MOVING || meaning == ON_MOVING || meaning == MOVING);
	return true;
}

// State, inputs and outputs: 1 byte each, or 1, 2 and 2; 2 digits are the state alone. The lowest input is the ignition line.
void queclink_value_set_status(struct decoded *out, struct report *report, struct text text)
{
	uint64_t value;
	if ((text.len != 2 && text.len != 6 && text.len != 10) || !text_hex(text, &value))
		return;
	const unsigned bits = (unsigned)(text.len - 2) * 2; // of one of inputs and outputs
	if (!queclink_value_set_state(out, report, (unsigned)(value >> (2 * bits))) || bits == 0)
		return;
	const uint64_t mask = (UINT64_C(1) << bits) - 1;
	report_set_inputs(report, (uint32_t)((value >> bits & mask) >> 1));
	report_set_outputs(report, (uint32_t)(value & mask));
}

// Values ----------------------------------------------------------------------

void queclink_value_set_battery(struct report *report, struct text text)
{
	uint64_t percent;
	if (text.len <= 3 && text_uint(text, &percent) && percent <= 100)
		report_set_battery_percent(report, (int64_t)percent);
}

void queclink_value_set_csq(struct report *report, struct text text)
{
	uint64_t csq;
	if (text.len <= 2 && text_uint(text, &csq) && csq <= 31)
		report_set_gsm_percent(report, (int64_t)csq * 100 / 31);
}

void queclink_value_set_adc(
	struct decoded *out, struct report *report, unsigned channel, struct text text)
{
	char name[QUECLINK_VALUE_NAME];
	uint64_t value;
	const bool is_fuel = text.len > 0 && text.data[0] == 'F';
	if (is_fuel)
		text.data++, text.len--;
	if (text.len == 0 || text.len > 5 || !text_uint(text, &value))
		return;
	if (is_fuel)
		extra_int(out, report, queclink_value_name(name, "fuel", channel, ""),
			(int64_t)value);
	else
		report_set_adc(report, channel - 1, (int32_t)value);
}

void queclink_value_set_power(struct report *report, struct text text, uint64_t least)
{
	uint64_t mv;
	if (text.len <= 6 && text_uint(text, &mv) && mv >= least)
		report_set_power_mv(report, (int64_t)mv);
}

void queclink_value_set_battery_v(struct report *report, struct text text)
{
	int64_t mv;
	if (queclink_value_is_decimal(text, false, 2, 1, 2) && text_fixed(text, 3, &mv))
		report_set_battery_mv(report, mv);
}

bool queclink_value_set_km(struct report *report, struct text text)
{
	int64_t m;
	if (!queclink_value_is_decimal(text, false, 12, 1, 1) || !text_fixed(text, 3, &m))
		return false;
	report_set_odometer(report, m);
	return true;
}

void queclink_value_set_flag(
	struct decoded *out, struct report *report, const char *name, struct text text)
{
	if (fields_is_letter(text, '0') || fields_is_letter(text, '1'))
		extra_bool(out, report, name, text.data[0] == '1');
}

void queclink_value_set_percent(
	struct decoded *out, struct report *report, const char *name, struct text text)
{
	int64_t value;
	unsigned decimals;
	if (fields_number(text, &value, &decimals) && value >= 0 &&
		value <= 100 * (int64_t)scan_power(decimals))
		extra_fixed(out, report, name, value, decimals);
}

const char *queclink_value_name(
	char name[QUECLINK_VALUE_NAME], const char *start, unsigned number, const char *end)
{
	char *at = fields_put(name, start, strlen(start));
	at = decimal_write(at, number);
	memcpy(at, end, strlen(end) + 1);
	return name;
}
