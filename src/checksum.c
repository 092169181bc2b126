// SPDX-License-Identifier: MIT
// The check sums of tracker protocols.
#include "checksum.h"

#include <string.h>

uint8_t checksum_xor(const uint8_t *data, size_t len)
{
	uint64_t words = 0, word, four[4];
	uint8_t sum = 0;
	for (; len >= 32; data += 32, len -= 32) { // a byte in each of eight lanes, four times
		memcpy(four, data, 32);
		words ^= four[0] ^ four[1] ^ four[2] ^ four[3];
	}
	for (; len >= 8; data += 8, len -= 8) {
		memcpy(&word, data, 8);
		words ^= word;
	}
	words ^= words >> 32;
	words ^= words >> 16;
	words ^= words >> 8;
	for (size_t i = 0; i < len; i++)
		sum ^= data[i];
	return sum ^ (uint8_t)words;
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
