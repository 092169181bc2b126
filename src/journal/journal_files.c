// SPDX-License-Identifier: MIT
// Segment files made and deleted, on a thread of its own: that takes milliseconds each, and as long
// as the disk likes while it is busy. Not the syncer's thread: that one may be within an fdatasync
// for as long, and appending goes on meanwhile.
//
//   loop                                     thread
//   files_make(segment), wake  ----------->  temp file, fallocate, header, mmap, rename
//   files_made()  <---------- ev_async ----  the segment, or that it failed
//   files_delete(first, bytes), wake  ---->  unlink, oldest first
//   files_gone()  <---------- ev_async ----  bytes that are free now
//
// One segment is under way at most; it goes before what is to be deleted, unless the quota wants that
// first, and then the loop has not asked for it yet. Without a thread all is done in place.
#include "journal/journal_internal.h"

#include <assert.h>
#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define DOOMED_MAX 16

struct doomed {
	uint64_t first, bytes;
	bool keep;
};

// Everything that one needs to know to make a file.
struct making {
	struct segment segment;
	struct segment_header header;
	int (*allocate)(int fd, off_t offset, off_t len);
};

struct files {
	struct journal *journal; /* its dir_fd only, from the thread */
	pthread_mutex_t lock;
	pthread_cond_t wake, idle;
	pthread_t thread;
	bool started, stop;
	enum make_state state;
	struct making making;             /* the thread's own in MAKE_ASKED */
	struct doomed doomed[DOOMED_MAX]; /* oldest first; the thread is at [0] */
	size_t doomed_count;
	uint64_t gone; /* bytes deleted and not told yet */

	struct ev_loop *loop;
	struct ev_async async;
	journal_synced_callback *done;
	void *context;
};

struct files *files_new(struct journal *journal)
{
	struct files *files = calloc(1, sizeof(*files));
	if (!files)
		return NULL;
	files->journal = journal;
	pthread_mutex_init(&files->lock, NULL);
	pthread_cond_init(&files->wake, NULL);
	pthread_cond_init(&files->idle, NULL);
	return files;
}

// ---- the system calls

// Header and zeros, under a name that nobody takes for a segment until it is whole. errno on false.
static bool make_file(int dir_fd, struct making *making)
{
	struct segment *segment = &making->segment;
	char name[SEGMENT_NAME_SIZE], temp[SEGMENT_NAME_SIZE + 4];
	segment_name(segment->first, name);
	snprintf(temp, sizeof(temp), "%s.tmp", name);
	int fd = openat(dir_fd, temp, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	if (fd < 0)
		return false;

	const struct segment_header *header = &making->header;
	do
		errno = making->allocate(fd, 0, (off_t)segment->size);
	while (errno == EINTR);
	if (errno == 0 && pwrite(fd, header, sizeof(*header), 0) == (ssize_t)sizeof(*header) &&
		segment_map(segment, fd) && !renameat(dir_fd, temp, dir_fd, name))
		return true;

	int reason = errno;
	if (segment->map)
		munmap(segment->map, segment->size);
	unlinkat(dir_fd, temp, 0);
	close(fd);
	errno = reason;
	return false;
}

static void delete_file(int dir_fd, const struct doomed *doomed)
{
	char name[SEGMENT_NAME_SIZE], kept[SEGMENT_NAME_SIZE + 8];
	segment_name(doomed->first, name);
	snprintf(kept, sizeof(kept), "%s.damaged", name);
	if (doomed->keep)
		renameat(dir_fd, name, dir_fd, kept);
	else
		unlinkat(dir_fd, name, 0);
}

// ---- one after the other

static bool has_work(const struct files *files)
{
	return files->state == MAKE_ASKED || files->doomed_count > 0;
}

static bool has_result(const struct files *files)
{
	return files->state == MAKE_MADE || files->state == MAKE_FAILED || files->gone > 0;
}

// Does the next thing. Called with the lock held, which is let go meanwhile.
static void work_once(struct files *files)
{
	const int dir_fd = files->journal->dir_fd;
	const bool makes = files->state == MAKE_ASKED;
	const struct doomed doomed = files->doomed[0];
	bool made = false;
	pthread_mutex_unlock(&files->lock);
	if (makes)
		made = make_file(dir_fd, &files->making);
	else
		delete_file(dir_fd, &doomed);
	pthread_mutex_lock(&files->lock);
	if (makes) {
		files->state = made ? MAKE_MADE : MAKE_FAILED;
	} else {
		files->gone += doomed.bytes;
		files->doomed_count--;
		memmove(files->doomed, files->doomed + 1, files->doomed_count * sizeof(doomed));
	}
	pthread_cond_broadcast(&files->idle);
}

static void *work(void *argument)
{
	struct files *files = argument;
	pthread_mutex_lock(&files->lock);
	while (!files->stop) {
		if (!has_work(files)) {
			pthread_cond_wait(&files->wake, &files->lock);
			continue;
		}
		work_once(files);
		ev_async_send(files->loop, &files->async);
	}
	pthread_mutex_unlock(&files->lock);
	return NULL;
}

// Has it done, or wakes the thread for it. Called with the lock held.
static void begin(struct files *files)
{
	if (files->started)
		pthread_cond_signal(&files->wake);
	else
		work_once(files);
}

// ---- what the loop asks

static void on_work(struct ev_loop *loop, struct ev_async *async, int events)
{
	(void)loop;
	(void)events;
	struct files *files = async->data;
	journal_go_on(files->journal);
	files->done(files->context);
}

void files_start(
	struct files *files, struct ev_loop *loop, journal_synced_callback *done, void *context)
{
	assert(!files->started);
	files->loop = loop;
	files->done = done;
	files->context = context;
	ev_async_init(&files->async, on_work);
	files->async.data = files;
	ev_async_start(loop, &files->async);
	ev_unref(loop); /* does not keep the loop alive */
	files->thread = journal_thread_start(work, files);
	files->started = true;
}

bool files_started(const struct files *files)
{
	return files->started;
}

void files_free(struct files *files)
{
	if (!files)
		return;
	if (files->started) {
		pthread_mutex_lock(&files->lock);
		files->stop = true;
		pthread_cond_signal(&files->wake);
		pthread_mutex_unlock(&files->lock);
		pthread_join(files->thread, NULL);
		ev_ref(files->loop);
		ev_async_stop(files->loop, &files->async);
	}
	if (files->state == MAKE_MADE) { /* nobody has taken it: the next start will find it */
		munmap(files->making.segment.map, files->making.segment.size);
		close(files->making.segment.fd);
	}
	pthread_cond_destroy(&files->wake);
	pthread_cond_destroy(&files->idle);
	pthread_mutex_destroy(&files->lock);
	free(files);
}

void files_make(struct files *files, const struct segment *segment)
{
	const struct journal *journal = files->journal;
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
	pthread_mutex_lock(&files->lock);
	assert(files->state == MAKE_NONE);
	files->making = (struct making){*segment, header, journal->allocate};
	files->state = MAKE_ASKED;
	begin(files);
	pthread_mutex_unlock(&files->lock);
}

enum make_state files_made(struct files *files, struct segment *made)
{
	pthread_mutex_lock(&files->lock);
	const enum make_state state = files->state;
	if (state == MAKE_MADE)
		*made = files->making.segment;
	if (state != MAKE_ASKED)
		files->state = MAKE_NONE;
	pthread_mutex_unlock(&files->lock);
	return state;
}

bool files_making(struct files *files)
{
	pthread_mutex_lock(&files->lock);
	const bool making = files->state != MAKE_NONE;
	pthread_mutex_unlock(&files->lock);
	return making;
}

bool files_delete(struct files *files, uint64_t first, uint64_t bytes, bool keep)
{
	pthread_mutex_lock(&files->lock);
	const bool room = files->doomed_count < DOOMED_MAX;
	if (room) {
		files->doomed[files->doomed_count++] = (struct doomed){first, bytes, keep};
		begin(files);
	}
	pthread_mutex_unlock(&files->lock);
	return room;
}

uint64_t files_gone(struct files *files)
{
	pthread_mutex_lock(&files->lock);
	const uint64_t gone = files->gone;
	files->gone = 0;
	pthread_mutex_unlock(&files->lock);
	return gone;
}

bool files_pending(struct files *files)
{
	pthread_mutex_lock(&files->lock);
	const bool pending = has_work(files) || has_result(files);
	pthread_mutex_unlock(&files->lock);
	return pending;
}

bool files_wait(struct files *files)
{
	pthread_mutex_lock(&files->lock);
	while (has_work(files) && !has_result(files))
		pthread_cond_wait(&files->idle, &files->lock);
	const bool result = has_result(files);
	pthread_mutex_unlock(&files->lock);
	return result;
}
