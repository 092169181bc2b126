// SPDX-License-Identifier: MIT
// Parses numbers at the head of a text, for decoders that read a record in one pass. The first byte after the number
// is left at `at`; the parsers of text.h also require that none is left. Inline and eight bytes per step: a decoder
// parses a dozen numbers per report, and with varying lengths a loop over digits costs a mispredicted branch for each.
#ifndef AVLD_UTIL_SCAN_H
#define AVLD_UTIL_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct scan {
	const char *at, *end;
};

static inline size_t scan_left(const struct scan *scan)
{
	return (size_t)(scan->end - scan->at);
}

// Returns true if the next byte is c.
static inline bool scan_is(const struct scan *scan, char c)
{
	return scan->at < scan->end && *scan->at == c;
}

static inline bool scan_is_digit(const struct scan *scan)
{
	return scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9';
}

// Returns eight bytes as an integer, the first byte lowest.
static inline uint64_t scan_word(const char *data)
{
	uint64_t word;
	memcpy(&word, data, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	word = __builtin_bswap64(word);
#endif
	return word;
}

// Returns fewer than eight bytes as an integer, the first byte lowest. Without a loop: `left` is any length.
static inline uint64_t scan_short_word(const char *data, size_t left)
{
	if (left >= 4) { // two words, which may overlap
		uint32_t head, tail;
		memcpy(&head, data, 4);
		memcpy(&tail, data + left - 4, 4);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
		head = __builtin_bswap32(head);
		tail = __builtin_bswap32(tail);
#endif
		return head | (uint64_t)tail << 8 * (left - 4);
	}
	if (left == 0)
		return 0;
	const size_t middle = left / 2, last = left - 1;
	return (uint64_t)(uint8_t)data[0] | (uint64_t)(uint8_t)data[middle] << 8 * middle |
	       (uint64_t)(uint8_t)data[last] << 8 * last;
}

// Returns the next eight bytes, padded with zeros after the end.
static inline uint64_t scan_peek8(const struct scan *scan)
{
	const size_t left = scan_left(scan);
	return left >= 8 ? scan_word(scan->at) : scan_short_word(scan->at, left);
}

// Finds the bytes that are not digits. word: bytes XOR '0'. A byte is no digit if its high half is set, at once or with 6
// added; the result is nonzero in the high half of these bytes. (A carry comes only from such a byte and reaches only
// later ones, so the first one found is right.)
static inline uint64_t scan_others(uint64_t word)
{
	return (word | (word + UINT64_C(0x0606060606060606))) & UINT64_C(0xF0F0F0F0F0F0F0F0);
}

// Returns the number that eight bytes of 0..9 form, the first byte leading: sums pairs, then fours, then all eight.
static inline uint64_t scan_sum(uint64_t word)
{
	word = word * 10 + (word >> 8);
	return (((word & UINT64_C(0x000000FF000000FF)) * UINT64_C(0x000F424000000064)) +
		       ((word >> 16 & UINT64_C(0x000000FF000000FF)) *
			       UINT64_C(0x0000271000000001))) >>
	       32;
}

// Returns 10^n, n <= 19.
static inline uint64_t scan_power(unsigned n)
{
	static const uint64_t powers[20] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000,
		100000000, 1000000000, 10000000000, 100000000000, 1000000000000, 10000000000000,
		100000000000000, 1000000000000000, 10000000000000000, 100000000000000000,
		1000000000000000000, UINT64_C(10000000000000000000)};
	return powers[n];
}

// Parses up to eight digits and returns their count.
static inline unsigned scan_run(struct scan *scan, uint64_t *value)
{
	uint64_t word = scan_peek8(scan) ^ UINT64_C(0x3030303030303030);
	uint64_t others = scan_others(word);
	unsigned count = others ? (unsigned)__builtin_ctzll(others) / 8 : 8;
	*value = count ? scan_sum(word << (64 - 8 * count)) : 0;
	scan->at += count;
	return count;
}

// Parses 1..most digits, most <= 18. Returns false if there are none or more than most.
static inline bool scan_uint(struct scan *scan, unsigned most, uint64_t *value)
{
	uint64_t sum, low;
	unsigned count = scan_run(scan, &sum);
	size_t total = count;
	while (__builtin_expect(count == 8, 0)) {
		count = scan_run(scan, &low);
		sum = sum * scan_power(count) + low; // wraps if too long; rejected below
		total += count;
	}
	*value = sum;
	return total >= 1 && total <= most;
}

// Parses the digits of a fraction. Returns the first `places` digits as an integer, padded with zeros; *next is the
// digit after them, or 0. Skips further digits.
static inline uint64_t scan_fraction(struct scan *scan, unsigned places, unsigned *next)
{
	const char *start = scan->at;
	uint64_t sum;
	unsigned count = scan_run(scan, &sum);
	*next = 0;
	if (__builtin_expect(count < 8 && count <= places, 1))
		return sum * scan_power(places - count);
	scan->at = start;
	for (count = 0, sum = 0; scan_is_digit(scan); scan->at++, count++) {
		if (count < places)
			sum = sum * 10 + (uint64_t)(*scan->at - '0');
		else if (count == places)
			*next = (unsigned)(*scan->at - '0');
	}
	return count < places ? sum * scan_power(places - count) : sum;
}

// A number and the byte after it; `at` NULL: malformed, or it does not fit. In registers, so that callers need no memory.
struct scan_number {
	const char *at;
	uint64_t value;
};

// Does what scan_fixed does, for any length and for malformed numbers.
struct scan_number scan_long_fixed(struct scan scan, unsigned places);
// The same for a number of which the digits before the point, up to seven, have been read.
struct scan_number scan_long_fraction(
	struct scan scan, unsigned places, uint64_t whole, unsigned digits);

// Parses [digits][.[digits]] with a digit on at least one side of the point and at most 15 before it. The value is the
// number times 10^places, rounded half up; places <= 18.
static inline struct scan_number scan_fixed_number(struct scan scan, unsigned places)
{
	// The usual cases, "22.40," and "22,": find the point, find the end, close the gap between the digits.
	uint64_t word = scan_peek8(&scan) ^ UINT64_C(0x3030303030303030);
	uint64_t others = scan_others(word);
	unsigned point = others ? (unsigned)__builtin_ctzll(others) & ~7u : 0;
	uint64_t before = (UINT64_C(1) << point) - 1;
	unsigned end = point, digits = point, fraction = 0;
	if (point == 0)
		return scan_long_fixed(scan, places);
	if ((word >> point & 0xFF) == ('.' ^ '0')) {
		others &= ~(before << 8 | 0xFF);
		if (others == 0)
			return scan_long_fraction(
				scan, places, scan_sum(word << (64 - point)), point / 8);
		end = (unsigned)__builtin_ctzll(others) & ~7u;
		digits = end - 8;
		fraction = (digits - point) / 8;
		word = (word & before) | (word >> 8 & ~before);
	}
	if (fraction > places || digits / 8 + places > 18)
		return scan_long_fixed(scan, places);
	return (struct scan_number){
		scan.at + end / 8, scan_sum(word << (64 - digits)) * scan_power(places - fraction)};
}

// The same. Returns false if the number is malformed or does not fit.
static inline bool scan_fixed(struct scan *scan, unsigned places, uint64_t *value)
{
	const struct scan_number number = scan_fixed_number(*scan, places);
	if (!number.at)
		return false;
	scan->at = number.at;
	*value = number.value;
	return true;
}

// Parses "4807.0380"; see text_nmea_angle.
static inline bool scan_nmea_angle(struct scan *scan, unsigned max_degrees, int64_t *e7)
{
	uint64_t whole, minutes_e6;
	unsigned next;
	if (!scan_uint(scan, 5, &whole))
		return false;
	minutes_e6 = whole % 100 * 1000000;
	if (scan_is(scan, '.')) {
		scan->at++;
		minutes_e6 += scan_fraction(scan, 6, &next);
	}
	// Six units of 1e-6 minute are 1e-7 degree; the digits cut off cannot change the rounding.
	uint64_t sum = whole / 100 * 10000000 + (minutes_e6 + 3) / 6;
	*e7 = (int64_t)sum;
	return minutes_e6 < 60000000 && sum <= max_degrees * UINT64_C(10000000);
}

// Parses exactly six digits as three numbers of two.
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

// Parses "101500.000" to µs since midnight; further digits are cut off, so that 23:59:59.9999999 stays on its day.
static inline bool scan_hhmmss(struct scan *scan, int64_t *us)
{
	unsigned pair[3], next;
	uint64_t fraction = 0;
	if (!scan_pairs(scan, pair))
		return false;
	if (scan_is(scan, '.')) {
		scan->at++;
		fraction = scan_fraction(scan, 6, &next);
	}
	*us = (int64_t)((pair[0] * 3600 + pair[1] * 60 + pair[2]) * UINT64_C(1000000) + fraction);
	return pair[0] < 24 && pair[1] < 60 && pair[2] < 60;
}

static inline bool scan_is_leap(int year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

// Converts midnight of a day to µs since 1970. Returns false if the date does not exist or the year is outside
// 1970..2199. Years are counted from March, so that 29 February is the last day of a year; see Howard Hinnant,
// "chrono-compatible low-level date algorithms", days_from_civil.
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
	int64_t since_0000 = (int64_t)y * 365 + y / 4 - y / 100 + y / 400 + day_of_year;
	*time_us = (since_0000 - 719468) * INT64_C(86400000000);
	return true;
}

static inline int scan_year(unsigned two_digits)
{
	return (int)two_digits + (two_digits < 80 ? 2000 : 1900);
}

// Parses "221126" to µs since 1970, midnight of that day.
static inline bool scan_ddmmyy(struct scan *scan, int64_t *us)
{
	unsigned pair[3];
	return scan_pairs(scan, pair) &&
	       scan_make_date(scan_year(pair[2]), (int)pair[1], (int)pair[0], us);
}

// Parses up to eight digits 0 and 1 and returns their count. The first digit is bit 0.
static inline unsigned scan_bits(struct scan *scan, uint32_t *bits)
{
	uint64_t word = scan_peek8(scan) ^ UINT64_C(0x3030303030303030);
	uint64_t other = word & UINT64_C(0xFEFEFEFEFEFEFEFE);
	unsigned count = other ? (unsigned)__builtin_ctzll(other) / 8 : 8;
	word = count ? word << (64 - 8 * count) >> (64 - 8 * count) : 0;
	// Byte n is 0 or 1 and moves to bit 56 + n.
	*bits = (uint32_t)(word * UINT64_C(0x0102040810204080) >> 56);
	scan->at += count;
	return count;
}

#endif
