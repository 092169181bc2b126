// SPDX-License-Identifier: MIT
// Counts values in fixed buckets, as Prometheus wants them. Allocates nothing.
#ifndef AVLD_UTIL_HISTOGRAM_H
#define AVLD_UTIL_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_BOUNDS 16 /* at most */

struct histogram {
	const double *bounds; /* upper bounds of the buckets, rising; 0 ends them */
	uint64_t counts[HISTOGRAM_BOUNDS +
			1]; /* of each bucket alone; the one after the last bound: above it */
	double sum;
};

// Adds a value so many times. A negative one counts as 0.
void histogram_add(struct histogram *histogram, double value, uint64_t times);

#endif
