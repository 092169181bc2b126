// SPDX-License-Identifier: MIT
// TCP connections.
//
//   recv --> [ rest of the last read | new bytes ] --> conversation_feed --> the rest becomes `in`
//               (one receive buffer for all; a connection owns no memory for bytes between frames, and
//                within a frame less than its decoder's frame_max)
//
// A connection is in one of these lists, each in the order in which its time runs out, so that one timer
// serves all:
//   login: no device yet, by time of connection     idle: device known, by last activity
//   paused: the journal is full, not read           lingering: ended, only held replies are left
// and also in `sniffing`, by time of connection, while no decoder has been found for it; afterwards in
// `pending`, while its conversation is.
#include "net/conn.h"

#include "net/conn_addresses.h"
#include "net/conn_outbox.h"
#include "util/clock.h"
#include "util/list.h"
#include "util/log.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READ_SIZE 65536
#define REST_MOST ((FRAME_MOST + 63) / 64 * 64) /* so that the new bytes are aligned */
#define SNIFF_US  INT64_C(30000000) /* time for the first bytes to show their protocol */
#define LINGER_US                                                                                  \
	INT64_C(2000000) /* time that held replies may keep the socket of an ended one open */

struct conn {
	ev_io io;            /* io.data: the conns */
	struct list turn;    /* in login, idle, paused or lingering */
	struct list pending; /* in sniffing or pending, or in none */
	struct conversation conversation;
	uint8_t *in; /* the start of a frame, or everything unprocessed while paused */
	struct conn_outbox outbox;
	uint32_t in_len;
	bool paused;  /* not read until conn_resume */
	bool lingers; /* the conversation has ended; only socket and outbox are left */
};

struct conns {
	struct ev_loop *loop;
	struct conversation_transport transport;
	struct list login, idle, paused, lingering;
	struct list sniffing, pending;
	struct list holding; /* outboxes that hold replies */
	bool finishing;
	ev_timer timer;
	size_t count;
	struct conn_addresses addresses; /* only used with server.max_connections_per_ip */
	struct conn_refusals refused;
	size_t peeked; /* bytes at the end of the current read that are also still in the socket */
	uint8_t buffer[REST_MOST + READ_SIZE]; /* the rest of the last read, then the new bytes */
};

static struct conns *conns_of(const struct conn *c)
{
	return c->io.data;
}

static struct conn *conn_of(struct conversation *conversation)
{
	return list_item(conversation, struct conn, conversation);
}

// ---- lists and watcher follow from the state

// Moves c to the tail of the time-out list for its state.
static void queue(struct conn *c)
{
	struct conns *conns = conns_of(c);
	const bool known = conversation_is_known(&c->conversation);

	if (known)
		c->conversation.active_s = clock_coarse_s();
	list_remove(&c->turn);
	list_append(c->paused ? &conns->paused : known ? &conns->idle : &conns->login, &c->turn);
}

static void queue_pending(struct conn *c)
{
	if (!c->conversation.feed.session.decoder)
		return; // it stays in `sniffing`
	list_remove(&c->pending);
	if (conversation_is_pending(&c->conversation))
		list_append(&conns_of(c)->pending, &c->pending);
}

// Sets the events to watch for; the only place that does.
static void watch(struct conn *c)
{
	const int events = (c->paused || c->lingers ? 0 : EV_READ) | (c->outbox.len ? EV_WRITE : 0);

	if ((c->io.events & (EV_READ | EV_WRITE)) == events && (ev_is_active(&c->io) || !events))
		return;
	ev_io_stop(conns_of(c)->loop, &c->io);
	ev_io_modify(&c->io, events);
	if (events)
		ev_io_start(conns_of(c)->loop, &c->io);
}

static void set_paused(struct conn *c, bool paused)
{
	c->paused = paused;
	queue(c);
	watch(c);
}

// ---- closing: c is dead afterwards

// Ends the conversation, and frees everything but the socket and the outbox.
static void end_conversation(struct conn *c, const char *reason)
{
	conversation_end(&conns_of(c)->transport, &c->conversation, c->in, c->in_len, reason);
	list_remove(&c->turn);
	list_remove(&c->pending);
	free(c->in);
	c->in = NULL;
	c->in_len = 0;
}

// Closes at once: the peer is gone, or reads nothing. reason: unused if c lingers.
static void conn_close(struct conn *c, const char *reason)
{
	struct conns *conns = conns_of(c);

	if (!c->lingers)
		end_conversation(c, reason);
	list_remove(&c->turn);
	conn_outbox_done(&c->outbox);
	conn_addresses_remove(&conns->addresses, &c->conversation.peer);
	ev_io_stop(conns->loop, &c->io);
	close(c->io.fd);
	free(c);
	conns->count--;
}

// Sends what is due as far as the socket accepts it, then closes; lingers first if replies are held.
static void conn_end(struct conn *c, const char *reason)
{
	struct conns *conns = conns_of(c);

	end_conversation(c, reason);
	c->lingers = true;
	if (!conn_outbox_send(&c->outbox, c->io.fd) || !conn_outbox_holds(&c->outbox) ||
		conns->finishing) {
		conn_close(c, NULL);
		return;
	}
	c->conversation.active_s = clock_coarse_s();
	list_append(&conns->lingering, &c->turn);
	watch(c);
}

// ---- sending

// Sends what may be sent. Returns false if that closed the connection.
static bool flush(struct conn *c)
{
	if (!conn_outbox_send(&c->outbox, c->io.fd)) {
		conn_close(c, "cannot send");
		return false;
	}
	if (c->lingers && !c->outbox.len && !conn_outbox_holds(&c->outbox)) {
		conn_close(c, NULL);
		return false;
	}
	watch(c);
	return true;
}

static bool on_reply(struct conversation_transport *transport, struct conversation *conversation,
	const uint8_t *data, size_t len, uint64_t lsn)
{
	struct conns *conns = list_item(transport, struct conns, transport);
	struct conn_outbox *outbox = &conn_of(conversation)->outbox;

	return lsn ? conn_outbox_hold(outbox, &conns->holding, data, len, lsn)
		   : conn_outbox_put(outbox, data, len);
}

void conn_synced(struct conns *conns)
{
	const uint64_t safe = intake_safe(conns->transport.intake);
	struct list *next;

	for (struct list *at = conns->holding.next; at != &conns->holding; at = next) {
		struct conn *c = list_item(conn_outbox_of(at), struct conn, outbox);
		next = at->next;
		if (conn_outbox_release(&c->outbox, safe))
			flush(c);
		else
			conn_close(c, "does not read its replies");
	}
}

bool conn_holds_replies(const struct conns *conns)
{
	return !list_empty(&conns->holding);
}

void conn_send_command(struct conversation *live)
{
	struct conn *c = conn_of(live);

	if (conversation_send_command(&conns_of(c)->transport, live))
		flush(c);
	else
		conn_close(c, "does not read its replies");
}

// ---- receiving

// Keeps the bytes for the next read. They may lie in c->in. Returns false if memory is out: nothing is
// kept then.
static bool keep(struct conn *c, const uint8_t *data, size_t len)
{
	uint8_t *kept = NULL;

	if (data == c->in && len == c->in_len)
		return true;
	if (len > 0) {
		kept = malloc(len);
		if (kept)
			memcpy(kept, data, len);
	}
	free(c->in);
	c->in = kept;
	c->in_len = kept ? (uint32_t)len : 0;
	return kept || len == 0;
}

// Discards from the socket what was only peeked at. What a paused connection has not processed stays
// there. Returns how many of the `left` bytes are to be kept here.
static size_t discard_peeked(struct conn *c, size_t left, bool closing)
{
	struct conns *conns = conns_of(c);
	const size_t unread = c->paused && !closing ? left : 0;
	const size_t stays = unread < conns->peeked ? unread : conns->peeked;

	for (size_t len = conns->peeked - stays; len > 0;) {
		const ssize_t n = recv(c->io.fd, NULL, len, MSG_TRUNC | MSG_DONTWAIT);
		if (n <= 0)
			break; // the connection is broken: nothing of it will be read again
		len -= (size_t)n;
	}
	c->conversation.bytes -= stays;
	conns->peeked = 0;
	return left - stays;
}

// Does what the outcome of these bytes asks for. Returns false if that closed the connection.
static bool settle(
	struct conn *c, const uint8_t *data, size_t len, struct conversation_outcome outcome)
{
	const bool ends = outcome.state == CONVERSATION_ENDS;
	const char *reason = outcome.reason;

	if (outcome.state == CONVERSATION_NO_ROOM)
		set_paused(c, true);
	const size_t rest = discard_peeked(c, len - outcome.used, ends);
	if (!keep(c, data + outcome.used, ends ? 0 : rest))
		reason = "out of memory";
	if (reason) {
		conn_end(c, reason);
		return false;
	}
	queue_pending(c);
	return flush(c);
}

static bool process(struct conn *c, const uint8_t *data, size_t len)
{
	return settle(c, data, len,
		conversation_feed(&conns_of(c)->transport, &c->conversation, data, len));
}

static const char *describe_error(int error)
{
	return error == ECONNRESET  ? "reset by peer"
	       : error == ETIMEDOUT ? "peer is gone"
				    : "cannot receive";
}

enum received { RECEIVED_BYTES, RECEIVED_NOTHING, RECEIVED_END };

// Reads once. While room is scarce the socket is only peeked at: what is read from it must find room in
// the journal, whatever happens to this process.
static enum received receive(struct conn *c)
{
	struct conns *conns = conns_of(c);
	uint8_t *fresh = conns->buffer + REST_MOST;
	const enum intake_room room = intake_room(conns->transport.intake, c->in_len + READ_SIZE);

	assert(c->in_len < FRAME_MOST);
	if (room == INTAKE_FULL) {
		set_paused(c, true);
		return RECEIVED_NOTHING;
	}
	const int flags = MSG_DONTWAIT | (room == INTAKE_SCARCE ? MSG_PEEK : 0);
	const ssize_t n = recv(c->io.fd, fresh, READ_SIZE, flags);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return RECEIVED_NOTHING;
	if (n <= 0) {
		conn_close(c, n == 0 ? "closed by peer" : describe_error(errno));
		return RECEIVED_END;
	}
	c->conversation.bytes += (uint64_t)n;
	conns->peeked = room == INTAKE_SCARCE ? (size_t)n : 0;
	c->conversation.feed.session.received_us = clock_utc_us();
	uint8_t *start = fresh - c->in_len;
	if (c->in_len)
		memcpy(start, c->in, c->in_len);
	if (!process(c, start, c->in_len + (size_t)n))
		return RECEIVED_END;
	if (conversation_is_known(&c->conversation) && !c->paused)
		queue(c);
	return RECEIVED_BYTES;
}

static void on_io(struct ev_loop *loop, ev_io *watcher, int revents)
{
	struct conn *c = list_item(watcher, struct conn, io);

	(void)loop;
	if ((revents & EV_WRITE) && !flush(c))
		return;
	if (revents & EV_READ)
		receive(c);
}

void conn_resume(struct conns *conns)
{
	while (!list_empty(&conns->paused) && intake_has_room(conns->transport.intake)) {
		struct conn *c = list_item(conns->paused.next, struct conn, turn);
		const size_t len = c->in_len;

		set_paused(c, false);
		if (len > 0) {
			memcpy(conns->buffer, c->in, len);
			process(c, conns->buffer, len);
		}
	}
}

// ---- once a second

static void expire(struct list *list, int64_t after_us, uint32_t now, const char *reason)
{
	while (!list_empty(list)) {
		struct conn *c = list_item(list->next, struct conn, turn);
		if ((int64_t)(now - c->conversation.active_s) * 1000000 < after_us)
			return;
		if (c->lingers)
			conn_close(c, NULL);
		else
			conn_end(c, reason);
	}
}

// A paused connection is left alone: unread bytes may show its protocol.
static void expire_sniffing(struct conns *conns, uint32_t now)
{
	struct list *next;

	for (struct list *at = conns->sniffing.next; at != &conns->sniffing; at = next) {
		struct conn *c = list_item(at, struct conn, pending);
		next = at->next;
		if ((int64_t)(now - c->conversation.active_s) * 1000000 < SNIFF_US)
			return;
		if (!c->paused)
			conn_end(c, "no protocol found in time");
	}
}

static void work_on_pending(struct conn *c)
{
	struct conversation *conversation = &c->conversation;
	const bool was_known = conversation_is_known(conversation);
	const struct conversation_outcome outcome = conversation_each_second(
		&conns_of(c)->transport, conversation, c->in, c->paused ? 0 : c->in_len);
	const bool is_known = conversation_is_known(conversation);

	if (was_known && !is_known) // its time to log in starts anew
		conversation->active_s = clock_coarse_s();
	if (was_known != is_known)
		queue(c);
	settle(c, c->in, c->in_len, outcome);
}

static void work_on_all_pending(struct conns *conns)
{
	struct list todo; // one connection may close another: so each is taken off the head

	list_init(&todo);
	while (!list_empty(&conns->pending)) {
		struct list *first = conns->pending.next;
		list_remove(first);
		list_append(&todo, first);
	}
	while (!list_empty(&todo)) {
		struct conn *c = list_item(todo.next, struct conn, pending);
		list_remove(&c->pending);
		work_on_pending(c);
	}
}

static void on_second(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct conns *conns = timer->data;
	struct intake *intake = conns->transport.intake;
	const uint32_t now = clock_coarse_s();

	(void)loop;
	(void)revents;
	expire(&conns->login, intake->config->server.login_timeout_us, now, "login timeout");
	expire(&conns->idle, intake->config->server.idle_timeout_us, now, "idle timeout");
	expire(&conns->lingering, LINGER_US, now, NULL);
	expire_sniffing(conns, now);
	work_on_all_pending(conns);
	conn_refusals_each_second(&conns->refused, intake);
}

// ---- opening

static void refuse(
	struct conns *conns, int fd, const struct peer *peer, enum conn_refusal_reason reason)
{
	char text[PEER_TEXT_MAX];

	if (log_allow(peer->address, clock_coarse_s()))
		log_warning("conn refused peer=%s reason=\"%s\"", peer_text(peer, text),
			conn_refusals_text(reason));
	conn_refusals_note(&conns->refused, conns->transport.intake, peer, reason);
	close(fd);
}

// Returns a connection of this peer, counted by its address, or NULL and why it is refused.
static struct conn *new_conn(
	struct conns *conns, const struct peer *peer, enum conn_refusal_reason *reason)
{
	const struct config *config = conns->transport.intake->config;
	enum conn_addresses_result counted;
	struct conn *c = NULL;

	*reason = CONN_REFUSAL_MAX_CONNECTIONS;
	if (conns->count >= (size_t)config->server.max_connections)
		return NULL;
	counted =
		conn_addresses_add(&conns->addresses, peer, config->server.max_connections_per_ip);
	*reason = counted == ADDRESS_HAS_MAX ? CONN_REFUSAL_MAX_PER_IP : CONN_REFUSAL_MEMORY;
	if (counted != ADDRESS_COUNTED)
		return NULL;
	c = calloc(1, sizeof(*c));
	if (!c)
		conn_addresses_remove(&conns->addresses, peer);
	return c;
}

void conn_add(struct conns *conns, int fd, const struct sockaddr *address)
{
	const struct peer peer = peer_of_sockaddr(address, TRANSPORT_TCP);
	enum conn_refusal_reason reason;
	struct conn *c = new_conn(conns, &peer, &reason);

	if (!c) {
		refuse(conns, fd, &peer, reason);
		return;
	}
	conversation_begin(&conns->transport, &c->conversation, &peer);
	list_init(&c->turn);
	list_init(&c->pending);
	list_append(&conns->login, &c->turn);
	list_append(&conns->sniffing, &c->pending);
	ev_io_init(&c->io, on_io, fd, EV_READ);
	c->io.data = conns;
	ev_io_start(conns->loop, &c->io);
	conns->count++;
}

// ---- all of them

static void on_displaced(struct conversation *conversation)
{
	conn_end(conn_of(conversation), "device connected again");
}

struct conns *conn_all_new(struct ev_loop *loop, struct intake *intake)
{
	struct conns *conns = calloc(1, sizeof(*conns));

	if (!conns)
		return NULL;
	conns->loop = loop;
	conns->transport = (struct conversation_transport){intake, on_reply, on_displaced};
	list_init(&conns->login);
	list_init(&conns->idle);
	list_init(&conns->paused);
	list_init(&conns->lingering);
	list_init(&conns->sniffing);
	list_init(&conns->pending);
	list_init(&conns->holding);
	ev_timer_init(&conns->timer, on_second, 1, 1);
	conns->timer.data = conns;
	ev_timer_start(loop, &conns->timer);
	return conns;
}

size_t conn_count(const struct conns *conns)
{
	return conns->count;
}

const struct conn_refusals *conn_refused(const struct conns *conns)
{
	return &conns->refused;
}

static void finish(struct list *list)
{
	while (!list_empty(list)) {
		struct conn *c = list_item(list->next, struct conn, turn);
		if (c->paused || receive(c) != RECEIVED_END)
			conn_end(c, "shutdown");
	}
}

void conn_finish(struct conns *conns)
{
	conns->finishing = true;
	while (!list_empty(&conns->lingering))
		conn_close(list_item(conns->lingering.next, struct conn, turn), NULL);
	finish(&conns->login);
	finish(&conns->idle);
	finish(&conns->paused);
	conn_refusals_finish(&conns->refused, conns->transport.intake);
}

void conn_all_free(struct conns *conns)
{
	assert(conns->count == 0);
	ev_timer_stop(conns->loop, &conns->timer);
	free(conns);
}
