// SPDX-License-Identifier: MIT
// Wi-Fi points in a report: the text extra.wifi, "02005e100001,-61;02005e100002,-70".
#ifndef AVLD_DECODERS_WIFI_H
#define AVLD_DECODERS_WIFI_H

#include "util/decimal.h"
#include "util/simd.h"
#include "util/text.h"

#define WIFI_MAC   17                             /* bytes of 02:00:5e:10:00:01 */
#define WIFI_POINT (1 + 12 + 1 + DECIMAL_MAX + 1) /* bytes of a point in the list, at most */

// Returns true for six pairs of hex digits with colons, or dashes if they are allowed, between them.
static inline bool wifi_is_mac(struct text text, bool allows_dashes)
{
	const uint32_t marks = 1u << 2 | 1u << 5 | 1u << 8 | 1u << 11 | 1u << 14;
	if (text.len != WIFI_MAC)
		return false;
	const lanes bytes = lanes_load(text.data);
	return lanes_hex(bytes) == (0xFFFF & ~marks) &&
	       (lanes_either(bytes, ':', allows_dashes ? '-' : ':') & marks) == marks &&
	       text_hex_digit(text.data[WIFI_MAC - 1]) >= 0;
}

// Appends a point to a list of len bytes with room for WIFI_POINT more. mac: six pairs of hex digits, each `step` bytes after
// the one before. Returns the length.
static inline size_t wifi_put_pairs(
	char *list, size_t len, struct text mac, size_t step, int64_t level)
{
	char *end = list + len;
	if (len > 0)
		*end++ = ';';
	for (size_t i = 0; i < 6 * step; i += step) { // in lower case; digits have that bit
		*end++ = (char)(mac.data[i] | 0x20);
		*end++ = (char)(mac.data[i + 1] | 0x20);
	}
	*end++ = ',';
	return (size_t)(decimal_write_signed(end, level) - list);
}

// The same. mac: wifi_is_mac.
static inline size_t wifi_put(char *list, size_t len, struct text mac, int64_t level)
{
	return wifi_put_pairs(list, len, mac, 3, level);
}

// The same. mac: 12 hex digits.
static inline size_t wifi_put_bare(char *list, size_t len, struct text mac, int64_t level)
{
	return wifi_put_pairs(list, len, mac, 2, level);
}

#endif
