// SPDX-License-Identifier: MIT
#include "fixture.h"
#include "protocol/extra.h"
#include "protocol/session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct decoded decoded;

static void check_extra(const struct report *report, const char *expected)
{
	assert_int_equal(report->extra.len, strlen(expected));
	assert_memory_equal(report->extra.data, expected, report->extra.len);
}

static void extra_is_json(void **state)
{
	(void)state;
	const struct session session = {0};
	decoded_reset(&decoded);
	struct report *report = decoded_report(&decoded, &session);
	extra_int(&decoded, report, "a", -5);
	extra_int(&decoded, report, "b", INT64_MIN);
	extra_fixed(&decoded, report, "c", 1234, 2);
	extra_fixed(&decoded, report, "d", -5, 2);
	extra_bool(&decoded, report, "e", true);
	extra_bool(&decoded, report, "f", false);
	extra_hex(&decoded, report, "g", "\x00\xAB\x0F", 3);
	extra_text(&decoded, report, "h", "", 0);
	extra_int(&decoded, report, "i", 0);
	extra_fixed(&decoded, report, "j", 0, 1);
	extra_fixed(&decoded, report, "k", INT64_MIN, 19);
	extra_fixed(&decoded, report, "l", 1, 19);
	check_extra(report,
		"\"a\":-5,\"b\":-9223372036854775808,\"c\":12.34,\"d\":-0.05,\"e\":true,"
		"\"f\":false,\"g\":\"00ab0f\",\"h\":\"\",\"i\":0,\"j\":0.0,"
		"\"k\":-0.9223372036854775808,\"l\":0.0000000000000000001");
}

static void extra_text_is_valid_utf8(void **state)
{
	(void)state;
#define BAD "\xEF\xBF\xBD"
	static const struct {
		const char *in;
		size_t len;
		const char *out;
	} samples[] = {
		{"plain", 5, "plain"},
		{"a\"b\\c", 5, "a\\\"b\\\\c"},
		{"\r\n\x1f\x7f", 4, "\\u000d\\u000a\\u001f\x7f"},
		{"a\0b", 3, "ab"},
		{"M\xC3\xBCnchen", 8, "M\xC3\xBCnchen"},
		{"\xE2\x82\xAC\xF0\x9F\x9A\x97", 7, "\xE2\x82\xAC\xF0\x9F\x9A\x97"},
		{"\xFCx", 2, BAD "x"},
		{"\xC3", 1, BAD},
		{"\xE2\x82", 2, BAD BAD},
		{"\xC0\x80", 2, BAD BAD},         // overlong
		{"\xE0\x9F\xBF", 3, BAD BAD BAD}, // overlong
		{"\xED\xA0\x80", 3, BAD BAD BAD}, // surrogate
		{"\xF4\x90\x80\x80", 4, BAD BAD BAD BAD},
		{"\xF0\x8F\xBF\xBF", 4, BAD BAD BAD BAD},
		{"\xF5\x80\x80\x80", 4, BAD BAD BAD BAD},
		{"\xE2\x28\xA1", 3, BAD "(" BAD},
	};
	const struct session session = {0};
	struct guarded guard = guarded_new(64);
	for (size_t i = 0; i < COUNT(samples); i++) {
		char expected[64] = "\"t\":\"";
		decoded_reset(&decoded);
		struct report *report = decoded_report(&decoded, &session);
		extra_text(&decoded, report, "t",
			guarded_copy(&guard, samples[i].in, samples[i].len), samples[i].len);
		strcat(strcat(expected, samples[i].out), "\"");
		check_extra(report, expected);
	}
	guarded_free(&guard);
}

// An odd byte at each index of texts of each length: blocks of eight and sixteen bytes are searched at once.
static void extra_text_finds_each_byte_to_escape(void **state)
{
	(void)state;
	static const char odd[] = {'"', '\\', 0x1F, (char)0x80, (char)0xFF};
	const struct session session = {0};
	struct guarded guard = guarded_new(64);
	for (size_t len = 1; len <= 40; len++) {
		for (size_t at = 0; at <= len; at++) {
			for (size_t i = 0; i < COUNT(odd); i++) {
				char text[64], expected[128] = "\"t\":\"";
				memset(text, '~', sizeof text);
				text[at] = odd[i];
				decoded_reset(&decoded);
				struct report *report = decoded_report(&decoded, &session);
				extra_text(&decoded, report, "t", guarded_copy(&guard, text, len),
					len);
				size_t end = 5;
				for (size_t c = 0; c < len; c++) {
					const char *out = c != at  ? "~"
							  : i == 0 ? "\\\""
							  : i == 1 ? "\\\\"
							  : i == 2 ? "\\u001f"
								   : BAD;
					end += (size_t)snprintf(expected + end, 8, "%s", out);
				}
				strcpy(expected + end, "\"");
				check_extra(report, expected);
			}
		}
	}
	guarded_free(&guard);
}

static void names_have_any_length(void **state)
{
	(void)state;
	const struct session session = {0};
	for (size_t len = 1; len <= 24; len++) {
		char name[32] = "", expected[64];
		memcpy(name, "abcdefghijklmnopqrstuvwx", len);
		snprintf(expected, sizeof expected, "\"%s\":12345", name);
		decoded_reset(&decoded);
		struct report *report = decoded_report(&decoded, &session);
		extra_int(&decoded, report, name, 12345);
		check_extra(report, expected);
	}
}

#define INCOMPLETE "\"incomplete\":true"
#define TEXT_MOST  (EXTRA_MAX - 6 - 18) /* a text "t":"" and INCOMPLETE with a comma */

static void adds_a_member_whole_or_not_at_all(void **state)
{
	(void)state;
	static char long_text[EXTRA_MAX];
	const struct session session = {0};
	memset(long_text, 'x', sizeof long_text);
	decoded_reset(&decoded);
	struct report *report = decoded_report(&decoded, &session);
	extra_text(&decoded, report, "t", long_text, TEXT_MOST + 1);
	check_extra(report, INCOMPLETE);
	extra_hex(&decoded, report, "t", long_text, EXTRA_MAX);
	extra_int(&decoded, report, "n", 1);
	check_extra(report, INCOMPLETE ",\"n\":1");
	report = decoded_report(&decoded, &session);
	extra_text(&decoded, report, "t", long_text, TEXT_MOST);
	assert_int_equal(report->extra.len, EXTRA_MAX - 18);
	extra_int(&decoded, report, "n", 1);
	extra_text(&decoded, report, "m", "\n", 1);
	assert_int_equal(report->extra.len, EXTRA_MAX);
	assert_memory_equal(report->extra.data + EXTRA_MAX - 18, "," INCOMPLETE, 18);
	report = decoded_report(&decoded, &session);
	extra_text(&decoded, report, "t", long_text, TEXT_MOST - 8);
	extra_text(&decoded, report, "m", "\n\n", 2); // twelve bytes with escapes
	assert_memory_equal(report->extra.data + report->extra.len - 19, "\"," INCOMPLETE, 19);
}

static void a_full_arena_leaves_texts_out(void **state)
{
	(void)state;
	static char long_text[EXTRA_MAX];
	const struct session session = {0};
	memset(long_text, 'x', sizeof long_text);
	decoded_reset(&decoded);
	for (size_t i = 0; i < DECODED_ARENA / (EXTRA_MAX - 18); i++) {
		struct report *report = decoded_report(&decoded, &session);
		extra_text(&decoded, report, "t", long_text, TEXT_MOST);
		assert_int_equal(report->extra.len, EXTRA_MAX - 18);
	}
	struct report *report = decoded_report(&decoded, &session);
	extra_text(&decoded, report, "t", long_text, TEXT_MOST);
	check_extra(report, INCOMPLETE);
	assert_true(decoded.arena_len <= DECODED_ARENA);
	assert_null(decoded.fault);
}

static void drops_members_with_their_report(void **state)
{
	(void)state;
	const struct session session = {0};
	decoded_reset(&decoded);
	struct report *first = decoded_report(&decoded, &session);
	extra_int(&decoded, first, "a", 1);
	extra_int(&decoded, decoded_report(&decoded, &session), "b", 2);
	decoded_drop_report(&decoded);
	extra_int(&decoded, first, "c", 3);
	check_extra(first, "\"a\":1,\"c\":3");
	assert_int_equal(decoded.report_count, 1);
}

static void a_member_can_be_removed(void **state)
{
	static const struct {
		const char *name, *rest;
	} cases[] = {
		{"a", "\"b\":\"x\\\",\\\"c\\\":1,\",\"cc\":-2.50,\"d\":true"},
		{"b", "\"a\":1,\"cc\":-2.50,\"d\":true"},
		{"c", "\"a\":1,\"b\":\"x\\\",\\\"c\\\":1,\",\"cc\":-2.50,\"d\":true"},
		{"cc", "\"a\":1,\"b\":\"x\\\",\\\"c\\\":1,\",\"d\":true"},
		{"d", "\"a\":1,\"b\":\"x\\\",\\\"c\\\":1,\",\"cc\":-2.50"},
	};
	const struct session session = {0};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		decoded_reset(&decoded);
		struct report *report = decoded_report(&decoded, &session);
		extra_int(&decoded, report, "a", 1);
		extra_text(&decoded, report, "b", "x\",\"c\":1,", 9);
		extra_fixed(&decoded, report, "cc", -250, 2);
		extra_bool(&decoded, report, "d", true);
		assert_int_equal(extra_has(report, cases[i].name), strcmp(cases[i].name, "c") != 0);
		extra_remove(&decoded, report, cases[i].name);
		check_extra(report, cases[i].rest);
		extra_int(&decoded, report, "e", 5); // the members still end the arena
		assert_null(decoded.fault);
		assert_true(extra_has(report, "e"));
	}
	decoded_reset(&decoded);
	struct report *report = decoded_report(&decoded, &session);
	extra_remove(&decoded, report, "a");
	extra_int(&decoded, report, "a", 1);
	extra_remove(&decoded, report, "a");
	assert_int_equal(report->extra.len, 0);
	extra_int(&decoded, report, "b", 2);
	check_extra(report, "\"b\":2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(extra_is_json),
		cmocka_unit_test(extra_text_is_valid_utf8),
		cmocka_unit_test(extra_text_finds_each_byte_to_escape),
		cmocka_unit_test(names_have_any_length),
		cmocka_unit_test(adds_a_member_whole_or_not_at_all),
		cmocka_unit_test(a_full_arena_leaves_texts_out),
		cmocka_unit_test(drops_members_with_their_report),
		cmocka_unit_test(a_member_can_be_removed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
