// SPDX-License-Identifier: MIT
// The first field of a Suntech text frame, and what a session remembers of it.
#ifndef AVLD_DECODERS_SUNTECH_HEAD_H
#define AVLD_DECODERS_SUNTECH_HEAD_H

#include "decoders/fields.h"

// Offsets in session.memo.
#define SUNTECH_MEMO_KIND    0  /* 1 byte: enum suntech_kind of the last frame */
#define SUNTECH_MEMO_FAMILY  1  /* its length, and SUNTECH_FAMILY_MOST bytes; 0: none was seen */
#define SUNTECH_MEMO_CRASH   8  /* 1 byte: number of crash reports that were begun */
#define SUNTECH_MEMO_LOST    9  /* 1 byte: the bytes just cut are undecodable */
#define SUNTECH_MEMO_GARBAGE 10 /* 2 bytes: bytes without a head since the last frame */

#define SUNTECH_FAMILY_MOST 6 /* ST3300 */

enum suntech_kind {
	SUNTECH_NONE,
	SUNTECH_LEGACY,    /* ST300STT;id;... */
	SUNTECH_NINE,      /* ST910;Location;id;... */
	SUNTECH_UNIVERSAL, /* STT;id;... */
};

struct suntech_head {
	enum suntech_kind kind;
	struct text family; /* "ST300"; empty: UNIVERSAL */
	struct text type;   /* "STT"; empty: NINE */
	size_t len;         /* of the first field */
};

// Reads the first field and the ; after it. Returns false if they are no head.
bool suntech_head_read(struct text text, struct suntech_head *head);

// Returns whether the bytes open a conversation. is_end: no bytes follow.
enum probe suntech_head_probe(struct text text, bool is_end);

// Remembers kind and family in the session. Those of a binary frame have no family.
void suntech_head_remember(struct session *session, enum suntech_kind kind, struct text family);
// Returns the family that the session used last; ST300 if none.
struct text suntech_head_family(const struct session *session);

#endif
