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

#include <stddef.h>

#define TURNS_WORK 4096 /* in a turn of the loop, about 5 ms; fresh peers get half of it at most */
#define TURNS_LOOK_MS                                                                              \
	100 /* under pressure, between looks for paused peers that have a share again */

// A peer is in one of the lists, by time of joining, until it is served or its owner removes it.
struct turns {
	struct list fresh, heavy, paused;
	uint64_t pauses;      /* so far */
	struct share trickle; /* the work of fresh peers under pressure */
	uint32_t looked_ms;
};

// The owner of the peers. Its functions may remove any peer.
struct turns_owner {
	// Serves the peer, which is in no list now. Returns the work that this has cost.
	uint64_t (*serve)(struct list *peer);
	// Returns true if something is left of the peer's share.
	bool (*has_share)(struct list *peer, uint32_t now_ms);
	// Notes that the peer is paused.
	void (*pause)(struct list *peer);
};

void turns_init(struct turns *turns);
// FRESH: heavy peers are left until another call; they do not count as left for the next turn.
enum turns_mode { TURNS_ALL, TURNS_FRESH, TURNS_PRESSURE };
// Serves peers in turn. Returns true if others are left for the next turn of the loop.
bool turns_run(struct turns *turns, const struct turns_owner *owner, enum turns_mode mode,
	uint32_t now_ms);
// Returns true if no peer takes turns.
bool turns_empty(const struct turns *turns);
size_t turns_count_paused(const struct turns *turns);

// Work of strangers that is accepted under pressure, by each transport: enough for the log-ins of a fleet that arrives.
extern const struct share_rate turns_trickle;

#endif
