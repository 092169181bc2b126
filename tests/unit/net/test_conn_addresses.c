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

static const struct peer a = {.address = {[15] = 1}, .port = 1}, b = {.address = {[15] = 2}},
			 a_again = {.address = {[15] = 1}, .port = 2};

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

static void without_a_limit_nothing_is_counted(void **state)
{
	struct conn_addresses addresses = {0};

	(void)state;
	assert_int_equal(conn_addresses_add(&addresses, &a, 0), ADDRESS_COUNTED);
	assert_null(addresses.table);
	conn_addresses_remove(&addresses, &a);
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
		cmocka_unit_test(without_a_limit_nothing_is_counted),
		cmocka_unit_test(without_memory_it_says_so),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
