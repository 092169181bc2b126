// SPDX-License-Identifier: MIT
// Simulated trackers of Suntech: ST300 and ST600.
#ifndef AVLD_SIMULATE_SIMULATE_SUNTECH_H
#define AVLD_SIMULATE_SIMULATE_SUNTECH_H

#include "simulate/simulate_protocol.h"

extern const struct simulate_protocol simulate_suntech;

#endif
