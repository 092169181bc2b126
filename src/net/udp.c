// SPDX-License-Identifier: MIT
// UDP.
//
// A sender (address and port) is remembered for as long as a TCP peer would be: which decoder spoke
// last, the ident, the protocol's memo. At most server.max_connections of them; the one silent
// longest is forgotten first. Replies that wait for the disk stand in one queue, in the order of
// their LSNs.
#include "net/udp.h"

#include "util/list.h"
#include "util/log.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BATCH 64 /* datagrams a system call */
// System calls a loop turn: TCP wants its turn too. 16,384 datagrams are about 25 ms, as much as 100
// connections that send as fast as they can have of a turn; with less UDP would starve beside them.
#define TURN_CALLS   256
#define END_CALLS    4096 /* at the end: more than the socket holds */
#define CROWD        16   /* datagrams in a turn from which on the socket may have been full */
#define TELL_S       60   /* between warnings of what was lost */
#define DATAGRAM_MAX 4096 /* no tracker sends more; a longer one is a reject */
#define CONTROL_SIZE 64
#define HELD_MAX     65536 /* replies that wait for the disk; beyond, the tracker will send again */
#define HELD_REPLY   64    /* bytes of one */
// Address and port, without the padding behind them.
#define SENDER_KEY offsetof(struct peer, transport)

// Where a reply goes, and from which of our addresses.
struct route {
	struct sockaddr_storage to;
	socklen_t to_len;
	uint8_t control[CONTROL_SIZE];
	size_t control_len;
};

struct sender {
	struct peer peer; /* key */
	struct list turn; /* in udp->senders, silent longest first */
	struct list late; /* in udp->late while the feed waits */
	UT_hash_handle hh;
	const struct device *device;
	uint32_t active_s;
	struct route *route; /* while a photo is fetched: where it is asked for */
	struct feed feed;
};

struct held {
	uint64_t lsn;
	struct route route;
	uint8_t len;
	uint8_t data[HELD_REPLY];
};

struct udp {
	ev_io io;
	struct ev_loop *loop;
	struct intake *intake;
	struct sender *table;
	struct list senders, late;
	ev_timer timer;    /* runs while `late` is not empty */
	struct held *held; /* ring of HELD_MAX, made when first needed */
	size_t held_first, held_count;
	uint32_t drops;  /* the kernel's count, when last asked */
	uint32_t told_s; /* when the loss was told, 0: never */
	struct mmsghdr messages[BATCH];
	struct iovec vectors[BATCH];
	struct sockaddr_storage addresses[BATCH];
	uint8_t controls[BATCH][CONTROL_SIZE];
	uint8_t data[BATCH][DATAGRAM_MAX];
};

// ---- senders

static void forget(struct udp *udp, struct sender *sender)
{
	assert(udp->table); // it holds this sender
	HASH_DEL(udp->table, sender);
	list_remove(&sender->turn);
	list_remove(&sender->late);
	intake_end(udp->intake, &sender->feed, &sender->peer, NULL, 0);
	free(sender->route);
	free(sender);
}

static void forget_old(struct udp *udp, uint32_t now)
{
	const struct config *config = udp->intake->config;

	while (!list_empty(&udp->senders)) {
		struct sender *oldest = list_item(udp->senders.next, struct sender, turn);
		const int64_t silent_us = (int64_t)(now - oldest->active_s) * 1000000;
		if (HASH_COUNT(udp->table) < (size_t)config->server.max_connections &&
			silent_us < config->server.idle_timeout_us)
			return;
		forget(udp, oldest);
	}
}

// The sender's memory, made anew for one not seen lately. NULL: out of memory.
static struct sender *find_sender(struct udp *udp, const struct peer *peer)
{
	const uint32_t now = intake_now_s();
	struct sender *sender;

	HASH_FIND(hh, udp->table, peer, SENDER_KEY, sender);
	if (!sender) {
		forget_old(udp, now);
		sender = calloc(1, sizeof(*sender));
		if (!sender)
			return NULL;
		sender->peer = *peer;
		list_init(&sender->turn);
		list_init(&sender->late);
		feed_init(&sender->feed, udp->intake->config->server.protocols, NULL, true);
		intake_begin(udp->intake, &sender->feed.session);
		HASH_ADD(hh, udp->table, peer, SENDER_KEY, sender);
	}
	sender->active_s = now;
	list_remove(&sender->turn);
	list_append(&udp->senders, &sender->turn);
	return sender;
}

// ---- replies

static struct route route_of(struct msghdr *message)
{
	struct route route = {.to_len = message->msg_namelen};

	memcpy(&route.to, message->msg_name, sizeof(route.to));
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		const bool v4 = c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO;
		const bool v6 = c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO;
		if (!v4 && !v6)
			continue;
		route.control_len = CMSG_SPACE(c->cmsg_len - CMSG_LEN(0));
		if (route.control_len > sizeof(route.control)) {
			route.control_len = 0;
			continue;
		}
		memcpy(route.control, c, c->cmsg_len);
	}
	return route;
}

// What cannot be sent now is lost, as a datagram may be: the tracker will ask or send again.
static void send_reply(struct udp *udp, struct route *route, const uint8_t *data, size_t len)
{
	struct iovec vector = {(void *)(uintptr_t)data, len};
	const struct msghdr message = {
		.msg_name = &route->to,
		.msg_namelen = route->to_len,
		.msg_iov = &vector,
		.msg_iovlen = 1,
		.msg_control = route->control_len ? route->control : NULL,
		.msg_controllen = route->control_len,
	};
	if (sendmsg(udp->io.fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		log_debug("udp reply not sent error=\"%s\"", strerror(errno));
}

static void hold(
	struct udp *udp, const struct route *route, const uint8_t *data, size_t len, uint64_t lsn)
{
	if (!udp->held)
		udp->held = calloc(HELD_MAX, sizeof(*udp->held));
	if (!udp->held || udp->held_count == HELD_MAX || len > HELD_REPLY)
		return;
	struct held *held = &udp->held[(udp->held_first + udp->held_count++) % HELD_MAX];
	held->lsn = lsn;
	held->route = *route;
	held->len = (uint8_t)len;
	memcpy(held->data, data, len);
}

void udp_synced(struct udp *udp)
{
	const uint64_t safe = intake_safe(udp->intake);

	while (udp->held_count > 0) {
		struct held *held = &udp->held[udp->held_first];
		if (held->lsn > safe)
			return;
		send_reply(udp, &held->route, held->data, held->len);
		udp->held_first = (udp->held_first + 1) % HELD_MAX;
		udp->held_count--;
	}
}

bool udp_waiting(const struct udp *udp)
{
	return udp->held_count > 0;
}

static void reply(
	struct udp *udp, struct msghdr *message, const struct decoded *batch, uint64_t lsn)
{
	const size_t now = batch->reply_len[REPLY_NOW], stored = batch->reply_len[REPLY_STORED];

	if (!now && !stored)
		return;
	struct route route = route_of(message);
	if (now)
		send_reply(udp, &route, batch->reply[REPLY_NOW], now);
	if (stored && lsn <= intake_safe(udp->intake))
		send_reply(udp, &route, batch->reply[REPLY_STORED], stored);
	else if (stored)
		hold(udp, &route, batch->reply[REPLY_STORED], stored, lsn);
}

// ---- what comes in

// Why the device that the sender named is not welcome, or NULL. The directory is asked when the
// name changes.
static const char *refuse(struct udp *udp, struct sender *sender)
{
	const struct session *session = &sender->feed.session;
	const struct device *known = sender->device;
	struct device *device;

	if (session->ident_len == 0 ||
		(known && known->ident_len == session->ident_len &&
			!intake_objection(known, &sender->feed) &&
			!memcmp(known->ident, session->ident, session->ident_len)))
		return NULL;
	const char *refusal = intake_admit(udp->intake, &sender->feed, &device);
	sender->device = device;
	return refusal;
}

static void send_command(struct udp *udp, struct msghdr *message, const struct sender *sender)
{
	uint8_t command[COMMAND_FRAME_MAX];
	const size_t len = intake_command(udp->intake, &sender->feed, &sender->peer, command);

	if (!len)
		return;
	struct route route = route_of(message);
	send_reply(udp, &route, command, len);
}

// Without memory for it nothing is asked for again, and the photo ends in time.
static void keep_route(struct sender *sender, struct msghdr *message)
{
	if (!sender->feed.session.photo) {
		free(sender->route);
		sender->route = NULL;
		return;
	}
	if (!sender->route)
		sender->route = malloc(sizeof(*sender->route));
	if (sender->route)
		*sender->route = route_of(message);
}

// Does the sender's feed wait for something? Then the timer looks after it.
static void queue_late(struct udp *udp, struct sender *sender)
{
	list_remove(&sender->late);
	if (!feed_waits(&sender->feed))
		return;
	list_append(&udp->late, &sender->late);
	if (!ev_is_active(&udp->timer))
		ev_timer_again(udp->loop, &udp->timer);
}

static void take(struct udp *udp, struct msghdr *message, const uint8_t *data, size_t len)
{
	struct intake *intake = udp->intake;
	const struct peer peer = peer_of_sockaddr(message->msg_name, TRANSPORT_UDP);
	struct sender *sender = find_sender(udp, &peer);

	if (!sender)
		return;
	feed_datagram(&sender->feed, intake_now_us());
	if (message->msg_flags & MSG_TRUNC) {
		intake_reject(intake, &sender->feed, &peer, "datagram too long", data, len);
		return;
	}
	while (len > 0) {
		size_t used;
		if (!intake_room_at_last(intake)) {
			intake->counters.udp_no_room++;
			break;
		}
		const enum feed_verdict verdict =
			feed_step(&sender->feed, data, len, &intake->batch, &used);
		if (verdict == FEED_MORE)
			break;
		data += used;
		len -= used;
		const char *refusal = refuse(udp, sender);
		const uint64_t lsn = intake_batch(intake, &sender->feed, &peer, refusal);
		if (!refusal) {
			reply(udp, message, &intake->batch, lsn);
			send_command(udp, message, sender);
		}
		if (verdict == FEED_CLOSE)
			break;
	}
	keep_route(sender, message);
	queue_late(udp, sender);
}

// What waited may be known by now, or has waited too long.
static void look_after(struct udp *udp, struct sender *sender)
{
	struct intake *intake = udp->intake;
	const struct decoded *batch = &intake->batch;
	const int64_t now_us = intake_now_us();

	if (!intake_room(intake))
		return;
	feed_expire(&sender->feed, now_us, now_us - FEED_HOLD_US, &intake->batch);
	if (feed_is_quiet(&sender->feed, batch))
		return;
	const char *refusal = refuse(udp, sender);
	intake_batch(intake, &sender->feed, &sender->peer, refusal);
	if (!refusal && sender->route && batch->reply_len[REPLY_NOW])
		send_reply(
			udp, sender->route, batch->reply[REPLY_NOW], batch->reply_len[REPLY_NOW]);
}

static void on_second(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct udp *udp = timer->data;
	struct list *next;

	(void)revents;
	for (struct list *at = udp->late.next; at != &udp->late; at = next) {
		struct sender *sender = list_item(at, struct sender, late);
		next = at->next;
		look_after(udp, sender);
		if (!feed_waits(&sender->feed))
			list_remove(&sender->late);
	}
	if (list_empty(&udp->late))
		ev_timer_stop(loop, timer);
}

// What would only have to wait for a moment stays in the socket until udp_resume; while the journal
// is full it is taken out and counted.
static bool must_wait(struct udp *udp)
{
	if (intake_room(udp->intake) || !udp->intake->waits)
		return false;
	ev_io_stop(udp->loop, &udp->io);
	return true;
}

void udp_resume(struct udp *udp)
{
	ev_io_start(udp->loop, &udp->io);
}

// One system call's worth. Returns the number of datagrams, 0 when there are none.
static int receive(struct udp *udp)
{
	for (size_t i = 0; i < BATCH; i++) {
		udp->messages[i].msg_hdr = (struct msghdr){
			.msg_name = &udp->addresses[i],
			.msg_namelen = sizeof(udp->addresses[i]),
			.msg_iov = &udp->vectors[i],
			.msg_iovlen = 1,
			.msg_control = udp->controls[i],
			.msg_controllen = CONTROL_SIZE,
		};
	}
	const int n = recvmmsg(udp->io.fd, udp->messages, BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++)
		take(udp, &udp->messages[i].msg_hdr, udp->data[i], udp->messages[i].msg_len);
	return n < 0 ? 0 : n;
}

static int buffer_of(int fd)
{
	int size = 0;
	socklen_t len = sizeof(size);

	getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, &len);
	return size;
}

// What the kernel had no room for in the socket: nobody else tells.
static void count_lost(struct udp *udp)
{
	uint32_t info[SK_MEMINFO_VARS] = {0};
	socklen_t len = sizeof(info);

	if (getsockopt(udp->io.fd, SOL_SOCKET, SO_MEMINFO, info, &len))
		return;
	const uint32_t lost = info[SK_MEMINFO_DROPS] - udp->drops, now = intake_now_s();
	if (!lost)
		return;
	udp->drops += lost;
	udp->intake->counters.udp_lost += lost;
	if (udp->told_s && now - udp->told_s < TELL_S)
		return;
	udp->told_s = now;
	log_warning("udp datagrams lost, the socket was full lost=%" PRIu64 " buffer_bytes=%d "
		    "what_to_do=\"give avld more of the processor, or a larger net.core.rmem_max\"",
		udp->intake->counters.udp_lost, buffer_of(udp->io.fd));
}

static void take_in(struct udp *udp, int calls)
{
	int count = 0;

	for (int n = BATCH; n == BATCH && calls > 0 && !must_wait(udp); calls--) {
		n = receive(udp);
		count += n;
	}
	if (count >= CROWD)
		count_lost(udp);
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int revents)
{
	(void)loop;
	(void)revents;
	take_in(watcher->data, TURN_CALLS);
}

void udp_finish(struct udp *udp)
{
	take_in(udp, END_CALLS);
}

struct udp *udp_new(struct ev_loop *loop, struct intake *intake, int fd)
{
	struct udp *udp = calloc(1, sizeof(*udp));

	if (!udp)
		return NULL;
	udp->loop = loop;
	udp->intake = intake;
	list_init(&udp->senders);
	list_init(&udp->late);
	ev_init(&udp->timer, on_second);
	udp->timer.repeat = 1;
	udp->timer.data = udp;
	for (size_t i = 0; i < BATCH; i++)
		udp->vectors[i] = (struct iovec){udp->data[i], DATAGRAM_MAX};
	ev_io_init(&udp->io, on_readable, fd, EV_READ);
	udp->io.data = udp;
	ev_io_start(loop, &udp->io);
	if (buffer_of(fd) < UDP_BUFFER)
		log_info("udp buffer is small, bursts may be lost bytes=%d "
			 "what_to_do=\"sysctl net.core.rmem_max=%d\"",
			buffer_of(fd), UDP_BUFFER);
	return udp;
}

void udp_free(struct udp *udp)
{
	while (!list_empty(&udp->senders))
		forget(udp, list_item(udp->senders.next, struct sender, turn));
	ev_timer_stop(udp->loop, &udp->timer);
	ev_io_stop(udp->loop, &udp->io);
	close(udp->io.fd);
	free(udp->held);
	free(udp);
}
