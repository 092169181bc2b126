// SPDX-License-Identifier: MIT
// SQL text: dates, and the statements of a batch.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "writer/writer_sql.h"

#include <string.h>

static void text_grows(void **state)
{
	(void)state;
	struct writer_sql sql = {0};

	writer_sql_clear(&sql);
	assert_string_equal(sql.data, "");
	for (int i = 0; i < 10000; i++)
		writer_sql_format(&sql, "%d;", i % 10);
	assert_int_equal(sql.len, 20000);
	assert_int_equal(strlen(sql.data), 20000);
	writer_sql_clear(&sql);
	assert_int_equal(sql.len, 0);
	writer_sql_done(&sql);
}

static void days_become_dates(void **state)
{
	(void)state;
	static const struct {
		int64_t day;
		const char *date;
	} cases[] = {
		{0, "'1970-01-01'"},
		{-1, "'1969-12-31'"},
		{19782, "'2024-02-29'"},
		{19783, "'2024-03-01'"},
		{65535, "'2149-06-06'"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct writer_sql sql = {0};
		writer_sql_clear(&sql);
		writer_sql_date(&sql, cases[i].day);
		assert_string_equal(sql.data, cases[i].date);
		writer_sql_done(&sql);
	}
}

static void tables_and_stages_have_a_kind(void **state)
{
	(void)state;
	assert_int_equal(writer_sql_kind("positions"), ROWS_POSITIONS);
	assert_int_equal(writer_sql_kind("avld_positions"), ROWS_POSITIONS);
	assert_int_equal(writer_sql_kind("avld_state"), ROWS_STATE);
	assert_int_equal(writer_sql_kind("avld_commands"), ROWS_COMMANDS);
	assert_int_equal(writer_sql_kind("positions_20260101"), ROWS_KINDS);
	assert_int_equal(writer_sql_kind("posit"), ROWS_KINDS);
	assert_int_equal(writer_sql_kind(""), ROWS_KINDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_grows),
		cmocka_unit_test(days_become_dates),
		cmocka_unit_test(tables_and_stages_have_a_kind),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
