// SPDX-License-Identifier: MIT
// The Teltonika as a simulated protocol. Drawn in simulate_teltonika.c.
#ifndef AVLD_SIMULATE_SIMULATE_TELTONIKA_H
#define AVLD_SIMULATE_SIMULATE_TELTONIKA_H

#include "simulate/simulate_protocol.h"

extern const struct simulate_protocol simulate_teltonika;

#endif
