// SPDX-License-Identifier: MIT
#include "net/conn_queues.h"

#include "intake/conversation_share.h"
#include "net/conn_addresses.h"
#include "util/clock.h"

#define UNREAD_US INT64_C(10000000) /* time to read the replies left unread */
#define SNIFF_US  INT64_C(30000000) /* time for the first bytes to show their protocol */
#define LINGER_US                                                                                  \
	INT64_C(2000000) /* time that held replies may keep the socket of an ended one open */
#define EVICT_S    2     /* silence before an unproven connection makes room for a new one */
#define EVICT_LOOK 256   /* connections looked at for one of the same address */

static struct conn *conn_of(struct list *turn)
{
	return list_item(turn, struct conn, turn);
}

void conn_queues_init(struct conn_queues *queues)
{
	list_init(&queues->login);
	list_init(&queues->probation);
	list_init(&queues->idle);
	list_init(&queues->unread);
	list_init(&queues->paused);
	list_init(&queues->lingering);
	turns_init(&queues->turns);
	list_init(&queues->sniffing);
	list_init(&queues->pending);
}

// ---- the list of a connection

void conn_queues_add(struct conn_queues *queues, struct conn *c)
{
	list_init(&c->turn);
	list_init(&c->pending);
	list_append(&queues->login, &c->turn);
	list_append(&queues->sniffing, &c->pending);
}

void conn_queues_remove(struct conn *c)
{
	list_remove(&c->turn);
	list_remove(&c->pending);
	c->waits = false;
}

static struct list *list_of(struct conn_queues *queues, const struct conn *c)
{
	return c->lingers                                       ? &queues->lingering
	       : c->paused                                      ? &queues->paused
	       : c->unread                                      ? &queues->unread
	       : !conversation_is_known(&c->conversation)       ? &queues->login
	       : conversation_is_on_probation(&c->conversation) ? &queues->probation
								: &queues->idle;
}

void conn_queues_place(struct conn_queues *queues, struct conn *c)
{
	if (c->waits)
		return;
	list_remove(&c->turn);
	list_append(list_of(queues, c), &c->turn);
}

void conn_queues_note_active(struct conn_queues *queues, struct conn *c)
{
	if (conversation_is_known(&c->conversation) || c->unread)
		c->conversation.active_s = clock_coarse_s();
	conn_queues_place(queues, c);
}

void conn_queues_place_pending(struct conn_queues *queues, struct conn *c)
{
	if (!c->conversation.feed.session.decoder)
		return; // it stays in `sniffing`
	list_remove(&c->pending);
	if (conversation_is_pending(&c->conversation))
		list_append(&queues->pending, &c->pending);
}

void conn_queues_wait(struct conn_queues *queues, struct conn *c)
{
	const bool fresh = conversation_share_is_left(&c->conversation, clock_coarse_ms());

	list_remove(&c->turn);
	list_append(fresh ? &queues->turns.fresh : &queues->turns.heavy, &c->turn);
	if (!fresh)
		above_share_note(&queues->above, &c->above, &c->conversation, clock_coarse_s());
	c->waits = true;
}

// ---- time

bool conn_queues_is_over(const struct conn *c, int64_t after_us, uint32_t now_s)
{
	return (int64_t)(now_s - c->conversation.active_s) * 1000000 >= after_us;
}

static void expire(struct list *list, int64_t after_us, uint32_t now_s,
	conn_queues_expired *expired, const char *reason)
{
	while (!list_empty(list)) {
		struct conn *c = conn_of(list->next);
		if (!conn_queues_is_over(c, after_us, now_s))
			return;
		expired(c, reason);
	}
}

// A connection that is not read is left alone: unread bytes may show its protocol.
static void expire_sniffing(
	struct conn_queues *queues, uint32_t now_s, conn_queues_expired *expired)
{
	struct list *next;

	for (struct list *at = queues->sniffing.next; at != &queues->sniffing; at = next) {
		struct conn *c = list_item(at, struct conn, pending);
		next = at->next;
		if (!conn_queues_is_over(c, SNIFF_US, now_s))
			return;
		if (!c->paused && !c->waits)
			expired(c, "no protocol found in time");
	}
}

void conn_queues_expire(struct conn_queues *queues, const struct config *config, uint32_t now_s,
	conn_queues_expired *expired)
{
	const int64_t login_us = config->server.login_timeout_us;
	const int64_t idle_us = config->server.idle_timeout_us;

	expire(&queues->login, login_us, now_s, expired, "login timeout");
	expire(&queues->idle, idle_us, now_s, expired, "idle timeout");
	// A new device that sends its first report and nothing more gets no longer than a peer that sends nothing.
	if (login_us < idle_us)
		expire(&queues->probation, login_us, now_s, expired,
			"silent after its first report");
	else
		expire(&queues->probation, idle_us, now_s, expired, "idle timeout");
	expire(&queues->unread, UNREAD_US, now_s, expired, "does not read its replies");
	expire(&queues->lingering, LINGER_US, now_s, expired, NULL);
	expire_sniffing(queues, now_s, expired);
}

void conn_queues_visit_pending(struct conn_queues *queues, conn_queues_visit *visit)
{
	struct list todo; // one connection may close another: so each is taken off the head

	list_init(&todo);
	while (!list_empty(&queues->pending)) {
		struct list *first = queues->pending.next;
		list_remove(first);
		list_append(&todo, first);
	}
	while (!list_empty(&todo)) {
		struct conn *c = list_item(todo.next, struct conn, pending);
		list_remove(&c->pending);
		visit(c);
	}
}

void conn_queues_visit_all(struct conn_queues *queues, conn_queues_visit *visit)
{
	struct list *const lists[] = {&queues->lingering, &queues->login, &queues->probation,
		&queues->idle, &queues->turns.fresh, &queues->turns.heavy, &queues->turns.paused,
		&queues->unread, &queues->paused};

	for (size_t i = 0; i < sizeof(lists) / sizeof(struct list *); i++)
		while (!list_empty(lists[i]))
			visit(conn_of(lists[i]->next));
}

struct conn *conn_queues_first_paused(const struct conn_queues *queues)
{
	return list_empty(&queues->paused) ? NULL : conn_of(queues->paused.next);
}

// ---- making room

// Returns the longest silent connection of the list, of this address if it is not NULL; NULL: none found.
static struct conn *find_silent(struct list *list, const struct peer *peer, uint32_t now_s)
{
	int looks = EVICT_LOOK;

	for (struct list *at = list->next; at != list && looks-- > 0; at = at->next) {
		struct conn *c = conn_of(at);
		if (now_s - c->conversation.active_s < EVICT_S)
			return NULL;
		if (!peer || conn_addresses_same(peer, &c->conversation.peer))
			return c;
	}
	return NULL;
}

struct conn *conn_queues_find_unproven(
	struct conn_queues *queues, const struct peer *peer, uint32_t now_s)
{
	struct conn *login = find_silent(&queues->login, peer, now_s);
	struct conn *on_probation = find_silent(&queues->probation, peer, now_s);

	if (!login || (on_probation && now_s - on_probation->conversation.active_s >
					       now_s - login->conversation.active_s))
		return on_probation;
	return login;
}
