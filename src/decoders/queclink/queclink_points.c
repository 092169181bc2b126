// SPDX-License-Identifier: MIT
// Packed points, one a second:
//
//   01  2 bits kind, 1 fix, 12 speed 0.1 km/h, 9 azimuth, lon s32, lat s32; the first one: Unix time u32
//   10  2 bits kind, 1 fix, 7 speed, 7 azimuth, 12 lon, 11 lat: signed differences to the last point
//   00, 11  1 byte, no point
#include "decoders/queclink/queclink_points.h"

#define KIND_WHOLE      1
#define KIND_DIFFERENCE 2

// Returns `width` bits from `shift` on, as a signed number.
static int64_t signed_bits(uint64_t bits, unsigned shift, unsigned width)
{
	const int64_t value = (int64_t)(bits >> shift & ((UINT64_C(1) << width) - 1));
	return value >> (width - 1) ? value - (INT64_C(1) << width) : value;
}

static bool read_whole(struct queclink_points *points, struct reader *r)
{
	const uint64_t bits = reader_be(r, 3);
	points->lon_e6 = (int32_t)reader_be32(r);
	points->lat_e6 = (int32_t)reader_be32(r);
	if (!points->has_first)
		points->time_s = reader_be32(r);
	points->has_first = true;
	points->speed_e1 = (int64_t)(bits >> 9 & 0xFFF);
	points->azimuth = (int64_t)(bits & 0x1FF);
	return bits >> 21 & 1;
}

static bool read_difference(struct queclink_points *points, struct reader *r)
{
	const uint64_t bits = reader_be(r, 5);
	points->speed_e1 += signed_bits(bits, 30, 7);
	points->azimuth = (points->azimuth + signed_bits(bits, 23, 7) + 2 * 360) % 360;
	points->lon_e6 += signed_bits(bits, 11, 12);
	points->lat_e6 += signed_bits(bits, 0, 11);
	return bits >> 37 & 1;
}

bool queclink_points_next(
	struct queclink_points *points, struct reader *r, struct queclink_point *point)
{
	while (points->left > 0 && !r->bad) {
		const unsigned kind = r->left > 0 ? r->at[0] >> 6 : 0;
		bool is_valid;
		points->left--;
		points->time_s += points->has_first;
		if (kind == KIND_WHOLE) {
			is_valid = read_whole(points, r);
		} else if (kind != KIND_DIFFERENCE) {
			reader_u8(r);
			continue;
		} else if (points->has_first) {
			is_valid = read_difference(points, r);
		} else {
			r->bad = true; // there is no point to which it could be
			return false;
		}
		*point = (struct queclink_point){is_valid, points->time_s, points->speed_e1,
			points->azimuth % 360, points->lon_e6, points->lat_e6};
		return !r->bad;
	}
	return false;
}

struct text queclink_points_make_key(
	struct decoded *out, const struct queclink_key *key, struct text instead)
{
	uint8_t *bytes = decoded_arena(out, 4 + QUECLINK_KEY_SENT);
	if (!bytes)
		return instead;
	bytes[0] = key->kind;
	bytes[1] = key->type;
	bytes[2] = (uint8_t)(key->index >> 8);
	bytes[3] = (uint8_t)key->index;
	memcpy(bytes + 4, key->sent, QUECLINK_KEY_SENT);
	return (struct text){(const char *)bytes, 4 + QUECLINK_KEY_SENT};
}
