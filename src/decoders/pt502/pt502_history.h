// SPDX-License-Identifier: MIT
// Shared by the files that make records of the PT-502's deltas: pt502_past.c remembers records,
// pt502_apply.c applies a delta to one, pt502_reference.c chooses which, pt502_delta.c is the rest.
#ifndef AVLD_DECODERS_PT502_DELTA_H
#define AVLD_DECODERS_PT502_DELTA_H

#include "decoders/pt502/pt502.h"
#include "protocol/device_memory.h"

#define PAST_MOST   9 /* the last 8, and the newest live one if it is not among them */
#define PAST_POOL   1280u
#define RECORD_MOST 255 /* bytes of a record that is remembered */
#define FIELDS_MOST 64

// Remembered of a device, in order of arrival (drawn in pt502_past.c). Ticks: session_tick.
struct past_record {
	uint32_t time_s; /* of the device, since 1970; 0: none */
	uint32_t tick;   /* when it came; of one made of a delta, when that came */
	uint16_t at;     /* in pool */
	uint8_t len;
	bool stored : 1;   /* out of the tracker's log */
	bool followed : 1; /* a delta has led on from it */
};

struct past {
	uint8_t xors[PAST_MOST]; /* first: a search through all devices looks at little else */
	uint8_t count;
	uint8_t leans;     /* deltas in a row that were lean */
	uint16_t end;      /* of what is used of pool, */
	uint16_t used;     /* and how much of that is records */
	uint32_t astray;   /* tick of the last delta that found no reference at once; 0: none */
	uint32_t latest_s; /* no record has a later time */
	int32_t lag_s;     /* receipt less the device's time, of the last live record */
	bool lag_known;
	struct past_record records[PAST_MOST];
	char pool[PAST_POOL];
};

_Static_assert(sizeof(struct past) <= PT502_PAST_SIZE, "the device's block holds it");

// A record made of a delta.
struct record {
	uint8_t len;
	char data[RECORD_MOST];
};

static inline struct text record_text(const struct record *record)
{
	return (struct text){record->data, record->len};
}

static inline bool is_same(struct text a, struct text b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

// Was the first after the second?
static inline bool is_later(uint32_t tick, uint32_t other)
{
	return (int32_t)(tick - other) > 0;
}

// pt502_past.c
struct text past_text(const struct past *past, size_t index);
// sum: its XOR. past->count: is not there.
size_t past_find(const struct past *past, struct text text, uint8_t sum);
void past_drop(struct past *past, size_t index);

// pt502_apply.c
struct fields {
	size_t count; /* 0: too many */
	struct text field[FIELDS_MOST];
};
uint8_t delta_xor(struct text record);
struct fields delta_split(struct text record);
struct text delta_ident(const struct fields *fields);
uint32_t delta_time(const struct fields *fields); /* 0: none, or broken */
// delta: '@', check, whole triples. False: it does not fit the reference, or changes nothing.
bool delta_apply(struct text reference, struct text delta, struct record *out);
// Does each text begin where the reference differs, as the trackers known make them? It must fit.
bool delta_is_lean(struct text reference, struct text delta);
struct text delta_held(const struct hold *held, uint32_t index);
// How many deltas in a row go on from the reference, the first of them at `start`, and how much that
// says: about 1 in 2^bits does by chance. It is less than the number of checks makes one think.
#define DELTA_CHECK_BITS 4u /* of records of one layout: digits differ in four bits */
struct chain {
	size_t length;
	unsigned bits;
};
struct chain delta_chain(const struct hold *held, uint32_t start, struct text reference);

// pt502_reference.c
// A delta that looks for its reference.
struct seeker {
	struct text delta;
	int32_t place;   /* in session->held; -1: it has only just come */
	uint32_t tick;   /* when it came */
	uint32_t after;  /* when the last one before it went astray; 0: none did */
	uint32_t start;  /* the conversation's first tick; 0: this is the first */
	int64_t came_us; /* receipt */
	bool last;       /* its time is up, and none waits behind it */
};

struct choice {
	bool found, lean;
	uint32_t tick; /* for the record made */
	size_t index;  /* of the reference */
	struct record record;
};
struct choice delta_choose(
	const struct session *session, const struct past *past, const struct seeker *seeker);

#endif
