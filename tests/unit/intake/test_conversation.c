// SPDX-License-Identifier: MIT
// Conversations over a transport that only writes down what it is asked to do: what they journal, what they
// reply, and when they end.
#include "intake/conversation.h"
#include "intake/trial.h"

#include "door.h"

#include "decoders/gt06_frames.h"
#include "folder.h"
#include "intake/row_summaries.h"
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

__attribute__((format(printf, 2, 3))) static void add(struct lines *lines, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	const int len =
		vsnprintf(lines->text + lines->len, sizeof(lines->text) - lines->len, format, args);
	va_end(args);
	assert_in_range(len, 0, sizeof(lines->text) - lines->len - 1);
	lines->len += (size_t)len;
}

static bool on_send(struct conversation_transport *of, struct conversation *conversation,
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

static void on_displaced(struct conversation *conversation)
{
	displaced = conversation;
	conversation_end(&transport, conversation, NULL, 0, "device connected again");
}

static void on_ready(void *context, struct text ident)
{
	(void)context;
	(void)ident;
}

static int set_up(void **state)
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

static int tear_down(void **state)
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
static const char *journaled(void)
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

static const char *replies(void)
{
	static struct lines copy;

	copy = sent;
	copy.text[copy.len] = 0;
	sent.len = 0;
	return copy.text;
}

static struct conversation begin(enum transport over)
{
	const struct peer peer = {.address = {[10] = 0xff, 0xff, 10, 0, 0, 1},
		.port = next_port++,
		.transport = (uint8_t)over};
	struct conversation conversation;

	conversation_begin(&transport, &conversation, &peer);
	return conversation;
}

static struct conversation_outcome give(struct conversation *c, const void *data, size_t len)
{
	if (!intake_wait_for_room(&intake))
		return (struct conversation_outcome){.state = CONVERSATION_NO_ROOM};
	if (c->peer.transport == TRANSPORT_UDP)
		feed_datagram(&c->feed, clock_utc_us());
	return conversation_feed(&transport, c, data, len);
}

static struct conversation_outcome give_text(struct conversation *c, const char *text)
{
	return give(c, text, strlen(text));
}

static void end(struct conversation *c)
{
	conversation_end(&transport, c, NULL, 0, "closed by peer");
}

static struct device *device_of(const char *ident)
{
	struct device *device =
		device_directory_find(intake.directory, (struct text){ident, strlen(ident)});

	assert_non_null(device);
	return device;
}

static struct bytes position(void)
{
	return frame_of(false, "22 1F050E090A00 C9 026B3F3E 00B7D4C2 2A 145A 01CC00287D001FB80003");
}

// ---- both transports

// Frames of one conversation: one read over TCP, a datagram each over UDP.
static void both_give(
	const struct bytes *frames, size_t count, const char *entries, const char *expected_replies)
{
	struct conversation tcp = begin(TRANSPORT_TCP), udp = begin(TRANSPORT_UDP);
	struct bytes all = {0};
	char with_connection[1024];

	for (size_t i = 0; i < count; i++) {
		const struct conversation_outcome outcome =
			give(&udp, frames[i].data, frames[i].len);
		assert_int_equal(outcome.state, CONVERSATION_OPEN);
		assert_int_equal(outcome.used, frames[i].len);
		memcpy(all.data + all.len, frames[i].data, frames[i].len);
		all.len += frames[i].len;
	}
	end(&udp);
	assert_string_equal(journaled(), entries);
	assert_string_equal(replies(), expected_replies);
	assert_int_equal(give(&tcp, all.data, all.len).used, all.len);
	end(&tcp);
	const char *ident = memchr(entries, ' ', strlen(entries));
	const int ident_len = (int)strcspn(ident, ":\n");
	snprintf(with_connection, sizeof(with_connection),
		"connected%.*s\n%sdisconnected%.*s: closed by peer\n", ident_len, ident, entries,
		ident_len, ident);
	assert_string_equal(journaled(), with_connection);
	assert_string_equal(replies(), expected_replies);
}

static void gt06_is_the_same_over_tcp_and_udp(void **state)
{
	(void)state;
	struct bytes bad = position();
	bad.data[bad.len - 3] ^= 1;
	const struct bytes frames[] = {frame_of(false, "01 0860000000000017"), position(), bad,
		frame_of(false, "13 4605030002")};

	both_give(frames, 4,
		"report 860000000000017\nreport 860000000000017\n"
		"reject 860000000000017: bad checksum\nreport 860000000000017\n",
		"now 787805010007bcea0d0a\nnow 78780522000750b50d0a\nnow 7878051300078cc70d0a\n");
}

static struct bytes bytes_of(const char *text)
{
	struct bytes bytes = {.len = strlen(text)};

	memcpy(bytes.data, text, bytes.len);
	return bytes;
}

static void pt502_is_the_same_over_tcp_and_udp(void **state)
{
	(void)state;
	const struct bytes frames[] = {bytes_of(PT502("101500") "\r\n"),
		bytes_of(PT502("109900") "\r\n"), bytes_of(PT502("101502") "\r\n")};

	both_give(
		frames, 3, "report 5020001\nreject 5020001: bad value: time\nreport 5020001\n", "");
}

static void bytes_may_come_one_by_one(void **state)
{
	(void)state;
	const char *record = PT502("101500") "\r\n";
	struct conversation c = begin(TRANSPORT_TCP);
	size_t start = 0;

	for (size_t given = 1; given <= strlen(record); given++)
		start += give(&c, record + start, given - start).used;
	assert_int_equal(start, strlen(record));
	assert_string_equal(journaled(), "connected 5020001\nreport 5020001\n");
	end(&c);
}

static void load_command(const char *name)
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

// ---- limits of the rows that peers cause

static void limit_rows(void)
{
	config.database.rejects_per_minute = config.database.connections_per_minute = 2;
	config.database.rejects_per_day = config.database.connections_per_day = 100000;
	assert_true(row_summaries_begin(&intake));
}

static size_t count_entries(enum entry_kind kind, struct entry *last)
{
	static uint8_t copy[65536];
	struct journal_cursor cursor;
	struct entry entry;
	size_t count = 0;

	journal_cursor_init(&cursor, intake.journal, read_up_to);
	while (journal_cursor_next(&cursor)) {
		assert_true(entry_read(cursor.data, cursor.len, &entry));
		if (entry.kind != kind)
			continue;
		count++;
		assert_true(cursor.len <= sizeof(copy));
		memcpy(copy, cursor.data, cursor.len);
		assert_true(entry_read(copy, cursor.len, last));
	}
	journal_cursor_done(&cursor);
	return count;
}

static void rejects_beyond_the_limit_cost_no_entry_and_are_counted(void **state)
{
	struct conversation c = begin(TRANSPORT_UDP);
	struct entry last;

	(void)state;
	limit_rows();
	for (int i = 0; i < 50; i++)
		give_text(&c, "\x01rubbish");
	assert_int_equal(count_entries(ENTRY_REJECT, &last), 2);
	assert_int_equal(intake.counters.rejects, 50);
	assert_int_equal(intake.reasons[0].count, 50);
	assert_int_equal(row_limits_left_out(intake.limits[LIMITED_REJECTS]), 48);
	row_summaries_finish(&intake);
	assert_int_equal(count_entries(ENTRY_REJECT, &last), 3);
	assert_int_equal(last.raw.len + last.ident.len + last.peer.port, 0);
	assert_int_equal(last.peer.address[15], 1);
	assert_true(text_equal(last.reason, "left out: 48 in 0 s: unknown protocol 48"));
	end(&c);
}

static void a_reject_keeps_its_first_bytes(void **state)
{
	static uint8_t rubbish[1400] = {1};
	struct conversation c = begin(TRANSPORT_UDP);
	struct entry last;

	(void)state;
	give(&c, rubbish, sizeof(rubbish));
	assert_int_equal(count_entries(ENTRY_REJECT, &last), 1);
	assert_int_equal(last.raw.len, REJECT_RAW_MAX);
	end(&c);
}

static void a_reject_beyond_the_limit_still_resolves_what_was_held(void **state)
{
	const struct conversation c = begin(TRANSPORT_UDP);
	const struct held_mark mark = {.key = 4711};
	struct entry last;

	(void)state;
	limit_rows();
	assert_true(intake_wait_for_room(&intake));
	for (int i = 0; i < 3; i++)
		intake_reject_report(&intake, &c.feed, &c.peer, "delta: reference not seen",
			TEXT("bytes"), mark);
	assert_int_equal(count_entries(ENTRY_REJECT, &last), 2);
	assert_int_equal(last.mark.key, 4711);
	assert_int_equal(count_entries(ENTRY_RELEASED, &last), 1);
	assert_int_equal(last.mark.key, 4711);
}

static void connect_and_close(const char *text)
{
	struct conversation c = begin(TRANSPORT_TCP);

	if (*text)
		give_text(&c, text);
	end(&c);
}

static void connections_without_a_device_are_limited_by_address(void **state)
{
	struct entry last;

	(void)state;
	limit_rows();
	for (int i = 0; i < 50; i++)
		connect_and_close("");
	assert_int_equal(count_entries(ENTRY_DISCONNECTED, &last), 2);
	assert_int_equal(count_entries(ENTRY_LEFT, &last), 0);
	row_summaries_finish(&intake);
	assert_int_equal(count_entries(ENTRY_DISCONNECTED, &last), 3);
	assert_true(text_equal(last.reason, "left out: 48 in 0 s: closed by peer 48"));
}

// Each device has its own allowance, whatever its address has used, and its state is kept beyond it.
static void connections_of_devices_are_limited_by_device(void **state)
{
	struct entry last;

	(void)state;
	limit_rows();
	for (int i = 0; i < 50; i++)
		connect_and_close("");
	device_directory_add(intake.directory, TEXT("5020001"))->id = 1;
	device_directory_add(intake.directory, TEXT("5020002"))->id = 2;
	for (int i = 0; i < 5; i++) {
		connect_and_close(OF("5020001"));
		connect_and_close(OF("5020002"));
	}
	assert_int_equal(count_entries(ENTRY_DISCONNECTED, &last), 2 + 2 * 2);
	assert_int_equal(count_entries(ENTRY_CONNECTED, &last), 10);
	assert_int_equal(count_entries(ENTRY_LEFT, &last), 2 * 3);
	assert_true(text_equal(last.ident, "5020002"));
	assert_int_equal(last.peer.port, next_port - 1);
}

// ---- admission

static void a_refused_device_ends_a_connection_but_not_a_sender(void **state)
{
	(void)state;
	device_directory_add(intake.directory, TEXT("5020001"))->state = DEVICE_BLOCKED;
	struct conversation tcp = begin(TRANSPORT_TCP), udp = begin(TRANSPORT_UDP);
	const struct conversation_outcome outcome = give_text(&tcp, OF("5020001") OF("5020002"));

	assert_int_equal(outcome.state, CONVERSATION_ENDS);
	assert_string_equal(outcome.reason, "device is blocked");
	assert_string_equal(journaled(), "reject 5020001: device is blocked\n");
	end(&tcp);
	journaled();
	assert_int_equal(give_text(&udp, OF("5020001") OF("5020002")).state, CONVERSATION_OPEN);
	assert_string_equal(journaled(), "reject 5020001: device is blocked\nreport 5020002\n");
	end(&udp);
}

static void what_the_owner_changes_counts_from_the_next_frame(void **state)
{
	(void)state;
	struct conversation tcp = begin(TRANSPORT_TCP), udp = begin(TRANSPORT_UDP);

	give_text(&udp, OF("5020001"));
	give_text(&tcp, OF("5020001"));
	journaled();
	device_of("5020001")->decoder = 1; // registry_decoders[0], which is not the PT-502's
	give_text(&udp, OF("5020001"));
	assert_string_equal(journaled(), "reject 5020001: not the protocol set for the device\n");
	assert_string_equal(
		give_text(&tcp, OF("5020001")).reason, "not the protocol set for the device");
	end(&tcp);
	device_of("5020001")->decoder = 0;
	journaled();
	give_text(&udp, OF("5020001"));
	assert_string_equal(journaled(), "report 5020001\n");
	end(&udp);
}

static void networks_bind_a_device(void **state)
{
	(void)state;
	struct device *device = device_directory_add(intake.directory, TEXT("5020001"));
	struct conversation tcp = begin(TRANSPORT_TCP), udp = begin(TRANSPORT_UDP); // 10.0.0.1

	device_directory_set_networks(device, TEXT("{192.0.2.0/24}"));
	const struct conversation_outcome outcome = give_text(&tcp, OF("5020001"));
	assert_int_equal(outcome.state, CONVERSATION_ENDS);
	assert_string_equal(outcome.reason, "not from the device's networks");
	assert_null(device->live);
	end(&tcp);
	assert_string_equal(journaled(), "reject 5020001: not from the device's networks\n"
					 "disconnected 5020001: closed by peer\n");
	assert_int_equal(give_text(&udp, OF("5020001") OF("5020002")).state, CONVERSATION_OPEN);
	assert_string_equal(
		journaled(), "reject 5020001: not from the device's networks\nreport 5020002\n");
	assert_string_equal(replies(), "");
	// Changes count from the next frame.
	device_directory_set_networks(device, TEXT("{192.0.2.0/24,10.0.0.0/31}"));
	give_text(&udp, OF("5020001"));
	tcp = begin(TRANSPORT_TCP);
	give_text(&tcp, OF("5020001"));
	assert_ptr_equal(device->live, &tcp);
	assert_string_equal(journaled(), "report 5020001\nconnected 5020001\nreport 5020001\n");
	device_directory_set_networks(device, TEXT("{10.0.0.2/31}"));
	assert_string_equal(
		give_text(&tcp, OF("5020001")).reason, "not from the device's networks");
	end(&udp);
	end(&tcp);
	assert_null(device->live);
}

// No answer of the protocol tells that the ident is known; each frame leaves a reject.
static void a_log_in_from_elsewhere_is_a_reject(void **state)
{
	(void)state;
	const struct bytes login = frame_of(false, "01 0860000000000017");
	struct device *device = device_directory_add(intake.directory, TEXT("860000000000017"));
	struct conversation udp = begin(TRANSPORT_UDP);

	device_directory_set_networks(device, TEXT("{192.0.2.0/24}"));
	give(&udp, login.data, login.len);
	give(&udp, position().data, position().len);
	assert_string_equal(replies(), "");
	assert_string_equal(journaled(),
		"reject 860000000000017: not from the device's networks\n"
		"reject 860000000000017: not from the device's networks\n");
	end(&udp);
}

// What a refused peer says is not remembered: it could push out what the deltas of the tracker refer to.
static void a_frame_from_elsewhere_is_not_remembered(void **state)
{
	(void)state;
	struct device *device = device_directory_add(intake.directory, TEXT("5020001"));
	struct conversation udp = begin(TRANSPORT_UDP), tcp = begin(TRANSPORT_TCP);

	device_directory_set_networks(device, TEXT("{192.0.2.0/24}"));
	give_text(&udp, PT502("101500") "\r\n" PT502("101501") "\r\n");
	assert_int_equal(device_memory_count(intake.memory), 0);
	device_directory_set_networks(device, (struct text){0});
	give_text(&udp, PT502("101500") "\r\n");
	assert_int_equal(device_memory_count(intake.memory), 1);
	const void *block = device_memory_block(&udp.feed.session);
	give_text(&tcp, PT502("101501") "\r\n");
	assert_ptr_equal(device_memory_block(&tcp.feed.session), block);
	// With a connection open, a datagram changes nothing that the connection uses.
	give_text(&udp, PT502("101502") "\r\n");
	assert_null(device_memory_block(&udp.feed.session));
	end(&tcp);
	assert_ptr_equal(device_memory_block(&udp.feed.session), block);
	end(&udp);
}

static void a_device_of_no_known_protocol_is_refused(void **state)
{
	(void)state;
	struct conversation udp = begin(TRANSPORT_UDP);

	device_directory_add(intake.directory, TEXT("5020001"))->decoder = DEVICE_NO_DECODER;
	give_text(&udp, OF("5020001"));
	assert_string_equal(journaled(), "reject 5020001: not the protocol set for the device\n");
	end(&udp);
}

// ---- a device that several peers name

static void a_datagram_beside_a_connection_is_set_aside(void **state)
{
	(void)state;
	struct conversation tcp = begin(TRANSPORT_TCP), udp = begin(TRANSPORT_UDP);

	give_text(&udp, OF("5020001"));
	give_text(&tcp, OF("5020001"));
	assert_string_equal(journaled(), "report 5020001\nconnected 5020001\nreport 5020001\n");
	give_text(&udp, OF("5020001") OF("5020002"));
	assert_string_equal(journaled(), "report 5020001 (aside)\nreport 5020002\n");
	assert_ptr_equal(device_of("5020001")->live, &tcp);
	give_text(&tcp, OF("5020001"));
	assert_string_equal(journaled(), "report 5020001\n");
	end(&tcp);
	journaled();
	give_text(&udp, OF("5020001"));
	assert_string_equal(journaled(), "report 5020001\n");
	end(&udp);
}

static void a_gateway_does_not_speak_for_a_connected_device(void **state)
{
	(void)state;
	struct conversation own = begin(TRANSPORT_TCP), gateway = begin(TRANSPORT_TCP);

	give_text(&gateway, OF("5020011") OF("5020012") OF("5020013") OF("5020014") OF("5020015")
				    OF("5020016") OF("5020017") OF("5020018") OF("5020019"));
	give_text(&own, OF("5020001"));
	journaled();
	load_command("positionSingle");
	give_text(&gateway, OF("5020001") OF("5020002"));
	assert_string_equal(replies(), "");
	assert_string_equal(
		journaled(), "report 5020001 (shared) (aside)\nreport 5020002 (shared)\n");
	assert_ptr_equal(device_of("5020001")->live, &own);
	give_text(&own, OF("5020001"));
	assert_string_equal(replies(), "now 235243500d0a\n");
	end(&own);
	end(&gateway);
}

static void a_thief_by_udp_gets_no_command(void **state)
{
	(void)state;
	struct conversation tcp = begin(TRANSPORT_TCP), udp = begin(TRANSPORT_UDP);

	give_text(&tcp, OF("5020001"));
	load_command("positionSingle");
	for (int i = 0; i < 3; i++)
		give_text(&udp, OF("5020001"));
	assert_string_equal(replies(), "");
	give_text(&tcp, OF("5020001"));
	assert_string_equal(replies(), "now 235243500d0a\n");
	journaled();
	give_text(&udp, OF("5020001")); // a position would confirm it
	assert_string_equal(journaled(), "report 5020001 (aside)\n");
	tcp.feed.session.received_us = clock_utc_us();
	give_text(&tcp, OF("5020001"));
	assert_string_equal(journaled(), "report 5020001\ncommand 5020001\n");
	end(&tcp);
	end(&udp);
}

// Returns the alarms of the newest entry since the last call.
static uint64_t journaled_alarms(void)
{
	struct journal_cursor cursor;
	struct entry entry;
	uint64_t alarms = 0;

	journal_cursor_init(&cursor, intake.journal, read_up_to);
	while (journal_cursor_next(&cursor)) {
		assert_true(entry_read(cursor.data, cursor.len, &entry));
		alarms = entry.kind == ENTRY_REPORT ? entry.body.alarms : 0;
	}
	read_up_to = cursor.lsn;
	journal_cursor_done(&cursor);
	return alarms;
}

#define SOS (UINT64_C(1) << ALARM_SOS)

// The alarm stays in each heartbeat until it clears.
static void an_alarm_that_is_refused_is_raised_after_the_admission(void **state)
{
	(void)state;
	const struct bytes login = frame_of(false, "01 0860000000000017");
	const struct bytes calm = frame_of(false, "13 4605030002");
	const struct bytes alarm = frame_of(false, "13 4605030102");
	struct conversation udp = begin(TRANSPORT_UDP), tcp = begin(TRANSPORT_TCP);

	give(&udp, login.data, login.len);
	give(&tcp, login.data, login.len);
	device_of("860000000000017")->state = DEVICE_BLOCKED;
	give(&udp, alarm.data, alarm.len);
	assert_true(journaled_alarms() == 0);
	assert_int_equal(give(&tcp, alarm.data, alarm.len).state, CONVERSATION_ENDS);
	assert_true(journaled_alarms() == 0);
	end(&tcp);
	device_of("860000000000017")->state = DEVICE_ACTIVE;
	give(&udp, alarm.data, alarm.len);
	assert_true(journaled_alarms() == SOS);
	give(&udp, alarm.data, alarm.len);
	assert_true(journaled_alarms() == 0);
	// What is refused does not clear it either.
	device_of("860000000000017")->state = DEVICE_BLOCKED;
	give(&udp, calm.data, calm.len);
	device_of("860000000000017")->state = DEVICE_ACTIVE;
	give(&udp, alarm.data, alarm.len);
	assert_true(journaled_alarms() == 0);
	give(&udp, calm.data, calm.len);
	give(&udp, alarm.data, alarm.len);
	assert_true(journaled_alarms() == SOS);
	end(&udp);
}

static void a_device_is_known_by_the_table_of_devices(void **state)
{
	struct session asked = {0};
	(void)state;
	intake_begin(&intake, &asked);
	assert_true(session_set_ident(&asked, "7", 1));
	assert_true(session_settings(&asked).known); // the table has not been read
	device_directory_set_loaded(intake.directory);
	assert_false(session_settings(&asked).known);
	device_directory_add(intake.directory, TEXT("7"));
	assert_true(session_settings(&asked).known);
}

static void model_and_protocol_set_for_a_device_are_visible_in_its_first_frame(void **state)
{
	(void)state;
	struct conversation tcp = begin(TRANSPORT_TCP), udp = begin(TRANSPORT_UDP);

	give_text(&tcp, "!M7\n");
	assert_string_equal(replies(), "now 2f\n"); // "/"
	device_directory_set_model(device_of("7"), TEXT("X3"));
	device_of("7")->decoder = 3; // registry_decoders[2], door
	give_text(&udp, "!M7\n");
	assert_string_equal(replies(), "now 58332f646f6f72\n"); // "X3/door"
	give_text(&tcp, "!M7\n!M8\n"); // a change counts for an open connection
	assert_string_equal(replies(), "now 58332f646f6f72\nnow 2f\n");
	device_directory_set_model(device_of("7"), TEXT("X4"));
	give_text(&tcp, "!M7\n");
	assert_string_equal(replies(), "now 58342f646f6f72\n");
	end(&tcp);
	end(&udp);
}

// ---- new idents, and scanners

// 60 new idents over TCP, or 4 over UDP heard once and 7 in all.
static void limit_newcomers(void)
{
	config.devices.new_per_minute = 1000;
	config.devices.new_per_address = 1;
	assert_true(trial_begin(&intake));
	device_directory_set_loaded(intake.directory);
}

// Uses up what may be heard once.
static void flood(struct conversation *udp)
{
	static const char *const reports[] = {
		OF("5020101"), OF("5020102"), OF("5020103"), OF("5020104")};
	for (size_t i = 0; i < 4; i++)
		give_text(udp, reports[i]);
	journaled();
}

static void a_report_on_trial_is_journaled_when_the_ident_is_heard_again(void **state)
{
	(void)state;
	struct conversation udp = begin(TRANSPORT_UDP), other = begin(TRANSPORT_UDP);
	limit_newcomers();
	flood(&other);
	give_text(&udp, OF("5020105"));
	assert_string_equal(journaled(), "");
	assert_null(device_directory_find(intake.directory, TEXT("5020105")));
	assert_null(udp.device);
	give_text(&udp, OF("5020105"));
	assert_string_equal(journaled(), "report 5020105\nreport 5020105\n");
	assert_ptr_equal(udp.device, device_of("5020105"));
	give_text(&udp, OF("5020105"));
	assert_string_equal(journaled(), "report 5020105\n");
	assert_int_equal(intake.counters.reports, 7);
	end(&udp);
	end(&other);
}

static void nothing_is_acknowledged_while_on_trial(void **state)
{
	(void)state;
	const struct bytes login = frame_of(false, "01 0860000000000017");
	struct conversation udp = begin(TRANSPORT_UDP), other = begin(TRANSPORT_UDP);
	limit_newcomers();
	flood(&other);
	give(&udp, login.data, login.len);
	assert_string_equal(replies(), "");
	give(&udp, login.data, login.len); // the tracker repeats what is not acknowledged
	assert_string_not_equal(replies(), "");
	assert_non_null(device_of("860000000000017"));
	end(&udp);
	end(&other);
}

static void two_frames_of_one_datagram_are_heard_once(void **state)
{
	(void)state;
	struct conversation udp = begin(TRANSPORT_UDP);
	limit_newcomers();
	flood(&udp);
	give_text(&udp, OF("5020105") OF("5020105"));
	assert_string_equal(journaled(), "");
	give_text(&udp, OF("5020105"));
	assert_string_equal(journaled(), "report 5020105\nreport 5020105\nreport 5020105\n");
	end(&udp);
}

static void reports_on_trial_become_rejects_at_the_end(void **state)
{
	(void)state;
	struct conversation udp = begin(TRANSPORT_UDP);
	limit_newcomers();
	flood(&udp);
	give_text(&udp, OF("5020105"));
	end(&udp);
	journaled();
	trial_finish(&intake);
	assert_string_equal(journaled(), "reject 5020105: too many new devices\n");
	assert_int_equal(device_directory_count(intake.directory), 4);
}

static void new_idents_over_tcp_are_refused_beyond_the_limit(void **state)
{
	(void)state;
	char report[128];
	limit_newcomers();
	for (unsigned i = 0; i < 60; i++) {
		struct conversation tcp = begin(TRANSPORT_TCP);
		snprintf(report, sizeof(report),
			"$POS,50201%02u,101500.000,A,4807.0380,N,01131.0000,E,22.40,84.40,"
			"221126\r\n",
			i);
		assert_int_equal(give_text(&tcp, report).state, CONVERSATION_OPEN);
		end(&tcp);
	}
	journaled();
	struct conversation tcp = begin(TRANSPORT_TCP), known = begin(TRANSPORT_TCP);
	assert_string_equal(give_text(&tcp, OF("5020001")).reason, "too many new devices");
	assert_string_equal(journaled(), "reject 5020001: too many new devices\n");
	assert_int_equal(give_text(&known, OF("5020159")).state, CONVERSATION_OPEN);
	end(&tcp);
	end(&known);
	// Without a report there is a reject all the same, and no reply.
	const struct bytes login = frame_of(false, "01 0860000000000017");
	struct conversation gt06 = begin(TRANSPORT_TCP);
	journaled();
	assert_string_equal(give(&gt06, login.data, login.len).reason, "too many new devices");
	assert_string_equal(journaled(), "reject 860000000000017: too many new devices\n");
	assert_string_equal(replies(), "");
	end(&gt06);
}

static void other_idents_in_a_frame_are_limited_too(void **state)
{
	(void)state;
	struct conversation tcp = begin(TRANSPORT_TCP);
	limit_newcomers();
	for (unsigned i = 0; i < 60; i++)
		assert_null(trial_ask_other(&intake, &tcp.peer, TEXT("other")));
	assert_string_equal(
		trial_ask_other(&intake, &tcp.peer, TEXT("another")), "too many new devices");
	end(&tcp);
}

static void before_the_devices_have_been_read_nothing_is_new(void **state)
{
	(void)state;
	char report[128];
	struct conversation udp = begin(TRANSPORT_UDP);
	config.devices.new_per_minute = config.devices.new_per_address = 1;
	assert_true(trial_begin(&intake));
	for (unsigned i = 0; i < 200; i++) {
		snprintf(report, sizeof(report),
			"$POS,50201%02u,101500.000,A,4807.0380,N,01131.0000,E,22.40,84.40,"
			"221126\r\n",
			i);
		give_text(&udp, report);
	}
	assert_int_equal(device_directory_count(intake.directory), 200);
	end(&udp);
}

static void devices_are_released_by_conversations_that_end(void **state)
{
	(void)state;
	struct conversation tcp = begin(TRANSPORT_TCP), udp = begin(TRANSPORT_UDP);
	give_text(&tcp, OF("5020101"));
	give_text(&udp, OF("5020101"));
	assert_int_equal(device_of("5020101")->users, 2);
	give_text(&tcp, OF("5020102"));
	give_text(&udp, OF("5020102"));
	assert_int_equal(device_of("5020101")->users, 1);
	end(&tcp);
	assert_int_equal(device_of("5020101")->users, 0);
	assert_int_equal(device_of("5020102")->users, 1);
	end(&udp);
	assert_int_equal(device_of("5020102")->users, 0);
	struct conversation gateway = begin(TRANSPORT_TCP);
	static const char *const reports[] = {OF("5020101"), OF("5020102"), OF("5020103"),
		OF("5020104"), OF("5020105"), OF("5020106"), OF("5020107"), OF("5020108"),
		OF("5020109"), OF("5020110")};
	for (size_t i = 0; i < 10; i++)
		give_text(&gateway, reports[i]);
	end(&gateway);
	for (unsigned i = 1; i <= 10; i++) {
		char ident[8];
		snprintf(ident, sizeof(ident), "50201%02u", i);
		assert_int_equal(device_of(ident)->users, 0);
	}
}

static void only_the_first_scanner_of_an_address_leaves_rows(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct conversation tcp = begin(TRANSPORT_TCP);
		const struct conversation_outcome outcome = give_text(&tcp, "SSH-2.0-Go\r\n");
		assert_string_equal(outcome.reason, "scanner: ssh");
		conversation_end(&transport, &tcp, NULL, 0, outcome.reason);
		assert_string_equal(journaled(),
			i == 0 ? "reject: unknown protocol\ndisconnected: scanner: ssh\n" : "");
	}
	struct conversation udp = begin(TRANSPORT_UDP);
	give_text(&udp, "OPTIONS sip:nm SIP/2.0\r\n\r\n");
	assert_string_equal(journaled(), "");
	end(&udp);
	uint64_t count = 0;
	for (size_t kind = 0; scanner_kind(kind); kind++)
		count += intake.scanners.counts[kind];
	assert_int_equal(count, 4);
}

static void a_scanner_that_ends_within_its_request_leaves_rows_once(void **state)
{
	static const char request[] = "GET / HT";
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct conversation tcp = begin(TRANSPORT_TCP);
		const struct conversation_outcome outcome = give_text(&tcp, request);
		assert_int_equal(outcome.state, CONVERSATION_OPEN);
		conversation_end(&transport, &tcp, (const uint8_t *)request, sizeof request - 1,
			"closed by peer");
		assert_string_equal(journaled(),
			i == 0 ? "reject: incomplete frame\ndisconnected: closed by peer\n" : "");
	}
}

static void a_request_without_a_device_is_refused_as_a_scanners(void **state)
{
	(void)state;
	struct conversation tcp = begin(TRANSPORT_TCP);
	const struct conversation_outcome outcome =
		give_text(&tcp, "GET /?lat=1&lon=2 HTTP/1.1\r\n\r\n");
	assert_string_equal(outcome.reason, "scanner: http");
	assert_int_equal(strncmp(replies(), "now 485454502f312e3120343030", 28), 0);
	conversation_end(&transport, &tcp, NULL, 0, outcome.reason);
	assert_string_equal(journaled(), "reject: unknown protocol\ndisconnected: scanner: http\n");
}

static void scanners_are_told_apart_by_network_and_hour(void **state)
{
	(void)state;
	static struct scanners scanners;
	const struct peer v6 = {.address = {0x20, 1, 0xd, 0xb8, [15] = 1}};
	struct peer same = v6, other = v6;
	same.address[15] = 2;
	other.address[7] = 1;
	assert_true(scanners_note(&scanners, &v6, 0, 1));
	assert_false(scanners_note(&scanners, &same, 1, SCANNERS_S));
	assert_true(scanners_note(&scanners, &other, 0, 2));
	assert_true(scanners_note(&scanners, &same, 0, 1 + SCANNERS_S));
	assert_int_equal(scanners.counts[0], 3);
	assert_int_equal(scanners.counts[1], 1);
}

// ---- secrets

// Of the password "parrot", with the salt "s1".
#define PARROT "sha256$s1$d0815b33a52bacf5aac7c685dfb3b2e987ab36f631ea2b3e56610d2afebdaf1b"
// Of the password "monkey", with the salt "s2".
#define MONKEY "sha256$s2$ea76910bcd7e9213cf7bc11068e279aac40eaf91126212e6a1a5bdc317e0e208"

static void set_secret(const char *ident, const char *secret)
{
	device_directory_set_secret(
		device_directory_add(intake.directory, (struct text){ident, strlen(ident)}),
		(struct text){secret, strlen(secret)});
}

static void a_wrong_password_is_refused(void **state)
{
	(void)state;
	set_secret("7", PARROT);
	struct conversation c = begin(TRANSPORT_TCP);
	struct conversation_outcome outcome = give_text(&c, "!A7,monkey\n!P\n");

	assert_int_equal(outcome.state, CONVERSATION_ENDS);
	assert_string_equal(outcome.reason, "wrong secret");
	assert_string_equal(replies(), "now 6e6f\n");
	assert_string_equal(journaled(), "reject 7: wrong secret\n");
	assert_null(device_of("7")->live);
	assert_int_equal(intake.reasons[0].count, 1);
	assert_string_equal(intake.reasons[0].reason, "wrong secret");
	assert_int_equal(c.feed.rejects, 1);
	end(&c);
}

static void the_right_password_admits(void **state)
{
	(void)state;
	set_secret("7", PARROT);
	struct conversation c = begin(TRANSPORT_TCP);

	assert_int_equal(give_text(&c, "!A7,parrot\n!P\n!P\n").state, CONVERSATION_OPEN);
	assert_string_equal(replies(), "now 6f6b\n");
	assert_string_equal(journaled(), "connected 7\nreport 7\nreport 7\n");
	end(&c);
}

static void a_password_in_the_frame_of_a_report_admits_it(void **state)
{
	(void)state;
	set_secret("7", PARROT);
	for (enum transport over = TRANSPORT_TCP; over <= TRANSPORT_UDP; over++) {
		struct conversation good = begin(over), bad = begin(over);
		give_text(&good, "!D7,parrot\n");
		assert_string_equal(journaled(),
			over == TRANSPORT_UDP ? "report 7\n" : "connected 7\nreport 7\n");
		give_text(&bad, "!D7,parro\n");
		assert_string_equal(journaled(), "reject 7: wrong secret\n");
		end(&good);
		end(&bad);
		journaled();
	}
}

static void a_missing_password_is_refused(void **state)
{
	(void)state;
	set_secret("7", PARROT);
	struct conversation login = begin(TRANSPORT_TCP), empty = begin(TRANSPORT_TCP);

	assert_string_equal(give_text(&login, "!L7\n").reason, "wrong secret");
	assert_string_equal(replies(), "now 6e6f\n");
	assert_string_equal(journaled(), "reject 7: wrong secret\n");
	assert_string_equal(give_text(&empty, "!A7,\n").reason, "wrong secret");
	assert_string_equal(replies(), "now 6e6f\n");
	assert_string_equal(journaled(), "reject 7: wrong secret\n");
	end(&login);
	end(&empty);
}

// Also with a decoder that has no passwords.
static void a_device_whose_protocol_has_no_password_is_refused(void **state)
{
	(void)state;
	set_secret("5020001", PARROT);
	struct conversation c = begin(TRANSPORT_TCP);

	assert_string_equal(give_text(&c, OF("5020001")).reason, "wrong secret");
	assert_string_equal(journaled(), "reject 5020001: wrong secret\n");
	end(&c);
}

static void a_sender_keeps_its_password(void **state)
{
	(void)state;
	set_secret("7", PARROT);
	struct conversation c = begin(TRANSPORT_UDP);

	assert_int_equal(give_text(&c, "!A7,monkey\n").state, CONVERSATION_OPEN);
	give_text(&c, "!P\n");
	assert_string_equal(journaled(), "reject 7: wrong secret\nreject 7: wrong secret\n");
	assert_string_equal(replies(), "now 6e6f\n");
	give_text(&c, "!A7,parrot\n");
	give_text(&c, "!P\n");
	give_text(&c, "!P\n");
	assert_string_equal(journaled(), "report 7\nreport 7\n");
	assert_string_equal(replies(), "now 6f6b\n");
	give_text(&c, "!A7,\n"); // the newest counts, an empty one too
	assert_string_equal(journaled(), "reject 7: wrong secret\n");
	give_text(&c, "!A7,parrot\n");
	give_text(&c, "!A7,monkey\n");
	give_text(&c, "!P\n");
	assert_string_equal(journaled(), "reject 7: wrong secret\nreject 7: wrong secret\n");
	end(&c);
}

static void changes_of_a_secret_count_from_the_next_frame(void **state)
{
	(void)state;
	struct conversation tcp = begin(TRANSPORT_TCP), udp = begin(TRANSPORT_UDP);

	give_text(&tcp, "!A7,parrot\n!P\n"); // none is required, or avld.devices has not been read
	give_text(&udp, "!A8,parrot\n!P\n");
	assert_string_equal(journaled(), "connected 7\nreport 7\nreport 8\n");
	set_secret("7", PARROT);
	set_secret("8", PARROT);
	give_text(&tcp, "!P\n");
	give_text(&udp, "!P\n");
	assert_string_equal(journaled(), "report 7\nreport 8\n");
	set_secret("7", MONKEY);
	set_secret("8", MONKEY);
	assert_string_equal(give_text(&tcp, "!P\n").reason, "wrong secret");
	assert_int_equal(give_text(&udp, "!P\n").state, CONVERSATION_OPEN);
	assert_string_equal(journaled(), "reject 7: wrong secret\nreject 8: wrong secret\n");
	set_secret("8", "");
	give_text(&udp, "!P\n");
	assert_string_equal(journaled(), "report 8\n");
	end(&tcp);
	end(&udp);
}

static void a_password_counts_for_a_device_that_it_fits(void **state)
{
	(void)state;
	set_secret("7", PARROT);
	set_secret("8", MONKEY);
	struct conversation c = begin(TRANSPORT_UDP);

	give_text(&c, "!A7,parrot\n!P\n!L8\n");
	assert_string_equal(journaled(), "report 7\nreject 8: wrong secret\n");
	end(&c);
}

static void a_password_may_be_decoded_and_come_before_the_ident(void **state)
{
	(void)state;
	set_secret("7", PARROT);
	struct conversation c = begin(TRANSPORT_TCP);

	assert_int_equal(give_text(&c, "!Etorrap\n!L7\n").state, CONVERSATION_OPEN);
	assert_string_equal(journaled(), "connected 7\nreport 7\n");
	end(&c);
}

static void passwords_up_to_the_limit_fit(void **state)
{
	(void)state;
	char login[DECODED_PASSWORD + 16] = "!A7,";

	memset(login + 4, 'p', DECODED_PASSWORD);
	strcpy(login + 4 + DECODED_PASSWORD, "\n");
	set_secret(
		"7", "sha256$s1$96b2c8bd1c5c7f2c86d6b7e6bc4ff6e454997d6f401d4e38f39f0bd5482f31eb");
	struct conversation c = begin(TRANSPORT_UDP);
	give_text(&c, login);
	assert_string_equal(replies(), "now 6f6b\n");
	strcpy(login + 4 + DECODED_PASSWORD, "p\n"); // replaces the right one
	give_text(&c, login);
	assert_string_equal(replies(), "now 6e6f\n");
	end(&c);
}

static void reports_of_other_devices_are_admitted_one_by_one(void **state)
{
	(void)state;
	set_secret("8", PARROT);
	for (enum transport over = TRANSPORT_TCP; over <= TRANSPORT_UDP; over++) {
		struct conversation c = begin(over);
		give_text(&c, "!L7\n");
		journaled();
		assert_int_equal(give_text(&c, "!O8\n").state, CONVERSATION_OPEN);
		assert_string_equal(journaled(), "reject 7: wrong secret\nreport 7\n");
		give_text(&c, "!O9\n");
		assert_non_null(strstr(journaled(), "report 7\nreport 9\n"));
		end(&c);
		journaled();
	}
}

// The raw bytes of the entries since the last call, a line each.
static const char *journaled_bytes(void)
{
	static struct lines lines;
	struct journal_cursor cursor;
	struct entry entry;

	lines.len = 0;
	lines.text[0] = 0;
	journal_cursor_init(&cursor, intake.journal, read_up_to);
	while (journal_cursor_next(&cursor)) {
		assert_true(entry_read(cursor.data, cursor.len, &entry));
		add(&lines, "%.*s|", (int)entry.raw.len, entry.raw.len ? entry.raw.data : "");
	}
	read_up_to = cursor.lsn;
	journal_cursor_done(&cursor);
	return lines.text;
}

static void a_rejected_password_is_not_journaled(void **state)
{
	(void)state;
	set_secret("7", PARROT);
	struct conversation c = begin(TRANSPORT_UDP);

	give_text(&c, "!D7,7monkey\n");
	assert_string_equal(journaled_bytes(), "!D7,*******\n|");
	give_text(&c, "!A7,monkey\n");
	assert_string_equal(journaled_bytes(), "|");
	give_text(&c, "!L7\n"); // no password
	assert_string_equal(journaled_bytes(), "!L7\n|");
	end(&c);
}

static void unknown_devices_can_be_refused(void **state)
{
	(void)state;
	config.devices.unknown = UNKNOWN_REFUSE;
	device_directory_set_loaded(intake.directory);
	device_directory_add(intake.directory, TEXT("5020001"))->state = DEVICE_ACTIVE;
	struct conversation c = begin(TRANSPORT_TCP);

	assert_int_equal(give_text(&c, OF("5020001")).state, CONVERSATION_OPEN);
	assert_string_equal(give_text(&c, OF("5020002")).reason, "unknown device");
	assert_int_equal(device_directory_count(intake.directory), 1);
	end(&c);
}

static void reasons_for_refusal_are_known_as_such(void **state)
{
	(void)state;
	assert_true(conversation_is_refusal(TEXT("device is blocked")));
	assert_true(conversation_is_refusal(TEXT("wrong secret")));
	assert_true(conversation_is_refusal(TEXT("not from the device's networks")));
	assert_true(conversation_is_refusal(TEXT("too many devices")));
	assert_false(conversation_is_refusal(TEXT("too many new devices"))); // may be decoded later
	assert_false(conversation_is_refusal(TEXT("bad checksum")));
	assert_false(conversation_is_refusal(TEXT("")));
}

// ---- the devices of a connection

static void a_device_that_connects_again_displaces_the_older_connection(void **state)
{
	(void)state;
	struct conversation first = begin(TRANSPORT_TCP), second = begin(TRANSPORT_TCP),
			    udp = begin(TRANSPORT_UDP);

	give_text(&first, OF("5020001"));
	assert_ptr_equal(device_of("5020001")->live, &first);
	journaled();
	give_text(&udp, OF("5020001")); // a datagram displaces nothing
	assert_string_equal(journaled(), "report 5020001 (aside)\n");
	give_text(&second, OF("5020001"));
	assert_ptr_equal(displaced, &first);
	assert_ptr_equal(device_of("5020001")->live, &second);
	assert_string_equal(journaled(), "disconnected 5020001: device connected again\nconnected "
					 "5020001\nreport 5020001\n");
	end(&second);
	assert_null(device_of("5020001")->live);
	end(&udp);
}

static void the_end_of_a_connection_is_that_of_all_its_devices(void **state)
{
	(void)state;
	struct conversation c = begin(TRANSPORT_TCP);

	give_text(&c, OF("5020001") OF("5020002") OF("5020001"));
	assert_string_equal(journaled(),
		"connected 5020001\nreport 5020001\nconnected 5020002\nreport 5020002\n"
		"report 5020001\n");
	end(&c);
	assert_string_equal(journaled(), "left 5020002\ndisconnected 5020001: closed by peer\n");
}

static void name_a_gateway(struct conversation *c)
{
	char record[128];

	for (int n = 1; n <= CONVERSATION_IDENTS + 1; n++) {
		snprintf(record, sizeof(record), OF("502%04d"), n);
		assert_int_equal(give_text(c, record).state, CONVERSATION_OPEN);
	}
}

static void devices_of_a_gateway_have_no_connection(void **state)
{
	(void)state;
	struct conversation c = begin(TRANSPORT_TCP);

	name_a_gateway(&c);
	const char *entries = journaled();
	for (int n = 1; n <= CONVERSATION_IDENTS; n++) {
		char left[32];
		snprintf(left, sizeof(left), "left 502%04d\n", n);
		assert_non_null(strstr(entries, left));
	}
	assert_non_null(strstr(entries, "report 5020009 (shared)\n"));
	assert_null(device_of("5020009")->live);
	assert_null(device_of("5020001")->live);
	give_text(&c, OF("5020001"));
	assert_string_equal(journaled(), "report 5020001 (shared)\n");
	end(&c);
	assert_string_equal(journaled(), "disconnected 5020001: closed by peer\n");
}

static void a_refused_device_of_a_gateway_is_rejected_alone(void **state)
{
	(void)state;
	struct conversation c = begin(TRANSPORT_TCP);

	name_a_gateway(&c);
	device_directory_add(intake.directory, TEXT("5020666"))->state = DEVICE_BLOCKED;
	journaled();
	assert_int_equal(
		give_text(&c, OF("5020666") OF("5020001") OF("5020666")).state, CONVERSATION_OPEN);
	assert_string_equal(journaled(), "reject 5020666: device is blocked\n"
					 "report 5020001 (shared)\n"
					 "reject 5020666: device is blocked\n");
	end(&c);
}

static void a_refused_login_is_answered(void **state)
{
	(void)state;
	device_directory_add(intake.directory, TEXT("666"))->state = DEVICE_BLOCKED;
	struct conversation tcp = begin(TRANSPORT_TCP), udp = begin(TRANSPORT_UDP);

	config.journal.sync = SYNC_REPLY;
	const struct conversation_outcome outcome = give_text(&tcp, "!L666\n!L777\n");
	assert_int_equal(outcome.state, CONVERSATION_ENDS);
	assert_string_equal(outcome.reason, "device is blocked");
	assert_string_equal(replies(), "now 6e6f\n");
	assert_string_equal(journaled(), "reject 666: device is blocked\n");
	end(&tcp);
	journaled();
	assert_int_equal(give_text(&udp, "!L666\n!P\n!L777\n").state, CONVERSATION_OPEN);
	assert_string_equal(replies(), "now 6e6f\nnow 6f6b\nstored 7374\n");
	assert_string_equal(journaled(), "reject 666: device is blocked\n"
					 "reject 666: device is blocked\nreport 777\n");
	end(&udp);
}

static void a_refused_login_that_the_protocol_does_not_answer_is_silent(void **state)
{
	(void)state;
	device_directory_add(intake.directory, TEXT("860000000000017"))->state = DEVICE_BLOCKED;
	const struct bytes login = frame_of(false, "01 0860000000000017");
	struct conversation tcp = begin(TRANSPORT_TCP);

	assert_int_equal(give(&tcp, login.data, login.len).state, CONVERSATION_ENDS);
	assert_string_equal(replies(), "");
	end(&tcp);
}

static void a_refused_login_through_a_gateway_is_answered(void **state)
{
	(void)state;
	struct conversation c = begin(TRANSPORT_TCP);
	char login[32];

	for (int n = 1; n <= CONVERSATION_IDENTS + 1; n++) {
		snprintf(login, sizeof(login), "!L77%d\n", n);
		give_text(&c, login);
	}
	device_directory_add(intake.directory, TEXT("666"))->state = DEVICE_BLOCKED;
	replies();
	assert_int_equal(give_text(&c, "!L666\n!L771\n").state, CONVERSATION_OPEN);
	assert_string_equal(replies(), "now 6e6f\nnow 6f6b\nnow 7374\n");
	peer_reads = false;
	assert_string_equal(give_text(&c, "!L666\n").reason, "does not read its replies");
	end(&c);
}

static void a_refused_peer_that_does_not_read_is_refused(void **state)
{
	(void)state;
	device_directory_add(intake.directory, TEXT("666"))->state = DEVICE_BLOCKED;
	struct conversation c = begin(TRANSPORT_TCP);

	peer_reads = false;
	assert_string_equal(give_text(&c, "!L666\n").reason, "device is blocked");
	end(&c);
}

// ---- replies and commands

static void stored_replies_are_held_until_the_journal_is_safe(void **state)
{
	(void)state;
	config.journal.sync = SYNC_REPLY;
	const struct bytes login = frame_of(false, "01 0860000000000017"), fix = position(),
			   beat = frame_of(false, "13 4605030002");
	enum transport over[] = {TRANSPORT_TCP, TRANSPORT_UDP};

	for (size_t i = 0; i < 2; i++) {
		struct conversation c = begin(over[i]);
		give(&c, login.data, login.len);
		give(&c, fix.data, fix.len);
		assert_int_equal(held_lsn, journal_end(intake.journal));
		give(&c, beat.data, beat.len);
		const char *got = replies();
		assert_non_null(strstr(got, "stored 78780522000750b50d0a\n"));
		assert_non_null(strstr(got, "7878051300078cc70d0a\n"));
		end(&c);
	}
}

// Counts the reports and rejects journaled since the last call.
static void count_journaled(size_t *reports, size_t *rejects)
{
	struct journal_cursor cursor;
	struct entry entry;

	*reports = *rejects = 0;
	journal_cursor_init(&cursor, intake.journal, read_up_to);
	while (journal_cursor_next(&cursor)) {
		assert_true(entry_read(cursor.data, cursor.len, &entry));
		*reports += entry.kind == ENTRY_REPORT;
		*rejects += entry.kind == ENTRY_REJECT;
	}
	read_up_to = cursor.lsn;
	journal_cursor_done(&cursor);
}

// The rule of decoded.h: a decoder's number of reports is the number journaled, or nothing is acknowledged.
static void the_number_of_reports_that_a_reply_carries_is_journaled(void **state)
{
	(void)state;
	static const struct {
		const char *frame, *reply;
		size_t reports, rejects;
	} cases[] = {
		{"!R1\n", "now 0001\n", 1, 0},
		{"!R25\n", "now 0019\n", 25,
			0}, /* impossible values are left out, not the reports */
		{"!R256\n", "now 0100\n", 256, 0},
		{"!R300\n", "now 0100\n", 256,
			1},            /* the decoder has seen that the rest has no room */
		{"!R25F\n", "", 0, 1}, /* decoder fault: the whole frame is rejected */
	};
	size_t reports, rejects;
	for (enum transport over = TRANSPORT_TCP; over <= TRANSPORT_UDP; over++) {
		struct conversation c = begin(over);
		give_text(&c, "!L7\n");
		replies();
		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			count_journaled(&reports, &rejects);
			assert_int_equal(give_text(&c, cases[i].frame).state, CONVERSATION_OPEN);
			assert_string_equal(replies(), cases[i].reply);
			count_journaled(&reports, &rejects);
			assert_int_equal(reports, cases[i].reports);
			assert_int_equal(rejects, cases[i].rejects);
		}
		device_of("7")->state = DEVICE_BLOCKED;
		give_text(&c, "!R25\n");
		assert_string_equal(replies(), ""); /* refused as a whole */
		count_journaled(&reports, &rejects);
		assert_int_equal(reports, 0);
		assert_int_equal(rejects, 25);
		device_of("7")->state = DEVICE_ACTIVE;
		end(&c);
	}
}

static void a_peer_that_does_not_read_is_given_up(void **state)
{
	(void)state;
	const struct bytes login = frame_of(false, "01 0860000000000017");
	struct conversation c = begin(TRANSPORT_TCP);

	peer_reads = false;
	const struct conversation_outcome outcome = give(&c, login.data, login.len);
	assert_int_equal(outcome.state, CONVERSATION_ENDS);
	assert_string_equal(outcome.reason, "does not read its replies");
	assert_string_equal(journaled(), "connected 860000000000017\nreport 860000000000017\n");
	end(&c);
}

static void a_command_follows_the_frame(void **state)
{
	enum transport over[] = {TRANSPORT_TCP, TRANSPORT_UDP};

	for (size_t i = 0; i < 2; i++) {
		struct conversation c = begin(over[i]);
		load_command("positionSingle");
		give_text(&c, OF("5020002"));
		assert_string_equal(replies(), ""); // of another device
		if (over[i] == TRANSPORT_UDP) {
			give_text(&c, OF("5020001"));
			assert_string_equal(replies(), ""); // not yet the device's address
		}
		give_text(&c, OF("5020001"));
		assert_string_equal(replies(), "now 235243500d0a\n"); // #RCP
		assert_non_null(strstr(journaled(), "report 5020001\ncommand"));
		give_text(&c, OF("5020001"));
		assert_string_equal(replies(), ""); // sent already
		end(&c);
		tear_down(state);
		set_up(state);
	}
}

static void a_decoder_may_close_the_connection_after_its_reply(void **state)
{
	(void)state;
	const char *lines = "!L777\n!C\n!P\n";
	struct conversation tcp = begin(TRANSPORT_TCP), udp = begin(TRANSPORT_UDP);
	const struct conversation_outcome outcome = give_text(&tcp, lines);

	assert_int_equal(outcome.state, CONVERSATION_ENDS);
	assert_string_equal(outcome.reason, "closed after its reply");
	assert_int_equal(outcome.used, 9);
	assert_string_equal(replies(), "now 6f6b\nnow 7374\nnow 627965\n");
	assert_string_equal(journaled(), "connected 777\nreport 777\n");
	end(&tcp);
	journaled();
	assert_int_equal(give_text(&udp, lines).state, CONVERSATION_OPEN);
	assert_string_equal(replies(), "now 6f6b\nnow 7374\nnow 627965\n");
	assert_string_equal(journaled(), "report 777\nreport 777\n");
	end(&udp);
}

static void a_command_goes_to_the_live_connection_at_once(void **state)
{
	(void)state;
	struct conversation c = begin(TRANSPORT_TCP);

	give_text(&c, OF("5020001"));
	load_command("positionSingle");
	assert_ptr_equal(device_of("5020001")->live, &c);
	device_of("5020001")->state = DEVICE_BLOCKED;
	assert_true(conversation_send_command(&transport, &c));
	assert_string_equal(replies(), "");
	device_of("5020001")->state = DEVICE_ACTIVE;
	assert_true(conversation_send_command(&transport, &c));
	assert_string_equal(replies(), "now 235243500d0a\n");
	end(&c);
}

// ---- once a second, and the end

// Makes a delta to PT502("101500"): another time. The byte after '@' is the reference's XOR.
static size_t make_delta(uint8_t *out)
{
	const char *reference = PT502("101500") "\r\n";
	static const uint8_t change[] = {2, 4, 6, '1', '5', '.', '0', '0', '0'};

	out[0] = '@';
	out[1] = checksum_xor((const uint8_t *)reference, strlen(reference));
	memcpy(out + 2, change, sizeof(change));
	return 2 + sizeof(change);
}

static void an_open_frame_is_whole_after_a_second(void **state)
{
	(void)state;
	uint8_t delta[64];
	const size_t len = make_delta(delta);
	struct conversation c = begin(TRANSPORT_TCP);

	give_text(&c, PT502("101500") "\r\n");
	assert_int_equal(give(&c, delta, len).used, 0);
	assert_true(conversation_is_pending(&c));
	journaled();
	assert_int_equal(conversation_each_second(&transport, &c, delta, len).used, 0);
	c.open_ms -= 1000;
	assert_int_equal(conversation_each_second(&transport, &c, NULL, 0).used, 0);
	assert_string_equal(journaled(), ""); // more bytes are known to follow
	assert_int_equal(conversation_each_second(&transport, &c, delta, len).used, len);
	assert_string_equal(journaled(), "report 5020001\n");
	assert_false(conversation_is_pending(&c));
	end(&c);
}

static void an_open_frame_is_whole_at_the_end(void **state)
{
	(void)state;
	uint8_t delta[64];
	const size_t len = make_delta(delta);
	struct conversation c = begin(TRANSPORT_TCP);

	give_text(&c, PT502("101500") "\r\n");
	give(&c, delta, len);
	journaled();
	conversation_end(&transport, &c, delta, len, "closed by peer");
	assert_string_equal(journaled(), "report 5020001\ndisconnected 5020001: closed by peer\n");
}

static void a_held_frame_expires(void **state)
{
	(void)state;
	uint8_t delta[64];
	const size_t len = make_delta(delta);
	enum transport over[] = {TRANSPORT_TCP, TRANSPORT_UDP};

	for (size_t i = 0; i < 2; i++) {
		struct conversation c = begin(over[i]);
		give_text(&c, PT502("101400") "\r\n");
		if (give(&c, delta, len).used == 0) {
			c.open_ms -= 1000;
			conversation_each_second(&transport, &c, delta, len);
		}
		assert_true(conversation_is_pending(&c));
		journaled();
		conversation_each_second(&transport, &c, NULL, 0);
		assert_string_equal(journaled(), "");
		c.feed.session.held->frames[0].received_us -= FEED_HOLD_US;
		conversation_each_second(&transport, &c, NULL, 0);
		assert_string_equal(journaled(), "reject 5020001: delta: reference not seen\n");
		assert_false(conversation_is_pending(&c));
		end(&c);
	}
}

static void a_held_frame_is_a_reject_at_the_end(void **state)
{
	(void)state;
	uint8_t delta[64];
	const size_t len = make_delta(delta);
	struct conversation c = begin(TRANSPORT_UDP);

	give_text(&c, PT502("101400") "\r\n");
	give(&c, delta, len);
	journaled();
	end(&c);
	assert_string_equal(journaled(), "reject 5020001: delta: reference not seen\n");
}

static void the_rest_of_a_connection_is_an_incomplete_frame(void **state)
{
	(void)state;
	struct conversation c = begin(TRANSPORT_TCP);

	assert_int_equal(give_text(&c, "\r\n$POS,50200").used, 2);
	conversation_end(&transport, &c, (const uint8_t *)"$POS,50200", 10, "closed by peer");
	assert_string_equal(
		journaled(), "reject: incomplete frame\ndisconnected: closed by peer\n");
}

static void too_many_rejects_end_a_connection(void **state)
{
	(void)state;
	struct conversation tcp = begin(TRANSPORT_TCP), udp = begin(TRANSPORT_UDP);
	struct conversation_outcome outcome = {0};

	give_text(&udp, OF("5020001"));
	give_text(&tcp, OF("5020001"));
	for (int i = 0; i < 101 && outcome.state == CONVERSATION_OPEN; i++) {
		assert_int_equal(give_text(&udp, PT502("109900") "\r\n").state, CONVERSATION_OPEN);
		outcome = give_text(&tcp, PT502("109900") "\r\n");
	}
	assert_int_equal(outcome.state, CONVERSATION_ENDS);
	assert_string_equal(outcome.reason, "too many rejects");
	read_up_to = journal_end(intake.journal);
	end(&tcp);
	end(&udp);
}

static void a_full_journal_pauses_between_frames(void **state)
{
	(void)state;
	const char *two = OF("5020001") OF("5020001");
	static char many[200 * 96];
	struct conversation tcp = begin(TRANSPORT_TCP), udp = begin(TRANSPORT_UDP);
	struct conversation_outcome outcome = {0};

	for (int i = 0; i < 100; i++)
		strcat(many, two);
	for (int i = 0; i < 1000 && outcome.state != CONVERSATION_NO_ROOM; i++)
		outcome = give_text(&tcp, many);
	assert_int_equal(outcome.state, CONVERSATION_NO_ROOM);
	assert_in_range(outcome.used, 1, strlen(many) - 1);
	assert_int_equal(outcome.used % (strlen(two) / 2), 0);
	assert_false(intake_has_room(&intake));
	assert_int_equal(intake_room(&intake, 65536), INTAKE_FULL);
	assert_true(intake.full);
	journal_release(intake.journal, journal_end(intake.journal));
	assert_true(intake_has_room(&intake));
	assert_int_equal(give_text(&udp, two).used, strlen(two));
	end(&tcp);
	end(&udp);
}

static void the_longest_frames_find_room_or_pause(void **state)
{
	(void)state;
	static char frame[FRAME_MOST];
	struct conversation c = begin(TRANSPORT_TCP);
	struct conversation_outcome outcome = give_text(&c, "!L777\n");
	unsigned frames = 0;

	memset(frame, 'x', sizeof(frame));
	memcpy(frame, "!P", 2);
	frame[sizeof(frame) - 1] = '\n';
	assert_int_equal(give(&c, frame, sizeof(frame) - 1).used, 0); // one byte is missing
	journaled();
	while (outcome.state == CONVERSATION_OPEN && frames < 100) {
		outcome = give(&c, frame, sizeof(frame));
		frames += outcome.used == sizeof(frame);
	}
	assert_int_equal(outcome.state, CONVERSATION_NO_ROOM);
	assert_in_range(frames, 20, 60); // of 64 KiB, in a journal of 4 MiB
	const char *entries = journaled();
	assert_int_equal(strlen(entries), frames * strlen("report 777\n"));
	end(&c);
}

// ---- a decoder that breaks its contract

// Runs what is logged into a file, and returns its lines.
static const char *logged_faults(struct conversation *c, unsigned times)
{
	static char text[1024];
	FILE *file = tmpfile();
	const int saved = dup(STDERR_FILENO);

	assert_non_null(file);
	assert_true(dup2(fileno(file), STDERR_FILENO) >= 0);
	for (unsigned i = 0; i < times; i++) {
		decoded_reset(&intake.decoded);
		decoded_reject(
			&intake.decoded, DECODE_DETAIL, DECODED_FAULT, (const uint8_t *)"x", 1);
		intake.decoded.fault = "OK with len 0";
		assert_true(intake_has_room(&intake));
		intake_append(&intake, &c->feed, &c->peer, &intake.decoded, NULL);
	}
	dup2(saved, STDERR_FILENO);
	close(saved);
	rewind(file);
	text[fread(text, 1, sizeof(text) - 1, file)] = 0;
	fclose(file);
	return text;
}

static void a_broken_contract_is_a_reject_and_logged_once_per_decoder(void **state)
{
	struct conversation tcp = begin(TRANSPORT_TCP);

	(void)state;
	tcp.feed.session.decoder = registry_decoders[0];
	const char *first = strstr(logged_faults(&tcp, 2), "decoder fault protocol=gt06");
	assert_non_null(first);
	assert_null(strstr(first + 1, "decoder fault"));
	assert_string_equal(journaled(), "reject: decoder fault\nreject: decoder fault\n");
	assert_string_equal(logged_faults(&tcp, 1), "");
	tcp.feed.session.decoder = registry_decoders[1];
	assert_non_null(strstr(logged_faults(&tcp, 1), "decoder fault protocol=pt502"));
	assert_int_equal(intake.reasons[0].count, 3);
	assert_string_equal(intake.reasons[0].reason, "decoder fault");
	journaled();
	end(&tcp);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_device_is_known_by_the_table_of_devices),
		TEST(a_broken_contract_is_a_reject_and_logged_once_per_decoder),
		TEST(gt06_is_the_same_over_tcp_and_udp),
		TEST(pt502_is_the_same_over_tcp_and_udp),
		TEST(bytes_may_come_one_by_one),
		TEST(rejects_beyond_the_limit_cost_no_entry_and_are_counted),
		TEST(a_reject_keeps_its_first_bytes),
		TEST(a_reject_beyond_the_limit_still_resolves_what_was_held),
		TEST(connections_without_a_device_are_limited_by_address),
		TEST(connections_of_devices_are_limited_by_device),
		TEST(a_refused_device_ends_a_connection_but_not_a_sender),
		TEST(what_the_owner_changes_counts_from_the_next_frame),
		TEST(networks_bind_a_device),
		TEST(a_log_in_from_elsewhere_is_a_reject),
		TEST(a_frame_from_elsewhere_is_not_remembered),
		TEST(a_device_of_no_known_protocol_is_refused),
		TEST(a_datagram_beside_a_connection_is_set_aside),
		TEST(a_gateway_does_not_speak_for_a_connected_device),
		TEST(a_thief_by_udp_gets_no_command),
		TEST(an_alarm_that_is_refused_is_raised_after_the_admission),
		TEST(model_and_protocol_set_for_a_device_are_visible_in_its_first_frame),
		TEST(a_report_on_trial_is_journaled_when_the_ident_is_heard_again),
		TEST(nothing_is_acknowledged_while_on_trial),
		TEST(two_frames_of_one_datagram_are_heard_once),
		TEST(reports_on_trial_become_rejects_at_the_end),
		TEST(new_idents_over_tcp_are_refused_beyond_the_limit),
		TEST(other_idents_in_a_frame_are_limited_too),
		TEST(before_the_devices_have_been_read_nothing_is_new),
		TEST(devices_are_released_by_conversations_that_end),
		TEST(only_the_first_scanner_of_an_address_leaves_rows),
		TEST(a_scanner_that_ends_within_its_request_leaves_rows_once),
		TEST(a_request_without_a_device_is_refused_as_a_scanners),
		TEST(scanners_are_told_apart_by_network_and_hour),
		TEST(a_wrong_password_is_refused),
		TEST(the_right_password_admits),
		TEST(a_password_in_the_frame_of_a_report_admits_it),
		TEST(a_missing_password_is_refused),
		TEST(a_device_whose_protocol_has_no_password_is_refused),
		TEST(a_sender_keeps_its_password),
		TEST(changes_of_a_secret_count_from_the_next_frame),
		TEST(a_password_counts_for_a_device_that_it_fits),
		TEST(a_password_may_be_decoded_and_come_before_the_ident),
		TEST(passwords_up_to_the_limit_fit),
		TEST(reports_of_other_devices_are_admitted_one_by_one),
		TEST(a_rejected_password_is_not_journaled),
		TEST(unknown_devices_can_be_refused),
		TEST(reasons_for_refusal_are_known_as_such),
		TEST(a_device_that_connects_again_displaces_the_older_connection),
		TEST(the_end_of_a_connection_is_that_of_all_its_devices),
		TEST(devices_of_a_gateway_have_no_connection),
		TEST(a_refused_device_of_a_gateway_is_rejected_alone),
		TEST(a_refused_login_is_answered),
		TEST(a_refused_login_that_the_protocol_does_not_answer_is_silent),
		TEST(a_refused_login_through_a_gateway_is_answered),
		TEST(a_refused_peer_that_does_not_read_is_refused),
		TEST(a_decoder_may_close_the_connection_after_its_reply),
		TEST(stored_replies_are_held_until_the_journal_is_safe),
		TEST(the_number_of_reports_that_a_reply_carries_is_journaled),
		TEST(a_peer_that_does_not_read_is_given_up),
		TEST(a_command_follows_the_frame),
		TEST(a_command_goes_to_the_live_connection_at_once),
		TEST(an_open_frame_is_whole_after_a_second),
		TEST(an_open_frame_is_whole_at_the_end),
		TEST(a_held_frame_expires),
		TEST(a_held_frame_is_a_reject_at_the_end),
		TEST(the_rest_of_a_connection_is_an_incomplete_frame),
		TEST(too_many_rejects_end_a_connection),
		TEST(a_full_journal_pauses_between_frames),
		TEST(the_longest_frames_find_room_or_pause),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
