// SPDX-License-Identifier: MIT
// UDP replies held for the journal: every length, in order, within their memory.
#include "net/udp_held.h"

#include "protocol/decoder.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <string.h>

static struct udp_held held;

static int tear_down(void **state)
{
	(void)state;
	udp_held_done(&held);
	return 0;
}

static size_t length_of(uint32_t n)
{
	return (n * 2654435761u >> 9) % (DECODED_REPLY + 1);
}

// Reply number n: its length and bytes follow from the number.
static bool add(uint32_t n, size_t len)
{
	uint8_t data[DECODED_REPLY];
	struct udp_route route = {.to_len = sizeof(route.to.v4)};

	route.to.v4.sin_port = (uint16_t)n;
	memset(data, (int)(n & 0xff), sizeof(data));
	return udp_held_add(&held, n, &route, data, len);
}

static void take(uint32_t n, size_t len)
{
	uint8_t data[DECODED_REPLY];
	const struct udp_held_reply *reply = udp_held_first(&held);

	assert_non_null(reply);
	assert_int_equal(reply->lsn, n);
	assert_int_equal(reply->route.to.v4.sin_port, (uint16_t)n);
	assert_int_equal(reply->len, len);
	memset(data, (int)(n & 0xff), sizeof(data));
	assert_memory_equal(reply->data, data, len);
	udp_held_remove(&held);
}

static void the_longest_reply_is_held(void **state)
{
	(void)state;
	assert_null(udp_held_first(&held));
	assert_true(add(1, DECODED_REPLY));
	assert_true(add(2, 1));
	take(1, DECODED_REPLY);
	take(2, 1);
	assert_null(udp_held_first(&held));
}

static void the_number_of_replies_is_bounded(void **state)
{
	(void)state;
	for (uint32_t n = 0; n < UDP_HELD_MAX; n++)
		assert_true(add(n, 10));
	assert_false(add(0, 10));
	take(0, 10);
	assert_true(add(UDP_HELD_MAX, 10));
	for (uint32_t n = 1; n <= UDP_HELD_MAX; n++)
		take(n, 10);
}

static void the_bytes_of_replies_are_bounded(void **state)
{
	uint32_t n = 0;

	(void)state;
	while (add(n, DECODED_REPLY))
		n++;
	assert_in_range(
		n, UDP_HELD_BYTES / (DECODED_REPLY + 128) - 1, UDP_HELD_BYTES / DECODED_REPLY);
	assert_false(udp_held_add(&held, 0, &(struct udp_route){0}, (const uint8_t *)"", SIZE_MAX));
	for (uint32_t i = 0; i < n; i++)
		take(i, DECODED_REPLY);
	assert_true(add(0, DECODED_REPLY));
}

// Fills, empties partly, and goes round the ring many times.
static void any_lengths_come_out_as_they_went_in(void **state)
{
	uint32_t added = 1, taken = 1, seed = 1;

	(void)state;
	while (added < 200000) {
		seed = seed * 1664525 + 1013904223;
		for (uint32_t count = seed >> 19; count > 0; count--, added++)
			if (!add(added, length_of(added)))
				break;
		for (uint32_t count = seed >> 8 & 0x1fff; count > 0 && taken < added;
			count--, taken++)
			take(taken, length_of(taken));
	}
	for (; taken < added; taken++)
		take(taken, length_of(taken));
	assert_null(udp_held_first(&held));
}

#define TEST(test) cmocka_unit_test_teardown(test, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_longest_reply_is_held),
		TEST(the_number_of_replies_is_bounded),
		TEST(the_bytes_of_replies_are_bounded),
		TEST(any_lengths_come_out_as_they_went_in),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
