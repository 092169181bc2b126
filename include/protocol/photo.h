// SPDX-License-Identifier: MIT
// Photos that a conversation fetches from its tracker in parts, and fetched ones until the journal has them. Allocated
// here, because decoders allocate nothing.
//
//   photo_open  ->  open: photo_add_part for each part  ->  photo_end  ->  finished, until photo_drop
#ifndef AVLD_PROTOCOL_PHOTO_H
#define AVLD_PROTOCOL_PHOTO_H

#include "protocol/session.h"

#define PHOTO_BYTES  (UINT32_C(1) << 20) /* bytes of one photo, at most */
#define PHOTOS_BYTES ((size_t)64 << 20)  /* bytes of memory for all photos */
#define PHOTO_PART   960
#define PHOTO_PARTS  ((PHOTO_BYTES + PHOTO_PART - 1) / PHOTO_PART)
#define PHOTO_TYPE   "image/jpeg"

// The memory used by the photos of all conversations. Initialised by zeros.
struct photos {
	size_t bytes;
	bool full; /* the newest photo_open found no room */
};

struct photo {
	struct photos *all;
	struct photo *next;      /* finished ones, oldest first */
	struct report_body body; /* of the report that announced it: time and position */
	int64_t announced_us;    /* receipt of that report */
	int64_t received_us;     /* receipt of the newest part */
	int64_t asked_us;        /* time of the newest request */
	uint32_t asked;          /* number of the part requested */
	uint32_t tries;          /* earlier requests for that part */
	uint32_t size;           /* open: bytes expected; finished: bytes received */
	uint32_t announced_size;
	int16_t camera; /* -1: unknown */
	bool complete;  /* finished: all bytes were received and are a whole JPEG */
	uint8_t ident_len;
	char ident[IDENT_MAX];
	uint8_t have[(PHOTO_PARTS + 7) / 8]; /* bit n: part n */
	uint8_t data[];
};

// Opens the photo that the report announces; an open one ends. Returns NULL if photos are off (session.photos), the size
// is 0 or above PHOTO_BYTES, or there is no room.
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
// Returns the number of the first missing part; the number of parts if none is missing.
uint32_t photo_missing(const struct photo *photo);
// Adds a part. A part shorter than photo_part_len is the last one. Ignores a part beyond the end, or too long.
void photo_add_part(struct photo *photo, uint32_t part, const uint8_t *data, uint32_t len);

// Ends the session's open photo, if any. Keeps the bytes before the first missing part; without any, drops the photo.
void photo_end(struct session *session);

// For the feed: free the first finished photo, and all photos of the session.
void photo_drop(struct session *session);
void photo_drop_all(struct session *session);

#endif
