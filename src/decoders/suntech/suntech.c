// SPDX-License-Identifier: MIT
// Suntech: SA200, ST200 to ST600, ST410 and ST419, ST9xx, and those that report in the universal form (ST33xx, ST43xx, ST83xx):
// sniffing and framing. TCP and UDP. From the makers' manuals and captures. There is no log-in: each frame has the ident.
//
//   ST300STT;id; ... CR            a family and a type: suntech_legacy.c, suntech_asset.c
//   ST910;Location;id; ... CR      suntech_nine.c
//   STT;id;map; ... CR             a type alone: suntech_universal.c
//   02 ... 03, 81 ..., 82 ...      binary, suntech_binary.c
//   ...UEX;id; ... CR              serial data, which may have any bytes: suntech_serial.c
//   CRR;id; ... CR                 a crash report, with binary data of a given size: suntech_crash.c
//
// No checksum. LF and blanks may be between frames; in a datagram the CR may be missing. Printable lines without a head ("-Error")
// are ignored.
#include "decoders/decoders.h"
#include "decoders/garbage.h"
#include "decoders/suntech/suntech_binary.h"
#include "decoders/suntech/suntech_command.h"
#include "decoders/suntech/suntech_crash.h"
#include "decoders/suntech/suntech_legacy.h"
#include "decoders/suntech/suntech_nine.h"
#include "decoders/suntech/suntech_serial.h"
#include "decoders/suntech/suntech_universal.h"

#define TEXT_MOST     2048 /* bytes of a text */
#define HEADLESS_MOST 2048 /* bytes without a head in a row */

static bool is_filler(uint8_t c)
{
	return c == '\r' || c == '\n' || c == ' ' || c == 0;
}

static enum probe probe(const uint8_t *data, size_t len, bool datagram)
{
	size_t need;
	const enum probe verdict =
		len > 0 && suntech_binary_is(data[0])
			? suntech_binary_probe_opening(data, len, &need)
			: suntech_head_probe((struct text){(const char *)data, len}, datagram);
	return datagram && verdict == PROBE_MORE ? PROBE_NO : verdict;
}

// Framing ---------------------------------------------------------------------

static bool is_last(const struct session *session)
{
	return session->datagram || session->quiet;
}

// Counts bytes without a head. Returns false if there are too many in a row.
static bool count_headless(struct session *session, size_t len)
{
	return garbage_count(session->memo + SUNTECH_MEMO_GARBAGE, len, HEADLESS_MOST);
}

static struct frame accept(struct session *session, size_t len)
{
	memset(session->memo + SUNTECH_MEMO_GARBAGE, 0, sizeof(uint16_t));
	return (struct frame){FRAME_OK, len};
}

// Undecodable bytes are a frame of their own, up to a blank or a byte that may begin a frame, and a reject.
static struct frame cut_garbage(struct session *session, const uint8_t *data, size_t len)
{
	size_t end = 1;
	while (end < len && end <= HEADLESS_MOST && data[end] != 'S' && !is_filler(data[end]) &&
		!suntech_binary_is(data[end]))
		end++;
	if (end == len && end <= HEADLESS_MOST && !is_last(session))
		return (struct frame){FRAME_OPEN, len + 1};
	if (!count_headless(session, end))
		return (struct frame){FRAME_BAD, end};
	session->memo[SUNTECH_MEMO_LOST] = 1;
	return (struct frame){FRAME_OK, end};
}

static struct frame cut_binary(struct session *session, const uint8_t *data, size_t len)
{
	size_t need;
	switch (suntech_binary_probe(data, len, &need)) {
	case PROBE_MORE:
		return (struct frame){FRAME_MORE, need};
	case PROBE_MAYBE:
		return accept(session, need);
	default:
		return cut_garbage(session, data, len);
	}
}

// Cuts at the first CR from index `from` on, or at the end of a datagram.
static struct frame cut_line(
	struct session *session, const uint8_t *data, size_t len, size_t from, bool has_head)
{
	const size_t seen = len < TEXT_MOST ? len : TEXT_MOST;
	const uint8_t *end = from < seen ? memchr(data + from, '\r', seen - from) : NULL;
	size_t used = end ? (size_t)(end - data) + 1 : 0;
	if (!end && len < TEXT_MOST) {
		if (!session->datagram)
			return (struct frame){FRAME_MORE, len + 1};
		used = len;
	}
	if (used == 0)
		return cut_garbage(session, data, len);
	if (has_head)
		return accept(session, used);
	return count_headless(session, used) ? (struct frame){FRAME_OK, used}
					     : (struct frame){FRAME_BAD, used};
}

// Cuts a text with serial data. If its length leads nowhere, it may count a CR LF that was cut out: then the sum and a CR after it
// end the frame, once the bytes are there, or no more come.
static struct frame cut_serial(
	struct session *session, const uint8_t *data, size_t len, const struct suntech_head *head)
{
	const struct text text = {(const char *)data, len < TEXT_MOST ? len : TEXT_MOST};
	const bool is_end = session->datagram && len < TEXT_MOST;
	struct suntech_serial serial;
	if (!suntech_serial_find(text, head, &serial))
		return cut_line(session, data, len, 0, true);
	if (suntech_serial_fits(text, &serial, is_end))
		return cut_line(
			session, data, len, serial.start + serial.length + SUNTECH_SUM, true);
	const size_t need =
		serial.length < TEXT_MOST ? serial.start + serial.length + SUNTECH_SUM + 1 : 0;
	const bool waits = need <= TEXT_MOST && len < need && !is_last(session);
	const size_t end = suntech_serial_end(text, &serial, is_end);
	if (end == SIZE_MAX && (waits || (len < TEXT_MOST && !session->datagram)))
		return (struct frame){FRAME_MORE, waits ? need : len + 1};
	if (end == SIZE_MAX)
		return cut_line(session, data, len, 0, true);
	const struct frame frame = cut_line(session, data, len, end + SUNTECH_SUM, true);
	if (!waits || frame.kind != FRAME_OK)
		return frame;
	return (struct frame){frame.len == len ? FRAME_OPEN : FRAME_MORE, need};
}

// Cuts a crash report by its size.
static struct frame cut_crash(struct session *session, const uint8_t *data, size_t len)
{
	const struct text text = {(const char *)data, len};
	struct suntech_crash crash;
	const enum probe found = suntech_crash_find(text, &crash);
	if (found == PROBE_MORE && !session->datagram)
		return (struct frame){FRAME_MORE, len + 1};
	if (found != PROBE_YES)
		return cut_line(session, data, len, 0, true);
	const size_t end = crash.start + crash.size + SUNTECH_CRASH_END;
	if (end + 1 > FRAME_CAP)
		return cut_line(session, data, len, 0, true);
	if (len <= end && !session->datagram)
		return (struct frame){FRAME_MORE, end + 1};
	if (!suntech_crash_fits(text, &crash) || (len > end && data[end] != '\r'))
		return cut_line(session, data, len, 0, true);
	return accept(session, len > end ? end + 1 : end);
}

static struct frame frame(struct session *session, const uint8_t *data, size_t len)
{
	struct suntech_head head;
	size_t filler = 0;
	session->memo[SUNTECH_MEMO_LOST] = 0;
	if (len == 0)
		return (struct frame){FRAME_MORE, 1};
	while (filler < len && is_filler(data[filler]))
		filler++;
	if (filler > 0)
		return (struct frame){FRAME_SKIP, filler};
	if (suntech_binary_is(data[0]))
		return cut_binary(session, data, len);
	if (!suntech_head_read((struct text){(const char *)data, len}, &head))
		return cut_line(session, data, len, 0, false);
	if (fields_is_word(head.type, "UEX"))
		return cut_serial(session, data, len, &head);
	if (head.kind == SUNTECH_UNIVERSAL && fields_is_word(head.type, "CRR"))
		return cut_crash(session, data, len);
	return cut_line(session, data, len, 0, true);
}

// Decoding --------------------------------------------------------------------

// Sets the session's ident. Returns false unless it is digits.
static bool set_ident(struct suntech_message *m, size_t index)
{
	const struct text ident = suntech_message_get(m, index);
	if (!fields_is_digits(ident, 1, IDENT_MAX) ||
		!session_set_ident(m->session, ident.data, ident.len)) {
		m->out->detail = "ident";
		return false;
	}
	suntech_head_remember(m->session, m->head.kind, m->head.family);
	return true;
}

static enum decode_status decode_legacy(struct suntech_message *m)
{
	const bool is_result = fields_is_word(suntech_message_get(m, 1), "RES");
	if (!set_ident(m, is_result ? 2 : 1))
		return DECODE_BAD_VALUE;
	if (!is_result && fields_is_word(m->head.type, "ALV"))
		return DECODE_OK;
	suntech_message_begin(m, m->head.type);
	if (is_result) {
		suntech_command_decode_legacy(m);
		return DECODE_OK;
	}
	suntech_legacy_decode(m);
	if (m->session->datagram)
		suntech_message_acknowledge(m, m->head.family);
	else if (fields_is_word(m->head.type, "EMG"))
		suntech_message_answer_emergency(m);
	return DECODE_OK;
}

static enum decode_status decode_nine(struct suntech_message *m)
{
	const struct text type = suntech_message_get(m, 1);
	if (m->fields.count < 3)
		return DECODE_IGNORED;
	if (!set_ident(m, 2))
		return DECODE_BAD_VALUE;
	suntech_message_begin(
		m, fields_is_printable(type, EVENT_MAX) ? type : (struct text){"", 0});
	suntech_nine_decode(m);
	suntech_message_acknowledge(m, m->head.family);
	return DECODE_OK;
}

static bool is_empty(struct text text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] != ';')
			return false;
	return true;
}

static enum decode_status decode_universal(struct suntech_message *m)
{
	const struct text type = m->head.type;
	if (!set_ident(m, 1))
		return DECODE_BAD_VALUE;
	if (fields_is_word(type, "ALV") ||
		(fields_is_word(type, "BSA") && is_empty(fields_from(&m->fields, 2))))
		return DECODE_OK;
	if (fields_is_word(type, "CRR")) {
		const enum decode_status status = suntech_crash_decode(m);
		if (status != DECODE_OK)
			return status;
	} else {
		suntech_message_begin(m, type);
		if (fields_is_word(type, "RES")) {
			suntech_command_decode_universal(m);
			return DECODE_OK;
		}
		suntech_universal_decode(m);
	}
	suntech_message_acknowledge(m, m->head.family);
	return DECODE_OK;
}

static enum decode_status decode(
	struct session *session, const uint8_t *data, size_t len, struct decoded *out)
{
	struct suntech_message m; // not initialised: its fields are many
	if (session->memo[SUNTECH_MEMO_LOST]) {
		out->detail = "framing lost";
		return DECODE_DETAIL;
	}
	if (suntech_binary_is(data[0]))
		return suntech_binary_decode(session, data, len, out);
	m.session = session;
	m.out = out;
	m.report = NULL;
	m.text = m.raw = (struct text){(const char *)data, len};
	while (m.text.len > 0 &&
		(m.text.data[m.text.len - 1] == '\r' || m.text.data[m.text.len - 1] == '\n'))
		m.text.len--;
	if (!suntech_head_read(m.text, &m.head)) {
		out->detail = "framing lost";
		return fields_is_printable(m.text, SIZE_MAX) ? DECODE_IGNORED : DECODE_DETAIL;
	}
	fields_split_at(m.text, ';', &m.fields);
	return m.head.kind == SUNTECH_LEGACY ? decode_legacy(&m)
	       : m.head.kind == SUNTECH_NINE ? decode_nine(&m)
					     : decode_universal(&m);
}

const struct decoder decoder_suntech = {
	.name = "suntech",
	.transports = "TCP, UDP",
	.confirmed_by = "type and ident of the first text; a binary frame's lengths",
	.acknowledges = "emergencies, and data over UDP, once stored",
	.sniff_max = SUNTECH_BINARY_MOST,
	.probe = probe,
	.frame = frame,
	.decode = decode,
	.encode_command = suntech_command_encode,
	.confirms_command = suntech_command_confirms,
};
