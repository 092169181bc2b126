// SPDX-License-Identifier: MIT
// A request of an OsmAnd phone, and why one cannot be used.
#ifndef AVLD_DECODERS_OSMAND_OSMAND_MESSAGE_H
#define AVLD_DECODERS_OSMAND_OSMAND_MESSAGE_H

#include "protocol/decoder.h"
#include "util/text.h"

struct osmand_message {
	struct session *session;
	struct decoded *out;
	struct text raw; /* the frame */
};

// The order is that of the table in osmand.c.
enum osmand_fault {
	OSMAND_FINE,
	OSMAND_BAD_LINE,
	OSMAND_BAD_HEADER,
	OSMAND_BAD_METHOD,
	OSMAND_LONG_LINE,
	OSMAND_LONG_HEAD,
	OSMAND_NO_IDENT,
	OSMAND_BAD_IDENT,
	OSMAND_BAD_LENGTH,
	OSMAND_BAD_CHUNK,
	OSMAND_BAD_JSON,
	OSMAND_LONG_BODY,
	OSMAND_MANY_RECORDS,
	OSMAND_MANY_FIELDS,
	OSMAND_COMPRESSED,
	OSMAND_CODING,
	OSMAND_FAULTS
};

// Sets the session's ident.
static inline enum osmand_fault osmand_message_set_ident(
	const struct osmand_message *m, struct text ident)
{
	if (ident.len == 0)
		return OSMAND_NO_IDENT;
	return session_set_ident(m->session, ident.data, ident.len) ? OSMAND_FINE
								    : OSMAND_BAD_IDENT;
}

#endif
