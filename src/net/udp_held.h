// SPDX-License-Identifier: MIT
// UDP replies held until the journal is safe: a queue in the order of their LSNs, in a bounded memory.
#ifndef AVLD_NET_UDP_HELD_H
#define AVLD_NET_UDP_HELD_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UDP_HELD_MAX   65536     /* replies, */
#define UDP_HELD_BYTES (8 << 20) /* and the bytes of all of them with their routes */

// Where a reply goes, and from which of our addresses it is sent (a control message, IP_PKTINFO).
struct udp_route {
	union {
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} to;
	uint16_t to_len;
	uint16_t control_len; /* 0: the kernel chooses */
	_Alignas(8) uint8_t control[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

// Zeroed it is empty; the memory is allocated for the first reply.
struct udp_held {
	uint8_t *ring;
	size_t first, end; /* offsets of the oldest reply, and after the newest */
	size_t wrap;       /* where the replies before the ring's end stop */
	size_t count;
};

struct udp_held_reply {
	uint64_t lsn;
	struct udp_route route;
	size_t len;
	uint8_t data[];
};

// Appends a reply. lsn: not below that of the reply before. Returns false if there is no room for it.
bool udp_held_add(struct udp_held *held, uint64_t lsn, const struct udp_route *route,
	const uint8_t *data, size_t len);
// The oldest reply, valid until the next call. NULL: there is none.
struct udp_held_reply *udp_held_first(const struct udp_held *held);
// Removes the oldest reply.
void udp_held_remove(struct udp_held *held);
void udp_held_done(struct udp_held *held);

#endif
