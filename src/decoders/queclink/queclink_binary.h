// SPDX-License-Identifier: MIT
// Binary frames of a Queclink with a keyword. Drawn in queclink_binary.c.
#ifndef AVLD_DECODERS_QUECLINK_BINARY_H
#define AVLD_DECODERS_QUECLINK_BINARY_H

#include "protocol/decoder.h"

// Returns YES for a keyword, MORE for the start of one. *length_at, *length_len: where the frame's length is.
enum probe queclink_binary_find(
	const uint8_t *data, size_t len, size_t *length_at, size_t *length_len);

#define QUECLINK_BINARY_LEAST 12 /* bytes of a frame */
#define QUECLINK_BINARY_SUMS  4  /* bytes after what is summed */

// Returns true for a right sum. The frame has at least QUECLINK_BINARY_LEAST bytes.
bool queclink_binary_is_sound(const uint8_t *data, size_t len);

// Decodes a frame with a right sum.
enum decode_status queclink_binary_decode(
	struct session *session, const uint8_t *data, size_t len, struct decoded *out);

// Sets the position of a report. Returns false if these are no coordinates.
bool queclink_binary_set_place(
	struct report *report, int64_t lat_e6, int64_t lon_e6, bool is_valid);

#endif
