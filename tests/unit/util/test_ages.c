// SPDX-License-Identifier: MIT
// When what follows a position was added.
#include "util/ages.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define S INT64_C(1000000)

static void nothing_is_known_at_first(void **state)
{
	const struct ages ages = {0};

	(void)state;
	assert_int_equal(ages_find(&ages, 7), 0);
}

static void the_last_mark_up_to_the_position_holds(void **state)
{
	struct ages ages = {0};

	(void)state;
	ages_note(&ages, 100, 10 * S);
	ages_note(&ages, 200, 10 * S + 5); // within a second: the mark before holds
	ages_note(&ages, 300, 20 * S);
	assert_int_equal(ages_find(&ages, 100), 10 * S);
	assert_int_equal(ages_find(&ages, 299), 10 * S);
	assert_int_equal(ages_find(&ages, 300), 20 * S);
	assert_int_equal(ages_find(&ages, 900), 20 * S);
	ages_drop(&ages, 350);
	assert_int_equal(ages.count, 1);
	assert_int_equal(ages_find(&ages, 350), 20 * S);
}

static void a_day_is_exact_to_a_thirtieth(void **state)
{
	struct ages ages = {0};

	(void)state;
	for (int64_t s = 1; s <= 86400; s++)
		ages_note(&ages, (uint64_t)s * 1000, s * S);
	for (int64_t s = 1; s <= 86400; s += 1234) {
		const int64_t age_us = 86400 * S - ages_find(&ages, (uint64_t)s * 1000);
		assert_in_range(age_us - (86400 - s) * S, 0, 86400 * S / 30);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_known_at_first),
		cmocka_unit_test(the_last_mark_up_to_the_position_holds),
		cmocka_unit_test(a_day_is_exact_to_a_thirtieth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
