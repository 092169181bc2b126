// SPDX-License-Identifier: MIT
// avld decode: errors of its input. Its output is tested in tests/golden.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/cli.h"
#include "door.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char err[4096];

// Runs the verb in a child, with the folder /tmp as its standard input; returns the exit code.
static int run(const char *file)
{
	char program[] = "avld", verb[] = "decode", name[64];
	char *argv[] = {program, verb, name, NULL};
	snprintf(name, sizeof(name), "%s", file);
	const int to = open("/tmp", O_TMPFILE | O_RDWR, 0600);
	assert_true(to >= 0);
	fflush(stdout);
	const pid_t pid = fork();
	if (pid == 0) {
		dup2(open("/tmp", O_RDONLY), 0);
		dup2(to, 2);
		_exit(cli_run(3, argv));
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	const ssize_t len = pread(to, err, sizeof(err) - 1, 0);
	assert_true(len >= 0);
	err[len] = '\0';
	close(to);
	return WEXITSTATUS(status);
}

static void unreadable_input_is_reported(void **state)
{
	(void)state;
	assert_int_equal(run("/tmp"), 1);
	assert_string_equal(
		err, "avld decode: cannot read /tmp: Is a directory; name a file in it\n");
	assert_int_equal(run("/nonexistent/x"), 1);
	assert_string_equal(
		err, "avld decode: cannot read /nonexistent/x: No such file or directory\n");
	assert_int_equal(run("-"), 1);
	assert_non_null(strstr(err, "cannot read standard input: Is a directory"));
}

// Runs `avld decode -p door OPTION` with the text as its input; returns its output.
static const char *decode_text(const char *text, const char *last)
{
	static char out[4096];
	char program[] = "avld", verb[] = "decode", protocol[] = "-pdoor", option[64];
	char *argv[] = {program, verb, protocol, option, NULL};
	snprintf(option, sizeof(option), "%s", last ? last : "");
	const int from = open("/tmp", O_TMPFILE | O_RDWR, 0600);
	const int to = open("/tmp", O_TMPFILE | O_RDWR, 0600);
	assert_true(from >= 0 && to >= 0);
	assert_int_equal(pwrite(from, text, strlen(text), 0), strlen(text));
	fflush(stdout);
	const pid_t pid = fork();
	if (pid == 0) {
		dup2(from, 0);
		dup2(to, 1);
		_exit(cli_run(last ? 4 : 3, argv));
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	const ssize_t len = pread(to, out, sizeof(out) - 1, 0);
	assert_true(len >= 0);
	out[len] = '\0';
	close(from);
	close(to);
	return out;
}

static void a_decoder_that_closes_ends_the_conversation(void **state)
{
	(void)state;
	const char *out = decode_text("!L7\n!C\n!P\n", NULL);
	assert_non_null(strstr(out, "{\"reply\":\"627965\",\"when\":\"now\"}"));
	assert_non_null(strstr(out, "\"reject\":\"unknown message\"")); // !P before its log-in
	out = decode_text("!L7\n!C\n!P\n", "--datagram");
	assert_non_null(strstr(out, "{\"reply\":\"627965\",\"when\":\"now\"}"));
	assert_null(strstr(out, "reject"));
}

static void the_model_is_that_of_every_device(void **state)
{
	(void)state;
	assert_string_equal(decode_text("!M7\n!M8\n", "--model=X3"), // "X3/door"
		"{\"reply\":\"58332f646f6f72\",\"when\":\"now\"}\n"
		"{\"reply\":\"58332f646f6f72\",\"when\":\"now\"}\n");
	assert_string_equal(
		decode_text("!M7\n", NULL), "{\"reply\":\"2f646f6f72\",\"when\":\"now\"}\n");
}

static void an_unknown_protocol_is_a_usage_error(void **state)
{
	(void)state;
	assert_int_equal(run("-pnone"), 2);
	assert_non_null(strstr(err, "avld decode: unknown protocol 'none'; known are: "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unreadable_input_is_reported),
		cmocka_unit_test(a_decoder_that_closes_ends_the_conversation),
		cmocka_unit_test(the_model_is_that_of_every_device),
		cmocka_unit_test(an_unknown_protocol_is_a_usage_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
