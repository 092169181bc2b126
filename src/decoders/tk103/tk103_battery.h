// SPDX-License-Identifier: MIT
// Battery frames of the TK103. Drawn in tk103_battery.c.
#ifndef AVLD_DECODERS_TK103_BATTERY_H
#define AVLD_DECODERS_TK103_BATTERY_H

#include "decoders/tk103/tk103_message.h"

// Decode the rest of a BS50 or BS51. Return false, and set nothing, if it has another shape.
bool tk103_battery_block(const struct tk103_message *message);
bool tk103_battery_items(const struct tk103_message *message);

#endif
