// SPDX-License-Identifier: MIT
// Wialon IPS 2.0.
#ifndef AVLD_SIMULATE_SIMULATE_WIALON_H
#define AVLD_SIMULATE_SIMULATE_WIALON_H

#include "simulate/simulate_protocol.h"

extern const struct simulate_protocol simulate_wialon;

#endif
