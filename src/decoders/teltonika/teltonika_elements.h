// SPDX-License-Identifier: MIT
// The elements of a record: groups by the width of their values, each with its count.
//
//   count | id value | id value ...     widths 1, 2, 4, 8 and, in rare old firmware, 16
//   count | id length value ...         of varying length: codec 8E only, all numbers u16
#ifndef AVLD_DECODERS_TELTONIKA_ELEMENTS_H
#define AVLD_DECODERS_TELTONIKA_ELEMENTS_H

#include "util/reader.h"

#define TELTONIKA_GROUPS 6

// Bits of the groups, in their order on the wire.
enum teltonika_group {
	TELTONIKA_GROUP_1 = 1,
	TELTONIKA_GROUP_2 = 2,
	TELTONIKA_GROUP_4 = 4,
	TELTONIKA_GROUP_8 = 8,
	TELTONIKA_GROUP_16 = 16,
	TELTONIKA_GROUP_X = 32,
};

// How the elements of a codec are written.
struct teltonika_layout {
	uint8_t id_bytes, count_bytes;
	uint8_t groups; /* enum teltonika_group */
};

struct teltonika_element {
	unsigned id;
	unsigned width; /* 0: varying */
	const uint8_t *at;
	size_t len;     /* of the value */
	uint64_t value; /* unsigned, of a width up to 8 */
};

// The position between two elements of a record that teltonika_elements_skip has accepted.
struct teltonika_elements {
	struct teltonika_layout layout;
	unsigned group; /* index of the next group */
	unsigned left;  /* elements of the current one, of this width */
	unsigned width;
	struct reader r;
};

static inline struct teltonika_elements teltonika_elements_of(
	struct teltonika_layout layout, const uint8_t *data, size_t len)
{
	return (struct teltonika_elements){layout, 0, 0, 0, reader_of(data, len)};
}

static inline unsigned teltonika_elements_width(unsigned group)
{
	return group < TELTONIKA_GROUPS - 1 ? 1u << group : 0;
}

// Reads a u8 or u16.
static inline unsigned teltonika_elements_number(struct reader *r, unsigned bytes)
{
	return bytes == 1 ? reader_u8(r) : reader_be16(r);
}

// Skips the groups. Sets r->bad if they go beyond the end.
static inline void teltonika_elements_skip(struct reader *r, struct teltonika_layout layout)
{
	for (unsigned group = 0; group < TELTONIKA_GROUPS; group++) {
		if (!(layout.groups >> group & 1))
			continue;
		const unsigned width = teltonika_elements_width(group);
		unsigned count = teltonika_elements_number(r, layout.count_bytes);
		if (width > 0)
			reader_bytes(r, (size_t)count * (layout.id_bytes + width));
		for (; width == 0 && count > 0 && !r->bad; count--) {
			reader_bytes(r, layout.id_bytes);
			reader_bytes(r, reader_be16(r));
		}
	}
}

// Begins the next group that is not empty. Returns false after the last one, or if it goes beyond the end.
static inline bool teltonika_elements_begin(struct teltonika_elements *elements)
{
	struct reader *r = &elements->r;
	for (; elements->group < TELTONIKA_GROUPS && elements->left == 0; elements->group++) {
		if (!(elements->layout.groups >> elements->group & 1))
			continue;
		elements->width = teltonika_elements_width(elements->group);
		elements->left = teltonika_elements_number(r, elements->layout.count_bytes);
	}
	const size_t size = elements->layout.id_bytes + (elements->width ? elements->width : 2);
	return elements->left > 0 && !r->bad && r->left / size >= elements->left;
}

static inline uint64_t teltonika_elements_value(const uint8_t *at, unsigned width)
{
	uint64_t value = 0;
	switch (width) {
	case 1:
		return at[0];
	case 2:
		return (uint64_t)at[0] << 8 | at[1];
	case 4:
	case 8:
		for (unsigned i = 0; i < width; i += 4)
			value = value << 32 | (uint32_t)at[i] << 24 | (uint32_t)at[i + 1] << 16 |
				(uint32_t)at[i + 2] << 8 | at[i + 3];
		return value;
	default:
		return 0;
	}
}

// Reads the next element. Returns false after the last one.
static inline bool teltonika_elements_next(
	struct teltonika_elements *elements, struct teltonika_element *element)
{
	struct reader *r = &elements->r;
	if (elements->left == 0 && !teltonika_elements_begin(elements))
		return false;
	elements->left--;
	element->id = teltonika_elements_number(r, elements->layout.id_bytes);
	element->width = elements->width;
	element->len = elements->width ? elements->width : reader_be16(r);
	element->at = reader_bytes(r, element->len);
	if (!element->at)
		return false;
	element->value = teltonika_elements_value(element->at, element->width);
	return true;
}

#endif
