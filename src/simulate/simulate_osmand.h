// SPDX-License-Identifier: MIT
// Simulated phones (OsmAnd, Traccar Client) over HTTP.
#ifndef AVLD_SIMULATE_SIMULATE_OSMAND_H
#define AVLD_SIMULATE_SIMULATE_OSMAND_H

#include "simulate/simulate_protocol.h"

extern const struct simulate_protocol simulate_osmand;

#endif
