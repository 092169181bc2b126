// SPDX-License-Identifier: MIT
// Classifies sixteen bytes per step into bit sets (bit n stands for byte n), so that the fields of a record are found
// at once instead of one after another.
#ifndef AVLD_UTIL_SIMD_H
#define AVLD_UTIL_SIMD_H

#include "util/scan.h"

#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

typedef uint8_t lanes __attribute__((vector_size(16)));

static inline lanes lanes_load(const void *at)
{
	lanes bytes;
	memcpy(&bytes, at, sizeof bytes);
	return bytes;
}

// Returns the bytes of a text up to its end, at most sixteen, and zeros after them. Reads no others.
static inline lanes lanes_load_until(const char *at, const char *end)
{
	const size_t left = (size_t)(end - at);
	if (left >= sizeof(lanes))
		return lanes_load(at);
	uint64_t halves[2] = {left >= 8 ? scan_word(at) : scan_short_word(at, left),
		left > 8 ? scan_short_word(at + 8, left - 8) : 0};
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	halves[0] = __builtin_bswap64(halves[0]);
	halves[1] = __builtin_bswap64(halves[1]);
#endif
	return lanes_load(halves);
}

// Returns the set of bytes that are 0xFF. Every byte must be 0x00 or 0xFF, as comparisons of lanes leave them.
static inline uint32_t lanes_set(lanes bytes)
{
#if defined(__SSE2__) && !defined(LANES_BY_WORDS)
	return (uint32_t)_mm_movemask_epi8((__m128i)bytes);
#else
	uint64_t halves[2];
	uint32_t sets[2];
	memcpy(halves, &bytes, sizeof halves);
	for (int i = 0; i < 2; i++) { // bit n of byte n moves to bit 56 + n
		halves[i] &= UINT64_C(0x8040201008040201);
		sets[i] = (uint32_t)(halves[i] * UINT64_C(0x0101010101010101) >> 56);
	}
	return sets[0] | sets[1] << 8;
#endif
}

// Returns the set of bytes '0'..'9'.
static inline uint32_t lanes_digits(lanes bytes)
{
	return lanes_set((lanes)((bytes ^ (uint8_t)'0') <= (uint8_t)9));
}

// Returns the set of hex digits of either case.
static inline uint32_t lanes_hex(lanes bytes)
{
	return lanes_set((lanes)(((bytes ^ (uint8_t)'0') <= (uint8_t)9) |
				 (((bytes | (uint8_t)0x20) - (uint8_t)'a') <= (uint8_t)5)));
}

// Returns the set of bytes equal to a or b.
static inline uint32_t lanes_either(lanes bytes, uint8_t a, uint8_t b)
{
	return lanes_set((lanes)((bytes == a) | (bytes == b)));
}

// Return the same for 32 and for 64 bytes, all of which are read.
static inline uint32_t lanes_either32(const char *at, uint8_t a, uint8_t b)
{
	return lanes_either(lanes_load(at), a, b) | lanes_either(lanes_load(at + 16), a, b) << 16;
}

static inline uint64_t lanes_either64(const char *at, uint8_t a, uint8_t b)
{
	return lanes_either32(at, a, b) | (uint64_t)lanes_either32(at + 32, a, b) << 32;
}

#endif
