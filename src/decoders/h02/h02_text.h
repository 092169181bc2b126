// SPDX-License-Identifier: MIT
// Text records of the H02. Drawn in h02_text.c.
#ifndef AVLD_DECODERS_H02_TEXT_H
#define AVLD_DECODERS_H02_TEXT_H

#include "protocol/decoder.h"

// Decodes a frame from '*' to '#'.
enum decode_status h02_text_decode(
	struct session *session, const uint8_t *data, size_t len, struct decoded *out);

// Returns whether the bytes open a conversation, by the letters, the id and the type.
enum probe h02_text_probe(const uint8_t *data, size_t len);

#endif
