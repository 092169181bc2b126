// SPDX-License-Identifier: MIT
// Which files of a journal's folder are its segments, and what is done with the others.
//
// Found                                             Done
//   segment of a newer version                      refused, nothing is touched
//   file of someone else                            reported, left alone
//   *.tmp of the journal                            deleted: unfinished when the process died
//   empty, short or wrong header, wrong name        renamed to *.damaged; but read if it holds sound
//                                                   entries
//   segment that reaches into the next one          read up to there
//   segment of another journal                      renamed to *.foreign
#include "journal/journal_folder.h"
#include "journal/journal_findings.h"
#include "journal/journal_format.h"
#include "journal/journal_state.h"

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

static void rename_aside(struct journal *journal, struct journal_folder *folder, const char *name,
	const char *suffix, const char *why)
{
	char aside[64];
	uint64_t first;
	snprintf(aside, sizeof(aside), "%s.%s", name, suffix);
	if (journal_format_parse_lsn(name, &first) && first > folder->highest && first <= LSN_MAX)
		folder->highest = first;
	if (journal->read_only)
		journal_findings_add(journal, true, "segment %s %s; skipped", name, why);
	else if (!renameat(journal->dir_fd, name, journal->dir_fd, aside))
		journal_findings_add(journal, true, "segment %s %s; renamed to %s/%s", name, why,
			journal->dir, aside);
	else
		journal_findings_add(journal, true,
			"segment %s %s, and cannot be renamed (%s); skipped", name, why,
			strerror(errno));
}

// Returns true if the file holds an entry of this journal, whatever its header is.
static bool holds_entries(const struct journal *journal, int fd, uint64_t first, uint64_t bytes)
{
	if (bytes <= SEGMENT_HEADER_SIZE || bytes > SEGMENT_MAX)
		return false;
	uint8_t *map = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return false;
	const uint64_t found = journal_format_find_entry(
		&journal->meta.uuid, map, first, SEGMENT_HEADER_SIZE, bytes);
	munmap(map, bytes);
	return found < bytes;
}

// There is room for it: journal_folder_read has allocated it.
static void add_segment(struct journal *journal, const struct segment *segment)
{
	journal->segments[journal->count++] = *segment;
	journal->total += segment->bytes;
}

// Returns true if the segment has LSNs of the one added before it, which is newer.
static bool reaches_into_next(const struct journal *journal, const struct segment *segment)
{
	return journal->count > 0 &&
	       segment->size > journal->segments[journal->count - 1].first - segment->first;
}

// Adds a file with a segment's name to the segments, or sets it aside. False: cannot go on.
static bool read_segment(
	struct journal *journal, struct journal_folder *folder, const char *name, int fd)
{
	struct segment_header header = {.version = 0};
	struct segment segment = {.previous = NO_LSN, .fd = -1};
	struct stat stat;
	if (fstat(fd, &stat))
		return journal_findings_fail(
			journal, "cannot read %s/%s: %s", journal->dir, name, strerror(errno));
	journal_format_parse_lsn(name, &segment.first);
	segment.bytes = (uint64_t)stat.st_size;
	segment.touched_us = (int64_t)stat.st_mtime * 1000000;
	const ssize_t got = pread(fd, &header, sizeof(header), 0);
	const enum segment_header_state state =
		journal_format_judge_header(&header, got > 0 ? (size_t)got : 0);
	if (state == HEADER_NEWER)
		return journal_findings_fail(journal,
			"segment %s/%s is of version %" PRIu32
			", this avld reads up to version %d; use the newer avld",
			journal->dir, name, header.version, JOURNAL_VERSION);
	if (state == HEADER_GOOD && !folder->has_uuid) {
		journal->meta.uuid = header.uuid;
		folder->has_uuid = true;
	}
	if (state == HEADER_GOOD && !sd_id128_equal(header.uuid, journal->meta.uuid)) {
		rename_aside(journal, folder, name, "foreign", "is of another journal");
		return true;
	}
	if (state == HEADER_GOOD && header.first == segment.first) {
		segment.size = header.size;
		segment.previous = header.previous;
	} else if (folder->has_uuid && holds_entries(journal, fd, segment.first, segment.bytes)) {
		segment.size = segment.bytes;
		journal_findings_add(journal, true,
			"segment %s has a damaged header; its entries are read", name);
		folder->doubt = true;
	} else {
		rename_aside(journal, folder, name, "damaged",
			segment.bytes == 0 ? "is empty" : "has a damaged header and no entries");
		return true;
	}
	if (reaches_into_next(journal, &segment)) {
		segment.size = journal->segments[journal->count - 1].first - segment.first;
		journal_findings_add(journal, true,
			"segment %s reaches into the next one; it is read up to there", name);
		folder->doubt = true;
	}
	add_segment(journal, &segment);
	return true;
}

static bool is_segment_name(const char *name)
{
	uint64_t first;
	return journal_format_parse_lsn(name, &first) && first <= LSN_MAX &&
	       !strcmp(name + 16, ".seg");
}

static bool ends_with(const char *name, const char *end)
{
	size_t len = strlen(name), end_len = strlen(end);
	return len >= end_len && !strcmp(name + len - end_len, end);
}

bool journal_folder_is_aside(const char *name)
{
	return (!strncmp(name, "damaged-", 8) && ends_with(name, ".bin")) ||
	       ends_with(name, ".damaged") || ends_with(name, ".foreign");
}

// Deletes an unfinished file of the journal, reports a file of someone else.
static void handle_other(struct journal *journal, const char *name)
{
	/* The last one is of net/trace_socket.h: the folder belongs to one avld, and to nobody else. */
	static const char *const ours[] = {
		".", "..", "journal.meta", "lock", "stored", "trace.sock"};
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (!strcmp(name, ours[i]))
			return;
	uint64_t lsn;
	bool unfinished = ends_with(name, ".tmp") && (journal_format_parse_lsn(name, &lsn) ||
							     !strncmp(name, "journal.meta", 12) ||
							     !strncmp(name, "damaged-", 8));
	if (unfinished && !journal->read_only)
		unlinkat(journal->dir_fd, name, 0);
	if (unfinished || journal_folder_is_aside(name))
		return;
	journal_findings_add(
		journal, false, "file %s is not part of the journal; left alone", name);
}

struct segment_name {
	char text[SEGMENT_NAME_SIZE];
};

static int compare_names(const void *a, const void *b)
{
	return strcmp(
		((const struct segment_name *)a)->text, ((const struct segment_name *)b)->text);
}

// Appends the name of a segment. Returns false if memory is out.
static bool add_name(struct segment_name **names, size_t *count, size_t *capacity, const char *name)
{
	if (*count == *capacity) {
		struct segment_name *grown = realloc(*names, 2 * *capacity * sizeof(**names));
		if (!grown)
			return false;
		*names = grown;
		*capacity *= 2;
	}
	memcpy((*names)[(*count)++].text, name, SEGMENT_NAME_SIZE);
	return true;
}

// Returns the names of the folder's segments, oldest first, and handles the other files. NULL: cannot
// go on.
static struct segment_name *list_names(struct journal *journal, size_t *count)
{
	int fd = openat(journal->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	size_t capacity = 64;
	struct segment_name *names = dir ? malloc(capacity * sizeof(*names)) : NULL;
	bool good = names != NULL;
	*count = 0;
	for (struct dirent *entry; good;) {
		errno = 0;
		entry = readdir(dir);
		if (!entry) {
			good = errno == 0;
			break;
		}
		if (is_segment_name(entry->d_name))
			good = add_name(&names, count, &capacity, entry->d_name);
		else
			handle_other(journal, entry->d_name);
	}
	if (!good)
		journal_findings_fail(
			journal, "cannot read folder %s: %s", journal->dir, strerror(errno));
	if (dir)
		closedir(dir);
	else if (fd >= 0)
		close(fd);
	if (good) {
		qsort(names, *count, sizeof(*names), compare_names);
		return names;
	}
	free(names);
	return NULL;
}

static bool read_segment_file(
	struct journal *journal, struct journal_folder *folder, const char *name)
{
	int fd = openat(journal->dir_fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT)
		return true;
	if (fd < 0)
		return journal_findings_fail(
			journal, "cannot open %s/%s: %s", journal->dir, name, strerror(errno));
	const bool good = read_segment(journal, folder, name, fd);
	close(fd);
	return good;
}

bool journal_folder_read(struct journal *journal, struct journal_folder *folder)
{
	size_t count;
	struct segment_name *names = list_names(journal, &count);
	if (!names)
		return false;
	journal->capacity = count + 16;
	journal->segments = calloc(journal->capacity, sizeof(*journal->segments));
	bool good = journal->segments || journal_findings_fail(journal, "out of memory");
	/* Newest first: without a meta file, the newest one's uuid is the journal's. */
	for (size_t i = count; good && i > 0; i--)
		good = read_segment_file(journal, folder, names[i - 1].text);
	free(names);
	for (size_t i = 0; i < journal->count / 2; i++) {
		struct segment swap = journal->segments[i];
		journal->segments[i] = journal->segments[journal->count - 1 - i];
		journal->segments[journal->count - 1 - i] = swap;
	}
	return good;
}
