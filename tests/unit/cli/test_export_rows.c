// SPDX-License-Identifier: MIT
// The names of exported files, and the rows counted in them.
#include "cli/export_rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void a_name_is_safe_and_differs_for_each_ident(void **state)
{
	(void)state;
	static const struct {
		const char *ident;
		enum export_format format;
		bool plain;
		const char *name;
	} rows[] = {
		{NULL, EXPORT_CSV, false, "positions-2026-11-20.csv.gz"},
		{NULL, EXPORT_CSV, true, "positions-2026-11-20.csv"},
		{NULL, EXPORT_GEOJSON, false, "positions-2026-11-20.geojson.gz"},
		{"5021234", EXPORT_GEOJSON, true, "positions-2026-11-20-5021234.geojson"},
		{"a/b", EXPORT_CSV, true, "positions-2026-11-20-a%2Fb.csv"},
		{"a%2Fb", EXPORT_CSV, true, "positions-2026-11-20-a%252Fb.csv"},
		{"../ \n'*", EXPORT_CSV, true, "positions-2026-11-20-..%2F%20%0A%27%2A.csv"},
		{"\xC3\xA4", EXPORT_CSV, true, "positions-2026-11-20-\xC3\xA4.csv"},
	};
	char name[EXPORT_NAME_MAX], long_ident[300];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_true(export_rows_name(name, "positions", "2026-11-20", rows[i].ident,
			rows[i].format, rows[i].plain));
		assert_string_equal(name, rows[i].name);
	}
	for (size_t len = 1; len < sizeof(long_ident); len++) {
		memset(long_ident, len % 2 ? 'x' : '/', len);
		long_ident[len] = '\0';
		if (export_rows_name(name, "p", "2026-11-20", long_ident, EXPORT_CSV, false))
			assert_non_null(strstr(name, ".csv.gz"));
		else
			assert_true(len > 70);
	}
}

// Counts the text in two parts, divided at each byte. Returns -1 for an incomplete one.
static int64_t count(const char *text, enum export_format format)
{
	const size_t len = strlen(text);
	int64_t result = -2;

	for (size_t split = 0; split <= len; split++) {
		struct export_rows rows = {.format = format};
		uint64_t total;
		export_rows_count(&rows, text, split);
		export_rows_count(&rows, text + split, len - split);
		const int64_t found = export_rows_total(&rows, &total) ? (int64_t)total : -1;
		assert_true(result == -2 || found == result);
		result = found;
	}
	return result;
}

static void rows_are_counted_and_a_file_that_is_cut_off_is_incomplete(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum export_format format;
		int64_t rows;
	} rows[] = {
		{"", EXPORT_CSV, -1},
		{"ident,name\n", EXPORT_CSV, 0},
		{"ident,name", EXPORT_CSV, -1},
		{"ident,name\n1,a\n2,b\n", EXPORT_CSV, 2},
		{"ident,name\n1,a\n2,b", EXPORT_CSV, -1},
		{"ident,name\n1,\"a\n\"\"\n\"\n2,\"\"\n", EXPORT_CSV, 2},
		{"ident,name\n1,\"a\n", EXPORT_CSV, -1},
		{EXPORT_ROWS_HEAD EXPORT_ROWS_TAIL, EXPORT_GEOJSON, 1}, // never written
		{EXPORT_ROWS_HEAD "{}" EXPORT_ROWS_TAIL, EXPORT_GEOJSON, 1},
		{EXPORT_ROWS_HEAD "{\"a\":\"\\\"\"},\n{}" EXPORT_ROWS_TAIL, EXPORT_GEOJSON, 2},
		{EXPORT_ROWS_HEAD "{},\n{}\n", EXPORT_GEOJSON, -1},
		{EXPORT_ROWS_HEAD "{},\n{}\n]}", EXPORT_GEOJSON, -1},
		{EXPORT_ROWS_HEAD, EXPORT_GEOJSON, -1},
		{"]}\n", EXPORT_GEOJSON, -1},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (count(rows[i].text, rows[i].format) != rows[i].rows)
			fail_msg("row %zu", i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_is_safe_and_differs_for_each_ident),
		cmocka_unit_test(rows_are_counted_and_a_file_that_is_cut_off_is_incomplete),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
