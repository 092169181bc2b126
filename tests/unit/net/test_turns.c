// SPDX-License-Identifier: MIT
// The order in which peers are served, and which of them are paused.
#include "net/turns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct peer_of_test {
	struct list link;
	char name;
	uint64_t work; /* that serving costs */
	bool has_share;
	struct list *removes; /* when served */
};

static char served[64], paused[64];
static struct turns turns;

static void add_name(char *to, struct list *link)
{
	to[strlen(to)] = list_item(link, struct peer_of_test, link)->name;
}

static uint64_t serve(struct list *link)
{
	struct peer_of_test *peer = list_item(link, struct peer_of_test, link);

	add_name(served, link);
	if (peer->removes)
		list_remove(peer->removes);
	return peer->work;
}

static bool has_share(struct list *link, uint32_t now_ms)
{
	(void)now_ms;
	return list_item(link, struct peer_of_test, link)->has_share;
}

static void on_pause(struct list *link)
{
	add_name(paused, link);
}

static enum turns_mode mode_of_loop;

static enum turns_mode mode_of_test(struct turns *of)
{
	assert_ptr_equal(of, &turns);
	return mode_of_loop;
}

static const struct turns_owner owner = {mode_of_test, serve, has_share, on_pause};

static struct peer_of_test *join(
	struct list *list, struct peer_of_test *peer, char name, uint64_t work)
{
	*peer = (struct peer_of_test){.name = name, .work = work};
	list_init(&peer->link);
	list_append(list, &peer->link);
	return peer;
}

static int set_up(void **state)
{
	(void)state;
	turns_init(&turns);
	memset(served, 0, sizeof(served));
	memset(paused, 0, sizeof(paused));
	return 0;
}

static const char *run(enum turns_mode mode, uint32_t now_ms, bool *left)
{
	memset(served, 0, sizeof(served));
	*left = turns_run(&turns, &owner, mode, now_ms);
	return served;
}

static void strangers_with_a_share_come_before_heavy_peers(void **state)
{
	struct peer_of_test a, b, c, d;
	bool left;

	(void)state;
	join(&turns.heavy, &a, 'a', 1);
	join(&turns.fresh, &b, 'b', 1);
	join(&turns.heavy, &c, 'c', 1);
	join(&turns.fresh, &d, 'd', 1);
	assert_string_equal(run(TURNS_ALL, 0, &left), "bdac");
	assert_false(left);
	assert_true(turns_empty(&turns));
}

static void the_work_of_a_turn_is_bounded_and_the_next_one_goes_on(void **state)
{
	struct peer_of_test a, b, c;
	bool left;

	(void)state;
	join(&turns.heavy, &a, 'a', TURNS_WORK - 1);
	join(&turns.heavy, &b, 'b', 1000);
	join(&turns.heavy, &c, 'c', 1);
	assert_string_equal(run(TURNS_ALL, 0, &left), "ab");
	assert_true(left);
	list_append(&turns.heavy, &a.link); // it has sent more
	assert_string_equal(run(TURNS_ALL, 0, &left), "ca");
	assert_false(left);
}

static void strangers_leave_half_of_the_turn_to_others(void **state)
{
	struct peer_of_test a, b, c, d;
	bool left;

	(void)state;
	join(&turns.fresh, &a, 'a', TURNS_WORK / 2);
	join(&turns.fresh, &b, 'b', 1);
	join(&turns.heavy, &c, 'c', 1);
	join(&turns.heavy, &d, 'd', 1);
	assert_string_equal(run(TURNS_ALL, 0, &left), "acd");
	assert_true(left);
}

static void while_a_sync_is_long_only_strangers_are_served(void **state)
{
	struct peer_of_test a, b;
	bool left;

	(void)state;
	join(&turns.heavy, &a, 'a', 1);
	join(&turns.fresh, &b, 'b', 1);
	assert_string_equal(run(TURNS_FRESH, 0, &left), "b");
	assert_false(left);
	assert_int_equal(turns.pauses, 0);
	assert_string_equal(run(TURNS_ALL, 0, &left), "a");
}

static void under_pressure_heavy_peers_are_paused_once(void **state)
{
	struct peer_of_test a, b;
	bool left;

	(void)state;
	join(&turns.heavy, &a, 'a', 1);
	assert_string_equal(run(TURNS_PRESSURE, 1000, &left), "");
	assert_false(left);
	join(&turns.heavy, &b, 'b', 1);
	assert_string_equal(run(TURNS_PRESSURE, 1010, &left), "");
	assert_string_equal(paused, "ab");
	assert_int_equal(turns.pauses, 2);
	assert_int_equal(turns_count_paused(&turns), 2);
	assert_string_equal(run(TURNS_ALL, 1020, &left), "ab"); // the pressure is over
	assert_int_equal(turns_count_paused(&turns), 0);
}

static void a_paused_peer_with_a_share_again_is_served(void **state)
{
	struct peer_of_test a, b;
	bool left;

	(void)state;
	join(&turns.heavy, &a, 'a', 1);
	join(&turns.heavy, &b, 'b', 1);
	run(TURNS_PRESSURE, 1000, &left);
	b.has_share = true;
	assert_string_equal(run(TURNS_PRESSURE, 1000 + TURNS_LOOK_MS - 1, &left), "");
	assert_string_equal(run(TURNS_PRESSURE, 1000 + TURNS_LOOK_MS, &left), "b");
	assert_int_equal(turns_count_paused(&turns), 1);
}

static void under_pressure_strangers_get_a_trickle(void **state)
{
	struct peer_of_test peers[40];
	bool left;
	uint32_t now_ms = 1000;
	size_t count = 0;

	(void)state;
	for (size_t i = 0; i < 40; i++)
		join(&turns.fresh, &peers[i], (char)('A' + i), 100);
	count += strlen(run(TURNS_PRESSURE, now_ms, &left));
	assert_int_equal(count, turns_trickle.burst / 100);
	for (; now_ms < 2000; now_ms += 10)
		count += strlen(run(TURNS_PRESSURE, now_ms, &left));
	assert_in_range(count, (turns_trickle.burst + turns_trickle.per_s) / 100 - 1,
		(turns_trickle.burst + turns_trickle.per_s) / 100 + 1);
	assert_int_equal(turns.pauses, 0);
}

static void a_peer_may_remove_another_while_it_is_served(void **state)
{
	struct peer_of_test a, b, c;
	bool left;

	(void)state;
	join(&turns.heavy, &a, 'a', 1)->removes = &b.link;
	join(&turns.heavy, &b, 'b', 1);
	join(&turns.heavy, &c, 'c', 1);
	assert_string_equal(run(TURNS_ALL, 0, &left), "ac");
	list_append(&turns.heavy, &a.link);
	list_append(&turns.heavy, &b.link);
	a.has_share = b.has_share = true;
	run(TURNS_PRESSURE, 5000, &left);
	assert_string_equal(run(TURNS_PRESSURE, 5000 + TURNS_LOOK_MS, &left), "a");
	assert_true(turns_empty(&turns));
}

// Returns the peers served in one turn of the loop.
static const char *served_in_a_turn(struct ev_loop *loop)
{
	memset(served, 0, sizeof(served));
	ev_run(loop, EVRUN_NOWAIT);
	return served;
}

static void the_loop_serves_peers_and_stays_awake_while_some_are_left(void **state)
{
	struct ev_loop *loop = ev_loop_new(0);
	struct peer_of_test a, b;

	(void)state;
	mode_of_loop = TURNS_ALL;
	turns_start(&turns, loop, &owner);
	join(&turns.heavy, &a, 'a', TURNS_WORK);
	join(&turns.heavy, &b, 'b', 1);
	assert_string_equal(served_in_a_turn(loop), "a");
	assert_true(ev_is_active(&turns.unserved));
	assert_string_equal(served_in_a_turn(loop), "b");
	assert_false(ev_is_active(&turns.unserved));
	turns_stop(&turns, loop);
	ev_loop_destroy(loop);
}

static void under_pressure_the_loop_looks_at_paused_peers_by_a_timer(void **state)
{
	struct ev_loop *loop = ev_loop_new(0);
	struct peer_of_test a;

	(void)state;
	mode_of_loop = TURNS_PRESSURE;
	turns_start(&turns, loop, &owner);
	join(&turns.heavy, &a, 'a', 1);
	assert_string_equal(served_in_a_turn(loop), "");
	assert_false(ev_is_active(&turns.unserved));
	assert_true(ev_is_active(&turns.pressure));
	a.has_share = true;
	turns.looked_ms -= TURNS_LOOK_MS;
	assert_string_equal(served_in_a_turn(loop), "a");
	assert_false(ev_is_active(&turns.pressure));
	turns_stop(&turns, loop);
	ev_loop_destroy(loop);
}

#define TEST(test) cmocka_unit_test_setup(test, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(strangers_with_a_share_come_before_heavy_peers),
		TEST(the_work_of_a_turn_is_bounded_and_the_next_one_goes_on),
		TEST(strangers_leave_half_of_the_turn_to_others),
		TEST(while_a_sync_is_long_only_strangers_are_served),
		TEST(under_pressure_heavy_peers_are_paused_once),
		TEST(a_paused_peer_with_a_share_again_is_served),
		TEST(under_pressure_strangers_get_a_trickle),
		TEST(a_peer_may_remove_another_while_it_is_served),
		TEST(the_loop_serves_peers_and_stays_awake_while_some_are_left),
		TEST(under_pressure_the_loop_looks_at_paused_peers_by_a_timer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
