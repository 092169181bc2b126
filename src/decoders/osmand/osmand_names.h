// SPDX-License-Identifier: MIT
// The names of fields that OsmAnd, Traccar Client and Traccar's attributes have, and what each of them is. In any case.
#ifndef AVLD_DECODERS_OSMAND_OSMAND_NAMES_H
#define AVLD_DECODERS_OSMAND_OSMAND_NAMES_H

#include "util/text.h"

enum osmand_kind {
	OSMAND_NONE,
	OSMAND_LAT, /* numbers with fixed decimals */
	OSMAND_LON,
	OSMAND_SPEED,
	OSMAND_PERCENT,
	OSMAND_COURSE,
	OSMAND_ALTITUDE,
	OSMAND_HDOP,
	OSMAND_BATTERY,
	OSMAND_POWER,
	OSMAND_LOCATION,
	OSMAND_TIME,
	OSMAND_ODOMETER,
	OSMAND_SATELLITES,
	OSMAND_INPUTS,
	OSMAND_OUTPUTS,
	OSMAND_ADC1,
	OSMAND_ADC2,
	OSMAND_ADC3,
	OSMAND_ADC4,
	OSMAND_ACCURACY,
	OSMAND_VALID,
	OSMAND_CHARGE,
	OSMAND_IGNITION,
	OSMAND_ARCHIVE,
	OSMAND_ALARM,
	OSMAND_EVENT,
	OSMAND_DRIVER,
	OSMAND_CELL,
	OSMAND_WIFI,
	OSMAND_IDENT,
	OSMAND_ATTRIBUTES,
	OSMAND_DROPPED,
};

struct osmand_name {
	char start[8]; /* the first 8 bytes of the name */
	char rest[16];
	uint8_t len;
	uint8_t kind; /* enum osmand_kind */
	uint32_t has; /* of its column */
};

// Returns the index of a name, below 64; 0: it is none of these.
uint8_t osmand_names_find(struct text name);
// Returns what has this index; of 0: kind OSMAND_NONE.
extern const struct osmand_name osmand_names_table[];
static inline const struct osmand_name *osmand_names_at(uint8_t index)
{
	return &osmand_names_table[index];
}

#endif
