// SPDX-License-Identifier: MIT
// The page of avld status --watch.
#include "cli/status_rates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void assert_prints(
	const char *page, const char *before, double seconds, unsigned lines, const char *expected)
{
	char *text;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	assert_non_null(to);
	status_rates_print(to, page, before, seconds, lines);
	assert_int_equal(fclose(to), 0);
	assert_string_equal(text, expected);
	free(text);
}

#define PAGE                                                                                       \
	"avld 1, up 3 s\n           7  frames received\n          12  bytes waiting\n           "  \
	"2  rejected: x\n"

static void the_first_page_has_no_rates(void **state)
{
	(void)state;
	assert_prints(PAGE, NULL, 0., 0,
		"avld 1, up 3 s\n           7               frames received\n"
		"          12               bytes waiting\n           2               rejected: "
		"x\n");
}

static void what_differs_has_its_change_per_second(void **state)
{
	(void)state;
	assert_prints(PAGE,
		"avld 1, up 1 s\n           1  frames received\n          40  bytes waiting\n", 2.,
		0,
		"avld 1, up 3 s\n           7         +3/s  frames received\n"
		"          12        -14/s  bytes waiting\n           2         +1/s  rejected: "
		"x\n");
}

static void a_low_window_is_told(void **state)
{
	(void)state;
	assert_prints(PAGE, NULL, 0., 4,
		"avld 1, up 3 s\n           7               frames received\n"
		"          12               bytes waiting\n           2               rejected: "
		"x\n");
	assert_prints(PAGE, NULL, 0., 3,
		"avld 1, up 3 s\n           7               frames received\n"
		"... 2 more lines; the window is too low\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_page_has_no_rates),
		cmocka_unit_test(what_differs_has_its_change_per_second),
		cmocka_unit_test(a_low_window_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
