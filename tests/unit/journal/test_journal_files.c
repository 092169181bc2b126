// SPDX-License-Identifier: MIT
// Segments made and deleted by the journal's thread while the disk is slow or full, or the process dies.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "journal/journal_fixture.h"

#include <dlfcn.h>
#include <ev.h>
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>

// Blocks making and deleting on request, and counts both, and calls on the loop's thread.
static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool making_blocks, deleting_blocks, full;
	_Atomic unsigned waiting, made, deleted, on_loop;
	pthread_t loop;
} disk = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void pass(const bool *blocks, _Atomic unsigned *count)
{
	pthread_mutex_lock(&disk.lock);
	(*count)++;
	disk.on_loop += pthread_equal(pthread_self(), disk.loop) != 0;
	disk.waiting++;
	pthread_cond_broadcast(&disk.changed);
	while (*blocks)
		pthread_cond_wait(&disk.changed, &disk.lock);
	disk.waiting--;
	pthread_mutex_unlock(&disk.lock);
}

static int allocate(int fd, off_t offset, off_t len)
{
	pass(&disk.making_blocks, &disk.made);
	pthread_mutex_lock(&disk.lock);
	const bool full = disk.full;
	pthread_mutex_unlock(&disk.lock);
	return full ? ENOSPC : posix_fallocate(fd, offset, len);
}

// Replaces libc's.
int unlinkat(int fd, const char *name, int flags)
{
	if (strstr(name, ".seg") && !strstr(name, ".tmp"))
		pass(&disk.deleting_blocks, &disk.deleted);
	return (int)syscall(SYS_unlinkat, fd, name, flags);
}

static bool unreadable; /* the folder */

// Replaces libc's.
struct dirent *readdir(DIR *folder)
{
	struct dirent *(*of_libc)(DIR *);
	void *found = dlsym(RTLD_NEXT, "readdir");
	memcpy(&of_libc, &found, sizeof(found));
	if (!unreadable)
		return of_libc(folder);
	errno = EIO;
	return NULL;
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
	assert_int_equal(findings.serious, 0);
}

// Turns the loop once; it sleeps until the journal has done something.
static void turn(void)
{
	ev_ref(loop);
	ev_run(loop, EVRUN_ONCE);
	ev_unref(loop);
}

static void put(struct journal *journal, uint32_t n)
{
	fill(journal_begin(journal, 1000), n, 1000);
	journal_commit(journal);
}

// Turns the loop while there is no room, as the daemon does.
static void put_when_there_is_room(struct journal *journal, uint32_t n)
{
	while (!journal_room(journal, 1, 1000)) {
		if (journal_pending(journal))
			turn();
		else
			ev_run(loop, EVRUN_NOWAIT); /* too many segments are not synced */
	}
	put(journal, n);
}

static void the_first_segment_is_made_before_it_is_needed(void **state)
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

static void the_next_segment_is_made_when_half_is_used(void **state)
{
	(void)state;
	struct journal_options options = small_options();
	struct journal *journal = start(&options);
	uint32_t n = 0;
	put_when_there_is_room(journal, n++);
	for (int segments = 1; segments < 20; segments++) {
		const uint64_t first = journal->first;
		while (journal->left > MIB / 2 + 2000) { /* not before it is half used */
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
		while (journal->first == first) { /* now it is made */
			assert_true(journal_room(journal, 1, 1000));
			put(journal, n++);
		}
	}
	assert_int_equal(disk.made, 20);
	assert_int_equal(disk.on_loop, 0);
	assert_int_equal(read_all(journal, 0, NULL), n);
	end(journal);
}

static void appending_continues_while_a_segment_is_made(void **state)
{
	(void)state;
	struct journal_options options = small_options();
	struct journal *journal = start(&options);
	uint32_t n = 0;
	put_when_there_is_room(journal, n++);
	set_disk(&disk.making_blocks, true);
	for (; journal_room(journal, 1, 1000); n++) /* to the end of the current one */
		put(journal, n);
	wait_for_disk();
	assert_true(journal->left < 1024);
	assert_int_equal(disk.on_loop, 0);
	assert_true(journal_pending(journal));
	for (int i = 0; i < 1000; i++) /* requested once only */
		assert_false(journal_room(journal, 1, 1000));
	assert_int_equal(disk.made, 2);
	assert_int_equal(read_all(journal, 0, NULL), n);

	const unsigned before = done;
	set_disk(&disk.making_blocks, false);
	while (journal->next == journal->count)
		turn(); /* the loop sleeps until it is made */
	assert_true(done > before);
	assert_true(journal_room(journal, 1, 1000));
	put(journal, n++);
	assert_int_equal(read_all(journal, 0, NULL), n);
	end(journal);
}

static long faults_of_this_thread(void)
{
	struct rusage used;
	assert_int_equal(getrusage(RUSAGE_THREAD, &used), 0);
	return used.ru_minflt + used.ru_majflt;
}

// Returns how far the thread has mapped the current segment's pages.
static uint64_t mapped(struct journal *journal)
{
	return journal_files_populate(journal->files, journal->map, 0, 0);
}

static void appending_to_pages_that_are_mapped_ahead_causes_no_faults(void **state)
{
	(void)state;
	struct journal_options options = small_options();
	options.segment_size = 8 * MIB;
	options.max_size = 64 * MIB;
	struct journal *journal = start(&options);
	uint32_t n = 0;
	put_when_there_is_room(journal, n++);
	while (journal_pending(journal))
		turn();
	if (!journal_files_map_pages(journal->map, 0, 4096)) {
		print_message("the kernel has no MADV_POPULATE_WRITE\n");
		end(journal);
		return;
	}
	long faults = 0;
	const int64_t patience_us = clock_monotonic_us() + 30 * 1000000;
	while (journal->next < 3) { /* over the ends of two segments */
		const uint64_t populated = journal->populated;
		const long before = faults_of_this_thread();
		while (journal->populated == populated && journal_room(journal, 1, 1000))
			put(journal, n++);
		faults += faults_of_this_thread() - before;
		while (journal->populated + MIB / 4 < 8 * MIB &&
			mapped(journal) < journal->populated + MIB / 4) {
			assert_true(clock_monotonic_us() < patience_us);
			sched_yield();
		}
		while (journal_pending(journal))
			turn();
	}
	assert_true(n > 16000);
	assert_true(faults < 1000); /* 16 MiB have 4,096 pages, and 512 of AddressSanitizer's */
	assert_int_equal(read_all(journal, 0, NULL), n);
	end(journal);
}

static void a_caller_can_wait_for_room(void **state)
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

static void deleting_does_not_block(void **state)
{
	(void)state;
	struct journal_options options = small_options();
	options.max_size = 30 * MIB;
	struct journal *journal = start(&options);
	uint32_t n = 0;
	while (journal_bytes(journal) < 29 * MIB)
		put_when_there_is_room(journal, n++);
	set_disk(&disk.deleting_blocks, true);
	journal_release(journal, journal_end(journal)); /* more than may be pending */
	wait_for_disk();
	assert_int_equal(journal_bytes(journal), 29 * MIB); /* until the files are gone */
	assert_true(journal_start(journal) > 15 * MIB);
	assert_int_equal(files_with(".seg"), 29);
	for (int i = 0; i < 100; i++)
		put_when_there_is_room(journal, n++);
	set_disk(&disk.deleting_blocks, false);
	while (journal_pending(journal))
		turn();
	assert_true(journal_bytes(journal) <= 2 * MIB);
	assert_int_equal(files_with(".seg"), journal_bytes(journal) / MIB);
	assert_int_equal(disk.on_loop, 0);
	end(journal);
}

// A file being deleted still uses the disk: it counts, and there is room once it is gone.
static void the_quota_counts_files_being_deleted(void **state)
{
	(void)state;
	struct journal_options options = small_options();
	options.max_size = 3 * MIB;
	options.retain_us = (int64_t)3600 * 1000000;
	struct journal *journal = start(&options);
	uint32_t n = 0;
	while (journal_bytes(journal) < 3 * MIB)
		put_when_there_is_room(journal, n++);
	set_disk(&disk.deleting_blocks, true);
	journal_release(journal, journal_end(journal)); /* retained, unless the quota needs it */
	assert_int_equal(disk.deleted, 0);
	for (; journal_room(journal, 1, 1000); n++)
		put(journal, n);
	wait_for_disk();
	assert_true(journal_pending(journal));
	assert_int_equal(journal_bytes(journal), 3 * MIB);
	assert_int_equal(journal->count, 2); /* one is deleted, not all that is stored */
	assert_int_equal(files_with(".seg"), 3);
	set_disk(&disk.deleting_blocks, false);
	while (!journal_room(journal, 1, 1000))
		turn();
	put(journal, n++);
	assert_int_equal(journal_bytes(journal), 3 * MIB);
	assert_int_equal(files_with(".seg"), 3);
	assert_int_equal(disk.on_loop, 0);

	while (journal_room(journal, 1, 1000)) /* really full: nothing is pending */
		put(journal, n++);
	while (journal_wait(journal) && journal_room(journal, 1, 1000))
		put(journal, n++);
	end(journal);
}

static void a_full_disk_is_tried_ten_times_a_second(void **state)
{
	(void)state;
	struct journal_options options = small_options();
	struct journal *journal = start(&options);
	uint32_t n = 0;
	put_when_there_is_room(journal, n++);
	set_disk(&disk.full, true);
	for (; has_room(journal, 1000); n++) /* the current segment is used to its end */
		put(journal, n);
	assert_true(journal->left < 1024);
	assert_true(disk.made < 20);
	assert_int_equal(files_with(".tmp"), 0);
	assert_int_equal(files_with(".seg"), 1);

	disk.made = 0;
	const int64_t start_us = clock_monotonic_us();
	while (disk.made < 4) {
		const bool room = journal_room(journal, 1, 1000);
		assert_false(room);
		while (journal_wait(journal) && !journal_room(journal, 1, 1000))
			;
	}
	assert_true(clock_monotonic_us() - start_us >= 300000);
	set_disk(&disk.full, false);
	while (!has_room(journal, 1000))
		;
	put(journal, n++);
	assert_int_equal(disk.on_loop, 0);
	assert_int_equal(read_all(journal, 0, NULL), n);
	end(journal);
}

// Whatever the thread was doing, no entry is lost and no LSN is given twice.
static void a_kill_while_a_segment_is_made(void **state)
{
	(void)state;
	struct journal_options options = small_options();
	for (int half = 0; half < 2; half++) {
		pid_t pid = fork();
		if (pid == 0) {
			struct journal *journal = start(&options);
			uint32_t n = half ? 2000 : 0;
			put_when_there_is_room(journal, n++);
			set_disk(&disk.making_blocks, half == 0);
			while (!journal_pending(journal) && journal_room(journal, 1, 1000))
				put(journal, n++);
			if (half == 0)
				wait_for_disk(); /* an unfinished file */
			else if (!journal_files_wait(journal->files))
				_exit(1); /* made, and not collected */
			kill(getpid(), SIGKILL);
		}
		int status;
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(files_with(".tmp"), half == 0);
		struct journal *journal = open_small();
		assert_int_equal(files_with(".tmp"), 0);
		assert_int_equal(files_with(".seg"), 1 + half);
		assert_int_equal(journal->count - journal->next, half); /* it will be used */
		assert_int_equal(findings.count, 0);
		const uint64_t before = journal_end(journal);
		assert_true(before > MIB / 4);
		assert_true(put_entry(journal, 1999 + 2000 * (uint32_t)half, 1000) > before);
		crash(journal);
	}
	another_boot(); /* another boot: segments made ahead are not trusted */
	struct journal *journal = open_small();
	assert_int_equal(journal->count, journal->next);
	journal_close(journal);
}

static void a_close_leaves_no_unfinished_file(void **state)
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
	assert_int_equal(findings.count, 0);
	journal_close(journal);
	assert_int_equal(disk.on_loop, 0);
}

static _Noreturn void append_forever(_Atomic uint32_t *put)
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

static void committed_entries_survive_a_kill(void **state)
{
	(void)state;
	kill_at_random(append_forever, 5000000);
}

// Without this the journal would begin anew, and give out LSNs that unread segments have.
static void a_folder_that_cannot_be_read_is_no_empty_one(void **state)
{
	const struct journal_options options = small_options();
	char error[JOURNAL_ERROR_SIZE];

	(void)state;
	journal_close(open_small());
	unreadable = true;
	struct journal *journal = journal_open(&options, on_finding, NULL, error);
	unreadable = false;
	assert_null(journal);
	assert_non_null(strstr(error, "cannot read folder"));
	assert_non_null(strstr(error, strerror(EIO)));
	journal_close(open_small());
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, drop_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_FOLDER(a_folder_that_cannot_be_read_is_no_empty_one),
		IN_FOLDER(the_first_segment_is_made_before_it_is_needed),
		IN_FOLDER(the_next_segment_is_made_when_half_is_used),
		IN_FOLDER(appending_continues_while_a_segment_is_made),
		IN_FOLDER(appending_to_pages_that_are_mapped_ahead_causes_no_faults),
		IN_FOLDER(a_caller_can_wait_for_room),
		IN_FOLDER(deleting_does_not_block),
		IN_FOLDER(the_quota_counts_files_being_deleted),
		IN_FOLDER(a_full_disk_is_tried_ten_times_a_second),
		IN_FOLDER(a_kill_while_a_segment_is_made),
		IN_FOLDER(a_close_leaves_no_unfinished_file),
		IN_FOLDER(committed_entries_survive_a_kill),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
