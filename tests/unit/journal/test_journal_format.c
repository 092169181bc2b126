// SPDX-License-Identifier: MIT
// The search for an entry among other bytes.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "journal/journal_format.h"

#include <string.h>

#define SIZE  20480 /* five pages */
#define FIRST UINT64_C(0x100000)

static _Alignas(8) uint8_t map[SIZE];

// Writes an entry of 16 bytes. Returns the offset after it.
static uint64_t put_entry(const sd_id128_t *uuid, uint64_t offset)
{
	static const uint8_t payload[16] = "sixteen bytes ..";
	const struct entry_header header = {.length = sizeof(payload),
		.check =
			journal_format_entry_check(uuid, FIRST + offset, payload, sizeof(payload))};
	memcpy(map + offset, &header, sizeof(header));
	memcpy(map + offset + sizeof(header), payload, sizeof(payload));
	return offset + sizeof(header) + sizeof(payload);
}

static void an_entry_is_found_wherever_it_begins(void **state)
{
	const sd_id128_t uuid = {{1, 2, 3}};
	(void)state;
	for (int fill = 0; fill <= 1; fill++) {
		for (uint64_t at = 64; at + 64 <= SIZE; at += 8) {
			memset(map, fill ? 0xEE : 0, sizeof(map));
			const uint64_t end = put_entry(&uuid, at);
			assert_int_equal(
				journal_format_find_entry(&uuid, map, FIRST, 64, SIZE), at);
			assert_int_equal(journal_format_find_entry(&uuid, map, FIRST, at, end), at);
			assert_int_equal(
				journal_format_find_entry(&uuid, map, FIRST, end, SIZE), SIZE);
			assert_int_equal(
				journal_format_find_entry(&uuid, map, FIRST, 64, end - 8), end - 8);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_entry_is_found_wherever_it_begins),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
