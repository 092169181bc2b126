// SPDX-License-Identifier: MIT
// The connection to the database and the query under way. What is watched follows from the state (watch). Nothing here
// blocks: libpq is non-blocking, PQexec is not used, host names are resolved by c-ares.
#include "writer/writer_link.h"

#include "config/conninfo_error.h"
#include "util/log.h"
#include "writer/writer_connect.h"

#include <assert.h>
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>

#define BACKOFF_FIRST_S 0.1
#define BACKOFF_MAX_S   30.
#define CONNECT_GUARD_S 10.
#define ANSWER_GUARD_S  30. /* without an answer, then one warning */
#define STEADY_S        10. /* a connection that lasted so long was a good one */

// The query string under way.
struct query {
	bool active, failed;
	writer_on_result *result;
	writer_on_end *end;
	struct writer_failure failure; /* the first one, if failed */
};

struct writer_link {
	const struct writer_link_hooks *hooks;
	PGconn *conn;
	struct writer_connect connect;
	PostgresPollingStatusType poll; /* what PQconnectPoll waits for */
	bool flushing;                  /* libpq holds bytes for which the socket has no room */
	bool copying;                   /* the server waits for COPY data */
	struct query query;
	char farewell[240]; /* the server's last FATAL message */
	ev_io io;
	int io_fd, io_events;
	ev_timer timer; /* back-off, or the time-out of a state that waits for the database */
	double backoff, ready_since; /* the latter on clock_monotonic_s, as trouble_since */
	char trouble_state[6];       /* its SQLSTATE */
	double trouble_since;
};

static const char *const state_names[] = {
	[WRITER_DISCONNECTED] = "disconnected",
	[WRITER_RESOLVING] = "resolving",
	[WRITER_CONNECTING] = "connecting",
	[WRITER_PREPARING] = "preparing",
	[WRITER_LOADING] = "loading",
	[WRITER_IDLE] = "idle",
	[WRITER_ASKING] = "asking",
	[WRITER_SENDING] = "sending",
	[WRITER_COMMITTING] = "committing",
};

// ---- states and what is watched in them

static int wanted_events(const struct writer *writer)
{
	const struct writer_link *link = writer->link;

	if (writer->state == WRITER_CONNECTING)
		return link->poll == PGRES_POLLING_READING ? EV_READ : EV_WRITE;
	if (writer->state < WRITER_CONNECTING)
		return 0;
	return EV_READ | (link->flushing ? EV_WRITE : 0);
}

// Watches what the state needs. The socket is read anew each time: libpq may have another one.
static void watch(struct writer *writer)
{
	struct writer_link *link = writer->link;
	const int events = link->conn ? wanted_events(writer) : 0;
	const int fd = events ? PQsocket(link->conn) : -1;
	const bool same = fd == link->io_fd && events == link->io_events;

	/* While connecting libpq may close a socket and open the next under the same number. */
	if (same && writer->state != WRITER_CONNECTING)
		return;
	ev_io_stop(writer->loop, &link->io);
	link->io_fd = fd;
	link->io_events = events;
	if (fd < 0)
		return;
	ev_io_set(&link->io, fd, events);
	ev_io_start(writer->loop, &link->io);
}

static double timeout_of(const struct writer *writer)
{
	switch (writer->state) {
	case WRITER_DISCONNECTED:
		return writer->link->backoff * (0.75 + 0.5 * (double)arc4random() / UINT32_MAX);
	case WRITER_RESOLVING:
	case WRITER_CONNECTING:
		return CONNECT_GUARD_S;
	case WRITER_IDLE:
		return 0.;
	case WRITER_PREPARING:
	case WRITER_LOADING:
	case WRITER_ASKING:
	case WRITER_SENDING:
	case WRITER_COMMITTING:
		break;
	}
	return ANSWER_GUARD_S;
}

void writer_link_set_state(struct writer *writer, enum writer_state state)
{
	writer->state = state;
	writer->counters.connected = state >= WRITER_IDLE;
	const double after = timeout_of(writer);
	ev_timer_stop(writer->loop, &writer->link->timer);
	if (after > 0.) {
		ev_timer_set(&writer->link->timer, after, 0.);
		ev_timer_start(writer->loop, &writer->link->timer);
	}
	watch(writer);
}

// ---- trouble

static unsigned long long waiting_bytes(const struct writer *writer)
{
	return journal_end(writer->journal) - writer->lsn;
}

static void log_trouble(struct writer *writer, enum writer_trouble trouble, const char *sqlstate,
	const char *message)
{
	struct writer_link *link = writer->link;
	const bool logged =
		trouble == writer->counters.trouble && !strcmp(sqlstate, link->trouble_state);
	const char *remedy = conninfo_error_remedy(message);
	char text[480], quoted[560];

	writer_failure_one_line(text, sizeof(text), message);
	log_quote(text, strlen(text), quoted, sizeof(quoted));
	if (writer->counters.trouble == TROUBLE_NONE)
		link->trouble_since = clock_monotonic_s();
	writer->counters.trouble = trouble;
	snprintf(link->trouble_state, sizeof(link->trouble_state), "%s", sqlstate);
	writer_failure_one_line(
		writer->counters.trouble_text, sizeof(writer->counters.trouble_text), message);
	if (logged)
		log_debug("database still unusable reason=\"%s\"", quoted);
	else if (trouble == TROUBLE_UNREACHABLE)
		log_warning("database unreachable, retrying reason=\"%s\"%s%s%s", quoted,
			remedy ? " what_to_do=\"" : "", remedy ? remedy : "", remedy ? "\"" : "");
	else if (trouble == TROUBLE_LOCKED)
		log_warning("database in use by another avld instance=%s reason=\"%s\"",
			writer->config->database.instance, quoted);
	else
		log_error("cannot write to the database, retrying; nothing is dropped "
			  "sqlstate=%s reason=\"%s\"",
			*sqlstate ? sqlstate : "none", quoted);
}

void writer_link_end_trouble(struct writer *writer)
{
	struct writer_link *link = writer->link;
	const enum writer_trouble trouble = writer->counters.trouble;
	const double after_s = clock_monotonic_s() - link->trouble_since;

	if (trouble == TROUBLE_NONE)
		return;
	if (trouble == TROUBLE_UNREACHABLE || trouble == TROUBLE_LOCKED)
		log_warning("database connection restored after_s=%.1f waiting_bytes=%llu", after_s,
			waiting_bytes(writer));
	else
		log_warning("database accepts writes again after_s=%.1f waiting_bytes=%llu",
			after_s, waiting_bytes(writer));
	writer->counters.trouble = TROUBLE_NONE;
	link->trouble_state[0] = '\0';
}

void writer_link_reset_backoff(struct writer *writer)
{
	writer->link->backoff = 0.;
}

void writer_link_keep_backoff(struct writer *writer)
{
	writer->link->backoff /= 2;
}

static void disconnect(struct writer *writer)
{
	struct writer_link *link = writer->link;

	ev_io_stop(writer->loop, &link->io);
	link->io_fd = -1;
	link->io_events = 0;
	link->flushing = link->copying = false;
	writer_connect_stop(&link->connect);
	PQfinish(link->conn);
	link->conn = NULL;
	link->query.active = link->query.failed = false;
}

void writer_link_lose(struct writer *writer, enum writer_trouble trouble, const char *sqlstate,
	const char *message)
{
	struct writer_link *link = writer->link;
	const enum writer_state state = writer->state;
	const bool steady = state >= WRITER_IDLE && trouble == TROUBLE_UNREACHABLE &&
			    clock_monotonic_s() - link->ready_since > STEADY_S;

	/* before PQfinish: the message may be libpq's */
	log_trouble(writer, trouble, sqlstate, message);
	writer_counters_note_error(&writer->counters, sqlstate);
	writer->counters.retries++;
	disconnect(writer);
	link->backoff = steady || link->backoff <= 0. ? BACKOFF_FIRST_S : link->backoff * 2;
	if (link->backoff > BACKOFF_MAX_S)
		link->backoff = BACKOFF_MAX_S;
	writer_link_set_state(writer, WRITER_DISCONNECTED);
	link->hooks->lost(writer, state);
}

// The connection broke: logs the reason, as far as it is known.
static void lose_connection(struct writer *writer)
{
	const struct writer_link *link = writer->link;
	const char *message = PQerrorMessage(link->conn);

	/* libpq's own message is about the socket; the server's gives the reason. */
	if (link->query.failed)
		message = link->query.failure.message;
	else if (link->farewell[0])
		message = link->farewell;
	writer_link_lose(writer, TROUBLE_UNREACHABLE, "", *message ? message : "connection lost");
}

// The server shuts down, or an administrator ended the session.
static bool is_shutdown(const char *sqlstate)
{
	return !strncmp(sqlstate, "57P", 3);
}

bool writer_link_was_cut_off(const struct writer *writer)
{
	const struct query *query = &writer->link->query;
	const char *sqlstate = query->failure.sqlstate;

	return query->failed && (!*sqlstate || is_shutdown(sqlstate));
}

void writer_link_lose_query(struct writer *writer)
{
	writer_link_lose_failure(writer, &writer->link->query.failure);
}

void writer_link_lose_failure(struct writer *writer, const struct writer_failure *failure)
{
	const char *sqlstate = failure->sqlstate;
	/* a node of Citus that fails in COPY is a "system error" (58030); in plain PostgreSQL that is the disk */
	const bool unreachable = PQstatus(writer->link->conn) != CONNECTION_OK || !*sqlstate ||
				 !strncmp(sqlstate, "08", 2) || is_shutdown(sqlstate) ||
				 (writer->on_citus && !strncmp(sqlstate, "58", 2));

	writer_link_lose(writer, unreachable ? TROUBLE_UNREACHABLE : TROUBLE_REFUSED,
		unreachable ? "" : sqlstate, failure->message);
}

// ---- connecting

static void on_notice(void *context, const PGresult *result)
{
	struct writer *writer = context;
	struct writer_link *link = writer->link;
	const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
	char text[240];

	writer_failure_one_line(text, sizeof(text), PQresultErrorMessage(result));
	log_debug("database message text=\"%s\"", text);
	if (severity && !strcmp(severity, "FATAL"))
		snprintf(link->farewell, sizeof(link->farewell), "%s", text);
}

static void on_started(void *context, PGconn *conn, const char *error)
{
	struct writer *writer = context;
	struct writer_link *link = writer->link;

	if (!conn) {
		writer_link_lose(writer, TROUBLE_UNREACHABLE, "", error);
		return;
	}
	link->conn = conn;
	if (PQstatus(conn) == CONNECTION_BAD) {
		lose_connection(writer);
		return;
	}
	PQsetNoticeReceiver(conn, on_notice, writer);
	link->poll = PGRES_POLLING_WRITING;
	writer_link_set_state(writer, WRITER_CONNECTING);
}

void writer_link_start(struct writer *writer)
{
	const char *conninfo = writer->config->database.conninfo;
	char *error = NULL;
	PQconninfoOption *parsed = PQconninfoParse(conninfo, &error);

	if (!parsed) {
		writer_link_lose(writer, TROUBLE_REFUSED, "",
			conninfo_error(conninfo, error ? error : "bad conninfo"));
		PQfreemem(error);
		return;
	}
	PQconninfoFree(parsed);
	writer->link->farewell[0] = '\0';
	writer_link_set_state(writer, WRITER_RESOLVING);
	writer_connect_start(&writer->link->connect, writer->loop, conninfo, on_started, writer);
}

static void poll_connection(struct writer *writer)
{
	struct writer_link *link = writer->link;

	link->poll = PQconnectPoll(link->conn);
	if (link->poll == PGRES_POLLING_FAILED)
		lose_connection(writer);
	else if (link->poll != PGRES_POLLING_OK)
		watch(writer);
	else if (PQsetnonblocking(link->conn, 1))
		lose_connection(writer);
	else
		link->hooks->connected(writer);
}

// libpq tries the next host, or the next address of a name, only once the one before has failed.
static void give_up_host(struct writer *writer)
{
	writer->link->connect.skip += writer->state == WRITER_CONNECTING;
	writer_link_lose(writer, TROUBLE_UNREACHABLE, "", "no answer within 10 s");
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	struct writer *writer = timer->data;

	if (writer->state == WRITER_DISCONNECTED)
		writer_link_start(writer);
	else if (writer->state <= WRITER_CONNECTING)
		give_up_host(writer);
	else
		log_warning("database has not answered, still waiting state=%s for_s=%.0f",
			state_names[writer->state], ANSWER_GUARD_S);
}

// ---- queries and results

void writer_link_wake(struct writer *writer)
{
	writer->link->hooks->idle(writer);
}

// Returns true if all is out; false: the socket is full, or the connection was lost.
static bool flush(struct writer *writer)
{
	const int left = PQflush(writer->link->conn);

	if (left < 0 && PQstatus(writer->link->conn) != CONNECTION_OK) {
		lose_connection(writer);
		return false;
	}
	writer->link->flushing = left > 0;
	watch(writer);
	return left <= 0; /* a failed write of a live connection: the reason is to be read */
}

void writer_link_query(
	struct writer *writer, const char *sql, writer_on_result *result, writer_on_end *end)
{
	struct writer_link *link = writer->link;

	assert(!link->query.active);
	link->query = (struct query){.active = true, .result = result, .end = end};
	if (PQsendQuery(link->conn, sql))
		flush(writer);
	else
		lose_connection(writer);
}

void writer_link_set_single_rows(struct writer *writer)
{
	if (writer->link->conn)
		PQsetSingleRowMode(writer->link->conn);
}

const struct writer_failure *writer_link_failure(const struct writer *writer)
{
	const struct query *query = &writer->link->query;

	return query->failed ? &query->failure : NULL;
}

bool writer_link_copy(struct writer *writer, const void *data, size_t len)
{
	if (PQputCopyData(writer->link->conn, data, (int)len) > 0)
		return flush(writer);
	lose_connection(writer);
	return false;
}

void writer_link_end_copy(struct writer *writer, bool last)
{
	PQputCopyEnd(writer->link->conn, NULL);
	writer->link->copying = false;
	if (last)
		writer_link_set_state(writer, WRITER_COMMITTING);
	flush(writer);
}

bool writer_link_is_copying(const struct writer *writer)
{
	return writer->link->copying;
}

bool writer_link_is_flushing(const struct writer *writer)
{
	return writer->link->flushing;
}

static void handle_result(struct writer *writer, PGresult *result)
{
	struct writer_link *link = writer->link;

	switch (PQresultStatus(result)) {
	case PGRES_COPY_IN:
		link->copying = true;
		link->hooks->copy_in(writer, true);
		break;
	case PGRES_COMMAND_OK:
	case PGRES_TUPLES_OK:
	case PGRES_SINGLE_TUPLE:
		if (link->query.result)
			link->query.result(writer, result);
		break;
	default:
		if (!link->query.failed)
			writer_failure_read(&link->query.failure, result);
		link->query.failed = true;
	}
}

static void read_results(struct writer *writer)
{
	struct writer_link *link = writer->link;

	while (link->query.active && !link->copying && !PQisBusy(link->conn)) {
		PGresult *result = PQgetResult(link->conn);
		if (result) {
			handle_result(writer, result);
			PQclear(result);
			continue;
		}
		link->query.active = false;
		if (PQstatus(link->conn) != CONNECTION_OK)
			lose_connection(writer);
		else
			link->query.end(writer);
	}
}

static void read_notifications(struct writer *writer)
{
	PGnotify *notify;
	bool any = false;

	while ((notify = PQnotifies(writer->link->conn))) {
		writer->link->hooks->notified(writer, notify->relname);
		PQfreemem(notify);
		any = true;
	}
	if (any && writer->state == WRITER_IDLE)
		writer_link_wake(writer);
}

static void on_io(struct ev_loop *loop, ev_io *io, int events)
{
	(void)loop;
	struct writer *writer = io->data;
	struct writer_link *link = writer->link;

	if (writer->state == WRITER_CONNECTING) {
		poll_connection(writer);
		return;
	}
	if (events & EV_READ && !PQconsumeInput(link->conn) &&
		(!link->query.active || link->copying)) {
		lose_connection(writer);
		return;
	}
	if (link->flushing && !flush(writer) && !link->conn)
		return;
	if (link->copying && !link->flushing)
		link->hooks->copy_in(writer, false);
	if (link->conn && link->query.active)
		read_results(writer);
	/* Without a query only notices come, or the end of the connection. */
	if (link->conn && !link->query.active && PQstatus(link->conn) != CONNECTION_OK)
		lose_connection(writer);
	if (link->conn)
		read_notifications(writer);
}

// ---- the rest of the writer

void writer_link_ready(struct writer *writer)
{
	struct writer_link *link = writer->link;

	if (writer->state < WRITER_IDLE) {
		link->ready_since = clock_monotonic_s();
		writer->counters.connects++;
		if (writer->counters.trouble == TROUBLE_UNREACHABLE ||
			writer->counters.trouble == TROUBLE_LOCKED)
			writer_link_end_trouble(writer);
		else if (writer->counters.trouble == TROUBLE_NONE)
			log_info("database ready instance=%s engine=%s devices=%zu "
				 "waiting_bytes=%llu",
				writer->config->database.instance, writer->engine,
				device_directory_count(writer->directory), waiting_bytes(writer));
	}
	writer_link_set_state(writer, WRITER_IDLE);
	writer_link_wake(writer);
}

PGconn *writer_link_conn(const struct writer *writer)
{
	return writer->link->conn;
}

void writer_link_init(struct writer *writer, const struct writer_link_hooks *hooks)
{
	struct writer_link *link = calloc(1, sizeof(*link));

	if (!link)
		log_fatal("out of memory for=\"writer\"");
	writer->link = link;
	link->hooks = hooks;
	link->io_fd = -1;
	ev_init(&link->io, on_io);
	ev_timer_init(&link->timer, on_timer, 0., 0.);
	link->io.data = link->timer.data = writer;
}

void writer_link_done(struct writer *writer)
{
	disconnect(writer);
	ev_timer_stop(writer->loop, &writer->link->timer);
	free(writer->link);
}
