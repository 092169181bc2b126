// SPDX-License-Identifier: MIT
// Elements of varying length whose content is known. Drawn in teltonika_beacon.c.
#ifndef AVLD_DECODERS_TELTONIKA_BEACON_H
#define AVLD_DECODERS_TELTONIKA_BEACON_H

#include "decoders/teltonika/teltonika_elements.h"
#include "decoders/teltonika/teltonika_extra.h"

// How many of them a record has had so far: their numbers go on from one element to the next.
struct teltonika_beacons {
	unsigned tags, beacons;
};

// Adds the content of an element to extra. Returns false and adds nothing if it is unknown, or not well-formed.
bool teltonika_beacon_read(struct teltonika_extra *extra, const struct teltonika_element *element,
	struct teltonika_beacons *seen);

#endif
