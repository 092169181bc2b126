// SPDX-License-Identifier: MIT
// The rare layouts of a GPS103's sentences: OBD, and the one that ends with '*'. Drawn in gps103_layout.c.
#ifndef AVLD_DECODERS_GPS103_OTHER_H
#define AVLD_DECODERS_GPS103_OTHER_H

#include "decoders/gps103/gps103_message.h"

enum gps103_fit gps103_other_decode_obd(const struct gps103_message *m);
enum gps103_fit gps103_other_decode_star(const struct gps103_message *m);
// Returns a field, empty if it has dashes only.
struct text gps103_other_get(const struct gps103_message *m, size_t index);

#endif
