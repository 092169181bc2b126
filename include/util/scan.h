// SPDX-License-Identifier: MIT
// Numbers off the head of a text, for decoders that go over a record once. What does not belong to
// the number is left at `at`, for the caller to judge; the number parsers of text.h are these with
// "and nothing behind it". Inline and eight bytes at a step: a decoder takes a dozen of them off a
// report, and the lengths vary, so that a loop over digits costs a mispredicted branch for each.
#ifndef AVLD_UTIL_SCAN_H
#define AVLD_UTIL_SCAN_H

#include "util/text.h"

#include <string.h>

struct scan {
	const char *at, *end;
};

static inline struct scan scan_text(struct text text)
{
	return (struct scan){text.data, text.data ? text.data + text.len : NULL};
}

static inline size_t scan_left(const struct scan *scan)
{
	return (size_t)(scan->end - scan->at);
}

// True at the byte c.
static inline bool scan_is(const struct scan *scan, char c)
{
	return scan->at < scan->end && *scan->at == c;
}

static inline bool scan_is_digit(const struct scan *scan)
{
	return scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9';
}

// Eight bytes, the first of them lowest.
static inline uint64_t scan_word(const char *data)
{
	uint64_t word;
	memcpy(&word, data, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	word = __builtin_bswap64(word);
#endif
	return word;
}

// The next eight bytes; zeros behind the end.
static inline uint64_t scan_peek8(const struct scan *scan)
{
	uint64_t word = 0;
	size_t left = scan_left(scan);
	if (left >= 8)
		return scan_word(scan->at);
	for (size_t i = 0; i < left; i++)
		word |= (uint64_t)(uint8_t)scan->at[i] << 8 * i;
	return word;
}

// Bytes less '0': which of them are no digit shows in their high halves, at once or with 6 added.
// (A carry goes only from such a byte, and only to those behind it.)
static inline uint64_t scan_others(uint64_t word)
{
	return (word | (word + UINT64_C(0x0606060606060606))) & UINT64_C(0xF0F0F0F0F0F0F0F0);
}

// The number that eight bytes of 0..9 make, the first byte leading: pairs, then fours, then all are
// summed up.
static inline uint64_t scan_sum(uint64_t word)
{
	word = word * 10 + (word >> 8);
	return (((word & UINT64_C(0x000000FF000000FF)) * UINT64_C(0x000F424000000064)) +
		       ((word >> 16 & UINT64_C(0x000000FF000000FF)) *
			       UINT64_C(0x0000271000000001))) >>
	       32;
}

static inline uint64_t scan_power(unsigned n) // 10^n, n <= 18
{
	static const uint64_t powers[19] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000,
		100000000, 1000000000, 10000000000, 100000000000, 1000000000000, 10000000000000,
		100000000000000, 1000000000000000, 10000000000000000, 100000000000000000,
		1000000000000000000};
	return powers[n];
}

// Takes up to eight digits; returns how many.
static inline unsigned scan_run(struct scan *scan, uint64_t *value)
{
	uint64_t word = scan_peek8(scan) ^ UINT64_C(0x3030303030303030);
	uint64_t others = scan_others(word);
	unsigned count = others ? (unsigned)__builtin_ctzll(others) / 8 : 8;
	*value = count ? scan_sum(word << (64 - 8 * count)) : 0;
	scan->at += count;
	return count;
}

// 1..most digits; false when there is none, or one more. most <= 18.
static inline bool scan_uint(struct scan *scan, unsigned most, uint64_t *value)
{
	uint64_t sum, low;
	unsigned count = scan_run(scan, &sum);
	size_t total = count;
	while (__builtin_expect(count == 8, 0)) {
		count = scan_run(scan, &low);
		sum = sum * scan_power(count) + low; // wraps if too long, and is refused then
		total += count;
	}
	*value = sum;
	return total >= 1 && total <= most;
}

// Digits of a fraction: the first `places` as an integer, filled up with zeros, and the one behind
// (0 if none); further ones are passed over.
static inline uint64_t scan_fraction(struct scan *scan, unsigned places, unsigned *behind)
{
	const char *start = scan->at;
	uint64_t sum;
	unsigned count = scan_run(scan, &sum);
	*behind = 0;
	if (__builtin_expect(count < 8 && count <= places, 1))
		return sum * scan_power(places - count);
	scan->at = start;
	for (count = 0, sum = 0; scan_is_digit(scan); scan->at++, count++) {
		if (count < places)
			sum = sum * 10 + (uint64_t)(*scan->at - '0');
		else if (count == places)
			*behind = (unsigned)(*scan->at - '0');
	}
	return count < places ? sum * scan_power(places - count) : sum;
}

// scan_fixed for what does not fit into eight bytes, or is not as it should be; in text.c.
bool scan_long_fixed(struct scan *scan, unsigned places, uint64_t *value);

// [digits][.[digits]] with a digit on at least one side and at most 15 before the point; the value
// times 10^places, rounded half up. False also when it does not fit. places <= 18.
static inline bool scan_fixed(struct scan *scan, unsigned places, uint64_t *value)
{
	// The usual case, "22.40,": find the point, find the end, push the digits together.
	uint64_t word = scan_peek8(scan) ^ UINT64_C(0x3030303030303030);
	uint64_t others = scan_others(word);
	unsigned point = others ? (unsigned)__builtin_ctzll(others) & ~7u : 0;
	uint64_t before = (UINT64_C(1) << point) - 1;
	others &= ~(before << 8 | 0xFF);
	if (point == 0 || others == 0 || (word >> point & 0xFF) != ('.' ^ '0'))
		return scan_long_fixed(scan, places, value);
	unsigned end = (unsigned)__builtin_ctzll(others) & ~7u, digits = end - 8;
	unsigned fraction = (digits - point) / 8;
	if (fraction > places || digits / 8 + places > 18)
		return scan_long_fixed(scan, places, value);
	word = (word & before) | (word >> 8 & ~before);
	*value = scan_sum(word << (64 - digits)) * scan_power(places - fraction);
	scan->at += end / 8;
	return true;
}

// "4807.0380", see text_nmea_angle.
static inline bool scan_nmea_angle(struct scan *scan, unsigned max_degrees, int64_t *e7)
{
	uint64_t whole, minutes_e6;
	unsigned behind;
	if (!scan_uint(scan, 5, &whole))
		return false;
	minutes_e6 = whole % 100 * 1000000;
	if (scan_is(scan, '.')) {
		scan->at++;
		minutes_e6 += scan_fraction(scan, 6, &behind);
	}
	// Six of 1e-6 minute are 1e-7 degree; what was cut off cannot change the rounding.
	uint64_t sum = whole / 100 * 10000000 + (minutes_e6 + 3) / 6;
	*e7 = (int64_t)sum;
	return minutes_e6 < 60000000 && sum <= max_degrees * UINT64_C(10000000);
}

// Six digits, no more, as three numbers of two.
static inline bool scan_pairs(struct scan *scan, unsigned pair[3])
{
	uint64_t digits;
	if (scan_run(scan, &digits) != 6)
		return false;
	pair[0] = (unsigned)digits / 10000;
	pair[1] = (unsigned)digits / 100 % 100;
	pair[2] = (unsigned)digits % 100;
	return true;
}

// "101500.000": µs since midnight, cut off, so that 23:59:59.9999999 stays on its day.
static inline bool scan_hhmmss(struct scan *scan, int64_t *us)
{
	unsigned pair[3], behind;
	uint64_t fraction = 0;
	if (!scan_pairs(scan, pair))
		return false;
	if (scan_is(scan, '.')) {
		scan->at++;
		fraction = scan_fraction(scan, 6, &behind);
	}
	*us = (int64_t)((pair[0] * 3600 + pair[1] * 60 + pair[2]) * UINT64_C(1000000) + fraction);
	return pair[0] < 24 && pair[1] < 60 && pair[2] < 60;
}

static inline bool scan_is_leap(int year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

// Midnight of a day to µs since 1970. March is the first month here, so that 29 February ends a
// year; see Howard Hinnant, "chrono-compatible low-level date algorithms", days_from_civil.
static inline bool scan_make_date(int year, int month, int day, int64_t *time_us)
{
	static const uint8_t days[13] = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	if (year < 1970 || year > 2199 || month < 1 || month > 12 || day < 1)
		return false;
	if (day > days[month] + (month == 2 && scan_is_leap(year)))
		return false;
	unsigned y = (unsigned)year - (month <= 2);
	unsigned m = month > 2 ? (unsigned)month - 3 : (unsigned)month + 9;
	unsigned day_of_year = (153 * m + 2) / 5 + (unsigned)day - 1;
	int64_t since_0000 = (int64_t)(y * 365 + y / 4 - y / 100 + y / 400 + day_of_year);
	*time_us = (since_0000 - 719468) * INT64_C(86400000000);
	return true;
}

static inline int scan_year(unsigned two_digits)
{
	return (int)two_digits + (two_digits < 80 ? 2000 : 1900);
}

// "221126": µs since 1970 of that day's midnight.
static inline bool scan_ddmmyy(struct scan *scan, int64_t *us)
{
	unsigned pair[3];
	return scan_pairs(scan, pair) &&
	       scan_make_date(scan_year(pair[2]), (int)pair[1], (int)pair[0], us);
}

// Takes up to eight bytes of 0 and 1; returns how many. The first is bit 0.
static inline unsigned scan_bits(struct scan *scan, uint32_t *bits)
{
	uint64_t word = scan_peek8(scan) ^ UINT64_C(0x3030303030303030);
	uint64_t other = word & UINT64_C(0xFEFEFEFEFEFEFEFE);
	unsigned count = other ? (unsigned)__builtin_ctzll(other) / 8 : 8;
	word = count ? word << (64 - 8 * count) >> (64 - 8 * count) : 0;
	// Byte n is 0 or 1 and goes to bit 56 + n.
	*bits = (uint32_t)(word * UINT64_C(0x0102040810204080) >> 56);
	scan->at += count;
	return count;
}

#endif
