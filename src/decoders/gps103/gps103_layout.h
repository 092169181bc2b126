// SPDX-License-Identifier: MIT
// The layouts of a GPS103's sentences. Drawn in gps103_layout.c.
#ifndef AVLD_DECODERS_GPS103_LAYOUT_H
#define AVLD_DECODERS_GPS103_LAYOUT_H

#include "decoders/gps103/gps103_message.h"

// The keyword without blanks around it.
static inline struct text gps103_layout_keyword(const struct fields *fields)
{
	return fields_trim(fields_get(fields, GPS103_KEYWORD));
}

// Returns true for a sentence of one of the two usual layouts: the tracker expects their answers.
static inline bool gps103_layout_is_usual(const struct fields *fields)
{
	const struct text type = fields_get(fields, GPS103_TYPE);
	return fields_is_letter(type, 'F') || fields_is_letter(type, 'L');
}

// Fills in the report, the newest of *out, from the fields. is_star: the sentence ended with '*'. Fields of no known layout
// become extra.data.
enum decode_status gps103_layout_decode(struct session *session, const struct fields *fields,
	bool is_star, struct report *report, struct decoded *out);

#endif
