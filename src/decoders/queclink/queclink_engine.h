// SPDX-License-Identifier: MIT
// CAN and OBD reports of a Queclink. Drawn in queclink_engine.c.
#ifndef AVLD_DECODERS_QUECLINK_ENGINE_H
#define AVLD_DECODERS_QUECLINK_ENGINE_H

#include "decoders/queclink/queclink_message.h"

void queclink_engine_decode_can(struct queclink_message *m);
void queclink_engine_decode_obd(struct queclink_message *m);

#endif
