// SPDX-License-Identifier: MIT
// Peers of an intake, and a transport that does what net/conn and net/udp do with conversations, without sockets.
#ifndef AVLD_FUZZ_INTAKE_PEERS_H
#define AVLD_FUZZ_INTAKE_PEERS_H

#include "fuzz_intake_checks.h"
#include "fuzz_seal.h"

#include "intake/conversation.h"

#define SLOTS     8
#define TCP_SLOTS 5 /* the others are UDP senders */

// A peer, and the transport's part of its conversation.
struct slot {
	struct conversation *conversation; /* NULL: none */
	uint8_t *rest;                     /* received, not used */
	size_t rest_len;
	bool paused;
};

static const uint8_t addresses[][16] = {{[10] = 0xff, 0xff, 192, 0, 2, 1},
	{[10] = 0xff, 0xff, 192, 0, 2, 2}, {0x20, 0x01, 0x0d, 0xb8, [15] = 1},
	{0x20, 0x01, 0x0d, 0xb9, [15] = 1}};

static struct conversation_transport transport;
static struct slot slots[SLOTS];
static bool peers_read; /* false: TCP peers leave what they are sent unread */

static inline void check_slots(void)
{
	uint64_t connected = 0;

	for (size_t i = 0; i < SLOTS; i++) {
		const struct conversation *c = slots[i].conversation;
		CHECK(!c || !c->device || c->device->users > 0);
		connected += c && c->device && c->device->live == c;
	}
	CHECK(intake.counters.devices_connected == connected);
}

static uint16_t shared_port_of(const struct slot *slot)
{
	const struct conversation *c = slot->conversation;

	return conversation_is_datagram(c) || conversation_is_gateway(c) ? c->peer.port : 0;
}

static struct slot *slot_of(const struct conversation *conversation)
{
	for (size_t i = 0; i < SLOTS; i++)
		if (slots[i].conversation == conversation)
			return &slots[i];
	CHECK(false); // it is open
	return NULL;
}

static void end_slot(struct slot *slot, const char *reason)
{
	if (!slot->conversation)
		return;
	shared_port = shared_port_of(slot);
	conversation_end(&transport, slot->conversation, slot->rest, slot->rest_len, reason);
	free(slot->conversation);
	free(slot->rest);
	*slot = (struct slot){0};
}

static inline bool on_send(struct conversation_transport *of, struct conversation *conversation,
	const uint8_t *data, size_t len, uint64_t lsn)
{
	CHECK(of == &transport && slot_of(conversation) && len > 0);
	CHECK(lsn <= journal_end(intake.journal));
	free(input_copy((struct input){data, len})); // reads it
	return peers_read || conversation_is_datagram(conversation);
}

static inline void on_displaced(struct conversation *conversation)
{
	CHECK(!conversation_is_datagram(conversation));
	end_slot(slot_of(conversation), "device connected again");
}

static void begin_slot(struct slot *slot, const struct action *action)
{
	struct peer peer = {.port = next_port++,
		.transport = slot - slots < TCP_SLOTS ? TRANSPORT_TCP : TRANSPORT_UDP};

	memcpy(peer.address, addresses[action->who / SLOTS % 4], sizeof(peer.address));
	slot->conversation = calloc(1, sizeof(*slot->conversation));
	CHECK(slot->conversation);
	conversation_begin(&transport, slot->conversation, &peer);
}

// What net/conn does with an outcome. data: on the heap.
static void settle(
	struct slot *slot, uint8_t *data, size_t len, struct conversation_outcome outcome)
{
	CHECK(outcome.used <= len);
	CHECK((outcome.state == CONVERSATION_ENDS) == (outcome.reason != NULL));
	const struct input rest = {data + outcome.used, outcome.reason ? 0 : len - outcome.used};
	slot->rest = input_copy(rest);
	slot->rest_len = rest.len;
	slot->paused = outcome.state == CONVERSATION_NO_ROOM;
	free(data);
	if (outcome.reason)
		end_slot(slot, outcome.reason);
}

static inline void resume(struct slot *slot)
{
	uint8_t *data = slot->rest;

	if (!slot->conversation || !slot->paused || !intake_has_room(&intake))
		return;
	slot->rest = NULL;
	settle(slot, data, slot->rest_len,
		conversation_feed(&transport, slot->conversation, data, slot->rest_len));
}

static void give_stream(struct slot *slot, struct input bytes)
{
	resume(slot);
	if (!slot->conversation || slot->paused ||
		intake_room(&intake, slot->rest_len + bytes.len) == INTAKE_FULL)
		return;
	const size_t len = slot->rest_len + bytes.len;
	uint8_t *data = realloc(slot->rest, len ? len : 1);
	CHECK(data);
	memcpy(data + slot->rest_len, bytes.data, bytes.len);
	slot->rest = NULL;
	slot->conversation->bytes += bytes.len;
	slot->conversation->feed.session.received_us = clock_utc_us();
	settle(slot, data, len, conversation_feed(&transport, slot->conversation, data, len));
}

static void give_datagram(struct slot *slot, struct input bytes)
{
	feed_datagram(&slot->conversation->feed, clock_utc_us());
	if (bytes.len > 0 && intake_wait_for_room(&intake))
		conversation_feed(&transport, slot->conversation, bytes.data, bytes.len);
}

// A password may have been begun in an earlier piece.
static void note_passwords(const struct slot *slot, struct input bytes)
{
	const size_t len = slot->rest_len + bytes.len;
	uint8_t *all = malloc(len + 1);

	CHECK(all);
	if (slot->rest_len > 0)
		memcpy(all, slot->rest, slot->rest_len);
	memcpy(all + slot->rest_len, bytes.data, bytes.len);
	for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
		const char *password = secrets[i].password;
		if (password && memmem(all, len, password, strlen(password)))
			said[slot->conversation->peer.port] |= (uint8_t)(1 << i);
	}
	free(all);
}

static inline void give(struct slot *slot, const struct action *action)
{
	uint8_t *data = input_copy(action->bytes);
	const struct input bytes = {data, action->bytes.len};

	if (!slot->conversation)
		begin_slot(slot, action);
	shared_port = shared_port_of(slot);
	if (action->value & 1)
		seal_frames(data, bytes.len, action->value & 2);
	note_passwords(slot, bytes);
	if (conversation_is_datagram(slot->conversation))
		give_datagram(slot, bytes);
	else
		give_stream(slot, bytes);
	free(data);
}

static inline void look_after(struct slot *slot)
{
	uint8_t *data = slot->rest;

	if (!slot->conversation || !conversation_is_pending(slot->conversation))
		return;
	if (conversation_is_datagram(slot->conversation)) {
		conversation_each_second(&transport, slot->conversation, NULL, 0);
		return;
	}
	slot->rest = NULL;
	const struct conversation_outcome outcome = conversation_each_second(
		&transport, slot->conversation, data, slot->paused ? 0 : slot->rest_len);
	const bool paused = slot->paused;
	settle(slot, data ? data : input_copy((struct input){0}), slot->rest_len, outcome);
	slot->paused |= slot->conversation && paused;
}

#endif
