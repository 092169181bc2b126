// SPDX-License-Identifier: MIT
// TK103 of KX402 (also VjoyCar, TK102-2, TK06, magnetic and pet trackers, lithium battery gateways): framing, sniffing, ident.
// TCP and UDP. (Coban's TK103 speaks another protocol.)
//
//   (<id>CMD...)        packed, tk103_packed.c: B, a letter, two digits after 12, 11 or 15 letters and digits, or 6 and more
//   (<id>,CMD,...)      comma style, tk103_comma.c: 6 to 17 digits
//
// No checksum, no escapes. Text between $ signs may contain ): a ) ends the frame if the number of $ before it is even. The
// last $ may be missing: then a ) ends the frame if another frame follows, or nothing. CR LF and blanks may follow.
#include "decoders/decoders.h"
#include "decoders/garbage.h"
#include "decoders/tk103/tk103_comma.h"
#include "decoders/tk103/tk103_command.h"
#include "decoders/tk103/tk103_packed.h"

#define FRAME_LEN_MOST   2048
#define COMMAND_LEN      4
#define COMMA_IDENT_MOST 17

static bool is_filler(uint8_t c)
{
	return c == '\r' || c == '\n' || c == ' ' || c == 0;
}

// Sniffing --------------------------------------------------------------------

static bool fits(char c, char pattern)
{
	switch (pattern) {
	case '9':
		return text_is_digit(c);
	case '*':
		return text_is_alnum(c);
	case '?':
		return memchr("PROZVQST", c, 8);
	default:
		return c == pattern || (c == (pattern | 0x20) && pattern != ',');
	}
}

// Compares with a pattern: 9 a digit, * a digit or letter, ? a packed command's letter, else the character in either case.
// Returns MORE if the text ends before the pattern.
static enum probe match(struct text text, const char *pattern)
{
	for (size_t i = 0; pattern[i]; i++) {
		if (i == text.len)
			return PROBE_MORE;
		if (!fits(text.data[i], pattern[i]))
			return PROBE_NO;
	}
	return PROBE_YES;
}

static enum probe better(enum probe a, enum probe b)
{
	return a > b ? a : b;
}

// Returns whether the text, after a (, begins with an ident of that length and a command. run: letters and digits it
// begins with.
static enum probe match_packed(struct text text, size_t run, size_t ident)
{
	if (run < ident)
		return run == text.len ? PROBE_MORE : PROBE_NO;
	const struct text command = tk103_from(text, ident);
	return command.len > 0 && command.data[0] != 'B' ? PROBE_NO : match(command, "B?99");
}

static enum probe match_comma(struct text text, size_t digits)
{
	static const char *const commands[] = {"BP99,", "BR99,", "ZC**,", "DW**,"};
	enum probe best = PROBE_NO;
	if (digits == text.len)
		return digits <= 16 ? PROBE_MORE : PROBE_NO;
	if (text.data[digits] != ',' || digits < 10 || digits > 16)
		return PROBE_NO;
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
		best = better(best, match(tk103_from(text, digits + 1), commands[i]));
	return best;
}

// Returns whether the bytes, of which the first is a (, begin with ident and command.
static enum probe match_header(const uint8_t *data, size_t len)
{
	const struct text text = {(const char *)data + 1, len - 1};
	size_t run = 0, digits = 0;
	while (run < text.len && run < 17 && text_is_alnum(text.data[run]))
		run++;
	while (digits < run && text_is_digit(text.data[digits]))
		digits++;
	enum probe best = match_comma(text, digits);
	best = better(best, match_packed(text, run, 12));
	best = better(best, match_packed(text, run, 11));
	return better(best, match_packed(text, digits, 15));
}

static enum probe probe(const uint8_t *data, size_t len, bool datagram)
{
	enum probe verdict = PROBE_NO;
	if (len == 0)
		verdict = PROBE_MORE;
	else if (data[0] == '(')
		verdict = match_header(data, len);
	if (verdict == PROBE_YES && !memchr(data, ')', len))
		verdict = len < FRAME_LEN_MOST ? PROBE_MORE : PROBE_NO;
	return datagram && verdict == PROBE_MORE ? PROBE_NO : verdict;
}

// Framing ---------------------------------------------------------------------

// Looks for the next frame after a ) within a text. Returns YES if its header follows, MORE if its beginning does, MAYBE if
// nothing follows.
static enum probe find_next(const uint8_t *data, size_t len)
{
	size_t at = 0;
	while (at < len && is_filler(data[at]))
		at++;
	if (at == len)
		return PROBE_MAYBE;
	return data[at] == '(' ? match_header(data + at, len - at) : PROBE_NO;
}

// Returns true if the number of $ is odd.
static bool has_odd_dollars(const uint8_t *data, size_t len)
{
	bool odd = false;
	const uint8_t *at = data, *end = data + len;
	while ((at = memchr(at, '$', (size_t)(end - at)))) {
		odd = !odd;
		at++;
	}
	return odd;
}

static struct frame cut_frame(const struct session *session, const uint8_t *data, size_t len)
{
	const bool last = session->datagram || session->quiet || len == FRAME_LEN_MOST;
	const uint8_t *close;
	bool in_text = false;
	for (size_t at = 1; at < len && (close = memchr(data + at, ')', len - at));) {
		const size_t end = (size_t)(close - data) + 1;
		in_text ^= has_odd_dollars(data + at, end - at);
		const enum probe next = in_text ? find_next(data + end, len - end) : PROBE_YES;
		if (next == PROBE_YES || (next != PROBE_NO && last))
			return (struct frame){FRAME_OK, end};
		if (next != PROBE_NO)
			return (struct frame){
				next == PROBE_MAYBE ? FRAME_OPEN : FRAME_MORE, len + 1};
		at = end;
	}
	return len < FRAME_LEN_MOST ? (struct frame){FRAME_MORE, len + 1}
				    : (struct frame){FRAME_OK, 1};
}

// Undecodable bytes are a frame of their own, up to the next (, and a reject.
static struct frame cut_garbage(struct session *session, const uint8_t *data, size_t len)
{
	size_t end = 1;
	while (end < len && data[end] != '(' && !is_filler(data[end]))
		end++;
	if (!garbage_count(session->memo + TK103_MEMO_GARBAGE, end, GARBAGE_MOST))
		return (struct frame){FRAME_BAD, end};
	session->memo[TK103_MEMO_LOST] = 1;
	return (struct frame){FRAME_OK, end};
}

static struct frame frame(struct session *session, const uint8_t *data, size_t len)
{
	size_t filler = 0;
	if (len == 0)
		return (struct frame){FRAME_MORE, 1};
	while (filler < len && is_filler(data[filler]))
		filler++;
	if (filler > 0)
		return (struct frame){FRAME_SKIP, filler};
	if (data[0] != '(')
		return cut_garbage(session, data, len);
	const struct frame frame = cut_frame(session, data, len);
	if (frame.kind != FRAME_OK)
		return frame;
	if (frame.len == 1)
		return cut_garbage(session, data, len);
	session->memo[TK103_MEMO_LOST] = 0;
	memset(session->memo + TK103_MEMO_GARBAGE, 0, 2);
	return frame;
}

// Decoding --------------------------------------------------------------------

// Returns true if the ident has that length and a command follows. digits: how many the body begins with.
static bool is_packed(struct text body, size_t digits, size_t ident)
{
	const struct text command = tk103_part(body, ident, COMMAND_LEN);
	if (command.len < COMMAND_LEN || command.data[0] != 'B' || command.data[1] < 'A' ||
		command.data[1] > 'Z' || !text_is_digit(command.data[2]) ||
		!text_is_digit(command.data[3]))
		return false;
	while (digits < ident && text_is_alnum(body.data[digits]))
		digits++;
	return digits >= ident;
}

// Returns the length of the ident of a packed frame; 0: none is found. digits: how many the body begins with.
static size_t find_packed_ident(struct text body, size_t digits)
{
	static const uint8_t usual[] = {12, 11, 15};
	for (size_t i = 0; i < sizeof usual; i++)
		if (is_packed(body, digits, usual[i]))
			return usual[i];
	for (size_t ident = 6; ident <= IDENT_MAX; ident++)
		if (is_packed(body, digits, ident))
			return ident;
	return 0;
}

// Sets the ident. The last state of the connection is that of one device: another one begins anew.
static void set_ident(struct session *session, struct text ident)
{
	const struct text last = {session->ident, session->ident_len};
	if (last.len != ident.len || memcmp(last.data, ident.data, ident.len) != 0)
		session->memo[TK103_MEMO_PANIC] = TK103_PANIC_UNKNOWN;
	session_set_ident(session, ident.data, ident.len);
}

static enum decode_status decode_style(struct tk103_message *message)
{
	const struct text body = {message->raw.data + 1, message->raw.len - 2};
	size_t digits = 0;
	while (digits < body.len && digits < COMMA_IDENT_MOST && text_is_digit(body.data[digits]))
		digits++;
	const bool is_comma = digits >= 6 && digits < body.len && body.data[digits] == ',';
	const size_t ident = is_comma ? digits : find_packed_ident(body, digits);
	if (ident == 0) {
		message->bad = "ident";
		return DECODE_BAD_VALUE;
	}
	set_ident(message->session, tk103_part(body, 0, ident));
	message->session->memo[TK103_MEMO_COMMA] = is_comma;
	if (is_comma) {
		message->rest = tk103_from(body, ident + 1);
		return tk103_comma_decode(message);
	}
	message->command = tk103_part(body, ident, COMMAND_LEN);
	message->rest = tk103_from(body, ident + COMMAND_LEN);
	return tk103_packed_decode(message);
}

static enum decode_status decode(
	struct session *session, const uint8_t *data, size_t len, struct decoded *out)
{
	struct tk103_message message = {
		.session = session, .out = out, .raw = {(const char *)data, len}};
	if (session->memo[TK103_MEMO_LOST]) {
		out->detail = "framing lost";
		return DECODE_DETAIL;
	}
	const enum decode_status status = decode_style(&message);
	if (status != DECODE_OK && message.report)
		decoded_drop_report(out);
	out->detail = message.bad;
	return status;
}

const struct decoder decoder_tk103 = {
	.name = "tk103",
	.transports = "TCP, UDP",
	.confirmed_by = "ident and command of the first frame, with its )",
	.acknowledges = "handshake at once, log-in with data and alarms once stored",
	.frame_max = FRAME_LEN_MOST,
	.sniff_max = FRAME_LEN_MOST,
	.probe = probe,
	.frame = frame,
	.decode = decode,
	.encode_command = tk103_command_encode,
	.confirms_command = tk103_command_confirms,
};
