// SPDX-License-Identifier: MIT
// GT06 (Concox and its many relatives): framing, log-in, answers, and which reader takes a message.
//
//   78 78 | L u8  | type | body | serial u16 | crc u16 | 0D 0A      L counts type..crc
//   79 79 | L u16 | ...                                             crc: X-25 over L..serial
//
// Bytes are not escaped, so that 0D 0A may occur inside: the length goes first. Where it is wrong
// (some firmware) the next 0D 0A ends the frame. Topin-like 78 78 n 17|69 frames, n a count, come
// in between but never open a session. Only the log-in (01) says who it is. The device waits for
// its message to come back empty, with the same type and serial. Pictures of up to 32 KiB (41) are
// longer than FRAME_CAP and lose the framing.
#include "decoders/gt06/gt06.h"
#include "decoders/decoders.h"
#include "util/checksum.h"

#include <string.h>

#define LENGTH_LEAST 5 /* type, serial, crc */
#define TRAILER      6 /* serial, crc, 0D 0A */

_Static_assert(sizeof(struct gt06_memo) <= SESSION_MEMO, "the memo fits");

// Framing ---------------------------------------------------------------------

static bool is_start(const uint8_t *data, size_t len)
{
	return (data[0] == 0x78 || data[0] == 0x79) && (len < 2 || data[1] == data[0]);
}

// Bytes before the type.
static size_t head_size(const uint8_t *data)
{
	return data[0] == 0x78 ? 3 : 4;
}

static size_t length_field(const uint8_t *data)
{
	return data[0] == 0x78 ? data[2] : (size_t)data[2] << 8 | data[3];
}

static size_t total_of(const uint8_t *data)
{
	return head_size(data) + length_field(data) + 2;
}

static bool ends_at(const uint8_t *data, size_t end)
{
	return data[end - 2] == 0x0D && data[end - 1] == 0x0A;
}

static bool crc_holds(const uint8_t *data, size_t len)
{
	uint16_t crc = (uint16_t)(data[len - 4] << 8 | data[len - 3]);
	return checksum_crc16_x25(data + 2, len - TRAILER) == crc;
}

static bool is_login(const uint8_t *data)
{
	size_t length = length_field(data);
	const uint8_t *type = data + head_size(data);
	char digits[16];
	return type[0] == 0x01 && (length == 0x0D || length == 0x0F || length == 0x11) &&
	       type[1] >> 4 == 0 && gt06_ident(type + 1, digits) > 0;
}

static enum probe probe(const uint8_t *data, size_t len, bool datagram)
{
	const enum probe more = datagram ? PROBE_NO : PROBE_MORE;
	if (len == 0)
		return more;
	if (!is_start(data, len))
		return PROBE_NO;
	if (len < 2 || len < head_size(data))
		return more;
	size_t total = total_of(data);
	if (length_field(data) < LENGTH_LEAST || total > FRAME_CAP)
		return PROBE_NO;
	if (len < total)
		return more;
	if (!ends_at(data, total))
		return PROBE_NO;
	if (crc_holds(data, total))
		return PROBE_YES;
	return is_login(data) ? PROBE_MAYBE : PROBE_NO;
}

// What does not belong here reaches up to the next start, which a last byte alone may be.
static struct frame bad_frame(const uint8_t *data, size_t len)
{
	for (size_t i = 1; i < len; i++) {
		if (is_start(data + i, len - i))
			return (struct frame){FRAME_BAD, i};
	}
	return (struct frame){FRAME_BAD, len};
}

static struct frame find_end(const uint8_t *data, size_t len, size_t from)
{
	for (size_t end = from + 2; end <= len; end++) {
		if (ends_at(data, end))
			return (struct frame){FRAME_OK, end};
	}
	return len < FRAME_CAP ? (struct frame){FRAME_MORE, len + 1} : bad_frame(data, len);
}

static bool is_topin(const uint8_t *data)
{
	return data[0] == 0x78 && (data[3] == 0x17 || data[3] == 0x69);
}

// 78 78 n type time(6) n x 7 | m MCC u16 MNC u8 m x 5 | 0D 0A. Some leave out what is between the bars;
// 0D is no m then: no country's code begins with 0A.
static struct frame frame_topin(const uint8_t *data, size_t len)
{
	size_t cells = 10 + data[2] * (size_t)7;
	if (len <= cells)
		return (struct frame){FRAME_MORE, cells + 1};
	if (data[cells] == 0x0D && len < cells + 2)
		return (struct frame){FRAME_MORE, cells + 2};
	if (data[cells] == 0x0D && data[cells + 1] == 0x0A)
		return (struct frame){FRAME_OK, cells + 2};
	size_t total = cells + 4 + data[cells] * (size_t)5 + 2;
	if (len < total)
		return (struct frame){FRAME_MORE, total};
	return (struct frame){ends_at(data, total) ? FRAME_OK : FRAME_BAD, total};
}

static struct frame frame(struct session *session, const uint8_t *data, size_t len)
{
	if (len == 0)
		return (struct frame){FRAME_MORE, 1};
	if (!is_start(data, len))
		return bad_frame(data, len);
	size_t head = head_size(data);
	if (len <= head)
		return (struct frame){FRAME_MORE, head + 1};
	size_t total = total_of(data);
	if (total > FRAME_CAP)
		return bad_frame(data, len);
	if (length_field(data) >= LENGTH_LEAST) {
		if (len >= total && ends_at(data, total))
			return (struct frame){FRAME_OK, total};
		if (len < total && !session->datagram)
			return (struct frame){FRAME_MORE, total};
	}
	if (is_topin(data)) {
		struct frame topin = frame_topin(data, len);
		if (topin.kind == FRAME_OK || (topin.kind == FRAME_MORE && !session->datagram))
			return topin;
	}
	return find_end(data, len, head + 1);
}

// Ident -----------------------------------------------------------------------

size_t gt06_ident(const uint8_t id[8], char digits[16])
{
	size_t len = 0;
	for (size_t i = 0; i < 16; i++) {
		unsigned nibble = i % 2 ? id[i / 2] & 15u : id[i / 2] >> 4;
		if (nibble > 9)
			return 0;
		if (i > 0 || nibble > 0)
			digits[len++] = (char)('0' + nibble);
	}
	return len;
}

bool gt06_is_own_ident(const struct session *session, const uint8_t id[8])
{
	char digits[16];
	size_t len = gt06_ident(id, digits);
	return len > 0 && len == session->ident_len && memcmp(digits, session->ident, len) == 0;
}

static bool set_ident(struct gt06_frame *f, const uint8_t id[8])
{
	char digits[16];
	size_t len = gt06_ident(id, digits);
	if (len == 0)
		return false;
	if (!gt06_is_own_ident(f->session, id))
		f->memo = (struct gt06_memo){0};
	return session_set_ident(f->session, digits, len);
}

// Bits 15..4 hours * 100 + minutes, bit 3 west, 1..0 language.
static void set_zone(struct gt06_frame *f, unsigned word)
{
	unsigned hours = (word >> 4) / 100, minutes = (word >> 4) % 100;
	const bool sound = hours <= 14 && minutes < 60;
	int zone_min = sound ? (int)(hours * 60 + minutes) : 0;
	if (word >> 3 & 1)
		zone_min = -zone_min;
	if (f->memo.zone_min != zone_min)
		f->memo.used_min = 0;
	f->memo.zone_min = (int16_t)zone_min;
	if (sound)
		extra_int(f->out, f->report, "zone_min", zone_min);
	extra_int(f->out, f->report, "language", word & 3);
}

// IMEI, [model u16, [zone and language u16]]
static enum decode_status read_login(struct gt06_frame *f)
{
	struct reader *r = &f->body;
	if (r->left < 8)
		return DECODE_BAD_LENGTH;
	if (!set_ident(f, reader_bytes(r, 8))) {
		f->out->detail = "ident";
		return DECODE_BAD_VALUE;
	}
	gt06_begin(f, -1);
	if (r->left >= 2)
		extra_hex(f->out, f->report, "model", reader_bytes(r, 2), 2);
	if (r->left >= 2)
		set_zone(f, reader_be16(r));
	if (f->crc_bad)
		extra_bool(f->out, f->report, "crc_bad", true);
	gt06_keep(f, r, "unknown");
	return DECODE_OK;
}

// Two messages beside the log-in carry the IMEI: 94/0A, and 22 and 25 of the NT models, where it
// must have a position behind it.
static bool find_ident(struct gt06_frame *f)
{
	const struct reader *r = &f->body;
	if (f->session->ident_len > 0)
		return true;
	if (r->left < 9 || r->at[1] >> 4 != 0)
		return false;
	if (f->type == 0x94 && r->at[0] == 0x0A)
		return set_ident(f, r->at + 1);
	if ((f->type != 0x22 && f->type != 0x25) || r->left < 15)
		return false;
	struct reader gps = reader_of(r->at + 15, r->left - 15);
	return gt06_gps_is_sound(&gps) && set_ident(f, r->at + 1);
}

void gt06_set_variant(struct session *session, enum gt06_variant variant)
{
	struct gt06_memo memo;
	memcpy(&memo, session->memo, sizeof memo);
	memo.variant = (uint8_t)variant;
	memcpy(session->memo, &memo, sizeof memo);
}

// Messages --------------------------------------------------------------------

static enum decode_status ignore(struct gt06_frame *f)
{
	(void)f;
	return DECODE_IGNORED;
}

enum answer { ANSWER_NONE, ANSWER_NOW, ANSWER_STORED };

struct message {
	gt06_reader *read;
	enum answer answer;
	bool has_gps; /* begins with the GPS block, in every form */
};

static const struct message messages[256] = {
	[0x01] = {read_login, ANSWER_NOW, false},
	[0x10] = {gt06_read_position, ANSWER_STORED, true},
	[0x11] = {gt06_read_position, ANSWER_STORED, true},
	[0x12] = {gt06_read_position, ANSWER_STORED, true},
	[0x13] = {gt06_read_heartbeat, ANSWER_NOW, false},
	[0x15] = {gt06_read_15, ANSWER_NONE, false},
	[0x16] = {gt06_read_position_status, ANSWER_STORED, true},
	[0x17] = {gt06_read_17, ANSWER_STORED, false},
	[0x18] = {gt06_read_lbs, ANSWER_STORED, false},
	[0x19] = {gt06_read_cell_status, ANSWER_STORED, false},
	[0x21] = {gt06_read_21, ANSWER_NONE, false},
	[0x22] = {gt06_read_position_acc, ANSWER_STORED, true},
	[0x23] = {gt06_read_heartbeat_4g, ANSWER_NOW, false},
	[0x24] = {gt06_read_lbs, ANSWER_STORED, false},
	[0x25] = {gt06_read_position_acc, ANSWER_STORED, false},
	[0x26] = {gt06_read_position_status, ANSWER_STORED, true},
	[0x27] = {gt06_read_position_status, ANSWER_STORED, true},
	[0x28] = {gt06_read_lbs, ANSWER_STORED, false},
	[0x2A] = {gt06_answer_address, ANSWER_NONE, false},
	[0x2C] = {gt06_read_lbs, ANSWER_STORED, false},
	[0x2D] = {gt06_read_position_acc, ANSWER_STORED, true},
	[0x2E] = {gt06_read_lbs, ANSWER_STORED, false},
	[0x31] = {gt06_read_position_acc, ANSWER_STORED, true},
	[0x32] = {gt06_read_position_status, ANSWER_STORED, true},
	[0x34] = {gt06_read_x1, ANSWER_STORED, false},
	[0x36] = {gt06_read_36, ANSWER_STORED, false},
	[0x37] = {gt06_read_position_acc, ANSWER_STORED, true},
	[0x38] = {gt06_read_front, ANSWER_STORED, false},
	[0x39] = {gt06_read_status_items, ANSWER_STORED, true},
	[0x40] = {gt06_read_opaque, ANSWER_STORED, false},
	[0x41] = {gt06_read_opaque, ANSWER_STORED, false},
	[0x65] = {gt06_read_opaque, ANSWER_NONE, false},
	[0x66] = {gt06_read_opaque, ANSWER_NONE, false},
	[0x70] = {gt06_read_items, ANSWER_STORED, false},
	[0x80] = {ignore, ANSWER_NONE, false}, // our commands, sent back
	[0x81] = {ignore, ANSWER_NONE, false},
	[0x82] = {ignore, ANSWER_NONE, false},
	[0x8A] = {gt06_answer_time, ANSWER_NONE, false},
	[0x8C] = {gt06_read_obd, ANSWER_NONE, false},
	[0x94] = {gt06_read_information, ANSWER_NONE, false},
	[0x95] = {gt06_read_media_event, ANSWER_STORED, false},
	[0x9B] = {gt06_read_serial_port, ANSWER_NONE, false},
	[0xA0] = {gt06_read_position_acc, ANSWER_STORED, true},
	[0xA1] = {gt06_read_lbs, ANSWER_STORED, false},
	[0xA2] = {gt06_read_a2, ANSWER_STORED, false},
	[0xA3] = {gt06_read_position_status, ANSWER_STORED, true},
	[0xA4] = {gt06_read_position_status, ANSWER_STORED, true},
	[0xA5] = {gt06_read_cell_status, ANSWER_STORED, false},
	[0xA9] = {gt06_read_position_status, ANSWER_STORED, true},
	[0xF1] = {gt06_read_epoch_items, ANSWER_STORED, false},
	[0xF2] = {gt06_read_epoch_items, ANSWER_STORED, false},
};

static struct message find_message(const struct gt06_frame *f)
{
	static const struct message opaque = {gt06_read_opaque, ANSWER_STORED, false};
	// AZ735: other messages of the same number, whose inside is not known.
	bool is_other = f->extended && (f->type == 0x32 || f->type == 0x33);
	return is_other ? opaque : messages[f->type];
}

static enum decode_status read_whole(struct gt06_frame *f)
{
	struct message message = find_message(f);
	if (!message.read)
		return DECODE_UNKNOWN;
	// An empty message wants its answer and says nothing.
	bool is_empty = f->body.left == 0 && message.answer != ANSWER_NONE && f->type != 0x01;
	enum decode_status status = is_empty ? DECODE_IGNORED : message.read(f);
	if (message.answer == ANSWER_NOW && (status == DECODE_OK || status == DECODE_IGNORED))
		gt06_acknowledge(f, REPLY_NOW);
	// What came whole but cannot be used is kept as a reject, and would not get better by being
	// sent again and again. Nothing to store is nothing to wait for.
	if (message.answer == ANSWER_STORED && status != DECODE_UNKNOWN)
		gt06_acknowledge(f, status == DECODE_IGNORED ? REPLY_NOW : REPLY_STORED);
	return status;
}

// The position in front is worth keeping if it is sound. Answered only if the sum holds for what
// came.
static enum decode_status read_bad_length(struct gt06_frame *f)
{
	if (!find_message(f).has_gps || !gt06_gps_is_sound(&f->body))
		return DECODE_BAD_LENGTH;
	enum decode_status status = gt06_begin_gps(f, &f->body);
	if (status != DECODE_OK)
		return status;
	gt06_give_up_tail(f, &f->body);
	if (f->answerable)
		gt06_acknowledge(f, REPLY_STORED);
	return DECODE_OK;
}

static enum decode_status read_topin(struct gt06_frame *f)
{
	const uint8_t *time = f->body.at; // frame_topin has seen that it is there
	gt06_answer_topin(f, time);
	return gt06_read_topin(f);
}

static bool is_whole(const uint8_t *data, size_t len)
{
	return length_field(data) >= LENGTH_LEAST && total_of(data) == len;
}

static bool is_whole_topin(const uint8_t *data, size_t len)
{
	if (!is_topin(data))
		return false;
	struct frame topin = frame_topin(data, len);
	return topin.kind == FRAME_OK && topin.len == len;
}

static struct gt06_frame open_frame(
	struct session *session, const uint8_t *data, size_t len, struct decoded *out)
{
	size_t head = head_size(data), least = head + 1 + TRAILER;
	struct gt06_frame f = {
		.session = session,
		.out = out,
		.raw = {(const char *)data, len},
		.length = length_field(data),
		.type = data[head],
		.extended = data[0] == 0x79,
	};
	// Some firmware never gets the sum right: its log-in is enough to open a session.
	bool opens = session->ident_len == 0 && is_whole(data, len) && is_login(data);
	f.crc_bad = len < least || !crc_holds(data, len);
	f.answerable = opens || !f.crc_bad;
	size_t end = f.answerable ? len - TRAILER : len - 2;
	if (f.answerable)
		f.serial = (uint16_t)(data[end] << 8 | data[end + 1]);
	f.body = reader_of(data + head + 1, end - head - 1);
	f.key = (struct text){(const char *)data + head, end - head};
	memcpy(&f.memo, session->memo, sizeof f.memo);
	return f;
}

static enum decode_status decode(
	struct session *session, const uint8_t *data, size_t len, struct decoded *out)
{
	struct gt06_frame f = open_frame(session, data, len, out);
	bool whole = is_whole(data, len);
	enum decode_status status;

	if (whole && !f.answerable)
		return DECODE_BAD_SUM;
	if (!(whole && f.type == 0x01) && !find_ident(&f)) {
		out->detail = "before login";
		return DECODE_DETAIL;
	}
	if (whole)
		status = read_whole(&f);
	else if (is_whole_topin(data, len))
		status = read_topin(&f);
	else
		status = read_bad_length(&f);
	if (status == DECODE_OK && f.report)
		gt06_finish(&f);
	memcpy(session->memo, &f.memo, sizeof f.memo);
	return status;
}

const struct decoder decoder_gt06 = {
	.name = "gt06",
	.probe = probe,
	.frame = frame,
	.decode = decode,
	.encode_command = gt06_encode,
	.confirms_command = gt06_confirms,
};
