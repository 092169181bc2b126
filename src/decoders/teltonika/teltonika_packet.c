// SPDX-License-Identifier: MIT
#include "decoders/teltonika/teltonika_packet.h"
#include "util/checksum.h"

#include <string.h>

#define SATELLITES_MOST 60 /* 248 is seen with a good fix */

// A tag's flags become ten times as many bytes of extra; the copies of records come on top.
_Static_assert(DECODED_ARENA >= 12 * TELTONIKA_FRAME_MOST, "room for the reports of any packet");

struct text teltonika_packet_cut(
	const struct teltonika_packet *packet, const uint8_t *record, size_t len)
{
	if (packet->count == 1)
		return packet->frame;
	uint8_t *copy = decoded_arena(packet->out, len + 3);
	if (!copy)
		return (struct text){NULL, 0};
	copy[0] = packet->codec;
	copy[1] = copy[2 + len] = 1;
	memcpy(copy + 2, record, len);
	return (struct text){(const char *)copy, len + 3};
}

struct report *teltonika_packet_report(
	const struct teltonika_packet *packet, const uint8_t *key, size_t len)
{
	const struct text raw = teltonika_packet_cut(packet, key, len);
	struct report *report = raw.data ? decoded_report(packet->out, packet->session) : NULL;
	if (!report)
		return NULL;
	report->key = (struct text){(const char *)key, len};
	report->raw = raw;
	return report;
}

bool teltonika_packet_set_codec_event(const struct teltonika_packet *packet, struct report *report)
{
	static const char digits[] = "0123456789ABCDEF";
	char *text = (char *)decoded_arena(packet->out, 2);
	if (!text)
		return false;
	text[0] = digits[packet->codec >> 4];
	text[1] = digits[packet->codec & 15];
	report->event = (struct text){text, 2};
	return true;
}

void teltonika_packet_set_satellites(struct report *report, int satellites)
{
	if (satellites >= 0 && satellites <= SATELLITES_MOST)
		report_set_satellites(report, satellites);
}

bool teltonika_packet_place(struct report *report, int64_t lat_e7, int64_t lon_e7, int satellites)
{
	teltonika_packet_set_satellites(report, satellites);
	if (satellites == 0 && lat_e7 == 0 && lon_e7 == 0)
		return false;
	return report_set_fix(report, lat_e7, lon_e7, satellites != 0);
}

enum decode_status teltonika_packet_overflow(const struct teltonika_packet *packet)
{
	packet->out->fault = "decode: no room for the records of a packet";
	return DECODE_BAD_LENGTH;
}

static uint8_t *put_be32(uint8_t *out, size_t value)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		*out++ = (uint8_t)(value >> shift);
	return out;
}

size_t teltonika_packet_write(uint8_t *out, unsigned type, const void *payload, size_t len)
{
	uint8_t *end = put_be32(put_be32(out, 0), len + 8), *body = end;
	*end++ = TELTONIKA_CODEC_12;
	*end++ = 1;
	*end++ = (uint8_t)type;
	end = put_be32(end, len);
	memcpy(end, payload, len);
	end += len;
	*end++ = 1;
	end = put_be32(end, checksum_crc16_arc(body, (size_t)(end - body)));
	return (size_t)(end - out);
}
