// SPDX-License-Identifier: MIT
// Photos of a GPS103. Drawn in gps103_photo.c.
#ifndef AVLD_DECODERS_GPS103_PHOTO_H
#define AVLD_DECODERS_GPS103_PHOTO_H

#include "decoders/fields.h"

// Returns true for the keyword of a sentence that announces a photo; *parts: its number of parts, or 0 if that is absurd.
bool gps103_photo_is_announced(struct text keyword, uint32_t *parts);
// Opens the photo that the report announces.
void gps103_photo_open(struct session *session, const struct report *report, uint32_t parts);
// Adds a part to the open photo. Returns false if there is none, or the text is no part of it.
bool gps103_photo_add(struct session *session, struct text hex, struct decoded *out);

#endif
