// SPDX-License-Identifier: MIT
// The time a peer may take.
//
// It is in one of these lists, each in the order in which its time runs out, so that one timer
// serves all:
//   login: no ident yet, by time of connection     idle: ident known, by last activity
//   paused: the journal is full                    lingering: see conn_send.c
// Beside that it is in `sniffing`, by time of connection, as long as no decoder has been found for it;
// afterwards in `late`, while its feed is open or waits.
#include "net/conn_internal.h"

#include <time.h>

#define OPEN_MS   1000              /* what is open is whole when nothing followed for so long */
#define SNIFF_US  INT64_C(30000000) /* how long the first bytes may leave the protocol open */
#define LINGER_US INT64_C(2000000)  /* how long replies may keep a conversation's socket */

// ---- the lists

static uint32_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint32_t)now.tv_sec * 1000 + (uint32_t)(now.tv_nsec / 1000000);
}

void conn_queue(struct conn *c)
{
	struct conns *conns = conns_of(c);

	if (conn_is_known(c))
		c->active_s = intake_now_s();
	list_remove(&c->turn);
	list_append(c->paused          ? &conns->paused
		    : conn_is_known(c) ? &conns->idle
				       : &conns->login,
		&c->turn);
}

void conn_queue_late(struct conn *c)
{
	if (!c->feed.session.decoder)
		return;
	list_remove(&c->late);
	if (c->feed.open)
		c->open_ms = now_ms();
	if (c->feed.open || feed_waits(&c->feed))
		list_append(&conns_of(c)->late, &c->late);
}

// ---- once a second

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
	const char *end = conn_take_batch(c);
	if (!end && !conn_keep(c, c->in + used, c->in_len - used))
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
	const char *end = feed_is_quiet(&c->feed, &intake->batch) ? NULL : conn_take_batch(c);
	if (end)
		conn_end(c, end);
	return !end;
}

static void look_after(struct conn *c)
{
	struct intake *intake = conns_of(c)->intake;
	const bool known = conn_is_known(c);

	if (c->feed.open && !c->paused && now_ms() - c->open_ms >= OPEN_MS && intake_room(intake) &&
		!take_open(c))
		return;
	if (feed_waits(&c->feed) && intake_room(intake) && !take_held(c))
		return;
	if (known && !conn_is_known(c)) { // as if it had only just come
		c->active_s = intake_now_s();
		conn_queue(c);
	} else if (!known && conn_is_known(c)) {
		conn_queue(c);
	}
	if (c->feed.open || feed_waits(&c->feed))
		list_append(&conns_of(c)->late, &c->late);
	conn_flush(c);
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

void conns_on_second(struct ev_loop *loop, ev_timer *timer, int revents)
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
	conn_refusals_each_second(&conns->refused, conns->intake);
}
