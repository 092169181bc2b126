// SPDX-License-Identifier: MIT
// TCP peers.
//
//   recv --> [ rest of the last read | new bytes ] --> feed_step ... --> what is left becomes `in`
//               (one receive buffer for all; a peer between frames holds no memory for bytes)
//
// Paused: the journal has no room; the socket is not read until conns_resume.
#include "net/conn_internal.h"

#include "util/log.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REJECTS_SPARE 100 /* rejects a connection may have, and ten for each good frame */

// ---- what comes in

static void set_paused(struct conn *c, bool paused)
{
	c->paused = paused;
	conn_queue(c);
	conn_watch(c);
}

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

// False: the peer does not read what it is sent.
static bool add_command(struct conn *c)
{
	uint8_t command[COMMAND_FRAME_MAX];
	const size_t len = intake_command(conns_of(c)->intake, &c->feed, &c->peer, command);

	return !len || conn_put(c, command, len);
}

const char *conn_take_batch(struct conn *c)
{
	struct intake *intake = conns_of(c)->intake;
	struct decoded *batch = &intake->batch;
	const char *refusal = must_ask(c) ? conn_attach(c) : NULL;
	if (!refusal)
		conn_name_others(c, batch);
	const uint64_t lsn = intake_batch(intake, &c->feed, &c->peer, refusal);

	if (refusal)
		return refusal;
	if (c->feed.rejects > REJECTS_SPARE && c->feed.rejects / 10 > c->feed.frames)
		return "too many rejects";
	if (!conn_reply(c, batch, lsn) || (c->device && !add_command(c)))
		return "does not read its replies";
	return NULL;
}

void conn_send_command(struct conn *c)
{
	if (must_ask(c))
		return;
	if (add_command(c))
		conn_flush(c);
	else
		conn_close(c, "does not read its replies");
}

bool conn_keep(struct conn *c, const uint8_t *data, size_t len)
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
		end = conn_take_batch(c);
		if (!end && verdict == FEED_CLOSE)
			end = intake->batch.detail;
	}
	len = fetch(c, len, end);
	if (!conn_keep(c, data, end ? 0 : len))
		end = "out of memory";
	if (end) {
		conn_end(c, end);
		return false;
	}
	conn_queue_late(c);
	return conn_flush(c);
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
	if (conn_is_known(c) && !c->paused)
		conn_queue(c);
	return GOT_BYTES;
}

static void on_io(struct ev_loop *loop, ev_io *watcher, int revents)
{
	struct conn *c = list_item(watcher, struct conn, io);

	(void)loop;
	if ((revents & EV_WRITE) && !conn_flush(c))
		return;
	if (revents & EV_READ)
		read_once(c);
}

void conns_resume(struct conns *conns)
{
	while (!list_empty(&conns->paused) && intake_room(conns->intake)) {
		struct conn *c = list_item(conns->paused.next, struct conn, turn);
		const size_t len = c->in_len;

		set_paused(c, false);
		if (len > 0) {
			memcpy(conns->buffer, c->in, len);
			take(c, conns->buffer, len);
		}
	}
}

// ---- how many of an address

struct ip_count {
	uint8_t address[16];
	uint32_t count;
	UT_hash_handle hh;
};

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

void conns_uncount_ip(struct conns *conns, const struct peer *peer)
{
	struct ip_count *ip;

	HASH_FIND(hh, conns->ips, peer->address, sizeof(peer->address), ip);
	if (ip && --ip->count == 0) {
		HASH_DEL(conns->ips, ip);
		free(ip);
	}
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
	ev_timer_init(&conns->timer, conns_on_second, 1, 1);
	conns->timer.data = conns;
	ev_timer_start(loop, &conns->timer);
	return conns;
}

size_t conns_count(const struct conns *conns)
{
	return conns->count;
}

const struct conn_refusals *conns_refused(const struct conns *conns)
{
	return &conns->refused;
}

static void refuse_peer(struct conns *conns, int fd, const struct peer *peer, enum refused_why why)
{
	char text[PEER_TEXT_MAX];

	if (log_allow(peer->address, intake_now_s()))
		log_warning("conn refused peer=%s reason=\"%s\"", peer_text(peer, text),
			conn_refusals_reason(why));
	conn_refusals_note(&conns->refused, conns->intake, peer, why);
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
		conns_uncount_ip(conns, &peer);
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
	conn_refusals_finish(&conns->refused, conns->intake);
}

void conns_free(struct conns *conns)
{
	assert(conns->count == 0);
	ev_timer_stop(conns->loop, &conns->timer);
	free(conns);
}
