// SPDX-License-Identifier: MIT
// The listening sockets, and accepting connections.
#ifndef AVLD_NET_LISTENER_H
#define AVLD_NET_LISTENER_H

#include "net/conn.h"

#define LISTENER_RESERVED_FILES 64 /* descriptors kept for journal, database, HTTP and loop */

struct listener;

// TCP and UDP sockets as configured, bound to one port (server.listen; port 0 picks one that is free for
// both).
struct bound {
	int tcp, udp; /* -1: not configured */
	char tcp_text[PEER_TEXT_MAX], udp_text[PEER_TEXT_MAX];
	char error[320]; /* when listener_bind has failed: a sentence for a person */
};

// Returns false if it could not bind: nothing is open then, and bound->error says what failed and how to
// mend it.
bool listener_bind(const struct config *config, struct bound *bound);

// Accepts connections from the bound TCP socket into conns. Takes the socket over. Returns NULL if memory
// is out.
struct listener *listener_new(struct ev_loop *loop, struct conns *conns, int fd);
// Accepts the connections that are already established, then stops listening and frees.
void listener_finish(struct listener *listener);

#endif
