// SPDX-License-Identifier: MIT
// Cells, Wi-Fi points and accuracy after the fixed fields of a Watch's position. Drawn in watch_position.c.
#ifndef AVLD_DECODERS_WATCH_NETWORK_H
#define AVLD_DECODERS_WATCH_NETWORK_H

#include "decoders/watch/watch_message.h"

// Reads them as far as they fit; the rest becomes extra.tail.
void watch_network_decode(const struct watch_message *m, struct text rest);

#endif
