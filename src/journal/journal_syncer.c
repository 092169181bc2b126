// SPDX-License-Identifier: MIT
// fdatasync on a thread of its own: a disk may take seconds, the loop may not.
//
//   loop                                        thread
//   request(end)  --------------------------->  copies: requested LSN, full segments, current one, meta
//   ... appends and begins new segments          writes meta, fsync of the folder, fdatasync of the files
//   done()  <---------------- ev_async --------  synced = requested, closes the full segments
//
// Only the thread closes a full segment's descriptor; only the thread, or before its start and after its
// end the owner, writes meta. So both use at once only what the lock guards. Without a thread the rounds
// are run in place.
#include "journal/journal_syncer.h"
#include "util/log.h"
#include "util/worker.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define UNSYNCED_MAX 16 /* full segments that are not synced yet */

struct journal_syncer {
	struct worker worker;
	int dir_fd;
	uint64_t requested;        /* everything below is to be synced */
	_Atomic uint64_t synced;   /* everything below is on disk */
	_Atomic uint64_t reserved; /* meta.reserved on disk */
	int current;               /* descriptor, or -1 */
	int made;                  /* likewise: of a segment just made */
	int full[UNSYNCED_MAX];
	size_t full_count;
	struct journal_meta meta;
	bool meta_requested;
	bool urgent;  /* a round even if there is no entry to sync */
	bool running; /* a round */
};

static void sync_file(int fd)
{
	while (fdatasync(fd)) {
		if (errno == EINTR)
			continue;
		/* The kernel may have dropped what it could not write from its cache: a second
		 * attempt could succeed without having written it. */
		log_fatal("journal cannot be synced to disk error=\"%s\"", strerror(errno));
	}
}

// Writes meta. False: the disk is full; the folder is synced in either case.
static bool write_meta(int dir_fd, const struct journal_meta *meta)
{
	/* Syncs the names of new segments too: journal_meta_write ends with an fsync of the folder. */
	if (journal_meta_write(dir_fd, meta))
		return true;
	if (fsync(dir_fd))
		log_fatal("journal folder cannot be synced to disk error=\"%s\"", strerror(errno));
	return false;
}

// What a round works on: a copy of what was requested, so that requests continue meanwhile.
struct round {
	uint64_t requested;
	int full[UNSYNCED_MAX];
	size_t full_count;
	int current, made;
	bool meta_requested, meta_failed;
	struct journal_meta meta;
};

static void run_round(int dir_fd, struct round *round)
{
	if (round->made >= 0)
		sync_file(round->made);
	if (round->meta_requested)
		round->meta_failed = !write_meta(dir_fd, &round->meta);
	for (size_t i = 0; i < round->full_count; i++) {
		sync_file(round->full[i]);
		close(round->full[i]);
	}
	if (round->current >= 0)
		sync_file(round->current);
}

static struct round begin_round(struct journal_syncer *syncer)
{
	struct round round = {
		.requested = syncer->requested,
		.full_count = syncer->full_count,
		.current = syncer->current,
		.made = syncer->made,
		.meta_requested = syncer->meta_requested,
		.meta = syncer->meta,
	};
	memcpy(round.full, syncer->full, sizeof(round.full));
	syncer->meta_requested = syncer->urgent = false;
	syncer->made = -1;
	syncer->running = true;
	return round;
}

static void end_round(struct journal_syncer *syncer, const struct round *round)
{
	syncer->running = false;
	syncer->full_count -= round->full_count;
	memmove(syncer->full, syncer->full + round->full_count,
		syncer->full_count * sizeof(syncer->full[0]));
	if (round->requested > syncer->synced)
		syncer->synced = round->requested;
	if (round->meta_requested && !round->meta_failed)
		syncer->reserved = round->meta.reserved;
	if (round->meta_failed && !syncer->meta_requested) { /* again with the next round */
		syncer->meta = round->meta;
		syncer->meta_requested = true;
	}
}

// Runs one round. Called with the lock held, which is released meanwhile.
static void work(void *owner)
{
	struct journal_syncer *syncer = owner;
	struct round round = begin_round(syncer);
	pthread_mutex_unlock(&syncer->worker.lock);
	run_round(syncer->dir_fd, &round);
	pthread_mutex_lock(&syncer->worker.lock);
	end_round(syncer, &round);
}

static bool has_work(const void *owner)
{
	const struct journal_syncer *syncer = owner;
	return syncer->urgent || syncer->requested > syncer->synced;
}

struct journal_syncer *journal_syncer_new(int dir_fd)
{
	struct journal_syncer *syncer = calloc(1, sizeof(*syncer));
	if (!syncer)
		return NULL;
	syncer->dir_fd = dir_fd;
	syncer->current = syncer->made = -1;
	worker_init(&syncer->worker, has_work, work, syncer);
	return syncer;
}

void journal_syncer_free(struct journal_syncer *syncer)
{
	if (!syncer)
		return;
	worker_end(&syncer->worker);
	for (size_t i = 0; i < syncer->full_count; i++)
		close(syncer->full[i]);
	free(syncer);
}

void journal_syncer_start(struct journal_syncer *syncer, struct ev_loop *loop,
	void (*done)(void *context), void *context)
{
	worker_start(&syncer->worker, loop, done, context);
}

void journal_syncer_request(struct journal_syncer *syncer, uint64_t end)
{
	pthread_mutex_lock(&syncer->worker.lock);
	if (end > syncer->requested)
		syncer->requested = end;
	worker_wake(&syncer->worker);
	pthread_mutex_unlock(&syncer->worker.lock);
}

void journal_syncer_wait(struct journal_syncer *syncer)
{
	pthread_mutex_lock(&syncer->worker.lock);
	while (syncer->worker.started && (syncer->running || has_work(syncer)))
		worker_wait(&syncer->worker);
	pthread_mutex_unlock(&syncer->worker.lock);
}

uint64_t journal_syncer_synced(const struct journal_syncer *syncer)
{
	return syncer->synced;
}

uint64_t journal_syncer_reserved(const struct journal_syncer *syncer)
{
	return syncer->reserved;
}

void journal_syncer_set(struct journal_syncer *syncer, uint64_t synced, uint64_t reserved)
{
	pthread_mutex_lock(&syncer->worker.lock);
	syncer->synced = syncer->requested = synced;
	syncer->reserved = reserved;
	pthread_mutex_unlock(&syncer->worker.lock);
}

void journal_syncer_use(struct journal_syncer *syncer, int fd)
{
	pthread_mutex_lock(&syncer->worker.lock);
	syncer->current = fd;
	pthread_mutex_unlock(&syncer->worker.lock);
}

void journal_syncer_roll(struct journal_syncer *syncer, int fd)
{
	pthread_mutex_lock(&syncer->worker.lock);
	assert(syncer->full_count < UNSYNCED_MAX);
	syncer->full[syncer->full_count++] = fd;
	syncer->current = -1;
	pthread_mutex_unlock(&syncer->worker.lock);
}

bool journal_syncer_full(struct journal_syncer *syncer, uint64_t end, size_t ahead)
{
	if (!syncer->worker.started)
		journal_syncer_request(syncer, end);
	pthread_mutex_lock(&syncer->worker.lock);
	const bool full = syncer->full_count + ahead >= UNSYNCED_MAX - 1;
	if (full) {
		syncer->requested = end;
		worker_wake(&syncer->worker);
	}
	pthread_mutex_unlock(&syncer->worker.lock);
	return full;
}

void journal_syncer_write_meta(
	struct journal_syncer *syncer, const struct journal_meta *meta, int fd)
{
	pthread_mutex_lock(&syncer->worker.lock);
	syncer->meta = *meta;
	syncer->meta_requested = syncer->urgent = true;
	if (fd >= 0)
		syncer->made = fd;
	worker_wake(&syncer->worker);
	pthread_mutex_unlock(&syncer->worker.lock);
}
