// SPDX-License-Identifier: MIT
// Binary records of the H02. Drawn in h02_binary.c.
#ifndef AVLD_DECODERS_H02_BINARY_H
#define AVLD_DECODERS_H02_BINARY_H

#include "protocol/decoder.h"

// Decodes a record that begins with $ or X.
enum decode_status h02_binary_decode(
	struct session *session, const uint8_t *data, size_t len, struct decoded *out);

// Returns NO, MORE, or MAYBE if the bytes have the shape of a record that begins with $.
enum probe h02_binary_probe(const uint8_t *data, size_t len);

#endif
