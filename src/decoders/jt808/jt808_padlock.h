// SPDX-License-Identifier: MIT
// 5501 and 5502, positions of Jointech padlocks. Drawn in jt808_padlock.c.
#ifndef AVLD_DECODERS_JT808_PADLOCK_H
#define AVLD_DECODERS_JT808_PADLOCK_H

#include "decoders/jt808/jt808_report.h"

// Reads a body. Returns false, and sets nothing, if it is too short.
bool jt808_padlock_read(struct jt808_report *r, const uint8_t *v, size_t len);

#endif
