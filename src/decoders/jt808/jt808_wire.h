// SPDX-License-Identifier: MIT
// Frames of JT/T 808: sniffing, framing, escapes, the header, and frames to send. Drawn in jt808_wire.c.
#ifndef AVLD_DECODERS_JT808_WIRE_H
#define AVLD_DECODERS_JT808_WIRE_H

#include "protocol/decoder.h"

#define JT808_SNIFF_MAX  2200
#define JT808_NUMBER_MAX 10
#define JT808_TEXT_MOST  1024 /* bytes of ( ... ) */

// What answers and commands copy from the device's frames.
struct jt808_peer {
	bool is_2019, is_e7;
	uint8_t version; /* of a 2019 header */
	uint8_t number_len;
	uint8_t number[JT808_NUMBER_MAX];
};

enum jt808_photo { JT808_PHOTO_NONE, JT808_PHOTO_OPEN, JT808_PHOTO_DONE };

// The content of session.memo.
struct jt808_memo {
	struct jt808_peer peer; /* number_len 0: unknown */
	uint16_t serial;        /* of our next message */
	uint16_t photo;         /* serial of the first part of the newest photo */
	uint8_t photo_state;    /* enum jt808_photo */
	uint32_t media_id;      /* of that photo */
};

// One frame, or one whole message that came in several.
struct jt808_frame {
	struct session *session;
	struct decoded *out;
	struct text raw; /* as received */
	uint16_t id, attributes, serial;
	uint16_t count, number; /* of a part: parts of the message, and its own number from 1 */
	bool is_part;
	bool is_lock; /* 5501, 5502: one byte of serial */
	struct jt808_peer peer;
	const uint8_t *body;
	size_t len; /* of the body */
};

// Opens a frame: escapes, checksum, header. Returns OK, or the reason of the reject.
enum decode_status jt808_wire_open(struct jt808_frame *frame, struct session *session,
	const uint8_t *data, size_t len, struct decoded *out);

// Sets the session's ident from the number. Returns false if the number is none.
bool jt808_wire_set_ident(struct session *session, const struct jt808_peer *peer);

// Writes a message as a frame. Returns its length; 0: it does not fit. body_len: at most 1023.
size_t jt808_wire_seal(const struct jt808_peer *peer, uint16_t id, uint16_t serial,
	const uint8_t *body, size_t body_len, uint8_t *out, size_t cap);

// Returns a frame of the same header, not split, with this body, in the arena: a record that came with others or in parts,
// decodable on its own. Empty: no room.
struct text jt808_wire_rebuild(
	const struct jt808_frame *frame, struct text before, const uint8_t *data, size_t len);

// Returns true for a delimiter of frames, of either kind.
bool jt808_wire_is_mark(uint8_t byte);
enum probe jt808_wire_probe(const uint8_t *data, size_t len, bool datagram);
struct frame jt808_wire_frame(struct session *session, const uint8_t *data, size_t len);

#endif
