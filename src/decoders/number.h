// SPDX-License-Identifier: MIT
// Numbers as phones and servers write them, with an exponent, for decoders.
#ifndef AVLD_DECODERS_NUMBER_H
#define AVLD_DECODERS_NUMBER_H

#include "util/text.h"

// Returns the text without blanks around it if it is a number, [+-]digits[.digits][e[+-]digits], else an empty text.
struct text number_of(struct text text);

// Returns false if the text is no number. *value: number * 10^places, as number_round.
bool number_read(struct text text, unsigned places, int64_t *value);

// The following need a number of number_of. Return number * 10^places, places <= 18, rounded half away from zero
// or cut; NUMBER_MOST, or its negative, beyond that.
#define NUMBER_MOST INT64_C(1000000000000000000)
int64_t number_round(struct text number, unsigned places);
int64_t number_cut(struct text number, unsigned places);
// Returns true if the number has no fraction. *value as above.
bool number_whole(struct text number, int64_t *value);

// Writes a number as JSON has it: without a plus and zeros before it. Returns it; empty if it is so long, or its exponent so
// large, that a database might not store it.
#define NUMBER_JSON 40 /* bytes of out */
struct text number_json(struct text number, char out[NUMBER_JSON]);

#endif
