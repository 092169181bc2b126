// SPDX-License-Identifier: MIT
// avld decode, as a person uses it: what cannot be read is named. What it prints: tests/golden.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/cli.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char told[4096];

// Runs the verb in a child, with the folder /tmp as its standard input; returns the exit code.
static int run(const char *file)
{
	char verb[] = "decode", name[64];
	char *argv[] = {verb, name, NULL};
	snprintf(name, sizeof(name), "%s", file);
	const int to = open("/tmp", O_TMPFILE | O_RDWR, 0600);
	assert_true(to >= 0);
	fflush(stdout);
	const pid_t pid = fork();
	if (pid == 0) {
		dup2(open("/tmp", O_RDONLY), 0);
		dup2(to, 2);
		_exit(decode_verb(2, argv));
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	const ssize_t len = pread(to, told, sizeof(told) - 1, 0);
	assert_true(len >= 0);
	told[len] = '\0';
	close(to);
	return WEXITSTATUS(status);
}

static void what_cannot_be_read_is_named(void **state)
{
	(void)state;
	assert_int_equal(run("/tmp"), 1);
	assert_string_equal(
		told, "avld decode: cannot read /tmp: Is a directory; name a file in it\n");
	assert_int_equal(run("/nonexistent/x"), 1);
	assert_string_equal(
		told, "avld decode: cannot read /nonexistent/x: No such file or directory\n");
	assert_int_equal(run("-"), 1);
	assert_non_null(strstr(told, "cannot read standard input: Is a directory"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(what_cannot_be_read_is_named)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
