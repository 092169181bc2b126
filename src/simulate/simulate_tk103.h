// SPDX-License-Identifier: MIT
// The TK103 as a simulated protocol. Drawn in simulate_tk103.c.
#ifndef AVLD_SIMULATE_SIMULATE_TK103_H
#define AVLD_SIMULATE_SIMULATE_TK103_H

#include "simulate/simulate_protocol.h"

extern const struct simulate_protocol simulate_tk103;

#endif
