// SPDX-License-Identifier: MIT
// Right checksums for frames that were mutated.
#ifndef AVLD_FUZZ_SEAL_H
#define AVLD_FUZZ_SEAL_H

#include "util/checksum.h"

#include <string.h>

// Gives a packet of Teltonika at the head of the bytes its checksum. Returns its length; 0: there is none.
static size_t seal_teltonika(uint8_t *data, size_t len)
{
	static const uint8_t start[6] = {0};
	if (len < 12 || memcmp(data, start, sizeof start) != 0)
		return 0;
	const size_t body_len = (size_t)data[6] << 8 | data[7];
	if (body_len > len - 12)
		return 0;
	const uint16_t crc = checksum_crc16_arc(data + 8, body_len);
	const uint8_t end[4] = {0, 0, (uint8_t)(crc >> 8), (uint8_t)crc};
	memcpy(data + 8 + body_len, end, sizeof end);
	return body_len + 12;
}

// Gives a frame of JT808 at the head of the bytes its checksum and, if asked to, the length of its body. Returns its
// length without the closing delimiter; 0: there is no frame, or the checksum has no room.
static size_t seal_jt808(uint8_t *data, size_t len, bool with_length)
{
	const uint8_t *end = len > 12 && data[0] == 0x7E ? memchr(data + 1, 0x7E, len - 1) : NULL;
	const size_t total = end ? (size_t)(end - data) : 0;
	if (total < 12)
		return 0;
	size_t plain_len = 0, check = total - 1;
	uint8_t sum = 0;
	for (size_t at = 1; at < total; at++, plain_len++)
		at += data[at] == 0x7D;
	const size_t header = (data[3] & 0x40 ? 17 : 12) + (data[3] & 0x20 ? 4 : 0);
	if (with_length && plain_len > header && plain_len - 1 - header < 0x100 &&
		data[3] != 0x7D) {
		const uint8_t body_len = (uint8_t)(plain_len - 1 - header);
		data[3] &= 0xFC;
		if (data[4] != 0x7D && body_len != 0x7D && body_len != 0x7E)
			data[4] = body_len;
	}
	const bool is_pair = data[check - 1] == 0x7D;
	if (is_pair)
		data[check - 1] = 0; // now the last byte of the body
	for (size_t at = 1; at < check; at++) {
		const bool escaped = data[at] == 0x7D && at + 1 < check;
		sum ^= escaped ? (uint8_t)(0x7C + data[at + 1]) : data[at];
		at += escaped;
	}
	if (sum == 0x7D || sum == 0x7E) {
		data[check - 1] ^= 0x10; // any other body
		sum ^= 0x10;
	}
	data[check] = sum;
	return total;
}

// Gives a binary frame of Queclink at the head of the bytes its sum. Returns its length; 0: there is none.
static size_t seal_queclink(uint8_t *data, size_t len)
{
	static const struct {
		char keyword[5];
		uint8_t at, size; /* of the length */
	} kinds[] = {{"+RSP", 9, 2}, {"+BSP", 9, 2}, {"+EVT", 9, 2}, {"+BVT", 9, 2}, {"+INF", 7, 2},
		{"+BNF", 7, 2}, {"+ACK", 6, 1}, {"+HBD", 5, 1}, {"+CRD", 6, 2}, {"+LGN", 6, 2}};
	for (size_t i = 0; len > 16 && i < sizeof kinds / sizeof kinds[0]; i++) {
		if (memcmp(data, kinds[i].keyword, 4) != 0)
			continue;
		const uint8_t *at = data + kinds[i].at;
		const size_t total = kinds[i].size == 1 ? at[0] : (size_t)at[0] << 8 | at[1];
		if (total < 12 || total > len)
			return 0;
		const uint16_t sum = checksum_crc16_ccitt(data + 4, total - 8);
		const uint8_t end[4] = {(uint8_t)(sum >> 8), (uint8_t)sum, '\r', '\n'};
		memcpy(data + total - 4, end, sizeof end);
		return total;
	}
	return 0;
}

// Gives a frame of Meitrack at the head of the bytes its end and sum. Returns its length; 0: there is none.
static size_t seal_meitrack(uint8_t *data, size_t len)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t at = 3, total = 0;
	if (len < 24 || data[0] != '$' || data[1] != '$')
		return 0;
	for (; at < 7 && data[at] >= '0' && data[at] <= '9'; at++)
		total = total * 10 + data[at] - (size_t)'0';
	total += at;
	if (data[at] != ',' || total < at + 6 || total > len)
		return 0;
	data[total - 5] = '*';
	const uint8_t sum = checksum_sum(data, total - 4);
	const uint8_t end[4] = {(uint8_t)digits[sum >> 4], (uint8_t)digits[sum & 15], '\r', '\n'};
	memcpy(data + total - 4, end, sizeof end);
	return total;
}

// Gives the frames of GT06, JT808, Meitrack, Queclink and Teltonika a right checksum, which mutation does not find, and with
// with_length those of JT808 a right length.
static void seal_frames(uint8_t *data, size_t len, bool with_length)
{
	for (size_t at = 0; at + 4 < len;) {
		uint8_t *frame = data + at;
		const bool is_start =
			(frame[0] == 0x78 || frame[0] == 0x79) && frame[1] == frame[0];
		const size_t head = frame[0] == 0x78 ? 3 : 4;
		const size_t length = head == 3 ? frame[2] : (size_t)frame[2] << 8 | frame[3];
		const size_t total = head + length + 2;
		const size_t packet =
			seal_teltonika(frame, len - at) + seal_queclink(frame, len - at) +
			seal_meitrack(frame, len - at) + seal_jt808(frame, len - at, with_length);
		if (packet > 0) {
			at += packet;
			continue;
		}
		if (!is_start || length < 5 || total > len - at) {
			at++;
			continue;
		}
		const uint16_t crc = checksum_crc16_x25(frame + 2, total - 6);
		const uint8_t end[4] = {(uint8_t)(crc >> 8), (uint8_t)crc, 0x0D, 0x0A};
		memcpy(frame + total - sizeof end, end, sizeof end);
		at += total;
	}
}

#endif
