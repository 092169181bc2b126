// SPDX-License-Identifier: MIT
// Wialon IPS 1.1, 2.0 and 2.1: an open protocol of phone apps, satellite terminals, relays for other trackers' formats, and servers
// that retransmit (Wialon, flespi, Navixy, Traccar). TCP and UDP. From the maker's documents and captures.
//
//   #L#860000000000017;NA                         log-in, version 1.1: ident, password        #AL#1
//   #L#2.0;860000000000017;NA;5760                log-in, version 2: lines have sums          #AL#1
//   #SD#140326;092653;5213.7805;N;...             wialon_record.c                             #ASD#1
//   #D#140326;093000;2333.0312;S;...              wialon_record.c                             #AD#1
//   #B#record|record                              wialon_box.c                                #AB#2
//   #P#                                           heart-beat                                  #AP#
//   #M#text[;sum]                                 from the driver, or an answer               #AM#1
//   #I# #IT# #T#                                  wialon_media.c
//
//   2.0;860000000000017#SD#...                    a datagram has the ident before it, and no log-in
//   FF | length u16, little-endian | zlib         any of these, compressed
//
// Lines end with CR LF or LF. Sums are CRC-16/ARC of the bytes after the second # up to the last separator, in hex. Answers have
// no numbers, so they come in the order of the packets.
#include "decoders/decoders.h"
#include "decoders/wialon/wialon_box.h"
#include "decoders/wialon/wialon_command.h"
#include "decoders/wialon/wialon_media.h"
#include "decoders/wialon/wialon_record.h"
#include "util/inflate.h"

#define CONTAINER_MARK  0xFF
#define CONTAINER_HEAD  3
#define CONTAINER_LEAST 6     /* bytes of a zlib stream */
#define INFLATED_MOST   49152 /* bytes of a compressed packet: the arena also keeps its records */

// A packet may have INFLATED_FREE bytes and so many for each compressed one: records of a parked vehicle shrink to a fortieth. Without
// this a few bytes would cost as much time as thousands.
#define INFLATED_FREE  4096
#define INFLATED_RATIO 64

#define IDENT_MOST  64 /* bytes before the # of a datagram, without the version */
#define VERSION_LEN 3

static bool is_version(struct text text)
{
	return text.len == VERSION_LEN && text_is_digit(text.data[0]) && text.data[1] == '.' &&
	       text_is_digit(text.data[2]);
}

// Sniffing --------------------------------------------------------------------

// Matches the type and its #, or what may become that.
static enum probe match_type(const uint8_t *data, size_t len)
{
	static const char *const types[] = {
		"L#", "SD#", "D#", "B#", "P#", "M#", "I#", "IT#", "T#", "QLV#"};
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
		const size_t all = strlen(types[i]), part = len < all ? len : all;
		size_t at = 0;
		while (at < part && (data[at] & (data[at] >= 'a' ? ~0x20 : ~0)) == types[i][at])
			at++;
		if (at == part)
			return len < all ? PROBE_MORE : PROBE_YES;
	}
	return PROBE_NO;
}

static enum probe match_container(const uint8_t *data, size_t len, bool datagram)
{
	if (len >= 4 && data[3] != 0x78)
		return PROBE_NO;
	if (len < 5)
		return datagram ? PROBE_NO : PROBE_MORE;
	if (datagram && len < CONTAINER_HEAD + (data[1] | (size_t)data[2] << 8))
		return PROBE_NO;
	return memchr("\x01\x5E\x9C\xDA", data[4], 4) ? PROBE_YES : PROBE_NO;
}

static enum probe match_datagram(const uint8_t *data, size_t len)
{
	size_t at = 0, start = 0;
	for (; at < len && data[at] != '#'; at++) {
		if (data[at] < 0x20 || data[at] > 0x7E || at - start >= IDENT_MOST)
			return PROBE_NO;
		if (data[at] != ';')
			continue;
		if (start > 0 || !is_version((struct text){(const char *)data, at}))
			return PROBE_NO;
		start = at + 1;
	}
	if (at == start || at >= len)
		return PROBE_NO;
	return match_type(data + at + 1, len - at - 1) == PROBE_YES ? PROBE_YES : PROBE_NO;
}

static enum probe probe(const uint8_t *data, size_t len, bool datagram)
{
	if (len == 0)
		return datagram ? PROBE_NO : PROBE_MORE;
	if (data[0] == CONTAINER_MARK)
		return match_container(data, len, datagram);
	if (datagram)
		return match_datagram(data, len);
	return data[0] == '#' ? match_type(data + 1, len - 1) : PROBE_NO;
}

// Framing ---------------------------------------------------------------------

static struct frame cut_container(const uint8_t *data, size_t len)
{
	if (len < CONTAINER_HEAD)
		return (struct frame){FRAME_MORE, CONTAINER_HEAD};
	const size_t need = CONTAINER_HEAD + (data[1] | (size_t)data[2] << 8);
	if (need < CONTAINER_HEAD + CONTAINER_LEAST || (len > CONTAINER_HEAD && data[3] != 0x78))
		return (struct frame){FRAME_BAD, len};
	return (struct frame){len < need ? FRAME_MORE : FRAME_OK, need};
}

// Adds the bytes after the line. Those of a block that is too large are dropped behind the frame.
static struct frame cut_block(struct session *session, size_t line, size_t len, uint32_t size)
{
	struct wialon_memo memo;
	if (size <= WIALON_MEDIA_BLOCK && size <= WIALON_FRAME_MOST - line)
		return (struct frame){len - line < size ? FRAME_MORE : FRAME_OK, line + size};
	if (session->datagram)
		return (struct frame){FRAME_OK, len};
	memo = wialon_memo_load(session);
	memo.skip = size;
	wialon_memo_save(session, &memo);
	return (struct frame){FRAME_OK, line};
}

static size_t count_blanks(const uint8_t *data, size_t len)
{
	size_t count = 0;
	while (count < len && (data[count] == '\r' || data[count] == '\n'))
		count++;
	return count;
}

static bool has_letter(const uint8_t *data, size_t len, char letter)
{
	return len > 2 && (data[1] & ~0x20) == letter;
}

static struct frame cut_line(struct session *session, const uint8_t *data, size_t len)
{
	const size_t most = len < WIALON_LINE_MOST ? len : WIALON_LINE_MOST;
	const uint8_t *end = memchr(data, '\n', most);
	if (!end) {
		if (session->datagram)
			return (struct frame){FRAME_OK, len};
		return (struct frame){len < WIALON_LINE_MOST ? FRAME_MORE : FRAME_BAD,
			len < WIALON_LINE_MOST ? len + 1 : len};
	}
	const size_t line = (size_t)(end - data) + 1;
	if (!session->datagram && !has_letter(data, len, 'I') && !has_letter(data, len, 'T'))
		return (struct frame){FRAME_OK, line};
	struct wialon_message m = {.session = session};
	wialon_message_read(&m, (struct text){(const char *)data, line}, session->datagram);
	if (!fields_is_word(m.type, "I") && !fields_is_word(m.type, "T"))
		return (struct frame){FRAME_OK, line};
	return cut_block(session, line, len, wialon_media_size(m.type, m.body));
}

static struct frame frame(struct session *session, const uint8_t *data, size_t len)
{
	struct wialon_memo memo = wialon_memo_load(session);
	if (len == 0)
		return (struct frame){FRAME_MORE, 1};
	if (memo.skip > 0) {
		const size_t part = len < memo.skip ? len : memo.skip;
		memo.skip -= (uint32_t)part;
		wialon_memo_save(session, &memo);
		return (struct frame){FRAME_SKIP, part};
	}
	if (memo.box != WIALON_BOX_NONE)
		return wialon_box_cut(session, data, len);
	const size_t blanks = count_blanks(data, len);
	if (blanks > 0)
		return (struct frame){FRAME_SKIP, blanks};
	if (data[0] == CONTAINER_MARK)
		return cut_container(data, len);
	if (!session->datagram && len > 2 && data[0] == '#' && has_letter(data, len, 'B') &&
		data[2] == '#')
		return wialon_box_cut(session, data, len);
	return cut_line(session, data, len);
}

// Decoding --------------------------------------------------------------------

static enum decode_status refuse_login(struct wialon_message *m, enum decode_status status,
	const char *detail, const char *code, bool closes)
{
	if (code[0])
		wialon_message_answer(m, REPLY_NOW, "L", (struct text){code, strlen(code)});
	m->out->close = closes;
	return wialon_message_refuse(m, status, detail);
}

static bool has_ident(const struct session *session, struct text ident)
{
	return text_same((struct text){session->ident, session->ident_len}, ident);
}

// A device may log in again, but not as another one.
static enum decode_status read_login(
	struct wialon_message *m, const struct text *fields, size_t count, bool is_2)
{
	struct session *session = m->session;
	struct wialon_memo memo = wialon_memo_load(session);
	if (count > 4 || (!is_2 && (count > 3 || (count == 3 && fields[2].len > 0))))
		return refuse_login(m, DECODE_BAD_LENGTH, NULL, "0", true);
	if (is_2 && count == 4 &&
		!wialon_message_sum_fits(fields[3],
			(struct text){m->body.data, (size_t)(fields[3].data - m->body.data)}))
		return refuse_login(m, DECODE_BAD_SUM, NULL, "10", false);
	const struct text ident = fields[is_2 ? 1 : 0], none = {"", 0},
			  password = count > 1 ? fields[is_2 ? 2 : 1] : none;
	if (session->ident_len > 0 && !has_ident(session, ident))
		return refuse_login(m, DECODE_BAD_VALUE, "ident", "", true);
	if (!session_set_ident(session, ident.data, ident.len))
		return refuse_login(m, DECODE_BAD_VALUE, "ident", "0", true);
	if (!wialon_message_is_absent(password))
		decoded_password(m->out, password.data, password.len);
	memo.is_2 = is_2;
	wialon_memo_save(session, &memo);
	wialon_message_answer(m, REPLY_NOW, "L", (struct text){"1", 1});
	wialon_message_answer(m, REPLY_REFUSED, "L", (struct text){"0", 1});
	wialon_message_answer(m, REPLY_WRONG_PASSWORD, "L", (struct text){"01", 2});
	return DECODE_OK;
}

static enum decode_status decode_login(struct wialon_message *m)
{
	struct text fields[5];
	const size_t count = wialon_message_split(m->body, fields, 5);
	const bool is_2 = count >= 3 && is_version(fields[0]);
	const enum decode_status status = read_login(m, fields, count, is_2);
	if (status != DECODE_OK && count > 1) { // the password may be anywhere in the rest
		const char *rest = fields[is_2 ? 2 : 1].data;
		decoded_password(m->out, rest, (size_t)(m->body.data + m->body.len - rest));
	}
	return status;
}

// The sum of a text cannot be told from its end without version 2, unless it fits.
static enum decode_status decode_text(struct wialon_message *m)
{
	const char *separator = memrchr(m->body.data, ';', m->body.len);
	struct text text = m->body;
	uint16_t sum;
	if (!m->is_known) {
		wialon_message_answer(m, REPLY_NOW, "M", (struct text){"0", 1});
		return wialon_message_refuse(m, DECODE_DETAIL, "before login");
	}
	if (separator) {
		const struct text head = {text.data, (size_t)(separator - text.data)},
				  last = {separator + 1, text.len - head.len - 1};
		if (wialon_message_sum_fits(last, (struct text){head.data, head.len + 1})) {
			text = head;
		} else if (m->is_2 && wialon_message_sum(last, &sum)) {
			wialon_message_answer(m, REPLY_NOW, "M", (struct text){"01", 2});
			return wialon_message_refuse(m, DECODE_BAD_SUM, NULL);
		}
	}
	struct report *report = wialon_message_begin(m, (struct text){"M", 1}, m->raw);
	if (text.len > 0)
		extra_text(m->out, report, "text", text.data, text.len);
	wialon_command_note(m->out, WIALON_COMMAND_TEXT, text);
	wialon_message_answer(m, REPLY_STORED, "M", (struct text){"1", 1});
	return DECODE_OK;
}

static enum decode_status decode_other(struct wialon_message *m)
{
	if (!m->is_known)
		return wialon_message_refuse(m, DECODE_DETAIL, "before login");
	if (fields_is_word(m->type, "AM")) {
		wialon_command_note_receipt(m->out, m->body);
		return DECODE_OK;
	}
	struct report *report = wialon_message_begin(m, m->type, m->raw);
	if (m->body.len > 0)
		extra_text(m->out, report, "data", m->body.data, m->body.len);
	return DECODE_OK;
}

static enum decode_status decode_media(struct wialon_message *m)
{
	const bool is_photo = fields_is_word(m->type, "I"), is_block = fields_is_word(m->type, "T");
	const enum decode_status status = is_photo   ? wialon_media_decode_photo(m)
					  : is_block ? wialon_media_decode_block(m)
						     : wialon_media_decode_file(m);
	if (status == DECODE_OK && m->out->report_count > 0 && !is_block)
		wialon_command_note(m->out, is_photo ? WIALON_COMMAND_PHOTO : WIALON_COMMAND_FILE,
			(struct text){"", 0});
	return status;
}

static enum decode_status decode_type(struct wialon_message *m)
{
	const char letter = m->type.len == 1 ? (char)(m->type.data[0] & ~0x20) : 0;
	switch (letter) {
	case 'D':
		return wialon_record_decode(m, false);
	case 'B':
		return wialon_box_decode(m);
	case 'L':
		return decode_login(m);
	case 'M':
		return decode_text(m);
	case 'P':
		wialon_message_answer(m, REPLY_NOW, "P", (struct text){"", 0});
		return DECODE_OK;
	case 'I':
	case 'T':
		return decode_media(m);
	default:
		if (fields_is_word(m->type, "SD"))
			return wialon_record_decode(m, true);
		return fields_is_word(m->type, "IT") ? decode_media(m) : decode_other(m);
	}
}

// Splits the packet into its line and the bytes after it. A frame that is no block and is not compressed is a line.
static void cut_lines(struct wialon_message *m, struct text *packet)
{
	const uint8_t *data = (const uint8_t *)packet->data;
	const bool is_line = packet->data == m->raw.data && !m->session->datagram &&
			     data[packet->len - 1] == '\n' && !has_letter(data, packet->len, 'I') &&
			     !has_letter(data, packet->len, 'T');
	const char *end =
		is_line ? packet->data + packet->len - 1 : memchr(packet->data, '\n', packet->len);
	m->data = (struct text){packet->data + packet->len, 0};
	if (!end)
		return;
	m->data = (struct text){end + 1, packet->len - (size_t)(end + 1 - packet->data)};
	packet->len = (size_t)(end - packet->data);
	if (packet->len > 0 && packet->data[packet->len - 1] == '\r')
		packet->len--;
}

static enum decode_status decode_packet(struct wialon_message *m, struct text packet)
{
	struct session *session = m->session;
	cut_lines(m, &packet);
	wialon_message_read(m, packet, session->datagram);
	if (m->type.len == 0)
		return DECODE_UNKNOWN;
	m->is_known = session->ident_len > 0;
	m->is_2 = wialon_memo_load(session).is_2;
	if (session->datagram) {
		m->is_known = m->ident.len > 0;
		m->is_2 = is_version(m->version);
		if (m->is_known && !session_set_ident(session, m->ident.data, m->ident.len))
			return wialon_message_refuse(m, DECODE_BAD_VALUE, "ident");
	}
	return decode_type(m);
}

// Rejects what follows the packet in the contents of a container, which are one packet.
static void reject_rest(const struct wialon_message *m, struct text contents)
{
	const bool has_block = fields_is_word(m->type, "I") || fields_is_word(m->type, "T");
	const char *rest = m->data.data + (has_block ? wialon_media_size(m->type, m->body) : 0);
	const size_t len = (size_t)(contents.data + contents.len - rest);
	if (count_blanks((const uint8_t *)rest, len) < len)
		decoded_reject(
			m->out, DECODE_DETAIL, "more than one packet", (const uint8_t *)rest, len);
}

static enum decode_status decode_container(struct wialon_message *m)
{
	const uint8_t *data = (const uint8_t *)m->raw.data + CONTAINER_HEAD;
	uint8_t *room = decoded_arena(m->out, INFLATED_MOST);
	const size_t packed = m->raw.len - CONTAINER_HEAD,
		     most = INFLATED_FREE + INFLATED_RATIO * packed;
	size_t len = 0;
	const enum inflate result =
		inflate_zlib(data, packed, room, most < INFLATED_MOST ? most : INFLATED_MOST, &len);
	if (result != INFLATE_DONE)
		return wialon_message_refuse(
			m, DECODE_DETAIL, result == INFLATE_FULL ? "too long" : "bad compression");
	const struct text contents = {(const char *)room, len};
	const enum decode_status status = decode_packet(m, contents);
	if (status == DECODE_OK)
		reject_rest(m, contents);
	return status;
}

static enum decode_status decode(
	struct session *session, const uint8_t *data, size_t len, struct decoded *out)
{
	struct wialon_message m = {.session = session,
		.out = out,
		.raw = {(const char *)data, len},
		.version = {"", 0},
		.ident = {"", 0}};
	if (wialon_box_is_open(session))
		return wialon_box_decode_piece(&m);
	if (data[0] == CONTAINER_MARK)
		return decode_container(&m);
	return decode_packet(&m, m.raw);
}

const struct decoder decoder_wialon_ips = {
	.name = "wialon_ips",
	.transports = "TCP, UDP",
	.confirmed_by = "the type of the first packet; over UDP the ident before it",
	.acknowledges = "log-in and heart-beat at once, data once stored, with counts",
	.frame_max = WIALON_FRAME_MOST,
	.in_order = true,
	.probe = probe,
	.frame = frame,
	.decode = decode,
	.wake = wialon_media_wake,
	.encode_command = wialon_command_encode,
	.confirms_command = wialon_command_confirms,
};
