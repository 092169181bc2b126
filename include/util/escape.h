// SPDX-License-Identifier: MIT
// Byte stuffing with 7D: a frame's delimiter 7E is sent as 7D 02, and 7D as 7D 01.
#ifndef AVLD_UTIL_ESCAPE_H
#define AVLD_UTIL_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Writes the bytes without escapes to out, which has room for len bytes and may be data itself; *out_len: their number.
// Returns false if a 7D is not followed by 01 or 02.
static inline bool escape_undo_7d(const uint8_t *data, size_t len, uint8_t *out, size_t *out_len)
{
	size_t n = 0;
	for (size_t at = 0; at < len; at++) {
		uint8_t byte = data[at];
		if (byte == 0x7D) {
			if (++at == len || data[at] < 1 || data[at] > 2)
				return false;
			byte = data[at] == 1 ? 0x7D : 0x7E;
		}
		out[n++] = byte;
	}
	*out_len = n;
	return true;
}

#endif
