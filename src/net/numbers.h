// SPDX-License-Identifier: MIT
// The numbers without labels: /metrics and /status both show them.
#ifndef AVLD_NET_NUMBERS_H
#define AVLD_NET_NUMBERS_H

#include "net/http_sources.h"

struct number {
	const char *name; /* of the metric, without "avld_"; NULL: /metrics has it by protocol */
	const char *type; /* counter, gauge */
	const char *help;
	uint64_t value;
};

#define NUMBERS_MAX 72

// Writes the numbers to `numbers`, which has room for NUMBERS_MAX. Returns how many there are.
size_t numbers_collect(const struct http_sources *sources, struct number *numbers);

#endif
