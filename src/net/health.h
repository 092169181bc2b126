// SPDX-License-Identifier: MIT
// The page /health: ok, degraded (a person should look) or failing (data is not accepted), with the reasons. Each reason has
// its paragraph in docs/operating.md.
#ifndef AVLD_NET_HEALTH_H
#define AVLD_NET_HEALTH_H

#include "net/http_sources.h"

#include <stdio.h>

// Writes the page, a JSON object. Returns false if avld is failing.
bool health_write(const struct http_sources *sources, FILE *to);

#endif
