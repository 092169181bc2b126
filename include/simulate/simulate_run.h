// SPDX-License-Identifier: MIT
// What all simulated trackers of one run share: options, schedule and counters.
#ifndef AVLD_SIMULATE_SIMULATE_RUN_H
#define AVLD_SIMULATE_SIMULATE_RUN_H

#include "simulate/simulate_protocol.h"
#include "simulate/simulate_schedule.h"

#include <ev.h>
#include <stdio.h>
#include <sys/socket.h>

#define SIMULATE_SEED_MAX 999999
#define TROUBLE_MAX       96

struct simulate_options {
	const char *target; /* as the user wrote it */
	struct sockaddr_storage address;
	socklen_t address_len;
	const struct simulate_protocol *const *protocols; /* devices use them in turn */
	size_t protocol_count;                            /* at least 1 */
	uint32_t devices, seed;
	uint64_t count, rate_milli; /* as in struct simulate_schedule */
	bool udp;
	bool deltas, gaps; /* as in struct simulate_tracker */
	bool photos;       /* trackers have a camera, if their model can have one */
	FILE *track;       /* gets a line per report made; NULL: none */
};

struct simulate_run {
	struct ev_loop *loop;
	const struct simulate_options *options;
	struct simulate_schedule schedule;
	uint64_t due;   /* reports due by now */
	bool scheduled; /* the schedule has started, with the first connection */
	bool stopping;  /* no new connections */
	bool reached;   /* a server answered */
	bool interrupted;
	bool gave_up;
	uint32_t connecting, open;
	uint64_t made;             /* reports written */
	uint64_t unsent;           /* reports written but never sent: their link failed */
	uint64_t again;            /* records sent again */
	uint64_t asked;            /* frames that need an acknowledgement */
	uint64_t answered;         /* frames acknowledged */
	uint64_t missing;          /* frames never acknowledged */
	uint64_t strange;          /* unexpected answers */
	uint64_t obeyed;           /* commands executed */
	uint64_t photos;           /* photos that the server fetched */
	uint64_t breaks;           /* connections lost or failed */
	uint64_t reconnects;       /* connections made again */
	char trouble[TROUBLE_MAX]; /* reason of the newest break */
	double began;              /* ev_now at the start */
	double heard;              /* ev_now when a connection was last open */
	// Called by links: when a connection opens, and when a link is DONE or FAILED.
	void (*on_open)(struct simulate_run *run);
	void (*on_end)(struct simulate_run *run);
};

// Returns the protocol of a device, by its index.
static inline const struct simulate_protocol *simulate_run_protocol(
	const struct simulate_run *run, uint32_t index)
{
	return run->options->protocols[index % run->options->protocol_count];
}

#endif
