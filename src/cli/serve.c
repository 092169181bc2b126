// SPDX-License-Identifier: MIT
// avld serve: starts the parts in order, runs the loop, stops the parts in reverse order.
//
//   sockets -> conns/udp -> intake -> journal -> writer -> PostgreSQL
//
// Once per turn, before the loop sleeps, on_prepare wakes the writer if there are new entries, and syncs the journal if a
// reply is pending.
#include "cli/pace.h"
#include "cli/reload.h"
#include "cli/service.h"
#include "cli/verbs.h"
#include "config/conninfo_exposed.h"
#include "config/setting.h"
#include "intake/memory_restore.h"
#include "intake/orphans.h"
#include "intake/row_summaries.h"
#include "intake/scanners.h"
#include "intake/trace.h"
#include "intake/trace_log.h"
#include "intake/trial.h"
#include "journal/journal_watch.h"
#include "net/http.h"
#include "net/listener.h"
#include "net/trace_socket.h"
#include "net/udp.h"
#include "net/vitals.h"
#include "schema/migrate.h"
#include "schema/migrations.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/log_levels.h"
#include "writer/writer.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define CONNECT_S 3    /* time-out of the connection for the schema check */
#define DRAIN_S   5.   /* time for the writer to store pending entries at shutdown */
#define ROOM_S    0.1  /* between checks whether a full journal has room again */
#define LOOK_S    0.01 /* between checks whether avld.devices has been read, after the start */
#define LOOKS     500  /* after which the sockets are read in any case */

struct server {
	const struct config *config; /* that of line, which only a reload changes */
	struct command_line *line;
	struct reload reload;
	struct ev_loop *loop;
	struct bound bound; /* sockets; -1: not wanted, or taken over by listener and udp */
	struct intake intake;
	struct conns *conns;
	struct listener *listener; /* NULL: no TCP, or stopping */
	struct udp *udp;           /* NULL: no UDP, or stopping */
	struct writer *writer;
	struct command_sink sink;          /* from the writer to intake.commands */
	struct http *http;                 /* NULL: off */
	struct trace_socket *trace_socket; /* NULL: off */
	struct trace_log *trace_log;       /* log.trace; NULL: none */
	uint64_t woken_lsn;                /* end of the journal when the writer was last woken */
	struct pace pace;
	struct service service;
	bool stopping;
	int looks;
	struct vitals vitals;
	ev_check check;
	ev_prepare prepare;
	ev_timer open, sync, room, drain, second;
	ev_signal term, intr, hup;
};

// Always returns false.
static bool fail(const char *error)
{
	char quoted[1024];

	log_error("cannot start reason=\"%s\"",
		log_quote(error, strlen(error), quoted, sizeof(quoted)));
	return false;
}

// In the loop ------------------------------------------------------------------------------------

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

static uint64_t pending_bytes(const struct server *server)
{
	return vitals_pending_bytes(&server->intake, server->writer);
}

static void on_check(struct ev_loop *loop, ev_check *check, int revents)
{
	struct server *server = check->data;

	(void)loop;
	(void)revents;
	vitals_turn_begins(&server->vitals);
}

static void on_prepare(struct ev_loop *loop, ev_prepare *prepare, int revents)
{
	struct server *server = prepare->data;
	struct journal *journal = server->intake.journal;

	(void)revents;
	server->intake.backlog = writer_backlog(server->writer);
	pace_choose(&server->pace, loop, server->intake.counters.frames, pending_bytes(server));
	if (journal_end(journal) != server->woken_lsn) {
		server->woken_lsn = journal_end(journal);
		writer_wake(server->writer);
	}
	if (conn_holds_replies(server->conns) || (server->udp && udp_holds_replies(server->udp)))
		journal_sync(journal);
	if (server->intake.full && !server->stopping && !ev_is_active(&server->room)) {
		ev_timer_set(&server->room, ROOM_S, ROOM_S);
		ev_timer_start(loop, &server->room);
	}
	if (server->intake.trace)
		trace_stored(&server->intake, writer_counters(server->writer)->lsn);
	vitals_turn_ends(&server->vitals, &server->intake, server->writer);
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

// Sends pending commands to a device that is connected.
static void on_command_ready(void *context, struct text ident)
{
	struct server *server = context;
	const struct device *device = device_directory_find(server->intake.directory, ident);

	if (device && device->live)
		conn_send_command(device->live);
}

static void show_status(struct server *server)
{
	service_status(&server->service, conn_count(server->conns), pending_bytes(server),
		writer_counters(server->writer)->connected, server->reload.note);
}

static void on_second(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct server *server = timer->data;

	(void)loop;
	(void)revents;
	command_queue_tick(server->intake.commands, clock_utc_us());
	if (server->intake.orphans)
		orphans_expire(&server->intake, clock_utc_us());
	trial_each_second(&server->intake, conversation_proves);
	row_summaries_each_second(&server->intake);
	scanners_log(&server->intake.scanners, clock_coarse_s(), false);
	journal_watch(server->intake.journal);
	vitals_each_second(&server->vitals, &server->intake);
	log_each_second();
	show_status(server);
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

// Reads what has arrived, then closes all sockets. Does nothing the second time.
static void close_sockets(struct server *server)
{
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
	trial_finish(&server->intake);
	row_summaries_finish(&server->intake);
	scanners_log(&server->intake.scanners, clock_coarse_s(), true);
}

// Hands the bound sockets over. Last of all: a start that failed has accepted nothing.
static bool open_sockets(struct server *server)
{
	struct bound *bound = &server->bound;

	if (bound->tcp >= 0) {
		server->listener = listener_new(server->loop, server->conns, bound->tcp);
		if (!server->listener)
			return fail("out of memory");
		bound->tcp = -1;
	}
	if (bound->udp >= 0) {
		server->udp = udp_new(server->loop, &server->intake, bound->udp);
		if (!server->udp)
			return fail("out of memory");
		bound->udp = -1;
	}
	return true;
}

static void read_sockets(struct server *server)
{
	ev_timer_stop(server->loop, &server->open);
	if (!open_sockets(server))
		log_fatal("out of memory for=\"sockets\"");
}

// Until avld.devices has been read nothing is known about any device. So the kernel keeps what arrives, unless the database
// is unreachable or too slow: then all devices are admitted.
static void on_open(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct server *server = timer->data;

	(void)loop;
	(void)revents;
	if (device_directory_loaded(server->intake.directory) ||
		writer_counters(server->writer)->retries > 0 || ++server->looks >= LOOKS)
		read_sockets(server);
}

// SIGTERM or SIGINT: closes the sockets and lets the writer store pending entries for up to DRAIN_S.
static void on_stop(struct ev_loop *loop, ev_signal *signal, int revents)
{
	struct server *server = signal->data;

	(void)revents;
	if (server->stopping) { // the second signal: stop at once
		ev_break(loop, EVBREAK_ALL);
		return;
	}
	server->stopping = server->intake.stopping = true;
	log_info("stopping signal=%d connections=%zu", signal->signum, conn_count(server->conns));
	service_stopping();
	if (ev_is_active(&server->open))
		read_sockets(server);
	close_sockets(server);
	ev_timer_stop(loop, &server->room);
	ev_timer_start(loop, &server->drain);
	writer_drain(server->writer, on_drained, server);
}

// Reload -----------------------------------------------------------------------------------------

static void raise_open_files(const struct config *config)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	if (limit.rlim_cur != limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &limit))
			log_warning("cannot raise the limit of open files error=\"%s\"",
				strerror(errno));
		getrlimit(RLIMIT_NOFILE, &limit);
	}
	if (limit.rlim_cur != RLIM_INFINITY &&
		limit.rlim_cur < (rlim_t)config->server.max_connections + LISTENER_RESERVED_FILES)
		log_warning("too few open files limit=%llu max_connections=%lld what_to_do=\"raise "
			    "LimitNOFILE of the service, or lower server.max_connections\"",
			(unsigned long long)limit.rlim_cur,
			(long long)config->server.max_connections);
}

static void start_sync_timer(struct server *server)
{
	const double sync_s = (double)server->config->journal.sync_interval_us / 1e6;

	ev_timer_stop(server->loop, &server->sync);
	ev_timer_set(&server->sync, sync_s, sync_s);
	if (server->config->journal.sync != SYNC_OFF)
		ev_timer_start(server->loop, &server->sync);
}

static void set_trace_log(struct server *server)
{
	if (!trace_log_set(&server->intake, &server->trace_log, server->config->log.trace))
		log_warning(
			"out of memory for=\"log.trace\" effect=\"not all of them are traced\"");
}

// Applies changed settings that are not simply read when they are used.
static void apply_settings(struct server *server)
{
	const struct config *config = server->config;

	log_levels_apply((enum log_level)config->log.level, config->log.modules);
	raise_open_files(config);
	start_sync_timer(server);
	journal_set_limits(server->intake.journal, (uint64_t)config->journal.max_size,
		config->journal.retain_us);
	trial_configure(&server->intake);
	row_summaries_configure(&server->intake);
	writer_configure(server->writer);
	set_trace_log(server);
}

static void on_hup(struct ev_loop *loop, ev_signal *signal, int revents)
{
	struct server *server = signal->data;

	(void)loop;
	(void)revents;
	if (server->stopping) {
		log_info("reload ignored signal=SIGHUP reason=\"stopping\"");
		return;
	}
	service_reloading();
	if (reload_settings(&server->reload, &server->line->config, server->line->settings))
		apply_settings(server);
	show_status(server);
	service_ready();
}

// Start, in this order ---------------------------------------------------------------------------

static void warn_if_exposed(const struct config *config)
{
	char origin[SETTING_ORIGIN_MAX];

	if (conninfo_exposed(config))
		log_warning("password exposed what_to_do=\"%s: database.conninfo: " CONNINFO_EXPOSED
			    " %s\"",
			setting_origin(config, "database.conninfo", origin), config->origin.file);
}

static bool start_loop(struct server *server)
{
	server->loop = ev_default_loop(EVFLAG_AUTO);
	return server->loop || fail("cannot create an event loop");
}

// First of all, so that a second avld on the same port does nothing else.
static bool bind_sockets(struct server *server)
{
	if (listener_bind(server->config, &server->bound))
		return true;
	server->bound.tcp = server->bound.udp = -1;
	return fail(server->bound.error);
}

// Returns false if the schema has another version, after trying to upgrade it if the settings say so. An unreachable
// database is no reason not to start: the journal holds the data until it is back.
static bool check_schema(const struct server *server)
{
	const struct config *config = server->config;
	char timeout[16], error[1024];

	snprintf(timeout, sizeof(timeout), "%d", CONNECT_S);
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
				log_error("cannot upgrade the schema reason=\"%s\"", error);
		}
		good = version < 0 || version == SCHEMA_VERSION;
		if (!good)
			log_error("schema of another version found=%d needed=%d what_to_do=\"%s\"",
				version, SCHEMA_VERSION,
				version < SCHEMA_VERSION
					? "run 'avld migrate', or set database.migrate = yes"
					: "install the avld of that version");
	}
	PQfinish(conn);
	return good;
}

// From here on SIGTERM and SIGINT shut down in order, once the start is complete. Done before the journal is opened, so
// that no signal leaves it open.
static void start_signals(struct server *server)
{
	ev_signal_init(&server->term, on_stop, SIGTERM);
	ev_signal_init(&server->intr, on_stop, SIGINT);
	ev_signal_init(&server->hup, on_hup, SIGHUP);
	server->term.data = server->intr.data = server->hup.data = server;
	ev_signal_start(server->loop, &server->term);
	ev_signal_start(server->loop, &server->intr);
	ev_signal_start(server->loop, &server->hup);
}

static void on_finding(void *context, bool serious, const char *text)
{
	char quoted[1024];

	(void)context;
	log_quote(text, strlen(text), quoted, sizeof(quoted));
	if (serious)
		log_error("journal damaged or moved finding=\"%s\"", quoted);
	else
		log_warning("journal mended finding=\"%s\"", quoted);
}

static bool open_journal(struct server *server)
{
	const struct config *config = server->config;
	const struct journal_options options = {
		.dir = config->journal.dir,
		.segment_size = (uint64_t)config->journal.segment_size,
		.max_size = (uint64_t)config->journal.max_size,
		.retain_us = config->journal.retain_us,
	};
	char error[JOURNAL_ERROR_SIZE];

	journal_explain_sigbus(config->journal.dir);
	server->intake.journal = journal_open(&options, on_finding, NULL, error);
	if (!server->intake.journal)
		return fail(error);
	log_info("journal open dir=\"%s\" start=%" PRIu64 " end=%" PRIu64 " bytes=%" PRIu64,
		config->journal.dir, journal_start(server->intake.journal),
		journal_end(server->intake.journal), journal_bytes(server->intake.journal));
	journal_sync_start(server->intake.journal, server->loop, on_synced, server);
	vitals_begin(&server->vitals, server->intake.journal);
	return true;
}

static bool start_intake(struct server *server)
{
	struct intake *intake = &server->intake;

	intake->config = server->config;
	intake->directory = device_directory_new();
	intake->memory = device_memory_new((size_t)server->config->devices.remembered);
	if (!intake->directory || !intake->memory || !trial_begin(intake) ||
		!row_summaries_begin(intake))
		return fail("out of memory");
	memory_restore_devices(intake);
	intake->commands =
		command_queue_new(server->config, intake->journal, on_command_ready, server);
	server->conns = conn_all_new(server->loop, intake);
	return (intake->commands && server->conns) || fail("out of memory");
}

static bool start_writer(struct server *server)
{
	server->writer = writer_new(
		server->loop, server->config, server->intake.journal, server->intake.directory);
	if (!server->writer)
		return fail("out of memory");
	server->sink = command_queue_sink(server->intake.commands);
	writer_set_commands(server->writer, &server->sink);
	return true;
}

static void start_timers(struct server *server)
{
	ev_prepare_init(&server->prepare, on_prepare);
	ev_check_init(&server->check, on_check);
	ev_set_priority(&server->check, EV_MAXPRI);
	ev_timer_init(&server->sync, on_sync, 0., 0.);
	ev_timer_init(&server->room, on_room, ROOM_S, ROOM_S);
	ev_timer_init(&server->drain, on_drain_timeout, DRAIN_S, 0.);
	ev_timer_init(&server->second, on_second, 1., 1.);
	ev_timer_init(&server->open, on_open, LOOK_S, LOOK_S);
	server->check.data = server;
	server->prepare.data = server->sync.data = server->room.data = server;
	server->second.data = server->open.data = server;
	ev_prepare_start(server->loop, &server->prepare);
	ev_check_start(server->loop, &server->check);
	ev_timer_start(server->loop, &server->second);
	ev_timer_start(server->loop, &server->open);
	start_sync_timer(server);
	service_start(&server->service, server->loop);
}

// Returns false if an address that was set explicitly cannot be used. If the default one is taken, by another avld on
// this machine, the daemon runs without HTTP.
static bool start_http(struct server *server)
{
	const struct config *config = server->config;
	const struct http_sources sources = {&server->intake, server->conns, server->writer,
		server->intake.commands, &server->vitals};
	const bool optional = setting_is_default(config, "http.listen");
	const char *error;

	if (!config->http.listen[0])
		return true;
	server->http = http_new(server->loop, config->http.listen, sources, &error);
	if (server->http)
		return true;
	if (optional)
		log_warning("http not served listen=%s reason=\"%s\" effect=\"no /health, /metrics "
			    "and /status\"",
			config->http.listen, error);
	else
		log_error("cannot serve http listen=%s reason=\"%s\"", config->http.listen, error);
	return optional;
}

// Traces are no reason not to start.
static void start_traces(struct server *server)
{
	server->trace_socket = trace_socket_new(server->loop, &server->intake);
	if (!server->trace_socket)
		log_warning("cannot make the trace socket path=%s/" TRACE_SOCKET_NAME
			    " error=\"%s\" effect=\"avld trace does not work\"",
			server->config->journal.dir, strerror(errno));
	set_trace_log(server);
}

static void stop_traces(struct server *server)
{
	if (server->intake.trace && server->writer)
		trace_stored(&server->intake, writer_counters(server->writer)->lsn);
	trace_log_set(&server->intake, &server->trace_log, "");
	trace_socket_free(server->trace_socket);
}

// Prints the ready line and notifies systemd.
static void log_ready(const struct bound *bound)
{
	const char *tcp = bound->tcp_text, *udp = bound->udp_text;

	printf("ready%s%s%s%s\n", *tcp ? " tcp " : "", tcp, *udp ? " udp " : "", udp);
	if (fflush(stdout))
		clearerr(stdout); // whoever started avld does not read the line
	log_info("ready %s%s%s%s%s version=" AVLD_VERSION, *tcp ? "tcp=" : "", tcp,
		*tcp && *udp ? " " : "", *udp ? "udp=" : "", udp);
	service_ready();
}

static void log_stopped(const struct server *server)
{
	const uint64_t pending = pending_bytes(server);

	if (pending)
		log_warning("stopped; the journal keeps pending entries for the next start "
			    "bytes=%" PRIu64,
			pending);
	else
		log_info("stopped; everything is in the database");
}

// Start, run, stop -------------------------------------------------------------------------------

// Logs why not, if it returns false.
static bool start(struct server *server)
{
	signal(SIGPIPE, SIG_IGN);
	raise_open_files(server->config);
	warn_if_exposed(server->config);
	if (!start_loop(server) || !bind_sockets(server) || !check_schema(server))
		return false;
	start_signals(server);
	if (!open_journal(server) || !start_intake(server) || !start_writer(server))
		return false;
	start_timers(server);
	start_traces(server);
	return start_http(server);
}

// Frees whatever was started, in reverse order, also after a start that failed. The journal is closed in order, so that
// the next start does not take this for a crash.
static void stop(struct server *server)
{
	struct intake *intake = &server->intake;

	if (server->conns)
		close_sockets(server);
	stop_traces(server);
	if (server->http)
		http_free(server->http);
	writer_free(server->writer);
	if (server->conns)
		conn_all_free(server->conns);
	command_queue_free(intake->commands);
	orphans_free(intake);
	trial_end(intake);
	device_memory_free(intake->memory);
	row_summaries_end(intake);
	device_directory_free(intake->directory);
	journal_close(intake->journal);
	if (server->bound.tcp >= 0)
		close(server->bound.tcp);
	if (server->bound.udp >= 0)
		close(server->bound.udp);
	if (server->loop)
		ev_loop_destroy(server->loop);
}

int serve_verb(struct command_line *line)
{
	struct server *server = calloc(1, sizeof(*server)); // large: intake has buffers

	if (!server) {
		log_error("out of memory");
		return 1;
	}
	server->line = line;
	server->config = &line->config;
	server->bound.tcp = server->bound.udp = -1;
	const bool started = start(server);
	if (started) {
		log_ready(&server->bound);
		ev_run(server->loop, 0);
		log_stopped(server);
	}
	stop(server);
	free(server);
	return started ? 0 : 1;
}
