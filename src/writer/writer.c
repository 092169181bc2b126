// SPDX-License-Identifier: MIT
// The writer's states, its connection and what comes over it.
//
//   WAITING -> RESOLVING -> CONNECTING -> PREPARING -> LOADING -> IDLE <-> LEARNING
//      ^                                                          |  ^        |
//      |                                                          v  |        v
//      +--- writer_lose, from every state ---------- COMMITTING <- SENDING <--+
//
// What is watched follows from the state (writer_watch). Nothing here waits: libpq is non-blocking,
// PQexec is not used.
#include "writer/writer_internal.h"

#include "util/log.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define BACKOFF_FIRST_S 0.1
#define BACKOFF_MAX_S   30.
#define CONNECT_GUARD_S 10.
#define ANSWER_GUARD_S  30. /* of silence, then one warning */
#define STEADY_S        10. /* a connection that lived so long was a good one */

static const char *const state_names[] = {
	[WRITER_WAITING] = "waiting",
	[WRITER_RESOLVING] = "resolving",
	[WRITER_CONNECTING] = "connecting",
	[WRITER_PREPARING] = "preparing",
	[WRITER_LOADING] = "loading",
	[WRITER_IDLE] = "idle",
	[WRITER_LEARNING] = "learning",
	[WRITER_SENDING] = "sending",
	[WRITER_COMMITTING] = "committing",
};

// ---- states and what is watched in them

static int wanted_events(const struct writer *writer)
{
	const struct link *link = &writer->link;

	if (writer->state == WRITER_CONNECTING)
		return link->poll == PGRES_POLLING_READING ? EV_READ : EV_WRITE;
	if (writer->state < WRITER_CONNECTING)
		return 0;
	return EV_READ | (link->flushing ? EV_WRITE : 0);
}

// The socket is read anew each time: libpq may have another one.
void writer_watch(struct writer *writer)
{
	struct link *link = &writer->link;
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

static double timer_of(struct writer *writer)
{
	switch (writer->state) {
	case WRITER_WAITING:
		return writer->link.backoff * (0.75 + 0.5 * (double)arc4random() / UINT32_MAX);
	case WRITER_RESOLVING:
	case WRITER_CONNECTING:
		return CONNECT_GUARD_S;
	case WRITER_IDLE:
		return 0.;
	case WRITER_PREPARING:
	case WRITER_LOADING:
	case WRITER_LEARNING:
	case WRITER_SENDING:
	case WRITER_COMMITTING:
		break;
	}
	return ANSWER_GUARD_S;
}

static void check_drained(struct writer *writer)
{
	if (!writer->drained)
		return;
	// A connection under way gets its chance; one that has failed does not get another.
	const bool stored =
		writer->state == WRITER_IDLE && journal_end(writer->journal) == writer->lsn;
	if (!stored && writer->state != WRITER_WAITING)
		return;
	if (!ev_is_active(&writer->drain_timer))
		ev_timer_start(writer->loop, &writer->drain_timer);
}

static void on_drained(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	struct writer *writer = timer->data;
	void (*done)(void *context) = writer->drained;

	writer->drained = NULL;
	if (done)
		done(writer->drain_context);
}

void writer_set_state(struct writer *writer, enum writer_state state)
{
	writer->state = state;
	writer->counters.connected = state >= WRITER_IDLE;
	const double after = timer_of(writer);
	ev_timer_stop(writer->loop, &writer->link.timer);
	if (after > 0.) {
		ev_timer_set(&writer->link.timer, after, 0.);
		ev_timer_start(writer->loop, &writer->link.timer);
	}
	writer_watch(writer);
	check_drained(writer);
}

// ---- trouble

void writer_one_line(char *to, size_t cap, const char *from)
{
	size_t len = 0;
	for (; *from && len + 1 < cap; from++) {
		const bool blank = (unsigned char)*from <= ' ';
		if (blank && (!len || to[len - 1] == ' '))
			continue;
		to[len++] = blank ? ' ' : *from;
	}
	while (len && to[len - 1] == ' ')
		len--;
	to[len] = '\0';
}

static unsigned long long waiting_bytes(const struct writer *writer)
{
	return journal_end(writer->journal) - writer->lsn;
}

static void tell_trouble(
	struct writer *writer, enum trouble trouble, const char *sqlstate, const char *message)
{
	struct link *link = &writer->link;
	const bool told = trouble == link->trouble && !strcmp(sqlstate, link->trouble_state);
	char text[480], quoted[560];

	writer_one_line(text, sizeof(text), message);
	log_quote(text, strlen(text), quoted, sizeof(quoted));
	if (link->trouble == TROUBLE_NONE)
		link->trouble_since = ev_now(writer->loop);
	link->trouble = trouble;
	snprintf(link->trouble_state, sizeof(link->trouble_state), "%s", sqlstate);
	if (told)
		log_debug("database still of no use reason=\"%s\"", quoted);
	else if (trouble == TROUBLE_AWAY)
		log_warning("database away reason=\"%s\"", quoted);
	else if (trouble == TROUBLE_LOCKED)
		log_warning("database in use by another avld instance=%s reason=\"%s\"",
			writer->config->database.instance, quoted);
	else
		log_error("database does not take what is to be written; nothing is dropped, "
			  "trying again "
			  "sqlstate=%s reason=\"%s\"",
			*sqlstate ? sqlstate : "none", quoted);
}

void writer_trouble_over(struct writer *writer, const char *what)
{
	struct link *link = &writer->link;

	if (link->trouble == TROUBLE_NONE)
		return;
	log_warning("%s after_s=%.1f waiting_bytes=%llu", what,
		ev_now(writer->loop) - link->trouble_since, waiting_bytes(writer));
	link->trouble = TROUBLE_NONE;
	link->trouble_state[0] = '\0';
}

static void disconnect(struct writer *writer)
{
	struct link *link = &writer->link;

	ev_io_stop(writer->loop, &link->io);
	link->io_fd = -1;
	link->io_events = 0;
	link->flushing = false;
	resolve_free(link->resolve);
	link->resolve = NULL;
	PQfinish(link->conn);
	link->conn = NULL;
	writer->query.active = writer->query.failed = false;
	writer->batch.copying = false;
}

void writer_lose(
	struct writer *writer, enum trouble trouble, const char *sqlstate, const char *message)
{
	struct link *link = &writer->link;
	const bool steady = writer->state >= WRITER_IDLE && trouble == TROUBLE_AWAY &&
			    ev_now(writer->loop) - link->ready_since > STEADY_S;

	/* A link that breaks again and again lets a small batch through. */
	if (writer->state >= WRITER_SENDING && writer->batch.limit > BATCH_LIMIT_SMALL)
		writer->batch.limit /= 2;
	tell_trouble(writer, trouble, sqlstate,
		message); /* before PQfinish: the message may be libpq's */
	writer->counters.retries++;
	disconnect(writer);
	dedup_cache_forget(writer->recent);
	batch_drop_ahead(writer);
	link->backoff = steady || link->backoff <= 0. ? BACKOFF_FIRST_S : link->backoff * 2;
	if (link->backoff > BACKOFF_MAX_S)
		link->backoff = BACKOFF_MAX_S;
	writer_set_state(writer, WRITER_WAITING);
}

void writer_lose_connection(struct writer *writer)
{
	const char *message = PQerrorMessage(writer->link.conn);

	if (writer->query.failed) /* libpq's own words are of the socket, the server's of the reason
				   */
		message = writer->query.failure.message;
	else if (writer->link.farewell[0])
		message = writer->link.farewell;
	writer_lose(writer, TROUBLE_AWAY, "", *message ? message : "connection lost");
}

void writer_lose_query(struct writer *writer)
{
	const struct failure *failure = &writer->query.failure;
	const char *class = failure->sqlstate;
	/* 57P0x: the server shuts down, or an administrator ended us. */
	const bool away = PQstatus(writer->link.conn) != CONNECTION_OK || !*class ||
			  !strncmp(class, "08", 2) || !strncmp(class, "57P", 3);

	writer_lose(
		writer, away ? TROUBLE_AWAY : TROUBLE_SCHEMA, away ? "" : class, failure->message);
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	struct writer *writer = timer->data;

	if (writer->state == WRITER_WAITING)
		connect_start(writer);
	else if (writer->state <= WRITER_CONNECTING)
		writer_lose(writer, TROUBLE_AWAY, "", "no answer within 10 s");
	else
		log_warning("database does not answer, waiting on state=%s for_s=%.0f",
			state_names[writer->state], ANSWER_GUARD_S);
}

// ---- queries and results

bool writer_flush(struct writer *writer)
{
	const int left = PQflush(writer->link.conn);

	if (left < 0 && PQstatus(writer->link.conn) != CONNECTION_OK) {
		writer_lose_connection(writer);
		return false;
	}
	writer->link.flushing = left > 0;
	writer_watch(writer);
	return left <= 0; /* a failed write of a live connection: the reason is to be read */
}

void writer_query(struct writer *writer, const char *sql, on_result *result, on_end *end)
{
	assert(!writer->query.active);
	writer->query = (struct query){.active = true, .result = result, .end = end};
	writer->query.failure.kind = ROWS_KINDS;
	if (PQsendQuery(writer->link.conn, sql))
		writer_flush(writer);
	else
		writer_lose_connection(writer);
}

// "COPY positions, line 12, column extra" anywhere in the context: which COPY, which row. The words
// between may be in another language.
static void read_context(struct failure *failure, const char *context)
{
	while (context && strncmp(context, "COPY ", 5)) {
		context = strchr(context, '\n');
		if (context)
			context++;
	}
	if (!context)
		return;
	const char *name = context + 5;
	const size_t len = strcspn(name, ",\n");
	failure->kind = sql_kind_of(name, len);
	const char *digit = name + len;
	digit += strcspn(digit, "0123456789\n");
	while (*digit >= '0' && *digit <= '9' && failure->line < UINT32_MAX)
		failure->line = failure->line * 10 + (uint64_t)(*digit++ - '0');
}

static void take_failure(struct writer *writer, const PGresult *result)
{
	struct failure *failure = &writer->query.failure;
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
	char text[sizeof(failure->message)];

	if (writer->query.failed)
		return;
	writer->query.failed = true;
	snprintf(failure->sqlstate, sizeof(failure->sqlstate), "%s", sqlstate ? sqlstate : "");
	snprintf(text, sizeof(text), "%s%s%s", primary ? primary : PQresultErrorMessage(result),
		detail ? ": " : "", detail ? detail : "");
	writer_one_line(failure->message, sizeof(failure->message), text);
	writer_one_line(text, sizeof(text), primary ? primary : PQresultErrorMessage(result));
	log_quote(text, strlen(text), failure->told, sizeof(failure->told));
	read_context(failure, PQresultErrorField(result, PG_DIAG_CONTEXT));
}

static void take_result(struct writer *writer, PGresult *result)
{
	switch (PQresultStatus(result)) {
	case PGRES_COPY_IN:
		send_copy_in(writer);
		break;
	case PGRES_COMMAND_OK:
	case PGRES_TUPLES_OK:
	case PGRES_SINGLE_TUPLE:
		if (writer->query.result)
			writer->query.result(writer, result);
		break;
	default:
		take_failure(writer, result);
	}
}

static void take_results(struct writer *writer)
{
	while (writer->query.active && !writer->batch.copying && !PQisBusy(writer->link.conn)) {
		PGresult *result = PQgetResult(writer->link.conn);
		if (result) {
			take_result(writer, result);
			PQclear(result);
			continue;
		}
		writer->query.active = false;
		if (PQstatus(writer->link.conn) != CONNECTION_OK)
			writer_lose_connection(writer);
		else
			writer->query.end(writer);
	}
}

// However often the table changes, batches get their turn.
static bool devices_due(const struct writer *writer)
{
	const bool batch_due = writer->batch.due || writer->batch.now.more;

	return writer->devices_due && !(writer->reloaded_last && batch_due);
}

// Two channels are listened to: there are new commands; the owner has changed avld.devices.
static void take_notifications(struct writer *writer)
{
	PGnotify *notify;
	while ((notify = PQnotifies(writer->link.conn))) {
		if (strcmp(notify->relname, "avld_devices"))
			commands_set_due(writer);
		else
			writer->devices_due = true;
		PQfreemem(notify);
	}
	if (writer->state == WRITER_IDLE && (devices_due(writer) || commands_due(writer)))
		writer_wake(writer);
}

// Nothing is asked: what comes are notices and the end of the connection.
static void take_unasked(struct writer *writer)
{
	if (PQstatus(writer->link.conn) != CONNECTION_OK)
		writer_lose_connection(writer);
}

static void on_io(struct ev_loop *loop, ev_io *io, int events)
{
	(void)loop;
	struct writer *writer = io->data;

	if (writer->state == WRITER_CONNECTING) {
		connect_poll(writer);
		return;
	}
	if (events & EV_READ && !PQconsumeInput(writer->link.conn) &&
		(!writer->query.active || writer->batch.copying)) {
		take_unasked(writer);
		if (writer->link.conn)
			writer_lose_connection(writer);
		return;
	}
	if (writer->link.flushing && !writer_flush(writer) && !writer->link.conn)
		return;
	if (writer->batch.copying && !writer->link.flushing)
		send_feed(writer);
	if (writer->link.conn && writer->query.active)
		take_results(writer);
	if (writer->link.conn && !writer->query.active)
		take_unasked(writer);
	if (writer->link.conn)
		take_notifications(writer);
}

// ---- the outside

void writer_ready(struct writer *writer)
{
	struct link *link = &writer->link;

	if (writer->state < WRITER_IDLE) {
		link->ready_since = ev_now(writer->loop);
		if (link->trouble == TROUBLE_AWAY || link->trouble == TROUBLE_LOCKED)
			writer_trouble_over(writer, "database back");
		else if (link->trouble == TROUBLE_NONE)
			log_info("database ready instance=%s devices=%zu waiting_bytes=%llu",
				writer->config->database.instance,
				device_directory_count(writer->directory), waiting_bytes(writer));
	}
	writer_set_state(writer, WRITER_IDLE);
	writer_wake(writer);
}

void writer_wake(struct writer *writer)
{
	struct writer_batch *batch = &writer->batch;
	const uint64_t end = journal_end(writer->journal);
	const bool busy = writer->state == WRITER_SENDING || writer->state == WRITER_COMMITTING;

	if (writer->state == WRITER_IDLE && devices_due(writer)) {
		prepare_reload_devices(writer);
		return;
	}
	if (writer->state == WRITER_IDLE && commands_due(writer)) {
		commands_read(writer);
		return;
	}
	if (writer->state == WRITER_IDLE && retention_due(writer)) {
		retention_run(writer);
		return;
	}
	if (end == (busy ? batch->now.end : writer->lsn))
		return;
	if (writer->state == WRITER_IDLE && batch_wanted(writer)) {
		writer->reloaded_last = false;
		batch_start(writer);
		return;
	}
	if (!batch->due && !ev_is_active(&batch->timer)) {
		ev_timer_set(&batch->timer,
			(double)writer->config->database.batch_interval_us / 1e6, 0.);
		ev_timer_start(writer->loop, &batch->timer);
	}
}

void writer_drain(struct writer *writer, void (*done)(void *context), void *context)
{
	writer->drained = done;
	writer->drain_context = context;
	check_drained(writer);
	writer_wake(writer);
}

const struct writer_counters *writer_counters(const struct writer *writer)
{
	return &writer->counters;
}

struct writer *writer_new(struct ev_loop *loop, const struct config *config,
	struct journal *journal, struct device_directory *directory)
{
	struct writer *writer = calloc(1, sizeof(*writer));
	if (!writer)
		log_fatal("out of memory: writer");
	writer->loop = loop;
	writer->config = config;
	writer->journal = journal;
	writer->directory = directory;
	writer->recent = dedup_cache_new();
	writer->lsn = writer->counters.lsn = journal_start(journal);
	ev_init(&writer->link.io, on_io);
	writer->link.io.data = writer;
	writer->link.io_fd = -1;
	arc4random_buf(&writer->link.token, sizeof(writer->link.token));
	writer->link.token >>= 1; /* a positive bigint */
	ev_timer_init(&writer->link.timer, on_timer, 0., 0.);
	writer->link.timer.data = writer;
	ev_timer_init(&writer->drain_timer, on_drained, 0., 0.);
	writer->drain_timer.data = writer;
	learn_init(writer);
	retention_init(writer);
	commands_init(writer);
	batch_init(writer);
	connect_start(writer);
	return writer;
}

void writer_free(struct writer *writer)
{
	if (!writer)
		return;
	disconnect(writer);
	ev_timer_stop(writer->loop, &writer->link.timer);
	ev_timer_stop(writer->loop, &writer->drain_timer);
	learn_done(writer);
	retention_done(writer);
	commands_done(writer);
	batch_done(writer);
	dedup_cache_free(writer->recent);
	sql_done(&writer->sql);
	free(writer);
}
