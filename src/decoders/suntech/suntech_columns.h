// SPDX-License-Identifier: MIT
// Where the columns of a Suntech text are. Firmwares add and leave out columns, so they are found by date and time and by the two
// coordinates, which always have a sign.
#ifndef AVLD_DECODERS_SUNTECH_COLUMNS_H
#define AVLD_DECODERS_SUNTECH_COLUMNS_H

#include "decoders/suntech/suntech_head.h"

#define SUNTECH_NONE_FOUND SIZE_MAX

struct suntech_columns {
	size_t date; /* time is after it. SUNTECH_NONE_FOUND: none */
	size_t lat;  /* the same */
};

// Returns true for the shape of a time of day, 09:26:53.
bool suntech_columns_is_clock(struct text text);

// Finds the first coordinates from index `start` on, and the first date before them.
struct suntech_columns suntech_columns_find(const struct fields *fields, size_t start);
// The same for the layout with a family and a type; empty coordinates are found where the family has them.
struct suntech_columns suntech_columns_find_legacy(
	const struct fields *fields, const struct suntech_head *head);

// Inputs and outputs of that layout: six or eight digits 0 and 1, or zeros or nothing in place of them.
static inline bool suntech_columns_is_io(struct text text)
{
	struct scan scan = text_scan(text);
	uint32_t bits;
	return text.len <= 8 && scan_bits(&scan, &bits) == text.len &&
	       (text.len == 6 || text.len == 8 || (bits == 0 && text.len < 6));
}
// Returns the index of the first field that depends on the type.
static inline size_t suntech_columns_type_at(const struct fields *fields, size_t lat)
{
	return lat + 8 + suntech_columns_is_io(fields_get(fields, lat + 8));
}

// Parses a map of one to eight hex digits. Returns false if it is none.
static inline bool suntech_columns_map(struct text text, uint64_t *map)
{
	return text.len <= 8 && text_hex(text, map);
}
// Returns how many of the bits 1..last are set.
static inline size_t suntech_columns_count(uint64_t map, unsigned last)
{
	size_t count = 0;
	for (unsigned bit = 1; bit <= last; bit++)
		count += map >> bit & 1;
	return count;
}

#endif
