// SPDX-License-Identifier: MIT
// The keys of recent records, so that most repeats are dropped before the database sees them. Keys are compared as a whole,
// not by hash: a new record is never taken for a repeat. Forgets the oldest; memory is allocated once.
#ifndef AVLD_WRITER_DEDUP_CACHE_H
#define AVLD_WRITER_DEDUP_CACHE_H

#include <stdbool.h>
#include <stdint.h>

// At least so many keys are remembered, at most twice as many.
#define DEDUP_CACHE_GENERATION 131072

struct dedup_cache;

struct dedup_key {
	int64_t device_id; /* not 0 */
	int64_t time_us;
	uint64_t dedup;
};

struct dedup_cache *dedup_cache_new(void);
void dedup_cache_free(struct dedup_cache *recent);
// Returns true if the key was added before and is still remembered; else adds it.
bool dedup_cache_add(struct dedup_cache *recent, const struct dedup_key *key);
void dedup_cache_forget(struct dedup_cache *recent); /* removes all keys */

#endif
