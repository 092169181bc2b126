// SPDX-License-Identifier: MIT
// Applies deltas of the PT-502 to records. A delta is '@', check, and whole triples (pt502_delta.c
// draws it).
#ifndef AVLD_DECODERS_PT502_APPLY_H
#define AVLD_DECODERS_PT502_APPLY_H

#include "decoders/pt502/pt502_line.h"
#include "protocol/held_frames.h"

// A record rebuilt from a delta.
struct pt502_rebuilt {
	uint8_t len;
	char data[PT502_RECORD_MOST];
};

static inline struct text pt502_rebuilt_text(const struct pt502_rebuilt *record)
{
	return (struct text){record->data, record->len};
}

// Applies a delta. Returns false if it does not fit the reference or changes nothing.
bool pt502_apply(struct text reference, struct text delta, struct pt502_rebuilt *out);

// Returns true if the delta is lean: each of its texts begins where the reference differs, as those
// of all known trackers do. The delta must fit the reference.
bool pt502_apply_is_lean(struct text reference, struct text delta);

// Returns a held frame.
struct text pt502_apply_held(const struct held_frames *held, uint32_t index);

#define PT502_CHECK_BITS 4u /* evidence of one check: digits differ only in four bits */

// The held deltas that apply one after another, starting at a reference.
struct pt502_chain {
	size_t length;
	unsigned bits; /* evidence for the reference: about 1 in 2^bits fits by chance */
};
// Follows the chain from the held delta `start` on. bits is less than PT502_CHECK_BITS * length
// where a check says nothing new.
struct pt502_chain pt502_apply_chain(
	const struct held_frames *held, uint32_t start, struct text reference);

#endif
