// SPDX-License-Identifier: MIT
#include "protocol/session.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void sets_plain_idents_only(void **state)
{
	(void)state;
	struct session session = {0};
	assert_true(session_set_ident(&session, "0aZ._:-", 7));
	assert_int_equal(session.ident_len, 7);
	static const char *const bad[] = {"", "a b", "a,b", "a\n", "a\"", "\xC3\xBC", "a/b",
		"123456789012345678901234567890123"};
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_false(session_set_ident(&session, bad[i], strlen(bad[i])));
		assert_int_equal(session.ident_len, 7);
		assert_memory_equal(session.ident, "0aZ._:-", 7);
	}
	assert_true(session_set_ident(&session, "12345678901234567890123456789012", 32));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sets_plain_idents_only),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
