// SPDX-License-Identifier: MIT
// The journal's reading end: cursors. Each maps the one segment it is in, and lets go of the pages
// behind it.
//
// Where no sound entry is found:        what follows            then
//   current segment, at its end          -                       the end, false
//   older segment                        zeros only              next segment
//   any                                  another sound entry     bytes between are set aside, go on there
//   older segment                        no sound entry          bytes are set aside, next segment
//   read-only, newest segment            no sound entry          the end; the writer may be at work
#include "journal/journal_internal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define WINDOW ((uint64_t)1 << 20)

static void leave(struct journal_cursor *cursor)
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
	leave(cursor);
}

// The segment that holds this LSN, or else the first behind it, NULL if there is none in use.
static struct segment *find_segment(struct journal *journal, uint64_t lsn)
{
	for (size_t i = 0; i < journal->next; i++) {
		struct segment *segment = &journal->segments[i];
		if (lsn < segment->first + segment->size && (!segment->end || lsn < segment->end))
			return segment;
	}
	return NULL;
}

// What of a segment can be read: a file cut short is shorter, the current one ends at the journal's
// end.
static uint64_t readable(const struct journal *journal, const struct segment *segment)
{
	if (segment->first == journal->first)
		return journal->end - segment->first;
	return segment->bytes < segment->size ? segment->bytes : segment->size;
}

static bool map_segment(struct journal_cursor *cursor, struct segment *segment)
{
	char name[SEGMENT_NAME_SIZE];
	struct stat stat;
	void *map = MAP_FAILED;
	segment_name(segment->first, name);
	/* What is being written to is there even if someone has deleted the file. */
	bool open_already = segment->fd >= 0;
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

// The folder's file cannot be opened. One that is gone is passed (told; the writer's own business
// when we only look), anything else is the machine's trouble: told once, tried again at the next
// call.
static bool cannot_map(struct journal_cursor *cursor, struct segment *segment)
{
	struct journal *journal = cursor->journal;
	char name[SEGMENT_NAME_SIZE];
	int reason = errno;
	segment_name(segment->first, name);
	if (reason == ENOENT) {
		if (!journal->options.read_only)
			journal_tell(journal, true,
				"segment %s is missing: it was there at the start", name);
		cursor->lsn = segment->first + segment->size;
		return true;
	}
	if (!journal->map_failed)
		journal_tell(
			journal, true, "segment %s cannot be opened: %s", name, strerror(reason));
	journal->map_failed = true;
	return false;
}

// Makes the map that of the segment where the cursor's LSN is. False: at the end, or cannot (lsn
// stays).
static bool enter(struct journal_cursor *cursor)
{
	struct journal *journal = cursor->journal;
	for (;;) {
		struct segment *segment = find_segment(journal, cursor->lsn);
		leave(cursor);
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
		if (!cannot_map(cursor, segment))
			return false;
	}
}

// Nothing sound at the cursor's LSN. True: it was moved, look again. False: the end.
static bool step_over(struct journal_cursor *cursor)
{
	struct journal *journal = cursor->journal;
	struct segment *segment = find_segment(journal, cursor->lsn);
	if (!segment || segment->first != cursor->map_first)
		return enter(cursor);

	bool newest = segment == &journal->segments[journal->next - 1];
	bool live = newest && (journal->options.read_only || segment->first == journal->first);
	uint64_t offset = cursor->lsn - segment->first;
	uint64_t limit = readable(journal, segment);
	if (limit > cursor->map_len || (journal->options.read_only && newest))
		limit = cursor->map_len;
	if (offset > limit)
		offset = limit;
	uint64_t next = entry_find(journal, cursor->map, segment->first, offset, limit);
	if (next < limit && journal->options.read_only &&
		entry_at(journal, cursor->map, segment->first, offset, limit))
		return true; /* born while we looked */
	uint64_t bad = next < limit ? next : nonzero_end(cursor->map, offset, limit);
	bool unborn = journal->options.read_only && newest && next == limit &&
		      (limit - offset < 4 || !memcmp(cursor->map + offset, "\0\0\0", 4));
	if (bad > offset && !unborn && journal->told != cursor->lsn) {
		damage_set_aside(journal, segment, cursor->map, offset, bad, false);
		if (journal->options.read_only)
			journal->told = cursor->lsn;
	}
	if (next < limit || segment->first == journal->first) {
		cursor->lsn = segment->first + next;
		return true;
	}
	if (live)
		return false;
	cursor->lsn = segment->first + segment->size;
	return enter(cursor);
}

bool journal_next(struct journal_cursor *cursor)
{
	struct journal *journal = cursor->journal;
	bool writing = !journal->options.read_only;
	if (writing && cursor->lsn >= journal->end)
		return false;
	if ((!cursor->map || cursor->lsn < cursor->map_first) && !enter(cursor))
		return false;
	uint32_t length;
	for (;;) {
		uint64_t offset = cursor->lsn - cursor->map_first;
		length = entry_at(journal, cursor->map, cursor->map_first, offset, cursor->map_len);
		if (length > 0 && (!writing || cursor->lsn < journal->end))
			break;
		if (writing && cursor->lsn >= journal->end)
			return false;
		if (!step_over(cursor))
			return false;
	}
	uint64_t offset = cursor->lsn - cursor->map_first;
	uint64_t behind = offset & ~(WINDOW - 1);
	if (behind > cursor->map_dropped) {
		madvise(cursor->map + cursor->map_dropped, behind - cursor->map_dropped,
			MADV_DONTNEED);
		cursor->map_dropped = behind;
	}
	cursor->data = cursor->map + offset + ENTRY_HEADER_SIZE;
	cursor->len = length;
	cursor->lsn += entry_span(length);
	return true;
}
