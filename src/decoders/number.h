// SPDX-License-Identifier: MIT
// Numbers as phones and servers write them, with an exponent, for decoders.
#ifndef AVLD_DECODERS_NUMBER_H
#define AVLD_DECODERS_NUMBER_H

#include "protocol/decoded.h"
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

// Adds a member to extra: a number, true or false in any case, else a text. Numbers that are so long, or their exponents so
// large, that a database might not store them are texts. name: as in JSON between its quotes.
void number_add(struct decoded *out, struct report *report, const char *name, struct text value);

#endif
