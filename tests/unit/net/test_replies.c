// SPDX-License-Identifier: MIT
// Replies through real sockets of both transports, with a journal that is synced before a reply is sent.
#include "door.h"

#include "folder.h"
#include "net/conn.h"
#include "net/udp.h"
#include "util/log.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PATIENCE_S 10.

static struct ev_loop *loop;
static struct intake intake;
static struct config config;
static struct conns *conns;
static struct udp *udp;
static struct sockaddr_in udp_address;
static char folder[64];
static bool is_late;

static void on_synced(void *context)
{
	(void)context;
	conn_synced(conns);
	udp_synced(udp);
	conn_resume(conns);
	udp_resume(udp);
}

static void on_ready(void *context, struct text ident)
{
	(void)context;
	(void)ident;
}

static int bound(int type, struct sockaddr_in *address)
{
	socklen_t len = sizeof(*address);
	const int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	*address = (struct sockaddr_in){
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)address, sizeof(*address)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)address, &len), 0);
	return fd;
}

static int set_up(void **state)
{
	static char error[JOURNAL_ERROR_SIZE];

	(void)state;
	assert_true(folder_new(folder, sizeof(folder), "replies"));
	log_set_level(LOG_LEVEL_ERROR);
	loop = ev_loop_new(0);
	const struct journal_options options = {
		.dir = folder, .segment_size = 4 << 20, .max_size = 32 << 20};
	config = (struct config){.server = {.protocols = DECODERS_ALL,
					 .max_connections = 10,
					 .max_connections_per_ip = 10,
					 .login_timeout_us = 60000000,
					 .idle_timeout_us = 60000000},
		.journal = {.sync = SYNC_REPLY}};
	intake = (struct intake){.config = &config,
		.journal = journal_open(&options, NULL, NULL, error),
		.directory = device_directory_new(),
		.memory = device_memory_new(100)};
	assert_non_null(intake.journal);
	intake.commands = command_queue_new(&config, intake.journal, on_ready, NULL);
	conns = conn_all_new(loop, &intake);
	udp = udp_new(loop, &intake, bound(SOCK_DGRAM, &udp_address));
	assert_non_null(udp);
	journal_sync_start(intake.journal, loop, on_synced, NULL);
	return 0;
}

static int tear_down(void **state)
{
	char command[128];

	(void)state;
	conn_finish(conns);
	conn_all_free(conns);
	udp_free(udp);
	command_queue_free(intake.commands);
	journal_close(intake.journal);
	device_directory_free(intake.directory);
	device_memory_free(intake.memory);
	ev_loop_destroy(loop);
	snprintf(command, sizeof(command), "rm -r '%s'", folder);
	return system(command);
}

// Returns the tracker's end of a connection.
static int connect_tcp(void)
{
	struct sockaddr_in address, peer;
	socklen_t len = sizeof(peer);
	const int listener = bound(SOCK_STREAM, &address);
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	const int accepted =
		accept4(listener, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	assert_true(accepted >= 0);
	close(listener);
	conn_add(conns, accepted, (struct sockaddr *)&peer);
	return fd;
}

static int connect_udp(void)
{
	struct sockaddr_in address;
	const int fd = bound(SOCK_DGRAM, &address);

	assert_int_equal(connect(fd, (struct sockaddr *)&udp_address, sizeof(udp_address)), 0);
	return fd;
}

static void give(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), 0), strlen(text));
}

static void on_late(struct ev_loop *of, ev_timer *timer, int revents)
{
	(void)of;
	(void)timer;
	(void)revents;
	is_late = true;
}

// Runs the loop until `len` bytes have arrived at the tracker, or the connection is closed. Syncs the journal when replies are
// held, as the daemon does. Returns the number of bytes.
static size_t receive(int fd, char *out, size_t len, bool *closed)
{
	size_t got = 0;
	ev_timer timer;

	ev_timer_init(&timer, on_late, PATIENCE_S, 0.);
	ev_timer_start(loop, &timer);
	*closed = is_late = false;
	while (got < len && !*closed) {
		const ssize_t n = recv(fd, out + got, len - got, MSG_DONTWAIT);
		*closed = n == 0;
		got += n > 0 ? (size_t)n : 0;
		if (n >= 0)
			continue;
		if (conn_holds_replies(conns) || udp_holds_replies(udp))
			journal_sync(intake.journal);
		ev_run(loop, EVRUN_NOWAIT);
		assert_false(is_late);
	}
	ev_timer_stop(loop, &timer);
	return got;
}

static void give_reports(int fd, int count)
{
	char report[101];

	memset(report, 'x', sizeof(report) - 1);
	memcpy(report, "!P", 2);
	report[sizeof(report) - 2] = '\n';
	report[sizeof(report) - 1] = 0;
	for (int i = 0; i < count; i++)
		give(fd, report);
}

// The report was safe before its acknowledgement was sent.
static void assert_journal_is_synced(void)
{
	assert_true(journal_synced(intake.journal) == journal_end(intake.journal));
}

static void assert_longest(const char *reply, size_t len)
{
	assert_int_equal(len, DECODED_REPLY);
	for (size_t i = 0; i < len; i++)
		assert_int_equal(reply[i], 's');
	assert_journal_is_synced();
}

static void a_stored_reply_of_2048_bytes_arrives_over_tcp(void **state)
{
	(void)state;
	char out[DECODED_REPLY];
	bool closed;
	const int fd = connect_tcp();

	give(fd, "!L7\n");
	assert_int_equal(receive(fd, out, 4, &closed), 4);
	assert_memory_equal(out, "okst", 4);
	give(fd, "!S2048\n");
	assert_longest(out, receive(fd, out, DECODED_REPLY, &closed));
	close(fd);
}

static void a_stored_reply_of_2048_bytes_arrives_over_udp(void **state)
{
	(void)state;
	char out[DECODED_REPLY];
	bool closed;
	const int fd = connect_udp();

	give(fd, "!L7\n");
	assert_int_equal(receive(fd, out, 4, &closed), 4);
	assert_memory_equal(out, "okst", 4);
	give_reports(fd, 21); // more bytes than the reply has
	give(fd, "!S2048\n");
	assert_longest(out, receive(fd, out, DECODED_REPLY, &closed)); // one datagram
	assert_int_equal(intake.counters.udp_replies_dropped, 0);
	close(fd);
}

static void run_until_frames(uint64_t frames)
{
	while (intake.counters.frames < frames)
		ev_run(loop, EVRUN_NOWAIT);
}

static void both_replies_to_a_datagram_are_one_datagram(void **state)
{
	(void)state;
	char out[64];
	const int fd = connect_udp();

	give(fd, "!L7\n!P\n");
	run_until_frames(2);
	journal_sync_now(intake.journal);
	udp_synced(udp);
	assert_int_equal(recv(fd, out, sizeof(out), MSG_DONTWAIT), 4);
	assert_memory_equal(out, "okst", 4);
	close(fd);
}

static void a_datagram_with_many_frames_gets_one_datagram_no_larger(void **state)
{
	(void)state;
	char out[256];
	const int fd = connect_udp();

	give(fd, "!L7\n!L8\n!L9\n!P1234567890\n!L1\n!L2\n"); // 33 bytes
	run_until_frames(6);
	journal_sync_now(intake.journal);
	udp_synced(udp);
	assert_int_equal(recv(fd, out, sizeof(out), MSG_DONTWAIT), 20);
	assert_int_equal(recv(fd, out, sizeof(out), MSG_DONTWAIT), -1);
	close(fd);
}

// The first datagram of a sender, then one after a reply, then what more than all its bytes would be needed for.
static void a_reply_larger_than_its_datagram_waits_for_proof_and_for_as_many_bytes(void **state)
{
	(void)state;
	char out[256];
	bool closed;
	const int fd = connect_udp();

	give(fd, "!L7\n!S20\n");                           // 9 bytes
	assert_int_equal(receive(fd, out, 4, &closed), 4); // not the 20 bytes: 24 > 10
	assert_int_equal(intake.counters.udp_withheld, 1);
	give(fd, "!P1234567\n"); // valid, after a reply
	run_until_frames(3);
	give(fd, "!S20\n"); // 24 bytes in all, 24 in reply
	assert_int_equal(receive(fd, out, 20, &closed), 20);
	give(fd, "!S20\n");
	run_until_frames(5);
	assert_int_equal(intake.counters.udp_withheld, 2);
	assert_false(udp_holds_replies(udp));
	close(fd);
}

static void block(const char *ident)
{
	device_directory_add(intake.directory, (struct text){ident, strlen(ident)})->state =
		DEVICE_BLOCKED;
}

static void a_refused_login_is_answered_before_the_close(void **state)
{
	(void)state;
	char out[64];
	bool closed;
	const int fd = connect_tcp();

	block("666");
	give(fd, "!L666\n!P\n");
	assert_int_equal(receive(fd, out, sizeof(out), &closed), 2);
	assert_memory_equal(out, "no", 2);
	assert_true(closed);
	assert_int_equal(conn_count(conns), 0);
	close(fd);
}

static void a_wrong_password_is_answered_before_the_close(void **state)
{
	(void)state;
	char out[64];
	bool closed;
	const int fd = connect_tcp();

	device_directory_set_secret(device_directory_add(intake.directory, (struct text){"7", 1}),
		(struct text){"sha256$s1$00", 12});
	give(fd, "!A7,parrot\n!P\n");
	assert_int_equal(receive(fd, out, sizeof(out), &closed), 2);
	assert_memory_equal(out, "no", 2);
	assert_true(closed);
	close(fd);
}

static void a_refused_login_is_answered_over_udp(void **state)
{
	(void)state;
	char out[64];
	bool closed;
	const int fd = connect_udp();

	block("666");
	give(fd, "!L666\n");
	assert_int_equal(receive(fd, out, 2, &closed), 2);
	assert_memory_equal(out, "no", 2);
	give(fd, "!L7\n"); // the sender may go on
	assert_int_equal(receive(fd, out, 2, &closed), 2);
	assert_memory_equal(out, "ok", 2);
	close(fd);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_stored_reply_of_2048_bytes_arrives_over_tcp),
		TEST(a_stored_reply_of_2048_bytes_arrives_over_udp),
		TEST(both_replies_to_a_datagram_are_one_datagram),
		TEST(a_datagram_with_many_frames_gets_one_datagram_no_larger),
		TEST(a_reply_larger_than_its_datagram_waits_for_proof_and_for_as_many_bytes),
		TEST(a_refused_login_is_answered_before_the_close),
		TEST(a_wrong_password_is_answered_before_the_close),
		TEST(a_refused_login_is_answered_over_udp),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
