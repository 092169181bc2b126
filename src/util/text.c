// SPDX-License-Identifier: MIT
// The parsers of numbers and times are those of scan.h, applied to a whole text.
#include "util/text.h"

#include <assert.h>
#include <string.h>

bool text_next(struct text *rest, char separator, struct text *field)
{
	if (!rest->data)
		return false;
	// Fields are a few bytes long: a plain loop is faster than memchr.
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

bool text_same(struct text a, struct text b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

bool text_uint(struct text text, uint64_t *value)
{
	struct scan scan = text_scan(text);
	if (text.len - 1 >= 8)
		return text.len > 0 && scan_uint(&scan, 18, value) && scan.at == scan.end;
	if (text.len <= 3) {
		uint64_t sum = 0;
		for (size_t i = 0; i < text.len; i++) {
			if (!text_is_digit(text.data[i]))
				return false;
			sum = sum * 10 + (unsigned)(text.data[i] - '0');
		}
		*value = sum;
		return true;
	}
	// Zeros come before the digits.
	const uint64_t word = (scan_peek8(&scan) ^ UINT64_C(0x3030303030303030))
			      << (64 - 8 * text.len);
	*value = scan_sum(word);
	return scan_others(word) == 0;
}

// Removes a leading sign. Returns true if it is a minus.
static bool cut_sign(struct text *text)
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
	bool negative = cut_sign(&text);
	uint64_t size;
	if (!text_uint(text, &size))
		return false;
	*value = negative ? -(int64_t)size : (int64_t)size;
	return true;
}

// The value of a hex digit and 1; 0 for other bytes.
static const uint8_t hex_values[256] = {['0'] = 1,
	['1'] = 2,
	['2'] = 3,
	['3'] = 4,
	['4'] = 5,
	['5'] = 6,
	['6'] = 7,
	['7'] = 8,
	['8'] = 9,
	['9'] = 10,
	['A'] = 11,
	['B'] = 12,
	['C'] = 13,
	['D'] = 14,
	['E'] = 15,
	['F'] = 16,
	['a'] = 11,
	['b'] = 12,
	['c'] = 13,
	['d'] = 14,
	['e'] = 15,
	['f'] = 16};

bool text_hex(struct text text, uint64_t *value)
{
	uint64_t sum = 0;
	if (text.len < 1 || text.len > 16)
		return false;
	for (const char *at = text.data, *end = at + text.len; at < end; at++) {
		const unsigned digit = hex_values[(uint8_t)*at];
		if (digit == 0)
			return false;
		sum = (sum << 4) + digit - 1;
	}
	*value = sum;
	return true;
}

bool text_fixed(struct text text, unsigned decimals, int64_t *value)
{
	bool negative = cut_sign(&text);
	struct scan scan = text_scan(text);
	assert(decimals <= 18);
	const struct scan_number number = scan_fixed_number(scan, decimals);
	if (!number.at || number.at != scan.end)
		return false;
	*value = negative ? -(int64_t)number.value : (int64_t)number.value;
	return true;
}

bool text_nmea_angle(struct text text, unsigned max_degrees, int64_t *e7)
{
	struct scan scan = text_scan(text);
	return scan_nmea_angle(&scan, max_degrees, e7) && scan.at == scan.end;
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
	if (!scan_make_date(year, month, day, &date) ||
		!make_clock(hour, minute, second, us, &clock))
		return false;
	*time_us = date + clock;
	return true;
}

bool text_hhmmss(struct text text, int64_t *us)
{
	struct scan scan = text_scan(text);
	return scan_hhmmss(&scan, us) && scan.at == scan.end;
}

bool text_ddmmyy(struct text text, int64_t *us)
{
	struct scan scan = text_scan(text);
	return scan_ddmmyy(&scan, us) && scan.at == scan.end;
}

bool text_yymmdd(struct text text, int64_t *us)
{
	struct scan scan = text_scan(text);
	unsigned pair[3];
	return scan_pairs(&scan, pair) && scan.at == scan.end &&
	       scan_make_date(scan_year(pair[0]), (int)pair[1], (int)pair[2], us);
}
