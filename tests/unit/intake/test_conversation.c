// SPDX-License-Identifier: MIT
// Conversations over a transport that only writes down what it is asked to do: what they journal, what they
// reply, and when they end.
#include "intake/conversation_fixture.h"

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

static void fillers_are_no_frames(void **state)
{
	struct conversation c = begin(TRANSPORT_TCP);
	const struct frame_counts_row *counts;

	(void)state;
	give_text(&c, PT502("101500") "\r\n");
	give_text(&c, "\r\n\r\n");
	give_text(&c, PT502("101502") "\r\n" PT502("109900") "\r\n");
	counts = intake_counts(&intake, &c.feed, &c.peer);
	assert_int_equal(counts->frames, 3);
	assert_int_equal(counts->reports, 2);
	assert_int_equal(counts->outcomes[FRAME_POSITION], 2);
	assert_int_equal(counts->outcomes[FRAME_REJECTED], 1);
	assert_int_equal(intake.counters.fillers, 1);
	assert_int_equal(intake.counters.reports_decoded, 2);
	assert_int_equal(intake.counters.reports_journaled, 2);
	end(&c);
}

static void each_frame_has_one_outcome(void **state)
{
	struct conversation c = begin(TRANSPORT_UDP);
	uint64_t outcomes = 0;

	(void)state;
	give_text(&c, PT502("101500") "\r\n");
	give_text(&c, "\x01rubbish");
	give_text(&c, "\r\n");
	end(&c);
	for (int i = 0; i < FRAME_COUNTS_PROTOCOLS; i++)
		for (int outcome = 0; outcome < FRAME_OUTCOMES; outcome++)
			outcomes += intake.frames.rows[i][TRANSPORT_UDP].outcomes[outcome];
	assert_int_equal(outcomes, 2);
	assert_int_equal(intake.counters.frames, 2);
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
	assert_int_equal(intake.reasons.rows[0].count, 50);
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

// ---- answers to refusals

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

// The first time the next bytes are sniffed again, as in conversation_feed.
static void an_open_frame_that_loses_framing_twice_ends_the_conversation(void **state)
{
	(void)state;
	static const uint8_t open[] = "!W";
	struct conversation c = begin(TRANSPORT_TCP);

	for (int time = 1; time <= 2; time++) {
		give_text(&c, "!L5020001\n");
		assert_int_equal(give(&c, open, 2).used, 0);
		c.open_ms -= 1000;
		const struct conversation_outcome outcome =
			conversation_each_second(&transport, &c, open, 2);
		assert_int_equal(outcome.used, 2);
		assert_int_equal(outcome.state, time == 1 ? CONVERSATION_OPEN : CONVERSATION_ENDS);
		if (time == 2)
			assert_string_equal(outcome.reason, "framing lost");
	}
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

// A read is done in one call unless the journal is nearly full, and then all of its frames find room.
static void a_read_is_a_look_only_where_room_is_scarce(void **state)
{
	(void)state;
	const char *record = "!Pxxxxxxxxxxxx\n"; // an entry has a dozen times as many bytes
	struct conversation c = begin(TRANSPORT_TCP);
	static char turn[16384 + 256];
	unsigned reads = 0;

	give_text(&c, "!L777\n");
	while (strlen(turn) + strlen(record) < 16384)
		strcat(turn, record);
	assert_int_equal(intake_room(&intake, 1), INTAKE_AMPLE);
	assert_int_equal(intake_room(&intake, 1 << 20), INTAKE_SCARCE);
	for (; intake_room(&intake, sizeof(turn)) == INTAKE_AMPLE && reads < 1000; reads++) {
		const struct conversation_outcome outcome = give_text(&c, turn);
		assert_int_equal(outcome.used, strlen(turn));
		assert_true(intake_has_room(&intake));
	}
	assert_in_range(reads, 10, 100); // in a journal of 4 MiB
	assert_int_equal(intake_room(&intake, sizeof(turn)), INTAKE_SCARCE);
	while (intake_room(&intake, sizeof(turn)) == INTAKE_SCARCE && reads++ < 100000)
		give_text(&c, record);
	assert_int_equal(intake_room(&intake, 1), INTAKE_FULL);
	end(&c);
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
	assert_int_equal(intake.reasons.rows[0].count, 3);
	assert_string_equal(intake.reasons.rows[0].text, "decoder fault");
	journaled();
	end(&tcp);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_device_is_known_by_the_table_of_devices),
		TEST(a_broken_contract_is_a_reject_and_logged_once_per_decoder),
		TEST(gt06_is_the_same_over_tcp_and_udp),
		TEST(pt502_is_the_same_over_tcp_and_udp),
		TEST(bytes_may_come_one_by_one),
		TEST(fillers_are_no_frames),
		TEST(each_frame_has_one_outcome),
		TEST(rejects_beyond_the_limit_cost_no_entry_and_are_counted),
		TEST(a_reject_keeps_its_first_bytes),
		TEST(a_reject_beyond_the_limit_still_resolves_what_was_held),
		TEST(connections_without_a_device_are_limited_by_address),
		TEST(connections_of_devices_are_limited_by_device),
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
		TEST(an_open_frame_that_loses_framing_twice_ends_the_conversation),
		TEST(an_open_frame_is_whole_at_the_end),
		TEST(a_held_frame_expires),
		TEST(a_held_frame_is_a_reject_at_the_end),
		TEST(the_rest_of_a_connection_is_an_incomplete_frame),
		TEST(too_many_rejects_end_a_connection),
		TEST(a_full_journal_pauses_between_frames),
		TEST(a_read_is_a_look_only_where_room_is_scarce),
		TEST(the_longest_frames_find_room_or_pause),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
