// SPDX-License-Identifier: MIT
// Peers that are above their share for long: which count, and how many are logged.
#include "net/above_share.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct above_share_log log_of_all;
static struct conversation conversation;

static int begin(void **state)
{
	(void)state;
	log_of_all = (struct above_share_log){0};
	return 0;
}

static bool note(struct above_share *above, uint32_t now_s)
{
	return above_share_note(&log_of_all, above, &conversation, now_s);
}

// The peer sends each second from a time up to another one. Returns the lines logged.
static unsigned send_on(struct above_share *above, uint32_t from_s, uint32_t to_s)
{
	unsigned lines = 0;

	for (uint32_t now_s = from_s; now_s <= to_s; now_s++)
		for (int i = 0; i < 1000; i++)
			lines += note(above, now_s);
	return lines;
}

static void a_peer_counts_once_after_five_seconds_on_end(void **state)
{
	(void)state;
	struct above_share above = {0};
	assert_int_equal(send_on(&above, 100, 100 + ABOVE_SHARE_S - 1), 0);
	assert_int_equal(log_of_all.peers, 0);
	assert_int_equal(send_on(&above, 100 + ABOVE_SHARE_S, 1000), 1);
	assert_int_equal(log_of_all.peers, 1);
}

static void bursts_with_pauses_do_not_count(void **state)
{
	(void)state;
	struct above_share above = {0};
	for (uint32_t now_s = 100; now_s < 1000; now_s += ABOVE_SHARE_S + ABOVE_SHARE_PAUSE_S)
		assert_int_equal(send_on(&above, now_s, now_s + ABOVE_SHARE_S - 1), 0);
	assert_int_equal(log_of_all.peers, 0);
}

static void a_peer_that_begins_anew_counts_again(void **state)
{
	(void)state;
	struct above_share above = {0};
	assert_int_equal(send_on(&above, 100, 120), 1);
	assert_int_equal(send_on(&above, 200, 220), 1);
	assert_int_equal(log_of_all.peers, 2);
}

static void many_peers_are_counted_and_one_a_minute_is_logged(void **state)
{
	(void)state;
	struct above_share above[300] = {0};
	unsigned lines = 0;
	for (size_t i = 0; i < 300; i++) // one begins each second
		lines += send_on(&above[i], 100 + (uint32_t)i, 100 + (uint32_t)i + ABOVE_SHARE_S);
	assert_int_equal(log_of_all.peers, 300);
	assert_int_equal(lines, 300 / ABOVE_SHARE_LOG_S);
}

static void a_clock_at_zero_is_no_special_case(void **state)
{
	(void)state;
	struct above_share above = {0};
	assert_int_equal(send_on(&above, 0, ABOVE_SHARE_S - 1), 0);
	assert_int_equal(send_on(&above, ABOVE_SHARE_S, ABOVE_SHARE_S + 1), 1);
	assert_int_equal(log_of_all.peers, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, begin)
	const struct CMUnitTest tests[] = {
		TEST(a_peer_counts_once_after_five_seconds_on_end),
		TEST(bursts_with_pauses_do_not_count),
		TEST(a_peer_that_begins_anew_counts_again),
		TEST(many_peers_are_counted_and_one_a_minute_is_logged),
		TEST(a_clock_at_zero_is_no_special_case),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
