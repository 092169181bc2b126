// SPDX-License-Identifier: MIT
#ifndef AVLD_SIMULATE_SIMULATE_PT502_H
#define AVLD_SIMULATE_SIMULATE_PT502_H

#include "simulate/simulate_protocol.h"

extern const struct simulate_protocol simulate_pt502;

#endif
