// SPDX-License-Identifier: MIT
// SQL text: dates, and the statements of a batch.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "writer/writer_sql.h"

#include <stdlib.h>
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

// Writes a batch of one position and one alarm.
static void write_batch(struct writer_sql *sql, struct writer_sql_batch batch)
{
	struct batch_rows *rows = calloc(1, sizeof(*rows));
	PGconn *conn = PQconnectStart("host=/nonexistent"); /* quotes without a server */
	enum rows_kind order[ROWS_KINDS];

	assert_non_null(rows);
	assert_non_null(conn);
	rows->copies[ROWS_POSITIONS].rows = rows->copies[ROWS_ALARMS].rows = 1;
	batch.instance = "sea";
	batch.journal = "00000000-0000-4000-8000-000000000000";
	assert_int_equal(writer_sql_batch(sql, conn, &batch, rows, order), 2);
	assert_int_equal(order[0], ROWS_POSITIONS);
	assert_int_equal(order[1], ROWS_ALARMS);
	PQfinish(conn);
	free(rows);
}

static void alarms_are_staged_to_be_notified(void **state)
{
	(void)state;
	static const struct {
		struct writer_sql_batch batch;
		bool positions, alarms; /* staged */
		bool returning;
	} cases[] = {
		{{.staged = false, .notify = false}, false, false, false},
		{{.staged = true, .notify = false}, true, true, false},
		{{.staged = false, .notify = true}, false, true, false},
		{{.staged = true, .notify = true}, true, true, false},
		{{.staged = true, .on_citus = true}, true, true, true},
		{{.staged = true, .notify = true, .on_citus = true}, true, true, true},
		{{.on_citus = true}, false, false, false},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct writer_sql_batch *batch = &cases[i].batch;
		struct writer_sql sql = {0};
		write_batch(&sql, *batch);
		assert_int_equal(writer_sql_is_staged(batch, ROWS_POSITIONS), cases[i].positions);
		assert_int_equal(writer_sql_is_staged(batch, ROWS_ALARMS), cases[i].alarms);
		assert_false(writer_sql_is_staged(batch, ROWS_REJECTS));
		assert_int_equal(strstr(sql.data, "COPY pg_temp.avld_positions") != NULL,
			cases[i].positions);
		assert_int_equal(
			strstr(sql.data, "COPY pg_temp.avld_alarms") != NULL, cases[i].alarms);
		assert_int_equal(strstr(sql.data, "pg_notify") != NULL, batch->notify);
		assert_int_equal(strstr(sql.data, "RETURNING NULL") != NULL, cases[i].returning);
		writer_sql_done(&sql);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_grows),
		cmocka_unit_test(days_become_dates),
		cmocka_unit_test(tables_and_stages_have_a_kind),
		cmocka_unit_test(alarms_are_staged_to_be_notified),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
