// SPDX-License-Identifier: MIT
// Converts Chinese text in GBK to UTF-8.
#ifndef AVLD_UTIL_GBK_H
#define AVLD_UTIL_GBK_H

#include <stddef.h>
#include <stdint.h>

#define GBK_CHAR_MAX 4 /* bytes of the longest character in UTF-8 */

// Writes one character in UTF-8. Returns its length. out has room for GBK_CHAR_MAX.
static inline size_t gbk_put_utf8(uint32_t c, char *out)
{
	size_t len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	if (len == 1) {
		out[0] = (char)c;
		return 1;
	}
	for (size_t i = len - 1; i > 0; i--, c >>= 6)
		out[i] = (char)(0x80 | (c & 0x3F));
	out[0] = (char)(0xF00 >> len | c);
	return len;
}

// Returns the bytes written: at most cap, whole characters. Bytes that are no character become U+FFFD.
size_t gbk_to_utf8(const uint8_t *data, size_t len, char *out, size_t cap);

#endif
