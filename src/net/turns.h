// SPDX-License-Identifier: MIT
// Peers that take turns. What they have sent stays in their sockets until they are served; all other peers are served at
// once, as their bytes arrive.
//
//   fresh: strangers that have something left of their share     served first; a few even under pressure
//   heavy: peers that have spent their share                     under pressure they are paused: not served until they
//                                                                have a share again, or the pressure ends
#ifndef AVLD_NET_TURNS_H
#define AVLD_NET_TURNS_H

#include "model/share.h"
#include "util/list.h"

#include <ev.h>
#include <stddef.h>

#define TURNS_WORK 4096 /* in a turn of the loop, about 5 ms; fresh peers get half of it at most */
#define TURNS_LOOK_MS                                                                              \
	100 /* under pressure, between looks for paused peers that have a share again */

struct turns;

// FRESH: heavy peers are left until another call; they do not count as left for the next turn.
enum turns_mode { TURNS_ALL, TURNS_FRESH, TURNS_PRESSURE };

// The owner of the peers. Its functions may remove any peer.
struct turns_owner {
	// Returns how peers are served in this turn of the loop.
	enum turns_mode (*mode)(struct turns *turns);
	// Serves the peer, which is in no list now. Returns the work that this has cost.
	uint64_t (*serve)(struct list *peer);
	// Returns true if something is left of the peer's share.
	bool (*has_share)(struct list *peer, uint32_t now_ms);
	// Notes that the peer is paused.
	void (*pause)(struct list *peer);
};

// A peer is in one of the lists, by time of joining, until it is served or its owner removes it.
struct turns {
	struct list fresh, heavy, paused;
	uint64_t pauses;      /* so far */
	struct share trickle; /* the work of fresh peers under pressure */
	uint32_t looked_ms;
	const struct turns_owner *owner; /* this and the watchers: from turns_start to turns_stop */
	ev_prepare prepare;
	ev_idle unserved;  /* runs while peers are left for the next turn of the loop */
	ev_timer pressure; /* runs while peers take turns under pressure */
};

void turns_init(struct turns *turns);
// Serves peers once in each turn of the loop, before all other watchers that prepare it for its sleep.
void turns_start(struct turns *turns, struct ev_loop *loop, const struct turns_owner *owner);
void turns_stop(struct turns *turns, struct ev_loop *loop);
// Serves peers in turn. Returns true if others are left for the next turn of the loop.
bool turns_run(struct turns *turns, const struct turns_owner *owner, enum turns_mode mode,
	uint32_t now_ms);
// Returns true if no peer takes turns.
bool turns_empty(const struct turns *turns);
size_t turns_count_paused(const struct turns *turns);

// Work of strangers that is accepted under pressure, by each transport: enough for the log-ins of a fleet that arrives.
extern const struct share_rate turns_trickle;

#endif
