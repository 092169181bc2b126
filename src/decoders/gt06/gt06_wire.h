// SPDX-License-Identifier: MIT
// GT06 frames on the wire: finds them, opens them, and builds those to send. Drawn in gt06_wire.c.
#ifndef AVLD_DECODERS_GT06_WIRE_H
#define AVLD_DECODERS_GT06_WIRE_H

#include "decoders/gt06/gt06_frame.h"

#define GT06_WIRE_MOST 65541 /* decoder.frame_max: the most that the length field can say */

// decoder.probe, decoder.frame
enum probe gt06_wire_probe(const uint8_t *data, size_t len, bool datagram);
struct frame gt06_wire_frame(struct session *session, const uint8_t *data, size_t len);

// Fills in *f from a frame that gt06_wire_frame has cut. Checks the checksum and leaves the verdict
// to the caller.
void gt06_wire_open(struct gt06_frame *f, struct session *session, const uint8_t *data, size_t len,
	struct decoded *out);

#define GT06_WIRE_OVERHEAD 10 /* most bytes that gt06_wire_seal adds to the payload */

// Writes a frame with this payload (type and body) and serial, with the long header if extended.
// out has room for len + GT06_WIRE_OVERHEAD. Returns the number of bytes written.
size_t gt06_wire_seal(
	uint8_t *out, bool extended, const uint8_t *payload, size_t len, uint16_t serial);

#endif
