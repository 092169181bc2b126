// SPDX-License-Identifier: MIT
// Which bucket a value is counted in.
#include "util/histogram.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void a_bound_belongs_to_its_bucket(void **state)
{
	static const double bounds[] = {1., 2., 5., 0};
	struct histogram histogram = {.bounds = bounds};

	(void)state;
	histogram_add(&histogram, 0., 1);
	histogram_add(&histogram, 1., 1);
	histogram_add(&histogram, 1.5, 3);
	histogram_add(&histogram, 5., 1);
	histogram_add(&histogram, 6., 2);
	assert_int_equal(histogram.counts[0], 2);
	assert_int_equal(histogram.counts[1], 3);
	assert_int_equal(histogram.counts[2], 1);
	assert_int_equal(histogram.counts[3], 2);
	assert_true(histogram.sum == 1. + 4.5 + 5. + 12.);
}

static void a_negative_value_counts_as_0(void **state)
{
	static const double bounds[] = {1., 0};
	struct histogram histogram = {.bounds = bounds};

	(void)state;
	histogram_add(&histogram, -3., 1);
	assert_int_equal(histogram.counts[0], 1);
	assert_true(histogram.sum == 0.);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bound_belongs_to_its_bucket),
		cmocka_unit_test(a_negative_value_counts_as_0),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
