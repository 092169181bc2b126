// SPDX-License-Identifier: MIT
// The two usual layouts of a GPS103's sentences, with and without GPS. Drawn in gps103_layout.c.
#ifndef AVLD_DECODERS_GPS103_POSITION_H
#define AVLD_DECODERS_GPS103_POSITION_H

#include "decoders/gps103/gps103_message.h"

enum gps103_fit gps103_position_decode_gps(const struct gps103_message *m);
enum gps103_fit gps103_position_decode_none(const struct gps103_message *m);

#endif
