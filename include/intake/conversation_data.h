// SPDX-License-Identifier: MIT
// One conversation: its members, and what follows from them. intake/conversation.h begins, feeds and ends it.
#ifndef AVLD_INTAKE_CONVERSATION_DATA_H
#define AVLD_INTAKE_CONVERSATION_DATA_H

#include "intake/intake.h"

#define CONVERSATION_IDENTS 8 /* a connection that names more is a gateway */

struct credential;

// A device that was not in avld.devices is on probation over the connection that has created it.
enum conversation_probation { PROBATION_NONE, PROBATION_BEGINS, PROBATION_HEARD };

struct conversation {
	struct feed feed;
	struct hold hold;              /* of what the feed holds */
	struct device *device;         /* admitted last; NULL: none yet */
	struct credential *credential; /* the password given last; NULL: none */
	struct device **named;         /* TCP: all that were named; NULL: only `device` */
	int64_t opened_us;             /* UTC */
	uint64_t bytes;                /* received; counted by the transport */
	struct peer peer;              /* its transport tells TCP from UDP */
	bool silent;                   /* its end makes no row: one of many scanners */
	bool scanner;                  /* its end is not logged: scanners_log does */
	struct share share;            /* what the peer has cost while it was a stranger */
	uint8_t idents;    /* TCP: named so far; beyond CONVERSATION_IDENTS: a gateway */
	uint8_t probation; /* enum conversation_probation */
	uint32_t open_ms;  /* clock_coarse_ms when the bytes of the open frame came */
	uint32_t active_s; /* clock_coarse_s of the last activity; set by the transport */
};

static inline bool conversation_is_datagram(const struct conversation *conversation)
{
	return conversation->feed.session.datagram;
}

// Returns true if it is a connection that has named more than CONVERSATION_IDENTS devices.
static inline bool conversation_is_gateway(const struct conversation *conversation)
{
	return conversation->idents > CONVERSATION_IDENTS;
}

// Returns true if it is the device that the session names.
static inline bool conversation_names(
	const struct conversation *conversation, const struct device *device)
{
	const struct session *session = &conversation->feed.session;

	return device_directory_has_ident(
		device, (struct text){session->ident, session->ident_len});
}

// Returns true while conversation_each_second (intake/conversation.h) is to be called.
static inline bool conversation_is_pending(const struct conversation *conversation)
{
	return conversation->feed.open || feed_waits(&conversation->feed);
}
// Returns true if the device is known, or may still be when a held frame can be decoded.
static inline bool conversation_is_known(const struct conversation *conversation)
{
	return conversation->device || feed_holds(&conversation->feed);
}

// Returns true if the device has a row in avld.devices. Other peers are strangers.
static inline bool conversation_is_established(const struct conversation *conversation)
{
	return conversation->device && conversation->device->state == DEVICE_ACTIVE;
}
// Returns true until a device that this conversation has created has been heard in a second second.
static inline bool conversation_is_on_probation(const struct conversation *conversation)
{
	return conversation->probation != PROBATION_NONE;
}

#endif
