// SPDX-License-Identifier: MIT
// Positions of a Queclink's text message. Drawn in queclink_place.c.
#ifndef AVLD_DECODERS_QUECLINK_PLACE_H
#define AVLD_DECODERS_QUECLINK_PLACE_H

#include "decoders/queclink/queclink_message.h"

struct queclink_place {
	size_t start; /* of its hdop */
	int64_t lat_e7, lon_e7;
	size_t cell;
	uint64_t points; /* Wi-Fi */
	size_t first_point;
};

// Finds the first position at or after *at, and moves *at behind it.
bool queclink_place_find(
	const struct queclink_message *m, size_t *at, struct queclink_place *place);

// Returns true for an empty position: no hdop or 0, and six empty fields.
bool queclink_place_is_empty(const struct queclink_message *m, size_t at);
// Finds one.
bool queclink_place_find_empty(
	const struct queclink_message *m, size_t at, struct queclink_place *place);

// Sets position and time of the newest report. Returns false, and sets nothing, if these are no coordinates.
bool queclink_place_set(const struct queclink_message *m, const struct queclink_place *place);

// Adds Wi-Fi points and cell.
void queclink_place_add_network(
	const struct queclink_message *m, const struct queclink_place *place);

// A cell: mcc, mnc, lac and cid. Returns false if it is none.
struct queclink_cell {
	uint64_t mcc, mnc, lac, cid;
};
bool queclink_place_read_cell(
	const struct queclink_message *m, size_t at, struct queclink_cell *cell);
void queclink_place_add_cell(const struct queclink_message *m, size_t at);

// Reads the append mask at field k of the tail, and leaves out what it adds.
void queclink_place_take_append(struct queclink_message *m, size_t k);
// Sets odometer and hours from the tail's first fields, at most so many.
void queclink_place_set_counters(const struct queclink_message *m, size_t most);

#endif
