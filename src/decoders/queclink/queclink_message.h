// SPDX-License-Identifier: MIT
// A text message of a Queclink: its fields and its ends, and what all types of it share.
#ifndef AVLD_DECODERS_QUECLINK_MESSAGE_H
#define AVLD_DECODERS_QUECLINK_MESSAGE_H

#include "decoders/fields.h"

#define QUECLINK_FRAME_MOST 8192 /* bytes */

// Three letters of a type as a number, and the hex digits of a version's prefix, which is the device type.
#define QUECLINK_TYPE(a, b, c) ((uint32_t)(a) << 16 | (uint32_t)(b) << 8 | (uint32_t)(c))
#define QUECLINK_NO_PREFIX     (UINT32_MAX - 1)

// Field i is [start[i], start[i + 1] - 1) of the text.
struct queclink_fields {
	const char *data;
	size_t count;
	uint16_t start[QUECLINK_FRAME_MOST + 2];
};

// The fields after a position's cell, up to the send time or the next position. Of what an append mask adds, only the mask
// is one of them.
struct queclink_tail {
	size_t at, count;
	size_t split, skip; /* the fields from number `split` on are `skip` later */
};

struct queclink_message {
	struct session *session;
	struct decoded *out;
	struct report *report; /* the newest one */
	const struct queclink_fields *fields;
	struct text raw, body; /* body: without keyword and end */
	struct text ident, event, version;
	uint32_t type;     /* QUECLINK_TYPE in upper case; 0: not three letters */
	uint32_t prefix;   /* QUECLINK_NO_PREFIX: unknown */
	size_t first;      /* the field after the ident */
	size_t name;       /* of the device; 0: the layout has none */
	size_t end;        /* of the content: the send time, or the number of fields */
	struct text send;  /* 14 digits; empty: missing */
	struct text count; /* 4 hex digits; empty: missing */
	struct text vin;   /* before the name; empty: none */
	bool is_stored, is_answer;
	bool has_place;            /* a position, or an empty one, was found */
	size_t start;              /* of the last position, if has_place */
	size_t places;             /* positions found */
	struct queclink_tail tail; /* of the last one */
};

// Splits a text, of at most QUECLINK_FRAME_MOST bytes, at commas.
void queclink_message_split(struct text text, struct queclink_fields *fields);

// Reads type, version, ident, name, send time and count. m: fields and raw are set.
void queclink_message_read(struct queclink_message *m);

// Appends a report; text, time: the position, or empty and the send time. index: of the report in the frame.
void queclink_message_begin(
	struct queclink_message *m, struct text place, struct text time, size_t index);

// Returns any field, empty if there is none.
static inline struct text queclink_message_get(const struct queclink_message *m, size_t index)
{
	const struct queclink_fields *fields = m->fields;
	if (index >= fields->count)
		return (struct text){"", 0};
	return (struct text){fields->data + fields->start[index],
		(size_t)(fields->start[index + 1] - fields->start[index] - 1)};
}

// Returns a scan that begins at a field, below fields->count, and may read on to the end of the message; *end: that of the
// field. The numbers of scan.h are fast where eight bytes are left.
static inline struct scan queclink_message_scan(
	const struct queclink_message *m, size_t index, const char **end)
{
	const struct queclink_fields *fields = m->fields;
	*end = fields->data + fields->start[index + 1] - 1;
	return (struct scan){fields->data + fields->start[index],
		fields->data + fields->start[fields->count] - 1};
}

// Returns a field of the content.
static inline struct text queclink_message_at(const struct queclink_message *m, size_t index)
{
	return index < m->end ? queclink_message_get(m, index) : (struct text){"", 0};
}

// Returns the field so many fields after the name.
static inline struct text queclink_message_after(const struct queclink_message *m, size_t offset)
{
	return m->name > 0 ? queclink_message_at(m, m->name + offset) : (struct text){"", 0};
}

// Returns the text of the content's fields from..to - 1, with the commas between them.
struct text queclink_message_span(const struct queclink_message *m, size_t from, size_t to);

// Returns the index of a field of the tail in the message.
static inline size_t queclink_message_tail_index(const struct queclink_message *m, size_t k)
{
	return m->tail.at + k + (k >= m->tail.split ? m->tail.skip : 0);
}

static inline struct text queclink_message_tail(const struct queclink_message *m, size_t k)
{
	return k < m->tail.count ? queclink_message_at(m, queclink_message_tail_index(m, k))
				 : (struct text){"", 0};
}

#endif
