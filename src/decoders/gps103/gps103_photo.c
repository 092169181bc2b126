// SPDX-License-Identifier: MIT
// Photos, from the maker's paper. They are requested with a command (160), their parts with nothing.
//
//   imei:id,vt<n>, ... ;      an ordinary sentence: n parts follow
//   imei:id,vr,<hex>;         index (2, the lower byte first) | 2 | bytes of the JPEG | 2      index 0 to n-1
#include "decoders/gps103/gps103_photo.h"

#include "protocol/photo.h"

#define HEAD 4 /* bytes before those of the JPEG */
#define TAIL 2

bool gps103_photo_is_announced(struct text keyword, uint32_t *parts)
{
	const struct text number = {keyword.data + 2, keyword.len - 2};
	uint64_t value;
	if (keyword.len < 3 || !fields_is_word((struct text){keyword.data, 2}, "VT") ||
		!fields_is_digits(number, 1, 9) || !text_uint(number, &value))
		return false;
	*parts = value <= PHOTO_PARTS ? (uint32_t)value : 0;
	return true;
}

void gps103_photo_open(struct session *session, const struct report *report, uint32_t parts)
{
	const struct photo *open = session->photo;
	const struct photo_plan plan = {"image/jpeg", 0, parts, -1};
	const bool is_same = open && open->planned == parts && report->body.has & HAS_TIME &&
			     open->body.device_time_us == report->body.device_time_us;
	if (!is_same)
		photo_open(session, report, &plan);
}

// Writes the bytes of an even number of hex digits to out.
static bool read_hex(struct text hex, uint8_t *out)
{
	for (size_t i = 0; i < hex.len; i += 2) {
		const int high = text_hex_digit(hex.data[i]), low = text_hex_digit(hex.data[i + 1]);
		if (high < 0 || low < 0)
			return false;
		*out++ = (uint8_t)(high << 4 | low);
	}
	return true;
}

bool gps103_photo_add(struct session *session, struct text hex, struct decoded *out)
{
	struct photo *photo = session->photo;
	const size_t len = hex.len / 2;
	if (!photo || hex.len % 2 != 0 || len <= HEAD + TAIL)
		return false;
	uint8_t *bytes = decoded_arena(out, len);
	if (!bytes || !read_hex(hex, bytes))
		return false;
	const uint32_t part = (uint32_t)(bytes[0] | bytes[1] << 8);
	if (part >= photo->parts)
		return false;
	photo->received_us = session->received_us;
	photo_add_part(photo, part, bytes + HEAD, (uint32_t)(len - HEAD - TAIL));
	if (part + 1 == photo->parts)
		photo_end(session);
	return true;
}
