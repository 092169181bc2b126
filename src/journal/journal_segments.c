// SPDX-License-Identifier: MIT
// Segments are requested when half of the current one is used, and LSNs are reserved in meta before they
// are given. A segment that is stored in the database is deleted after options.retain_us, or at once if
// the quota needs its bytes. Bytes count until the file is gone.
#include "journal/journal_segments.h"
#include "journal/journal_files.h"
#include "journal/journal_format.h"
#include "journal/journal_state.h"
#include "journal/journal_syncer.h"
#include "util/clock.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define RETRY_US  100000  /* between attempts on a full disk */
#define STORED_US 1000000 /* between writes of the file `stored` */

uint64_t journal_segments_newest(const struct journal *journal)
{
	return journal->count > 0 ? journal->segments[journal->count - 1].first : NO_LSN;
}

static uint64_t reserved_from(const struct journal *journal, uint64_t first)
{
	return first + JOURNAL_SEGMENTS_RESERVED * journal->segment_size;
}

static bool add_segment(struct journal *journal, const struct segment *segment)
{
	if (journal->count == journal->capacity) {
		size_t capacity = journal->capacity ? journal->capacity * 2 : 16;
		struct segment *grown = realloc(journal->segments, capacity * sizeof(*grown));
		if (!grown)
			return false;
		journal->segments = grown;
		journal->capacity = capacity;
	}
	journal->segments[journal->count++] = *segment;
	journal->total += segment->bytes;
	return true;
}

// Adds the segment just made to the others. False: out of memory, the segment is gone.
static bool accept_made(struct journal *journal, const struct segment *made)
{
	if (!add_segment(journal, made)) {
		char name[SEGMENT_NAME_SIZE];
		journal_format_segment_name(made->first, name);
		unlinkat(journal->dir_fd, name, 0);
		munmap(made->map, made->size);
		close(made->fd);
		return false;
	}
	journal->next_first = made->first + made->size;
	journal->meta.last = made->first;
	journal->meta.reserved = reserved_from(journal, journal->next_first);
	journal_syncer_write_meta(journal->syncer, &journal->meta, made->fd);
	return true;
}

// Collects what journal_files.c has done: a segment made is room, a failure delays the next attempt,
// deleted bytes are free. Returns true if there was anything.
static bool collect(struct journal *journal)
{
	struct segment made;
	const uint64_t deleted = journal_files_collect_deleted(journal->files);
	const enum make_state state = journal_files_collect_made(journal->files, &made);
	if (deleted > 0) {
		journal->total -= deleted;
		journal->deleting -= deleted;
		journal->retry_us = 0;
	}
	if (state == MAKE_FAILED || (state == MAKE_MADE && !accept_made(journal, &made)))
		journal->retry_us = clock_monotonic_us() + RETRY_US;
	return deleted > 0 || state == MAKE_MADE || state == MAKE_FAILED;
}

// For people, and for the next start to tell deleted segments from missing ones: a failure does no harm.
static void write_stored(struct journal *journal)
{
	if (journal->released == journal->released_written)
		return;
	if (journal_meta_write_stored(journal->dir_fd, &journal->stored_fd, journal->released))
		journal->released_written = journal->released;
	journal->released_us = clock_utc_us();
}

// Takes the oldest segment off the list and requests its deletion. False: too many are pending.
static bool delete_oldest(struct journal *journal)
{
	struct segment *oldest = &journal->segments[0];
	const uint64_t bytes = oldest->bytes;
	write_stored(journal);
	if (!journal_files_delete(journal->files, oldest->first, bytes, oldest->keep))
		return false;
	if (oldest->fd >= 0)
		close(oldest->fd);
	journal->deleting += bytes;
	journal->count--;
	journal->next--;
	memmove(oldest, oldest + 1, journal->count * sizeof(*oldest));
	return true;
}

// Returns true if the oldest segment is wholly stored and may go: not the current one, nor the newest,
// by which the next start sees that none is missing; nor one with held entries.
static bool oldest_is_stored(const struct journal *journal)
{
	if (journal->next == 0 || journal->count == 1 || (journal->next == 1 && journal->map))
		return false;
	const struct segment *oldest = &journal->segments[0];
	uint64_t end = oldest->end ? oldest->end : oldest->first + oldest->size;
	return end <= journal->released && end <= journal->pinned;
}

// Returns true if the quota has room for `size` more bytes. If not, deletes what is stored and only
// retained.
static bool is_within_quota(struct journal *journal, uint64_t size)
{
	const uint64_t max = journal->max_size;
	while (size > max || journal->total - journal->deleting > max - size)
		if (!oldest_is_stored(journal) || !delete_oldest(journal))
			return false;
	collect(journal);
	return journal->total <= max - size;
}

bool journal_segments_activate(struct journal *journal)
{
	struct journal_meta meta = journal->meta;
	meta.closed = NO_LSN;
	meta.last = journal_segments_newest(journal);
	meta.reserved = reserved_from(journal, journal->next_first);
	meta.boot = journal_meta_boot();
	if (journal_files_started(journal->files)) {
		journal->meta = meta;
		journal->active = journal_syncer_reserved(journal->syncer) >= meta.reserved;
		if (!journal->active)
			journal_syncer_write_meta(journal->syncer, &meta, -1);
		return journal->active;
	}
	if (!journal_meta_write(journal->dir_fd, &meta))
		return false;
	journal->meta = meta;
	journal->active = true;
	journal_syncer_set(journal->syncer, journal_syncer_synced(journal->syncer), meta.reserved);
	return true;
}

// Requests a segment. False: its LSNs are not reserved on disk yet, as they must be lest they are given
// again after a power failure.
static bool make_segment(struct journal *journal)
{
	const uint64_t size = journal->segment_size;
	const struct segment segment = {
		.first = journal->next_first,
		.size = size,
		.bytes = size,
		.previous = journal_segments_newest(journal),
		.touched_us = clock_utc_us(),
		.fd = -1,
	};
	if (segment.first + size > journal_syncer_reserved(journal->syncer)) {
		journal_syncer_write_meta(journal->syncer, &journal->meta, -1);
		return false;
	}
	journal_files_make(journal->files, &segment, journal->meta.uuid, journal->allocate);
	return true;
}

// Requests a segment unless one is being made. False: none is, and none can be requested now.
static bool request_segment(struct journal *journal)
{
	if (journal_files_making(journal->files))
		return true;
	const int64_t now_us = clock_monotonic_us();
	if (now_us < journal->retry_us || !is_within_quota(journal, journal->segment_size))
		return false;
	if (journal_syncer_full(journal->syncer, journal->end, journal->count - journal->next) ||
		(!journal->active && !journal_segments_activate(journal)) ||
		!make_segment(journal)) {
		journal->retry_us = now_us + RETRY_US;
		return false;
	}
	return true;
}

// Returns how many bytes of entries, headers included, fit into the segments made ahead, in any order: of
// each but the last, up to the largest entry may stay unused.
static uint64_t room_ahead(const struct journal *journal)
{
	const uint64_t waste = ENTRY_MAX + ENTRY_WASTE;
	uint64_t room = 0;
	for (size_t i = journal->next; i < journal->count; i++)
		room += journal->segments[i].size - SEGMENT_HEADER_SIZE -
			(i > journal->next ? waste : 0);
	return room;
}

bool journal_segments_make_room(struct journal *journal, uint64_t need)
{
	if (need <=
		room_ahead(journal)) /* without a lock: asked for each frame at a segment's end */
		return true;
	collect(journal);
	while (need > room_ahead(journal))
		if (!request_segment(journal) || !collect(journal))
			return false; /* none, or not yet */
	return true;
}

void journal_segments_request_next(struct journal *journal)
{
	journal->request_below = journal->left / 2;
	if (journal->next == journal->count)
		request_segment(journal);
}

void journal_segments_release(struct journal *journal)
{
	const int64_t now_us = clock_utc_us();
	if (now_us - journal->released_us >= STORED_US || now_us < journal->released_us)
		write_stored(journal);
	/* Without retention the clock does not matter: it may have been set back. */
	while (oldest_is_stored(journal) &&
		(journal->retain_us == 0 ||
			now_us - journal->segments[0].touched_us >= journal->retain_us)) {
		if (!delete_oldest(journal))
			break; /* journal_segments_resume deletes it */
	}
	collect(journal);
}

void journal_segments_resume(struct journal *journal)
{
	const bool deleting = journal->deleting > 0;
	if (journal->read_only)
		return;
	collect(journal);
	if (deleting)
		journal_segments_release(journal); /* deletions that were too many before */
	if (journal->left <= journal->segment_size / 2)
		journal_segments_request_next(journal);
}

// Without the segments made ahead, LSNs up to next_first stay unused.
void journal_segments_leave(struct journal *journal)
{
	char name[SEGMENT_NAME_SIZE];

	journal_segments_finish(journal);
	journal_syncer_wait(journal->syncer);
	while (journal->count > journal->next) {
		struct segment *made = &journal->segments[--journal->count];
		journal_format_segment_name(made->first, name);
		unlinkat(journal->dir_fd, name, 0);
		munmap(made->map, made->size);
		close(made->fd);
		journal->total -= made->bytes;
	}
	journal->left = 0; /* the current one takes no more entries */
	journal->populated = journal->offset;
	journal->request_below = 0;
	journal->active = false;
	journal->retry_us = 0;
	journal_syncer_set(journal->syncer, journal_syncer_synced(journal->syncer), 0);
}

void journal_segments_finish(struct journal *journal)
{
	while (journal_files_wait(journal->files))
		collect(journal);
	write_stored(journal);
}
