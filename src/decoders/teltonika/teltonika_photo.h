// SPDX-License-Identifier: MIT
// Photos of a camera at the tracker. Drawn in teltonika_photo.c.
#ifndef AVLD_DECODERS_TELTONIKA_PHOTO_H
#define AVLD_DECODERS_TELTONIKA_PHOTO_H

#include "decoders/teltonika/teltonika_packet.h"

// Adds a part to the photo that is being fetched, and requests the next. Returns false and does nothing if the payload is no
// such part.
bool teltonika_photo_add(const struct teltonika_packet *packet, struct text payload);

// Begins to fetch the photo that the payload announces, if it does. report: of this message.
void teltonika_photo_open(
	const struct teltonika_packet *packet, const struct report *report, struct text payload);

// As decoder.wake: requests a missing part again.
void teltonika_photo_wake(struct session *session, int64_t last_us, struct decoded *out);

#endif
