// SPDX-License-Identifier: MIT
// The limits of open connections, and for whom one is closed to make room.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "journal/journal_fixture.h"
#include "net/conn_gate.h"
#include "util/log.h"

static struct config config;
static struct conn_gate gate;
static struct peer opened[8]; /* connections that may be evicted */
static size_t opened_count;
static enum conn_refusal_reason reason;

static struct peer peer_number(uint8_t n)
{
	return (struct peer){.address = {[10] = 0xff, 0xff, 10, 0, 0, n}, .port = 4711};
}

static bool on_evict(struct conn_gate *of, const struct peer *peer)
{
	assert_ptr_equal(of, &gate);
	for (size_t i = 0; i < opened_count; i++) {
		const struct peer victim = opened[i];
		if (peer && !conn_addresses_same(peer, &victim))
			continue;
		conn_gate_evicting(&gate, &victim, 3);
		opened[i] = opened[--opened_count];
		conn_gate_leave(&gate, &victim);
		return true;
	}
	return false;
}

static bool enter(uint8_t n)
{
	const struct peer peer = peer_number(n);
	return conn_gate_enter(&gate, &config, &peer, &reason);
}

static void leave(uint8_t n)
{
	const struct peer peer = peer_number(n);
	conn_gate_leave(&gate, &peer);
}

static void may_be_evicted(uint8_t n)
{
	opened[opened_count++] = peer_number(n);
}

static int set_up(void **state)
{
	(void)state;
	log_set_level(LOG_LEVEL_ERROR);
	gate = (struct conn_gate){.evict = on_evict};
	config = (struct config){.server = {.max_connections = 1000}};
	opened_count = 0;
	return 0;
}

static void no_more_than_max_connections_are_open(void **state)
{
	(void)state;
	config.server.max_connections = 2;
	assert_true(enter(1));
	assert_true(enter(2));
	assert_false(enter(3));
	assert_int_equal(reason, CONN_REFUSAL_MAX_CONNECTIONS);
	assert_int_equal(gate.count, 2);
	leave(1);
	assert_true(enter(3));
	leave(2);
	leave(3);
	assert_int_equal(gate.count, 0);
}

static void no_more_than_max_per_ip_are_open_of_an_address(void **state)
{
	(void)state;
	config.server.max_connections_per_ip = 2;
	assert_true(enter(1));
	assert_true(enter(1));
	assert_false(enter(1));
	assert_int_equal(reason, CONN_REFUSAL_MAX_PER_IP);
	assert_true(enter(2));
	leave(1);
	assert_true(enter(1));
	for (size_t n = 0; n < 2; n++)
		leave(1);
	leave(2);
	assert_null(gate.addresses.table);
}

static unsigned count_of_one_address(void)
{
	unsigned count = 0;

	while (enter(1))
		count++;
	for (unsigned i = 0; i < count; i++)
		leave(1);
	return count;
}

static void a_negative_limit_is_a_percentage_of_all_but_at_least_256(void **state)
{
	(void)state;
	config.server.max_connections_per_ip = -50;
	assert_int_equal(count_of_one_address(), 500);
	config.server.max_connections_per_ip = -1;
	assert_int_equal(count_of_one_address(), 256);
}

static void a_limit_of_0_counts_for_a_later_one(void **state)
{
	(void)state;
	assert_int_equal(count_of_one_address(), 1000);
	assert_true(enter(1));
	config.server.max_connections_per_ip = 1; // set by a reload
	assert_false(enter(1));
	leave(1);
	assert_null(gate.addresses.table);
	config.server.max_connections_per_ip = 0;
}

static void above_max_connections_any_connection_makes_room(void **state)
{
	(void)state;
	config.server.max_connections = 2;
	assert_true(enter(1));
	assert_true(enter(2));
	may_be_evicted(2);
	assert_true(enter(3));
	assert_int_equal(gate.count, 2);
	assert_int_equal(gate.evicted, 1);
	assert_false(enter(4));
	leave(1);
	leave(3);
}

static void above_max_per_ip_one_of_the_address_makes_room(void **state)
{
	(void)state;
	config.server.max_connections_per_ip = 1;
	assert_true(enter(1));
	assert_true(enter(2));
	may_be_evicted(2);
	assert_false(enter(1));
	assert_int_equal(gate.evicted, 0);
	assert_true(enter(2));
	assert_int_equal(gate.evicted, 1);
	leave(1);
	leave(2);
}

static void a_connection_above_max_per_ip_closes_no_other_address(void **state)
{
	(void)state;
	config.server.max_connections = 2;
	config.server.max_connections_per_ip = 1;
	assert_true(enter(1));
	assert_true(enter(2));
	may_be_evicted(2);
	assert_false(enter(1));
	assert_int_equal(reason, CONN_REFUSAL_MAX_PER_IP);
	assert_int_equal(gate.evicted, 0);
	assert_int_equal(gate.count, 2);
	opened_count = 0;
	assert_false(enter(3));
	assert_int_equal(reason, CONN_REFUSAL_MAX_CONNECTIONS);
	leave(1);
	leave(2);
	assert_null(gate.addresses.table); // the refused one is not counted
}

static void a_refusal_is_counted_by_reason_and_not_as_open(void **state)
{
	const struct peer peer = peer_number(1);

	(void)state;
	assert_int_equal(make_folder(state), 0);
	struct intake intake = {.journal = open_small()};
	conn_gate_refuse(&gate, &intake, &peer, CONN_REFUSAL_MAX_PER_IP);
	conn_gate_refuse(&gate, &intake, &peer, CONN_REFUSAL_MAX_PER_IP);
	assert_int_equal(gate.refused.counts[CONN_REFUSAL_MAX_PER_IP], 2);
	assert_int_equal(gate.count, 0);
	journal_close(intake.journal);
	assert_int_equal(drop_folder(state), 0);
}

#define TEST(test) cmocka_unit_test_setup(test, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(no_more_than_max_connections_are_open),
		TEST(no_more_than_max_per_ip_are_open_of_an_address),
		TEST(a_negative_limit_is_a_percentage_of_all_but_at_least_256),
		TEST(a_limit_of_0_counts_for_a_later_one),
		TEST(above_max_connections_any_connection_makes_room),
		TEST(above_max_per_ip_one_of_the_address_makes_room),
		TEST(a_connection_above_max_per_ip_closes_no_other_address),
		TEST(a_refusal_is_counted_by_reason_and_not_as_open),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
