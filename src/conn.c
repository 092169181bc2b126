// SPDX-License-Identifier: MIT
// TCP peers.
//
//   recv --> [ rest of the last read | new bytes ] --> feed_step ... --> what is left becomes `in`
//               (one receive buffer for all; a peer between frames holds no memory for bytes)
//
// A peer is in one of two lists, each in the order in which its time runs out, so that one timer
// serves all:
//   login: no ident yet, by time of connection     idle: ident known, by last activity
// As long as no decoder has been found for it, it is in a third: sniffing, by time of connection.
// Paused: the journal is full; the socket is not read until conns_resume.
// Replies that wait for the disk are `held`; what may go out is `out`. A conversation that we end while
// some are held lingers: all is told and freed but for the socket and those replies, nothing is read.
#include "conn.h"

#include "list.h"
#include "log.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define READ_SIZE 65536
#define OPEN_MS   1000  /* what is open is whole when nothing followed for so long */
#define OUT_MAX   65536 /* bytes a peer may leave unread before it is closed */
#define IDENTS_MAX                                                                                 \
	8 /* a connection with more idents is a gateway: its devices are not "connected" */
#define SNIFF_US      INT64_C(30000000) /* how long the first bytes may leave the protocol open */
#define LINGER_US     INT64_C(2000000)  /* how long replies may keep a conversation's socket */
#define REJECTS_SPARE 100 /* rejects a connection may have, and ten for each good frame */

// Bytes on their way out. No memory while empty.
struct outbox {
	uint8_t *data;
	uint32_t len;
};

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

struct conn {
	ev_io io;         /* its data: the conns */
	struct list turn; /* in conns->login, idle or paused */
	struct list
		late; /* in conns->sniffing, later in conns->late while the feed is open or waits */
	struct device *device; /* named last */
	struct device **named; /* all, in room for IDENTS_MAX; NULL: none but `device` */
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

struct ip_count {
	uint8_t address[16];
	uint32_t count;
	UT_hash_handle hh;
};

struct conns {
	struct ev_loop *loop;
	struct intake *intake;
	struct list login, idle, paused, lingering, waiting, late, sniffing;
	bool finishing;
	ev_timer timer;
	size_t count;
	struct ip_count *ips; /* only kept when server.max_connections_per_ip is set */
	struct refused refused;
	size_t peeked; /* of the read at hand: bytes at its end that still are in the socket too */
	uint8_t buffer[2 * READ_SIZE]; /* the first half: room for what was left before */
};

static struct conns *conns_of(const struct conn *c)
{
	return c->io.data;
}

static uint32_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint32_t)now.tv_sec * 1000 + (uint32_t)(now.tv_nsec / 1000000);
}

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

static void drop_held(struct conn *c)
{
	if (!c->held)
		return;
	list_remove(&c->held->wait);
	free(c->held->box.data);
	free(c->held);
	c->held = NULL;
}

// ---- life and death

// What the loop is to watch follows from the state, here and nowhere else.
static void watch(struct conn *c)
{
	const int events = (c->paused || c->lingers ? 0 : EV_READ) | (c->out.len ? EV_WRITE : 0);

	if ((c->io.events & (EV_READ | EV_WRITE)) == events && (ev_is_active(&c->io) || !events))
		return;
	ev_io_stop(conns_of(c)->loop, &c->io);
	ev_io_modify(&c->io, events);
	if (events)
		ev_io_start(conns_of(c)->loop, &c->io);
}

static bool count_ip(struct conns *conns, const struct peer *peer)
{
	const int64_t max = conns->intake->config->server.max_connections_per_ip;
	struct ip_count *ip;

	if (max == 0)
		return true;
	HASH_FIND(hh, conns->ips, peer->address, sizeof(peer->address), ip);
	if (!ip) {
		ip = calloc(1, sizeof(*ip));
		if (!ip)
			return false;
		memcpy(ip->address, peer->address, sizeof(ip->address));
		HASH_ADD(hh, conns->ips, address, sizeof(ip->address), ip);
	}
	if (ip->count >= max)
		return false;
	ip->count++;
	return true;
}

static void uncount_ip(struct conns *conns, const struct peer *peer)
{
	struct ip_count *ip;

	HASH_FIND(hh, conns->ips, peer->address, sizeof(peer->address), ip);
	if (ip && --ip->count == 0) {
		HASH_DEL(conns->ips, ip);
		free(ip);
	}
}

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

// ---- the devices it has named

static size_t count_named(const struct conn *c)
{
	return c->named ? c->idents : c->device != NULL;
}

static bool has_named(const struct conn *c, const struct device *device)
{
	for (size_t i = 0; i < count_named(c); i++)
		if ((c->named ? c->named[i] : c->device) == device)
			return true;
	return false;
}

// None of them is connected any more. The end of the connection speaks for the one it names itself.
static void leave_all(struct conn *c, bool ends)
{
	const struct session *session = &c->feed.session;

	for (size_t i = 0; i < count_named(c); i++) {
		const struct device *device = c->named ? c->named[i] : c->device;
		if (!ends || device->ident_len != session->ident_len ||
			memcmp(device->ident, session->ident, session->ident_len) != 0)
			intake_left(conns_of(c)->intake, &c->feed, &c->peer, device);
	}
	free(c->named);
	c->named = NULL;
}

// Returns whether it is one more. Beyond IDENTS_MAX they are a gateway's, and forgotten.
static bool name_device(struct conn *c, struct device *device)
{
	if (c->idents > IDENTS_MAX || has_named(c, device))
		return false;
	if (!c->named && c->idents == 1) {
		c->named = calloc(IDENTS_MAX, sizeof(struct device *));
		if (!c->named)
			log_fatal("out of memory: connections");
		c->named[0] = c->device;
	}
	if (c->idents == IDENTS_MAX) {
		leave_all(c, false);
		if (c->device->live == c)
			c->device->live = NULL;
		c->idents++;
		return false;
	}
	if (c->named)
		c->named[c->idents] = device;
	c->idents++;
	return true;
}

// ---- the ways out: c is dead afterwards

// All that is to be told of the conversation, and nothing held for it but the socket and replies.
static void end_conversation(struct conn *c, const char *reason)
{
	struct conns *conns = conns_of(c);

	intake_end(conns->intake, &c->feed, &c->peer, c->in, c->in_len);
	const struct traffic traffic = {c->opened_us, c->bytes, c->feed.frames, c->feed.rejects};
	leave_all(c, true);
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

// At once: the peer is gone, or takes nothing from us.
static void conn_close(struct conn *c, const char *reason)
{
	struct conns *conns = conns_of(c);

	if (!c->lingers)
		end_conversation(c, reason);
	list_remove(&c->turn);
	drop_held(c);
	uncount_ip(conns, &c->peer);
	ev_io_stop(conns->loop, &c->io);
	close(c->io.fd);
	free(c->out.data);
	free(c);
	conns->count--;
}

// ---- replies

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

// False: the connection is closed.
static bool flush(struct conn *c)
{
	if (!send_out(c)) {
		conn_close(c, "cannot send");
		return false;
	}
	if (c->lingers && !c->out.len && !c->held) {
		conn_close(c, NULL);
		return false;
	}
	watch(c);
	return true;
}

// In order: what is due goes out as far as the socket takes it now, what waits for the disk follows.
static void conn_end(struct conn *c, const char *reason)
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
	watch(c);
}

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
	if (!outbox_append(&c->out, held->box.data, len))
		return false;
	outbox_drop(&held->box, len);
	held->first_len = held->box.len;
	held->first_lsn = held->rest_lsn;
	if (held->box.len == 0)
		drop_held(c);
	return true;
}

static bool reply(struct conn *c, const struct batch *batch, uint64_t lsn)
{
	const size_t now = batch->reply_len[REPLY_NOW], stored = batch->reply_len[REPLY_STORED];

	if (now && !outbox_append(&c->out, batch->reply[REPLY_NOW], now))
		return false;
	if (!stored)
		return true;
	if (lsn <= intake_safe(conns_of(c)->intake))
		return outbox_append(&c->out, batch->reply[REPLY_STORED], stored);
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
			flush(c);
		else
			conn_close(c, "does not read its replies");
	}
}

bool conns_waiting(const struct conns *conns)
{
	return !list_empty(&conns->waiting);
}

// ---- what comes in

// Must the directory be asked (again): another ident, or the owner has changed what may be.
static bool must_ask(const struct conn *c)
{
	const struct session *session = &c->feed.session;
	const struct device *device = c->device;

	if (session->ident_len == 0 || c->idents > IDENTS_MAX)
		return false;
	return !device || device->ident_len != session->ident_len ||
	       memcmp(device->ident, session->ident, session->ident_len) != 0 ||
	       intake_objection(device, &c->feed) != NULL;
}

// The session has named a device: may it stay (NULL), and is it the device's newest connection?
static const char *attach(struct conn *c)
{
	struct intake *intake = conns_of(c)->intake;
	struct device *device;
	const char *refusal = intake_admit(intake, &c->feed, &device);

	if (refusal)
		return refusal;
	if (c->device && c->device->live == c)
		c->device->live = NULL;
	const bool new = name_device(c, device);
	c->device = device;
	if (c->idents > IDENTS_MAX)
		return NULL;
	if (device->live)
		conn_end(device->live, "device connected again");
	device->live = c;
	if (new)
		intake_connected(intake, &c->feed, &c->peer);
	return NULL;
}

// Who it is is known, or may come out when what it waits for comes.
static bool is_known(const struct conn *c)
{
	return c->device || feed_holds(&c->feed);
}

// Into the list that fits, at its end.
static void queue(struct conn *c)
{
	struct conns *conns = conns_of(c);

	if (is_known(c))
		c->active_s = intake_now_s();
	list_remove(&c->turn);
	list_append(c->paused     ? &conns->paused
		    : is_known(c) ? &conns->idle
				  : &conns->login,
		&c->turn);
}

// Is the feed to be looked after by the timer?
static void queue_late(struct conn *c)
{
	if (!c->feed.session.decoder)
		return;
	list_remove(&c->late);
	if (c->feed.open)
		c->open_ms = now_ms();
	if (c->feed.open || feed_waits(&c->feed))
		list_append(&conns_of(c)->late, &c->late);
}

static void set_paused(struct conn *c, bool paused)
{
	c->paused = paused;
	queue(c);
	watch(c);
}

// False: the peer does not read what it is sent.
static bool add_command(struct conn *c)
{
	uint8_t command[COMMAND_FRAME_MAX];
	const size_t len = intake_command(conns_of(c)->intake, &c->feed, &c->peer, command);

	return !len || outbox_append(&c->out, command, len);
}

// One frame may hold records of several devices: each is on this connection.
static void name_others(struct conn *c, struct batch *batch)
{
	for (size_t i = 0; batch->report_count > 1 && i < batch->report_count; i++) {
		const struct text ident = batch->reports[i].ident;
		if (!c->device || (c->device->ident_len == ident.len &&
					  !memcmp(c->device->ident, ident.data, ident.len)))
			continue;
		struct device *device = intake_device(conns_of(c)->intake, ident);
		if (device)
			name_device(c, device);
	}
	for (size_t i = 0; c->idents > IDENTS_MAX && i < batch->report_count; i++)
		batch->reports[i].body.flags |= FLAG_SHARED;
}

// Deals with one frame's batch. Returns NULL, or why the connection must be closed.
static const char *take_batch(struct conn *c)
{
	struct intake *intake = conns_of(c)->intake;
	struct batch *batch = &intake->batch;
	const char *refusal = must_ask(c) ? attach(c) : NULL;
	if (!refusal)
		name_others(c, batch);
	const uint64_t lsn = intake_batch(intake, &c->feed, &c->peer, refusal);

	if (refusal)
		return refusal;
	if (c->feed.rejects > REJECTS_SPARE && c->feed.rejects / 10 > c->feed.frames)
		return "too many rejects";
	if (!reply(c, batch, lsn) || (c->device && !add_command(c)))
		return "does not read its replies";
	return NULL;
}

void conn_send_command(struct conn *c)
{
	if (must_ask(c))
		return;
	if (add_command(c))
		flush(c);
	else
		conn_close(c, "does not read its replies");
}

// Keeps what is left for the next read. data may lie in c->in.
static bool keep(struct conn *c, const uint8_t *data, size_t len)
{
	uint8_t *kept = NULL;

	if (len > 0) {
		kept = malloc(len);
		if (!kept)
			return false;
		memcpy(kept, data, len);
	}
	free(c->in);
	c->in = kept;
	c->in_len = (uint32_t)len;
	return true;
}

// Takes out of the socket what was only looked at. What waits for room stays there: returns how
// many of the `left` bytes are to be kept here.
static size_t fetch(struct conn *c, size_t left, bool closing)
{
	struct conns *conns = conns_of(c);
	const size_t waiting = c->paused && !closing ? left : 0;
	const size_t stays = waiting < conns->peeked ? waiting : conns->peeked;

	for (size_t len = conns->peeked - stays; len > 0;) {
		const ssize_t n = recv(c->io.fd, NULL, len, MSG_TRUNC | MSG_DONTWAIT);
		if (n <= 0)
			break; // gone: then nothing of it will be read again either
		len -= (size_t)n;
	}
	c->bytes -= stays;
	conns->peeked = 0;
	return left - stays;
}

// Frame by frame, until the bytes are used up, more are needed or there is no room. False: closed.
static bool take(struct conn *c, const uint8_t *data, size_t len)
{
	struct intake *intake = conns_of(c)->intake;
	enum feed_verdict verdict = FEED_TAKEN;
	const char *end = NULL;

	while (len > 0 && !end) {
		size_t used;
		if (!intake_room(intake)) {
			set_paused(c, true);
			break;
		}
		verdict = feed_step(&c->feed, data, len, &intake->batch, &used);
		data += used;
		len -= used;
		if (verdict == FEED_MORE)
			break;
		end = take_batch(c);
		if (!end && verdict == FEED_CLOSE)
			end = intake->batch.detail;
	}
	len = fetch(c, len, end);
	if (!keep(c, data, end ? 0 : len))
		end = "out of memory";
	if (end) {
		conn_end(c, end);
		return false;
	}
	queue_late(c);
	return flush(c);
}

static const char *recv_error(int error)
{
	return error == ECONNRESET  ? "reset by peer"
	       : error == ETIMEDOUT ? "peer is gone"
				    : "cannot receive";
}

// While room is scarce the socket is only looked into: what is read from it must find a place in the
// journal, whatever becomes of this process.
enum got { GOT_BYTES, GOT_NOTHING, GOT_CLOSED };

static enum got read_once(struct conn *c)
{
	struct conns *conns = conns_of(c);
	uint8_t *fresh = conns->buffer + READ_SIZE;

	assert(c->in_len <= READ_SIZE);
	if (!intake_room(conns->intake)) {
		set_paused(c, true);
		return GOT_NOTHING;
	}
	const bool scarce = !intake_is_ample(conns->intake, READ_SIZE);
	const ssize_t n = recv(c->io.fd, fresh, READ_SIZE, MSG_DONTWAIT | (scarce ? MSG_PEEK : 0));
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return GOT_NOTHING;
	if (n <= 0) {
		conn_close(c, n == 0 ? "closed by peer" : recv_error(errno));
		return GOT_CLOSED;
	}
	c->bytes += (uint64_t)n;
	conns->peeked = scarce ? (size_t)n : 0;
	c->feed.session.received_us = intake_now_us();
	uint8_t *start = fresh - c->in_len;
	if (c->in_len)
		memcpy(start, c->in, c->in_len);
	if (!take(c, start, c->in_len + (size_t)n))
		return GOT_CLOSED;
	if (is_known(c) && !c->paused)
		queue(c);
	return GOT_BYTES;
}

static void on_io(struct ev_loop *loop, ev_io *watcher, int revents)
{
	struct conn *c = list_item(watcher, struct conn, io);

	(void)loop;
	if ((revents & EV_WRITE) && !flush(c))
		return;
	if (revents & EV_READ)
		read_once(c);
}

void conns_resume(struct conns *conns)
{
	while (!conns->intake->full && !list_empty(&conns->paused)) {
		struct conn *c = list_item(conns->paused.next, struct conn, turn);
		const size_t len = c->in_len;

		set_paused(c, false);
		if (len > 0) {
			memcpy(conns->buffer, c->in, len);
			take(c, conns->buffer, len);
		}
	}
}

// ---- time-outs

static void expire(struct list *list, int64_t after_us, uint32_t now, const char *reason)
{
	while (!list_empty(list)) {
		struct conn *c = list_item(list->next, struct conn, turn);
		if ((int64_t)(now - c->active_s) * 1000000 < after_us)
			return;
		if (c->lingers)
			conn_close(c, NULL);
		else
			conn_end(c, reason);
	}
}

// Of a paused one there may be bytes that would tell.
static void expire_sniffing(struct conns *conns, uint32_t now)
{
	struct list *next;

	for (struct list *at = conns->sniffing.next; at != &conns->sniffing; at = next) {
		struct conn *c = list_item(at, struct conn, late);
		next = at->next;
		if ((int64_t)(now - c->active_s) * 1000000 < SNIFF_US)
			return;
		if (!c->paused)
			conn_end(c, "no protocol found in time");
	}
}

// What was left open is whole if nothing followed. False: closed.
static bool take_open(struct conn *c)
{
	struct intake *intake = conns_of(c)->intake;
	size_t used = 0;

	feed_rest(&c->feed, c->in, c->in_len, &intake->batch, &used);
	const char *end = take_batch(c);
	if (!end && !keep(c, c->in + used, c->in_len - used))
		end = "out of memory";
	if (end)
		conn_end(c, end);
	return !end;
}

// What waited may be known by now, or has waited too long. False: closed.
static bool take_held(struct conn *c)
{
	struct intake *intake = conns_of(c)->intake;
	const int64_t now_us = intake_now_us();

	feed_expire(&c->feed, now_us, now_us - FEED_HOLD_US, &intake->batch);
	const char *end = feed_is_quiet(&c->feed, &intake->batch) ? NULL : take_batch(c);
	if (end)
		conn_end(c, end);
	return !end;
}

static void look_after(struct conn *c)
{
	struct intake *intake = conns_of(c)->intake;
	const bool known = is_known(c);

	if (c->feed.open && !c->paused && now_ms() - c->open_ms >= OPEN_MS && intake_room(intake) &&
		!take_open(c))
		return;
	if (feed_waits(&c->feed) && intake_room(intake) && !take_held(c))
		return;
	if (known && !is_known(c)) { // as if it had only just come
		c->active_s = intake_now_s();
		queue(c);
	} else if (!known && is_known(c)) {
		queue(c);
	}
	if (c->feed.open || feed_waits(&c->feed))
		list_append(&conns_of(c)->late, &c->late);
	flush(c);
}

static void look_after_all(struct conns *conns)
{
	struct list todo; // taking one may close another: so each is taken off the head

	list_init(&todo);
	while (!list_empty(&conns->late)) {
		struct list *first = conns->late.next;
		list_remove(first);
		list_append(&todo, first);
	}
	while (!list_empty(&todo)) {
		struct conn *c = list_item(todo.next, struct conn, late);
		list_remove(&c->late);
		look_after(c);
	}
}

static void on_second(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct conns *conns = timer->data;
	const struct config *config = conns->intake->config;
	const uint32_t now = intake_now_s();

	(void)loop;
	(void)revents;
	expire(&conns->login, config->server.login_timeout_us, now, "login timeout");
	expire(&conns->idle, config->server.idle_timeout_us, now, "idle timeout");
	expire(&conns->lingering, LINGER_US, now, NULL);
	expire_sniffing(conns, now);
	look_after_all(conns);
	refused_each_second(&conns->refused, conns->intake);
}

// ---- all of them

struct conns *conns_new(struct ev_loop *loop, struct intake *intake)
{
	struct conns *conns = calloc(1, sizeof(*conns));

	if (!conns)
		return NULL;
	conns->loop = loop;
	conns->intake = intake;
	list_init(&conns->login);
	list_init(&conns->idle);
	list_init(&conns->paused);
	list_init(&conns->waiting);
	list_init(&conns->late);
	list_init(&conns->lingering);
	list_init(&conns->sniffing);
	ev_timer_init(&conns->timer, on_second, 1, 1);
	conns->timer.data = conns;
	ev_timer_start(loop, &conns->timer);
	return conns;
}

size_t conns_count(const struct conns *conns)
{
	return conns->count;
}

const struct refused *conns_refused(const struct conns *conns)
{
	return &conns->refused;
}

static void refuse_peer(struct conns *conns, int fd, const struct peer *peer, enum refused_why why)
{
	char text[PEER_TEXT_MAX];

	if (log_allow(peer->address, intake_now_s()))
		log_warning("conn refused peer=%s reason=\"%s\"", peer_text(peer, text),
			refused_reason(why));
	refused_note(&conns->refused, conns->intake, peer, why);
	close(fd);
}

void conns_add(struct conns *conns, int fd, const struct sockaddr *address)
{
	const struct peer peer = peer_of_sockaddr(address, TRANSPORT_TCP);

	if (conns->count >= (size_t)conns->intake->config->server.max_connections) {
		refuse_peer(conns, fd, &peer, REFUSED_MAX_CONNECTIONS);
		return;
	}
	if (!count_ip(conns, &peer)) {
		refuse_peer(conns, fd, &peer, REFUSED_MAX_CONNECTIONS_PER_IP);
		return;
	}
	struct conn *c = calloc(1, sizeof(*c));
	if (!c) {
		uncount_ip(conns, &peer);
		refuse_peer(conns, fd, &peer, REFUSED_MEMORY);
		return;
	}
	c->peer = peer;
	c->opened_us = intake_now_us();
	c->active_s = intake_now_s();
	feed_init(&c->feed, conns->intake->config->server.protocols, NULL, false);
	c->feed.session.received_us = c->opened_us;
	intake_begin(conns->intake, &c->feed.session);
	list_init(&c->late);
	list_init(&c->turn);
	list_append(&conns->login, &c->turn);
	list_append(&conns->sniffing, &c->late);
	ev_io_init(&c->io, on_io, fd, EV_READ);
	c->io.data = conns;
	ev_io_start(conns->loop, &c->io);
	conns->count++;
}

static void finish(struct list *list)
{
	while (!list_empty(list)) {
		struct conn *c = list_item(list->next, struct conn, turn);
		if (c->paused || read_once(c) != GOT_CLOSED)
			conn_end(c, "shutdown");
	}
}

void conns_finish(struct conns *conns)
{
	conns->finishing = true;
	while (!list_empty(&conns->lingering))
		conn_close(list_item(conns->lingering.next, struct conn, turn), NULL);
	finish(&conns->login);
	finish(&conns->idle);
	finish(&conns->paused);
	refused_finish(&conns->refused, conns->intake);
}

void conns_free(struct conns *conns)
{
	assert(conns->count == 0);
	ev_timer_stop(conns->loop, &conns->timer);
	free(conns);
}
