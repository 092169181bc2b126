// SPDX-License-Identifier: MIT
// /health for states that are hard to bring about from outside, and the vitals behind it.
#include "net/health.h"

#include "folder.h"
#include "util/clock.h"
#include "util/log.h"
#include "writer/writer_state.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct ev_loop *loop;
static struct intake intake;
static struct config config;
static struct writer writer;
static struct vitals vitals;
static struct http_sources sources;
static char folder[64];

static int set_up(void **state)
{
	static char error[JOURNAL_ERROR_SIZE];
	const struct journal_options options = {
		.dir = folder, .segment_size = 1 << 20, .max_size = 4 << 20};

	(void)state;
	assert_true(folder_new(folder, sizeof(folder), "health"));
	log_set_level(LOG_LEVEL_ERROR);
	loop = ev_loop_new(0);
	config = (struct config){.journal = {.max_size = 4 << 20}};
	intake = (struct intake){
		.config = &config, .journal = journal_open(&options, NULL, NULL, error)};
	assert_non_null(intake.journal);
	writer = (struct writer){.counters = {.connected = true}};
	vitals = (struct vitals){0};
	vitals_begin(&vitals, intake.journal);
	sources =
		(struct http_sources){&intake, conn_all_new(loop, &intake), &writer, NULL, &vitals};
	return 0;
}

static int tear_down(void **state)
{
	char command[128];

	(void)state;
	conn_all_free((struct conns *)(uintptr_t)sources.conns);
	journal_close(intake.journal);
	ev_loop_destroy(loop);
	snprintf(command, sizeof(command), "rm -r '%s'", folder);
	return system(command);
}

// Returns the page. `fails`: whether it is to say so.
static const char *page(bool fails)
{
	static char text[8192];
	FILE *to = fmemopen(text, sizeof(text), "w");

	assert_int_equal(health_write(&sources, to), !fails);
	fclose(to);
	return text;
}

static void assert_degraded(const char *reason)
{
	char start[128];

	snprintf(start, sizeof(start),
		"{\"status\":\"degraded\",\"database\":\"connected\",\"reasons\":[{\"reason\":\"%"
		"s\""
		",\"text\":\"",
		reason);
	assert_memory_equal(page(false), start, strlen(start));
}

static void write_entries(size_t count, size_t size)
{
	for (size_t i = 0; i < count; i++) {
		assert_true(journal_room(intake.journal, 1, size));
		memset(journal_begin(intake.journal, size), 1, size);
		journal_commit(intake.journal);
	}
}

static void all_is_well(void **state)
{
	(void)state;
	assert_string_equal(
		page(false), "{\"status\":\"ok\",\"database\":\"connected\",\"reasons\":[]}\n");
}

static void a_full_journal_fails_and_comes_first(void **state)
{
	const char *start = "{\"status\":\"failing\",\"database\":\"away\",\"reasons\":["
			    "{\"reason\":\"journal_full\"";

	(void)state;
	intake.full = true;
	writer.counters.connected = false;
	assert_memory_equal(page(true), start, strlen(start));
	assert_non_null(strstr(page(true), "\"reason\":\"database_unreachable\""));
	assert_null(strstr(page(true), "\"problem\""));
}

static void a_filling_journal_is_named(void **state)
{
	(void)state;
	write_entries(30, 100000);
	assert_string_equal(
		page(false), "{\"status\":\"ok\",\"database\":\"connected\",\"reasons\":[]}\n");
	write_entries(2, 100000);
	assert_degraded("journal_filling");
}

static void trouble_of_the_database_is_named(void **state)
{
	(void)state;
	snprintf(writer.counters.trouble_text, sizeof(writer.counters.trouble_text), "a \"text\"");
	writer.counters.trouble = TROUBLE_LOCKED;
	assert_degraded("database_in_use");
	assert_non_null(strstr(page(false), "\"text\":\"a \\\"text\\\"\""));
	writer.counters.trouble = TROUBLE_UNREACHABLE;
	assert_degraded("database_unreachable");
	writer.counters.trouble = TROUBLE_REFUSED;
	assert_non_null(strstr(page(false), "\"ok\"")); // nothing is pending
	write_entries(1, 100);
	assert_degraded("database_refuses");
	snprintf(writer.counters.problem, sizeof(writer.counters.problem), "a column");
	assert_degraded("tables_changed");
	assert_non_null(strstr(page(false), "],\"problem\":\"a column\"}\n"));
}

static void old_pending_data_is_named(void **state)
{
	(void)state;
	write_entries(1, 100);
	vitals_turn_ends(&vitals, &intake, &writer);
	assert_non_null(strstr(page(false), "\"ok\""));
	vitals.written.marks[0].time_us -= 61000000;
	assert_degraded("database_behind");
	writer.counters.lsn = journal_end(intake.journal);
	writer.counters.entries_done = 1;
	assert_non_null(strstr(page(false), "\"ok\""));
}

static void the_age_of_what_was_found_at_the_start_is_known(void **state)
{
	struct entry entry = {.kind = ENTRY_RELEASED, .received_us = clock_utc_us() - 7200000000};

	(void)state;
	assert_true(journal_room(intake.journal, 1, entry_size(&entry)));
	entry_write(&entry, journal_begin(intake.journal, entry_size(&entry)));
	journal_commit(intake.journal);
	vitals = (struct vitals){0};
	vitals_begin(&vitals, intake.journal);
	assert_true(vitals_pending_age(&vitals, &intake, &writer) >= 7200.);
	assert_true(vitals_pending_age(&vitals, &intake, &writer) < 7300.);
}

static void entries_that_were_never_read_are_lost_once_nothing_is_pending(void **state)
{
	(void)state;
	write_entries(3, 100);
	intake.counters.reports_journaled = 2;
	writer.counters.entries_done = writer.counters.reports_done = 1;
	assert_int_equal(vitals_pending_entries(&vitals, &intake, &writer), 2);
	assert_int_equal(vitals_lost_entries(&vitals, &intake, &writer), 0);
	assert_non_null(strstr(page(false), "\"ok\""));
	writer.counters.lsn = journal_end(intake.journal);
	assert_degraded("journal_damaged");
	vitals_turn_ends(&vitals, &intake, &writer);
	write_entries(1, 100);
	assert_int_equal(vitals_pending_entries(&vitals, &intake, &writer), 1);
	assert_int_equal(vitals_lost_entries(&vitals, &intake, &writer), 2);
	assert_int_equal(vitals_pending_reports(&vitals, &intake, &writer), 0);
	assert_int_equal(vitals_lost_reports(&vitals, &intake, &writer), 1);
}

static void lost_datagrams_are_named_for_a_minute(void **state)
{
	(void)state;
	intake.counters.udp_lost = 1;
	vitals_each_second(&vitals, &intake);
	assert_degraded("udp_loss");
	vitals_each_second(&vitals, &intake);
	assert_degraded("udp_loss");
	vitals.udp_dropped_s -= VITALS_LATELY_S + 1;
	assert_non_null(strstr(page(false), "\"ok\""));
}

static void a_slow_turn_is_counted_and_named_for_a_minute(void **state)
{
	(void)state;
	vitals_turn_ends(&vitals, &intake, &writer); // no turn has begun
	assert_true(vitals.turn_s.sum == 0.);
	vitals_turn_begins(&vitals);
	vitals.turn_us -= 1500000;
	vitals_turn_ends(&vitals, &intake, &writer);
	assert_true(vitals.turn_s.sum >= 1.5);
	assert_degraded("slow_loop");
	vitals.slow_at_s -= VITALS_LATELY_S + 1;
	assert_non_null(strstr(page(false), "\"ok\""));
}

static void a_decoder_that_broke_its_contract_is_named(void **state)
{
	(void)state;
	intake.faulty = 1;
	assert_degraded("decoder_fault");
	assert_non_null(strstr(page(false), registry_decoders[0]->name));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_is_well),
		TEST(a_full_journal_fails_and_comes_first),
		TEST(a_filling_journal_is_named),
		TEST(trouble_of_the_database_is_named),
		TEST(old_pending_data_is_named),
		TEST(the_age_of_what_was_found_at_the_start_is_known),
		TEST(entries_that_were_never_read_are_lost_once_nothing_is_pending),
		TEST(lost_datagrams_are_named_for_a_minute),
		TEST(a_slow_turn_is_counted_and_named_for_a_minute),
		TEST(a_decoder_that_broke_its_contract_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
