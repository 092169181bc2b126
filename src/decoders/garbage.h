// SPDX-License-Identifier: MIT
// Undecodable bytes of a stream, for decoders whose frames begin with a byte of their own.
#ifndef AVLD_DECODERS_GARBAGE_H
#define AVLD_DECODERS_GARBAGE_H

#include "protocol/decoder.h"

#include <string.h>

#define GARBAGE_MOST 512 /* bytes without a frame in a row */

static inline uint16_t garbage_so_far(const uint8_t *count)
{
	uint16_t garbage;
	memcpy(&garbage, count, sizeof garbage);
	return garbage;
}

// Counts undecodable bytes in a row. Returns false, and counts nothing, if they are more than `most` then: framing is lost.
// count: two bytes of the session's memo, which the decoder sets to 0 at each frame.
static inline bool garbage_count(uint8_t *count, size_t len, size_t most)
{
	const size_t sum = garbage_so_far(count) + len;
	const uint16_t garbage = (uint16_t)sum;
	if (sum > most)
		return false;
	memcpy(count, &garbage, sizeof garbage);
	return true;
}

// Cuts undecodable bytes as a frame of their own, up to a byte that ends_it, for decode() to reject. Framing is lost after
// GARBAGE_MOST bytes in a row. count: see garbage_count. last: no more bytes are expected.
static inline struct frame garbage_cut(
	uint8_t *count, const uint8_t *data, size_t len, bool last, bool (*ends_it)(uint8_t))
{
	size_t end = 1;
	while (end < len && end <= GARBAGE_MOST && !ends_it(data[end]))
		end++;
	const bool fits = garbage_so_far(count) + end <= GARBAGE_MOST;
	if (fits && end == len && !last)
		return (struct frame){FRAME_OPEN, len + 1};
	return (struct frame){garbage_count(count, end, GARBAGE_MOST) ? FRAME_OK : FRAME_BAD, end};
}

#endif
