// SPDX-License-Identifier: MIT
// Entries decoded again. What a start restores from a journal is tested in test_hold.c.
#include "intake/memory_restore.h"

#include "decoders/decoders.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct feed feed;
static struct decoded decoded;

static void decode_again(void)
{
	static const char raw[] =
		"$POS,5020001,101500.000,A,4807.0380,N,01131.0000,E,22.40,84.40,221126\r\n";
	const struct entry entry = {
		.kind = ENTRY_REPORT, .protocol = {"pt502", 5}, .raw = {raw, sizeof(raw) - 1}};

	assert_true(memory_restore_entry(&feed, &entry, &decoded));
	assert_int_equal(decoded.report_count, 1);
}

static void a_decoder_gets_no_memo_of_another_one(void **state)
{
	(void)state;
	uint8_t *unused = &feed.session.memo[sizeof(feed.session.memo) - 1]; // by the PT-502
	feed_init(&feed, DECODERS_ALL, &decoder_gt06, true);
	*unused = 81;
	decode_again();
	assert_int_equal(*unused, 0);
	*unused = 81;
	decode_again();
	assert_int_equal(*unused, 81); // its own
	feed_done(&feed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(a_decoder_gets_no_memo_of_another_one)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
