// SPDX-License-Identifier: MIT
// How many connections each peer address has open. The addresses of an IPv6 network of 64 bits count as one.
#ifndef AVLD_NET_CONN_ADDRESSES_H
#define AVLD_NET_CONN_ADDRESSES_H

#include "model/peer.h"

#include <stdbool.h>
#include <stdint.h>

// Zeroed it is empty.
struct conn_addresses {
	struct conn_address *table;
};

enum conn_addresses_result { ADDRESS_COUNTED, ADDRESS_HAS_MAX, ADDRESS_NO_MEMORY };

// Counts one more connection of the peer's address, unless it has max already. 0: no limit, but a reload may set one.
enum conn_addresses_result conn_addresses_add(
	struct conn_addresses *addresses, const struct peer *peer, int64_t max);

// Returns true if the two count as one address.
bool conn_addresses_same(const struct peer *a, const struct peer *b);

// One of them has closed. Does nothing for an address that is not counted.
void conn_addresses_remove(struct conn_addresses *addresses, const struct peer *peer);

#endif
