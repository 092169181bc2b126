// SPDX-License-Identifier: MIT
// Answers to a JT/T 808 device, with our serial, which counts the messages of a connection from 0.
#ifndef AVLD_DECODERS_JT808_REPLY_H
#define AVLD_DECODERS_JT808_REPLY_H

#include "decoders/jt808/jt808_wire.h"

#define JT808_MISSING_MOST 60 /* parts requested in one message */

// Returns the number of our next message, and counts it.
uint16_t jt808_reply_next_serial(struct session *session);

// Appends a message with our next serial. body_len: at most 256.
void jt808_reply_send(const struct jt808_frame *frame, enum reply_when when, uint16_t id,
	const uint8_t *body, size_t body_len);

// 8001, the general answer, with result 0.
void jt808_reply_acknowledge(const struct jt808_frame *frame, enum reply_when when);
// 8100: the registration is accepted, with the ident as code for the log-in; a device that is not admitted is refused.
void jt808_reply_register(const struct jt808_frame *frame);
// 8109 or 8004: the time.
void jt808_reply_time(const struct jt808_frame *frame);
// 4401, of padlocks.
void jt808_reply_padlock(const struct jt808_frame *frame);
// 8800: all parts of a photo are there.
void jt808_reply_media(const struct jt808_frame *frame, uint32_t media_id);
// 8003: requests missing parts of the message whose first part had this serial; count: at most JT808_MISSING_MOST.
void jt808_reply_missing(struct session *session, struct decoded *out,
	const struct jt808_peer *peer, uint16_t first, const uint16_t *numbers, size_t count);
// The text, of at most JT808_TEXT_MOST bytes, with the time in place of TIME, which is in it at this offset.
void jt808_reply_text_time(
	const struct session *session, struct decoded *out, struct text text, size_t at);

#endif
