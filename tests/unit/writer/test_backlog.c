// SPDX-License-Identifier: MIT
// When the writer is behind: by bytes pending, and by how fast the database was.
#include "writer/backlog.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define MB         (1 << 20)
#define FULL_BATCH (6 * MB)

static void before_the_first_batch_two_full_ones_may_be_pending(void **state)
{
	struct backlog backlog = {0};

	(void)state;
	assert_int_equal(BACKLOG_SMALL, backlog_state(&backlog, 2 * FULL_BATCH, FULL_BATCH));
	assert_int_not_equal(
		BACKLOG_SMALL, backlog_state(&backlog, 2 * FULL_BATCH + 1, FULL_BATCH));
}

static void it_stays_behind_until_a_quarter_is_stored(void **state)
{
	struct backlog backlog = {0};

	(void)state;
	assert_int_not_equal(BACKLOG_SMALL, backlog_state(&backlog, 3 * FULL_BATCH, FULL_BATCH));
	assert_int_not_equal(BACKLOG_SMALL, backlog_state(&backlog, 2 * FULL_BATCH, FULL_BATCH));
	assert_int_not_equal(
		BACKLOG_SMALL, backlog_state(&backlog, FULL_BATCH * 3 / 2 + 1, FULL_BATCH));
	assert_int_equal(BACKLOG_SMALL, backlog_state(&backlog, FULL_BATCH * 3 / 2, FULL_BATCH));
	assert_int_equal(BACKLOG_SMALL, backlog_state(&backlog, 2 * FULL_BATCH, FULL_BATCH));
}

static void a_slow_database_may_have_a_second_pending(void **state)
{
	struct backlog backlog = {0};

	(void)state;
	for (int i = 0; i < 10; i++)
		backlog_stored(&backlog, 2 * MB, 0.25); // 8 MB/s
	assert_int_equal(backlog_state(&backlog, 8 * MB, FULL_BATCH), BACKLOG_SMALL);
	assert_int_equal(backlog_state(&backlog, 8 * MB + 1, FULL_BATCH), BACKLOG_BEHIND);
}

static void a_full_batch_may_always_be_pending(void **state)
{
	struct backlog backlog = {0};

	(void)state;
	backlog_stored(&backlog, 100000, 100.);
	assert_int_equal(backlog_state(&backlog, FULL_BATCH, FULL_BATCH), BACKLOG_SMALL);
	assert_int_equal(backlog_state(&backlog, FULL_BATCH + 1, FULL_BATCH), BACKLOG_BEHIND);
}

static void the_rate_is_an_average_of_recent_batches(void **state)
{
	struct backlog backlog = {0};

	(void)state;
	backlog_stored(&backlog, 10 * MB, 1.);
	backlog_stored(&backlog, 10 * MB, 10.); // one that a lock held up
	assert_in_range(backlog.bytes_per_s, 7 * MB, 8 * MB);
	for (int i = 0; i < 30; i++)
		backlog_stored(&backlog, 1 * MB, 1.);
	assert_in_range(backlog.bytes_per_s, 1 * MB, 1 * MB + 10000);
}

static void small_batches_and_standing_clocks_do_not_count(void **state)
{
	struct backlog backlog = {0};

	(void)state;
	backlog_stored(&backlog, 1000, 0.01);
	backlog_stored(&backlog, MB, 0.);
	assert_true(backlog.bytes_per_s == 0.);
}

static void two_full_batches_are_far_behind_however_slow_it_is(void **state)
{
	struct backlog backlog = {0};

	(void)state;
	for (int i = 0; i < 10; i++)
		backlog_stored(&backlog, 2 * MB, 0.2);
	assert_int_equal(backlog_state(&backlog, 2 * FULL_BATCH, FULL_BATCH), BACKLOG_BEHIND);
	assert_int_equal(backlog_state(&backlog, 2 * FULL_BATCH + 1, FULL_BATCH), BACKLOG_FAR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(before_the_first_batch_two_full_ones_may_be_pending),
		cmocka_unit_test(it_stays_behind_until_a_quarter_is_stored),
		cmocka_unit_test(a_slow_database_may_have_a_second_pending),
		cmocka_unit_test(the_rate_is_an_average_of_recent_batches),
		cmocka_unit_test(small_batches_and_standing_clocks_do_not_count),
		cmocka_unit_test(two_full_batches_are_far_behind_however_slow_it_is),
		cmocka_unit_test(a_full_batch_may_always_be_pending),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
