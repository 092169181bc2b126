// SPDX-License-Identifier: MIT
// The share of work of a peer, with a clock of the test's own.
#include "model/share.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct share_rate rate = {.burst = 100, .per_s = 10};

static void a_new_share_is_the_whole_burst(void **state)
{
	struct share share = {0};

	(void)state;
	assert_true(share_is_left(&share, &rate, 5));
	share_spend(&share, &rate, 99, 5);
	assert_true(share_is_left(&share, &rate, 5));
	share_spend(&share, &rate, 1, 5);
	assert_false(share_is_left(&share, &rate, 5));
}

static void spent_work_is_forgotten_at_the_rate(void **state)
{
	struct share share = {0};

	(void)state;
	share_spend(&share, &rate, 104, 1000);
	assert_false(share_is_left(&share, &rate, 1400));
	assert_false(share_is_left(&share, &rate, 1499)); // parts of a unit are not lost
	assert_true(share_is_left(&share, &rate, 1500));
	assert_int_equal(share.spent, 99);
	assert_true(share_is_left(&share, &rate, 60000));
	assert_int_equal(share.spent, 0);
}

static void a_peer_at_its_rate_never_spends_its_share(void **state)
{
	struct share share = {0};

	(void)state;
	for (uint32_t ms = 0; ms < 3600000; ms += 100) {
		assert_true(share_is_left(&share, &rate, ms));
		share_spend(&share, &rate, 1, ms);
	}
}

static void excess_is_forgotten_after_ten_seconds(void **state)
{
	struct share share = {0};

	(void)state;
	share_spend(&share, &rate, UINT64_MAX, 0);
	assert_int_equal(share.spent, 200);
	share_spend(&share, &rate, UINT64_MAX, 0);
	assert_int_equal(share.spent, 200);
	assert_false(share_is_left(&share, &rate, 10000));
	assert_true(share_is_left(&share, &rate, 10100));
}

static void the_clock_may_wrap_around(void **state)
{
	struct share share = {0};

	(void)state;
	share_spend(&share, &rate, 105, UINT32_MAX - 100);
	assert_false(share_is_left(&share, &rate, 100));
	assert_true(share_is_left(&share, &rate, 600));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_share_is_the_whole_burst),
		cmocka_unit_test(spent_work_is_forgotten_at_the_rate),
		cmocka_unit_test(a_peer_at_its_rate_never_spends_its_share),
		cmocka_unit_test(excess_is_forgotten_after_ten_seconds),
		cmocka_unit_test(the_clock_may_wrap_around),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
