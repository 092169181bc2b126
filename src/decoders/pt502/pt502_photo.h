// SPDX-License-Identifier: MIT
// Fetches photos from a PT-502. Drawn in pt502_photo.c.
#ifndef AVLD_DECODERS_PT502_PHOTO_H
#define AVLD_DECODERS_PT502_PHOTO_H

#include "protocol/decoder.h"

// Requests the first part of a photo that a record has announced.
void pt502_photo_open(struct session *session, const struct report *report, uint64_t size,
	int camera, struct decoded *out);
// Decodes a part. data, len: "$PHD..." with its terminator, as the length of a full frame gives it.
enum decode_status pt502_photo_decode(
	struct session *session, const uint8_t *data, size_t len, struct decoded *out);
// Requests a part again if it is overdue, or gives the photo up.
void pt502_photo_retry(struct session *session, struct decoded *out);

#endif
