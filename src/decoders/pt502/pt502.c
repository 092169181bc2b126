// SPDX-License-Identifier: MIT
// Bofan PT-502 and its relatives (PT-201, PT-510, PT-300X, PT-600X ...): framing, sniffing, and
// which parser gets a part. The protocol has no log-in, heart-beat or acknowledgement. Sources: the
// maker's manuals and captures.
//
//   full frame  BF FB | XOR of the body u8 | length u16 LE of the frame | body: one or more parts
//
// A part is one of these. All but photo data also come bare, without a full frame:
//
//   record      $EVT,id, ...  CR LF, or "# LF" from the log         pt502_record.c
//   firmware    $FUS<id>,<firmware>,<version>  CR CR                pt502_record.c
//   text        any other line that begins with $ or #              pt502_record.c
//   photo data  $PHD<offset>,<count>,<bytes>      binary            pt502_photo.c
//   delta       @ check { field offset count text[count] } ...      pt502_delta.c; no terminator
#include "decoders/decoders.h"
#include "decoders/pt502/pt502_command.h"
#include "decoders/pt502/pt502_delta.h"
#include "decoders/pt502/pt502_history.h"
#include "decoders/pt502/pt502_line.h"
#include "decoders/pt502/pt502_photo.h"
#include "decoders/pt502/pt502_record.h"
#include "decoders/pt502/pt502_record_fast.h"
#include "protocol/held_frames.h"
#include "util/scan.h"
#include "util/simd.h"

#define HEADER_LEN 5    /* of a full frame */
#define BARE_CAP   1024 /* most bytes of a bare record or delta */
#define CODE_CAP   18   /* "FUS" and an ident of 15 digits */
#define FIELD_CAP  32   /* most bytes of a field that sniffing skips */

static bool is_blank(uint8_t c)
{
	return pt502_is_line_end(c) || c == 0 || c == ' ';
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

// Framing ---------------------------------------------------------------------

// Returns the offset of the first CR or LF, or len if there is none.
static size_t find_line_end(const uint8_t *data, size_t len)
{
	const char *start = (const char *)data, *at = start;
	uint32_t ends = 0;
	if (len < 32) {
		while (at < start + len && !pt502_is_line_end((uint8_t)*at))
			at++;
		return (size_t)(at - start);
	}
	const char *last = start + len - 32; // the last 32 bytes overlap those before
	while (at < last && !(ends = lanes_either32(at, '\r', '\n')))
		at += 32;
	if (!ends) {
		at = last;
		ends = lanes_either32(at, '\r', '\n');
	}
	return ends ? (size_t)(at - start) + (size_t)__builtin_ctz(ends) : len;
}

static size_t skip_line_ends(const uint8_t *data, size_t len, size_t at)
{
	while (at < len && pt502_is_line_end(data[at]))
		at++;
	return at;
}

// Returns the offset after the last whole triple from `at` on. *wanted: the bytes in total that a
// cut triple needs, or 0.
static size_t walk_triples(const uint8_t *data, size_t len, size_t at, size_t *wanted)
{
	*wanted = 0;
	while (at < len && data[at] < 0x20) {
		size_t triple = len - at < 3 ? 3 : 3 + (size_t)data[at + 2];
		if (len - at < triple) {
			*wanted = at + triple;
			break;
		}
		at += triple;
	}
	return at;
}

static struct frame frame_line(const struct session *session, const uint8_t *data, size_t len)
{
	size_t room = least(len, BARE_CAP);
	size_t end = find_line_end(data, room);
	if (end < room)
		return (struct frame){FRAME_OK, skip_line_ends(data, least(len, FRAME_CAP), end)};
	if (len >= BARE_CAP)
		return (struct frame){FRAME_BAD, BARE_CAP};
	return session->datagram ? (struct frame){FRAME_OK, len}
				 : (struct frame){FRAME_MORE, len + 1};
}

static struct frame frame_full(const uint8_t *data, size_t len)
{
	if (len >= 2 && data[1] != 0xFB)
		return (struct frame){FRAME_BAD, 2};
	if (len < HEADER_LEN)
		return (struct frame){FRAME_MORE, HEADER_LEN};
	size_t total = data[3] | (size_t)data[4] << 8;
	if (total <= HEADER_LEN || total > FRAME_CAP)
		return (struct frame){FRAME_BAD, HEADER_LEN};
	return len < total ? (struct frame){FRAME_MORE, total} : (struct frame){FRAME_OK, total};
}

// Cuts a bare delta or, with head 0, the late rest of one. A delta has no terminator: it ends where
// no triple follows, or if nothing follows.
static struct frame frame_delta(
	const struct session *session, const uint8_t *data, size_t len, size_t head)
{
	size_t wanted, end = len;
	if (len < head)
		wanted = head + 3;
	else
		end = walk_triples(data, len, head, &wanted);
	if (end == head && end == len)
		wanted = head + 3;
	if (end > BARE_CAP || wanted > BARE_CAP)
		return (struct frame){FRAME_BAD, least(len, BARE_CAP)};
	if (wanted == 0 && end == len && !session->datagram && !session->quiet)
		return (struct frame){FRAME_OPEN, end + 1};
	if (wanted == 0)
		return (struct frame){FRAME_OK, end};
	return session->datagram ? (struct frame){FRAME_OK, len}
				 : (struct frame){FRAME_MORE, wanted};
}

// Returns the number of undecodable bytes: up to the next record, frame or line end.
static size_t garbage_len(const uint8_t *data, size_t len)
{
	size_t at = 1;
	while (at < len && !pt502_is_line_end(data[at]) && data[at] != '$' && data[at] != 0xBF)
		at++;
	return at;
}

static struct frame frame_any(const struct session *session, const uint8_t *data, size_t len)
{
	size_t blanks = 0;
	switch (data[0]) {
	case '$':
	case '#':
		return frame_line(session, data, len);
	case '@':
		return frame_delta(session, data, len, 2);
	case 0xBF:
		return frame_full(data, len);
	default:
		while (blanks < len && is_blank(data[blanks]))
			blanks++;
		return blanks > 0 ? (struct frame){FRAME_SKIP, blanks}
				  : (struct frame){FRAME_BAD, garbage_len(data, len)};
	}
}

static struct frame frame(struct session *session, const uint8_t *data, size_t len)
{
	if (len == 0)
		return (struct frame){FRAME_MORE, 1};
	bool is_rest = session->memo[PT502_MEMO_CUT] && data[0] < 0x20 && !is_blank(data[0]);
	struct frame cut =
		is_rest ? frame_delta(session, data, len, 0) : frame_any(session, data, len);
	if (cut.kind == FRAME_OK)
		session->memo[PT502_MEMO_CUT] =
			(is_rest || data[0] == '@') && cut.len == len && session->quiet;
	return cut;
}

// Sniffing --------------------------------------------------------------------

// Skips a field of at most FIELD_CAP printable bytes. With PROBE_YES the comma is skipped too.
static enum probe probe_field(struct scan *scan)
{
	const char *start = scan->at;
	while (scan->at < scan->end && *scan->at >= 0x20 && *scan->at <= 0x7E && *scan->at != ',')
		scan->at++;
	if (scan->at - start > FIELD_CAP)
		return PROBE_NO;
	if (scan->at == scan->end)
		return PROBE_MORE;
	return *scan->at++ == ',' ? PROBE_YES : PROBE_NO;
}

// Returns PROBE_YES for six digits (hhmmss), PROBE_MORE for fewer at the end of the bytes.
static enum probe probe_clock(const struct scan *scan)
{
	for (int i = 0; i < 6; i++) {
		if (scan->end - scan->at == i)
			return PROBE_MORE;
		if (!text_is_digit(scan->at[i]))
			return PROBE_NO;
	}
	return PROBE_YES;
}

// If either ident or time is invalid, the letter of the fix decides.
static enum probe probe_fix(struct scan *scan)
{
	enum probe field = probe_field(scan);
	if (field != PROBE_YES)
		return field;
	if (scan->at == scan->end)
		return PROBE_MORE;
	if (*scan->at != 'A' && *scan->at != 'V')
		return PROBE_NO;
	if (++scan->at == scan->end)
		return PROBE_MORE;
	return *scan->at == ',' ? PROBE_MAYBE : PROBE_NO;
}

// Returns PROBE_MORE if the characters can be the start of a record's code: one more digit makes
// them one.
static enum probe probe_code_start(const char *code, size_t len)
{
	char longer[CODE_CAP + 1];
	if (len <= 3)
		return PROBE_MORE;
	if (len > CODE_CAP)
		return PROBE_NO;
	memcpy(longer, code, len);
	longer[len] = '0';
	return pt502_is_code(longer, len + 1) ? PROBE_MORE : PROBE_NO;
}

static enum probe probe_record(struct scan scan)
{
	const char *code = ++scan.at;
	while (scan.at < scan.end && pt502_is_code_char(*scan.at))
		scan.at++;
	size_t code_len = (size_t)(scan.at - code);
	if (scan.at == scan.end)
		return probe_code_start(code, code_len);
	if (*scan.at++ != ',' || code_len > CODE_CAP || !pt502_is_code(code, code_len))
		return PROBE_NO;
	if (memcmp(code, "FUS", 3) == 0 && pt502_is_ident(code + 3, code_len - 3))
		return PROBE_YES;

	const char *ident = scan.at;
	enum probe field = probe_field(&scan);
	if (field != PROBE_YES)
		return field;
	bool sound = pt502_is_ident(ident, (size_t)(scan.at - ident) - 1);
	enum probe clock = probe_clock(&scan);
	if (clock == PROBE_MORE || (sound && clock == PROBE_YES))
		return clock;
	if (clock == PROBE_NO && !(sound && (*scan.at == ',' || text_is_digit(*scan.at))))
		return PROBE_NO;
	return probe_fix(&scan);
}

static enum probe probe_full(const uint8_t *data, size_t len)
{
	struct frame cut = frame_full(data, len);
	if (cut.kind == FRAME_BAD)
		return PROBE_NO;
	if (len <= HEADER_LEN)
		return PROBE_MORE;
	return data[HEADER_LEN] == '$' || data[HEADER_LEN] == '@' ? PROBE_YES : PROBE_NO;
}

static enum probe probe_delta(const uint8_t *data, size_t len)
{
	size_t at = 2;
	while (at < len && data[at] < 0x20) {
		size_t triple = len - at < 3 ? 3 : 3 + (size_t)data[at + 2];
		for (size_t i = 3; i < least(triple, len - at); i++) {
			uint8_t c = data[at + i];
			if ((c < 0x20 || c > 0x7E) && !pt502_is_line_end(c))
				return PROBE_NO;
		}
		if (len - at < triple)
			return PROBE_MORE;
		at += triple;
	}
	if (at >= len)
		return len > 2 ? PROBE_YES : PROBE_MORE;
	bool ended = data[at] == '$' || data[at] == '@' || data[at] == 0xBF;
	return ended && at > 2 ? PROBE_YES : PROBE_NO;
}

static enum probe probe(const uint8_t *data, size_t len, bool datagram)
{
	enum probe verdict = PROBE_NO;
	if (len == 0)
		verdict = PROBE_MORE;
	else if (data[0] == '$')
		verdict = probe_record((struct scan){(const char *)data, (const char *)data + len});
	else if (data[0] == 0xBF)
		verdict = probe_full(data, len);
	else if (data[0] == '@')
		verdict = probe_delta(data, len);
	return datagram && verdict == PROBE_MORE ? PROBE_NO : verdict;
}

// Decoding --------------------------------------------------------------------

static enum decode_status decode_delta(
	struct session *session, const uint8_t *data, size_t len, size_t head, struct decoded *out)
{
	size_t wanted;
	if (len < head + 3 || walk_triples(data, len, head, &wanted) != len)
		return pt502_refuse(out, DECODE_BAD_LENGTH, "delta");
	return head > 0 ? pt502_delta_decode(session, data, len, out)
			: pt502_delta_refuse_rest(session, out);
}

static enum decode_status decode_line(
	struct session *session, const uint8_t *data, size_t len, int sum, struct decoded *out)
{
	const size_t reports = out->report_count;
	const enum decode_status status = pt502_record_fast(session, data, len, out)
						  ? DECODE_OK
						  : pt502_record_decode(session, data, len, out);
	if (data[0] == '$')
		pt502_history_remember(session, (struct text){(const char *)data, len},
			out->report_count > reports ? &out->reports[reports] : NULL, 0, sum);
	return status;
}

// Decodes a record, text or delta. sum: its XOR, or PT502_SUM_UNKNOWN.
static enum decode_status decode_part(
	struct session *session, const uint8_t *data, size_t len, int sum, struct decoded *out)
{
	switch (data[0]) {
	case '$':
	case '#':
		return decode_line(session, data, len, sum, out);
	case '@':
		return decode_delta(session, data, len, 2, out);
	default:
		return pt502_refuse(out, DECODE_BAD_VALUE, "record");
	}
}

// Returns the length of the part at the start of a body, with its terminators.
static size_t part_len(const uint8_t *data, size_t len)
{
	size_t wanted, end;
	if (pt502_is_photo_data(data, len))
		return len; // only the frame's length ends it
	switch (data[0]) {
	case '$':
	case '#':
		return skip_line_ends(data, len, find_line_end(data, len));
	case '@':
		end = walk_triples(data, len, least(len, 2), &wanted);
		return wanted ? len : end;
	default:
		return garbage_len(data, len);
	}
}

// Tries held deltas again: the new record may be their reference.
static inline void retry_held(struct session *session, struct decoded *out)
{
	if (held_frames_count(session) > 0)
		pt502_delta_retry(session, INT64_MIN, out);
}

// sum: the XOR of the body, or PT502_SUM_UNKNOWN.
static enum decode_status decode_body(struct session *session, const uint8_t *body, size_t len,
	int sum, bool verify_bad, struct decoded *out)
{
	enum decode_status status = DECODE_IGNORED;
	for (size_t at = 0, part; at < len; at += part) {
		size_t reports = out->report_count;
		part = 1;
		if (is_blank(body[at]))
			continue;
		part = part_len(body + at, len - at);
		status = pt502_is_photo_data(body + at, part)
				 ? pt502_photo_decode(session, body + at, part, out)
				 : decode_part(session, body + at, part,
					   part == len ? sum : PT502_SUM_UNKNOWN, out);
		if (verify_bad && out->report_count > reports) {
			extra_bool(out, &out->reports[reports], "verify_bad", true);
			verify_bad = false;
		}
		retry_held(session, out);
		if (part == len)
			return status; // the only part of its frame: its reject is the frame's
		if (status != DECODE_OK)
			decoded_reject(out, status, out->detail, body + at, part);
		out->detail = NULL;
	}
	return status == DECODE_IGNORED ? DECODE_IGNORED : DECODE_OK;
}

static enum decode_status decode_full(
	struct session *session, const uint8_t *data, size_t len, struct decoded *out)
{
	if (len <= HEADER_LEN)
		return DECODE_BAD_LENGTH;
	const uint8_t *body = data + HEADER_LEN;
	size_t body_len = len - HEADER_LEN;
	// Some trackers always send FF. A wrong byte is noted, but never a reason to reject the
	// frame.
	const int sum = data[2] != 0xFF ? checksum_xor(body, body_len) : PT502_SUM_UNKNOWN;
	const bool verify_bad = sum != PT502_SUM_UNKNOWN && sum != data[2];
	return decode_body(session, body, body_len, sum, verify_bad, out);
}

static enum decode_status decode(
	struct session *session, const uint8_t *data, size_t len, struct decoded *out)
{
	if (len == 0)
		return DECODE_IGNORED;
	if (data[0] == 0xBF)
		return decode_full(session, data, len, out);
	if (data[0] < 0x20)
		return decode_delta(session, data, len, 0, out);
	enum decode_status status = decode_part(session, data, len, PT502_SUM_UNKNOWN, out);
	retry_held(session, out);
	return status;
}

static void wake(struct session *session, int64_t last_us, struct decoded *out)
{
	if (held_frames_count(session) > 0)
		pt502_delta_retry(session, last_us, out);
	pt502_photo_retry(session, out);
}

const struct decoder decoder_pt502 = {
	.name = "pt502",
	.transports = "TCP, UDP",
	.confirmed_by = "code, ident and time of a record, or a full frame's head",
	.probe = probe,
	.frame = frame,
	.decode = decode,
	.device_size = sizeof(struct pt502_history),
	.wake = wake,
	.encode_command = pt502_command_encode,
	.confirms_command = pt502_command_confirms,
};
