// SPDX-License-Identifier: MIT
// 0900, what peripherals send through the tracker. Drawn in jt808_transparent.c.
#ifndef AVLD_DECODERS_JT808_TRANSPARENT_H
#define AVLD_DECODERS_JT808_TRANSPARENT_H

#include "decoders/jt808/jt808_report.h"

// Reads a body. Returns false if it does not fit its layout; what it has set then is dropped with the report.
bool jt808_transparent_read(struct jt808_report *r, const uint8_t *v, size_t len);

// Writes what follows "0900" in the event: kind, and sub-type of F0. Returns the number of bytes, 0..2.
size_t jt808_transparent_kind(const uint8_t *v, size_t len, uint8_t kind[2]);

#endif
