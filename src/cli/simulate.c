// SPDX-License-Identifier: MIT
// avld simulate: the command line, progress and summary of simulated trackers that report to a server.
#include "cli/verbs.h"

#include "simulate/simulate_fleet.h"
#include "simulate/simulate_registry.h"
#include "util/text.h"

#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DEVICES_DEFAULT  10
#define DEVICES_MAX      100000
#define COUNT_MAX        1000000000000
#define TEXT_OF(number)  TEXT_OF_(number)
#define TEXT_OF_(number) #number
#define RATE_MAX_MILLI   INT64_C(100000000000)
#define PROGRESS_S       1.0
#define PROGRESS_LOG     5    /* seconds between lines of progress if stderr is not a terminal */
#define TROUBLE_EVERY    5    /* seconds between lines about the same error */
#define REACH_S          10.0 /* to reach the server for the first time */
#define UNREACHABLE_S    60.0 /* without a connection before --count is given up */

struct view {
	struct simulate_fleet fleet;
	struct simulate_options options;
	ev_timer timer;
	bool on_terminal; /* stderr is one: the line of progress is overwritten */
	bool dirty;       /* it is on the screen */
	unsigned turns;   /* seconds so far */
	uint64_t last_made, last_breaks;
	char last_trouble[TROUBLE_MAX];
};

// Command line ------------------------------------------------------------------------------

struct arguments {
	const char *to;
	uint64_t devices, count, seed;
	int64_t rate_milli; /* < 0: default */
	bool udp;
};

static bool read_number(const char *text, uint64_t least, uint64_t most, uint64_t *value)
{
	return text_uint((struct text){text, strlen(text)}, value) && *value >= least &&
	       *value <= most;
}

static bool read_rate(const char *text, int64_t *milli)
{
	return text_fixed((struct text){text, strlen(text)}, 3, milli) && *milli >= 0 &&
	       *milli <= RATE_MAX_MILLI;
}

// Prints that an option has an invalid value. Returns the exit code.
static int invalid(const struct command_line *line, const char *name, const char *wanted)
{
	return command_line_error(
		line, "invalid --%s '%s'; use %s", name, command_line_value(line, name), wanted);
}

// Returns 0, or the exit code after a message.
static int read_numbers(const struct command_line *line, struct arguments *args)
{
	const char *devices = command_line_value(line, "devices");
	const char *rate = command_line_value(line, "rate");
	const char *count = command_line_value(line, "count");
	const char *seed = command_line_value(line, "seed");
	if (devices && !read_number(devices, 1, DEVICES_MAX, &args->devices))
		return invalid(line, "devices", "1 to " TEXT_OF(DEVICES_MAX));
	if (rate && !read_rate(rate, &args->rate_milli))
		return invalid(line, "rate", "reports per second, or 0");
	if (count && !read_number(count, 1, COUNT_MAX, &args->count))
		return invalid(line, "count", "1 to " TEXT_OF(COUNT_MAX));
	if (seed && !read_number(seed, 1, SIMULATE_SEED_MAX, &args->seed))
		return invalid(line, "seed", "1 to " TEXT_OF(SIMULATE_SEED_MAX));
	return 0;
}

static bool read_protocol(const char *name, bool udp, struct simulate_options *options)
{
	const bool mixed = !strcmp(name, "mixed"), all = !strcmp(name, "all");
	options->protocols = mixed || all ? simulate_registry : simulate_registry_find(name);
	const size_t count = udp ? simulate_registry_udp_count() : simulate_registry_count;
	options->protocol_count = all ? count : mixed ? SIMULATE_MIXED : 1;
	return options->protocols;
}

static int unknown_protocol(const struct command_line *line, const char *name)
{
	char known[256];
	int len = 0;
	for (size_t i = 0; i < simulate_registry_count && len < (int)sizeof(known); i++)
		len += snprintf(known + len, sizeof(known) - (size_t)len, "%s, ",
			simulate_registry[i]->name);
	return command_line_error(line, "invalid --protocol '%s'; use %smixed or all", name, known);
}

// Splits "host:port" and resolves it. Returns 0, or the exit code after a message.
static int find_address(
	const struct command_line *line, const char *to, bool udp, struct simulate_options *options)
{
	char host[256];
	const char *colon = strrchr(to, ':');
	size_t len = colon ? (size_t)(colon - to) : 0;
	bool bracketed = len >= 2 && to[0] == '[' && to[len - 1] == ']';
	uint64_t port;
	if (!colon || len == 0 || len >= sizeof(host) || !read_number(colon + 1, 1, 65535, &port))
		return invalid(line, "to", "HOST:PORT");
	if (!bracketed && memchr(to, ':', len))
		return invalid(line, "to", "[IPv6 address]:PORT");
	memcpy(host, bracketed ? to + 1 : to, bracketed ? len - 2 : len);
	host[bracketed ? len - 2 : len] = 0;

	struct addrinfo hints = {.ai_socktype = udp ? SOCK_DGRAM : SOCK_STREAM};
	struct addrinfo *found = NULL;
	int error = getaddrinfo(host, colon + 1, &hints, &found);
	if (error) {
		fprintf(stderr, "avld simulate: cannot resolve '%s': %s\n", host,
			error == EAI_SYSTEM ? strerror(errno) : gai_strerror(error));
		return 1;
	}
	memcpy(&options->address, found->ai_addr, found->ai_addrlen);
	options->address_len = found->ai_addrlen;
	freeaddrinfo(found);
	return 0;
}

// Returns 0, or the exit code after a message.
static int read_options(const struct command_line *line, struct simulate_options *options)
{
	struct arguments args = {.to = command_line_value(line, "to"),
		.devices = DEVICES_DEFAULT,
		.count = SCHEDULE_ENDLESS,
		.seed = 1,
		.rate_milli = -1,
		.udp = command_line_value(line, "udp") != NULL};
	const char *protocol = command_line_value(line, "protocol");
	const int code = read_numbers(line, &args);
	if (code)
		return code;
	if (!read_protocol(protocol ? protocol : "pt502", args.udp, options))
		return unknown_protocol(line, protocol);
	if (args.udp && options->protocols[0]->tcp_only)
		return command_line_error(
			line, "--protocol %s is for TCP only; leave out --udp", protocol);
	options->target = args.to;
	options->udp = args.udp;
	options->deltas = command_line_value(line, "deltas") != NULL;
	options->gaps = command_line_value(line, "gaps") != NULL;
	options->photos = command_line_value(line, "photos") != NULL;
	options->seed = (uint32_t)args.seed;
	options->count = args.count;
	options->devices = (uint32_t)(args.devices < args.count ? args.devices : args.count);
	options->rate_milli =
		args.rate_milli < 0 ? options->devices * UINT64_C(1000) : (uint64_t)args.rate_milli;
	struct simulate_schedule trial;
	if (!simulate_schedule_make(
		    &trial, options->devices, options->count, options->rate_milli, 0))
		return command_line_error(line,
			"--count is more than %d reports per tracker; use more --devices",
			SCHEDULE_DEVICE_MAX);
	return find_address(line, args.to, args.udp, options);
}

// Progress ----------------------------------------------------------------------------------

static void print_duration(FILE *to, double seconds)
{
	uint64_t s = seconds > 0 ? (uint64_t)seconds : 0;
	fprintf(to, "%02" PRIu64 ":%02" PRIu64 ":%02" PRIu64, s / 3600, s / 60 % 60, s % 60);
}

static void clear_line(struct view *view)
{
	if (view->dirty)
		fputs("\r\033[K", stderr);
	view->dirty = false;
}

static void print_progress(struct view *view, double elapsed, double rate)
{
	const struct simulate_run *fleet = &view->fleet.run;
	clear_line(view);
	fprintf(stderr, "sent %" PRIu64, fleet->made);
	if (view->options.count != SCHEDULE_ENDLESS)
		fprintf(stderr, " of %" PRIu64 " (%" PRIu64 " %%)", view->options.count,
			fleet->made * 100 / view->options.count);
	fprintf(stderr, "  %.0f/s  %" PRIu32 " %s  %" PRIu64 " reconnects  ", rate, fleet->open,
		view->options.udp ? "sockets" : "connections", fleet->reconnects);
	print_duration(stderr, elapsed);
	if (fleet->made && fleet->made < view->options.count &&
		view->options.count != SCHEDULE_ENDLESS) {
		fputs("  left ", stderr);
		print_duration(stderr, elapsed * (double)(view->options.count - fleet->made) /
					       (double)fleet->made);
	}
	if (!view->on_terminal)
		fputc('\n', stderr);
	view->dirty = view->on_terminal;
	fflush(stderr);
}

// Prints the newest error: a new one at once, the same one every few seconds.
static void print_trouble(struct view *view)
{
	const struct simulate_run *fleet = &view->fleet.run;
	uint64_t breaks = fleet->breaks - view->last_breaks;
	bool is_new = strcmp(view->last_trouble, fleet->trouble) != 0;
	if (breaks == 0 || fleet->stopping || (!is_new && view->turns % TROUBLE_EVERY))
		return;
	view->last_breaks = fleet->breaks;
	memcpy(view->last_trouble, fleet->trouble, sizeof(view->last_trouble));
	clear_line(view);
	fprintf(stderr, "avld simulate: %s: %s (%" PRIu64 " %s); reconnecting\n",
		view->options.target, fleet->trouble, breaks, breaks == 1 ? "time" : "times");
}

static void check_reach(struct view *view, double now)
{
	const struct simulate_run *fleet = &view->fleet.run;
	simulate_fleet_check(&view->fleet, now);
	bool unreachable =
		view->options.count != SCHEDULE_ENDLESS && now - fleet->heard > UNREACHABLE_S;
	if ((!fleet->reached && now - fleet->began >= REACH_S) || unreachable)
		simulate_fleet_give_up(&view->fleet);
}

static void on_second(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)events;
	struct view *view = timer->data;
	const struct simulate_run *fleet = &view->fleet.run;
	double now = ev_now(loop);
	print_trouble(view);
	view->turns++;
	unsigned every = view->on_terminal ? 1 : PROGRESS_LOG;
	if (view->turns % every == 0 && fleet->scheduled) {
		double rate = (double)(fleet->made - view->last_made) / (every * PROGRESS_S);
		view->last_made = fleet->made;
		print_progress(view, now - fleet->began, rate);
	}
	check_reach(view, now);
}

// Summary -----------------------------------------------------------------------------------

static void print_idents(const struct simulate_fleet *fleet)
{
	const struct simulate_options *options = fleet->run.options;
	const uint32_t count = (uint32_t)options->protocol_count;
	for (uint32_t i = 0; i < count && i < options->devices; i++) {
		const uint32_t last = i + (options->devices - 1 - i) / count * count;
		printf("%s%s to %s (%s)", i ? ", " : "trackers ", simulate_fleet_ident(fleet, i),
			simulate_fleet_ident(fleet, last), options->protocols[i]->name);
	}
	puts("");
}

static void print_summary(const struct view *view, double seconds)
{
	const struct simulate_run *fleet = &view->fleet.run;
	uint64_t sent = fleet->made - fleet->unsent;
	printf("sent %" PRIu64 " reports from %" PRIu32
	       " devices over %s in %.1f s (%.0f/s), %" PRIu64 " reconnects, %" PRIu64
	       " sent again\n",
		sent, view->options.devices, view->options.udp ? "udp" : "tcp", seconds,
		seconds > 0 ? (double)sent / seconds : 0.0, fleet->reconnects, fleet->again);
	if (fleet->asked)
		printf("acknowledged %" PRIu64 " of %" PRIu64 " frames, %" PRIu64
		       " missing, %" PRIu64 " unexpected replies\n",
			fleet->answered, fleet->asked, fleet->missing, fleet->strange);
	if (fleet->photos)
		printf("sent %" PRIu64 " photos\n", fleet->photos);
	if (fleet->obeyed)
		printf("obeyed %" PRIu64 " commands\n", fleet->obeyed);
	print_idents(&view->fleet);
	puts("to see them in psql: SELECT ident, fixed_at, latitude, longitude, speed_kmh, "
	     "course_deg "
	     "FROM avld.latest_positions ORDER BY ident;");
	fflush(stdout);
}

// Prints what is missing. Returns the exit code.
static int judge(const struct view *view)
{
	const struct simulate_run *fleet = &view->fleet.run;
	uint64_t sent = fleet->made - fleet->unsent;
	if (fleet->interrupted)
		return 0;
	if (!fleet->reached) {
		fprintf(stderr, "avld simulate: cannot reach %s: %s\n", view->options.target,
			fleet->trouble[0] ? fleet->trouble : "no answer");
		return 1;
	}
	if (fleet->gave_up)
		fprintf(stderr, "avld simulate: %s was unreachable for %.0f s (%s): gave up\n",
			view->options.target, UNREACHABLE_S, fleet->trouble);
	if (sent < view->options.count)
		fprintf(stderr, "avld simulate: %" PRIu64 " reports were not sent\n",
			view->options.count - sent);
	if (fleet->missing)
		fprintf(stderr, "avld simulate: %" PRIu64 " frames were never acknowledged\n",
			fleet->missing);
	return sent < view->options.count || fleet->missing ? 1 : 0;
}

static int run(struct view *view)
{
	struct ev_loop *loop = ev_default_loop(EVFLAG_AUTO);
	struct simulate_fleet *fleet = &view->fleet;
	if (!loop || !simulate_fleet_init(fleet, loop, &view->options)) {
		fprintf(stderr, "avld simulate: %s\n",
			loop ? fleet->run.trouble : "cannot create an event loop");
		return 1;
	}
	view->on_terminal = isatty(STDERR_FILENO);
	ev_timer_init(&view->timer, on_second, PROGRESS_S, PROGRESS_S);
	view->timer.data = view;
	ev_timer_start(loop, &view->timer);
	ev_run(loop, 0);

	ev_now_update(loop);
	clear_line(view);
	if (fleet->run.scheduled)
		print_summary(view, ev_now(loop) - fleet->run.began);
	int code = judge(view);
	simulate_fleet_done(fleet);
	ev_loop_destroy(loop);
	return code;
}

// Returns false, after a message, if not all lines could be written.
static bool close_track(FILE *file, const char *name)
{
	const bool failed = ferror(file);

	if (!fclose(file) && !failed)
		return true;
	fprintf(stderr,
		"avld simulate: --track %s is incomplete: it could not be written; is the disk "
		"full?\n",
		name);
	return false;
}

int simulate_verb(struct command_line *line)
{
	struct view view = {0};
	const char *track = command_line_value(line, "track");
	int code = read_options(line, &view.options);
	if (code)
		return code;
	if (track && !(view.options.track = fopen(track, "we"))) {
		fprintf(stderr, "avld simulate: cannot write --track %s: %s\n", track,
			strerror(errno));
		return 1;
	}
	code = run(&view);
	return track && !close_track(view.options.track, track) ? 1 : code;
}
