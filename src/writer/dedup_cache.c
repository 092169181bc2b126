// SPDX-License-Identifier: MIT
// Two generations. New keys go to the younger one; when it is full, the older one is emptied and becomes the younger. In
// each the keys are in the order of arrival, and an open-addressing table holds their numbers:
//
//   slots  | tag, number | 0 | tag, number | ...      tag: bits of the hash; number: of the key; 0: free
//   keys   | 1 | 2 | ...
//
// Nearly every key is new, which the slots alone show: they are small enough to stay in the processor's caches.
#include "writer/dedup_cache.h"

#include "util/log.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define SLOTS       ((size_t)2 * DEDUP_CACHE_GENERATION) /* half empty: short probes */
#define NUMBER_BITS 18
#define NUMBER_MASK ((1u << NUMBER_BITS) - 1)

static_assert(DEDUP_CACHE_GENERATION <= NUMBER_MASK, "the number of a key fits its bits");

struct generation {
	uint32_t *slots;
	struct dedup_key *keys;
	uint32_t count;
};

struct dedup_cache {
	unsigned young; /* which generation takes new keys */
	struct generation generations[2];
};

struct dedup_cache *dedup_cache_new(void)
{
	struct dedup_cache *recent = calloc(1, sizeof(*recent));
	if (!recent)
		log_fatal("out of memory for=\"recent keys\"");
	for (int i = 0; i < 2; i++) {
		struct generation *generation = &recent->generations[i];
		generation->slots = calloc(SLOTS, sizeof(*generation->slots));
		generation->keys = malloc(DEDUP_CACHE_GENERATION * sizeof(*generation->keys));
		if (!generation->slots || !generation->keys)
			log_fatal("out of memory for=\"recent keys\"");
		// Touches the memory, so that the process does not grow later.
		memset(generation->keys, 0xff, DEDUP_CACHE_GENERATION * sizeof(*generation->keys));
	}
	return recent;
}

void dedup_cache_free(struct dedup_cache *recent)
{
	if (!recent)
		return;
	for (int i = 0; i < 2; i++) {
		free(recent->generations[i].slots);
		free(recent->generations[i].keys);
	}
	free(recent);
}

static void empty(struct generation *generation)
{
	if (generation->count)
		memset(generation->slots, 0, SLOTS * sizeof(*generation->slots));
	generation->count = 0;
}

static uint32_t tag_of(uint64_t hash)
{
	return (uint32_t)(hash >> 32) & ~NUMBER_MASK;
}

// Returns true if the key is there; else *free is the slot for it.
static bool find(const struct generation *generation, const struct dedup_key *key, uint64_t hash,
	size_t *free)
{
	size_t i = hash & (SLOTS - 1);
	for (uint32_t slot; (slot = generation->slots[i]); i = (i + 1) & (SLOTS - 1)) {
		if ((slot & ~NUMBER_MASK) == tag_of(hash) &&
			!memcmp(&generation->keys[(slot & NUMBER_MASK) - 1], key, sizeof(*key)))
			return true;
	}
	*free = i;
	return false;
}

bool dedup_cache_add(struct dedup_cache *recent, const struct dedup_key *key)
{
	const uint64_t hash = XXH3_64bits(key, sizeof(*key));
	struct generation *young = &recent->generations[recent->young];
	size_t slot;

	if (find(&recent->generations[!recent->young], key, hash, &slot) ||
		find(young, key, hash, &slot))
		return true;
	young->keys[young->count++] = *key;
	young->slots[slot] = tag_of(hash) | young->count;
	if (young->count == DEDUP_CACHE_GENERATION) {
		recent->young = !recent->young;
		empty(&recent->generations[recent->young]);
	}
	return false;
}

void dedup_cache_forget(struct dedup_cache *recent)
{
	empty(&recent->generations[0]);
	empty(&recent->generations[1]);
}
