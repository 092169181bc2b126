// SPDX-License-Identifier: MIT
// What follows the fields of the type in a Suntech text. Drawn in suntech_more.c.
#ifndef AVLD_DECODERS_SUNTECH_MORE_H
#define AVLD_DECODERS_SUNTECH_MORE_H

#include "decoders/suntech/suntech_message.h"

// Returns true if minutes, battery and type are there: "019267;4.1;1".
bool suntech_more_is_meter(const struct suntech_message *m, size_t at);
// Adds minutes and battery, and sets the type.
void suntech_more_set_meter(const struct suntech_message *m, size_t at);

// Adds the fields from this index on.
void suntech_more_add(const struct suntech_message *m, size_t at);

#endif
