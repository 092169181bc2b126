// SPDX-License-Identifier: MIT
// The keys of the records stored last, so that most of what trackers send twice is dropped before
// the database sees it. Exact keys, no hashes of them: what is said to be a repeat is one. Forgets
// the oldest; memory is taken once.
#ifndef AVLD_WRITER_DEDUP_CACHE
#define AVLD_WRITER_DEDUP_CACHE

#include <stdbool.h>
#include <stdint.h>

// This many keys are remembered at least, twice as many at most.
#define RECENT_GENERATION 131072

struct recent;

struct recent_key {
	int64_t device_id; /* not 0 */
	int64_t time_us;
	uint64_t dedup;
};

struct recent *recent_new(void);
void recent_free(struct recent *recent);
// Was the key added already (and is not forgotten yet)? Adds it if not.
bool recent_add(struct recent *recent, const struct recent_key *key);
void recent_forget(struct recent *recent); /* all */

#endif
