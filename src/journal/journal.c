// SPDX-License-Identifier: MIT
// Opens and closes the journal, and appends. The bytes are drawn in journal_format.c.
//
//   segments[0]          ...              segments[next - 1]: current     [next, count): made ahead
//   +------------------+-----------------+-------------------------------+-----------------------+
//   | old: not mapped  | old             | header | entries ... | zeros  | header | zeros ...    |
//   +------------------+-----------------+----------------------^--------+-----------------------+
//   ^ journal_start                                             journal_end
//
// Entries never cross into the next segment: what is left of a full one stays zero. Only a window of the
// current segment is in memory: pages are mapped a chunk ahead of the end and dropped after it, so the
// memory used stays constant.
#include "journal/journal.h"
#include "journal/journal_files.h"
#include "journal/journal_findings.h"
#include "journal/journal_folder.h"
#include "journal/journal_format.h"
#include "journal/journal_recover.h"
#include "journal/journal_segments.h"
#include "journal/journal_state.h"
#include "journal/journal_syncer.h"
#include "util/clock.h"
#include "util/log.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define WINDOW          ((uint64_t)256 << 10)
#define AHEAD           ((uint64_t)2 << 20) /* bytes after the end whose pages the thread maps */
#define DEFAULT_SEGMENT ((uint64_t)64 << 20)

static_assert(JOURNAL_ENTRY_MAX == ENTRY_MAX, "the format's limit");

void journal_explain_sigbus(const char *dir)
{
	log_at_signal(SIGBUS,
		"a file of the journal in %s cannot be read or written: the disk fails, or "
		"someone has cut the file short; avld ends signal=SIGBUS what_to_do=\"look for "
		"disk errors (dmesg); the next start reports what is damaged and continues with "
		"the rest\"",
		dir);
}

bool journal_is_aside(const char *name)
{
	return journal_folder_is_aside(name);
}

const char *journal_uuid(const struct journal *journal)
{
	return journal->uuid;
}

uint64_t journal_start(const struct journal *journal)
{
	return journal->next > 0 ? journal->segments[0].first + SEGMENT_HEADER_SIZE : journal->end;
}

uint64_t journal_end(const struct journal *journal)
{
	return journal->end;
}

uint64_t journal_appended(const struct journal *journal)
{
	return journal->appended;
}

uint64_t journal_recovered(const struct journal *journal)
{
	return journal->recovered;
}

uint64_t journal_synced(const struct journal *journal)
{
	return journal_syncer_synced(journal->syncer);
}

uint64_t journal_bytes(const struct journal *journal)
{
	return journal->total;
}

uint64_t journal_stored(const struct journal *journal)
{
	return journal->released;
}

bool journal_segment_at(const struct journal *journal, size_t index, struct journal_segment *out)
{
	if (index >= journal->count)
		return false;
	const struct segment *segment = &journal->segments[index];
	out->first = segment->first;
	out->size = segment->size;
	out->bytes = segment->bytes;
	journal_format_segment_name(segment->first, out->file);
	return true;
}

// ---- room

bool journal_room(struct journal *journal, size_t entries, size_t bytes)
{
	assert(!journal->read_only);
	uint64_t need = (uint64_t)bytes + (uint64_t)entries * ENTRY_WASTE;
	if (need > journal->left)
		return journal_segments_make_room(journal, need);
	if (journal->left < journal->request_below)
		journal_segments_request_next(journal);
	return true;
}

bool journal_pending(const struct journal *journal)
{
	return journal_files_pending(journal->files);
}

bool journal_wait(struct journal *journal)
{
	return journal_files_wait(journal->files);
}

void journal_release(struct journal *journal, uint64_t lsn)
{
	if (lsn > journal->released)
		journal->released = lsn;
	if (!journal->read_only)
		journal_segments_release(journal);
}

void journal_set_limits(struct journal *journal, uint64_t max_size, int64_t retain_us)
{
	journal->max_size = max_size;
	journal->retain_us = retain_us;
}

void journal_pin(struct journal *journal, uint64_t lsn)
{
	journal->pinned = lsn;
}

// ---- append

// Makes a segment the one that is appended to, from LSN end on.
static void use_segment(struct journal *journal, const struct segment *segment, uint64_t end)
{
	journal->map = segment->map;
	journal->first = segment->first;
	journal->end = end;
	journal->offset = end - segment->first;
	journal->left = segment->size - journal->offset;
	journal->populated = journal->dropped = journal->offset & ~(WINDOW - 1);
	if (segment->populated > journal->populated)
		journal->populated = segment->populated;
	journal->request_below = journal_files_started(journal->files) ? segment->size / 2 : 0;
	journal_syncer_use(journal->syncer, segment->fd);
	journal_files_populate(journal->files, journal->map, journal->populated,
		segment->size > AHEAD ? AHEAD : segment->size);
}

// Replaces the current segment, which is full, by the one made ahead.
static void roll(struct journal *journal)
{
	assert(journal->next < journal->count && "room was promised");
	if (journal->map) {
		struct segment *full = &journal->segments[journal->next - 1];
		full->end = journal->end;
		full->touched_us = clock_utc_us();
		journal_files_end_populate(journal->files, full->map);
		munmap(full->map, full->size);
		full->map = NULL;
		const int fd = full->fd;
		full->fd = journal->next <= JOURNAL_FDS_KEPT ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
		journal_syncer_roll(journal->syncer, fd);
	}
	const struct segment *segment = &journal->segments[journal->next++];
	use_segment(journal, segment, segment->first + SEGMENT_HEADER_SIZE);
}

// Writes zeros to [from, to) of the current segment, which holds nothing but zeros yet. A failure does no
// harm.
static void write_zeros(const struct journal *journal, uint64_t from, uint64_t to)
{
	static const uint8_t zeros[16384];
	struct iovec parts[WINDOW / sizeof(zeros)];
	const int fd = journal->segments[journal->next - 1].fd;

	while (from < to) {
		int count = 0;
		uint64_t at = from;
		while (at < to && count < (int)(sizeof(parts) / sizeof(parts[0]))) {
			const size_t len = to - at < sizeof(zeros) ? to - at : sizeof(zeros);
			parts[count++] = (struct iovec){(void *)(uintptr_t)zeros, len};
			at += len;
		}
		if (pwritev(fd, parts, count, (off_t)from) != (ssize_t)(at - from))
			return;
		from = at;
	}
}

// Maps the pages [populated, to) itself. Zeros are written first: a page made by a write costs half of one made by a fault
// (nothing is read, blocks are allocated for all at once), and mapping it then costs almost nothing.
static void populate(struct journal *journal, uint64_t to)
{
	write_zeros(journal,
		journal->offset > journal->populated ? journal->offset : journal->populated, to);
	if (!journal->no_populate &&
		!journal_files_map_pages(journal->map, journal->populated, to) && errno == EINVAL)
		journal->no_populate = true;
	journal->populated = to;
}

// Moves the window on until it holds the bytes below `to`, mostly to pages that the thread has mapped, and drops those
// before the end: they stay in the page cache, but are not counted as this process's.
static void move_window(struct journal *journal, uint64_t to)
{
	const uint64_t size = journal->offset + journal->left;
	const uint64_t full = journal->offset & ~(WINDOW - 1);
	const uint64_t ahead = size - full > AHEAD ? full + AHEAD : size;
	if (full > journal->dropped) {
		madvise(journal->map + journal->dropped, full - journal->dropped, MADV_DONTNEED);
		journal->dropped = full;
	}
	to = (to + WINDOW - 1) & ~(WINDOW - 1);
	if (to > size)
		to = size;
	const uint64_t mapped = journal->no_populate ? 0
						     : journal_files_populate(journal->files,
							       journal->map, to, ahead);
	if (mapped >= to)
		journal->populated = to;
	else
		populate(journal, to);
}

// Not inlined: most entries do not need it.
static __attribute__((noinline)) void advance(struct journal *journal, uint64_t need)
{
	if (need > journal->left)
		roll(journal);
	if (journal->offset + need > journal->populated)
		move_window(journal, journal->offset + need);
}

uint8_t *journal_begin(struct journal *journal, size_t len)
{
	assert(len > 0 && len <= JOURNAL_ENTRY_MAX && journal->begun == 0);
	const uint64_t need = entry_span(len);
	if (journal->offset + need > journal->populated) /* or the segment ends before it */
		advance(journal, need);
	journal->begun = (uint32_t)len;
	return journal->map + journal->offset + ENTRY_HEADER_SIZE;
}

uint64_t journal_commit(struct journal *journal)
{
	const uint32_t len = journal->begun;
	assert(len > 0);
	const uint64_t need = entry_span(len);
	uint8_t *at = journal->map + journal->offset;
	struct entry_header *header = (struct entry_header *)(void *)at;
	header->check = journal_format_entry_check(
		&journal->meta.uuid, journal->end, at + ENTRY_HEADER_SIZE, len);
	__atomic_store_n(&header->length, len, __ATOMIC_RELEASE);
	journal->begun = 0;
	journal->offset += need;
	journal->left -= need;
	journal->appended++;
	return journal->end += need;
}

// ---- sync

static void on_files(void *context)
{
	struct journal *journal = context;
	journal_segments_resume(journal);
	journal->synced(journal->synced_context);
}

void journal_sync_start(
	struct journal *journal, struct ev_loop *loop, journal_synced_callback *done, void *context)
{
	journal->synced = done;
	journal->synced_context = context;
	journal_syncer_start(journal->syncer, loop, done, context);
	journal_files_start(journal->files, loop, on_files, journal);
	journal_segments_resume(journal);
}

void journal_sync(struct journal *journal)
{
	journal_syncer_request(journal->syncer, journal->end);
}

void journal_sync_now(struct journal *journal)
{
	journal_sync(journal);
	journal_syncer_wait(journal->syncer);
}

// ---- open and close

static bool open_folder(struct journal *journal)
{
	if (!journal->read_only && mkdir(journal->dir, 0750) && errno != EEXIST)
		return journal_findings_fail(journal, "cannot make journal folder %s: %s",
			journal->dir, strerror(errno));
	journal->dir_fd = open(journal->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (journal->dir_fd < 0)
		return journal_findings_fail(journal, "cannot open journal folder %s: %s",
			journal->dir, strerror(errno));
	if (journal->read_only)
		return true;
	journal->lock_fd = journal_meta_lock(
		journal->dir_fd, journal->dir, journal->error, journal->error_size);
	return journal->lock_fd >= 0;
}

static bool map_for_writing(struct journal *journal, struct segment *segment)
{
	char name[SEGMENT_NAME_SIZE];
	journal_format_segment_name(segment->first, name);
	int fd = openat(journal->dir_fd, name, O_RDWR | O_CLOEXEC);
	if (fd >= 0 && journal_files_map(segment, fd)) {
		segment->end = 0;
		return true;
	}
	journal_findings_fail(journal, "cannot map %s/%s: %s", journal->dir, name, strerror(errno));
	if (fd >= 0)
		close(fd);
	return false;
}

// Opens what an earlier process has written: a failure does no harm, it is opened by name later.
static void keep_open(struct journal *journal, size_t count)
{
	char name[SEGMENT_NAME_SIZE];

	for (size_t i = 0; i < count && i < JOURNAL_FDS_KEPT; i++) {
		journal_format_segment_name(journal->segments[i].first, name);
		journal->segments[i].fd = openat(journal->dir_fd, name, O_RDONLY | O_CLOEXEC);
	}
}

// Continues where journal_recover has found the end.
static bool resume_writing(struct journal *journal)
{
	const bool has_current = journal->first != NO_LSN;
	keep_open(journal, has_current ? journal->next - 1 : journal->next);
	for (size_t i = has_current ? journal->next - 1 : journal->next; i < journal->count; i++)
		if (!map_for_writing(journal, &journal->segments[i]))
			return false;
	if (has_current)
		use_segment(journal, &journal->segments[journal->next - 1], journal->end);
	journal_syncer_set(journal->syncer, journal->end, 0);
	if (journal_segments_activate(journal))
		return true;
	/* A full disk is no reason not to start: journal_room tries again. Until then no LSN is
	 * given: the meta file may say that nothing is written after the end. */
	journal->left = 0;
	return errno == ENOSPC || errno == EDQUOT ||
	       journal_findings_fail(
		       journal, "cannot write %s/journal.meta: %s", journal->dir, strerror(errno));
}

static bool open_journal(struct journal *journal)
{
	if (!journal->dir)
		return journal_findings_fail(journal, "out of memory");
	if (!open_folder(journal))
		return false;
	journal->syncer = journal_syncer_new(journal->dir_fd);
	journal->files = journal_files_new(journal->dir_fd);
	if (!journal->syncer || !journal->files)
		return journal_findings_fail(journal, "out of memory");
	if (!journal_recover(journal))
		return false;
	if (!journal->read_only)
		return resume_writing(journal);
	journal_syncer_set(journal->syncer, journal->end, 0);
	return true;
}

struct journal *journal_open(
	const struct journal_options *options, journal_finding *finding, void *context, char *error)
{
	struct journal *journal = calloc(1, sizeof(*journal));
	if (!journal) {
		snprintf(error, JOURNAL_ERROR_SIZE, "out of memory");
		return NULL;
	}
	journal->segment_size = options->segment_size ? options->segment_size : DEFAULT_SEGMENT;
	journal->max_size = options->max_size;
	journal->retain_us = options->retain_us;
	journal->read_only = options->read_only;
	journal->dir_fd = journal->lock_fd = journal->stored_fd = -1;
	journal->first = journal->last_damage = NO_LSN;
	journal->pinned = UINT64_MAX;
	journal->error = error;
	journal->error_size = JOURNAL_ERROR_SIZE;
	journal->finding = finding;
	journal->context = context;
	journal->allocate = posix_fallocate;
	journal->dir = strdup(options->dir);
	const bool good = open_journal(journal);
	journal->error = NULL;
	if (good)
		return journal;
	journal->read_only = true; /* closing it writes nothing */
	journal_close(journal);
	return NULL;
}

// Records that nothing is missing, and where the next process resumes.
static void close_in_order(struct journal *journal)
{
	journal_segments_finish(journal);
	journal_sync_now(journal);
	journal_syncer_free(journal->syncer);
	journal->syncer = NULL;
	struct journal_meta meta = journal->meta;
	meta.reserved = journal->map                     ? journal->end
			: journal->next < journal->count ? journal->segments[journal->next].first
							 : journal->next_first;
	meta.closed = journal->map        ? journal->end
		      : journal->next > 0 ? journal->segments[journal->next - 1].end
					  : 0;
	if (journal->active)
		journal_meta_write(journal->dir_fd, &meta);
}

void journal_close(struct journal *journal)
{
	if (!journal)
		return;
	if (!journal->read_only)
		close_in_order(journal);
	journal_files_free(journal->files);
	journal_syncer_free(journal->syncer);
	for (size_t i = 0; i < journal->count; i++) {
		if (journal->segments[i].map)
			munmap(journal->segments[i].map, journal->segments[i].size);
		if (journal->segments[i].fd >= 0)
			close(journal->segments[i].fd);
	}
	const int fds[] = {journal->stored_fd, journal->lock_fd, journal->dir_fd};
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	free(journal->segments);
	free(journal->dir);
	free(journal);
}
