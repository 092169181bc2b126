// SPDX-License-Identifier: MIT
#include "util/histogram.h"

void histogram_add(struct histogram *histogram, double value, uint64_t times)
{
	unsigned bucket = 0;

	if (value < 0.)
		value = 0.;
	while (histogram->bounds[bucket] > 0. && value > histogram->bounds[bucket])
		bucket++;
	histogram->counts[bucket] += times;
	histogram->sum += value * (double)times;
}
