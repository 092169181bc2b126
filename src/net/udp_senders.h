// SPDX-License-Identifier: MIT
// The memory of UDP senders. A sender (address and port) is remembered for as long as a TCP connection would be: its decoder,
// its ident and the protocol's memo. At most server.max_connections of them; the one silent longest is forgotten first,
// strangers before senders with a device in avld.devices.
#ifndef AVLD_NET_UDP_SENDERS_H
#define AVLD_NET_UDP_SENDERS_H

#include "intake/conversation.h"
#include "net/udp_held.h"
#include "util/list.h"
#include "util/uthash_config.h"

struct udp_sender {
	struct conversation conversation; /* its peer is the key */
	struct list turn;                 /* in `known` or `strangers`, silent longest first */
	struct list pending;              /* in `pending` while the conversation is */
	UT_hash_handle hh;
	struct udp_route *
		route; /* while a photo is fetched: where its parts are asked for; freed with the sender */
	uint16_t credit; /* bytes that may be sent in reply */
	bool replied, proved;
};

struct udp_senders {
	struct udp_sender *table;
	struct list known, strangers, pending;
};

void udp_senders_init(struct udp_senders *senders);
// Forgets all.
void udp_senders_done(struct udp_senders *senders, struct conversation_transport *transport);

// Returns NULL if the peer has not been heard of lately.
struct udp_sender *udp_senders_find(const struct udp_senders *senders, const struct peer *peer);
// Adds a sender, and forgets old ones. The caller calls udp_senders_note_active before any other call. Returns NULL if
// memory is out.
struct udp_sender *udp_senders_add(struct udp_senders *senders,
	struct conversation_transport *transport, const struct peer *peer);
// Notes that the sender has been heard.
void udp_senders_note_active(struct udp_senders *senders, struct udp_sender *sender);
// Puts it among the pending ones if its conversation is pending, or takes it from them.
void udp_senders_place_pending(struct udp_senders *senders, struct udp_sender *sender);

#endif
