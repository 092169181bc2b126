// SPDX-License-Identifier: MIT
// Numbers as decimal text, two digits per step. Not by printf, which takes most of the time to decode a frame of many members.
#ifndef AVLD_UTIL_DECIMAL_H
#define AVLD_UTIL_DECIMAL_H

#include "util/scan.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define DECIMAL_MAX 20 /* digits of the largest uint64_t */

// Returns the number of digits of value, without leading zeros: 1 for 0.
static inline unsigned decimal_count(uint64_t value)
{
	// 1233 / 4096 is a little more than the logarithm of 2: a number of n bits has that many digits, or one more.
	const unsigned bits = 64 - (unsigned)__builtin_clzll(value | 1), least = bits * 1233 >> 12;
	return least + (value >= scan_power(least)) + (value == 0);
}

// Writes the last `count` digits of value before `end`. Returns what is left of value.
static inline uint64_t decimal_fill(char *end, uint64_t value, unsigned count)
{
	static const char pairs[] =
		"00010203040506070809101112131415161718192021222324252627282930313233343536373839"
		"40414243444546474849505152535455565758596061626364656667686970717273747576777879"
		"8081828384858687888990919293949596979899";
	for (; count >= 2; count -= 2, value /= 100)
		memcpy(end -= 2, pairs + 2 * (value % 100), 2);
	if (count == 0)
		return value;
	end[-1] = (char)('0' + value % 10);
	return value / 10;
}

// Writes the digits of value, without leading zeros and without a NUL. out has room for
// DECIMAL_MAX. Returns the byte after the last digit.
static inline char *decimal_write(char *out, uint64_t value)
{
	const unsigned count = decimal_count(value);
	decimal_fill(out + count, value, count);
	return out + count;
}

// Writes the value with a minus if it is negative. out has room for DECIMAL_MAX + 1.
static inline char *decimal_write_signed(char *out, int64_t value)
{
	if (value < 0)
		*out++ = '-';
	return decimal_write(out, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

// value / 10^decimals as text, decimals < 20: 1234 with 2 decimals is 12.34.
struct decimal {
	uint64_t magnitude;
	unsigned before, after; /* digits before the point, at least one, and after it */
	size_t len;
	char is_negative;
};

static inline struct decimal decimal_fixed(int64_t value, unsigned decimals)
{
	struct decimal d = {.magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value,
		.after = decimals,
		.is_negative = value < 0};
	const unsigned count = decimal_count(d.magnitude);
	d.before = count > decimals ? count - decimals : 1; // 0.05 has the digits 005
	d.len = (size_t)d.is_negative + d.before + (decimals > 0) + decimals;
	return d;
}

// Writes its len bytes.
static inline void decimal_put(char *out, const struct decimal *d)
{
	char *end = out + d->len;
	uint64_t rest = d->magnitude;
	if (d->after > 0) {
		rest = decimal_fill(end, rest, d->after);
		end -= d->after;
		*--end = '.';
	}
	decimal_fill(end, rest, d->before);
	if (d->is_negative)
		*out = '-';
}

#endif
