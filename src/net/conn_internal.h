// SPDX-License-Identifier: MIT
// What the files of a TCP peer share.
//   conn.c          from accept to the end of all, and what comes in
//   conn_send.c     what goes out, and the ways out
//   conn_devices.c  which devices a connection has named
//   conn_timeout.c  the lists by which a peer's time runs out, and what is left open
#ifndef AVLD_NET_CONN_INTERNAL_H
#define AVLD_NET_CONN_INTERNAL_H

#include "net/conn.h"

#include "util/list.h"

#define READ_SIZE  65536
#define IDENTS_MAX 8 /* one with more is a gateway: its devices are not "connected" */

// Bytes on their way out. No memory while empty.
struct outbox {
	uint8_t *data;
	uint32_t len;
};

struct conn {
	ev_io io;         /* its data: the conns */
	struct list turn; /* in conns->login, idle or paused */
	struct list
		late; /* in conns->sniffing, later in conns->late while the feed is open or waits */
	struct device *device; /* named last */
	struct device **named; /* all; NULL: none but `device` */
	struct feed feed;
	struct peer peer;
	uint32_t in_len;
	uint8_t *in;       /* the start of a frame, or all that is left while paused */
	uint32_t active_s; /* monotonic: last activity, or the connection's start while in login */
	uint32_t open_ms;  /* monotonic: when the feed became open */
	uint8_t idents;    /* how many this connection has named; beyond IDENTS_MAX: a gateway */
	bool paused;
	bool lingers;
	struct outbox out;
	struct held *held; /* NULL: none */
	int64_t opened_us;
	uint64_t bytes;
};

struct conns {
	struct ev_loop *loop;
	struct intake *intake;
	struct list login, idle, paused, lingering, waiting, late, sniffing;
	bool finishing;
	ev_timer timer;
	size_t count;
	struct ip_count *ips; /* only kept when server.max_connections_per_ip is set */
	struct conn_refusals refused;
	size_t peeked; /* of the read at hand: bytes at its end that still are in the socket too */
	uint8_t buffer[2 * READ_SIZE]; /* the first half: room for what was left before */
};

static inline struct conns *conns_of(const struct conn *c)
{
	return c->io.data;
}

// Who it is is known, or may come out when what it waits for comes.
static inline bool conn_is_known(const struct conn *c)
{
	return c->device || feed_holds(&c->feed);
}

// ---- conn.c

// Deals with one frame's batch. Returns NULL, or why the connection must be closed.
const char *conn_take_batch(struct conn *c);
// Keeps what is left for the next read. data may lie in c->in. False: out of memory.
bool conn_keep(struct conn *c, const uint8_t *data, size_t len);
void conns_uncount_ip(struct conns *conns, const struct peer *peer);

// ---- conn_send.c

// What the loop is to watch follows from the state, here and nowhere else.
void conn_watch(struct conn *c);
// Behind what may go out. False: more than a peer may leave unread.
bool conn_put(struct conn *c, const void *data, size_t len);
// The batch's replies; lsn: behind what they acknowledge. False as conn_put.
bool conn_reply(struct conn *c, const struct decoded *batch, uint64_t lsn);
// Sends what may go out as far as the socket takes it. False: the connection is closed.
bool conn_flush(struct conn *c);
// The ways out; c is dead afterwards. close: at once, the peer is gone, or takes nothing from us.
// end: what is due goes out first, what waits for the disk follows.
void conn_close(struct conn *c, const char *reason);
void conn_end(struct conn *c, const char *reason);

// ---- conn_devices.c

// The session has named a device: may it stay (NULL), and is it the device's newest connection?
const char *conn_attach(struct conn *c);
// One frame may hold records of several devices: each is on this connection.
void conn_name_others(struct conn *c, struct decoded *batch);
// None of them is connected any more. ends: the end of the connection speaks for the one it names itself.
void conn_leave_all(struct conn *c, bool ends);

// ---- conn_timeout.c

// Into the list that fits, at its end.
void conn_queue(struct conn *c);
// Is the feed to be looked after by the timer?
void conn_queue_late(struct conn *c);
void conns_on_second(struct ev_loop *loop, ev_timer *timer, int revents);

#endif
