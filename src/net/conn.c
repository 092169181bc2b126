// SPDX-License-Identifier: MIT
// TCP connections.
//
//   socket --> inbox --> conversation_feed --> on_reply --> outbox --> socket
//
// What is done with a connection follows from its state (net/conn_data.h): which events are watched for (watch), and
// in which list it is (net/conn_queues.h).
#include "net/conn.h"

#include "intake/conversation_share.h"
#include "net/conn_gate.h"
#include "net/conn_queues.h"
#include "util/clock.h"
#include "util/log.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define READ_MOST     16384 /* bytes that a peer gets in a turn of the loop */
#define READ_STRANGER 4096
#define FINISH_MOST   1048576 /* at shutdown */
#define VISIT_WORK    4       /* work that reading costs in any case */
#define UNREAD_MOST   4096    /* replies left unread, from which on a connection is not read */
#define HELD_MOST     32768   /* bytes of held replies, likewise */
#define UNSYNCED_MOST                                                                              \
	(1 << 20) /* bytes of the journal that a sync may have to cover, while replies are held */
#define WARN_S 60 /* between log lines */

struct conns {
	struct ev_loop *loop;
	struct conversation_transport transport;
	struct conn_queues queues;
	uint32_t pause_logged_s; /* 0: never */
	struct list holding;     /* outboxes that hold replies */
	bool finishing;
	uint64_t opened; /* since the start */
	ev_timer timer;
	struct conn_gate gate;
	struct conn_inbox_buffer buffer;
};

static struct conns *conns_of(const struct conn *c)
{
	return c->io.data;
}

static struct conn *conn_of(struct conversation *conversation)
{
	return list_item(conversation, struct conn, conversation);
}

static void note_active(struct conn *c)
{
	conn_queues_note_active(&conns_of(c)->queues, c);
}

// ---- what is watched for

static bool may_be_read(const struct conn *c)
{
	return !c->paused && !c->lingers && !c->waits && !c->unread &&
	       conn_outbox_held(&c->outbox) <= HELD_MOST;
}

// Sets the events to watch for; the only place that does.
static void watch(struct conn *c)
{
	const int events = (may_be_read(c) ? EV_READ : 0) | (c->outbox.len ? EV_WRITE : 0);

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
	note_active(c);
	watch(c);
}

// ---- closing: c is dead afterwards

// Ends the conversation, and frees everything but the socket and the outbox.
static void end_conversation(struct conn *c, const char *reason)
{
	conversation_end(
		&conns_of(c)->transport, &c->conversation, c->inbox.rest, c->inbox.len, reason);
	conn_queues_remove(c);
	conn_inbox_done(&c->inbox);
	c->reason = reason;
}

// Closes at once: the peer is gone, or reads nothing. reason: unused if c lingers.
static void conn_close(struct conn *c, const char *reason)
{
	struct conns *conns = conns_of(c);

	if (!c->lingers)
		end_conversation(c, reason);
	conn_queues_remove(c);
	conn_outbox_done(&c->outbox);
	conn_gate_leave(&conns->gate, &c->conversation.peer);
	tally_add(&conns->transport.intake->ends, "", c->reason);
	ev_io_stop(conns->loop, &c->io);
	close(c->io.fd);
	free(c);
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
	conn_queues_place(&conns->queues, c);
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
	if (!c->lingers && c->unread != (c->outbox.len > UNREAD_MOST)) {
		c->unread = !c->unread;
		note_active(c);
	}
	watch(c);
	return true;
}

static bool on_reply(struct conversation_transport *transport, struct conversation *conversation,
	const uint8_t *data, size_t len, uint64_t lsn)
{
	struct conns *conns = list_item(transport, struct conns, transport);
	struct conn_outbox *outbox = &conn_of(conversation)->outbox;
	const struct decoder *decoder = conversation->feed.session.decoder;
	const bool waits = decoder && decoder->in_order && conn_outbox_holds(outbox);

	return lsn || waits ? conn_outbox_hold(outbox, &conns->holding, data, len, lsn)
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

// Does what the outcome of these bytes asks for. Returns false if that closed the connection.
static bool settle(
	struct conn *c, const uint8_t *data, size_t len, struct conversation_outcome outcome)
{
	const bool ends = outcome.state == CONVERSATION_ENDS;
	const char *reason = outcome.reason;

	if (outcome.state == CONVERSATION_NO_ROOM)
		set_paused(c, true);
	const uint8_t *rest = outcome.used ? data + outcome.used : data; // both may be NULL and 0
	size_t left;
	if (!conn_inbox_keep(&c->inbox, &conns_of(c)->buffer, c->io.fd, rest,
		    ends ? 0 : len - outcome.used, c->paused, &left))
		reason = "out of memory";
	c->conversation.bytes -= left;
	if (reason) {
		conn_end(c, reason);
		return false;
	}
	conn_queues_place_pending(&conns_of(c)->queues, c);
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

static size_t read_size(const struct conn *c)
{
	return conns_of(c)->finishing                          ? CONN_INBOX_READ
	       : conversation_is_established(&c->conversation) ? READ_MOST
							       : READ_STRANGER;
}

// Reads once. While room is scarce the socket is only peeked at: what is read from it must find room in
// the journal, whatever happens to this process.
static enum received receive(struct conn *c)
{
	struct conns *conns = conns_of(c);
	const size_t most = read_size(c);
	const enum intake_room room = intake_room(conns->transport.intake, c->inbox.len + most);
	const uint8_t *data;

	if (room == INTAKE_FULL) {
		set_paused(c, true);
		return RECEIVED_NOTHING;
	}
	const ssize_t n = conn_inbox_receive(
		&c->inbox, &conns->buffer, c->io.fd, most, room == INTAKE_SCARCE, &data);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return RECEIVED_NOTHING;
	if (n <= 0) {
		conn_close(c, n == 0 ? "closed by peer" : describe_error(errno));
		return RECEIVED_END;
	}
	c->conversation.bytes += (uint64_t)n;
	c->conversation.feed.session.received_us = clock_utc_us();
	if (!process(c, data, c->inbox.len + (size_t)n))
		return RECEIVED_END;
	if (conversation_is_known(&c->conversation) && !c->paused)
		note_active(c);
	return RECEIVED_BYTES;
}

static void on_io(struct ev_loop *loop, ev_io *watcher, int revents)
{
	struct conn *c = list_item(watcher, struct conn, io);

	(void)loop;
	if ((revents & EV_WRITE) && !flush(c))
		return;
	if (!(revents & EV_READ) || !may_be_read(c))
		return;
	if (conversation_is_established(&c->conversation) &&
		conversation_share_is_left(&c->conversation, clock_coarse_ms())) {
		receive(c);
		return;
	}
	// What has arrived stays in the socket until its turn.
	conn_queues_wait(&conns_of(c)->queues, c);
	watch(c);
}

// ---- peers that take turns

static struct conn *conn_of_turn(struct list *peer)
{
	return list_item(peer, struct conn, turn);
}

// Reads once from a connection whose turn it is.
static uint64_t serve(struct list *peer)
{
	struct conn *c = conn_of_turn(peer);
	const struct intake *intake = conns_of(c)->transport.intake;
	const struct conversation *conversation = &c->conversation;
	const uint64_t before = intake_work(intake);

	c->waits = false;
	if (!conversation_is_known(conversation) && !c->unread &&
		conn_queues_is_over(c, intake->config->server.login_timeout_us, clock_coarse_s())) {
		conn_end(c, "login timeout");
		return VISIT_WORK;
	}
	conn_queues_place(&conns_of(c)->queues, c);
	if (!may_be_read(c) || receive(c) == RECEIVED_NOTHING)
		watch(c);
	return VISIT_WORK + intake_work(intake) - before;
}

static bool has_share(struct list *peer, uint32_t now_ms)
{
	struct conversation *conversation = &conn_of_turn(peer)->conversation;

	return conversation_is_established(conversation) &&
	       conversation_share_is_left(conversation, now_ms);
}

static void on_pause(struct list *peer)
{
	const struct conn *c = conn_of_turn(peer);
	struct conns *conns = conns_of(c);
	const uint32_t now_s = clock_coarse_s();
	char text[PEER_TEXT_MAX];

	if (conns->pause_logged_s && now_s - conns->pause_logged_s < WARN_S)
		return;
	conns->pause_logged_s = now_s;
	log_warning("conn paused peer=%s ident=%.*s frames=%u rejects=%u paused=%zu reason=\"sends "
		    "more than its share while the database is behind\"",
		peer_text(&c->conversation.peer, text),
		c->conversation.feed.session.ident_len ? c->conversation.feed.session.ident_len : 1,
		c->conversation.feed.session.ident_len ? c->conversation.feed.session.ident : "-",
		c->conversation.feed.frames, c->conversation.feed.rejects,
		turns_count_paused(&conns->queues.turns));
}

// Returns true if a reply is held and a sync is to cover much already: more would delay the reply.
static bool is_sync_long(const struct conns *conns)
{
	const struct intake *intake = conns->transport.intake;

	return !list_empty(&conns->holding) && intake->config->journal.sync == SYNC_REPLY &&
	       journal_end(intake->journal) - journal_synced(intake->journal) > UNSYNCED_MOST;
}

static enum turns_mode find_mode(struct turns *turns)
{
	const struct conns *conns = list_item(turns, struct conns, queues.turns);

	return conns->transport.intake->backlog != BACKLOG_SMALL ? TURNS_PRESSURE
	       : is_sync_long(conns)                             ? TURNS_FRESH
								 : TURNS_ALL;
}

static const struct turns_owner turns_owner = {find_mode, serve, has_share, on_pause};

void conn_resume(struct conns *conns)
{
	struct conn *c;

	while ((c = conn_queues_first_paused(&conns->queues)) &&
		intake_has_room(conns->transport.intake)) {
		set_paused(c, false);
		if (c->inbox.len > 0)
			process(c, conn_inbox_again(&c->inbox, &conns->buffer), c->inbox.len);
	}
}

// ---- once a second

// conn_queues_expired
static void on_expired(struct conn *c, const char *reason)
{
	if (c->lingers || c->unread)
		conn_close(c, reason);
	else
		conn_end(c, reason);
}

// conn_queues_visit
static void work_on_pending(struct conn *c)
{
	struct conversation *conversation = &c->conversation;
	const bool was_known = conversation_is_known(conversation);
	const struct conversation_outcome outcome =
		conversation_each_second(&conns_of(c)->transport, conversation, c->inbox.rest,
			c->paused || c->waits ? 0 : c->inbox.len);
	const bool is_known = conversation_is_known(conversation);

	if (was_known && !is_known) // its time to log in starts anew
		conversation->active_s = clock_coarse_s();
	if (was_known != is_known)
		note_active(c);
	settle(c, c->inbox.rest, c->inbox.len, outcome);
}

static void on_second(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct conns *conns = timer->data;
	struct intake *intake = conns->transport.intake;

	(void)loop;
	(void)revents;
	conn_queues_expire(&conns->queues, intake->config, clock_coarse_s(), on_expired);
	conn_queues_visit_pending(&conns->queues, work_on_pending);
	conn_refusals_each_second(&conns->gate.refused, intake);
}

// ---- opening

static bool on_evict(struct conn_gate *gate, const struct peer *peer)
{
	struct conns *conns = list_item(gate, struct conns, gate);
	const uint32_t now_s = clock_coarse_s();
	struct conn *c = conn_queues_find_unproven(&conns->queues, peer, now_s);

	if (!c)
		return false;
	conn_gate_evicting(gate, &c->conversation.peer, now_s - c->conversation.active_s);
	conn_close(c, "made room for another connection");
	return true;
}

// Returns memory for a connection of this peer, or NULL and why it is refused.
static struct conn *new_conn(
	struct conns *conns, const struct peer *peer, enum conn_refusal_reason *reason)
{
	if (!conn_gate_enter(&conns->gate, conns->transport.intake->config, peer, reason))
		return NULL;
	struct conn *c = calloc(1, sizeof(*c));
	*reason = CONN_REFUSAL_MEMORY;
	if (!c)
		conn_gate_leave(&conns->gate, peer);
	return c;
}

void conn_add(struct conns *conns, int fd, const struct sockaddr *address)
{
	const struct peer peer = peer_of_sockaddr(address, TRANSPORT_TCP);
	enum conn_refusal_reason reason;
	struct conn *c = new_conn(conns, &peer, &reason);

	if (!c) {
		conn_gate_refuse(&conns->gate, conns->transport.intake, &peer, reason);
		close(fd);
		return;
	}
	conversation_begin(&conns->transport, &c->conversation, &peer);
	conns->opened++;
	conn_queues_add(&conns->queues, c);
	ev_io_init(&c->io, on_io, fd, EV_READ);
	c->io.data = conns;
	ev_io_start(conns->loop, &c->io);
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
	conns->transport = (struct conversation_transport){
		.intake = intake, .send = on_reply, .displace = on_displaced};
	conns->gate.evict = on_evict;
	conn_queues_init(&conns->queues);
	list_init(&conns->holding);
	ev_timer_init(&conns->timer, on_second, 1, 1);
	conns->timer.data = conns;
	ev_timer_start(loop, &conns->timer);
	turns_start(&conns->queues.turns, loop, &turns_owner);
	return conns;
}

size_t conn_count(const struct conns *conns)
{
	return conns->gate.count;
}

struct conn_counters conn_counters(const struct conns *conns)
{
	return (struct conn_counters){conns->queues.turns.pauses, conns->gate.evicted,
		turns_count_paused(&conns->queues.turns), conns->queues.above.peers, conns->opened};
}

const struct conn_refusals *conn_refused(const struct conns *conns)
{
	return &conns->gate.refused;
}

// Reads what the socket holds now, at most FINISH_MOST bytes: the peer may be sending on.
static enum received receive_rest(struct conn *c)
{
	int held = 0;

	if (ioctl(c->io.fd, FIONREAD, &held) < 0 || held > FINISH_MOST)
		held = FINISH_MOST;
	const uint64_t end = c->conversation.bytes + (uint64_t)held;
	enum received received = receive(c);
	while (received == RECEIVED_BYTES && !c->paused && c->conversation.bytes < end)
		received = receive(c);
	return received;
}

// conn_queues_visit
static void shut_down(struct conn *c)
{
	const bool waited = c->waits;

	c->waits = false;
	if (c->lingers)
		conn_close(c, NULL);
	else if (c->unread && !c->paused && !waited)
		conn_close(c, "shutdown");
	else if (c->paused || receive_rest(c) != RECEIVED_END)
		conn_end(c, "shutdown");
}

void conn_finish(struct conns *conns)
{
	conns->finishing = true;
	conn_queues_visit_all(&conns->queues, shut_down);
	conn_refusals_finish(&conns->gate.refused, conns->transport.intake);
}

void conn_all_free(struct conns *conns)
{
	assert(conns->gate.count == 0);
	ev_timer_stop(conns->loop, &conns->timer);
	turns_stop(&conns->queues.turns, conns->loop);
	free(conns);
}
