// SPDX-License-Identifier: MIT
// Positions and alarms of a Watch. Drawn in watch_position.c.
#ifndef AVLD_DECODERS_WATCH_POSITION_H
#define AVLD_DECODERS_WATCH_POSITION_H

#include "decoders/watch/watch_message.h"

// Returns true for the words of positions: UD, AL, WT and PP, whatever follows.
bool watch_position_is(const struct watch_message *m);
void watch_position_decode(struct watch_message *m);

#endif
