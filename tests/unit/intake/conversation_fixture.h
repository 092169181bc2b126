// SPDX-License-Identifier: MIT
// Conversations over a transport that only writes down what it is asked to do, with a journal of their own.
#ifndef AVLD_CONVERSATION_FIXTURE_H
#define AVLD_CONVERSATION_FIXTURE_H

#include "intake/conversation.h"
#include "intake/row_summaries.h"
#include "intake/trial.h"

#include "door.h"

#include "decoders/gt06_frames.h"
#include "folder.h"
#include "util/checksum.h"
#include "util/clock.h"
#include "util/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PT502(time)   "$POS,5020001," time ".000,A,4807.0380,N,01131.0000,E,22.40,84.40,221126"
#define OF(ident)     "$POS," ident ",101500.000,A,4807.0380,N,01131.0000,E,22.40,84.40,221126\r\n"
#define TEXT(literal) ((struct text){literal, sizeof(literal) - 1})

struct lines {
	char text[8192];
	size_t len;
};

static struct intake intake;
static struct config config;
static struct conversation_transport transport;
static struct lines sent;      /* "now HEX" or "stored HEX" */
static bool peer_reads = true; /* false: send fails */
static uint64_t held_lsn;      /* of the newest reply to be held */
static struct conversation *displaced;
static char folder[64];
static uint64_t read_up_to;
static uint16_t next_port;

__attribute__((format(printf, 2, 3))) static inline void add(
	struct lines *lines, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	const int len =
		vsnprintf(lines->text + lines->len, sizeof(lines->text) - lines->len, format, args);
	va_end(args);
	assert_in_range(len, 0, sizeof(lines->text) - lines->len - 1);
	lines->len += (size_t)len;
}

static inline bool on_send(struct conversation_transport *of, struct conversation *conversation,
	const uint8_t *data, size_t len, uint64_t lsn)
{
	(void)conversation;
	assert_ptr_equal(of, &transport);
	if (!peer_reads)
		return false;
	add(&sent, lsn ? "stored " : "now ");
	for (size_t i = 0; i < len; i++)
		add(&sent, "%02x", data[i]);
	add(&sent, "\n");
	held_lsn = lsn ? lsn : held_lsn;
	return true;
}

static inline void on_displaced(struct conversation *conversation)
{
	displaced = conversation;
	conversation_end(&transport, conversation, NULL, 0, "device connected again");
}

static inline void on_ready(void *context, struct text ident)
{
	(void)context;
	(void)ident;
}

static inline int set_up(void **state)
{
	static char error[JOURNAL_ERROR_SIZE];

	(void)state;
	assert_true(folder_new(folder, sizeof(folder), "conversation"));
	log_set_level(LOG_LEVEL_ERROR);
	const struct journal_options options = {
		.dir = folder, .segment_size = 1 << 20, .max_size = 4 << 20};
	config = (struct config){.server = {.protocols = DECODERS_ALL},
		.journal = {.sync = SYNC_OFF},
		.commands = {.allow = UINT32_MAX}};
	intake = (struct intake){.config = &config,
		.journal = journal_open(&options, NULL, NULL, error),
		.directory = device_directory_new(),
		.memory = device_memory_new(100)};
	assert_non_null(intake.journal);
	intake.commands = command_queue_new(&config, intake.journal, on_ready, NULL);
	transport = (struct conversation_transport){
		.intake = &intake, .send = on_send, .displace = on_displaced};
	read_up_to = journal_end(intake.journal);
	sent.len = 0;
	peer_reads = true;
	displaced = NULL;
	next_port = 4711;
	return 0;
}

static inline int tear_down(void **state)
{
	char command[128];

	(void)state;
	command_queue_free(intake.commands);
	journal_close(intake.journal);
	trial_end(&intake);
	device_directory_free(intake.directory);
	device_memory_free(intake.memory);
	row_summaries_end(&intake);
	snprintf(command, sizeof(command), "rm -r '%s'", folder);
	return system(command);
}

// The entries since the last call, a line each: kind, ident, reason.
static inline const char *journaled(void)
{
	static const char *const kinds[] = {[ENTRY_REPORT] = "report",
		[ENTRY_REJECT] = "reject",
		[ENTRY_CONNECTED] = "connected",
		[ENTRY_DISCONNECTED] = "disconnected",
		[ENTRY_COMMAND] = "command",
		[ENTRY_LEFT] = "left"};
	static struct lines lines;
	struct journal_cursor cursor;
	struct entry entry;

	lines.len = 0;
	lines.text[0] = 0;
	journal_cursor_init(&cursor, intake.journal, read_up_to);
	while (journal_cursor_next(&cursor)) {
		assert_true(entry_read(cursor.data, cursor.len, &entry));
		if (entry.kind == ENTRY_HELD || entry.kind == ENTRY_RELEASED)
			continue; // test_hold.c
		assert_in_range(entry.kind, ENTRY_REPORT, ENTRY_LEFT);
		assert_non_null(kinds[entry.kind]);
		add(&lines, "%s", kinds[entry.kind]);
		if (entry.ident.len > 0)
			add(&lines, " %.*s", (int)entry.ident.len, entry.ident.data);
		if (entry.reason.len > 0 && entry.kind != ENTRY_COMMAND)
			add(&lines, ": %.*s", (int)entry.reason.len, entry.reason.data);
		add(&lines, "%s%s\n", entry.body.flags & FLAG_SHARED ? " (shared)" : "",
			entry.body.flags & FLAG_ASIDE ? " (aside)" : "");
	}
	read_up_to = cursor.lsn;
	journal_cursor_done(&cursor);
	return lines.text;
}

static inline const char *replies(void)
{
	static struct lines copy;

	copy = sent;
	copy.text[copy.len] = 0;
	sent.len = 0;
	return copy.text;
}

static inline struct conversation begin(enum transport over)
{
	const struct peer peer = {.address = {[10] = 0xff, 0xff, 10, 0, 0, 1},
		.port = next_port++,
		.transport = (uint8_t)over};
	struct conversation conversation;

	conversation_begin(&transport, &conversation, &peer);
	return conversation;
}

static inline struct conversation_outcome give(struct conversation *c, const void *data, size_t len)
{
	if (!intake_wait_for_room(&intake))
		return (struct conversation_outcome){.state = CONVERSATION_NO_ROOM};
	if (c->peer.transport == TRANSPORT_UDP)
		feed_datagram(&c->feed, clock_utc_us());
	return conversation_feed(&transport, c, data, len);
}

static inline struct conversation_outcome give_text(struct conversation *c, const char *text)
{
	return give(c, text, strlen(text));
}

static inline void end(struct conversation *c)
{
	conversation_end(&transport, c, NULL, 0, "closed by peer");
}

static inline struct device *device_of(const char *ident)
{
	struct device *device =
		device_directory_find(intake.directory, (struct text){ident, strlen(ident)});

	assert_non_null(device);
	return device;
}

static inline struct bytes position(void)
{
	return frame_of(false, "22 1F050E090A00 C9 026B3F3E 00B7D4C2 2A 145A 01CC00287D001FB80003");
}

// Makes a delta to PT502("101500"): another time. The byte after '@' is the reference's XOR.
static inline size_t make_delta(uint8_t *out)
{
	const char *reference = PT502("101500") "\r\n";
	static const uint8_t change[] = {2, 4, 6, '1', '5', '.', '0', '0', '0'};

	out[0] = '@';
	out[1] = checksum_xor((const uint8_t *)reference, strlen(reference));
	memcpy(out + 2, change, sizeof(change));
	return 2 + sizeof(change);
}

static inline void load_command(const char *name)
{
	const struct command_sink sink = command_queue_sink(intake.commands);
	const struct command_row row = {.id = 1,
		.ident = TEXT("5020001"),
		.name = {name, strlen(name)},
		.created_us = clock_utc_us(),
		.expires_us = clock_utc_us() + 300000000,
		.speed_kmh_e2 = -1};

	sink.begin(sink.context, 0);
	sink.row(sink.context, &row);
	sink.end(sink.context, INT64_MAX);
}

static inline void name_a_gateway(struct conversation *c)
{
	char record[128];

	for (int n = 1; n <= CONVERSATION_IDENTS + 1; n++) {
		snprintf(record, sizeof(record), OF("502%04d"), n);
		assert_int_equal(give_text(c, record).state, CONVERSATION_OPEN);
	}
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

#endif
