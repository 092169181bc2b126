// SPDX-License-Identifier: MIT
// Two passes over the journal's newest entries:
//
//   1  notes what is held, which of it is resolved, and which devices have reported
//   2  runs the raw bytes once more through the decoders: of reports if the decoder has device memory, of what is held
//      and unresolved. So a held frame is tried with the device memory that there was when it was received
#include "intake/memory_restore.h"

#include "intake/orphans.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/text.h"
#include "util/uthash_config.h"

#include <stdlib.h>
#include <string.h>

// What is unresolved is at most HOLD_SPAN_MOST, and what a few frames add, before the last entry. A start that resumes in a new
// segment after a failure writes it again there; if it dies before, it leaves that segment empty.
#define HELD_BYTES (HOLD_SPAN_MOST + HOLD_SPAN)
#define SKIPPED    2

// Resets the feed for one entry, but keeps its memory, and what it holds and the decoder's memo if they are of the same
// protocol: another one cannot use them.
static void begin(struct feed *feed, const struct decoder *decoder, const struct entry *entry)
{
	if (decoder != feed->session.decoder) {
		feed_done(feed);
		memset(feed->session.memo, 0, sizeof(feed->session.memo));
	}
	const struct session kept = feed->session;
	feed_init(feed, DECODERS_ALL, decoder, true); // the bytes are whole, whatever ends them
	feed->session.memory = kept.memory;
	feed->session.held = kept.held;
	feed->session.all_messages = kept.all_messages;
	feed->session.messages = kept.messages;
	memcpy(feed->session.memo, kept.memo, sizeof(kept.memo));
	feed->session.received_us = entry->received_us;
	if (entry->ident.len > 0)
		session_set_ident(&feed->session, entry->ident.data, entry->ident.len);
	else if (kept.ident_len > 0)
		session_set_ident(&feed->session, kept.ident, kept.ident_len);
}

bool memory_restore_entry(struct feed *feed, const struct entry *entry, struct decoded *decoded)
{
	size_t used;
	const bool cut = text_equal(entry->reason, "incomplete frame");
	decoded_reset(decoded);
	if (entry->raw.len == 0 || cut)
		return false;
	begin(feed, registry_find(entry->protocol.data, entry->protocol.len), entry);
	feed_step(feed, (const uint8_t *)entry->raw.data, entry->raw.len, decoded, &used);
	return used == entry->raw.len;
}

// Returns true if decoding the entry again can restore anything.
static bool restores(const struct entry *entry)
{
	const struct decoder *decoder = registry_find(entry->protocol.data, entry->protocol.len);
	return entry->kind == ENTRY_REPORT && decoder && decoder->device_size > 0 &&
	       !(entry->body.flags & FLAG_ASIDE);
}

// Returns the LSN of the first entry that is not before `lsn`. From the middle of an entry, the journal would take the rest of
// it for damage: so the entries are counted from the start of the segment.
static uint64_t first_entry(
	struct journal *journal, const struct journal_segment *segment, uint64_t lsn)
{
	struct journal_cursor cursor;
	uint64_t at = segment->first;

	journal_cursor_init(&cursor, journal, at);
	while (at < lsn && journal_cursor_next(&cursor))
		at = cursor.lsn;
	journal_cursor_done(&cursor);
	return at;
}

// Returns the LSN of an entry that has at most `bytes` of the journal between it and the end, without the newest `skip` segments.
// After a power failure LSNs are left out before the end: so the bytes of the segments are counted.
static uint64_t start_of(struct journal *journal, uint64_t bytes, size_t skip)
{
	const uint64_t end = journal_end(journal);
	struct journal_segment segment;
	size_t count = 0;

	while (journal_segment_at(journal, count, &segment) && segment.first < end)
		count++;
	for (size_t i = count > skip ? count - skip : 0; i-- > 0;) {
		journal_segment_at(journal, i, &segment);
		const uint64_t size =
			end - segment.first < segment.size ? end - segment.first : segment.size;
		if (size >= bytes)
			return first_entry(journal, &segment, segment.first + (size - bytes));
		bytes -= size;
	}
	return 0;
}

// A mark found in pass 1.
struct mark {
	struct held_mark mark;
	bool resolved, restored;
	UT_hash_handle hh;
};

struct restoring {
	struct intake *intake;
	struct mark *marks;
	size_t held; /* entries of kind HELD and MEDIA_PART */
	struct feed feed;
	struct decoded decoded;
	uint64_t lsn; /* of the entry being visited */
	unsigned long long records;
};

static struct mark *find_mark(struct restoring *r, struct held_mark key, bool add)
{
	struct mark *mark;

	HASH_FIND(hh, r->marks, &key, sizeof(key), mark);
	if (mark || !add)
		return mark;
	mark = calloc(1, sizeof(*mark));
	if (!mark)
		log_fatal("out of memory for=\"held data\"");
	mark->mark = key;
	HASH_ADD(hh, r->marks, mark, sizeof(mark->mark), mark);
	return mark;
}

static bool is_held_kind(const struct entry *entry)
{
	return entry->kind == ENTRY_HELD || entry->kind == ENTRY_MEDIA_PART;
}

static void note(struct restoring *r, const struct entry *entry)
{
	if (entry->kind == ENTRY_REPORT && entry->ident.len - 1 < IDENT_MAX)
		device_directory_add(r->intake->directory, entry->ident); // not a new one
	if (is_held_kind(entry))
		r->held++;
	else if (entry->mark.key)
		find_mark(r, entry->mark, true)->resolved = true;
}

// Returns true if the mark, or the whole that it is part of, is resolved.
static bool is_resolved(struct restoring *r, struct held_mark key)
{
	const struct held_mark whole = {.key = key.key};
	const struct mark *mark = find_mark(r, key, false), *of = find_mark(r, whole, false);

	return (mark && mark->resolved) || (of && of->resolved);
}

// Restores a held entry that is unresolved, unless the same was written twice.
static void restore_held(struct restoring *r, const struct entry *entry)
{
	const bool photo = entry->kind == ENTRY_MEDIA_PART;
	const struct held_mark of_photo = {.key = entry->part.key};
	const struct held_mark key = photo ? of_photo : entry->mark;

	if (is_resolved(r, key))
		return;
	if (!photo) {
		struct mark *mark = find_mark(r, key, true);
		if (mark->restored)
			return;
		mark->restored = true;
	}
	orphans_restore(r->intake, entry, r->lsn);
}

typedef void visit_entry(struct restoring *r, const struct entry *entry);

// Visits the entries from `start` on that there are now.
static void visit_all(struct restoring *r, uint64_t start, visit_entry *visit)
{
	const uint64_t end = journal_end(r->intake->journal);
	struct journal_cursor cursor;
	struct entry entry;

	journal_cursor_init(&cursor, r->intake->journal, start);
	for (r->lsn = start; journal_cursor_next(&cursor) && cursor.lsn <= end; r->lsn = cursor.lsn)
		if (entry_read(cursor.data, cursor.len, &entry))
			visit(r, &entry);
	journal_cursor_done(&cursor);
}

static void restore(struct restoring *r, const struct entry *entry)
{
	if (is_held_kind(entry))
		restore_held(r, entry);
	else if (restores(entry)) {
		r->records += memory_restore_entry(&r->feed, entry, &r->decoded);
		device_memory_keep(&r->feed.session, false);
	}
}

void memory_restore_devices(struct intake *intake)
{
	const int64_t start_us = clock_monotonic_us();
	struct journal *journal = intake->journal;
	const uint64_t devices = start_of(journal, MEMORY_RESTORE_BYTES, 0);
	const uint64_t held = start_of(journal, HELD_BYTES, SKIPPED);
	const uint64_t first = held < devices ? held : devices;
	struct restoring *r = calloc(1, sizeof(*r));
	struct hold reading = {0}; // keeps the segments being read
	struct mark *mark, *next;

	if (!r)
		log_fatal("out of memory for=\"device memory\"");
	hold_restore(&intake->holds, journal, &reading, first, NULL, NULL);
	r->intake = intake;
	r->feed.session.memory = intake->memory;
	visit_all(r, first, note);
	visit_all(r, r->held > 0 ? first : devices, restore);
	feed_done(&r->feed);
	HASH_ITER(hh, r->marks, mark, next)
	{
		HASH_DEL(r->marks, mark);
		free(mark);
	}
	log_info("device memory restored devices=%zu records=%llu seconds=%.3f",
		device_memory_count(intake->memory), r->records,
		(double)(clock_monotonic_us() - start_us) / 1e6);
	free(r);
	hold_end(&intake->holds, journal, &reading);
	orphans_restore_end(intake);
}
