// SPDX-License-Identifier: MIT
// Meitrack: MVT340 to MVT800, MVT100, T1, T3, T311 to T399, T622, TC68, MT90, the personal P series and the asset trackers:
// sniffing and framing. TCP and UDP. From the maker's papers, public gateways and captures. There is no log-in: each frame has
// the ident.
//
//   $$ | flag | length | , | ident | , | command | , | data | * | sum | CR LF          server to tracker: @@
//
//   flag     a letter, another one in each frame; an answer repeats it
//   length   2 to 4 digits: from the first comma to the LF
//   sum      two hex digits: of all bytes before them
//   AAA, AFF      positions as text: meitrack_text.c
//   CCC           binary records with a fixed layout: meitrack_fixed.c
//   CCE           binary records with numbered parameters: meitrack_record.c
//   D00           parts of a photo: meitrack_photo.c
//   AAC           heart-beat
//   others        answers to commands: meitrack_command.c
#include "decoders/decoders.h"
#include "decoders/garbage.h"
#include "decoders/meitrack/meitrack_command.h"
#include "decoders/meitrack/meitrack_fixed.h"
#include "decoders/meitrack/meitrack_photo.h"
#include "decoders/meitrack/meitrack_record.h"
#include "decoders/meitrack/meitrack_text.h"

static enum probe probe(const uint8_t *data, size_t len, bool datagram)
{
	const enum probe found = meitrack_frame_probe(data, len);
	return datagram && found == PROBE_MORE ? PROBE_NO : found;
}

// Framing ---------------------------------------------------------------------

static bool is_blank(uint8_t c)
{
	return c == '\r' || c == '\n' || c == ' ' || c == 0;
}

static bool ends_garbage(uint8_t c)
{
	return c == '$';
}

// Returns where the next frame may begin, for bytes that are none.
static size_t find_next(const uint8_t *data, size_t len)
{
	for (size_t at = 1; at < len; at++) {
		const uint8_t *next = memchr(data + at, '$', len - at);
		if (!next)
			break;
		at = (size_t)(next - data);
		if (meitrack_frame_probe(next, len - at) != PROBE_NO)
			return at;
	}
	return len;
}

static struct frame frame(struct session *session, const uint8_t *data, size_t len)
{
	struct meitrack_head head;
	const bool is_last = session->datagram || session->quiet;
	size_t blanks = 0;
	while (blanks < len && is_blank(data[blanks]))
		blanks++;
	if (blanks > 0)
		return (struct frame){FRAME_SKIP, blanks};
	const enum probe found = len > 0 ? meitrack_frame_read_head(data, len, &head) : PROBE_MORE;
	if (found == PROBE_MORE && !session->datagram)
		return (struct frame){FRAME_MORE, len + 1};
	if (found != PROBE_YES)
		return garbage_cut(
			session->memo + MEITRACK_MEMO_GARBAGE, data, len, is_last, ends_garbage);
	if (len < head.total && !session->datagram)
		return (struct frame){FRAME_MORE, head.total};
	memset(session->memo + MEITRACK_MEMO_GARBAGE, 0, sizeof(uint16_t));
	const size_t most = len < head.total ? len : head.total;
	if (meitrack_frame_find_end(data, most, &head, session->datagram) > 0)
		return (struct frame){FRAME_OK, most};
	// The length leads nowhere: up to the next frame, bytes that decode() rejects.
	return (struct frame){FRAME_OK, find_next(data, most)};
}

// Decoding --------------------------------------------------------------------

static enum decode_status refuse(struct decoded *out, enum decode_status status, const char *detail)
{
	out->detail = detail;
	return status;
}

static enum decode_status decode_heartbeat(struct meitrack_message *m)
{
	if (m->data.len > 0)
		meitrack_text_add_result(m);
	meitrack_message_answer(m, REPLY_NOW, 1);
	return DECODE_OK;
}

static enum decode_status decode_position(struct meitrack_message *m, bool is_counted)
{
	struct text picture = {"", 0};
	const bool found = is_counted ? meitrack_text_decode_counted(m, &picture)
				      : meitrack_text_decode(m, &picture);
	if (!found)
		meitrack_text_add_result(m);
	if (is_counted && !fields_is_word(m->data, "OK"))
		meitrack_message_answer(m, REPLY_STORED, 1);
	meitrack_photo_announce(m, picture, true);
	return DECODE_OK;
}

static enum decode_status decode_other(struct meitrack_message *m)
{
	enum decode_status status = DECODE_OK;
	if (fields_is_word(m->command, "D00") && meitrack_photo_decode(m, &status))
		return status;
	meitrack_text_add_result(m);
	if (fields_is_word(m->command, "D03") && fields_is_word(m->data, "OK"))
		meitrack_photo_announce(m, meitrack_command_photo_file(m->session), false);
	return DECODE_OK;
}

static enum decode_status decode_command(struct meitrack_message *m)
{
	if (fields_is_word(m->command, "AAA"))
		return decode_position(m, false);
	if (fields_is_word(m->command, "AFF"))
		return decode_position(m, true);
	if (fields_is_word(m->command, "AAC"))
		return decode_heartbeat(m);
	if (fields_is_word(m->command, "CCE") && m->data.data) {
		meitrack_record_decode(m);
		return DECODE_OK;
	}
	if (fields_is_word(m->command, "CCC") && m->data.data) {
		meitrack_fixed_decode(m);
		return DECODE_OK;
	}
	return decode_other(m);
}

// Cuts at the first comma. *rest: data NULL if there is none.
static struct text cut_comma(struct text text, struct text *rest)
{
	const char *comma = text.len > 0 ? memchr(text.data, ',', text.len) : NULL;
	*rest = (struct text){NULL, 0};
	if (!comma)
		return text;
	const size_t len = (size_t)(comma - text.data);
	*rest = (struct text){comma + 1, text.len - len - 1};
	return (struct text){text.data, len};
}

static enum decode_status decode(
	struct session *session, const uint8_t *data, size_t len, struct decoded *out)
{
	struct meitrack_head head;
	if (meitrack_frame_read_head(data, len, &head) != PROBE_YES)
		return refuse(out, DECODE_DETAIL, "framing lost");
	const size_t star = meitrack_frame_find_end(data, len, &head, session->datagram);
	if (star == 0)
		return DECODE_BAD_LENGTH;
	if (!meitrack_frame_sum_fits(data, star))
		return DECODE_BAD_SUM;
	struct meitrack_message m = {.session = session,
		.out = out,
		.raw = {(const char *)data, len},
		.flag = head.flag};
	const struct text body = {(const char *)data + head.comma + 1, star - head.comma - 1};
	const struct text ident = cut_comma(body, &m.content);
	if (!session_set_ident(session, ident.data, ident.len))
		return refuse(out, DECODE_BAD_VALUE, "ident");
	if (!m.content.data)
		m.content = (struct text){body.data + body.len, 0};
	m.command = cut_comma(m.content, &m.data);
	return decode_command(&m);
}

const struct decoder decoder_meitrack = {
	.name = "meitrack",
	.transports = "TCP, UDP",
	.confirmed_by = "length, ident and command of the first frame's head",
	.acknowledges = "heart-beat at once, events and binary records once stored",
	.device_size = MEITRACK_DEVICE_BYTES,
	.probe = probe,
	.frame = frame,
	.decode = decode,
	.wake = meitrack_photo_wake,
	.encode_command = meitrack_command_encode,
	.confirms_command = meitrack_command_confirms,
};
