// SPDX-License-Identifier: MIT
// What lies in a journal's folder: which files are its segments, and what becomes of the others.
//
// Found                                             Done
//   segment of a newer version                      refused, nothing is touched
//   file that is none of ours                       told, left alone
//   *.tmp of ours                                   deleted: half made when the process died
//   empty, short or wrong header, wrong name        renamed to *.damaged; but read when it holds
//                                                   sound entries
//   segment of another journal                      renamed to *.foreign
#include "journal/journal_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define LSN_SANE ((uint64_t)1 << 62) /* a name above it was not made by us */

static void rename_aside(struct recovery *r, const char *name, const char *suffix, const char *why)
{
	struct journal *journal = r->journal;
	char aside[64];
	uint64_t first;
	snprintf(aside, sizeof(aside), "%s.%s", name, suffix);
	if (lsn_parse(name, &first) && first > r->highest && first < LSN_SANE)
		r->highest = first;
	if (journal->options.read_only)
		journal_tell(journal, true, "segment %s %s; it is passed over", name, why);
	else if (!renameat(journal->dir_fd, name, journal->dir_fd, aside))
		journal_tell(journal, true, "segment %s %s; renamed to %s/%s", name, why,
			journal->dir, aside);
	else
		journal_tell(journal, true,
			"segment %s %s, and cannot be renamed (%s); it is passed over", name, why,
			strerror(errno));
}

// Does the file hold an entry of this journal, whatever its header says?
static bool holds_entries(const struct journal *journal, int fd, uint64_t first, uint64_t bytes)
{
	if (bytes <= SEGMENT_HEADER_SIZE || bytes > MAX_SEGMENT)
		return false;
	uint8_t *map = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return false;
	bool holds = entry_find(journal, map, first, SEGMENT_HEADER_SIZE, bytes) < bytes;
	munmap(map, bytes);
	return holds;
}

enum header_state { HEADER_GOOD, HEADER_BAD, HEADER_NEWER };

static enum header_state header_state(const struct segment_header *header, ssize_t got)
{
	if (got < 16 || memcmp(header->magic, SEGMENT_MAGIC, sizeof(header->magic)))
		return HEADER_BAD;
	if (header->version > JOURNAL_VERSION)
		return HEADER_NEWER;
	bool good = got == (ssize_t)sizeof(*header) && header->version == JOURNAL_VERSION &&
		    header->header_size == sizeof(*header) &&
		    header->check == header_check(header, sizeof(*header)) &&
		    header->size >= MIN_SEGMENT && header->size <= MAX_SEGMENT;
	return good ? HEADER_GOOD : HEADER_BAD;
}

// A file with a segment's name: into the list, or aside. False: error_text.
static bool take_segment(struct recovery *r, const char *name, int fd)
{
	struct journal *journal = r->journal;
	struct segment_header header = {.version = 0};
	struct segment segment = {.previous = NO_LSN, .fd = -1};
	struct stat stat;
	if (fstat(fd, &stat))
		return recovery_fail("cannot read %s/%s: %s", journal->dir, name, strerror(errno));
	lsn_parse(name, &segment.first);
	segment.bytes = (uint64_t)stat.st_size;
	segment.touched_us = (int64_t)stat.st_mtime * 1000000;
	ssize_t got = pread(fd, &header, sizeof(header), 0);
	enum header_state state = header_state(&header, got);
	if (state == HEADER_NEWER)
		return recovery_fail("segment %s/%s is of version %" PRIu32
				     ", this avld reads up to version %d; use the newer avld",
			journal->dir, name, header.version, JOURNAL_VERSION);
	if (state == HEADER_GOOD && !r->has_uuid) {
		memcpy(journal->meta.uuid, header.uuid, sizeof(header.uuid));
		r->has_uuid = true;
	}
	if (state == HEADER_GOOD && memcmp(header.uuid, journal->meta.uuid, sizeof(header.uuid))) {
		rename_aside(r, name, "foreign", "belongs to another journal");
		return true;
	}
	if (state == HEADER_GOOD && header.first == segment.first) {
		segment.size = header.size;
		segment.previous = header.previous;
	} else if (r->has_uuid && holds_entries(journal, fd, segment.first, segment.bytes)) {
		segment.size = segment.bytes;
		journal_tell(journal, true, "segment %s has a damaged header; its entries are read",
			name);
		r->doubt = true;
	} else {
		rename_aside(r, name, "damaged",
			segment.bytes == 0 ? "is empty" : "has a damaged header and no entries");
		return true;
	}
	if (!segments_add(journal, &segment))
		return recovery_fail("out of memory");
	return true;
}

static bool is_segment_name(const char *name)
{
	uint64_t first;
	return lsn_parse(name, &first) && !strcmp(name + 16, ".seg");
}

static bool ends_with(const char *name, const char *end)
{
	size_t len = strlen(name), end_len = strlen(end);
	return len >= end_len && !strcmp(name + len - end_len, end);
}

bool journal_is_aside(const char *name)
{
	return (!strncmp(name, "damaged-", 8) && ends_with(name, ".bin")) ||
	       ends_with(name, ".damaged") || ends_with(name, ".foreign");
}

// Files that are neither segments nor half made.
static void look_at_other(struct recovery *r, const char *name)
{
	static const char *const ours[] = {".", "..", "journal.meta", "lock", "stored"};
	struct journal *journal = r->journal;
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (!strcmp(name, ours[i]))
			return;
	uint64_t lsn;
	bool half = ends_with(name, ".tmp") &&
		    (lsn_parse(name, &lsn) || !strncmp(name, "journal.meta", 12) ||
			    !strncmp(name, "damaged-", 8));
	if (half && !journal->options.read_only)
		unlinkat(journal->dir_fd, name, 0);
	if (half || journal_is_aside(name))
		return;
	journal_tell(journal, false, "file %s is not part of the journal; left alone", name);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void free_names(char **names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(names[i]);
	free(names);
}

// The names of the folder's segments, oldest first; the other files are dealt with. NULL:
// error_text.
static char **list_names(struct recovery *r, size_t *count)
{
	struct journal *journal = r->journal;
	char **names = NULL;
	int fd = openat(journal->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	size_t capacity = 64;
	*count = 0;
	if (dir)
		names = malloc(capacity * sizeof(*names));
	for (struct dirent *entry; names && (entry = readdir(dir));) {
		if (!is_segment_name(entry->d_name)) {
			look_at_other(r, entry->d_name);
			continue;
		}
		if (*count == capacity) {
			char **grown = realloc(names, (capacity *= 2) * sizeof(*names));
			if (!grown)
				break;
			names = grown;
		}
		names[(*count)++] = strdup(entry->d_name);
	}
	if (dir)
		closedir(dir);
	else if (fd >= 0)
		close(fd);
	if (names)
		qsort(names, *count, sizeof(*names), compare_names);
	else
		recovery_fail("cannot read folder %s: %s", journal->dir, strerror(errno));
	return names;
}

bool folder_take_segments(struct recovery *r)
{
	struct journal *journal = r->journal;
	size_t count;
	char **names = list_names(r, &count);
	bool good = names != NULL;
	/* Newest first: without a meta file, the newest tells whose journal this is. */
	for (size_t i = count; good && i > 0; i--) {
		int fd = openat(journal->dir_fd, names[i - 1], O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		if (fd < 0 && errno == ENOENT)
			continue;
		if (fd < 0) {
			good = recovery_fail("cannot open %s/%s: %s", journal->dir, names[i - 1],
				strerror(errno));
			break;
		}
		good = take_segment(r, names[i - 1], fd);
		close(fd);
	}
	free_names(names, names ? count : 0);
	for (size_t i = 0; i < journal->count / 2; i++) {
		struct segment swap = journal->segments[i];
		journal->segments[i] = journal->segments[journal->count - 1 - i];
		journal->segments[journal->count - 1 - i] = swap;
	}
	return good;
}
