// SPDX-License-Identifier: MIT
#include "config/config_load.h"
#include "config/conninfo.h"
#include "config/conninfo_error.h"
#include "config/conninfo_exposed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void passwords_are_hidden(void **state)
{
	static const struct {
		const char *text, *hidden; /* hidden: NULL if there is no password */
	} cases[] = {
		{"", NULL},
		{"dbname=avld user=avld", NULL},
		{"passfile=/etc/avld/pgpass", NULL},
		{"host=a password=secret dbname=b", "host=a password=****** dbname=b"},
		{"password = secret", "password = ******"},
		{"password=", NULL},
		{"password='a b\\'c' x=y", "password='******' x=y"},
		{"password=a\\ b x=y", "password=**** x=y"},
		{"password='open", "password='****"},
		{"password=a\\", "password=**"},
		{"sslpassword=a password=bc", "sslpassword=* password=**"},
		{"database.conninfo=password=a", "database.conninfo=password=*"},
		{"postgresql://u:secret@h:5432/d", "postgresql://u:******@h:5432/d"},
		{"postgres://:secret@/d", "postgres://:******@/d"},
		{"postgresql://u:se@cret@h/d", "postgresql://u:*******@h/d"},
		{"postgresql://u@h:5432/d", NULL},
		{"postgresql://h:5432,i:5433/d", NULL},
		{"postgresql://h/d?password=a'b&x=y", "postgresql://h/d?password=***&x=y"},
		{"postgresql://", NULL},
		{"password", NULL},
		{"password ", NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char *text = strdup(cases[i].text); /* flush against its end, for the sanitizers */
		assert_int_equal(conninfo_hide_passwords(text), cases[i].hidden != NULL);
		assert_string_equal(text, cases[i].hidden ? cases[i].hidden : cases[i].text);
		free(text);
	}
}

static void an_error_that_quotes_a_password_is_replaced(void **state)
{
	static const char *const quoted[] = {
		"password=my secret",
		"password=my secret=x",
		"password='my secret",
		"postgresql://u:%secret@h/d",
		"postgresql://u:secret@h%zz/d",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(quoted); i++)
		assert_null(strstr(conninfo_error(quoted[i], "secret"), "secret"));
	assert_string_equal(conninfo_error("password=my dbname=a", "refused"), "refused");
	assert_string_equal(conninfo_error("dbname=a b", "after \"b\""), "after \"b\"");
}

static void a_conninfo_is_parsed(void **state)
{
	static const char *const good[] = {"", "avld", "host=a", "password='a b' dbname = 'c'",
		"service=none", "passfile=/none sslmode=any",
		"postgresql://u:p@[::1]:1,b/d?sslmode=any", "postgres:///d?connect_timeout=1"};
	static const char *const bad[] = {
		"host=a b", "hosts=a", "=", "a 'b=c", "postgres://[::1", "password=my secret"};
	char error[256];

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		assert_true(conninfo_error_parse(good[i], error, sizeof(error)));
	for (size_t i = 0; i < COUNT(bad); i++) {
		*error = '\0';
		assert_false(conninfo_error_parse(bad[i], error, sizeof(error)));
		assert_true(strlen(error) > 10 && !strchr(error, '\n') && !strstr(error, "secret"));
	}
}

static void an_error_of_a_certificate_has_a_remedy(void **state)
{
	(void)state;
	assert_null(conninfo_error_remedy("connection refused"));
	assert_non_null(strstr(
		conninfo_error_remedy("SSL error: certificate verify failed"), "sslrootcert"));
	assert_non_null(strstr(conninfo_error_remedy("server certificate for \"a\" (and 1 other "
						     "name) does not match host name \"b\""),
		"host"));
}

// Loads settings from a file with this mode; conninfo, if not NULL, is written there.
static bool is_exposed(mode_t mode, const char *conninfo, char *option)
{
	char path[] = "/tmp/avld_test_conninfo.XXXXXX";
	const int fd = mkstemp(path);
	struct config config;

	assert_true(fd >= 0);
	if (conninfo)
		dprintf(fd, "[database]\nconninfo = %s\n", conninfo);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
	assert_true(config_load(&config, path, &option, option != NULL));
	const bool exposed = conninfo_exposed(&config);
	config_done(&config);
	unlink(path);
	return exposed;
}

static void a_password_in_a_file_that_all_may_read_is_exposed(void **state)
{
	char option[] = "database.conninfo=dbname=a password=b";

	(void)state;
	assert_true(is_exposed(0644, "dbname=a password=b", NULL));
	assert_true(is_exposed(0604, "postgresql://a:b@c/d", NULL));
	assert_false(is_exposed(0640, "dbname=a password=b", NULL));
	assert_false(is_exposed(0644, "dbname=a passfile=b", NULL));
	assert_false(is_exposed(0644, NULL, NULL));
	assert_false(is_exposed(0644, NULL, option));
	assert_string_equal(option, "database.conninfo=dbname=a password=*");
}

static void without_a_file_nothing_is_exposed(void **state)
{
	struct config config;

	(void)state;
	assert_true(config_load(&config, NULL, NULL, 0));
	assert_false(conninfo_exposed(&config));
	config_done(&config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(passwords_are_hidden),
		cmocka_unit_test(an_error_that_quotes_a_password_is_replaced),
		cmocka_unit_test(a_conninfo_is_parsed),
		cmocka_unit_test(an_error_of_a_certificate_has_a_remedy),
		cmocka_unit_test(a_password_in_a_file_that_all_may_read_is_exposed),
		cmocka_unit_test(without_a_file_nothing_is_exposed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
