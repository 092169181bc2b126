// SPDX-License-Identifier: MIT
// Teltonika (FMB, FMC, FMM, FMU, FMT, FM1xxx to FM6xxx, TMT, TST, TAT, MTB, MSP, GH3000): framing, sniffing, log-in and
// acknowledgements. TCP and UDP. Source: the maker's "Data sending protocols". All numbers are big-endian.
//
//   FF                                                             keep-alive, TCP
//   length u16, 14..16 | digits of the IMEI                        log-in, TCP; answer 01, or 00 if it is refused
//   00 00 00 00 | length u32 | body | CRC u32                      packet, TCP; answer n as u32
//   length u16 | id u16 | type, 00 or 01 | id of the packet u8 | digits u16 | IMEI | body     datagram;
//                                                                  answer 00 05 | id u16 | 01 | id of the packet | n
//
//   body   codec u8 | n u8 | n records or messages | n u8
//   CRC    CRC-16/ARC of the body, the high half is 0
//
// Records (codecs 7, 8, 8E, 16) are acknowledged once they are stored, with their number; a tracker that gets another number
// sends the whole packet again. Messages (codecs 12 to 15) are not.
#include "decoders/decoders.h"
#include "decoders/teltonika/teltonika_command.h"
#include "decoders/teltonika/teltonika_old.h"
#include "decoders/teltonika/teltonika_packet.h"
#include "decoders/teltonika/teltonika_photo.h"
#include "decoders/teltonika/teltonika_record.h"
#include "decoders/teltonika/teltonika_text.h"
#include "util/checksum.h"
#include "util/text.h"

#include <string.h>

#define PROBE_BYTES  1024 /* without a verdict: the CRC of a packet lies behind */
#define KEEP_ALIVE   0xFF
#define HEAD         8  /* bytes of a packet before the body */
#define AROUND       12 /* and around it */
#define DATAGRAM_LEN 6  /* bytes of a datagram before the IMEI's length */
#define IMEI_LEAST   14
#define IMEI_MOST    16
#define BODY_LEAST   3
#define BODY_MOST    (TELTONIKA_FRAME_MOST - AROUND)

static unsigned be16(const uint8_t *data)
{
	return (unsigned)data[0] << 8 | data[1];
}

static uint32_t be32(const uint8_t *data)
{
	return (uint32_t)be16(data) << 16 | be16(data + 2);
}

static bool has_records(unsigned codec)
{
	return codec == TELTONIKA_CODEC_7 || codec == TELTONIKA_CODEC_8 ||
	       codec == TELTONIKA_CODEC_8E || codec == TELTONIKA_CODEC_16;
}

static bool is_codec(unsigned codec)
{
	return has_records(codec) || (codec >= TELTONIKA_CODEC_12 && codec <= TELTONIKA_CODEC_15);
}

static bool is_imei_len(size_t len)
{
	return len >= IMEI_LEAST && len <= IMEI_MOST;
}

static bool is_digits(const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!text_is_digit((char)data[i]))
			return false;
	return true;
}

static bool is_zero(const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (data[i] != 0)
			return false;
	return true;
}

static bool has_sum(const uint8_t *data, size_t body_len)
{
	return checksum_crc16_arc(data + HEAD, body_len) == be32(data + HEAD + body_len);
}

// Sniffing ----------------------------------------------------------------------------------------------------------------

static size_t skip_keep_alive(const uint8_t *data, size_t len)
{
	size_t count = 0;
	while (count < len && data[count] == KEEP_ALIVE)
		count++;
	return count;
}

static enum probe probe_login(const uint8_t *data, size_t len)
{
	const size_t total = 2 + (size_t)data[1];
	if (!is_imei_len(data[1]) || !is_digits(data + 2, (len < total ? len : total) - 2))
		return PROBE_NO;
	return len < total ? PROBE_MORE : PROBE_YES;
}

// A packet longer than the sniffing limit may be one, whatever its checksum: otherwise the verdict would depend on how the bytes
// are cut into reads. decode() rejects it in any case, because no log-in came before it.
static enum probe probe_packet(const uint8_t *data, size_t len)
{
	if (!is_zero(data, len < 6 ? len : 6))
		return PROBE_NO;
	if (len < HEAD)
		return PROBE_MORE;
	const size_t body_len = be32(data + 4), total = AROUND + body_len;
	if (body_len < BODY_LEAST || body_len > BODY_MOST || (len > HEAD && !is_codec(data[HEAD])))
		return PROBE_NO;
	if (len < total)
		return len < PROBE_BYTES ? PROBE_MORE : PROBE_MAYBE;
	if (has_sum(data, body_len))
		return PROBE_YES;
	return total > PROBE_BYTES ? PROBE_MAYBE : PROBE_NO;
}

static bool is_datagram(const uint8_t *data, size_t len)
{
	const size_t imei = DATAGRAM_LEN + 2;
	if (len < imei || be16(data) != len - 2 || data[4] > 1)
		return false;
	const size_t digits = be16(data + DATAGRAM_LEN);
	return is_imei_len(digits) && len > imei + digits && is_digits(data + imei, digits) &&
	       is_codec(data[imei + digits]);
}

static enum probe probe(const uint8_t *data, size_t len, bool datagram)
{
	if (datagram)
		return is_datagram(data, len) ? PROBE_YES : PROBE_NO;
	const size_t filler = skip_keep_alive(data, len);
	data += filler;
	len -= filler;
	if (len == 0)
		return PROBE_MORE;
	if (data[0] != 0)
		return PROBE_NO;
	if (len == 1)
		return PROBE_MORE;
	return data[1] ? probe_login(data, len) : probe_packet(data, len);
}

// Framing -----------------------------------------------------------------------------------------------------------------

// What the bytes of a frame are.
enum shape {
	SHAPE_NONE,
	SHAPE_LOGIN,
	SHAPE_PACKET,
	SHAPE_ENDLESS, /* the head of a packet that is too long */
	SHAPE_DATAGRAM,
	SHAPE_BODY, /* one record or message, see teltonika_packet_cut */
};

static enum shape shape_of(const uint8_t *data, size_t len)
{
	if (len >= 2 && data[0] == 0 && len == 2 + (size_t)data[1] && is_imei_len(data[1]))
		return SHAPE_LOGIN;
	if (len >= AROUND && is_zero(data, 4) && be32(data + 4) == len - AROUND)
		return SHAPE_PACKET;
	if (len == HEAD && is_zero(data, 4))
		return SHAPE_ENDLESS;
	if (len >= 2 && be16(data) == len - 2)
		return SHAPE_DATAGRAM;
	if (len >= BODY_LEAST && is_codec(data[0]) && data[1] == 1 && data[len - 1] == 1)
		return SHAPE_BODY;
	return SHAPE_NONE;
}

// Also takes what reports keep of a frame.
static struct frame frame_datagram(const uint8_t *data, size_t len)
{
	const enum shape shape = shape_of(data, len);
	return (struct frame){
		shape == SHAPE_NONE || shape == SHAPE_ENDLESS ? FRAME_BAD : FRAME_OK, len};
}

// Undecodable bytes end where a frame may begin.
static struct frame frame_bad(const uint8_t *data, size_t len)
{
	size_t bad = 1;
	while (bad < len && data[bad] != 0 && data[bad] != KEEP_ALIVE)
		bad++;
	return (struct frame){FRAME_BAD, bad};
}

static struct frame frame_of(size_t len, size_t total)
{
	return len < total ? (struct frame){FRAME_MORE, total} : (struct frame){FRAME_OK, total};
}

static struct frame frame_packet(const uint8_t *data, size_t len)
{
	if (!is_zero(data, len < 4 ? len : 4))
		return frame_bad(data, len);
	if (len < HEAD)
		return (struct frame){FRAME_MORE, HEAD};
	const size_t body_len = be32(data + 4);
	return frame_of(len, body_len > BODY_MOST ? HEAD : AROUND + body_len);
}

static struct frame frame(struct session *session, const uint8_t *data, size_t len)
{
	const size_t filler = skip_keep_alive(data, len);
	if (filler > 0)
		return (struct frame){FRAME_SKIP, filler};
	if (session->datagram && len > 0)
		return frame_datagram(data, len);
	if (len < 2)
		return len == 0 || data[0] == 0 ? (struct frame){FRAME_MORE, 2}
						: frame_bad(data, len);
	if (data[0] == 0 && is_imei_len(data[1]))
		return frame_of(len, 2 + (size_t)data[1]);
	return be16(data) ? frame_bad(data, len) : frame_packet(data, len);
}

// Decoding ----------------------------------------------------------------------------------------------------------------

static enum decode_status refuse(
	struct decoded *out, enum decode_status status, const char *detail, bool close)
{
	out->detail = detail;
	out->close = close;
	return status;
}

static bool has_ident(const struct session *session, const void *ident, size_t len)
{
	return session->ident_len == len && memcmp(session->ident, ident, len) == 0;
}

// A tracker may log in again, but not as another one.
static enum decode_status read_login(
	struct session *session, const uint8_t *data, size_t len, struct decoded *out)
{
	static const uint8_t accepted = 1, refused = 0;
	const uint8_t *imei = data + 2;
	if (!is_digits(imei, len - 2))
		return refuse(out, DECODE_BAD_VALUE, "ident", false);
	if (session->ident_len > 0 && !has_ident(session, imei, len - 2))
		return refuse(out, DECODE_BAD_VALUE, "ident", true);
	session_set_ident(session, imei, len - 2);
	session->memo[TELTONIKA_MEMO_DATA] = 0;
	decoded_reply(out, REPLY_NOW, &accepted, 1);
	decoded_reply(out, REPLY_REFUSED, &refused, 1);
	return DECODE_OK;
}

// Decodes the body. answer: the bytes before n, the number of records, which is appended.
static enum decode_status read_body(
	const struct teltonika_packet *packet, const uint8_t *answer, size_t answer_len)
{
	enum decode_status status;
	const unsigned codec = packet->codec;
	if (!has_records(codec) && is_codec(codec))
		return teltonika_text_decode(packet);
	if (codec == TELTONIKA_CODEC_7)
		status = teltonika_old_decode(packet);
	else if (is_codec(codec))
		status = teltonika_record_decode(packet);
	else
		status = teltonika_text_keep(packet);
	if (status != DECODE_OK || !answer)
		return status;
	packet->session->memo[TELTONIKA_MEMO_DATA] = 1;
	const enum reply_when when = packet->out->report_count > 0 ? REPLY_STORED : REPLY_NOW;
	decoded_reply(packet->out, when, answer, answer_len);
	decoded_reply(packet->out, when, &packet->count, 1);
	return DECODE_OK;
}

static struct teltonika_packet packet_of(struct session *session, struct text frame, size_t body_at,
	size_t body_len, struct decoded *out)
{
	const uint8_t *body = (const uint8_t *)frame.data + body_at;
	return (struct teltonika_packet){session, out, frame, body, body_len, body[0], body[1]};
}

static enum decode_status read_packet(
	struct session *session, struct text frame, struct decoded *out)
{
	static const uint8_t answer[3] = {0};
	const size_t body_len = frame.len - AROUND;
	if (!has_sum((const uint8_t *)frame.data, body_len))
		return DECODE_BAD_SUM;
	if (body_len < BODY_LEAST)
		return DECODE_BAD_LENGTH;
	if (session->ident_len == 0)
		return refuse(out, DECODE_DETAIL, "before login", true);
	const struct teltonika_packet packet = packet_of(session, frame, HEAD, body_len, out);
	return read_body(&packet, answer, sizeof answer);
}

static enum decode_status read_datagram(
	struct session *session, struct text frame, struct decoded *out)
{
	const uint8_t *data = (const uint8_t *)frame.data;
	const size_t imei = DATAGRAM_LEN + 2;
	const size_t digits = frame.len > imei ? be16(data + DATAGRAM_LEN) : 0;
	if (!is_imei_len(digits) || frame.len < imei + digits + BODY_LEAST)
		return DECODE_BAD_LENGTH;
	if (!is_digits(data + imei, digits))
		return refuse(out, DECODE_BAD_VALUE, "ident", false);
	session_set_ident(session, data + imei, digits);
	const uint8_t answer[6] = {0, 5, data[2], data[3], 1, data[5]};
	const struct teltonika_packet packet =
		packet_of(session, frame, imei + digits, frame.len - imei - digits, out);
	return read_body(&packet, answer, sizeof answer);
}

static enum decode_status decode(
	struct session *session, const uint8_t *data, size_t len, struct decoded *out)
{
	const struct text frame = {(const char *)data, len};
	switch (shape_of(data, len)) {
	case SHAPE_LOGIN:
		return read_login(session, data, len, out);
	case SHAPE_PACKET:
		return read_packet(session, frame, out);
	case SHAPE_DATAGRAM:
		return read_datagram(session, frame, out);
	case SHAPE_BODY:
		if (session->ident_len > 0) {
			const struct teltonika_packet packet =
				packet_of(session, frame, 0, len, out);
			return read_body(&packet, NULL, 0);
		}
		break;
	case SHAPE_ENDLESS:
		return refuse(out, DECODE_BAD_LENGTH, NULL, true);
	case SHAPE_NONE:
		break;
	}
	return DECODE_BAD_LENGTH;
}

const struct decoder decoder_teltonika = {
	.name = "teltonika",
	.transports = "TCP, UDP",
	.confirmed_by = "a log-in; the CRC of a packet; a datagram's lengths and IMEI",
	.acknowledges = "log-in at once, records once stored",
	.frame_max = TELTONIKA_FRAME_MOST,
	.sniff_max = PROBE_BYTES,
	.probe = probe,
	.frame = frame,
	.decode = decode,
	.device_size = sizeof(struct teltonika_device),
	.wake = teltonika_photo_wake,
	.encode_command = teltonika_command_encode,
	.confirms_command = teltonika_command_confirms,
};
