// SPDX-License-Identifier: MIT
// A peer: address, port and transport.
#ifndef AVLD_MODEL_PEER_H
#define AVLD_MODEL_PEER_H

#include <stdint.h>
#include <sys/socket.h>

enum transport { TRANSPORT_TCP, TRANSPORT_UDP };

struct peer {
	uint8_t address[16]; /* IPv6; IPv4 as ::ffff:a.b.c.d */
	uint16_t port;
	uint8_t transport; /* enum transport */
};

#define PEER_TEXT_MAX 56 /* "[....]:65535" and its NUL */

// An address that is neither IPv4 nor IPv6 (a local socket) becomes "[::]:0".
struct peer peer_of_sockaddr(const struct sockaddr *address, enum transport transport);
// Writes "192.0.2.1:4711" or "[2001:db8::1]:4711" into text, which has room for PEER_TEXT_MAX. Returns text.
char *peer_text(const struct peer *peer, char *text);
// Writes the network by which a peer is counted: an IPv4 address, or the first 8 bytes of an IPv6 one and zeros.
void peer_network(const struct peer *peer, uint8_t network[16]);
// Returns "tcp" or "udp".
const char *peer_transport_name(uint8_t transport);

#endif
