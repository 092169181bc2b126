// SPDX-License-Identifier: MIT
// What goes to a TCP peer, and how a conversation ends.
//
// Replies that wait for the disk are `held`; what may go out is `out`. A conversation that we end while
// some are held lingers: all is told and freed but for the socket and those replies, nothing is read.
#include "net/conn_internal.h"

#include "util/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OUT_MAX 65536 /* bytes a peer may leave unread before it is closed */

// Replies that wait until the journal is durable up to an LSN. New ones join `rest`, so that a peer
// that never stops sending still gets its first answers when the sync that covers them ends. Made for
// the first and freed with the last: most peers never have any.
struct held {
	struct list wait; /* in conns->waiting */
	struct conn *conn;
	struct outbox box;
	uint32_t first_len;
	uint64_t first_lsn, rest_lsn;
};

// ---- outbox

static bool outbox_append(struct outbox *box, const void *data, size_t len)
{
	if (len > OUT_MAX - box->len)
		return false;
	uint8_t *grown = realloc(box->data, box->len + len);
	if (!grown)
		return false;
	memcpy(grown + box->len, data, len);
	box->data = grown;
	box->len += (uint32_t)len;
	return true;
}

static void outbox_drop(struct outbox *box, size_t len)
{
	box->len -= (uint32_t)len;
	if (box->len == 0) {
		free(box->data);
		box->data = NULL;
	} else {
		memmove(box->data, box->data + len, box->len);
	}
}

bool conn_put(struct conn *c, const void *data, size_t len)
{
	return outbox_append(&c->out, data, len);
}

static void drop_held(struct conn *c)
{
	if (!c->held)
		return;
	list_remove(&c->held->wait);
	free(c->held->box.data);
	free(c->held);
	c->held = NULL;
}

// ---- the socket

void conn_watch(struct conn *c)
{
	const int events = (c->paused || c->lingers ? 0 : EV_READ) | (c->out.len ? EV_WRITE : 0);

	if ((c->io.events & (EV_READ | EV_WRITE)) == events && (ev_is_active(&c->io) || !events))
		return;
	ev_io_stop(conns_of(c)->loop, &c->io);
	ev_io_modify(&c->io, events);
	if (events)
		ev_io_start(conns_of(c)->loop, &c->io);
}

// Sends what may go out. False: the peer takes nothing any more.
static bool send_out(struct conn *c)
{
	while (c->out.len > 0) {
		const ssize_t n =
			send(c->io.fd, c->out.data, c->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN || errno == EWOULDBLOCK;
		outbox_drop(&c->out, (size_t)n);
	}
	return true;
}

bool conn_flush(struct conn *c)
{
	if (!send_out(c)) {
		conn_close(c, "cannot send");
		return false;
	}
	if (c->lingers && !c->out.len && !c->held) {
		conn_close(c, NULL);
		return false;
	}
	conn_watch(c);
	return true;
}

// ---- the ways out: c is dead afterwards

static void log_closed(const struct conn *c, const char *reason)
{
	char peer[PEER_TEXT_MAX];
	const struct session *session = &c->feed.session;
	const bool fault = c->feed.rejects > 0 || !session->ident_len;

	if (!log_enabled(fault ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG) ||
		!log_allow(c->peer.address, intake_now_s()))
		return;
	(fault ? log_info : log_debug)("conn closed peer=%s protocol=%s ident=%.*s reason=\"%s\" "
				       "rx=%llu frames=%u rejects=%u",
		peer_text(&c->peer, peer),
		c->feed.session.decoder ? c->feed.session.decoder->name : "-",
		session->ident_len ? session->ident_len : 1,
		session->ident_len ? session->ident : "-", reason, (unsigned long long)c->bytes,
		c->feed.frames, c->feed.rejects);
}

// All that is to be told of the conversation, and nothing held for it but the socket and replies.
static void end_conversation(struct conn *c, const char *reason)
{
	struct conns *conns = conns_of(c);

	intake_end(conns->intake, &c->feed, &c->peer, c->in, c->in_len);
	const struct traffic traffic = {c->opened_us, c->bytes, c->feed.frames, c->feed.rejects};
	conn_leave_all(c, true);
	intake_disconnected(conns->intake, &c->feed, &c->peer, &traffic, reason);
	log_closed(c, reason);
	if (c->device && c->device->live == c)
		c->device->live = NULL;
	list_remove(&c->turn);
	list_remove(&c->late);
	free(c->in);
	c->in = NULL;
	c->in_len = 0;
}

void conn_close(struct conn *c, const char *reason)
{
	struct conns *conns = conns_of(c);

	if (!c->lingers)
		end_conversation(c, reason);
	list_remove(&c->turn);
	drop_held(c);
	conns_uncount_ip(conns, &c->peer);
	ev_io_stop(conns->loop, &c->io);
	close(c->io.fd);
	free(c->out.data);
	free(c);
	conns->count--;
}

// What is due goes out as far as the socket takes it now.
void conn_end(struct conn *c, const char *reason)
{
	struct conns *conns = conns_of(c);

	end_conversation(c, reason);
	if (!send_out(c) || !c->held || conns->finishing) {
		c->lingers = true;
		conn_close(c, NULL);
		return;
	}
	c->lingers = true;
	c->active_s = intake_now_s();
	list_append(&conns->lingering, &c->turn);
	conn_watch(c);
}

// ---- replies

static bool hold(struct conn *c, const uint8_t *data, size_t len, uint64_t lsn)
{
	if (!c->held) {
		c->held = calloc(1, sizeof(*c->held));
		if (!c->held)
			return false;
		c->held->conn = c;
		list_append(&conns_of(c)->waiting, &c->held->wait);
	}
	struct held *held = c->held;
	if (!outbox_append(&held->box, data, len)) {
		if (held->box.len == 0)
			drop_held(c);
		return false;
	}
	if (held->first_len == 0) {
		held->first_len = held->box.len;
		held->first_lsn = lsn;
	}
	held->rest_lsn = lsn;
	return true;
}

// Moves from held to out what is safe by now.
static bool release(struct conn *c, uint64_t safe)
{
	struct held *held = c->held;
	const uint32_t len = held->rest_lsn <= safe    ? held->box.len
			     : held->first_lsn <= safe ? held->first_len
						       : 0;

	if (len == 0)
		return true;
	if (!conn_put(c, held->box.data, len))
		return false;
	outbox_drop(&held->box, len);
	held->first_len = held->box.len;
	held->first_lsn = held->rest_lsn;
	if (held->box.len == 0)
		drop_held(c);
	return true;
}

bool conn_reply(struct conn *c, const struct decoded *batch, uint64_t lsn)
{
	const size_t now = batch->reply_len[REPLY_NOW], stored = batch->reply_len[REPLY_STORED];

	if (now && !conn_put(c, batch->reply[REPLY_NOW], now))
		return false;
	if (!stored)
		return true;
	if (lsn <= intake_safe(conns_of(c)->intake))
		return conn_put(c, batch->reply[REPLY_STORED], stored);
	return hold(c, batch->reply[REPLY_STORED], stored, lsn);
}

void conns_synced(struct conns *conns)
{
	const uint64_t safe = intake_safe(conns->intake);
	struct list *next;

	for (struct list *at = conns->waiting.next; at != &conns->waiting; at = next) {
		struct conn *c = list_item(at, struct held, wait)->conn;
		next = at->next;
		if (release(c, safe))
			conn_flush(c);
		else
			conn_close(c, "does not read its replies");
	}
}

bool conns_waiting(const struct conns *conns)
{
	return !list_empty(&conns->waiting);
}
