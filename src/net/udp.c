// SPDX-License-Identifier: MIT
// Datagrams and their replies.
//
// A datagram gets one datagram of replies at most: they are collected until all its frames are processed. A sender
// has proved itself when, after a reply, a datagram with only valid frames of an admitted device arrives. Before that
// no reply is larger than its datagram. Afterwards one may be, but in all no more bytes are sent in reply than have
// arrived; from the second minute on, twice as many (a JT/T 808 heartbeat has 15 bytes, its reply 20). Commands do not
// count, nor do requests for parts of photos, which only proved senders get.
#include "net/udp.h"

#include "intake/conversation_share.h"
#include "intake/trace.h"
#include "net/turns.h"
#include "net/udp_held.h"
#include "net/udp_senders.h"
#include "util/clock.h"
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
// System calls a loop turn: 2,048 datagrams take about as long as what TCP may use of a turn (TURNS_WORK).
#define TURN_CALLS   32
#define FINISH_CALLS 4096 /* at shutdown: more than the socket holds */
#define CROWD        16   /* datagrams in a turn from which on the socket may have been full */
#define WARN_S       60   /* between warnings of lost datagrams */
#define REPLY_MAX    2048 /* bytes of all replies to one datagram; that of one frame fits */
#define CREDIT_MAX   8192
#define YOUNG_US     INT64_C(60000000)
#define DATAGRAM_MAX 4096 /* also where a decoder declares more: a longer one is a reject */
#define CONTROL_SIZE 64

struct udp {
	ev_io io;
	struct ev_loop *loop;
	struct conversation_transport transport;
	struct udp_senders senders;
	struct share trickle;   /* datagrams of strangers under pressure */
	ev_timer timer;         /* runs while conversations are pending */
	struct msghdr *message; /* the current datagram; NULL: none */
	struct udp_held held;
	uint32_t drops;    /* the kernel's count, when asked last */
	uint32_t warned_s; /* when a loss was logged; 0: never */
	uint32_t over_share_logged_s;
	struct {              /* the replies to the current datagram */
		uint64_t lsn; /* they may be sent when the journal is safe up to this; 0: now */
		size_t len, request_len;
		uint32_t frames, rejects; /* of the feed, before the datagram */
		uint8_t data[REPLY_MAX];
	} reply;
	struct mmsghdr messages[BATCH];
	struct iovec vectors[BATCH];
	struct sockaddr_storage addresses[BATCH];
	uint8_t controls[BATCH][CONTROL_SIZE];
	uint8_t data[BATCH][DATAGRAM_MAX];
};

static struct udp_sender *sender_of(struct conversation *conversation)
{
	return list_item(conversation, struct udp_sender, conversation);
}

// ---- replies

static struct udp_route route_of(struct msghdr *message)
{
	struct udp_route route = {.to_len = (uint16_t)message->msg_namelen};

	assert(message->msg_namelen <= sizeof(route.to));
	memcpy(&route.to, message->msg_name, message->msg_namelen);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		const bool v4 = c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO;
		const bool v6 = c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO;
		const size_t space = CMSG_SPACE(c->cmsg_len - CMSG_LEN(0));
		if ((!v4 && !v6) || space > sizeof(route.control))
			continue;
		route.control_len = (uint16_t)space;
		memcpy(route.control, c, c->cmsg_len);
	}
	return route;
}

// Sends once. A reply that cannot be sent is lost, as any datagram may be: the tracker will send again.
static void send_reply(
	const struct udp *udp, struct udp_route *route, const uint8_t *data, size_t len)
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

// Returns true if the current datagram proves the sender: a reply was sent to it before, and all is valid so far.
static bool is_proof(const struct udp *udp, const struct udp_sender *sender)
{
	const struct conversation *conversation = &sender->conversation;

	return sender->replied && conversation->device &&
	       conversation->feed.frames != udp->reply.frames &&
	       conversation->feed.rejects == udp->reply.rejects;
}

// Returns the most bytes that may be sent in reply to the current datagram.
static size_t reply_most(const struct udp *udp, const struct udp_sender *sender)
{
	const bool proved = sender->proved || is_proof(udp, sender);
	const size_t most = proved ? sender->credit : udp->reply.request_len;

	return most < REPLY_MAX ? most : REPLY_MAX;
}

// Collects the reply to the current datagram; without one, sends a request to where the sender's photo is asked for.
static bool on_reply(struct conversation_transport *transport, struct conversation *conversation,
	const uint8_t *data, size_t len, uint64_t lsn)
{
	struct udp *udp = list_item(transport, struct udp, transport);
	const struct udp_sender *sender = sender_of(conversation);

	if (!udp->message) {
		if (sender->route && sender->proved)
			send_reply(udp, sender->route, data, len);
		return true;
	}
	if (transport->commanding) {
		struct udp_route route = route_of(udp->message);
		send_reply(udp, &route, data, len);
		return true;
	}
	const size_t most = reply_most(udp, sender);
	if (most < udp->reply.len || len > most - udp->reply.len) {
		transport->intake->counters.udp_withheld++;
		return true;
	}
	memcpy(udp->reply.data + udp->reply.len, data, len);
	udp->reply.len += len;
	if (lsn > udp->reply.lsn)
		udp->reply.lsn = lsn;
	return true;
}

static void begin_reply(struct udp *udp, struct udp_sender *sender, size_t request_len)
{
	const struct conversation *conversation = &sender->conversation;
	const bool young =
		conversation->feed.session.received_us - conversation->opened_us < YOUNG_US;
	const size_t credit = sender->credit + request_len * (young ? 1 : 2);

	sender->credit = (uint16_t)(credit < CREDIT_MAX ? credit : CREDIT_MAX);
	udp->reply.lsn = udp->reply.len = 0;
	udp->reply.request_len = request_len;
	udp->reply.frames = conversation->feed.frames;
	udp->reply.rejects = conversation->feed.rejects;
}

// Sends what was collected, or holds it until the journal is safe.
static void end_reply(struct udp *udp, struct udp_sender *sender)
{
	sender->proved |= is_proof(udp, sender);
	if (!udp->reply.len)
		return;
	struct udp_route route = route_of(udp->message);
	sender->replied = true;
	sender->credit -=
		(uint16_t)(udp->reply.len < sender->credit ? udp->reply.len : sender->credit);
	if (!udp->reply.lsn)
		send_reply(udp, &route, udp->reply.data, udp->reply.len);
	else if (!udp_held_add(&udp->held, udp->reply.lsn, &route, udp->reply.data, udp->reply.len))
		udp->transport.intake->counters.udp_replies_dropped++;
}

void udp_synced(struct udp *udp)
{
	const uint64_t safe = intake_safe(udp->transport.intake);
	struct udp_held_reply *reply;

	while ((reply = udp_held_first(&udp->held)) && reply->lsn <= safe) {
		send_reply(udp, &reply->route, reply->data, reply->len);
		udp_held_remove(&udp->held);
	}
}

bool udp_holds_replies(const struct udp *udp)
{
	return udp_held_first(&udp->held) != NULL;
}

// ---- conversations

// Without memory for it no part is asked for again, and the photo ends when its time is over.
static void keep_route(struct udp_sender *sender, struct msghdr *message)
{
	if (!sender->conversation.feed.session.photo) {
		free(sender->route);
		sender->route = NULL;
		return;
	}
	if (!sender->route)
		sender->route = malloc(sizeof(*sender->route));
	if (sender->route)
		*sender->route = route_of(message);
}

static void queue_pending(struct udp *udp, struct udp_sender *sender)
{
	udp_senders_place_pending(&udp->senders, sender);
	if (conversation_is_pending(&sender->conversation) && !ev_is_active(&udp->timer))
		ev_timer_again(udp->loop, &udp->timer);
}

// Returns true if the datagram of this sender (NULL: not heard of lately) is accepted while the database is behind. What is
// dropped may be lost, so a sender with a device is only limited when it is far behind.
static bool is_accepted(struct udp *udp, struct udp_sender *sender)
{
	const uint32_t now_ms = clock_coarse_ms();

	if (sender && sender->conversation.device && udp->transport.intake->backlog != BACKLOG_FAR)
		return true;
	if (sender && conversation_is_established(&sender->conversation))
		return conversation_share_is_left(&sender->conversation, now_ms);
	if (!share_is_left(&udp->trickle, &turns_trickle, now_ms))
		return false;
	share_spend(&udp->trickle, &turns_trickle, 1, now_ms);
	return true;
}

static void drop_over_share(
	struct udp *udp, const struct udp_sender *sender, const struct peer *peer)
{
	const uint32_t now_s = clock_coarse_s();
	char text[PEER_TEXT_MAX];

	udp->transport.intake->counters.udp_over_share++;
	if (udp->over_share_logged_s && now_s - udp->over_share_logged_s < WARN_S)
		return;
	udp->over_share_logged_s = now_s;
	log_warning("udp datagrams dropped peer=%s frames=%u so_far=%" PRIu64
		    " reason=\"sends more than its share while the database is behind\"",
		peer_text(peer, text), sender ? sender->conversation.feed.frames : 0,
		udp->transport.intake->counters.udp_over_share);
}

static void process(struct udp *udp, struct msghdr *message, const uint8_t *data, size_t len)
{
	struct intake *intake = udp->transport.intake;
	const struct peer peer = peer_of_sockaddr(message->msg_name, TRANSPORT_UDP);
	struct udp_sender *sender = udp_senders_find(&udp->senders, &peer);

	intake->counters.udp_datagrams++;
	if (intake->backlog != BACKLOG_SMALL && !is_accepted(udp, sender)) {
		drop_over_share(udp, sender, &peer);
		return;
	}
	if (!sender)
		sender = udp_senders_add(&udp->senders, &udp->transport, &peer);
	if (!sender) {
		intake->counters.udp_no_memory++;
		return;
	}
	struct conversation *conversation = &sender->conversation;
	feed_datagram(&conversation->feed, clock_utc_us());
	if (message->msg_flags & MSG_TRUNC) {
		intake_count_unusable(intake, &conversation->feed, &peer, len);
		intake_reject(intake, &conversation->feed, &peer, "datagram too long", data, len);
		if (intake->trace)
			trace_unusable(intake, conversation, "datagram too long",
				(struct text){(const char *)data, len});
		udp_senders_note_active(&udp->senders, sender);
		return;
	}
	udp->message = message;
	begin_reply(udp, sender, len);
	if (len > 0 && (!intake_wait_for_room(intake) ||
			       conversation_feed(&udp->transport, conversation, data, len).state ==
				       CONVERSATION_NO_ROOM))
		intake->counters.udp_no_room++;
	end_reply(udp, sender);
	udp->message = NULL;
	udp_senders_note_active(&udp->senders, sender);
	keep_route(sender, message);
	queue_pending(udp, sender);
}

static void on_second(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct udp *udp = timer->data;
	struct list *next;

	(void)revents;
	for (struct list *at = udp->senders.pending.next; at != &udp->senders.pending; at = next) {
		struct udp_sender *sender = list_item(at, struct udp_sender, pending);
		next = at->next;
		conversation_each_second(&udp->transport, &sender->conversation, NULL, 0);
		if (!conversation_is_pending(&sender->conversation))
			list_remove(&sender->pending);
	}
	if (list_empty(&udp->senders.pending))
		ev_timer_stop(loop, timer);
}

// ---- receiving

// While only a new segment is missing, datagrams stay in the socket until udp_resume; while the journal is
// full they are read and counted.
static bool must_pause(struct udp *udp)
{
	struct intake *intake = udp->transport.intake;

	if (intake_has_room(intake) || !intake->waits)
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
		process(udp, &udp->messages[i].msg_hdr, udp->data[i], udp->messages[i].msg_len);
	return n < 0 ? 0 : n;
}

static int buffer_of(int fd)
{
	int size = 0;
	socklen_t len = sizeof(size);

	getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, &len);
	return size;
}

// Counts the datagrams that the kernel dropped because the socket was full; nothing else reports them.
static void count_lost(struct udp *udp)
{
	struct intake_counters *counters = &udp->transport.intake->counters;
	uint32_t info[SK_MEMINFO_VARS] = {0};
	socklen_t len = sizeof(info);

	if (getsockopt(udp->io.fd, SOL_SOCKET, SO_MEMINFO, info, &len))
		return;
	const uint32_t lost = info[SK_MEMINFO_DROPS] - udp->drops, now = clock_coarse_s();
	if (!lost)
		return;
	udp->drops += lost;
	counters->udp_lost += lost;
	if (udp->warned_s && now - udp->warned_s < WARN_S)
		return;
	udp->warned_s = now;
	log_warning("udp datagrams lost count=%" PRIu64 " reason=\"socket full\" buffer_bytes=%d "
		    "what_to_do=\"give avld more processor time, or raise net.core.rmem_max\"",
		counters->udp_lost, buffer_of(udp->io.fd));
}

static void receive_all(struct udp *udp, int calls)
{
	int count = 0;

	for (int n = BATCH; n == BATCH && calls > 0 && !must_pause(udp); calls--) {
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
	receive_all(watcher->data, TURN_CALLS);
}

void udp_finish(struct udp *udp)
{
	receive_all(udp, FINISH_CALLS);
}

struct udp *udp_new(struct ev_loop *loop, struct intake *intake, int fd)
{
	struct udp *udp = calloc(1, sizeof(*udp));

	if (!udp)
		return NULL;
	udp->loop = loop;
	udp->transport = (struct conversation_transport){.intake = intake, .send = on_reply};
	udp_senders_init(&udp->senders);
	ev_init(&udp->timer, on_second);
	udp->timer.repeat = 1;
	udp->timer.data = udp;
	for (size_t i = 0; i < BATCH; i++)
		udp->vectors[i] = (struct iovec){udp->data[i], DATAGRAM_MAX};
	ev_io_init(&udp->io, on_readable, fd, EV_READ);
	udp->io.data = udp;
	ev_io_start(loop, &udp->io);
	if (buffer_of(fd) < UDP_BUFFER)
		log_info("udp buffer is small bytes=%d effect=\"bursts may be lost\" "
			 "what_to_do=\"sysctl net.core.rmem_max=%d\"",
			buffer_of(fd), UDP_BUFFER);
	return udp;
}

void udp_free(struct udp *udp)
{
	udp_senders_done(&udp->senders, &udp->transport);
	ev_timer_stop(udp->loop, &udp->timer);
	ev_io_stop(udp->loop, &udp->io);
	close(udp->io.fd);
	udp_held_done(&udp->held);
	free(udp);
}
