// SPDX-License-Identifier: MIT
#include "util/decimal.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

#include <cmocka.h>

static void check(uint64_t value)
{
	char expected[32], written[DECIMAL_MAX];
	const int len = snprintf(expected, sizeof expected, "%" PRIu64, value);
	assert_int_equal(decimal_count(value), len);
	assert_ptr_equal(decimal_write(written, value), written + len);
	assert_memory_equal(written, expected, (size_t)len);
}

static void writes_as_printf_does(void **state)
{
	(void)state;
	for (uint64_t power = 1; power > 0; power = power > UINT64_MAX / 10 ? 0 : power * 10) {
		check(power - 1);
		check(power);
		check(power + 1);
		check(power * 9 + 5);
	}
	for (unsigned bit = 0; bit < 64; bit++) {
		check((UINT64_C(1) << bit) - 1);
		check(UINT64_C(1) << bit);
	}
	check(UINT64_MAX);
}

static void fixed_numbers_have_a_digit_before_the_point(void **state)
{
	(void)state;
	static const struct {
		int64_t value;
		unsigned decimals;
		const char *text;
	} samples[] = {
		{0, 0, "0"},
		{-7, 0, "-7"},
		{1234, 2, "12.34"},
		{-5, 2, "-0.05"},
		{100, 2, "1.00"},
		{99, 2, "0.99"},
		{0, 1, "0.0"},
		{INT64_MAX, 0, "9223372036854775807"},
		{INT64_MIN, 19, "-0.9223372036854775808"},
	};
	for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
		char written[32];
		const struct decimal decimal = decimal_fixed(samples[i].value, samples[i].decimals);
		assert_int_equal(decimal.len, strlen(samples[i].text));
		decimal_put(written, &decimal);
		assert_memory_equal(written, samples[i].text, decimal.len);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_as_printf_does),
		cmocka_unit_test(fixed_numbers_have_a_digit_before_the_point),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
