// SPDX-License-Identifier: MIT
// Meitrack: what opens a conversation, where frames end, answers, records that are decoded alone, photos, and commands. The fields
// are compared by tests/reference.
#define TESTED decoder_meitrack
#include "decoders/text_frames.h"

#include "decoders/meitrack/meitrack_frame.h"
#include "protocol/device_memory.h"
#include "protocol/photo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IDENT  "860000000000017"
#define SECOND INT64_C(1000000)
#define START  (INT64_C(1795342500) * SECOND)
#define HEART  "$$z25,860000000000017,AAC*56\r\n"
#define TOTAL  (sizeof(HEART) - 1)
#define PLACE  "-23.550520,-46.633308,260314101500,A,9,21,0,0,1.1,760,0,0"
#define RECORD                                                                                     \
	"\x23\x2b\xf6\x1c\x03\x04\x9f\x40\x01\x5d\xe6\x47\x31\x01\x0b\x18\x2f\x00\x0f\x01\x09\x00" \
	"\x71\x00\x87\xd6\x12\x00\x2c\x94\x0d\x00\x04\x01\x02\x00\x2b\x1a\x4d\x0c\x04\x01\x03\x00" \
	"\x9d\x01\x56\x05\x05\x00\x00\x00"

#define LITERAL(text) text, sizeof(text) - 1

// Writes a frame with this content. Returns its length.
static size_t write_frame(char *out, char flag, const void *content, size_t len)
{
	const struct text parts[2] = {{content, len}, {"", 0}};
	return meitrack_frame_write(
		out, "$$", flag, (struct text){IDENT, sizeof(IDENT) - 1}, parts);
}

static enum decode_status decode_bytes(struct session *session, const void *data, size_t len)
{
	decoded_reset(&decoded);
	session->decoder = &decoder_meitrack;
	return decoder_meitrack.decode(session, guarded_copy(&page, data, len), len, &decoded);
}

static enum decode_status decode_content(struct session *session, const void *content, size_t len)
{
	char frame[FRAME_CAP + 64];
	return decode_bytes(session, frame, write_frame(frame, 'A', content, len));
}

static enum decode_status decode_text(struct session *session, const char *content)
{
	return decode_content(session, content, strlen(content));
}

// Returns the content of the reply, "" for none. Its sum must be right.
static const char *replied(enum reply_when when)
{
	static char text[200];
	const uint8_t *reply = decoded.reply[when];
	const size_t len = decoded.reply_len[when];
	struct meitrack_head head;
	uint8_t request[200];
	text[0] = 0;
	if (len == 0)
		return text;
	assert_in_range(len, 24, sizeof request);
	assert_memory_equal(reply, "@@", 2);
	memcpy(request, reply, len);
	memcpy(request, "$$", 2);
	assert_int_equal(meitrack_frame_read_head(request, len, &head), PROBE_YES);
	const size_t star = meitrack_frame_find_end(request, len, &head, false);
	assert_true(star > 0 && meitrack_frame_sum_fits(reply, star));
	const size_t start = head.comma + 1 + sizeof(IDENT);
	snprintf(text, sizeof text, "%c %.*s", head.flag, (int)(star - start),
		(const char *)reply + start);
	return text;
}

// Sniffing --------------------------------------------------------------------

static enum probe probe(const char *data, size_t len, bool datagram)
{
	return decoder_meitrack.probe(guarded_copy(&page, data, len), len, datagram);
}

static void the_head_of_a_frame_opens_a_conversation(void **state)
{
	static const char *const own[] = {"$$A167,860000000000017,AAA,",
		"$$z25,86000000000017,AAC*", "$$`0028,860000000000017,C01,",
		"$$Q4096,860000000000017,0Z9*"};
	(void)state;
	for (size_t i = 0; i < sizeof own / sizeof own[0] - 1; i++) {
		const size_t len = strlen(own[i]);
		for (size_t prefix = 0; prefix < len; prefix++) {
			assert_int_equal(probe(own[i], prefix, false), PROBE_MORE);
			assert_int_equal(probe(own[i], prefix, true), PROBE_NO);
		}
		assert_int_equal(probe(own[i], len, false), PROBE_YES);
		assert_int_equal(probe(own[i], len, true), PROBE_YES);
	}
	assert_int_equal(
		probe(own[3], 8, false), PROBE_NO); // it would be longer than a frame may be
}

static void other_bytes_open_none(void **state)
{
	static const char *const foreign[] = {"$P", "$$1", "$$@", "$${", "$$A1,", "$$A12345",
		"$$A05,", "$$A25;", "$$A25,8600000000000171,", "$$A25,8600000000000,",
		"$$A25,86000000000001a", "$$A25,860000000000017,aAC*", "$$A25,860000000000017,AA*",
		"$$A25,860000000000017,AACX", "$$A25,,AAC*", "@@F25,860000000000017,A10*"};
	(void)state;
	for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++)
		assert_int_equal(probe(foreign[i], strlen(foreign[i]), false), PROBE_NO);
}

// Framing ---------------------------------------------------------------------

#define STRIPPED "$$B28,860000000000017,A11,OK*CE"

static void a_frame_ends_by_its_length(void **state)
{
	static const struct {
		const char *data;
		size_t len;
		bool quiet;
		enum frame_kind kind;
		size_t used; /* 0: one byte more than there are */
	} rows[] = {
		{LITERAL(HEART), false, FRAME_OK, TOTAL},
		{LITERAL(HEART HEART), false, FRAME_OK, TOTAL},
		{LITERAL("$$z25,"), false, FRAME_MORE, TOTAL},
		{LITERAL("$$z25,"), true, FRAME_MORE, TOTAL},
		{LITERAL("$$z2"), false, FRAME_MORE, 0},
		{LITERAL("\r\n \0$"), false, FRAME_SKIP, 4},
		/* the data may have any bytes */
		{LITERAL("$$A31,860000000000017,\r\n*$$A25,*00\r\n"), false, FRAME_OK, 36},
		/* a length that leads nowhere: up to the next frame */
		{LITERAL(STRIPPED HEART), false, FRAME_OK, sizeof(STRIPPED) - 1},
		{LITERAL(STRIPPED "$$"), false, FRAME_OK, sizeof(STRIPPED) - 1},
		{LITERAL(STRIPPED "$x"), false, FRAME_OK, sizeof(STRIPPED) + 1},
		{LITERAL(STRIPPED "\r\n"), false, FRAME_OK, sizeof(STRIPPED) + 1},
		{LITERAL(STRIPPED), false, FRAME_MORE, sizeof(STRIPPED) + 1},
		{LITERAL("$$A40,86$$A9,$$B25,860000000000017,AAC*00\r\nxyz"), false, FRAME_OK, 13},
		{LITERAL("$$A30,86$$A9,$$B25,86*00\r\nxyzzyxyzzy"), false, FRAME_OK, 35},
		/* no head */
		{LITERAL("abc$$"), false, FRAME_OK, 3},
		{LITERAL("abc"), false, FRAME_OPEN, 0},
		{LITERAL("abc"), true, FRAME_OK, 3},
		{LITERAL("$$$A25,"), false, FRAME_OK, 1},
		{LITERAL("$$A9999,"), false, FRAME_OK, 1},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct session session = {.quiet = rows[i].quiet};
		const struct frame frame = decoder_meitrack.frame(
			&session, guarded_copy(&page, rows[i].data, rows[i].len), rows[i].len);
		if (frame.kind != rows[i].kind ||
			frame.len != (rows[i].used ? rows[i].used : rows[i].len + 1))
			fail_msg("row %zu: kind %d, length %zu", i, (int)frame.kind, frame.len);
	}
}

static void a_datagram_may_lack_its_line_end(void **state)
{
	static const struct {
		const char *data;
		size_t len, used;
		enum decode_status status;
	} rows[] = {
		{LITERAL(HEART), TOTAL, DECODE_OK},
		{HEART, TOTAL - 2, TOTAL - 2, DECODE_OK},
		{LITERAL("$$z23,860000000000017,AAC*54"), TOTAL - 2, DECODE_OK},
		{HEART, TOTAL - 3, TOTAL - 3, DECODE_BAD_LENGTH},
		{HEART, TOTAL - 1, TOTAL - 1, DECODE_BAD_LENGTH},
		{LITERAL("$$z99,860000000000017,AAC*54"), TOTAL - 2, DECODE_BAD_LENGTH},
		{LITERAL("$$z23,860000000000017,AAC*55"), TOTAL - 2, DECODE_BAD_SUM},
		{LITERAL("$$z"), 1, DECODE_DETAIL},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct session session = {.datagram = true};
		const struct frame frame = decoder_meitrack.frame(
			&session, guarded_copy(&page, rows[i].data, rows[i].len), rows[i].len);
		assert_int_equal(frame.kind, FRAME_OK);
		assert_int_equal(frame.len, rows[i].used);
		assert_int_equal(decode_bytes(&session, rows[i].data, frame.len), rows[i].status);
	}
	struct session stream = {0};
	assert_int_equal(decode_bytes(&stream, HEART, TOTAL - 2), DECODE_BAD_LENGTH);
}

static void endless_garbage_closes_the_connection(void **state)
{
	static char data[9000];
	struct feed feed;
	size_t at = 0, used;
	enum feed_verdict verdict = FEED_TAKEN;
	(void)state;
	memset(data, 'x', sizeof data);
	memcpy(data, HEART, TOTAL);
	feed_init(&feed, DECODERS_ALL, NULL, false);
	for (; at < sizeof data && verdict == FEED_TAKEN; at += used)
		verdict = feed_step(
			&feed, (const uint8_t *)data + at, sizeof data - at, &decoded, &used);
	assert_ptr_equal(feed.session.decoder, &decoder_meitrack);
	assert_int_equal(verdict, FEED_CLOSE);
	feed_done(&feed);
}

static void faults_are_rejects(void **state)
{
	struct session session = {0};
	(void)state;
	assert_int_equal(decode_with(&session, "$$z25,860000000000017,AAC*57\r\n"), DECODE_BAD_SUM);
	assert_int_equal(decode_with(&session, "$$z25,860000000000017,AAC*5g\r\n"), DECODE_BAD_SUM);
	assert_int_equal(decode_with(&session, STRIPPED), DECODE_BAD_LENGTH);
	assert_int_equal(decode_with(&session, "x"), DECODE_DETAIL);
	assert_string_equal(decoded.detail, "framing lost");
	assert_int_equal(session.ident_len, 0);
	for (size_t kind = 0; kind < REPLY_KINDS; kind++)
		assert_int_equal(decoded.reply_len[kind], 0);
}

// Answers ---------------------------------------------------------------------

static void data_is_acknowledged_once_stored(void **state)
{
	static const struct {
		const char *content;
		size_t len;
		const char *now, *stored;
		size_t reports;
	} rows[] = {
		{LITERAL("AAA,35," PLACE), "", "", 1},
		{LITERAL("AFF,0004,23," PLACE), "", "A AFF,1", 1},
		{LITERAL("aff,0004,23"), "", "A AFF,1", 1},
		{LITERAL("AFF,OK"), "", "", 1},
		{LITERAL("AFF,?"), "", "A AFF,1", 1},
		{LITERAL("AAA"), "", "", 1},
		{LITERAL("AFF"), "", "A AFF,1", 1},
		{LITERAL("AAC"), "A AAC,1", "", 0},
		{LITERAL("AAC,1"), "A AAC,1", "", 1},
		{LITERAL("CCC,\x02\x01\x34\x00\0\0\0\0" RECORD RECORD), "", "A CCC,2", 2},
		{LITERAL("CCC,\x02\x01\x34\x00\0\0\0\0" RECORD "rest"), "", "A CCC,1", 1},
		{LITERAL("CCC,\x02\x05\x0a\x00\0\0\0\0" RECORD), "", "A CCC,5", 1},
		{LITERAL("CCC,\x02\x05\x00\x02\0\0\0\0" RECORD), "", "A CCC,1", 1},
		{LITERAL("CCC,\x02\x01\x34\x00\0\0\0\0"), "", "", 1},
		{LITERAL("CCC,"), "", "", 1},
		{LITERAL("CCE,\0\0\0\0\2\0\2\0\0\0\2\0\0\0"), "", "A CCE,2", 2},
		{LITERAL("CCE,\0\0\0\0\3\0\2\0\0\0\2\0\0"), "", "A CCE,1", 1},
		{LITERAL("CCE,\0\0\0\0\1\0\2\0\0"), "", "", 1},
		{LITERAL("CCE,\0\0\0\0"), "", "", 1},
		{LITERAL("CCE"), "", "", 1},
		{LITERAL("D82,0"), "", "", 1},
		{LITERAL("D03,OK"), "", "", 1},
		{LITERAL("D00,a.jpg,1,0,x"), "", "", 0},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct session session = {0};
		const enum decode_status status =
			decode_content(&session, rows[i].content, rows[i].len);
		assert_true(status == DECODE_OK || status == DECODE_IGNORED);
		assert_string_equal(replied(REPLY_NOW), rows[i].now);
		assert_string_equal(replied(REPLY_STORED), rows[i].stored);
		assert_int_equal(decoded.report_count, rows[i].reports);
	}
}

static void only_records_that_are_kept_are_acknowledged(void **state)
{
	static char content[FRAME_CAP] = "CCE,\0\0\0\0\x2c\x01"; // 300 records
	struct session session = {0};
	(void)state;
	decode_content(&session, content, 10 + 300 * 2);
	assert_int_equal(decoded.report_count, DECODED_REPORTS);
	assert_string_equal(replied(REPLY_STORED), "A CCE,256");
	/* records of another layout: the first 2,000 bytes are kept */
	memcpy(content, "CCC,\x02\x05\x64\x00", 8);
	decode_content(&session, content, 4 + 8 + 3900);
	assert_int_equal(decoded.report_count, 1);
	assert_int_equal(decoded.reports[0].extra.len, strlen("'data':''") + 4000);
	assert_string_equal(replied(REPLY_STORED), "A CCC,19");
}

// Copies a text to room for 200 bytes.
static struct text kept(struct text text, char *room)
{
	assert_true(text.len <= 200);
	if (text.len > 0)
		memcpy(room, text.data, text.len);
	return (struct text){room, text.len};
}

static void a_record_of_several_is_decoded_alone(void **state)
{
	static const struct {
		const char *content;
		size_t len;
	} rows[] = {
		{LITERAL("CCC,\x02\x01\x36\x00\0\0\0\0" RECORD "ab" RECORD "cd")},
		{LITERAL("CCE,\0\0\0\0\2\0\x08\0\1\0\1\1\x23\0\0\0\x0a\0\1\0\0\1\x08\x2f\0\0\0x")},
	};
	char room[600];
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct session session = {0};
		for (size_t at = 0; at < 2; at++) {
			decode_content(&session, rows[i].content, rows[i].len);
			assert_int_equal(decoded.report_count, 2);
			const struct report before = decoded.reports[at];
			const struct text extra = kept(before.extra, room),
					  key = kept(before.key, room + 200),
					  raw = kept(before.raw, room + 400);
			assert_int_equal(decode_bytes(&session, raw.data, raw.len), DECODE_OK);
			assert_int_equal(decoded.report_count, 1);
			const struct report *after = decoded.reports;
			assert_memory_equal(&after->body, &before.body, sizeof before.body);
			assert_true(text_same(after->extra, extra));
			assert_true(text_same(after->key, key));
		}
	}
}

// Photos ----------------------------------------------------------------------

static struct photos photos;

static struct session with_photos(void)
{
	return (struct session){
		.decoder = &decoder_meitrack, .photos = &photos, .received_us = START};
}

// Decodes a part of a photo. Returns the request that follows.
static const char *give(
	struct session *session, const char *file, unsigned parts, unsigned part, const char *bytes)
{
	char content[100];
	snprintf(content, sizeof content, "D00,%s,%u,%u,%s", file, parts, part, bytes);
	session->received_us += SECOND;
	decode_text(session, content);
	return replied(REPLY_NOW);
}

static void parts_are_requested_eight_at_a_time(void **state)
{
	struct session session = with_photos();
	(void)state;
	decode_text(&session, "D03,OK");
	assert_string_equal(replied(REPLY_NOW), "O D00,camera_picture.jpg,0");
	for (unsigned part = 0; part < 16; part++)
		assert_string_equal(
			give(&session, "camera_picture.jpg", 17, part, part ? "x" : "\xff\xd8"),
			part == 7    ? "O D00,camera_picture.jpg,8"
			: part == 15 ? "O D00,camera_picture.jpg,16"
				     : "");
	assert_string_equal(give(&session, "camera_picture.jpg", 17, 15, "x"), "");
	assert_string_equal(give(&session, "camera_picture.jpg", 17, 16, "\xff\xd9"), "");
	assert_null(session.photo);
	assert_true(session.finished->complete);
	assert_int_equal(session.finished->size, 2 + 15 + 2);
	/* a part sent again opens none; another photo of this name does */
	give(&session, "camera_picture.jpg", 17, 16, "\xff\xd9");
	assert_null(session.photo);
	assert_int_equal(decoded.report_count, 0);
	decode_text(&session, "D03,OK");
	assert_non_null(session.photo);
	photo_drop_all(&session);
	assert_int_equal(photos.bytes, 0);
}

static void lost_parts_are_requested_again(void **state)
{
	struct session session = with_photos();
	(void)state;
	decode_text(&session, "AAA,39," PLACE ",,,,a.jpg");
	assert_string_equal(replied(REPLY_NOW), "O D00,a.jpg,0");
	assert_string_equal(give(&session, "a.jpg", 3, 0, "\xff\xd8"), "");
	assert_string_equal(give(&session, "a.jpg", 3, 2, "\xff\xd9"), "O D00,a.jpg,1");
	for (int retry = 0; retry < 3; retry++) {
		session.now_us = session.received_us + (retry + 1) * 10 * SECOND;
		decoded_reset(&decoded);
		decoder_meitrack.wake(&session, 0, &decoded);
		assert_string_equal(replied(REPLY_NOW), "O D00,a.jpg,1");
	}
	session.now_us += 10 * SECOND;
	decoder_meitrack.wake(&session, 0, &decoded);
	assert_null(session.photo);
	assert_int_equal(session.finished->size, 2);
	assert_false(session.finished->complete);
	assert_true(session.finished->body.has & HAS_FIX);
	photo_drop_all(&session);
	/* the event, sent again, does not request it again */
	session.received_us = session.now_us + SECOND;
	decode_text(&session, "AFF,0001,39," PLACE ",,,,a.jpg");
	assert_string_equal(replied(REPLY_NOW), "");
	assert_int_equal(photos.bytes, 0);
}

static void one_photo_is_fetched_at_a_time(void **state)
{
	struct session session = with_photos();
	(void)state;
	decode_text(&session, "AAA,39," PLACE ",,,,a.jpg");
	decode_text(&session, "AAA,39," PLACE ",,,,b.jpg");
	assert_string_equal(replied(REPLY_NOW), "");
	assert_string_equal(give(&session, "b.jpg", 1, 0, "x"), "");
	assert_null(session.finished);
	give(&session, "a.jpg", 2, 0, "\xff\xd8");
	give(&session, "a.jpg", 3, 1, "x"); // another file of this name
	give(&session, "a.jpg", 2, 1, "\xff\xd9");
	assert_true(session.finished->complete);
	assert_int_equal(session.finished->size, 4);
	photo_drop_all(&session);
	/* names that a request cannot have */
	decode_text(&session, "AAA,39," PLACE ",,,,a*.jpg");
	assert_null(session.photo);
	decode_text(&session, "D00,\xc3\xa9.jpg,1,0,x");
	assert_null(session.photo);
	assert_int_equal(decoded.report_count, 1);
}

static void parts_without_an_announcement_open_a_photo(void **state)
{
	struct session session = with_photos();
	(void)state;
	assert_string_equal(give(&session, "a.jpg", 2, 1, "\xff\xd9"), "O D00,a.jpg,0");
	assert_int_equal(decoded.report_count, 1);
	assert_true(text_equal(decoded.reports[0].event, "D00"));
	assert_string_equal(give(&session, "a.jpg", 2, 0, "\xff\xd8"), "");
	assert_int_equal(decoded.report_count, 0);
	assert_true(session.finished->complete);
	photo_drop_all(&session);
	give(&session, "b.jpg", PHOTO_PARTS + 1, 0, "x");
	assert_null(session.photo);
	assert_int_equal(photos.bytes, 0);
}

// Commands --------------------------------------------------------------------

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
#define ARG(k, arg, value)                                                                         \
	{                                                                                          \
		.kind = k, .args = { [arg] = value }                                               \
	}

static void commands_are_encoded(void **state)
{
	static const struct {
		struct command command;
		const char *text; /* NULL: there is none */
	} goldens[] = {
		{{.kind = COMMAND_POSITION_SINGLE}, "@@F25,860000000000017,A10*37\r\n"},
		{CUSTOM("C01,0,12222"), "@@F33,860000000000017,C01,0,12222*B9\r\n"},
		{{.kind = COMMAND_REQUEST_PHOTO},
			"@@F46,860000000000017,D03,1,camera_picture.jpg*FB\r\n"},
		{{.kind = COMMAND_ENGINE_STOP}, "@@F34,860000000000017,C01,20,12222*EC\r\n"},
		{{.kind = COMMAND_ENGINE_RESUME}, "@@F33,860000000000017,C01,0,02222*B8\r\n"},
		{OUTPUT(1, 1), "@@F33,860000000000017,C01,0,12222*B9\r\n"},
		{OUTPUT(5, 0), "@@F33,860000000000017,C01,0,22220*B8\r\n"},
		{OUTPUT(6, 1), NULL},
		{ARG(COMMAND_POSITION_PERIODIC, COMMAND_SECONDS, 1),
			"@@F27,860000000000017,A12,1*98\r\n"},
		{ARG(COMMAND_POSITION_PERIODIC, COMMAND_SECONDS, 60),
			"@@F27,860000000000017,A12,6*9D\r\n"},
		{ARG(COMMAND_REBOOT_DEVICE, COMMAND_WHAT, 1), "@@F25,860000000000017,F02*3D\r\n"},
		{ARG(COMMAND_REBOOT_DEVICE, COMMAND_WHAT, 2), "@@F25,860000000000017,F01*3C\r\n"},
		{{.kind = COMMAND_REBOOT_DEVICE}, NULL},
		{{.kind = COMMAND_GET_VERSION}, "@@F25,860000000000017,E91*44\r\n"},
		{{.kind = COMMAND_FACTORY_RESET}, NULL},
		{{.kind = COMMAND_SET_TIMEZONE}, NULL},
	};
	struct session session = {.decoder = &decoder_meitrack};
	uint8_t out[300];
	(void)state;
	assert_int_equal(
		decoder_meitrack.encode_command(&session, &goldens[0].command, out, sizeof out)
			.result,
		ENCODE_LATER);
	for (size_t i = 0; i < sizeof goldens / sizeof goldens[0]; i++) {
		session = (struct session){.decoder = &decoder_meitrack};
		decode_text(&session, "AAC");
		for (size_t flag = 0; flag < 5; flag++) // to F
			decoder_meitrack.encode_command(
				&session, &goldens[0].command, out, sizeof out);
		check_command(&session, &goldens[i].command, goldens[i].text);
	}
}

static void flags_go_from_a_to_z(void **state)
{
	const struct command command = {.kind = COMMAND_POSITION_SINGLE};
	struct session session = {0};
	uint8_t out[100];
	(void)state;
	decode_text(&session, "AAC");
	for (size_t i = 0; i < 60; i++) {
		decoder_meitrack.encode_command(&session, &command, out, sizeof out);
		assert_int_equal(out[2], "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[i % 26]);
	}
}

static void an_answer_confirms_the_command_of_its_flag_and_word(void **state)
{
	static const struct {
		struct command command;
		char flag;
		const char *answer;
		enum confirmation confirmation;
	} rows[] = {
		{{.kind = COMMAND_ENGINE_STOP}, 'A', "C01,OK", CONFIRMATION_DONE},
		{{.kind = COMMAND_ENGINE_STOP}, 'A', "c01,ok", CONFIRMATION_DONE},
		{{.kind = COMMAND_ENGINE_STOP}, 'B', "C01,OK", CONFIRMATION_NONE},
		{{.kind = COMMAND_ENGINE_STOP}, 'A', "C02,OK", CONFIRMATION_NONE},
		{{.kind = COMMAND_ENGINE_STOP}, 'A', "C01,3", CONFIRMATION_REFUSED},
		{{.kind = COMMAND_ENGINE_STOP}, 'A', "C01", CONFIRMATION_REFUSED},
		{{.kind = COMMAND_GET_VERSION}, 'A', "E91,FWV1.00,123", CONFIRMATION_DONE},
		{{.kind = COMMAND_REQUEST_PHOTO}, 'A', "D03,OK", CONFIRMATION_DONE},
		{CUSTOM("B05,1"), 'A', "B05,7", CONFIRMATION_DONE},
		{CUSTOM("B05,1"), 'A', "B05,Error", CONFIRMATION_REFUSED},
		{{.kind = COMMAND_POSITION_SINGLE}, 'x', "AAA,34," PLACE, CONFIRMATION_DONE},
		{{.kind = COMMAND_POSITION_SINGLE}, 'A', "AAA,35," PLACE, CONFIRMATION_NONE},
		{{.kind = COMMAND_ENGINE_STOP}, 'A', "AAA,34," PLACE, CONFIRMATION_NONE},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct session session = {.decoder = &decoder_meitrack};
		uint8_t out[300];
		char frame[300];
		decode_text(&session, "AAC");
		const struct encoded sent = decoder_meitrack.encode_command(
			&session, &rows[i].command, out, sizeof out);
		decode_bytes(&session, frame,
			write_frame(frame, rows[i].flag, rows[i].answer, strlen(rows[i].answer)));
		assert_int_equal(
			decoder_meitrack.confirms_command(&rows[i].command, sent.correlation,
				&decoded.reports[0], decoded_find_answer(&decoded, 0)),
			rows[i].confirmation);
	}
}

static void the_file_of_a_command_is_requested(void **state)
{
	static const struct command other = CUSTOM("D03,2,other.jpg"), bad = CUSTOM("D03,2,a*"),
				    usual = {.kind = COMMAND_REQUEST_PHOTO};
	struct session session = with_photos();
	uint8_t out[100];
	(void)state;
	session.memory = device_memory_new(4);
	decode_text(&session, "AAC");
	decoder_meitrack.encode_command(&session, &other, out, sizeof out);
	decode_text(&session, "D03,OK");
	assert_string_equal(replied(REPLY_NOW), "O D00,other.jpg,0");
	photo_end(&session);
	decoder_meitrack.encode_command(&session, &bad, out, sizeof out);
	decode_text(&session, "D03,OK");
	assert_string_equal(replied(REPLY_NOW), "O D00,camera_picture.jpg,0");
	photo_end(&session);
	decoder_meitrack.encode_command(&session, &other, out, sizeof out);
	decoder_meitrack.encode_command(&session, &usual, out, sizeof out);
	decode_text(&session, "D03,OK");
	assert_string_equal(replied(REPLY_NOW), "O D00,camera_picture.jpg,0");
	decode_text(&session, "D03,7");
	assert_string_equal(replied(REPLY_NOW), "");
	photo_drop_all(&session);
	device_memory_free(session.memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_head_of_a_frame_opens_a_conversation),
		cmocka_unit_test(other_bytes_open_none),
		cmocka_unit_test(a_frame_ends_by_its_length),
		cmocka_unit_test(a_datagram_may_lack_its_line_end),
		cmocka_unit_test(endless_garbage_closes_the_connection),
		cmocka_unit_test(faults_are_rejects),
		cmocka_unit_test(data_is_acknowledged_once_stored),
		cmocka_unit_test(only_records_that_are_kept_are_acknowledged),
		cmocka_unit_test(a_record_of_several_is_decoded_alone),
		cmocka_unit_test(parts_are_requested_eight_at_a_time),
		cmocka_unit_test(lost_parts_are_requested_again),
		cmocka_unit_test(one_photo_is_fetched_at_a_time),
		cmocka_unit_test(parts_without_an_announcement_open_a_photo),
		cmocka_unit_test(commands_are_encoded),
		cmocka_unit_test(flags_go_from_a_to_z),
		cmocka_unit_test(an_answer_confirms_the_command_of_its_flag_and_word),
		cmocka_unit_test(the_file_of_a_command_is_requested),
	};
	page = guarded_new(2 * FRAME_CAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
