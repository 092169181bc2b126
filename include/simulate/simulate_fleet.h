// SPDX-License-Identifier: MIT
// All simulated trackers and their sockets: what `avld simulate` runs.
#ifndef AVLD_SIMULATE_SIMULATE_FLEET_H
#define AVLD_SIMULATE_SIMULATE_FLEET_H

#include "simulate/simulate_run.h"

struct simulate_link;

struct simulate_fleet {
	struct simulate_run run;
	struct simulate_link *links; /* one per device */
	uint32_t begun;              /* links that are not NEW */
	uint32_t ended;              /* links that are DONE or FAILED */
	uint64_t woken;              /* reports due whose links have been woken */
	int64_t scheduled_us;        /* start of the schedule, on the monotonic clock */
	ev_timer tick;
	ev_prepare starter;
	ev_signal interrupt, terminate;
	ev_timer grace; /* from Ctrl-C to the end */
};

// Starts connecting when the loop runs, and breaks the loop when all links have ended. options and the loop must
// outlive the fleet. Returns false if memory or descriptors do not suffice, with the reason in run.trouble.
bool simulate_fleet_init(
	struct simulate_fleet *fleet, struct ev_loop *loop, const struct simulate_options *options);

// Stops all links: in order after the first call, at once after the second.
void simulate_fleet_stop(struct simulate_fleet *fleet);

// Aborts all links.
void simulate_fleet_give_up(struct simulate_fleet *fleet);

// Updates run.heard and run.reached: over UDP a link counts as reached when nothing refused its records for 0.2 s.
void simulate_fleet_check(struct simulate_fleet *fleet, double now);

// Returns the ident of a device, NUL-terminated.
const char *simulate_fleet_ident(const struct simulate_fleet *fleet, uint32_t index);

void simulate_fleet_done(struct simulate_fleet *fleet);

#endif
