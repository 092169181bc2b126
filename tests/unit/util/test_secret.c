// SPDX-License-Identifier: MIT
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "util/secret.h"

#include <string.h>

static bool matches(const char *secret, const char *password)
{
	return secret_matches(
		(struct text){secret, strlen(secret)}, (struct text){password, strlen(password)});
}

// From sha256sum, and from avld.set_secret.
#define PARROT "sha256$s1$d0815b33a52bacf5aac7c685dfb3b2e987ab36f631ea2b3e56610d2afebdaf1b"

static void only_its_password_fits(void **state)
{
	(void)state;
	assert_true(matches(PARROT, "parrot"));
	assert_false(matches(PARROT, "Parrot"));
	assert_false(matches(PARROT, "parro"));
	assert_false(matches(PARROT, "parrott"));
	assert_false(matches(PARROT, ""));
	assert_false(secret_matches((struct text){PARROT, strlen(PARROT)}, (struct text){NULL, 0}));
	assert_false(secret_matches(
		(struct text){PARROT, strlen(PARROT)}, (struct text){"parrot\0", 7}));
}

static void each_byte_of_the_hash_counts(void **state)
{
	(void)state;
	char secret[sizeof(PARROT)];
	for (size_t i = strlen("sha256$s1$"); i < strlen(PARROT); i++) {
		memcpy(secret, PARROT, sizeof(secret));
		secret[i] = secret[i] == '0' ? '1' : '0';
		assert_false(matches(secret, "parrot"));
	}
}

static void salt_and_password_may_be_as_long_as_allowed(void **state)
{
	(void)state;
	char password[SECRET_PASSWORD_MAX + 2] = "";
	memset(password, 'p', SECRET_PASSWORD_MAX);
	assert_true(matches("sha256$"
			    "ssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss"
			    "$9d8c7011b56e0123b264055e5466f3c78a866502d51341da96968a27078e09d6",
		password));
	password[SECRET_PASSWORD_MAX] = 'p';
	assert_false(matches(PARROT, password));
}

static void nothing_fits_another_form(void **state)
{
	(void)state;
#define LONG_SALT                                                                                  \
	"sha256$sssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss$"                \
	"d0815b33a52bacf5aac7c685dfb3b2e987ab36f631ea2b3e56610d2afebdaf1b"
	static const char *const bad[] = {"", "parrot", "sha256", "sha256$", "sha256$s1",
		"sha256$s1$",
		"sha256$$d0815b33a52bacf5aac7c685dfb3b2e987ab36f631ea2b3e56610d2afebdaf1b",
		"md5$s1$d0815b33a52bacf5aac7c685dfb3b2e987ab36f631ea2b3e56610d2afebdaf1b",
		"SHA256$s1$d0815b33a52bacf5aac7c685dfb3b2e987ab36f631ea2b3e56610d2afebdaf1b",
		PARROT "0", PARROT "\n", LONG_SALT,
		"sha256$s1$zz5342dd3e5d7bf7d41f0d2ad97e2e4b8b0d9e2a4d1d9a1c3d0f4b4a4d5f6a7b"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(matches(bad[i], "parrot"));
		assert_false(matches(bad[i], ""));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_its_password_fits),
		cmocka_unit_test(each_byte_of_the_hash_counts),
		cmocka_unit_test(salt_and_password_may_be_as_long_as_allowed),
		cmocka_unit_test(nothing_fits_another_form),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
