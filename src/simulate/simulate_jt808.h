// SPDX-License-Identifier: MIT
// JT/T 808 as a simulated protocol. Drawn in simulate_jt808.c.
#ifndef AVLD_SIMULATE_SIMULATE_JT808_H
#define AVLD_SIMULATE_SIMULATE_JT808_H

#include "simulate/simulate_protocol.h"

extern const struct simulate_protocol simulate_jt808;

#endif
