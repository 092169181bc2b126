// SPDX-License-Identifier: MIT
// A thread for slow work (fdatasync, unlink), one piece after the other, so that an event loop never waits for a disk.
//
//   loop                                            thread
//   lock, record what is to be done, worker_wake -> work(), which unlocks while it works
//   done()  <------------------------ ev_async ---- after each piece
//
// Before worker_start there is no thread: worker_wake does the work in place.
#ifndef AVLD_UTIL_WORKER_H
#define AVLD_UTIL_WORKER_H

#include <ev.h>
#include <pthread.h>
#include <stdbool.h>

typedef bool worker_has_work(const void *owner);
typedef void worker_work(void *owner);
typedef void worker_done(void *context);

struct worker {
	pthread_mutex_t lock; /* guards what the owner shares with the thread */
	pthread_cond_t wake, idle;
	pthread_t thread;
	bool started, stop;
	worker_has_work *has_work;
	worker_work *work;
	void *owner;

	struct ev_loop *loop;
	struct ev_async async;
	worker_done *done;
	void *context;
};

// has_work and work are called with the lock held. work does one piece; it may unlock meanwhile.
void worker_init(struct worker *worker, worker_has_work *has_work, worker_work *work, void *owner);
// Starts the thread, which no signal reaches. done is called on the loop's thread after one or more pieces; it does not
// keep the loop alive. Ends the process if the thread cannot be started.
void worker_start(struct worker *worker, struct ev_loop *loop, worker_done *done, void *context);
// Waits for the piece at hand, ends the thread, frees what worker_init made. Pending work is not done.
void worker_end(struct worker *worker);

// These two are called with the lock held.
// Wakes the thread if there is work; without a thread, does one piece.
void worker_wake(struct worker *worker);
// Waits until a piece is finished. The thread must have work.
void worker_wait(struct worker *worker);

#endif
