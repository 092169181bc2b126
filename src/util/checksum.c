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

// Returns the sums of even and odd bytes, as four numbers of 16 bits.
static uint64_t add_pairs(uint64_t word)
{
	const uint64_t even = UINT64_C(0x00FF00FF00FF00FF);
	return (word & even) + (word >> 8 & even);
}

// Returns the sum of four numbers of 16 bits, which must fit into 16 bits.
static uint64_t add_lanes(uint64_t lanes)
{
	return (lanes * UINT64_C(0x0001000100010001)) >> 48;
}

uint8_t checksum_sum(const uint8_t *data, size_t len)
{
	const char *at = (const char *)data, *end = at + len;
	uint64_t total = 0;
	for (; end - at >= 32; at += 32)
		total += add_lanes(add_pairs(scan_word(at)) + add_pairs(scan_word(at + 8)) +
				   add_pairs(scan_word(at + 16)) + add_pairs(scan_word(at + 24)));
	for (; end - at >= 8; at += 8)
		total += add_lanes(add_pairs(scan_word(at)));
	if (at < end && len >= 8) // the last 8 bytes; shifts out those already summed
		total += add_lanes(add_pairs(scan_word(end - 8) >> (64 - 8 * (end - at))));
	else
		for (; at < end; at++)
			total += (uint8_t)*at;
	return (uint8_t)total;
}

// CRC is linear: the entry of a byte is the XOR of the entries of its bits, which are the reflected polynomial run through
// the shift register: b7 for the highest bit, b0 for the lowest.
#define BIT(i, bit, value) (((i) & (bit)) ? (value) : 0)
#define ENTRY(i, b0, b1, b2, b3, b4, b5, b6, b7)                                                   \
	(uint16_t)(BIT(i, 0x01, b0) ^ BIT(i, 0x02, b1) ^ BIT(i, 0x04, b2) ^ BIT(i, 0x08, b3) ^     \
		   BIT(i, 0x10, b4) ^ BIT(i, 0x20, b5) ^ BIT(i, 0x40, b6) ^ BIT(i, 0x80, b7))
#define X25(i)                                                                                     \
	ENTRY(i, 0x1189, 0x2312, 0x4624, 0x8C48, 0x1081, 0x2102, 0x4204, 0x8408) // 1021 reflected
// 8005 reflected, and the entries of a byte that 1 to 7 zeros follow.
#define ARC(i)           ENTRY(i, 0xC0C1, 0xC181, 0xC301, 0xC601, 0xCC01, 0xD801, 0xF001, 0xA001)
#define ARC_1(i)         ENTRY(i, 0x9001, 0x6001, 0xC002, 0xC007, 0xC00D, 0xC019, 0xC031, 0xC061)
#define ARC_2(i)         ENTRY(i, 0xC051, 0xC0A1, 0xC141, 0xC281, 0xC501, 0xCA01, 0xD401, 0xE801)
#define ARC_3(i)         ENTRY(i, 0xFC01, 0xB801, 0x3001, 0x6002, 0xC004, 0xC00B, 0xC015, 0xC029)
#define ARC_4(i)         ENTRY(i, 0xC03D, 0xC079, 0xC0F1, 0xC1E1, 0xC3C1, 0xC781, 0xCF01, 0xDE01)
#define ARC_5(i)         ENTRY(i, 0xD101, 0xE201, 0x8401, 0x4801, 0x9002, 0x6007, 0xC00E, 0xC01F)
#define ARC_6(i)         ENTRY(i, 0xC010, 0xC023, 0xC045, 0xC089, 0xC111, 0xC221, 0xC441, 0xC881)
#define ARC_7(i)         ENTRY(i, 0xCCC1, 0xD981, 0xF301, 0xA601, 0x0C01, 0x1802, 0x3004, 0x6008)
#define CCITT(i)         ENTRY(i, 0x1021, 0x2042, 0x4084, 0x8108, 0x1231, 0x2462, 0x48C4, 0x9188) // 1021
#define ENTRIES_4(of, i) of(i), of((i) + 1), of((i) + 2), of((i) + 3)
#define ENTRIES_16(of, i)                                                                          \
	ENTRIES_4(of, i), ENTRIES_4(of, (i) + 4), ENTRIES_4(of, (i) + 8), ENTRIES_4(of, (i) + 12)
#define ENTRIES_64(of, i)                                                                          \
	ENTRIES_16(of, i), ENTRIES_16(of, (i) + 16), ENTRIES_16(of, (i) + 32),                     \
		ENTRIES_16(of, (i) + 48)
#define ENTRIES_256(of)                                                                            \
	ENTRIES_64(of, 0), ENTRIES_64(of, 64), ENTRIES_64(of, 128), ENTRIES_64(of, 192)

static const uint16_t x25_table[256] = {ENTRIES_256(X25)};
static const uint16_t arc_tables[8][256] = {{ENTRIES_256(ARC)}, {ENTRIES_256(ARC_1)},
	{ENTRIES_256(ARC_2)}, {ENTRIES_256(ARC_3)}, {ENTRIES_256(ARC_4)}, {ENTRIES_256(ARC_5)},
	{ENTRIES_256(ARC_6)}, {ENTRIES_256(ARC_7)}};
static const uint16_t ccitt_table[256] = {ENTRIES_256(CCITT)};

uint16_t checksum_crc16_x25(const uint8_t *data, size_t len)
{
	unsigned crc = 0xFFFF;
	for (size_t i = 0; i < len; i++)
		crc = (crc >> 8) ^ x25_table[(crc ^ data[i]) & 0xFF];
	return (uint16_t)(crc ^ 0xFFFF);
}

uint16_t checksum_crc16_arc(const uint8_t *data, size_t len)
{
	return checksum_crc16_arc_more(0, data, len);
}

uint16_t checksum_crc16_arc_more(uint16_t before, const uint8_t *data, size_t len)
{
	unsigned crc = before;
	// Eight bytes a step: the sum of their entries, each with the zeros after it.
	for (; len >= 8; data += 8, len -= 8) {
		crc ^= data[0] | (unsigned)data[1] << 8;
		crc = arc_tables[7][crc & 0xFF] ^ arc_tables[6][crc >> 8] ^ arc_tables[5][data[2]] ^
		      arc_tables[4][data[3]] ^ arc_tables[3][data[4]] ^ arc_tables[2][data[5]] ^
		      arc_tables[1][data[6]] ^ arc_tables[0][data[7]];
	}
	for (; len > 0; data++, len--)
		crc = (crc >> 8) ^ arc_tables[0][(crc ^ *data) & 0xFF];
	return (uint16_t)crc;
}

uint16_t checksum_crc16_ccitt(const uint8_t *data, size_t len)
{
	unsigned crc = 0xFFFF;
	for (size_t i = 0; i < len; i++)
		crc = (crc << 8 ^ ccitt_table[(crc >> 8 ^ data[i]) & 0xFF]) & 0xFFFF;
	return (uint16_t)crc;
}
