// SPDX-License-Identifier: MIT
// A token bucket. It fills evenly up to a limit that the caller gives, and the caller takes tokens by lowering the level,
// which may go below 0.
#ifndef AVLD_UTIL_BUCKET_H
#define AVLD_UTIL_BUCKET_H

#include <stdint.h>

struct bucket {
	double level;
	uint32_t at; /* time up to which it is filled, in units of any clock that wraps around */
};

// Fills it with per_unit tokens for each unit of time since the last call, up to `most`.
static inline void bucket_fill(struct bucket *bucket, double most, double per_unit, uint32_t now)
{
	bucket->level += (uint32_t)(now - bucket->at) * per_unit;
	if (bucket->level > most)
		bucket->level = most;
	bucket->at = now;
}

#endif
