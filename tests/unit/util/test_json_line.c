// SPDX-License-Identifier: MIT
// JSON with characters beyond ASCII escaped.
#include "util/json_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void characters_beyond_ascii_are_escaped(void **state)
{
	(void)state;
	static const struct {
		const char *json, *expected;
	} rows[] = {
		{"", ""},
		{"{\"a\":\"\\n~\"}", "{\"a\":\"\\n~\"}"},
		{"\xc2\x9b\xc3\xa9.", "\\u009b\\u00e9."},
		{"a\x7f", "a\\u007f"},
		{"\xe2\x80\xae\xef\xbf\xbf", "\\u202e\\uffff"},
		{"\xf0\x9f\x9a\x97\xf4\x8f\xbf\xbf\xf0\x90\x80\x80",
			"\\ud83d\\ude97\\udbff\\udfff\\ud800\\udc00"},
		/* no UTF-8: cut short, or a continuation without a beginning */
		{"\xc3", "\\ufffd"},
		{"\xe2\x80\"", "\\ufffd\\ufffd\""},
		{"\x80z", "\\ufffdz"},
		{"\xf0\x9f\x9a", "\\ufffd\\ufffd\\ufffd"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *text;
		size_t len;
		FILE *to = open_memstream(&text, &len);
		assert_non_null(to);
		json_line_ascii(to, rows[i].json);
		assert_int_equal(fclose(to), 0);
		assert_string_equal(text, rows[i].expected);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(characters_beyond_ascii_are_escaped)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
