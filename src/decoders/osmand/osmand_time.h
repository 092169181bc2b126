// SPDX-License-Identifier: MIT
// Times as phones and servers write them.
#ifndef AVLD_DECODERS_OSMAND_OSMAND_TIME_H
#define AVLD_DECODERS_OSMAND_OSMAND_TIME_H

#include "util/text.h"

// Parses a time to µs since 1970: digits, perhaps with a fraction, are seconds below 2147483647, else milliseconds;
// "2026-03-14T09:26[:53[.5]][Z|+02:00|+0200]", and "2026-03-14 09:26:53[.5]", in UTC. Returns false for other texts, 0, and
// years outside 1970..2199.
bool osmand_time_read(struct text text, int64_t *time_us);

#endif
