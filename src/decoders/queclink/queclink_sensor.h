// SPDX-License-Identifier: MIT
// Sensors at the end of a Queclink's ERI. Drawn in queclink_sensor.c.
#ifndef AVLD_DECODERS_QUECLINK_SENSOR_H
#define AVLD_DECODERS_QUECLINK_SENSOR_H

#include "decoders/queclink/queclink_message.h"

// Adds what they say if they add up. mask: which there are; at: the field after the state.
void queclink_sensor_decode(const struct queclink_message *m, uint32_t mask, size_t at);

#endif
