// SPDX-License-Identifier: MIT
// Shared by the files of the PT-502: pt502.c finds the records (frames, sniffing), pt502_record.c
// takes one apart, those of pt502_delta.h make records of deltas, pt502_photo.c fetches photos,
// pt502_command.c speaks to the tracker.
#ifndef AVLD_DECODERS_PT502_H
#define AVLD_DECODERS_PT502_H

#include "protocol/decoder.h"
#include "util/text.h"

#include <string.h>

#define PT502_IDENT_LEAST 4
#define PT502_IDENT_MOST  15

// A line that begins with $ or #, with its terminators if it has any, as frame() or the body of a
// full frame gives it: a record, a firmware status, a text.
enum decode_status pt502_decode_line(
	struct session *session, const uint8_t *data, size_t len, struct decoded *out);

// pt502_usual.c: the same of a record that has nothing unusual about it; false, and nothing done, if it has, or is
// none.
bool pt502_decode_usual(
	struct session *session, const uint8_t *data, size_t len, struct decoded *out);
// The session takes over an ident whose digits have been looked at.
void pt502_know_ident(struct session *session, struct text ident);
void pt502_add_alarm(struct report *report, struct text code);

// Of session.memo: a bare delta ended because nothing followed (1 byte); ticks (4 bytes each) of the
// last delta that found no reference at once, and of the conversation's first record or delta; when a
// photo ended (8 bytes).
#define PT502_MEMO_CUT    0
#define PT502_MEMO_ASTRAY 4
#define PT502_MEMO_START  8
#define PT502_MEMO_PHOTO  16

#define PT502_DELTA_LATE "delta: its rest came too late"

#define PT502_PAST_SIZE 1440 /* what is remembered of a device */
// A line has been decoded: if it is a record, remembers it under its ident. report: what it became;
// NULL: it was rejected. tick: when the delta came that it was made of; 0: it has come itself.
void pt502_remember(
	struct session *session, struct text line, const struct report *report, uint32_t tick);
// The conversation has begun to say something.
void pt502_note_start(struct session *session);
// data, len: whole triples behind '@' and check.
enum decode_status pt502_decode_delta(
	struct session *session, const uint8_t *data, size_t len, struct decoded *out);
// decoder.wake
void pt502_wake(struct session *session, int64_t last_us, struct decoded *out);
// The newest delta was not whole: takes back what can be.
void pt502_break_delta(struct session *session, struct decoded *out);

// pt502_photo.c
// A record has told of a photo: asks for its first part.
void pt502_open_photo(struct session *session, const struct report *report, uint64_t size,
	int camera, struct decoded *out);
// data, len: "$PHD..." with its terminator, as the length of a full frame gives it.
enum decode_status pt502_decode_photo(
	struct session *session, const uint8_t *data, size_t len, struct decoded *out);
// Asks once more for a part that has not come, or gives the photo up.
void pt502_ask_again(struct session *session, struct decoded *out);

// pt502_command.c
size_t pt502_encode_command(
	const struct session *session, const struct command *command, uint8_t *out, size_t cap);
bool pt502_confirms_command(const struct command *command, const struct report *report);

static inline enum decode_status pt502_refuse(
	struct decoded *out, enum decode_status status, const char *detail)
{
	out->detail = detail;
	return status;
}

static inline bool pt502_is_line_end(uint8_t c)
{
	return c == '\r' || c == '\n';
}

// Out of the tracker's log: '#' before the line end.
static inline bool pt502_is_stored(struct text record)
{
	while (record.len > 1 && pt502_is_line_end((uint8_t)record.data[record.len - 1]))
		record.len--;
	return record.len > 1 && record.data[record.len - 1] == '#';
}

static inline bool pt502_is_code_char(char c)
{
	return (c >= 'A' && c <= 'Z') || text_is_digit(c) || c == '-';
}

// 4..15 digits, leading zeros and all.
static inline bool pt502_is_ident(const char *data, size_t len)
{
	if (len < PT502_IDENT_LEAST || len > PT502_IDENT_MOST)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!text_is_digit(data[i]))
			return false;
	}
	return true;
}

// $PHD: binary, only the length of its full frame ends it.
static inline bool pt502_is_photo_data(const uint8_t *data, size_t len)
{
	return len >= 4 && memcmp(data, "$PHD", 4) == 0;
}

#endif
