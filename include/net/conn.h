// SPDX-License-Identifier: MIT
// TCP peers: buffers, time-outs, replies, and one way to close.
#ifndef AVLD_NET_CONN_H
#define AVLD_NET_CONN_H

#include "net/conn_refusals.h"

#include <ev.h>

struct conns;

struct conns *conns_new(struct ev_loop *loop, struct intake *intake);
void conns_free(struct conns *conns); /* after conns_finish */
size_t conns_count(const struct conns *conns);
const struct conn_refusals *conns_refused(const struct conns *conns);

// Takes over a connected, non-blocking socket (and closes it when it may not stay).
void conns_add(struct conns *conns, int fd, const struct sockaddr *address);

// There may be a command for the device whose connection this is (directory.h: live). May close it.
void conn_send_command(struct conn *c);

// More is durable in the journal: sends the replies that waited for it.
void conns_synced(struct conns *conns);
bool conns_waiting(const struct conns *conns); /* does a reply wait for that? */

// The journal may have room again: goes on with those that had to stop, as far as it has.
void conns_resume(struct conns *conns);

// The end: reads once more what has already arrived, then closes all with "shutdown".
void conns_finish(struct conns *conns);

#endif
