// SPDX-License-Identifier: MIT
// Scanners: which get rows, and the line a minute about all.
#include "intake/scanners.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct scanners scanners;
static char line[SCANNERS_TEXT];

static int begin(void **state)
{
	(void)state;
	scanners = (struct scanners){0};
	return 0;
}

static int index_of(const char *kind)
{
	int i = 0;

	while (strcmp(scanner_kind((size_t)i), kind) != 0)
		i++;
	return i;
}

static bool note(uint8_t address, const char *kind, uint32_t now_s)
{
	const struct peer peer = {.address = {[10] = 0xff, 0xff, 192, 0, 2, address}, .port = 4711};

	return scanners_note(&scanners, &peer, index_of(kind), now_s);
}

static void the_first_of_an_address_in_an_hour_gets_rows(void **state)
{
	(void)state;
	assert_true(note(1, "tls", 10));
	assert_false(note(1, "ssh", 11));
	assert_true(note(2, "tls", 12));
	assert_false(note(1, "tls", 10 + SCANNERS_S - 1));
	assert_true(note(1, "tls", 10 + SCANNERS_S));
	assert_int_equal(scanners.counts[index_of("tls")], 4);
	assert_int_equal(scanners.counts[index_of("ssh")], 1);
}

static void one_line_a_minute_sums_up_kinds_and_addresses(void **state)
{
	(void)state;
	assert_false(scanners_line(&scanners, 10, false, line));
	for (unsigned i = 0; i < 1000; i++)
		note((uint8_t)(i % 20), i % 4 ? "tls" : "http", 10);
	assert_true(scanners_line(&scanners, 11, false, line));
	assert_string_equal(line, "probes=1000 addresses=20 kinds=\"tls 750, http 250\" "
				  "example=192.0.2.19:4711 kind=tls");
	assert_false(scanners_line(&scanners, 100, false, line)); // none since
	note(1, "ssh", 100);
	note(1, "ssh", 101);
	assert_true(scanners_line(&scanners, 101, false, line));
	assert_string_equal(
		line, "probes=2 addresses=1 kinds=\"ssh 2\" example=192.0.2.1:4711 kind=ssh");
	note(7, "tls", 102);
	assert_false(scanners_line(&scanners, 101 + SCANNERS_LOG_S - 1, false, line));
	assert_true(scanners_line(&scanners, 101 + SCANNERS_LOG_S, false, line));
	note(7, "tls", 163);
	assert_true(scanners_line(&scanners, 163, true, line)); // at the end
	assert_false(scanners_line(&scanners, 163, true, line));
}

static void a_line_of_all_kinds_fits(void **state)
{
	(void)state;
	const struct peer peer = {.address = {0xff}};
	for (int i = 0; scanner_kind((size_t)i); i++) {
		scanners_note(&scanners, &peer, i, 10);
		scanners.counts[i] = UINT64_MAX;
	}
	assert_true(scanners_line(&scanners, 10, false, line));
	assert_non_null(strstr(line, "\" example="));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, begin)
	const struct CMUnitTest tests[] = {
		TEST(the_first_of_an_address_in_an_hour_gets_rows),
		TEST(one_line_a_minute_sums_up_kinds_and_addresses),
		TEST(a_line_of_all_kinds_fits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
