// SPDX-License-Identifier: MIT
// GT06 frames on the wire, from the makers' manuals:
//
//   78 78 | L u8  | type u8 | body | serial u16 | crc u16 | 0D 0A
//   79 79 | L u16 | ...
//
//   L    bytes from type to crc
//   crc  X-25 of the bytes from L to serial
//
// Bytes are not escaped: 0D 0A may occur inside, so the length decides where a frame ends. Some
// firmware sends a wrong length; then the next 0D 0A ends the frame. Topin-like frames (78 78 n
// 17|69, where n is a count) occur between others, but never open a session. Pictures (41) come in
// frames of up to 64 KiB.
#include "decoders/gt06/gt06_wire.h"
#include "util/checksum.h"

#include <string.h>

#define LENGTH_LEAST 5 /* type, serial, crc */
#define TRAILER      6 /* serial, crc, 0D 0A */
#define TOPIN_LOGIN  15

_Static_assert(4 + UINT16_MAX + 2 <= GT06_WIRE_MOST, "no length is too long");

// Receiving -------------------------------------------------------------------

struct header {
	size_t size;   /* bytes before the type */
	size_t length; /* L */
	size_t total;  /* bytes of the frame if L is right */
};

// Returns the size of the header, which the first byte decides.
static inline size_t header_size(const uint8_t *data)
{
	return data[0] == 0x78 ? 3 : 4;
}

// Reads the header. All its bytes must be there.
static inline struct header read_header(const uint8_t *data)
{
	const size_t size = header_size(data);
	const size_t length = size == 3 ? data[2] : (size_t)data[2] << 8 | data[3];
	return (struct header){size, length, size + length + 2};
}

// Returns true at the start of a frame, of which the last byte may be only the first half.
static bool is_start(const uint8_t *data, size_t len)
{
	return (data[0] == 0x78 || data[0] == 0x79) && (len < 2 || data[1] == data[0]);
}

static bool ends_at(const uint8_t *data, size_t end)
{
	return data[end - 2] == 0x0D && data[end - 1] == 0x0A;
}

static bool is_crc_right(const uint8_t *data, size_t len)
{
	uint16_t crc = (uint16_t)(data[len - 4] << 8 | data[len - 3]);
	return checksum_crc16_x25(data + 2, len - TRAILER) == crc;
}

static bool is_login(const uint8_t *data, const struct header *header)
{
	const uint8_t *type = data + header->size;
	const size_t length = header->length;
	char digits[16];
	return type[0] == 0x01 && (length == 0x0D || length == 0x0F || length == 0x11) &&
	       type[1] >> 4 == 0 && gt06_frame_ident(type + 1, digits) > 0;
}

// Returns true for a log-in of Topin: 78 78, 0A or 0D, 01, IMEI in 8 bytes, version u8, 0D 0A, and
// then nothing or the next frame. It has no checksum. With the length of GT06 it would be 18 bytes
// long, but the tracker sends no more before it has an answer.
static bool is_topin_login(const uint8_t *data, size_t len)
{
	return len >= TOPIN_LOGIN && data[0] == 0x78 && (data[2] == 0x0A || data[2] == 0x0D) &&
	       data[3] == 0x01 && ends_at(data, TOPIN_LOGIN) &&
	       (len == TOPIN_LOGIN ||
		       (len >= TOPIN_LOGIN + 2 && data[15] == 0x78 && data[16] == 0x78));
}

enum probe gt06_wire_probe(const uint8_t *data, size_t len, bool datagram)
{
	const enum probe more = datagram ? PROBE_NO : PROBE_MORE;
	if (len == 0)
		return more;
	if (!is_start(data, len) || is_topin_login(data, len))
		return PROBE_NO;
	if (len < header_size(data))
		return more;
	const struct header header = read_header(data);
	// Only pictures are longer, and they do not open a session.
	if (header.length < LENGTH_LEAST || header.total > FRAME_CAP)
		return PROBE_NO;
	if (len < header.total)
		return more;
	if (!ends_at(data, header.total))
		return PROBE_NO;
	if (is_crc_right(data, header.total))
		return PROBE_YES;
	return is_login(data, &header) ? PROBE_MAYBE : PROBE_NO;
}

// Rejects the bytes up to the next start of a frame.
static struct frame bad_frame(const uint8_t *data, size_t len)
{
	for (size_t i = 1; i < len; i++) {
		if (is_start(data + i, len - i))
			return (struct frame){FRAME_BAD, i};
	}
	return (struct frame){FRAME_BAD, len};
}

// Cuts at the next terminator, within FRAME_CAP bytes.
static struct frame find_end(const uint8_t *data, size_t len, size_t from)
{
	for (size_t end = from + 2; end <= len && end <= FRAME_CAP; end++) {
		if (ends_at(data, end))
			return (struct frame){FRAME_OK, end};
	}
	return len < FRAME_CAP ? (struct frame){FRAME_MORE, len + 1} : bad_frame(data, len);
}

static bool is_topin(const uint8_t *data)
{
	return data[0] == 0x78 && (data[3] == 0x17 || data[3] == 0x69);
}

// Cuts 78 78 n type time(6) n x 7 | m MCC u16 MNC u8 m x 5 | 0D 0A. Some trackers omit the part
// between the bars. Then 0D is not m, because no MCC begins with 0A.
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

struct frame gt06_wire_frame(struct session *session, const uint8_t *data, size_t len)
{
	if (len == 0)
		return (struct frame){FRAME_MORE, 1};
	if (!is_start(data, len))
		return bad_frame(data, len);
	if (len <= header_size(data))
		return (struct frame){FRAME_MORE, header_size(data) + 1};
	const struct header header = read_header(data);
	if (header.length >= LENGTH_LEAST) {
		if (len >= header.total && ends_at(data, header.total))
			return (struct frame){FRAME_OK, header.total};
		if (len < header.total && !session->datagram)
			return (struct frame){FRAME_MORE, header.total};
	}
	if (is_topin(data)) {
		struct frame topin = frame_topin(data, len);
		if (topin.kind == FRAME_OK || (topin.kind == FRAME_MORE && !session->datagram))
			return topin;
	}
	return find_end(data, len, header.size + 1);
}

static enum gt06_shape shape_of(const uint8_t *data, size_t len, const struct header *header)
{
	if (header->length >= LENGTH_LEAST && header->total == len)
		return GT06_WHOLE;
	if (!is_topin(data))
		return GT06_BAD_LENGTH;
	const struct frame topin = frame_topin(data, len);
	return topin.kind == FRAME_OK && topin.len == len ? GT06_TOPIN : GT06_BAD_LENGTH;
}

// Some firmware never sends a right checksum. Its log-in is enough to open a session. If the next two
// frames are wrong in nothing but the checksum either, they and all later ones are accepted, from the
// second of the two on.
static bool is_sum_accepted(struct gt06_frame *f, const uint8_t *data, const struct header *header)
{
	if (f->shape != GT06_WHOLE)
		return false;
	if (f->session->ident_len == 0)
		return is_login(data, header);
	if (f->memo.bad_sums > 0 && f->memo.bad_sums < GT06_SUMS_NEVER_RIGHT)
		f->memo.bad_sums++;
	return f->memo.bad_sums == GT06_SUMS_NEVER_RIGHT;
}

void gt06_wire_open(struct gt06_frame *f, struct session *session, const uint8_t *data, size_t len,
	struct decoded *out)
{
	const struct header header = read_header(data);
	const size_t type = header.size;
	*f = (struct gt06_frame){
		.session = session,
		.out = out,
		.raw = {(const char *)data, len},
		.length = header.length,
		.shape = shape_of(data, len, &header),
		.type = data[type],
		.extended = data[0] == 0x79,
	};
	memcpy(&f->memo, session->memo, sizeof f->memo);
	f->variant = f->memo.variant;
	// A YES of gt06_wire_probe: the checksum is right.
	const bool is_probed = session->probed && f->shape == GT06_WHOLE;
	f->crc_bad = !is_probed && (len < type + 1 + TRAILER || !is_crc_right(data, len));
	f->answerable = !f->crc_bad || is_sum_accepted(f, data, &header);
	const size_t end = f->answerable ? len - TRAILER : len - 2;
	if (f->answerable)
		f->serial = (uint16_t)(data[end] << 8 | data[end + 1]);
	f->body = reader_of(data + type + 1, end - type - 1);
	f->key = (struct text){(const char *)data + type, end - type};
}

// Sending ---------------------------------------------------------------------

size_t gt06_wire_seal(
	uint8_t *out, bool extended, const uint8_t *payload, size_t len, uint16_t serial)
{
	size_t at = 0, length = len + 4;
	out[at++] = extended ? 0x79 : 0x78;
	out[at++] = extended ? 0x79 : 0x78;
	if (extended)
		out[at++] = (uint8_t)(length >> 8);
	out[at++] = (uint8_t)length;
	memcpy(out + at, payload, len);
	at += len;
	out[at++] = (uint8_t)(serial >> 8);
	out[at++] = (uint8_t)serial;
	uint16_t crc = checksum_crc16_x25(out + 2, at - 2);
	out[at++] = (uint8_t)(crc >> 8);
	out[at++] = (uint8_t)crc;
	out[at++] = 0x0D;
	out[at++] = 0x0A;
	return at;
}
