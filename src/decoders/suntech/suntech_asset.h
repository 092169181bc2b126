// SPDX-License-Identifier: MIT
// Positions of the asset trackers ST410 and ST419. Drawn in suntech_asset.c.
#ifndef AVLD_DECODERS_SUNTECH_ASSET_H
#define AVLD_DECODERS_SUNTECH_ASSET_H

#include "decoders/suntech/suntech_message.h"

// Decodes the fields, whose report has been added. Returns false, and changes nothing, if they have another layout.
bool suntech_asset_decode(const struct suntech_message *m);

#endif
