// SPDX-License-Identifier: MIT
// Crash reports of a Suntech: CRR. Drawn in suntech_crash.c.
#ifndef AVLD_DECODERS_SUNTECH_CRASH_H
#define AVLD_DECODERS_SUNTECH_CRASH_H

#include "decoders/suntech/suntech_message.h"

struct suntech_crash {
	uint64_t number, total; /* of the part, and how many there are */
	size_t start, size;     /* of the data */
};

// Reads the fields before the data. Returns YES, MORE if they may go on after the last byte, or NO.
enum probe suntech_crash_find(struct text text, struct suntech_crash *crash);
// Returns true if ; and a sum are after the data.
bool suntech_crash_fits(struct text text, const struct suntech_crash *crash);
#define SUNTECH_CRASH_END 3 /* bytes of ;D5 */

// Decodes m->text, whose ident is known.
enum decode_status suntech_crash_decode(struct suntech_message *m);

#endif
