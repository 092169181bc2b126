// SPDX-License-Identifier: MIT
#include "util/log.h"

#include "util/log_journald.h"
#include "util/log_levels.h"
#include "util/log_limit.h"

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
#include <sys/un.h>
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

static void write_at(enum log_level level)
{
	if (level == LOG_LEVEL_ERROR)
		log_error("event n=%d", 7);
	else if (level == LOG_LEVEL_WARNING)
		log_warning("event n=%d", 7);
	else if (level == LOG_LEVEL_INFO)
		log_info("event n=%d", 7);
	else
		log_debug("event n=%d", 7);
}

static void lines_carry_time_and_level(void **state)
{
	(void)state;
	static const char *const patterns[] = {"ERROR", "WARNING", "INFO", "DEBUG"};
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
			write_at((enum log_level)line);
			read_capture(&capture);
			if (line <= level)
				assert_true(matches(capture.text, pattern));
			else
				assert_string_equal(capture.text, "");
		}
	}
	assert_true(log_enabled(LOG_LEVEL_DEBUG));
	log_set_level(LOG_LEVEL_ERROR);
	assert_false(log_enabled(LOG_LEVEL_WARNING));
	assert_true(log_enabled(LOG_LEVEL_ERROR));
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

// The clock of the limits.
static uint32_t clock_s = 1000;

static uint32_t read_clock(void)
{
	return clock_s;
}

// Begins a minute of its own; returns what the capture has.
static void begin_minutes(struct capture *capture)
{
	log_set_clock(read_clock);
	clock_s += 1000;
	begin_capture(capture, false);
	log_end();
	read_capture(capture);
}

static size_t count_lines(const char *text, const char *what)
{
	size_t count = 0;
	for (; (text = strstr(text, what)); text++)
		count++;
	return count;
}

static void twenty_lines_per_cause_and_minute(void **state)
{
	(void)state;
	struct capture capture;
	begin_minutes(&capture);
	for (int i = 0; i < 33; i++) {
		log_warning("one cause number=%d", i);
		clock_s += i % 2 ? 1 : 0;
	}
	log_info("other cause");
	read_capture(&capture);
	assert_int_equal(count_lines(capture.text, "one cause"), LOG_CAUSE_LINES);
	assert_int_equal(count_lines(capture.text, "other cause"), 1);
	log_each_second(); // the minute is not over
	assert_string_equal(read_capture(&capture), "");
	clock_s += 60;
	log_each_second();
	assert_true(matches(read_capture(&capture),
		"^[^ ]+ WARNING log lines suppressed=13 cause=\"one cause\" module=util "
		"place=tests/unit/util/test_log.c:[0-9]+\n$"));
	// Nothing was suppressed in this minute: no line about it.
	clock_s += 60;
	log_each_second();
	assert_string_equal(read_capture(&capture), "");
	end_capture(&capture);
}

static void the_end_tells_what_was_suppressed(void **state)
{
	(void)state;
	struct capture capture;
	begin_minutes(&capture);
	for (int i = 0; i < 30; i++)
		log_error("%s", "its format is no cause");
	read_capture(&capture);
	log_end();
	assert_true(matches(read_capture(&capture), "ERROR log lines suppressed=10 cause=\"\" "));
	log_end();
	assert_string_equal(read_capture(&capture), "");
	end_capture(&capture);
}

static void a_new_minute_begins_without_the_timer(void **state)
{
	(void)state;
	struct capture capture;
	begin_minutes(&capture);
	for (int i = 0; i < 50; i++) {
		if (i == 25)
			clock_s += 60;
		log_info("event");
	}
	read_capture(&capture);
	assert_int_equal(count_lines(capture.text, "INFO event"), 2 * LOG_CAUSE_LINES);
	assert_int_equal(count_lines(capture.text, "suppressed=5 cause=\"event\""), 1);
	end_capture(&capture);
}

static void debug_lines_and_those_of_a_person_are_not_limited(void **state)
{
	(void)state;
	struct capture capture;
	begin_minutes(&capture);
	log_set_level(LOG_LEVEL_DEBUG);
	for (int i = 0; i < 50; i++) {
		log_debug("looked at");
		log_info_each("changed");
	}
	read_capture(&capture);
	assert_int_equal(count_lines(capture.text, "looked at"), 50);
	assert_int_equal(count_lines(capture.text, "changed"), 50);
	log_set_level(LOG_LEVEL_INFO);
	end_capture(&capture);
}

// Returns true if a line about this peer is written.
static bool write_about(struct capture *capture, uint32_t number, bool stranger)
{
	unsigned char address[16] = {0};
	const struct log_peer peer = {address, stranger};
	memcpy(address, &number, sizeof(number));
	log_info_peer(&peer, "peer event");
	return strstr(read_capture(capture), "peer event\n") != NULL;
}

static void five_lines_per_peer_and_minute(void **state)
{
	(void)state;
	struct capture capture;
	begin_minutes(&capture);
	for (int i = 0; i < 12; i++)
		assert_int_equal(write_about(&capture, 1, false), i < LOG_PEER_LINES);
	assert_true(write_about(&capture, 2, false));
	clock_s += 60;
	assert_true(write_about(&capture, 1, false));
	assert_non_null(strstr(capture.text, "suppressed=7 cause=\"peer event\" module=util"));
	end_capture(&capture);
}

static void twenty_lines_a_minute_about_peers_without_an_ident(void **state)
{
	(void)state;
	struct capture capture;
	begin_minutes(&capture);
	for (uint32_t i = 0; i < 30; i++)
		assert_int_equal(write_about(&capture, i, true), i < LOG_STRANGER_LINES);
	assert_true(write_about(&capture, 29, false)); // they hide no other peer
	end_capture(&capture);
}

static void peers_without_a_slot_share_one(void **state)
{
	(void)state;
	struct capture capture;
	begin_minutes(&capture);
	int allowed = 0;
	for (uint32_t peer = 0; peer < 100000; peer++)
		allowed += write_about(&capture, peer, false);
	assert_int_equal(allowed, 128 + LOG_PEER_LINES);
	assert_true(write_about(&capture, 0, false)); // has its own slot
	end_capture(&capture);
}

static const char *cause_of(const char *format)
{
	static char cause[LOG_LIMIT_CAUSE_MAX];
	const struct log_site site = {.format = format};
	return log_limit_cause(&site, cause);
}

static void the_cause_is_the_text_before_the_first_value(void **state)
{
	(void)state;
	assert_string_equal(cause_of("conn refused peer=%s"), "conn refused");
	assert_string_equal(cause_of("conn closed %s"), "conn closed");
	assert_string_equal(cause_of("journal %s"), "journal");
	assert_string_equal(cause_of("everything is well"), "everything is well");
	assert_string_equal(cause_of("%s"), "");
	assert_string_equal(cause_of("rows older than database.%s deleted"), "rows older than");
	assert_string_equal(cause_of("cannot: %s"), "cannot");
	assert_string_equal(cause_of(NULL), "");
	assert_int_equal(strlen(cause_of("a text that is so long that nobody would call it a cause "
					 "of anything at all =")),
		LOG_LIMIT_CAUSE_MAX - 1);
}

static void levels_differ_by_module(void **state)
{
	(void)state;
	struct log_levels levels;
	char error[256], name[LOG_LEVELS_NAME_MAX];
	assert_string_equal(log_levels_module("src/net/conn.c", name), "net");
	assert_string_equal(log_levels_module("src/decoders/gt06/gt06.c", name), "decoders");
	assert_string_equal(log_levels_module("src/main.c", name), "main");
	assert_string_equal(log_levels_module("/a/b/src/writer/x.c", name), "writer");
	assert_string_equal(log_levels_module("tests/unit/util/test_log.c", name), "util");

	assert_true(log_levels_parse("", &levels, error, sizeof(error)));
	assert_int_equal(levels.count, 0);
	assert_true(log_levels_parse(" writer=debug,NET=Warning", &levels, error, sizeof(error)));
	assert_int_equal(levels.count, 2);
	assert_string_equal(levels.modules[1].name, "net");
	assert_int_equal(levels.modules[1].level, LOG_LEVEL_WARNING);
	static const struct {
		const char *text, *error;
	} bad[] = {
		{"writr=debug", "unknown module \"writr\"; known are: cli, config, downlink, "},
		{"writer=loud", "writer=loud is not a known level; write one of error, warning"},
		{"debug", "\"debug\" is not of the form MODULE=LEVEL; write writer=debug"},
		{"net=info, net=debug", "net is named twice"},
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(log_levels_parse(bad[i].text, &levels, error, sizeof(error)));
		assert_non_null(strstr(error, bad[i].error));
	}

	struct capture capture;
	begin_minutes(&capture);
	log_levels_apply(LOG_LEVEL_DEBUG, "util=error, net=debug");
	log_warning("hidden");
	assert_string_equal(read_capture(&capture), "");
	log_levels_apply(LOG_LEVEL_ERROR, "util=debug");
	log_debug("shown");
	assert_non_null(strstr(read_capture(&capture), "shown"));
	log_set_level(LOG_LEVEL_INFO);
	end_capture(&capture);
}

static void values_are_fields_for_journald(void **state)
{
	(void)state;
	static const struct log_site site = {
		.file = "src/net/conn_gate.c", .line = 48, .format = "conn refused peer=%s"};
	static const char message[] =
		"conn refused peer=192.0.2.7:4711 ident=- reason=\"a \\\"b\\\" "
		"c=d\" (x=1) Y=2 \"in=quotes\" n=3 event={\"a b\":\"c m=4\"}";
	static const char expected[] =
		"MESSAGE=conn refused peer=192.0.2.7:4711 ident=- reason=\"a \\\"b\\\" c=d\" (x=1) "
		"Y=2 "
		"\"in=quotes\" n=3 event={\"a b\":\"c m=4\"}\n"
		"PRIORITY=4\nSYSLOG_IDENTIFIER=avld\nAVLD_MODULE=net\nAVLD_CAUSE=conn refused\n"
		"CODE_FILE=src/net/conn_gate.c\nCODE_LINE=48\n"
		"AVLD_PEER=192.0.2.7:4711\nAVLD_IDENT=-\nAVLD_REASON=a \\\"b\\\" c=d\nAVLD_N=3\n"
		"AVLD_EVENT={\"a b\":\"c m=4\"}\n";
	char out[LOG_JOURNALD_MAX + 1];
	size_t len = log_journald_compose(&site, 4, message, strlen(message), out);
	out[len] = '\0';
	assert_string_equal(out, expected);
	// What does not fit is left out.
	char text[6000];
	memset(text, 'x', sizeof(text));
	memcpy(text, "a=", 2);
	len = log_journald_compose(&site, 4, text, sizeof(text), out);
	out[len] = '\0';
	assert_in_range(len, 6000, LOG_JOURNALD_MAX);
	assert_null(strstr(out, "AVLD_A="));
}

static void journald_is_sent_datagrams(void **state)
{
	(void)state;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	snprintf(address.sun_path, sizeof(address.sun_path), "/tmp/avld_test_log.%ld",
		(long)getpid());
	assert_false(log_journald_send(address.sun_path, "nobody", 6));
	const int journald = socket(AF_UNIX, SOCK_DGRAM, 0);
	assert_int_equal(bind(journald, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_true(log_journald_send(address.sun_path, "MESSAGE=a\n", 10));
	char got[64] = "";
	assert_int_equal(recv(journald, got, sizeof(got), 0), 10);
	assert_memory_equal(got, "MESSAGE=a\n", 10);
	int sent = 0;
	while (sent < 100000 && log_journald_send(address.sun_path, "MESSAGE=b\n", 10))
		sent++;
	assert_in_range(sent, 1, 99999); // its queue is full: it does not block
	close(journald);
	unlink(address.sun_path);
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
		cmocka_unit_test(twenty_lines_per_cause_and_minute),
		cmocka_unit_test(the_end_tells_what_was_suppressed),
		cmocka_unit_test(a_new_minute_begins_without_the_timer),
		cmocka_unit_test(debug_lines_and_those_of_a_person_are_not_limited),
		cmocka_unit_test(five_lines_per_peer_and_minute),
		cmocka_unit_test(twenty_lines_a_minute_about_peers_without_an_ident),
		cmocka_unit_test(peers_without_a_slot_share_one),
		cmocka_unit_test(the_cause_is_the_text_before_the_first_value),
		cmocka_unit_test(levels_differ_by_module),
		cmocka_unit_test(values_are_fields_for_journald),
		cmocka_unit_test(journald_is_sent_datagrams),
		cmocka_unit_test(quote_escapes_and_cuts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
