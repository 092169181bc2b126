// SPDX-License-Identifier: MIT
// The number of connections of each address, also when uthash has no memory.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdlib.h>

static bool no_memory;

static void *scarce_malloc(size_t size)
{
	return no_memory ? NULL : malloc(size);
}
#define uthash_malloc(size) scarce_malloc(size)

#include "../../../src/net/conn_addresses.c"

#define V4(last)                                                                                   \
	{                                                                                          \
		[10] = 0xff, [11] = 0xff, [12] = 192, [14] = 2, [15] = (last)                      \
	}
static const struct peer a = {.address = V4(1), .port = 1}, b = {.address = V4(2)},
			 a_again = {.address = V4(1), .port = 2};

static void each_address_has_its_own_limit(void **state)
{
	struct conn_addresses addresses = {0};

	(void)state;
	assert_int_equal(conn_addresses_add(&addresses, &a, 2), ADDRESS_COUNTED);
	assert_int_equal(conn_addresses_add(&addresses, &a_again, 2), ADDRESS_COUNTED);
	assert_int_equal(conn_addresses_add(&addresses, &a, 2), ADDRESS_HAS_MAX);
	assert_int_equal(conn_addresses_add(&addresses, &b, 2), ADDRESS_COUNTED);
	conn_addresses_remove(&addresses, &a_again);
	assert_int_equal(conn_addresses_add(&addresses, &a, 2), ADDRESS_COUNTED);
	conn_addresses_remove(&addresses, &a);
	conn_addresses_remove(&addresses, &a);
	conn_addresses_remove(&addresses, &b);
	assert_null(addresses.table);
}

static void an_ipv6_network_of_64_bits_counts_as_one_address(void **state)
{
	const struct peer one = {.address = {0x20, 1, 0x0d, 0xb8, [7] = 1, [8] = 1}};
	const struct peer same = {.address = {0x20, 1, 0x0d, 0xb8, [7] = 1, [15] = 2}};
	const struct peer other = {.address = {0x20, 1, 0x0d, 0xb8, [7] = 2}};
	struct conn_addresses addresses = {0};

	(void)state;
	assert_int_equal(conn_addresses_add(&addresses, &one, 1), ADDRESS_COUNTED);
	assert_int_equal(conn_addresses_add(&addresses, &same, 1), ADDRESS_HAS_MAX);
	assert_int_equal(conn_addresses_add(&addresses, &other, 1), ADDRESS_COUNTED);
	assert_true(conn_addresses_same(&one, &same));
	assert_false(conn_addresses_same(&one, &other));
	assert_false(conn_addresses_same(&a, &b));
	conn_addresses_remove(&addresses, &same);
	conn_addresses_remove(&addresses, &other);
	assert_null(addresses.table);
}

// They are counted: a reload may set a limit.
static void without_a_limit_all_are_counted(void **state)
{
	struct conn_addresses addresses = {0};

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(conn_addresses_add(&addresses, &a, 0), ADDRESS_COUNTED);
	assert_int_equal(conn_addresses_add(&addresses, &a, 3), ADDRESS_HAS_MAX);
	for (int i = 0; i < 3; i++)
		conn_addresses_remove(&addresses, &a);
	assert_null(addresses.table);
}

static void without_memory_it_says_so(void **state)
{
	struct conn_addresses addresses = {0};

	(void)state;
	no_memory = true;
	assert_int_equal(conn_addresses_add(&addresses, &a, 2), ADDRESS_NO_MEMORY);
	no_memory = false;
	assert_int_equal(conn_addresses_add(&addresses, &a, 2), ADDRESS_COUNTED);
	conn_addresses_remove(&addresses, &a);
	assert_null(addresses.table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_address_has_its_own_limit),
		cmocka_unit_test(an_ipv6_network_of_64_bits_counts_as_one_address),
		cmocka_unit_test(without_a_limit_all_are_counted),
		cmocka_unit_test(without_memory_it_says_so),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
