// SPDX-License-Identifier: MIT
// A packet of Wialon IPS, what its session remembers, and what all types of packets share.
#ifndef AVLD_DECODERS_WIALON_MESSAGE_H
#define AVLD_DECODERS_WIALON_MESSAGE_H

#include "decoders/fields.h"
#include "util/simd.h"

#define WIALON_LINE_MOST  65536 /* bytes of a line with its end; black boxes: wialon_box.h */
#define WIALON_FRAME_MOST FRAME_MOST

enum wialon_box {
	WIALON_BOX_NONE,
	WIALON_BOX_CHECKED, /* the black box is read in pieces; its sum is right, or it has none */
	WIALON_BOX_RUNNING, /* likewise; its sum is computed along the way */
};

enum wialon_media { WIALON_MEDIA_NONE, WIALON_MEDIA_OPEN, WIALON_MEDIA_DONE };

struct wialon_memo {
	uint32_t skip;      /* bytes of a block that is too large, still to drop */
	uint32_t media;     /* hash of what names the photo or file at hand */
	uint32_t blocks;    /* of the tachograph file; 0: none was announced */
	uint32_t box_bytes; /* of the black box, read so far */
	uint32_t box_count; /* reports made of them */
	uint16_t box_sum;
	uint16_t media_sum;  /* of the block that completed the photo or file */
	uint8_t box;         /* enum wialon_box */
	uint8_t media_state; /* enum wialon_media */
	uint8_t is_file;     /* `media` is a tachograph file */
	uint8_t is_2;        /* logged in with version 2 */
};
_Static_assert(sizeof(struct wialon_memo) <= SESSION_MEMO, "memo");

static inline struct wialon_memo wialon_memo_load(const struct session *session)
{
	struct wialon_memo memo;
	memcpy(&memo, session->memo, sizeof memo);
	return memo;
}

static inline void wialon_memo_save(struct session *session, const struct wialon_memo *memo)
{
	memcpy(session->memo, memo, sizeof *memo);
}

struct wialon_message {
	struct session *session;
	struct decoded *out;
	struct text raw;     /* the frame */
	struct text version; /* of a datagram */
	struct text ident;   /* of a datagram */
	struct text type;    /* between the #; empty: this is no packet */
	struct text body;    /* after them, to the end of the line */
	struct text data;    /* after the line */
	bool is_2;           /* version 2: packets have sums */
	bool is_known;       /* logged in, or a datagram with an ident */
};

// Finds the parts of a packet. Leaves type empty if it is none.
void wialon_message_read(struct wialon_message *m, struct text packet, bool datagram);

// Sends #A, the type in capitals, and the code.
void wialon_message_answer(
	const struct wialon_message *m, enum reply_when when, const char *type, struct text code);
// Sends a number, and perhaps a text after it: "3;01".
void wialon_message_answer_number(const struct wialon_message *m, enum reply_when when,
	const char *type, uint32_t number, const char *tail);

// Rejects the frame.
enum decode_status wialon_message_refuse(
	const struct wialon_message *m, enum decode_status status, const char *detail);

// Adds a report. Returns NULL if the frame has DECODED_REPORTS, which only a black box can have.
struct report *wialon_message_begin(
	const struct wialon_message *m, struct text event, struct text key);

// Reads date and time, six digits each, of which either may be absent. *has: both are there. Returns false if one is
// no date or time.
bool wialon_message_time(struct text date, struct text clock, int64_t *time_us, bool *has);

// Sets the driver, or extra.driver if it is no printable text of DRIVER_MAX bytes.
void wialon_message_driver(const struct wialon_message *m, struct report *report, struct text text);

// Parses a sum: "9B0", "09b0", "0x9b0".
bool wialon_message_sum(struct text text, uint16_t *sum);
// Returns true if that is the sum of the bytes.
bool wialon_message_sum_fits(struct text sum, struct text covered);

// Returns true for an empty field and NA.
static inline bool wialon_message_is_absent(struct text text)
{
	return text.len == 0 ||
	       (text.len == 2 && (text.data[0] | 0x20) == 'n' && (text.data[1] | 0x20) == 'a');
}

// Splits a text at semicolons. The last of `most` has the rest of the text. Returns their number.
static inline size_t wialon_message_split(struct text text, struct text *fields, size_t most)
{
	size_t count = 0;
	const char *start = text.data, *end = text.data + text.len;
	for (const char *at = start; at < end && count + 1 < most; at += sizeof(lanes)) {
		uint32_t found = lanes_either(lanes_load_until(at, end), ';', ';');
		for (; found && count + 1 < most; found &= found - 1) {
			const char *mark = at + __builtin_ctz(found);
			fields[count++] = (struct text){start, (size_t)(mark - start)};
			start = mark + 1;
		}
	}
	fields[count++] = (struct text){start, (size_t)(end - start)};
	return count;
}

#endif
