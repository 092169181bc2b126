// SPDX-License-Identifier: MIT
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "util/uthash_config.h"

#include <stdio.h>

#define KEYS      400
#define SAME_BITS 14 /* of the hash without a seed: more than the buckets that so many keys get */
#define MOST      40 /* in a bucket, of which there are 64 or more */

struct item {
	char key[12];
	UT_hash_handle hh;
};

static bool meets_others(const char *key, size_t len)
{
	return (XXH3_64bits(key, len) & ((1u << SAME_BITS) - 1)) == 0;
}

// What an attacker can find out at home is of no use.
static void keys_that_meet_without_the_seed_do_not_with_it(void **state)
{
	static struct item items[KEYS];
	struct item *table = NULL, *found;
	unsigned most = 0;

	(void)state;
	for (unsigned i = 0, number = 0; i < KEYS; number++) {
		const int len = snprintf(items[i].key, sizeof(items[i].key), "86%09u", number);
		if (!meets_others(items[i].key, (size_t)len))
			continue;
		HASH_ADD_KEYPTR(hh, table, items[i].key, (size_t)len, &items[i]);
		i++;
	}
	for (unsigned i = 0; i < table->hh.tbl->num_buckets; i++)
		if (table->hh.tbl->buckets[i].count > most)
			most = table->hh.tbl->buckets[i].count;
	assert_in_range(most, 1, MOST);
	HASH_FIND(hh, table, items[7].key, 11, found);
	assert_ptr_equal(found, &items[7]);
	HASH_CLEAR(hh, table);
}

static void the_seed_stays(void **state)
{
	(void)state;
	assert_int_not_equal(hash_seed(), 0);
	assert_int_equal(hash_seed(), hash_seed());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_that_meet_without_the_seed_do_not_with_it),
		cmocka_unit_test(the_seed_stays),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
