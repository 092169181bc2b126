// SPDX-License-Identifier: MIT
// One TCP connection.
#ifndef AVLD_NET_CONN_DATA_H
#define AVLD_NET_CONN_DATA_H

#include "intake/conversation_data.h"
#include "net/above_share.h"
#include "net/conn_inbox.h"
#include "net/conn_outbox.h"
#include "util/list.h"

#include <ev.h>

struct conn {
	ev_io io;            /* io.data: the conns */
	struct list turn;    /* in a list of net/conn_queues.h */
	struct list pending; /* likewise, or in none */
	struct conversation conversation;
	struct conn_inbox inbox;
	struct conn_outbox outbox;
	struct above_share above;
	bool paused;        /* not read until conn_resume */
	bool lingers;       /* the conversation has ended; only socket and outbox are left */
	bool waits;         /* takes turns, not read until it is served */
	bool unread;        /* its outbox holds too many bytes: not read */
	const char *reason; /* lingers: why the conversation has ended, static text */
};

#endif
