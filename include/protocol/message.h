// SPDX-License-Identifier: MIT
// Messages that a tracker sends in several frames, each with one part: held until all parts are there. Capped in number and
// bytes, for a conversation and in total. Allocated here, because decoders allocate nothing.
//
//   message_add  ->  HELD ... HELD  ->  WHOLE: the decoder decodes the message as if it had come in one frame
//                                 `->  no part for FEED_HOLD_US: each part becomes the reject "incomplete message"
//
// When less than an eighth of the memory of all is left, messages without a part for MESSAGE_IDLE_US become rejects at
// once, the one without a part for longest first.
#ifndef AVLD_PROTOCOL_MESSAGE_H
#define AVLD_PROTOCOL_MESSAGE_H

#include "protocol/decoded.h"
#include "protocol/session.h"

#define MESSAGE_BYTES      65536              /* bytes of a whole message, at most */
#define MESSAGE_PARTS      1024               /* parts of a message, at most */
#define MESSAGES_MOST      4                  /* incomplete messages of one conversation */
#define MESSAGES_HELD      262144             /* bytes of memory for them */
#define MESSAGES_BYTES     ((size_t)64 << 20) /* bytes of memory for those of all conversations */
#define MESSAGE_IDLE_US    INT64_C(10000000)
#define MESSAGE_INCOMPLETE "incomplete message"

// The memory used by the messages of all conversations. Initialised by zeros.
struct messages {
	size_t bytes;
	size_t yielding; /* bytes of these, of messages that are about to be rejected */
	struct message *first, *last; /* the one without a part for longest first */
};

// A part, as the decoder passes it.
struct message_part {
	uint64_t
		id; /* the same in all parts of one message, another one in the device's next messages */
	uint32_t count;      /* parts of the message */
	uint32_t number;     /* of this one, 1..count */
	const uint8_t *data; /* its share of the message */
	size_t len;
	const uint8_t *frame; /* the frame as received: decode() gets it again after a restart */
	size_t frame_len;
};

enum message_state {
	MESSAGE_HELD,    /* held now, or already; the frame is DECODE_OK */
	MESSAGE_WHOLE,   /* *whole has the message: decode it. Valid until the next frame */
	MESSAGE_REFUSED, /* numbers out of range, or no room: the decoder rejects the frame */
};

// Adds a part. With WHOLE, what decode() returns for this frame decides on all frames of the message: if it is rejected,
// the earlier ones become rejects for the same reason.
enum message_state message_add(struct session *session, const struct message_part *part,
	struct decoded *out, struct text *whole);

// Writes the numbers of the message's missing parts, at most `most`, and returns how many there are; 0 if no such message
// is held.
uint32_t message_missing(
	const struct session *session, uint64_t id, uint16_t *numbers, uint32_t most);

// For the feed ----------------------------------------------------------------------------------------

static inline bool message_is_held(const struct session *session)
{
	return session->messages != NULL;
}
// Concludes the frame that completed a message (session->whole). Sets out->message if the frame was accepted; else the
// frames held become rejects with the next message_reject.
void message_conclude(
	struct session *session, bool accepted, enum decode_status status, struct decoded *out);
// Rejects the parts of messages whose newest part was received before before_us, as far as there is room.
void message_reject(struct session *session, int64_t before_us, struct decoded *out);
// Drops the messages whose newest part was received before before_us, without a result.
void message_forget(struct session *session, int64_t before_us);
// Frees the session's messages.
void message_drop_all(struct session *session);

// For intake ------------------------------------------------------------------------------------------

// Visits the held parts, or only those that are not in the journal yet. With a visitor that appends them they count as
// being there afterwards (saves).
// *key: of their entries; the visitor sets it when it is 0.
struct message_visit {
	uint64_t *key;
	uint32_t number;
	int64_t received_us;
	struct text ident, frame;
};
typedef void message_visitor(void *context, const struct message_visit *visit);
void message_visit_parts(struct session *session, bool only_new, bool saves,
	message_visitor *visitor, void *context);
// Drops the parts that are not in the journal.
void message_drop_unsaved(struct session *session);
// Sets the key of the messages that have none: the part just decoded is that of an entry.
void message_set_key(struct session *session, uint64_t key);
// Moves the messages of an earlier conversation of the device to this one, as far as the caps allow. Returns true if any
// were moved.
bool message_move(struct session *from, struct session *to);

#endif
