// SPDX-License-Identifier: MIT
// The page /metrics, for Prometheus. Every metric has its line in docs/metrics.md.
#ifndef AVLD_NET_METRICS_H
#define AVLD_NET_METRICS_H

#include "net/http_sources.h"

#include <stdio.h>

void metrics_write(const struct http_sources *sources, FILE *to);

#endif
