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
//   probation: its device is new and was heard once     unread: leaves replies unread, not read either
//   paused: the journal is full, not read           lingering: ended, only held replies are left
// or takes turns with others (net/turns.h) until it is read the next time,
// and also in `sniffing`, by time of connection, while no decoder has been found for it; afterwards in
// `pending`, while its conversation is.
#include "net/conn.h"

#include "net/conn_addresses.h"
#include "net/conn_outbox.h"
#include "net/turns.h"
#include "util/clock.h"
#include "util/list.h"
#include "util/log.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READ_SIZE     65536 /* at shutdown; otherwise a peer gets in a turn of the loop: */
#define READ_MOST     16384
#define READ_STRANGER 4096
#define VISIT_WORK    4    /* work that reading costs in any case */
#define UNREAD_MOST   4096 /* replies left unread, from which on a connection is not read */
#define UNREAD_US     INT64_C(10000000) /* time to read them */
#define HELD_MOST     32768             /* bytes of held replies, likewise */
#define UNSYNCED_MOST                                                                              \
	(1 << 20) /* bytes of the journal that a sync may have to cover, while replies are held */
#define WARN_S       60  /* between log lines */
#define EVICT_S      2   /* silence before a connection on probation makes room for a new one */
#define EVICT_LOOK   256 /* connections looked at for one of the same address */
#define PER_IP_LEAST 256 /* connections of one address, if the limit is a share of all */
#define REST_MOST    ((FRAME_MOST + 63) / 64 * 64) /* so that the new bytes are aligned */
#define SNIFF_US     INT64_C(30000000) /* time for the first bytes to show their protocol */
#define LINGER_US                                                                                  \
	INT64_C(2000000) /* time that held replies may keep the socket of an ended one open */

struct conn {
	ev_io io;            /* io.data: the conns */
	struct list turn;    /* in a time-out list, or in conns->turns */
	struct list pending; /* in sniffing or pending, or in none */
	struct conversation conversation;
	uint8_t *in; /* the start of a frame, or everything unprocessed while paused */
	struct conn_outbox outbox;
	uint32_t in_len;
	bool paused;  /* not read until conn_resume */
	bool lingers; /* the conversation has ended; only socket and outbox are left */
	bool waits;   /* takes turns, not read until it is served */
	bool unread;  /* its outbox holds more than UNREAD_MOST bytes */
};

struct conns {
	struct ev_loop *loop;
	struct conversation_transport transport;
	struct list login, probation, idle, unread, paused, lingering;
	struct turns turns;
	ev_prepare prepare;
	ev_idle unserved;  /* runs while peers are left for the next turn of the loop */
	ev_timer pressure; /* runs while peers take turns under pressure */
	uint32_t pause_logged_s, evict_logged_s; /* 0: never */
	uint64_t evicted;
	struct list sniffing, pending;
	struct list holding; /* outboxes that hold replies */
	bool finishing;
	ev_timer timer;
	size_t count;
	struct conn_addresses addresses; /* not used with server.max_connections_per_ip = 0 */
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
static void queue_as_before(struct conn *c)
{
	struct conns *conns = conns_of(c);
	const bool known = conversation_is_known(&c->conversation);

	if (c->waits)
		return;
	list_remove(&c->turn);
	list_append(c->paused                                        ? &conns->paused
		    : c->unread                                      ? &conns->unread
		    : !known                                         ? &conns->login
		    : conversation_is_on_probation(&c->conversation) ? &conns->probation
								     : &conns->idle,
		&c->turn);
}

// Does the same after activity.
static void queue(struct conn *c)
{
	if (conversation_is_known(&c->conversation) || c->unread)
		c->conversation.active_s = clock_coarse_s();
	queue_as_before(c);
}

static bool may_be_read(const struct conn *c)
{
	return !c->paused && !c->lingers && !c->waits && !c->unread &&
	       conn_outbox_held(&c->outbox) <= HELD_MOST;
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
	if (!c->lingers && c->unread != (c->outbox.len > UNREAD_MOST)) {
		c->unread = !c->unread;
		queue(c);
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

static size_t read_size(const struct conn *c)
{
	return conns_of(c)->finishing                          ? READ_SIZE
	       : conversation_is_established(&c->conversation) ? READ_MOST
							       : READ_STRANGER;
}

// Reads once. While room is scarce the socket is only peeked at: what is read from it must find room in
// the journal, whatever happens to this process.
static enum received receive(struct conn *c)
{
	struct conns *conns = conns_of(c);
	uint8_t *fresh = conns->buffer + REST_MOST;
	const size_t most = read_size(c);
	const enum intake_room room = intake_room(conns->transport.intake, c->in_len + most);

	assert(c->in_len < FRAME_MOST);
	if (room == INTAKE_FULL) {
		set_paused(c, true);
		return RECEIVED_NOTHING;
	}
	const int flags = MSG_DONTWAIT | (room == INTAKE_SCARCE ? MSG_PEEK : 0);
	const ssize_t n = recv(c->io.fd, fresh, most, flags);
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

// Leaves what has arrived in the socket until take_turns.
static void take_turn(struct conn *c)
{
	struct turns *turns = &conns_of(c)->turns;
	const bool fresh = conversation_has_share(&c->conversation, clock_coarse_ms());

	list_remove(&c->turn);
	list_append(fresh ? &turns->fresh : &turns->heavy, &c->turn);
	c->waits = true;
	watch(c);
}

static bool is_over(const struct conn *c, int64_t after_us, uint32_t now)
{
	return (int64_t)(now - c->conversation.active_s) * 1000000 >= after_us;
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
		conversation_has_share(&c->conversation, clock_coarse_ms()))
		receive(c);
	else
		take_turn(c);
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
		is_over(c, intake->config->server.login_timeout_us, clock_coarse_s())) {
		conn_end(c, "login timeout");
		return VISIT_WORK;
	}
	queue_as_before(c);
	if (!may_be_read(c) || receive(c) == RECEIVED_NOTHING)
		watch(c);
	return VISIT_WORK + intake_work(intake) - before;
}

static bool has_share(struct list *peer, uint32_t now_ms)
{
	struct conversation *conversation = &conn_of_turn(peer)->conversation;

	return conversation_is_established(conversation) &&
	       conversation_has_share(conversation, now_ms);
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
		turns_count_paused(&conns->turns));
}

// Keep the loop from sleeping (too long) before the next take_turns.
static void on_unserved(struct ev_loop *loop, ev_idle *idle, int revents)
{
	(void)loop;
	(void)idle;
	(void)revents;
}

static void on_pressure(struct ev_loop *loop, ev_timer *timer, int revents)
{
	(void)loop;
	(void)timer;
	(void)revents;
}

// Returns true if a reply is held and a sync is to cover much already: more would delay the reply.
static bool is_sync_long(const struct conns *conns)
{
	const struct intake *intake = conns->transport.intake;

	return !list_empty(&conns->holding) && intake->config->journal.sync == SYNC_REPLY &&
	       journal_end(intake->journal) - journal_synced(intake->journal) > UNSYNCED_MOST;
}

// Runs once per loop turn, before the journal is synced.
static void take_turns(struct ev_loop *loop, ev_prepare *prepare, int revents)
{
	static const struct turns_owner owner = {serve, has_share, on_pause};
	struct conns *conns = prepare->data;

	(void)revents;
	const bool pressure = conns->transport.intake->backlog != BACKLOG_SMALL;
	const enum turns_mode mode = pressure              ? TURNS_PRESSURE
				     : is_sync_long(conns) ? TURNS_FRESH
							   : TURNS_ALL;
	const bool left = turns_run(&conns->turns, &owner, mode, clock_coarse_ms());

	if (left)
		ev_idle_start(loop, &conns->unserved);
	else
		ev_idle_stop(loop, &conns->unserved);
	if (left || turns_empty(&conns->turns))
		ev_timer_stop(loop, &conns->pressure);
	else if (!ev_is_active(&conns->pressure))
		ev_timer_again(loop, &conns->pressure);
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
		if (!is_over(c, after_us, now))
			return;
		if (c->lingers || c->unread)
			conn_close(c, c->lingers ? NULL : reason);
		else
			conn_end(c, reason);
	}
}

// A connection that is not read is left alone: unread bytes may show its protocol.
static void expire_sniffing(struct conns *conns, uint32_t now)
{
	struct list *next;

	for (struct list *at = conns->sniffing.next; at != &conns->sniffing; at = next) {
		struct conn *c = list_item(at, struct conn, pending);
		next = at->next;
		if (!is_over(c, SNIFF_US, now))
			return;
		if (!c->paused && !c->waits)
			conn_end(c, "no protocol found in time");
	}
}

static void work_on_pending(struct conn *c)
{
	struct conversation *conversation = &c->conversation;
	const bool was_known = conversation_is_known(conversation);
	const struct conversation_outcome outcome =
		conversation_each_second(&conns_of(c)->transport, conversation, c->in,
			c->paused || c->waits ? 0 : c->in_len);
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

// A new device that sends its first report and nothing more gets no longer than a peer that sends nothing.
static void expire_probation(struct conns *conns, const struct config *config, uint32_t now)
{
	const int64_t login_us = config->server.login_timeout_us;
	const int64_t idle_us = config->server.idle_timeout_us;

	if (login_us < idle_us)
		expire(&conns->probation, login_us, now, "silent after its first report");
	else
		expire(&conns->probation, idle_us, now, "idle timeout");
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
	expire_probation(conns, intake->config, now);
	expire(&conns->unread, UNREAD_US, now, "does not read its replies");
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

static void log_evicted(struct conns *conns, const struct conn *c)
{
	const uint32_t now_s = clock_coarse_s();
	char text[PEER_TEXT_MAX];

	conns->evicted++;
	if (conns->evict_logged_s && now_s - conns->evict_logged_s < WARN_S)
		return;
	conns->evict_logged_s = now_s;
	log_warning("conn closed to make room peer=%s silent_s=%u so_far=%llu open=%zu",
		peer_text(&c->conversation.peer, text), now_s - c->conversation.active_s,
		(unsigned long long)conns->evicted, conns->count);
}

// Returns the longest silent connection of the list, of this address if it is not NULL; NULL: none found.
static struct conn *find_silent(struct list *list, const struct peer *peer)
{
	const uint32_t now_s = clock_coarse_s();
	int looks = EVICT_LOOK;

	for (struct list *at = list->next; at != list && looks-- > 0; at = at->next) {
		struct conn *c = list_item(at, struct conn, turn);
		if (now_s - c->conversation.active_s < EVICT_S)
			return NULL;
		if (!peer || conn_addresses_same(peer, &c->conversation.peer))
			return c;
	}
	return NULL;
}

// Closes the connection that has been silent longest without having proved anything: no device, or a new one that was
// heard once. peer: one of its address; NULL: any. Returns false if there is none.
static bool make_room(struct conns *conns, const struct peer *peer)
{
	const uint32_t now_s = clock_coarse_s();
	struct conn *login = find_silent(&conns->login, peer);
	struct conn *on_probation = find_silent(&conns->probation, peer);
	struct conn *longest = login;

	if (!login || (on_probation && now_s - on_probation->conversation.active_s >
					       now_s - login->conversation.active_s))
		longest = on_probation;
	if (!longest)
		return false;
	log_evicted(conns, longest);
	conn_close(longest, "made room for another connection");
	return true;
}

// Returns the most connections of one address; 0: no limit.
static int64_t max_per_ip(const struct config *config)
{
	const int64_t set = config->server.max_connections_per_ip;
	const int64_t share = config->server.max_connections * -set / 100;

	return set >= 0 ? set : share > PER_IP_LEAST ? share : PER_IP_LEAST;
}

// Returns a connection of this peer, counted by its address, or NULL and why it is refused.
static struct conn *new_conn(
	struct conns *conns, const struct peer *peer, enum conn_refusal_reason *reason)
{
	const struct config *config = conns->transport.intake->config;
	enum conn_addresses_result counted;
	struct conn *c = NULL;

	*reason = CONN_REFUSAL_MAX_CONNECTIONS;
	if (conns->count >= (size_t)config->server.max_connections && !make_room(conns, NULL))
		return NULL;
	counted = conn_addresses_add(&conns->addresses, peer, max_per_ip(config));
	if (counted == ADDRESS_HAS_MAX && make_room(conns, peer))
		counted = conn_addresses_add(&conns->addresses, peer, max_per_ip(config));
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
	conns->transport = (struct conversation_transport){
		.intake = intake, .send = on_reply, .displace = on_displaced};
	list_init(&conns->login);
	list_init(&conns->probation);
	list_init(&conns->idle);
	list_init(&conns->unread);
	list_init(&conns->paused);
	list_init(&conns->lingering);
	list_init(&conns->sniffing);
	list_init(&conns->pending);
	list_init(&conns->holding);
	ev_timer_init(&conns->timer, on_second, 1, 1);
	conns->timer.data = conns;
	ev_timer_start(loop, &conns->timer);
	turns_init(&conns->turns);
	ev_prepare_init(&conns->prepare, take_turns);
	conns->prepare.data = conns;
	ev_set_priority(&conns->prepare, EV_MAXPRI);
	ev_prepare_start(loop, &conns->prepare);
	ev_idle_init(&conns->unserved, on_unserved);
	ev_init(&conns->pressure, on_pressure);
	conns->pressure.repeat = TURNS_LOOK_MS / 1e3;
	return conns;
}

size_t conn_count(const struct conns *conns)
{
	return conns->count;
}

struct conn_counters conn_counters(const struct conns *conns)
{
	return (struct conn_counters){
		conns->turns.pauses, conns->evicted, turns_count_paused(&conns->turns)};
}

const struct conn_refusals *conn_refused(const struct conns *conns)
{
	return &conns->refused;
}

static void finish(struct list *list)
{
	while (!list_empty(list)) {
		struct conn *c = list_item(list->next, struct conn, turn);
		c->waits = false;
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
	finish(&conns->probation);
	finish(&conns->idle);
	finish(&conns->turns.fresh);
	finish(&conns->turns.heavy);
	finish(&conns->turns.paused);
	while (!list_empty(&conns->unread))
		conn_close(list_item(conns->unread.next, struct conn, turn), "shutdown");
	finish(&conns->paused);
	conn_refusals_finish(&conns->refused, conns->transport.intake);
}

void conn_all_free(struct conns *conns)
{
	assert(conns->count == 0);
	ev_timer_stop(conns->loop, &conns->timer);
	ev_timer_stop(conns->loop, &conns->pressure);
	ev_idle_stop(conns->loop, &conns->unserved);
	ev_prepare_stop(conns->loop, &conns->prepare);
	free(conns);
}
