// SPDX-License-Identifier: MIT
// Simulated Queclink trackers (GV300).
#ifndef AVLD_SIMULATE_SIMULATE_QUECLINK_H
#define AVLD_SIMULATE_SIMULATE_QUECLINK_H

#include "simulate/simulate_protocol.h"

extern const struct simulate_protocol simulate_queclink;

#endif
