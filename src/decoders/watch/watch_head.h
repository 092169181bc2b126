// SPDX-License-Identifier: MIT
// The head of a Watch frame, [maker*ident*index*length*, and whole frames to send. Drawn in watch.c.
#ifndef AVLD_DECODERS_WATCH_HEAD_H
#define AVLD_DECODERS_WATCH_HEAD_H

#include "decoders/fields.h"

#define WATCH_HEAD_IDENT 64 /* bytes of an ident that is still framed; too long for a device */
#define WATCH_HEAD_INDEX 8
#define WATCH_HEAD_MOST  (1 + 2 + 1 + WATCH_HEAD_IDENT + 1 + WATCH_HEAD_INDEX + 1 + 4 + 1)

struct watch_head {
	struct text maker, ident;
	struct text index; /* of the frame; empty: it has none */
	size_t start;      /* of the content */
	size_t length;     /* of the content, as the frame claims */
};

// Reads the head. Returns YES, MORE if it may go on after the last byte, or NO.
enum probe watch_head_read(const uint8_t *data, size_t len, struct watch_head *head);

// Returns how many hex digits of either case begin at `at`, at most `most`.
static inline size_t watch_head_count_hex(struct text text, size_t at, size_t most)
{
	size_t count = 0;
	while (count < most && at + count < text.len && text_hex_digit(text.data[at + count]) >= 0)
		count++;
	return count;
}

// Writes a frame with maker, ident and index of the head. Returns the byte after it: at most WATCH_HEAD_MOST + content.len
// + 1 bytes.
char *watch_head_write(char *out, const struct watch_head *head, struct text content);

#endif
