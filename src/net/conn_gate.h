// SPDX-License-Identifier: MIT
// Decides whether one more connection is opened: so many in all (server.max_connections), so many of one address
// (server.max_connections_per_ip). Refused ones are logged, counted, and get rows in avld.connections.
#ifndef AVLD_NET_CONN_GATE_H
#define AVLD_NET_CONN_GATE_H

#include "net/conn_addresses.h"
#include "net/conn_refusals.h"

// Initialised by zeros, except `evict`.
struct conn_gate {
	// Closes a connection to make room for another, and so calls conn_gate_evicting and conn_gate_leave. peer: one of
	// its address; NULL: any. Returns false if there is none to be closed.
	bool (*evict)(struct conn_gate *gate, const struct peer *peer);
	struct conn_addresses addresses; /* not used with server.max_connections_per_ip = 0 */
	struct conn_refusals refused;
	size_t count; /* open connections */
	uint64_t evicted;
	uint32_t evict_logged_s; /* 0: never */
};

// Counts one more connection of the peer. Returns false if there is no room for it: *reason says why.
bool conn_gate_enter(struct conn_gate *gate, const struct config *config, const struct peer *peer,
	enum conn_refusal_reason *reason);
// Counts one connection less.
void conn_gate_leave(struct conn_gate *gate, const struct peer *peer);

// Logs a refused connection and counts it; it is not counted as open.
void conn_gate_refuse(struct conn_gate *gate, struct intake *intake, const struct peer *peer,
	enum conn_refusal_reason reason);
// Logs and counts a connection that is about to be closed to make room, silent for so long.
void conn_gate_evicting(struct conn_gate *gate, const struct peer *peer, uint32_t silent_s);

#endif
