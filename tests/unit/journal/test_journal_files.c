// SPDX-License-Identifier: MIT
// Segments made and deleted by the journal's thread while the disk takes its time, is full, or the
// process dies.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "journal/journal_fixture.h"

#include <ev.h>
#include <pthread.h>
#include <sys/syscall.h>

// Making and deleting wait here while they are to; how often, and by whom.
static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool making_waits, deleting_waits, full;
	_Atomic unsigned waiting, made, deleted, on_loop;
	pthread_t loop;
} disk = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void pass(const bool *waits, _Atomic unsigned *count)
{
	pthread_mutex_lock(&disk.lock);
	(*count)++;
	disk.on_loop += pthread_equal(pthread_self(), disk.loop) != 0;
	disk.waiting++;
	pthread_cond_broadcast(&disk.changed);
	while (*waits)
		pthread_cond_wait(&disk.changed, &disk.lock);
	disk.waiting--;
	pthread_mutex_unlock(&disk.lock);
}

static int allocate(int fd, off_t offset, off_t len)
{
	pass(&disk.making_waits, &disk.made);
	pthread_mutex_lock(&disk.lock);
	const bool full = disk.full;
	pthread_mutex_unlock(&disk.lock);
	return full ? ENOSPC : posix_fallocate(fd, offset, len);
}

// In place of libc's.
int unlinkat(int fd, const char *name, int flags)
{
	if (strstr(name, ".seg") && !strstr(name, ".tmp"))
		pass(&disk.deleting_waits, &disk.deleted);
	return (int)syscall(SYS_unlinkat, fd, name, flags);
}

static void set_disk(bool *what, bool value)
{
	pthread_mutex_lock(&disk.lock);
	*what = value;
	pthread_cond_broadcast(&disk.changed);
	pthread_mutex_unlock(&disk.lock);
}

static void wait_for_disk(void)
{
	pthread_mutex_lock(&disk.lock);
	while (disk.waiting == 0)
		pthread_cond_wait(&disk.changed, &disk.lock);
	pthread_mutex_unlock(&disk.lock);
}

static struct ev_loop *loop;
static unsigned done;

static void on_done(void *context)
{
	(void)context;
	done++;
}

static struct journal *start(const struct journal_options *options)
{
	struct journal *journal = open_with(options);
	disk.made = disk.deleted = disk.on_loop = 0;
	disk.loop = pthread_self();
	loop = ev_loop_new(EVFLAG_AUTO);
	done = 0;
	journal->allocate = allocate;
	journal_sync_start(journal, loop, on_done, NULL);
	return journal;
}

static void end(struct journal *journal)
{
	journal_close(journal);
	ev_loop_destroy(loop);
	assert_int_equal(told.serious, 0);
}

// One turn of the loop, which sleeps until the journal has something to tell.
static void turn(void)
{
	ev_ref(loop);
	ev_run(loop, EVRUN_ONCE);
	ev_unref(loop);
}

static void put(struct journal *journal, uint32_t n)
{
	fill(journal_take(journal, 1000), n, 1000);
	journal_put(journal);
}

// As the daemon does it: while there is no room the loop turns.
static void put_when_there_is_room(struct journal *journal, uint32_t n)
{
	while (!journal_room(journal, 1, 1000)) {
		if (journal_pending(journal))
			turn();
		else
			ev_run(loop, EVRUN_NOWAIT); /* too many wait for their fdatasync */
	}
	put(journal, n);
}

static void the_first_segment_is_there_before_it_is_needed(void **state)
{
	(void)state;
	struct journal_options options = small_options();
	struct journal *journal = start(&options);
	while (journal_pending(journal))
		turn();
	assert_int_equal(journal_bytes(journal), MIB);
	assert_true(journal_room(journal, 1, 1000));
	assert_int_equal(journal_end(journal), 0);
	end(journal);
}

static void the_next_segment_is_asked_for_in_time(void **state)
{
	(void)state;
	struct journal_options options = small_options();
	struct journal *journal = start(&options);
	uint32_t n = 0;
	put_when_there_is_room(journal, n++);
	for (int segments = 1; segments < 20; segments++) {
		const uint64_t first = journal->first;
		while (journal->left > MIB / 2 + 2000) { /* not before it is half full */
			assert_true(journal_room(journal, 1, 1000));
			put(journal, n++);
			assert_false(journal_pending(journal));
		}
		while (!journal_pending(journal)) {
			assert_true(journal_room(journal, 1, 1000));
			put(journal, n++);
		}
		while (journal_pending(journal))
			turn();
		while (journal->first == first) { /* and then it is there */
			assert_true(journal_room(journal, 1, 1000));
			put(journal, n++);
		}
	}
	assert_int_equal(disk.made, 20);
	assert_int_equal(disk.on_loop, 0);
	assert_int_equal(read_all(journal, 0, NULL), n);
	end(journal);
}

static void appending_goes_on_while_a_segment_is_made(void **state)
{
	(void)state;
	struct journal_options options = small_options();
	struct journal *journal = start(&options);
	uint32_t n = 0;
	put_when_there_is_room(journal, n++);
	set_disk(&disk.making_waits, true);
	for (; journal_room(journal, 1, 1000); n++) /* to the end of what there is */
		put(journal, n);
	wait_for_disk();
	assert_true(journal->left < 1024);
	assert_int_equal(disk.on_loop, 0);
	assert_true(journal_pending(journal));
	for (int i = 0; i < 1000; i++) /* asked once, however often it is wanted */
		assert_false(journal_room(journal, 1, 1000));
	assert_int_equal(disk.made, 2);
	assert_int_equal(read_all(journal, 0, NULL), n);

	const unsigned before = done;
	set_disk(&disk.making_waits, false);
	while (journal->next == journal->count)
		turn(); /* the loop sleeps, and is woken when it is made */
	assert_true(done > before);
	assert_true(journal_room(journal, 1, 1000));
	put(journal, n++);
	assert_int_equal(read_all(journal, 0, NULL), n);
	end(journal);
}

static void who_cannot_come_again_waits(void **state)
{
	(void)state;
	struct journal_options options = small_options();
	struct journal *journal = start(&options);
	uint32_t n = 0;
	for (; n < 20000; n++) /* faster than segments are made */
		put_entry(journal, n, 1000);
	assert_int_equal(disk.on_loop, 0);
	assert_int_equal(read_all(journal, 0, NULL), n);
	end(journal);
}

static void deleting_is_not_waited_for(void **state)
{
	(void)state;
	struct journal_options options = small_options();
	options.max_size = 30 * MIB;
	struct journal *journal = start(&options);
	uint32_t n = 0;
	while (journal_bytes(journal) < 29 * MIB)
		put_when_there_is_room(journal, n++);
	set_disk(&disk.deleting_waits, true);
	journal_release(journal, journal_end(journal)); /* more than may wait at once */
	wait_for_disk();
	assert_int_equal(journal_bytes(journal), 29 * MIB); /* until they are gone */
	assert_true(journal_start(journal) > 15 * MIB);
	assert_int_equal(files_with(".seg"), 29);
	for (int i = 0; i < 100; i++)
		put_when_there_is_room(journal, n++);
	set_disk(&disk.deleting_waits, false);
	while (journal_pending(journal))
		turn();
	assert_true(journal_bytes(journal) <= 2 * MIB);
	assert_int_equal(files_with(".seg"), journal_bytes(journal) / MIB);
	assert_int_equal(disk.on_loop, 0);
	end(journal);
}

// What is being deleted is on the disk still: the quota knows it, and room comes with its end.
static void the_quota_counts_what_is_being_deleted(void **state)
{
	(void)state;
	struct journal_options options = small_options();
	options.max_size = 3 * MIB;
	options.retain_us = (int64_t)3600 * 1000000;
	struct journal *journal = start(&options);
	uint32_t n = 0;
	while (journal_bytes(journal) < 3 * MIB)
		put_when_there_is_room(journal, n++);
	set_disk(&disk.deleting_waits, true);
	journal_release(journal, journal_end(journal)); /* kept, but for the quota */
	assert_int_equal(disk.deleted, 0);
	for (; journal_room(journal, 1, 1000); n++)
		put(journal, n);
	wait_for_disk();
	assert_true(journal_pending(journal));
	assert_int_equal(journal_bytes(journal), 3 * MIB);
	assert_int_equal(journal->count, 2); /* one, not all that is stored */
	assert_int_equal(files_with(".seg"), 3);
	set_disk(&disk.deleting_waits, false);
	while (!journal_room(journal, 1, 1000))
		turn();
	put(journal, n++);
	assert_int_equal(journal_bytes(journal), 3 * MIB);
	assert_int_equal(files_with(".seg"), 3);
	assert_int_equal(disk.on_loop, 0);

	while (journal_room(journal, 1, 1000)) /* full in earnest: nobody waits for anything */
		put(journal, n++);
	while (journal_wait(journal) && journal_room(journal, 1, 1000))
		put(journal, n++);
	end(journal);
}

static void a_full_disk_is_asked_ten_times_a_second(void **state)
{
	(void)state;
	struct journal_options options = small_options();
	struct journal *journal = start(&options);
	uint32_t n = 0;
	put_when_there_is_room(journal, n++);
	set_disk(&disk.full, true);
	for (; has_room(journal, 1000); n++) /* the segment at hand is used up to its end */
		put(journal, n);
	assert_true(journal->left < 1024);
	assert_true(disk.made < 20);
	assert_int_equal(files_with(".tmp"), 0);
	assert_int_equal(files_with(".seg"), 1);

	disk.made = 0;
	const int64_t start_us = clock_us(CLOCK_MONOTONIC);
	while (disk.made < 4) {
		const bool room = journal_room(journal, 1, 1000);
		assert_false(room);
		while (journal_wait(journal) && !journal_room(journal, 1, 1000))
			;
	}
	assert_true(clock_us(CLOCK_MONOTONIC) - start_us >= 300000);
	set_disk(&disk.full, false);
	while (!has_room(journal, 1000))
		;
	put(journal, n++);
	assert_int_equal(disk.on_loop, 0);
	assert_int_equal(read_all(journal, 0, NULL), n);
	end(journal);
}

// Whatever the thread was at: nothing put is lost, no LSN is given twice.
static void it_may_die_while_a_segment_is_made(void **state)
{
	(void)state;
	struct journal_options options = small_options();
	for (int half = 0; half < 2; half++) {
		pid_t pid = fork();
		if (pid == 0) {
			struct journal *journal = start(&options);
			uint32_t n = half ? 2000 : 0;
			put_when_there_is_room(journal, n++);
			set_disk(&disk.making_waits, half == 0);
			while (!journal_pending(journal) && journal_room(journal, 1, 1000))
				put(journal, n++);
			if (half == 0)
				wait_for_disk(); /* half made */
			else if (!files_wait(journal->files))
				_exit(1); /* made, and not taken over */
			kill(getpid(), SIGKILL);
		}
		int status;
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(files_with(".tmp"), half == 0);
		struct journal *journal = open_small();
		assert_int_equal(files_with(".tmp"), 0);
		assert_int_equal(files_with(".seg"), 1 + half);
		assert_int_equal(journal->count - journal->next, half); /* it is used */
		assert_int_equal(told.count, 0);
		const uint64_t before = journal_end(journal);
		assert_true(before > MIB / 4);
		assert_true(put_entry(journal, 1999 + 2000 * (uint32_t)half, 1000) > before);
		crash(journal);
	}
	another_boot(); /* the machine went down: what was made ahead is not trusted */
	struct journal *journal = open_small();
	assert_int_equal(journal->count, journal->next);
	journal_close(journal);
}

static void the_end_leaves_nothing_half_done(void **state)
{
	(void)state;
	struct journal_options options = small_options();
	struct journal *journal = start(&options);
	uint32_t n = 0;
	while (journal_bytes(journal) < 10 * MIB)
		put_when_there_is_room(journal, n++);
	while (journal_pending(journal))
		turn();
	while (!journal_pending(journal))
		put_when_there_is_room(journal, n++);
	journal_release(journal, journal_end(journal));
	const uint64_t last = journal_end(journal);
	journal_close(journal);
	ev_loop_destroy(loop);
	assert_int_equal(files_with(".tmp"), 0);
	assert_true(files_with(".seg") <= 2);
	journal = open_small();
	assert_int_equal(journal_end(journal), last);
	assert_int_equal(told.count, 0);
	journal_close(journal);
	assert_int_equal(disk.on_loop, 0);
}

static _Noreturn void append_on(_Atomic uint32_t *put)
{
	struct journal_options options = small_options();
	struct journal *journal = start(&options);
	for (;;) {
		put_when_there_is_room(journal, *put + 1);
		++*put;
		if (*put % 1000 == 0)
			journal_release(journal, journal_end(journal));
		ev_run(loop, EVRUN_NOWAIT);
	}
}

static void nothing_put_is_lost_by_a_kill(void **state)
{
	(void)state;
	kill_at_random(append_on, 5000000);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, drop_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_FOLDER(the_first_segment_is_there_before_it_is_needed),
		IN_FOLDER(the_next_segment_is_asked_for_in_time),
		IN_FOLDER(appending_goes_on_while_a_segment_is_made),
		IN_FOLDER(who_cannot_come_again_waits),
		IN_FOLDER(deleting_is_not_waited_for),
		IN_FOLDER(the_quota_counts_what_is_being_deleted),
		IN_FOLDER(a_full_disk_is_asked_ten_times_a_second),
		IN_FOLDER(it_may_die_while_a_segment_is_made),
		IN_FOLDER(the_end_leaves_nothing_half_done),
		IN_FOLDER(nothing_put_is_lost_by_a_kill),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
