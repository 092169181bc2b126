// SPDX-License-Identifier: MIT
// Finds the record that a delta of the PT-502 refers to. The rules are in pt502_reference.c.
#ifndef AVLD_DECODERS_PT502_REFERENCE_H
#define AVLD_DECODERS_PT502_REFERENCE_H

#include "decoders/pt502/pt502_apply.h"
#include "decoders/pt502/pt502_history.h"

// A delta whose reference is to be found. Ticks: device_memory_tick.
struct pt502_query {
	struct text delta;
	int32_t held_at;     /* its index in session->held; -1: it has just arrived */
	uint32_t tick;       /* of its arrival */
	uint32_t unresolved; /* of the last delta before it not resolved at once; 0: none */
	uint32_t start;      /* of the conversation's first record or delta; 0: this is the first */
	int64_t received_us;
	bool last; /* it expires, and no held delta follows it */
};

struct pt502_choice {
	bool found;
	bool lean;     /* pt502_apply_is_lean */
	size_t index;  /* of the reference in the history */
	uint32_t tick; /* for the rebuilt record */
	struct pt502_rebuilt record;
};

struct pt502_choice pt502_reference_choose(const struct session *session,
	const struct pt502_history *history, const struct pt502_query *query);

#endif
