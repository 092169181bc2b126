// SPDX-License-Identifier: MIT
// Refused connections: the entries they become, and how few entries a flood becomes.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "journal/journal_fixture.h"
#include "net/conn_refusals.h"
#include "util/text.h"

static struct intake intake;
static struct conn_refusals refused;
static uint64_t read_up_to;

static int begin(void **state)
{
	if (make_folder(state))
		return -1;
	intake = (struct intake){.journal = open_small()};
	refused = (struct conn_refusals){0};
	read_up_to = 0;
	return 0;
}

static int end(void **state)
{
	journal_close(intake.journal);
	return drop_folder(state);
}

static struct peer peer_number(unsigned n)
{
	return (struct peer){
		.address = {[10] = 0xff, 0xff, 10, 0, (uint8_t)(n >> 8), (uint8_t)n}, .port = 4711};
}

// Makes every row 60 s older, then does the work of one second.
static void a_minute_passes(void)
{
	for (size_t i = 0; i < refused.rows; i++)
		refused.row[i].written_s -= 60;
	for (size_t i = 0; i < CONN_REFUSAL_REASONS; i++)
		if (refused.others[i].written_s)
			refused.others[i].written_s -= 60;
	conn_refusals_each_second(&refused, &intake);
}

struct written {
	size_t rows;
	uint64_t connections;
	struct entry last;
	char peer[PEER_TEXT_MAX];
};

// Returns the entries appended since the last call.
static struct written rows_written(void)
{
	static uint8_t copy[4096];
	struct written rows = {0};
	struct journal_cursor cursor;
	journal_cursor_init(&cursor, intake.journal, read_up_to);
	while (journal_cursor_next(&cursor)) {
		assert_true(cursor.len <= sizeof(copy));
		memcpy(copy, cursor.data, cursor.len);
		assert_true(entry_read(copy, cursor.len, &rows.last));
		assert_int_equal(rows.last.kind, ENTRY_DISCONNECTED);
		assert_int_equal(rows.last.traffic.bytes + rows.last.traffic.frames, 0);
		assert_int_equal(rows.last.ident.len + rows.last.protocol.len, 0);
		assert_in_range(rows.last.traffic.opened_us, 1, rows.last.received_us);
		peer_text(&rows.last.peer, rows.peer);
		rows.rows++;
		rows.connections += rows.last.traffic.rejects;
	}
	read_up_to = cursor.lsn;
	journal_cursor_done(&cursor);
	return rows;
}

static void note(unsigned address, enum conn_refusal_reason reason)
{
	const struct peer peer = peer_number(address);
	conn_refusals_note(&refused, &intake, &peer, reason);
}

static void the_first_refusal_is_written_at_once_the_next_once_a_minute(void **state)
{
	(void)state;
	note(1, CONN_REFUSAL_MAX_PER_IP);
	struct written rows = rows_written();
	assert_int_equal(rows.rows, 1);
	assert_int_equal(rows.connections, 1);
	assert_string_equal(rows.peer, "10.0.0.1:4711");
	assert_true(text_equal(rows.last.reason, "server.max_connections_per_ip reached"));
	for (int i = 0; i < 1000; i++) {
		note(1, CONN_REFUSAL_MAX_PER_IP);
		conn_refusals_each_second(&refused, &intake);
	}
	assert_int_equal(rows_written().rows, 0);
	a_minute_passes();
	rows = rows_written();
	assert_int_equal(rows.rows, 1);
	assert_int_equal(rows.connections, 1000);
	// After a minute without refusals the address is dropped, and is new again.
	a_minute_passes();
	assert_int_equal(rows_written().rows, 0);
	assert_int_equal(refused.rows, 0);
	note(1, CONN_REFUSAL_MAX_PER_IP);
	assert_int_equal(rows_written().connections, 1);
	assert_int_equal(refused.counts[CONN_REFUSAL_MAX_PER_IP], 1002);
	assert_int_equal(refused.counts[CONN_REFUSAL_MAX_CONNECTIONS], 0);
}

static void each_reason_has_its_own_text(void **state)
{
	(void)state;
	note(1, CONN_REFUSAL_MAX_CONNECTIONS);
	assert_true(text_equal(rows_written().last.reason, "server.max_connections reached"));
	note(1, CONN_REFUSAL_MEMORY);
	assert_true(text_equal(rows_written().last.reason, "out of memory"));
}

// Many addresses get few rows, and every refused connection is counted.
static void a_flood_becomes_few_rows(void **state)
{
	(void)state;
	uint64_t noted = 0, connections = 0;
	for (int minute = 0; minute < 5; minute++) {
		for (unsigned n = 0; n < 20000; n++, noted++)
			note(n * 7919 + (unsigned)minute, CONN_REFUSAL_MAX_CONNECTIONS);
		a_minute_passes();
		const struct written rows = rows_written();
		assert_in_range(rows.rows, 1, 2 * (CONN_REFUSALS_ADDRESSES + 1));
		connections += rows.connections;
	}
	conn_refusals_finish(&refused, &intake);
	const struct written rows = rows_written();
	connections += rows.connections;
	assert_int_equal(connections, noted);
	assert_int_equal(refused.counts[CONN_REFUSAL_MAX_CONNECTIONS], noted);
}

static void addresses_beyond_the_table_share_one_row(void **state)
{
	(void)state;
	for (unsigned n = 0; n < CONN_REFUSALS_ADDRESSES + 10; n++)
		note(n, CONN_REFUSAL_MAX_CONNECTIONS);
	struct written rows = rows_written();
	assert_int_equal(rows.rows, CONN_REFUSALS_ADDRESSES + 1);
	assert_string_equal(rows.peer, "[::]:0");
	conn_refusals_finish(&refused, &intake);
	rows = rows_written();
	assert_int_equal(rows.rows, 1);
	assert_int_equal(rows.connections, 9);
	assert_string_equal(rows.peer, "[::]:0");
}

static int no_room(int fd, off_t offset, off_t len)
{
	(void)fd;
	(void)offset;
	(void)len;
	return ENOSPC;
}

static void a_full_journal_delays_the_rows(void **state)
{
	(void)state;
	int (*const allocate)(int, off_t, off_t) = intake.journal->allocate;
	intake.journal->allocate = no_room;
	for (int i = 0; i < 3; i++)
		note(1, CONN_REFUSAL_MAX_CONNECTIONS);
	assert_int_equal(rows_written().rows, 0);
	intake.journal->allocate = allocate;
	intake.journal->retry_us = 0;
	conn_refusals_each_second(&refused, &intake);
	const struct written rows = rows_written();
	assert_int_equal(rows.rows, 1);
	assert_int_equal(rows.connections, 3);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_FOLDER(the_first_refusal_is_written_at_once_the_next_once_a_minute),
		IN_FOLDER(each_reason_has_its_own_text),
		IN_FOLDER(a_flood_becomes_few_rows),
		IN_FOLDER(addresses_beyond_the_table_share_one_row),
		IN_FOLDER(a_full_journal_delays_the_rows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
