// SPDX-License-Identifier: MIT
// avld serve: puts the parts together in their order, turns the loop, and takes them apart again.
//
//   sockets -> conns/udp -> intake -> journal -> writer -> PostgreSQL
//
// Once per turn, before the loop sleeps (on_prepare): the writer is told of new entries, and the
// disk is asked to make the journal durable if a reply waits for that.
#include "cli/cli.h"
#include "intake/memory_restore.h"
#include "net/http.h"
#include "net/listener.h"
#include "net/udp.h"
#include "schema/migrate.h"
#include "schema/migrations.h"
#include "util/clock.h"
#include "util/log.h"
#include "writer/writer.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#define DRAIN_S 5.  /* what the database gets at the end */
#define ROOM_S  0.1 /* between looks whether a full journal has room again */
// While much comes in, or goes out to a database that has to catch up, the loop sleeps a millisecond
// before it looks what has come: each turn finds much, instead of a little at every wake-up. Else the
// sleep, a wake-up of its own, would cost more than it saves, and every tracker a millisecond.
#define COLLECT_S     0.001
#define COLLECT_RATE  2000.     /* frames a second */
#define COLLECT_BYTES (1 << 20) /* of the journal, not yet in the database */
#define RATE_S        0.1       /* the rate is that over so long or longer */
#define START_CONNECT_S                                                                            \
	3 /* what the schema check may wait for the database before the loop starts */

static const char usage[] =
	"usage: avld serve [-c FILE] [-o SECTION.KEY=VALUE]...\n\n"
	"Takes in trackers. Prints \"ready tcp ADDRESS:PORT udp ADDRESS:PORT\" once it listens; "
	"SIGTERM or\n"
	"SIGINT ends it in order.\n\n"
	"  -c, --config FILE         settings (default /etc/avld/avld.ini, if it is there)\n"
	"  -o, --option S.KEY=VALUE  a setting, over those of the file\n"
	"  -h, --help                this text\n";

struct server {
	struct config config;
	struct ev_loop *loop;
	struct intake intake;
	struct conns *conns;
	struct listener *listener; /* NULL: no TCP, or stopping */
	struct udp *udp;           /* NULL: no UDP, or stopping */
	struct writer *writer;
	struct command_sink sink; /* from the writer to intake.commands */
	struct http *http;        /* NULL: off */
	uint64_t told_lsn;        /* the writer knows of everything below */
	uint64_t counted;         /* frames, at the time counted_s */
	double counted_s;
	bool stopping;
	ev_prepare prepare;
	ev_timer sync, room, drain, watchdog, second;
	ev_signal term, intr, hup;
};

// ---- before the loop

static void raise_open_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur == limit.rlim_max)
		return;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit))
		log_warning("cannot raise the limit of open files error=\"%s\"", strerror(errno));
}

static void check_open_files(const struct config *config)
{
	struct rlimit limit;

	if (!getrlimit(RLIMIT_NOFILE, &limit) && limit.rlim_cur != RLIM_INFINITY &&
		limit.rlim_cur < (rlim_t)config->server.max_connections + 64)
		log_warning("open files limit=%llu is below server.max_connections=%lld",
			(unsigned long long)limit.rlim_cur,
			(long long)config->server.max_connections);
}

static void on_finding(void *context, bool serious, const char *text)
{
	(void)context;
	if (serious)
		log_error("journal %s", text);
	else
		log_warning("journal %s", text);
}

static bool open_journal(struct server *server)
{
	const struct config *config = &server->config;
	const struct journal_options options = {
		.dir = config->journal.dir,
		.segment_size = (uint64_t)config->journal.segment_size,
		.max_size = (uint64_t)config->journal.max_size,
		.retain_us = config->journal.retain_us,
	};
	const char *error = NULL;

	journal_say_faults(config->journal.dir);
	server->intake.journal = journal_open(&options, on_finding, NULL, &error);
	if (!server->intake.journal) {
		log_error("%s", error);
		return false;
	}
	log_info("journal open dir=\"%s\" start=%" PRIu64 " end=%" PRIu64 " bytes=%" PRIu64,
		config->journal.dir, journal_start(server->intake.journal),
		journal_end(server->intake.journal), journal_bytes(server->intake.journal));
	return true;
}

// An older or newer schema is a reason not to start; a database that is away is none, the journal
// waits for it.
static bool check_schema(const struct server *server)
{
	const struct config *config = &server->config;
	char timeout[16], error[1024];

	snprintf(timeout, sizeof(timeout), "%d", START_CONNECT_S);
	const char *const keys[] = {"connect_timeout", "dbname", NULL};
	const char *const values[] = {timeout, config->database.conninfo, NULL};
	PGconn *conn = PQconnectdbParams(keys, values, 1);
	bool good = true;

	if (PQstatus(conn) == CONNECTION_OK) {
		int version = migrate_version(conn);
		if (version >= 0 && version < SCHEMA_VERSION && config->database.migrate) {
			if (migrate_run(conn, stderr, error, sizeof(error)))
				version = SCHEMA_VERSION;
			else
				log_error("%s", error);
		}
		good = version < 0 || version == SCHEMA_VERSION;
		if (!good)
			log_error("the schema avld has version %d, this program needs %d; %s",
				version, SCHEMA_VERSION,
				version < SCHEMA_VERSION
					? "run 'avld migrate', or set database.migrate = yes"
					: "install the avld that belongs to it");
	}
	PQfinish(conn);
	return good;
}

// ---- in the loop

static void on_synced(void *context)
{
	struct server *server = context;

	if (server->conns) {
		conn_synced(server->conns);
		conn_resume(server->conns);
	}
	if (server->udp) {
		udp_synced(server->udp);
		udp_resume(server->udp);
	}
}

static void choose_pace(struct server *server)
{
	const uint64_t frames = server->intake.counters.frames;
	const double now = ev_now(server->loop), passed = now - server->counted_s;

	if (passed >= 0. && passed < RATE_S)
		return;
	const uint64_t waiting =
		journal_end(server->intake.journal) - writer_counters(server->writer)->lsn;
	const bool busy = (double)(frames - server->counted) >= COLLECT_RATE * passed ||
			  waiting >= COLLECT_BYTES;
	ev_set_io_collect_interval(server->loop, busy ? COLLECT_S : 0.);
	server->counted = frames;
	server->counted_s = now;
}

static void on_prepare(struct ev_loop *loop, ev_prepare *prepare, int revents)
{
	struct server *server = prepare->data;
	struct journal *journal = server->intake.journal;

	(void)revents;
	choose_pace(server);
	if (journal_end(journal) != server->told_lsn) {
		server->told_lsn = journal_end(journal);
		writer_wake(server->writer);
	}
	if (conn_holds_replies(server->conns) || (server->udp && udp_holds_replies(server->udp)))
		journal_sync(journal);
	if (server->intake.full && !server->stopping && !ev_is_active(&server->room)) {
		ev_timer_set(&server->room, ROOM_S, ROOM_S);
		ev_timer_start(loop, &server->room);
	}
}

static void on_room(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct server *server = timer->data;

	(void)revents;
	if (!intake_has_room(&server->intake))
		return;
	ev_timer_stop(loop, timer);
	conn_resume(server->conns);
}

static void on_sync(struct ev_loop *loop, ev_timer *timer, int revents)
{
	const struct server *server = timer->data;
	struct journal *journal = server->intake.journal;

	(void)loop;
	(void)revents;
	if (journal_synced(journal) < journal_end(journal))
		journal_sync(journal);
}

// Something may be there for a device: its connection asks what.
static void on_command_ready(void *context, struct text ident)
{
	struct server *server = context;
	const struct device *device = device_directory_find(server->intake.directory, ident);

	if (device && device->live)
		conn_send_command(device->live);
}

static void on_second(struct ev_loop *loop, ev_timer *timer, int revents)
{
	const struct server *server = timer->data;

	(void)loop;
	(void)revents;
	command_queue_tick(server->intake.commands, clock_utc_us());
}

static void on_watchdog(struct ev_loop *loop, ev_timer *timer, int revents)
{
	(void)loop;
	(void)timer;
	(void)revents;
	sd_notify(0, "WATCHDOG=1");
}

static void on_hup(struct ev_loop *loop, ev_signal *signal, int revents)
{
	(void)loop;
	(void)signal;
	(void)revents;
	log_info("SIGHUP: settings are read at the start only; restart to change them");
}

static void on_drained(void *context)
{
	struct server *server = context;
	ev_break(server->loop, EVBREAK_ALL);
}

static void on_drain_timeout(struct ev_loop *loop, ev_timer *timer, int revents)
{
	(void)timer;
	(void)revents;
	ev_break(loop, EVBREAK_ALL);
}

// Takes in what has arrived, lets nothing new in, and gives the writer its last seconds.
static void on_stop(struct ev_loop *loop, ev_signal *signal, int revents)
{
	struct server *server = signal->data;

	(void)revents;
	if (server->stopping) { // asked twice: now
		ev_break(loop, EVBREAK_ALL);
		return;
	}
	server->stopping = server->intake.stopping = true;
	log_info("stopping signal=%d connections=%zu", signal->signum, conn_count(server->conns));
	sd_notify(0, "STOPPING=1");
	if (server->listener)
		listener_finish(server->listener);
	server->listener = NULL;
	conn_resume(server->conns);
	conn_finish(server->conns);
	if (server->udp) {
		udp_finish(server->udp);
		udp_free(server->udp);
	}
	server->udp = NULL;
	ev_timer_stop(loop, &server->room);
	ev_timer_start(loop, &server->drain);
	writer_drain(server->writer, on_drained, server);
}

// ---- start and end

static void start_watchers(struct server *server)
{
	struct ev_loop *loop = server->loop;
	const double sync_s = (double)server->config.journal.sync_interval_us / 1e6;
	uint64_t watchdog_us = 0;

	ev_prepare_init(&server->prepare, on_prepare);
	ev_timer_init(&server->sync, on_sync, sync_s, sync_s);
	ev_timer_init(&server->room, on_room, ROOM_S, ROOM_S);
	ev_timer_init(&server->drain, on_drain_timeout, DRAIN_S, 0.);
	ev_timer_init(&server->second, on_second, 1., 1.);
	ev_signal_init(&server->term, on_stop, SIGTERM);
	ev_signal_init(&server->intr, on_stop, SIGINT);
	ev_signal_init(&server->hup, on_hup, SIGHUP);
	server->prepare.data = server->sync.data = server->room.data = server;
	server->second.data = server;
	server->term.data = server->intr.data = server;
	ev_prepare_start(loop, &server->prepare);
	ev_timer_start(loop, &server->second);
	if (server->config.journal.sync != SYNC_OFF)
		ev_timer_start(loop, &server->sync);
	ev_signal_start(loop, &server->term);
	ev_signal_start(loop, &server->intr);
	ev_signal_start(loop, &server->hup);
	if (sd_watchdog_enabled(0, &watchdog_us) > 0) {
		const double half_s = (double)watchdog_us / 2e6;
		ev_timer_init(&server->watchdog, on_watchdog, half_s, half_s);
		ev_timer_start(loop, &server->watchdog);
	}
}

// A default that is taken (another avld on this machine) is no reason not to run; an address that
// was asked for is.
static bool start_http(struct server *server)
{
	const struct config *config = &server->config;
	const struct http_sources sources = {
		config, &server->intake, server->conns, server->writer, server->intake.commands};
	const bool asked = strcmp(config_origin("http.listen"), "default") != 0;
	const char *error;

	if (!config->http.listen[0])
		return true;
	server->http = http_new(server->loop, config->http.listen, sources, &error);
	if (server->http)
		return true;
	(asked ? log_error : log_warning)(
		"http.listen=%s: %s; /health, /metrics and /status are not served",
		config->http.listen, error);
	return !asked;
}

static void say_ready(const struct bound *bound)
{
	printf("ready%s%s%s%s\n", bound->tcp >= 0 ? " tcp " : "",
		bound->tcp >= 0 ? bound->tcp_text : "", bound->udp >= 0 ? " udp " : "",
		bound->udp >= 0 ? bound->udp_text : "");
	fflush(stdout);
	log_info("ready%s%s%s%s version=" AVLD_VERSION, bound->tcp >= 0 ? " tcp=" : "",
		bound->tcp >= 0 ? bound->tcp_text : "", bound->udp >= 0 ? " udp=" : "",
		bound->udp >= 0 ? bound->udp_text : "");
	sd_notify(0, "READY=1");
}

// Everything up to the first turn of the loop. False: logged why not.
static bool start(struct server *server)
{
	struct bound bound;

	log_set_level((enum log_level)server->config.log.level);
	signal(SIGPIPE, SIG_IGN);
	raise_open_files();
	check_open_files(&server->config);
	server->loop = ev_default_loop(EVFLAG_AUTO);
	if (!server->loop)
		log_fatal("cannot make an event loop");
	if (!listener_bind(&server->config, &bound)) {
		log_error("%s", bound.error);
		return false;
	}
	if (!check_schema(server) || !open_journal(server))
		return false;
	journal_sync_start(server->intake.journal, server->loop, on_synced, server);
	server->intake.config = &server->config;
	server->intake.directory = device_directory_new();
	server->intake.memory = device_memory_new((size_t)server->config.devices.remembered);
	if (!server->intake.memory)
		log_fatal("out of memory");
	memory_restore_devices(server->intake.memory, server->intake.journal);
	server->intake.commands = command_queue_new(
		&server->config, server->intake.journal, on_command_ready, server);
	server->conns = conn_all_new(server->loop, &server->intake);
	if (bound.tcp >= 0)
		server->listener = listener_new(server->loop, server->conns, bound.tcp);
	if (bound.udp >= 0)
		server->udp = udp_new(server->loop, &server->intake, bound.udp);
	if (!server->intake.directory || !server->conns || (bound.tcp >= 0 && !server->listener) ||
		(bound.udp >= 0 && !server->udp))
		log_fatal("out of memory");
	server->writer = writer_new(
		server->loop, &server->config, server->intake.journal, server->intake.directory);
	server->sink = command_queue_sink(server->intake.commands);
	writer_set_commands(server->writer, &server->sink);
	start_watchers(server);
	if (!start_http(server))
		return false;
	say_ready(&bound);
	return true;
}

static void finish(struct server *server)
{
	const uint64_t left =
		journal_end(server->intake.journal) - writer_counters(server->writer)->lsn;

	if (left)
		log_warning(
			"stopped, the journal keeps what is not yet in the database for the next "
			"start bytes=%" PRIu64,
			left);
	else
		log_info("stopped, everything is in the database");
	if (server->http)
		http_free(server->http);
	writer_free(server->writer);
	conn_all_free(server->conns);
	command_queue_free(server->intake.commands);
	journal_close(server->intake.journal);
	device_directory_free(server->intake.directory);
	device_memory_free(server->intake.memory);
	ev_loop_destroy(server->loop);
}

int serve_verb(int argc, char **argv)
{
	static struct server server;
	int code;

	if (!cli_settings(argc, argv, usage, &server.config, &code))
		return code;
	const bool started = start(&server);
	if (started) {
		ev_run(server.loop, 0);
		finish(&server);
	}
	config_done(&server.config);
	return started ? 0 : 1;
}
