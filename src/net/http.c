// SPDX-License-Identifier: MIT
// /health, /metrics and /status. libmicrohttpd runs on our loop, which watches its epoll descriptor. We accept the
// connections ourselves and limit their number and time; each serves one request:
//
//   accept -> open -> request, reply -> closed
//               |-- after TIME_MAX_S ---^
//               `-- oldest, another one arrives and there is no room: closed after GRACE_S
#include "net/http.h"

#include "intake/newcomers.h"
#include "journal/journal_watch.h"
#include "util/address.h"
#include "util/json.h"
#include "util/log.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS_MAX 32
#define TIME_MAX_S      5.  /* from accepting a connection to the end of its reply */
#define GRACE_S         0.1 /* before the oldest connection makes room for a new one */
#define BACK_OFF_S      0.5 /* pause in accepting while descriptors are short */
#define BACKLOG         1024

struct client {
	bool open;
	int fd;
	double since;
};

struct http {
	struct ev_loop *loop;
	struct MHD_Daemon *daemon;
	struct http_sources sources;
	struct client clients[CONNECTIONS_MAX];
	bool short_of_files; /* when last tried */
	ev_io listener;
	ev_io io;        /* epoll descriptor of the library */
	ev_timer timer;  /* next call of the library */
	ev_timer pause;  /* runs while accepting is paused */
	ev_timer expiry; /* runs while connections are open */
	double started;
};

struct number {
	const char *name;
	const char *type; /* counter, gauge */
	const char *help;
	uint64_t value;
};

// Collects the numbers that both /metrics and /status show.
static size_t collect(const struct http *http, struct number *numbers, size_t cap)
{
	const struct http_sources *s = &http->sources;
	const struct intake_counters *in = &s->intake->counters;
	const struct writer_counters *out = writer_counters(s->writer);
	const struct command_counters *commands = command_queue_counters(s->commands);
	const struct newcomers_counters *new = newcomers_counters(s->intake->newcomers);
	const struct journal *journal = s->intake->journal;
	const struct conn_counters conns = conn_counters(s->conns);
	const uint64_t start = journal_start(journal), end = journal_end(journal);
	const uint64_t stored = out->lsn > start ? out->lsn : start;
	const uint64_t pending = end - stored;
	const uint64_t states = out->state_lsn > start ? out->state_lsn : start;
	const uint64_t state_lag = stored > states ? stored - states : 0;
	const struct number all[] = {
		{"connections", "gauge", "TCP connections open", conn_count(s->conns)},
		{"frames_total", "counter", "frames received", in->frames},
		{"reports_total", "counter", "reports decoded", in->reports},
		{"rejects_total", "counter", "frames or parts of frames that could not be used",
			in->rejects},
		{"udp_no_room_total", "counter", "datagrams dropped while the journal was full",
			in->udp_no_room},
		{"udp_lost_total", "counter",
			"datagrams dropped by the kernel, the socket was full", in->udp_lost},
		{"udp_no_memory_total", "counter",
			"datagrams of new senders dropped for lack of memory", in->udp_no_memory},
		{"udp_replies_dropped_total", "counter",
			"replies dropped because too many were held for the journal",
			in->udp_replies_dropped},
		{"udp_over_share_total", "counter",
			"datagrams dropped above the sender's share while the database was behind",
			in->udp_over_share},
		{"udp_withheld_total", "counter",
			"replies larger than a sender that had not proved itself may get",
			in->udp_withheld},
		{"peers_paused", "gauge",
			"TCP peers above their share, not read while the database is behind",
			conns.paused},
		{"pauses_total", "counter", "times that a TCP peer was paused so", conns.pauses},
		{"connections_evicted_total", "counter",
			"silent connections of strangers closed to make room", conns.evicted},
		{"photos_total", "counter", "photos fetched, whole or in part", in->photos},
		{"devices", "gauge", "devices known", device_directory_count(s->intake->directory)},
		{"new_devices_total", "counter", "devices admitted as new", new->admitted},
		{"new_devices_held_total", "counter", "new devices put on trial", new->held},
		{"new_devices_refused_total", "counter",
			"new devices refused, or dropped while on trial", new->refused},
		{"new_devices_on_trial", "gauge", "new devices on trial now",
			newcomers_on_trial(s->intake->newcomers)},
		{"journal_bytes", "gauge", "size of the journal on disk", journal_bytes(journal)},
		{"journal_waiting_bytes", "gauge", "bytes not yet in the database", pending},
		{"device_state_lag_bytes", "gauge",
			"bytes in the database whose reports are not in device_state yet",
			state_lag},
		{"journal_unsynced_bytes", "gauge", "bytes not yet safe against loss of power",
			end - journal_synced(journal)},
		{"journal_full", "gauge", "journal full, nothing is accepted (1: yes, 0: no)",
			s->intake->full},
		{"database_connected", "gauge", "database connection ready (1: yes, 0: no)",
			out->connected},
		{"batches_total", "counter", "transactions committed", out->batches},
		{"positions_total", "counter", "rows into positions", out->rows_positions},
		{"statuses_total", "counter", "rows into statuses", out->rows_statuses},
		{"alarms_total", "counter", "rows into alarms", out->rows_alarms},
		{"reject_rows_total", "counter", "rows into rejects", out->rows_rejects},
		{"reject_rows_left_out_total", "counter",
			"rejects without a row, beyond the limits of the table",
			row_limits_left_out(s->intake->limits[LIMITED_REJECTS])},
		{"connection_rows_left_out_total", "counter",
			"connections without a row, beyond the limits of the table",
			row_limits_left_out(s->intake->limits[LIMITED_CONNECTIONS])},
		{"duplicates_total", "counter", "records sent again and omitted", out->duplicates},
		{"refused_total", "counter", "rows the database refused", out->refused},
		{"retries_total", "counter", "batches tried again", out->retries},
		{"commands_open", "gauge", "commands queued or sent",
			command_queue_count(s->commands)},
		{"commands_sent_total", "counter", "commands sent, repeats too", commands->sent},
		{"commands_confirmed_total", "counter", "commands confirmed", commands->confirmed},
		{"commands_failed_total", "counter", "commands failed", commands->failed},
		{"commands_expired_total", "counter", "commands expired", commands->expired},
	};
	const size_t count = sizeof(all) / sizeof(all[0]);

	if (count > cap)
		return 0;
	memcpy(numbers, all, sizeof(all));
	return count;
}

#define NUMBERS_MAX 48

static void write_metrics(const struct http *http, FILE *to)
{
	struct number numbers[NUMBERS_MAX];
	const size_t count = collect(http, numbers, NUMBERS_MAX);

	for (size_t i = 0; i < count; i++)
		fprintf(to, "# HELP avld_%s %s\n# TYPE avld_%s %s\navld_%s %" PRIu64 "\n",
			numbers[i].name, numbers[i].help, numbers[i].name, numbers[i].type,
			numbers[i].name, numbers[i].value);
	fputs("# HELP avld_connections_refused_total TCP connections refused, by reason\n# "
	      "TYPE "
	      "avld_connections_refused_total counter\n",
		to);
	for (enum conn_refusal_reason reason = 0; reason < CONN_REFUSAL_REASONS; reason++)
		fprintf(to, "avld_connections_refused_total{reason=\"%s\"} %" PRIu64 "\n",
			conn_refusals_text(reason),
			conn_refused(http->sources.conns)->counts[reason]);
	fputs("# HELP avld_scanners_total probes of other services, by kind\n# TYPE "
	      "avld_scanners_total counter\n",
		to);
	for (size_t i = 0; scanner_kind(i); i++)
		fprintf(to, "avld_scanners_total{kind=\"%s\"} %" PRIu64 "\n", scanner_kind(i),
			http->sources.intake->scanners.counts[i]);
	fputs("# HELP avld_rejected_total rejects by protocol and reason\n# TYPE "
	      "avld_rejected_total counter\n",
		to);
	for (size_t i = 0; i < REASONS_MAX && http->sources.intake->reasons[i].count; i++) {
		const struct reason_count *reason = &http->sources.intake->reasons[i];
		fprintf(to, "avld_rejected_total{protocol=\"%s\",reason=\"%s\"} %" PRIu64 "\n",
			reason->protocol, reason->reason, reason->count);
	}
}

static void write_status(const struct http *http, FILE *to)
{
	struct number numbers[NUMBERS_MAX];
	const size_t count = collect(http, numbers, NUMBERS_MAX);

	fprintf(to, "avld " AVLD_VERSION ", up %.0f s\n", ev_now(http->loop) - http->started);
	for (size_t i = 0; i < count; i++)
		fprintf(to, "%12" PRIu64 "  %s\n", numbers[i].value, numbers[i].help);
	for (enum conn_refusal_reason reason = 0; reason < CONN_REFUSAL_REASONS; reason++)
		if (conn_refused(http->sources.conns)->counts[reason])
			fprintf(to, "%12" PRIu64 "  connections refused: %s\n",
				conn_refused(http->sources.conns)->counts[reason],
				conn_refusals_text(reason));
	for (size_t i = 0; scanner_kind(i); i++)
		if (http->sources.intake->scanners.counts[i])
			fprintf(to, "%12" PRIu64 "  scanners: %s\n",
				http->sources.intake->scanners.counts[i], scanner_kind(i));
	for (size_t i = 0; i < REASONS_MAX && http->sources.intake->reasons[i].count; i++) {
		const struct reason_count *reason = &http->sources.intake->reasons[i];
		fprintf(to, "%12" PRIu64 "  rejected: %s: %s\n", reason->count, reason->protocol,
			reason->reason);
	}
}

// Returns what is wrong and needs a person, or "".
static const char *find_problem(const struct http *http)
{
	const char *journal = journal_watch_problem(http->sources.intake->journal);

	return *journal ? journal : writer_counters(http->sources.writer)->problem;
}

// An unreachable database is reported but does not make the daemon unhealthy: the journal still accepts data.
static unsigned write_health(const struct http *http, FILE *to)
{
	const bool full = http->sources.intake->full;
	const bool connected = writer_counters(http->sources.writer)->connected;
	const char *problem = find_problem(http);
	char text[2048];
	struct json json = json_of(text, sizeof(text));

	fprintf(to, "{\"status\":\"%s\",\"database\":\"%s\"",
		full       ? "journal full"
		: *problem ? "degraded"
			   : "ok",
		connected ? "connected" : "away");
	if (*problem) {
		json_text(&json, problem, strlen(problem));
		fprintf(to, ",\"problem\":%.*s", (int)(json.at - text), text);
	}
	fputs("}\n", to);
	return full ? MHD_HTTP_SERVICE_UNAVAILABLE : MHD_HTTP_OK;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
	const char *method, const char *version, const char *upload, size_t *upload_size,
	void **request)
{
	const struct http *http = context;
	unsigned code = MHD_HTTP_OK;
	const char *type = "text/plain; charset=utf-8";
	char *page = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&page, &len);

	(void)version;
	(void)upload;
	(void)upload_size;
	(void)request;
	if (!to)
		return MHD_NO;
	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
		code = MHD_HTTP_METHOD_NOT_ALLOWED;
	} else if (!strcmp(url, "/metrics")) {
		write_metrics(http, to);
	} else if (!strcmp(url, "/status")) {
		write_status(http, to);
	} else if (!strcmp(url, "/health")) {
		type = "application/json";
		code = write_health(http, to);
	} else {
		code = MHD_HTTP_NOT_FOUND;
		fputs("/health, /metrics, /status\n", to);
	}
	if (fclose(to)) {
		free(page);
		return MHD_NO;
	}
	struct MHD_Response *response =
		MHD_create_response_from_buffer(len, page, MHD_RESPMEM_MUST_FREE);
	if (!response) {
		free(page);
		return MHD_NO;
	}
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
	const enum MHD_Result result = MHD_queue_response(connection, code, response);
	MHD_destroy_response(response);
	return result;
}

// Lets the library do what is due, and sets the timer for its next call.
static void run(struct http *http)
{
	MHD_UNSIGNED_LONG_LONG wait_ms;

	MHD_run(http->daemon);
	ev_timer_stop(http->loop, &http->timer);
	if (MHD_get_timeout(http->daemon, &wait_ms) == MHD_YES) {
		ev_timer_set(&http->timer, (double)wait_ms / 1e3, 0.);
		ev_timer_start(http->loop, &http->timer);
	}
}

static void on_readable(struct ev_loop *loop, ev_io *io, int revents)
{
	(void)loop;
	(void)revents;
	run(io->data);
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int revents)
{
	(void)loop;
	(void)revents;
	run(timer->data);
}

// Connections ------------------------------------------------------------------------------------

// Does nothing unless accepting is paused.
static void resume_accepting(struct http *http)
{
	ev_timer_stop(http->loop, &http->pause);
	ev_io_start(http->loop, &http->listener);
}

// Called by the library when a connection was added, and before it is closed.
static void on_connection(void *context, struct MHD_Connection *connection, void **client,
	enum MHD_ConnectionNotificationCode code)
{
	struct http *http = context;
	struct client *slot = http->clients;

	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		slot = *client;
		if (slot)
			slot->open = false;
		if (!http->short_of_files)
			resume_accepting(http);
		return;
	}
	while (slot < http->clients + CONNECTIONS_MAX && slot->open)
		slot++;
	assert(slot < http->clients + CONNECTIONS_MAX); // by the library's limit
	*slot = (struct client){.open = true,
		.fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)
			      ->connect_fd,
		.since = ev_now(http->loop)};
	*client = slot;
	if (!ev_is_active(&http->expiry)) {
		ev_timer_set(&http->expiry, 1., 1.);
		ev_timer_start(http->loop, &http->expiry);
	}
}

// Returns the connection that has been open longest, NULL if none is.
static struct client *find_oldest(struct http *http)
{
	struct client *oldest = NULL;

	for (struct client *at = http->clients; at < http->clients + CONNECTIONS_MAX; at++)
		if (at->open && (!oldest || at->since < oldest->since))
			oldest = at;
	return oldest;
}

static bool is_full(const struct http *http)
{
	for (size_t i = 0; i < CONNECTIONS_MAX; i++)
		if (!http->clients[i].open)
			return false;
	return true;
}

// The library sees the end of the stream and closes the connection.
static void end_client(struct http *http, const struct client *client)
{
	shutdown(client->fd, SHUT_RDWR);
	MHD_run(http->daemon);
}

static void on_expiry(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct http *http = timer->data;
	const struct client *oldest;

	(void)revents;
	for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
		oldest = find_oldest(http);
		if (!oldest || ev_now(loop) - oldest->since < TIME_MAX_S)
			break;
		end_client(http, oldest);
	}
	if (!find_oldest(http))
		ev_timer_stop(loop, timer);
	run(http);
}

static void pause_accepting(struct http *http, double seconds)
{
	ev_io_stop(http->loop, &http->listener);
	ev_timer_set(&http->pause, seconds, 0.);
	ev_timer_start(http->loop, &http->pause);
}

static void on_pause_end(struct ev_loop *loop, ev_timer *timer, int revents)
{
	(void)loop;
	(void)revents;
	resume_accepting(timer->data);
}

static void back_off(struct http *http, int error)
{
	const struct client *oldest = find_oldest(http);

	if (!http->short_of_files)
		log_warning("http cannot accept connections error=\"%s\" "
			    "what_to_do=\"raise LimitNOFILE of the service\"",
			strerror(error));
	http->short_of_files = true;
	if (oldest)
		end_client(http, oldest);
	pause_accepting(http, BACK_OFF_S);
}

// Returns false if no connection is pending, or none can be accepted now.
static bool accept_one(struct http *http)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);
	const struct client *oldest = is_full(http) ? find_oldest(http) : NULL;

	if (oldest && ev_now(http->loop) - oldest->since < GRACE_S) {
		pause_accepting(http, GRACE_S);
		return false;
	}
	const int fd = accept4(
		http->listener.fd, (struct sockaddr *)&address, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0) {
		const int error = errno;
		if (error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM)
			back_off(http, error);
		return error == ECONNABORTED;
	}
	http->short_of_files = false;
	if (oldest)
		end_client(http, oldest);
	MHD_add_connection(http->daemon, fd, (struct sockaddr *)&address, len); // or closes fd
	return true;
}

static void on_connect(struct ev_loop *loop, ev_io *io, int revents)
{
	struct http *http = io->data;

	(void)loop;
	(void)revents;
	for (int i = 0; i < CONNECTIONS_MAX && accept_one(http); i++)
		;
	run(http);
}

// Start and end ----------------------------------------------------------------------------------

// Returns a listening socket, or -1 with errno set.
static int listen_on(const char *text)
{
	struct sockaddr_storage address;
	socklen_t len;
	const int off = 0, on = 1;

	if (!address_parse(text, &address, &len)) {
		errno = EINVAL;
		return -1;
	}
	const int fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (address.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (!bind(fd, (const struct sockaddr *)&address, len) && !listen(fd, BACKLOG))
		return fd;
	const int error = errno;
	close(fd);
	errno = error;
	return -1;
}

static struct MHD_Daemon *start_daemon(struct http *http)
{
	return MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET, 0, NULL, NULL, on_request,
		http, MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX, MHD_OPTION_NOTIFY_CONNECTION,
		on_connection, http, MHD_OPTION_END);
}

static void start_watchers(struct http *http, int listen_fd)
{
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD);

	ev_io_init(&http->listener, on_connect, listen_fd, EV_READ);
	ev_io_init(&http->io, on_readable, info->epoll_fd, EV_READ);
	ev_timer_init(&http->timer, on_timer, 0., 0.);
	ev_timer_init(&http->pause, on_pause_end, 0., 0.);
	ev_timer_init(&http->expiry, on_expiry, 0., 0.);
	http->listener.data = http->io.data = http->timer.data = http->pause.data =
		http->expiry.data = http;
	ev_io_start(http->loop, &http->listener);
	ev_io_start(http->loop, &http->io);
}

struct http *http_new(
	struct ev_loop *loop, const char *listen, struct http_sources sources, const char **error)
{
	struct http *http = calloc(1, sizeof(*http));

	*error = "out of memory";
	if (!http)
		return NULL;
	http->loop = loop;
	http->sources = sources;
	http->started = ev_now(loop);
	const int fd = listen_on(listen);
	if (fd < 0) {
		*error = strerror(errno);
		free(http);
		return NULL;
	}
	http->daemon = start_daemon(http);
	if (!http->daemon) {
		*error = "libmicrohttpd cannot start";
		close(fd);
		free(http);
		return NULL;
	}
	start_watchers(http, fd);
	return http;
}

void http_free(struct http *http)
{
	MHD_stop_daemon(http->daemon); // calls on_connection
	ev_io_stop(http->loop, &http->listener);
	ev_io_stop(http->loop, &http->io);
	ev_timer_stop(http->loop, &http->timer);
	ev_timer_stop(http->loop, &http->pause);
	ev_timer_stop(http->loop, &http->expiry);
	close(http->listener.fd);
	free(http);
}
