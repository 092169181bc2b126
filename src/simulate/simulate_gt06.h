// SPDX-License-Identifier: MIT
#ifndef AVLD_SIMULATE_SIMULATE_GT06_H
#define AVLD_SIMULATE_SIMULATE_GT06_H

#include "simulate/simulate_protocol.h"

extern const struct simulate_protocol simulate_gt06;

#endif
