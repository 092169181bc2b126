// SPDX-License-Identifier: MIT
// Messages of codecs 12 to 15: answers to commands, and what other devices send over the tracker's serial port. Source: the
// maker's "Data sending protocols".
//
//   type u8 | size u32 | payload of so many bytes
//
//   type   05 command, 06 answer, 0B serial data, 0D camera, 11 the command was for another IMEI
//
//   codec  payload
//   12     text
//   13     seconds u32 | text       also with a time of 8 bytes in ms, or with a size of the text alone
//   14     IMEI, 8 bytes BCD | text
//   15     seconds u32 | IMEI | text
#include "decoders/teltonika/teltonika_text.h"
#include "decoders/fields.h"
#include "decoders/teltonika/teltonika_extra.h"
#include "decoders/teltonika/teltonika_photo.h"

#define DATA_MOST 256 /* bytes kept as hex */
#define IMEI_LEN  8

#define STAMP_FIRST_MS UINT64_C(1104537600000) /* 2005 */
#define STAMP_END_MS   UINT64_C(2240611200000) /* 2041 */

// Returns the payload of the next message, with data NULL if it goes beyond the end.
static struct text next_message(
	const struct teltonika_packet *packet, struct reader *r, unsigned *type)
{
	*type = reader_u8(r);
	size_t size = reader_be32(r);
	if (packet->codec == TELTONIKA_CODEC_13 && packet->count == 1 && size + 12 == packet->len)
		size += 4; // of the text alone
	return (struct text){(const char *)reader_bytes(r, size), size};
}

static bool fits(const struct teltonika_packet *packet)
{
	struct reader r = teltonika_packet_content(packet);
	unsigned type;
	for (unsigned i = 0; i < packet->count; i++)
		if (!next_message(packet, &r, &type).data)
			return false;
	return teltonika_packet_ends(packet, &r);
}

static bool is_stamp(uint64_t ms)
{
	return ms >= STAMP_FIRST_MS && ms < STAMP_END_MS;
}

// Removes the time at the head of a payload of codec 13: 4 bytes in s, or 8 in ms; 4 bytes without a meaning if neither is
// plausible.
static struct text cut_stamp(struct report *report, struct text payload)
{
	struct reader r = reader_of((const uint8_t *)payload.data, payload.len);
	if (payload.len < 4)
		return payload;
	const uint64_t s = reader_be32(&r), ms = s << 32 | reader_be32(&r);
	size_t len = 4;
	if (is_stamp(s * 1000)) {
		report_set_time(report, (int64_t)s * 1000000);
	} else if (!r.bad && is_stamp(ms)) {
		report_set_time(report, (int64_t)ms * 1000);
		len = 8;
	}
	return (struct text){payload.data + len, payload.len - len};
}

// Returns the text in a payload, and sets the time before it.
static struct text cut_text(unsigned codec, struct report *report, struct text payload)
{
	size_t head = 0;
	if (codec == TELTONIKA_CODEC_13)
		return cut_stamp(report, payload);
	if (codec == TELTONIKA_CODEC_14)
		head = IMEI_LEN;
	else if (codec == TELTONIKA_CODEC_15)
		head = 4 + IMEI_LEN;
	if (payload.len < head)
		return payload;
	if (codec == TELTONIKA_CODEC_15) {
		struct reader r = reader_of((const uint8_t *)payload.data, payload.len);
		report_set_time(report, reader_be32(&r) * INT64_C(1000000));
	}
	return (struct text){payload.data + head, payload.len - head};
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\r' || c == '\n';
}

static struct text trim(struct text text)
{
	while (text.len > 0 && is_blank(text.data[0]))
		text.data++, text.len--;
	while (text.len > 0 && is_blank(text.data[text.len - 1]))
		text.len--;
	return text;
}

// Returns true for printable ASCII, tabs and line ends.
static bool is_result(struct text text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((text.data[i] < 0x20 || text.data[i] > 0x7E) && text.data[i] != '\t' &&
			text.data[i] != '\r' && text.data[i] != '\n')
			return false;
	return true;
}

// Finds the driver in GTSL|6|1|0|<driver>|n|, the text of a tachograph reader.
static bool find_driver(struct text text, struct text *driver)
{
	struct text rest = text, member = {NULL, 0};
	for (int i = 0; i < 5; i++)
		if (!text_next(&rest, '|', &member) || (i == 0 && !text_equal(member, "GTSL")))
			return false;
	*driver = member;
	return member.len > 0 && member.len <= DRIVER_MAX &&
	       teltonika_extra_is_text((const uint8_t *)member.data, member.len);
}

static void add_text(const struct teltonika_packet *packet, struct report *report, struct text text)
{
	struct teltonika_extra extra = {packet->out, report};
	const struct text trimmed = trim(text);
	struct text driver;
	if (packet->codec != TELTONIKA_CODEC_14 && find_driver(trimmed, &driver))
		report->driver = driver;
	else if (is_result(text))
		teltonika_extra_text(&extra, "result", trimmed.data, trimmed.len);
	else
		teltonika_extra_hex(&extra, "result", text.data, text.len);
}

// Notes an answer to a command. It has no number: one command at a time is sent to a device.
static void note_answer(const struct teltonika_packet *packet, unsigned type, struct text text)
{
	const bool has_commands =
		packet->codec == TELTONIKA_CODEC_12 || packet->codec == TELTONIKA_CODEC_14;
	if (has_commands && type == TELTONIKA_TYPE_ANSWER)
		decoded_answer(packet->out, decoded_judge_text(text.data, text.len),
			(struct correlation){0});
	else if (packet->codec == TELTONIKA_CODEC_14 && type == TELTONIKA_TYPE_REFUSED)
		decoded_answer(packet->out, ANSWER_REFUSED, (struct correlation){0});
}

// Adds the bytes as hex, as far as DATA_MOST.
static void keep(
	const struct teltonika_packet *packet, struct report *report, const void *data, size_t len)
{
	struct teltonika_extra extra = {packet->out, report};
	teltonika_extra_hex(&extra, "data", data, len < DATA_MOST ? len : DATA_MOST);
}

static bool read_message(const struct teltonika_packet *packet, struct reader *r)
{
	const uint8_t *start = r->at;
	unsigned type;
	const struct text payload = next_message(packet, r, &type);
	if (!payload.data)
		return false;
	const bool is_camera = packet->codec == TELTONIKA_CODEC_12 && type == TELTONIKA_TYPE_CAMERA;
	if (is_camera && teltonika_photo_add(packet, payload))
		return true;
	struct report *report = teltonika_packet_report(packet, start, (size_t)(r->at - start));
	if (!report || !teltonika_packet_set_codec_event(packet, report))
		return false;
	extra_int(packet->out, report, "type", type);
	if (is_camera) {
		keep(packet, report, payload.data, payload.len);
		teltonika_photo_open(packet, report, payload);
		return true;
	}
	const struct text text = cut_text(packet->codec, report, payload);
	add_text(packet, report, text);
	note_answer(packet, type, text);
	return true;
}

enum decode_status teltonika_text_decode(const struct teltonika_packet *packet)
{
	if (!fits(packet))
		return DECODE_BAD_LENGTH;
	struct reader r = teltonika_packet_content(packet);
	for (unsigned i = 0; i < packet->count; i++)
		if (!read_message(packet, &r))
			return teltonika_packet_overflow(packet);
	return DECODE_OK;
}

enum decode_status teltonika_text_keep(const struct teltonika_packet *packet)
{
	struct report *report = decoded_report(packet->out, packet->session);
	if (!report || !teltonika_packet_set_codec_event(packet, report))
		return teltonika_packet_overflow(packet);
	report->raw = packet->frame;
	report->key = (struct text){(const char *)packet->body, packet->len};
	keep(packet, report, packet->body, packet->len);
	return DECODE_OK;
}
