// SPDX-License-Identifier: MIT
// Text protocols: take fields apart and turn them into integers. Nothing here allocates, copies or
// writes.
#include "text.h"

#include <string.h>

static const uint64_t powers[19] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000,
	1000000000, 10000000000, 100000000000, 1000000000000, 10000000000000, 100000000000000,
	1000000000000000, 10000000000000000, 100000000000000000, 1000000000000000000};

bool text_next(struct text *rest, char separator, struct text *field)
{
	if (!rest->data)
		return false;
	// Fields are a few bytes long: a plain loop beats memchr.
	size_t len = 0;
	while (len < rest->len && rest->data[len] != separator)
		len++;
	*field = (struct text){rest->data, len};
	if (len == rest->len)
		*rest = (struct text){NULL, 0};
	else
		*rest = (struct text){rest->data + len + 1, rest->len - len - 1};
	return true;
}

bool text_equal(struct text text, const char *literal)
{
	size_t len = strlen(literal);
	return text.len == len && (len == 0 || memcmp(text.data, literal, len) == 0);
}

bool text_uint(struct text text, uint64_t *value)
{
	uint64_t sum = 0;
	if (text.len < 1 || text.len > 18)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (!text_is_digit(text.data[i]))
			return false;
		sum = sum * 10 + (uint64_t)(text.data[i] - '0');
	}
	*value = sum;
	return true;
}

// Drops a leading sign; true for minus.
static bool take_sign(struct text *text)
{
	if (text->len == 0 || (text->data[0] != '-' && text->data[0] != '+'))
		return false;
	bool negative = text->data[0] == '-';
	text->data++;
	text->len--;
	return negative;
}

bool text_int(struct text text, int64_t *value)
{
	bool negative = take_sign(&text);
	uint64_t size;
	if (!text_uint(text, &size))
		return false;
	*value = negative ? -(int64_t)size : (int64_t)size;
	return true;
}

int text_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool text_hex(struct text text, uint64_t *value)
{
	uint64_t sum = 0;
	if (text.len < 1 || text.len > 16)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		int digit = text_hex_digit(text.data[i]);
		if (digit < 0)
			return false;
		sum = sum << 4 | (unsigned)digit;
	}
	*value = sum;
	return true;
}

// The fraction's first `places` digits as an integer, short ones filled with zeros. *next gets the
// digit behind them (0 if none). False when any byte is no digit. places <= 18.
static bool take_fraction(struct text text, unsigned places, uint64_t *value, unsigned *next)
{
	uint64_t sum = 0;
	*next = 0;
	for (size_t i = 0; i < text.len; i++) {
		if (!text_is_digit(text.data[i]))
			return false;
		unsigned digit = (unsigned)(text.data[i] - '0');
		if (i < places)
			sum = sum * 10 + digit;
		else if (i == places)
			*next = digit;
	}
	*value = text.len < places ? sum * powers[places - text.len] : sum;
	return true;
}

bool text_fixed(struct text text, unsigned decimals, int64_t *value)
{
	bool negative = take_sign(&text);
	struct text whole, fraction = {NULL, 0};
	uint64_t left = 0, right = 0, sum;
	unsigned next = 0;

	if (decimals > 18 || !text_next(&text, '.', &whole))
		return false;
	if (text.data)
		fraction = text;
	if (whole.len + fraction.len == 0 || whole.len > 15)
		return false;
	if (whole.len > 0 && !text_uint(whole, &left))
		return false;
	if (!take_fraction(fraction, decimals, &right, &next))
		return false;
	right += next >= 5;
	if (__builtin_mul_overflow(left, powers[decimals], &sum) ||
		__builtin_add_overflow(sum, right, &sum) || sum > INT64_MAX)
		return false;
	*value = negative ? -(int64_t)sum : (int64_t)sum;
	return true;
}

bool text_nmea_angle(struct text text, unsigned max_degrees, int64_t *e7)
{
	uint64_t whole = 0, fraction = 0;
	unsigned beyond;
	size_t len = 0;

	while (len < text.len && text_is_digit(text.data[len]))
		whole = whole * 10 + (uint64_t)(text.data[len++] - '0');
	if (len < 1 || len > 5) // five digits cannot have overflowed; more wrap, and are refused
		return false;
	if (len < text.len) {
		if (text.data[len] != '.')
			return false;
		struct text digits = {text.data + len + 1, text.len - len - 1};
		if (!take_fraction(digits, 9, &fraction, &beyond))
			return false;
	}
	uint64_t degrees = whole / 100, minutes_e9 = whole % 100 * 1000000000 + fraction;
	if (minutes_e9 >= UINT64_C(60000000000))
		return false;
	// 1e-9 minute is 1 / 6000 of 1e-7 degree. Digits cut off cannot change the rounding.
	uint64_t sum = degrees * 10000000 + (minutes_e9 + 3000) / 6000;
	if (sum > max_degrees * UINT64_C(10000000))
		return false;
	*e7 = (int64_t)sum;
	return true;
}

static bool is_leap(int year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

// Midnight of a day to µs since 1970. March is the first month here, so that 29 February ends a
// year; see Howard Hinnant, "chrono-compatible low-level date algorithms", days_from_civil.
static bool make_date(int year, int month, int day, int64_t *time_us)
{
	static const uint8_t days[13] = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	if (year < 1970 || year > 2199 || month < 1 || month > 12 || day < 1)
		return false;
	if (day > days[month] + (month == 2 && is_leap(year)))
		return false;
	unsigned y = (unsigned)year - (month <= 2);
	unsigned m = month > 2 ? (unsigned)month - 3 : (unsigned)month + 9;
	unsigned day_of_year = (153 * m + 2) / 5 + (unsigned)day - 1;
	int64_t since_0000 = (int64_t)(y * 365 + y / 4 - y / 100 + y / 400 + day_of_year);
	*time_us = (since_0000 - 719468) * INT64_C(86400000000);
	return true;
}

static bool make_clock(int hour, int minute, int second, int us, int64_t *since_midnight_us)
{
	if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59 ||
		us < 0 || us > 999999)
		return false;
	*since_midnight_us = (hour * 3600 + minute * 60 + second) * INT64_C(1000000) + us;
	return true;
}

bool text_make_time(
	int year, int month, int day, int hour, int minute, int second, int us, int64_t *time_us)
{
	int64_t date, clock;
	if (!make_date(year, month, day, &date) || !make_clock(hour, minute, second, us, &clock))
		return false;
	*time_us = date + clock;
	return true;
}

// Six digits into three numbers of two; false if one is no digit. The caller has seen to the
// length.
static bool take_pairs(const char *data, int pair[3])
{
	for (int i = 0; i < 3; i++) {
		if (!text_is_digit(data[2 * i]) || !text_is_digit(data[2 * i + 1]))
			return false;
		pair[i] = (data[2 * i] - '0') * 10 + (data[2 * i + 1] - '0');
	}
	return true;
}

bool text_hhmmss(struct text text, int64_t *us)
{
	int pair[3];
	uint64_t fraction = 0;
	unsigned beyond; // cut off, not rounded: 23:59:59.9999999 stays on its day
	if (text.len < 6 || !take_pairs(text.data, pair))
		return false;
	if (text.len > 6) {
		if (text.data[6] != '.')
			return false;
		if (!take_fraction(
			    (struct text){text.data + 7, text.len - 7}, 6, &fraction, &beyond))
			return false;
	}
	return make_clock(pair[0], pair[1], pair[2], (int)fraction, us);
}

static int full_year(int two_digits)
{
	return two_digits < 80 ? 2000 + two_digits : 1900 + two_digits;
}

bool text_ddmmyy(struct text text, int64_t *us)
{
	int pair[3];
	return text.len == 6 && take_pairs(text.data, pair) &&
	       make_date(full_year(pair[2]), pair[1], pair[0], us);
}

bool text_yymmdd(struct text text, int64_t *us)
{
	int pair[3];
	return text.len == 6 && take_pairs(text.data, pair) &&
	       make_date(full_year(pair[0]), pair[1], pair[2], us);
}
