// SPDX-License-Identifier: MIT
// What is wrong with a journal at its opening, and where writing resumes.
//
// Found (files: journal_folder.c)                   Done
//   newer meta                                      refused, nothing is touched
//   a segment's predecessor is missing              reported
//   newest segment: bytes that are no entry         copied aside (journal_findings.c), reported
//   newest segment: zeros after the last entry      normal
//   newest segment: an unfinished entry             wiped, reported; only if the machine has run
//                                                   since
//
// Writing resumes after the last entry, unless LSNs after it may have been given already: bytes were
// cut, a segment is missing, or the machine went down and lost what was not synced. Then it resumes at
// meta.reserved, in a new segment.
#include "journal/journal_recover.h"
#include "journal/journal_findings.h"
#include "journal/journal_folder.h"
#include "journal/journal_format.h"
#include "journal/journal_segments.h"
#include "journal/journal_state.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct recovery {
	struct journal *journal;
	enum meta_result meta;
	struct journal_folder folder;
	bool doubt; /* LSNs after the last entry may have been given */
	bool clean; /* closed in order */
};

// Reads journal.meta. False: cannot go on.
static bool read_meta(struct recovery *r)
{
	struct journal *journal = r->journal;
	const sd_id128_t boot = journal_meta_boot();
	journal->meta = (struct journal_meta){.last = NO_LSN, .closed = NO_LSN};
	r->meta = journal_meta_read(journal->dir_fd, &journal->meta);
	if (r->meta == META_NEWER)
		return journal_findings_fail(journal,
			"journal folder %s was written by a newer avld; use that one",
			journal->dir);
	if (r->meta == META_ERROR)
		return journal_findings_fail(
			journal, "cannot read %s/journal.meta: %s", journal->dir, strerror(errno));
	if (r->meta == META_DAMAGED) {
		journal->meta = (struct journal_meta){.last = NO_LSN, .closed = NO_LSN};
		if (!journal->read_only)
			renameat(journal->dir_fd, "journal.meta", journal->dir_fd,
				"journal.meta.damaged");
		journal_findings_add(journal, true, "journal.meta is damaged; %s",
			journal->read_only ? "skipped"
					   : "renamed to journal.meta.damaged and replaced");
		r->doubt = true;
	}
	r->folder.has_uuid = r->meta == META_READ;
	r->clean = r->meta == META_READ && journal->meta.closed != NO_LSN;
	if (r->meta == META_READ && !r->clean &&
		(sd_id128_is_null(boot) || !sd_id128_equal(boot, journal->meta.boot)))
		r->doubt = true;
	return true;
}

static bool make_uuid(struct recovery *r)
{
	struct journal *journal = r->journal;
	const int error = r->folder.has_uuid ? 0 : sd_id128_randomize(&journal->meta.uuid);
	if (error < 0)
		return journal_findings_fail(journal, "no random bytes: %s", strerror(-error));
	journal_meta_uuid_text(journal->meta.uuid, journal->uuid);
	return true;
}

static void report_missing(struct journal *journal, uint64_t first)
{
	char name[SEGMENT_NAME_SIZE], aside[2][SEGMENT_NAME_SIZE + 8];
	journal_format_segment_name(first, name);
	snprintf(aside[0], sizeof(aside[0]), "%s.damaged", name);
	snprintf(aside[1], sizeof(aside[1]), "%s.foreign", name);
	for (size_t i = 0; i < 2; i++)
		if (!faccessat(journal->dir_fd, aside[i], F_OK, 0))
			return; /* it was set aside, and that was reported */
	journal_findings_add(
		journal, true, "segment %s is missing; its entries cannot be read", name);
}

// Each segment names the previous one, the meta file the newest, `stored` what may have been deleted.
static void look_for_gaps(struct recovery *r)
{
	struct journal *journal = r->journal;
	for (size_t i = 0; i < journal->count; i++) {
		const struct segment *segment = &journal->segments[i];
		char name[SEGMENT_NAME_SIZE];
		journal_format_segment_name(segment->first, name);
		if (i > 0 && segment->previous != NO_LSN &&
			segment->previous != journal->segments[i - 1].first)
			report_missing(journal, segment->previous);
		if (i == 0 && segment->previous != NO_LSN && journal->released < segment->first &&
			!r->doubt)
			report_missing(journal, segment->previous);
		if (segment->bytes < segment->size)
			journal_findings_add(journal, true,
				"segment %s is cut short: %" PRIu64 " of %" PRIu64 " bytes", name,
				segment->bytes, segment->size);
	}
	const uint64_t newest = journal_segments_newest(journal);
	const uint64_t last = journal->meta.last;
	if (r->meta == META_READ && last != NO_LSN && (newest == NO_LSN || last > newest)) {
		report_missing(journal, last);
		r->doubt = true;
	}
	if (newest != NO_LSN && r->folder.highest > newest)
		r->doubt = true;
}

// Reads all entries of a segment, and sets aside damage between them. Returns the offset after the last
// one; *bad: the offset where bytes that are no entry end after it, or 0.
static uint64_t scan_entries(struct journal *journal, struct segment *segment, uint8_t *map,
	uint64_t limit, uint64_t *bad)
{
	const sd_id128_t *uuid = &journal->meta.uuid;
	uint64_t offset = SEGMENT_HEADER_SIZE;
	*bad = 0;
	for (;;) {
		const uint32_t length =
			journal_format_entry_at(uuid, map, segment->first, offset, limit);
		if (length > 0) {
			offset += entry_span(length);
			continue;
		}
		if (offset >= limit)
			return offset;
		const uint64_t next =
			journal_format_find_entry(uuid, map, segment->first, offset, limit);
		if (next == limit) {
			const uint64_t end = journal_format_nonzero_end(map, offset, limit);
			*bad = end > offset ? end : 0;
			return offset;
		}
		journal_findings_set_aside(journal, segment, map, offset, next, true);
		offset = next;
	}
}

// Handles the bytes after the last entry: an entry that was unfinished when the process was killed, or
// damage.
static void handle_tail(
	struct recovery *r, struct segment *segment, uint8_t *map, uint64_t offset, uint64_t bad)
{
	struct journal *journal = r->journal;
	uint32_t length = 0;
	memcpy(&length, map + offset,
		bad - offset < sizeof(length) ? bad - offset : sizeof(length));
	const bool unfinished = length == 0 && bad - offset <= ENTRY_HEADER_SIZE + ENTRY_MAX &&
				!r->doubt && !r->clean && segment->bytes >= segment->size;
	if (journal->read_only && length == 0)
		return;
	if (!unfinished || journal->read_only) {
		journal_findings_set_aside(journal, segment, map, offset, bad, true);
		r->doubt = true;
		return;
	}
	journal_findings_add(journal, false,
		"an entry that was begun at LSN %016" PRIx64 " was never finished: %" PRIu64
		" bytes wiped, nothing was acknowledged",
		segment->first + offset, bad - offset);
	memset(map + offset, 0, bad - offset);
}

// Scans a segment. False: it cannot be mapped.
static bool scan_segment(struct recovery *r, struct segment *segment, uint64_t *end)
{
	struct journal *journal = r->journal;
	char name[SEGMENT_NAME_SIZE];
	journal_format_segment_name(segment->first, name);
	const bool writing = !journal->read_only;
	const uint64_t limit = segment->bytes < segment->size ? segment->bytes : segment->size;
	int fd = openat(journal->dir_fd, name, (writing ? O_RDWR : O_RDONLY) | O_CLOEXEC);
	uint8_t *map = fd < 0 ? MAP_FAILED
			      : mmap(NULL, limit, PROT_READ | (writing ? PROT_WRITE : 0),
					MAP_SHARED, fd, 0);
	if (map == MAP_FAILED) {
		journal_findings_fail(
			journal, "cannot read %s/%s: %s", journal->dir, name, strerror(errno));
		if (fd >= 0)
			close(fd);
		return false;
	}
	uint64_t bad, offset = scan_entries(journal, segment, map, limit, &bad);
	if (bad)
		handle_tail(r, segment, map, offset, bad);
	if (segment->bytes < segment->size)
		r->doubt = true;
	munmap(map, limit);
	close(fd);
	*end = segment->first + offset;
	return true;
}

// Finds the newest segment that holds entries, and the journal's end. Later segments were made ahead.
static bool scan_newest(struct recovery *r)
{
	struct journal *journal = r->journal;
	size_t next = journal->count;
	uint64_t end = 0;
	for (; next > 0; next--) {
		struct segment *segment = &journal->segments[next - 1];
		if (!scan_segment(r, segment, &end))
			return false;
		segment->end = end;
		if (end > segment->first + SEGMENT_HEADER_SIZE)
			break;
		end = segment->first;
	}
	journal->end = end;
	journal->next = next;
	if (r->clean && journal->meta.closed > end) {
		journal_findings_add(journal, true,
			"entries between LSN %016" PRIx64 " and %016" PRIx64
			" are missing: the journal had them when it was closed",
			end, journal->meta.closed);
		r->doubt = true;
	}
	if (r->clean && journal->meta.reserved > end)
		r->doubt = true; /* was in doubt then, and nothing was written since */
	return true;
}

// Writes to disk what a killed process may have left in the page cache only.
static bool sync_leftovers(struct journal *journal)
{
	for (size_t i = 0; i < journal->count; i++) {
		char name[SEGMENT_NAME_SIZE];
		journal_format_segment_name(journal->segments[i].first, name);
		int fd = openat(journal->dir_fd, name, O_RDONLY | O_CLOEXEC);
		const bool good = fd >= 0 && !fdatasync(fd);
		if (!good)
			journal_findings_fail(journal, "cannot sync %s/%s to disk: %s",
				journal->dir, name, strerror(errno));
		if (fd >= 0)
			close(fd);
		if (!good)
			return false;
	}
	return true;
}

// Deletes segments made ahead that may have held lost entries: their LSNs are not used again.
static void drop_ahead(struct journal *journal)
{
	while (journal->count > journal->next) {
		struct segment *segment = &journal->segments[--journal->count];
		char name[SEGMENT_NAME_SIZE];
		journal_format_segment_name(segment->first, name);
		if (!segment->keep)
			unlinkat(journal->dir_fd, name, 0);
		journal->total -= segment->bytes;
	}
}

// Decides where writing resumes.
static void choose_end(struct recovery *r)
{
	struct journal *journal = r->journal;
	const uint64_t size = journal->segment_size;
	if (r->doubt)
		drop_ahead(journal);
	if (journal->count > 0) {
		const struct segment *newest = &journal->segments[journal->count - 1];
		journal->next_first = newest->first + newest->size;
	}
	if (!r->doubt) {
		if (journal->next > 0)
			journal->first = journal->segments[journal->next - 1].first;
		return;
	}
	if (r->meta == META_READ) {
		if (journal->meta.reserved > journal->next_first)
			journal->next_first = journal->meta.reserved;
	} else {
		if (r->folder.highest > journal->next_first)
			journal->next_first = r->folder.highest;
		journal->next_first += 2 * JOURNAL_SEGMENTS_RESERVED * SEGMENT_MAX;
	}
	journal->next_first = (journal->next_first + size - 1) / size * size;
	journal->end = journal->next_first;
}

bool journal_recover(struct journal *journal)
{
	struct recovery r = {.journal = journal};
	if (!read_meta(&r))
		return false;
	journal->released = journal_meta_read_stored(journal->dir_fd);
	journal->released_written = journal->released;
	if (!journal_folder_read(journal, &r.folder) || !make_uuid(&r))
		return false;
	r.doubt |= r.folder.doubt;
	if (journal->read_only && r.meta == META_ABSENT && journal->count == 0)
		return journal_findings_fail(journal,
			"%s is no journal folder: no journal.meta, no segments", journal->dir);
	if (r.meta == META_ABSENT && journal->count > 0) {
		journal_findings_add(
			journal, true, "journal.meta is missing; replaced from the segments");
		r.doubt = true;
	}
	look_for_gaps(&r);
	if (!scan_newest(&r) || (!journal->read_only && !r.clean && !sync_leftovers(journal)))
		return false;
	if (!journal->read_only)
		choose_end(&r);
	else if (journal->next > 0)
		journal->segments[journal->next - 1].end = 0;
	journal->recovered = journal->end;
	return true;
}
