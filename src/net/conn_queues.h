// SPDX-License-Identifier: MIT
// The lists of TCP connections. Each is in one of these, in the order in which its time runs out, so that one timer
// serves all:
//
//   login: no device yet, by time of connection     idle: device known, by last activity
//   probation: its device is new and was heard once     unread: leaves replies unread, not read either
//   paused: the journal is full, not read           lingering: ended, only held replies are left
//
// or takes turns with others (net/turns.h) until it is read the next time; and also in `sniffing`, by time of
// connection, while no decoder has been found for it, afterwards in `pending`, while its conversation is. The lists follow
// from the state (net/conn_data.h), which the caller changes first.
#ifndef AVLD_NET_CONN_QUEUES_H
#define AVLD_NET_CONN_QUEUES_H

#include "net/conn_data.h"
#include "net/turns.h"

struct conn_queues {
	struct list login, probation, idle, unread, paused, lingering;
	struct turns turns;
	struct above_share_log above;
	struct list sniffing, pending;
};

// May close the connection, and others.
typedef void conn_queues_visit(struct conn *c);

void conn_queues_init(struct conn_queues *queues);
// Adds a new connection.
void conn_queues_add(struct conn_queues *queues, struct conn *c);
void conn_queues_remove(struct conn *c);

// Moves it to the tail of the list of its state. Does nothing while it takes turns.
void conn_queues_place(struct conn_queues *queues, struct conn *c);
// The same after activity, which a connection without a device does not have.
void conn_queues_note_active(struct conn_queues *queues, struct conn *c);
// Puts it among the pending ones if its conversation is pending, or takes it from them.
void conn_queues_place_pending(struct conn_queues *queues, struct conn *c);
// Lets it take turns.
void conn_queues_wait(struct conn_queues *queues, struct conn *c);

// Returns true if it has been silent for so long.
bool conn_queues_is_over(const struct conn *c, int64_t after_us, uint32_t now_s);
// Passes those whose time is over to `expired`, which closes them, with the reason.
typedef void conn_queues_expired(struct conn *c, const char *reason);
void conn_queues_expire(struct conn_queues *queues, const struct config *config, uint32_t now_s,
	conn_queues_expired *expired);
// Visits each pending one, which leaves the list; the visit may put it back.
void conn_queues_visit_pending(struct conn_queues *queues, conn_queues_visit *visit);
// Visits all; the visit closes them.
void conn_queues_visit_all(struct conn_queues *queues, conn_queues_visit *visit);
// Returns the first paused one; NULL: none.
struct conn *conn_queues_first_paused(const struct conn_queues *queues);

// Returns the connection that has been silent longest, for some seconds, without having proved anything: no device, or a
// new one that was heard once. Looks at some only. peer: one of its address; NULL: any. NULL: none found.
struct conn *conn_queues_find_unproven(
	struct conn_queues *queues, const struct peer *peer, uint32_t now_s);

#endif
