// SPDX-License-Identifier: MIT
// Single values of a Queclink that several of its messages have, text and binary.
#ifndef AVLD_DECODERS_QUECLINK_VALUE_H
#define AVLD_DECODERS_QUECLINK_VALUE_H

#include "decoders/fields.h"

#define QUECLINK_VALUE_NAME 48

// Returns true for digits, a point and digits, with a minus if that is allowed: 1..whole before the point, least..most
// after it.
bool queclink_value_is_decimal(
	struct text text, bool allows_minus, size_t whole, size_t least, size_t most);
// Returns true for 12 hex digits.
static inline bool queclink_value_is_mac(struct text text)
{
	return fields_is_hex(text, 12, 12);
}
bool queclink_value_is_vin(struct text text);

// Returns how many bits are set.
static inline size_t queclink_value_count_bits(uint64_t mask)
{
	size_t count = 0;
	for (; mask; mask &= mask - 1)
		count++;
	return count;
}

// Parses yyyymmddhhmmss. Returns false for another text or an impossible time.
bool queclink_value_time(struct text text, int64_t *time_us);

// The state of the vehicle: ignition and motion. Returns false, and sets nothing, if it is unknown.
bool queclink_value_is_state(unsigned state);
bool queclink_value_set_state(struct decoded *out, struct report *report, unsigned state);

// The fields set what they understand, and nothing otherwise.
void queclink_value_set_status(struct decoded *out, struct report *report, struct text text);
void queclink_value_set_battery(struct report *report, struct text text);
void queclink_value_set_csq(struct report *report, struct text text);
// channel: from 1. Also the level of a fuel sensor, F45.
void queclink_value_set_adc(
	struct decoded *out, struct report *report, unsigned channel, struct text text);
void queclink_value_set_power(struct report *report, struct text text, uint64_t least);
void queclink_value_set_battery_v(struct report *report, struct text text);
// Returns false if the text is no number of km with one decimal.
bool queclink_value_set_km(struct report *report, struct text text);
// A bool in extra, from 0 or 1.
void queclink_value_set_flag(
	struct decoded *out, struct report *report, const char *name, struct text text);
// A number of 0 to 100 in extra.
void queclink_value_set_percent(
	struct decoded *out, struct report *report, const char *name, struct text text);

// Writes "tag", 2 and "Id" as tag2Id. Returns name.
const char *queclink_value_name(
	char name[QUECLINK_VALUE_NAME], const char *start, unsigned number, const char *end);

#endif
