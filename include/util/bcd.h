// SPDX-License-Identifier: MIT
// Reads numbers whose decimal digits are half bytes.
#ifndef AVLD_UTIL_BCD_H
#define AVLD_UTIL_BCD_H

#include <stddef.h>
#include <stdint.h>

// Returns the number that the half bytes `from`..`to` - 1 form, at most 18 of them; -1 if one is above 9.
static inline int64_t bcd_number(const uint8_t *data, size_t from, size_t to)
{
	int64_t value = 0;
	for (size_t i = from; i < to; i++) {
		const unsigned digit = i % 2 ? data[i / 2] & 15u : data[i / 2] >> 4;
		if (digit > 9)
			return -1;
		value = value * 10 + (int64_t)digit;
	}
	return value;
}

#endif
