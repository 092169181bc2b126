// SPDX-License-Identifier: MIT
// A journal whose folder or files are moved or removed: what is said, where new entries go, and that old ones can be read.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "journal/journal_fixture.h"
#include "journal/journal_watch.h"

#include <sys/stat.h>

static char elsewhere[300];

static int begin(void **state)
{
	if (make_folder(state))
		return -1;
	snprintf(elsewhere, sizeof(elsewhere), "%s.elsewhere", dir);
	return 0;
}

static int end(void **state)
{
	char command[700];
	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s' '%s'", dir, elsewhere);
	return system(command);
}

// Puts entries into several segments.
static struct journal *open_with_entries(uint32_t count)
{
	struct journal *journal = open_small();
	for (uint32_t n = 1; n <= count; n++)
		put_entry(journal, n, 1000);
	journal_watch(journal);
	assert_string_equal(journal_watch_problem(journal), "");
	assert_int_equal(findings.count, 0);
	return journal;
}

static void remove_folder(void)
{
	empty_folder();
	assert_int_equal(rmdir(dir), 0);
}

// New entries go to the folder at the path, nothing of the old ones is missing; a start finds the new ones.
static void expect_switched(struct journal *journal, uint32_t count)
{
	assert_string_equal(journal_watch_problem(journal), "");
	assert_int_equal(findings.serious, 1);
	assert_true(was_found("new files are written there from LSN"));
	const uint64_t from = journal_end(journal);
	for (uint32_t n = count + 1; n <= count + 100; n++)
		assert_true(put_entry(journal, n, 1000) > from);
	assert_int_equal(read_all(journal, 0, NULL), count + 100);
	for (int i = 0; i < 3; i++)
		journal_watch(journal);
	assert_int_equal(findings.serious, 1);
	const uint64_t closed = journal_end(journal);
	journal_release(journal, from);
	journal_close(journal);
	journal = open_small();
	uint32_t last = 0;
	assert_int_equal(read_all(journal, 0, &last), 100);
	assert_int_equal(last, count + 100);
	assert_int_equal(journal_end(journal), closed);
	journal_close(journal);
}

static void a_folder_moved_away_is_written_to_where_it_is(void **state)
{
	(void)state;
	struct journal *journal = open_with_entries(2000);
	assert_int_equal(rename(dir, elsewhere), 0);
	for (int i = 0; i < 3; i++)
		journal_watch(journal);
	assert_int_equal(findings.serious, 1);
	assert_true(was_found("was moved away"));
	assert_non_null(strstr(journal_watch_problem(journal), "was moved away"));
	for (uint32_t n = 2001; n <= 4000; n++)
		put_entry(journal, n, 1000);
	assert_int_equal(rename(elsewhere, dir), 0);
	journal_watch(journal);
	assert_string_equal(journal_watch_problem(journal), "");
	assert_true(was_found("is back"));
	assert_int_equal(read_all(journal, 0, NULL), 4000);
	journal_close(journal);
	journal = open_small();
	assert_int_equal(read_all(journal, 0, NULL), 4000);
	journal_close(journal);
}

static void a_folder_removed_is_made_again(void **state)
{
	(void)state;
	struct journal *journal = open_with_entries(5000);
	remove_folder();
	journal_watch(journal);
	expect_switched(journal, 5000);
}

static void another_folder_in_its_place_is_used(void **state)
{
	(void)state;
	struct journal *journal = open_with_entries(5000);
	assert_int_equal(rename(dir, elsewhere), 0);
	assert_int_equal(mkdir(dir, 0700), 0);
	journal_watch(journal);
	expect_switched(journal, 5000);
}

static void files_removed_are_begun_anew(void **state)
{
	(void)state;
	struct journal *journal = open_with_entries(5000);
	empty_folder();
	journal_watch(journal);
	expect_switched(journal, 5000);
}

static void another_journal_in_its_place_is_not_used(void **state)
{
	(void)state;
	struct journal *journal = open_with_entries(10);
	assert_int_equal(rename(dir, elsewhere), 0);
	assert_int_equal(mkdir(dir, 0700), 0);
	journal_close(open_small()); /* has no meta file without an entry */
	struct journal *other = open_small();
	put_entry(other, 1, 10);
	journal_close(other);
	forget_findings();
	for (int i = 0; i < 3; i++)
		journal_watch(journal);
	assert_int_equal(findings.serious, 1);
	assert_non_null(strstr(journal_watch_problem(journal), "another journal"));
	put_entry(journal, 11, 1000);
	assert_int_equal(read_all(journal, 0, NULL), 11);
	journal_close(journal);
}

static void a_folder_in_use_is_not_used(void **state)
{
	(void)state;
	struct journal *journal = open_with_entries(10);
	assert_int_equal(rename(dir, elsewhere), 0);
	assert_int_equal(mkdir(dir, 0700), 0);
	char error[JOURNAL_ERROR_SIZE];
	const int fd = open(dir, O_RDONLY | O_DIRECTORY);
	const int lock = journal_meta_lock(fd, dir, error, sizeof(error));
	assert_true(lock >= 0);
	journal_watch(journal);
	assert_non_null(strstr(journal_watch_problem(journal), "is in use by process"));
	close(lock);
	close(fd);
	journal_watch(journal);
	assert_string_equal(journal_watch_problem(journal), "");
	put_entry(journal, 11, 1000);
	assert_int_equal(read_all(journal, 0, NULL), 11);
	journal_close(journal);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_FOLDER(a_folder_moved_away_is_written_to_where_it_is),
		IN_FOLDER(a_folder_removed_is_made_again),
		IN_FOLDER(another_folder_in_its_place_is_used),
		IN_FOLDER(files_removed_are_begun_anew),
		IN_FOLDER(another_journal_in_its_place_is_not_used),
		IN_FOLDER(a_folder_in_use_is_not_used),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
