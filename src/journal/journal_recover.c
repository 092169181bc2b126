// SPDX-License-Identifier: MIT
// Opening a journal: what is in the folder, what is wrong with it, and where writing goes on.
//
// Found (files: journal_folder.c)                   Done
//   newer meta                                      refused, nothing is touched
//   a segment's predecessor is not there            told
//   newest segment: bytes that are no entry         copied aside (journal_format.c), told
//   newest segment: zeros behind the last entry     normal
//   newest segment: an entry begun, not born        wiped, told; only when the machine has not
//                                                   gone down
//
// Writing goes on behind the last entry, unless LSNs behind it may have been given before: bytes
// were cut, a segment is missing, or the machine went down and took with it what was not synced.
// Then it goes on at meta.reserved, in a new segment.
#include "journal/journal_internal.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEFAULT_SEGMENT ((uint64_t)64 << 20)

static char error_text[1024];

bool recovery_fail(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(error_text, sizeof(error_text), format, args);
	va_end(args);
	return false;
}

static void tell_missing(struct recovery *r, uint64_t first)
{
	char name[SEGMENT_NAME_SIZE], aside[2][SEGMENT_NAME_SIZE + 8];
	segment_name(first, name);
	snprintf(aside[0], sizeof(aside[0]), "%s.damaged", name);
	snprintf(aside[1], sizeof(aside[1]), "%s.foreign", name);
	for (size_t i = 0; i < 2; i++)
		if (!faccessat(r->journal->dir_fd, aside[i], F_OK, 0))
			return; /* not missing: it was set aside, and that was told */
	journal_tell(r->journal, true,
		"segment %016" PRIx64 ".seg is missing; its entries cannot be read", first);
}

// Each segment names the one before it, the meta file the newest, `stored` what may have been
// deleted.
static void look_for_gaps(struct recovery *r)
{
	struct journal *journal = r->journal;
	for (size_t i = 0; i < journal->count; i++) {
		const struct segment *segment = &journal->segments[i];
		char name[SEGMENT_NAME_SIZE];
		segment_name(segment->first, name);
		if (i > 0 && segment->previous != NO_LSN &&
			segment->previous != journal->segments[i - 1].first)
			tell_missing(r, segment->previous);
		if (i == 0 && segment->previous != NO_LSN && journal->released < segment->first &&
			!r->doubt)
			tell_missing(r, segment->previous);
		if (segment->bytes < segment->size)
			journal_tell(journal, true,
				"segment %s is cut short: %" PRIu64 " of %" PRIu64 " bytes", name,
				segment->bytes, segment->size);
	}
	uint64_t newest = journal->count > 0 ? journal->segments[journal->count - 1].first : NO_LSN;
	uint64_t last = journal->meta.last;
	if (r->meta == META_READ && last != NO_LSN && (newest == NO_LSN || last > newest)) {
		tell_missing(r, last);
		r->doubt = true;
	}
	if (newest != NO_LSN && r->highest > newest)
		r->doubt = true;
}

// Reads all entries of a segment. Returns the offset behind the last one; *bad: where bytes that
// are no entry end behind it, or 0.
static uint64_t scan(struct journal *journal, struct segment *segment, uint8_t *map, uint64_t limit,
	uint64_t *bad)
{
	uint64_t offset = SEGMENT_HEADER_SIZE;
	*bad = 0;
	for (;;) {
		uint32_t length = entry_at(journal, map, segment->first, offset, limit);
		if (length > 0) {
			offset += entry_span(length);
			continue;
		}
		if (offset >= limit)
			return offset;
		uint64_t next = entry_find(journal, map, segment->first, offset, limit);
		if (next == limit) {
			uint64_t end = nonzero_end(map, offset, limit);
			*bad = end > offset ? end : 0;
			return offset;
		}
		damage_set_aside(journal, segment, map, offset, next, true);
		offset = next;
	}
}

// Bytes behind the last entry: of one that was begun and never born when the process was killed, or
// damage?
static void look_at_tail(
	struct recovery *r, struct segment *segment, uint8_t *map, uint64_t offset, uint64_t bad)
{
	struct journal *journal = r->journal;
	uint32_t length = 0;
	memcpy(&length, map + offset,
		bad - offset < sizeof(length) ? bad - offset : sizeof(length));
	bool unborn = length == 0 && bad - offset <= ENTRY_HEADER_SIZE + JOURNAL_ENTRY_MAX &&
		      !r->doubt && !r->clean && segment->bytes >= segment->size;
	if (journal->options.read_only && length == 0)
		return;
	if (!unborn || journal->options.read_only) {
		damage_set_aside(journal, segment, map, offset, bad, true);
		r->doubt = true;
		return;
	}
	journal_tell(journal, false,
		"an entry that was begun at LSN %016" PRIx64 " was never finished: %" PRIu64
		" bytes wiped, nothing was acknowledged",
		segment->first + offset, bad - offset);
	memset(map + offset, 0, bad - offset);
}

// Scans the newest segment. False: it cannot be mapped.
static bool scan_segment(struct recovery *r, struct segment *segment, uint64_t *end)
{
	struct journal *journal = r->journal;
	char name[SEGMENT_NAME_SIZE];
	segment_name(segment->first, name);
	bool writing = !journal->options.read_only;
	uint64_t limit = segment->bytes < segment->size ? segment->bytes : segment->size;
	int fd = openat(journal->dir_fd, name, (writing ? O_RDWR : O_RDONLY) | O_CLOEXEC);
	uint8_t *map = fd < 0 ? MAP_FAILED
			      : mmap(NULL, limit, PROT_READ | (writing ? PROT_WRITE : 0),
					MAP_SHARED, fd, 0);
	if (map == MAP_FAILED) {
		recovery_fail("cannot read %s/%s: %s", journal->dir, name, strerror(errno));
		if (fd >= 0)
			close(fd);
		return false;
	}
	uint64_t bad, offset = scan(journal, segment, map, limit, &bad);
	if (bad)
		look_at_tail(r, segment, map, offset, bad);
	if (segment->bytes < segment->size)
		r->doubt = true;
	munmap(map, limit);
	close(fd);
	*end = segment->first + offset;
	return true;
}

// Finds the newest segment that holds entries, and the end. Those behind it were made ahead.
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
		journal_tell(journal, true,
			"entries between LSN %016" PRIx64 " and %016" PRIx64
			" are missing: the journal had them when it was closed",
			end, journal->meta.closed);
		r->doubt = true;
	}
	if (r->clean && journal->meta.reserved > end)
		r->doubt = true; /* was in doubt then, and nothing was written since */
	return true;
}

// Segments made ahead that may have held lost entries: their LSNs are not used again.
static void drop_ahead(struct journal *journal)
{
	while (journal->count > journal->next) {
		struct segment *segment = &journal->segments[--journal->count];
		char name[SEGMENT_NAME_SIZE];
		segment_name(segment->first, name);
		if (!segment->keep)
			unlinkat(journal->dir_fd, name, 0);
		journal->total -= segment->bytes;
	}
}

static bool map_for_writing(struct journal *journal, struct segment *segment)
{
	char name[SEGMENT_NAME_SIZE];
	segment_name(segment->first, name);
	int fd = openat(journal->dir_fd, name, O_RDWR | O_CLOEXEC);
	if (fd >= 0 && segment_map(segment, fd))
		return true;
	recovery_fail("cannot map %s/%s: %s", journal->dir, name, strerror(errno));
	if (fd >= 0)
		close(fd);
	return false;
}

// Where writing goes on.
static bool go_on(struct journal *journal)
{
	for (size_t i = journal->next > 0 ? journal->next - 1 : 0; i < journal->count; i++) {
		struct segment *segment = &journal->segments[i];
		if (!map_for_writing(journal, segment))
			return false;
		segment->end = 0;
	}
	if (journal->next > 0)
		segment_use(journal, &journal->segments[journal->next - 1], journal->end);
	return true;
}

// Where writing goes on.
static bool choose_end(struct recovery *r)
{
	struct journal *journal = r->journal;
	uint64_t size = journal->options.segment_size;
	if (r->doubt)
		drop_ahead(journal);
	if (journal->count > 0) {
		const struct segment *newest = &journal->segments[journal->count - 1];
		journal->next_first = newest->first + newest->size;
	}
	if (!r->doubt)
		return go_on(journal);
	if (r->meta == META_READ) {
		if (journal->meta.reserved > journal->next_first)
			journal->next_first = journal->meta.reserved;
	} else {
		if (r->highest > journal->next_first)
			journal->next_first = r->highest;
		journal->next_first += 2 * RESERVE_SEGMENTS * MAX_SEGMENT;
	}
	journal->next_first = (journal->next_first + size - 1) / size * size;
	journal->end = journal->next_first;
	return true;
}

// A process that was killed may have left entries that are in the page cache only.
static bool sync_leftovers(struct journal *journal)
{
	for (size_t i = 0; i < journal->count; i++) {
		char name[SEGMENT_NAME_SIZE];
		segment_name(journal->segments[i].first, name);
		int fd = openat(journal->dir_fd, name, O_RDONLY | O_CLOEXEC);
		bool good = fd >= 0 && !fdatasync(fd);
		if (!good)
			recovery_fail("cannot sync %s/%s to disk: %s", journal->dir, name,
				strerror(errno));
		if (fd >= 0)
			close(fd);
		if (!good)
			return false;
	}
	return true;
}

static bool read_meta(struct recovery *r)
{
	struct journal *journal = r->journal;
	char boot[BOOT_SIZE];
	journal->meta = (struct meta){.last = NO_LSN, .closed = NO_LSN};
	r->meta = meta_read(journal->dir_fd, &journal->meta);
	if (r->meta == META_NEWER)
		return recovery_fail(
			"journal folder %s was written by a newer avld; use that", journal->dir);
	if (r->meta == META_ERROR)
		return recovery_fail(
			"cannot read %s/journal.meta: %s", journal->dir, strerror(errno));
	if (r->meta == META_DAMAGED) {
		journal->meta = (struct meta){.last = NO_LSN, .closed = NO_LSN};
		if (!journal->options.read_only)
			renameat(journal->dir_fd, "journal.meta", journal->dir_fd,
				"journal.meta.damaged");
		journal_tell(journal, true, "journal.meta is damaged; %s",
			journal->options.read_only
				? "it is passed over"
				: "renamed to journal.meta.damaged and made anew");
		r->doubt = true;
	}
	boot_read(boot);
	r->has_uuid = r->meta == META_READ;
	r->clean = r->meta == META_READ && journal->meta.closed != NO_LSN;
	if (r->meta == META_READ && !r->clean && (!boot[0] || strcmp(boot, journal->meta.boot)))
		r->doubt = true;
	return true;
}

static bool make_uuid(struct recovery *r)
{
	struct journal *journal = r->journal;
	if (!r->has_uuid && getrandom(journal->meta.uuid, 16, 0) != 16)
		return recovery_fail("no random bytes: %s", strerror(errno));
	if (!r->has_uuid) {
		journal->meta.uuid[6] = (uint8_t)((journal->meta.uuid[6] & 0x0f) | 0x40);
		journal->meta.uuid[8] = (uint8_t)((journal->meta.uuid[8] & 0x3f) | 0x80);
	}
	uuid_text(journal->meta.uuid, journal->uuid);
	return true;
}

static bool recover(struct journal *journal)
{
	struct recovery r = {.journal = journal};
	if (!read_meta(&r))
		return false;
	stored_read(journal);
	if (!folder_take_segments(&r) || !make_uuid(&r))
		return false;
	if (journal->options.read_only && r.meta == META_ABSENT && journal->count == 0)
		return recovery_fail(
			"%s is no journal folder: no journal.meta, no segments", journal->dir);
	if (r.meta == META_ABSENT && journal->count > 0) {
		journal_tell(journal, true, "journal.meta is missing; made anew from the segments");
		r.doubt = true;
	}
	look_for_gaps(&r);
	if (!scan_newest(&r))
		return false;
	if (!journal->options.read_only) {
		if (!r.clean && !sync_leftovers(journal))
			return false;
		if (!choose_end(&r))
			return false;
	} else if (journal->next > 0) {
		journal->segments[journal->next - 1].end = 0;
	}
	journal->recovered = journal->end;
	syncer_set(journal, journal->end, 0);
	if (journal->options.read_only || journal_activate(journal))
		return true;
	/* A full disk is no reason not to start: journal_room tries again. Until then no LSN is
	 * given: the meta file may say that nothing is written behind the end. */
	journal->left = 0;
	return errno == ENOSPC || errno == EDQUOT ||
	       recovery_fail("cannot write %s/journal.meta: %s", journal->dir, strerror(errno));
}

static bool open_folder(struct journal *journal)
{
	if (!journal->options.read_only && mkdir(journal->dir, 0750) && errno != EEXIST)
		return recovery_fail(
			"cannot make journal folder %s: %s", journal->dir, strerror(errno));
	journal->dir_fd = open(journal->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (journal->dir_fd < 0)
		return recovery_fail(
			"cannot open journal folder %s: %s", journal->dir, strerror(errno));
	if (journal->options.read_only)
		return true;
	return lock_take(journal, error_text, sizeof(error_text));
}

struct journal *journal_open(const struct journal_options *options, journal_finding *finding,
	void *context, const char **error)
{
	*error = error_text;
	struct journal *journal = calloc(1, sizeof(*journal));
	if (!journal)
		return recovery_fail("out of memory"), NULL;
	journal->options = *options;
	if (journal->options.segment_size == 0)
		journal->options.segment_size = DEFAULT_SEGMENT;
	journal->dir_fd = journal->lock_fd = journal->stored_fd = -1;
	journal->first = NO_LSN;
	journal->told = NO_LSN;
	journal->finding = finding;
	journal->context = context;
	journal->allocate = posix_fallocate;
	journal->dir = strdup(options->dir);
	journal->sync = syncer_new(journal);
	journal->files = files_new(journal);
	bool good = journal->dir && journal->sync && journal->files
			    ? open_folder(journal) && recover(journal)
			    : recovery_fail("out of memory");
	if (good)
		return journal;
	journal->options.read_only = true; /* nothing is written on the way out */
	journal_close(journal);
	return NULL;
}
