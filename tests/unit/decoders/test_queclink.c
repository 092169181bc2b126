// SPDX-License-Identifier: MIT
// Queclink: what opens a conversation, where frames end, answers, keys and commands. The fields are compared by tests/reference.
#define TESTED decoder_queclink
#include "decoders/text_frames.h"

#include "util/checksum.h"

#include <stdlib.h>
#include <string.h>

#define HEAD  "060502,860000000000017,van1,"
#define PLACE "1,47.3,271,113.0,-30.250000,-20.500000,20260314092653,0260,0002,1A2B,0C4D,00"
#define TAIL  ",20260314092655,00A7$"
#define FRI   "+RESP:GTFRI," HEAD "13650,10,1," PLACE ",1234.5,00321:07:44,,,,98,220100,,," TAIL

static void decode(const char *frame)
{
	static struct session session;
	session = (struct session){0};
	assert_int_equal(decode_with(&session, frame), DECODE_OK);
}

static void assert_replies(const char *now, const char *stored)
{
	assert_int_equal(decoded.reply_len[REPLY_NOW], strlen(now));
	assert_memory_equal(decoded.reply[REPLY_NOW], now, strlen(now));
	assert_int_equal(decoded.reply_len[REPLY_STORED], strlen(stored));
	assert_memory_equal(decoded.reply[REPLY_STORED], stored, strlen(stored));
}

// Binary frames ---------------------------------------------------------------

// An information frame without parts, with a right length and sum. Returns its length.
static size_t make_binary(uint8_t *out)
{
	static const char content[] = "+INF\x02\x1f\xbf\0\x48\x56\0\0\0\0\0\x01\x07\x45\x01\x02\x02"
				      "\x09\x22\0\x07\x01";
	const size_t len = 72;
	memset(out, 0, len);
	memcpy(out, content, sizeof content - 1);
	static const uint8_t sent[] = {0x07, 0xEA, 3, 14, 9, 30, 0, 0, 0xC0};
	memcpy(out + len - 13, sent, sizeof sent);
	const uint16_t sum = checksum_crc16_ccitt(out + 4, len - 8);
	const uint8_t end[] = {(uint8_t)(sum >> 8), (uint8_t)sum, '\r', '\n'};
	memcpy(out + len - 4, end, sizeof end);
	return len;
}

#define RECORDS                                                                                    \
	"\x2b\x00\x00\x38\x00\x08\x60\x00\x00\x00\x00\x00\x17\x82\x03\x00\x03\x00\x00\x21\x69\xb5" \
	"\x29\xdf\x00\x07\x50\x00\x52\x16\x29\x01\x40\x9f\x04\x03\x1c\xf6\x2b\x69\xb5\x29\xdd\x01" \
	"\xd9\x09\x01\x0f\x00\x04\x6a\x0b\x00\x11\xd4\x24"
#define RECORDS_LEN (sizeof RECORDS - 1)

// Sniffing --------------------------------------------------------------------

static enum probe probe(const void *data, size_t len, bool datagram)
{
	return decoder_queclink.probe(guarded_copy(&page, data, len), len, datagram);
}

static void type_version_and_ident_open_a_conversation(void **state)
{
	static const char *const own[] = {"+RESP:GTFRI,060502,860000000000017,",
		"+BUFF:GTERI,80201E-_0z,A0000000000017,", "+ACK:GTHBD,060502,860000000000017,",
		"+RESP:GTTRI,860000000000017,", "#BUF#+RESP:GTTRI,860000000000017,"};
	(void)state;
	for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
		const size_t len = strlen(own[i]);
		for (size_t prefix = 0; prefix < len; prefix++) {
			assert_int_equal(probe(own[i], prefix, false), PROBE_MORE);
			assert_int_equal(probe(own[i], prefix, true), PROBE_NO);
		}
		assert_int_equal(probe(own[i], len, false), PROBE_YES);
		assert_int_equal(probe(own[i], len, true), PROBE_YES);
	}
}

static void other_bytes_open_none(void **state)
{
	static const char *const foreign[] = {"-", "+S", "+RESP;", "+resp:GTFRI,060502,",
		"+RESP:GX", "+RESP:GTfri", "+RESP:GTFRI;", "+RESP:GTFRI,06050,",
		"+RESP:GTFRI,0605020,", "+RESP:GTFRI,06050212345,", "+RESP:GTFRI,0605.",
		"+RESP:GTFRI,060502,86000000000001,,", "+RESP:GTFRI,060502,8600000000000175",
		"+RESP:GTFRI,060502,x", "#BUX", "+RESP:GTFRI,8600000000000171",
		"+RESP:GTFRI,060502,A00000000000171,", "+RSX", "+ACKX\x01\x01\x01"};
	(void)state;
	for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++) {
		const size_t len = strlen(foreign[i]);
		const enum probe found = probe(foreign[i], len, false);
		// "86000000000001," may be a MEID of digits.
		assert_int_equal(found, strstr(foreign[i], "01,,") ? PROBE_YES : PROBE_NO);
	}
}

static void a_whole_binary_frame_with_its_sum_opens_a_conversation(void **state)
{
	uint8_t frame[80];
	const size_t len = make_binary(frame);
	(void)state;
	for (size_t prefix = 1; prefix < len; prefix++) {
		assert_int_equal(probe(frame, prefix, false), PROBE_MORE);
		assert_int_equal(probe(frame, prefix, true), PROBE_NO);
	}
	assert_int_equal(probe(frame, len, true), PROBE_YES);
	frame[30] ^= 1;
	assert_int_equal(probe(frame, len, false), PROBE_MAYBE);
	frame[len - 1] = 0;
	assert_int_equal(probe(frame, len, false), PROBE_NO);
	frame[7] = 0xFF; /* a length above the limit */
	assert_int_equal(probe(frame, len, false), PROBE_NO);
	frame[7] = 2; /* one that sniffing does not wait for */
	assert_int_equal(probe(frame, len, false), PROBE_MAYBE);
	assert_int_equal(probe(RECORDS, RECORDS_LEN, false), PROBE_YES);
	assert_int_equal(probe(RECORDS, RECORDS_LEN - 1, false), PROBE_MORE);
	assert_int_equal(probe("+\0\0\x05", 4, false), PROBE_NO);
}

// Framing ---------------------------------------------------------------------

static struct frame cut(const void *data, size_t len, bool quiet, bool datagram)
{
	struct session session = {.quiet = quiet, .datagram = datagram};
	return decoder_queclink.frame(&session, guarded_copy(&page, data, len), len);
}

static void a_text_ends_at_its_dollar_or_what_replaces_it(void **state)
{
	static const struct {
		const char *data;
		bool quiet;
		enum frame_kind kind;
		size_t len; /* 0: one byte more than there are */
	} rows[] = {
		{"+RESP:GTPNA,a$", false, FRAME_OK, 14},
		{"+RESP:GTPNA,a$+RESP:", false, FRAME_OK, 14},
		{"+RESP:GTPNA,a\r\n", false, FRAME_OK, 13},
		{"+RESP:GTPNA,a\n", false, FRAME_OK, 13},
		{"+RESP:GTPNA,a+BUFF:GTPFA,b$", false, FRAME_OK, 13},
		{"+RESP:GTPNA,a+b+RESP:x$", false, FRAME_OK, 23},
		{"#BUF#+RESP:GTPNA,a#BUF#+ACK:GTX$", false, FRAME_OK, 23},
		{"+RESP:GTPNA,a", false, FRAME_MORE, 0},
		{"+RESP:GTPNA,a", true, FRAME_OK, 13},
		{"+RESP:GTPNA,20260314092655,00A7", false, FRAME_OPEN, 0},
		{"+RESP:GTPNA,20260314092655,00A7", true, FRAME_OK, 31},
		{"+RESP:GTPNA,20260314092655,00A", false, FRAME_MORE, 0},
		{"+RES", false, FRAME_MORE, 0},
		{"+", false, FRAME_MORE, 0},
		{"\r\n $", false, FRAME_SKIP, 3},
		{"junk", false, FRAME_OPEN, 0},
		{"junk", true, FRAME_OK, 4},
		{"junk+RESP:", false, FRAME_OK, 4},
		{"+XYZ +RESP:", false, FRAME_OK, 4},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const size_t len = strlen(rows[i].data);
		const struct frame frame = cut(rows[i].data, len, rows[i].quiet, false);
		assert_int_equal(frame.kind, rows[i].kind);
		assert_int_equal(frame.len, rows[i].len ? rows[i].len : len + 1);
	}
	assert_int_equal(cut("+RESP:GTPNA,a", 13, false, true).kind, FRAME_OK);
	assert_int_equal(cut("+RESP:GTPNA,a\0+", 15, false, false).len, 13);
}

static void a_text_has_at_most_8192_bytes(void **state)
{
	char *text = malloc(8192);
	struct session session = {0};
	(void)state;
	memset(text, 'a', 8192);
	memcpy(text, "+RESP:GTALL,060502,860000000000017,", 35);
	assert_int_equal(decoder_queclink.frame(&session, (uint8_t *)text, 8191).kind, FRAME_MORE);
	assert_int_equal(decoder_queclink.frame(&session, (uint8_t *)text, 8192).kind, FRAME_BAD);
	memset(text + 35, ',', 8192 - 35);
	text[8191] = '$';
	assert_int_equal(decoder_queclink.frame(&session, (uint8_t *)text, 8192).len, 8192);
	decoded_reset(&decoded);
	session.decoder = &decoder_queclink;
	assert_int_equal(
		decoder_queclink.decode(&session, (uint8_t *)text, 8192, &decoded), DECODE_OK);
	assert_int_equal(decoded.report_count, 1);
	free(text);
}

static void a_binary_frame_ends_by_its_length(void **state)
{
	uint8_t frame[80];
	const size_t len = make_binary(frame);
	(void)state;
	assert_int_equal(cut(frame, len, false, false).len, len);
	assert_int_equal(cut(frame, len - 1, false, false).kind, FRAME_MORE);
	assert_int_equal(cut(frame, len - 1, false, false).len, len);
	assert_int_equal(cut(frame, 7, false, false).len, 8);
	frame[len - 2] = 0; /* cut as bytes that nobody understands, up to a blank */
	assert_int_equal(cut(frame, len, false, false).len, 7);
	assert_int_equal(cut(RECORDS, RECORDS_LEN, false, false).len, RECORDS_LEN);
	assert_int_equal(cut(RECORDS, 3, false, false).len, 4);
}

// Answers ---------------------------------------------------------------------

static void data_are_acknowledged_once_stored(void **state)
{
	(void)state;
	decode(FRI);
	assert_int_equal(decoded.report_count, 1);
	assert_replies("", "+SACK:00A7$");
	decode("+BUFF:GTXYZ," HEAD "x" TAIL);
	assert_true(decoded.reports[0].body.flags & FLAG_STORED);
	assert_replies("", "+SACK:00A7$");
	decode("+ACK:GTRTO," HEAD "RTL,0011" TAIL);
	assert_int_equal(decoded.report_count, 1);
	assert_replies("", "+SACK:00A7$");
	decode("+RESP:GTPNA," HEAD "20260314092655$"); /* without a count */
	assert_int_equal(decoded.report_count, 1);
	assert_replies("", "");
}

static void a_heartbeat_is_answered_at_once(void **state)
{
	(void)state;
	decode("+ACK:GTHBD,060502,860000000000017,van1,20260314094000,00AD$");
	assert_int_equal(decoded.report_count, 0);
	assert_replies("+SACK:GTHBD,060502,00AD$", "");
	decode("+ACK:GTHBD,060502,860000000000017,van1,20260314094000$");
	assert_replies("", "");
}

static void a_frame_with_a_bad_ident_is_not_acknowledged(void **state)
{
	struct session session = {0};
	(void)state;
	assert_int_equal(decode_with(&session, "+RESP:GTPNA,060502,,van1" TAIL), DECODE_BAD_VALUE);
	assert_string_equal(decoded.detail, "ident");
	assert_replies("", "");
	assert_int_equal(decode_with(&session, "+RESP:GTPNA$"), DECODE_BAD_VALUE);
}

static void a_sum_that_was_probed_is_not_computed_again(void **state)
{
	uint8_t frame[80];
	const size_t len = make_binary(frame);
	struct session session = {.decoder = &decoder_queclink};
	(void)state;
	frame[22] = 0x11;
	decoded_reset(&decoded);
	assert_int_equal(decoder_queclink.decode(&session, frame, len, &decoded), DECODE_BAD_SUM);
	session.probed = true;
	assert_int_equal(decoder_queclink.decode(&session, frame, len, &decoded), DECODE_OK);
	assert_replies("", "");
	assert_memory_equal(decoded.reports[0].ident.data, "860000000000017", 15);
}

static void an_unknown_binary_frame_is_the_last_devices(void **state)
{
	uint8_t frame[80];
	const size_t len = make_binary(frame);
	struct session session = {.decoder = &decoder_queclink, .probed = true};
	(void)state;
	memcpy(frame, "+CRD", 4);
	decoded_reset(&decoded);
	assert_int_equal(decoder_queclink.decode(&session, frame, len, &decoded), DECODE_BAD_VALUE);
	session_set_ident(&session, "860000000000017", 15);
	assert_int_equal(decoder_queclink.decode(&session, frame, len, &decoded), DECODE_OK);
	assert_memory_equal(decoded.reports[0].event.data, "CRD02", 5);
}

// Keys ------------------------------------------------------------------------

// Copies the key of a report.
static size_t key_of(const char *frame, size_t report, char *key)
{
	decode(frame);
	assert_true(report < decoded.report_count);
	const struct text text = decoded.reports[report].key;
	memcpy(key, text.data, text.len);
	return text.len;
}

static bool have_same_key(const char *a, size_t report_a, const char *b, size_t report_b)
{
	char key_a[512], key_b[512];
	const size_t len_a = key_of(a, report_a, key_a), len_b = key_of(b, report_b, key_b);
	return len_a == len_b && memcmp(key_a, key_b, len_a) == 0;
}

static void type_time_and_count_identify_a_report(void **state)
{
#define TWO "+RESP:GTFRI," HEAD "0,0,2," PLACE ",1.5," PLACE TAIL
	(void)state;
	assert_true(have_same_key(FRI, 0,
		"+BUFF:GTFRI," HEAD "13650,10,1," PLACE
		",1234.5,,,,,97,110000,,,,20260314101010,00A7$",
		0));
	assert_false(have_same_key(FRI, 0, "+RESP:GTRTL," HEAD "13650,10,1," PLACE TAIL, 0));
	assert_false(have_same_key(
		FRI, 0, "+RESP:GTFRI," HEAD "13650,10,1," PLACE ",20260314092655,00A8$", 0));
	assert_false(have_same_key(TWO, 0, TWO, 1));
	assert_true(have_same_key("+RESP:GTPNA," HEAD TAIL, 0, "+BUFF:GTPNA," HEAD TAIL, 0));
	assert_false(have_same_key("+RESP:GTRTO," HEAD TAIL, 0, "+ACK:GTRTO," HEAD TAIL, 0));
	assert_true(have_same_key("+RESP:GTPNA," HEAD "$", 0, "+BUFF:GTPNA," HEAD "$", 0));
}

static void many_positions_have_a_report_each(void **state)
{
	static char text[8192];
	size_t len = strlen(strcpy(text, "+RESP:GTFRI," HEAD "0,0,15"));
	(void)state;
	for (int i = 0; i < 90; i++, len += strlen(text + len))
		strcpy(text + len, "," PLACE);
	strcpy(text + len, TAIL);
	decode(text);
	assert_int_equal(decoded.report_count, 90);
	assert_replies("", "+SACK:00A7$");
}

// Commands --------------------------------------------------------------------

static void commands_have_the_models_password_and_a_serial(void **state)
{
#define OUT_REST ",,,0,0,0,0,0,0,0,,,,,,,ABCD$"
	static const struct {
		struct command command;
		const char *text;
	} rows[] = {
		{{.kind = COMMAND_POSITION_SINGLE, .id = 0x1ABCD}, "AT+GTRTO=gv300,1,,,,,,ABCD$"},
		{{.kind = COMMAND_REBOOT_DEVICE, .id = 17}, "AT+GTRTO=gv300,3,,,,,,0011$"},
		{{.kind = COMMAND_REBOOT_DEVICE, .args = {[COMMAND_WHAT] = 1}}, NULL},
		{{.kind = COMMAND_FACTORY_RESET, .id = 17}, "AT+GTRTO=gv300,4,,,,,,0011$"},
		{{.kind = COMMAND_GET_VERSION, .id = 17}, "AT+GTRTO=gv300,8,,,,,,0011$"},
		{{.kind = COMMAND_ENGINE_STOP, .id = 0xABCD}, "AT+GTOUT=gv300,1" OUT_REST},
		{{.kind = COMMAND_ENGINE_RESUME, .id = 0xABCD}, "AT+GTOUT=gv300,0" OUT_REST},
		{{.kind = COMMAND_OUTPUT_CONTROL,
			 .id = 0xABCD,
			 .args = {[COMMAND_INDEX] = 1, [COMMAND_VALUE] = 1}},
			"AT+GTOUT=gv300,1" OUT_REST},
		{{.kind = COMMAND_OUTPUT_CONTROL, .args = {[COMMAND_INDEX] = 2}}, NULL},
		{{.kind = COMMAND_POSITION_PERIODIC, .args = {[COMMAND_SECONDS] = 60}}, NULL},
		{{.kind = COMMAND_CUSTOM, .text_len = 17, .text = "AT+GTFRI=x,,,0001"},
			"AT+GTFRI=x,,,0001$"},
		{{.kind = COMMAND_CUSTOM, .text_len = 18, .text = "AT+GTFRI=x,,,0001$"},
			"AT+GTFRI=x,,,0001$"},
		{{.kind = COMMAND_CUSTOM, .text_len = 8, .text = "AT+GTFRI"}, "AT+GTFRI$"},
		{{.kind = COMMAND_CUSTOM, .text_len = 13, .text = "AT+GTFRI=$,1$"}, NULL},
		{{.kind = COMMAND_CUSTOM, .text_len = 10, .text = "Relay,1#.."}, "Relay,1#..$"},
		{{.kind = COMMAND_CUSTOM, .text_len = 1, .text = "$"}, NULL},
	};
	struct session session = {0};
	(void)state;
	uint8_t out[300];
	assert_int_equal(
		decoder_queclink.encode_command(&session, &rows[0].command, out, sizeof out).result,
		ENCODE_LATER);
	session_set_ident(&session, "860000000000017", 15); /* the model is not known yet */
	assert_int_equal(
		decoder_queclink.encode_command(&session, &rows[0].command, out, sizeof out).result,
		ENCODE_LATER);
	decode_with(&session, FRI);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		check_command(&session, &rows[i].command, rows[i].text);
}

static struct text model;
static struct device_settings find_model(const void *context, struct text ident)
{
	(void)context;
	(void)ident;
	return (struct device_settings){.model = model, .known = true};
}

static void the_owners_model_is_the_password(void **state)
{
	const struct command command = {.kind = COMMAND_POSITION_SINGLE, .id = 1};
	const struct command stop = {.kind = COMMAND_ENGINE_STOP, .id = 1};
	struct session session = {.find_settings = find_model};
	(void)state;
	decode_with(&session, FRI);
	model = (struct text){"GV300W", 6};
	check_command(&session, &command, "AT+GTRTO=gv300w,1,,,,,,0001$");
	model = (struct text){"my van", 6}; /* no password */
	check_command(&session, &command, "AT+GTRTO=gv300,1,,,,,,0001$");
	decode_with(&session, "+RESP:GTPNA,080502,860000000000017,van1" TAIL);
	check_command(&session, &command, "AT+GTRTO=gmt100,1,,,,,,0001$");
	check_command(&session, &stop, NULL); /* its relay has another layout */
	decode_with(&session, "+RESP:GTPNA,ZZ0502,860000000000017,van1" TAIL);
	check_command(&session, &command, "AT+GTRTO=gmt100,1,,,,,,0001$"); /* the last one known */
	decode_with(&session, "+RESP:GTPNA,EE0502,860000000000017,van1" TAIL);
	check_command(&session, &command, NULL); /* an unknown model */
}

static void an_answer_has_command_and_serial(void **state)
{
	static const struct {
		const char *text, *answer;
		enum confirmation confirmation;
	} rows[] = {
		{"AT+GTRTO=x,1,,,,,,0011$", "+ACK:GTRTO," HEAD "RTL,0011" TAIL, CONFIRMATION_DONE},
		{"AT+GTRTO=x,1,,,,,,0011$", "+ACK:GTRTO," HEAD "0011" TAIL, CONFIRMATION_DONE},
		{"at+gtrto=x,1,,,,,,00ab$", "+ACK:GTRTO," HEAD "00AB" TAIL, CONFIRMATION_DONE},
		{"AT+GTRTO=x,1,,,,,,0011$", "+ACK:GTRTO," HEAD "RTL,0012" TAIL, CONFIRMATION_NONE},
		{"AT+GTRTO=x,1,,,,,,0011$", "+ACK:GTFRI," HEAD "0011" TAIL, CONFIRMATION_NONE},
		{"AT+GTFRI=x,1", "+ACK:GTFRI," HEAD "0011" TAIL, CONFIRMATION_DONE},
		{"AT+GTFRI=x,1", "+ACK:GTRTO," HEAD "0011" TAIL, CONFIRMATION_NONE},
		{"AT+GTFRI=x,1,FFFF$", FRI, CONFIRMATION_NONE},
		{"FRI", "+ACK:GTFRI," HEAD "0011" TAIL, CONFIRMATION_NONE},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_int_equal(
			confirmation_of(FRI, rows[i].text, rows[i].answer), rows[i].confirmation);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(type_version_and_ident_open_a_conversation),
		cmocka_unit_test(other_bytes_open_none),
		cmocka_unit_test(a_whole_binary_frame_with_its_sum_opens_a_conversation),
		cmocka_unit_test(a_text_ends_at_its_dollar_or_what_replaces_it),
		cmocka_unit_test(a_text_has_at_most_8192_bytes),
		cmocka_unit_test(a_binary_frame_ends_by_its_length),
		cmocka_unit_test(data_are_acknowledged_once_stored),
		cmocka_unit_test(a_heartbeat_is_answered_at_once),
		cmocka_unit_test(a_frame_with_a_bad_ident_is_not_acknowledged),
		cmocka_unit_test(a_sum_that_was_probed_is_not_computed_again),
		cmocka_unit_test(an_unknown_binary_frame_is_the_last_devices),
		cmocka_unit_test(type_time_and_count_identify_a_report),
		cmocka_unit_test(many_positions_have_a_report_each),
		cmocka_unit_test(commands_have_the_models_password_and_a_serial),
		cmocka_unit_test(the_owners_model_is_the_password),
		cmocka_unit_test(an_answer_has_command_and_serial),
	};
	page = guarded_new(8192);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
