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

static struct device_settings settings_of(const void *context, struct text ident)
{
	assert_int_equal(ident.len, 7);
	assert_memory_equal(ident.data, "5020001", 7);
	return (struct device_settings){.model = {context, strlen(context)}};
}

static void looks_up_the_settings_of_the_ident(void **state)
{
	(void)state;
	struct session session = {0};
	assert_int_equal(session_settings(&session).model.len, 0);
	session.find_settings = settings_of;
	session.settings_context = "TR06";
	assert_int_equal(session_settings(&session).model.len, 0); // no ident yet
	assert_null(session_settings(&session).protocol);
	assert_true(session_set_ident(&session, "5020001", 7));
	assert_int_equal(session_settings(&session).model.len, 4);
	assert_memory_equal(session_settings(&session).model.data, "TR06", 4);
	session.settings_context = "X3"; // changed meanwhile
	assert_int_equal(session_settings(&session).model.len, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sets_plain_idents_only),
		cmocka_unit_test(looks_up_the_settings_of_the_ident),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
