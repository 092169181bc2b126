// SPDX-License-Identifier: MIT
// From journal entries to a batch: what becomes of each entry is decided here.
//
//   report      repeat of a recent one: device_state only     blocked device: nothing (counted)
//               of a known device: position or status, alarms, device_state
//               of a day that retention drops: rejects, device_state sees the device
//               of an unknown one: unknown_devices, when they are refused
//   reject      rejects (and unknown_devices, if that was the reason)
//   (dis)connected   connections, device_state
//   command     commands
//   an entry that the database refused: rejects, with the database's words
//
// While there is a backlog the next batch is built while the database is busy with this one, so that
// it need not wait then: in slices from when the socket has taken what it can, so that neither the
// database's questions nor the trackers wait for long; the rest, if any is left, when all of this one
// is sent. What is built ahead holds only if this batch commits as it is.
#include "writer/writer_internal.h"

#include "util/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define BATCH_BYTES ((size_t)16 << 20)
#define SLICE       1000 /* entries that are built at once, in about a millisecond */
#define SLICE_S     0.0005
#define STUCK_S     1.   /* before the journal is asked again when it could not be read */
#define ENTRY_BYTES 300. /* a first guess */

static void on_due(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	struct writer *writer = timer->data;
	writer->batch.due = true;
	writer_wake(writer);
}

static void on_slice(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	batch_build_ahead(timer->data);
}

void batch_init(struct writer *writer)
{
	struct writer_batch *batch = &writer->batch;

	batch_rows_init(&batch->now.rows);
	batch_rows_init(&batch->ahead.rows);
	batch->limit = (size_t)writer->config->database.batch_rows;
	batch->entry_bytes = ENTRY_BYTES;
	ev_timer_init(&batch->timer, on_due, 0., 0.);
	batch->timer.data = writer;
	ev_timer_init(&batch->slices, on_slice, SLICE_S, SLICE_S);
	batch->slices.data = writer;
}

void batch_done(struct writer *writer)
{
	batch_rows_done(&writer->batch.now.rows);
	batch_rows_done(&writer->batch.ahead.rows);
	free(writer->batch.refused);
	ev_timer_stop(writer->loop, &writer->batch.timer);
	ev_timer_stop(writer->loop, &writer->batch.slices);
}

// ---- refused entries

// Those that are stored; what lies behind a batch that was cut short is kept.
static size_t settle_refusals(struct writer_batch *batch)
{
	size_t kept = 0;
	for (size_t i = 0; i < batch->refused_count; i++)
		if (batch->refused[i].lsn > batch->now.end)
			batch->refused[kept++] = batch->refused[i];
	const size_t settled = batch->refused_count - kept;
	batch->refused_count = kept;
	return settled;
}

static const struct refusal *find_refusal(const struct writer_batch *batch, uint64_t lsn)
{
	for (size_t i = 0; i < batch->refused_count; i++)
		if (batch->refused[i].lsn == lsn)
			return &batch->refused[i];
	return NULL;
}

bool batch_refuse(struct writer *writer, uint64_t lsn, const char *message)
{
	struct writer_batch *batch = &writer->batch;

	if (find_refusal(batch, lsn))
		return false;
	if (batch->refused_count == batch->refused_cap) {
		batch->refused_cap = batch->refused_cap ? batch->refused_cap * 2 : 16;
		batch->refused =
			realloc(batch->refused, batch->refused_cap * sizeof(*batch->refused));
		if (!batch->refused)
			log_fatal("out of memory: batch");
	}
	struct refusal *refusal = &batch->refused[batch->refused_count++];
	refusal->lsn = lsn;
	snprintf(refusal->message, sizeof(refusal->message), "database: %s", message);
	return true;
}

// ---- one entry

struct at {
	uint64_t lsn; /* behind the entry */
	bool live;    /* this process received it */
};

static struct text text_of(const char *chars)
{
	return (struct text){chars, strlen(chars)};
}

// What may be written of an ident: ASKED is to be waited for; NULL device otherwise.
static enum ident_verdict look_up(struct writer *writer, const struct entry *entry,
	const struct device **found, const char **why)
{
	struct device *device = device_directory_find(writer->directory, entry->ident);

	*found = NULL;
	*why = NULL;
	if (device && device->id) {
		*found = device;
		return IDENT_REFUSED;
	}
	return learn_ident(writer, entry->ident, why);
}

static bool is_repeat(struct writer *writer, const struct entry *entry, int64_t device_id,
	struct fixed_time fixed)
{
	/* Where we go by the receipt, the tracker's own idea of the time tells its records apart.
	 */
	const bool broken_clock = fixed.source == TIME_RECEIVED && entry->body.has & HAS_TIME;
	const struct dedup_key key = {device_id,
		broken_clock ? entry->body.device_time_us : fixed.time_us, entry->body.dedup};
	return dedup_cache_add(writer->recent, &key);
}

static bool accepts(const struct writer *writer)
{
	return writer->config->devices.unknown == UNKNOWN_ACCEPT;
}

// Its day has been dropped, or is about to be.
static bool is_too_old(const struct writer *writer, int64_t time_us)
{
	const int64_t first = retention_first_day(writer);
	return first > 0 && time_us < first * DAY_US;
}

static void add_report(struct writer *writer, const struct entry *entry, struct at at)
{
	struct batch_rows *rows = &writer->batch.building->rows;
	const struct fixed_time fixed = report_fixed_time(&entry->body, entry->received_us);
	const struct device *device;
	const char *why;

	if (!entry->ident.len) {
		batch_rows_add_reject(rows, entry, text_of("no ident"), at.lsn);
		return;
	}
	const enum ident_verdict verdict = look_up(writer, entry, &device, &why);
	const bool old = is_too_old(writer, fixed.time_us);
	const bool wanted = device ? device->state != DEVICE_BLOCKED
				   : verdict == IDENT_ASKED && accepts(writer);
	if (wanted && !old)
		learn_day(writer, fixed.time_us);
	if (!device) {
		if (verdict == IDENT_BROKEN)
			batch_rows_add_reject(rows, entry, text_of(why), at.lsn);
		else if (verdict == IDENT_REFUSED)
			batch_rows_add_unknown(rows, entry, at.lsn);
	} else if (device->state == DEVICE_BLOCKED) {
		writer->batch.building->blocked++;
	} else if (is_repeat(writer, entry, device->id, fixed)) {
		writer->batch.building->duplicates++;
		batch_rows_add_repeat(rows, entry, device->id, at.live);
	} else if (old) {
		batch_rows_add_reject(
			rows, entry, text_of("older than database.retention"), at.lsn);
		batch_rows_add_repeat(rows, entry, device->id, at.live); /* it was seen, no more */
	} else {
		batch_rows_add_report(rows, entry, device->id, fixed, at.lsn, at.live);
	}
}

static void add_reject(struct writer *writer, const struct entry *entry, struct at at)
{
	const struct device *device;
	const char *why;

	batch_rows_add_reject(&writer->batch.building->rows, entry, entry->reason, at.lsn);
	/* Refused for being unknown: the owner may have entered it since, then its next report gets
	 * in. */
	if (!accepts(writer) && entry->ident.len && entry->reason.len == strlen("unknown device") &&
		!memcmp(entry->reason.data, "unknown device", entry->reason.len) &&
		look_up(writer, entry, &device, &why) == IDENT_REFUSED && !device)
		batch_rows_add_unknown(&writer->batch.building->rows, entry, at.lsn);
}

static void add_connected(struct writer *writer, const struct entry *entry, struct at at)
{
	const struct device *device;
	const char *why;

	if (!entry->ident.len)
		return;
	const enum ident_verdict verdict = look_up(writer, entry, &device, &why);
	if (device && device->state != DEVICE_BLOCKED)
		batch_rows_add_connected(&writer->batch.building->rows, entry, device->id, at.live);
	else if (!device && verdict == IDENT_REFUSED && !why)
		batch_rows_add_unknown(&writer->batch.building->rows, entry, at.lsn);
}

static void add_left(struct writer *writer, const struct entry *entry, struct at at)
{
	const struct device *device = device_directory_find(writer->directory, entry->ident);

	if (device && device->id) /* blocked meanwhile or not: it was connected */
		batch_rows_add_left(&writer->batch.building->rows, entry, device->id, at.lsn);
}

// Of a device that may not report no report tells of the photo either.
static void add_media(struct writer *writer, const struct entry *entry, struct at at)
{
	const struct device *device;
	const char *why;
	const enum ident_verdict verdict = look_up(writer, entry, &device, &why);

	if (device && device->state == DEVICE_BLOCKED)
		writer->batch.building->blocked++;
	else if (device)
		batch_rows_add_media(&writer->batch.building->rows, entry, device->id, at.lsn);
	else if (verdict == IDENT_BROKEN)
		batch_rows_add_reject(&writer->batch.building->rows, entry, text_of(why), at.lsn);
}

static void add_entry(struct writer *writer, const struct journal_cursor *cursor, struct at at)
{
	struct batch_rows *rows = &writer->batch.building->rows;
	struct entry entry;

	if (!entry_read(cursor->data, cursor->len, &entry)) {
		entry = (struct entry){.received_us = (int64_t)(ev_now(writer->loop) * 1e6),
			.raw = {(const char *)cursor->data,
				cursor->len < ENTRY_RAW_MAX ? cursor->len : ENTRY_RAW_MAX}};
		log_warning("journal entry of a kind unknown here, kept as a reject lsn=%" PRIu64,
			at.lsn);
		batch_rows_add_reject(
			rows, &entry, text_of("journal: entry of unknown kind"), at.lsn);
		return;
	}
	const struct refusal *refusal = find_refusal(&writer->batch, at.lsn);
	if (refusal) {
		batch_rows_add_reject(rows, &entry, text_of(refusal->message), at.lsn);
		return;
	}
	switch (entry.kind) {
	case ENTRY_REPORT:
		add_report(writer, &entry, at);
		break;
	case ENTRY_REJECT:
		add_reject(writer, &entry, at);
		break;
	case ENTRY_CONNECTED:
		add_connected(writer, &entry, at);
		break;
	case ENTRY_DISCONNECTED:
		batch_rows_add_disconnected(rows, &entry, at.lsn);
		add_left(writer, &entry, at);
		break;
	case ENTRY_LEFT:
		add_left(writer, &entry, at);
		break;
	case ENTRY_COMMAND:
		batch_rows_add_command(rows, &entry, at.lsn);
		break;
	case ENTRY_MEDIA:
		add_media(writer, &entry, at);
		break;
	}
}

// ---- the batch

static void build_start(struct built *built, uint64_t start)
{
	batch_rows_clear(&built->rows);
	built->start = built->end = start;
	built->entries = built->duplicates = built->blocked = 0;
	built->whole = false;
}

// Adds the rows of at most `entries` more that the journal holds, as far as the limits go.
static void build(struct writer *writer, struct built *built, size_t entries)
{
	struct writer_batch *batch = &writer->batch;
	const uint64_t recovered = journal_recovered(writer->journal);
	struct journal_cursor cursor;
	size_t left = entries;

	batch->building = built;
	journal_cursor_init(&cursor, writer->journal, built->end);
	for (; left > 0; left--) {
		if (built->entries >= batch->limit ||
			batch_rows_bytes(&built->rows) >= BATCH_BYTES || !journal_cursor_next(&cursor))
			break;
		add_entry(writer, &cursor, (struct at){cursor.lsn, cursor.lsn > recovered});
		built->entries++;
	}
	built->end = cursor.lsn;
	journal_cursor_done(&cursor);
	if (left == 0)
		return;
	built->whole = true;
	built->more = built->end < journal_end(writer->journal);
	if (built->entries)
		batch->entry_bytes = (double)(built->end - built->start) / (double)built->entries;
	batch_rows_finish(&built->rows, writer->config->database.instance);
}

static bool is_built(const struct built *built)
{
	return built->start != built->end;
}

void batch_drop_ahead(struct writer *writer)
{
	struct built *ahead = &writer->batch.ahead;

	if (is_built(ahead))
		dedup_cache_forget(
			writer->recent); /* its keys are in, and it will be built again */
	ahead->start = ahead->end = 0;
}

// Does the database have something of this batch to do, and what follows it is a batch of full size?
static bool may_build_ahead(const struct writer *writer)
{
	const struct writer_batch *batch = &writer->batch;
	const bool waits = writer->link.flushing || !batch->copying;
	const double waiting = (double)(journal_end(writer->journal) - batch->now.end);

	if (writer->state != WRITER_COMMITTING &&
		!(writer->state == WRITER_SENDING && batch->copied > 0 && waits))
		return false;
	return is_built(&batch->ahead) ||
	       (!batch->refused_count && waiting >= batch->entry_bytes * (double)batch->limit);
}

void batch_build_ahead(struct writer *writer)
{
	struct writer_batch *batch = &writer->batch;
	struct built *ahead = &batch->ahead;
	const bool sent = writer->state == WRITER_COMMITTING && !writer->link.flushing;

	ev_timer_stop(writer->loop, &batch->slices);
	if (!may_build_ahead(writer))
		return;
	if (!is_built(ahead))
		build_start(ahead, batch->now.end);
	if (!ahead->whole)
		build(writer, ahead, sent ? SIZE_MAX : SLICE);
	if (!ahead->whole)
		ev_timer_again(writer->loop, &batch->slices);
}

// The next batch, as it was built ahead, or now.
static void get_next(struct writer *writer)
{
	struct writer_batch *batch = &writer->batch;
	const struct built ahead = batch->ahead;

	if (is_built(&ahead) && ahead.start == writer->lsn) {
		batch->ahead = batch->now;
		batch->ahead.start = batch->ahead.end = 0;
		batch->now = ahead;
	} else {
		batch_drop_ahead(writer);
		build_start(&batch->now, writer->lsn);
	}
	if (!batch->now.whole)
		build(writer, &batch->now, SIZE_MAX);
	batch->now.more = batch->now.end < journal_end(writer->journal);
}

bool batch_wanted(const struct writer *writer)
{
	const struct writer_batch *batch = &writer->batch;
	const uint64_t waiting = journal_end(writer->journal) - writer->lsn;

	return waiting && (batch->due || batch->now.more || writer->drained ||
				  (double)waiting / batch->entry_bytes >=
					  (double)writer->config->database.batch_rows);
}

void batch_start(struct writer *writer)
{
	struct writer_batch *batch = &writer->batch;

	ev_timer_stop(writer->loop, &batch->timer);
	batch->due = false;
	writer->commands.was_last = writer->retention.was_last = false;
	if (learn_today(writer) != writer->learn.today) {
		batch_drop_ahead(writer);
		learn_near_days(writer);
	}
	get_next(writer);
	if (learn_needed(writer)) {
		dedup_cache_forget(
			writer->recent); /* this batch's are in, and it will be built again */
		learn_run(writer, batch_start);
		return;
	}
	if (batch->now.end == writer->lsn) { /* the journal could not be read; it says why */
		batch->now.more = false;
		writer_set_state(writer, WRITER_IDLE);
		ev_timer_set(&batch->timer, STUCK_S, 0.);
		ev_timer_start(writer->loop, &batch->timer);
		return;
	}
	batch->staged = false;
	send_batch(writer);
}

static void count(struct writer *writer)
{
	const struct writer_batch *batch = &writer->batch;
	struct writer_counters *counters = &writer->counters;
	uint64_t stored[ROWS_KINDS];

	for (unsigned kind = 0; kind < ROWS_KINDS; kind++)
		stored[kind] = batch->staged && kind <= ROWS_ALARMS
				       ? batch->inserted[kind]
				       : batch->now.rows.copies[kind].rows;
	counters->batches++;
	counters->rows_positions += stored[ROWS_POSITIONS];
	counters->rows_statuses += stored[ROWS_STATUSES];
	counters->rows_alarms += stored[ROWS_ALARMS];
	counters->rows_rejects += stored[ROWS_REJECTS];
	counters->duplicates += batch->now.duplicates;
	counters->duplicates +=
		batch->now.rows.copies[ROWS_POSITIONS].rows - stored[ROWS_POSITIONS];
	counters->duplicates += batch->now.rows.copies[ROWS_STATUSES].rows - stored[ROWS_STATUSES];
	counters->blocked += batch->now.blocked;
}

void batch_committed(struct writer *writer)
{
	struct writer_batch *batch = &writer->batch;
	const size_t full = (size_t)writer->config->database.batch_rows;

	count(writer);
	writer->lsn = writer->counters.lsn = batch->now.end;
	batch->sent = false;
	writer->counters.refused += settle_refusals(batch);
	batch->limit = batch->limit < full / 2 ? batch->limit * 2 : full;
	writer->link.backoff = 0.;
	journal_release(writer->journal, writer->lsn);
}
