// SPDX-License-Identifier: MIT
// A message of a Watch, and what all kinds of it share.
#ifndef AVLD_DECODERS_WATCH_MESSAGE_H
#define AVLD_DECODERS_WATCH_MESSAGE_H

#include "decoders/watch/watch_head.h"

// Offsets in session.memo.
#define WATCH_MEMO_MAKER 0 /* 2 bytes: the maker's letters that the device used last; 0: none */
#define WATCH_MEMO_INDEX 2 /* 1 byte: the device gives its frames an index */
#define WATCH_MEMO_GOOD  3 /* 1 byte: a frame was decoded */
#define WATCH_MEMO_START                                                                           \
	6 /* 3 bytes: what frame() has found: content's start (0: nothing), lengths of ident and index */
#define WATCH_MEMO_GARBAGE 4 /* 2 bytes: undecodable bytes since the last frame */

// The device's block.
struct watch_device {
	uint64_t states; /* the low 16 bits of the last status word */
};

struct watch_message {
	struct session *session;
	struct decoded *out;
	struct report *report; /* NULL before watch_message_begin */
	struct watch_head head;
	struct text raw, content;
	struct text word; /* up to the first comma */
	struct text rest; /* after it */
};

// Adds the report, with the word as its event if it can be one.
void watch_message_begin(struct watch_message *m);
// Sends content back, with maker, ident and index of the message. content: at most EVENT_MAX bytes.
void watch_message_answer(const struct watch_message *m, enum reply_when when, struct text content);
// Adds a text that was not understood, unless it is empty.
void watch_message_keep(const struct watch_message *m, const char *name, struct text text);
// Adds the message as it was sent: what follows the word, or all of it if the word is not the event.
void watch_message_keep_all(const struct watch_message *m);

// Returns the text, empty if it has commas only.
static inline struct text watch_message_without_commas(struct text text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] != ',')
			return text;
	return (struct text){"", 0};
}

// Returns true if the word begins with these letters, in upper case, without regard to case.
static inline bool watch_message_begins(const struct watch_message *m, const char *letters)
{
	const size_t len = strlen(letters);
	return m->word.len >= len && fields_is_word((struct text){m->word.data, len}, letters);
}

#endif
