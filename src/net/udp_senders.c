// SPDX-License-Identifier: MIT

// Without memory uthash leaves a sender out of its table instead of ending the process.
#define HASH_NONFATAL_OOM 1
#include "util/uthash_config.h"

#include "net/udp_senders.h"

#include "util/clock.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>

// Address and port, without the padding after them.
#define SENDER_KEY offsetof(struct peer, transport)

void udp_senders_init(struct udp_senders *senders)
{
	senders->table = NULL;
	list_init(&senders->known);
	list_init(&senders->strangers);
	list_init(&senders->pending);
}

static void forget(struct udp_senders *senders, struct conversation_transport *transport,
	struct udp_sender *sender)
{
	assert(senders->table); // it holds this sender
	HASH_DEL(senders->table, sender);
	list_remove(&sender->turn);
	list_remove(&sender->pending);
	conversation_end(transport, &sender->conversation, NULL, 0, NULL);
	free(sender->route);
	free(sender);
}

static void forget_all(
	struct udp_senders *senders, struct conversation_transport *transport, struct list *list)
{
	while (!list_empty(list))
		forget(senders, transport, list_item(list->next, struct udp_sender, turn));
}

void udp_senders_done(struct udp_senders *senders, struct conversation_transport *transport)
{
	forget_all(senders, transport, &senders->known);
	forget_all(senders, transport, &senders->strangers);
}

// Forgets the senders of a list that have been silent for too long, and one more if there are too many in all.
static void forget_old(struct udp_senders *senders, struct conversation_transport *transport,
	struct list *list, uint32_t now_s)
{
	const struct config *config = transport->intake->config;

	while (!list_empty(list)) {
		struct udp_sender *oldest = list_item(list->next, struct udp_sender, turn);
		const int64_t silent_us =
			(int64_t)(now_s - oldest->conversation.active_s) * 1000000;
		if (HASH_COUNT(senders->table) < (size_t)config->server.max_connections &&
			silent_us < config->server.idle_timeout_us)
			return;
		forget(senders, transport, oldest);
	}
}

struct udp_sender *udp_senders_find(const struct udp_senders *senders, const struct peer *peer)
{
	struct udp_sender *sender;

	HASH_FIND(hh, senders->table, peer, SENDER_KEY, sender);
	return sender;
}

struct udp_sender *udp_senders_add(struct udp_senders *senders,
	struct conversation_transport *transport, const struct peer *peer)
{
	const uint32_t now_s = clock_coarse_s();

	forget_old(senders, transport, &senders->strangers, now_s);
	forget_old(senders, transport, &senders->known, now_s);
	struct udp_sender *sender = calloc(1, sizeof(*sender));
	if (!sender)
		return NULL;
	conversation_begin(transport, &sender->conversation, peer);
	list_init(&sender->turn);
	list_init(&sender->pending);
	HASH_ADD(hh, senders->table, conversation.peer, SENDER_KEY, sender);
	if (!sender->hh.tbl) { // uthash had no memory
		free(sender);
		return NULL;
	}
	return sender;
}

void udp_senders_note_active(struct udp_senders *senders, struct udp_sender *sender)
{
	const bool established = conversation_is_established(&sender->conversation);

	sender->conversation.active_s = clock_coarse_s();
	list_remove(&sender->turn);
	list_append(established ? &senders->known : &senders->strangers, &sender->turn);
}

void udp_senders_place_pending(struct udp_senders *senders, struct udp_sender *sender)
{
	list_remove(&sender->pending);
	if (conversation_is_pending(&sender->conversation))
		list_append(&senders->pending, &sender->pending);
}
