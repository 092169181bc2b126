// SPDX-License-Identifier: MIT
#include "util/checksum.h"
#include "util/scan.h"

uint8_t checksum_xor(const uint8_t *data, size_t len)
{
	const char *at = (const char *)data, *end = at + len;
	uint64_t words = 0;
	for (; end - at >= 32; at += 32) // eight bytes side by side in each word
		words ^=
			scan_word(at) ^ scan_word(at + 8) ^ scan_word(at + 16) ^ scan_word(at + 24);
	for (; end - at >= 8; at += 8)
		words ^= scan_word(at);
	if (at < end && len >= 8) // the last 8 bytes; shifts out those already summed
		words ^= scan_word(end - 8) >> (64 - 8 * (end - at));
	else
		for (; at < end; at++)
			words ^= (uint8_t)*at;
	words ^= words >> 32;
	words ^= words >> 16;
	words ^= words >> 8;
	return (uint8_t)words;
}

// CRC is linear: the entry of a byte is the XOR of the entries of its bits. These eight are 0x8408
// (poly 1021 reflected) run through the shift register, highest bit first.
#define BIT(i, bit, value) (((i) & (bit)) ? (value) : 0)
#define ENTRY(i)                                                                                   \
	(uint16_t)(BIT(i, 0x01, 0x1189) ^ BIT(i, 0x02, 0x2312) ^ BIT(i, 0x04, 0x4624) ^            \
		   BIT(i, 0x08, 0x8C48) ^ BIT(i, 0x10, 0x1081) ^ BIT(i, 0x20, 0x2102) ^            \
		   BIT(i, 0x40, 0x4204) ^ BIT(i, 0x80, 0x8408))
#define ENTRIES_4(i)  ENTRY(i), ENTRY((i) + 1), ENTRY((i) + 2), ENTRY((i) + 3)
#define ENTRIES_16(i) ENTRIES_4(i), ENTRIES_4((i) + 4), ENTRIES_4((i) + 8), ENTRIES_4((i) + 12)
#define ENTRIES_64(i)                                                                              \
	ENTRIES_16(i), ENTRIES_16((i) + 16), ENTRIES_16((i) + 32), ENTRIES_16((i) + 48)

static const uint16_t x25_table[256] = {
	ENTRIES_64(0), ENTRIES_64(64), ENTRIES_64(128), ENTRIES_64(192)};

uint16_t checksum_crc16_x25(const uint8_t *data, size_t len)
{
	unsigned crc = 0xFFFF;
	for (size_t i = 0; i < len; i++)
		crc = (crc >> 8) ^ x25_table[(crc ^ data[i]) & 0xFF];
	return (uint16_t)(crc ^ 0xFFFF);
}
