// SPDX-License-Identifier: MIT
// Watch: children's and senior watches and pendants on SeTracker, SeTracker2, Beesure and AiBeile (Q50 to Q100, GW100 to GW1000,
// EW100, DS18, Y3, D99, Wonlex KT and GW, 4P-Touch, FA28, FA66, TKSTAR pet collars): sniffing and framing. TCP. From the maker's
// server protocol ("Beesure GPS SeTracker server protocol") and captures.
//
//   [3G*8600000017*0002*LK]                       maker, ident, length of the content in hex, content
//   [ZJ*860000000000017*0012*0053*AL,...]         with an index before the length
//
// No checksum. Only photos and voice have escapes (watch_media.c): elsewhere [ and ] may be part of a Wi-Fi's name. If the length
// does not lead to a ], the frame ends where its brackets balance, or else at a ] before another frame, CR, LF, NUL or the end of
// the bytes. So one with a length that is too large waits for more bytes.
#include "decoders/decoders.h"
#include "decoders/garbage.h"
#include "decoders/watch/watch_command.h"
#include "decoders/watch/watch_media.h"
#include "decoders/watch/watch_other.h"
#include "decoders/watch/watch_position.h"

#define TEXT_MOST   2048  /* bytes of content */
#define BINARY_MOST 32768 /* the same of photos and voice, after a good frame */

#define SNIFF_IDENT_LEAST 8
#define SNIFF_IDENT_MOST  17

static bool is_filler(uint8_t c)
{
	return c == '\r' || c == '\n' || c == ' ' || c == 0;
}

static bool is_letter(char c)
{
	return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

// Sniffing --------------------------------------------------------------------

// Returns whether [XX* and digits with a * begin the text; *end: the byte after them. YES within the longest that opens a
// conversation, whatever their number.
static enum probe match_start(struct text text, size_t most, size_t *end)
{
	size_t at = 0;
	for (; at < text.len && at < 4; at++) {
		const char c = text.data[at];
		const bool fits = at == 0   ? c == '['
				  : at == 3 ? c == '*'
					    : text_is_digit(c) || (c >= 'A' && c <= 'Z');
		if (!fits)
			return PROBE_NO;
	}
	while (at < text.len && at - 4 < most && text_is_digit(text.data[at]))
		at++;
	if (at >= text.len)
		return PROBE_MORE;
	*end = at + 1;
	return at > 4 && text.data[at] == '*' ? PROBE_YES : PROBE_NO;
}

// Matches the length and a letter after it, or an index and these.
static enum probe match_length(struct text text, size_t at)
{
	const size_t first = watch_head_count_hex(text, at, WATCH_HEAD_INDEX);
	at += first;
	if (at == text.len)
		return PROBE_MORE;
	if (first == 0 || text.data[at] != '*')
		return PROBE_NO;
	if (++at == text.len)
		return PROBE_MORE;
	if (first == 4 && is_letter(text.data[at]))
		return PROBE_YES;
	const size_t second = watch_head_count_hex(text, at, 4);
	at += second;
	if (at == text.len)
		return PROBE_MORE;
	if (second < 4 || text.data[at] != '*')
		return PROBE_NO;
	if (++at == text.len)
		return PROBE_MORE;
	return is_letter(text.data[at]) ? PROBE_YES : PROBE_NO;
}

static enum probe probe(const uint8_t *data, size_t len, bool datagram)
{
	const struct text text = {(const char *)data, len};
	size_t end;
	if (datagram)
		return PROBE_NO;
	const enum probe start = match_start(text, SNIFF_IDENT_MOST, &end);
	if (start != PROBE_YES)
		return start;
	return end < 4 + SNIFF_IDENT_LEAST + 1 ? PROBE_NO : match_length(text, end);
}

// Framing ---------------------------------------------------------------------

// Returns the byte after the ] that closes the first [; 0: none does.
static size_t find_balance(const uint8_t *data, size_t len)
{
	size_t depth = 0;
	for (size_t at = 0; at < len; at++) {
		if (data[at] == '[')
			depth++;
		else if (data[at] == ']' && --depth == 0)
			return at + 1;
	}
	return 0;
}

// Returns true if CR, LF, NUL or another frame begins there.
static bool is_follower(const uint8_t *data, size_t len)
{
	size_t end;
	return len > 0 &&
	       (data[0] == '\r' || data[0] == '\n' || data[0] == 0 ||
		       match_start((struct text){(const char *)data, len}, len, &end) == PROBE_YES);
}

// Returns the byte after the first ] with something behind it that no frame contains; 0: none has. is_end: no bytes follow.
static size_t find_followed(const uint8_t *data, size_t len, bool is_end)
{
	const uint8_t *close, *end = data + len;
	for (const uint8_t *at = data; (close = memchr(at, ']', (size_t)(end - at)));
		at = close + 1)
		if ((is_end && close + 1 == end) ||
			is_follower(close + 1, (size_t)(end - close) - 1))
			return (size_t)(close + 1 - data);
	return 0;
}

static bool ends_garbage(uint8_t c)
{
	return c == '[' || is_filler(c);
}

static struct frame cut_garbage(struct session *session, const uint8_t *data, size_t len, bool last)
{
	return garbage_cut(session->memo + WATCH_MEMO_GARBAGE, data, len, last, ends_garbage);
}

// Leaves the parts of the head in the memo, for decode().
static struct frame accept(struct session *session, const struct watch_head *head, size_t len)
{
	const uint8_t found[] = {
		(uint8_t)head->start, (uint8_t)head->ident.len, (uint8_t)head->index.len};
	memset(session->memo + WATCH_MEMO_GARBAGE, 0, 2);
	memcpy(session->memo + WATCH_MEMO_START, found, sizeof found);
	return (struct frame){FRAME_OK, len};
}

// Returns true if the frame has a head and a ]. What accept() has left in the memo counts once.
static bool find_head(
	struct session *session, const uint8_t *data, size_t len, struct watch_head *head)
{
	const char *text = (const char *)data;
	uint8_t *found = session->memo + WATCH_MEMO_START;
	if (found[0] == 0)
		return data[len - 1] == ']' && watch_head_read(data, len, head) == PROBE_YES;
	*head = (struct watch_head){.maker = {text + 1, 2},
		.ident = {text + 4, found[1]},
		.index = {text + 4 + found[1] + 1, found[2]},
		.start = found[0]};
	found[0] = 0;
	return true;
}

// Cuts a frame by its length, or by its brackets. most: bytes of its content.
static struct frame cut_frame(struct session *session, const uint8_t *data, size_t len,
	const struct watch_head *head, size_t most)
{
	const bool last = session->datagram || session->quiet;
	const size_t need = head->start + head->length + 1, limit = head->start + most + 1;
	const size_t seen = len < limit ? len : limit;
	const bool possible = head->length <= most;
	if (possible && len >= need && data[need - 1] == ']')
		return accept(session, head, need);
	const bool waits = possible && len < need;
	size_t end = find_balance(data, seen);
	if (end > 0 && (last || !waits))
		return accept(session, head, end);
	if (len < limit && !last) {
		if (end == 0)
			end = find_followed(data, len, true);
		return (struct frame){end > 0 ? FRAME_OPEN : FRAME_MORE, waits ? need : len + 1};
	}
	end = find_followed(data, seen, last && seen == len);
	if (end > 0)
		return accept(session, head, end);
	return len < limit ? (struct frame){FRAME_MORE, len + 1}
			   : cut_garbage(session, data, len, last);
}

static struct frame frame(struct session *session, const uint8_t *data, size_t len)
{
	struct watch_head head;
	size_t filler = 0, most = TEXT_MOST;
	session->memo[WATCH_MEMO_START] = 0;
	if (len == 0)
		return (struct frame){FRAME_MORE, 1};
	while (filler < len && is_filler(data[filler]))
		filler++;
	if (filler > 0)
		return (struct frame){FRAME_SKIP, filler};
	const enum probe found = watch_head_read(data, len, &head);
	if (found == PROBE_MORE)
		return (struct frame){FRAME_MORE, len + 1};
	if (found == PROBE_NO)
		return cut_garbage(session, data, len, session->datagram || session->quiet);
	if (head.length > TEXT_MOST && session->memo[WATCH_MEMO_GOOD]) {
		const struct text content = {(const char *)data + head.start, len - head.start};
		if (watch_media_is(content))
			most = BINARY_MOST;
		else if (content.len < WATCH_MEDIA_WORD)
			return (struct frame){FRAME_MORE, len + 1};
	}
	return cut_frame(session, data, len, &head, most);
}

// Decoding --------------------------------------------------------------------

static void decode_content(struct watch_message *m)
{
	const char *comma = memchr(m->content.data, ',', m->content.len);
	m->word = m->rest = m->content;
	m->rest.len = 0;
	if (comma) {
		m->word.len = (size_t)(comma - m->content.data);
		m->rest = (struct text){comma + 1, m->content.len - m->word.len - 1};
	}
	if (watch_position_is(m))
		watch_position_decode(m);
	else
		watch_other_decode(m);
}

static enum decode_status decode(
	struct session *session, const uint8_t *data, size_t len, struct decoded *out)
{
	struct watch_message m = {.session = session, .out = out, .raw = {(const char *)data, len}};
	if (!find_head(session, data, len, &m.head)) {
		out->detail = "framing lost";
		return DECODE_DETAIL;
	}
	if (!session_set_ident(session, m.head.ident.data, m.head.ident.len)) {
		out->detail = "ident";
		return DECODE_BAD_VALUE;
	}
	memcpy(session->memo + WATCH_MEMO_MAKER, m.head.maker.data, 2);
	session->memo[WATCH_MEMO_INDEX] = m.head.index.len > 0;
	session->memo[WATCH_MEMO_GOOD] = 1;
	m.content = (struct text){(const char *)data + m.head.start, len - m.head.start - 1};
	if (m.content.len == 0)
		return DECODE_IGNORED;
	decode_content(&m);
	return DECODE_OK;
}

const struct decoder decoder_watch = {
	.name = "watch",
	.transports = "TCP",
	.confirmed_by = "ident and length of the first frame, and a letter after them",
	.acknowledges = "log-in and keep-alive at once, alarms and counters once stored",
	.frame_max = WATCH_HEAD_MOST + BINARY_MOST + 1,
	.probe = probe,
	.frame = frame,
	.decode = decode,
	.device_size = sizeof(struct watch_device),
	.encode_command = watch_command_encode,
	.confirms_command = watch_command_confirms,
};
