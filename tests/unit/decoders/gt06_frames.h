// SPDX-License-Identifier: MIT
// GT06 frames for tests: written as hex, completed with length, serial and checksum, decoded on one
// session.
#ifndef AVLD_GT06_FRAMES_H
#define AVLD_GT06_FRAMES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "decoders/decoders.h"
#include "decoders/gt06/gt06_command.h"
#include "decoders/gt06/gt06_frame.h"
#include "fixture.h"
#include "util/checksum.h"
#include "util/text.h"

#include <string.h>

struct bytes {
	size_t len;
	uint8_t data[FRAME_CAP + 64];
};

static inline void add_hex(struct bytes *bytes, const char *hex)
{
	int high = -1;
	for (; *hex; hex++) {
		int digit = text_hex_digit(*hex);
		if (digit < 0)
			continue;
		if (high < 0) {
			high = digit;
		} else {
			assert_true(bytes->len < sizeof bytes->data);
			bytes->data[bytes->len++] = (uint8_t)(high << 4 | digit);
			high = -1;
		}
	}
	assert_int_equal(high, -1);
}

static inline struct bytes from_hex(const char *hex)
{
	struct bytes bytes = {0};
	add_hex(&bytes, hex);
	return bytes;
}

// Sets the length field and the checksum of a frame.
static inline void seal(struct bytes *frame)
{
	size_t head = frame->data[0] == 0x78 ? 3 : 4, length = frame->len - head - 2;
	frame->data[head - 1] = (uint8_t)length;
	if (head == 4)
		frame->data[2] = (uint8_t)(length >> 8);
	uint16_t crc = checksum_crc16_x25(frame->data + 2, frame->len - 6);
	frame->data[frame->len - 4] = (uint8_t)(crc >> 8);
	frame->data[frame->len - 3] = (uint8_t)crc;
}

// Makes a frame of a type and body in hex, with serial 7.
static inline struct bytes frame_of(bool extended, const char *type_and_body)
{
	struct bytes frame = from_hex(extended ? "7979 0000" : "7878 00");
	add_hex(&frame, type_and_body);
	add_hex(&frame, "0007 0000 0D0A");
	seal(&frame);
	return frame;
}

// One conversation, and the result of its newest frame.
static struct session session;
static struct decoded batch;
static struct guarded page;

#define IDENT "860000000000017"

static inline int64_t at(int hour, int minute, int second)
{
	int64_t time_us = 0;
	assert_true(text_make_time(2031, 5, 14, hour, minute, second, 0, &time_us));
	return time_us;
}

static inline enum decode_status decode_bytes(const uint8_t *data, size_t len)
{
	const uint8_t *copy = guarded_copy(&page, data, len);
	struct frame frame = decoder_gt06.frame(&session, copy, len);
	assert_int_equal(frame.kind, FRAME_OK);
	assert_int_equal(frame.len, len);
	decoded_reset(&batch);
	return decoder_gt06.decode(&session, copy, len, &batch);
}

static inline enum decode_status decode_frame(const struct bytes *frame)
{
	return decode_bytes(frame->data, frame->len);
}

static inline enum decode_status decode_hex(const char *hex)
{
	struct bytes bytes = from_hex(hex);
	return decode_frame(&bytes);
}

// devices.model of the session; NULL: none.
static const char *device_model;

static inline struct device_settings find_model(const void *context, struct text ident)
{
	(void)context;
	(void)ident;
	const size_t len = device_model ? strlen(device_model) : 0;
	return (struct device_settings){.model = {device_model, len}};
}

// Starts a session with a log-in.
static inline void log_in(void)
{
	session = (struct session){.received_us = at(9, 10, 0), .find_settings = find_model};
	struct bytes login = frame_of(false, "01 0860000000000017");
	assert_int_equal(decode_frame(&login), DECODE_OK);
}

// All frames that the tests decode, which the last test mutates.
#define CORPUS_MOST 512
static struct {
	size_t len;
	uint8_t data[256];
} corpus[CORPUS_MOST];
static size_t corpus_count;

static inline void remember(const struct bytes *frame)
{
	if (corpus_count == CORPUS_MOST || frame->len > sizeof corpus[0].data)
		return;
	corpus[corpus_count].len = frame->len;
	memcpy(corpus[corpus_count++].data, frame->data, frame->len);
}

// Decodes a message. Returns its only report.
static inline const struct report *report_of(const struct bytes *frame)
{
	remember(frame);
	assert_int_equal(decode_frame(frame), DECODE_OK);
	assert_int_equal(batch.report_count, 1);
	return &batch.reports[0];
}

static inline const struct report *read_message(const char *type_and_body)
{
	struct bytes frame = frame_of(false, type_and_body);
	log_in();
	return report_of(&frame);
}

static inline const struct report *read_extended(const char *type_and_body)
{
	struct bytes frame = frame_of(true, type_and_body);
	log_in();
	return report_of(&frame);
}

// The same for a device of this model.
static inline const struct report *read_as(const char *model, const char *type_and_body)
{
	device_model = model;
	const struct report *report = read_message(type_and_body);
	device_model = NULL;
	return report;
}

static inline void assert_text(struct text text, const char *expected)
{
	assert_int_equal(text.len, strlen(expected));
	assert_memory_equal(text.data, expected, text.len);
}

static inline bool has_extra(const struct report *report, const char *member)
{
	return report->extra.len > 0 &&
	       memmem(report->extra.data, report->extra.len, member, strlen(member)) != NULL;
}

#define assert_extra(report, member)                                                               \
	do {                                                                                       \
		if (!has_extra(report, member))                                                    \
			fail_msg("no %s in {%.*s}", member, (int)(report)->extra.len,              \
				(report)->extra.data ? (report)->extra.data : "");                 \
	} while (0)

static inline void assert_alarm(const struct report *report, enum alarm alarm)
{
	assert_true(report->body.alarms == UINT64_C(1) << alarm);
}

static inline void assert_reply(enum reply_when when, const char *hex)
{
	struct bytes expected = from_hex(hex);
	assert_int_equal(batch.reply_len[when], expected.len);
	assert_memory_equal(batch.reply[when], expected.data, expected.len);
	assert_int_equal(batch.reply_len[!when], 0);
}

static inline void assert_no_reply(void)
{
	assert_int_equal(batch.reply_len[REPLY_NOW] + batch.reply_len[REPLY_STORED], 0);
}

// Mutations -------------------------------------------------------------------

static inline uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

static inline void mutate(struct bytes *frame, uint32_t *seed)
{
	size_t pick = next_random(seed) % corpus_count;
	frame->len = corpus[pick].len;
	memcpy(frame->data, corpus[pick].data, frame->len);
	size_t head = frame->data[0] == 0x78 ? 3 : 4;
	if (next_random(seed) % 4 == 0) // another message with the same body
		frame->data[head] = (uint8_t)next_random(seed);
	for (uint32_t n = next_random(seed) % 4; n > 0; n--)
		frame->data[next_random(seed) % frame->len] = (uint8_t)next_random(seed);
	if (next_random(seed) % 4 == 0) // shorter
		frame->len = head + 7 + next_random(seed) % (frame->len - head - 6);
	if (next_random(seed) % 4 == 0)
		return;
	// Mostly length and checksum are right, so that the content is decoded.
	frame->data[0] = frame->data[1] = head == 3 ? 0x78 : 0x79;
	memcpy(frame->data + frame->len - 2, "\r\n", 2);
	seal(frame);
}

static inline bool is_within(struct text text, const uint8_t *data, size_t len)
{
	const uint8_t *start = (const uint8_t *)text.data;
	return start >= data && text.len <= len && start + text.len <= data + len;
}

static inline void check_batch(enum decode_status status, const uint8_t *data, size_t len)
{
	assert_true(batch.report_count <= (status == DECODE_OK ? 1 : 0));
	for (size_t n = 0; n < batch.report_count; n++) {
		const struct report *report = &batch.reports[n];
		assert_true(report->ident.len > 0 && report->event.len >= 2);
		assert_true(report->driver.len <= DRIVER_MAX && report->extra.len <= EXTRA_MAX);
		assert_true(report->key.len > 0);
		assert_true(is_within(report->raw, data, len));
		assert_true(is_within(report->key, data, len));
	}
}

// Decodes a frame with one bit flipped, on the session `fresh`. Accepted it must keep its values: only a
// position whose length or end is wrong is accepted, and is marked.
static inline void check_flipped(
	const struct session *fresh, const struct bytes *flipped, const struct report_body *right)
{
	session = *fresh;
	const uint8_t *data = guarded_copy(&page, flipped->data, flipped->len);
	struct frame frame = decoder_gt06.frame(&session, data, flipped->len);
	if (frame.kind != FRAME_OK)
		return;
	decoded_reset(&batch);
	if (decoder_gt06.decode(&session, data, frame.len, &batch) != DECODE_OK)
		return;
	assert_int_equal(batch.report_count, 1);
	assert_extra(&batch.reports[0], "\"length_bad\":true");
	const struct report_body *body = &batch.reports[0].body;
	assert_true(body->lat_e7 == right->lat_e7 && body->lon_e7 == right->lon_e7);
	assert_true(body->device_time_us == right->device_time_us && body->alarms == 0);
	assert_no_reply();
}

// For the end, like the next one.
static inline void no_flipped_bit_is_accepted(void **state)
{
	(void)state;
	size_t checked = 0;
	for (size_t i = 0; i < corpus_count; i++) {
		struct bytes bytes = {.len = corpus[i].len};
		memcpy(bytes.data, corpus[i].data, bytes.len);
		struct bytes sealed = bytes;
		sealed.data[0] = sealed.data[1];
		seal(&sealed);
		if (memcmp(sealed.data, bytes.data, bytes.len) != 0)
			continue; // wrong on purpose
		log_in();
		const struct session fresh = session;
		if (decode_frame(&bytes) != DECODE_OK || batch.report_count != 1)
			continue;
		const struct report_body right = batch.reports[0].body;
		for (size_t bit = 0; bit < 8 * bytes.len; bit++) {
			bytes.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
			check_flipped(&fresh, &bytes, &right);
			bytes.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		checked++;
	}
	assert_true(checked > 10);
}

// The last test: mutations of all frames of the tests before it, each flush against an unreadable
// page.
static inline void mutated_frames_are_read_within_bounds(void **state)
{
	static struct bytes mutant;
	uint32_t seed = 1;
	(void)state;
	for (int i = 0; i < 100000; i++) {
		if (i % 16 == 0)
			log_in();
		session.datagram = i % 3 == 0;
		mutate(&mutant, &seed);
		const uint8_t *data = guarded_copy(&page, mutant.data, mutant.len);
		decoder_gt06.probe(data, mutant.len, session.datagram);
		struct frame frame = decoder_gt06.frame(&session, data, mutant.len);
		if (frame.kind == FRAME_MORE)
			assert_true(frame.len > mutant.len && frame.len <= decoder_gt06.frame_max);
		else
			assert_true(frame.len > 0 && frame.len <= mutant.len);
		if (frame.kind != FRAME_OK)
			continue;
		// The frame alone, so that the page after it is unreadable.
		data = guarded_copy(&page, mutant.data, frame.len);
		decoded_reset(&batch);
		enum decode_status status = decoder_gt06.decode(&session, data, frame.len, &batch);
		check_batch(status, data, frame.len);
	}
}

#endif
