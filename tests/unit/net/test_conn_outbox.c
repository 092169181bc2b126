// SPDX-License-Identifier: MIT
// The outbox of a connection: its order, its limits, and what it holds until the journal is safe.
#include "net/conn_outbox.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct conn_outbox outbox;
static struct list holding;
static int ends[2];

static int set_up(void **state)
{
	(void)state;
	list_init(&holding);
	return socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends);
}

static int tear_down(void **state)
{
	(void)state;
	conn_outbox_done(&outbox);
	assert_true(list_empty(&holding));
	close(ends[0]);
	close(ends[1]);
	return 0;
}

static const char *received(void)
{
	static char text[256];

	assert_true(conn_outbox_send(&outbox, ends[0]));
	const ssize_t n = recv(ends[1], text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = 0;
	return text;
}

static void bytes_are_sent_in_order(void **state)
{
	(void)state;
	assert_true(conn_outbox_put(&outbox, "one ", 4));
	assert_true(conn_outbox_put(&outbox, "two", 3));
	assert_string_equal(received(), "one two");
	assert_null(outbox.data);
}

static void held_replies_are_released_in_two_groups(void **state)
{
	(void)state;
	assert_true(conn_outbox_hold(&outbox, &holding, "a", 1, 10));
	assert_true(conn_outbox_hold(&outbox, &holding, "b", 1, 20));
	assert_true(conn_outbox_hold(&outbox, &holding, "c", 1, 30));
	assert_ptr_equal(conn_outbox_of(holding.next), &outbox);
	assert_true(conn_outbox_release(&outbox, 9));
	assert_string_equal(received(), "");
	assert_true(conn_outbox_release(&outbox, 29));
	assert_string_equal(received(), "a");
	assert_true(conn_outbox_hold(&outbox, &holding, "d", 1, 40));
	assert_true(conn_outbox_release(&outbox, 39));
	assert_string_equal(received(), "bc");
	assert_true(conn_outbox_holds(&outbox));
	assert_true(conn_outbox_release(&outbox, 40));
	assert_string_equal(received(), "d");
	assert_false(conn_outbox_holds(&outbox));
	assert_true(list_empty(&holding));
}

static void a_reply_that_keeps_its_place_is_released_with_those_before_it(void **state)
{
	(void)state;
	assert_true(conn_outbox_hold(&outbox, &holding, "a", 1, 10));
	assert_true(conn_outbox_hold(&outbox, &holding, "b", 1, 0));
	assert_true(conn_outbox_release(&outbox, 9));
	assert_string_equal(received(), "");
	assert_true(conn_outbox_hold(&outbox, &holding, "c", 1, 20));
	assert_true(conn_outbox_hold(&outbox, &holding, "d", 1, 0));
	assert_true(conn_outbox_release(&outbox, 10));
	assert_string_equal(received(), "a");
	assert_true(conn_outbox_release(&outbox, 20));
	assert_string_equal(received(), "bcd");
	assert_true(list_empty(&holding));
}

static void a_peer_may_leave_so_much_unread(void **state)
{
	static uint8_t much[CONN_OUTBOX_MAX];

	(void)state;
	assert_true(conn_outbox_put(&outbox, much, sizeof(much)));
	assert_false(conn_outbox_put(&outbox, much, 1));
	assert_true(conn_outbox_hold(&outbox, &holding, much, sizeof(much), 1));
	assert_false(conn_outbox_hold(&outbox, &holding, much, 1, 2));
	assert_false(conn_outbox_release(&outbox, 1));
}

static void a_broken_connection_is_an_error_and_a_full_one_is_not(void **state)
{
	static uint8_t much[CONN_OUTBOX_MAX];

	(void)state;
	for (int i = 0; i < 100 && outbox.len == 0; i++) {
		assert_true(conn_outbox_put(&outbox, much, sizeof(much)));
		assert_true(conn_outbox_send(&outbox, ends[0]));
	}
	assert_in_range(outbox.len, 1, CONN_OUTBOX_MAX);
	shutdown(ends[1], SHUT_RD);
	assert_false(conn_outbox_send(&outbox, ends[0]));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(bytes_are_sent_in_order),
		TEST(held_replies_are_released_in_two_groups),
		TEST(a_reply_that_keeps_its_place_is_released_with_those_before_it),
		TEST(a_peer_may_leave_so_much_unread),
		TEST(a_broken_connection_is_an_error_and_a_full_one_is_not),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
