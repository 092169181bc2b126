// SPDX-License-Identifier: MIT
// One conversation: what a TCP connection and a UDP sender have in common.
//
//   bytes -> feed_step -> decoded -> admission of the device -> journal -> replies, then a command
//
// A transport (net/conn, net/udp) owns bytes, sockets and time-outs; it embeds one struct conversation in
// each connection or sender.
#ifndef AVLD_INTAKE_CONVERSATION_H
#define AVLD_INTAKE_CONVERSATION_H

#include "intake/conversation_data.h"

// What a transport provides: one for all its conversations.
struct conversation_transport {
	struct intake *intake;
	// Sends bytes to the peer: now (lsn 0), or when intake_safe has reached lsn. Returns false if the
	// peer leaves too much unread: the conversation ends.
	bool (*send)(struct conversation_transport *transport, struct conversation *conversation,
		const uint8_t *data, size_t len, uint64_t lsn);
	// Ends the connection of a device that has connected again; conversation is dead afterwards. TCP only.
	void (*displace)(struct conversation *conversation);
	bool commanding; /* while send is called: the bytes are a command, no reply */
};

// What the transport has to do with the rest of the bytes.
enum conversation_state {
	CONVERSATION_OPEN, /* keep the rest (the start of a frame), give it again with more after it */
	CONVERSATION_NO_ROOM, /* the journal is full: give the rest again when it has room */
	CONVERSATION_ENDS,    /* send what is due, then close; drop the rest */
};
struct conversation_outcome {
	enum conversation_state state;
	const char *reason; /* of CONVERSATION_ENDS: static text; else NULL */
	size_t used;        /* bytes processed; the rest follows them */
};

void conversation_begin(struct conversation_transport *transport, struct conversation *conversation,
	const struct peer *peer);

// Processes the bytes frame by frame. The journal has room for the first one (intake_has_room,
// intake_room, intake_wait_for_room); feed.session.received_us is set.
struct conversation_outcome conversation_feed(struct conversation_transport *transport,
	struct conversation *conversation, const uint8_t *data, size_t len);

// To be called once a second while conversation_is_pending: retries or expires held frames, asks again for parts of a
// photo, and processes the open frame at the head of data when nothing has followed for a second. len 0: more bytes are
// known to follow.
struct conversation_outcome conversation_each_second(struct conversation_transport *transport,
	struct conversation *conversation, const uint8_t *data, size_t len);

// Sends the next command for the conversation's device, if there is one. Returns false if the peer leaves
// too much unread: the conversation ends.
bool conversation_send_command(
	struct conversation_transport *transport, struct conversation *conversation);

// Journals everything the conversation still holds, and for TCP its end and its traffic; frees what it
// owns. rest: bytes that were given and not used. Safe while another conversation is being fed.
void conversation_end(struct conversation_transport *transport, struct conversation *conversation,
	const uint8_t *rest, size_t len, const char *reason);

// newcomers_proves (intake/newcomers.h): returns true if the device has sent more than one frame over its connection.
bool conversation_proves(const struct device *device);

#endif
