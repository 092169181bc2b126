// SPDX-License-Identifier: MIT
// The keys of the records stored last, so that most of what trackers send twice is dropped before
// the database sees it. Exact keys, no hashes of them: what is said to be a repeat is one. Forgets
// the oldest; memory is taken once.
#ifndef AVLD_WRITER_DEDUP_CACHE_H
#define AVLD_WRITER_DEDUP_CACHE_H

#include <stdbool.h>
#include <stdint.h>

// This many keys are remembered at least, twice as many at most.
#define DEDUP_CACHE_GENERATION 131072

struct dedup_cache;

struct dedup_key {
	int64_t device_id; /* not 0 */
	int64_t time_us;
	uint64_t dedup;
};

struct dedup_cache *dedup_cache_new(void);
void dedup_cache_free(struct dedup_cache *recent);
// Was the key added already (and is not forgotten yet)? Adds it if not.
bool dedup_cache_add(struct dedup_cache *recent, const struct dedup_key *key);
void dedup_cache_forget(struct dedup_cache *recent); /* all */

#endif
