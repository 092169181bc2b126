// SPDX-License-Identifier: MIT
// How a bucket fills.
#include "util/bucket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void it_fills_evenly_up_to_the_limit(void **state)
{
	struct bucket bucket = {2., 1000};

	(void)state;
	bucket_fill(&bucket, 10., .5, 1004);
	assert_true(bucket.level == 4.);
	bucket_fill(&bucket, 10., .5, 1004);
	assert_true(bucket.level == 4.);
	bucket_fill(&bucket, 10., .5, 2000);
	assert_true(bucket.level == 10.);
}

static void a_debt_is_paid_first(void **state)
{
	struct bucket bucket = {-3., 0};

	(void)state;
	bucket_fill(&bucket, 10., 1., 2);
	assert_true(bucket.level == -1.);
	bucket_fill(&bucket, 10., 1., 5);
	assert_true(bucket.level == 2.);
}

static void a_lower_limit_spills(void **state)
{
	struct bucket bucket = {8., 7};

	(void)state;
	bucket_fill(&bucket, 5., 1., 7);
	assert_true(bucket.level == 5.);
}

static void the_clock_may_wrap_around(void **state)
{
	struct bucket bucket = {0., UINT32_MAX - 1};

	(void)state;
	bucket_fill(&bucket, 10., 1., 2);
	assert_true(bucket.level == 4.);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_fills_evenly_up_to_the_limit),
		cmocka_unit_test(a_debt_is_paid_first),
		cmocka_unit_test(a_lower_limit_spills),
		cmocka_unit_test(the_clock_may_wrap_around),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
