// SPDX-License-Identifier: MIT
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fixture.h"
#include "util/json_reader.h"

#include <stdio.h>
#include <string.h>

static struct guarded page;

static bool check(const char *json, size_t len, unsigned depth, struct text *value)
{
	const char *copy = (const char *)guarded_copy(&page, json, len);
	return json_reader_check((struct text){copy, len}, depth, value);
}

static struct text checked(const char *json)
{
	struct text value;
	assert_true(check(json, strlen(json), 16, &value));
	return value;
}

static void assert_text(struct text text, const char *want)
{
	assert_int_equal(text.len, strlen(want));
	assert_memory_equal(text.data, want, text.len);
}

static void values_are_checked(void **state)
{
	static const char *const good[] = {"{}", "[]", " [ ] ", "0", "-0", "1.5", "-1.5e+3", "2E-7",
		"true", "false", "null", "\"\"", "\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\"",
		"[1,2 , 3]", "{\"a\":1,\"b\":[{},{\"c\":null}]}", "\r\n\t {\"a\" : [ ] } \n",
		"\"caf\xc3\xa9\"", "[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]"};
	static const char *const bad[] = {"", " ", "{", "}", "[", "]", "{]", "[}", "[1", "[1,",
		"[1,]", "[,1]", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,", "{\"a\":1,}", "{a:1}",
		"{1:1}", "{\"a\" 1}", "01", "+1", "1.", ".5", "-", "1e", "1e+", "NaN", "tru",
		"truex", "nul", "\"", "\"a", "\"\\", "\"\\x\"", "\"\\u00e\"", "\"\\u00eg\"",
		"\"\t\"", "1 2", "[] []", "[1 2]", "{\"a\":1 \"b\":2}", "'a'",
		"[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]"};
	struct text value;
	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		assert_true(check(good[i], strlen(good[i]), 16, &value));
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_false(check(bad[i], strlen(bad[i]), 16, &value));
	assert_text(checked(" \n[1 ] "), "[1 ]");
	assert_false(check("[]", 2, 0, &value));
	assert_false(check("\"\0\"", 3, 16, &value));
}

// Each proper prefix of an object is incomplete.
static void a_cut_text_is_no_value(void **state)
{
	static const char json[] = "{\"a\":[1.5e3,\"x\\u00e9\",{\"b\":true}],\"c\":{}}";
	struct text value;
	(void)state;
	for (size_t len = 0; len < sizeof json - 1; len++)
		assert_false(check(json, len, 16, &value));
	assert_true(check(json, sizeof json - 1, 16, &value));
}

static void members_and_elements_are_parts_of_the_text(void **state)
{
	struct text rest = json_reader_open(checked(
		"{ \"a\" : [1, \"]\" ,{}] ,\"b\\\"\":-1.5e3,\"c\":\"x,}\\\"\" , \"d\" :null}"));
	struct text key, value, inner, element;
	(void)state;
	assert_true(json_reader_next_member(&rest, &key, &value));
	assert_text(key, "\"a\"");
	assert_int_equal(json_reader_kind(value), JSON_ARRAY);
	inner = json_reader_open(value);
	assert_true(json_reader_next_element(&inner, &element));
	assert_text(element, "1");
	assert_int_equal(json_reader_kind(element), JSON_NUMBER);
	assert_true(json_reader_next_element(&inner, &element));
	assert_text(element, "\"]\"");
	assert_true(json_reader_next_element(&inner, &element));
	assert_text(element, "{}");
	assert_false(json_reader_next_element(&inner, &element));
	assert_true(json_reader_next_member(&rest, &key, &value));
	assert_text(key, "\"b\\\"\"");
	assert_text(value, "-1.5e3");
	assert_true(json_reader_next_member(&rest, &key, &value));
	assert_text(value, "\"x,}\\\"\"");
	assert_true(json_reader_next_member(&rest, &key, &value));
	assert_int_equal(json_reader_kind(value), JSON_NULL);
	assert_false(json_reader_next_member(&rest, &key, &value));
}

static void empty_and_plain_values_have_no_members(void **state)
{
	static const char *const none[] = {"{}", "[ ]", "5", "\"{}\"", "null", "true", "false"};
	struct text key, value;
	(void)state;
	for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
		struct text rest = json_reader_open(checked(none[i]));
		assert_false(json_reader_next_member(&rest, &key, &value));
		rest = json_reader_open(checked(none[i]));
		assert_false(json_reader_next_element(&rest, &value));
	}
	assert_int_equal(json_reader_kind((struct text){"", 0}), JSON_NONE);
}

static void strings_lose_their_escapes(void **state)
{
	static const struct {
		const char *json, *want;
	} rows[] = {
		{"\"\"", ""},
		{"\"plain\"", "plain"},
		{"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"},
		{"\"\\u0041\\u00e9\\u20AC\"", "A\xc3\xa9\xe2\x82\xac"},
		{"\"\\ud83d\\ude00\"", "\xf0\x9f\x98\x80"},
		{"\"\\ud83d\"", "\xef\xbf\xbd"},
		{"\"\\ud83dx\"", "\xef\xbf\xbdx"},
		{"\"\\ude00\\u0041\"", "\xef\xbf\xbd"
				       "A"},
		{"\"\\ud83d\\u0041\"", "\xef\xbf\xbd"
				       "A"},
		{"5", ""},
		{"null", ""},
	};
	char out[32];
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_text(
			json_reader_string(checked(rows[i].json), out, sizeof out), rows[i].want);
	assert_text(json_reader_string(checked("\"\\n1234\""), out, 3), "\n12");
	assert_text(json_reader_string(checked("\"1\\u20ac\""), out, 3), "1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_checked),
		cmocka_unit_test(a_cut_text_is_no_value),
		cmocka_unit_test(members_and_elements_are_parts_of_the_text),
		cmocka_unit_test(empty_and_plain_values_have_no_members),
		cmocka_unit_test(strings_lose_their_escapes),
	};
	page = guarded_new(4096);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
