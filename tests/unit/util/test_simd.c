// SPDX-License-Identifier: MIT
// Compares the sets of simd.h with a loop over the bytes. test_simd_words.c does the same for machines without SSE2.
#include "util/simd.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

static uint32_t next(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

// Fills with bytes of which many are near those searched for.
static void write_bytes(uint32_t *seed, char bytes[64])
{
	static const char near[] = "0123456789/:,.\r\n\x00\x7f\x80\xac\xaf\xb0\xb9\xff";
	for (int i = 0; i < 64; i++)
		bytes[i] = next(seed) % 8 ? near[next(seed) % (sizeof near - 1)] : (char)next(seed);
}

static void sets_equal_those_of_a_loop(void **state)
{
	(void)state;
	uint32_t seed = 7;
	char bytes[64];
	for (int round = 0; round < 20000; round++) {
		uint64_t digits = 0, either = 0;
		write_bytes(&seed, bytes);
		for (int i = 0; i < 64; i++) {
			const bool digit = bytes[i] >= '0' && bytes[i] <= '9';
			digits |= (uint64_t)digit << i;
			either |= (uint64_t)(bytes[i] == ',' || bytes[i] == '/') << i;
		}
		for (int at = 0; at < 64; at += 16)
			assert_int_equal(
				lanes_digits(lanes_load(bytes + at)), digits >> at & 0xFFFF);
		assert_int_equal(lanes_either(lanes_load(bytes), ',', '/'), either & 0xFFFF);
		assert_int_equal(lanes_either32(bytes, ',', '/'), either & UINT32_MAX);
		assert_int_equal(lanes_either64(bytes, ',', '/'), either);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(sets_equal_those_of_a_loop)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
