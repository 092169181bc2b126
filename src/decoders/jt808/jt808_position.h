// SPDX-License-Identifier: MIT
// Position blocks, and what other messages share with them: status bits and places. Drawn in jt808_position.c.
#ifndef AVLD_DECODERS_JT808_POSITION_H
#define AVLD_DECODERS_JT808_POSITION_H

#include "decoders/jt808/jt808_report.h"

// The device's block.
struct jt808_device {
	uint64_t alarms; /* the alarm word of its newest position block */
};

// Fills the report from a position block, of at least JT808_BLOCK bytes, with its items and alarms.
void jt808_position_read(struct jt808_report *r, const uint8_t *block, size_t len);

// Sets ignition and members of extra from a status word.
void jt808_position_set_status(struct jt808_report *r, uint32_t status);

// Sets the place: 1e-6 degree, signs and validity in the status word. Returns false, and sets nothing, if there is none.
bool jt808_position_set_place(struct jt808_report *r, uint32_t status, uint32_t lat, uint32_t lon);

// Sets altitude s16 in m, speed u16 in 0.1 km/h, course u16 in degrees.
void jt808_position_set_motion(struct jt808_report *r, const uint8_t v[6]);

// Reads status, place and motion, without time: 18 bytes.
void jt808_position_read_place(struct jt808_report *r, const uint8_t *v);

#endif
