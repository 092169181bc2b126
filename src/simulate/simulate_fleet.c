// SPDX-License-Identifier: MIT
// All simulated trackers together: who may connect, which reports are due, and when it is over.
#include "simulate/simulate_fleet.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#define CONNECTING_MAX 128 /* at once: a server's backlog is short */
#define TICK_MIN_S     0.002
#define TICK_MAX_S     0.05
#define GRACE_S        2.0 /* from Ctrl-C to the end */
#define SPARE_FILES    32

static int64_t clock_us(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

// Tells the links whose reports have become due.
static void on_tick(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	struct fleet *fleet = timer->data;
	uint32_t devices = fleet->options->devices;
	int64_t elapsed_us = clock_us(CLOCK_MONOTONIC) - fleet->scheduled_us;
	fleet->due = schedule_due(&fleet->schedule, fleet->schedule.start_us + elapsed_us);
	if (fleet->due - fleet->kicked > devices)
		fleet->kicked = fleet->due - devices;
	for (; fleet->kicked < fleet->due; fleet->kicked++)
		link_kick(&fleet->links[fleet->kicked % devices]);
}

void fleet_begin_schedule(struct fleet *fleet)
{
	const struct fleet_options *options = fleet->options;
	if (fleet->scheduled)
		return;
	fleet->scheduled = true;
	fleet->scheduled_us = clock_us(CLOCK_MONOTONIC);
	bool fits = schedule_make(&fleet->schedule, options->devices, options->count,
		options->rate_milli, clock_us(CLOCK_REALTIME));
	assert(fits); /* simulate_verb has tried it */
	(void)fits;
	fleet->due = schedule_due(&fleet->schedule, fleet->schedule.start_us);
	double tick = options->rate_milli ? 500.0 / (double)options->rate_milli : TICK_MAX_S;
	tick = tick < TICK_MIN_S ? TICK_MIN_S : tick > TICK_MAX_S ? TICK_MAX_S : tick;
	ev_timer_set(&fleet->tick, tick, tick);
	if (options->rate_milli || options->count == SCHEDULE_ENDLESS)
		ev_timer_start(fleet->loop, &fleet->tick);
}

// Before the loop waits: lets more links connect.
static void on_prepare(struct ev_loop *loop, ev_prepare *prepare, int events)
{
	(void)events;
	struct fleet *fleet = prepare->data;
	while (fleet->begun < fleet->options->devices && fleet->connecting < CONNECTING_MAX)
		link_begin(&fleet->links[fleet->begun++]);
	if (fleet->begun == fleet->options->devices)
		ev_prepare_stop(loop, prepare);
}

static void abort_all(struct fleet *fleet)
{
	fleet->stopping = true;
	for (uint32_t i = 0; i < fleet->options->devices; i++)
		link_abort(&fleet->links[i]);
}

static void on_grace_over(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	abort_all(timer->data);
}

void fleet_stop(struct fleet *fleet)
{
	if (fleet->stopping) {
		abort_all(fleet);
		return;
	}
	fleet->stopping = true;
	ev_prepare_stop(fleet->loop, &fleet->starter);
	ev_timer_stop(fleet->loop, &fleet->tick);
	ev_timer_start(fleet->loop, &fleet->grace);
	for (uint32_t i = 0; i < fleet->options->devices; i++)
		link_stop(&fleet->links[i]);
}

void fleet_give_up(struct fleet *fleet)
{
	fleet->gave_up = true;
	abort_all(fleet);
}

void fleet_link_ended(struct fleet *fleet)
{
	if (++fleet->ended == fleet->options->devices)
		ev_break(fleet->loop, EVBREAK_ALL);
}

static void on_signal(struct ev_loop *loop, ev_signal *signal, int events)
{
	(void)loop;
	(void)events;
	struct fleet *fleet = signal->data;
	fleet->interrupted = true;
	fleet_stop(fleet);
}

static bool make_room_for_files(struct fleet *fleet)
{
	struct rlimit limit;
	rlim_t wanted = fleet->options->devices + SPARE_FILES;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= wanted)
		return true;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur >= wanted)
		return true;
	snprintf(fleet->trouble, sizeof(fleet->trouble),
		"only %llu files may be open; raise it with 'ulimit -n', or use fewer --devices",
		(unsigned long long)limit.rlim_max);
	return false;
}

static void watch_signals(struct fleet *fleet)
{
	ev_signal_init(&fleet->interrupt, on_signal, SIGINT);
	ev_signal_init(&fleet->terminate, on_signal, SIGTERM);
	fleet->interrupt.data = fleet->terminate.data = fleet;
	ev_signal_start(fleet->loop, &fleet->interrupt);
	ev_signal_start(fleet->loop, &fleet->terminate);
}

bool fleet_init(struct fleet *fleet, struct ev_loop *loop, const struct fleet_options *options)
{
	*fleet = (struct fleet){.loop = loop, .options = options};
	fleet->schedule.devices = options->devices;
	if (!make_room_for_files(fleet))
		return false;
	fleet->links = calloc(options->devices, sizeof(*fleet->links));
	if (!fleet->links) {
		snprintf(fleet->trouble, sizeof(fleet->trouble), "no memory for so many --devices");
		return false;
	}
	for (uint32_t i = 0; i < options->devices; i++)
		link_init(&fleet->links[i], fleet, i);
	ev_init(&fleet->tick, on_tick);
	ev_timer_init(&fleet->grace, on_grace_over, GRACE_S, 0);
	ev_prepare_init(&fleet->starter, on_prepare);
	fleet->tick.data = fleet->grace.data = fleet->starter.data = fleet;
	ev_prepare_start(loop, &fleet->starter);
	watch_signals(fleet);
	fleet->began = fleet->heard = ev_now(loop);
	return true;
}

void fleet_done(struct fleet *fleet)
{
	for (uint32_t i = 0; fleet->links && i < fleet->options->devices; i++)
		link_done(&fleet->links[i]);
	free(fleet->links);
	fleet->links = NULL;
}
