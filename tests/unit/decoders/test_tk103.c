// SPDX-License-Identifier: MIT
// TK103: what opens a conversation, how frames and idents are cut, answers, panic, long lists and commands. The fields are
// compared by tests/reference.
#define TESTED decoder_tk103
#include "decoders/text_frames.h"

#include <stdio.h>
#include <string.h>

#define ID       "600000000017"
#define POSITION "310514A2030.0000S03015.0000E000.0091630000.00"
#define TAIL     "01000000L0001E240)"

// Decodes the frame as the first of a connection.
static enum decode_status decode(const char *frame)
{
	static struct session session;
	session = (struct session){0};
	return decode_with(&session, frame);
}

static bool has_extra(const char *member)
{
	const struct text extra = decoded.reports[0].extra;
	return memmem(extra.data, extra.len, member, strlen(member));
}

// Sniffing and framing --------------------------------------------------------

static enum probe probe(const char *data, size_t len, bool datagram)
{
	return decoder_tk103.probe(guarded_copy(&page, data, len), len, datagram);
}

static void a_header_and_an_end_open_a_conversation(void **state)
{
	static const char *const own[] = {"(" ID "BP00HSO)", "(60000000017BR00" POSITION ")",
		"(TESTERUNIT17BZ00,502,10)", "(860000000000017BV001)", "(" ID "BQ86,0)",
		"(600000000017BS51)", "(600000000017BT00)", "(600000000017BO012)",
		"(860000000000017,ZC13,140531)", "(8600000017,BP05,)", "(8600000000000017,DW3B,1)",
		"(860000000000017,br00,)"};
	(void)state;
	for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
		const size_t len = strlen(own[i]);
		for (size_t prefix = 1; prefix < len; prefix++) {
			assert_int_equal(probe(own[i], prefix, false), PROBE_MORE);
			assert_int_equal(probe(own[i], prefix, true), PROBE_NO);
		}
		assert_int_equal(probe(own[i], len, false), PROBE_YES);
		assert_int_equal(probe(own[i], len, true), PROBE_YES);
	}
}

static void other_bytes_open_none(void **state)
{
	static const char *const foreign[] = {"*HQ,8600000017,V1,#", "(3110312099,U01,1)",
		"(860000000000017,P45,1)", "(860000000000017,ZC13)", "(860000000000017,BPx5,)",
		"(86000000000000017,ZC13,)", "(860000017,ZC13,)", "(6000000000BR00)",
		"(600000000017BA00)", "(600000000017BR0x)", "(600000000017\x01",
		"(TESTERUNIT0017BR00)", "(6000\x80", "imei:860000000000017,"};
	(void)state;
	for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++)
		assert_int_equal(probe(foreign[i], strlen(foreign[i]), false), PROBE_NO);
}

static void an_end_must_come_within_2048_bytes(void **state)
{
	static char data[2049] = "(" ID "BR00";
	struct session session = {0};
	(void)state;
	memset(data + 17, '0', sizeof data - 17);
	assert_int_equal(probe(data, 2047, false), PROBE_MORE);
	assert_int_equal(probe(data, 2048, false), PROBE_NO);
	assert_int_equal(decoder_tk103.frame(&session, (uint8_t *)data, 2047).kind, FRAME_MORE);
	struct frame frame = decoder_tk103.frame(&session, (uint8_t *)data, 2048);
	assert_int_equal(frame.kind, FRAME_BAD);
	data[2047] = ')';
	assert_int_equal(probe(data, 2048, false), PROBE_YES);
	frame = decoder_tk103.frame(&session, (uint8_t *)data, 2048);
	assert_int_equal(frame.kind, FRAME_OK);
	assert_int_equal(frame.len, 2048);
}

static void a_text_may_contain_the_end_of_a_frame(void **state)
{
#define TEXT "(" ID ",ZC03,,,$"
	static const struct {
		const char *data;
		bool quiet;
		enum frame_kind kind;
		size_t len;
	} rows[] = {
		{TEXT "a)b$)(", false, FRAME_OK, sizeof TEXT + 4},
		{TEXT "a)b", false, FRAME_MORE, 0},
		{TEXT "a)", false, FRAME_OPEN, 0},
		{TEXT "a)", true, FRAME_OK, sizeof TEXT + 1},
		{TEXT "a)\r\n", true, FRAME_OK, sizeof TEXT + 1},
		{TEXT "a)\r", false, FRAME_OPEN, 0},
		{TEXT "a)(" ID "BP0", false, FRAME_MORE, 0},
		{TEXT "a)(" ID "BP00", false, FRAME_OK, sizeof TEXT + 1},
		{TEXT "a)\r\n(" ID ",ZC03,", false, FRAME_OK, sizeof TEXT + 1},
		{TEXT "a)(b) c", false, FRAME_MORE, 0},
		{TEXT "a)(b)", true, FRAME_OK, sizeof TEXT + 4},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct session session = {.quiet = rows[i].quiet};
		const size_t len = strlen(rows[i].data);
		const struct frame frame =
			decoder_tk103.frame(&session, guarded_copy(&page, rows[i].data, len), len);
		assert_int_equal(frame.kind, rows[i].kind);
		assert_int_equal(frame.len, rows[i].len ? rows[i].len : len + 1);
		session = (struct session){.datagram = true};
		if (rows[i].quiet)
			assert_int_equal(
				decoder_tk103.frame(&session, (const uint8_t *)rows[i].data, len)
					.len,
				rows[i].len);
	}
}

static void endless_garbage_closes_the_connection(void **state)
{
	static uint8_t data[3000];
	static const char start[] = "(" ID "BP00HSO)";
	struct feed feed;
	enum feed_verdict verdict = FEED_TAKEN;
	size_t at = 0, used, rejects = 0;
	(void)state;
	memset(data, '(', sizeof data);
	memcpy(data, start, sizeof start - 1);
	feed_init(&feed, DECODERS_ALL, NULL, false);
	for (; at < sizeof data && verdict == FEED_TAKEN; at += used) {
		verdict = feed_step(&feed, data + at, sizeof data - at, &decoded, &used);
		rejects += decoded.reject_count;
	}
	assert_true(verdict == FEED_CLOSE || verdict == FEED_MORE);
	assert_in_range(rejects, 1, 1100);
	feed_done(&feed);
}

// Idents and answers ----------------------------------------------------------

static void the_ident_ends_where_the_command_begins(void **state)
{
	static const struct {
		const char *frame, *ident, *event; /* ident NULL: a reject */
	} rows[] = {
		{"(600000000017BR00)", "600000000017", "BR00"},
		{"(60000000017BR00)", "60000000017", "BR00"},
		{"(860000000000017BR00)", "860000000000017", "BR00"},
		{"(600000BR00)", "600000", "BR00"},
		{"(60000BR00)", NULL, NULL},
		{"(TESTBR00UT17BR01)", "TESTBR00UT17", "BR01"}, /* at 12 first */
		{"(600000000BR12BP00)", "600000000", "BR12"},   /* the first from 6 on */
		{"(66666666666666666666666666666666BR00)", "66666666666666666666666666666666",
			"BR00"},
		{"(666666666666666666666666666666666BR00)", NULL, NULL},
		{"(600000,ZC99)", "600000", "ZC99"},
		{"(66666666666666666,ZC99)", "66666666666666666", "ZC99"},
		{"(666666666666666666,ZC99)", NULL, NULL},
		{"(60000,ZC99)", NULL, NULL},
		{"(600 000000017BR00)", NULL, NULL},
		{"()", NULL, NULL},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const enum decode_status status = decode(rows[i].frame);
		if (!rows[i].ident) {
			assert_int_equal(status, DECODE_BAD_VALUE);
			assert_string_equal(decoded.detail, "ident");
			assert_int_equal(decoded.report_count, 0);
			continue;
		}
		assert_int_equal(status, DECODE_OK);
		const struct report *report = &decoded.reports[0];
		assert_true(text_equal(report->ident, rows[i].ident));
		assert_true(text_equal(report->event, rows[i].event));
	}
}

static void answers_are_given_when_they_are_due(void **state)
{
	static const struct {
		const char *frame, *now, *stored;
	} rows[] = {
		{"(" ID "BP00860000000000017HSO)", "(" ID "AP01HSO)", ""},
		{"(" ID "BP00hso0B2C)", "(" ID "AP01HSO)", ""},
		{"(" ID "BP0012345678901234567HSO)", "", ""},
		{"(" ID "BP05860000000000017" POSITION TAIL, "", "(" ID "AP05)"},
		{"(" ID "BP05860000000000017,{502,10,6956,41394}\n,11000000)", "", "(" ID "AP05)"},
		{"(" ID "BP05860000000000017)", "(" ID "AP05)", ""},
		{"(" ID "BP05{502,10})", "(" ID "AP05)", ""},
		{"(" ID "BO012" POSITION TAIL, "", "(" ID "AS012)"},
		{"(" ID "BO01" POSITION TAIL, "", ""},
		{"(" ID "BR00" POSITION TAIL, "", ""},
		{"(" ID "BZ00,502,10,1b2c,a1b2)", "", ""},
		{"(" ID ",BP05,140531,A,2030.0000S,03015.0000E,000.0,091920,123.45)", "", ""},
		// Out of range: a reject without an answer.
		{"(" ID "BP05310514A9930.0000S03015.0000E000.0091630000.00" TAIL, "", ""},
		{"(" ID "BO012310514A2060.0000S03015.0000E000.0091630000.00" TAIL, "", ""},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		decode(rows[i].frame);
		assert_int_equal(decoded.reply_len[REPLY_NOW], strlen(rows[i].now));
		assert_memory_equal(decoded.reply[REPLY_NOW], rows[i].now, strlen(rows[i].now));
		assert_int_equal(decoded.reply_len[REPLY_STORED], strlen(rows[i].stored));
		assert_memory_equal(
			decoded.reply[REPLY_STORED], rows[i].stored, strlen(rows[i].stored));
	}
}

// Fields ----------------------------------------------------------------------

static void panic_is_an_alarm_when_it_begins(void **state)
{
	static const struct {
		const char *frame;
		uint64_t alarms;
	} steps[] = {
		{"(" ID "BR00" POSITION "01200000L0)", 0}, /* the first state is no change */
		{"(" ID "BR00" POSITION "01000000L0)", 0},
		{"(" ID "BR00" POSITION ")", 0}, /* without a state */
		{"(" ID "BR00" POSITION "01200000L0)", 1u << ALARM_SOS},
		{"(" ID "BR00" POSITION "01200000L0)", 0},
		{"(" ID "BR00" POSITION "01000000L0)", 0},
		{"(" ID "BO011" POSITION "01200000L0)", 1u << ALARM_ACCIDENT},
		{"(" ID "BR00" POSITION "01000000L0)", 0},
		{"(600000000018BR00" POSITION "01200000L0)", 0}, /* another device */
		{"(" ID "BR00" POSITION "01000000L0)", 0},
		{"(" ID ",BP05,,A,2030.0000S,03015.0000E,0,,0,01200000,L0)", 1u << ALARM_SOS},
	};
	struct session session = {0};
	(void)state;
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		assert_int_equal(decode_with(&session, steps[i].frame), DECODE_OK);
		assert_int_equal(decoded.reports[0].body.alarms, steps[i].alarms);
	}
}

static void a_course_is_told_from_the_state_after_it(void **state)
{
	static const struct {
		const char *tail; /* after the time */
		int course_e2;    /* -1: none */
		bool has_state;
	} rows[] = {
		{"274.5001000000L0)", 27450, true},
		{"4501000000L0)", 4500, true},
		{"274.50,01000000L0)", 27450, true},
		{"274.50,01000000)", 27450, true},
		{"172.0161,01000000)", 17202, true},
		{"172.0161)", 17202, false},
		{"274.50,01000000,1)", 27450, false}, /* not at the end */
		{"274.50,21000000)", 27450, false},   /* P is 0 or 1 */
		{"274.5001000000)", 27450, false},    /* a state needs an L or a comma */
		{"274.500100000GL0)", 27450, false},
		{"00000001000000L0)", 0, true},
		{"      01000000L0)", -1, true},
		{"360.0101000000L0)", -1, true},
		{")", -1, false},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char frame[128];
		snprintf(frame, sizeof frame,
			"(" ID "BR00310514A2030.0000S03015.0000E000.0091630%s", rows[i].tail);
		assert_int_equal(decode(frame), DECODE_OK);
		const struct report_body *body = &decoded.reports[0].body;
		assert_int_equal(
			body->has & HAS_COURSE ? body->course_deg_e2 : -1, rows[i].course_e2);
		assert_int_equal(!!(body->has & HAS_IGNITION), rows[i].has_state);
		assert_int_equal(!!(body->has & HAS_TIME), 1);
	}
}

static void all_cells_of_the_longest_frame_are_kept(void **state)
{
	static char frame[2200];
	(void)state;
	size_t len = (size_t)sprintf(frame, "(" ID "BZ00,502,10");
	for (unsigned i = 0; i < 200; i++)
		len += (size_t)sprintf(frame + len, ",ffff,f%03x", i);
	len += (size_t)sprintf(frame + len, ")");
	assert_int_equal(decode(frame), DECODE_OK);
	assert_true(has_extra("\"lac\":65535,\"cid\":61440,\"cells\":\"65535,61441;"));
	assert_true(has_extra(";65535,61639\""));
	len = (size_t)sprintf(frame, "(" ID ",DW50,0,0,0,0,87");
	for (unsigned i = 0; i < 87; i++)
		len += (size_t)sprintf(frame + len, ",02:00:5E:10:00:%02X*-1*6", i);
	assert_in_range(len, 2030, 2045);
	sprintf(frame + len, ",,)");
	assert_int_equal(decode(frame), DECODE_OK);
	assert_true(has_extra("\"wifi\":\"02005e100000,-1;02005e100001,-1;"));
	assert_true(has_extra(";02005e100056,-1\""));
}

static void battery_items_are_kept_as_they_are_if_unknown(void **state)
{
	(void)state;
	decode("(" ID "BS5195:0100000000000001,95:0200000000000002,96:0000000000000000)");
	assert_true(has_extra("\"bms_95\":\"0100000000000001,0200000000000002\""));
	assert_false(has_extra("bms_96"));
	assert_false(has_extra("data"));
	decode("(" ID "BS5190:021E021D753A0259,A0:0200000000000002)");
	assert_int_equal(decoded.reports[0].body.battery_mv, 54200);
	assert_true(has_extra("\"data\":\"90:021E021D753A0259,A0:0200000000000002\""));
	decode("(" ID "BS5190:021E021D753A025)");
	assert_int_equal(decoded.reports[0].body.has & HAS_BATTERY_V, 0);
	assert_true(has_extra("\"data\":\"90:021E021D753A025\""));
}

// Commands --------------------------------------------------------------------

struct golden_command {
	struct command command;
	const char *packed, *comma; /* NULL: the tracker has none */
};

static void commands_have_the_style_of_the_last_frame(void **state)
{
	static const struct golden_command goldens[] = {
		{{.kind = COMMAND_ENGINE_STOP}, "(" ID "AV010)", NULL},
		{{.kind = COMMAND_ENGINE_RESUME}, "(" ID "AV011)", NULL},
		{{.kind = COMMAND_OUTPUT_CONTROL,
			 .args = {[COMMAND_INDEX] = 1, [COMMAND_VALUE] = 1}},
			"(" ID "AV010)", NULL},
		{{.kind = COMMAND_OUTPUT_CONTROL, .args = {[COMMAND_INDEX] = 2}}, NULL, NULL},
		{{.kind = COMMAND_POSITION_SINGLE}, "(" ID "AP00)", "[begin]sms2,*getposl*,[end]"},
		{{.kind = COMMAND_POSITION_PERIODIC, .args = {[COMMAND_SECONDS] = 60}},
			"(" ID "AR00003C0000)", NULL},
		{{.kind = COMMAND_POSITION_PERIODIC, .args = {[COMMAND_SECONDS] = 65535}},
			"(" ID "AR00FFFF0000)", NULL},
		{{.kind = COMMAND_POSITION_PERIODIC, .args = {[COMMAND_SECONDS] = 65536}}, NULL,
			NULL},
		{{.kind = COMMAND_REBOOT_DEVICE}, "(" ID "AT00)", "[begin]sms2,88888888,[end]"},
		{{.kind = COMMAND_REBOOT_DEVICE, .args = {[COMMAND_WHAT] = 1}}, NULL, NULL},
		{{.kind = COMMAND_GET_VERSION}, "(" ID "AP07)", "[begin]sms2,*about*,[end]"},
		{{.kind = COMMAND_CUSTOM, .text_len = 4, .text = "AX01"}, "(" ID "AX01)",
			"[begin]sms2,AX01,[end]"},
		{{.kind = COMMAND_REQUEST_PHOTO}, NULL, NULL},
	};
	struct session session = {.decoder = &decoder_tk103};
	uint8_t out[300];
	(void)state;
	assert_int_equal(
		decoder_tk103.encode_command(&session, &goldens[0].command, out, sizeof out).result,
		ENCODE_LATER);
	decode_with(&session, "(" ID "BP00HSO)");
	for (size_t i = 0; i < sizeof goldens / sizeof goldens[0]; i++)
		check_command(&session, &goldens[i].command, goldens[i].packed);
	decode_with(&session, "(" ID ",ZC99)");
	decode_with(&session, "(not an ident)");
	for (size_t i = 0; i < sizeof goldens / sizeof goldens[0]; i++)
		check_command(&session, &goldens[i].command, goldens[i].comma);
}

static void an_answer_confirms_the_command_of_its_letters(void **state)
{
	static const struct {
		const char *opening; /* sets the style */
		const char *text;    /* of a custom command */
		const char *answer;
		enum confirmation confirmation;
	} rows[] = {
		{"(" ID "BP00HSO)", "AV010", "(" ID "BV010)", CONFIRMATION_DONE},
		{"(" ID "BP00HSO)", "AV010", "(" ID "BV000)", CONFIRMATION_NONE},
		{"(" ID "BP00HSO)", "AV010", "(" ID "BV01FAIL)", CONFIRMATION_REFUSED},
		{"(" ID "BP00HSO)", "AV010", "(" ID "BR00" POSITION TAIL, CONFIRMATION_NONE},
		{"(" ID "BP00HSO)", "AV000", "(" ID "BV000)", CONFIRMATION_DONE},
		{"(" ID "BP00HSO)", "AV000", "(" ID "BV00TESTVIN0000000017)", CONFIRMATION_NONE},
		{"(" ID "BP00HSO)", "AR00003C0000", "(" ID "BR00" POSITION TAIL, CONFIRMATION_DONE},
		{"(" ID "BP00HSO)", "AP00", "(" ID "BP04" POSITION TAIL, CONFIRMATION_DONE},
		{"(" ID "BP00HSO)", "AP00", "(" ID "BR00" POSITION TAIL, CONFIRMATION_DONE},
		{"(" ID "BP00HSO)", "AP00", "(" ID "BR01" POSITION TAIL, CONFIRMATION_NONE},
		{"(" ID "BP00HSO)", "AP07", "(" ID "BP07V1.5)", CONFIRMATION_DONE},
		{"(" ID "BP00HSO)", "other", "(" ID "BV010)", CONFIRMATION_NONE},
		{"(" ID ",ZC99)", "*status*", "(" ID ",ZC03,,,$Ok$)", CONFIRMATION_DONE},
		{"(" ID ",ZC99)", "*status*", "(" ID ",ZC03,,,$Error$)", CONFIRMATION_REFUSED},
		{"(" ID ",ZC99)", "*status*", "(" ID ",ZC20,,,6,1,1)", CONFIRMATION_NONE},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_int_equal(confirmation_of(rows[i].opening, rows[i].text, rows[i].answer),
			rows[i].confirmation);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_header_and_an_end_open_a_conversation),
		cmocka_unit_test(other_bytes_open_none),
		cmocka_unit_test(an_end_must_come_within_2048_bytes),
		cmocka_unit_test(a_text_may_contain_the_end_of_a_frame),
		cmocka_unit_test(endless_garbage_closes_the_connection),
		cmocka_unit_test(the_ident_ends_where_the_command_begins),
		cmocka_unit_test(answers_are_given_when_they_are_due),
		cmocka_unit_test(panic_is_an_alarm_when_it_begins),
		cmocka_unit_test(a_course_is_told_from_the_state_after_it),
		cmocka_unit_test(all_cells_of_the_longest_frame_are_kept),
		cmocka_unit_test(battery_items_are_kept_as_they_are_if_unknown),
		cmocka_unit_test(commands_have_the_style_of_the_last_frame),
		cmocka_unit_test(an_answer_confirms_the_command_of_its_letters),
	};
	page = guarded_new(4096);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
