// SPDX-License-Identifier: MIT
// The sockets we are reached at, and accepting.
#ifndef AVLD_NET_LISTENER_H
#define AVLD_NET_LISTENER_H

#include "net/conn.h"

struct listener;

// TCP and UDP sockets as settings have it, bound to one port (server.listen; port 0 picks one that
// is free for both).
struct bound {
	int tcp, udp; /* -1: not wanted */
	char tcp_text[PEER_TEXT_MAX], udp_text[PEER_TEXT_MAX];
};

// False: *error is a message for a person ("port 8888 is taken: ...").
bool listener_bind(const struct config *config, struct bound *bound, const char **error);

// Accepts from the bound TCP socket into conns. Takes the socket over.
struct listener *listener_new(struct ev_loop *loop, struct conns *conns, int fd);
// Accepts what has already connected, then stops listening.
void listener_finish(struct listener *listener);

#endif
