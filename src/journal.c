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
#include "journal_internal.h"

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
	syncer_use(journal, segment->fd);
}

// Header and zeros, under a name that nobody takes for a segment until it is whole. errno on false.
static bool make_file(struct journal *journal, struct segment *segment)
{
	char name[SEGMENT_NAME_SIZE], temp[SEGMENT_NAME_SIZE + 4];
	segment_name(segment->first, name);
	snprintf(temp, sizeof(temp), "%s.tmp", name);
	int fd = openat(journal->dir_fd, temp, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	if (fd < 0)
		return false;

	struct segment_header header = {
		.version = JOURNAL_VERSION,
		.header_size = SEGMENT_HEADER_SIZE,
		.first = segment->first,
		.size = segment->size,
		.created_us = segment->touched_us,
		.previous = segment->previous,
	};
	memcpy(header.magic, SEGMENT_MAGIC, sizeof(header.magic));
	memcpy(header.uuid, journal->meta.uuid, sizeof(header.uuid));
	header.check = header_check(&header, sizeof(header));
	do
		errno = journal->allocate(fd, 0, (off_t)segment->size);
	while (errno == EINTR);
	if (errno == 0 && pwrite(fd, &header, sizeof(header), 0) == (ssize_t)sizeof(header) &&
		segment_map(segment, fd) && !renameat(journal->dir_fd, temp, journal->dir_fd, name))
		return true;

	int reason = errno;
	if (segment->map)
		munmap(segment->map, segment->size);
	unlinkat(journal->dir_fd, temp, 0);
	close(fd);
	errno = reason;
	return false;
}

static void delete_oldest(struct journal *journal)
{
	struct segment *oldest = &journal->segments[0];
	char name[SEGMENT_NAME_SIZE], kept[SEGMENT_NAME_SIZE + 8];
	segment_name(oldest->first, name);
	snprintf(kept, sizeof(kept), "%s.damaged", name);
	if (oldest->keep)
		renameat(journal->dir_fd, name, journal->dir_fd, kept);
	else
		unlinkat(journal->dir_fd, name, 0);
	journal->total -= oldest->bytes;
	journal->count--;
	journal->next--;
	memmove(oldest, oldest + 1, journal->count * sizeof(*oldest));
	journal->retry_us = 0;
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

// The quota. What is stored and only kept as a log makes room.
static bool within_quota(struct journal *journal, uint64_t size)
{
	while (size > journal->options.max_size ||
		journal->total > journal->options.max_size - size) {
		if (!oldest_is_stored(journal))
			return false;
		stored_write(journal);
		delete_oldest(journal);
	}
	return true;
}

// Says in the meta file that we run, and which LSNs may be given. Done once, when there is room to
// do so.
bool journal_activate(struct journal *journal)
{
	uint64_t size = journal->options.segment_size;
	struct meta meta = journal->meta;
	meta.closed = NO_LSN;
	meta.last = journal->count > 0 ? journal->segments[journal->count - 1].first : NO_LSN;
	meta.reserved = journal->next_first + RESERVE_SEGMENTS * size;
	boot_read(meta.boot);
	if (!meta_write(journal->dir_fd, &meta))
		return false;
	journal->meta = meta;
	journal->active = true;
	syncer_set(journal, journal_synced(journal), meta.reserved);
	return true;
}

// Makes a segment ahead. The LSNs it spans must be reserved on disk before, so that they are never
// given again even if the machine goes down now.
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
		syncer_meta(journal, &journal->meta); /* not on disk yet: ask once more */
		return false;
	}
	if (!make_file(journal, &segment))
		return false;
	if (!segments_add(journal, &segment)) {
		char name[SEGMENT_NAME_SIZE];
		segment_name(segment.first, name);
		unlinkat(journal->dir_fd, name, 0);
		munmap(segment.map, size);
		close(segment.fd);
		return false;
	}
	journal->next_first += size;
	journal->meta.last = segment.first;
	journal->meta.reserved = journal->next_first + RESERVE_SEGMENTS * size;
	syncer_meta(journal, &journal->meta);
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

static bool make_room(struct journal *journal, uint64_t need)
{
	while (need > room_ahead(journal)) {
		int64_t now_us = clock_us(CLOCK_MONOTONIC);
		if (now_us < journal->retry_us)
			return false;
		if (!within_quota(journal, journal->options.segment_size))
			return false;
		if (syncer_full(journal) || (!journal->active && !journal_activate(journal)) ||
			!make_segment(journal)) {
			journal->retry_us = now_us + RETRY_US;
			return false;
		}
	}
	return true;
}

bool journal_room(struct journal *journal, size_t entries, size_t bytes)
{
	assert(!journal->options.read_only);
	uint64_t need = (uint64_t)bytes + (uint64_t)entries * ENTRY_WASTE;
	return need <= journal->left || make_room(journal, need);
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
		stored_write(journal);
		delete_oldest(journal);
	}
}

// Tells the next process that nothing is missing, and where to go on.
static void close_in_order(struct journal *journal)
{
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
	if (!journal->options.read_only && journal->sync)
		close_in_order(journal);
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
