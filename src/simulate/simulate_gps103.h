// SPDX-License-Identifier: MIT
// The GPS103 as a simulated protocol. Drawn in simulate_gps103.c.
#ifndef AVLD_SIMULATE_SIMULATE_GPS103_H
#define AVLD_SIMULATE_SIMULATE_GPS103_H

#include "simulate/simulate_protocol.h"

extern const struct simulate_protocol simulate_gps103;

#endif
