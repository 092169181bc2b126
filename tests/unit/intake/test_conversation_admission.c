// SPDX-License-Identifier: MIT
// Which devices a conversation may report for, and what becomes of the reports of others.
#include "intake/admission.h"
#include "intake/conversation_fixture.h"

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
	assert_int_equal(intake.reasons.rows[0].count, 1);
	assert_string_equal(intake.reasons.rows[0].text, "wrong secret");
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

#define RECORD(code, ident, date)                                                                  \
	"$" code "," ident ",101500.000,A,4807.0380,N,01131.0000,E,22.40,84.40," date "\r\n"

// Gives a full frame of PT-502 with these records.
static void give_records(struct conversation *c, const char *records)
{
	const size_t len = 5 + strlen(records);
	uint8_t frame[512] = {0xBF, 0xFB, 0xFF, (uint8_t)len, (uint8_t)(len >> 8)};

	memcpy(frame + 5, records, len - 5);
	give(c, frame, len);
}

// The only report of a frame is of another device than the one that the frame names last, with a record that is bad.
static void a_report_beside_a_bad_record_of_another_device_is_asked_for(void **state)
{
	(void)state;
	for (enum transport over = TRANSPORT_TCP; over <= TRANSPORT_UDP; over++) {
		struct conversation c = begin(over);
		device_directory_add(intake.directory, TEXT("5020001"))->state = DEVICE_BLOCKED;
		give_records(
			&c, RECORD("POS", "5020001", "221126") RECORD("POS", "5020002", "991326"));
		assert_non_null(strstr(journaled(), ": device is blocked\n"));
		assert_int_equal(intake.counters.reports, 0);
		end(&c);
		journaled();
	}
}

// A photo is of the device whose record announces it.
static void a_photo_of_another_device_that_is_refused_is_not_stored(void **state)
{
	(void)state;
	config.media.photos = true;
	struct conversation c = begin(TRANSPORT_TCP);
	device_directory_add(intake.directory, TEXT("5020001"))->state = DEVICE_BLOCKED;
	give_records(&c, RECORD("PHO12", "5020001", "221126") RECORD("POS", "5020002", "221126"));
	assert_int_equal(intake.photos.bytes, 0);
	give_records(&c, "$PHD0,12,0123456789ab\r\n");
	assert_string_equal(journaled(), "connected 5020002\nreject 5020002: device is blocked\n"
					 "report 5020002\n"
					 "reject 5020002: photo data: not asked for\n");
	assert_int_equal(intake.counters.photos, 0);
	assert_int_equal(intake.photos.bytes, 0);
	end(&c);
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

static void the_password_of_a_rejected_frame_does_not_admit(void **state)
{
	(void)state;
	set_secret("7", PARROT);
	struct conversation c = begin(TRANSPORT_TCP);

	assert_string_equal(give_text(&c, "!X7,parrot\n").reason, "wrong secret");
	assert_string_equal(journaled_bytes(), "!X7,******\n||");
	end(&c);
}

static void a_rejected_password_is_not_journaled(void **state)
{
	(void)state;
	set_secret("7", PARROT);
	struct conversation c = begin(TRANSPORT_UDP);

	give_text(&c, "!D7,7monkey\n");
	assert_string_equal(journaled_bytes(), "!D7,*******\n|");
	give_text(&c, "!F7,7monkey\n"); // in the frame it may have another form
	assert_string_equal(journaled_bytes(), "|");
	give_text(&c, "!A7,monkey\n");
	assert_string_equal(journaled_bytes(), "|");
	give_text(&c, "!L7\n"); // no password
	assert_string_equal(journaled_bytes(), "!L7\n|");
	end(&c);
}

static void a_password_on_trial_is_not_journaled(void **state)
{
	(void)state;
	char login[32];
	struct conversation c = begin(TRANSPORT_UDP);

	config.devices.new_per_minute = config.devices.new_per_address = 1;
	device_directory_set_loaded(intake.directory);
	assert_true(trial_begin(&intake));
	for (int ident = 1; newcomers_on_trial(intake.newcomers) == 0; ident++) {
		journaled_bytes();
		snprintf(login, sizeof(login), "!D%d,parrot\n", ident);
		give_text(&c, login);
	}
	trial_finish(&intake);
	assert_string_equal(journaled_bytes(), "|");
	end(&c);
}

// Its reports become rejects when it is next looked at.
static void the_owner_may_block_an_ident_on_trial(void **state)
{
	(void)state;
	char record[128], ident[16], expected[64];

	config.devices.new_per_minute = config.devices.new_per_address = 1;
	device_directory_set_loaded(intake.directory);
	assert_true(trial_begin(&intake));
	struct conversation c = begin(TRANSPORT_UDP);
	for (int n = 1; newcomers_on_trial(intake.newcomers) == 0; n++) {
		snprintf(ident, sizeof(ident), "502%04d", n);
		snprintf(record, sizeof(record), OF("%s"), ident);
		give_text(&c, record);
	}
	struct device *device =
		device_directory_add(intake.directory, (struct text){ident, strlen(ident)});
	device->state = DEVICE_BLOCKED;
	journaled();
	trial_each_second(&intake, conversation_proves);
	snprintf(expected, sizeof(expected), "reject %s: device is blocked\n", ident);
	assert_string_equal(journaled(), expected);
	assert_int_equal(newcomers_on_trial(intake.newcomers), 0);
	assert_int_equal(intake.counters.reports_refused, 1);
	end(&c);
}

// Fills the journal until there is just room for a frame.
static void fill_the_journal(void)
{
	static const char bytes[4096];
	const struct entry filler = {.kind = ENTRY_REJECT, .raw = {bytes, sizeof(bytes)}};

	while (intake_room(&intake, 512) == INTAKE_AMPLE)
		assert_true(intake_append_entry(&intake, &filler));
	assert_true(intake_has_room(&intake));
}

// The idents of one frame have more reports on trial than there is room for.
static void reports_on_trial_leave_room_for_the_frame_that_admits_them(void **state)
{
	(void)state;
	static char datagram[7800], frame[4096] = "\xBF\xFB\xFF";
	struct conversation udp = begin(TRANSPORT_UDP), tcp = begin(TRANSPORT_TCP);
	size_t len = 5;

	config.devices.new_per_minute = config.devices.new_per_address = 1;
	device_directory_set_loaded(intake.directory);
	assert_true(trial_begin(&intake));
	for (int n = 1; n <= 40; n++) {
		memset(datagram, 'x', sizeof(datagram) - 1);
		const int head = snprintf(datagram, sizeof(datagram), "!L502%04d\n!P", n);
		datagram[head] = 'x';
		datagram[sizeof(datagram) - 2] = '\n';
		for (int i = 0; i < 4; i++)
			give(&udp, datagram, sizeof(datagram) - 1);
		len += (size_t)snprintf(frame + len, sizeof(frame) - len, OF("502%04d"), n);
	}
	frame[3] = (char)len;
	frame[4] = (char)(len >> 8);
	assert_in_range(newcomers_on_trial(intake.newcomers), 30, 40);
	fill_the_journal();
	journaled();
	assert_int_equal(give(&tcp, frame, len).used, len);
	assert_non_null(strstr(journaled(), "report 5020040\n"));
	assert_int_equal(newcomers_on_trial(intake.newcomers), 0);
	end(&tcp);
	end(&udp);
}

static void a_photo_on_trial_is_not_stored(void **state)
{
	(void)state;
	char record[128];

	config.media.photos = true;
	config.devices.new_per_minute = config.devices.new_per_address = 1;
	device_directory_set_loaded(intake.directory);
	assert_true(trial_begin(&intake));
	struct conversation c = begin(TRANSPORT_UDP);
	for (int n = 1; newcomers_on_trial(intake.newcomers) == 0; n++) {
		snprintf(record, sizeof(record), RECORD("PHO12", "502%04d", "221126"), n);
		give_text(&c, record);
	}
	give_records(&c, "$PHD0,12,0123456789ab\r\n");
	end(&c);
	assert_int_equal(intake.counters.photos, 0);
	assert_int_equal(intake.photos.bytes, 0);
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
	assert_true(admission_is_refusal(TEXT("device is blocked")));
	assert_true(admission_is_refusal(TEXT("wrong secret")));
	assert_true(admission_is_refusal(TEXT("not from the device's networks")));
	assert_true(admission_is_refusal(TEXT("too many devices")));
	assert_false(admission_is_refusal(TEXT("too many new devices"))); // may be decoded later
	assert_false(admission_is_refusal(TEXT("bad checksum")));
	assert_false(admission_is_refusal(TEXT("")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_refused_device_ends_a_connection_but_not_a_sender),
		TEST(what_the_owner_changes_counts_from_the_next_frame),
		TEST(networks_bind_a_device),
		TEST(a_log_in_from_elsewhere_is_a_reject),
		TEST(a_frame_from_elsewhere_is_not_remembered),
		TEST(a_device_of_no_known_protocol_is_refused),
		TEST(an_alarm_that_is_refused_is_raised_after_the_admission),
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
		TEST(a_report_beside_a_bad_record_of_another_device_is_asked_for),
		TEST(a_photo_of_another_device_that_is_refused_is_not_stored),
		TEST(a_rejected_password_is_not_journaled),
		TEST(the_password_of_a_rejected_frame_does_not_admit),
		TEST(a_password_on_trial_is_not_journaled),
		TEST(the_owner_may_block_an_ident_on_trial),
		TEST(reports_on_trial_leave_room_for_the_frame_that_admits_them),
		TEST(a_photo_on_trial_is_not_stored),
		TEST(unknown_devices_can_be_refused),
		TEST(reasons_for_refusal_are_known_as_such),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
