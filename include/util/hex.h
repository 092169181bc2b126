// SPDX-License-Identifier: MIT
// Writes bytes as lower-case hex digits. text_hex_digit (util/text.h) converts back.
#ifndef AVLD_UTIL_HEX_H
#define AVLD_UTIL_HEX_H

#include <stddef.h>
#include <stdint.h>

static const char hex_digits[16] __attribute__((unused)) = "0123456789abcdef";

// Writes 2 * len digits, without a NUL. Returns the byte after them.
static inline char *hex_write(char *out, const void *data, size_t len)
{
	const uint8_t *bytes = (const uint8_t *)data;

	for (size_t i = 0; i < len; i++) {
		*out++ = hex_digits[bytes[i] >> 4];
		*out++ = hex_digits[bytes[i] & 15];
	}
	return out;
}

#endif
