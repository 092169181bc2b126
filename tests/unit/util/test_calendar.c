// SPDX-License-Identifier: MIT
// Compares calendar.h with the C library over some 400 years and at the extremes.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>
#include <time.h>

#include "util/calendar.h"
#include "util/clock.h"
#include "util/hex.h"

static void calendar_agrees_with_gmtime(void **state)
{
	(void)state;
	for (int64_t second = -6857222400; second < 7258118400; second += 40009) {
		const time_t time = (time_t)second;
		const struct calendar c = calendar_of(second * 1000000 + 7);
		struct tm tm;
		gmtime_r(&time, &tm);
		assert_int_equal(c.year, tm.tm_year + 1900);
		assert_int_equal(c.month, tm.tm_mon + 1);
		assert_int_equal(c.day, tm.tm_mday);
		assert_int_equal(c.hour, tm.tm_hour);
		assert_int_equal(c.minute, tm.tm_min);
		assert_int_equal(c.second, tm.tm_sec);
		assert_int_equal(c.us, 7);
	}
}

static void text_has_three_six_or_no_decimals(void **state)
{
	char text[CALENDAR_TEXT_MAX];

	(void)state;
	assert_string_equal(calendar_text(1795342500123456, 3, text), "2026-11-22T10:15:00.123Z");
	assert_string_equal(
		calendar_text(1795342500123456, 6, text), "2026-11-22T10:15:00.123456Z");
	assert_string_equal(calendar_text(1795342500123456, 0, text), "2026-11-22T10:15:00Z");
	assert_string_equal(calendar_text(-1, 6, text), "1969-12-31T23:59:59.999999Z");
	assert_string_equal(calendar_text(951782400000000, 3, text), "2000-02-29T00:00:00.000Z");
}

static void text_fits_at_the_extremes(void **state)
{
	char text[CALENDAR_TEXT_MAX];

	(void)state;
	assert_true(strlen(calendar_text(INT64_MAX, 6, text)) < sizeof(text));
	assert_true(strlen(calendar_text(INT64_MIN, 6, text)) < sizeof(text));
}

static void clocks_agree_with_each_other(void **state)
{
	(void)state;
	const int64_t before = clock_monotonic_us();
	const uint32_t seconds = clock_coarse_s();
	assert_true(clock_monotonic_us() >= before);
	assert_true(clock_coarse_s() - seconds <= 1);
	assert_true((int32_t)(clock_coarse_ms() - (uint32_t)(before / 1000)) > -1000);
	assert_true(clock_utc_us() > INT64_C(1577836800000000)); // 2020
}

static void hex_is_lower_case(void **state)
{
	char out[6];

	(void)state;
	assert_ptr_equal(hex_write(out, "\x00\xAB\x9f", 3), out + 6);
	assert_memory_equal(out, "00ab9f", 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calendar_agrees_with_gmtime),
		cmocka_unit_test(text_has_three_six_or_no_decimals),
		cmocka_unit_test(text_fits_at_the_extremes),
		cmocka_unit_test(clocks_agree_with_each_other),
		cmocka_unit_test(hex_is_lower_case),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
