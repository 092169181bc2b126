// SPDX-License-Identifier: MIT
// H02: how records are cut, what opens a conversation, and commands. The fields are compared by tests/reference.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "decoders/decoders.h"
#include "feed/feed.h"
#include "fixture.h"
#include "protocol/device_memory.h"

#include <stdlib.h>
#include <string.h>

#define NOON_US INT64_C(1795003200000000) /* 2026-11-18 12:00:00 UTC */

#define RECORD_32                                                                                  \
	"\x24\x86\x00\x00\x00\x17\x09\x15\x30\x14\x05\x31\x12\x20\x73\x60\x05\x09\x84\x59\x24\x06" \
	"\x03\x32\x74\xff\xff\xff\xff\xff\x00\x01"
#define RECORD_45                                                                                  \
	"\x24\x86\x00\x00\x00\x17\x09\x16\x30\x14\x05\x31\x20\x30\x00\x00\x06\x03\x01\x50\x00\x0a" \
	"\x00\x00\x00\xff\xff\xfb\xff\xff\x00\x16\x08\x00\x00\x00\x07\x01\xf6\x0a\x1b\x2c\xa1\xb2" \
	"\x02"
#define RECORD_X                                                                                   \
	"\x58\x00\x00\x12\x34\x56\x09\x15\x31\x14\x05\x31\x12\x20\x73\x60\x05\x09\x84\x59\x24\x06" \
	"\x03\x32\x74\xff\xff\xff\xff\xff\x00\x01"
#define TEXT "*HQ,8600000017,V1,091530,A,1220.7360,N,09845.9240,W,033.00,274,140531,FFFFFFFF#"

static struct guarded page;
static struct decoded decoded;

struct outcome {
	size_t reports, rejects;
	enum feed_verdict verdict;
	char replies[512];
	char reason[DECODED_REASON_MAX]; /* of the last reject */
};

static void add(struct outcome *outcome)
{
	for (size_t i = 0; i < decoded.report_count; i++)
		assert_int_not_equal(decoded.reports[i].ident.len, 0);
	outcome->reports += decoded.report_count;
	outcome->rejects += decoded.reject_count;
	for (size_t kind = 0; kind < REPLY_KINDS; kind++) {
		const size_t len = strlen(outcome->replies);
		assert_true(len + decoded.reply_len[kind] < sizeof outcome->replies);
		memcpy(outcome->replies + len, decoded.reply[kind], decoded.reply_len[kind]);
	}
	if (decoded.reject_count > 0)
		decoded_reject_reason(&decoded.rejects[decoded.reject_count - 1], outcome->reason);
}

static bool is_known = true;

static struct device_settings find_settings(const void *context, struct text ident)
{
	(void)context;
	(void)ident;
	return (struct device_settings){.known = is_known};
}

// Feeds the bytes in pieces of `step`, then ends the conversation as silence does.
static struct outcome feed_bytes(const char *data, size_t len, size_t step, bool datagram)
{
	struct outcome outcome = {0};
	struct feed feed;
	size_t start = 0, used;
	feed_init(&feed, DECODERS_ALL, NULL, datagram);
	feed.session.received_us = NOON_US;
	feed.session.find_settings = find_settings;
	for (size_t end = 0; end < len;) {
		end = len - end < step ? len : end + step;
		while (start < end) {
			const uint8_t *at = guarded_copy(&page, data + start, end - start);
			outcome.verdict = feed_step(&feed, at, end - start, &decoded, &used);
			if (outcome.verdict == FEED_MORE)
				break;
			add(&outcome);
			start += used;
		}
	}
	if (start < len && feed.open) {
		feed_rest(&feed, guarded_copy(&page, data + start, len - start), len - start,
			&decoded, &used);
		add(&outcome);
		start += used;
	}
	assert_int_equal(start, len);
	feed_done(&feed);
	return outcome;
}

#define FEED(literal, step) feed_bytes(literal, sizeof(literal) - 1, step, false)
#define DATAGRAM(literal)   feed_bytes(literal, sizeof(literal) - 1, sizeof(literal), true)

static void records_are_cut_the_same_in_any_pieces(void **state)
{
	(void)state;
	for (size_t step = 1; step < 200; step++) {
		struct outcome text = FEED(TEXT RECORD_32 TEXT "\r\n" RECORD_X "ZZ" TEXT, step);
		assert_int_equal(text.reports, 5);
		assert_int_equal(text.rejects, 0);
		struct outcome binary = FEED(RECORD_45 RECORD_45 RECORD_45, step);
		assert_int_equal(binary.reports, 3);
		assert_int_equal(binary.rejects, 0);
	}
}

static void datagrams_hold_several_records(void **state)
{
	(void)state;
	assert_int_equal(DATAGRAM(TEXT TEXT "\r\n").reports, 2);
	assert_int_equal(DATAGRAM(RECORD_32 RECORD_32).reports, 2);
	assert_int_equal(DATAGRAM(RECORD_45).reports, 1);
	struct outcome outcome = DATAGRAM(RECORD_32 RECORD_X); // X is for connections only
	assert_int_equal(outcome.reports, 1);
	assert_string_equal(outcome.reason, "bad value: ident");
}

static void garbage_is_rejected_and_the_stream_goes_on(void **state)
{
	(void)state;
	struct outcome outcome = FEED(TEXT "garbage" TEXT, 1000);
	assert_int_equal(outcome.reports, 2);
	assert_int_equal(outcome.rejects, 1);
	assert_string_equal(outcome.reason, "framing lost");
	char endless[2000];
	memset(endless, 'q', sizeof endless);
	memcpy(endless, TEXT, sizeof TEXT - 1);
	outcome = feed_bytes(endless, sizeof endless, 100, false);
	assert_int_equal(outcome.reports, 1);
	assert_int_equal(outcome.verdict, FEED_CLOSE);
}

static void a_sentence_has_at_most_1024_bytes(void **state)
{
	(void)state;
	static char text[3000];
	const size_t head = sizeof TEXT - 2;
	for (size_t len = 1023; len <= 1026; len++) {
		memset(text, ',', sizeof text);
		memcpy(text, TEXT, head);
		text[len - 1] = '#';
		struct session session = {0};
		const size_t seen = len < 1024 ? len : 1024;
		struct frame frame = decoder_h02.frame(&session, (const uint8_t *)text, seen);
		assert_int_equal(frame.kind, len <= 1024 ? FRAME_OK : FRAME_BAD);
		assert_int_equal(frame.len, seen);
	}
}

static void binary_records_only_may_open_a_conversation(void **state)
{
	(void)state;
	for (size_t len = 1; len <= 32; len++) {
		const uint8_t *at = guarded_copy(&page, RECORD_32, len);
		assert_int_equal(
			decoder_h02.probe(at, len, false), len < 32 ? PROBE_MORE : PROBE_MAYBE);
	}
	uint8_t odd[32];
	memcpy(odd, RECORD_32, 32);
	odd[10] = 0x13; // month 13
	assert_int_equal(decoder_h02.probe(odd, 32, false), PROBE_NO);
	assert_int_equal(decoder_h02.probe((const uint8_t *)RECORD_X, 32, false), PROBE_NO);
	static const char *const foreign[] = {"*ET,135790246811221,DW,A,0A090D#",
		"*HQ2,8600000017,V1,A#", "*TS01,860000000000017,NBR#", "*HQ,1234,V1,1#",
		"*HQ,8600000017,FOO,1#", "*H,1", "$POS,1"};
	for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++)
		assert_int_equal(
			decoder_h02.probe((const uint8_t *)foreign[i], strlen(foreign[i]), false),
			PROBE_NO);
}

static void binary_records_of_an_unknown_device_open_no_conversation(void **state)
{
	(void)state;
	is_known = false;
	struct outcome binary = FEED(RECORD_32 RECORD_32, 99), text = FEED(TEXT RECORD_32, 99);
	struct outcome datagram = DATAGRAM(RECORD_32);
	is_known = true;
	assert_int_equal(binary.reports, 0);
	assert_string_equal(binary.reason, "binary record of an unknown device");
	assert_string_equal(binary.replies, "");
	assert_int_equal(datagram.reports, 0);
	assert_int_equal(text.reports, 2); // the connection spoke text before
	assert_int_equal(DATAGRAM(RECORD_32).reports, 1);
}

static void answers_carry_our_clock_and_the_devices_letters(void **state)
{
	(void)state;
	assert_string_equal(FEED("*th,8600000017,V1,,V,,N,,E,0.00,0,,FFFFF7FF#", 9).replies,
		"*th,8600000017,V4,V1,20261118120000#");
	assert_string_equal(FEED("*HQ,8600000017,V0,5#*HQ,,V1,x#", 99).replies,
		"*HQ,8600000017,V0#*HQ,8600000017,V4,V1,20261118120000#");
	assert_string_equal(FEED(RECORD_32, 99).replies, "*HQ,8600000017,R12,120000#");
	assert_string_equal(
		FEED("*HQ,8600000017,V2,091530,A,1220.7360,N,09845.9240,W,0,0,140531,FFFFFFFF#", 99)
			.replies,
		"");
	// Out of range: a reject, no answer.
	struct outcome outcome = FEED(
		"*HQ,8600000017,V1,091530,A,9120.7360,N,09845.9240,W,0,0,140531,FFFFFFFF#", 99);
	assert_string_equal(outcome.replies, "");
	assert_string_equal(outcome.reason, "bad value: latitude");
}

static void alarms_are_changes_of_the_devices_status(void **state)
{
	(void)state;
	struct device_memory *memory = device_memory_new(10);
	static const struct {
		const char *frame;
		uint64_t alarms;
		bool is_refused; /* because the device is not admitted */
	} steps[] = {
		{"*HQ,8600000017,V1,,V,,N,,E,0,0,,FFFFFFFD#", 1u << ALARM_SOS, true},
		{"*HQ,8600000017,V1,,V,,N,,E,0,0,,FFFFFFFD#", 1u << ALARM_SOS, false},
		{"*HQ,8600000017,V1,,V,,N,,E,0,0,,FFFFFFFF#", 0, true},
		{"*HQ,8600000017,V1,,V,,N,,E,0,0,,FFFFFFFD#", 0, false},
		{"*HQ,8600000018,V1,,V,,N,,E,0,0,,FFFFFFFD#", 1u << ALARM_SOS,
			false}, // another device
		{"*HQ,8600000017,V1,,V,,N,,E,0,0,,FFFFFFF8#",
			1u << ALARM_VIBRATION | 1u << ALARM_OVERSPEED, false},
		{"*HQ,8600000017,V1,,V,,N,,E,0,0,,FFFFFFFF#", 0, false},
		{"*HQ,8600000017,V1,,V,,N,,E,0,0,,FFFFFFFD#", 1u << ALARM_SOS, false},
	};
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		struct session session = {
			.decoder = &decoder_h02, .memory = memory}; // a new connection
		decoded_reset(&decoded);
		assert_int_equal(decoder_h02.decode(&session, (const uint8_t *)steps[i].frame,
					 strlen(steps[i].frame), &decoded),
			DECODE_OK);
		assert_int_equal(decoded.reports[0].body.alarms, steps[i].alarms);
		if (steps[i].is_refused)
			decoded_undo(&decoded);
	}
	device_memory_free(memory);
}

static void commands_carry_a_time_that_the_answer_returns(void **state)
{
	(void)state;
	static const struct {
		struct command command;
		const char *text;
	} goldens[] = {
		{{.kind = COMMAND_ENGINE_STOP}, "*TH,8600000017,S20,120000,1,1#"},
		{{.kind = COMMAND_ENGINE_RESUME}, "*TH,8600000017,S20,120001,1,0#"},
		{{.kind = COMMAND_OUTPUT_CONTROL,
			 .args = {[COMMAND_INDEX] = 1, [COMMAND_VALUE] = 1}},
			"*TH,8600000017,S20,120002,1,1#"},
		{{.kind = COMMAND_POSITION_SINGLE}, "*TH,8600000017,D1,120003,0,1#"},
		{{.kind = COMMAND_POSITION_PERIODIC, .args = {[COMMAND_SECONDS] = 60}},
			"*TH,8600000017,S71,120004,22,60#"},
		{{.kind = COMMAND_REBOOT_DEVICE}, "*TH,8600000017,R1,120005#"},
		{{.kind = COMMAND_CUSTOM, .text_len = 7, .text = "SCF,0,0"},
			"*TH,8600000017,SCF,120006,0,0#"},
	};
	struct session session = {.decoder = &decoder_h02, .received_us = NOON_US};
	uint8_t out[300];
	assert_int_equal(
		decoder_h02.encode_command(&session, &goldens[0].command, out, sizeof out).result,
		ENCODE_LATER);
	session_set_ident(&session, "8600000017", 10);
	memcpy(session.memo, "TH", 2);
	struct encoded encoded = {0};
	for (size_t i = 0; i < sizeof goldens / sizeof goldens[0]; i++) {
		encoded =
			decoder_h02.encode_command(&session, &goldens[i].command, out, sizeof out);
		assert_int_equal(encoded.result, ENCODE_DONE);
		assert_int_equal(encoded.len, strlen(goldens[i].text));
		assert_memory_equal(out, goldens[i].text, encoded.len);
		assert_int_equal(encoded.correlation.number, 120000 + (int)i);
	}
	static const struct command never[] = {
		{.kind = COMMAND_GET_VERSION},
		{.kind = COMMAND_CUSTOM, .text_len = 16, .text = "R7#*HQ,1,S20,1,0"},
	};
	for (size_t i = 0; i < sizeof never / sizeof never[0]; i++)
		assert_int_equal(
			decoder_h02.encode_command(&session, &never[i], out, sizeof out).result,
			ENCODE_NEVER);
	assert_int_equal(decoder_h02.encode_command(&session, &goldens[0].command, out, 10).result,
		ENCODE_NEVER);

	static const struct {
		const char *frame;
		enum confirmation confirmation;
	} answers[] = {
		{"*HQ,8600000017,V4,SCF,OK,120006,091752,A,1220.7360,N,09845.9240,W,0,0,140531,"
		 "F7FFFBFF#",
			CONFIRMATION_DONE},
		{"*HQ,8600000017,V4,SCF,ERROR,120006,091752,A,1220.7360,N,09845.9240,W,0,0,140531,"
		 "F7FFFBFF#",
			CONFIRMATION_REFUSED},
		{"*HQ,8600000017,V4,SCF,OK,120007,091752,A,1220.7360,N,09845.9240,W,0,0,140531,"
		 "F7FFFBFF#",
			CONFIRMATION_NONE},
		{"*HQ,8600000017,V4,SCF,120006,1,1#", CONFIRMATION_DONE},
		{"*HQ,8600000017,V1,091752,A,1220.7360,N,09845.9240,W,0,0,140531,F7FFFBFF#",
			CONFIRMATION_NONE},
	};
	for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
		decoded_reset(&decoded);
		decoder_h02.decode(&session, (const uint8_t *)answers[i].frame,
			strlen(answers[i].frame), &decoded);
		assert_int_equal(
			decoder_h02.confirms_command(&goldens[6].command, encoded.correlation,
				&decoded.reports[0], decoded_find_answer(&decoded, 0)),
			answers[i].confirmation);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_are_cut_the_same_in_any_pieces),
		cmocka_unit_test(datagrams_hold_several_records),
		cmocka_unit_test(garbage_is_rejected_and_the_stream_goes_on),
		cmocka_unit_test(a_sentence_has_at_most_1024_bytes),
		cmocka_unit_test(binary_records_only_may_open_a_conversation),
		cmocka_unit_test(binary_records_of_an_unknown_device_open_no_conversation),
		cmocka_unit_test(answers_carry_our_clock_and_the_devices_letters),
		cmocka_unit_test(alarms_are_changes_of_the_devices_status),
		cmocka_unit_test(commands_carry_a_time_that_the_answer_returns),
	};
	page = guarded_new(8192);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
