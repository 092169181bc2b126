// SPDX-License-Identifier: MIT
// The journal's writing end: room, append, segments made ahead and released. The bytes are drawn in
// journal_format.c.
//
//   segments[0]          ...              segments[next - 1]: current     [next, count): made ahead
//   +------------------+-----------------+-------------------------------+-----------------------+
//   | old: not mapped  | old             | header | entries ... | zeros  | header | zeros ...    |
//   +------------------+-----------------+----------------------^--------+-----------------------+
//   ^ journal_start                                             journal_end
//
// Entries never cross into the next segment: what is left at the end stays zero. Only a window of
// the current segment is mapped in: pages are brought in a chunk ahead of the end and let go behind
// it, so memory stays flat.
#include "journal/journal_internal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

#define WINDOW   ((uint64_t)256 << 10)
#define RETRY_US 100000  /* between attempts on a full disk */
#define TELL_US  1000000 /* between notes of what is stored */

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

uint64_t journal_recovered(const struct journal *journal)
{
	return journal->recovered;
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
	segment_name(segment->first, out->file);
	return true;
}

void segment_name(uint64_t first, char name[static SEGMENT_NAME_SIZE])
{
	snprintf(name, SEGMENT_NAME_SIZE, "%016" PRIx64 ".seg", first);
}

bool segments_add(struct journal *journal, const struct segment *segment)
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

bool segment_map(struct segment *segment, int fd)
{
	void *map = mmap(NULL, segment->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return false;
	segment->map = map;
	segment->fd = fd;
	return true;
}

// The segment becomes the one that is appended to, from LSN end on.
void segment_use(struct journal *journal, struct segment *segment, uint64_t end)
{
	journal->map = segment->map;
	journal->first = segment->first;
	journal->end = end;
	journal->offset = end - segment->first;
	journal->left = segment->size - journal->offset;
	journal->populated = journal->dropped = journal->offset & ~(WINDOW - 1);
	journal->ask_below = files_started(journal->files) ? segment->size / 2 : 0;
	syncer_use(journal, segment->fd);
}

// The segment made joins the others. Out of memory: as if it could not be made.
static bool take_over(struct journal *journal, const struct segment *made)
{
	if (!segments_add(journal, made)) {
		char name[SEGMENT_NAME_SIZE];
		segment_name(made->first, name);
		unlinkat(journal->dir_fd, name, 0);
		munmap(made->map, made->size);
		close(made->fd);
		return false;
	}
	journal->next_first = made->first + made->size;
	journal->meta.last = made->first;
	journal->meta.reserved = journal->next_first + RESERVE_SEGMENTS * made->size;
	syncer_meta(journal, &journal->meta, made->fd);
	return true;
}

// What the thread of journal_files.c has done since: a segment made is room, a failure is not tried
// again at once, deleted bytes are free. Returns whether there was anything.
static bool collect(struct journal *journal)
{
	struct segment made;
	const uint64_t gone = files_gone(journal->files);
	const enum make_state state = files_made(journal->files, &made);
	if (gone > 0) {
		journal->total -= gone;
		journal->doomed -= gone;
		journal->retry_us = 0;
	}
	if (state == MAKE_FAILED || (state == MAKE_MADE && !take_over(journal, &made)))
		journal->retry_us = clock_us(CLOCK_MONOTONIC) + RETRY_US;
	return gone > 0 || state == MAKE_MADE || state == MAKE_FAILED;
}

// It is in the list no more; its bytes count until the file is gone. False: too many wait for that.
static bool delete_oldest(struct journal *journal)
{
	struct segment *oldest = &journal->segments[0];
	const uint64_t bytes = oldest->bytes;
	stored_write(journal);
	if (!files_delete(journal->files, oldest->first, bytes, oldest->keep))
		return false;
	journal->doomed += bytes;
	journal->count--;
	journal->next--;
	memmove(oldest, oldest + 1, journal->count * sizeof(*oldest));
	return true;
}

// Is the oldest segment wholly stored, and not the current one?
static bool oldest_is_stored(const struct journal *journal)
{
	if (journal->next == 0 || journal->count == 1 || (journal->next == 1 && journal->map))
		return false; /* the newest stays: it tells the next process that none is missing */
	const struct segment *oldest = &journal->segments[0];
	uint64_t end = oldest->end ? oldest->end : oldest->first + oldest->size;
	return end <= journal->released;
}

// The quota. What is stored and only kept as a log makes room, as soon as it is gone.
static bool within_quota(struct journal *journal, uint64_t size)
{
	const uint64_t max = journal->options.max_size;
	while (size > max || journal->total - journal->doomed > max - size)
		if (!oldest_is_stored(journal) || !delete_oldest(journal))
			return false;
	collect(journal);
	return journal->total <= max - size;
}

// Says in the meta file that we run, and which LSNs may be given. Done once, when there is room to
// do so; once there are threads it is the syncer's to write, and false until that is done.
bool journal_activate(struct journal *journal)
{
	uint64_t size = journal->options.segment_size;
	struct meta meta = journal->meta;
	meta.closed = NO_LSN;
	meta.last = journal->count > 0 ? journal->segments[journal->count - 1].first : NO_LSN;
	meta.reserved = journal->next_first + RESERVE_SEGMENTS * size;
	boot_read(meta.boot);
	if (files_started(journal->files)) {
		journal->meta = meta;
		journal->active = syncer_reserved(journal) >= meta.reserved;
		if (!journal->active)
			syncer_meta(journal, &meta, -1);
		return journal->active;
	}
	if (!meta_write(journal->dir_fd, &meta))
		return false;
	journal->meta = meta;
	journal->active = true;
	syncer_set(journal, journal_synced(journal), meta.reserved);
	return true;
}

// Has a segment made ahead. The LSNs it spans must be reserved on disk before, so that they are
// never given again even if the machine goes down now.
static bool make_segment(struct journal *journal)
{
	uint64_t size = journal->options.segment_size;
	struct segment segment = {.first = journal->next_first,
		.size = size,
		.bytes = size,
		.previous =
			journal->count > 0 ? journal->segments[journal->count - 1].first : NO_LSN,
		.touched_us = clock_us(CLOCK_REALTIME),
		.fd = -1};
	if (segment.first + size > syncer_reserved(journal)) {
		syncer_meta(journal, &journal->meta, -1); /* not on disk yet: ask once more */
		return false;
	}
	files_make(journal->files, &segment);
	return true;
}

// How many bytes of entries, headers included, fit into the segments made ahead, in whatever order
// they come: of each but the last, up to the largest entry may stay unused.
static uint64_t room_ahead(const struct journal *journal)
{
	const uint64_t waste = JOURNAL_ENTRY_MAX + ENTRY_WASTE;
	uint64_t room = 0;
	for (size_t i = journal->next; i < journal->count; i++)
		room += journal->segments[i].size - SEGMENT_HEADER_SIZE -
			(i > journal->next ? waste : 0);
	return room;
}

// Asks for a segment if none is being made. False: there is none to come now.
static bool ask_segment(struct journal *journal)
{
	int64_t now_us = clock_us(CLOCK_MONOTONIC);
	if (files_making(journal->files))
		return true;
	if (now_us < journal->retry_us || !within_quota(journal, journal->options.segment_size))
		return false;
	if (syncer_full(journal) || (!journal->active && !journal_activate(journal)) ||
		!make_segment(journal)) {
		journal->retry_us = now_us + RETRY_US;
		return false;
	}
	return true;
}

static bool make_room(struct journal *journal, uint64_t need)
{
	collect(journal);
	while (need > room_ahead(journal))
		if (!ask_segment(journal) || !collect(journal))
			return false; /* none, or not yet */
	return true;
}

// The next segment is asked for when half of the current one is used, so that it is there when it is
// needed; if there can be none, again when half of what was left then is used, and so on.
static void ask_ahead(struct journal *journal)
{
	journal->ask_below = journal->left / 2;
	if (journal->next == journal->count)
		ask_segment(journal);
}

bool journal_room(struct journal *journal, size_t entries, size_t bytes)
{
	assert(!journal->options.read_only);
	uint64_t need = (uint64_t)bytes + (uint64_t)entries * ENTRY_WASTE;
	if (need > journal->left)
		return make_room(journal, need);
	if (journal->left < journal->ask_below)
		ask_ahead(journal);
	return true;
}

bool journal_pending(const struct journal *journal)
{
	return files_pending(journal->files);
}

bool journal_wait(struct journal *journal)
{
	return files_wait(journal->files);
}

void journal_go_on(struct journal *journal)
{
	const bool deleting = journal->doomed > 0;
	if (journal->options.read_only)
		return;
	collect(journal);
	if (deleting)
		journal_release(journal, journal->released); /* what waited for its turn */
	if (journal->left <= journal->options.segment_size / 2)
		ask_ahead(journal);
}

// The current segment is full: on to the one made ahead.
static void roll(struct journal *journal)
{
	assert(journal->next < journal->count && "room was promised");
	if (journal->map) {
		struct segment *full = &journal->segments[journal->next - 1];
		full->end = journal->end;
		full->touched_us = clock_us(CLOCK_REALTIME);
		munmap(full->map, full->size);
		full->map = NULL;
		syncer_roll(journal, full->fd);
		full->fd = -1;
	}
	struct segment *segment = &journal->segments[journal->next++];
	segment_use(journal, segment, segment->first + SEGMENT_HEADER_SIZE);
}

// Zeros for [from, to) of the current segment, where nothing but zeros is yet. That it may fail does
// no harm.
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

// Brings in the pages up to `to`, and lets go of those behind: they stay in the page cache, but are
// not ours. Zeros are written first: a page that a write makes costs half of one that a fault makes
// (nothing is read, blocks are found for all at once), and to map it then is next to nothing.
static void move_window(struct journal *journal, uint64_t to)
{
	uint64_t size = journal->offset + journal->left;
	uint64_t behind = journal->offset & ~(WINDOW - 1);
	if (behind > journal->dropped) {
		madvise(journal->map + journal->dropped, behind - journal->dropped, MADV_DONTNEED);
		journal->dropped = behind;
	}
	to = (to + WINDOW - 1) & ~(WINDOW - 1);
	if (to > size)
		to = size;
	write_zeros(journal,
		journal->offset > journal->populated ? journal->offset : journal->populated, to);
	if (!journal->no_populate &&
		madvise(journal->map + journal->populated, to - journal->populated,
			MADV_POPULATE_WRITE) &&
		errno == EINVAL)
		journal->no_populate = true;
	journal->populated = to;
}

static void advance(struct journal *journal, uint64_t need)
{
	if (need > journal->left)
		roll(journal);
	if (journal->offset + need > journal->populated)
		move_window(journal, journal->offset + need);
}

uint8_t *journal_take(struct journal *journal, size_t len)
{
	assert(len > 0 && len <= JOURNAL_ENTRY_MAX && journal->pending == 0);
	const uint64_t need = entry_span(len);
	if (journal->offset + need > journal->populated) /* or the segment ends before it */
		advance(journal, need);
	journal->pending = (uint32_t)len;
	return journal->map + journal->offset + ENTRY_HEADER_SIZE;
}

uint64_t journal_put(struct journal *journal)
{
	uint32_t len = journal->pending;
	assert(len > 0);
	const uint64_t need = entry_span(len);
	uint8_t *at = journal->map + journal->offset;
	struct entry_header *header = (struct entry_header *)(void *)at;
	header->check = entry_check(journal, journal->end, at + ENTRY_HEADER_SIZE, len);
	__atomic_store_n(&header->length, len, __ATOMIC_RELEASE);
	journal->pending = 0;
	journal->offset += need;
	journal->left -= need;
	return journal->end += need;
}

void journal_release(struct journal *journal, uint64_t lsn)
{
	if (lsn > journal->released)
		journal->released = lsn;
	if (journal->options.read_only)
		return;
	int64_t now_us = clock_us(CLOCK_REALTIME);
	if (now_us - journal->released_us >= TELL_US || now_us < journal->released_us)
		stored_write(journal);
	/* Without a time to retain it the clock, which may have been put back, is not asked. */
	while (oldest_is_stored(journal) &&
		(journal->options.retain_us == 0 ||
			now_us - journal->segments[0].touched_us >= journal->options.retain_us)) {
		if (!delete_oldest(journal))
			break; /* journal_go_on comes back to it */
	}
	collect(journal);
}

// Tells the next process that nothing is missing, and where to go on.
static void close_in_order(struct journal *journal)
{
	while (files_wait(journal->files))
		collect(journal);
	journal_sync_now(journal);
	syncer_free(journal->sync);
	journal->sync = NULL;
	stored_write(journal);
	struct meta meta = journal->meta;
	meta.reserved = journal->map                     ? journal->end
			: journal->next < journal->count ? journal->segments[journal->next].first
							 : journal->next_first;
	meta.closed = journal->map        ? journal->end
		      : journal->next > 0 ? journal->segments[journal->next - 1].end
					  : 0;
	if (journal->active)
		meta_write(journal->dir_fd, &meta);
}

void journal_close(struct journal *journal)
{
	if (!journal)
		return;
	if (!journal->options.read_only && journal->sync && journal->files)
		close_in_order(journal);
	files_free(journal->files);
	syncer_free(journal->sync);
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
