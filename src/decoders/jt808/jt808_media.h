// SPDX-License-Identifier: MIT
// 0801: photos and other media, in parts. Drawn in jt808_media.c.
#ifndef AVLD_DECODERS_JT808_MEDIA_H
#define AVLD_DECODERS_JT808_MEDIA_H

#include "decoders/jt808/jt808_report.h"

// Decodes a part, and answers it. Returns false, and does nothing, if it is none.
bool jt808_media_decode(const struct jt808_frame *frame);

// Requests missing parts again; ends a photo whose parts do not come.
void jt808_media_wake(struct session *session, struct decoded *out);

#endif
