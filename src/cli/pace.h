// SPDX-License-Identifier: MIT
// How long the loop sleeps before it polls. While busy (many frames arrive, or the database has to catch up) it sleeps a
// millisecond, so that each turn handles many events. Otherwise it polls at once: the sleep would cost a wake-up of its
// own and delay every tracker.
#ifndef AVLD_CLI_PACE_H
#define AVLD_CLI_PACE_H

#include <ev.h>
#include <stdint.h>

struct pace {
	uint64_t frames; /* at time_s */
	double time_s;   /* when the rate was last measured */
};

// Called once per turn. frames: all so far; pending: bytes of the journal that are not in the database yet.
void pace_choose(struct pace *pace, struct ev_loop *loop, uint64_t frames, uint64_t pending);

#endif
