// SPDX-License-Identifier: MIT
// Counts by two texts.
#include "util/tally.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void each_pair_has_a_row(void **state)
{
	static struct tally tally;
	const struct tally_row *row;
	size_t index = 0;

	(void)state;
	assert_null(tally_next(&tally, &index));
	assert_int_equal(tally_add(&tally, "gt06", "bad length"), 0);
	assert_int_equal(tally_add(&tally, "h02", "bad length"), 1);
	assert_int_equal(tally_add(&tally, "gt06", "bad value"), 2);
	assert_int_equal(tally_add(&tally, "gt06", "bad length"), 0);
	index = 0;
	row = tally_next(&tally, &index);
	assert_string_equal(row->group, "gt06");
	assert_string_equal(row->text, "bad length");
	assert_int_equal(row->count, 2);
	assert_int_equal(tally_next(&tally, &index)->count, 1);
	assert_int_equal(tally_next(&tally, &index)->count, 1);
	assert_null(tally_next(&tally, &index));
}

static void the_last_row_counts_what_finds_no_place(void **state)
{
	static struct tally tally;
	const struct tally_row *row, *last = NULL;
	uint64_t total = 0;
	char text[16];
	size_t index = 0;

	(void)state;
	for (int i = 0; i < TALLY_ROWS + 9; i++) {
		snprintf(text, sizeof(text), "reason %d", i);
		tally_add(&tally, "gt06", text);
	}
	while ((row = tally_next(&tally, &index))) {
		total += row->count;
		last = row;
	}
	assert_int_equal(total, TALLY_ROWS + 9);
	assert_string_equal(last->group, "-");
	assert_string_equal(last->text, "other");
	assert_int_equal(last->count, 10);
	assert_int_equal(tally_add(&tally, "gt06", "reason 3"), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_pair_has_a_row),
		cmocka_unit_test(the_last_row_counts_what_finds_no_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
