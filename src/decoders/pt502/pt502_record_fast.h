// SPDX-License-Identifier: MIT
// The fast parser for the usual records of the PT-502.
#ifndef AVLD_DECODERS_PT502_RECORD_FAST_H
#define AVLD_DECODERS_PT502_RECORD_FAST_H

#include "protocol/decoder.h"

// Decodes a line if it is a record of the usual shape, with the result of pt502_record_decode.
// Returns false, and changes nothing, if it is not.
bool pt502_record_fast(
	struct session *session, const uint8_t *data, size_t len, struct decoded *out);

#endif
