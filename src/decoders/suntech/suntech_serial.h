// SPDX-License-Identifier: MIT
// Serial data in a Suntech text: UEX. Drawn in suntech_serial.c.
#ifndef AVLD_DECODERS_SUNTECH_SERIAL_H
#define AVLD_DECODERS_SUNTECH_SERIAL_H

#include "decoders/suntech/suntech_message.h"

struct suntech_serial {
	size_t start;  /* of the payload */
	size_t length; /* that the frame claims; SIZE_MAX: none */
};

// Finds the payload's start. The text ends at its first CR or later. Returns false if it is not there.
bool suntech_serial_find(
	struct text text, const struct suntech_head *head, struct suntech_serial *serial);

// Returns the byte after the payload: where ; and the two digits of its sum begin; SIZE_MAX: not found. is_end: no bytes follow.
size_t suntech_serial_end(struct text text, const struct suntech_serial *serial, bool is_end);
// The same by its length only.
bool suntech_serial_fits(struct text text, const struct suntech_serial *serial, bool is_end);
#define SUNTECH_SUM 3 /* bytes of ;A7 */

// Adds the payload, and the driver in it if it is of a known kind. The fields after its sum become m->fields; they begin with
// the sum. Returns false if there is no payload.
bool suntech_serial_decode(struct suntech_message *m);

#endif
