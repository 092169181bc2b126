// SPDX-License-Identifier: MIT
// JT/T 808: how frames are cut, what opens a conversation, what depends on the model and on earlier frames, parts, photos,
// and commands. The fields are compared by tests/reference.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "decoders/decoders.h"
#include "decoders/jt808/jt808_wire.h"
#include "feed/feed.h"
#include "fixture.h"
#include "protocol/device_memory.h"
#include "util/checksum.h"

#include <stdlib.h>
#include <string.h>

#define NOON_US INT64_C(1795003200000000) /* 2026-11-18 12:00:00 UTC */
#define BLOCK   28

// Position of section "status 3": 54.5 N, 18.75 E. alarm u32 first.
#define PLACE_AND_TIME                                                                             \
	"\x00\x00\x00\x03\x03\x3f\x9a\xa0\x01\x1e\x1a\x30\x00\x0c\x01\x2c\x00\x5a\x26\x03\x14\x17" \
	"\x26\x53"
#define POSITION  "\x00\x00\x00\x00" PLACE_AND_TIME
#define HEARTBEAT "\x7e\x00\x02\x00\x00\x08\x60\x00\x00\x00\x17\x00\x03\x7d\x02\x7e"

static struct guarded page;
static struct decoded decoded;
static const struct jt808_peer peer_2013 = {
	.number_len = 6, .number = {0x08, 0x60, 0x00, 0x00, 0x00, 0x17}};
static const struct jt808_peer peer_2019 = {.is_2019 = true,
	.version = 1,
	.number_len = 10,
	.number = {0, 0, 0x08, 0x60, 0, 0, 0, 0, 0, 0x17}};

struct bytes {
	size_t len;
	uint8_t data[4096];
};

// Appends a frame of this device.
static void add_frame(struct bytes *to, const struct jt808_peer *peer, uint16_t id, uint16_t serial,
	const void *body, size_t len)
{
	to->len += jt808_wire_seal(
		peer, id, serial, body, len, to->data + to->len, sizeof to->data - to->len);
}

// Appends one part of a message.
static void add_part(struct bytes *to, uint16_t id, uint16_t serial, uint16_t count,
	uint16_t number, const void *data, size_t len)
{
	uint8_t plain[1200] = {(uint8_t)(id >> 8), (uint8_t)id, (uint8_t)(0x20 | len >> 8),
		(uint8_t)len, 0x08, 0x60, 0, 0, 0, 0x17, (uint8_t)(serial >> 8), (uint8_t)serial,
		(uint8_t)(count >> 8), (uint8_t)count, (uint8_t)(number >> 8), (uint8_t)number};
	memcpy(plain + 16, data, len);
	plain[16 + len] = checksum_xor(plain, 16 + len);
	to->data[to->len++] = 0x7E;
	for (size_t i = 0; i < 17 + len; i++) {
		const bool escaped = plain[i] == 0x7D || plain[i] == 0x7E;
		to->data[to->len++] = escaped ? 0x7D : plain[i];
		if (escaped)
			to->data[to->len++] = plain[i] == 0x7D ? 1 : 2;
	}
	to->data[to->len++] = 0x7E;
}

static struct bytes frame_of(uint16_t id, const void *body, size_t len)
{
	struct bytes bytes = {0};
	add_frame(&bytes, &peer_2013, id, 7, body, len);
	return bytes;
}

// Cutting --------------------------------------------------------------------

struct outcome {
	size_t reports, rejects, replies;
	uint64_t dedup; /* sum */
};

static struct outcome feed_bytes(const uint8_t *data, size_t len, size_t step)
{
	struct outcome outcome = {0};
	struct feed feed;
	size_t start = 0, used;
	feed_init(&feed, DECODERS_ALL, NULL, false);
	for (size_t end = 0; end < len;) {
		end = len - end < step ? len : end + step;
		while (start < end) {
			const uint8_t *at = guarded_copy(&page, data + start, end - start);
			const enum feed_verdict verdict =
				feed_step(&feed, at, end - start, &decoded, &used);
			if (verdict == FEED_MORE)
				break;
			assert_int_equal(verdict, FEED_TAKEN);
			start += used;
			outcome.reports += decoded.report_count;
			outcome.rejects += decoded.reject_count;
			outcome.replies +=
				decoded.reply_len[REPLY_NOW] + decoded.reply_len[REPLY_STORED];
			for (size_t i = 0; i < decoded.report_count; i++)
				outcome.dedup += decoded.reports[i].body.dedup;
		}
	}
	assert_int_equal(start, len);
	feed_done(&feed);
	return outcome;
}

static void frames_are_cut_the_same_in_any_pieces(void **state)
{
	static const char between[] = "\r\n(1,1,001,BASE,4)\x7e" HEARTBEAT;
	struct bytes bytes = {0};
	(void)state;
	add_frame(&bytes, &peer_2013, 0x0200, 1, POSITION, BLOCK);
	bytes.len--; // shares its delimiter with the next one
	add_frame(&bytes, &peer_2019, 0x0200, 2, POSITION, BLOCK);
	memcpy(bytes.data + bytes.len, between, sizeof between - 1);
	bytes.len += sizeof between - 1;
	add_frame(&bytes, &peer_2013, 0x0704, 3, "\0\2\1\0\x1c" POSITION "\0\x1c" POSITION, 63);
	const size_t bad = bytes.len + 5;
	add_frame(&bytes, &peer_2013, 0x0200, 4, POSITION, BLOCK);
	bytes.data[bad] ^= 1;
	add_frame(&bytes, &peer_2013, 0x0200, 5, POSITION, BLOCK);
	const struct outcome whole = feed_bytes(bytes.data, bytes.len, bytes.len);
	assert_int_equal(whole.reports, 6); // two, a text, two of a batch, one
	assert_int_equal(whole.rejects, 1);
	for (size_t step = 1; step < bytes.len; step++) {
		const struct outcome outcome = feed_bytes(bytes.data, bytes.len, step);
		assert_memory_equal(&outcome, &whole, sizeof whole);
	}
}

static void endless_bytes_lose_framing(void **state)
{
	static uint8_t data[FRAME_CAP];
	struct session session = {0};
	(void)state;
	memset(data, 'q', sizeof data);
	data[0] = 0x7E;
	assert_int_equal(decoder_jt808.frame(&session, data, sizeof data - 1).kind, FRAME_MORE);
	assert_int_equal(decoder_jt808.frame(&session, data, sizeof data).kind, FRAME_BAD);
	data[0] = '(';
	assert_int_equal(decoder_jt808.frame(&session, data, 1023).kind, FRAME_MORE);
	assert_int_equal(decoder_jt808.frame(&session, data, 1024).kind, FRAME_BAD);
	data[1024] = ')'; // read at once, it is as much too long
	assert_int_equal(decoder_jt808.frame(&session, data, 2000).kind, FRAME_BAD);
	data[1023] = ')';
	assert_int_equal(decoder_jt808.frame(&session, data, 2000).len, 1024);
}

// A text is answered with itself and ten bytes more, so it must not be longer than its buffer allows, even if one read
// brings all of it.
static void a_text_longer_than_its_limit_is_no_frame(void **state)
{
	static const char ask[] = ",BASE,2,TIME)";
	const size_t ask_len = sizeof ask - 1;
	(void)state;
	static const size_t lens[] = {
		JT808_TEXT_MOST - 1, JT808_TEXT_MOST, JT808_TEXT_MOST + 1, 2039, 4000};
	for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
		static uint8_t text[4000];
		const size_t len = lens[i];
		struct session session = {.ident = "8600000017", .ident_len = 10};
		memset(text, '1', sizeof text);
		text[0] = '(';
		memcpy(text + len - ask_len, ask, ask_len);
		const struct frame frame = decoder_jt808.frame(&session, text, sizeof text);
		const uint8_t *at = guarded_copy(&page, text, len);
		decoded_reset(&decoded);
		const enum decode_status status = decoder_jt808.decode(&session, at, len, &decoded);
		if (len > JT808_TEXT_MOST) {
			assert_int_equal(frame.kind, FRAME_BAD);
			assert_int_equal(frame.len, JT808_TEXT_MOST);
			assert_int_equal(status, DECODE_BAD_LENGTH);
			assert_int_equal(decoded.reply_len[REPLY_NOW], 0);
		} else {
			assert_int_equal(frame.kind, FRAME_OK);
			assert_int_equal(frame.len, len);
			assert_int_equal(status, DECODE_OK);
			assert_int_equal(decoded.reply_len[REPLY_NOW], len + 10);
		}
	}
}

// Sniffing -------------------------------------------------------------------

static void a_checksum_and_a_length_open_a_conversation(void **state)
{
	(void)state;
	const struct bytes good = frame_of(0x0200, POSITION, BLOCK);
	for (size_t len = 1; len <= good.len; len++) {
		const uint8_t *at = guarded_copy(&page, good.data, len);
		const bool whole = len == good.len;
		assert_int_equal(
			decoder_jt808.probe(at, len, false), whole ? PROBE_YES : PROBE_MORE);
		assert_int_equal(decoder_jt808.probe(at, len, true), whole ? PROBE_YES : PROBE_NO);
	}
	static uint8_t longest[JT808_SNIFF_MAX] = {0x7E};
	assert_int_equal(decoder_jt808.probe(longest, sizeof longest - 1, false), PROBE_MORE);
	assert_int_equal(decoder_jt808.probe(longest, sizeof longest, false), PROBE_NO);
	static uint8_t marks[17];
	memset(marks, 0x7E, sizeof marks);
	assert_int_equal(decoder_jt808.probe(marks, 16, false), PROBE_MORE);
	assert_int_equal(decoder_jt808.probe(marks, 17, false), PROBE_NO);
	struct bytes two = {1, {0x7E}}; // two delimiters in a row
	add_frame(&two, &peer_2019, 0x0002, 1, "", 0);
	assert_int_equal(decoder_jt808.probe(two.data, two.len, false), PROBE_YES);
}

static void a_wrong_length_makes_a_known_message_possible(void **state)
{
	static const struct {
		uint8_t id[2], length, flip;
		enum probe verdict;
	} cases[] = {
		{{0x02, 0x00}, 1, 0, PROBE_YES},
		{{0x02, 0x00}, 9, 0, PROBE_MAYBE},
		{{0x02, 0x33}, 9, 0, PROBE_NO},
		{{0x02, 0x00}, 1, 1, PROBE_NO},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint8_t frame[] = {0x7E, cases[i].id[0], cases[i].id[1], 0, cases[i].length, 1, 2,
			3, 4, 5, 6, 0, 1, 0x33, 0, 0x7E};
		frame[14] = checksum_xor(frame + 1, 13) ^ cases[i].flip;
		assert_int_equal(decoder_jt808.probe(frame, sizeof frame, false), cases[i].verdict);
	}
	assert_int_equal(decoder_jt808.probe((const uint8_t *)"(1,1,001,X)", 11, false), PROBE_NO);
	assert_int_equal(
		decoder_jt808.probe((const uint8_t *)"\x7e\x02\x7d\x03\x7e", 5, false), PROBE_NO);
}

// Decoding -------------------------------------------------------------------

static const char *model;

static struct device_settings find_settings(const void *context, struct text ident)
{
	(void)context;
	(void)ident;
	return (struct device_settings){.model = {model, model ? strlen(model) : 0}};
}

static const struct report *decode(struct session *session, const struct bytes *bytes)
{
	decoded_reset(&decoded);
	session->decoder = &decoder_jt808;
	session->find_settings = find_settings;
	const uint8_t *at = guarded_copy(&page, bytes->data, bytes->len);
	assert_int_equal(decoder_jt808.decode(session, at, bytes->len, &decoded), DECODE_OK);
	assert_null(decoded.fault);
	return &decoded.reports[0];
}

static bool has_member(const struct report *report, const char *member)
{
	return report->extra.len > 0 &&
	       memmem(report->extra.data, report->extra.len, member, strlen(member));
}

static void alarms_are_bits_that_rise(void **state)
{
	static const struct {
		uint8_t word[4];
		const char *model;
		bool is_2019;
		uint64_t alarms;
	} steps[] = {
		{{0, 0, 0, 1}, NULL, false, UINT64_C(1) << ALARM_SOS},
		{{0, 0, 0, 1}, NULL, false, 0},
		{{0, 0, 1, 3}, NULL, false,
			UINT64_C(1) << ALARM_OVERSPEED | UINT64_C(1) << ALARM_POWER_CUT},
		{{0, 0, 0, 0}, NULL, false, 0},
		{{0, 0, 0, 1}, NULL, false, UINT64_C(1) << ALARM_SOS},
		{{0, 3, 0x80, 0}, NULL, false,
			UINT64_C(1) << ALARM_VIBRATION | UINT64_C(1) << ALARM_TAMPERING},
		{{0, 0, 0, 0}, NULL, false, 0}, {{0, 3, 0x80, 0}, NULL, true, 0},
		{{0, 0, 0, 0}, NULL, false, 0},
		{{0, 1, 0, 1}, "AL300", false, UINT64_C(1) << ALARM_MOVEMENT},
		{{0, 0, 0, 0}, NULL, false, 0},
		{{0x20, 0, 0, 1}, "VL300", false, UINT64_C(1) << ALARM_SOS},
		{{0, 0, 0, 0}, NULL, false, 0},
		{{0, 1, 0, 3}, "G-360P", false,
			UINT64_C(1) << ALARM_REMOVING | UINT64_C(1) << ALARM_TAMPERING},
		{{0, 0, 0, 0}, NULL, false, 0},
		{{0, 4, 0x60, 0}, NULL, false, 0}, // only in extra.alarm
	};
	struct device_memory *memory = device_memory_new(10);
	(void)state;
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		struct session session = {.memory = memory}; // a new connection
		struct bytes bytes = {0};
		uint8_t body[BLOCK];
		memcpy(body, steps[i].word, 4);
		memcpy(body + 4, PLACE_AND_TIME, BLOCK - 4);
		struct jt808_peer peer = steps[i].is_2019 ? peer_2019 : peer_2013;
		if (steps[i].is_2019) // the same ident
			memcpy(peer.number, "\0\0\0\0\x08\x60\0\0\0\x17", 10);
		add_frame(&bytes, &peer, 0x0200, 1, body, BLOCK);
		model = steps[i].model;
		assert_int_equal(decode(&session, &bytes)->body.alarms, steps[i].alarms);
	}
	model = NULL;
	device_memory_free(memory);
}

static void a_model_gives_bits_and_items_a_meaning(void **state)
{
	static const struct {
		const char *model, *member;
		bool present;
	} cases[] = {
		{"G1C Pro", "\"motion\":true", true},
		{"MV710G", "\"door\":true", true},
		{"G10LS", "\"armed\":true", true},
		{"C5L", "\"steps\":258", true},
		{"W15L", "\"steps\"", false},
		{"W15L", "\"if8\":\"0102\"", true},
		{"DT800", "\"ie2\":\"00000064\"", true},
		{"W15L", "\"fuel\":10.0", true},
	};
	uint8_t body[BLOCK + 10] = POSITION;
	struct session session = {0};
	(void)state;
	memcpy(body + 4, "\x00\x01\x00\x53", 4); // 0, 1, 4, 6, 16
	memcpy(body + BLOCK, "\xf8\x02\x01\x02\xe2\x04\x00\x00\x00\x64", 10);
	const struct bytes bytes = frame_of(0x0200, body, sizeof body);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		model = cases[i].model;
		assert_int_equal(
			has_member(decode(&session, &bytes), cases[i].member), cases[i].present);
	}
	model = NULL;
}

static void each_record_of_a_batch_decodes_on_its_own(void **state)
{
	struct session session = {0};
	struct report reports[3];
	static struct bytes raws[3];
	(void)state;
	const char body[] = "\0\3\1\0\x1c" POSITION "\0\x22\x7e\x00\x00\x01" PLACE_AND_TIME
			    "\x01\x04\x7d\x7e\x00\x01\0\x1c" POSITION "\0\x1c\1\2";
	const struct bytes bytes = frame_of(0x0704, body, sizeof body - 1);
	decode(&session, &bytes);
	assert_int_equal(decoded.report_count, 3);
	for (size_t i = 0; i < 3; i++) {
		reports[i] = decoded.reports[i];
		raws[i].len = reports[i].raw.len;
		memcpy(raws[i].data, reports[i].raw.data, raws[i].len);
	}
	for (size_t i = 0; i < 3; i++) {
		struct session again = {0};
		const struct report *report = decode(&again, &raws[i]);
		assert_int_equal(decoded.report_count, 1);
		assert_true(report->body.flags & FLAG_STORED);
		assert_memory_equal(&report->body, &reports[i].body, sizeof report->body);
	}
}

static void records_beyond_the_limit_are_rejected_not_lost(void **state)
{
	enum { RECORDS = DECODED_REPORTS + 4, EACH = 30, PARTS = 16 };
	static struct bytes part;
	static uint8_t body[3 + RECORDS * EACH];
	struct messages all = {0};
	struct session session = {.all_messages = &all};
	(void)state;
	for (size_t i = 0; i < RECORDS; i++)
		memcpy(body + 3 + i * EACH, "\0\x1c" POSITION, EACH);
	for (size_t i = 0; i < PARTS; i++) {
		const size_t start = sizeof body * i / PARTS, end = sizeof body * (i + 1) / PARTS;
		part.len = 0;
		add_part(&part, 0x0704, (uint16_t)(50 + i), PARTS, (uint16_t)(i + 1), body + start,
			end - start);
		decode(&session, &part);
		assert_true(decoded.reply_len[REPLY_STORED] > 0);
	}
	assert_int_equal(decoded.report_count, DECODED_REPORTS);
	assert_int_equal(decoded.reject_count, 1);
	assert_string_equal(decoded.rejects[0].detail, "too many records");
	part.len = decoded.rejects[0].raw.len;
	memcpy(part.data, decoded.rejects[0].raw.data, part.len);
	message_conclude(&session, true, DECODE_OK, &decoded);
	decode(&session, &part);
	assert_int_equal(decoded.report_count, 4);
	message_drop_all(&session);
	assert_int_equal(all.bytes, 0);
}

// Part 5 of 3 with no body: a status, which is identified by the message's id.
static void an_empty_part_out_of_range_has_a_key(void **state)
{
	struct messages all = {0};
	struct session session = {.all_messages = &all};
	struct bytes part = {0};
	(void)state;
	add_part(&part, 0x0704, 20, 3, 5, "", 0);
	const struct report *report = decode(&session, &part);
	assert_int_equal(decoded.report_count, 1);
	assert_int_equal(report->key.len, 2);
	assert_memory_equal(report->key.data, "\7\4", 2);
	message_drop_all(&session);
}

// A control character has six bytes in JSON.
static void a_result_that_does_not_fit_is_cut(void **state)
{
	uint8_t body[1 + 1000];
	struct session session = {0};
	(void)state;
	memset(body, 2, sizeof body);
	memcpy(body + 1, "OK", 2);
	body[sizeof body - 1] = '.';
	const struct bytes bytes = frame_of(0x6006, body, sizeof body);
	const struct report *report = decode(&session, &bytes);
	assert_true(has_member(report, "\"result\":\"OK\\u0002"));
	assert_in_range(report->extra.len, EXTRA_MAX / 2, EXTRA_MAX);
}

static void a_secret_fits_the_code_of_a_log_in(void **state)
{
	struct session session = {0};
	struct bytes bytes = frame_of(0x0102, "CODE", 4);
	(void)state;
	decode(&session, &bytes);
	assert_true(decoded.has_password);
	assert_int_equal(decoded.password.len, 4);
	assert_memory_equal(decoded.password.data, "CODE", 4);
	bytes.len = 0;
	add_frame(&bytes, &peer_2019, 0x0102, 1,
		"\4CODE860000000000017SW 1.0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 40);
	const struct report *report = decode(&session, &bytes);
	assert_int_equal(decoded.password.len, 4);
	assert_true(has_member(report, "\"imei\":\"860000000000017\",\"software\":\"SW 1.0\""));
	assert_false(has_member(report, "CODE"));
}

static void a_rejected_log_in_hides_its_code(void **state)
{
	struct session session = {0};
	struct bytes bytes = frame_of(0x0102, "CODE", 4);
	(void)state;
	bytes.data[bytes.len - 2] ^= 1;
	decoded_reset(&decoded);
	assert_int_equal(
		decoder_jt808.decode(&session, bytes.data, bytes.len, &decoded), DECODE_BAD_SUM);
	assert_true(decoded.has_password);
	assert_ptr_equal(decoded.password.data, bytes.data + 3);
	assert_int_equal(decoded.password.len, bytes.len - 3);
}

// Photos ---------------------------------------------------------------------

static bool replies_with(enum reply_when when, const void *bytes, size_t len)
{
	return memmem(decoded.reply[when], decoded.reply_len[when], bytes, len) != NULL;
}

static void missing_parts_of_a_photo_are_requested(void **state)
{
	static const char first[] = "\0\0\0\x2a\0\0\1\2" POSITION "\xff\xd8\xff\xe0";
	struct photos photos = {0};
	struct session session = {.photos = &photos, .received_us = NOON_US};
	struct bytes part = {0};
	(void)state;
	add_part(&part, 0x0801, 20, 3, 1, first, sizeof first - 1);
	decode(&session, &part);
	assert_int_equal(decoded.report_count, 1);
	assert_true(replies_with(REPLY_STORED, "\x80\x01", 2));
	part.len = 0;
	add_part(&part, 0x0801, 22, 3, 3, "\xff\xd9", 2);
	decode(&session, &part);
	assert_int_equal(decoded.report_count, 0);
	assert_true(replies_with(REPLY_NOW, "\x80\x03\x00\x05\x08\x60\x00\x00\x00\x17", 10));
	assert_true(replies_with(REPLY_NOW, "\x00\x14\x01\x00\x02", 5));
	for (int second = 1; second <= 30; second++) { // again after 10, 20, 30 s
		session.now_us = NOON_US + second * INT64_C(1000000);
		decoded_reset(&decoded);
		decoder_jt808.wake(&session, 0, &decoded);
		assert_int_equal(decoded.reply_len[REPLY_NOW] > 0, second % 10 == 0);
	}
	session.now_us = session.received_us = NOON_US + INT64_C(31000000);
	part.len = 0;
	add_part(&part, 0x0801, 21, 3, 2, "\1\2\3", 3);
	decode(&session, &part);
	assert_true(replies_with(REPLY_STORED, "\x88\x00\x00\x04\x08\x60", 6));
	assert_null(session.photo);
	assert_non_null(session.finished);
	assert_true(session.finished->complete);
	assert_int_equal(session.finished->camera, 2);
	assert_int_equal(session.finished->body.lat_e7, 545000000);
	photo_drop_all(&session);
	assert_int_equal(photos.bytes, 0);
}

static void a_photo_whose_parts_do_not_come_ends(void **state)
{
	struct photos photos = {0};
	struct session session = {.photos = &photos, .received_us = NOON_US};
	struct bytes part = {0};
	(void)state;
	add_part(&part, 0x0801, 20, 2, 1, "\0\0\0\x2a\0\0\1\2\xff\xd8\xff\xe0", 12);
	decode(&session, &part);
	for (int second = 1; second <= 50; second++) {
		session.now_us = NOON_US + second * INT64_C(1000000);
		decoded_reset(&decoded);
		decoder_jt808.wake(&session, 0, &decoded);
	}
	assert_null(session.photo);
	assert_non_null(session.finished);
	assert_false(session.finished->complete);
	photo_drop_all(&session);
}

static void a_part_without_room_is_not_acknowledged(void **state)
{
	struct photos photos = {.bytes = PHOTOS_BYTES};
	struct session session = {.photos = &photos};
	struct bytes part = {0};
	(void)state;
	add_part(&part, 0x0801, 20, 2, 2, "\1\2", 2);
	decode(&session, &part);
	assert_int_equal(decoded.reply_len[REPLY_STORED], 0);
}

// Commands -------------------------------------------------------------------

static void commands_have_the_words_of_the_model(void **state)
{
	static const struct {
		const char *model;
		struct command command;
		uint16_t id;
		struct text body;
	} cases[] = {
		{"G10LS", {.kind = COMMAND_ENGINE_STOP}, 0x8105, {"\x64", 1}},
		{"W15L", {.kind = COMMAND_ENGINE_RESUME}, 0x8105, {"\x65", 1}},
		{"HB-A", {.kind = COMMAND_ENGINE_STOP}, 0x8105, {"\xf0", 1}},
		{"VL300",
			{.kind = COMMAND_OUTPUT_CONTROL,
				.args = {[COMMAND_INDEX] = 1, [COMMAND_VALUE] = 0}},
			0x8105, {"#0;0", 4}},
		{NULL, {.kind = COMMAND_POSITION_SINGLE}, 0x8201, {"", 0}},
		{NULL, {.kind = COMMAND_POSITION_PERIODIC, .args = {[COMMAND_SECONDS] = 30}},
			0x8103, {"\1\0\0\0\x29\4\0\0\0\x1e", 10}},
		{NULL, {.kind = COMMAND_REBOOT_DEVICE}, 0x8105, {"\4", 1}},
		{NULL, {.kind = COMMAND_FACTORY_RESET}, 0x8105, {"\5", 1}},
		{NULL, {.kind = COMMAND_CUSTOM, .text_len = 2, .text = "OK"}, 0x8300, {"\1OK", 3}},
		{"JC371", {.kind = COMMAND_CUSTOM, .text_len = 2, .text = "OK"}, 0x8900,
			{"\xf0OK", 3}},
		{"AL300", {.kind = COMMAND_CUSTOM, .text_len = 2, .text = "OK"}, 0x8103,
			{"\1\0\0\xf0\x30\2OK", 8}},
		{NULL, {.kind = COMMAND_REQUEST_PHOTO}, 0x8801,
			{"\1\0\1\0\0\0\2\5\x80\x40\x40\x80", 12}},
		{NULL, {.kind = COMMAND_ENGINE_STOP}, 0, {"", 0}},
		{"G10LS",
			{.kind = COMMAND_OUTPUT_CONTROL,
				.args = {[COMMAND_INDEX] = 2, [COMMAND_VALUE] = 1}},
			0, {"", 0}},
		{NULL, {.kind = COMMAND_GET_VERSION}, 0, {"", 0}},
	};
	struct session session = {
		.decoder = &decoder_jt808, .find_settings = find_settings, .ident_len = 1};
	uint8_t out[512], want[512];
	(void)state;
	struct command position = {.kind = COMMAND_POSITION_SINGLE};
	assert_int_equal(decoder_jt808.encode_command(&session, &position, out, sizeof out).result,
		ENCODE_LATER); // no frame has been received
	const struct bytes first = frame_of(0x0200, POSITION, BLOCK);
	decode(&session, &first); // its answer has serial 0
	uint16_t serial = 1;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		model = cases[i].model;
		const struct encoded encoded =
			decoder_jt808.encode_command(&session, &cases[i].command, out, sizeof out);
		if (cases[i].id == 0) {
			assert_int_equal(encoded.result, ENCODE_NEVER);
			continue;
		}
		assert_int_equal(encoded.result, ENCODE_DONE);
		assert_int_equal(encoded.correlation.number, (uint32_t)cases[i].id << 16 | serial);
		const size_t len = jt808_wire_seal(&peer_2013, cases[i].id, serial++,
			(const uint8_t *)cases[i].body.data, cases[i].body.len, want, sizeof want);
		assert_int_equal(encoded.len, len);
		assert_memory_equal(out, want, len);
	}
	model = NULL;
	assert_int_equal(
		decoder_jt808.encode_command(&session, &position, out, 8).result, ENCODE_NEVER);
}

static void answers_name_their_command(void **state)
{
	static const struct {
		enum command_kind kind;
		uint32_t sent; /* id and serial */
		uint16_t id;
		struct text body;
		enum confirmation confirmation;
	} cases[] = {
		{COMMAND_REBOOT_DEVICE, 0x81050001, 0x0001, {"\0\1\x81\5\0", 5}, CONFIRMATION_DONE},
		{COMMAND_REBOOT_DEVICE, 0x81050001, 0x0001, {"\0\1\x81\5\3", 5},
			CONFIRMATION_REFUSED},
		{COMMAND_REBOOT_DEVICE, 0x81050002, 0x0001, {"\0\1\x81\5\0", 5}, CONFIRMATION_NONE},
		{COMMAND_REBOOT_DEVICE, 0x81030001, 0x0001, {"\0\1\x81\5\0", 5}, CONFIRMATION_NONE},
		{COMMAND_POSITION_SINGLE, 0x82010001, 0x0201, {"\0\1" POSITION, 30},
			CONFIRMATION_DONE},
		{COMMAND_POSITION_SINGLE, 0x82010001, 0x0200, {POSITION, 28}, CONFIRMATION_NONE},
		{COMMAND_CUSTOM, 0x83000001, 0x6006, {"\1OK", 3}, CONFIRMATION_DONE},
		{COMMAND_CUSTOM, 0x83000001, 0x6006, {"\1SET FAIL", 9}, CONFIRMATION_REFUSED},
		{COMMAND_CUSTOM, 0x83000001, 0x1300, {"\0\1\0O\0K", 6}, CONFIRMATION_DONE},
		{COMMAND_CUSTOM, 0x83000001, 0x1300, {"\0\2\0O\0K", 6}, CONFIRMATION_NONE},
		{COMMAND_REBOOT_DEVICE, 0x81050001, 0x6006, {"\1OK", 3}, CONFIRMATION_NONE},
	};
	struct session session = {0};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct command command = {.kind = cases[i].kind};
		const struct bytes bytes =
			frame_of(cases[i].id, cases[i].body.data, cases[i].body.len);
		const struct report none = {0};
		const struct report *report = decode(&session, &bytes);
		assert_int_equal(decoder_jt808.confirms_command(&command,
					 (struct correlation){true, cases[i].sent},
					 decoded.report_count ? report : &none,
					 decoded.answer_count ? &decoded.answers[0] : NULL),
			cases[i].confirmation);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_are_cut_the_same_in_any_pieces),
		cmocka_unit_test(endless_bytes_lose_framing),
		cmocka_unit_test(a_text_longer_than_its_limit_is_no_frame),
		cmocka_unit_test(a_checksum_and_a_length_open_a_conversation),
		cmocka_unit_test(a_wrong_length_makes_a_known_message_possible),
		cmocka_unit_test(alarms_are_bits_that_rise),
		cmocka_unit_test(a_model_gives_bits_and_items_a_meaning),
		cmocka_unit_test(each_record_of_a_batch_decodes_on_its_own),
		cmocka_unit_test(records_beyond_the_limit_are_rejected_not_lost),
		cmocka_unit_test(an_empty_part_out_of_range_has_a_key),
		cmocka_unit_test(a_result_that_does_not_fit_is_cut),
		cmocka_unit_test(a_secret_fits_the_code_of_a_log_in),
		cmocka_unit_test(a_rejected_log_in_hides_its_code),
		cmocka_unit_test(missing_parts_of_a_photo_are_requested),
		cmocka_unit_test(a_photo_whose_parts_do_not_come_ends),
		cmocka_unit_test(a_part_without_room_is_not_acknowledged),
		cmocka_unit_test(commands_have_the_words_of_the_model),
		cmocka_unit_test(answers_name_their_command),
	};
	page = guarded_new(65536);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
