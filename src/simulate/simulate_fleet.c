// SPDX-License-Identifier: MIT
// Decides how many links connect at once, which reports are due, and when the run is over.
#include "simulate/simulate_fleet.h"

#include "simulate/simulate_link.h"
#include "util/clock.h"

#include <assert.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#define CONNECTING_MAX 128 /* at once: a server's backlog is short */
#define TICK_MIN_S     0.002
#define TICK_MAX_S     0.05
#define GRACE_S        2.0 /* from Ctrl-C to the end */
#define SPARE_FILES    32
#define REFUSAL_S      0.2 /* after which a refusal over UDP would have arrived */

static struct simulate_fleet *fleet_of(struct simulate_run *run)
{
	return (struct simulate_fleet *)(void *)((char *)run -
						 offsetof(struct simulate_fleet, run));
}

// Wakes the links whose reports have become due.
static void on_tick(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	struct simulate_fleet *fleet = timer->data;
	uint32_t devices = fleet->run.options->devices;
	int64_t elapsed_us = clock_monotonic_us() - fleet->scheduled_us;
	fleet->run.due = simulate_schedule_due(
		&fleet->run.schedule, fleet->run.schedule.start_us + elapsed_us);
	if (fleet->run.due - fleet->woken > devices)
		fleet->woken = fleet->run.due - devices;
	for (; fleet->woken < fleet->run.due; fleet->woken++)
		simulate_link_wake(&fleet->links[fleet->woken % devices]);
}

// Starts the schedule, on the first connection.
static void on_open(struct simulate_run *run)
{
	struct simulate_fleet *fleet = fleet_of(run);
	const struct simulate_options *options = run->options;
	if (fleet->run.scheduled)
		return;
	fleet->run.scheduled = true;
	fleet->scheduled_us = clock_monotonic_us();
	bool fits = simulate_schedule_make(&fleet->run.schedule, options->devices, options->count,
		options->rate_milli, clock_utc_us());
	assert(fits); /* the caller has checked it */
	(void)fits;
	fleet->run.due = simulate_schedule_due(&fleet->run.schedule, fleet->run.schedule.start_us);
	double tick = options->rate_milli ? 500.0 / (double)options->rate_milli : TICK_MAX_S;
	tick = tick < TICK_MIN_S ? TICK_MIN_S : tick > TICK_MAX_S ? TICK_MAX_S : tick;
	ev_timer_set(&fleet->tick, tick, tick);
	if (options->rate_milli || options->count == SCHEDULE_ENDLESS)
		ev_timer_start(fleet->run.loop, &fleet->tick);
}

// Lets more links connect. Runs before the loop sleeps.
static void on_prepare(struct ev_loop *loop, ev_prepare *prepare, int events)
{
	(void)events;
	struct simulate_fleet *fleet = prepare->data;
	while (fleet->begun < fleet->run.options->devices && fleet->run.connecting < CONNECTING_MAX)
		simulate_link_begin(&fleet->links[fleet->begun++]);
	if (fleet->begun == fleet->run.options->devices)
		ev_prepare_stop(loop, prepare);
}

static void abort_all(struct simulate_fleet *fleet)
{
	fleet->run.stopping = true;
	for (uint32_t i = 0; i < fleet->run.options->devices; i++)
		simulate_link_abort(&fleet->links[i]);
}

static void on_grace_over(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	abort_all(timer->data);
}

void simulate_fleet_stop(struct simulate_fleet *fleet)
{
	if (fleet->run.stopping) {
		abort_all(fleet);
		return;
	}
	fleet->run.stopping = true;
	ev_prepare_stop(fleet->run.loop, &fleet->starter);
	ev_timer_stop(fleet->run.loop, &fleet->tick);
	ev_timer_start(fleet->run.loop, &fleet->grace);
	for (uint32_t i = 0; i < fleet->run.options->devices; i++)
		simulate_link_stop(&fleet->links[i]);
}

void simulate_fleet_give_up(struct simulate_fleet *fleet)
{
	fleet->run.gave_up = true;
	abort_all(fleet);
}

static void on_end(struct simulate_run *run)
{
	struct simulate_fleet *fleet = fleet_of(run);
	if (++fleet->ended == fleet->run.options->devices)
		ev_break(fleet->run.loop, EVBREAK_ALL);
}

static void on_signal(struct ev_loop *loop, ev_signal *signal, int events)
{
	(void)loop;
	(void)events;
	struct simulate_fleet *fleet = signal->data;
	fleet->run.interrupted = true;
	simulate_fleet_stop(fleet);
}

// Raises the limit of open files if needed.
static bool raise_file_limit(struct simulate_fleet *fleet)
{
	struct rlimit limit;
	rlim_t wanted = fleet->run.options->devices + SPARE_FILES;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= wanted)
		return true;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur >= wanted)
		return true;
	snprintf(fleet->run.trouble, sizeof(fleet->run.trouble),
		"only %llu files may be open; raise it with 'ulimit -n', or use fewer --devices",
		(unsigned long long)limit.rlim_max);
	return false;
}

static void watch_signals(struct simulate_fleet *fleet)
{
	ev_signal_init(&fleet->interrupt, on_signal, SIGINT);
	ev_signal_init(&fleet->terminate, on_signal, SIGTERM);
	fleet->interrupt.data = fleet->terminate.data = fleet;
	ev_signal_start(fleet->run.loop, &fleet->interrupt);
	ev_signal_start(fleet->run.loop, &fleet->terminate);
}

bool simulate_fleet_init(
	struct simulate_fleet *fleet, struct ev_loop *loop, const struct simulate_options *options)
{
	*fleet = (struct simulate_fleet){
		.run = {.loop = loop, .options = options, .on_open = on_open, .on_end = on_end}};
	fleet->run.schedule.devices = options->devices;
	if (!raise_file_limit(fleet))
		return false;
	fleet->links = calloc(options->devices, sizeof(*fleet->links));
	if (!fleet->links) {
		snprintf(fleet->run.trouble, sizeof(fleet->run.trouble),
			"out of memory: use fewer --devices");
		return false;
	}
	for (uint32_t i = 0; i < options->devices; i++)
		simulate_link_init(&fleet->links[i], &fleet->run, i);
	ev_init(&fleet->tick, on_tick);
	ev_timer_init(&fleet->grace, on_grace_over, GRACE_S, 0);
	ev_prepare_init(&fleet->starter, on_prepare);
	fleet->tick.data = fleet->grace.data = fleet->starter.data = fleet;
	ev_prepare_start(loop, &fleet->starter);
	watch_signals(fleet);
	fleet->run.began = fleet->run.heard = ev_now(loop);
	return true;
}

void simulate_fleet_check(struct simulate_fleet *fleet, double now)
{
	struct simulate_run *run = &fleet->run;
	for (uint32_t i = 0; !run->reached && i < run->options->devices; i++) {
		const struct simulate_link *link = &fleet->links[i];
		run->reached = link->state == LINK_OPEN && link->out.records.sent > 0 &&
			       now - link->opened > REFUSAL_S;
	}
	if (run->open > 0)
		run->heard = now;
}

const char *simulate_fleet_ident(const struct simulate_fleet *fleet, uint32_t index)
{
	return fleet->links[index].out.tracker.ident;
}

void simulate_fleet_done(struct simulate_fleet *fleet)
{
	for (uint32_t i = 0; fleet->links && i < fleet->run.options->devices; i++)
		simulate_link_done(&fleet->links[i]);
	free(fleet->links);
	fleet->links = NULL;
}
