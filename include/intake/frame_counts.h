// SPDX-License-Identifier: MIT
// Frames, bytes and reports by protocol and transport. Each frame is counted twice, when it is cut from the bytes and when it
// is known what became of it: the two sums are equal whenever no frame is under way.
#ifndef AVLD_INTAKE_FRAME_COUNTS_H
#define AVLD_INTAKE_FRAME_COUNTS_H

#include "feed/registry.h"
#include "model/peer.h"

#include <stddef.h>
#include <stdint.h>

// What became of a frame: the first that applies.
enum frame_outcome {
	FRAME_REFUSED,  /* its device is not admitted */
	FRAME_ON_TRIAL, /* its reports are kept until it is known whether its device is admitted */
	FRAME_POSITION, /* a report with a position */
	FRAME_STATUS,   /* a report without one */
	FRAME_REJECTED, /* it could not be used */
	FRAME_HELD,     /* kept until its reference or its other parts arrive */
	FRAME_IGNORED,  /* sound, and without a report: a log-in, a heartbeat */
	FRAME_OUTCOMES
};
// Returns "refused", "on_trial", ...
const char *frame_counts_outcome_name(enum frame_outcome outcome);

struct frame_counts_row {
	uint64_t frames;
	uint64_t bytes;   /* received and used, fillers and rejected ones included */
	uint64_t reports; /* accepted */
	uint64_t outcomes[FRAME_OUTCOMES];
};

#define FRAME_COUNTS_NONE      32 /* index: no decoder has been found */
#define FRAME_COUNTS_PROTOCOLS (FRAME_COUNTS_NONE + 1)

// Zeroed it is empty.
struct frame_counts {
	const struct decoder *last; /* asked for last, and its index */
	size_t last_index;
	struct frame_counts_row rows[FRAME_COUNTS_PROTOCOLS][2]; /* by decoder and enum transport */
};

// Returns the index of a decoder; NULL: no decoder has been found.
size_t frame_counts_find(const struct decoder *decoder);
// Returns the row of a decoder and an enum transport. Most frames are of the same decoder as the one before.
static inline struct frame_counts_row *frame_counts_of(
	struct frame_counts *counts, const struct decoder *decoder, uint8_t transport)
{
	if (decoder != counts->last || !decoder) {
		counts->last = decoder;
		counts->last_index = frame_counts_find(decoder);
	}
	return &counts->rows[counts->last_index][transport == TRANSPORT_UDP];
}
// Returns the name of the protocol of this index, "-" for none; NULL: there is no such index.
const char *frame_counts_protocol(size_t index);

#endif
