// SPDX-License-Identifier: MIT
// Each cursor maps the one segment it is in, and drops the pages it has read.
//
// Where no sound entry is found:        followed by             then
//   current segment, at its end          -                       end of the journal
//   older segment                        zeros only              next segment
//   any                                  another sound entry     bytes between are set aside, continues there
//   older segment                        no sound entry          bytes are set aside, next segment
//   read-only, newest segment            no sound entry          end; another process may be writing
#include "journal/journal_cursor.h"
#include "journal/journal_findings.h"
#include "journal/journal_format.h"
#include "journal/journal_state.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define WINDOW ((uint64_t)1 << 20)

static_assert(JOURNAL_ENTRY_HEADER == ENTRY_HEADER_SIZE, "the format's header");

static void unmap(struct journal_cursor *cursor)
{
	if (cursor->map)
		munmap(cursor->map, cursor->map_len);
	cursor->map = NULL;
}

void journal_cursor_init(struct journal_cursor *cursor, struct journal *journal, uint64_t lsn)
{
	*cursor = (struct journal_cursor){.journal = journal, .lsn = lsn};
}

void journal_cursor_done(struct journal_cursor *cursor)
{
	unmap(cursor);
}

// Returns the segment that holds this LSN, or else the first after it, NULL if there is none in use.
static struct segment *find_segment(struct journal *journal, uint64_t lsn)
{
	for (size_t i = 0; i < journal->next; i++) {
		struct segment *segment = &journal->segments[i];
		if (lsn < segment->first + segment->size && (!segment->end || lsn < segment->end))
			return segment;
	}
	return NULL;
}

// Returns how many bytes of a segment can be read: a file cut short is shorter, the current segment ends
// at the journal's end.
static uint64_t readable(const struct journal *journal, const struct segment *segment)
{
	if (segment->first == journal->first)
		return journal->end - segment->first;
	return segment->bytes < segment->size ? segment->bytes : segment->size;
}

// False: errno.
static bool map_segment(struct journal_cursor *cursor, struct segment *segment)
{
	char name[SEGMENT_NAME_SIZE];
	struct stat stat;
	void *map = MAP_FAILED;
	journal_format_segment_name(segment->first, name);
	/* The current segment can be read even if someone has deleted its file. */
	const bool open_already = segment->fd >= 0;
	int fd = open_already ? segment->fd
			      : openat(cursor->journal->dir_fd, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (!fstat(fd, &stat)) {
		if ((uint64_t)stat.st_size < segment->bytes)
			segment->bytes = (uint64_t)stat.st_size;
		uint64_t len = segment->bytes < segment->size ? segment->bytes : segment->size;
		map = mmap(NULL, len, PROT_READ, MAP_SHARED, fd, 0);
		cursor->map_len = len;
	}
	int reason = errno;
	if (!open_already)
		close(fd);
	errno = reason;
	if (map == MAP_FAILED)
		return false;
	cursor->map = map;
	cursor->map_first = segment->first;
	cursor->map_dropped = 0;
	return true;
}

// Handles a segment that cannot be mapped (errno). True: its file is gone, the cursor is after it
// (reported, except read-only: the writing process may have deleted it). False: a fault of the machine,
// reported once, tried again at the next call.
static bool skip_missing(struct journal_cursor *cursor, const struct segment *segment)
{
	struct journal *journal = cursor->journal;
	char name[SEGMENT_NAME_SIZE];
	int reason = errno;
	journal_format_segment_name(segment->first, name);
	if (reason == ENOENT) {
		if (!journal->read_only)
			journal_findings_add(journal, true,
				"segment %s is missing: it was there when the journal was opened",
				name);
		cursor->lsn = segment->first + segment->size;
		return true;
	}
	if (!journal->map_failed)
		journal_findings_add(
			journal, true, "segment %s cannot be opened: %s", name, strerror(reason));
	journal->map_failed = true;
	return false;
}

// Maps the segment where the cursor's LSN is. False: the end, or it cannot be mapped (lsn stays).
static bool enter(struct journal_cursor *cursor)
{
	struct journal *journal = cursor->journal;
	for (;;) {
		struct segment *segment = find_segment(journal, cursor->lsn);
		unmap(cursor);
		if (!segment) {
			if (cursor->lsn < journal->end)
				cursor->lsn = journal->end;
			return false;
		}
		if (cursor->lsn < segment->first + SEGMENT_HEADER_SIZE)
			cursor->lsn = segment->first + SEGMENT_HEADER_SIZE;
		cursor->lsn = (cursor->lsn + 7) & ~(uint64_t)7;
		if (map_segment(cursor, segment)) {
			journal->map_failed = false;
			return true;
		}
		if (!skip_missing(cursor, segment))
			return false;
	}
}

// Moves the cursor on from an LSN without a sound entry. True: look again. False: the end.
static bool step_over(struct journal_cursor *cursor)
{
	struct journal *journal = cursor->journal;
	const sd_id128_t *uuid = &journal->meta.uuid;
	struct segment *segment = find_segment(journal, cursor->lsn);
	if (!segment || segment->first != cursor->map_first)
		return enter(cursor);

	const bool newest = segment == &journal->segments[journal->next - 1];
	const bool current = segment->first == journal->first;
	const bool being_written = journal->read_only && newest;
	uint64_t offset = cursor->lsn - segment->first;
	uint64_t limit = readable(journal, segment);
	if (limit > cursor->map_len || being_written)
		limit = cursor->map_len;
	if (offset > limit)
		offset = limit;
	const uint64_t next =
		journal_format_find_entry(uuid, cursor->map, segment->first, offset, limit);
	if (next < limit && journal->read_only &&
		journal_format_entry_at(uuid, cursor->map, segment->first, offset, limit))
		return true; /* appended meanwhile */
	const uint64_t bad =
		next < limit ? next : journal_format_nonzero_end(cursor->map, offset, limit);
	const bool unfinished = being_written && next == limit &&
				(limit - offset < 4 || !memcmp(cursor->map + offset, "\0\0\0", 4));
	if (bad > offset && !unfinished && journal->last_damage != cursor->lsn) {
		journal_findings_set_aside(journal, segment, cursor->map, offset, bad, false);
		if (journal->read_only)
			journal->last_damage = cursor->lsn;
	}
	if (next < limit || current) {
		cursor->lsn = segment->first + next;
		return true;
	}
	if (being_written)
		return false;
	cursor->lsn = segment->first + segment->size;
	return enter(cursor);
}

// Drops the pages before the entry at this offset.
static void drop_read_pages(struct journal_cursor *cursor, uint64_t offset)
{
	const uint64_t read = offset & ~(WINDOW - 1);
	if (read > cursor->map_dropped) {
		madvise(cursor->map + cursor->map_dropped, read - cursor->map_dropped,
			MADV_DONTNEED);
		cursor->map_dropped = read;
	}
}

bool journal_cursor_next(struct journal_cursor *cursor)
{
	struct journal *journal = cursor->journal;
	const bool writing = !journal->read_only;
	if (writing && cursor->lsn >= journal->end)
		return false;
	if ((!cursor->map || cursor->lsn < cursor->map_first) && !enter(cursor))
		return false;
	uint32_t length;
	for (;;) {
		length = journal_format_entry_at(&journal->meta.uuid, cursor->map,
			cursor->map_first, cursor->lsn - cursor->map_first, cursor->map_len);
		if (length > 0 && (!writing || cursor->lsn < journal->end))
			break;
		if (writing && cursor->lsn >= journal->end)
			return false;
		if (!step_over(cursor))
			return false;
	}
	const uint64_t offset = cursor->lsn - cursor->map_first;
	drop_read_pages(cursor, offset);
	cursor->data = cursor->map + offset + ENTRY_HEADER_SIZE;
	cursor->len = length;
	cursor->lsn += entry_span(length);
	return true;
}
