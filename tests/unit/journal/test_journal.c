// SPDX-License-Identifier: MIT
// Append, read, room, release, sync, several processes. Damage: test_journal_damage.c.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "journal/journal_fixture.h"

#include <ev.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>

// Replaces libc's: a disk that fails or is slow.
static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool fails, blocks;
	unsigned calls, waiting;
} disk = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, false, 0, 0};

int fdatasync(int fd)
{
	(void)fd;
	pthread_mutex_lock(&disk.lock);
	disk.calls++;
	disk.waiting++;
	pthread_cond_broadcast(&disk.changed);
	while (disk.blocks)
		pthread_cond_wait(&disk.changed, &disk.lock);
	disk.waiting--;
	int result = disk.fails ? -1 : 0;
	pthread_mutex_unlock(&disk.lock);
	errno = EIO;
	return result;
}

static void on_done(void *context)
{
	(*(unsigned *)context)++;
}

static bool meta_fails;

int fsync(int fd)
{
	errno = ENOSPC;
	return meta_fails ? -1 : (int)syscall(SYS_fsync, fd);
}

static void a_new_folder_is_empty(void **state)
{
	(void)state;
	char uuid[37];
	struct journal *journal = open_small();
	assert_int_equal(findings.count, 0);
	assert_int_equal(strlen(journal_uuid(journal)), 36);
	memcpy(uuid, journal_uuid(journal), sizeof(uuid));
	assert_int_equal(journal_start(journal), journal_end(journal));
	assert_int_equal(read_all(journal, 0, NULL), 0);
	journal_close(journal);
	for (int i = 0; i < 3; i++) { /* opening alone changes nothing */
		journal = open_small();
		assert_int_equal(findings.count, 0);
		assert_string_equal(journal_uuid(journal), uuid);
		assert_int_equal(journal_end(journal), 0);
		assert_true(journal_room(journal, 1, 100));
		assert_int_equal(journal_bytes(journal), MIB);
		i % 2 ? crash(journal) : journal_close(journal);
	}
}

static void entries_are_read_in_order(void **state)
{
	(void)state;
	struct journal *journal = open_small();
	uint64_t lsn[100];
	for (uint32_t n = 0; n < 100; n++)
		lsn[n] = put_entry(journal, n, length_of(n, 300));
	assert_int_equal(lsn[99], journal_end(journal));
	assert_int_equal(read_all(journal, 0, NULL), 100);
	assert_int_equal(read_all(journal, journal_start(journal), NULL), 100);
	for (uint32_t n = 0; n < 100; n++) { /* reading can resume at every LSN returned */
		uint32_t last = 99;
		assert_int_equal(read_all(journal, lsn[n], &last), 99 - n);
		assert_int_equal(last, n < 99 ? 99 : 0);
	}
	journal_close(journal);
	assert_int_equal(findings.count, 0);
}

static void a_cursor_follows_the_end(void **state)
{
	(void)state;
	struct journal *journal = open_small();
	struct journal_cursor cursor;
	journal_cursor_init(&cursor, journal, 0);
	uint32_t seen = 0;
	for (uint32_t n = 0; n < 20000; n++) { /* ten segments */
		uint64_t end = put_entry(journal, n, length_of(n, 1000));
		if (n % 7 == 0)
			continue; /* let the cursor lag by one */
		while (seen <= n) {
			assert_true(journal_cursor_next(&cursor));
			assert_int_equal(number_of(&cursor), seen++);
		}
		assert_int_equal(cursor.lsn, end);
		assert_false(journal_cursor_next(&cursor));
		assert_int_equal(cursor.lsn, end);
		journal_release(journal, cursor.lsn);
		assert_true(journal_bytes(journal) <= 3 * MIB);
	}
	journal_cursor_done(&cursor);
	journal_close(journal);
	assert_int_equal(findings.count, 0);
	assert_true(files_with(".seg") <= 2);
}

// Random sizes, releases, closes and crashes, compared with a list of what must be there.
static void random_use_matches_a_list(void **state)
{
	(void)state;
	srandom(11);
	struct journal *journal = open_small();
	uint32_t next = 0, kept_from = 0;
	uint64_t end = 0, lsn_after[6000] = {0};
	for (int round = 0; round < 60; round++) {
		for (long i = random() % 100; i > 0; i--, next++) {
			size_t most = random() % 20 ? 2000 : JOURNAL_ENTRY_MAX;
			uint64_t lsn =
				put_entry(journal, next, length_of((uint32_t)random(), most));
			assert_true(lsn > end);
			end = lsn_after[next] = lsn;
		}
		if (next > kept_from && random() % 3 == 0) {
			kept_from += (uint32_t)random() % (next - kept_from);
			if (kept_from > 0)
				journal_release(journal, lsn_after[kept_from - 1]);
		}
		random() % 2 ? journal_close(journal) : crash(journal);
		journal = open_small();
		assert_true(next == 0 || journal_end(journal) == end);
		assert_int_equal(journal_recovered(journal), journal_end(journal));
		uint32_t last;
		uint64_t from = kept_from > 0 ? lsn_after[kept_from - 1] : 0;
		assert_int_equal(read_all(journal, from, &last), next - kept_from);
		assert_true(next == kept_from || last == next - 1);
	}
	journal_close(journal);
	assert_int_equal(findings.count, 0);
}

static void the_quota_is_not_exceeded(void **state)
{
	(void)state;
	struct journal_options options = small_options();
	options.max_size = 2 * MIB;
	struct journal *journal = open_with(&options);
	uint32_t n = 0;
	while (journal_room(journal, 1, 1000)) {
		fill(journal_begin(journal, 1000), n++, 1000);
		journal_commit(journal);
	}
	assert_int_equal(journal_bytes(journal), 2 * MIB);
	assert_int_equal(n, 2 * ((MIB - 128 - 24) / 1016)); /* up to the last entry promised */
	assert_false(journal_room(journal, 1, 1000));
	assert_int_equal(read_all(journal, 0, NULL), n);

	journal_close(journal); /* still full after a restart */
	journal = open_with(&options);
	assert_false(journal_room(journal, 1, 1000));
	assert_int_equal(read_all(journal, 0, NULL), n);
	journal_release(journal, journal_end(journal));
	assert_true(journal_room(journal, 1, 1000)); /* at once */
	put_entry(journal, n, 1000);
	assert_int_equal(read_all(journal, 0, NULL), n / 2 + 1);
	assert_int_equal(journal_bytes(journal), 2 * MIB);
	journal_close(journal);
	assert_int_equal(findings.count, 0);
}

static bool disk_full;
static unsigned disk_asked;

static int allocate(int fd, off_t offset, off_t len)
{
	disk_asked++;
	return disk_full ? ENOSPC : posix_fallocate(fd, offset, len);
}

static void a_full_disk_is_tried_again(void **state)
{
	(void)state;
	struct journal *journal = open_small();
	journal->allocate = allocate;
	disk_full = true;
	disk_asked = 0;
	int64_t start_us = clock_monotonic_us();
	for (int i = 0; i < 1000; i++)
		assert_false(journal_room(journal, 1, 100));
	assert_true(disk_asked <= 1 + (clock_monotonic_us() - start_us) / 100000);
	assert_int_equal(files_with(".seg"), 0); /* no unfinished file is left */
	assert_int_equal(journal_bytes(journal), 0);
	disk_full = false;
	int64_t asked = 0;
	while (!journal_room(journal, 1, 100))
		asked++;
	assert_true(asked > 0);
	put_entry(journal, 1, 100);
	disk_full = true;
	uint32_t n = 2; /* the current segment is used to its end */
	for (; journal_room(journal, 1, 1000); n++)
		put_entry(journal, n, 1000);
	assert_int_equal(read_all(journal, 0, NULL), n - 1);
	crash(journal);
	journal = open_small();
	assert_int_equal(read_all(journal, 0, NULL), n - 1);
	journal_close(journal);
	assert_int_equal(findings.count, 0);
}

// There is no room for the meta file, which says that nothing is written after the end: no LSN after it
// may be given.
static void a_start_on_a_full_disk_gives_no_lsn(void **state)
{
	(void)state;
	for (int threads = 0; threads < 2; threads++) {
		struct journal *journal = open_small();
		const uint64_t end = put_entry(journal, 1 + 2 * (uint32_t)threads, 100);
		journal_close(journal);
		meta_fails = true;
		journal = open_small();
		assert_int_equal(journal_end(journal), end);
		assert_false(journal_room(journal, 1, 100));
		meta_fails = false;
		struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
		unsigned done = 0;
		if (threads)
			journal_sync_start(journal, loop, on_done, &done);
		while (!has_room(journal, 100))
			;
		struct journal_meta meta;
		assert_int_equal(journal_meta_read(journal->dir_fd, &meta), META_READ);
		assert_int_equal(meta.closed, NO_LSN);
		assert_true(put_entry(journal, 2 + 2 * (uint32_t)threads, 100) > end);
		assert_int_equal(read_all(journal, 0, NULL), 2 + 2 * (uint32_t)threads);
		journal_close(journal);
		ev_loop_destroy(loop);
	}
	assert_int_equal(findings.count, 0);
}

// A promise holds for any order of sizes.
static void promised_entries_fit(void **state)
{
	(void)state;
	srandom(3);
	struct journal *journal = open_small();
	for (int round = 0; round < 300; round++) {
		size_t lengths[64], entries = 1 + (size_t)random() % 64, bytes = 0;
		for (size_t i = 0; i < entries; i++) {
			size_t most = random() % 4 ? 900 : JOURNAL_ENTRY_MAX;
			bytes += lengths[i] = length_of((uint32_t)random(), most);
		}
		assert_true(journal_room(journal, entries, bytes));
		for (size_t i = 0; i < entries; i++) { /* the journal asserts that it fits */
			fill(journal_begin(journal, lengths[i]), (uint32_t)i, lengths[i]);
			journal_commit(journal);
		}
		journal_release(journal, journal_end(journal));
	}
	journal_close(journal);
	assert_int_equal(findings.count, 0);
}

static void stored_segments_are_retained(void **state)
{
	(void)state;
	struct journal_options options = small_options();
	options.max_size = 4 * MIB;
	options.retain_us = (int64_t)3600 * 1000000;
	struct journal *journal = open_with(&options);
	uint32_t n = 0;
	while (journal_bytes(journal) < 4 * MIB)
		put_entry(journal, n++, 60000);
	journal_release(journal, journal_end(journal));
	assert_int_equal(journal_bytes(journal), 4 * MIB);
	for (int i = 0; i < 40; i++) /* the quota has precedence */
		put_entry(journal, n++, 60000);
	assert_int_equal(journal_bytes(journal), 4 * MIB);
	journal_release(journal, journal_end(journal));
	journal->segments[0].touched_us -= options.retain_us;
	journal_release(journal, journal_end(journal));
	assert_int_equal(journal_bytes(journal), 3 * MIB);
	journal_close(journal);
	assert_int_equal(findings.count, 0);
}

static void pinned_segments_are_kept_though_stored(void **state)
{
	(void)state;
	struct journal_options options = small_options();
	options.max_size = 4 * MIB;
	struct journal *journal = open_with(&options);
	uint32_t n = 0;
	uint64_t pinned = 0;
	while (journal_bytes(journal) < 3 * MIB)
		pinned = put_entry(journal, n++, 60000);
	const uint64_t start = journal->segments[1].first;
	journal_pin(journal, start + 100);
	journal_release(journal, journal_end(journal));
	assert_int_equal(journal->segments[0].first, start);
	while (journal_room(journal, 1, 60000)) /* the quota has no precedence */
		put_entry(journal, n++, 60000);
	assert_int_equal(journal->segments[0].first, start);
	journal_pin(journal, pinned);
	journal_release(journal, journal_end(journal));
	assert_true(journal->segments[0].first > start);
	journal_pin(journal, UINT64_MAX);
	journal_release(journal, journal_end(journal));
	assert_int_equal(journal_bytes(journal), MIB);
	journal_close(journal);
}

static void the_stored_lsn_is_recorded(void **state)
{
	(void)state;
	struct journal *journal = open_small();
	uint64_t lsn = 0;
	for (uint32_t n = 0; n < 10; n++)
		lsn = n == 4 ? put_entry(journal, n, 100) : (put_entry(journal, n, 100), lsn);
	journal_release(journal, lsn);
	journal_close(journal);
	journal = open_read_only();
	assert_int_equal(journal_stored(journal), lsn);
	assert_int_equal(read_all(journal, lsn, NULL), 5);
	struct journal_segment segment;
	assert_true(journal_segment_at(journal, 0, &segment));
	assert_string_equal(segment.file, "0000000000000000.seg");
	assert_int_equal(segment.size, MIB);
	assert_false(journal_segment_at(journal, 1, &segment));
	journal_close(journal);
}

static void a_second_process_is_refused(void **state)
{
	(void)state;
	char pid[32];
	char error[JOURNAL_ERROR_SIZE];
	struct journal_options options = small_options();
	struct journal *journal = open_small();
	put_entry(journal, 1, 100);
	snprintf(pid, sizeof(pid), "in use by process %ld", (long)getpid());
	assert_null(journal_open(&options, on_finding, NULL, error));
	assert_non_null(strstr(error, pid));
	assert_non_null(strstr(error, dir));
	put_entry(journal, 2, 100); /* the first one still works */
	journal_close(journal);
	journal = open_small();
	assert_int_equal(read_all(journal, 0, NULL), 2);
	journal_close(journal);
	assert_int_equal(findings.count, 0);
}

static void a_read_only_journal_follows_a_writer(void **state)
{
	(void)state;
	struct journal *journal = open_small();
	put_entry(journal, 1, 100);
	struct journal *look = open_read_only();
	struct journal_cursor cursor;
	journal_cursor_init(&cursor, look, 0);
	assert_true(journal_cursor_next(&cursor));
	for (uint32_t n = 2; n < 200; n++) {
		assert_false(journal_cursor_next(&cursor));
		put_entry(journal, n, length_of(n, 2000));
		fill(journal_begin(journal, 2000), n + 1, 2000); /* begun, not committed */
		assert_true(journal_cursor_next(&cursor));
		assert_int_equal(number_of(&cursor), n);
		assert_false(journal_cursor_next(&cursor));
		journal->begun = 0;
		memset(journal->map + journal->offset, 0, 2100);
	}
	journal_cursor_done(&cursor);
	journal_close(look);
	assert_int_equal(findings.count, 0);
	for (uint32_t n = 200; n < 4000; n++)
		put_entry(journal, n, 1000);
	look = open_read_only();
	assert_int_equal(read_all(look, 0, NULL), 3999);
	journal_close(look);
	journal_close(journal);
	assert_int_equal(findings.count, 0);
}

static void a_missing_folder_is_an_error(void **state)
{
	(void)state;
	char error[JOURNAL_ERROR_SIZE];
	struct journal_options options = {.dir = "/proc/none", .max_size = 4 * MIB};
	assert_null(journal_open(&options, on_finding, NULL, error));
	assert_non_null(strstr(error, "/proc/none"));
	options.read_only = true;
	assert_null(journal_open(&options, on_finding, NULL, error));
	options.dir = dir;
	assert_null(journal_open(&options, on_finding, NULL, error));
	assert_non_null(strstr(error, "no journal folder"));
	assert_int_equal(files_with("lock"), 0); /* a read-only start changes nothing */
}

static void set_disk(bool blocks)
{
	pthread_mutex_lock(&disk.lock);
	disk.blocks = blocks;
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

static void a_sync_is_signalled_on_the_loop(void **state)
{
	(void)state;
	unsigned done = 0;
	struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
	struct journal *journal = open_small();
	journal_sync_start(journal, loop, on_done, &done);
	for (uint32_t n = 0; n < 100; n++) {
		uint64_t lsn = put_entry(journal, n, 100);
		assert_true(journal_synced(journal) < lsn);
		journal_sync(journal);
		ev_ref(loop);
		while (journal_synced(journal) < lsn)
			ev_run(loop, EVRUN_ONCE);
		ev_unref(loop);
	}
	ev_ref(loop); /* on a busy machine each sync may have ended before the loop ran */
	while (done == 0)
		ev_run(loop, EVRUN_ONCE);
	ev_unref(loop);
	journal_sync_now(journal);
	journal_close(journal);
	ev_loop_destroy(loop);
}

// While the disk is slow, appending continues in new segments; acknowledging does not.
static void a_slow_disk_delays_only_the_sync(void **state)
{
	(void)state;
	unsigned done = 0;
	struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
	struct journal *journal = open_small();
	uint64_t first = put_entry(journal, 0, 1000);
	journal_sync_start(journal, loop, on_done, &done);
	journal_sync_now(journal);
	assert_true(journal_synced(journal) >= first);

	set_disk(true);
	uint64_t asked = put_entry(journal, 1, 1000);
	journal_sync(journal);
	wait_for_disk();
	uint32_t n = 2;
	for (; n < 5000; n++) /* four more segments */
		put_entry(journal, n, 1000);
	journal_sync(journal);
	journal_sync(journal);
	assert_true(journal_synced(journal) < asked);
	assert_true(journal_end(journal) > 4 * MIB);
	/* There is a limit: files that are not synced yet are kept open. */
	for (; has_room(journal, 1000); n++)
		put_entry(journal, n, 1000);
	assert_true(journal_bytes(journal) >= 10 * MIB);
	assert_true(journal_synced(journal) < asked);

	set_disk(false);
	journal_sync_now(journal);
	assert_int_equal(journal_synced(journal), journal_end(journal));
	while (!journal_room(journal, 1, 1000)) /* room again */
		;
	assert_int_equal(read_all(journal, 0, NULL), n);
	journal_close(journal);
	ev_loop_destroy(loop);
	assert_int_equal(findings.count, 0);
}

static void a_failed_sync_ends_the_process(void **state)
{
	(void)state;
	pid_t pid = fork();
	if (pid == 0) {
		unsigned done = 0;
		int null = open("/dev/null", O_WRONLY);
		dup2(null, 2);
		struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
		struct journal *journal = open_small();
		journal_sync_start(journal, loop, on_done, &done);
		uint64_t lsn = put_entry(journal, 1, 100);
		pthread_mutex_lock(&disk.lock);
		disk.fails = true;
		pthread_mutex_unlock(&disk.lock);
		journal_sync(journal);
		ev_ref(loop);
		while (journal_synced(journal) < lsn)
			ev_run(loop, EVRUN_ONCE);
		_exit(77); /* it would acknowledge now */
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 1);
}

// The process explains the SIGBUS that it gets when a mapped file is cut short.
static void a_file_cut_short_is_explained(void **state)
{
	(void)state;
	char text[1024];
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	pid_t pid = fork();
	if (pid == 0) {
		const struct rlimit no_core = {0, 0};
		setrlimit(RLIMIT_CORE, &no_core);
		dup2(ends[1], 2);
		journal_explain_sigbus(dir);
		struct journal *journal = open_small();
		put_entry(journal, 1, 1000);
		if (truncate(segment_path(0), 0))
			_exit(1);
		put_entry(journal, 2, 1000);
		_exit(77);
	}
	int status;
	close(ends[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGBUS);
	const ssize_t len = read(ends[0], text, sizeof(text) - 1);
	assert_true(len > 0);
	text[len] = '\0';
	assert_non_null(strstr(text, dir));
	assert_non_null(strstr(text, "cannot be read or written"));
	assert_ptr_equal(strchr(text, '\n'), text + len - 1); /* one line */
	close(ends[0]);
}

static void append_forever(_Atomic uint32_t *put)
{
	struct journal *journal = open_small();
	for (;;) {
		uint32_t n = *put + 1;
		size_t len = length_of(n, n % 50 ? 400 : 60000);
		if (!journal_room(journal, 1, len))
			return;
		fill(journal_begin(journal, len), n, len);
		journal_commit(journal);
		*put = n;
		if (n % 1000 == 0)
			journal_release(journal, journal_end(journal));
	}
}

static void committed_entries_survive_a_kill(void **state)
{
	(void)state;
	kill_at_random(append_forever, 3000000);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, drop_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_FOLDER(a_new_folder_is_empty),
		IN_FOLDER(entries_are_read_in_order),
		IN_FOLDER(a_cursor_follows_the_end),
		IN_FOLDER(random_use_matches_a_list),
		IN_FOLDER(the_quota_is_not_exceeded),
		IN_FOLDER(a_full_disk_is_tried_again),
		IN_FOLDER(a_start_on_a_full_disk_gives_no_lsn),
		IN_FOLDER(promised_entries_fit),
		IN_FOLDER(stored_segments_are_retained),
		IN_FOLDER(pinned_segments_are_kept_though_stored),
		IN_FOLDER(the_stored_lsn_is_recorded),
		IN_FOLDER(a_second_process_is_refused),
		IN_FOLDER(a_read_only_journal_follows_a_writer),
		IN_FOLDER(a_missing_folder_is_an_error),
		IN_FOLDER(a_sync_is_signalled_on_the_loop),
		IN_FOLDER(a_slow_disk_delays_only_the_sync),
		IN_FOLDER(a_failed_sync_ends_the_process),
		IN_FOLDER(a_file_cut_short_is_explained),
		IN_FOLDER(committed_entries_survive_a_kill),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
