// SPDX-License-Identifier: MIT
// Simulated watches (SeTracker, Beesure).
#ifndef AVLD_SIMULATE_SIMULATE_WATCH_H
#define AVLD_SIMULATE_SIMULATE_WATCH_H

#include "simulate/simulate_protocol.h"

extern const struct simulate_protocol simulate_watch;

#endif
