// SPDX-License-Identifier: MIT
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "util/gbk.h"

#include <string.h>

static void check(const char *gbk, const char *utf8)
{
	char out[64];
	const size_t len = gbk_to_utf8((const uint8_t *)gbk, strlen(gbk), out, sizeof out);
	assert_int_equal(len, strlen(utf8));
	assert_memory_equal(out, utf8, len);
}

static void characters_are_converted(void **state)
{
	(void)state;
	check("", "");
	check("ABC 17", "ABC 17");
	check("\xd6\xd0\xb9\xfa", "\xe4\xb8\xad\xe5\x9b\xbd"); // U+4E2D U+56FD
	check("\x81\x40\xfe\x4f", "\xe4\xb8\x82\xef\xa8\xa9"); // the first and the last
	check("\xa1\xa4", "\xc2\xb7");                         // U+00B7, two bytes
}

static void bytes_that_are_no_character_are_replaced(void **state)
{
	(void)state;
	check("\x80\xff", "\xef\xbf\xbd\xef\xbf\xbd");
	check("\xd6", "\xef\xbf\xbd");
	check("\xd6\x20", "\xef\xbf\xbd ");
	check("\xd6\x7f", "\xef\xbf\xbd\x7f");
	check("\xaa\xa1", "\xef\xbf\xbd"); // unassigned
}

static void no_character_is_cut(void **state)
{
	char out[8];
	const uint8_t *three = (const uint8_t *)"\xd6\xd0\xd6\xd0\xd6\xd0";
	(void)state;
	assert_int_equal(gbk_to_utf8(three, 6, out, sizeof out), 6);
	assert_int_equal(gbk_to_utf8((const uint8_t *)"AAAA", 4, out, 3), 0);
	assert_int_equal(gbk_put_utf8(0x1F600, out), 4);
	assert_memory_equal(out, "\xf0\x9f\x98\x80", 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(characters_are_converted),
		cmocka_unit_test(bytes_that_are_no_character_are_replaced),
		cmocka_unit_test(no_character_is_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
