// SPDX-License-Identifier: MIT
// What follows the position in the reports of a Queclink that have a tail by device type. Drawn in queclink_tail.c.
#ifndef AVLD_DECODERS_QUECLINK_TAIL_H
#define AVLD_DECODERS_QUECLINK_TAIL_H

#include "decoders/queclink/queclink_message.h"

// Returns true if the tail begins with an append mask and has odometer and hours.
bool queclink_tail_is_plain(const struct queclink_message *m);

// FRI and its like.
void queclink_tail_decode_fixed(struct queclink_message *m);
// ERI. Returns the index of the field after it, the UART's type, which may be missing; 0: no sensors follow.
size_t queclink_tail_decode_extended(struct queclink_message *m);
// LSA.
void queclink_tail_decode_light(struct queclink_message *m);

#endif
