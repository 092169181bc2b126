// SPDX-License-Identifier: MIT
// Watch: what opens a conversation, where frames end, answers, alarms, photos and commands. The fields are compared by
// tests/reference.
#define TESTED decoder_watch
#include "decoders/text_frames.h"

#include "protocol/device_memory.h"
#include "protocol/photo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD  "[3G*8600000017*"
#define PLACE ",140531,091530,A,20.5,S,30.25,E,5.4,274.0,152.0,8,90,76,1234,0,"

// Writes a frame with the right length.
static const char *make(const char *content)
{
	static char frame[4096];
	snprintf(frame, sizeof frame, HEAD "%04zX*%s]", strlen(content), content);
	return frame;
}

// Decodes a frame of this content as the first of a connection.
static void decode(const char *content)
{
	static struct session session;
	session = (struct session){0};
	assert_int_equal(decode_with(&session, make(content)), DECODE_OK);
}

static void assert_reply(enum reply_when when, const char *reply)
{
	assert_int_equal(decoded.reply_len[when], strlen(reply));
	assert_memory_equal(decoded.reply[when], reply, strlen(reply));
}

// Sniffing and framing --------------------------------------------------------

static enum probe probe(const char *data, size_t len, bool datagram)
{
	return decoder_watch.probe(guarded_copy(&page, data, len), len, datagram);
}

static void a_head_and_a_letter_open_a_conversation(void **state)
{
	static const char *const own[] = {"[3G*8600000017*0002*L", "[SG*86000000*00ff*a",
		"[ZJ*86000000000000017*0012*0053*A", "[CS*8600000017*1*0053*A",
		"[99*8600000017*12345678*0053*z", "[3G*8600000017*0002*A"};
	(void)state;
	for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
		const size_t len = strlen(own[i]);
		assert_in_range(len, 1, 40);
		for (size_t prefix = 0; prefix < len; prefix++) {
			assert_int_equal(probe(own[i], prefix, false), PROBE_MORE);
			assert_int_equal(probe(own[i], prefix, true), PROBE_NO);
		}
		assert_int_equal(probe(own[i], len, false), PROBE_YES);
		assert_int_equal(probe(own[i], len, true), PROBE_NO);
	}
}

static void other_bytes_open_none(void **state)
{
	static const char *const foreign[] = {"(", "[3g", "[3G,", "[\xff", "[3G*8600000*",
		"[3G*860000000000000178", "[3G*86x", "[3G**", "[3G*8600000017**",
		"[3G*8600000017*xyz", "[3G*8600000017*123456789", "[3G*8600000017*002*L",
		"[3G*8600000017*0002*]", "[3G*8600000017*0002*12345", "[3G*8600000017*0002*,",
		"[3G*8600000017*0012*0053*1", "[3G*8600000017*0012*005*A"};
	(void)state;
	for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++)
		assert_int_equal(probe(foreign[i], strlen(foreign[i]), false), PROBE_NO);
}

static struct frame cut(const char *data, size_t len, bool quiet, bool good)
{
	struct session session = {.quiet = quiet};
	if (good)
		decode_with(&session, HEAD "0002*LK]");
	return decoder_watch.frame(&session, guarded_copy(&page, data, len), len);
}

static void a_frame_ends_by_its_length_or_its_brackets(void **state)
{
#define NEXT HEAD "0002*LK]"
	static const struct {
		const char *data;
		bool quiet;
		enum frame_kind kind;
		size_t len; /* 0: one byte more than there are */
	} rows[] = {
		{HEAD "0002*LK]", false, FRAME_OK, 23},
		{HEAD "0002*LK", false, FRAME_MORE, 23},
		{HEAD "0002*LK]" NEXT, false, FRAME_OK, 23},
		{"[ZJ*8600000017*00a1*0002*LK]", false, FRAME_OK, 28},
		{HEAD "00", false, FRAME_MORE, 0},
		{HEAD "0002*AB", false, FRAME_MORE, 0},
		{"\r\n \0", false, FRAME_SKIP, 3},
		/* names with brackets */
		{HEAD "0005*UD]a[]", false, FRAME_OK, 26},
		{HEAD "0006*UD,[a]]", false, FRAME_OK, 27},
		/* too small */
		{HEAD "0001*LK]", false, FRAME_OK, 23},
		{HEAD "0001*UD,[a]]", false, FRAME_OK, 27},
		{HEAD "0001*LK", false, FRAME_MORE, 0},
		/* too large: waits, and is judged when the bytes are there, or no more come */
		{HEAD "0010*LK]", false, FRAME_OPEN, 37},
		{HEAD "0010*LK]", true, FRAME_OK, 23},
		{HEAD "0010*LK]\r\n", true, FRAME_OK, 23},
		{HEAD "0010*LK]" NEXT, false, FRAME_OK, 23},
		{HEAD "0010*LK", false, FRAME_MORE, 37},
		{HEAD "FFFF*LK]", false, FRAME_OK, 23},
		/* brackets that do not balance */
		{HEAD "0001*UD,[a]", false, FRAME_OPEN, 0},
		{HEAD "0001*UD,[a]", true, FRAME_OK, 26},
		{HEAD "0001*UD,[a]\r\n", true, FRAME_OK, 26},
		{HEAD "0001*UD,[a]b", false, FRAME_MORE, 0},
		{HEAD "0001*UD,[a]b", true, FRAME_MORE, 0},
		{HEAD "0001*UD,[a[b]c]" NEXT "[x", true, FRAME_OK, 30},
		/* no head */
		{"junk[3G*", false, FRAME_OK, 4},
		{"[junk\n", false, FRAME_OK, 5},
		{"junk", false, FRAME_OPEN, 0},
		{"junk", true, FRAME_OK, 4},
		{HEAD "xyz*LK]", true, FRAME_OK, 22},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const size_t len = strlen(rows[i].data);
		const struct frame frame = cut(rows[i].data, len, rows[i].quiet, false);
		assert_int_equal(frame.kind, rows[i].kind);
		assert_int_equal(frame.len, rows[i].len ? rows[i].len : len + 1);
	}
}

// Writes a frame with so many bytes of content. Returns its length.
static size_t make_long(char *out, const char *word, size_t content)
{
	const int head = sprintf(out, HEAD "%04zX*", content);
	memset(out + head, 'x', content);
	memcpy(out + head, word, strlen(word));
	out[(size_t)head + content] = ']';
	return (size_t)head + content + 1;
}

static void only_photos_and_voice_after_a_good_frame_are_long(void **state)
{
	static char data[40000];
	static const char *const words[] = {"TK,", "tk2,", "JXTK,", "img,"};
	(void)state;
	size_t len = make_long(data, "UD,", 2048);
	assert_int_equal(cut(data, len, false, false).len, len);
	assert_int_equal(cut(data, len, false, false).kind, FRAME_OK);
	len = make_long(data, "UD,", 2049);
	assert_int_equal(cut(data, len - 2, false, true).kind, FRAME_MORE);
	assert_int_equal(cut(data, len - 1, false, true).kind, FRAME_BAD);
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		len = make_long(data, words[i], 32768);
		assert_int_equal(cut(data, len, false, false).kind, FRAME_BAD);
		assert_int_equal(cut(data, len, false, true).kind, FRAME_OK);
		assert_int_equal(cut(data, len, false, true).len, len);
		assert_int_equal(cut(data, 1000, false, true).len, len);
		assert_int_equal(cut(data, 22, false, true).kind, FRAME_MORE);
		assert_in_range(len, 1, decoder_watch.frame_max);
		len = make_long(data, words[i], 32769);
		assert_int_equal(cut(data, len, false, true).kind, FRAME_BAD);
	}
}

static void endless_garbage_closes_the_connection(void **state)
{
	static uint8_t data[3000];
	struct feed feed;
	size_t at = 0;
	enum feed_verdict verdict = FEED_TAKEN;
	(void)state;
	memset(data, 'x', sizeof data);
	memcpy(data, HEAD "0002*LK]", 23);
	feed_init(&feed, DECODERS_ALL, NULL, false);
	while (at < sizeof data && verdict == FEED_TAKEN) {
		size_t used;
		verdict = feed_step(&feed, data + at, sizeof data - at, &decoded, &used);
		at += used;
	}
	assert_int_equal(verdict, FEED_CLOSE);
	assert_ptr_equal(feed.session.decoder, &decoder_watch);
	feed_done(&feed);
}

// Answers ---------------------------------------------------------------------

static void answers_have_maker_ident_and_index_of_the_frame(void **state)
{
	static const struct {
		const char *frame;
		enum reply_when when;
		const char *reply; /* "": none */
	} rows[] = {
		{HEAD "0002*LK]", REPLY_NOW, HEAD "0002*LK]"},
		{"[ZJ*860000000000017*00a2*0002*lk]", REPLY_NOW,
			"[ZJ*860000000000017*00a2*0002*LK]"},
		{HEAD "0009*LK,0,0,75]", REPLY_STORED, HEAD "0002*LK]"},
		{HEAD "0006*INIT,1]", REPLY_NOW, HEAD "0006*INIT,1]"},
		{HEAD "0008*CONFIG,1]", REPLY_NOW, HEAD "0008*CONFIG,1]"},
		{HEAD "0004*TKQ2]", REPLY_NOW, HEAD "0004*TKQ2]"},
		{HEAD "000D*APPCONTACTTEL]", REPLY_NOW, HEAD "000D*APPCONTACTTEL]"},
		{HEAD "0002*AL]", REPLY_STORED, HEAD "0002*AL]"},
		{HEAD "0008*AL_LTE,x]", REPLY_STORED, HEAD "0002*AL]"},
		{HEAD "000F*JXTK,0,a,1,1,xy]", REPLY_STORED, HEAD "0007*JXTKR,1]"},
		{HEAD "0002*UD]", REPLY_STORED, ""},
		{HEAD "0007*heart,9]", REPLY_STORED, ""},
		{HEAD "0004*FFZD]", REPLY_NOW, ""},
		{HEAD "0005*TK,ab]", REPLY_STORED, ""},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct session session = {0};
		assert_int_equal(decode_with(&session, rows[i].frame), DECODE_OK);
		assert_reply(rows[i].when, rows[i].reply);
		assert_reply(rows[i].when == REPLY_NOW ? REPLY_STORED : REPLY_NOW, "");
	}
}

static struct device_settings echo_settings(const void *context, struct text ident)
{
	(void)context;
	(void)ident;
	return (struct device_settings){.model = {"Y3 echo", 7}, .known = true};
}

static void a_model_has_its_alarms_answered_with_their_word(void **state)
{
	struct session session = {.find_settings = echo_settings};
	(void)state;
	decode_with(&session, make("AL_LTE" PLACE "00010000"));
	assert_reply(REPLY_STORED, HEAD "0006*AL_LTE]");
	decode_with(&session, make("AL" PLACE "00010000"));
	assert_reply(REPLY_STORED, HEAD "0002*AL]");
}

// A word of up to 2,048 bytes would not fit into an answer.
static void a_word_that_is_no_event_is_not_sent_back(void **state)
{
	static const size_t lengths[] = {33, 200, 2048};
	struct session session = {.find_settings = echo_settings};
	char word[2049];
	(void)state;
	for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		memset(word, 'X', lengths[i]);
		memcpy(word, "AL", 2);
		word[lengths[i]] = 0;
		decode_with(&session, make(word));
		assert_reply(REPLY_STORED, HEAD "0002*AL]");
	}
	decode_with(&session, make("AL\x01X"));
	assert_reply(REPLY_STORED, HEAD "0002*AL]");
}

static void an_ident_has_at_most_32_characters(void **state)
{
	struct session session = {0};
	(void)state;
	assert_int_equal(
		decode_with(&session, "[3G*88888888888888888888888888888888*0002*LK]"), DECODE_OK);
	assert_int_equal(decode_with(&session, "[3G*888888888888888888888888888888888*0002*LK]"),
		DECODE_BAD_VALUE);
	assert_string_equal(decoded.detail, "ident");
	assert_int_equal(decoded.reply_len[REPLY_NOW], 0);
	assert_int_equal(decode_with(&session, "[3G**0002*LK]"), DECODE_BAD_VALUE);
}

// Alarms ----------------------------------------------------------------------

static uint64_t alarms_of(struct session *session, const char *frame)
{
	assert_int_equal(decode_with(session, frame), DECODE_OK);
	assert_int_equal(decoded.report_count, 1);
	return decoded.reports[0].body.alarms;
}

static void states_are_alarms_when_they_begin(void **state)
{
#define BIT(alarm) (UINT64_C(1) << ALARM_##alarm)
	static const struct {
		const char *content;
		uint64_t alarms;
	} rows[] = {
		{"UD" PLACE "00000001", BIT(LOW_BATTERY)},
		{"UD" PLACE "00000001", 0},
		{"UD" PLACE "4007", BIT(GEOFENCE_EXIT) | BIT(GEOFENCE_ENTER) | BIT(POWER_OFF)},
		{"UD2" PLACE "00000000", 0},
		{"UD" PLACE "00000001", BIT(LOW_BATTERY)},
		{"AL" PLACE "00000001", BIT(LOW_BATTERY)},
		{"AL" PLACE "00000000", BIT(GENERAL)},
		{"AL" PLACE "00000008", BIT(GENERAL)},
		{"AL" PLACE "80000000", BIT(GENERAL)},
		{"UD" PLACE "00010000", BIT(SOS)},
		{"UD" PLACE "00010000", BIT(SOS)},
		{"AL" PLACE "007E0000", BIT(LOW_BATTERY) | BIT(GEOFENCE_EXIT) |
						BIT(GEOFENCE_ENTER) | BIT(REMOVING) |
						BIT(FALL_DOWN)},
		{"AL" PLACE "00100001", BIT(REMOVING) | BIT(LOW_BATTERY)},
		{"AL" PLACE "00100001", BIT(REMOVING)},
		{"AL,140531", BIT(GENERAL)},
		{"UD,140531", 0},
	};
	struct device_memory *memory = device_memory_new(4);
	struct session session = {.memory = memory};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_int_equal(alarms_of(&session, make(rows[i].content)), rows[i].alarms);
	/* of each device; and again if the report was not admitted */
	assert_int_equal(alarms_of(&session, make("UD" PLACE "0000")), 0);
	assert_int_equal(alarms_of(&session, make("UD" PLACE "0001")), BIT(LOW_BATTERY));
	decoded_undo(&decoded);
	assert_int_equal(alarms_of(&session, make("UD" PLACE "0001")), BIT(LOW_BATTERY));
	assert_int_equal(
		alarms_of(&session, "[3G*8600000018*0049*UD" PLACE "0001]"), BIT(LOW_BATTERY));
	device_memory_free(memory);
}

// Photos and voice ------------------------------------------------------------

static void a_photo_is_kept_without_its_escapes(void **state)
{
	struct photos photos = {0};
	struct session session = {.photos = &photos};
	(void)state;
	decode_with(&session, make("img,5,310514092300,\xff\xd8}\x01}\x02}\x03}\x04}\x05}\x06}"));
	const struct photo *photo = session.finished;
	assert_non_null(photo);
	assert_string_equal(photo->type, "image/jpeg");
	assert_int_equal(photo->size, 10);
	assert_memory_equal(photo_part_data(photo, 0), "\xff\xd8}[],*}\x06}", 10);
	assert_true(photo->body.has & HAS_TIME);
	photo_drop_all(&session);
	decode_with(&session, make("img,5,310514092300,"));
	assert_null(session.finished);
	decode_with(&session, make("img,5,31051409230,\xff\xd8"));
	assert_null(session.finished);
	assert_int_equal(photos.bytes, 0);
}

static void voice_becomes_a_status(void **state)
{
	(void)state;
	decode("TK,#!AMR\n}\x02");
	assert_int_equal(decoded.report_count, 1);
	assert_int_equal(decoded.reports[0].extra.len, 0);
	assert_int_equal(decoded.answer_count, 0);
	decode("JXTK,0,v.amr,2,3,#!AMR\n");
	assert_memory_equal(decoded.reports[0].extra.data,
		"\"kind\":0,\"file\":\"v.amr\",\"part\":2,\"parts\":3", 42);
}

// Commands --------------------------------------------------------------------

static void commands_have_the_devices_letters_and_index(void **state)
{
#define CUSTOM(t)                                                                                  \
	{                                                                                          \
		.kind = COMMAND_CUSTOM, .text_len = sizeof(t) - 1, .text = t                       \
	}
	static const struct {
		struct command command;
		const char *plain, *indexed; /* NULL: the watch has none */
	} goldens[] = {
		{{.kind = COMMAND_POSITION_SINGLE}, HEAD "0002*CR]", "[ZJ*86*0001*0002*CR]"},
		{{.kind = COMMAND_POSITION_PERIODIC, .args = {[COMMAND_SECONDS] = 600}},
			HEAD "000A*UPLOAD,600]", "[ZJ*86*0001*000A*UPLOAD,600]"},
		{{.kind = COMMAND_REBOOT_DEVICE}, HEAD "0005*RESET]", "[ZJ*86*0001*0005*RESET]"},
		{{.kind = COMMAND_REBOOT_DEVICE, .args = {[COMMAND_WHAT] = 1}}, NULL, NULL},
		{{.kind = COMMAND_SET_TIMEZONE, .args = {[COMMAND_HOURS] = -3}},
			HEAD "0007*LZ,0,-3]", "[ZJ*86*0001*0007*LZ,0,-3]"},
		{{.kind = COMMAND_SET_TIMEZONE, .args = {[COMMAND_HOURS] = 12}},
			HEAD "0008*LZ,0,+12]", "[ZJ*86*0001*0008*LZ,0,+12]"},
		{CUSTOM("SOS1,15551234567"), HEAD "0010*SOS1,15551234567]",
			"[ZJ*86*0001*0010*SOS1,15551234567]"},
		{CUSTOM("POWEROFF"), NULL, NULL},
		{CUSTOM(" ip ,example.org,1"), NULL, NULL},
		{CUSTOM("Monitor,15551234567"), NULL, NULL},
		{CUSTOM("FIND][3G*1*0002*CR"), NULL, NULL},
		{{.kind = COMMAND_ENGINE_STOP}, NULL, NULL},
	};
	struct session plain = {.decoder = &decoder_watch}, indexed = plain;
	uint8_t out[300];
	(void)state;
	assert_int_equal(
		decoder_watch.encode_command(&plain, &goldens[0].command, out, sizeof out).result,
		ENCODE_LATER);
	decode_with(&plain, HEAD "0002*LK]");
	decode_with(&indexed, "[ZJ*86*0012*0002*LK]");
	for (size_t i = 0; i < sizeof goldens / sizeof goldens[0]; i++) {
		check_command(&plain, &goldens[i].command, goldens[i].plain);
		check_command(&indexed, &goldens[i].command, goldens[i].indexed);
	}
}

static void an_answer_confirms_the_command_of_its_word(void **state)
{
	static const struct {
		const char *text; /* of a custom command */
		const char *answer;
		enum confirmation confirmation;
	} rows[] = {
		{"UPLOAD,600", "UPLOAD", CONFIRMATION_DONE},
		{"upload,600", "UPLOAD,600", CONFIRMATION_DONE},
		{"UPLOAD,600", "UPLOAD,error", CONFIRMATION_REFUSED},
		{"UPLOAD,600", "SOS1", CONFIRMATION_NONE},
		{"heart", "heart", CONFIRMATION_DONE},
		{"hrtstart,1", "heart,70", CONFIRMATION_NONE},
		{"CR", "UD" PLACE "00000000", CONFIRMATION_NONE},
		{"TK,x", "TK,1", CONFIRMATION_DONE},
		{"TK,x", "TK,0", CONFIRMATION_REFUSED},
		{"TK,x", "TK,#!AMR", CONFIRMATION_NONE},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_int_equal(
			confirmation_of(HEAD "0002*LK]", rows[i].text, make(rows[i].answer)),
			rows[i].confirmation);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_head_and_a_letter_open_a_conversation),
		cmocka_unit_test(other_bytes_open_none),
		cmocka_unit_test(a_frame_ends_by_its_length_or_its_brackets),
		cmocka_unit_test(only_photos_and_voice_after_a_good_frame_are_long),
		cmocka_unit_test(endless_garbage_closes_the_connection),
		cmocka_unit_test(answers_have_maker_ident_and_index_of_the_frame),
		cmocka_unit_test(a_model_has_its_alarms_answered_with_their_word),
		cmocka_unit_test(a_word_that_is_no_event_is_not_sent_back),
		cmocka_unit_test(an_ident_has_at_most_32_characters),
		cmocka_unit_test(states_are_alarms_when_they_begin),
		cmocka_unit_test(a_photo_is_kept_without_its_escapes),
		cmocka_unit_test(voice_becomes_a_status),
		cmocka_unit_test(commands_have_the_devices_letters_and_index),
		cmocka_unit_test(an_answer_confirms_the_command_of_its_word),
	};
	page = guarded_new(40000);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
