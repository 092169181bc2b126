// SPDX-License-Identifier: MIT
// Makes and deletes segment files on a thread of its own: each takes milliseconds, or as long as a busy
// disk likes. Not on the syncer's thread: that one may be in an fdatasync for as long, and appending
// continues meanwhile.
//
//   loop                                       thread
//   make(segment)          --------------->    temporary file, fallocate, header, mmap, rename
//   collect_made()     <----- done() ------    the segment, or that it failed
//   delete(first, bytes)   --------------->    unlink, oldest first
//   collect_deleted()  <----- done() ------    bytes that are free now
//   populate(map, from, to) -------------->    maps the pages, so that appending causes no page faults
//
// At most one segment is being made. Populating comes first, then making, then deleting; when the quota needs the deletion
// first, the loop has not requested the segment yet. Without a thread files are made and deleted in place.
#include "journal/journal_files.h"
#include "journal/journal_format.h"
#include "util/worker.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

#define DELETIONS_MAX 16
#define FIRST_PAGES   ((uint64_t)1 << 20) /* mapped of a segment made ahead */

struct deletion {
	uint64_t first, bytes;
	bool keep;
};

// Pages to map. They hold what they held before, so the loop may append to them meanwhile.
struct populating {
	uint8_t *
		map; /* NULL: nothing has been requested since the last journal_files_end_populate */
	uint64_t from, to;
	uint64_t done; /* mapped below; 0: no request for this map has ended */
	bool pending, runs;
};

// All that is needed to make a file.
struct making {
	struct segment segment;
	struct segment_header header;
	journal_files_allocate *allocate;
};

struct journal_files {
	struct worker worker;
	int dir_fd;
	enum make_state state;
	struct making making;                     /* the thread's own in MAKE_REQUESTED */
	struct deletion deletions[DELETIONS_MAX]; /* oldest first; the thread is at [0] */
	size_t deletion_count;
	uint64_t deleted; /* bytes deleted and not collected */
	struct populating populating;
};

bool journal_files_map(struct segment *segment, int fd)
{
	void *map = mmap(NULL, segment->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return false;
	segment->map = map;
	segment->fd = fd;
	return true;
}

bool journal_files_map_pages(uint8_t *map, uint64_t from, uint64_t to)
{
	return madvise(map + from, to - from, MADV_POPULATE_WRITE) == 0;
}

// ---- the thread

// Writes header and zeros, under a name that no start takes for a segment until the file is complete.
// False: errno.
static bool make_file(int dir_fd, struct making *making)
{
	struct segment *segment = &making->segment;
	char name[SEGMENT_NAME_SIZE], temp[SEGMENT_NAME_SIZE + 4];
	journal_format_segment_name(segment->first, name);
	snprintf(temp, sizeof(temp), "%s.tmp", name);
	int fd = openat(dir_fd, temp, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	if (fd < 0)
		return false;

	const struct segment_header *header = &making->header;
	do
		errno = making->allocate(fd, 0, (off_t)segment->size);
	while (errno == EINTR);
	if (errno == 0 && pwrite(fd, header, sizeof(*header), 0) == (ssize_t)sizeof(*header) &&
		journal_files_map(segment, fd) && !renameat(dir_fd, temp, dir_fd, name)) {
		if (journal_files_map_pages(segment->map, 0, FIRST_PAGES))
			segment->populated = FIRST_PAGES;
		return true;
	}

	int reason = errno;
	if (segment->map)
		munmap(segment->map, segment->size);
	unlinkat(dir_fd, temp, 0);
	close(fd);
	errno = reason;
	return false;
}

static void delete_file(int dir_fd, const struct deletion *deletion)
{
	char name[SEGMENT_NAME_SIZE], kept[SEGMENT_NAME_SIZE + 8];
	journal_format_segment_name(deletion->first, name);
	snprintf(kept, sizeof(kept), "%s.damaged", name);
	if (deletion->keep)
		renameat(dir_fd, name, dir_fd, kept);
	else
		unlinkat(dir_fd, name, 0);
}

static bool has_work(const void *owner)
{
	const struct journal_files *files = owner;
	return files->populating.pending || files->state == MAKE_REQUESTED ||
	       files->deletion_count > 0;
}

// Returns true if there will be a result.
static bool has_task(const struct journal_files *files)
{
	return files->state == MAKE_REQUESTED || files->deletion_count > 0;
}

static bool has_result(const struct journal_files *files)
{
	return files->state == MAKE_MADE || files->state == MAKE_FAILED || files->deleted > 0;
}

static void populate(struct journal_files *files)
{
	struct populating *request = &files->populating;
	const struct populating piece = *request;
	request->pending = false;
	request->runs = true;
	pthread_mutex_unlock(&files->worker.lock);
	const bool mapped = journal_files_map_pages(piece.map, piece.from, piece.to);
	pthread_mutex_lock(&files->worker.lock);
	request->runs = false;
	if (mapped)
		request->done = piece.to;
}

// Makes or deletes one file. Called with the lock held, which is released meanwhile.
static void make_or_delete(struct journal_files *files)
{
	const bool makes = files->state == MAKE_REQUESTED;
	const struct deletion deletion = files->deletions[0];
	bool made = false;
	pthread_mutex_unlock(&files->worker.lock);
	if (makes)
		made = make_file(files->dir_fd, &files->making);
	else
		delete_file(files->dir_fd, &deletion);
	pthread_mutex_lock(&files->worker.lock);
	if (makes) {
		files->state = made ? MAKE_MADE : MAKE_FAILED;
	} else {
		files->deleted += deletion.bytes;
		files->deletion_count--;
		memmove(files->deletions, files->deletions + 1,
			files->deletion_count * sizeof(deletion));
	}
}

// Does one piece. Called with the lock held, which is released meanwhile.
static void work(void *owner)
{
	struct journal_files *files = owner;
	if (files->populating.pending)
		populate(files);
	else
		make_or_delete(files);
}

// ---- the loop

struct journal_files *journal_files_new(int dir_fd)
{
	struct journal_files *files = calloc(1, sizeof(*files));
	if (!files)
		return NULL;
	files->dir_fd = dir_fd;
	worker_init(&files->worker, has_work, work, files);
	return files;
}

void journal_files_start(struct journal_files *files, struct ev_loop *loop,
	void (*done)(void *context), void *context)
{
	worker_start(&files->worker, loop, done, context);
}

bool journal_files_started(const struct journal_files *files)
{
	return files->worker.started;
}

void journal_files_free(struct journal_files *files)
{
	if (!files)
		return;
	worker_end(&files->worker);
	if (files->state == MAKE_MADE) { /* not collected: the next start finds the file */
		munmap(files->making.segment.map, files->making.segment.size);
		close(files->making.segment.fd);
	}
	free(files);
}

void journal_files_make(struct journal_files *files, const struct segment *segment, sd_id128_t uuid,
	journal_files_allocate *allocate)
{
	struct segment_header header = {
		.first = segment->first,
		.size = segment->size,
		.uuid = uuid,
		.created_us = segment->touched_us,
		.previous = segment->previous,
	};
	journal_format_seal_header(&header);
	pthread_mutex_lock(&files->worker.lock);
	assert(files->state == MAKE_NONE);
	files->making = (struct making){*segment, header, allocate};
	files->state = MAKE_REQUESTED;
	worker_wake(&files->worker);
	pthread_mutex_unlock(&files->worker.lock);
}

enum make_state journal_files_collect_made(struct journal_files *files, struct segment *made)
{
	pthread_mutex_lock(&files->worker.lock);
	const enum make_state state = files->state;
	if (state == MAKE_MADE)
		*made = files->making.segment;
	if (state != MAKE_REQUESTED)
		files->state = MAKE_NONE;
	pthread_mutex_unlock(&files->worker.lock);
	return state;
}

bool journal_files_making(struct journal_files *files)
{
	pthread_mutex_lock(&files->worker.lock);
	const bool making = files->state != MAKE_NONE;
	pthread_mutex_unlock(&files->worker.lock);
	return making;
}

bool journal_files_delete(struct journal_files *files, uint64_t first, uint64_t bytes, bool keep)
{
	pthread_mutex_lock(&files->worker.lock);
	const bool room = files->deletion_count < DELETIONS_MAX;
	if (room) {
		files->deletions[files->deletion_count++] = (struct deletion){first, bytes, keep};
		worker_wake(&files->worker);
	}
	pthread_mutex_unlock(&files->worker.lock);
	return room;
}

uint64_t journal_files_collect_deleted(struct journal_files *files)
{
	pthread_mutex_lock(&files->worker.lock);
	const uint64_t deleted = files->deleted;
	files->deleted = 0;
	pthread_mutex_unlock(&files->worker.lock);
	return deleted;
}

bool journal_files_pending(struct journal_files *files)
{
	pthread_mutex_lock(&files->worker.lock);
	const bool pending = has_task(files) || has_result(files);
	pthread_mutex_unlock(&files->worker.lock);
	return pending;
}

bool journal_files_wait(struct journal_files *files)
{
	pthread_mutex_lock(&files->worker.lock);
	while (has_task(files) && !has_result(files))
		worker_wait(&files->worker);
	const bool result = has_result(files);
	pthread_mutex_unlock(&files->worker.lock);
	return result;
}

uint64_t journal_files_populate(
	struct journal_files *files, uint8_t *map, uint64_t from, uint64_t to)
{
	struct populating *request = &files->populating;
	if (!files->worker.started)
		return 0;
	pthread_mutex_lock(&files->worker.lock);
	if (request->map != map)
		*request = (struct populating){.map = map};
	if (from < request->done)
		from = request->done;
	if (from < to && !request->pending && !request->runs) {
		request->from = from;
		request->to = to;
		request->pending = true;
		worker_wake(&files->worker);
	}
	const uint64_t done = request->done;
	pthread_mutex_unlock(&files->worker.lock);
	return done;
}

void journal_files_end_populate(struct journal_files *files, const uint8_t *map)
{
	struct populating *request = &files->populating;
	pthread_mutex_lock(&files->worker.lock);
	if (request->map == map) {
		request->pending = false;
		while (request->runs)
			worker_wait(&files->worker);
		request->map = NULL;
	}
	pthread_mutex_unlock(&files->worker.lock);
}
