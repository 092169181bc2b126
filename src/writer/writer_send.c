// SPDX-License-Identifier: MIT
// A batch is one query string; the data of its COPYs is fed as the socket has room. While the database is busy with it the
// next batch is built ahead, so that the database need not wait for that: in slices while data is pending, so that neither
// the database nor the trackers wait for long; in larger ones once the whole batch is sent.
//
//   answer                          then
//   committed                       the next batch
//   duplicate key (23505)           the same rows once more, through the stages
//   internal error (XX000)          the same: Citus reports a row that a shard refuses so
//   deadlock (40P01)                the same
//   notifications refused           the same rows once more, without notifications of alarms
//   the fence did not hold          the checkpoint is read again; usually another writer has moved it
//   any other error                 the tables are looked at; if they are not as expected: back-off, then a new connection;
//                                   if they are:
//   a row was refused               its entry becomes a reject and the batch is built again; if the row is unknown,
//                                   half the batch
//   any other error                 nothing is dropped: back-off, then a new connection
#include "writer/writer_send.h"

#include "util/log.h"
#include "writer/writer_batch.h"
#include "writer/writer_days.h"
#include "writer/writer_link.h"
#include "writer/writer_lookup.h"
#include "writer/writer_notify.h"
#include "writer/writer_session.h"
#include "writer/writer_shape.h"
#include "writer/writer_states.h"

#include <ev.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK         ((size_t)64 << 10)
#define SLICE         1000 /* entries that are built at once, in about a millisecond */
#define SLICE_S       0.0005
#define STUCK_S       1. /* until the journal is asked again after it could not be read */
#define REFUSAL_LOG_S 60.
/* refusals in one batch that make the next ones small, since each refusal sends the batch again */
#define REFUSALS_MANY 16

struct writer_send {
	enum rows_kind order[ROWS_KINDS]; /* of the COPYs */
	size_t copies, begun;             /* how many there are, how many were begun */
	struct rows_reader reader;        /* of the current COPY */
	bool answered;                    /* a statement has succeeded: the fence held */
	double refusal_log_at;            /* not before this on clock_monotonic_s again */
	ev_timer slices;                  /* until the next slice of the batch ahead */
	struct writer_failure failure;    /* of the batch, while the tables are looked at */
	uint8_t chunk[CHUNK];
};

static void build_ahead(struct writer *writer);

static void on_slice(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	build_ahead(timer->data);
}

void writer_send_init(struct writer *writer)
{
	struct writer_send *send = calloc(1, sizeof(*send));

	if (!send)
		log_fatal("out of memory for=\"writer\"");
	writer->send = send;
	ev_timer_init(&send->slices, on_slice, SLICE_S, SLICE_S);
	send->slices.data = writer;
}

void writer_send_done(struct writer *writer)
{
	ev_timer_stop(writer->loop, &writer->send->slices);
	free(writer->send);
}

// Returns true if the database is busy with the batch, or the socket is full.
static bool may_build_ahead(const struct writer *writer)
{
	const bool waiting = writer_link_is_flushing(writer) || !writer_link_is_copying(writer);

	if (writer->state == WRITER_COMMITTING)
		return true;
	return writer->state == WRITER_SENDING && writer->send->begun > 0 && waiting;
}

static void build_ahead(struct writer *writer)
{
	const bool sent = writer->state == WRITER_COMMITTING && !writer_link_is_flushing(writer);

	ev_timer_stop(writer->loop, &writer->send->slices);
	if (!may_build_ahead(writer) || !writer_batch_has_next(writer))
		return;
	const size_t entries = sent ? (size_t)writer->config->database.batch_rows : SLICE;
	if (!writer_batch_build_ahead(writer, entries))
		ev_timer_again(writer->loop, &writer->send->slices);
}

// ---- sending

static void on_batch(struct writer *writer);

// "INSERT 0 n" is the number of rows that a stage let through; the others were stored already.
static void on_answer(struct writer *writer, PGresult *result)
{
	struct writer_batch *batch = writer->batch;
	struct writer_send *send = writer->send;

	send->answered = true;
	if (!send->begun || strncmp(PQcmdStatus(result), "INSERT ", 7))
		return;
	const enum rows_kind kind = send->order[send->begun - 1];
	if (kind <= ROWS_ALARMS)
		batch->stored[kind] = strtoull(PQcmdTuples(result), NULL, 10);
	if (kind == ROWS_ALARMS)
		writer_notify_answer(writer, result);
}

static void send_batch(struct writer *writer, bool staged)
{
	struct writer_batch *batch = writer->batch;
	struct writer_send *send = writer->send;
	const uint64_t state_lsn = writer_states_choose(writer);
	const struct rows_copy *copies = batch->now.rows.copies;
	const struct writer_sql_batch what = {
		.instance = writer->config->database.instance,
		.journal = journal_uuid(writer->journal),
		.old_lsn = writer->lsn,
		.new_lsn = batch->now.end,
		.state_lsn = state_lsn,
		.staged = staged,
		.notify = writer_notify_begin(writer, copies[ROWS_ALARMS].rows),
		.on_citus = writer->on_citus,
	};

	send->copies = writer_sql_batch(
		&writer->sql, writer_link_conn(writer), &what, &batch->now.rows, send->order);
	send->begun = 0;
	send->answered = false;
	for (unsigned kind = 0; kind < ROWS_KINDS; kind++)
		batch->stored[kind] =
			writer_sql_is_staged(&what, (enum rows_kind)kind) ? 0 : copies[kind].rows;
	batch->staged = staged;
	batch->sent = true;
	writer_link_set_state(writer, send->copies ? WRITER_SENDING : WRITER_COMMITTING);
	writer_link_query(writer, writer->sql.data, on_answer, on_batch);
}

static void send_directly(struct writer *writer)
{
	send_batch(writer, false);
}

void writer_send_start(struct writer *writer)
{
	struct writer_batch *batch = writer->batch;

	if (writer_days_is_new(writer)) {
		writer_batch_drop_ahead(writer);
		writer_days_note_near(writer);
	}
	writer_batch_next(writer);
	if (writer_lookup_needed(writer)) {
		writer_batch_forget(writer);
		writer_lookup_run(writer, writer_send_start);
		return;
	}
	if (!writer_days_are_read(writer)) { /* and the days of the batch are not noted */
		writer_batch_forget(writer);
		writer_days_read(writer, writer_send_start);
		return;
	}
	if (batch->now.end == writer->lsn && !writer_states_due(writer)) {
		/* the journal could not be read; it logs the reason */
		batch->now.more = false;
		writer_link_set_state(writer, WRITER_IDLE);
		writer_batch_schedule(writer, STUCK_S);
		return;
	}
	if (writer_days_due(writer))
		writer_days_make(writer, send_directly);
	else
		send_directly(writer);
}

// libpq would buffer any amount: it gets at most a chunk more than the socket has room for.
void writer_send_copy_in(struct writer *writer, bool begins)
{
	struct writer_send *send = writer->send;

	if (begins) {
		send->begun++;
		send->reader = (struct rows_reader){0};
	}
	const struct rows_copy *copy =
		&writer->batch->now.rows.copies[send->order[send->begun - 1]];
	const uint8_t *data;
	size_t len;
	while ((len = rows_copy_read(copy, &send->reader, send->chunk, CHUNK, &data)) > 0) {
		if (!writer_link_copy(writer, data, len)) {
			build_ahead(writer);
			return;
		}
	}
	writer_link_end_copy(writer, send->begun == send->copies);
	build_ahead(writer);
}

// ---- answers

static void refuse_entry(struct writer *writer, uint64_t lsn, const struct writer_failure *failure)
{
	struct writer_send *send = writer->send;
	const double now = clock_monotonic_s();

	if (!writer_batch_refuse(writer, lsn, failure->message)) {
		writer_link_lose(writer, TROUBLE_REFUSED, failure->sqlstate, failure->message);
		return;
	}
	if (now >= send->refusal_log_at) {
		log_warning("the database refuses rows, they go to avld.rejects lsn=%" PRIu64
			    " sqlstate=%s reason=\"%s\"",
			lsn, failure->sqlstate, failure->quoted);
		send->refusal_log_at = now + REFUSAL_LOG_S;
	} else {
		log_debug("the database refuses a row lsn=%" PRIu64 " sqlstate=%s reason=\"%s\"",
			lsn, failure->sqlstate, failure->quoted);
	}
	if (writer->batch->refused_count >= REFUSALS_MANY)
		writer_batch_lower_limit(writer, BATCH_LIMIT_SMALL);
	writer_send_start(writer);
}

// Returns the LSN of the entry whose row failed; 0 if it is unknown, or the row is of no single entry (device_state).
static uint64_t find_refused(const struct writer *writer, const struct writer_failure *failure)
{
	const enum rows_kind kind = writer_sql_kind(failure->relation);

	if (kind == ROWS_KINDS || failure->line < 1)
		return 0;
	return rows_copy_lsn(&writer->batch->now.rows.copies[kind], failure->line);
}

static void on_refused(struct writer *writer, const struct writer_failure *failure)
{
	struct writer_batch *batch = writer->batch;
	const uint64_t lsn = find_refused(writer, failure);

	batch->sent = false; /* the server has rolled it back */
	writer_counters_note_error(&writer->counters, failure->sqlstate);
	writer->counters.retries++;
	writer_batch_forget(writer);
	if (lsn) {
		refuse_entry(writer, lsn, failure);
	} else if (writer_states_refused(writer)) {
		writer_send_start(writer);
	} else if (batch->now.entries > 1) {
		batch->limit = batch->now.entries / 2;
		writer_send_start(writer);
	} else {
		refuse_entry(writer, batch->now.end, failure);
	}
}

// Returns true if the SQLSTATE's class, its first two characters, is one of these, separated by blanks.
static bool class_in(const char *sqlstate, const char *classes)
{
	for (;; classes += 3) {
		if (!strncmp(sqlstate, classes, 2))
			return true;
		if (!classes[2])
			return false;
	}
}

// Returns true if a row is at fault. Values, constraints, triggers that raise: yes. Missing tables or rights, lack of space
// or memory, shutdown, read-only, locks, internal errors, an unreachable server of a foreign table: no. Other errors: if
// the server names a row.
static bool is_row_at_fault(const struct writer_failure *failure)
{
	if (class_in(failure->sqlstate, "22 23 P0 44 54 38 39 21"))
		return true;
	return failure->line &&
	       !class_in(failure->sqlstate, "42 53 57 58 25 40 XX 55 3F 3D 0A 26 08 HV");
}

// The fence did not hold.
static void on_checkpoint(struct writer *writer)
{
	if (writer_link_failure(writer)) {
		writer_link_lose_query(writer);
		return;
	}
	if (!writer_session_is_at(writer, writer->batch->now.end))
		writer_session_die(writer, writer->lsn);
	writer_states_committed(writer); /* the batch is there already */
	writer_link_ready(writer);
}

// The tables are as expected: the failure is what it looks like.
static void on_shape(struct writer *writer)
{
	const struct writer_failure *failure = &writer->send->failure;

	if (is_row_at_fault(failure))
		on_refused(writer, failure);
	else
		writer_link_lose_failure(writer, failure);
}

// Returns true if a row may be stored already. Citus reports whatever a shard refuses in COPY as XX000; through the stages the
// row has its own SQLSTATE.
static bool may_be_repeat(const struct writer_failure *failure)
{
	return !strcmp(failure->sqlstate, "23505") || !strcmp(failure->sqlstate, "XX000");
}

static void on_batch(struct writer *writer)
{
	const struct writer_failure *failure = writer_link_failure(writer);

	if (!failure) {
		writer_states_committed(writer);
		writer_link_end_trouble(writer);
		writer_link_ready(writer);
	} else if (!writer->send->answered && !strcmp(failure->sqlstate, "22012")) {
		writer_session_read_checkpoint(writer, on_checkpoint);
	} else if (may_be_repeat(failure) && !writer->batch->staged) {
		send_batch(writer, true);
	} else if (!strcmp(failure->sqlstate, "40P01")) {
		/* Another instance has the same rows in another order; the stages sort them. */
		writer->counters.retries++;
		send_batch(writer, true);
	} else if (writer_link_was_cut_off(writer)) {
		writer_link_lose_query(writer);
	} else if (writer_notify_failed(writer, failure)) {
		send_batch(writer, writer->batch->staged);
	} else {
		writer->send->failure = *failure;
		writer_shape_check(writer, on_shape);
	}
}
