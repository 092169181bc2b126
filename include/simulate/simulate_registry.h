// SPDX-License-Identifier: MIT
// The table of simulated protocols.
#ifndef AVLD_SIMULATE_SIMULATE_REGISTRY_H
#define AVLD_SIMULATE_SIMULATE_REGISTRY_H

#include "simulate/simulate_protocol.h"

// All protocols, the default first, those for TCP only last.
extern const struct simulate_protocol *const simulate_registry[];
extern const size_t simulate_registry_count;

// Returns the number of protocols before those for TCP only.
size_t simulate_registry_udp_count(void);

// The first protocols, which "mixed" uses in turn.
#define SIMULATE_MIXED 2

// Returns a pointer into simulate_registry, or NULL if no protocol has that name.
const struct simulate_protocol *const *simulate_registry_find(const char *name);

#endif
