// SPDX-License-Identifier: MIT
// The cache of recent keys finds a repeat for at least a generation, and nothing else.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "writer/dedup_cache.h"

static struct dedup_key key_of(uint32_t n)
{
	return (struct dedup_key){1 + n % 100, 1795342500000000 + n / 100 * 1000000, n * 7919};
}

static size_t add(struct dedup_cache *recent, uint32_t first, uint32_t count)
{
	size_t repeats = 0;
	for (uint32_t n = first; n < first + count; n++) {
		const struct dedup_key key = key_of(n);
		repeats += dedup_cache_add(recent, &key);
	}
	return repeats;
}

static void repeats_are_found(void **state)
{
	(void)state;
	struct dedup_cache *recent = dedup_cache_new();
	assert_int_equal(add(recent, 0, DEDUP_CACHE_GENERATION), 0);
	assert_int_equal(add(recent, 0, DEDUP_CACHE_GENERATION), DEDUP_CACHE_GENERATION);
	dedup_cache_free(recent);
}

static void each_part_of_the_key_counts(void **state)
{
	(void)state;
	struct dedup_cache *recent = dedup_cache_new();
	const struct dedup_key keys[] = {{1, 2, 3}, {2, 2, 3}, {1, 3, 3}, {1, 2, 4}};
	for (size_t i = 0; i < 4; i++)
		assert_false(dedup_cache_add(recent, &keys[i]));
	for (size_t i = 0; i < 4; i++)
		assert_true(dedup_cache_add(recent, &keys[i]));
	dedup_cache_free(recent);
}

static void the_oldest_keys_are_forgotten(void **state)
{
	(void)state;
	struct dedup_cache *recent = dedup_cache_new();
	// Enough keys to empty each generation more than once.
	for (uint32_t first = 0; first < 7 * DEDUP_CACHE_GENERATION;
		first += DEDUP_CACHE_GENERATION / 2)
		assert_int_equal(add(recent, first, DEDUP_CACHE_GENERATION / 2), 0);
	const uint32_t last = 7 * DEDUP_CACHE_GENERATION - DEDUP_CACHE_GENERATION;
	assert_int_equal(add(recent, last, DEDUP_CACHE_GENERATION), DEDUP_CACHE_GENERATION);
	assert_int_equal(add(recent, 0, 1000), 0);
	dedup_cache_free(recent);
}

static void forget_removes_all_keys(void **state)
{
	(void)state;
	struct dedup_cache *recent = dedup_cache_new();
	assert_int_equal(add(recent, 0, DEDUP_CACHE_GENERATION + 1000), 0);
	dedup_cache_forget(recent);
	assert_int_equal(add(recent, 0, DEDUP_CACHE_GENERATION + 1000), 0);
	assert_int_equal(add(recent, 0, 1), 1);
	dedup_cache_free(recent);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(repeats_are_found),
		cmocka_unit_test(each_part_of_the_key_counts),
		cmocka_unit_test(the_oldest_keys_are_forgotten),
		cmocka_unit_test(forget_removes_all_keys),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
