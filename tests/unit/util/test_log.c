// SPDX-License-Identifier: MIT
#include "util/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

// Redirects stderr into a pipe or socket, and back.
struct capture {
	int saved;
	int ends[2]; /* written to [1], read from [0] */
	char text[16384];
};

static void begin_capture(struct capture *capture, bool socket)
{
	fflush(stderr);
	capture->saved = dup(STDERR_FILENO);
	if (socket)
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, capture->ends), 0);
	else
		assert_int_equal(pipe(capture->ends), 0);
	assert_int_equal(fcntl(capture->ends[0], F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(dup2(capture->ends[1], STDERR_FILENO), STDERR_FILENO);
}

// Returns what has been written since the last call.
static const char *read_capture(struct capture *capture)
{
	ssize_t len = read(capture->ends[0], capture->text, sizeof(capture->text) - 1);
	capture->text[len > 0 ? len : 0] = '\0';
	return capture->text;
}

static void end_capture(struct capture *capture)
{
	dup2(capture->saved, STDERR_FILENO);
	close(capture->saved);
	close(capture->ends[0]);
	close(capture->ends[1]);
}

static bool matches(const char *text, const char *pattern)
{
	regex_t regex;
	assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
	bool match = !regexec(&regex, text, 0, NULL, 0);
	regfree(&regex);
	return match;
}

static void lines_carry_time_and_level(void **state)
{
	(void)state;
	static const char *const patterns[] = {"ERROR", "WARNING", "INFO", "DEBUG"};
	void (*const write[])(const char *, ...) = {log_error, log_warning, log_info, log_debug};
	struct capture capture;
	begin_capture(&capture, false);
	for (int level = LOG_LEVEL_ERROR; level <= LOG_LEVEL_DEBUG; level++) {
		log_set_level((enum log_level)level);
		for (int line = LOG_LEVEL_ERROR; line <= LOG_LEVEL_DEBUG; line++) {
			char pattern[128];
			snprintf(pattern, sizeof(pattern),
				"^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{"
				"3}Z %s "
				"event n=7\n$",
				patterns[line]);
			write[line]("event n=%d", 7);
			read_capture(&capture);
			if (line <= level)
				assert_true(matches(capture.text, pattern));
			else
				assert_string_equal(capture.text, "");
			assert_int_equal(log_enabled((enum log_level)line), line <= level);
		}
	}
	end_capture(&capture);
	log_set_level(LOG_LEVEL_INFO);
}

static void journald_gets_priorities(void **state)
{
	(void)state;
	struct capture capture;
	begin_capture(&capture, true);
	struct stat status;
	assert_int_equal(fstat(STDERR_FILENO, &status), 0);
	char stream[64];
	snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)status.st_dev,
		(uintmax_t)status.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	log_set_level(LOG_LEVEL_DEBUG);
	log_error("a");
	log_warning("b");
	log_info("c");
	log_debug("d");
	assert_string_equal(read_capture(&capture), "<3>a\n<4>b\n<6>c\n<7>d\n");
	/* Inherited by a shell whose stderr is something else. */
	setenv("JOURNAL_STREAM", "1:1", 1);
	log_info("e");
	assert_true(matches(read_capture(&capture), "^20.*Z INFO e\n$"));
	unsetenv("JOURNAL_STREAM");
	end_capture(&capture);
	log_set_level(LOG_LEVEL_INFO);
}

static void an_event_is_one_line(void **state)
{
	(void)state;
	struct capture capture;
	begin_capture(&capture, false);
	log_info("%s", "first\nsecond\tthird\n\n");
	assert_true(matches(read_capture(&capture), "Z INFO first second third\n$"));
	log_info("%s", "");
	assert_true(matches(read_capture(&capture), "Z INFO\n$|Z INFO \n$"));
	char text[6000];
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	log_info("%s", text);
	read_capture(&capture);
	assert_int_equal(strlen(capture.text), 2047);
	assert_true(matches(capture.text, "x\\.\\.\\.\n$"));
	errno = ENOENT;
	log_info("%m");
	assert_int_equal(errno, ENOENT);
	assert_true(matches(read_capture(&capture), "INFO No such file or directory\n$"));
	end_capture(&capture);
}

static void a_full_pipe_drops_and_counts(void **state)
{
	(void)state;
	for (int socket = 0; socket < 2; socket++) {
		struct capture capture;
		begin_capture(&capture, socket);
		char block[1024];
		memset(block, '.', sizeof(block));
		fcntl(capture.ends[1], F_SETFL, O_NONBLOCK);
		while (write(capture.ends[1], block, sizeof(block)) > 0)
			;
		/* The descriptor is blocking again: a log that waited would hang here. */
		fcntl(capture.ends[1], F_SETFL, 0);
		for (int i = 0; i < 3; i++)
			log_info("lost");
		while (*read_capture(&capture))
			assert_null(strstr(capture.text, "lost"));
		log_info("found");
		read_capture(&capture);
		assert_true(matches(capture.text, "WARNING log lines dropped=3\n.*INFO found\n$"));
		log_info("again");
		assert_true(matches(read_capture(&capture), "^20.*Z INFO again\n$"));
		end_capture(&capture);
	}
}

static void a_closed_pipe_does_not_kill(void **state)
{
	(void)state;
	for (int socket = 0; socket < 2; socket++) {
		struct capture capture;
		begin_capture(&capture, socket);
		close(capture.ends[0]);
		log_info("no reader");
		capture.ends[0] = -1;
		end_capture(&capture);
	}
	struct capture capture;
	begin_capture(&capture, false);
	log_info("here");
	assert_non_null(strstr(read_capture(&capture), "dropped=2"));
	end_capture(&capture);
}

static void *die(void *argument)
{
	(void)argument;
	log_fatal("cannot continue: %s", "reason");
}

// The main thread uses what exit handlers would free.
static void exit_handler(void)
{
	_exit(78);
}

static void fatal_exits_with_1_from_any_thread(void **state)
{
	(void)state;
	struct capture capture;
	begin_capture(&capture, false);
	pid_t child = fork();
	if (!child) {
		close(capture.saved);
		setvbuf(stdout, NULL, _IOFBF, 4096);
		dup2(capture.ends[1], STDOUT_FILENO);
		fputs("pending output\n", stdout);
		atexit(exit_handler);
		pthread_t thread;
		pthread_create(&thread, NULL, die, NULL);
		pthread_join(thread, NULL);
		_exit(77);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 1);
	read_capture(&capture);
	assert_true(matches(capture.text, "ERROR cannot continue: reason\npending output\n$"));
	end_capture(&capture);
}

static void five_lines_per_peer_and_minute(void **state)
{
	(void)state;
	struct capture capture;
	begin_capture(&capture, false);
	unsigned char one[16] = {1}, other[16] = {2};
	double now_s = 1000;
	for (int i = 0; i < 12; i++)
		assert_int_equal(log_allow(one, now_s + i), i < 5);
	assert_true(log_allow(other, now_s + 12));
	assert_string_equal(read_capture(&capture), "");
	assert_true(log_allow(one, now_s + 60));
	assert_true(matches(read_capture(&capture), "INFO log lines suppressed=7 peers=2\n$"));
	/* Nothing was suppressed in this minute: no line about it. */
	assert_true(log_allow(one, now_s + 120));
	assert_string_equal(read_capture(&capture), "");
	/* A clock that goes back starts a new minute. */
	assert_true(log_allow(one, 5));
	end_capture(&capture);
}

static void twenty_lines_a_minute_about_peers_without_an_ident(void **state)
{
	(void)state;
	struct capture capture;
	unsigned char peer[16] = {0};
	begin_capture(&capture, false);
	const double now_s = 5000;
	for (unsigned char i = 0; i < 30; i++) {
		peer[0] = i;
		assert_int_equal(log_allow_stranger(peer, now_s), i < 20);
	}
	assert_true(log_allow(peer, now_s)); // they hide no other peer
	assert_true(log_allow_stranger(peer, now_s + 60));
	assert_true(matches(read_capture(&capture), "INFO log lines suppressed=10 peers=30\n$"));
	end_capture(&capture);
}

static void peers_without_a_slot_share_one(void **state)
{
	(void)state;
	struct capture capture;
	begin_capture(&capture, false);
	int allowed = 0;
	for (uint32_t peer = 0; peer < 100000; peer++) {
		unsigned char key[16] = {0};
		memcpy(key, &peer, sizeof(peer));
		allowed += log_allow(key, 5000);
	}
	assert_int_equal(allowed, 128 + 5);
	unsigned char key[16] = {0};
	assert_true(log_allow(key, 5000)); /* had its own slot */
	end_capture(&capture);
}

static void quote_escapes_and_cuts(void **state)
{
	(void)state;
	static const struct {
		const char *data;
		size_t len, cap;
		const char *out;
	} rows[] = {
		{"5020001", 7, 32, "5020001"},
		{"a b=c", 5, 32, "a b=c"},
		{"\"\\", 2, 32, "\\\"\\\\"},
		{"\0\r\n\x7f\xff", 5, 32, "\\x00\\x0d\\x0a\\x7f\\xff"},
		{"", 0, 32, ""},
		{"abc", 3, 3, "ab"},
		{"abc", 3, 4, "abc"},
		{"ab\n", 3, 6, "ab"}, /* never half an escape */
		{"ab\n", 3, 7, "ab\\x0a"},
		{"abc", 3, 1, ""},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char out[33];
		memset(out, '#', sizeof(out));
		assert_ptr_equal(log_quote(rows[i].data, rows[i].len, out, rows[i].cap), out);
		assert_string_equal(out, rows[i].out);
		assert_int_equal(out[rows[i].cap], '#');
	}
}

int main(void)
{
	unsetenv("JOURNAL_STREAM");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_carry_time_and_level),
		cmocka_unit_test(journald_gets_priorities),
		cmocka_unit_test(an_event_is_one_line),
		cmocka_unit_test(a_full_pipe_drops_and_counts),
		cmocka_unit_test(a_closed_pipe_does_not_kill),
		cmocka_unit_test(fatal_exits_with_1_from_any_thread),
		cmocka_unit_test(five_lines_per_peer_and_minute),
		cmocka_unit_test(twenty_lines_a_minute_about_peers_without_an_ident),
		cmocka_unit_test(peers_without_a_slot_share_one),
		cmocka_unit_test(quote_escapes_and_cuts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
