// SPDX-License-Identifier: MIT
// Suntech: what opens a conversation, where frames end, answers, crash reports in parts, and commands. The fields are compared by
// tests/reference.
#define TESTED decoder_suntech
#include "decoders/text_frames.h"

#include "protocol/message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLACE                                                                                      \
	";20260314;09:26:53;1a2b3c;-23.550520;-046.633308;047.300;271.00;11;1;1234567;13.65;"      \
	"100010;"
#define STT "ST300STT;860000017;45;315" PLACE "2;0184\r"
#define EMG "EMG;860000017;45;315" PLACE "1\r"
#define MAP                                                                                        \
	";52;1.0.17;1;20260314;09:26:53;0000697;724;11;4EDA;33;-5.795000;-35.209440;0.00;0.00;11;" \
	"1;00000001;00000000;"
#define ZIP   "\x02\x00\x0a\x11\x86\x00\x00\x01\x70\x2d\x01\x3b\x1a\x03"
#define ZIP81 "\x81\x00\x08\x08\x60\x00\x00\x17\x00\x00\x00"

#define LITERAL(text) text, sizeof(text) - 1

// Decodes bytes with the session.
static enum decode_status decode_bytes(struct session *session, const char *data, size_t len)
{
	decoded_reset(&decoded);
	session->decoder = &decoder_suntech;
	return decoder_suntech.decode(session, guarded_copy(&page, data, len), len, &decoded);
}

static void assert_reply(enum reply_when when, const char *reply, size_t len)
{
	assert_int_equal(decoded.reply_len[when], len);
	assert_memory_equal(decoded.reply[when], reply, len);
}

// Sniffing --------------------------------------------------------------------

static enum probe probe(const char *data, size_t len, bool datagram)
{
	return decoder_suntech.probe(guarded_copy(&page, data, len), len, datagram);
}

static void type_and_ident_open_a_conversation(void **state)
{
	static const char *const own[] = {"ST300STT;86000;", "SA200ALV;608945\r",
		"ST3300UEX;860000017123456;", "ST300CMD;Res;860000017;", "ST910;Location;1;",
		"ST940;Emergency;860017\r", "ST900;Alert;860000017;", "STT;086000001;",
		"ALT;0860000017;", "UEX;0860000017;", "BLE;0860000017;", "RES;0860000017;",
		"ALV;0860000017\r", "BSA;0860000017;", "CRR;086000001712345;"};
	(void)state;
	for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
		const size_t len = strlen(own[i]);
		for (size_t prefix = 0; prefix < len; prefix++)
			assert_int_equal(probe(own[i], prefix, false), PROBE_MORE);
		assert_int_equal(probe(own[i], len, false), PROBE_YES);
		assert_int_equal(probe(own[i], len, true), PROBE_YES);
		assert_int_equal(probe(own[i], len - 1, true), PROBE_YES);
		assert_int_equal(probe(own[i], 5, true), PROBE_NO);
	}
}

static void other_bytes_open_none(void **state)
{
	static const char *const foreign[] = {"STX;1", "ST3;", "ST30;", "ST300S1", "ST300stt;",
		"ST30000", "ST300STT,", "ST300STT;8600;", "ST300STT;8600000171234567", "ST300STT;x",
		"ST300CMD;Rex", "ST300CMD;Res;x", "ST910;Locations", "ST910;location;",
		"ST910;Other;", "SA910;Location;1;", "ST810;Location;1;", "ST910;Alert;;",
		"STT;12345678;", "STT,", "STT;086000001x", "ALX;", "CRR;1;", "\x03", "\x83"};
	(void)state;
	for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++)
		assert_int_equal(probe(foreign[i], strlen(foreign[i]), false), PROBE_NO);
}

static void a_whole_binary_frame_may_open_a_conversation(void **state)
{
	static const struct {
		const char *data;
		size_t len;
	} own[] = {{LITERAL(ZIP)}, {LITERAL(ZIP81)},
		{LITERAL("\x82\x00\x08\x08\x60\x00\x00\x17\x00\x00\x00")}},
	  foreign[] = {{LITERAL("\x02\x03")}, {LITERAL("\x02\x00\x05\x10")},
		  {LITERAL("\x02\x00\x0a\x14")}, {LITERAL("\x81\x02\x01\x08")},
		  {LITERAL("\x81\x00\x04\x08")},
		  {LITERAL("\x02\x00\x0a\x11\x86\x00\x00\x01\x70\x2d\x01\x3b\x1a\x04")},
		  {LITERAL("\x02\x00\x0a\x11\x86\x00\x00\x0a\x70\x2d\x01\x3b\x1a\x03")},
		  {LITERAL("\x81\x00\x08\x08\x60\x00\x00\xf7\x00\x00\x00")}};
	(void)state;
	for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
		for (size_t prefix = 0; prefix < own[i].len; prefix++) {
			assert_int_equal(probe(own[i].data, prefix, false), PROBE_MORE);
			assert_int_equal(probe(own[i].data, prefix, true), PROBE_NO);
		}
		assert_int_equal(probe(own[i].data, own[i].len, false), PROBE_MAYBE);
		assert_int_equal(probe(own[i].data, own[i].len, true), PROBE_MAYBE);
	}
	for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++)
		assert_int_equal(probe(foreign[i].data, foreign[i].len, false), PROBE_NO);
}

// Framing ---------------------------------------------------------------------

#define SERIAL "UEX;0860000017;7FFFF" MAP
#define LEGACY "ST300UEX;860000017;45;315" PLACE

static void a_frame_ends_at_its_cr_or_by_its_length(void **state)
{
	static const struct {
		const char *data;
		size_t len;
		bool quiet;
		enum frame_kind kind;
		size_t used; /* 0: one byte more than there are */
	} rows[] = {
		{LITERAL("ST300ALV;860000017\r"), false, FRAME_OK, 19},
		{LITERAL("ST300ALV;860000017\r\n"), false, FRAME_OK, 19},
		{LITERAL("ST300ALV;860000017"), false, FRAME_MORE, 0},
		{LITERAL("ST300ALV;860000017"), true, FRAME_MORE, 0},
		{LITERAL("\n\r\0 S"), false, FRAME_SKIP, 4},
		{LITERAL("-Error\rST"), false, FRAME_OK, 7},
		{LITERAL("-Error"), false, FRAME_MORE, 0},
		/* serial data: by its length; with separators and line ends; cut */
		{LITERAL(SERIAL "3;a\r;;A7\rS"), false, FRAME_OK, sizeof(SERIAL) + 8},
		{LITERAL(SERIAL "3;a\r;;A7;\r\r"), false, FRAME_OK, sizeof(SERIAL) + 9},
		{LITERAL(LEGACY "3;a\r;;A7\r"), false, FRAME_OK, sizeof(LEGACY) + 8},
		{LITERAL(LEGACY "3;a\r;;A7"), false, FRAME_MORE, 0},
		{LITERAL(LEGACY "3;a\r"), false, FRAME_MORE, sizeof(LEGACY) + 8},
		{LITERAL(LEGACY "3"), false, FRAME_MORE, 0},
		{LITERAL(LEGACY "3;"), false, FRAME_MORE, sizeof(LEGACY) + 8},
		/* the length counts a CR LF that is missing */
		{LITERAL(LEGACY "4;ab;A7\r"), false, FRAME_OPEN, sizeof(LEGACY) + 9},
		{LITERAL(LEGACY "4;ab;A7\r"), true, FRAME_OK, sizeof(LEGACY) + 7},
		{LITERAL(LEGACY "4;ab;A7\rS"), false, FRAME_MORE, sizeof(LEGACY) + 9},
		{LITERAL(LEGACY "4;ab;A7\rST"), false, FRAME_OK, sizeof(LEGACY) + 7},
		{LITERAL(LEGACY "4;ab;A7;1\r"), false, FRAME_OK, sizeof(LEGACY) + 9},
		{LITERAL(LEGACY "9999;ab;A7\r"), false, FRAME_OK, sizeof(LEGACY) + 10},
		{LITERAL(LEGACY "x;ab;A7\r"), false, FRAME_OK, sizeof(LEGACY) + 7},
		{LITERAL(LEGACY "1;ab\r"), false, FRAME_MORE, sizeof(LEGACY) + 6},
		{LITERAL(LEGACY "1;abcdef\r"), false, FRAME_MORE, 0},
		/* no length */
		{LITERAL("ST300UEX;860000017;45\r"), false, FRAME_OK, 22},
		/* crash reports */
		{LITERAL("CRR;0860000017;1;1;0003;\r;\r;D5\r"), false, FRAME_OK, 31},
		{LITERAL("CRR;0860000017;1;1;0003;\r"), false, FRAME_MORE, 31},
		{LITERAL("CRR;0860000017;1;1;000"), false, FRAME_MORE, 0},
		{LITERAL("CRR;0860000017;1;1;0003;a\r;x5\r\r"), false, FRAME_OK, 26},
		{LITERAL("CRR;0860000017;1;1;9999;\r"), false, FRAME_OK, 25},
		{LITERAL("CRR;x\r"), false, FRAME_OK, 6},
		/* binary */
		{LITERAL(ZIP ZIP81), false, FRAME_OK, sizeof(ZIP) - 1},
		{LITERAL(ZIP81 ZIP), false, FRAME_OK, sizeof(ZIP81) - 1},
		{LITERAL("\x02"), false, FRAME_MORE, 4},
		{LITERAL("\x02\x00\x0a\x10"), false, FRAME_MORE, 14},
		{LITERAL("\x02\xff"
			 "abc\r"),
			false, FRAME_OK, 5},
		{LITERAL("\x02\xff"
			 "abc"),
			false, FRAME_OPEN, 0},
		{LITERAL("\x02\xff"
			 "abc"),
			true, FRAME_OK, 5},
		{LITERAL("\x02\xff"
			 "ST300"),
			false, FRAME_OK, 2},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct session session = {.quiet = rows[i].quiet};
		const struct frame frame = decoder_suntech.frame(
			&session, guarded_copy(&page, rows[i].data, rows[i].len), rows[i].len);
		if (frame.kind != rows[i].kind ||
			frame.len != (rows[i].used ? rows[i].used : rows[i].len + 1))
			fail_msg("row %zu: kind %d, length %zu", i, (int)frame.kind, frame.len);
	}
}

static void a_datagram_ends_its_frame(void **state)
{
	static const struct {
		const char *data;
		size_t len, used;
	} rows[] = {
		{LITERAL("ST300ALV;860000017"), 18},
		{LITERAL("ST300ALV;860000017\r\n"), 19},
		{LITERAL(LEGACY "3;a\r;;A7"), sizeof(LEGACY) + 7},
		{LITERAL(LEGACY "5;a\r;;A7"), sizeof(LEGACY) + 7},
		{LITERAL("CRR;0860000017;1;1;0003;\r;\r;D5"), 30},
		{LITERAL("CRR;0860000017;1;1"), 18},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct session session = {.datagram = true};
		const struct frame frame = decoder_suntech.frame(
			&session, guarded_copy(&page, rows[i].data, rows[i].len), rows[i].len);
		assert_int_equal(frame.kind, FRAME_OK);
		assert_int_equal(frame.len, rows[i].used);
	}
}

// Feeds bytes as one read after another. Returns the last verdict.
static enum feed_verdict feed_all(const char *data, size_t len)
{
	struct feed feed;
	size_t at = 0;
	enum feed_verdict verdict = FEED_TAKEN;
	feed_init(&feed, DECODERS_ALL, NULL, false);
	while (at < len && verdict == FEED_TAKEN) {
		size_t used;
		verdict = feed_step(&feed, (const uint8_t *)data + at, len - at, &decoded, &used);
		at += used;
	}
	assert_ptr_equal(feed.session.decoder, &decoder_suntech);
	feed_done(&feed);
	return verdict;
}

static void endless_garbage_closes_the_connection(void **state)
{
	static char data[9000];
	(void)state;
	memset(data, 'x', sizeof data);
	memcpy(data, STT, sizeof(STT) - 1);
	assert_int_equal(feed_all(data, sizeof data), FEED_CLOSE);
	for (size_t at = sizeof(STT); at < sizeof data; at += 50)
		data[at] = '\r';
	assert_int_equal(feed_all(data, sizeof data), FEED_CLOSE);
	/* a frame in between shows that it is the tracker still */
	for (size_t at = 1000; at < sizeof data; at += 1000)
		memcpy(data + at, "\rST300ALV;860000017\r", 20);
	assert_int_not_equal(feed_all(data, sizeof data), FEED_CLOSE);
}

// Answers ---------------------------------------------------------------------

static void data_is_acknowledged_once_stored(void **state)
{
	static const struct {
		const char *data;
		size_t len;
		const char *tcp, *udp; /* "": none */
	} rows[] = {
		{LITERAL(STT), "", "ST300ACK;860000017\r"},
		{LITERAL("ST600" EMG), "ST600CMD;860000017;02;AckEmerg\r", "ST600ACK;860000017\r"},
		{LITERAL("SA200" EMG), "SA200CMD;860000017;02;AckEmerg\r", "SA200ACK;860000017\r"},
		{LITERAL("ST300EMG;860000017\r"), "ST300CMD;860000017;02;AckEmerg\r",
			"ST300ACK;860000017\r"},
		{LITERAL("ST300XYZ;860000017;a\r"), "", "ST300ACK;860000017\r"},
		{LITERAL("ST300ALV;860000017\r"), "", ""},
		{LITERAL("ST300CMD;Res;860000017;315;Preset\r"), "", ""},
		{LITERAL("ST910;Emergency;860017;500\r"), "", "ST910ACK;860017\r"},
		{LITERAL("ALT;0860000017;0\r"), "", "ACK;0860000017\r"},
		{LITERAL("BLE;0860000017;0\r"), "", "ACK;0860000017\r"},
		{LITERAL("CRR;0860000017;1;1;0001;x;D5\r"), "", "ACK;0860000017\r"},
		{LITERAL("RES;0860000017;04;01\r"), "", ""},
		{LITERAL("ALV;0860000017\r"), "", ""},
		{LITERAL("BSA;0860000017;1\r"), "", "ACK;0860000017\r"},
		{LITERAL(ZIP81), "", "\x15\x08\x60\x00\x00\x17"},
		{LITERAL(ZIP), "ST300CMD;860000017;02;AckEmerg\r", "\x15\x86\x00\x00\x01\x70"},
		{LITERAL("-Error\r"), "", ""},
		{LITERAL("ST300STT;12a;45\r"), "", ""},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		for (int datagram = 0; datagram < 2; datagram++) {
			struct session session = {.datagram = datagram};
			const char *reply = datagram ? rows[i].udp : rows[i].tcp;
			const size_t len = reply[0] == 0x15 ? 6 : strlen(reply);
			decode_bytes(&session, rows[i].data, rows[i].len);
			assert_reply(REPLY_STORED, reply, len);
			assert_reply(REPLY_NOW, "", 0);
		}
	}
}

static void an_ident_has_at_most_32_digits(void **state)
{
	struct session session = {0};
	(void)state;
	assert_int_equal(
		decode_with(&session, "STT;88888888888888888888888888888888;0\r"), DECODE_OK);
	assert_int_equal(decode_with(&session, "STT;888888888888888888888888888888888;0\r"),
		DECODE_BAD_VALUE);
	assert_string_equal(decoded.detail, "ident");
	assert_int_equal(decode_with(&session, "ST300STT;;45\r"), DECODE_BAD_VALUE);
	assert_int_equal(decode_with(&session, "ST300CMD;Res\r"), DECODE_BAD_VALUE);
	assert_int_equal(decode_with(&session, "ST910;Alert;x\r"), DECODE_BAD_VALUE);
	assert_int_equal(
		decode_bytes(&session, LITERAL("\x81\x00\x08\x08\x60\x00\x00\x1f\x00\x00\x00")),
		DECODE_BAD_VALUE);
	assert_int_equal(decode_with(&session, "-Error\r"), DECODE_IGNORED);
	assert_int_equal(decode_with(&session, "\x01\x02\r"), DECODE_DETAIL);
	assert_string_equal(decoded.detail, "framing lost");
}

// Crash reports ---------------------------------------------------------------

// Decodes part `number` of two, of a report whose latitudes are `lat`.
static size_t decode_part(struct session *session, unsigned number, char lat)
{
	char frame[100], data[6 + 4 * 12] = {26, 3, 14, 9, 26, 53};
	const size_t half = sizeof data / 2;
	for (size_t i = 0; i < 4; i++)
		data[6 + 12 * i] = lat;
	const int head = sprintf(frame, "CRR;0860000017;%u;2;%04zu;", number, half);
	memcpy(frame + head, data + (number - 1) * half, half);
	memcpy(frame + (size_t)head + half, ";D5\r", 4);
	assert_int_equal(decode_bytes(session, frame, (size_t)head + half + 4), DECODE_OK);
	message_conclude(session, true, DECODE_OK, &decoded);
	return decoded.report_count;
}

static void the_parts_of_a_crash_report_are_joined(void **state)
{
	struct messages all = {0};
	struct session session = {.all_messages = &all};
	(void)state;
	assert_int_equal(decode_part(&session, 1, 7), 0);
	assert_int_equal(decode_part(&session, 2, 7), 4);
	assert_int_equal(decoded.reports[3].body.lat_e7, 7);
	assert_int_equal(decode_part(&session, 2, 8), 0);
	assert_int_equal(decode_part(&session, 1, 8), 4);
	/* the second part was lost: the next report is not joined with the first one */
	assert_int_equal(decode_part(&session, 1, 1), 0);
	assert_int_equal(decode_part(&session, 1, 2), 0);
	assert_int_equal(decode_part(&session, 2, 2), 4);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(decoded.reports[i].body.lat_e7, 2);
	message_drop_all(&session);
	assert_int_equal(all.bytes, 0);
}

static void a_part_without_room_is_not_acknowledged(void **state)
{
	struct messages all = {0};
	struct session session = {.all_messages = &all, .datagram = true};
	char frame[40];
	(void)state;
	for (unsigned total = 2; total <= MESSAGES_MOST + 2; total++) {
		const bool has_room = total < MESSAGES_MOST + 2;
		const char *reply = has_room ? "ACK;0860000017\r" : "";
		snprintf(frame, sizeof frame, "CRR;0860000017;1;%u;0003;abc;D5\r", total);
		assert_int_equal(
			decode_with(&session, frame), has_room ? DECODE_OK : DECODE_DETAIL);
		assert_reply(REPLY_STORED, reply, strlen(reply));
	}
	message_drop_all(&session);
}

// Commands --------------------------------------------------------------------

static void commands_have_the_form_of_the_device(void **state)
{
#define CUSTOM(t)                                                                                  \
	{                                                                                          \
		.kind = COMMAND_CUSTOM, .text_len = sizeof(t) - 1, .text = t                       \
	}
#define OUTPUT(number, on)                                                                         \
	{                                                                                          \
		.kind = COMMAND_OUTPUT_CONTROL, .args = {                                          \
			[COMMAND_INDEX] = number,                                                  \
			[COMMAND_VALUE] = on                                                       \
		}                                                                                  \
	}
	static const struct {
		struct command command;
		const char *legacy, *universal, *nine; /* NULL: the device has none */
	} goldens[] = {
		{{.kind = COMMAND_ENGINE_STOP}, "ST600CMD;860000017;02;Enable1\r",
			"CMD;0860000017;04;01\r", NULL},
		{{.kind = COMMAND_ENGINE_RESUME}, "ST600CMD;860000017;02;Disable1\r",
			"CMD;0860000017;04;02\r", NULL},
		{OUTPUT(1, 1), "ST600CMD;860000017;02;Enable1\r", "CMD;0860000017;04;01\r", NULL},
		{OUTPUT(2, 0), "ST600CMD;860000017;02;Disable2\r", "CMD;0860000017;04;04\r", NULL},
		{OUTPUT(3, 1), NULL, "CMD;0860000017;04;09\r", NULL},
		{OUTPUT(4, 1), NULL, NULL, NULL},
		{{.kind = COMMAND_POSITION_SINGLE}, "ST600CMD;860000017;02;StatusReq\r",
			"CMD;0860000017;03;01\r", NULL},
		{{.kind = COMMAND_REBOOT_DEVICE}, "ST600CMD;860000017;02;Reboot\r",
			"CMD;0860000017;03;03\r", NULL},
		{{.kind = COMMAND_REBOOT_DEVICE, .args = {[COMMAND_WHAT] = 1}}, NULL, NULL, NULL},
		{{.kind = COMMAND_FACTORY_RESET}, "ST600CMD;860000017;02;Reset\r", NULL, NULL},
		{{.kind = COMMAND_GET_VERSION}, "ST600CMD;860000017;02;ReqVer\r", NULL,
			"ST910;VER\r"},
		{CUSTOM("03;01"), "ST600CMD;860000017;02;03;01\r", "CMD;0860000017;03;01\r",
			"ST910;03;01\r"},
		{CUSTOM("RPT;180;60"), "ST600RPT;860000017;02;180;60\r", "RPT;0860000017;180;60\r",
			"ST910;RPT;180;60\r"},
		{{.kind = COMMAND_SET_TIMEZONE}, NULL, NULL, NULL},
	};
	struct session legacy = {.decoder = &decoder_suntech}, universal = legacy, nine = legacy;
	uint8_t out[300];
	(void)state;
	assert_int_equal(
		decoder_suntech.encode_command(&legacy, &goldens[0].command, out, sizeof out)
			.result,
		ENCODE_LATER);
	decode_with(&legacy, "ST600ALV;860000017\r");
	decode_with(&universal, "ALV;0860000017\r");
	decode_with(&nine, "ST910;Location;860017\r");
	for (size_t i = 0; i < sizeof goldens / sizeof goldens[0]; i++) {
		check_command(&legacy, &goldens[i].command, goldens[i].legacy);
		check_command(&universal, &goldens[i].command, goldens[i].universal);
		check_command(&nine, &goldens[i].command, goldens[i].nine);
	}
}

static void an_answer_confirms_the_command_of_its_words(void **state)
{
	static const struct {
		const char *opening;
		const char *text; /* of a custom command */
		const char *answer;
		enum confirmation confirmation;
	} rows[] = {
		{STT, "Enable1", "ST300CMD;Res;860000017;315;Enable1\r", CONFIRMATION_DONE},
		{STT, "enable1", "ST300CMD;Res;860000017;315;Enable1;x\r", CONFIRMATION_DONE},
		{STT, "Enable1", "ST300CMD;Res;860000017;315;Enable1;Error\r",
			CONFIRMATION_REFUSED},
		{STT, "Enable1", "ST300CMD;Res;860000017;315;Preset;x\r", CONFIRMATION_NONE},
		{STT, "CMD;Preset", "ST300CMD;Res;860000017;315;Preset;x\r", CONFIRMATION_DONE},
		{STT, "RPT;180;60", "ST300RPT;Res;860000017;315;180;60\r", CONFIRMATION_DONE},
		{STT, "RPT;180;60", "ST300NTW;Res;860000017;315;180;60\r", CONFIRMATION_NONE},
		{STT, "Enable1", STT, CONFIRMATION_NONE},
		{"ALV;0860000017\r", "04;01", "RES;0860000017;04;01;ok\r", CONFIRMATION_DONE},
		{"ALV;0860000017\r", "04;01;5", "RES;0860000017;04;01\r", CONFIRMATION_DONE},
		{"ALV;0860000017\r", "04;01", "RES;0860000017;04;02\r", CONFIRMATION_NONE},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_int_equal(confirmation_of(rows[i].opening, rows[i].text, rows[i].answer),
			rows[i].confirmation);
}

static void a_live_status_confirms_a_position(void **state)
{
	static const struct {
		const char *frame;
		enum confirmation confirmation;
	} rows[] = {
		{STT, CONFIRMATION_DONE},
		{"ST300" EMG, CONFIRMATION_NONE},
		{"ST300STT;860000017;45;315" PLACE "2;0184;019268;4.1;0\r", CONFIRMATION_NONE},
	};
	const struct command command = {.kind = COMMAND_POSITION_SINGLE};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct session session = {0};
		decode_with(&session, rows[i].frame);
		assert_int_equal(decoder_suntech.confirms_command(&command,
					 (struct correlation){true, 7}, &decoded.reports[0], NULL),
			rows[i].confirmation);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(type_and_ident_open_a_conversation),
		cmocka_unit_test(other_bytes_open_none),
		cmocka_unit_test(a_whole_binary_frame_may_open_a_conversation),
		cmocka_unit_test(a_frame_ends_at_its_cr_or_by_its_length),
		cmocka_unit_test(a_datagram_ends_its_frame),
		cmocka_unit_test(endless_garbage_closes_the_connection),
		cmocka_unit_test(data_is_acknowledged_once_stored),
		cmocka_unit_test(an_ident_has_at_most_32_digits),
		cmocka_unit_test(the_parts_of_a_crash_report_are_joined),
		cmocka_unit_test(a_part_without_room_is_not_acknowledged),
		cmocka_unit_test(commands_have_the_form_of_the_device),
		cmocka_unit_test(an_answer_confirms_the_command_of_its_words),
		cmocka_unit_test(a_live_status_confirms_a_position),
	};
	page = guarded_new(40000);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
