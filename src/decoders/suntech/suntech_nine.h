// SPDX-License-Identifier: MIT
// Suntech texts of the ST9xx: ST910;Location. Drawn in suntech_nine.c.
#ifndef AVLD_DECODERS_SUNTECH_NINE_H
#define AVLD_DECODERS_SUNTECH_NINE_H

#include "decoders/suntech/suntech_message.h"

// Decodes the fields, whose report has been added.
void suntech_nine_decode(const struct suntech_message *m);

#endif
