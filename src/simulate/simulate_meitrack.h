// SPDX-License-Identifier: MIT
// Simulated trackers of Meitrack: a T399 over TCP, an MVT340 over UDP.
#ifndef AVLD_SIMULATE_SIMULATE_MEITRACK_H
#define AVLD_SIMULATE_SIMULATE_MEITRACK_H

#include "simulate/simulate_protocol.h"

extern const struct simulate_protocol simulate_meitrack;

#endif
