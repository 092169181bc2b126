// SPDX-License-Identifier: MIT
#include "util/worker.h"
#include "util/log.h"

#include <assert.h>
#include <signal.h>
#include <string.h>

void worker_init(struct worker *worker, worker_has_work *has_work, worker_work *work, void *owner)
{
	*worker = (struct worker){.has_work = has_work, .work = work, .owner = owner};
	pthread_mutex_init(&worker->lock, NULL);
	pthread_cond_init(&worker->wake, NULL);
	pthread_cond_init(&worker->idle, NULL);
}

static void do_piece(struct worker *worker)
{
	worker->work(worker->owner);
	pthread_cond_broadcast(&worker->idle);
}

static void *run(void *argument)
{
	struct worker *worker = argument;
	pthread_mutex_lock(&worker->lock);
	while (!worker->stop) {
		if (!worker->has_work(worker->owner)) {
			pthread_cond_wait(&worker->wake, &worker->lock);
			continue;
		}
		do_piece(worker);
		ev_async_send(worker->loop, &worker->async);
	}
	pthread_mutex_unlock(&worker->lock);
	return NULL;
}

static void on_async(struct ev_loop *loop, struct ev_async *async, int events)
{
	(void)loop;
	(void)events;
	struct worker *worker = async->data;
	worker->done(worker->context);
}

void worker_start(struct worker *worker, struct ev_loop *loop, worker_done *done, void *context)
{
	sigset_t all, old;
	assert(!worker->started);
	worker->loop = loop;
	worker->done = done;
	worker->context = context;
	ev_async_init(&worker->async, on_async);
	worker->async.data = worker;
	ev_async_start(loop, &worker->async);
	ev_unref(loop); /* does not keep the loop alive */

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old); /* signals are for the loop */
	const int error = pthread_create(&worker->thread, NULL, run, worker);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (error)
		log_fatal("cannot start a thread error=\"%s\"", strerror(error));
	worker->started = true;
}

void worker_end(struct worker *worker)
{
	if (worker->started) {
		pthread_mutex_lock(&worker->lock);
		worker->stop = true;
		pthread_cond_signal(&worker->wake);
		pthread_mutex_unlock(&worker->lock);
		pthread_join(worker->thread, NULL);
		ev_ref(worker->loop);
		ev_async_stop(worker->loop, &worker->async);
	}
	pthread_cond_destroy(&worker->wake);
	pthread_cond_destroy(&worker->idle);
	pthread_mutex_destroy(&worker->lock);
}

void worker_wake(struct worker *worker)
{
	if (!worker->started)
		do_piece(worker);
	else if (worker->has_work(worker->owner))
		pthread_cond_signal(&worker->wake);
}

void worker_wait(struct worker *worker)
{
	assert(worker->started);
	pthread_cond_wait(&worker->idle, &worker->lock);
}
