// SPDX-License-Identifier: MIT
// Delta records of the PT-502. Drawn in pt502_delta.c.
#ifndef AVLD_DECODERS_PT502_DELTA_H
#define AVLD_DECODERS_PT502_DELTA_H

#include "protocol/decoder.h"

// Decodes a delta, or holds it until its reference arrives. data, len: '@', check, and whole
// triples.
enum decode_status pt502_delta_decode(
	struct session *session, const uint8_t *data, size_t len, struct decoded *out);
// Tries the held deltas again. Those that arrived before last_us expire after this call.
void pt502_delta_retry(struct session *session, int64_t last_us, struct decoded *out);
// Handles the late rest of a delta that was cut: undoes what can be undone of the part before, and
// rejects the rest.
enum decode_status pt502_delta_refuse_rest(struct session *session, struct decoded *out);

#endif
