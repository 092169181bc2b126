// SPDX-License-Identifier: MIT
// avld simulate: trackers on a map that report to a server, to see it work and to measure it.
// This file: the command line, progress while it runs, the closing summary. The rest: simulate_*.c.
#include "cli/cli.h"

#include "simulate/simulate_fleet.h"
#include "simulate/simulate_registry.h"
#include "util/text.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DEVICES_DEFAULT 10
#define DEVICES_MAX     100000
#define COUNT_MAX       1000000000000
#define RATE_MAX_MILLI  INT64_C(100000000000)
#define PROGRESS_S      1.0
#define PROGRESS_LOG    5 /* seconds between lines where they are not drawn over */
#define TROUBLE_EVERY   5 /* seconds, while it stays the same */
#define REACH_S         10.0
#define AWAY_S          60.0

static const char usage[] =
	"usage: avld simulate --to HOST:PORT [OPTION]...\n"
	"Drives made-up trackers through a town and lets them report to a server. They do what "
	"commands\n"
	"tell them: outputs switch, positions and replies come.\n\n"
	"  --to HOST:PORT   the server: name, IPv4 address or [IPv6 address], and port\n"
	"  --protocol P     pt502 (default), gt06, or mixed: half of each\n"
	"  --devices N      trackers, each with a connection of its own (default 10)\n"
	"  --rate R         reports a second, all together (default: one a second and tracker;\n"
	"                   0: as fast as the server takes them)\n"
	"  --count N        stop after that many reports, all together (default: go on until "
	"Ctrl-C)\n"
	"  --deltas         PT-502s send most records as what differs from the one before\n"
	"  --gaps           PT-502s are out of coverage now and then, and send what they stored\n"
	"                   meanwhile behind the next live record\n"
	"  --udp            over UDP, one report a datagram (default: TCP)\n"
	"  --photos         PT-502 with a camera: they tell of photos and hand them out\n"
	"  --seed S         which trackers and ways, 1 to 999999 (default 1)\n"
	"  -h, --help       this text\n\n"
	"Exit status: 0 all sent (and acknowledged, where the protocol does), 1 not, 2 bad "
	"usage.\n";

struct view {
	struct simulate_fleet fleet;
	struct simulate_options options;
	ev_timer timer;
	bool drawn_over; /* stderr is a terminal */
	bool dirty;      /* a line is drawn */
	unsigned turns;
	uint64_t last_made, last_breaks;
	char last_trouble[TROUBLE_MAX];
};

// Command line ------------------------------------------------------------------------------

struct arguments {
	const char *to, *protocol;
	uint64_t devices, count, seed;
	int64_t rate_milli; /* < 0: default */
	bool udp, deltas, gaps, photos;
};

static bool take_number(const char *text, uint64_t least, uint64_t most, uint64_t *value)
{
	return text_uint((struct text){text, strlen(text)}, value) && *value >= least &&
	       *value <= most;
}

static bool take_rate(const char *text, int64_t *milli)
{
	return text_fixed((struct text){text, strlen(text)}, 3, milli) && *milli >= 0 &&
	       *milli <= RATE_MAX_MILLI;
}

static const struct option long_options[] = {
	{"to", required_argument, NULL, 't'},
	{"protocol", required_argument, NULL, 'p'},
	{"devices", required_argument, NULL, 'd'},
	{"rate", required_argument, NULL, 'r'},
	{"count", required_argument, NULL, 'n'},
	{"udp", no_argument, NULL, 'u'},
	{"deltas", no_argument, NULL, 'D'},
	{"gaps", no_argument, NULL, 'G'},
	{"photos", no_argument, NULL, 'c'},
	{"seed", required_argument, NULL, 's'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

// Returns 0 if the option is good, else the exit code.
static int take_option(int option, struct arguments *args)
{
	switch (option) {
	case 't':
		args->to = optarg;
		return 0;
	case 'p':
		args->protocol = optarg;
		return 0;
	case 'd':
		if (take_number(optarg, 1, DEVICES_MAX, &args->devices))
			return 0;
		return cli_usage_error(
			"simulate", "--devices wants 1 to %d, not '%s'", DEVICES_MAX, optarg);
	case 'r':
		if (take_rate(optarg, &args->rate_milli))
			return 0;
		return cli_usage_error(
			"simulate", "--rate wants reports a second, or 0, not '%s'", optarg);
	case 'n':
		if (take_number(optarg, 1, COUNT_MAX, &args->count))
			return 0;
		return cli_usage_error(
			"simulate", "--count wants 1 or more reports, not '%s'", optarg);
	case 'u':
		args->udp = true;
		return 0;
	case 'D':
		args->deltas = true;
		return 0;
	case 'G':
		args->gaps = true;
		return 0;
	case 'c':
		args->photos = true;
		return 0;
	case 's':
		if (take_number(optarg, 1, SIMULATE_SEED_MAX, &args->seed))
			return 0;
		return cli_usage_error(
			"simulate", "--seed wants 1 to %d, not '%s'", SIMULATE_SEED_MAX, optarg);
	default:
		return 2; /* told in simulate_verb */
	}
}

static bool take_protocol(const char *name, struct simulate_options *options)
{
	const bool mixed = !strcmp(name, "mixed");
	options->protocols = mixed ? simulate_registry : simulate_registry_find(name);
	options->protocol_count = mixed ? simulate_registry_count : 1;
	return options->protocols;
}

// Splits "host:port" and looks it up. Returns 0, or the exit code after a message.
static int find_address(const char *to, bool udp, struct simulate_options *options)
{
	char host[256];
	const char *colon = strrchr(to, ':');
	size_t len = colon ? (size_t)(colon - to) : 0;
	bool bracketed = len >= 2 && to[0] == '[' && to[len - 1] == ']';
	uint64_t port;
	if (!colon || len == 0 || len >= sizeof(host) || !take_number(colon + 1, 1, 65535, &port))
		return cli_usage_error("simulate", "--to wants HOST:PORT, not '%s'", to);
	if (!bracketed && memchr(to, ':', len))
		return cli_usage_error(
			"simulate", "--to: put the IPv6 address of '%s' into [ ]", to);
	memcpy(host, bracketed ? to + 1 : to, bracketed ? len - 2 : len);
	host[bracketed ? len - 2 : len] = 0;

	struct addrinfo hints = {.ai_socktype = udp ? SOCK_DGRAM : SOCK_STREAM};
	struct addrinfo *found = NULL;
	int error = getaddrinfo(host, colon + 1, &hints, &found);
	if (error) {
		fprintf(stderr, "avld simulate: cannot find '%s': %s\n", host,
			error == EAI_SYSTEM ? strerror(errno) : gai_strerror(error));
		return 1;
	}
	memcpy(&options->address, found->ai_addr, found->ai_addrlen);
	options->address_len = found->ai_addrlen;
	freeaddrinfo(found);
	return 0;
}

static int complete(const struct arguments *args, struct simulate_options *options)
{
	if (!args->to)
		return cli_usage_error("simulate", "--to HOST:PORT is missing");
	if (!take_protocol(args->protocol, options))
		return cli_usage_error("simulate",
			"--protocol wants pt502, gt06 or mixed, not '%s'", args->protocol);
	options->target = args->to;
	options->udp = args->udp;
	options->deltas = args->deltas;
	options->gaps = args->gaps;
	options->photos = args->photos;
	options->seed = (uint32_t)args->seed;
	options->count = args->count;
	options->devices = (uint32_t)(args->devices < args->count ? args->devices : args->count);
	options->rate_milli = args->rate_milli < 0 ? options->devices * UINT64_C(1000)
						   : (uint64_t)args->rate_milli;
	struct simulate_schedule trial;
	if (!simulate_schedule_make(
		    &trial, options->devices, options->count, options->rate_milli, 0))
		return cli_usage_error("simulate",
			"--count is more than %d reports a tracker: more --devices are needed",
			SCHEDULE_DEVICE_MAX);
	return find_address(args->to, args->udp, options);
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
	if (!view->drawn_over)
		fputc('\n', stderr);
	view->dirty = view->drawn_over;
	fflush(stderr);
}

// Says what went wrong: at once when it is new, else every few seconds.
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
	fprintf(stderr, "avld simulate: %s: %s (%" PRIu64 " %s); trying again\n",
		view->options.target, fleet->trouble, breaks, breaks == 1 ? "time" : "times");
}

static void check_reach(struct view *view, double now)
{
	const struct simulate_run *fleet = &view->fleet.run;
	simulate_fleet_check(&view->fleet, now);
	bool away = view->options.count != SCHEDULE_ENDLESS && now - fleet->heard > AWAY_S;
	if ((!fleet->reached && now - fleet->began >= REACH_S) || away)
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
	unsigned every = view->drawn_over ? 1 : PROGRESS_LOG;
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
		printf("acknowledged %" PRIu64 " of %" PRIu64 " frames, %" PRIu64 " never, %" PRIu64
		       " answers unasked for\n",
			fleet->answered, fleet->asked, fleet->missing, fleet->strange);
	if (fleet->photos)
		printf("handed out %" PRIu64 " photos\n", fleet->photos);
	if (fleet->obeyed)
		printf("obeyed %" PRIu64 " commands\n", fleet->obeyed);
	print_idents(&view->fleet);
	puts("to see them, in psql: SELECT ident, fixed_at, latitude, longitude, speed_kmh, "
	     "course_deg "
	     "FROM avld.latest_positions ORDER BY ident;");
	fflush(stdout);
}

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
		fprintf(stderr, "avld simulate: %s is away for %.0f s (%s): gave up\n",
			view->options.target, AWAY_S, fleet->trouble);
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
		fprintf(stderr, "avld simulate: %s\n", loop ? fleet->run.trouble : "no event loop");
		return 1;
	}
	view->drawn_over = isatty(STDERR_FILENO);
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

int simulate_verb(int argc, char **argv)
{
	struct view view = {0};
	struct arguments args = {.protocol = "pt502",
		.devices = DEVICES_DEFAULT,
		.count = SCHEDULE_ENDLESS,
		.seed = 1,
		.rate_milli = -1};
	int option;
	optind = 1;
	opterr = 0;
	while ((option = getopt_long(argc, argv, ":h", long_options, NULL)) != -1) {
		if (option == 'h') {
			fputs(usage, stdout);
			return 0;
		}
		if (option == ':')
			return cli_usage_error(
				"simulate", "%s needs a value behind it", argv[optind - 1]);
		if (option == '?')
			return cli_usage_error("simulate", "no option %s", argv[optind - 1]);
		int code = take_option(option, &args);
		if (code)
			return code;
	}
	if (optind < argc)
		return cli_usage_error("simulate", "what is '%s'?", argv[optind]);
	int code = complete(&args, &view.options);
	return code ? code : run(&view);
}
