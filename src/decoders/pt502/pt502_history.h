// SPDX-License-Identifier: MIT
// The device memory of the PT-502: the last records of a device, to which its next delta may refer.
#ifndef AVLD_DECODERS_PT502_HISTORY_H
#define AVLD_DECODERS_PT502_HISTORY_H

#include "decoders/pt502/pt502_line.h"
#include "protocol/device_memory.h"

#define PT502_HISTORY_MOST                                                                         \
	9 /* the last 8 records, and the newest live one if it is not among them */
#define PT502_HISTORY_POOL 1280u

struct pt502_history_record {
	uint32_t time_s;   /* device time, seconds since 1970; 0: unknown */
	uint32_t tick;     /* of its arrival; of a rebuilt record: of its delta's arrival */
	uint16_t at;       /* offset in the pool */
	uint8_t len;       /* bytes in the pool */
	bool stored : 1;   /* from the tracker's log */
	bool followed : 1; /* a delta has used it as its reference */
};

// The device's block. Drawn in pt502_history.c. Ticks: device_memory_tick.
struct pt502_history {
	uint8_t xors[PT502_HISTORY_MOST]; /* first: a search of all devices reads little else */
	uint8_t count;
	uint8_t leans;       /* lean deltas in a row */
	uint16_t end;        /* of the used part of the pool */
	uint16_t used;       /* bytes of records in that part */
	uint32_t unresolved; /* tick of the last delta not resolved at once; 0: none */
	uint32_t latest_s;   /* no record has a later time */
	int32_t lag_s;       /* time of receipt less device time, of the last live record */
	bool lag_known;
	struct pt502_history_record records[PT502_HISTORY_MOST]; /* in order of arrival */
	char pool[PT502_HISTORY_POOL];
};

struct text pt502_history_text(const struct pt502_history *history, size_t index);
// Returns the index of a record with this text, or history->count if there is none. sum: its XOR.
size_t pt502_history_find(const struct pt502_history *history, struct text text, uint8_t sum);
void pt502_history_drop(struct pt502_history *history, size_t index);

// Remembers a decoded line if it is a record. report: what it was decoded to; NULL if it was
// rejected. tick: of the delta that it was rebuilt from; 0 if it was received whole. sum: the XOR
// of the line if it is known, else PT502_SUM_UNKNOWN.
#define PT502_SUM_UNKNOWN (-1)
void pt502_history_remember(struct session *session, struct text line, const struct report *report,
	uint32_t tick, int sum);
// Notes when the conversation's first record or delta arrived; later calls change nothing.
void pt502_history_note_start(struct session *session);

#endif
