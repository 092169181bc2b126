// SPDX-License-Identifier: MIT
// Answers, of the standard:
//
//   8001  serial u16 | id u16 | result u8       of the message that is answered
//   8100  serial u16 | result u8 | code         0 accepted, 4 no such device (without a code)
//   8109  year u16 | month | day | h | m | s | 0         8004  yymmddhhmmss, BCD           both UTC
//   8800  media id u32                          8003  first serial u16 | n u8 | n x number u16
//   4401  id u16 | 0                            its serial is one byte, 1
#include "decoders/jt808/jt808_reply.h"
#include "decoders/fields.h"
#include "util/calendar.h"

#define BODY_MOST 256
#define TIME_WORD 4  /* bytes of "TIME" */
#define TIME_SIZE 14 /* of yyyymmddhhmmss */

uint16_t jt808_reply_next_serial(struct session *session)
{
	struct jt808_memo memo;
	memcpy(&memo, session->memo, sizeof memo);
	const uint16_t serial = memo.serial++;
	memcpy(session->memo, &memo, sizeof memo);
	return serial;
}

static void append(struct decoded *out, enum reply_when when, const struct jt808_peer *peer,
	uint16_t id, uint16_t serial, const uint8_t *body, size_t body_len)
{
	uint8_t frame[2 * (BODY_MOST + 32)];
	const size_t len = jt808_wire_seal(peer, id, serial, body, body_len, frame, sizeof frame);
	decoded_reply(out, when, frame, len);
}

void jt808_reply_send(const struct jt808_frame *f, enum reply_when when, uint16_t id,
	const uint8_t *body, size_t body_len)
{
	append(f->out, when, &f->peer, id, jt808_reply_next_serial(f->session), body, body_len);
}

static uint8_t *put_u16(uint8_t *out, uint32_t value)
{
	*out++ = (uint8_t)(value >> 8);
	*out++ = (uint8_t)value;
	return out;
}

void jt808_reply_acknowledge(const struct jt808_frame *f, enum reply_when when)
{
	uint8_t body[5] = {0};
	put_u16(put_u16(body, f->serial), f->id);
	jt808_reply_send(f, when, 0x8001, body, sizeof body);
}

void jt808_reply_register(const struct jt808_frame *f)
{
	uint8_t body[3 + IDENT_MAX];
	const uint16_t serial = jt808_reply_next_serial(f->session);
	put_u16(body, f->serial);
	body[2] = 0;
	memcpy(body + 3, f->session->ident, f->session->ident_len);
	append(f->out, REPLY_NOW, &f->peer, 0x8100, serial, body, 3u + f->session->ident_len);
	body[2] = 4;
	append(f->out, REPLY_REFUSED, &f->peer, 0x8100, serial, body, 3);
}

static uint8_t to_bcd(int value)
{
	return (uint8_t)(value / 10 % 10 * 16 + value % 10);
}

void jt808_reply_time(const struct jt808_frame *f)
{
	const struct calendar now = calendar_of(f->session->received_us);
	const uint8_t bcd[6] = {to_bcd((int)(now.year % 100)), to_bcd(now.month), to_bcd(now.day),
		to_bcd(now.hour), to_bcd(now.minute), to_bcd(now.second)};
	const uint8_t binary[8] = {(uint8_t)(now.year >> 8), (uint8_t)now.year, (uint8_t)now.month,
		(uint8_t)now.day, (uint8_t)now.hour, (uint8_t)now.minute, (uint8_t)now.second, 0};
	if (f->id == 0x0109)
		jt808_reply_send(f, REPLY_NOW, 0x8109, binary, sizeof binary);
	else
		jt808_reply_send(f, REPLY_NOW, 0x8004, bcd, sizeof bcd);
}

void jt808_reply_padlock(const struct jt808_frame *f)
{
	uint8_t body[3] = {0};
	put_u16(body, f->id);
	append(f->out, REPLY_STORED, &f->peer, 0x4401, 1, body, sizeof body);
}

void jt808_reply_media(const struct jt808_frame *f, uint32_t media_id)
{
	uint8_t body[4];
	put_u16(put_u16(body, media_id >> 16), media_id);
	jt808_reply_send(f, REPLY_STORED, 0x8800, body, sizeof body);
}

void jt808_reply_missing(struct session *session, struct decoded *out,
	const struct jt808_peer *peer, uint16_t first, const uint16_t *numbers, size_t count)
{
	uint8_t body[3 + 2 * JT808_MISSING_MOST], *end = put_u16(body, first);
	*end++ = (uint8_t)count;
	for (size_t i = 0; i < count; i++)
		end = put_u16(end, numbers[i]);
	append(out, REPLY_NOW, peer, 0x8003, jt808_reply_next_serial(session), body,
		(size_t)(end - body));
}

void jt808_reply_text_time(
	const struct session *session, struct decoded *out, struct text text, size_t at)
{
	const struct calendar now = calendar_of(session->received_us);
	char reply[JT808_TEXT_MOST + TIME_SIZE], *end = fields_put(reply, text.data, at);
	end = fields_put_digits(end, (unsigned)now.year, 4);
	end = fields_put_digits(end, (unsigned)now.month, 2);
	end = fields_put_digits(end, (unsigned)now.day, 2);
	end = fields_put_digits(end, (unsigned)now.hour, 2);
	end = fields_put_digits(end, (unsigned)now.minute, 2);
	end = fields_put_digits(end, (unsigned)now.second, 2);
	at += TIME_WORD;
	end = fields_put(end, text.data + at, text.len - at);
	decoded_reply(out, REPLY_NOW, reply, (size_t)(end - reply));
}
