// SPDX-License-Identifier: MIT
// Photos that a conversation fetches from its tracker part by part, and those that are fetched and wait
// for the journal. As with memory.h, decoders allocate nothing themselves.
//
//   photo_open  ->  open: photo_add_part for each part  ->  photo_end  ->  finished, until photo_drop
#ifndef AVLD_PROTOCOL_PHOTO_H
#define AVLD_PROTOCOL_PHOTO_H

#include "protocol/session.h"

#define PHOTO_BYTES  (UINT32_C(1) << 20) /* of one, */
#define PHOTOS_BYTES ((size_t)64 << 20)  /* of all together */
#define PHOTO_PART   960
#define PHOTO_PARTS  ((PHOTO_BYTES + PHOTO_PART - 1) / PHOTO_PART)
#define PHOTO_TYPE   "image/jpeg"

// What the photos of all conversations take. Zeroed it is fit for use.
struct photos {
	size_t bytes;
	bool full; /* the newest one found no room */
};

struct photo {
	struct photos *all;
	struct photo *next;      /* finished ones, oldest first */
	struct report_body body; /* of the record that told of it: when and where */
	int64_t announced_us;    /* when that came, */
	int64_t received_us;     /* and the newest part */
	int64_t asked_us;        /* when the part at hand was asked for, */
	uint32_t asked;          /* which one, */
	uint32_t tries;          /* and how often before */
	uint32_t size;           /* open: bytes there are to be; finished: bytes there are */
	uint32_t announced_size;
	int16_t camera; /* -1: not told */
	bool complete;  /* finished: all of it came, and it is a whole JPEG */
	uint8_t ident_len;
	char ident[IDENT_MAX];
	uint8_t have[(PHOTO_PARTS + 7) / 8]; /* bit n: part n */
	uint8_t data[];
};

// Opens the session's photo, of which a report has told. One that is open ends. NULL: photos are off
// (session.photos), the size is none that is taken, or there is no room.
struct photo *photo_open(
	struct session *session, const struct report *report, uint64_t size, int camera);

static inline uint32_t photo_part_len(const struct photo *photo, uint32_t part)
{
	const uint32_t left = photo->size - part * PHOTO_PART;
	return left < PHOTO_PART ? left : PHOTO_PART;
}
static inline bool photo_has(const struct photo *photo, uint32_t part)
{
	return photo->have[part / 8] >> part % 8 & 1;
}
// The first part that is missing; behind the last part: none is.
uint32_t photo_missing(const struct photo *photo);
// Takes a part; a shorter one than photo_part_len is the photo's end.
void photo_add_part(struct photo *photo, uint32_t part, const uint8_t *data, uint32_t len);

// The session's open photo ends as it is. What came is kept up to the first part missing; if that is
// nothing, so is the photo. Nothing happens when none is open.
void photo_end(struct session *session);

// For the feed: frees the first of those finished; all of the session's.
void photo_drop(struct session *session);
void photo_drop_all(struct session *session);

#endif
