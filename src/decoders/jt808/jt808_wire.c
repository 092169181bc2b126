// SPDX-License-Identifier: MIT
// Frames of JT/T 808-2011, -2013 and -2019, and of its dialects. Numbers are big-endian.
//
//   7E | id u16 | attributes u16 | [version u8] | number, BCD | serial u16 | [parts u16 | part u16] | body | check | 7E
//
//   attributes  0..9 length of the body   10 encrypted (RSA)   13 one part of a message   14 header of 2019   15 see below
//   number      6 bytes; 10 and the version before it in a header of 2019
//   check       XOR of all bytes before it
//   escapes     7D 01 is 7D, 7D 02 is 7E, the check's too
//
//   5501, 5502  serial of one byte, never split; bit 15: an answer is wanted
//   E7 dialect  E7 for 7E; E6 01 is E6, E6 02 is E7, 3E 01 is 3E, 3E 02 is 3D; a number of 7 bytes
//   ( ... )     text of a padlock, between frames
//
// Two frames may share a 7E: each frame takes the one at its end, so that the next one begins without. Lengths are not
// trusted, the delimiters are.
#include "decoders/jt808/jt808_wire.h"
#include "util/checksum.h"
#include "util/decimal.h"
#include "util/escape.h"
#include "util/reader.h"

#define MARK       0x7E
#define MARK_E7    0xE7
#define LEAST      11 /* unescaped bytes, with the check */
#define MARKS_MOST 16 /* delimiters in a row that open a conversation */
#define ATTR_RSA   0x0400
#define ATTR_SPLIT 0x2000
#define ATTR_2019  0x4000
#define ATTR_OTHER 0xDC00 /* of one that is not split, without its length */
#define LENGTH     0x03FF

#define ID_LOCK       0x5501
#define ID_LOCK_SAVED 0x5502

// Escapes --------------------------------------------------------------------

// Removes the escapes of the E7 dialect. out has room for len bytes.
static bool undo_e7(const uint8_t *data, size_t len, uint8_t *out, size_t *out_len)
{
	size_t n = 0;
	for (size_t at = 0; at < len; at++) {
		uint8_t byte = data[at];
		if (byte == 0xE6 || byte == 0x3E) {
			if (++at == len || data[at] < 1 || data[at] > 2)
				return false;
			if (data[at] == 2)
				byte = byte == 0xE6 ? 0xE7 : 0x3D;
		}
		out[n++] = byte;
	}
	*out_len = n;
	return true;
}

static bool has_escape(const uint8_t *data, size_t len, bool is_e7)
{
	return is_e7 ? memchr(data, 0xE6, len) || memchr(data, 0x3E, len)
		     : memchr(data, 0x7D, len) != NULL;
}

// Returns the bytes between the delimiters without escapes, in the frame itself or the arena; data NULL: an escape is wrong.
static struct text unescape(const uint8_t *data, size_t len, bool is_e7, struct decoded *out)
{
	if (!has_escape(data, len, is_e7))
		return (struct text){(const char *)data, len};
	if (!is_e7)
		return decoded_undo_7d(out, data, len);
	uint8_t *plain = decoded_arena(out, len);
	if (!plain || !undo_e7(data, len, plain, &len))
		return (struct text){NULL, 0};
	return (struct text){(const char *)plain, len};
}

struct writer {
	uint8_t *at, *end;
	uint8_t check;
	bool is_e7, full;
};

static void put_plain(struct writer *w, uint8_t byte)
{
	if (w->at == w->end)
		w->full = true;
	else
		*w->at++ = byte;
}

static void put_pair(struct writer *w, uint8_t escape, uint8_t code)
{
	put_plain(w, escape);
	put_plain(w, code);
}

static void put(struct writer *w, uint8_t byte)
{
	w->check ^= byte;
	if (!w->is_e7 && (byte == 0x7D || byte == 0x7E))
		put_pair(w, 0x7D, byte == 0x7D ? 1 : 2);
	else if (w->is_e7 && (byte == 0xE6 || byte == 0xE7))
		put_pair(w, 0xE6, byte == 0xE6 ? 1 : 2);
	else if (w->is_e7 && (byte == 0x3E || byte == 0x3D))
		put_pair(w, 0x3E, byte == 0x3E ? 1 : 2);
	else
		put_plain(w, byte);
}

static void put_bytes(struct writer *w, const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		put(w, data[i]);
}

static void put_u16(struct writer *w, uint16_t value)
{
	put(w, (uint8_t)(value >> 8));
	put(w, (uint8_t)value);
}

// Header ---------------------------------------------------------------------

static bool is_lock_id(uint16_t id)
{
	return id == ID_LOCK || id == ID_LOCK_SAVED;
}

// Reads the header. plain: without escapes, delimiters and check.
static bool read_header(struct jt808_frame *f, const uint8_t *plain, size_t len)
{
	struct reader r = reader_of(plain, len);
	f->id = reader_be16(&r);
	f->attributes = reader_be16(&r);
	f->is_lock = is_lock_id(f->id);
	f->peer.is_2019 = f->attributes & ATTR_2019 && !f->is_lock;
	if (f->peer.is_2019)
		f->peer.version = reader_u8(&r);
	f->peer.number_len = f->peer.is_2019 ? 10 : f->peer.is_e7 ? 7 : 6;
	const uint8_t *number = reader_bytes(&r, f->peer.number_len);
	if (number)
		memcpy(f->peer.number, number, f->peer.number_len);
	f->serial = f->is_lock ? reader_u8(&r) : reader_be16(&r);
	f->is_part = f->attributes & ATTR_SPLIT && !f->is_lock;
	if (f->is_part) {
		f->count = reader_be16(&r);
		f->number = reader_be16(&r);
	}
	f->body = r.at;
	f->len = r.left;
	return !r.bad;
}

enum decode_status jt808_wire_open(struct jt808_frame *f, struct session *session,
	const uint8_t *data, size_t len, struct decoded *out)
{
	struct jt808_memo memo;
	memcpy(&memo, session->memo, sizeof memo);
	*f = (struct jt808_frame){.session = session, .out = out, .raw = {(const char *)data, len}};
	const bool starts = jt808_wire_is_mark(data[0]);
	f->peer.is_e7 = starts ? data[0] == MARK_E7 : data[len - 1] == MARK_E7;
	const struct text plain = unescape(data + starts, len - 1 - starts, f->peer.is_e7, out);
	if (!plain.data) {
		out->detail = "escape";
		return DECODE_BAD_VALUE;
	}
	if (plain.len < 2)
		return DECODE_BAD_LENGTH;
	if (checksum_xor((const uint8_t *)plain.data, plain.len) != 0)
		return DECODE_BAD_SUM;
	if (!read_header(f, (const uint8_t *)plain.data, plain.len - 1))
		return DECODE_BAD_LENGTH;
	if (f->attributes & ATTR_RSA) {
		out->detail = "encrypted";
		return DECODE_DETAIL;
	}
	memo.peer = f->peer;
	memcpy(session->memo, &memo, sizeof memo);
	return DECODE_OK;
}

// Number ---------------------------------------------------------------------

// Returns the last digit of an IMEI, from those before it.
static char luhn(const char *digits, size_t len)
{
	unsigned sum = 0;
	for (size_t i = 0; i < len; i++) {
		unsigned digit = (unsigned)(digits[len - 1 - i] - '0');
		if (i % 2 == 0)
			digit = digit * 2 > 9 ? digit * 2 - 9 : digit * 2;
		sum += digit;
	}
	return (char)('0' + (10 - sum % 10) % 10);
}

// Writes the number's digits. Returns false if a half byte is above 9.
static bool write_digits(const struct jt808_peer *peer, char *out)
{
	for (size_t i = 0; i < peer->number_len; i++) {
		const uint8_t high = peer->number[i] >> 4, low = peer->number[i] & 15;
		if (high > 9 || low > 9)
			return false;
		out[2 * i] = (char)('0' + high);
		out[2 * i + 1] = (char)('0' + low);
	}
	return true;
}

bool jt808_wire_set_ident(struct session *session, const struct jt808_peer *peer)
{
	char digits[2 * JT808_NUMBER_MAX + 2] = {0};
	size_t len = 2u * peer->number_len, zeros = 0;
	if (write_digits(peer, digits)) {
		while (zeros + 1 < len && digits[zeros] == '0')
			zeros++;
	} else if (peer->number_len < 8) {
		// Jimi: an IMEI without its last digit, as a binary number.
		struct reader r = reader_of(peer->number, peer->number_len);
		len = (size_t)(decimal_write(digits, reader_be(&r, peer->number_len)) - digits);
		digits[len] = luhn(digits, len);
		len++;
	} else {
		return false;
	}
	if (session->ident_len == len - zeros &&
		memcmp(session->ident, digits + zeros, len - zeros) == 0)
		return true;
	return session_set_ident(session, digits + zeros, len - zeros);
}

// Sending --------------------------------------------------------------------

size_t jt808_wire_seal(const struct jt808_peer *peer, uint16_t id, uint16_t serial,
	const uint8_t *body, size_t body_len, uint8_t *out, size_t cap)
{
	struct writer w = {.at = out, .end = out + cap, .is_e7 = peer->is_e7};
	put_plain(&w, peer->is_e7 ? MARK_E7 : MARK);
	put_u16(&w, id);
	put_u16(&w, (uint16_t)((body_len & LENGTH) | (peer->is_2019 ? ATTR_2019 : 0)));
	if (peer->is_2019)
		put(&w, peer->version);
	put_bytes(&w, peer->number, peer->number_len);
	if (id == 0x4401)
		put(&w, (uint8_t)serial);
	else
		put_u16(&w, serial);
	put_bytes(&w, body, body_len);
	put(&w, w.check);
	put_plain(&w, peer->is_e7 ? MARK_E7 : MARK);
	return w.full || body_len > LENGTH ? 0 : (size_t)(w.at - out);
}

struct text jt808_wire_rebuild(
	const struct jt808_frame *f, struct text before, const uint8_t *data, size_t len)
{
	const size_t free = DECODED_ARENA - f->out->arena_len;
	const size_t most = 2 * (len + before.len + 32);
	const size_t start_len = f->out->arena_len;
	uint8_t *start = decoded_arena(f->out, most < free ? most : free);
	if (!start)
		return (struct text){NULL, 0};
	struct writer w = {
		.at = start, .end = start + (most < free ? most : free), .is_e7 = f->peer.is_e7};
	put_plain(&w, w.is_e7 ? MARK_E7 : MARK);
	put_u16(&w, f->id);
	put_u16(&w, (uint16_t)((f->attributes & ATTR_OTHER) | ((len + before.len) & LENGTH)));
	if (f->peer.is_2019)
		put(&w, f->peer.version);
	put_bytes(&w, f->peer.number, f->peer.number_len);
	put_u16(&w, f->serial);
	put_bytes(&w, (const uint8_t *)before.data, before.len);
	put_bytes(&w, data, len);
	put(&w, w.check);
	put_plain(&w, w.is_e7 ? MARK_E7 : MARK);
	f->out->arena_len = w.full ? start_len : start_len + (size_t)(w.at - start);
	return w.full ? (struct text){NULL, 0}
		      : (struct text){(const char *)start, (size_t)(w.at - start)};
}

// Framing --------------------------------------------------------------------

bool jt808_wire_is_mark(uint8_t byte)
{
	return byte == MARK || byte == MARK_E7;
}

// Returns the frame up to end_byte. It has at most `most` bytes, also if there are more already.
static struct frame frame_to(
	const uint8_t *data, size_t start, size_t len, uint8_t end_byte, size_t most)
{
	const size_t seen = len < most ? len : most;
	const uint8_t *end = memchr(data + start, end_byte, seen - start);
	if (end)
		return (struct frame){FRAME_OK, (size_t)(end - data) + 1};
	return len < most ? (struct frame){FRAME_MORE, len + 1} : (struct frame){FRAME_BAD, seen};
}

struct frame jt808_wire_frame(struct session *session, const uint8_t *data, size_t len)
{
	struct jt808_memo memo;
	if (len == 0)
		return (struct frame){FRAME_MORE, 1};
	if (data[0] == '\r' || data[0] == '\n')
		return (struct frame){FRAME_SKIP, 1};
	if (data[0] == '(')
		return frame_to(data, 0, len, ')', JT808_TEXT_MOST);
	if (jt808_wire_is_mark(data[0]) && len > 1 && data[1] == data[0])
		return (struct frame){FRAME_SKIP, 1};
	if (jt808_wire_is_mark(data[0]))
		return frame_to(data, 1, len, data[0], FRAME_CAP);
	memcpy(&memo, session->memo, sizeof memo);
	return frame_to(data, 0, len, memo.peer.is_e7 ? MARK_E7 : MARK, FRAME_CAP);
}

// Sniffing -------------------------------------------------------------------

static bool is_known_id(uint16_t id)
{
	static const uint16_t ids[] = {0x0001, 0x0002, 0x0003, 0x0004, 0x0100, 0x0102, 0x0104,
		0x0107, 0x0109, 0x0200, 0x0201, 0x0210, 0x0506, 0x0701, 0x0702, 0x0704, 0x0800,
		0x0801, 0x0900, 0x1007, 0x1300, 0x2070, ID_LOCK, ID_LOCK_SAVED, 0x6006, 0x8888};
	for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++)
		if (ids[i] == id)
			return true;
	return false;
}

// Judges the bytes between two delimiters.
static enum probe judge(const uint8_t *data, size_t len, bool is_e7)
{
	uint8_t plain[JT808_SNIFF_MAX];
	struct jt808_frame f = {.peer.is_e7 = is_e7};
	size_t n = 0;
	if (len > sizeof plain ||
		!(is_e7 ? undo_e7(data, len, plain, &n) : escape_undo_7d(data, len, plain, &n)))
		return PROBE_NO;
	if (n < LEAST || checksum_xor(plain, n) != 0 || !read_header(&f, plain, n - 1))
		return PROBE_NO;
	if ((f.attributes & LENGTH) == f.len)
		return PROBE_YES;
	return is_known_id(f.id) ? PROBE_MAYBE : PROBE_NO;
}

enum probe jt808_wire_probe(const uint8_t *data, size_t len, bool datagram)
{
	const enum probe more = datagram ? PROBE_NO : PROBE_MORE;
	size_t start = 0;
	if (len == 0)
		return more;
	const uint8_t mark = data[0];
	if (!jt808_wire_is_mark(mark))
		return PROBE_NO;
	while (start < len && data[start] == mark)
		start++;
	if (start > MARKS_MOST)
		return PROBE_NO;
	if (start == len)
		return more;
	const uint8_t *end = memchr(data + start, mark, len - start);
	if (!end)
		return len < JT808_SNIFF_MAX ? more : PROBE_NO;
	return judge(data + start, (size_t)(end - data) - start, mark == MARK_E7);
}
