// SPDX-License-Identifier: MIT
// Numbers and times as phones and servers write them.
#ifndef AVLD_DECODERS_NUMBER_H
#define AVLD_DECODERS_NUMBER_H

#include "util/text.h"

// Returns the text without blanks around it if it is a number, [+-]digits[.digits][e[+-]digits], else an empty text.
struct text osmand_value_number(struct text text);

// Returns false if the text is no number. *value: number * 10^places, as osmand_value_round.
bool osmand_value_read(struct text text, unsigned places, int64_t *value);

// The following need a number of osmand_value_number. Return number * 10^places, places <= 18, rounded half away from zero
// or cut; OSMAND_VALUE_MOST, or its negative, beyond that.
#define OSMAND_VALUE_MOST INT64_C(1000000000000000000)
int64_t osmand_value_round(struct text number, unsigned places);
int64_t osmand_value_cut(struct text number, unsigned places);
// Returns true if the number has no fraction. *value as above.
bool osmand_value_whole(struct text number, int64_t *value);

// Writes a number as JSON has it: without a plus and zeros before it. Returns it; empty if it is so long, or its exponent so
// large, that a database might not store it.
#define OSMAND_VALUE_NUMBER 40 /* bytes of out */
struct text osmand_value_json(struct text number, char out[OSMAND_VALUE_NUMBER]);

// Parses a time to µs since 1970: digits, perhaps with a fraction, are seconds below 2147483647, else milliseconds;
// "2026-03-14T09:26[:53[.5]][Z|+02:00|+0200]", and "2026-03-14 09:26:53[.5]", in UTC. Returns false for other texts, 0, and
// years outside 1970..2199.
bool osmand_value_time(struct text text, int64_t *time_us);

#endif
