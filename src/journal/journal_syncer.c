// SPDX-License-Identifier: MIT
// fdatasync on a thread of its own: a disk may take seconds, the loop may not.
//
//   loop                                        thread
//   asked = end, wake  ----------------------->  take over: asked, rolled fds, current fd, meta
//   ... appends and rolls go on                  write meta, fsync folder, fdatasync fds (no lock held)
//   done()  <---------------- ev_async --------  synced = asked, close rolled fds
//
// Only the thread closes a rolled segment's fd, and only it or nobody (before the start, after the
// end) writes meta, so nothing is used by both at once but what `lock` guards. Without a thread the
// rounds are run in place.
#include "journal/journal_internal.h"
#include "util/log.h"

#include <assert.h>
#include <errno.h>
#include <ev.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct syncer {
	struct journal *journal; /* its dir_fd only, from the thread */
	pthread_mutex_t lock;
	pthread_cond_t wake, idle;
	pthread_t thread;
	bool started, stop, running;
	uint64_t asked;            /* everything below is to be synced */
	_Atomic uint64_t synced;   /* everything below is */
	_Atomic uint64_t reserved; /* meta.reserved on disk */
	int current;               /* fd, or -1 */
	int made;                  /* likewise: of a segment just made */
	int rolled[UNSYNCED_SEGMENTS];
	size_t rolled_count;
	bool meta_asked;
	bool urgent; /* a round even if no entry waits for it */
	struct meta meta;

	struct ev_loop *loop;
	struct ev_async async;
	journal_synced_callback *done;
	void *context;
};

struct syncer *syncer_new(struct journal *journal)
{
	struct syncer *sync = calloc(1, sizeof(*sync));
	if (!sync)
		return NULL;
	sync->journal = journal;
	sync->current = sync->made = -1;
	pthread_mutex_init(&sync->lock, NULL);
	pthread_cond_init(&sync->wake, NULL);
	pthread_cond_init(&sync->idle, NULL);
	return sync;
}

static void sync_file(int fd)
{
	while (fdatasync(fd)) {
		if (errno == EINTR)
			continue;
		/* What the kernel could not write may be gone from its cache: no second attempt
		 * could tell. */
		log_fatal("journal cannot be synced to disk error=\"%s\"", strerror(errno));
	}
}

// Takes over what was asked, does it, says so. Called with the lock held, which is let go
// meanwhile.
static void run_round(struct syncer *sync)
{
	int fds[UNSYNCED_SEGMENTS];
	size_t count = sync->rolled_count;
	memcpy(fds, sync->rolled, sizeof(fds));
	int current = sync->current, made = sync->made;
	uint64_t asked = sync->asked;
	bool meta_asked = sync->meta_asked;
	struct meta meta = sync->meta;
	sync->meta_asked = sync->urgent = false;
	sync->made = -1;
	sync->running = true;
	pthread_mutex_unlock(&sync->lock);

	bool meta_failed = false;
	if (made >= 0)
		sync_file(made);
	if (meta_asked) {
		/* Names of new segments too: meta_write ends with an fsync of the folder. */
		meta_failed = !meta_write(sync->journal->dir_fd, &meta);
		if (meta_failed && fsync(sync->journal->dir_fd))
			log_fatal("journal folder cannot be synced to disk error=\"%s\"",
				strerror(errno));
	}
	for (size_t i = 0; i < count; i++) {
		sync_file(fds[i]);
		close(fds[i]);
	}
	if (current >= 0)
		sync_file(current);

	pthread_mutex_lock(&sync->lock);
	sync->running = false;
	sync->rolled_count -= count;
	memmove(sync->rolled, sync->rolled + count, sync->rolled_count * sizeof(int));
	if (asked > sync->synced)
		sync->synced = asked;
	if (meta_asked && !meta_failed)
		sync->reserved = meta.reserved;
	if (meta_failed &&
		!sync->meta_asked) { /* the disk is full: once more with the next round */
		sync->meta = meta;
		sync->meta_asked = true;
	}
	pthread_cond_broadcast(&sync->idle);
}

static bool has_work(const struct syncer *sync)
{
	return sync->urgent || sync->asked > sync->synced;
}

static void *work(void *argument)
{
	struct syncer *sync = argument;
	pthread_mutex_lock(&sync->lock);
	while (!sync->stop) {
		if (!has_work(sync)) {
			pthread_cond_wait(&sync->wake, &sync->lock);
			continue;
		}
		run_round(sync);
		ev_async_send(sync->loop, &sync->async);
	}
	pthread_mutex_unlock(&sync->lock);
	return NULL;
}

static void on_synced(struct ev_loop *loop, struct ev_async *async, int events)
{
	(void)loop;
	(void)events;
	struct syncer *sync = async->data;
	sync->done(sync->context);
}

pthread_t journal_thread_start(void *(*run)(void *argument), void *argument)
{
	pthread_t thread;
	sigset_t all, old;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	int error = pthread_create(&thread, NULL, run, argument);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (error)
		log_fatal("cannot start the journal's thread error=\"%s\"", strerror(error));
	return thread;
}

void journal_sync_start(
	struct journal *journal, struct ev_loop *loop, journal_synced_callback *done, void *context)
{
	struct syncer *sync = journal->sync;
	assert(!sync->started);
	sync->loop = loop;
	sync->done = done;
	sync->context = context;
	ev_async_init(&sync->async, on_synced);
	sync->async.data = sync;
	ev_async_start(loop, &sync->async);
	ev_unref(loop); /* does not keep the loop alive */
	sync->thread = journal_thread_start(work, sync);
	sync->started = true;
	files_start(journal->files, loop, done, context);
	journal_go_on(journal);
}

void journal_sync(struct journal *journal)
{
	struct syncer *sync = journal->sync;
	pthread_mutex_lock(&sync->lock);
	if (journal->end > sync->asked)
		sync->asked = journal->end;
	if (!sync->started)
		run_round(sync);
	else if (has_work(sync))
		pthread_cond_signal(&sync->wake);
	pthread_mutex_unlock(&sync->lock);
}

void journal_sync_now(struct journal *journal)
{
	struct syncer *sync = journal->sync;
	journal_sync(journal);
	pthread_mutex_lock(&sync->lock);
	while (sync->started && (sync->running || has_work(sync)))
		pthread_cond_wait(&sync->idle, &sync->lock);
	pthread_mutex_unlock(&sync->lock);
}

uint64_t journal_synced(const struct journal *journal)
{
	return journal->sync->synced;
}

void syncer_free(struct syncer *sync)
{
	if (!sync)
		return;
	if (sync->started) {
		pthread_mutex_lock(&sync->lock);
		sync->stop = true;
		pthread_cond_signal(&sync->wake);
		pthread_mutex_unlock(&sync->lock);
		pthread_join(sync->thread, NULL);
		ev_ref(sync->loop);
		ev_async_stop(sync->loop, &sync->async);
	}
	for (size_t i = 0; i < sync->rolled_count; i++)
		close(sync->rolled[i]);
	pthread_cond_destroy(&sync->wake);
	pthread_cond_destroy(&sync->idle);
	pthread_mutex_destroy(&sync->lock);
	free(sync);
}

void syncer_use(struct journal *journal, int fd)
{
	struct syncer *sync = journal->sync;
	pthread_mutex_lock(&sync->lock);
	sync->current = fd;
	pthread_mutex_unlock(&sync->lock);
}

void syncer_roll(struct journal *journal, int fd)
{
	struct syncer *sync = journal->sync;
	pthread_mutex_lock(&sync->lock);
	assert(sync->rolled_count < UNSYNCED_SEGMENTS);
	sync->rolled[sync->rolled_count++] = fd;
	sync->current = -1;
	pthread_mutex_unlock(&sync->lock);
}

bool syncer_full(struct journal *journal)
{
	struct syncer *sync = journal->sync;
	if (!sync->started)
		journal_sync(journal);
	pthread_mutex_lock(&sync->lock);
	bool full = sync->rolled_count + journal->count - journal->next >= UNSYNCED_SEGMENTS - 1;
	if (full) {
		sync->asked = journal->end;
		pthread_cond_signal(&sync->wake);
	}
	pthread_mutex_unlock(&sync->lock);
	return full;
}

void syncer_meta(struct journal *journal, const struct meta *meta, int fd)
{
	struct syncer *sync = journal->sync;
	pthread_mutex_lock(&sync->lock);
	sync->meta = *meta;
	sync->meta_asked = sync->urgent = true;
	if (fd >= 0)
		sync->made = fd;
	if (!sync->started)
		run_round(sync);
	else
		pthread_cond_signal(&sync->wake);
	pthread_mutex_unlock(&sync->lock);
}

uint64_t syncer_reserved(struct journal *journal)
{
	return journal->sync->reserved;
}

void syncer_set(struct journal *journal, uint64_t synced, uint64_t reserved)
{
	struct syncer *sync = journal->sync;
	pthread_mutex_lock(&sync->lock);
	sync->synced = sync->asked = synced;
	sync->reserved = reserved;
	pthread_mutex_unlock(&sync->lock);
}
