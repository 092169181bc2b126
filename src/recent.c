// SPDX-License-Identifier: MIT
// Two generations of an open-addressing table: the younger takes the keys; when it is full, the
// older is emptied and becomes the younger.
#include "recent.h"

#include "log.h"

#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define SLOTS ((size_t)2 * RECENT_GENERATION) /* half empty: short probes */

struct recent {
	unsigned young; /* which generation takes new keys */
	size_t count[2];
	struct recent_key *slots[2];
};

struct recent *recent_new(void)
{
	struct recent *recent = calloc(1, sizeof(*recent));
	if (!recent)
		log_fatal("out of memory: recent keys");
	for (int i = 0; i < 2; i++) {
		recent->slots[i] = calloc(SLOTS, sizeof(struct recent_key));
		if (!recent->slots[i])
			log_fatal("out of memory: recent keys");
	}
	return recent;
}

void recent_free(struct recent *recent)
{
	if (!recent)
		return;
	free(recent->slots[0]);
	free(recent->slots[1]);
	free(recent);
}

static void empty(struct recent *recent, unsigned generation)
{
	if (recent->count[generation])
		memset(recent->slots[generation], 0, SLOTS * sizeof(struct recent_key));
	recent->count[generation] = 0;
}

// Where the key is, or the free slot where it would go.
static struct recent_key *slot_of(
	struct recent_key *slots, const struct recent_key *key, uint64_t hash)
{
	size_t i = hash & (SLOTS - 1);
	while (slots[i].device_id && memcmp(&slots[i], key, sizeof(*key)))
		i = (i + 1) & (SLOTS - 1);
	return &slots[i];
}

bool recent_add(struct recent *recent, const struct recent_key *key)
{
	const uint64_t hash = XXH3_64bits(key, sizeof(*key));

	if (slot_of(recent->slots[!recent->young], key, hash)->device_id)
		return true;
	struct recent_key *slot = slot_of(recent->slots[recent->young], key, hash);
	if (slot->device_id)
		return true;
	*slot = *key;
	if (++recent->count[recent->young] == RECENT_GENERATION) {
		recent->young = !recent->young;
		empty(recent, recent->young);
	}
	return false;
}

void recent_forget(struct recent *recent)
{
	empty(recent, 0);
	empty(recent, 1);
}
