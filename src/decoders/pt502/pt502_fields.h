// SPDX-License-Identifier: MIT
// A record of the PT-502 as fields, which is how deltas see it. Fields end at ',' and '/'; the line
// end is part of the last field.
#ifndef AVLD_DECODERS_PT502_FIELDS_H
#define AVLD_DECODERS_PT502_FIELDS_H

#include "util/text.h"

#define PT502_FIELDS_MOST 64

enum {
	PT502_FIELD_IDENT = 1,
	PT502_FIELD_TIME = 2,
	PT502_FIELD_LATITUDE = 4,
	PT502_FIELD_LONGITUDE = 6,
	PT502_FIELD_SPEED = 8,
	PT502_FIELD_COURSE = 9,
	PT502_FIELD_DATE = 10,
	PT502_FIELD_ODOMETER = 20
};

struct pt502_fields {
	size_t count; /* 0: more than PT502_FIELDS_MOST */
	struct text field[PT502_FIELDS_MOST];
};

// Splits a record. The fields point into it.
struct pt502_fields pt502_fields_split(struct text record);
// Returns the ident, empty if there is none.
struct text pt502_fields_ident(const struct pt502_fields *fields);
// Returns the time in seconds since 1970, or 0 if it is missing or invalid.
uint32_t pt502_fields_time(const struct pt502_fields *fields);

#endif
