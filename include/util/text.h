// SPDX-License-Identifier: MIT
// Text fields: splits them and converts them to integers, in one pass, without copies or strtod. All parsers take
// (data, len), use every byte or fail, and never write to the input.
#ifndef AVLD_UTIL_TEXT_H
#define AVLD_UTIL_TEXT_H

#include "util/scan.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Bytes that are neither NUL-terminated nor owned. data may be NULL when len is 0.
struct text {
	const char *data;
	size_t len;
};

static inline struct scan text_scan(struct text text)
{
	const char *start = text.data ? text.data : "";
	return (struct scan){start, start + text.len};
}

static inline bool text_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool text_is_alnum(char c)
{
	return text_is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// Returns the value of a hex digit of either case, or -1.
static inline int text_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	char lower = (char)(c | 0x20);
	return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// Moves the next field of *rest, up to `separator` (dropped) or the end, to *field. Returns false if no field is left;
// an empty field is one: "a," has two fields, the second empty. rest->data is NULL after the last.
bool text_next(struct text *rest, char separator, struct text *field);

bool text_equal(struct text text, const char *literal);
bool text_same(struct text a, struct text b);

// Parses 1..18 digits, no sign.
bool text_uint(struct text text, uint64_t *value);
// Parses an optional sign and 1..18 digits.
bool text_int(struct text text, int64_t *value);
// Parses 1..16 hex digits, either case.
bool text_hex(struct text text, uint64_t *value);
// Parses "-12.3456"; with decimals 2 it gives -1235: rounded half away from zero. Needs digits on at least one side of
// the point, at most 15 before it and any number after it. decimals <= 18.
bool text_fixed(struct text text, unsigned decimals, int64_t *value);

// Parses NMEA "4807.0380" (degrees, two digits of minutes and their fraction; degrees may be short or missing) to 1e-7
// degree, rounded. Returns false for minutes >= 60 or a value beyond max_degrees (90 or 180).
bool text_nmea_angle(struct text text, unsigned max_degrees, int64_t *e7);

// Converts a calendar date and time to µs since 1970. Returns false unless every part is in range: no 31 April,
// 24:00:00 or second 60. year: all four digits, 1970..2199.
bool text_make_time(
	int year, int month, int day, int hour, int minute, int second, int us, int64_t *time_us);
// Parses "101500.000" or "101500", with a fraction of any length, to µs since midnight.
bool text_hhmmss(struct text text, int64_t *us);
// Parse "221126" and "261122" to µs since 1970, midnight of that day. Years up to 79 are 2000..2079, from 80
// 1980..1999.
bool text_ddmmyy(struct text text, int64_t *us);
bool text_yymmdd(struct text text, int64_t *us);

#endif
