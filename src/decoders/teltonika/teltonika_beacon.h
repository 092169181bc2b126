// SPDX-License-Identifier: MIT
// Elements of varying length whose content is known. Drawn in teltonika_beacon.c.
#ifndef AVLD_DECODERS_TELTONIKA_BEACON_H
#define AVLD_DECODERS_TELTONIKA_BEACON_H

#include "decoders/teltonika/teltonika_elements.h"
#include "decoders/teltonika/teltonika_extra.h"

// Adds the content of an element to extra. Returns false and adds nothing if it is unknown, or not well-formed.
bool teltonika_beacon_read(struct teltonika_extra *extra, const struct teltonika_element *element);

#endif
