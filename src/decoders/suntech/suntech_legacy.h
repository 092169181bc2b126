// SPDX-License-Identifier: MIT
// Suntech texts whose first field has a family and a type: ST300STT. Drawn in suntech_legacy.c.
#ifndef AVLD_DECODERS_SUNTECH_LEGACY_H
#define AVLD_DECODERS_SUNTECH_LEGACY_H

#include "decoders/suntech/suntech_message.h"

// Decodes the fields, whose report has been added.
void suntech_legacy_decode(struct suntech_message *m);

#endif
