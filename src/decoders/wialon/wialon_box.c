// SPDX-License-Identifier: MIT
// Black boxes, from the maker's papers:
//
//   #B#record|record|...[|sum]          answered #AB#n, the number of records stored, or #AB# if the sum is wrong
//
// One with more than PIECE_BYTES or PIECE_PARTS is read in pieces, each a frame of its own that ends with a |, or with the line:
//
//   NONE --line is complete within FRAME_MOST, sum right--> CHECKED --end of line--> NONE
//     `--------no end within FRAME_MOST--------------------> RUNNING --end of line--> NONE
//
// If the sum turns out wrong at the end of a RUNNING one, only its last piece is rejected: the others are stored. The sender repeats
// all of it, and what is stored already is not stored twice.
#include "decoders/wialon/wialon_box.h"

#include "decoders/wialon/wialon_record.h"
#include "util/checksum.h"

#define START       3 /* bytes of #B# */
#define PIECE_BYTES 16384
#define PIECE_PARTS DECODED_REPORTS

// Framing ---------------------------------------------------------------------

bool wialon_box_is_open(const struct session *session)
{
	return wialon_memo_load(session).box != WIALON_BOX_NONE;
}

// Returns the end of the first part; 0: it is not there.
static size_t find_part(const uint8_t *data, size_t len)
{
	for (size_t at = 0; at < len; at++)
		if (data[at] == '|' || data[at] == '\n')
			return at + 1;
	return 0;
}

// Returns the bytes of the next piece; 0: more are needed.
static size_t find_piece(const uint8_t *data, size_t len)
{
	const size_t seen = len < PIECE_BYTES ? len : PIECE_BYTES;
	size_t cut = 0, parts = 0;
	for (size_t at = 0; at < seen; at++) {
		if (data[at] == '\n')
			return at + 1;
		if (data[at] != '|')
			continue;
		cut = at + 1;
		if (++parts == PIECE_PARTS)
			return cut;
	}
	if (len < PIECE_BYTES)
		return 0;
	return cut > 0 ? cut : find_part(data, len < WIALON_LINE_MOST ? len : WIALON_LINE_MOST);
}

static struct frame cut_piece(
	struct session *session, struct wialon_memo *memo, const uint8_t *data, size_t len)
{
	const size_t piece = find_piece(data, len);
	if (piece > 0 && memo->box_bytes <= WIALON_BOX_MOST - piece)
		return (struct frame){FRAME_OK, piece};
	if (piece == 0 && len < WIALON_LINE_MOST)
		return (struct frame){FRAME_MORE, len + 1};
	memo->box = WIALON_BOX_NONE;
	wialon_memo_save(session, memo);
	return (struct frame){FRAME_BAD, piece > 0 ? piece : len};
}

// Returns the line without its end.
static struct text without_end(const uint8_t *data, size_t len)
{
	if (len > 0 && data[len - 1] == '\n')
		len--;
	if (len > 0 && data[len - 1] == '\r')
		len--;
	return (struct text){(const char *)data, len};
}

// Returns the sum at the end of the body; empty: it has none.
static struct text find_sum(struct text body)
{
	const char *bar = memrchr(body.data, '|', body.len);
	const char *start = bar ? bar + 1 : body.data;
	const struct text last = {start, (size_t)(body.data + body.len - start)};
	uint16_t sum;
	return wialon_message_sum(last, &sum) ? last : (struct text){start, 0};
}

static bool has_right_sum(struct text body)
{
	const struct text sum = find_sum(body);
	return sum.len == 0 ||
	       wialon_message_sum_fits(sum, (struct text){body.data, body.len - sum.len});
}

static bool is_small(const uint8_t *data, size_t len)
{
	return len <= PIECE_BYTES && find_piece(data, len) == len;
}

struct frame wialon_box_cut(struct session *session, const uint8_t *data, size_t len)
{
	struct wialon_memo memo = wialon_memo_load(session);
	if (memo.box != WIALON_BOX_NONE)
		return cut_piece(session, &memo, data, len);
	const size_t most = len < WIALON_FRAME_MOST ? len : WIALON_FRAME_MOST;
	const uint8_t *end = memchr(data, '\n', most);
	const size_t line = end ? (size_t)(end - data) + 1 : 0;
	if (line == 0 && len < WIALON_FRAME_MOST)
		return (struct frame){FRAME_MORE, len + 1};
	if (session->ident_len == 0 && line == 0)
		return (struct frame){FRAME_BAD, most};
	if (session->ident_len == 0 ||
		(line > 0 && (is_small(data, line) ||
				     !has_right_sum(without_end(data + START, line - START)))))
		return (struct frame){FRAME_OK, line};
	memo.box = line > 0 ? WIALON_BOX_CHECKED : WIALON_BOX_RUNNING;
	memo.box_bytes = memo.box_count = memo.box_sum = 0;
	wialon_memo_save(session, &memo);
	return cut_piece(session, &memo, data, len);
}

// Decoding --------------------------------------------------------------------

// Returns the record as a packet of its own, kept in the arena.
static struct text raw_of(const struct wialon_message *m, struct text part)
{
	const size_t prefix = m->ident.len + m->version.len + (m->version.len > 0);
	const char *start = m->version.len > 0 ? m->version.data : m->ident.data;
	char *room = (char *)decoded_arena(m->out, prefix + START + part.len + 2), *end = room;
	if (!room)
		return part;
	end = fields_put(end, start, prefix);
	end = fields_put(end, "#B#", START);
	end = fields_put(end, part.data, part.len);
	end = fields_put(end, "\r\n", 2);
	return (struct text){room, (size_t)(end - room)};
}

// Adds the records of the parts, without the sum. Returns the number of reports.
static uint32_t add_records(struct wialon_message *m, struct text parts)
{
	struct text part;
	uint32_t count = 0;
	while (text_next(&parts, '|', &part)) {
		const char *detail = NULL;
		if (part.len == 0)
			continue;
		m->raw = raw_of(m, part);
		const enum wialon_fault fault = wialon_record_add(m, part, &detail);
		if (fault == WIALON_FINE) {
			m->out->reports[m->out->report_count - 1].body.flags |= FLAG_STORED;
			count++;
			continue;
		}
		decoded_reject(m->out,
			fault == WIALON_FULL        ? DECODE_DETAIL
			: fault == WIALON_STRUCTURE ? DECODE_BAD_LENGTH
						    : DECODE_BAD_VALUE,
			fault == WIALON_FULL ? "too many records" : detail,
			(const uint8_t *)part.data, part.len);
	}
	return count;
}

static enum decode_status refuse_sum(const struct wialon_message *m)
{
	wialon_message_answer(m, REPLY_NOW, "B", (struct text){"", 0});
	return wialon_message_refuse(m, DECODE_BAD_SUM, NULL);
}

enum decode_status wialon_box_decode(struct wialon_message *m)
{
	const struct text sum = find_sum(m->body);
	if (!m->is_known) {
		wialon_message_answer(m, REPLY_NOW, "B", (struct text){"0", 1});
		return wialon_message_refuse(m, DECODE_DETAIL, "before login");
	}
	if (!has_right_sum(m->body))
		return refuse_sum(m);
	const uint32_t count = add_records(m, (struct text){m->body.data, m->body.len - sum.len});
	wialon_message_answer_number(m, REPLY_STORED, "B", count, "");
	return DECODE_OK;
}

enum decode_status wialon_box_decode_piece(struct wialon_message *m)
{
	struct wialon_memo memo = wialon_memo_load(m->session);
	const uint8_t *data = (const uint8_t *)m->raw.data;
	const size_t start = memo.box_bytes == 0 ? START : 0;
	const bool is_last = data[m->raw.len - 1] == '\n';
	struct text body = {m->raw.data + start, m->raw.len - start};
	if (is_last)
		body = without_end(data + start, m->raw.len - start);
	const struct text sum = is_last ? find_sum(body) : (struct text){"", 0};
	uint16_t value = 0;
	body.len -= sum.len;
	memo.box_sum = checksum_crc16_arc_more(memo.box_sum, (const uint8_t *)body.data, body.len);
	memo.box_bytes += (uint32_t)m->raw.len;
	const bool is_wrong = memo.box == WIALON_BOX_RUNNING && wialon_message_sum(sum, &value) &&
			      value != memo.box_sum;
	if (!is_wrong)
		memo.box_count += add_records(m, body);
	if (is_last)
		memo.box = WIALON_BOX_NONE;
	wialon_memo_save(m->session, &memo);
	if (is_wrong)
		return refuse_sum(m);
	if (is_last)
		wialon_message_answer_number(m, REPLY_STORED, "B", memo.box_count, "");
	return DECODE_OK;
}
