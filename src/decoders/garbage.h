// SPDX-License-Identifier: MIT
// Undecodable bytes of a stream, for decoders whose frames begin with a byte of their own.
#ifndef AVLD_DECODERS_GARBAGE_H
#define AVLD_DECODERS_GARBAGE_H

#include "protocol/decoder.h"

#include <string.h>

#define GARBAGE_MOST 512 /* bytes without a frame in a row */

// Cuts undecodable bytes as a frame of their own, up to a byte that ends_it, for decode() to reject. Framing is lost after
// GARBAGE_MOST bytes in a row. `count`: two bytes of the session's memo, which the decoder sets to 0 at each frame. `last`: no more
// bytes are expected.
static inline struct frame garbage_cut(
	uint8_t *count, const uint8_t *data, size_t len, bool last, bool (*ends_it)(uint8_t))
{
	uint16_t garbage;
	size_t end = 1;
	memcpy(&garbage, count, sizeof garbage);
	while (end < len && end <= GARBAGE_MOST && !ends_it(data[end]))
		end++;
	if (garbage + end > GARBAGE_MOST)
		return (struct frame){FRAME_BAD, end};
	if (end == len && !last)
		return (struct frame){FRAME_OPEN, len + 1};
	garbage = (uint16_t)(garbage + end);
	memcpy(count, &garbage, sizeof garbage);
	return (struct frame){FRAME_OK, end};
}

#endif
