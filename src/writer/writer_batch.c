// SPDX-License-Identifier: MIT
//   entry            becomes
//   report           of a known device: position or status, alarms, device_state
//                    stored already, as far as remembered: device_state only
//                    of a day that retention drops: rejects, device_state (seen only)
//                    of a blocked device: nothing (counted)
//                    of an unknown device: unknown_devices, when those are refused
//   reject           rejects (and unknown_devices, if that was the reason)
//   (dis)connected   connections, device_state
//   command          commands
//   media            media
//   held, media part, released: nothing; their result is an entry of its own
//   refused by the database: rejects, with the database's message
#include "writer/writer_batch.h"

#include "util/log.h"
#include "writer/dedup_cache.h"
#include "writer/writer_days.h"
#include "writer/writer_link.h"
#include "writer/writer_lookup.h"
#include "writer/writer_notify.h"
#include "writer/writer_retention.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define BATCH_BYTES ((size_t)32 << 20)
/* While behind, a batch may have so many times database.batch_rows: what the database does once for each page of an index is
   shared by more rows then. */
#define BEHIND_TIMES 8
#define ENTRY_BYTES  300.  /* a first guess */
#define RECEIPT_US   10000 /* between times of receipt that count as one */

static void on_interval(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	struct writer *writer = timer->data;
	writer->batch->due = true;
	writer_link_wake(writer);
}

static size_t full_rows(const struct writer *writer)
{
	return (size_t)writer->config->database.batch_rows;
}

void writer_batch_init(struct writer *writer)
{
	struct writer_batch *batch = calloc(1, sizeof(*batch));

	if (!batch)
		log_fatal("out of memory for=\"writer\"");
	writer->batch = batch;
	batch_rows_init(&batch->now.rows);
	batch_rows_init(&batch->ahead.rows);
	batch->recent = dedup_cache_new();
	batch->done_lsn = journal_recovered(writer->journal);
	batch->limit = full_rows(writer);
	batch->entry_bytes = ENTRY_BYTES;
	ev_timer_init(&batch->timer, on_interval, 0., 0.);
	batch->timer.data = writer;
}

void writer_batch_done(struct writer *writer)
{
	struct writer_batch *batch = writer->batch;

	ev_timer_stop(writer->loop, &batch->timer);
	batch_rows_done(&batch->now.rows);
	batch_rows_done(&batch->ahead.rows);
	dedup_cache_free(batch->recent);
	free(batch->refused);
	free(batch);
}

void writer_batch_schedule(struct writer *writer, double after_s)
{
	struct writer_batch *batch = writer->batch;

	if (batch->due || ev_is_active(&batch->timer))
		return;
	ev_timer_set(&batch->timer, after_s, 0.);
	ev_timer_start(writer->loop, &batch->timer);
}

bool writer_batch_due(const struct writer *writer)
{
	const struct writer_batch *batch = writer->batch;
	const double pending = (double)(journal_end(writer->journal) - writer->lsn);

	return batch->due || batch->now.more ||
	       pending / batch->entry_bytes >= (double)writer->config->database.batch_rows;
}

uint64_t writer_batch_full_bytes(const struct writer *writer)
{
	const double bytes =
		writer->batch->entry_bytes * (double)writer->config->database.batch_rows;

	return bytes < BATCH_BYTES ? (uint64_t)bytes : BATCH_BYTES;
}

// ---- refused entries

// Removes the refusals of entries that are stored. Returns how many there were. Later ones are kept: the batch may have
// been cut short.
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

static const struct writer_refusal *find_refusal(const struct writer_batch *batch, uint64_t lsn)
{
	for (size_t i = 0; i < batch->refused_count; i++)
		if (batch->refused[i].lsn == lsn)
			return &batch->refused[i];
	return NULL;
}

bool writer_batch_refuse(struct writer *writer, uint64_t lsn, const char *message)
{
	struct writer_batch *batch = writer->batch;

	if (find_refusal(batch, lsn))
		return false;
	if (batch->refused_count == batch->refused_cap) {
		batch->refused_cap = batch->refused_cap ? batch->refused_cap * 2 : 16;
		batch->refused =
			realloc(batch->refused, batch->refused_cap * sizeof(*batch->refused));
		if (!batch->refused)
			log_fatal("out of memory for=\"batch\"");
	}
	struct writer_refusal *refusal = &batch->refused[batch->refused_count++];
	refusal->lsn = lsn;
	snprintf(refusal->message, sizeof(refusal->message), "database: %s", message);
	return true;
}

// ---- one entry

struct at {
	uint64_t lsn; /* after the entry */
	bool live;    /* this process received it */
};

static struct text text_of(const char *chars)
{
	return (struct text){chars, strlen(chars)};
}

// Finds the device of the entry's ident. If it has none, *found is NULL and the verdict says why (see
// writer_lookup_ident).
static enum lookup_verdict look_up(struct writer *writer, const struct entry *entry,
	const struct device **found, const char **why)
{
	struct device *device = device_directory_find(writer->directory, entry->ident);

	*found = NULL;
	*why = NULL;
	if (device && device->id) {
		*found = device;
		return LOOKUP_UNKNOWN;
	}
	return writer_lookup_ident(writer, entry->ident, why);
}

static bool is_repeat(struct writer *writer, const struct entry *entry, int64_t device_id,
	struct fixed_time fixed)
{
	/* Reports stored under the time of receipt are told apart by the tracker's own time. */
	const bool broken_clock = fixed.source == TIME_RECEIVED && entry->body.has & HAS_TIME;
	const struct dedup_key key = {device_id,
		broken_clock ? entry->body.device_time_us : fixed.time_us, entry->body.dedup};
	return dedup_cache_add(writer->batch->recent, &key);
}

static bool accepts_unknown(const struct writer *writer)
{
	return writer->config->devices.unknown == UNKNOWN_ACCEPT;
}

// Looks the day of a report up, once for a run of reports of one day.
static void look_up_day(struct writer *writer, int64_t time_us, int64_t device_id)
{
	struct writer_batch *batch = writer->batch;
	const int64_t day = time_us / DAY_US;

	if (time_us < 0 || day == batch->last_day)
		return;
	batch->last_day = day;
	writer_days_note(writer, day, device_id);
}

static void add_report(struct writer *writer, const struct entry *entry, struct at at)
{
	struct batch_rows *rows = &writer->batch->building->rows;
	struct built_counts *counts = &writer->batch->building->counts;
	const struct fixed_time fixed = report_fixed_time(&entry->body, entry->received_us);
	const struct device *device;
	const char *why;

	if (!entry->ident.len) {
		counts->left_out[LEFT_OUT_REFUSED]++;
		batch_rows_add_reject(rows, entry, text_of("no ident"), at.lsn);
		return;
	}
	const enum lookup_verdict verdict = look_up(writer, entry, &device, &why);
	const bool old = fixed.time_us < writer->batch->oldest_us;
	/* A batch with pending idents is built again. */
	if (device && device->state != DEVICE_BLOCKED && !old)
		look_up_day(writer, fixed.time_us, device->id);
	if (!device) {
		counts->left_out[verdict == LOOKUP_REFUSED ? LEFT_OUT_REFUSED : LEFT_OUT_UNKNOWN]++;
		if (verdict == LOOKUP_REFUSED)
			batch_rows_add_reject(rows, entry, text_of(why), at.lsn);
		else if (verdict == LOOKUP_UNKNOWN)
			batch_rows_add_unknown(rows, entry, at.lsn);
	} else if (device->state == DEVICE_BLOCKED) {
		counts->left_out[LEFT_OUT_BLOCKED]++;
	} else if (is_repeat(writer, entry, device->id, fixed)) {
		counts->duplicates++;
		batch_rows_add_repeat(rows, entry, device->id, at.live);
	} else if (old) {
		counts->left_out[LEFT_OUT_OLD]++;
		batch_rows_add_reject(
			rows, entry, text_of("older than database.retention"), at.lsn);
		batch_rows_add_repeat(rows, entry, device->id, at.live);
	} else {
		batch_rows_add_report(rows, entry, device->id, fixed, at.lsn, at.live);
	}
}

static void add_reject(struct writer *writer, const struct entry *entry, struct at at)
{
	batch_rows_add_reject(&writer->batch->building->rows, entry, entry->reason, at.lsn);
	if (accepts_unknown(writer) || !entry->ident.len ||
		!text_equal(entry->reason, "unknown device"))
		return;
	/* The owner may have entered a device since it was rejected as unknown; then its next report is accepted. The
	   database is not asked: anybody can invent idents. */
	const struct device *device = device_directory_find(writer->directory, entry->ident);
	if (!device || !device->id)
		batch_rows_add_unknown(&writer->batch->building->rows, entry, at.lsn);
}

static void add_connected(struct writer *writer, const struct entry *entry, struct at at)
{
	const struct device *device;
	const char *why;

	if (!entry->ident.len)
		return;
	const enum lookup_verdict verdict = look_up(writer, entry, &device, &why);
	if (device && device->state != DEVICE_BLOCKED)
		batch_rows_add_connected(
			&writer->batch->building->rows, entry, device->id, at.live);
	else if (!device && verdict == LOOKUP_UNKNOWN && !why)
		batch_rows_add_unknown(&writer->batch->building->rows, entry, at.lsn);
}

static void add_left(struct writer *writer, const struct entry *entry)
{
	const struct device *device = device_directory_find(writer->directory, entry->ident);

	if (device && device->id) /* also if it is blocked by now: it was connected */
		batch_rows_add_left(&writer->batch->building->rows, entry, device->id);
}

// Photos of unknown devices are dropped: their reports are not stored either.
static void add_media(struct writer *writer, const struct entry *entry, struct at at)
{
	const struct device *device;
	const char *why;
	const enum lookup_verdict verdict = look_up(writer, entry, &device, &why);

	if (device && device->state == DEVICE_BLOCKED)
		return;
	if (device)
		batch_rows_add_media(&writer->batch->building->rows, entry, device->id, at.lsn);
	else if (verdict == LOOKUP_REFUSED)
		batch_rows_add_reject(&writer->batch->building->rows, entry, text_of(why), at.lsn);
}

// Returns true if the report was received at about the time of these: within 10 ms, or a thirtieth of its age.
static bool is_near(const struct writer *writer, const struct receipts *receipts, int64_t us)
{
	const int64_t age_us = (int64_t)(ev_now(writer->loop) * 1e6) - us;
	const int64_t near_us = RECEIPT_US + (age_us > 0 ? age_us / 32 : 0);

	return us - receipts->received_us < near_us && receipts->received_us - us < near_us;
}

static void note_receipt(const struct writer *writer, struct writer_built *built, int64_t us)
{
	const size_t count = built->receipt_count;

	if (count > 0 &&
		(count == RECEIPTS_MAX || is_near(writer, &built->receipts[count - 1], us)))
		built->receipts[count - 1].reports++;
	else
		built->receipts[built->receipt_count++] = (struct receipts){us, 1};
}

static void count_report(struct writer *writer, const struct entry *report, uint64_t lsn)
{
	struct writer_built *built = writer->batch->building;

	if (lsn > writer->batch->done_lsn)
		built->counts.reports++;
	else
		built->counts.reports_again++;
	note_receipt(writer, built, report->received_us);
}

static void add_entry(struct writer *writer, const struct journal_cursor *cursor, struct at at)
{
	struct batch_rows *rows = &writer->batch->building->rows;
	struct entry entry;

	if (!entry_read(cursor->data, cursor->len, &entry)) {
		entry = (struct entry){.received_us = (int64_t)(ev_now(writer->loop) * 1e6),
			.raw = {(const char *)cursor->data,
				cursor->len < ENTRY_RAW_MAX ? cursor->len : ENTRY_RAW_MAX}};
		log_warning(
			"journal entry of unknown kind, stored as a reject lsn=%" PRIu64, at.lsn);
		batch_rows_add_reject(
			rows, &entry, text_of("journal: entry of unknown kind"), at.lsn);
		return;
	}
	if (entry.kind == ENTRY_REPORT)
		count_report(writer, &entry, at.lsn);
	const struct writer_refusal *refusal = find_refusal(writer->batch, at.lsn);
	if (refusal) {
		writer->batch->building->counts.left_out[LEFT_OUT_REFUSED] +=
			entry.kind == ENTRY_REPORT;
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
		add_left(writer, &entry);
		break;
	case ENTRY_LEFT:
		add_left(writer, &entry);
		break;
	case ENTRY_COMMAND:
		batch_rows_add_command(rows, &entry, at.lsn);
		break;
	case ENTRY_MEDIA:
		add_media(writer, &entry, at);
		break;
	case ENTRY_HELD:
	case ENTRY_MEDIA_PART:
	case ENTRY_RELEASED:
	case ENTRY_KINDS:
		break;
	}
}

// ---- the batch

static void build_start(struct writer_built *built, uint64_t start)
{
	batch_rows_clear(&built->rows);
	built->start = built->end = start;
	built->entries = built->receipt_count = 0;
	built->counts = (struct built_counts){0};
	built->whole = false;
}

// Returns the time before which reports are not stored: their day has been dropped, or is about to be.
static int64_t oldest_kept_us(const struct writer *writer)
{
	const int64_t day = writer_retention_first_day(writer);

	return day > 0 ? day * DAY_US : INT64_MIN;
}

// Completes the batch: no entry will be added.
static void finish(struct writer *writer, struct writer_built *built)
{
	built->whole = true;
	built->more = built->end < journal_end(writer->journal);
	if (built->entries)
		writer->batch->entry_bytes =
			(double)(built->end - built->start) / (double)built->entries;
	batch_rows_finish(&built->rows);
}

// Adds the rows of at most `entries` more entries of the journal; completes the batch if it is at one of its limits.
static void build(struct writer *writer, struct writer_built *built, size_t entries)
{
	struct writer_batch *batch = writer->batch;
	const uint64_t recovered = journal_recovered(writer->journal);
	struct journal_cursor cursor;
	size_t left = entries;

	batch->building = built;
	batch->last_day = -1;
	batch->oldest_us = oldest_kept_us(writer);
	journal_cursor_init(&cursor, writer->journal, built->end);
	for (; left > 0; left--) {
		if (built->entries >= batch->limit ||
			batch_rows_bytes(&built->rows) >= BATCH_BYTES ||
			!journal_cursor_next(&cursor))
			break;
		add_entry(writer, &cursor, (struct at){cursor.lsn, cursor.lsn > recovered});
		built->entries++;
		built->counts.entries += cursor.lsn > batch->done_lsn;
	}
	built->end = cursor.lsn;
	journal_cursor_done(&cursor);
	if (left > 0)
		finish(writer, built);
}

static bool is_built(const struct writer_built *built)
{
	return built->start != built->end;
}

void writer_batch_drop_ahead(struct writer *writer)
{
	struct writer_built *ahead = &writer->batch->ahead;

	if (is_built(ahead)) /* its keys are in the cache, and it will be built again */
		dedup_cache_forget(writer->batch->recent);
	ahead->start = ahead->end = 0;
}

void writer_batch_forget(struct writer *writer)
{
	dedup_cache_forget(writer->batch->recent);
	writer->batch->ahead.start = writer->batch->ahead.end = 0;
}

bool writer_batch_has_next(const struct writer *writer)
{
	const struct writer_batch *batch = writer->batch;
	const double pending = (double)(journal_end(writer->journal) - batch->now.end);
	const size_t rows = batch->limit < full_rows(writer) ? batch->limit : full_rows(writer);

	return is_built(&batch->ahead) ||
	       (!batch->refused_count && pending >= batch->entry_bytes * (double)rows);
}

bool writer_batch_build_ahead(struct writer *writer, size_t entries)
{
	struct writer_batch *batch = writer->batch;
	struct writer_built *ahead = &batch->ahead;

	if (!is_built(ahead))
		build_start(ahead, batch->now.end);
	if (!ahead->whole)
		build(writer, ahead, entries);
	return ahead->whole;
}

void writer_batch_next(struct writer *writer)
{
	struct writer_batch *batch = writer->batch;
	const struct writer_built ahead = batch->ahead;

	ev_timer_stop(writer->loop, &batch->timer);
	batch->due = false;
	batch->begun_s = clock_monotonic_s();
	if (is_built(&ahead) && ahead.start == writer->lsn) {
		batch->ahead = batch->now;
		batch->ahead.start = batch->ahead.end = 0;
		batch->now = ahead;
	} else {
		writer_batch_drop_ahead(writer);
		build_start(&batch->now, writer->lsn);
	}
	if (!batch->now.whole)
		build(writer, &batch->now, full_rows(writer));
	if (!batch->now.whole)
		finish(writer, &batch->now);
	batch->now.more = batch->now.end < journal_end(writer->journal);
}

void writer_batch_lower_limit(struct writer *writer, size_t limit)
{
	if (writer->batch->limit > BATCH_LIMIT_SMALL)
		writer->batch->limit = limit;
}

static void count(struct writer *writer)
{
	const struct writer_batch *batch = writer->batch;
	const struct built_counts *built = &batch->now.counts;
	struct writer_counters *counters = &writer->counters;
	const uint64_t *stored = batch->stored;

	counters->batches++;
	counters->rows_positions += stored[ROWS_POSITIONS];
	counters->rows_statuses += stored[ROWS_STATUSES];
	counters->rows_alarms += stored[ROWS_ALARMS];
	writer_notify_committed(writer, stored[ROWS_ALARMS]);
	counters->rows_rejects += stored[ROWS_REJECTS];
	counters->rows_connections += stored[ROWS_CONNECTIONS];
	counters->rows_commands += stored[ROWS_COMMANDS];
	counters->rows_media += stored[ROWS_MEDIA];
	counters->rows_unknown_devices += stored[ROWS_UNKNOWN];
	counters->duplicates += built->duplicates;
	counters->duplicates +=
		batch->now.rows.copies[ROWS_POSITIONS].rows - stored[ROWS_POSITIONS];
	counters->duplicates += batch->now.rows.copies[ROWS_STATUSES].rows - stored[ROWS_STATUSES];
	for (unsigned reason = 0; reason < LEFT_OUT_REASONS; reason++)
		counters->left_out[reason] += built->left_out[reason];
	counters->entries_done += built->entries;
	counters->reports_done += built->reports;
	counters->reports_again += built->reports_again;
}

static void observe(struct writer *writer)
{
	const struct writer_built *built = &writer->batch->now;
	const double now_s = ev_now(writer->loop);

	/* Otherwise the answer was lost: when it was committed is not known. */
	if (writer->state >= WRITER_SENDING)
		histogram_add(&writer->counters.commit_s,
			clock_monotonic_s() - writer->batch->begun_s, 1);
	for (size_t i = 0; i < built->receipt_count; i++)
		histogram_add(&writer->counters.receipt_s,
			now_s - (double)built->receipts[i].received_us / 1e6,
			built->receipts[i].reports);
}

void writer_batch_committed(struct writer *writer)
{
	struct writer_batch *batch = writer->batch;
	const size_t full = full_rows(writer) * (batch->now.more ? BEHIND_TIMES : 1);

	count(writer);
	observe(writer);
	backlog_stored(&writer->backlog, batch->now.end - batch->now.start,
		clock_monotonic_s() - batch->begun_s);
	writer->lsn = writer->counters.lsn = batch->now.end;
	if (batch->done_lsn < writer->lsn)
		batch->done_lsn = writer->lsn;
	batch->sent = false;
	writer->counters.refused += settle_refusals(batch);
	batch->limit = batch->limit < full / 2 ? batch->limit * 2 : full;
	writer_link_reset_backoff(writer);
}
