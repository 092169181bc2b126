// SPDX-License-Identifier: MIT
// Queclink @Track (GL50 to GL530, GV50 to GV800, GB100, GMT100, GT501, CV100, CV200): sniffing, framing, acknowledgements. TCP and
// UDP. From the maker's @Track documents and captures.
//
//   +RESP:GTFRI,060502,860000000000017,van1,...,20260314092655,00A7$     type, version, ident, name, ..., send time, count
//   +BUFF:...   the same from the buffer      +ACK:GT...   answer to a command; +ACK:GTHBD is the heartbeat
//   +RSP ... 0D 0A                            binary, queclink_binary.c
//   2B 00 ... $                               binary, queclink_records.c
//
// A text has no checksum, no length and no escapes. Instead of $ it may end with NUL, CR, LF, or where the next one begins;
// #BUF# may stand before it. Old GL100 and GT300 have no version.
#include "decoders/decoders.h"
#include "decoders/garbage.h"
#include "decoders/queclink/queclink_binary.h"
#include "decoders/queclink/queclink_command.h"
#include "decoders/queclink/queclink_records.h"
#include "decoders/queclink/queclink_report.h"
#include "decoders/queclink/queclink_value.h"
#include "util/simd.h"

#define REPLY_MOST   64
#define VERSION_MOST 32
#define BUFFERED     "#BUF#"
#define BUFFERED_LEN 5
#define END_LEN      20 /* bytes of ",20260314092655,00A7" */

#define MEMO_GARBAGE 4 /* offset in session.memo, 2 bytes: undecodable bytes since the last frame */

static const char *const starts[] = {"+RESP:", "+BUFF:", "+ACK:"};

static bool is_filler(uint8_t c)
{
	return c == '\r' || c == '\n' || c == ' ' || c == 0;
}

// Returns MORE if the text ends before the word, which is in upper case.
static enum probe match(struct text text, const char *word)
{
	for (size_t i = 0; word[i]; i++) {
		if (i == text.len)
			return PROBE_MORE;
		const char c = text.data[i];
		if ((c >= 'a' && c <= 'z' ? c - 0x20 : c) != word[i])
			return PROBE_NO;
	}
	return PROBE_YES;
}

// Returns whether a text message begins; *len: bytes up to its colon.
static enum probe match_start(struct text text, size_t *len)
{
	size_t skip = 0;
	enum probe best = PROBE_NO;
	if (text.len >= 6 && memcmp(text.data, starts[0], 6) == 0) { // the usual one
		*len = 6;
		return PROBE_YES;
	}
	if (text.len > 0 && text.data[0] == '#') {
		const enum probe buffered = match(text, BUFFERED);
		if (buffered != PROBE_YES)
			return buffered;
		skip = BUFFERED_LEN;
	}
	text.data += skip, text.len -= skip;
	for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
		const enum probe each = match(text, starts[i]);
		if (each == PROBE_YES) {
			*len = skip + strlen(starts[i]);
			return PROBE_YES;
		}
		best = each > best ? each : best;
	}
	return best;
}

// Sniffing --------------------------------------------------------------------

// Returns the length of the run of letters, digits, - and _; *digits and *hex: those of them at its head.
static size_t count_run(struct text text, size_t *digits, size_t *hex)
{
	size_t len = 0;
	*digits = *hex = 0;
	while (len < text.len &&
		(text_is_alnum(text.data[len]) || text.data[len] == '-' || text.data[len] == '_')) {
		*digits += *digits == len && text_is_digit(text.data[len]);
		*hex += *hex == len && text_hex_digit(text.data[len]) >= 0;
		len++;
	}
	return len;
}

// Matches an ident with its comma.
static enum probe match_ident(struct text text)
{
	size_t digits, hex;
	const size_t len = count_run(text, &digits, &hex);
	const bool imei = digits == len && len <= 15, meid = hex == len && len <= 14;
	if (len == text.len)
		return imei || meid ? PROBE_MORE : PROBE_NO;
	return text.data[len] == ',' && ((imei && len == 15) || (meid && len == 14)) ? PROBE_YES
										     : PROBE_NO;
}

// Matches GT, a type, and version and ident, or only an ident.
static enum probe match_head(struct text text)
{
	size_t digits, hex, at = 0;
	for (; at < text.len && at < 6; at++) {
		const char c = text.data[at];
		const bool fits = at < 2 ? c == "GT"[at] : at < 5 ? c >= 'A' && c <= 'Z' : c == ',';
		if (!fits)
			return PROBE_NO;
	}
	if (at < 6)
		return PROBE_MORE;
	text.data += at, text.len -= at;
	const size_t len = count_run(text, &digits, &hex);
	if (len == text.len)
		return len <= 10 || (len <= 15 && digits == len) ? PROBE_MORE : PROBE_NO;
	if (text.data[len] != ',')
		return PROBE_NO;
	if (len == 15 && digits == len)
		return PROBE_YES;
	return len == 6 || len == 10
		       ? match_ident((struct text){text.data + len + 1, text.len - len - 1})
		       : PROBE_NO;
}

static enum probe probe_text(struct text text)
{
	size_t len = 0;
	const enum probe start = match_start(text, &len);
	if (start != PROBE_YES)
		return start;
	for (size_t i = 0; i < len; i++)
		if (text.data[i] >= 'a' && text.data[i] <= 'z')
			return PROBE_NO;
	return match_head((struct text){text.data + len, text.len - len});
}

// Returns the bytes that a binary frame claims; 0: more are needed, or it is none (*is_none).
static size_t read_length(const uint8_t *data, size_t len, bool *is_none)
{
	size_t at = 2, length_len = 2, length = 0, least = QUECLINK_RECORDS_LEAST;
	*is_none = false;
	if (len < 2)
		return 0;
	if (data[1] != 0) {
		const enum probe found = queclink_binary_find(data, len, &at, &length_len);
		*is_none = found == PROBE_NO;
		if (found != PROBE_YES)
			return 0;
		least = QUECLINK_BINARY_LEAST;
	}
	if (len < at + length_len)
		return 0;
	for (size_t i = 0; i < length_len; i++)
		length = length << 8 | data[at + i];
	*is_none = length < least || length > QUECLINK_FRAME_MOST;
	return *is_none ? 0 : length;
}

// Returns true if the frame of that length ends as it must.
static bool has_end(const uint8_t *data, size_t length)
{
	return data[1] == 0 ? data[length - 1] == '$'
			    : data[length - 2] == '\r' && data[length - 1] == '\n';
}

static enum probe probe_binary(const uint8_t *data, size_t len)
{
	bool is_none;
	const size_t length = read_length(data, len, &is_none);
	if (is_none || data[0] != '+')
		return PROBE_NO;
	if (length == 0)
		return PROBE_MORE;
	if (len < length)
		return length > SNIFF_CAP ? PROBE_MAYBE : PROBE_MORE;
	if (!has_end(data, length))
		return PROBE_NO;
	return data[1] == 0 || queclink_binary_is_sound(data, length) ? PROBE_YES : PROBE_MAYBE;
}

static enum probe probe(const uint8_t *data, size_t len, bool datagram)
{
	if (len == 0 || (data[0] != '+' && data[0] != '#'))
		return len == 0 && !datagram ? PROBE_MORE : PROBE_NO;
	const enum probe text = probe_text((struct text){(const char *)data, len}),
			 binary = probe_binary(data, len), best = text > binary ? text : binary;
	return datagram && best == PROBE_MORE ? PROBE_NO : best;
}

// Framing ---------------------------------------------------------------------

// Returns the index of the first byte that ends a text: $, NUL, CR or LF; len if there is none.
static size_t find_end(const char *data, size_t len)
{
	size_t at = 0;
	for (; at + 16 <= len; at += 16) {
		const lanes bytes = lanes_load(data + at);
		if (!lanes_set((lanes)(bytes <= (uint8_t)'$')))
			continue; // the usual case
		const uint32_t ends =
			lanes_set((lanes)((bytes == (uint8_t)'$') | (bytes == 0) |
					  (bytes == (uint8_t)'\r') | (bytes == (uint8_t)'\n')));
		if (ends)
			return at + (size_t)__builtin_ctz(ends);
	}
	while (at < len && data[at] != '$' && data[at] != 0 && data[at] != '\r' && data[at] != '\n')
		at++;
	return at;
}

// Returns the index of the next message in the text, which has lost its end; len if there is none.
static size_t find_next(const char *data, size_t from, size_t len)
{
	const char *plus;
	size_t start;
	while (from < len && (plus = memchr(data + from, '+', len - from))) {
		const size_t at = (size_t)(plus - data);
		const struct text rest = {plus, len - at};
		if (match_start(rest, &start) == PROBE_YES &&
			match((struct text){rest.data + start, rest.len - start}, "GT") ==
				PROBE_YES)
			return at;
		from = at + 1;
	}
	return len;
}

// Returns true for a text that lacks only its $.
static bool is_complete(const char *data, size_t len)
{
	if (len < END_LEN)
		return false;
	const char *end = data + len - END_LEN;
	return end[0] == ',' && end[15] == ',' &&
	       fields_is_digits((struct text){end + 1, 14}, 14, 14) &&
	       fields_is_hex((struct text){end + 16, 4}, 4, 4);
}

static struct frame accept(struct session *session, size_t len)
{
	memset(session->memo + MEMO_GARBAGE, 0, 2);
	return (struct frame){FRAME_OK, len};
}

static struct frame cut_text(
	struct session *session, const uint8_t *data, size_t len, size_t start, bool last)
{
	const char *text = (const char *)data;
	const size_t end = start + find_end(text + start, len - start);
	const size_t next = find_next(text, start, end);
	if (next < end)
		return accept(session, next);
	if (end < len)
		return accept(session, text[end] == '$' ? end + 1 : end);
	if (last)
		return accept(session, len);
	if (len >= QUECLINK_FRAME_MOST)
		return (struct frame){FRAME_BAD, len};
	return (struct frame){is_complete(text, len) ? FRAME_OPEN : FRAME_MORE, len + 1};
}

static bool ends_garbage(uint8_t c)
{
	return c == '+' || is_filler(c);
}

static struct frame cut_garbage(struct session *session, const uint8_t *data, size_t len, bool last)
{
	return garbage_cut(session->memo + MEMO_GARBAGE, data, len, last, ends_garbage);
}

static struct frame frame(struct session *session, const uint8_t *data, size_t len)
{
	const bool last = session->datagram || session->quiet;
	size_t filler = 0, start = 0;
	bool is_none = true;
	if (len == 0)
		return (struct frame){FRAME_MORE, 1};
	while (filler < len && is_filler(data[filler]))
		filler++;
	if (filler > 0)
		return (struct frame){FRAME_SKIP, filler};
	const enum probe text = match_start((struct text){(const char *)data, len}, &start);
	if (text == PROBE_YES)
		return cut_text(session, data, len, start, last);
	size_t length = 0;
	if (data[0] == '+')
		length = read_length(data, len, &is_none);
	if (length > 0 && len >= length && has_end(data, length))
		return accept(session, length);
	if (length > len)
		return (struct frame){FRAME_MORE, length};
	if (length == 0 && (text == PROBE_MORE || !is_none) && !session->quiet)
		return (struct frame){FRAME_MORE, len + 1};
	return cut_garbage(session, data, len, last);
}

// Decoding --------------------------------------------------------------------

// Appends an acknowledgement: the text, the count and a $.
static void answer(const struct queclink_message *m, enum reply_when when, const char *text)
{
	char reply[REPLY_MOST], *end;
	const bool is_beat = when == REPLY_NOW;
	if (m->count.len == 0 || m->version.len > VERSION_MOST)
		return;
	end = fields_put(reply, text, strlen(text));
	if (is_beat) {
		end = fields_put(end, m->version.data, m->version.len);
		*end++ = ',';
	}
	end = fields_put(end, m->count.data, m->count.len);
	*end++ = '$';
	decoded_reply(m->out, when, reply, (size_t)(end - reply));
}

static void decode_answer(struct queclink_message *m)
{
	int64_t time_us;
	if (m->type == QUECLINK_TYPE('H', 'B', 'D')) {
		answer(m, REPLY_NOW, "+SACK:GTHBD,");
		return;
	}
	queclink_message_begin(m, (struct text){"", 0}, m->send, 0);
	if (queclink_value_time(m->send, &time_us))
		report_set_time(m->report, time_us);
	const struct text result =
		m->name > 0 ? queclink_message_span(m, m->name + 1, m->end) : (struct text){"", 0};
	if (result.len > 0)
		extra_text(m->out, m->report, "data", result.data, result.len);
	queclink_command_note_answer(m);
	answer(m, REPLY_STORED, "+SACK:");
}

static enum decode_status decode_text(
	struct session *session, struct text text, size_t start, struct decoded *out)
{
	struct queclink_fields fields;
	struct queclink_message m = {
		.session = session, .out = out, .fields = &fields, .raw = text, .is_stored = false};
	if (text.data[text.len - 1] == '$')
		text.len--;
	m.body = (struct text){text.data + start, text.len - start};
	m.is_answer = (text.data[start - 2] | 0x20) == 'k';
	m.is_stored = text.data[0] == '#' || (text.data[start - 2] | 0x20) == 'f';
	queclink_message_split(text, &fields);
	queclink_message_read(&m);
	if (!session_set_ident(session, m.ident.data, m.ident.len)) {
		out->detail = "ident";
		return DECODE_BAD_VALUE;
	}
	queclink_command_note_prefix(session, m.prefix);
	if (m.is_answer) {
		decode_answer(&m);
		return DECODE_OK;
	}
	queclink_report_decode(&m);
	answer(&m, REPLY_STORED, "+SACK:");
	return DECODE_OK;
}

static enum decode_status decode(
	struct session *session, const uint8_t *data, size_t len, struct decoded *out)
{
	const struct text text = {(const char *)data, len};
	size_t start, length_at, length_len;
	if (match_start(text, &start) == PROBE_YES)
		return decode_text(session, text, start, out);
	if (len >= QUECLINK_RECORDS_LEAST && data[0] == '+' && data[1] == 0)
		return queclink_records_decode(session, data, len, out);
	if (len < QUECLINK_BINARY_LEAST || data[len - 1] != '\n' ||
		queclink_binary_find(data, len, &length_at, &length_len) != PROBE_YES) {
		out->detail = "framing lost";
		return DECODE_DETAIL;
	}
	if (!session->probed && !queclink_binary_is_sound(data, len))
		return DECODE_BAD_SUM;
	return queclink_binary_decode(session, data, len, out);
}

const struct decoder decoder_queclink = {
	.name = "queclink",
	.transports = "TCP, UDP",
	.confirmed_by = "type, version and ident of a text; the CRC of a binary frame",
	.acknowledges = "heartbeat at once, texts with a count once stored",
	.frame_max = QUECLINK_FRAME_MOST,
	.probe = probe,
	.frame = frame,
	.decode = decode,
	.encode_command = queclink_command_encode,
	.confirms_command = queclink_command_confirms,
};
