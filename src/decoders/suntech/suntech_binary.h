// SPDX-License-Identifier: MIT
// Binary frames of a Suntech ("zip"). Drawn in suntech_binary.c.
#ifndef AVLD_DECODERS_SUNTECH_BINARY_H
#define AVLD_DECODERS_SUNTECH_BINARY_H

#include "decoders/suntech/suntech_message.h"

#define SUNTECH_BINARY_MOST 516 /* bytes of a frame */

// Returns true if the first byte is that of a binary frame.
static inline bool suntech_binary_is(uint8_t first)
{
	return first == 0x02 || first == 0x81 || first == 0x82;
}

// Returns MAYBE with the frame's length in *need, MORE with the bytes needed, or NO.
enum probe suntech_binary_probe(const uint8_t *data, size_t len, size_t *need);

// The same, but NO if the ident is not BCD or the type not known: these bytes open a conversation.
enum probe suntech_binary_probe_opening(const uint8_t *data, size_t len, size_t *need);

enum decode_status suntech_binary_decode(
	struct session *session, const uint8_t *data, size_t len, struct decoded *out);

#endif
