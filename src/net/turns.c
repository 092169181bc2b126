// SPDX-License-Identifier: MIT
#include "net/turns.h"

#include "util/clock.h"

const struct share_rate turns_trickle = {.burst = 500, .per_s = 1000};

void turns_init(struct turns *turns)
{
	*turns = (struct turns){0};
	list_init(&turns->fresh);
	list_init(&turns->heavy);
	list_init(&turns->paused);
}

bool turns_empty(const struct turns *turns)
{
	return list_empty(&turns->fresh) && list_empty(&turns->heavy) && list_empty(&turns->paused);
}

size_t turns_count_paused(const struct turns *turns)
{
	size_t count = 0;

	for (const struct list *at = turns->paused.next; at != &turns->paused; at = at->next)
		count++;
	return count;
}

static void move(struct list *peer, struct list *to)
{
	list_remove(peer);
	list_append(to, peer);
}

static uint64_t serve_first(struct list *list, const struct turns_owner *owner)
{
	struct list *peer = list->next;

	list_remove(peer);
	return owner->serve(peer);
}

static uint64_t serve(
	struct list *list, const struct turns_owner *owner, uint64_t work, uint64_t most)
{
	while (!list_empty(list) && work < most)
		work += serve_first(list, owner);
	return work;
}

static void serve_trickle(struct turns *turns, const struct turns_owner *owner, uint32_t now_ms)
{
	while (!list_empty(&turns->fresh) && share_is_left(&turns->trickle, &turns_trickle, now_ms))
		share_spend(
			&turns->trickle, &turns_trickle, serve_first(&turns->fresh, owner), now_ms);
}

static void look_for_shares(struct turns *turns, const struct turns_owner *owner, uint32_t now_ms)
{
	struct list todo; // one peer may remove another: so each is taken off the head

	if (now_ms - turns->looked_ms < TURNS_LOOK_MS)
		return;
	turns->looked_ms = now_ms;
	list_init(&todo);
	while (!list_empty(&turns->paused))
		move(turns->paused.next, &todo);
	while (!list_empty(&todo)) {
		if (owner->has_share(todo.next, now_ms))
			serve_first(&todo, owner);
		else
			move(todo.next, &turns->paused);
	}
}

static void pause_heavy(struct turns *turns, const struct turns_owner *owner)
{
	while (!list_empty(&turns->heavy)) {
		struct list *peer = turns->heavy.next;
		move(peer, &turns->paused);
		turns->pauses++;
		owner->pause(peer);
	}
}

bool turns_run(
	struct turns *turns, const struct turns_owner *owner, enum turns_mode mode, uint32_t now_ms)
{
	if (turns_empty(turns))
		return false;
	if (mode == TURNS_PRESSURE) {
		serve_trickle(turns, owner, now_ms);
		look_for_shares(turns, owner, now_ms);
		pause_heavy(turns, owner);
		return false;
	}
	uint64_t work = serve(&turns->fresh, owner, 0, TURNS_WORK / 2);
	if (mode == TURNS_FRESH)
		return !list_empty(&turns->fresh);
	work = serve(&turns->paused, owner, work, TURNS_WORK);
	serve(&turns->heavy, owner, work, TURNS_WORK);
	return !turns_empty(turns);
}

// ---- turns of the loop

// These keep the loop from sleeping (too long) before the next on_prepare.
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

static void on_prepare(struct ev_loop *loop, ev_prepare *prepare, int revents)
{
	struct turns *turns = list_item(prepare, struct turns, prepare);
	const struct turns_owner *owner = turns->owner;

	(void)revents;
	const bool left = turns_run(turns, owner, owner->mode(turns), clock_coarse_ms());
	if (left)
		ev_idle_start(loop, &turns->unserved);
	else
		ev_idle_stop(loop, &turns->unserved);
	if (left || turns_empty(turns))
		ev_timer_stop(loop, &turns->pressure);
	else if (!ev_is_active(&turns->pressure))
		ev_timer_again(loop, &turns->pressure);
}

void turns_start(struct turns *turns, struct ev_loop *loop, const struct turns_owner *owner)
{
	turns->owner = owner;
	ev_prepare_init(&turns->prepare, on_prepare);
	ev_set_priority(&turns->prepare, EV_MAXPRI);
	ev_prepare_start(loop, &turns->prepare);
	ev_idle_init(&turns->unserved, on_unserved);
	ev_init(&turns->pressure, on_pressure);
	turns->pressure.repeat = TURNS_LOOK_MS / 1e3;
}

void turns_stop(struct turns *turns, struct ev_loop *loop)
{
	ev_timer_stop(loop, &turns->pressure);
	ev_idle_stop(loop, &turns->unserved);
	ev_prepare_stop(loop, &turns->prepare);
}
