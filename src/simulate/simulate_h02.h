// SPDX-License-Identifier: MIT
// The H02 as a simulated protocol. Drawn in simulate_h02.c.
#ifndef AVLD_SIMULATE_SIMULATE_H02_H
#define AVLD_SIMULATE_SIMULATE_H02_H

#include "simulate/simulate_protocol.h"

extern const struct simulate_protocol simulate_h02;

#endif
