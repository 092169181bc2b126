// SPDX-License-Identifier: MIT
#include "model/peer.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static const uint8_t v4_mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

struct peer peer_of_sockaddr(const struct sockaddr *address, enum transport transport)
{
	struct peer peer = {.transport = (uint8_t)transport};
	if (address->sa_family == AF_INET) {
		struct sockaddr_in in;
		memcpy(&in, address, sizeof(in));
		memcpy(peer.address, v4_mapped, sizeof(v4_mapped));
		memcpy(peer.address + sizeof(v4_mapped), &in.sin_addr, 4);
		peer.port = ntohs(in.sin_port);
	} else if (address->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;
		memcpy(&in6, address, sizeof(in6));
		memcpy(peer.address, &in6.sin6_addr, sizeof(peer.address));
		peer.port = ntohs(in6.sin6_port);
	}
	return peer;
}

char *peer_text(const struct peer *peer, char *text)
{
	char address[INET6_ADDRSTRLEN];
	if (!memcmp(peer->address, v4_mapped, sizeof(v4_mapped))) {
		const char *done = inet_ntop(
			AF_INET, peer->address + sizeof(v4_mapped), address, sizeof(address));
		assert(done);
		snprintf(text, PEER_TEXT_MAX, "%s:%u", address, peer->port);
	} else {
		const char *done = inet_ntop(AF_INET6, peer->address, address, sizeof(address));
		assert(done);
		snprintf(text, PEER_TEXT_MAX, "[%s]:%u", address, peer->port);
	}
	return text;
}

void peer_network(const struct peer *peer, uint8_t network[16])
{
	const size_t len = memcmp(peer->address, v4_mapped, sizeof(v4_mapped)) == 0 ? 16 : 8;

	memset(network, 0, 16);
	memcpy(network, peer->address, len);
}

const char *peer_transport_name(uint8_t transport)
{
	return transport == TRANSPORT_UDP ? "udp" : "tcp";
}
