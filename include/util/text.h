// SPDX-License-Identifier: MIT
// Text protocols: take fields apart and turn them into integers, in one pass, without copies, without strtod.
// All parsers take (data, len), use every byte of it or fail, and never write.
#ifndef AVLD_UTIL_TEXT_H
#define AVLD_UTIL_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Bytes that are not NUL-terminated and not owned. data may be NULL when len is 0.
struct text {
	const char *data;
	size_t len;
};

static inline bool text_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

// One hex digit, or -1.
static inline int text_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	char lower = (char)(c | 0x20);
	return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// Cuts the next field off *rest: up to `separator` (dropped) or to the end. False when nothing is left, which is
// not the same as an empty field: "a," has two fields, the second empty. *rest.data is NULL after the last.
bool text_next(struct text *rest, char separator, struct text *field);

bool text_equal(struct text text, const char *literal);

// 1..18 digits, no sign.
bool text_uint(struct text text, uint64_t *value);
// An optional sign and 1..18 digits.
bool text_int(struct text text, int64_t *value);
// 1..16 hex digits, either case.
bool text_hex(struct text text, uint64_t *value);
// "-12.3456" with decimals 2 gives -1235: rounded half away from zero. Digits needed on at least one side of the
// point; at most 15 before it and any number behind it.
bool text_fixed(struct text text, unsigned decimals, int64_t *value);

// NMEA: "4807.0380" (degrees, then two digits of minutes and their fraction; degrees may be short or missing) to
// 1e-7 degree, rounded. False for minutes >= 60 or a value beyond max_degrees (90 or 180).
bool text_nmea_angle(struct text text, unsigned max_degrees, int64_t *e7);

// A calendar date and time to µs since 1970. False unless every part is in range: no 31 April, 24:00:00, second 60.
// year: full, 1970..2199.
bool text_make_time(
	int year, int month, int day, int hour, int minute, int second, int us, int64_t *time_us);
// "101500.000" or "101500", fraction of any length: µs since midnight.
bool text_hhmmss(struct text text, int64_t *us);
// "221126": µs since 1970 of that day's midnight; two-digit years are 2000..2099 up to 79, 1980..1999 from 80.
bool text_ddmmyy(struct text text, int64_t *us);
bool text_yymmdd(struct text text, int64_t *us);

#endif
