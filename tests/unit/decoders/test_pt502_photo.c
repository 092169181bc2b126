// SPDX-License-Identifier: MIT
// Photos of the PT-502 through the feed: requests, parts, results.
#include "decoders/decoders.h"
#include "feed/feed.h"
#include "protocol/photo.h"
#include "util/checksum.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define START_US INT64_C(1795342500000000) /* 2026-11-22 10:15 */
#define SECOND   INT64_C(1000000)

static struct feed feed;
static struct decoded decoded;
static struct photos photos;
static uint8_t jpeg[PHOTO_BYTES];

static int begin(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(jpeg); i++)
		jpeg[i] = (uint8_t)("\r\n$#@\xbf\xfb"[i % 7] + (int)(i / 960));
	memcpy(jpeg, "\xff\xd8", 2);
	photos = (struct photos){0};
	feed_init(&feed, DECODERS_ALL, &decoder_pt502, false);
	feed.session.received_us = START_US;
	feed.session.photos = &photos;
	return 0;
}

static int end(void **state)
{
	(void)state;
	feed_done(&feed);
	assert_int_equal(photos.bytes, 0);
	return 0;
}

// Returns the request "#PHD..." without its CR LF; "" for none.
static const char *asked(void)
{
	static char text[64];
	const size_t len = decoded.reply_len[REPLY_NOW];
	assert_int_equal(decoded.reply_len[REPLY_STORED], 0);
	assert_true(len < sizeof(text));
	memcpy(text, decoded.reply[REPLY_NOW], len);
	assert_true(len == 0 || (len > 2 && !memcmp(text + len - 2, "\r\n", 2)));
	text[len ? len - 2 : 0] = '\0';
	return text;
}

static const char *take(const void *bytes, size_t len)
{
	size_t used;
	assert_int_equal(feed_step(&feed, bytes, len, &decoded, &used), FEED_TAKEN);
	assert_int_equal(used, len);
	return asked();
}

// Feeds a record of 10:15 plus the seconds.
static const char *announce(const char *code, int second)
{
	char record[128];
	const int len = snprintf(record, sizeof(record),
		"$%s,5020001,1015%02d.000,A,4807.0380,N,01131.0000,E,0.00,,221126\r\n", code,
		second);
	const char *request = take(record, (size_t)len);
	assert_int_equal(decoded.report_count, 1);
	assert_int_equal(decoded.reject_count, 0);
	return request;
}

static const char *give(size_t offset, size_t count)
{
	uint8_t frame[FRAME_CAP];
	char head[32];
	const size_t head_len = (size_t)snprintf(head, sizeof(head), "$PHD%zu,%zu,", offset, count);
	const size_t len = 5 + head_len + count + 2;
	memcpy(frame + 5, head, head_len);
	memcpy(frame + 5 + head_len, jpeg + offset, count);
	memcpy(frame + len - 2, "\r\n", 2);
	memcpy(frame, "\xbf\xfb", 2);
	frame[2] = checksum_xor(frame + 5, len - 5);
	frame[3] = (uint8_t)len;
	frame[4] = (uint8_t)(len >> 8);
	const char *request = take(frame, len);
	assert_int_equal(decoded.report_count, 0);
	return request;
}

static void check_reject(const char *reason)
{
	char text[DECODED_REASON_MAX];
	assert_int_equal(decoded.reject_count, 1);
	decoded_reject_reason(&decoded.rejects[0], text);
	assert_string_equal(text, reason);
}

static const char *pass(int64_t us)
{
	const int64_t now_us = feed.session.received_us + us;
	feed.session.received_us = now_us; // of what comes next
	feed_expire(&feed, now_us, now_us - FEED_HOLD_US, &decoded);
	return asked();
}

// Checks and drops the first finished photo.
static void check_photo(size_t size, bool complete)
{
	const struct photo *photo = feed.session.finished;
	assert_non_null(photo);
	assert_int_equal(photo->size, size);
	assert_int_equal(photo->complete, complete);
	assert_memory_equal(photo->data, jpeg, size);
	assert_int_equal(photo->ident_len, 7);
	assert_memory_equal(photo->ident, "5020001", 7);
	photo_drop(&feed.session);
}

static void check_none(void)
{
	assert_null(feed.session.photo);
	assert_null(feed.session.finished);
	assert_false(feed_waits(&feed));
}

static void seal(size_t size)
{
	memcpy(jpeg + size - 2, "\xff\xd9", 2);
}

static void fetches_parts_in_order(void **state)
{
	(void)state;
	seal(2000);
	assert_string_equal(announce("PHO2000-3", 0), "#PHD0,960");
	assert_string_equal(give(0, 960), "#PHD960,960");
	assert_string_equal(announce("POS", 5), "");
	assert_string_equal(give(960, 960), "#PHD1920,80");
	assert_true(feed_waits(&feed));
	assert_null(feed.session.finished);
	feed.session.received_us += SECOND;
	assert_string_equal(give(1920, 80), "");
	const struct photo *photo = feed.session.finished;
	assert_int_equal(photo->camera, 3);
	assert_int_equal(photo->body.device_time_us, START_US);
	assert_int_equal(photo->body.lat_e7, 481173000);
	assert_int_equal(photo->announced_us, START_US);
	assert_int_equal(photo->received_us, START_US + SECOND);
	check_photo(2000, true);
	check_none();
}

static void fetches_every_size(void **state)
{
	(void)state;
	static const size_t sizes[] = {
		1, 4, 959, 960, 961, 1919, 1920, 1921, PHOTO_BYTES - 1, PHOTO_BYTES};
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		char code[32];
		const size_t size = sizes[i];
		begin(NULL);
		if (size > 2)
			seal(size);
		snprintf(code, sizeof(code), "PHO%zu", size);
		const char *next = announce(code, 0);
		for (size_t at = 0; at < size; at += 960) {
			char wanted[32];
			const size_t count = size - at < 960 ? size - at : 960;
			snprintf(wanted, sizeof(wanted), "#PHD%zu,%zu", at, count);
			assert_string_equal(next, wanted);
			next = give(at, count);
		}
		assert_string_equal(next, "");
		check_photo(size, size >= 4);
		check_none();
	}
}

static void accepts_parts_out_of_order_and_twice(void **state)
{
	(void)state;
	seal(2900);
	announce("PHO2900", 0);
	assert_string_equal(give(960, 960), "");
	assert_string_equal(give(2880, 20), "");
	assert_string_equal(give(2880, 20), "");
	assert_string_equal(give(0, 960), "#PHD1920,960");
	assert_string_equal(give(0, 960), ""); // a duplicate must not cause another request
	assert_string_equal(give(1920, 960), "");
	check_photo(2900, true);
	assert_string_equal(give(1920, 960), ""); // a late part is no reject
	assert_int_equal(decoded.reject_count, 0);
	feed.session.received_us += 61 * SECOND;
	give(1920, 960);
	check_reject("photo data: not asked for");
}

static void requests_lost_parts_again(void **state)
{
	(void)state;
	seal(2000);
	announce("PHO2000", 0);
	give(0, 960);
	assert_string_equal(pass(10 * SECOND - 1), "");
	assert_string_equal(pass(1), "#PHD960,960");
	assert_string_equal(pass(10 * SECOND), "#PHD960,960");
	assert_string_equal(give(960, 960), "#PHD1920,80");
	for (int i = 0; i < 3; i++) // counted again
		assert_string_equal(pass(10 * SECOND), "#PHD1920,80");
	assert_string_equal(pass(9 * SECOND), "");
	assert_null(feed.session.finished);
	assert_string_equal(pass(SECOND), "");
	assert_true(feed_waits(&feed)); // until the journal has it
	check_photo(1920, false);
	check_none();
	assert_string_equal(pass(10 * SECOND), "");
}

static void gives_up_without_parts(void **state)
{
	(void)state;
	announce("PHO2000", 0);
	assert_string_equal(give(960, 960), "");
	for (int i = 0; i < 3; i++)
		assert_string_equal(pass(10 * SECOND), "#PHD0,960");
	pass(10 * SECOND);
	check_none(); // nothing is kept without the first part
}

static void survives_a_clock_set_back(void **state)
{
	(void)state;
	announce("PHO2000", 0);
	assert_string_equal(pass(-3600 * SECOND), "");
	assert_string_equal(pass(10 * SECOND), "#PHD0,960");
}

static void rejects_invalid_parts(void **state)
{
	(void)state;
	static const struct {
		const char *body, *reason;
	} rows[] = {
		{"$PHD1,3,abc\r\n", "bad value: photo data: offset"},
		{"$PHD2880,3,abc\r\n", "bad value: photo data: offset"},
		{"$PHD999999999,3,abc\r\n", "bad value: photo data: offset"},
		{"$PHD960,3,abc\r\n", "bad value: photo data: count"}, // short, and not asked for
		{"$PHD1920,81,0123456789012345678901234567890123456789"
		 "01234567890123456789012345678901234567890\r\n",
			"bad value: photo data: count"},
		{"$PHD0,960,abc\r\n", "bad length: photo data"},
		{"$PHD0,3,abcd\r\n", "bad length: photo data"},
		{"$PHD0,3,abc\r\n\r\n", "bad length: photo data"},
		{"$PHD0,-3,abc\r\n", "bad value: photo data"},
		{"$PHD0,9999999999,abc\r\n", "bad value: photo data"},
		{"$PHD,3,abc\r\n", "bad value: photo data"},
		{"$PHD0\r\n", "bad value: photo data"},
		{"$PHD0,", "bad value: photo data"},
		{"$PHD0,3", "bad value: photo data"},
		{"$PHD", "bad value: photo data"},
	};
	announce("PHO2000", 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t frame[256] = {0xBF, 0xFB, 0xFF};
		const size_t len = strlen(rows[i].body);
		frame[3] = (uint8_t)(len + 5);
		memcpy(frame + 5, rows[i].body, len);
		assert_string_equal(take(frame, len + 5), "");
		check_reject(rows[i].reason);
	}
	take("$PHD0,3,abc\r\n", 13); // bare
	check_reject("photo data: not asked for");
	assert_string_equal(give(0, 960), "#PHD960,960");
}

static void ends_when_shorter_than_announced(void **state)
{
	(void)state;
	seal(1500);
	announce("PHO2000", 0);
	give(0, 960);
	assert_string_equal(give(960, 540), "");
	check_photo(1500, false);
	announce("PHO2000", 1);
	give(0, 960);
	assert_string_equal(give(960, 0), "");
	check_photo(960, false);
	announce("PHO2000", 2);
	assert_string_equal(give(0, 0), "");
	check_none();
}

static void marks_incomplete_if_not_a_jpeg(void **state)
{
	(void)state;
	seal(1000);
	jpeg[1] = 0xD9;
	announce("PHO1000", 0);
	give(0, 960);
	give(960, 40);
	check_photo(1000, false);
	jpeg[1] = 0xD8;
	jpeg[999] = 0xDA;
	announce("PHO1000", 1);
	give(0, 960);
	give(960, 40);
	check_photo(1000, false);
	seal(990);
	memset(jpeg + 990, 0, 10); // padded
	announce("PHO1000", 2);
	give(0, 960);
	give(960, 40);
	check_photo(1000, true);
}

static void a_new_photo_ends_the_open_one(void **state)
{
	(void)state;
	seal(1200);
	announce("PHO2000", 0);
	assert_string_equal(give(0, 960), "#PHD960,960");
	assert_string_equal(announce("PHO2000", 0), ""); // the same record
	assert_string_equal(announce("PHO0-1", 1), "");
	assert_string_equal(announce("PHO1048577", 1), "");
	assert_string_equal(announce("PHO1200", 1), "#PHD0,960");
	assert_string_equal(
		announce("PHO1200-1", 2), "#PHD0,960"); // without parts of the previous one
	assert_string_equal(give(0, 960), "#PHD960,240");
	assert_string_equal(give(960, 240), "");
	check_photo(960, false);
	check_photo(1200, true);
	check_none();
}

static void rejects_parts_not_requested(void **state)
{
	(void)state;
	assert_string_equal(announce("PHO0", 0), "");
	assert_string_equal(announce("PHO0-1", 0), "");
	assert_string_equal(announce("PHO1048577", 0), "");
	assert_string_equal(take("$PHO100,5020001,101500.000,V,,,,,,,221126#\n", 43), "");
	give(0, 960);
	check_reject("photo data: not asked for");
	feed.session.photos = NULL; // off
	assert_string_equal(announce("PHO100", 0), "");
	check_none();
}

// So those who announce photos and send none do not keep others from sending theirs (protocol/photo.h has the caps).
static void an_announcement_uses_no_memory_for_the_data(void **state)
{
	(void)state;
	static struct feed many[80];
	for (size_t i = 0; i < 80; i++) {
		feed_init(&feed, DECODERS_ALL, &decoder_pt502, false);
		feed.session.photos = &photos;
		assert_string_not_equal(announce("PHO1048576", 0), "");
		assert_false(photos.full);
		many[i] = feed;
	}
	assert_true(photos.bytes < 80 * 1024);
	for (size_t i = 0; i < 80; i++)
		feed_done(&many[i]);
	feed_init(&feed, DECODERS_ALL, &decoder_pt502, false);
	feed.session.photos = &photos;
}

static void ends_with_the_conversation(void **state)
{
	(void)state;
	announce("PHO2000", 0);
	give(0, 960);
	photo_end(&feed.session);
	check_photo(960, false);
	photo_end(&feed.session);
	check_none();
	announce("PHO2000", 1);
	give(0, 960); // end() frees it
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(fetches_parts_in_order),
		TEST(fetches_every_size),
		TEST(accepts_parts_out_of_order_and_twice),
		TEST(requests_lost_parts_again),
		TEST(gives_up_without_parts),
		TEST(survives_a_clock_set_back),
		TEST(rejects_invalid_parts),
		TEST(ends_when_shorter_than_announced),
		TEST(marks_incomplete_if_not_a_jpeg),
		TEST(a_new_photo_ends_the_open_one),
		TEST(rejects_parts_not_requested),
		TEST(an_announcement_uses_no_memory_for_the_data),
		TEST(ends_with_the_conversation),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
