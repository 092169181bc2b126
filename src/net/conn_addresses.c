// SPDX-License-Identifier: MIT
#include "net/conn_addresses.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

// Without memory uthash leaves an entry out of its table instead of ending the process.
#define HASH_NONFATAL_OOM 1
#include "util/uthash_config.h"

struct conn_address {
	uint8_t address[16]; /* key */
	uint32_t count;      /* at least 1 */
	UT_hash_handle hh;
};

bool conn_addresses_same(const struct peer *a, const struct peer *b)
{
	uint8_t one[16], other[16];

	peer_network(a, one);
	peer_network(b, other);
	return !memcmp(one, other, sizeof(one));
}

static struct conn_address *find(const struct conn_addresses *addresses, const struct peer *peer)
{
	uint8_t network[16];
	struct conn_address *found;

	peer_network(peer, network);
	HASH_FIND(hh, addresses->table, network, sizeof(network), found);
	return found;
}

static struct conn_address *insert(struct conn_addresses *addresses, const struct peer *peer)
{
	struct conn_address *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return NULL;
	peer_network(peer, entry->address);
	HASH_ADD(hh, addresses->table, address, sizeof(entry->address), entry);
	if (!entry->hh.tbl) { // uthash had no memory
		free(entry);
		return NULL;
	}
	return entry;
}

enum conn_addresses_result conn_addresses_add(
	struct conn_addresses *addresses, const struct peer *peer, int64_t max)
{
	struct conn_address *entry = find(addresses, peer);
	if (!entry)
		entry = insert(addresses, peer);
	if (!entry)
		return ADDRESS_NO_MEMORY;
	if (max && entry->count >= max)
		return ADDRESS_HAS_MAX;
	entry->count++;
	return ADDRESS_COUNTED;
}

void conn_addresses_remove(struct conn_addresses *addresses, const struct peer *peer)
{
	struct conn_address *entry = find(addresses, peer);

	if (!entry || --entry->count > 0)
		return;
	assert(addresses->table); // it holds the entry
	HASH_DEL(addresses->table, entry);
	free(entry);
}
