// SPDX-License-Identifier: MIT
// Packed points of a binary Queclink report, and the keys of binary reports.
#ifndef AVLD_DECODERS_QUECLINK_POINTS_H
#define AVLD_DECODERS_QUECLINK_POINTS_H

#include "protocol/decoder.h"
#include "util/reader.h"

// Where the reader of the points is. Initialised by zeros and the number of points.
struct queclink_points {
	unsigned left;
	bool has_first;
	int64_t time_s, speed_e1, azimuth, lon_e6, lat_e6; /* of the last point */
};

struct queclink_point {
	bool is_valid;
	int64_t time_s, speed_e1, azimuth, lon_e6, lat_e6;
};

// Reads the next point. Returns false at the end of the points, or if they do not fit (r->bad).
bool queclink_points_next(
	struct queclink_points *points, struct reader *r, struct queclink_point *point);

// What identifies a binary report: the same from the buffer has the same key.
struct queclink_key {
	uint8_t kind, type;
	uint16_t index;      /* of the report in its frame */
	const uint8_t *sent; /* QUECLINK_KEY_SENT bytes: time of sending, and count */
};
#define QUECLINK_KEY_SENT 9

// Returns the key, in the arena; `instead` if it is full.
struct text queclink_points_make_key(
	struct decoded *out, const struct queclink_key *key, struct text instead);

#endif
