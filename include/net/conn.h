// SPDX-License-Identifier: MIT
// TCP connections: sockets, buffers, time-outs, and one way to close.
#ifndef AVLD_NET_CONN_H
#define AVLD_NET_CONN_H

#include "intake/conversation.h"
#include "net/conn_refusals.h"

#include <ev.h>

struct conns; /* all of them */

// Returns NULL if memory is out.
struct conns *conn_all_new(struct ev_loop *loop, struct intake *intake);
void conn_all_free(struct conns *conns); /* after conn_finish */
size_t conn_count(const struct conns *conns);
const struct conn_refusals *conn_refused(const struct conns *conns);

struct conn_counters {
	uint64_t pauses;      /* connections not read while the database was behind */
	uint64_t evicted;     /* connections closed to make room for others */
	size_t paused;        /* now */
	uint64_t above_share; /* connections that sent more than their share for long */
	uint64_t opened;      /* connections that were not refused */
};
struct conn_counters conn_counters(const struct conns *conns);

// Takes over a connected, non-blocking socket; closes it if the connection is refused.
void conn_add(struct conns *conns, int fd, const struct sockaddr *address);

// Sends the next command over the conversation, a device's live one. May close its connection.
void conn_send_command(struct conversation *live);

// Sends the held replies for which the journal is safe now.
void conn_synced(struct conns *conns);
bool conn_holds_replies(const struct conns *conns);

// Resumes reading of paused connections while the journal has room.
void conn_resume(struct conns *conns);

// Shuts down: reads once more what has already arrived, then closes all connections with "shutdown".
void conn_finish(struct conns *conns);

#endif
