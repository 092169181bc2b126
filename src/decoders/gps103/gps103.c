// SPDX-License-Identifier: MIT
// GPS103: Coban GPS/TK 102 to 108, 303, 305, 306, 310, 311, 401, 403, 405 and clones: sniffing, framing, log-in. TCP and UDP.
// From the maker's paper (Coban, "GPRS data protocol") and captures.
//
//   tracker  ##,imei:<id>,A;             log-in                     server  LOAD
//            imei:<id>,A;                the same: 30 bytes at most, without F or L
//            <15 digits>;                heartbeat, also without ;          ON
//            imei:<id>,<keyword>, ... ;  gps103_layout.c                    **,imei:<id>,E;  to "help me", once it is stored
//            imei:<id>,vr,<hex>;         gps103_photo.c
//
// A sentence ends with `;`, LF, CR LF or `*`; over UDP also where the datagram ends. No checksum, no length, no escapes. Other
// sentences are not acknowledged.
#include "decoders/decoders.h"
#include "decoders/gps103/gps103_command.h"
#include "decoders/gps103/gps103_layout.h"
#include "decoders/gps103/gps103_photo.h"

#define SENTENCE_MOST 4096
#define PHOTO_MOST    32768 /* a part of a photo */
#define LOGIN_MOST    30    /* of a sentence without F or L, without its terminator */
#define ID_MOST       20
#define HEARTBEAT     15 /* digits */

#define SNIFF_MOST_USUAL 120 /* bytes that show an ordinary sentence */
#define SNIFF_ID_LEAST   12
#define SNIFF_ID_MOST    17
#define SNIFF_LOGIN_ID   10
#define SNIFF_KEYWORD    40

static bool is_terminator(char c)
{
	return c == ';' || c == '\n' || c == '*';
}

static bool is_filler(uint8_t c)
{
	return c == '\r' || c == '\n' || c == ' ' || c == 0;
}

static size_t count_digits(struct text text, size_t at)
{
	size_t count = 0;
	while (at + count < text.len && text_is_digit(text.data[at + count]))
		count++;
	return count;
}

static struct text from(struct text text, size_t at)
{
	return (struct text){text.data + at, text.len - at};
}

// Returns true if the text begins with the word, or is the beginning of it.
static bool agrees(struct text text, const char *word)
{
	const size_t len = strlen(word);
	return memcmp(text.data, word, text.len < len ? text.len : len) == 0;
}

static bool begins(struct text text, const char *word)
{
	return text.len >= strlen(word) && agrees(text, word);
}

// Sniffing --------------------------------------------------------------------

static enum probe probe_login(struct text text)
{
	static const char start[] = "##,imei:";
	const size_t at = sizeof start - 1;
	if (!agrees(text, start))
		return PROBE_NO;
	const size_t digits = text.len > at ? count_digits(text, at) : 0, end = at + digits;
	if (digits > SNIFF_ID_MOST || (digits < SNIFF_LOGIN_ID && text.len > end))
		return PROBE_NO;
	if (text.len < end + 2)
		return text.len <= end || text.data[end] == ',' ? PROBE_MORE : PROBE_NO;
	return text.data[end] == ',' && (text.data[end + 1] | 0x20) == 'a' ? PROBE_YES : PROBE_NO;
}

// Digits alone also open other protocols.
static enum probe probe_digits(struct text text)
{
	const size_t digits = count_digits(text, 0);
	if (digits > ID_MOST)
		return PROBE_NO;
	if (digits == text.len)
		return digits == HEARTBEAT ? PROBE_MAYBE : PROBE_MORE;
	const char next = text.data[digits];
	if (next == ';' || next == '\r' || next == '\n')
		return digits != HEARTBEAT ? PROBE_NO : next == ';' ? PROBE_YES : PROBE_MAYBE;
	const struct text rest = from(text, digits);
	return begins(rest, "imei:") ? PROBE_YES : agrees(rest, "imei:") ? PROBE_MORE : PROBE_NO;
}

// The first sentence, as far as it has been received.
struct opening {
	struct fields fields;
	bool ends;    /* with a terminator, or with the datagram */
	bool is_star; /* it ends with '*' */
};

static void read_opening(struct text text, bool datagram, struct opening *opening)
{
	size_t len = 0;
	while (len < text.len && !is_terminator(text.data[len]))
		len++;
	opening->ends = len < text.len || datagram;
	opening->is_star = len < text.len && text.data[len] == '*';
	if (opening->ends && len > 0 && text.data[len - 1] == '\r')
		len--;
	fields_split((struct text){text.data, len}, &opening->fields);
}

// Returns true if the field is complete: something follows it.
static bool has(const struct opening *opening, size_t index)
{
	return opening->fields.count > index + 1 ||
	       (opening->fields.count == index + 1 && opening->ends);
}

static bool is_made_of(struct text text, const char *bytes)
{
	for (size_t i = 0; i < text.len; i++)
		if (!memchr(bytes, text.data[i], strlen(bytes)))
			return false;
	return true;
}

// Returns true if the fields may be those of the layout that ends with '*'.
static bool may_end_with_star(const struct opening *opening)
{
	const struct fields *fields = &opening->fields;
	if (opening->ends && !opening->is_star)
		return false;
	for (size_t i = GPS103_UTC; i <= GPS103_UTC + 1; i++) {
		const struct text text = fields_get(fields, i);
		if (has(opening, i) && !fields_is_digits(text, 6, 6) && !is_made_of(text, "-"))
			return false;
	}
	return is_made_of(fields_get(fields, GPS103_TYPE), "0123456789.-+");
}

static enum probe probe_sentence(struct text text, bool datagram)
{
	const size_t start = sizeof "imei:" - 1;
	struct opening opening;
	if (!agrees(text, "imei:"))
		return PROBE_NO;
	const size_t digits = text.len > start ? count_digits(text, start) : 0;
	const size_t end = start + digits;
	if (digits > SNIFF_ID_MOST || (text.len > end && digits < SNIFF_ID_LEAST))
		return PROBE_NO;
	if (text.len <= end)
		return PROBE_MORE;
	if (text.data[end] != ',')
		return PROBE_NO;
	const bool is_long = text.len > SNIFF_MOST_USUAL;
	read_opening((struct text){text.data, is_long ? SNIFF_MOST_USUAL : text.len},
		datagram && !is_long, &opening);
	const struct text keyword = fields_get(&opening.fields, GPS103_KEYWORD);
	if (keyword.len > SNIFF_KEYWORD)
		return PROBE_NO;
	if (opening.fields.count > 2 && fields_is_word(keyword, "VR"))
		return PROBE_YES;
	if (fields_is_word(keyword, "OBD") &&
		count_digits(fields_get(&opening.fields, GPS103_LOCAL), 0) >= 12)
		return PROBE_YES;
	if (opening.ends && opening.fields.count == 2 && fields_is_word(keyword, "A"))
		return PROBE_YES;
	if (!has(&opening, GPS103_TYPE))
		return opening.is_star ? PROBE_YES : is_long ? PROBE_NO : PROBE_MORE;
	if (gps103_layout_is_usual(&opening.fields))
		return PROBE_YES;
	read_opening(text, datagram, &opening);
	if (!may_end_with_star(&opening))
		return PROBE_NO;
	return opening.is_star ? PROBE_YES : PROBE_MORE;
}

static enum probe probe(const uint8_t *data, size_t len, bool datagram)
{
	const struct text text = {(const char *)data, len};
	enum probe verdict = PROBE_NO;
	if (len == 0)
		verdict = PROBE_MORE;
	else if (data[0] == '#')
		verdict = probe_login(text);
	else if (text_is_digit(text.data[0]))
		verdict = probe_digits(text);
	else if (data[0] == 'i')
		verdict = probe_sentence(text, datagram);
	return datagram && verdict == PROBE_MORE ? PROBE_NO : verdict;
}

// Framing ---------------------------------------------------------------------

// Returns true if the bytes begin a part of a photo.
static bool is_photo(struct text text)
{
	const size_t start = sizeof "imei:" - 1;
	if (!begins(text, "imei:"))
		return false;
	const struct text rest = from(text, start + count_digits(text, start));
	return rest.len >= 4 && fields_is_word((struct text){rest.data, 4}, ",VR,");
}

static bool is_heartbeat(struct text text)
{
	return fields_is_digits(text, HEARTBEAT, HEARTBEAT);
}

// Returns true if the connection was taken for this protocol's by a heartbeat without its end, and what follows is none.
static bool is_other(const struct session *session, struct text text)
{
	return session->ident_len == 0 && count_digits(text, 0) == HEARTBEAT &&
	       probe_digits(text) == PROBE_NO;
}

// Returns the first terminator, or NULL.
static const char *find_terminator(struct text text)
{
	const char *found = NULL;
	for (const char *c = ";\n*"; *c; c++) {
		const char *at = memchr(text.data, *c, text.len);
		if (at) {
			found = at;
			text.len = (size_t)(at - text.data);
		}
	}
	return found;
}

static struct frame frame(struct session *session, const uint8_t *data, size_t len)
{
	struct text text = {(const char *)data, len};
	size_t filler = 0;
	while (filler < len && is_filler(data[filler]))
		filler++;
	if (filler > 0)
		return (struct frame){FRAME_SKIP, filler};
	if (len == 0)
		return (struct frame){FRAME_MORE, 1};
	if (is_other(session, text))
		return (struct frame){FRAME_BAD, HEARTBEAT};
	const size_t most = is_photo(text) ? PHOTO_MOST : SENTENCE_MOST;
	if (text.len > most)
		text.len = most;
	const char *end = find_terminator(text);
	if (end)
		return (struct frame){FRAME_OK, (size_t)(end - text.data) + 1};
	if ((session->datagram || is_heartbeat(text)) && len <= most) {
		const bool last = session->datagram || session->quiet;
		return last ? (struct frame){FRAME_OK, len} : (struct frame){FRAME_OPEN, len + 1};
	}
	return len < most ? (struct frame){FRAME_MORE, len + 1} : (struct frame){FRAME_BAD, most};
}

// Decoding --------------------------------------------------------------------

static enum decode_status reject_field(struct decoded *out, const char *field)
{
	out->detail = field;
	return DECODE_BAD_VALUE;
}

static bool has_ident(const struct session *session, struct text ident)
{
	return session->ident_len == ident.len &&
	       memcmp(session->ident, ident.data, ident.len) == 0;
}

// Sets the ident. Another device has a zone of its own.
static bool set_ident(struct session *session, struct text ident)
{
	if (!fields_is_digits(ident, 1, ID_MOST))
		return false;
	if (has_ident(session, ident))
		return true;
	session->memo[GPS103_MEMO_ZONE] = 0;
	return session_set_ident(session, ident.data, ident.len);
}

static enum decode_status accept_login(
	struct session *session, struct text ident, struct decoded *out)
{
	if (!set_ident(session, ident))
		return reject_field(out, "ident");
	decoded_reply(out, REPLY_NOW, "LOAD", 4);
	return DECODE_OK;
}

static struct report *add_report(
	const struct session *session, struct text sentence, struct text raw, struct decoded *out)
{
	struct report *report = decoded_report(out, session);
	report->key = sentence;
	report->raw = raw;
	return report;
}

static enum decode_status decode_unknown(
	const struct session *session, struct text sentence, struct text raw, struct decoded *out)
{
	if (session->ident_len == 0 || !fields_is_printable(sentence, SENTENCE_MOST))
		return DECODE_UNKNOWN;
	struct report *report = add_report(session, sentence, raw, out);
	extra_text(out, report, "data", sentence.data, sentence.len);
	return DECODE_OK;
}

static enum decode_status decode_login(
	struct session *session, struct text sentence, struct text raw, struct decoded *out)
{
	struct fields fields;
	fields_split(sentence, &fields);
	struct text id = fields_get(&fields, 1);
	if (!text_equal(fields_get(&fields, 0), "##") || !begins(id, "imei:") ||
		!fields_is_word(fields_get(&fields, 2), "A") || fields_get(&fields, 3).len > 0 ||
		fields.count > 4)
		return decode_unknown(session, sentence, raw, out);
	return accept_login(session, from(id, sizeof "imei:" - 1), out);
}

// Digits without `;` may be of another protocol: they count for a known device only, and open no conversation for another.
static enum decode_status decode_heartbeat(
	struct session *session, struct text digits, bool is_sure, struct decoded *out)
{
	if (!is_sure && !has_ident(session, digits)) {
		struct session asked = *session;
		if (!set_ident(&asked, digits) || !session_settings(&asked).known) {
			out->detail = "heartbeat of an unknown device";
			out->close = session->ident_len == 0;
			return DECODE_DETAIL;
		}
	}
	set_ident(session, digits);
	decoded_reply(out, REPLY_NOW, "ON", 2);
	return DECODE_OK;
}

// Trackers repeat an alarm until it is answered.
static void answer_alarm(const struct session *session, struct decoded *out)
{
	char reply[GPS103_COMMAND_HEAD + 2], *end = gps103_command_put_head(reply, session);
	end = fields_put(end, "E;", 2);
	decoded_reply(out, REPLY_STORED, reply, (size_t)(end - reply));
}

static enum decode_status decode_data(struct session *session, const struct fields *fields,
	struct text sentence, struct text raw, struct decoded *out)
{
	const struct text keyword = gps103_layout_keyword(fields);
	uint32_t parts;
	if (fields_is_word(keyword, "VR") &&
		gps103_photo_add(session, fields_get(fields, GPS103_LOCAL), out))
		return DECODE_OK;
	struct report *report = add_report(session, sentence, raw, out);
	const enum decode_status status =
		gps103_layout_decode(session, fields, raw.data[raw.len - 1] == '*', report, out);
	if (status != DECODE_OK) {
		decoded_drop_report(out);
		return status;
	}
	if (!gps103_layout_is_usual(fields))
		return DECODE_OK;
	if (fields_is_word(keyword, "HELP ME"))
		answer_alarm(session, out);
	else if (gps103_photo_is_announced(keyword, &parts))
		gps103_photo_open(session, report, parts);
	return DECODE_OK;
}

// Returns true for the device's own echo imei:<id>,L,*
static bool is_echo(const struct fields *fields, struct text raw)
{
	return fields->count == 3 && fields_is_word(fields->at[1], "L") && fields->at[2].len == 0 &&
	       raw.data[raw.len - 1] == '*';
}

static enum decode_status decode_sentence(
	struct session *session, struct text sentence, struct text raw, struct decoded *out)
{
	struct fields fields;
	fields_split(sentence, &fields);
	const struct text ident = from(fields.at[0], sizeof "imei:" - 1);
	if (is_echo(&fields, raw) && session->ident_len > 0)
		return DECODE_IGNORED;
	if (sentence.len <= LOGIN_MOST && !gps103_layout_is_usual(&fields))
		return accept_login(session, ident, out);
	if (!set_ident(session, ident))
		return reject_field(out, "ident");
	return decode_data(session, &fields, sentence, raw, out);
}

static enum decode_status decode(
	struct session *session, const uint8_t *data, size_t len, struct decoded *out)
{
	const char last = (char)data[len - 1];
	struct text raw = {(const char *)data, len}, text = raw;
	text.len -= is_terminator(last);
	if (text.len > 0 && text.data[text.len - 1] == '\r')
		text.len--;
	if (text.len == 0)
		return DECODE_IGNORED;
	if (begins(text, "##"))
		return decode_login(session, text, raw, out);
	const size_t digits = count_digits(text, 0);
	if (is_heartbeat(text))
		return decode_heartbeat(session, text, last == ';', out);
	if (digits > 0 && digits <= ID_MOST && begins(from(text, digits), "imei:")) {
		decoded_reply(out, REPLY_NOW, "ON", 2);
		text = from(text, digits);
		raw = from(raw, digits);
	}
	return begins(text, "imei:") ? decode_sentence(session, text, raw, out)
				     : decode_unknown(session, text, raw, out);
}

const struct decoder decoder_gps103 = {
	.name = "gps103",
	.transports = "TCP, UDP",
	.confirmed_by = "a log-in, a heartbeat with its ;, or a sentence's fields",
	.acknowledges = "log-in and heartbeat at once, \"help me\" once stored",
	.frame_max = PHOTO_MOST,
	.probe = probe,
	.frame = frame,
	.decode = decode,
	.encode_command = gps103_command_encode,
	.confirms_command = gps103_command_confirms,
};
