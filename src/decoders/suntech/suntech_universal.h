// SPDX-License-Identifier: MIT
// Suntech texts without a family: STT, ALT, UEX, BLE, RES, BSA. Drawn in suntech_universal.c.
#ifndef AVLD_DECODERS_SUNTECH_UNIVERSAL_H
#define AVLD_DECODERS_SUNTECH_UNIVERSAL_H

#include "decoders/suntech/suntech_message.h"

// Decodes the fields, whose report has been added.
void suntech_universal_decode(struct suntech_message *m);

#endif
