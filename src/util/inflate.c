// SPDX-License-Identifier: MIT
// After Mark Adler's puff: canonical Huffman codes are decoded bit by bit from the number of codes of each length.
#include "util/inflate.h"

#include <stdbool.h>
#include <string.h>

#define CODE_BITS   15 /* of the longest code */
#define LITERALS    288
#define DISTANCES   30
#define BLOCK_END   256
#define ADLER_BASE  65521
#define ADLER_CHUNK 5552 /* bytes whose sums fit into 32 bits */

struct stream {
	const uint8_t *at, *end;
	uint8_t *out;
	size_t len, room;
	uint32_t bits;  /* read and not used, the next one lowest */
	unsigned count; /* of them */
	enum inflate fault;
};

struct huffman {
	uint16_t count[CODE_BITS + 1]; /* codes of each length */
	uint16_t symbol[LITERALS];     /* in the order of their codes */
};

static bool fail(struct stream *s, enum inflate fault)
{
	s->fault = fault;
	return false;
}

// Returns the next bits, at most 13; 0 beyond the end, which sets the fault.
static unsigned take_bits(struct stream *s, unsigned need)
{
	while (s->count < need) {
		if (s->at == s->end) {
			s->fault = INFLATE_BAD;
			return 0;
		}
		s->bits |= (uint32_t)*s->at++ << s->count;
		s->count += 8;
	}
	const unsigned value = s->bits & ((1u << need) - 1);
	s->bits >>= need;
	s->count -= need;
	return value;
}

// Builds the code from the length of each symbol's code. Returns false if there are too many codes of a length, or if codes
// are missing (but one code alone is allowed).
static bool build(struct huffman *huffman, const uint8_t *lengths, unsigned symbols)
{
	uint16_t offset[CODE_BITS + 1];
	int left = 1;
	memset(huffman->count, 0, sizeof huffman->count);
	for (unsigned i = 0; i < symbols; i++)
		huffman->count[lengths[i]]++;
	for (unsigned len = 1; len <= CODE_BITS; len++) {
		left = left * 2 - huffman->count[len];
		if (left < 0)
			return false;
	}
	offset[1] = 0;
	for (unsigned len = 1; len < CODE_BITS; len++)
		offset[len + 1] = (uint16_t)(offset[len] + huffman->count[len]);
	for (unsigned i = 0; i < symbols; i++)
		if (lengths[i])
			huffman->symbol[offset[lengths[i]]++] = (uint16_t)i;
	return left == 0 || symbols - huffman->count[0] <= 1;
}

// Returns the next symbol, or -1.
static int take_symbol(struct stream *s, const struct huffman *huffman)
{
	int code = 0, first = 0, index = 0;
	for (unsigned len = 1; len <= CODE_BITS; len++) {
		code |= (int)take_bits(s, 1);
		if (s->fault != INFLATE_DONE)
			return -1;
		const int count = huffman->count[len];
		if (code - count < first)
			return huffman->symbol[index + (code - first)];
		index += count;
		first = (first + count) * 2;
		code *= 2;
	}
	s->fault = INFLATE_BAD;
	return -1;
}

static bool put(struct stream *s, uint8_t byte)
{
	if (s->len == s->room)
		return fail(s, INFLATE_FULL);
	s->out[s->len++] = byte;
	return true;
}

// Repeats earlier bytes, whose symbol of length has been read.
static bool copy(struct stream *s, unsigned symbol, const struct huffman *distances)
{
	static const uint16_t length_base[29] = {3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23,
		27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
	static const uint8_t length_bits[29] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3,
		3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
	static const uint16_t distance_base[DISTANCES] = {1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49,
		65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193,
		12289, 16385, 24577};
	if (symbol >= 29)
		return fail(s, INFLATE_BAD);
	unsigned length = length_base[symbol] + take_bits(s, length_bits[symbol]);
	const int code = take_symbol(s, distances);
	if (code < 0 || code >= DISTANCES)
		return fail(s, INFLATE_BAD);
	const size_t distance =
		distance_base[code] + take_bits(s, code < 4 ? 0 : (unsigned)code / 2 - 1);
	if (s->fault != INFLATE_DONE || distance > s->len)
		return fail(s, INFLATE_BAD);
	for (; length > 0; length--)
		if (!put(s, s->out[s->len - distance]))
			return false;
	return true;
}

static bool inflate_codes(
	struct stream *s, const struct huffman *literals, const struct huffman *distances)
{
	for (;;) {
		const int symbol = take_symbol(s, literals);
		if (symbol < 0)
			return false;
		if (symbol == BLOCK_END)
			return true;
		if (symbol < BLOCK_END ? !put(s, (uint8_t)symbol)
				       : !copy(s, (unsigned)symbol - BLOCK_END - 1, distances))
			return false;
	}
}

static bool inflate_stored(struct stream *s)
{
	s->bits = s->count = 0;
	if (s->end - s->at < 4)
		return fail(s, INFLATE_BAD);
	const size_t len = s->at[0] | (size_t)s->at[1] << 8;
	if ((s->at[2] | (size_t)s->at[3] << 8) != (~len & 0xFFFF) ||
		(size_t)(s->end - s->at) - 4 < len)
		return fail(s, INFLATE_BAD);
	if (len > s->room - s->len)
		return fail(s, INFLATE_FULL);
	memcpy(s->out + s->len, s->at + 4, len);
	s->at += 4 + len;
	s->len += len;
	return true;
}

static bool inflate_fixed(struct stream *s)
{
	struct huffman literals, distances;
	uint8_t lengths[LITERALS];
	memset(lengths, 8, 144);
	memset(lengths + 144, 9, 112);
	memset(lengths + 256, 7, 24);
	memset(lengths + 280, 8, 8);
	build(&literals, lengths, LITERALS);
	memset(lengths, 5, DISTANCES);
	build(&distances, lengths, DISTANCES);
	return inflate_codes(s, &literals, &distances);
}

// Reads the lengths of the codes, which are coded themselves.
static bool read_lengths(
	struct stream *s, const struct huffman *codes, uint8_t *lengths, unsigned count)
{
	for (unsigned i = 0; i < count;) {
		const int symbol = take_symbol(s, codes);
		if (symbol < 0)
			return false;
		if (symbol < 16) {
			lengths[i++] = (uint8_t)symbol;
			continue;
		}
		if (symbol == 16 && i == 0)
			return fail(s, INFLATE_BAD);
		const uint8_t len = symbol == 16 ? lengths[i - 1] : 0;
		unsigned times = symbol == 16   ? 3 + take_bits(s, 2)
				 : symbol == 17 ? 3 + take_bits(s, 3)
						: 11 + take_bits(s, 7);
		if (times > count - i)
			return fail(s, INFLATE_BAD);
		for (; times > 0; times--)
			lengths[i++] = len;
	}
	return s->fault == INFLATE_DONE;
}

static bool inflate_dynamic(struct stream *s)
{
	static const uint8_t order[19] = {
		16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
	struct huffman literals, distances;
	uint8_t lengths[LITERALS + DISTANCES + 2] = {0};
	const unsigned literal_count = take_bits(s, 5) + 257, distance_count = take_bits(s, 5) + 1,
		       code_count = take_bits(s, 4) + 4;
	if (literal_count > 286 || distance_count > DISTANCES)
		return fail(s, INFLATE_BAD);
	for (unsigned i = 0; i < code_count; i++)
		lengths[order[i]] = (uint8_t)take_bits(s, 3);
	if (s->fault != INFLATE_DONE || !build(&literals, lengths, 19))
		return fail(s, INFLATE_BAD);
	memset(lengths, 0, 19);
	if (!read_lengths(s, &literals, lengths, literal_count + distance_count))
		return false;
	if (lengths[BLOCK_END] == 0 || !build(&literals, lengths, literal_count) ||
		!build(&distances, lengths + literal_count, distance_count))
		return fail(s, INFLATE_BAD);
	return inflate_codes(s, &literals, &distances);
}

static bool inflate_blocks(struct stream *s)
{
	bool last, fine;
	do {
		last = take_bits(s, 1);
		const unsigned type = take_bits(s, 2);
		if (s->fault != INFLATE_DONE || type == 3)
			return fail(s, INFLATE_BAD);
		fine = type == 0   ? inflate_stored(s)
		       : type == 1 ? inflate_fixed(s)
				   : inflate_dynamic(s);
	} while (fine && !last);
	return fine;
}

static uint32_t adler32(const uint8_t *data, size_t len)
{
	uint32_t a = 1, b = 0;
	while (len > 0) {
		const size_t chunk = len < ADLER_CHUNK ? len : ADLER_CHUNK;
		for (size_t i = 0; i < chunk; i++) {
			a += data[i];
			b += a;
		}
		a %= ADLER_BASE;
		b %= ADLER_BASE;
		data += chunk;
		len -= chunk;
	}
	return b << 16 | a;
}

enum inflate inflate_zlib(const uint8_t *data, size_t len, uint8_t *out, size_t room, size_t *used)
{
	struct stream s = {.out = out, .room = room};
	*used = 0;
	// Method 8, a window of at most 32 KiB, no preset dictionary.
	if (len < 6 || (data[0] & 0x0F) != 8 || data[0] >> 4 > 7 || data[1] & 0x20 ||
		(data[0] << 8 | data[1]) % 31 != 0)
		return INFLATE_BAD;
	s.at = data + 2;
	s.end = data + len;
	if (!inflate_blocks(&s))
		return s.fault;
	if (s.end - s.at < 4)
		return INFLATE_BAD;
	const uint32_t sum = (uint32_t)s.at[0] << 24 | (uint32_t)s.at[1] << 16 |
			     (uint32_t)s.at[2] << 8 | s.at[3];
	*used = s.len;
	return sum == adler32(out, s.len) ? INFLATE_DONE : INFLATE_BAD;
}
