// SPDX-License-Identifier: MIT
// Numbers as decimal text, without printf, which takes most of the time to decode a frame of many members.
#ifndef AVLD_UTIL_DECIMAL_H
#define AVLD_UTIL_DECIMAL_H

#include <stdint.h>

#define DECIMAL_MAX 20 /* digits of the largest uint64_t */

// Writes the digits of value, without leading zeros and without a NUL. out has room for
// DECIMAL_MAX. Returns the byte after the last digit.
static inline char *decimal_write(char *out, uint64_t value)
{
	char digits[DECIMAL_MAX];
	unsigned count = 0;

	do
		digits[count++] = (char)('0' + value % 10);
	while (value /= 10);
	while (count > 0)
		*out++ = digits[--count];
	return out;
}

// Writes the value with a minus if it is negative. out has room for DECIMAL_MAX + 1.
static inline char *decimal_write_signed(char *out, int64_t value)
{
	if (value < 0)
		*out++ = '-';
	return decimal_write(out, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

#endif
