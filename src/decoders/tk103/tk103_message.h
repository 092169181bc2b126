// SPDX-License-Identifier: MIT
// The frame of a TK103 while it is decoded, and the session's memo.
#ifndef AVLD_DECODERS_TK103_MESSAGE_H
#define AVLD_DECODERS_TK103_MESSAGE_H

#include "decoders/fields.h"

// Offsets in session.memo.
#define TK103_MEMO_PANIC   0 /* 1 byte, enum tk103_panic: of the last state of the connection */
#define TK103_MEMO_COMMA   1 /* 1 byte: 1: the last frame was in comma style */
#define TK103_MEMO_LOST    2 /* 1 byte: the bytes just cut are undecodable */
#define TK103_MEMO_GARBAGE 4 /* 2 bytes: undecodable bytes since the last frame */

enum tk103_panic { TK103_PANIC_UNKNOWN, TK103_PANIC_OFF, TK103_PANIC_ON };

struct tk103_message {
	struct session *session;
	struct decoded *out;
	struct report *report; /* NULL: none begun */
	struct text raw;       /* the whole frame */
	struct text command;   /* BR00, ZC13 */
	struct text rest;      /* after the command, without the ) */
	const char *bad;       /* the field that is out of range; NULL: none */
};

// Returns true for that command of a packed frame, of four characters.
static inline bool tk103_is_command(const struct tk103_message *message, const char name[4])
{
	return message->command.len == 4 && memcmp(message->command.data, name, 4) == 0;
}

// Returns len bytes of a text, or as many as it has from `at` on.
static inline struct text tk103_part(struct text text, size_t at, size_t len)
{
	if (at >= text.len)
		return (struct text){"", 0};
	return (struct text){text.data + at, len < text.len - at ? len : text.len - at};
}

static inline struct text tk103_from(struct text text, size_t at)
{
	return tk103_part(text, at, text.len);
}

#endif
