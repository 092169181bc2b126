// SPDX-License-Identifier: MIT
// The limits of rows that peers cause: per source and minute, per second, per day, and what the summaries add up to.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "intake/row_limits.h"
#include "util/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PER_MINUTE 20
#define PER_SECOND 50
#define DAY_S      86400

static struct row_limits *limits;
static uint32_t now;
static uint64_t summed; /* rows in the summaries written */
static size_t summaries;
static struct row_limits_summary last;
static char last_causes[1024];
static bool has_room;

static int begin_with(uint64_t per_day)
{
	limits = row_limits_new((struct row_limits_numbers){PER_MINUTE, PER_SECOND, per_day});
	now = 1000000;
	summed = summaries = 0;
	last_causes[0] = '\0';
	has_room = true;
	return limits ? 0 : -1;
}

static int begin(void **state)
{
	(void)state;
	return begin_with(1000000);
}

static int end(void **state)
{
	(void)state;
	row_limits_free(limits);
	return 0;
}

static bool on_summary(void *context, const struct row_limits_summary *summary)
{
	size_t len = 0;
	uint64_t named = 0;

	(void)context;
	if (!has_room)
		return false;
	last = *summary;
	summed += summary->count;
	summaries++;
	last_causes[0] = '\0';
	for (size_t i = 0; i < summary->causes; i++) {
		named += summary->cause[i].count;
		len += (size_t)snprintf(last_causes + len, sizeof(last_causes) - len, "%s=%llu ",
			summary->cause[i].name, (unsigned long long)summary->cause[i].count);
	}
	assert_int_equal(named, summary->count);
	return true;
}

static void seconds_pass(uint32_t seconds)
{
	while (seconds-- > 0) {
		now++;
		row_limits_each_second(limits, now, on_summary, NULL);
	}
}

static struct peer ipv4(uint32_t n)
{
	return (struct peer){.address = {[10] = 0xff,
				     0xff,
				     (uint8_t)(n >> 24),
				     (uint8_t)(n >> 16),
				     (uint8_t)(n >> 8),
				     (uint8_t)n},
		.port = 4711};
}

static bool allow(const struct peer *peer, const char *cause, enum row_standing standing)
{
	const struct row_limits_row row = {.peer = peer, .cause = cause, .standing = standing};
	return row_limits_allow(limits, &row, now);
}

static size_t count_allowed(const struct peer *peer, size_t rows)
{
	size_t allowed = 0;
	for (size_t i = 0; i < rows; i++)
		allowed += allow(peer, "bad checksum", ROW_STRANGER);
	return allowed;
}

static void the_first_rows_of_an_address_are_written_the_others_are_summed_up(void **state)
{
	(void)state;
	const struct peer peer = ipv4(0x0a000001);
	assert_int_equal(count_allowed(&peer, 1000), PER_MINUTE);
	for (int i = 0; i < 20; i++)
		assert_false(allow(&peer, "unknown protocol", ROW_STRANGER));
	assert_int_equal(row_limits_left_out(limits), 1000 - PER_MINUTE + 20);
	seconds_pass(59);
	assert_int_equal(summaries, 0);
	seconds_pass(1);
	assert_int_equal(summaries, 1);
	assert_int_equal(summed, 1000 - PER_MINUTE + 20);
	assert_string_equal(last_causes, "bad checksum=980 unknown protocol=20 ");
	assert_memory_equal(&last.peer, &peer, sizeof(peer));
	assert_int_equal(last.seconds, 60);
	// The next minute begins with its first row.
	assert_int_equal(count_allowed(&peer, 1000), PER_MINUTE);
}

static void an_address_that_keeps_within_the_limit_has_no_summary(void **state)
{
	(void)state;
	const struct peer peer = ipv4(0x0a000001);
	for (int minute = 0; minute < 10; minute++) {
		assert_int_equal(count_allowed(&peer, PER_MINUTE), PER_MINUTE);
		seconds_pass(60);
	}
	assert_int_equal(summaries, 0);
	assert_int_equal(row_limits_left_out(limits), 0);
}

static void ipv6_counts_by_64_and_ipv4_by_32_bits(void **state)
{
	(void)state;
	struct peer peer = {.address = {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 1}};
	size_t allowed = 0;
	for (unsigned n = 0; n < 256; n++) {
		peer.address[15] = (uint8_t)n;
		allowed += allow(&peer, "x", ROW_STRANGER);
	}
	assert_int_equal(allowed, PER_MINUTE);
	now++;
	peer.address[7] = 2;
	assert_true(allow(&peer, "x", ROW_STRANGER));
	for (uint32_t n = 1; n <= 10; n++) {
		const struct peer other = ipv4(0x0a000000 + n);
		assert_true(allow(&other, "x", ROW_STRANGER));
	}
}

static void devices_count_by_themselves_and_not_for_the_day(void **state)
{
	(void)state;
	const struct peer peer = ipv4(0x0a000001);
	char ident[16];
	for (int n = 0; n < 500; n++) {
		const int len = snprintf(ident, sizeof(ident), "%d", n);
		const struct row_limits_row row = {
			&peer, {ident, (size_t)len}, "idle timeout", ROW_ADMITTED};
		for (int i = 0; i < 30; i++)
			assert_int_equal(row_limits_allow(limits, &row, now), i < PER_MINUTE);
	}
	assert_true(allow(&peer, "x", ROW_STRANGER)); // the address itself has had no row
	seconds_pass(200);                            // a few summaries a second
	assert_int_equal(summed, 500 * 10);
	assert_in_range(last.ident.len, 1, 3);
}

static void a_second_has_a_limit_for_all_addresses(void **state)
{
	(void)state;
	const uint32_t strangers = PER_SECOND - PER_SECOND / 4;
	for (int second = 0; second < 10; second++, now++) {
		uint32_t allowed = 0;
		for (uint32_t n = 0; n < 10000; n++) {
			const struct peer peer = ipv4((uint32_t)second << 16 | n);
			allowed += allow(&peer, "x", ROW_STRANGER);
		}
		assert_int_equal(allowed, strangers);
		// A peer that has sent a good frame still has its rows.
		const struct peer proven = ipv4(0x7f000001 + (uint32_t)second);
		for (uint32_t i = strangers; i < PER_SECOND; i++)
			assert_true(allow(&proven, "x", ROW_PROVEN));
		assert_false(allow(&proven, "x", ROW_PROVEN));
	}
}

// A flood from ever new addresses for two days: rows of strangers, of proven peers and summaries within the day's limit.
static void a_day_has_a_limit_for_all_addresses(void **state)
{
	(void)state;
	const uint64_t per_day = 4800;
	uint64_t rows = 0, first_day = 0;
	end(NULL);
	begin_with(per_day);
	for (uint32_t second = 0; second < 2 * DAY_S; second += 10) {
		for (uint32_t n = 0; n < 3; n++) {
			const struct peer peer = ipv4(second * 16 + n);
			rows += allow(&peer, "x", n == 0 ? ROW_PROVEN : ROW_STRANGER);
		}
		now += 10;
		row_limits_each_second(limits, now, on_summary, NULL);
		if (second == DAY_S - 10)
			first_day = rows + summaries;
	}
	// One row a minute for all addresses without a summary of their own comes in addition.
	assert_in_range(first_day, per_day - 10, per_day + DAY_S / 60);
	assert_in_range(rows + summaries - first_day, 0, per_day + DAY_S / 60);
	row_limits_finish(limits, now, on_summary, NULL);
	assert_int_equal(summed, row_limits_left_out(limits));
}

// Every row is either allowed or in exactly one summary, also when sources are pushed out of the table.
static void every_row_left_out_is_in_one_summary(void **state)
{
	(void)state;
	uint64_t allowed = 0, asked = 0;
	for (int minute = 0; minute < 20; minute++) {
		for (uint32_t n = 0; n < 20000; n++, asked++) {
			const struct peer peer = ipv4(n * 7919 % 5000);
			allowed += allow(&peer, n % 3 ? "a" : "b", ROW_STRANGER);
		}
		has_room = minute % 5 != 0; // the journal is full at times
		seconds_pass(30);
	}
	has_room = true;
	seconds_pass(600);
	row_limits_finish(limits, now, on_summary, NULL);
	assert_int_equal(allowed + summed, asked);
	assert_int_equal(summed, row_limits_left_out(limits));
}

static void many_causes_are_counted_as_others(void **state)
{
	(void)state;
	const struct peer peer = ipv4(1);
	char cause[200];
	assert_int_equal(count_allowed(&peer, PER_MINUTE), PER_MINUTE);
	for (int i = 0; i < 100; i++) {
		snprintf(cause, sizeof(cause), "cause %d %0150d", i, i);
		assert_false(allow(&peer, cause, ROW_STRANGER));
	}
	seconds_pass(61);
	assert_int_equal(last.count, 100);
	assert_int_equal(last.causes, ROW_LIMITS_CAUSES + 1);
	assert_string_equal(last.cause[ROW_LIMITS_CAUSES].name, "");
	assert_int_equal(last.cause[ROW_LIMITS_CAUSES].count, 96);
}

static void without_limits_all_is_allowed(void **state)
{
	(void)state;
	const struct peer peer = ipv4(1);
	const struct row_limits_row row = {.peer = &peer, .cause = "x"};
	for (int i = 0; i < 1000; i++)
		assert_true(row_limits_allow(NULL, &row, now));
	row_limits_each_second(NULL, now, on_summary, NULL);
	row_limits_finish(NULL, now, on_summary, NULL);
	assert_int_equal(row_limits_left_out(NULL), 0);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_first_rows_of_an_address_are_written_the_others_are_summed_up),
		TEST(an_address_that_keeps_within_the_limit_has_no_summary),
		TEST(ipv6_counts_by_64_and_ipv4_by_32_bits),
		TEST(devices_count_by_themselves_and_not_for_the_day),
		TEST(a_second_has_a_limit_for_all_addresses),
		TEST(a_day_has_a_limit_for_all_addresses),
		TEST(every_row_left_out_is_in_one_summary),
		TEST(many_causes_are_counted_as_others),
		TEST(without_limits_all_is_allowed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
