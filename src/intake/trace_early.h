// SPDX-License-Identifier: MIT
// Events of conversations that have not named an ident: the newest ones, within TRACE_EARLY_BYTES and TRACE_EARLY_MOST.
#ifndef AVLD_INTAKE_TRACE_EARLY_H
#define AVLD_INTAKE_TRACE_EARLY_H

#include "util/list.h"
#include "util/text.h"

#define TRACE_EARLY_BYTES (1 << 17) /* of events */
#define TRACE_EARLY_MOST  512

struct conversation;

struct trace_early {
	struct list events; /* oldest first */
	size_t count, bytes;
};

void trace_early_init(struct trace_early *early);
// Keeps the event, whose memory it takes over; the oldest ones make room. One that is too long is dropped.
void trace_early_keep(
	struct trace_early *early, const struct conversation *conversation, char *text, size_t len);
// Calls visit for the events of this conversation, oldest first.
void trace_early_visit(const struct trace_early *early, const struct conversation *conversation,
	void (*visit)(void *context, struct text event), void *context);
// Drops those of this conversation; NULL: all.
void trace_early_drop(struct trace_early *early, const struct conversation *conversation);

#endif
