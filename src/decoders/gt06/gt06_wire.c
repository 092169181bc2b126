// SPDX-License-Identifier: MIT
// What goes back to a GT06 tracker: acknowledgements, the time, and commands.
//
//   78 78 05 type serial crc 0D 0A                  acknowledgement
//   78 78 L  80 n flag u32 text serial crc 0D 0A    command, n counts flag and text
#include "decoders/gt06/gt06.h"
#include "util/checksum.h"

#include <string.h>

// Writes start, length, the payload of type and body, serial and crc, end. Returns the length.
static size_t seal(uint8_t *out, bool extended, const uint8_t *payload, size_t len, uint16_t serial)
{
	size_t at = 0, length = len + 4;
	out[at++] = extended ? 0x79 : 0x78;
	out[at++] = extended ? 0x79 : 0x78;
	if (extended)
		out[at++] = (uint8_t)(length >> 8);
	out[at++] = (uint8_t)length;
	memcpy(out + at, payload, len);
	at += len;
	out[at++] = (uint8_t)(serial >> 8);
	out[at++] = (uint8_t)serial;
	uint16_t crc = checksum_crc16_x25(out + 2, at - 2);
	out[at++] = (uint8_t)(crc >> 8);
	out[at++] = (uint8_t)crc;
	out[at++] = 0x0D;
	out[at++] = 0x0A;
	return at;
}

static void reply(struct gt06_frame *f, enum reply_when when, bool extended, const uint8_t *payload,
	size_t len)
{
	uint8_t bytes[64];
	size_t size = seal(bytes, extended, payload, len, f->serial);
	decoded_reply(f->out, when, bytes, size);
}

// Type and serial go back in the short form; 79 79 32 and 33 and any 41 are answered in the long one.
void gt06_acknowledge(struct gt06_frame *f, enum reply_when when)
{
	bool extended = (f->extended && (f->type == 0x32 || f->type == 0x33)) || f->type == 0x41;
	reply(f, when, extended, &f->type, 1);
}

// yy mm dd hh mm ss, UTC.
enum decode_status gt06_answer_time(struct gt06_frame *f)
{
	int64_t second = f->session->received_us / 1000000;
	int64_t days = second / 86400, rest = second % 86400;
	// The civil date of a day count, years from March; see Howard Hinnant, civil_from_days.
	int64_t shifted = days + 719468, era = shifted / 146097, day_of_era = shifted % 146097;
	int64_t year_of_era =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int64_t day = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t month = (5 * day + 2) / 153;
	int64_t year = era * 400 + year_of_era + (month >= 10);
	const uint8_t payload[7] = {
		f->type,
		(uint8_t)(year % 100),
		(uint8_t)(month < 10 ? month + 3 : month - 9),
		(uint8_t)(day - (153 * month + 2) / 5 + 1),
		(uint8_t)(rest / 3600),
		(uint8_t)(rest / 60 % 60),
		(uint8_t)(rest % 60),
	};
	reply(f, REPLY_NOW, false, payload, sizeof payload);
	return DECODE_OK;
}

// We know no address: length of what follows, flag u32, text.
enum decode_status gt06_answer_address(struct gt06_frame *f)
{
	static const uint8_t payload[] = "\x97\x0F\0\0\0\0NA&&NA&&0##";
	reply(f, REPLY_NOW, true, payload, sizeof payload - 1);
	return gt06_read_front(f);
}

void gt06_answer_topin(struct gt06_frame *f, const uint8_t time[6])
{
	uint8_t bytes[12] = {0x78, 0x78, 0x00, f->type};
	memcpy(bytes + 4, time, 6);
	bytes[10] = 0x0D;
	bytes[11] = 0x0A;
	decoded_reply(f->out, REPLY_STORED, bytes, sizeof bytes);
}

size_t gt06_encode_command(
	uint32_t flag, const char *text, size_t text_len, uint16_t serial, uint8_t *out, size_t cap)
{
	uint8_t payload[UINT8_MAX];
	if (text_len == 0 || text_len > sizeof payload - 10)
		return 0;
	size_t len = 6 + text_len;
	if (cap < len + 9)
		return 0;
	payload[0] = 0x80;
	payload[1] = (uint8_t)(4 + text_len);
	for (size_t i = 0; i < 4; i++)
		payload[2 + i] = (uint8_t)(flag >> (24 - 8 * i));
	memcpy(payload + 6, text, text_len);
	return seal(out, false, payload, len, serial);
}
