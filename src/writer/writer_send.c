// SPDX-License-Identifier: MIT
// A batch on its way: one query string, the COPYs' data fed as the socket takes it, and what
// becomes of it when the database says no.
//
//   answer                          then
//   committed                       next
//   a repeat (23505)                the same rows once more, through the stages
//   a deadlock (40P01)              the same
//   the fence did not hold          the checkpoint is read again: it is another writer's, mostly
//   a row is refused                its entry becomes a reject and the batch is built again; not
//   known which row: half the batch anything else                   nothing is dropped: back-off,
//   all over again
#include "writer/writer_internal.h"

#include "util/log.h"

#include <inttypes.h>
#include <stdlib.h>

#define CHUNK          ((size_t)64 << 10)
#define REFUSAL_TELL_S 60.
#define REFUSALS_MANY                                                                              \
	16 /* in one batch: from then on small ones, since each refusal sends the batch again */

static void on_batch(struct writer *writer);

// "INSERT 0 n" of rows out of a stage: the others were there.
static void take_answer(struct writer *writer, PGresult *result)
{
	struct writer_batch *batch = &writer->batch;
	const char *tag = PQcmdStatus(result);

	batch->answered = true;
	if (!batch->staged || !batch->copied || strncmp(tag, "INSERT ", 7))
		return;
	const enum rows_kind kind = batch->order[batch->copied - 1];
	if (kind <= ROWS_ALARMS)
		batch->inserted[kind] = strtoull(PQcmdTuples(result), NULL, 10);
}

void send_batch(struct writer *writer)
{
	struct writer_batch *batch = &writer->batch;
	const struct batch_sql what = {
		.instance = writer->config->database.instance,
		.journal = journal_uuid(writer->journal),
		.old_lsn = writer->lsn,
		.new_lsn = batch->now.end,
		.staged = batch->staged,
	};

	sql_batch(&writer->sql, writer->link.conn, &what, &batch->now.rows, batch->order,
		&batch->copies);
	batch->copied = 0;
	batch->copying = batch->answered = false;
	memset(batch->inserted, 0, sizeof(batch->inserted));
	batch->sent = true;
	writer_set_state(writer, batch->copies ? WRITER_SENDING : WRITER_COMMITTING);
	writer_query(writer, writer->sql.data, take_answer, on_batch);
}

void send_copy_in(struct writer *writer)
{
	struct writer_batch *batch = &writer->batch;

	batch->copied++;
	batch->copying = true;
	batch->offset = 0;
	send_feed(writer);
}

// At most a chunk is with libpq beyond what the socket has taken: libpq itself would take any
// amount.
void send_feed(struct writer *writer)
{
	struct writer_batch *batch = &writer->batch;
	PGconn *conn = writer->link.conn;
	const struct pgcopy *copy = &batch->now.rows.copies[batch->order[batch->copied - 1]];

	while (batch->offset < copy->len) {
		const size_t left = copy->len - batch->offset, len = left < CHUNK ? left : CHUNK;
		const int put =
			PQputCopyData(conn, (const char *)copy->data + batch->offset, (int)len);
		if (put <= 0) {
			writer_lose_connection(writer);
			return;
		}
		batch->offset += len;
		if (!writer_flush(writer)) {
			batch_build_ahead(writer);
			return;
		}
	}
	PQputCopyEnd(conn, NULL);
	batch->copying = false;
	if (batch->copied == batch->copies)
		writer_set_state(writer, WRITER_COMMITTING);
	writer_flush(writer);
	batch_build_ahead(writer);
}

// ---- answers

static void refuse_entry(struct writer *writer, uint64_t lsn)
{
	struct writer_batch *batch = &writer->batch;
	const struct failure *failure = &writer->query.failure;

	if (!batch_refuse(writer, lsn, failure->message)) {
		writer_lose(writer, TROUBLE_SCHEMA, failure->sqlstate, failure->message);
		return;
	}
	if (ev_now(writer->loop) - batch->refusal_told > REFUSAL_TELL_S) {
		log_warning("the database refuses rows, they go to avld.rejects lsn=%" PRIu64
			    " sqlstate=%s reason=\"%s\"",
			lsn, failure->sqlstate, failure->told);
		batch->refusal_told = ev_now(writer->loop);
	} else {
		log_debug("the database refuses a row lsn=%" PRIu64 " sqlstate=%s reason=\"%s\"",
			lsn, failure->sqlstate, failure->told);
	}
	if (batch->refused_count >= REFUSALS_MANY && batch->limit > BATCH_LIMIT_SMALL)
		batch->limit = BATCH_LIMIT_SMALL;
	batch_start(writer);
}

// The database does not like one of our rows.
static void on_refused(struct writer *writer)
{
	struct writer_batch *batch = &writer->batch;
	const struct failure *failure = &writer->query.failure;

	batch->sent = false; /* the server said no: it is rolled back */
	writer->counters.retries++;
	dedup_cache_forget(writer->recent);
	batch_drop_ahead(writer);
	if (failure->kind < ROWS_KINDS && failure->line >= 1 &&
		failure->line <= batch->now.rows.copies[failure->kind].rows) {
		const uint64_t lsn = batch->now.rows.copies[failure->kind].lsns[failure->line - 1];
		if (lsn) { /* rows of device_state are of no single entry */
			refuse_entry(writer, lsn);
			return;
		}
	}
	if (batch->now.entries > 1) {
		batch->limit = batch->now.entries / 2;
		batch_start(writer);
	} else {
		refuse_entry(writer, batch->now.end);
	}
}

static bool class_in(const char *sqlstate, const char *classes)
{
	for (; *classes; classes += 2)
		if (!strncmp(sqlstate, classes, 2))
			return true;
	return false;
}

// Is a row to blame? Values, constraints, triggers that raise: yes. Missing tables or rights, lack
// of space or memory, shut-down, read-only, locks, internal errors, a server behind a foreign table
// that is away: no. What is left counts if the server names a row.
static bool row_is_to_blame(const struct failure *failure)
{
	if (class_in(failure->sqlstate, "22"
					"23"
					"P0"
					"44"
					"54"
					"38"
					"39"
					"21"))
		return true;
	return failure->line && !class_in(failure->sqlstate, "42"
							     "53"
							     "57"
							     "58"
							     "25"
							     "40"
							     "XX"
							     "55"
							     "3F"
							     "3D"
							     "0A"
							     "26"
							     "08"
							     "HV");
}

static void on_batch(struct writer *writer)
{
	struct writer_batch *batch = &writer->batch;
	const struct failure *failure = &writer->query.failure;

	if (!writer->query.failed) {
		batch_committed(writer);
		writer_trouble_over(writer, "database takes what is written again");
		writer_ready(writer);
		return;
	}
	if (!batch->answered && !strcmp(failure->sqlstate, "22012")) {
		prepare_check_fence(writer);
	} else if (!strcmp(failure->sqlstate, "23505") && !batch->staged) {
		batch->staged = true;
		send_batch(writer);
	} else if (!strcmp(failure->sqlstate, "40P01")) {
		/* Another instance has the same rows in another order; the stages sort them. */
		writer->counters.retries++;
		batch->staged = true;
		send_batch(writer);
	} else if (row_is_to_blame(failure)) {
		on_refused(writer);
	} else {
		writer_lose_query(writer);
	}
}
