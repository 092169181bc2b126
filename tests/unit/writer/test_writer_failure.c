// SPDX-License-Identifier: MIT
// Errors of the database: the row of a COPY is found in the context, white space in messages becomes one blank.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "writer/writer_failure.h"

static void the_context_names_the_row(void **state)
{
	(void)state;
	static const struct {
		const char *context, *relation;
		uint64_t line;
	} cases[] = {
		{NULL, "", 0},
		{"", "", 0},
		{"COPY positions, line 12, column extra", "positions", 12},
		{"COPY avld_positions, line 1, column event: \"x, line 7\"", "avld_positions", 1},
		{"COPY positions, Zeile 12, Spalte extra", "positions", 12},
		{"PL/pgSQL function stop() line 2 at RAISE\nCOPY positions, line 3", "positions",
			3},
		{"PL/pgSQL function stop() line 2 at RAISE", "", 0},
		{"SQL statement \"COPY x\"", "", 0},
		{"COPY positions", "positions", 0},
		{"COPY positions, no number\nline 5", "positions", 0},
		{"COPY positions, line 99999999999999999999", "positions", 9999999999},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct writer_failure failure = {0};
		writer_failure_read_context(&failure, cases[i].context);
		assert_string_equal(failure.relation, cases[i].relation);
		assert_int_equal(failure.line, cases[i].line);
	}
}

static void a_long_relation_is_cut(void **state)
{
	(void)state;
	char context[300] = "COPY ";
	struct writer_failure failure = {0};

	for (size_t i = 5; i < sizeof(context) - 1; i++)
		context[i] = 'x';
	writer_failure_read_context(&failure, context);
	assert_int_equal(failure.relation[sizeof(failure.relation) - 1], '\0');
	assert_int_equal(failure.relation[sizeof(failure.relation) - 2], 'x');
}

static void white_space_becomes_one_blank(void **state)
{
	(void)state;
	static const struct {
		const char *from, *to;
	} cases[] = {
		{"", ""},
		{" \n ", ""},
		{"  a\n\tb  \r\n", "a b"},
		{"0123456789", "0123456"},
		{"012345 789", "012345"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[8];
		writer_failure_one_line(text, sizeof(text), cases[i].from);
		assert_string_equal(text, cases[i].to);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_context_names_the_row),
		cmocka_unit_test(a_long_relation_is_cut),
		cmocka_unit_test(white_space_becomes_one_blank),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
