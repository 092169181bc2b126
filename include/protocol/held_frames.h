// SPDX-License-Identifier: MIT
// Frames that a conversation holds until their reference arrives, in order of receipt. Capped in number and bytes.
// The struct is allocated here when the first frame is held, because decoders allocate nothing.
#ifndef AVLD_PROTOCOL_HELD_FRAMES_H
#define AVLD_PROTOCOL_HELD_FRAMES_H

#include "protocol/decoded.h"
#include "protocol/session.h"

#define HELD_FRAMES_MAX   32   /* frames that one conversation may hold */
#define HELD_FRAMES_BYTES 4096 /* bytes of all of them */

struct held_frame {
	int64_t received_us;
	uint64_t key;       /* of its entry in the journal; 0: none yet (set by intake) */
	const char *detail; /* static text: the reason if it becomes a reject */
	uint32_t marks[2];  /* the decoder's own */
	uint16_t at, len;   /* in held_frames.bytes */
	uint8_t ident_len;  /* the session's ident at that time; 0: unknown */
	char ident[IDENT_MAX];
};

struct held_frames {
	uint32_t count;
	uint32_t used; /* bytes in use */
	struct held_frame frames[HELD_FRAMES_MAX];
	uint8_t bytes[HELD_FRAMES_BYTES];
};

// Holds a copy of the frame, which decode() must accept on its own: after a restart it is given to it again. Returns false if there is no room, or no memory (session.memory is NULL or malloc failed).
bool held_frames_add(struct session *session, const char *detail, const uint32_t marks[2],
	const uint8_t *data, size_t len);

// Remove a frame because of its result: the newest report of *decoded; or a reject with the detail (its own if NULL), for
// which there may be no room (false: it stays).
void held_frames_resolve(struct held_frames *held, uint32_t index, struct decoded *decoded);
bool held_frames_reject(
	struct held_frames *held, uint32_t index, const char *detail, struct decoded *decoded);
// Removes a frame without a result.
void held_frames_remove(struct held_frames *held, uint32_t index);

static inline struct text held_frames_text(const struct held_frames *held, uint32_t index)
{
	const struct held_frame *frame = &held->frames[index];
	return (struct text){(const char *)held->bytes + frame->at, frame->len};
}

static inline uint32_t held_frames_count(const struct session *session)
{
	return session->held ? session->held->count : 0;
}

// Frees the session's held frames. For the feed, when the conversation is over.
void held_frames_free(struct session *session);

#endif
