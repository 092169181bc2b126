// SPDX-License-Identifier: MIT
// text.h with scan.h, and checksum.h.
#include "fixture.h"
#include "util/checksum.h"
#include "util/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define FAILS        INT64_MIN /* as expected value: the parser must fail */

static struct guarded guard;

static struct text text_of(const char *string)
{
	size_t len = strlen(string);
	return (struct text){(const char *)guarded_copy(&guard, string, len), len};
}

struct sample {
	const char *text;
	int64_t value;
};

typedef bool parser(struct text text, int64_t *value);

static void check_samples(parser *parse, const struct sample *samples, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int64_t value = 0;
		bool sound = parse(text_of(samples[i].text), &value);
		if (sound != (samples[i].value != FAILS) || (sound && value != samples[i].value))
			fail_msg("'%s': %s %lld, expected %lld", samples[i].text,
				sound ? "gives" : "fails", (long long)value,
				(long long)samples[i].value);
	}
}

static bool parse_uint(struct text text, int64_t *value)
{
	uint64_t number;
	bool sound = text_uint(text, &number);
	*value = sound ? (int64_t)number : 0;
	return sound;
}

static void uint_takes_1_to_18_digits(void **state)
{
	uint64_t nothing;
	(void)state;
	assert_false(text_uint((struct text){NULL, 0}, &nothing));
	static const struct sample samples[] = {{"0", 0}, {"7", 7}, {"0042", 42},
		{"12345678", 12345678}, {"123456789", 123456789},
		{"1234567890123456", 1234567890123456}, {"999999999999999999", 999999999999999999},
		{"1000000000000000000", FAILS}, {"18446744073709551617", FAILS},
		{"99999999999999999999999999", FAILS}, {"", FAILS}, {"-1", FAILS}, {"+1", FAILS},
		{" 1", FAILS}, {"1 ", FAILS}, {"12a", FAILS}, {"1234567:", FAILS},
		{"1234567/", FAILS}, {"\xff", FAILS}, {"1\xff", FAILS}, {"12345678\xb0", FAILS}};
	check_samples(parse_uint, samples, COUNT(samples));
}

// Every byte that is no digit ends a number, at each position within the eight bytes of a step.
static void only_digits_are_digits(void **state)
{
	(void)state;
	for (unsigned c = 0; c < 256; c++) {
		for (size_t at = 0; at < 10; at++) {
			char bytes[11] = "1234567890";
			bytes[at] = (char)c;
			struct text text = {(const char *)guarded_copy(&guard, bytes, 10), 10};
			uint64_t value;
			assert_int_equal(text_uint(text, &value), c >= '0' && c <= '9');
			if (c >= '0' && c <= '9')
				assert_int_equal(value, strtoull(bytes, NULL, 10));
		}
	}
}

static void int_accepts_a_sign(void **state)
{
	(void)state;
	static const struct sample samples[] = {{"-5", -5}, {"+5", 5}, {"5", 5}, {"-0", 0},
		{"-999999999999999999", -999999999999999999}, {"-", FAILS}, {"+", FAILS},
		{"--5", FAILS}, {"", FAILS}, {"-1000000000000000000", FAILS}};
	check_samples(text_int, samples, COUNT(samples));
}

static bool parse_hex(struct text text, int64_t *value)
{
	uint64_t number;
	bool sound = text_hex(text, &number);
	*value = sound ? (int64_t)number : 0;
	return sound;
}

static void hex_accepts_either_case(void **state)
{
	(void)state;
	static const struct sample samples[] = {{"0", 0}, {"fA7", 0xfa7},
		{"ABCDEFabcdef", 0xABCDEFABCDEF}, {"ffffffffffffffff", -1},
		{"0ffffffffffffffff", FAILS}, {"", FAILS}, {"g", FAILS}, {"0x1", FAILS},
		{"1 ", FAILS}, {"@", FAILS}, {"`", FAILS}, {"G", FAILS}, {"/", FAILS},
		{":", FAILS}};
	check_samples(parse_hex, samples, COUNT(samples));
}

static bool parse_fixed_2(struct text text, int64_t *value)
{
	return text_fixed(text, 2, value);
}

static void fixed_rounds_half_away_from_zero(void **state)
{
	(void)state;
	static const struct sample samples[] = {{"-12.3456", -1235}, {"22.40", 2240},
		{"22.4", 2240}, {"22", 2200}, {"22.", 2200}, {".5", 50}, {"-.5", -50},
		{"+1.005", 101}, {"1.0049999999999999999999999", 100},
		{"1.005000000000000000000000", 101}, {"-1.005", -101}, {"-0.004", 0},
		{"0.995", 100}, {"9.99999999999", 1000}, {"999999999999999.99", 99999999999999999},
		{"1000000000000000", FAILS}, {"", FAILS}, {".", FAILS}, {"-", FAILS}, {"-.", FAILS},
		{"1.2.3", FAILS}, {"1e3", FAILS}, {"1,5", FAILS}, {"1.5 ", FAILS}, {"nan", FAILS},
		{"1.x", FAILS}, {"1.23456789012x", FAILS}};
	check_samples(parse_fixed_2, samples, COUNT(samples));
}

static void fixed_rejects_what_does_not_fit(void **state)
{
	(void)state;
	int64_t value;
	assert_true(text_fixed(text_of("9.9"), 0, &value));
	assert_int_equal(value, 10);
	assert_true(text_fixed(text_of("1.123456789"), 9, &value));
	assert_int_equal(value, 1123456789);
	assert_true(text_fixed(text_of("9.1"), 18, &value));
	assert_int_equal(value, 9100000000000000000);
	assert_false(text_fixed(text_of("9.3"), 18, &value)); // beyond 2^63
	assert_false(text_fixed(text_of("999999999999999"), 18, &value));
}

static bool parse_latitude(struct text text, int64_t *value)
{
	return text_nmea_angle(text, 90, value);
}

static bool parse_longitude(struct text text, int64_t *value)
{
	return text_nmea_angle(text, 180, value);
}

static void nmea_angle_reads_minutes(void **state)
{
	(void)state;
	static const struct sample lat[] = {{"4807.0380", 481173000}, {"4807.038", 481173000},
		{"4807", 481166667}, {"0000.0000", 0}, {"9000.0000", 900000000},
		{"9000.0001", FAILS}, {"9100.0000", FAILS}, {"4860.0000", FAILS},
		{"4859.99999999", 490000000}, {"4899.0", FAILS}, {"7.5", 1250000},
		{"07.5", 1250000}, {"-4807.0", FAILS}, {"", FAILS}, {".5", FAILS},
		{"48x7.0", FAILS}, {"4807.0x", FAILS}, {"4807.0380.", FAILS}, {"4807,0380", FAILS},
		{"0000.00000299", 0}, {"0000.000003", 1}, {"4807.03800000000000000000", 481173000}};
	static const struct sample lon[] = {{"01131.0000", 115166667}, {"204.6787", 20779783},
		{"18000.0", 1800000000}, {"18000.00001", FAILS}, {"17959.9999", 1799999983},
		{"001131.0000", FAILS}, {"99999.9", FAILS}};
	check_samples(parse_latitude, lat, COUNT(lat));
	check_samples(parse_longitude, lon, COUNT(lon));
}

// Compares with the C library for every valid day and the days before and after.
static void make_time_agrees_with_timegm(void **state)
{
	(void)state;
	for (int year = 1970; year < 2200; year++) {
		for (int month = 1; month <= 12; month++) {
			for (int day = 0; day <= 32; day++) {
				struct tm tm = {.tm_year = year - 1900,
					.tm_mon = month - 1,
					.tm_mday = day,
					.tm_hour = 23,
					.tm_min = 59,
					.tm_sec = 59};
				time_t seconds = timegm(&tm);
				bool exists = tm.tm_mon == month - 1 && tm.tm_mday == day;
				int64_t us = 0;
				assert_int_equal(
					text_make_time(year, month, day, 23, 59, 59, 999999, &us),
					exists);
				if (exists)
					assert_int_equal(us, seconds * 1000000LL + 999999);
			}
		}
	}
}

static void make_time_rejects_invalid_times(void **state)
{
	(void)state;
	int64_t us;
	assert_true(text_make_time(2026, 11, 22, 0, 0, 0, 0, &us));
	static const int bad[][7] = {{1969, 12, 31, 0, 0, 0, 0}, {2200, 1, 1, 0, 0, 0, 0},
		{2026, 0, 1, 0, 0, 0, 0}, {2026, 13, 1, 0, 0, 0, 0}, {2026, -1, 1, 0, 0, 0, 0},
		{2026, 1, -1, 0, 0, 0, 0}, {2026, 1, 1, 24, 0, 0, 0}, {2026, 1, 1, 0, 60, 0, 0},
		{2026, 1, 1, 0, 0, 60, 0}, {2026, 1, 1, 0, 0, 0, 1000000},
		{2026, 1, 1, -1, 0, 0, 0}, {2026, 1, 1, 0, -1, 0, 0}, {2026, 1, 1, 0, 0, -1, 0},
		{2026, 1, 1, 0, 0, 0, -1}};
	for (size_t i = 0; i < COUNT(bad); i++) {
		const int *b = bad[i];
		assert_false(text_make_time(b[0], b[1], b[2], b[3], b[4], b[5], b[6], &us));
	}
}

static void clock_and_dates(void **state)
{
	(void)state;
	static const struct sample clocks[] = {{"101500.000", 36900000000}, {"101500", 36900000000},
		{"101500.", 36900000000}, {"235959.9999999", 86399999999}, {"000000.5", 500000},
		{"000000.123456", 123456}, {"000000.12345678", 123456}, {"240000", FAILS},
		{"126000", FAILS}, {"120060", FAILS}, {"10150", FAILS}, {"1015000", FAILS},
		{"10150x", FAILS}, {"101500,0", FAILS}, {"101500.0x", FAILS}, {"", FAILS},
		{"-10150", FAILS}};
	const int64_t day = 86400000000;
	const struct sample dmy[] = {{"221126", 20779 * day}, {"010170", 36525 * day},
		{"310180", 3682 * day}, {"311299", 10956 * day}, {"290224", 19782 * day},
		{"290225", FAILS}, {"310426", FAILS}, {"000126", FAILS}, {"010026", FAILS},
		{"011326", FAILS}, {"22112", FAILS}, {"2211260", FAILS}, {"2211x6", FAILS},
		{"", FAILS}};
	const struct sample ymd[] = {{"261122", 20779 * day}, {"260431", FAILS}};
	check_samples(text_hhmmss, clocks, COUNT(clocks));
	check_samples(text_ddmmyy, dmy, COUNT(dmy));
	check_samples(text_yymmdd, ymd, COUNT(ymd));
}

static void next_distinguishes_empty_from_none(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *fields[5];
	} samples[] = {{"a,b", {"a", "b"}}, {"a,", {"a", ""}}, {",", {"", ""}}, {"", {""}},
		{",,x", {"", "", "x"}}, {"abc", {"abc"}}};
	for (size_t i = 0; i < COUNT(samples); i++) {
		struct text rest = text_of(samples[i].text), field;
		size_t n = 0;
		for (; text_next(&rest, ',', &field); n++) {
			assert_non_null(samples[i].fields[n]);
			assert_true(text_equal(field, samples[i].fields[n]));
		}
		assert_null(samples[i].fields[n]);
		assert_null(rest.data);
	}
}

static void equal_compares_the_whole_text(void **state)
{
	(void)state;
	assert_true(text_equal(text_of("POS"), "POS"));
	assert_false(text_equal(text_of("PO"), "POS"));
	assert_false(text_equal(text_of("POSX"), "POS"));
	assert_true(text_equal((struct text){NULL, 0}, ""));
	assert_false(text_equal((struct text){NULL, 0}, "x"));
}

static uint16_t crc_bit_by_bit(const uint8_t *data, size_t len, unsigned crc, unsigned poly)
{
	for (size_t i = 0; i < len; i++) {
		crc ^= data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ poly : crc >> 1;
	}
	return (uint16_t)crc;
}

static uint16_t x25_bit_by_bit(const uint8_t *data, size_t len)
{
	return (uint16_t)~crc_bit_by_bit(data, len, 0xFFFF, 0x8408);
}

static uint16_t ccitt_bit_by_bit(const uint8_t *data, size_t len)
{
	unsigned crc = 0xFFFF;
	for (size_t i = 0; i < len; i++) {
		crc ^= (unsigned)data[i] << 8;
		for (int bit = 0; bit < 8; bit++)
			crc = (crc << 1 ^ (crc & 0x8000 ? 0x1021 : 0)) & 0xFFFF;
	}
	return (uint16_t)crc;
}

static void checksums(void **state)
{
	(void)state;
	const uint8_t *check = guarded_copy(&guard, "123456789", 9);
	assert_int_equal(checksum_crc16_x25(check, 9), 0x906E);
	assert_int_equal(checksum_crc16_x25(check, 0), 0);
	assert_int_equal(checksum_crc16_arc(check, 9), 0xBB3D);
	assert_int_equal(checksum_crc16_arc(check, 0), 0);
	assert_int_equal(checksum_crc16_ccitt(check, 9), 0x29B1);
	assert_int_equal(checksum_crc16_ccitt(check, 0), 0xFFFF);
	for (unsigned c = 0; c < 256; c++) {
		uint8_t bytes[3] = {(uint8_t)c, 0x5A, (uint8_t)(c * 7)};
		assert_int_equal(checksum_crc16_x25(bytes, 3), x25_bit_by_bit(bytes, 3));
		assert_int_equal(checksum_crc16_x25(bytes, 1), x25_bit_by_bit(bytes, 1));
		assert_int_equal(checksum_crc16_ccitt(bytes, 3), ccitt_bit_by_bit(bytes, 3));
		uint8_t more[11];
		for (unsigned i = 0; i < sizeof more; i++)
			more[i] = (uint8_t)(c * (2 * i + 1) + i);
		for (size_t len = 0; len <= sizeof more; len++)
			assert_int_equal(checksum_crc16_arc(guarded_copy(&guard, more, len), len),
				crc_bit_by_bit(more, len, 0, 0xA001));
	}
	assert_int_equal(checksum_xor(check, 0), 0);
	assert_int_equal(checksum_xor(guarded_copy(&guard, "\x01\x02\x84", 3), 3), 0x87);
	uint8_t bytes[300], sum = 0;
	for (size_t len = 0; len < sizeof bytes; len++) {
		assert_int_equal(checksum_sum(guarded_copy(&guard, bytes, len), len), sum);
		bytes[len] = (uint8_t)(255 - len * len % 7);
		sum = (uint8_t)(sum + bytes[len]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(uint_takes_1_to_18_digits),
		cmocka_unit_test(only_digits_are_digits),
		cmocka_unit_test(int_accepts_a_sign),
		cmocka_unit_test(hex_accepts_either_case),
		cmocka_unit_test(fixed_rounds_half_away_from_zero),
		cmocka_unit_test(fixed_rejects_what_does_not_fit),
		cmocka_unit_test(nmea_angle_reads_minutes),
		cmocka_unit_test(make_time_agrees_with_timegm),
		cmocka_unit_test(make_time_rejects_invalid_times),
		cmocka_unit_test(clock_and_dates),
		cmocka_unit_test(next_distinguishes_empty_from_none),
		cmocka_unit_test(equal_compares_the_whole_text),
		cmocka_unit_test(checksums),
	};
	guard = guarded_new(4096);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	guarded_free(&guard);
	return failed;
}
