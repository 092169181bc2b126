// SPDX-License-Identifier: MIT
#include "util/worker.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct {
	struct worker worker;
	unsigned pending, finished;
	bool elsewhere; /* the last piece was done by another thread than this test's */
	sigset_t blocked;
	pthread_t test;
} owner;

static bool has_work(const void *argument)
{
	(void)argument;
	return owner.pending > 0;
}

static void work(void *argument)
{
	(void)argument;
	pthread_mutex_unlock(&owner.worker.lock);
	owner.elsewhere = !pthread_equal(pthread_self(), owner.test);
	pthread_sigmask(SIG_SETMASK, NULL, &owner.blocked);
	pthread_mutex_lock(&owner.worker.lock);
	owner.pending--;
	owner.finished++;
}

static void on_done(void *context)
{
	assert_true(pthread_equal(pthread_self(), owner.test));
	(*(unsigned *)context)++;
}

static int begin(void **state)
{
	(void)state;
	owner.pending = owner.finished = 0;
	owner.test = pthread_self();
	worker_init(&owner.worker, has_work, work, &owner);
	return 0;
}

static void request(unsigned pieces)
{
	pthread_mutex_lock(&owner.worker.lock);
	owner.pending += pieces;
	worker_wake(&owner.worker);
	pthread_mutex_unlock(&owner.worker.lock);
}

static void wait_until_idle(void)
{
	pthread_mutex_lock(&owner.worker.lock);
	while (owner.pending > 0)
		worker_wait(&owner.worker);
	pthread_mutex_unlock(&owner.worker.lock);
}

static void without_a_thread_a_piece_is_done_in_place(void **state)
{
	(void)state;
	request(3);
	assert_int_equal(owner.finished, 1);
	assert_false(owner.elsewhere);
	worker_end(&owner.worker); /* pending work is not done */
	assert_int_equal(owner.finished, 1);
}

static void the_thread_does_all_and_calls_done_on_the_loop(void **state)
{
	(void)state;
	unsigned done = 0;
	struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
	worker_start(&owner.worker, loop, on_done, &done);
	request(3);
	wait_until_idle();
	assert_int_equal(owner.finished, 3);
	assert_true(owner.elsewhere);
	assert_true(sigismember(&owner.blocked, SIGTERM));
	ev_ref(loop);
	while (done == 0)
		ev_run(loop, EVRUN_ONCE);
	ev_unref(loop);
	assert_false(ev_run(loop, 0)); /* the worker does not keep the loop alive */
	worker_end(&owner.worker);
	ev_loop_destroy(loop);
}

#define WITH_WORKER(test) cmocka_unit_test_setup(test, begin)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_WORKER(without_a_thread_a_piece_is_done_in_place),
		WITH_WORKER(the_thread_does_all_and_calls_done_on_the_loop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
