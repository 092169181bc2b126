// SPDX-License-Identifier: MIT
// Reads JSON (RFC 8259) where it lies: no copies, no allocation. A text is checked once, then its values are parts of it.
#ifndef AVLD_UTIL_JSON_READER_H
#define AVLD_UTIL_JSON_READER_H

#include "util/text.h"

#define JSON_READER_DEPTH 32 /* the most that json_reader_check allows */

enum json_kind {
	JSON_NONE, /* an empty text */
	JSON_OBJECT,
	JSON_ARRAY,
	JSON_STRING,
	JSON_NUMBER,
	JSON_TRUE,
	JSON_FALSE,
	JSON_NULL,
};

// Returns true if the text is one value, perhaps between blanks, with at most `depth` objects and arrays within each other
// (depth <= JSON_READER_DEPTH). Bytes from 80 on are allowed in strings whether they are UTF-8 or not. *value: without the
// blanks.
bool json_reader_check(struct text text, unsigned depth, struct text *value);

// The following need values of a checked text.
enum json_kind json_reader_kind(struct text value);

// Returns what is between the brackets of an object or array, for json_reader_next_*; nothing of other values.
struct text json_reader_open(struct text value);
// Moves the next member or element at the head of *rest to the others. Returns false if none is left. key: with its quotes.
bool json_reader_next_member(struct text *rest, struct text *key, struct text *value);
bool json_reader_next_element(struct text *rest, struct text *value);

// Returns a string without quotes and escapes: a part of the value if it has no escapes, else written to out and cut at cap
// bytes. Surrogates without their other half become U+FFFD. Empty for other values.
struct text json_reader_string(struct text value, char *out, size_t cap);

#endif
