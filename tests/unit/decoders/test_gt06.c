// SPDX-License-Identifier: MIT
// GT06: sniffing, framing, log-in, answers, commands, and that it never reads out of bounds.
#include "decoders/gt06_frames.h"

#include "decoders/gt06/gt06_wire.h"
#include "protocol/device_memory.h"

#include <stdio.h>

// Whole frames with right checksums. The tests below have their values.
#define LOGIN  "78781101086000000000001720010001000146290D0A"
#define DAY_US (24 * INT64_C(3600000000))
#define POSITION                                                                                   \
	"787826221F050E090807C9015315000A98AC383D1D1201F60A1B2C00A1B20100000001E240000292B70D0A"
#define HEARTBEAT "78780A134605030002000395DC0D0A"
#define ALARM     "787825261F050E090900C702330CA0033ED7500010000901F60A1B2C00A1B266040401020004ED930D0A"
#define FENCE                                                                                      \
	"787827271F050E090A1EC802330CA0033ED7502A105A0A81F6000A1B2C00A1B2460603050203000539200D0A"
#define POSITION_4G                                                                                \
	"78782AA01F050E090B00C0000000000000000000040081F6000A00001B2C000000000A1B2C3D000501000624" \
	"130D0A"
#define NO_CELLS_5  "000000000000000000000000000000000000000000000000000000000000"
#define CELLS       "78783B281F050E090C0001F60A1B2C00A1B23C1B2C00A1B346" NO_CELLS_5 "FF00020008AEEC0D0A"
#define VOLTAGE     "797900089400050700079CCC0D0A"
#define TEXT_ANSWER "7979001621000000070152454C41593A4F4E204F4B21000942670D0A"
#define TOPIN                                                                                      \
	"787802 69 310514091200 A1A2A3A4A5A6 3C B1B2B3B4B5B6 46 02 01F6 0A 1B2C A1B2 50 1B2C "     \
	"A1B3 55 0D0A"

static const char *const frames[] = {
	LOGIN, POSITION, HEARTBEAT, ALARM, FENCE, POSITION_4G, CELLS, VOLTAGE, TEXT_ANSWER};
#define FRAMES (sizeof frames / sizeof frames[0])

static enum probe probe_of(const struct bytes *bytes, size_t len)
{
	return decoder_gt06.probe(guarded_copy(&page, bytes->data, len), len, false);
}

static struct frame frame_at(const struct bytes *bytes, size_t len)
{
	return decoder_gt06.frame(&session, guarded_copy(&page, bytes->data, len), len);
}

// Sniffing and framing --------------------------------------------------------

static void probe_accepts_whole_frames_and_waits_for_the_rest_of_prefixes(void **state)
{
	(void)state;
	for (size_t i = 0; i < FRAMES; i++) {
		struct bytes frame = from_hex(frames[i]);
		for (size_t len = 0; len < frame.len; len++) {
			assert_int_equal(probe_of(&frame, len), PROBE_MORE);
			struct frame cut = frame_at(&frame, len);
			assert_int_equal(cut.kind, FRAME_MORE);
			assert_true(cut.len > len && cut.len <= frame.len);
			if (len > 0)
				assert_int_equal(
					decoder_gt06.probe(frame.data, len, true), PROBE_NO);
		}
		assert_int_equal(probe_of(&frame, frame.len), PROBE_YES);
		assert_int_equal(decoder_gt06.probe(frame.data, frame.len, true), PROBE_YES);
		add_hex(&frame, "7878");
		assert_int_equal(probe_of(&frame, frame.len), PROBE_YES);
		assert_int_equal(frame_at(&frame, frame.len).len, frame.len - 2);
	}
}

static void probe_refuses_the_login_of_topin_at_once(void **state)
{
	static const char *const logins[] = {
		"7878 0D 01 0860000000000017 02 0D0A",
		"7878 0A 01 0860000000000017 42 0D0A",
	};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct bytes login = from_hex(logins[i]);
		assert_int_equal(probe_of(&login, login.len), PROBE_NO);
		assert_int_equal(probe_of(&login, login.len - 1), PROBE_MORE);
		add_hex(&login, "7878");
		assert_int_equal(probe_of(&login, login.len), PROBE_NO);
	}
	// A log-in of GT06 whose serial and checksum hold 0D 0A at the same place.
	struct bytes login = frame_of(false, "01 0860000000000017");
	for (unsigned serial = 0; login.data[14] != 0x0A; serial++) {
		login.data[12] = (uint8_t)serial;
		login.data[13] = 0x0D;
		seal(&login);
	}
	assert_int_equal(probe_of(&login, login.len), PROBE_YES);
	assert_int_equal(probe_of(&login, 16), PROBE_MORE);
}

static void probe_refuses_other_protocols_and_invalid_frames(void **state)
{
	static const char *const foreign[] = {
		"24",
		"7879",
		"7978",
		"79 78 00",
		"7878 04",
		"7979 0004",
		"7979 1001",
		"7979 0FFB",
		"7878 05 01 0001 D9DC 0D0B",                  // no terminator
		"7878 05 13 0001 D9DC 0D0A",                  // checksum of another frame
		"7878 0D 01 1860000000000017 0001 0000 0D0A", // the pad is not 0
		"7878 0D 01 08600000000000F7 0001 0000 0D0A", // not a digit
		"7878 0E 01 0860000000000017 00 0001 0000 0D0A",
	};
	(void)state;
	for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++) {
		struct bytes bytes = from_hex(foreign[i]);
		assert_int_equal(probe_of(&bytes, bytes.len), PROBE_NO);
	}
}

static void login_with_a_wrong_checksum_opens_a_session(void **state)
{
	static const char *const logins[] = {
		"7878 0D 01 0860000000000017 0001 0000 0D0A",
		"7878 0F 01 0860000000000017 2001 0001 0000 0D0A",
		"7878 11 01 0860000000000017 2001 0001 0001 0000 0D0A",
	};
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct bytes login = from_hex(logins[i]);
		assert_int_equal(probe_of(&login, login.len), PROBE_MAYBE);
		session = (struct session){0};
		const struct report *report = report_of(&login);
		assert_text(report->ident, IDENT);
		assert_extra(report, "\"crc_bad\":true");
		assert_reply(REPLY_NOW, "787805010001D9DC0D0A");
		assert_int_equal(decode_frame(&login), DECODE_BAD_SUM); // not the first one
		assert_no_reply();
	}
}

// Decodes frames with right (r) and wrong (w) checksums; returns what became of each: accepted (a),
// or not (-).
static const char *decode_sums(const char *sums)
{
	static char results[16];
	size_t i = 0;
	session = (struct session){.received_us = at(9, 10, 0)};
	for (; sums[i]; i++) {
		struct bytes frame =
			frame_of(false, i ? "13 46 04 03 00 02" : "01 0860000000000017");
		if (sums[i] == 'w')
			frame.data[frame.len - 3] ^= 1;
		bool accepted = decode_frame(&frame) == DECODE_OK;
		results[i] = accepted ? 'a' : '-';
		assert_true(accepted == (batch.reply_len[REPLY_NOW] == 10));
		if (accepted)
			assert_true(has_extra(&batch.reports[0], "\"crc_bad\":true") ==
				    (sums[i] == 'w'));
	}
	results[i] = 0;
	return results;
}

static void three_wrong_checksums_from_the_login_on_show_that_all_are_wrong(void **state)
{
	(void)state;
	assert_string_equal(decode_sums("wwwww"), "a-aaa");
	assert_string_equal(decode_sums("wwwrw"), "a-aaa");
	assert_string_equal(decode_sums("wrwww"), "aa---");
	assert_string_equal(decode_sums("wwrww"), "a-a--");
	assert_string_equal(decode_sums("rwwww"), "a----");
	// The serial of an accepted frame is not part of its content.
	struct bytes frame = frame_of(false, "77 0102");
	frame.data[frame.len - 3] ^= 1;
	decode_sums("www");
	assert_text(report_of(&frame)->extra, "\"data\":\"0102\",\"crc_bad\":true");
	assert_reply(REPLY_STORED, "787805 77 0007 EAEB 0D0A");
}

static void frame_of_the_wrong_length_ends_at_the_next_terminator(void **state)
{
	(void)state;
	session = (struct session){0};
	struct bytes two = from_hex("7878 0B 13 46050300020003 95DC 0D0A" HEARTBEAT);
	assert_int_equal(frame_at(&two, 14).kind, FRAME_MORE);
	assert_int_equal(frame_at(&two, 16).kind, FRAME_OK); // one byte of the next frame
	assert_int_equal(frame_at(&two, two.len).len, 15);
	struct bytes too_short = from_hex("7878 07 13 46050300020003 95DC 0D0A");
	assert_int_equal(frame_at(&too_short, 15).len, 15);
	struct bytes none = from_hex("7878 00 13 0D0A");
	assert_int_equal(frame_at(&none, 5).kind, FRAME_MORE);
	assert_int_equal(frame_at(&none, 6).len, 6);
	struct bytes endless = {FRAME_CAP, {0x78, 0x78, 0x05}};
	for (size_t len = 10; len < FRAME_CAP; len += 97) {
		assert_int_equal(frame_at(&endless, len).kind, FRAME_MORE);
		assert_int_equal(frame_at(&endless, len).len, len + 1);
	}
	assert_int_equal(frame_at(&endless, FRAME_CAP).kind, FRAME_BAD);
	// No more bytes follow in a datagram.
	session.datagram = true;
	assert_int_equal(frame_at(&two, 15).kind, FRAME_OK);
	assert_int_equal(frame_at(&two, 15).len, 15);
}

static void terminator_inside_the_body_does_not_end_the_frame(void **state)
{
	(void)state;
	struct bytes frame = frame_of(false, "13 46 0D 0A 0D 0A");
	log_in();
	assert_int_equal(decode_frame(&frame), DECODE_OK);
}

static void bad_frame_ends_before_the_next_start(void **state)
{
	(void)state;
	session = (struct session){0};
	struct bytes garbage = from_hex("0102 78 05" HEARTBEAT);
	struct frame frame = frame_at(&garbage, garbage.len);
	assert_int_equal(frame.kind, FRAME_BAD);
	assert_int_equal(frame.len, 4);
	frame = frame_at(&garbage, 4);
	assert_int_equal(frame.kind, FRAME_BAD);
	assert_int_equal(frame.len, 4);
	// The read ends within the start: its first byte is kept for the next read.
	assert_int_equal(frame_at(&garbage, 3).len, 2);
	// The largest length that the field can say.
	struct bytes largest = from_hex("7979 FFFF 41");
	assert_int_equal(frame_at(&largest, 4).len, 5);
	assert_int_equal(frame_at(&largest, 5).kind, FRAME_MORE);
	assert_int_equal(frame_at(&largest, 5).len, 4 + 65535 + 2);
	// A wrong length is found within FRAME_CAP bytes, however the bytes are cut.
	struct bytes wrong = {FRAME_CAP + 20, {0x79, 0x79, 0x10, 0x00, 0x41}};
	memcpy(wrong.data + FRAME_CAP, "\r\n", 2);
	assert_int_equal(frame_at(&wrong, wrong.len).kind, FRAME_BAD);
	memcpy(wrong.data + FRAME_CAP - 2, "\r\n", 2);
	assert_int_equal(frame_at(&wrong, wrong.len).kind, FRAME_OK);
	assert_int_equal(frame_at(&wrong, wrong.len).len, FRAME_CAP);
}

static void topin_frame_is_decoded_but_opens_no_session(void **state)
{
	struct bytes frame = from_hex(TOPIN);
	(void)state;
	log_in();
	for (size_t len = 0; len < frame.len; len++)
		assert_int_equal(frame_at(&frame, len).kind, FRAME_MORE);
	const struct report *report = report_of(&frame);
	assert_text(report->event, "69");
	assert_true(report->body.device_time_us == at(9, 12, 0));
	assert_false(report->body.has & HAS_FIX);
	assert_extra(report, "\"wifi\":\"a1a2a3a4a5a6,-60;b1b2b3b4b5b6,-70\"");
	assert_extra(report, "\"mcc\":502,\"mnc\":10,\"lac\":6956,\"cid\":41394,\"rssi\":-80");
	assert_extra(report, "\"cells\":\"6956,41395,-85\"");
	assert_reply(REPLY_STORED, "7878 00 69 310514091200 0D0A");
	assert_int_equal(probe_of(&frame, frame.len), PROBE_NO);
	session.ident_len = 0;
	assert_int_equal(decode_frame(&frame), DECODE_DETAIL);
	assert_no_reply();
	// Many access points: the count is no length here either.
	struct bytes many = from_hex("787809 17 310514091200");
	for (int i = 0; i < 9; i++)
		add_hex(&many, "A1A2A3A4A5A63C");
	add_hex(&many, "00 01F6 0A 0D0A");
	log_in();
	assert_text(report_of(&many)->event, "17");
}

// A frame without cells is not mistaken for one with 13 (0D) cells, which would include the next
// frames.
static void topin_frame_may_omit_its_cells(void **state)
{
	static const struct {
		const char *hex, *wifi;
	} rows[] = {
		{"787802 69 310514091200 A1A2A3A4A5A63C B1B2B3B4B5B646 0D0A",
			"\"wifi\":\"a1a2a3a4a5a6,-60;b1b2b3b4b5b6,-70\""},
		// a terminator within an address does not end the frame
		{"787801 17 310514091200 A1A20D0AA5A63C 0D0A", "\"wifi\":\"a1a20d0aa5a6,-60\""},
		{"787800 69 310514091200 0D0A", NULL},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct bytes frame = from_hex(rows[i].hex), more = frame;
		log_in();
		for (size_t len = 0; len < frame.len; len++)
			assert_int_equal(frame_at(&frame, len).kind, FRAME_MORE);
		for (int n = 0; n < 9; n++)
			add_hex(&more, HEARTBEAT);
		for (size_t len = frame.len; len <= more.len; len++) {
			assert_int_equal(frame_at(&more, len).kind, FRAME_OK);
			assert_int_equal(frame_at(&more, len).len, frame.len);
		}
		const struct report *report = report_of(&frame);
		assert_true(report->body.device_time_us == at(9, 12, 0));
		if (rows[i].wifi)
			assert_text(report->extra, rows[i].wifi);
		else
			assert_int_equal(report->extra.len, 0);
	}
	// 13 cells are still 13 cells
	struct bytes many = from_hex("787800 69 310514091200 0D 01F6 0A");
	for (int i = 0; i < 13; i++)
		add_hex(&many, "1B2C A1B2 50");
	add_hex(&many, "0D0A");
	assert_int_equal(frame_at(&many, many.len).len, many.len);
	assert_extra(report_of(&many), "\"mcc\":502");
}

// Log-in ----------------------------------------------------------------------

static void login_sets_the_ident(void **state)
{
	(void)state;
	session = (struct session){0};
	assert_int_equal(decode_hex(LOGIN), DECODE_OK);
	assert_memory_equal(session.ident, IDENT, session.ident_len);
	assert_int_equal(session.ident_len, 15);
	const struct report *report = &batch.reports[0];
	assert_text(report->event, "01");
	assert_text(report->extra, "\"model\":\"2001\",\"zone_min\":0,\"language\":1");
	assert_reply(REPLY_NOW, "787805010001D9DC0D0A");
	struct bytes far = frame_of(false, "01 0860000000000017 2001 C801"); // 32 hours
	assert_int_equal(decode_frame(&far), DECODE_OK);
	assert_text(batch.reports[0].extra, "\"model\":\"2001\",\"language\":1");
	// A new log-in replaces the old one; without the pad all 16 digits are the ident.
	struct bytes other = frame_of(false, "01 1234567890123456");
	assert_text(report_of(&other)->ident, "1234567890123456");
	struct bytes wrong = frame_of(false, "01 08600000000000A7");
	assert_int_equal(decode_frame(&wrong), DECODE_BAD_VALUE);
	assert_string_equal(batch.detail, "ident");
	assert_no_reply();
	assert_int_equal(session.ident_len, 16);
}

static void data_before_the_login_is_rejected_without_an_answer(void **state)
{
	(void)state;
	for (size_t i = 1; i < FRAMES; i++) {
		session = (struct session){0};
		assert_int_equal(decode_hex(frames[i]), DECODE_DETAIL);
		assert_string_equal(batch.detail, "before login");
		assert_int_equal(batch.report_count, 0);
		assert_no_reply();
	}
	session = (struct session){0};
	struct bytes identities = frame_of(true, "94 0A 0860000000000017 0502100000000001 "
						 "8950210000000000001F");
	const struct report *report = report_of(&identities);
	assert_text(report->ident, IDENT);
	assert_extra(report, "\"imei\":\"860000000000017\",\"imsi\":\"502100000000001\","
			     "\"iccid\":\"8950210000000000001\"");
}

static void zone_of_the_login_is_used_if_the_time_fits(void **state)
{
	static const struct {
		const char *word;
		int zone_min;
	} zones[] = {{"2121", 330}, {"3200", 480}, {"12C8", -180}, {"4DD8", -765}, {"0001", 0},
		{"FFF0", 0}};
	struct bytes position = from_hex(POSITION); // its time is 09:08:07
	(void)state;
	for (size_t i = 0; i < sizeof zones / sizeof zones[0]; i++) {
		struct bytes login = from_hex("787811 01 0860000000000017 2001");
		add_hex(&login, zones[i].word);
		add_hex(&login, "0001 0000 0D0A");
		seal(&login);
		session = (struct session){0};
		assert_int_equal(decode_frame(&login), DECODE_OK);
		int64_t zone_us = zones[i].zone_min * INT64_C(60000000);
		session.received_us = at(9, 8, 8);
		const struct report *report = report_of(&position);
		assert_true(report->body.device_time_us == at(9, 8, 7));
		assert_false(has_extra(report, "time_zone_min"));
		session.received_us = at(9, 8, 8) - zone_us;
		report = report_of(&position);
		assert_true(report->body.device_time_us == at(9, 8, 7) - zone_us);
		assert_true(has_extra(report, "time_zone_min") == (zone_us != 0));
		// A record far from the time of receipt keeps that zone, and does not change it.
		struct bytes old = frame_of(false, "10 1F050D040807 C9 01531500 0A98AC38 3D 1D12");
		report = report_of(&old);
		assert_true(report->body.device_time_us == at(4, 8, 7) - DAY_US - zone_us);
		// A buffered record uses the zone of the live ones before it.
		struct bytes stored = position;
		stored.data[32] = 1; // re-upload
		seal(&stored);
		session.received_us = at(20, 0, 0);
		report = report_of(&stored);
		assert_true(report->body.flags & FLAG_STORED);
		assert_true(report->body.device_time_us == at(9, 8, 7) - zone_us);
	}
}

static const struct report *report_at(int64_t received_us, const char *type_and_body)
{
	struct bytes frame = frame_of(false, type_and_body);
	session.received_us = received_us;
	return report_of(&frame);
}

// Opens a connection of the device, with the zone of its log-in.
static void reconnect(struct device_memory *memory, const char *ident, const char *zone)
{
	char text[64];
	session = (struct session){
		.received_us = at(12, 0, 0), .memory = memory, .decoder = &decoder_gt06};
	snprintf(text, sizeof text, "01 %s 2001 %s", ident, zone);
	struct bytes login = frame_of(false, text);
	assert_int_equal(decode_frame(&login), DECODE_OK);
}

#define OLD "1F050D040807" /* the day before, 04:08:07 */
#define AT  "C9 01531500 0A98AC38 3D 1D12"

static void zone_of_a_device_survives_its_connections(void **state)
{
	static const struct {
		const char *word, *live; /* the time of a live record, sent at 12:00 UTC */
		int zone_min;
	} zones[] = {
		{"3201", "1F050E140000", 480},
		{"2121", "1F050E111E00", 330},
		{"12C9", "1F050E090000", -180},
	};
	static const char *const types[] = {"10", "11", "12", "16", "26"}; // have no mark
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct device_memory *memory = device_memory_new(4);
		char text[128];
		const int64_t zone_us = zones[i].zone_min * INT64_C(60000000);
		// Before a live record: not known to be local.
		reconnect(memory, "0860000000000017", zones[i].word);
		assert_true(report_at(at(12, 0, 0), "10" OLD AT)->body.device_time_us ==
			    at(4, 8, 7) - DAY_US);
		snprintf(text, sizeof text, "10 %s" AT, zones[i].live);
		assert_true(report_at(at(12, 0, 0), text)->body.device_time_us == at(12, 0, 0));
		// The first record after a reconnect is an old one.
		for (size_t type = 0; type < 5; type++) {
			reconnect(memory, "0860000000000017", zones[i].word);
			snprintf(text, sizeof text,
				"%s" OLD AT "08 01F6 0A 1B2C 00A1B2 46 04 03 00 02", types[type]);
			assert_true(report_at(at(12, 0, 0), text)->body.device_time_us ==
				    at(4, 8, 7) - DAY_US - zone_us);
			assert_extra(&batch.reports[0], "\"time_zone_min\":");
		}
		// It has taught nothing: a flagged record uses the zone too.
		assert_true(report_at(at(12, 0, 0), "22" OLD AT "01F6 0A 1B2C 00A1B2 01 00 01")
				    ->body.device_time_us == at(4, 8, 7) - DAY_US - zone_us);
		// Another device has its own zone; another zone must be learned anew.
		reconnect(memory, "0860000000000025", zones[i].word);
		assert_true(report_at(at(12, 0, 0), "10" OLD AT)->body.device_time_us ==
			    at(4, 8, 7) - DAY_US);
		reconnect(memory, "0860000000000017", "0641");
		assert_true(report_at(at(12, 0, 0), "10" OLD AT)->body.device_time_us ==
			    at(4, 8, 7) - DAY_US);
		device_memory_free(memory);
	}
}

// The alarms of a heartbeat.
static uint64_t beat(const char *type_and_body)
{
	return report_at(at(12, 0, 0), type_and_body)->body.alarms;
}

#define BIT(name) (UINT64_C(1) << ALARM_##name)

static void alarm_repeated_in_heartbeats_is_raised_once(void **state)
{
	struct device_memory *memory = device_memory_new(4);
	(void)state;
	reconnect(memory, "0860000000000017", "0001");
	assert_true(beat("13 46 04 03 01 02") == BIT(SOS));
	assert_true(beat("13 46 04 03 01 02") == 0);
	assert_extra(&batch.reports[0], "\"alarm\":1");
	reconnect(memory, "0860000000000017", "0001");
	assert_true(beat("13 44 03 04 01 02") == 0);              // other values, the same alarm
	assert_true(beat("13 4E 04 03 01 02") == BIT(VIBRATION)); // one more, in info
	assert_true(beat("36 4E 04 03 01 02") == 0);
	assert_true(beat("13 4E 04 03 00 02") == 0); // the code has cleared
	assert_true(beat("13 46 04 03 01 02") == BIT(SOS));
	assert_true(beat("13 46 04 03 00 02") == 0); // cleared
	assert_true(beat("13 46 04 03 01 02") == BIT(SOS));
	// An alarm message is raised each time, and changes nothing for heartbeats.
	const char *message = "26" OLD AT "09 01F6 0A 1B2C 00A1B2 46 04 03 01 02";
	assert_true(beat(message) == BIT(SOS));
	assert_true(beat(message) == BIT(SOS));
	assert_true(beat("13 46 04 03 01 02") == 0);
	assert_true(beat("A3 5E 0000 05 32 0C 02") == BIT(LOW_BATTERY));
	assert_true(beat("A3 5E 0000 05 32 0C 02") == 0);
	// Another device.
	reconnect(memory, "0860000000000025", "0001");
	assert_true(beat("13 46 04 03 01 02") == BIT(SOS));
	// Without device memory the connection remembers.
	reconnect(NULL, "0860000000000017", "0001");
	assert_true(beat("13 46 04 03 01 02") == BIT(SOS));
	assert_true(beat("13 46 04 03 01 02") == 0);
	device_memory_free(memory);
}

// The examples ----------------------------------------------------------------

static void assert_fix(const struct report *report, int64_t time_us, int32_t lat_e7, int32_t lon_e7)
{
	assert_true(report->body.device_time_us == time_us);
	assert_true(report->body.has & HAS_FIX);
	assert_true(report->body.flags & FLAG_VALID);
	assert_int_equal(report->body.lat_e7, lat_e7);
	assert_int_equal(report->body.lon_e7, lon_e7);
}

static void example_position_decodes(void **state)
{
	(void)state;
	log_in();
	struct bytes frame = from_hex(POSITION);
	const struct report *report = report_of(&frame);
	assert_text(report->ident, IDENT);
	assert_text(report->event, "22");
	assert_fix(report, at(9, 8, 7), 123456000, -987654000);
	assert_int_equal(report->body.speed_kmh_e2, 6100);
	assert_int_equal(report->body.course_deg_e2, 27400);
	assert_int_equal(report->body.satellites, 9);
	assert_true(report->body.flags & FLAG_IGNITION);
	assert_false(report->body.flags & FLAG_STORED);
	assert_true(report->body.odometer_m == 123456);
	assert_text(
		report->extra, "\"mcc\":502,\"mnc\":10,\"lac\":6956,\"cid\":41394,\"reason\":0");
	assert_int_equal(report->raw.len, frame.len);
	assert_reply(REPLY_STORED, "7878 05 22 0002 0718 0D0A");
	// Sent again with another serial it is the same record.
	struct bytes key = {report->key.len, {0}};
	memcpy(key.data, report->key.data, key.len);
	frame.data[frame.len - 5]++;
	seal(&frame);
	assert_int_equal(report_of(&frame)->key.len, key.len);
	assert_memory_equal(batch.reports[0].key.data, key.data, key.len);
}

static void example_heartbeat_decodes(void **state)
{
	(void)state;
	log_in();
	struct bytes frame = from_hex(HEARTBEAT);
	const struct report *report = report_of(&frame);
	assert_int_equal(
		report->body.has, HAS_IGNITION | HAS_BATTERY_PERCENT | HAS_GSM | HAS_OUTPUTS);
	assert_true(report->body.flags & FLAG_IGNITION);
	assert_int_equal(report->body.battery_percent, 83);
	assert_int_equal(report->body.gsm_percent, 75);
	assert_int_equal(report->body.outputs, 0);
	assert_true(report->body.alarms == 0);
	assert_text(report->extra, "\"armed\":false,\"charging\":true,\"gps_fix\":true");
	assert_reply(REPLY_NOW, "787805130003CAE30D0A");
}

static void example_alarms_decode(void **state)
{
	(void)state;
	log_in();
	struct bytes sos = from_hex(ALARM), fence = from_hex(FENCE);
	const struct report *report = report_of(&sos);
	assert_fix(report, at(9, 9, 0), -205000000, 302500000);
	assert_alarm(report, ALARM_SOS);
	assert_int_equal(report->body.battery_percent, 66);
	assert_int_equal(report->body.gsm_percent, 100);
	assert_int_equal(report->body.speed_kmh_e2, 0);
	assert_extra(report, "\"mcc\":502,\"mnc\":10,\"lac\":6956,\"cid\":41394");
	assert_reply(REPLY_STORED, "787805260004014F0D0A");
	report = report_of(&fence);
	assert_fix(report, at(9, 10, 30), -205000000, 302500000);
	assert_alarm(report, ALARM_GEOFENCE_EXIT);
	assert_int_equal(report->body.speed_kmh_e2, 4200);
	assert_int_equal(report->body.course_deg_e2, 9000);
	assert_int_equal(report->body.battery_percent, 100);
	assert_int_equal(report->body.gsm_percent, 75);
	assert_extra(report, "\"mcc\":502,\"mnc\":10,\"lac\":6956,\"cid\":41394");
	assert_extra(report, "\"fence\":3");
}

static void example_statuses_decode(void **state)
{
	(void)state;
	log_in();
	struct bytes no_fix = from_hex(POSITION_4G), cells = from_hex(CELLS);
	const struct report *report = report_of(&no_fix);
	assert_true(report->body.device_time_us == at(9, 11, 0));
	assert_false(report->body.has & (HAS_FIX | HAS_SPEED | HAS_COURSE));
	assert_true(report->body.has & HAS_IGNITION);
	assert_int_equal(report->body.flags, FLAG_STORED);
	assert_text(report->extra,
		"\"mcc\":502,\"mnc\":10,\"lac\":6956,\"cid\":169552957,\"reason\":5");
	report = report_of(&cells);
	assert_true(report->body.device_time_us == at(9, 12, 0));
	assert_int_equal(report->body.has, HAS_TIME);
	assert_text(report->extra, "\"mcc\":502,\"mnc\":10,\"lac\":6956,\"cid\":41394,\"rssi\":-60,"
				   "\"cells\":\"6956,41395,-70\",\"timing_advance\":255");
	assert_int_equal(decode_hex(VOLTAGE), DECODE_OK);
	assert_text(batch.reports[0].event, "94/00");
	assert_int_equal(batch.reports[0].body.power_mv, 12870);
	assert_no_reply();
}

static void example_command_encodes_and_its_answer_decodes(void **state)
{
	uint8_t out[255 + 5];
	struct bytes expected = from_hex("787812800C0000000752656C61792C312300012C810D0A");
	(void)state;
	size_t len = gt06_command_frame(7, "Relay,1#", 8, 1, out, sizeof out);
	assert_int_equal(len, expected.len);
	assert_memory_equal(out, expected.data, len);
	assert_int_equal(gt06_command_frame(7, "Relay,1#", 8, 1, out, len), len);
	assert_int_equal(gt06_command_frame(7, "Relay,1#", 8, 1, out, len - 1), 0);
	assert_int_equal(gt06_command_frame(7, "", 0, 1, out, sizeof out), 0);
	char text[246];
	memset(text, 'x', sizeof text);
	assert_int_equal(gt06_command_frame(7, text, 245, 1, out, sizeof out), sizeof out);
	assert_int_equal(probe_of(&(struct bytes){0}, 0), PROBE_MORE);
	assert_int_equal(decoder_gt06.probe(out, sizeof out, true), PROBE_YES);
	assert_int_equal(gt06_command_frame(7, text, 246, 1, out, sizeof out), 0);
	log_in();
	struct bytes answer = from_hex(TEXT_ANSWER);
	const struct report *report = report_of(&answer);
	assert_int_equal(report->body.flags, FLAG_TEXT);
	assert_text(report->extra, "\"command\":7,\"text\":\"RELAY:ON OK!\"");
	assert_no_reply();
}

// Rejects and answers ---------------------------------------------------------

static void wrong_checksum_is_rejected_without_an_answer(void **state)
{
	(void)state;
	for (size_t i = 0; i < FRAMES; i++) {
		struct bytes frame = from_hex(frames[i]);
		log_in();
		frame.data[frame.len - 3] ^= 1;
		assert_int_equal(decode_frame(&frame), DECODE_BAD_SUM);
		assert_int_equal(batch.report_count, 0);
		assert_no_reply();
	}
}

#define GPS "1F050E090807 C9 01531500 0A98AC38 3D 1D12"

static void wrong_length_keeps_the_position(void **state)
{
	(void)state;
	log_in();
	struct bytes no_trailer =
		from_hex("78781F 12" GPS "0D0A 7878 0A 13 46 05 03 00 02 0003 95DC 0D0A");
	struct frame frame = frame_at(&no_trailer, no_trailer.len);
	assert_int_equal(frame.len, 24);
	decoded_reset(&batch);
	assert_int_equal(decoder_gt06.decode(&session, no_trailer.data, 24, &batch), DECODE_OK);
	assert_int_equal(batch.reports[0].body.lat_e7, 123456000);
	assert_text(batch.reports[0].extra, "\"length_bad\":true");
	assert_no_reply();
	// Only the length is wrong: the checksum of the received bytes holds.
	struct bytes frame_12 = frame_of(false, "12" GPS "01F60A1B2C00A1B2");
	frame_12.data[2] = 7;
	uint16_t crc = checksum_crc16_x25(frame_12.data + 2, frame_12.len - 6);
	frame_12.data[frame_12.len - 4] = (uint8_t)(crc >> 8);
	frame_12.data[frame_12.len - 3] = (uint8_t)crc;
	assert_extra(report_of(&frame_12), "\"length_bad\":true");
	assert_int_equal(batch.reply_len[REPLY_STORED], 10);
	// A right length with a tail that is too short.
	const struct report *report = read_message("22" GPS "01F60A1B2C00");
	assert_int_equal(report->body.lon_e7, -987654000);
	assert_extra(report, "\"length_bad\":true");
	assert_int_equal(batch.reply_len[REPLY_STORED], 10);
	assert_int_equal(decode_hex("7878 07 13 46050300020003 95DC 0D0A"), DECODE_BAD_LENGTH);
	assert_no_reply();
	assert_int_equal(decode_hex("7878 00 12 0D0A"), DECODE_BAD_LENGTH);
	assert_no_reply();
}

static void assert_raw(const char *type_and_body, const char *extra)
{
	struct bytes frame = frame_of(false, type_and_body);
	const struct report *report = report_of(&frame);
	assert_text(report->extra, extra);
	assert_int_equal(report->body.has, 0);
	assert_true(report->body.alarms == 0);
}

static void frames_with_a_right_checksum_are_never_rejected(void **state)
{
	(void)state;
	log_in();
	// Values out of range.
	assert_raw("10 1F0D0E090807 C9 01531500 0A98AC38 3D 1D12",
		"\"data\":\"1f0d0e090807c9015315000a98ac383d1d12\"");
	assert_int_equal(batch.reply_len[REPLY_STORED], 10);
	assert_raw("10 1F050E090807 C9 09A7EC81 0A98AC38 3D 1D12",
		"\"data\":\"1f050e090807c909a7ec810a98ac383d1d12\"");
	// Too short for their type.
	assert_raw("26 0102", "\"data\":\"0102\"");
	assert_raw("21 000000", "\"data\":\"000000\"");
	assert_no_reply();
	// Unknown types: acknowledged if short, but not our commands, returned.
	assert_raw("77 0102", "\"data\":\"0102\"");
	assert_reply(REPLY_STORED, "787805 77 0007 EAEB 0D0A");
	for (unsigned type = 0x02; type < 0x100; type++) {
		for (int extended = 0; extended < 2; extended++) {
			struct bytes frame = frame_of(extended, "02 0102");
			frame.data[3 + extended] = (uint8_t)type;
			seal(&frame);
			enum decode_status status = decode_frame(&frame);
			assert_int_equal(status, DECODE_OK);
			assert_int_equal(batch.reject_count, 0);
		}
	}
	assert_raw("80 0C 00000007", "\"data\":\"0c00000007\"");
	assert_no_reply();
	struct bytes extended = frame_of(true, "77 0102");
	assert_text(report_of(&extended)->extra, "\"data\":\"0102\"");
	assert_no_reply();
}

static void empty_messages_are_ignored(void **state)
{
	(void)state;
	log_in();
	struct bytes empty = frame_of(false, "12");
	assert_int_equal(decode_frame(&empty), DECODE_IGNORED);
	assert_int_equal(batch.reply_len[REPLY_NOW], 10);
}

static void each_message_gets_its_kind_of_answer(void **state)
{
	static const uint8_t stored[] = {0x10, 0x11, 0x12, 0x16, 0x19, 0x22, 0x26, 0x27, 0x2D, 0x31,
		0x32, 0x34, 0x37, 0x38, 0xA0, 0xA2, 0xA3, 0xA4, 0xA5, 0x95, 0x28, 0x2C, 0x2E, 0x24,
		0x18, 0xA1, 0x36, 0x39, 0x70, 0xF1, 0xF2, 0x40, 0x41};
	static const uint8_t none[] = {0x15, 0x21, 0x94, 0x9B, 0x80, 0x81, 0x82, 0x8C, 0x65, 0x66};
	char type_and_body[] = "00" GPS "01F60A1B2C00A1B2010000";
	(void)state;
	for (size_t extended = 0; extended < 2; extended++) {
		struct bytes frame = frame_of(extended, type_and_body);
		log_in();
		for (size_t i = 0; i < sizeof stored; i++) {
			frame.data[3 + extended] = stored[i];
			seal(&frame);
			decode_frame(&frame);
			bool is_long = (extended && stored[i] == 0x32) || stored[i] == 0x41;
			assert_int_equal(batch.reply_len[REPLY_STORED], is_long ? 11 : 10);
			assert_int_equal(batch.reply[REPLY_STORED][is_long ? 4 : 3], stored[i]);
			assert_int_equal(batch.reply_len[REPLY_NOW], 0);
		}
		for (size_t i = 0; i < sizeof none; i++) {
			frame.data[3 + extended] = none[i];
			seal(&frame);
			decode_frame(&frame);
			assert_no_reply();
		}
	}
	struct bytes opaque = frame_of(true, "33 0102");
	assert_text(report_of(&opaque)->extra, "\"data\":\"0102\"");
	assert_int_equal(batch.reply[REPLY_STORED][0], 0x79);
	assert_int_equal(batch.reply[REPLY_STORED][4], 0x33);
}

static void requests_for_time_and_address_are_answered_at_once(void **state)
{
	(void)state;
	log_in();
	struct bytes time = frame_of(false, "8A"), address = frame_of(false, "2A" GPS "0102");
	struct bytes expected = frame_of(false, "8A 1F050E090A00");
	assert_int_equal(decode_frame(&time), DECODE_OK);
	assert_int_equal(batch.report_count, 0);
	assert_int_equal(batch.reply_len[REPLY_NOW], expected.len);
	assert_memory_equal(batch.reply[REPLY_NOW], expected.data, expected.len);
	session.received_us = INT64_C(1709251199000000); // the last second of a 29 February
	expected = frame_of(false, "8A 18021D173B3B");
	assert_int_equal(decode_frame(&time), DECODE_OK);
	assert_memory_equal(batch.reply[REPLY_NOW], expected.data, expected.len);
	expected = frame_of(true, "97 0F 00000000 4E4126264E412626302323");
	assert_int_equal(report_of(&address)->body.lat_e7, 123456000);
	assert_int_equal(batch.reply_len[REPLY_NOW], expected.len);
	assert_memory_equal(batch.reply[REPLY_NOW], expected.data, expected.len);
}

enum expected { NO_ANSWER, AT_ONCE, AFTER_STORING };

static bool is_one_of(uint8_t type, const char *hex)
{
	struct bytes types = from_hex(hex);
	return memchr(types.data, type, types.len) != NULL;
}

static enum expected answer_of(uint8_t type, bool extended)
{
	if (is_one_of(type, "13 23 2A 8A"))
		return AT_ONCE;
	if (is_one_of(type, "15 21 65 66 80 81 82 84 8C 94 9B F3 FD"))
		return NO_ANSWER;
	if (!extended)
		return type == 0x35 ? NO_ANSWER : AFTER_STORING;
	const bool is_known = is_one_of(type, "10 11 12 16 17 18 19 1A 1E 22 24 25 26 27 28 2C 2D "
					      "2E 31 32 33 34 35 36 37 38 39 40 41"
					      "61 70 95 A0 A1 A2 A3 A4 A5 A6 A7 A8 A9 B2 F1 F2");
	return is_known ? AFTER_STORING : NO_ANSWER;
}

// Half of the bodies begin with a position, so that more of them are decoded.
static struct bytes random_frame(uint8_t type, bool extended, uint32_t *seed)
{
	struct bytes frame = from_hex(extended ? "7979 0000" : "7878 00");
	frame.data[frame.len++] = type;
	if (next_random(seed) % 2)
		add_hex(&frame, "1F050E090807 C9 01531500 0A98AC38 3D 1D12");
	for (uint32_t left = 1 + next_random(seed) % (extended ? 400 : 200); left > 0; left--)
		frame.data[frame.len++] = (uint8_t)next_random(seed);
	add_hex(&frame, "0007 0000 0D0A");
	seal(&frame);
	return frame;
}

static void any_body_of_any_type_is_answered_as_documented(void **state)
{
	(void)state;
	uint32_t seed = 1;
	for (unsigned i = 0; i < 256 * 2 * 40; i++) {
		const uint8_t type = (uint8_t)i;
		const bool extended = i >> 8 & 1;
		if (type == 0x01) // a log-in must have an ident
			continue;
		struct bytes frame = random_frame(type, extended, &seed);
		log_in();
		assert_int_equal(decode_frame(&frame), DECODE_OK);
		assert_int_equal(batch.report_count, type == 0x8A ? 0 : 1);
		const enum expected expected = answer_of(type, extended);
		assert_int_equal(batch.reply_len[REPLY_NOW] > 0, expected == AT_ONCE);
		assert_int_equal(batch.reply_len[REPLY_STORED] > 0, expected == AFTER_STORING);
	}
}

int main(void)
{
	page = guarded_new(2 * FRAME_CAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(probe_accepts_whole_frames_and_waits_for_the_rest_of_prefixes),
		cmocka_unit_test(probe_refuses_the_login_of_topin_at_once),
		cmocka_unit_test(probe_refuses_other_protocols_and_invalid_frames),
		cmocka_unit_test(login_with_a_wrong_checksum_opens_a_session),
		cmocka_unit_test(three_wrong_checksums_from_the_login_on_show_that_all_are_wrong),
		cmocka_unit_test(frame_of_the_wrong_length_ends_at_the_next_terminator),
		cmocka_unit_test(terminator_inside_the_body_does_not_end_the_frame),
		cmocka_unit_test(bad_frame_ends_before_the_next_start),
		cmocka_unit_test(topin_frame_is_decoded_but_opens_no_session),
		cmocka_unit_test(topin_frame_may_omit_its_cells),
		cmocka_unit_test(login_sets_the_ident),
		cmocka_unit_test(data_before_the_login_is_rejected_without_an_answer),
		cmocka_unit_test(zone_of_the_login_is_used_if_the_time_fits),
		cmocka_unit_test(zone_of_a_device_survives_its_connections),
		cmocka_unit_test(alarm_repeated_in_heartbeats_is_raised_once),
		cmocka_unit_test(example_position_decodes),
		cmocka_unit_test(example_heartbeat_decodes),
		cmocka_unit_test(example_alarms_decode),
		cmocka_unit_test(example_statuses_decode),
		cmocka_unit_test(example_command_encodes_and_its_answer_decodes),
		cmocka_unit_test(wrong_checksum_is_rejected_without_an_answer),
		cmocka_unit_test(wrong_length_keeps_the_position),
		cmocka_unit_test(frames_with_a_right_checksum_are_never_rejected),
		cmocka_unit_test(empty_messages_are_ignored),
		cmocka_unit_test(each_message_gets_its_kind_of_answer),
		cmocka_unit_test(requests_for_time_and_address_are_answered_at_once),
		cmocka_unit_test(any_body_of_any_type_is_answered_as_documented),
		cmocka_unit_test(no_flipped_bit_is_accepted),
		cmocka_unit_test(mutated_frames_are_read_within_bounds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
