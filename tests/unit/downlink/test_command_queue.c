// SPDX-License-Identifier: MIT
// The queue of commands: when each is sent, how it ends, and its changes in the journal.
#include "downlink/command_queue.h"

#include "decoders/decoders.h"
#include "folder.h"
#include "journal/entry.h"
#include "util/log.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SECOND        INT64_C(1000000)
#define TEXT(literal) ((struct text){literal, sizeof(literal) - 1})
#define IDENT         TEXT("5020001")
#define RECORD        TEXT("$POS,5020001,,,,,,,,,,,,A/00010,01000/0,0,0,0/1200//fa7/")

static char dir[64];
static struct config config;
static struct journal *journal;
static struct command_queue *queue;
static struct command_sink sink;
static int64_t now;
static unsigned readies;
static uint64_t seen; /* LSN up to which the journal has been read */

static void on_ready(void *context, struct text ident)
{
	(void)context;
	(void)ident;
	readies++;
}

static int set_up(void **state)
{
	char error[JOURNAL_ERROR_SIZE];
	struct timespec time;
	(void)state;
	assert_true(folder_new(dir, sizeof(dir), "command"));
	const struct journal_options options = {
		.dir = dir, .segment_size = 1 << 20, .max_size = 4 << 20};
	journal = journal_open(&options, NULL, NULL, error);
	assert_non_null(journal);
	log_set_level(LOG_LEVEL_ERROR);
	config = (struct config){.commands = {UINT32_MAX, 10}};
	queue = command_queue_new(&config, journal, on_ready, NULL);
	sink = command_queue_sink(queue);
	clock_gettime(CLOCK_REALTIME, &time);
	now = (int64_t)time.tv_sec * SECOND;
	seen = journal_end(journal);
	readies = 0;
	return 0;
}

static int tear_down(void **state)
{
	char command[128];
	(void)state;
	command_queue_free(queue);
	journal_close(journal);
	snprintf(command, sizeof(command), "rm -r '%s'", dir);
	return system(command);
}

static struct command_row a_row(int64_t id, const char *name)
{
	return (struct command_row){
		.id = id,
		.ident = IDENT,
		.name = {name, strlen(name)},
		.created_us = now,
		.expires_us = now + 300 * SECOND,
		.speed_kmh_e2 = -1,
	};
}

static void load(const struct command_row *rows, size_t count, uint64_t lsn)
{
	sink.begin(sink.context, lsn);
	for (size_t i = 0; i < count; i++)
		sink.row(sink.context, &rows[i]);
	sink.end(sink.context, INT64_MAX);
}

static void load_one(int64_t id, const char *name)
{
	const struct command_row row = a_row(id, name);
	load(&row, 1, 0);
}

// Returns what is sent now, without its line end; "" for nothing.
static const char *next(void)
{
	static char out[COMMAND_FRAME_MAX + 1];
	struct session session = {0};
	const struct command_queue_talk talk = {IDENT, &decoder_pt502, &session, NULL};
	size_t len = command_queue_next(queue, &talk, now, (uint8_t *)out);
	assert_true(len < COMMAND_FRAME_MAX);
	out[len > 2 ? len - 2 : 0] = 0;
	return out;
}

// Returns the newest change in the journal since the last call: "id state attempts reason"; "" for none.
static const char *told(void)
{
	static char text[200];
	struct journal_cursor cursor;
	struct entry entry;
	text[0] = 0;
	journal_cursor_init(&cursor, journal, seen);
	while (journal_cursor_next(&cursor)) {
		assert_true(entry_read(cursor.data, cursor.len, &entry));
		assert_int_equal(entry.kind, ENTRY_COMMAND);
		snprintf(text, sizeof(text), "%d %s %u%s%.*s", (int)entry.change.id,
			entry_command_state_name(entry.change.state), entry.change.attempts,
			entry.reason.len ? " " : "", (int)entry.reason.len, entry.reason.data);
	}
	seen = cursor.lsn;
	journal_cursor_done(&cursor);
	return text;
}

static void note(const struct report *report)
{
	command_queue_note_report(queue, &decoder_pt502, NULL, report, NULL, now);
}

static void note_text(const char *extra)
{
	const struct report report = {
		.ident = IDENT, .body.flags = FLAG_TEXT, .extra = {extra, strlen(extra)}};
	const struct command_answer answer = {
		.result = (uint8_t)decoded_judge_text(extra, strlen(extra))};
	command_queue_note_report(queue, &decoder_pt502, NULL, &report, &answer, now);
}

static void note_fix(int64_t time_us, int kmh, uint8_t flags)
{
	struct report report = {.ident = IDENT,
		.body = {.has = HAS_FIX | HAS_TIME, .flags = flags, .device_time_us = time_us}};
	if (kmh >= 0)
		report_set_speed(&report, kmh * 100);
	note(&report);
}

static void note_outputs(uint32_t outputs)
{
	const struct report report = {
		.ident = IDENT, .body = {.has = HAS_OUTPUTS, .outputs = outputs}, .raw = RECORD};
	note(&report);
}

static void sent_and_confirmed(void **state)
{
	(void)state;
	assert_string_equal(next(), "");
	load_one(3, "getVersion");
	assert_int_equal(command_queue_count(queue), 1);
	assert_int_equal(readies, 1);
	assert_string_equal(told(), "");
	assert_string_equal(next(), "#VER");
	assert_string_equal(told(), "3 sent 1");
	note_text("\"text\":\"$OK\""); /* received before the command was sent */
	assert_string_equal(told(), "");
	now += SECOND;
	note_text("\"text\":\"$OK\"");
	assert_string_equal(told(), "3 confirmed 1");
	assert_int_equal(command_queue_count(queue), 0);
	assert_string_equal(next(), "");
}

static void an_ended_command_is_not_added_again(void **state)
{
	(void)state;
	load_one(3, "getVersion");
	assert_string_equal(next(), "#VER");
	now += SECOND;
	note_text("\"text\":\"$OK\"");
	struct command_row old =
		a_row(3, "getVersion"); /* the row in the database until it has the end */
	old.sent = true;
	old.attempts = 1;
	old.sent_us = now - SECOND;
	load(&old, 1, journal_end(journal) - 1);
	assert_int_equal(command_queue_count(queue), 0);
	now += 60 * SECOND;
	assert_string_equal(next(), "");
	load(NULL, 0, journal_end(journal)); /* the database has the end */
	load(&old, 1, journal_end(journal)); /* so this is another command */
	assert_int_equal(command_queue_count(queue), 1);
}

static void a_command_missing_in_the_database_is_withdrawn(void **state)
{
	const struct command_row rows[] = {
		a_row(3, "getVersion"), a_row(4, "positionSingle"), a_row(9, "requestPhoto")};
	(void)state;
	load(rows, 3, 0);
	sink.begin(sink.context, 0); /* a failed reading */
	sink.end(sink.context, -1);
	assert_int_equal(command_queue_count(queue), 3);
	sink.begin(sink.context, 0); /* a partial reading */
	sink.row(sink.context, &rows[1]);
	sink.end(sink.context, 4);
	assert_int_equal(command_queue_count(queue), 2);
	assert_string_equal(next(), "#RCP");
	load(&rows[1], 1, 0);
	assert_int_equal(command_queue_count(queue), 1);
}

static void sends_at_most_three_times(void **state)
{
	(void)state;
	load_one(3, "getVersion");
	for (int attempt = 1; attempt <= 3; attempt++) {
		char expected[32];
		snprintf(expected, sizeof(expected), "3 sent %d", attempt);
		assert_string_equal(next(), "#VER");
		assert_string_equal(told(), expected);
		now += 30 * SECOND - 1;
		assert_string_equal(next(), "");
		now += 1;
	}
	assert_string_equal(next(), "");
	now += 210 * SECOND;
	command_queue_tick(queue, now);
	assert_string_equal(told(), "3 expired 3 sent 3 times, no confirmation");
	assert_int_equal(command_queue_counters(queue)->sent, 3);
	assert_int_equal(command_queue_counters(queue)->expired, 1);
}

static void a_reboot_is_not_repeated(void **state)
{
	(void)state;
	load_one(3, "rebootDevice");
	assert_string_equal(next(), "#RST0");
	now += 31 * SECOND;
	assert_string_equal(next(), "");
}

static void one_at_a_time(void **state)
{
	struct command_row rows[] = {
		a_row(5, "getVersion"), a_row(4, "requestPhoto"), a_row(6, "positionSingle")};
	(void)state;
	load(rows, 3, 0);
	assert_string_equal(next(), "#PHO");
	assert_string_equal(next(), "");
	now += SECOND;
	note_text("\"text\":\"$OK\"");
	assert_string_equal(next(), "#VER");
	now += 91 * SECOND; /* silent: sent again, then the next ones */
	assert_string_equal(next(), "#VER");
	now += 31 * SECOND;
	assert_string_equal(next(), "#VER");
	now += 31 * SECOND;
	assert_string_equal(next(), "#RCP");
	now += SECOND;
	note_fix(now, 5, FLAG_VALID);
	assert_string_equal(told(), "6 confirmed 1");
	note_text("\"text\":\"$VER\"");
	assert_string_equal(told(), "5 confirmed 3");
}

static void continues_after_a_restart(void **state)
{
	struct command_row row = a_row(3, "outputControl");
	(void)state;
	row.args[COMMAND_INDEX] = TEXT("2");
	row.args[COMMAND_VALUE] = TEXT("1");
	row.sent = true;
	row.attempts = 2;
	row.sent_us = now - 10 * SECOND;
	load(&row, 1, 0);
	assert_string_equal(next(), "");
	note_outputs(1);
	assert_string_equal(told(), "");
	now += 20 * SECOND;
	assert_string_equal(next(), "#OPC2,1");
	assert_string_equal(told(), "3 sent 3");
	now += SECOND;
	struct report old = {.ident = IDENT,
		.body = {.has = HAS_OUTPUTS, .outputs = 2, .flags = FLAG_STORED},
		.raw = RECORD};
	note(&old);
	assert_string_equal(told(), "");
	old.body.flags = 0; /* not marked as stored */
	report_set_time(&old, now - 62 * SECOND);
	note(&old);
	assert_string_equal(told(), "");
	note_outputs(2);
	assert_string_equal(told(), "3 confirmed 3");
}

static struct peer udp_of(uint8_t host)
{
	return (struct peer){.address = {[10] = 0xff, 0xff, 192, 0, 2, host},
		.port = 4711,
		.transport = TRANSPORT_UDP};
}

// The same from a peer.
static const char *next_for(const struct peer *peer)
{
	static char out[COMMAND_FRAME_MAX + 1];
	struct session session = {0};
	const struct command_queue_talk talk = {IDENT, &decoder_pt502, &session, peer};
	const size_t len = command_queue_next(queue, &talk, now, (uint8_t *)out);

	out[len > 2 ? len - 2 : 0] = 0;
	return out;
}

static void note_from(const struct peer *peer, uint8_t flags, int64_t received_us)
{
	struct report report = {.ident = IDENT,
		.body = {.has = HAS_OUTPUTS, .outputs = 2, .flags = flags},
		.raw = RECORD};

	command_queue_note_report(queue, &decoder_pt502, peer, &report, NULL, received_us);
}

static void a_datagram_alone_gets_no_command(void **state)
{
	(void)state;
	const struct peer own = udp_of(1), thief = udp_of(2);

	load_one(3, "getVersion");
	note_from(&own, 0, now);
	note_from(&own, 0, now); /* another record of that datagram */
	assert_string_equal(next_for(&own), "");
	note_from(&thief, 0, now + 1);
	assert_string_equal(next_for(&thief), "");
	note_from(&own, 0, now + 2);
	assert_string_equal(next_for(&own), "");
	note_from(&own, 0, now + 3);
	assert_string_equal(next_for(&thief), ""); /* not the newest */
	assert_string_equal(next_for(&own), "#VER");
}

static void the_address_before_is_known_from_the_database(void **state)
{
	(void)state;
	struct command_row row = a_row(3, "getVersion");
	const struct peer own = udp_of(1), thief = udp_of(2);

	memcpy(row.udp_address, own.address, sizeof(row.udp_address));
	load(&row, 1, 0);
	note_from(&thief, 0, now);
	assert_string_equal(next_for(&thief), "");
	load(&row, 1, 0); /* what has been noted since is newer */
	note_from(&own, 0, now + 1);
	assert_string_equal(next_for(&own), "");
	tear_down(state);
	set_up(state);
	row.expires_us = now + 300 * SECOND;
	load(&row, 1, 0);
	note_from(&own, 0, now);
	assert_string_equal(next_for(&own), "#VER");
}

static void a_datagram_from_elsewhere_confirms_nothing(void **state)
{
	(void)state;
	struct command_row row = a_row(3, "outputControl");
	const struct peer own = udp_of(1), thief = udp_of(2);
	struct peer tcp = udp_of(3);

	tcp.transport = TRANSPORT_TCP;
	row.args[COMMAND_INDEX] = TEXT("2");
	row.args[COMMAND_VALUE] = TEXT("1");
	load(&row, 1, 0);
	assert_string_equal(next_for(&tcp), "#OPC2,1");
	told();
	now += SECOND;
	note_from(&own, 0, now);
	note_from(&tcp, FLAG_ASIDE, now);
	assert_string_equal(told(), "");
	tcp.address[15] = 9; /* it has connected again from elsewhere */
	note_from(&tcp, 0, now);
	assert_string_equal(told(), "3 confirmed 1");

	row.id = 4;
	load(&row, 1, 0);
	note_from(&own, 0, now += SECOND);
	note_from(&own, 0, now += SECOND);
	assert_string_equal(next_for(&own), "#OPC2,1");
	told();
	note_from(&thief, 0, now += SECOND);
	assert_string_equal(told(), "");
	note_from(&own, 0, now += SECOND);
	assert_string_equal(told(), "4 confirmed 1");

	row.id = 5; /* sent by an earlier process, to an address that is not known */
	row.sent = true;
	row.attempts = 1;
	row.sent_us = now - SECOND;
	load(&row, 1, 0);
	note_from(&own, 0, now);
	assert_string_equal(told(), "");
}

static void what_is_set_aside_allows_no_engine_stop(void **state)
{
	(void)state;
	load_one(3, "engineStop");
	note_fix(now - 5 * SECOND, 0, FLAG_VALID | FLAG_ASIDE);
	assert_string_equal(next(), "");
	note_fix(now - 4 * SECOND, 5, FLAG_VALID);
	note_fix(now - 3 * SECOND, 90, FLAG_VALID | FLAG_ASIDE); /* but it can forbid one */
	assert_string_equal(next(), "");
	note_fix(now - 2 * SECOND, 5, FLAG_VALID);
	assert_string_equal(next(), "#OPC1,1");
}

static void refused_by_the_tracker(void **state)
{
	(void)state;
	load_one(3, "getVersion");
	assert_string_equal(next(), "#VER");
	now += SECOND;
	note_text("\"text\":\"$VER FAILED\"");
	assert_string_equal(told(), "3 failed 1 refused by the tracker");
}

static void forbidden_commands_are_not_sent(void **state)
{
	struct command_row row = a_row(3, "getVersion");
	(void)state;
	config.commands.allow = 1u << COMMAND_OUTPUT_CONTROL | 1u << COMMAND_CUSTOM;
	load(&row, 1, 0);
	assert_string_equal(told(), "3 failed 0 not in commands.allow");
	row = a_row(4, "outputControl");
	row.args[COMMAND_INDEX] = row.args[COMMAND_VALUE] = TEXT("1");
	load(&row, 1, 0);
	assert_string_equal(
		told(), "4 failed 0 stops the engine, and engineStop is not in commands.allow");
	row = a_row(5, "custom");
	row.args[COMMAND_TEXT] = TEXT("VER\r\nOPC1,1");
	load(&row, 1, 0);
	assert_string_equal(told(),
		"5 failed 0 text has a line end or another byte that is not printable ASCII");
	row = a_row(6, "dance");
	load(&row, 1, 0);
	assert_string_equal(told(), "6 failed 0 no such command");
	config.commands.allow = UINT32_MAX;
	row = a_row(7, "getVersion");
	row.ident = (struct text){NULL, 0};
	load(&row, 1, 0);
	assert_string_equal(told(), "7 failed 0 the device is not in avld.devices");
	row = a_row(8, "engineStop");
	row.expires_us = row.created_us + 900 * SECOND + 1;
	load(&row, 1, 0);
	assert_string_equal(told(), "8 failed 0 stops the engine: must expire within 15 minutes");
	row = a_row(9, "getVersion");
	row.expires_us = now;
	load(&row, 1, 0);
	assert_string_equal(told(),
		"9 expired 0 never sent: the device was not heard, or busy with another command");
	assert_int_equal(command_queue_count(queue), 0);
	assert_string_equal(next(), "");
}

static void a_command_unknown_to_the_protocol_fails(void **state)
{
	struct session session = {0};
	const struct command_queue_talk talk = {IDENT, &decoder_gt06, &session, NULL};
	struct command_row rows[] = {a_row(3, "requestPhoto"), a_row(4, "getVersion")};
	uint8_t out[COMMAND_FRAME_MAX];
	(void)state;
	load(rows, 2, 0);
	assert_true(command_queue_next(queue, &talk, now, out) > 0); /* the next command */
	assert_int_equal(command_queue_counters(queue)->failed, 1);
	assert_int_equal(command_queue_count(queue), 1);
}

static void an_engine_is_stopped_only_when_safe(void **state)
{
	(void)state;
	load_one(3, "engineStop");
	assert_string_equal(next(), "");
	assert_string_equal(told(), "3 queued 0 waits for a valid fix");
	assert_string_equal(next(), "");
	assert_string_equal(told(), ""); /* once */
	note_fix(now, 5, 0);
	assert_string_equal(next(), ""); /* not a valid fix */
	note_fix(now - 121 * SECOND, 5, FLAG_VALID);
	assert_string_equal(next(), "");
	assert_string_equal(told(), "3 queued 0 waits for a fix that is not older than 2 minutes");
	note_fix(now - 10 * SECOND, 11, FLAG_VALID);
	assert_string_equal(next(), "");
	assert_string_equal(
		told(), "3 queued 0 waits for a speed up to commands.engine_stop_max_kmh");
	note_fix(now - 5 * SECOND, -1, FLAG_VALID);
	assert_string_equal(next(), "");
	assert_string_equal(told(), "3 queued 0 waits for a fix with a speed");
	note_fix(now - 8 * SECOND, 5, FLAG_VALID); /* older than the last fix */
	assert_string_equal(next(), "");
	note_fix(now - 2 * SECOND, 5, FLAG_VALID | FLAG_STORED);
	assert_string_equal(next(), "");
	note_fix(now + 121 * SECOND, 5, FLAG_VALID); /* a clock that is ahead */
	assert_string_equal(next(), "");
	assert_string_equal(told(), "3 queued 0 waits for a fix that is not older than 2 minutes");
	now += SECOND;
	assert_string_equal(next(), "#OPC1,1");
	assert_string_equal(told(), "3 sent 1");
	now += 29 * SECOND;
	note_fix(now + 130 * SECOND, 10, FLAG_VALID);
	note_outputs(0);
	now += SECOND; /* checked again with the fix known then */
	assert_string_equal(next(), "");
	now += 10 * SECOND;
	assert_string_equal(next(), "#OPC1,1");
	assert_string_equal(told(), "3 sent 2");
}

static void the_fix_in_the_database_counts(void **state)
{
	struct command_row row = a_row(3, "engineStop");
	(void)state;
	row.has_fix = true;
	row.fixed_us = now - 120 * SECOND;
	row.speed_kmh_e2 = 1000;
	load(&row, 1, journal_end(journal));
	assert_string_equal(next(), "#OPC1,1");
}

static struct command_row a_stop(int64_t id)
{
	struct command_row row = a_row(id, "engineStop");
	row.has_fix = true;
	row.fixed_us = now - 10 * SECOND;
	row.speed_kmh_e2 = 100;
	return row;
}

// Makes the journal longer, like a report that was not noted.
static void fill_journal(void)
{
	const struct entry entry = {.kind = ENTRY_COMMAND, .received_us = now, .ident = IDENT};
	assert_true(journal_room(journal, 1, entry_size(&entry)));
	entry_write(&entry, journal_begin(journal, entry_size(&entry)));
	journal_commit(journal);
	seen = journal_end(journal);
}

// Reads the commands again, with the journal stored up to lsn. Returns the LSN that the queue asks for.
static uint64_t load_stop(const struct command_row *row, uint64_t lsn)
{
	sink.begin(sink.context, lsn);
	sink.row(sink.context, row);
	return sink.end(sink.context, INT64_MAX);
}

static void a_fix_in_the_journal_may_be_newer_than_the_databases(void **state)
{
	struct command_row row = a_stop(3);
	const uint64_t stored = journal_end(journal);
	(void)state;
	fill_journal();
	const uint64_t all = journal_end(journal);
	assert_int_equal(load_stop(&row, stored), all);
	assert_string_equal(next(), "");
	assert_string_equal(
		told(), "3 queued 0 waits for the next fix, or until those received are stored");
	assert_int_equal(load_stop(&row, all - 1), all);
	assert_string_equal(next(), "");
	row.fixed_us = now - 5 * SECOND; /* everything is stored */
	row.speed_kmh_e2 = 6000;
	assert_int_equal(load_stop(&row, all), 0);
	assert_string_equal(next(), "");
	assert_string_equal(
		told(), "3 queued 0 waits for a speed up to commands.engine_stop_max_kmh");
	row.fixed_us = now - 4 * SECOND;
	row.speed_kmh_e2 = 500;
	assert_int_equal(load_stop(&row, all), 0);
	assert_string_equal(next(), "#OPC1,1");
}

static void the_next_fix_decides_before_everything_is_stored(void **state)
{
	const struct command_row row = a_stop(3);
	const uint64_t stored = journal_end(journal);
	(void)state;
	fill_journal();
	load_stop(&row, stored);
	note_fix(now - SECOND, 60, FLAG_VALID);
	assert_string_equal(next(), "");
	load_stop(&row, journal_end(journal)); /* the database's fix is older */
	assert_string_equal(next(), "");
	note_fix(now, 2, FLAG_VALID);
	assert_string_equal(next(), "#OPC1,1");
}

// Reports are not noted while a device has no command, so an earlier fix must be forgotten.
static void a_fix_of_an_earlier_command_does_not_count(void **state)
{
	const struct command_row first = a_row(3, "getVersion"), stop = a_stop(4);
	(void)state;
	load_stop(&first, journal_end(journal));
	note_fix(now, 2, FLAG_VALID);
	assert_string_equal(next(), "#VER");
	now += SECOND;
	note_text("\"text\":\"$OK\"");
	assert_int_equal(command_queue_count(queue), 0);
	const uint64_t stored = journal_end(journal);
	fill_journal(); /* the fast fix */
	assert_int_equal(load_stop(&stop, stored), journal_end(journal));
	assert_string_equal(next(), "");
}

static void a_fast_fix_is_not_hidden(void **state)
{
	struct command_row row = a_stop(3);
	(void)state;
	load_stop(&row, journal_end(journal));
	note_fix(now - 5 * SECOND, 60, FLAG_VALID | FLAG_STORED); /* newer, from the log */
	assert_string_equal(next(), "");
	note_fix(now - 3 * SECOND, 60, FLAG_VALID);
	note_fix(now - 3 * SECOND, -1, FLAG_VALID);
	note_fix(now - 3 * SECOND, 2, FLAG_VALID);
	note_fix(now, 2, 0);
	note_fix(now, 2, FLAG_VALID | FLAG_STORED);
	assert_string_equal(next(), "");
	assert_string_equal(
		told(), "3 queued 0 waits for a speed up to commands.engine_stop_max_kmh");
}

static void other_commands_pass_a_waiting_stop(void **state)
{
	struct command_row rows[] = {
		a_row(3, "engineStop"), a_row(4, "getVersion"), a_row(5, "engineResume")};
	(void)state;
	load(rows, 2, 0);
	assert_string_equal(next(), "#VER");
	load(rows, 3, 0);
	assert_string_equal(next(), ""); /* 4 is outstanding; 3 is withdrawn at once */
	assert_int_equal(command_queue_counters(queue)->failed, 1);
	now += SECOND;
	note_text("\"text\":\"$OK\"");
	assert_string_equal(next(), "#OPC1,0");
}

static void a_resume_withdraws_a_stop_already_sent(void **state)
{
	struct command_row rows[] = {a_row(3, "engineStop"), a_row(4, "engineResume")};
	(void)state;
	load(rows, 1, 0);
	note_fix(now, 0, FLAG_VALID);
	assert_string_equal(next(), "#OPC1,1");
	load(rows, 2, 0);
	assert_string_equal(next(), "#OPC1,0");
	assert_int_equal(command_queue_counters(queue)->failed, 1);
}

static void a_resume_leaves_other_devices_alone(void **state)
{
	struct session session = {0};
	const struct command_queue_talk talk = {TEXT("5020002"), &decoder_pt502, &session, NULL};
	uint8_t out[COMMAND_FRAME_MAX];
	(void)state;
	load_one(3, "getVersion");
	assert_int_equal(command_queue_next(queue, &talk, now, out), 0);
	assert_string_equal(next(), "#VER");
	now += SECOND;
	struct report report = {.ident = TEXT("5020002"),
		.body.flags = FLAG_TEXT,
		.extra = TEXT("\"text\":\"$OK\"")};
	note(&report);
	assert_int_equal(command_queue_count(queue), 1);
}

// Nothing is sent before the journal has it, so commands wait while the journal is full.
static void a_full_journal_changes_nothing(void **state)
{
	(void)state;
	load_one(3, "getVersion");
	while (journal_room(journal, 1, 60000)) {
		memset(journal_begin(journal, 60000), 0, 60000);
		journal_commit(journal);
	}
	while (journal_room(journal, 1, 1)) {
		*journal_begin(journal, 1) = 0;
		journal_commit(journal);
	}
	seen = journal_end(journal);
	assert_string_equal(next(), "");
	now += 301 * SECOND;
	command_queue_tick(queue, now);
	assert_int_equal(command_queue_count(queue), 1);
	journal_release(journal, journal_end(journal));
	command_queue_tick(queue, now);
	assert_int_equal(command_queue_count(queue), 0);
}

// ---- a protocol with a serial, numbers of its answers and a log-in

static enum encode_result may_send;
static size_t written;
static uint32_t sent_number;

static struct encoded lab_encode(
	struct session *session, const struct command *command, uint8_t *out, size_t cap)
{
	uint16_t serial;
	(void)command;
	(void)cap;
	if (may_send != ENCODE_DONE)
		return (struct encoded){.result = may_send};
	memcpy(&serial, session->memo, sizeof(serial));
	out[0] = (uint8_t)serial;
	sent_number = 1000u + serial++;
	memcpy(session->memo, &serial, sizeof(serial));
	return (struct encoded){ENCODE_DONE, written, {true, sent_number}};
}

static enum confirmation lab_confirms(const struct command *command, struct correlation sent,
	const struct report *report, const struct command_answer *answer)
{
	(void)command;
	(void)report;
	return decoder_answer_matches(answer, sent) ? decoder_answer_confirms(answer)
						    : CONFIRMATION_NONE;
}

static const struct decoder lab = {
	.name = "lab", .encode_command = lab_encode, .confirms_command = lab_confirms};
static struct session lab_session;

// Returns the serial sent, or -1 if nothing was.
static int lab_next(void)
{
	uint8_t out[COMMAND_FRAME_MAX];
	const struct command_queue_talk talk = {IDENT, &lab, &lab_session, NULL};
	return command_queue_next(queue, &talk, now, out) ? out[0] : -1;
}

static void lab_answer(uint32_t number, enum answer_result result)
{
	const struct report none = {.ident = IDENT};
	const struct command_answer answer = {ANSWER_ALONE, (uint8_t)result, {true, number}};
	now += SECOND;
	command_queue_note_report(queue, &lab, NULL, &none, &answer, now);
}

static int set_up_lab(void **state)
{
	may_send = ENCODE_DONE;
	written = 1;
	lab_session = (struct session){0};
	return set_up(state);
}

static void the_serial_counts_the_commands_of_a_session(void **state)
{
	(void)state;
	load_one(1, "getVersion");
	for (int serial = 0; serial < 3; serial++) {
		assert_int_equal(lab_next(), serial);
		assert_int_equal(lab_next(), -1);
		now += 31 * SECOND;
	}
	assert_int_equal(lab_next(), -1);
}

static void a_command_for_later_stays_pending_until_it_can_be_sent(void **state)
{
	(void)state;
	const struct command_row rows[] = {a_row(1, "getVersion"), a_row(2, "positionSingle")};
	load(rows, 2, 0);
	may_send = ENCODE_LATER;
	assert_int_equal(lab_next(), -1);
	assert_string_equal(told(), "1 queued 0 waits until the tracker has logged in");
	assert_int_equal(lab_next(), -1); /* not the next one either */
	assert_string_equal(told(), "");
	readies = 0;
	command_queue_tick(queue, now);
	assert_int_equal(readies, 1);
	may_send = ENCODE_DONE;
	assert_int_equal(lab_next(), 0);
	assert_string_equal(told(), "1 sent 1");
}

static void a_command_for_later_expires(void **state)
{
	(void)state;
	load_one(1, "getVersion");
	may_send = ENCODE_LATER;
	assert_int_equal(lab_next(), -1);
	now += 301 * SECOND;
	command_queue_tick(queue, now);
	assert_string_equal(
		told(), "1 expired 0 never sent: waits until the tracker has logged in");
}

static void a_command_that_the_protocol_lacks_fails(void **state)
{
	(void)state;
	load_one(1, "getVersion");
	may_send = ENCODE_NEVER;
	assert_int_equal(lab_next(), -1);
	assert_string_equal(told(), "1 failed 0 protocol lab has no such command");
}

static void a_decoder_that_encodes_no_bytes_or_too_many_fails_the_command(void **state)
{
	(void)state;
	static const size_t lens[] = {0, COMMAND_FRAME_MAX + 1, SIZE_MAX};
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		char expected[64];
		load_one((int64_t)i + 1, "getVersion");
		written = lens[i];
		assert_int_equal(lab_next(), -1);
		snprintf(expected, sizeof(expected), "%zu failed 0 protocol lab: decoder fault",
			i + 1);
		assert_string_equal(told(), expected);
	}
	load_one(9, "getVersion");
	may_send = (enum encode_result)99;
	assert_int_equal(lab_next(), -1);
	assert_string_equal(told(), "9 failed 0 protocol lab: decoder fault");
}

static void an_answer_confirms_the_command_of_its_number_only(void **state)
{
	(void)state;
	const struct command_row rows[] = {a_row(1, "getVersion"), a_row(2, "positionSingle")};
	load(rows, 2, 0);
	assert_int_equal(lab_next(), 0);
	now += 31 * SECOND; /* the first is due again: as number 1001 */
	assert_int_equal(lab_next(), 1);
	assert_string_equal(told(), "1 sent 2");
	lab_answer(1000, ANSWER_DONE);
	lab_answer(1002, ANSWER_REFUSED);
	assert_string_equal(told(), "");
	lab_answer(1001, ANSWER_DONE);
	assert_string_equal(told(), "1 confirmed 2");
	assert_int_equal(lab_next(), 2);
	assert_string_equal(told(), "2 sent 1");
	lab_answer(1002, ANSWER_REFUSED);
	assert_string_equal(told(), "2 failed 1 refused by the tracker");
}

// The journal has the number, and the database returns it after a restart.
static void the_number_is_kept_with_the_command(void **state)
{
	struct journal_cursor cursor;
	struct entry entry = {.kind = ENTRY_REPORT};
	(void)state;
	load_one(1, "getVersion");
	assert_int_equal(lab_next(), 0);
	journal_cursor_init(&cursor, journal, seen);
	while (journal_cursor_next(&cursor))
		assert_true(entry_read(cursor.data, cursor.len, &entry));
	assert_int_equal(entry.extra.len, strlen("\"correlation\":1000"));
	assert_memory_equal(entry.extra.data, "\"correlation\":1000", entry.extra.len);
	seen = cursor.lsn;
	journal_cursor_done(&cursor);

	command_queue_free(queue);
	queue = command_queue_new(&config, journal, on_ready, NULL);
	sink = command_queue_sink(queue);
	struct command_row row = a_row(1, "getVersion");
	row.sent = true;
	row.attempts = 1;
	row.sent_us = now;
	row.correlation = (struct correlation){true, 1000};
	load(&row, 1, 0);
	lab_answer(1001, ANSWER_REFUSED);
	assert_string_equal(told(), "");
	lab_answer(1000, ANSWER_REFUSED);
	assert_string_equal(told(), "1 failed 1 refused by the tracker");
}

int main(void)
{
#define WITH_QUEUE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		WITH_QUEUE(sent_and_confirmed),
		WITH_QUEUE(an_ended_command_is_not_added_again),
		WITH_QUEUE(a_command_missing_in_the_database_is_withdrawn),
		WITH_QUEUE(sends_at_most_three_times),
		WITH_QUEUE(a_reboot_is_not_repeated),
		WITH_QUEUE(one_at_a_time),
		WITH_QUEUE(continues_after_a_restart),
		WITH_QUEUE(a_datagram_alone_gets_no_command),
		WITH_QUEUE(the_address_before_is_known_from_the_database),
		WITH_QUEUE(a_datagram_from_elsewhere_confirms_nothing),
		WITH_QUEUE(what_is_set_aside_allows_no_engine_stop),
		WITH_QUEUE(refused_by_the_tracker),
		WITH_QUEUE(forbidden_commands_are_not_sent),
		WITH_QUEUE(a_command_unknown_to_the_protocol_fails),
		WITH_QUEUE(an_engine_is_stopped_only_when_safe),
		WITH_QUEUE(the_fix_in_the_database_counts),
		WITH_QUEUE(a_fix_in_the_journal_may_be_newer_than_the_databases),
		WITH_QUEUE(the_next_fix_decides_before_everything_is_stored),
		WITH_QUEUE(a_fix_of_an_earlier_command_does_not_count),
		WITH_QUEUE(a_fast_fix_is_not_hidden),
		WITH_QUEUE(other_commands_pass_a_waiting_stop),
		WITH_QUEUE(a_resume_withdraws_a_stop_already_sent),
		WITH_QUEUE(a_resume_leaves_other_devices_alone),
		WITH_QUEUE(a_full_journal_changes_nothing),
		cmocka_unit_test_setup_teardown(
			the_serial_counts_the_commands_of_a_session, set_up_lab, tear_down),
		cmocka_unit_test_setup_teardown(
			a_command_for_later_stays_pending_until_it_can_be_sent, set_up_lab,
			tear_down),
		cmocka_unit_test_setup_teardown(a_command_for_later_expires, set_up_lab, tear_down),
		cmocka_unit_test_setup_teardown(
			a_command_that_the_protocol_lacks_fails, set_up_lab, tear_down),
		cmocka_unit_test_setup_teardown(
			a_decoder_that_encodes_no_bytes_or_too_many_fails_the_command, set_up_lab,
			tear_down),
		cmocka_unit_test_setup_teardown(
			an_answer_confirms_the_command_of_its_number_only, set_up_lab, tear_down),
		cmocka_unit_test_setup_teardown(
			the_number_is_kept_with_the_command, set_up_lab, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
