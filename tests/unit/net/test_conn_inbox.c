// SPDX-License-Identifier: MIT
// The inbox of a connection: what a read gives, what is kept of it, and what stays in the socket.
#include "net/conn_inbox.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static struct conn_inbox inbox;
static struct conn_inbox_buffer buffer;
static const uint8_t *data;
static int ends[2];

// Connects ends[1] to ends[0] over TCP: only there can bytes be discarded without reading them.
static int set_up(void **state)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);
	const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	assert_int_equal(bind(listener, (struct sockaddr *)&address, len), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &len), 0);
	assert_int_equal(listen(listener, 1), 0);
	ends[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(ends[1], (struct sockaddr *)&address, len), 0);
	ends[0] = accept(listener, NULL, NULL);
	assert_true(ends[0] >= 0);
	return close(listener);
}

static int tear_down(void **state)
{
	(void)state;
	conn_inbox_done(&inbox);
	assert_null(inbox.rest);
	close(ends[0]);
	close(ends[1]);
	return 0;
}

static int available(void)
{
	int bytes = 0;

	assert_int_equal(ioctl(ends[0], FIONREAD, &bytes), 0);
	return bytes;
}

// Sends the text, and waits until it has arrived.
static void give(const char *text)
{
	const int all = available() + (int)strlen(text);

	assert_int_equal(send(ends[1], text, strlen(text), 0), strlen(text));
	while (available() < all)
		sched_yield();
}

// Receives once, and compares all unprocessed bytes with `expected`. Returns their number.
static size_t receive(bool peek, const char *expected)
{
	const ssize_t n = conn_inbox_receive(&inbox, &buffer, ends[0], 100, peek, &data);

	assert_true(n > 0);
	assert_int_equal(inbox.len + (size_t)n, strlen(expected));
	assert_memory_equal(data, expected, strlen(expected));
	return inbox.len + (size_t)n;
}

// Processes the first `used` bytes. Returns how many stay in the socket.
static size_t use(size_t used, size_t len, bool leave)
{
	size_t left;

	assert_true(
		conn_inbox_keep(&inbox, &buffer, ends[0], data + used, len - used, leave, &left));
	assert_int_equal(inbox.len, len - used - left);
	return left;
}

static void the_rest_comes_before_the_next_bytes(void **state)
{
	(void)state;
	give("one tw");
	assert_int_equal(use(4, receive(false, "one tw"), false), 0);
	assert_memory_equal(inbox.rest, "tw", 2);
	give("o three");
	assert_int_equal(use(4, receive(false, "two three"), false), 0);
	give("!");
	assert_int_equal(use(6, receive(false, "three!"), false), 0);
	assert_null(inbox.rest);
}

static void nothing_to_receive_differs_from_the_end(void **state)
{
	(void)state;
	assert_int_equal(conn_inbox_receive(&inbox, &buffer, ends[0], 100, false, &data), -1);
	assert_int_equal(errno, EAGAIN);
	shutdown(ends[1], SHUT_WR);
	struct pollfd poll_end = {.fd = ends[0], .events = POLLIN};
	assert_int_equal(poll(&poll_end, 1, -1), 1);
	assert_int_equal(conn_inbox_receive(&inbox, &buffer, ends[0], 100, false, &data), 0);
}

static void no_more_is_received_than_asked_for(void **state)
{
	(void)state;
	give("abcdef");
	assert_int_equal(conn_inbox_receive(&inbox, &buffer, ends[0], 4, false, &data), 4);
	use(4, 4, false);
	receive(false, "ef");
}

static void bytes_peeked_at_are_discarded_from_the_socket(void **state)
{
	(void)state;
	give("one two");
	assert_int_equal(use(4, receive(true, "one two"), false), 0);
	give(" three");
	receive(false, "two three");
}

static void bytes_peeked_at_stay_in_the_socket_if_asked_for(void **state)
{
	(void)state;
	give("one two");
	assert_int_equal(use(4, receive(true, "one two"), true), 3);
	assert_null(inbox.rest);
	receive(false, "two");
}

static void of_the_rest_nothing_goes_back_into_the_socket(void **state)
{
	(void)state;
	give("abc");
	use(0, receive(false, "abc"), false);
	give("def");
	assert_int_equal(use(1, receive(true, "abcdef"), true), 3);
	assert_int_equal(inbox.len, 2);
	receive(false, "bcdef");
}

static void the_rest_can_be_processed_again(void **state)
{
	(void)state;
	give("abc");
	use(0, receive(false, "abc"), false);
	data = conn_inbox_again(&inbox, &buffer);
	assert_memory_equal(data, "abc", 3);
	assert_int_equal(use(2, 3, false), 0);
	assert_memory_equal(inbox.rest, "c", 1);
}

static void the_rest_may_become_part_of_itself(void **state)
{
	size_t left;

	(void)state;
	give("abc");
	use(0, receive(false, "abc"), false);
	assert_true(conn_inbox_keep(&inbox, &buffer, ends[0], inbox.rest, 3, false, &left));
	assert_memory_equal(inbox.rest, "abc", 3);
	assert_true(conn_inbox_keep(&inbox, &buffer, ends[0], inbox.rest + 1, 2, false, &left));
	assert_int_equal(inbox.len, 2);
	assert_memory_equal(inbox.rest, "bc", 2);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_rest_comes_before_the_next_bytes),
		TEST(nothing_to_receive_differs_from_the_end),
		TEST(no_more_is_received_than_asked_for),
		TEST(bytes_peeked_at_are_discarded_from_the_socket),
		TEST(bytes_peeked_at_stay_in_the_socket_if_asked_for),
		TEST(of_the_rest_nothing_goes_back_into_the_socket),
		TEST(the_rest_can_be_processed_again),
		TEST(the_rest_may_become_part_of_itself),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
