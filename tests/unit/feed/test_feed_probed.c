// SPDX-License-Identifier: MIT
// What probe() has found need not be found again by decode(): the checksum of a frame is computed once, however the bytes are
// cut, and nothing beyond them is read. The decoders are made for these tests: their table replaces that of
// registry_decoders.c.
//
//   sum   S n payload sum     n u8: bytes of the payload; sum: XOR of the payload. YES after S and n. Datagrams of "s" alone
//                             are frames too, but no probe recognises them
//   shape M n payload sum     the same, but only MAYBE
//   spy   that of GT06. frame() spoils the checksum of each frame it has cut, so that only a decode() which relies on
//         probe() accepts it
#include "decoders/decoders.h"
#include "decoders/gt06/gt06_wire.h"
#include "feed/feed.h"
#include "fixture.h"
#include "util/checksum.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

static struct guarded page;
static unsigned sums; /* computed */
static unsigned probed_frames, probed_decodes;
static bool spoils;

// Every function of a decoder may see the bytes given to the feed, and no others.
static void check_within(const uint8_t *data, size_t len)
{
	assert_true(data >= page.map && data + len <= page.map + page.room);
}

static bool is_right(const uint8_t *data)
{
	sums++;
	return checksum_xor(data + 2, data[1]) == data[2 + data[1]];
}

static enum probe probe_as(
	uint8_t head, enum probe verdict, const uint8_t *data, size_t len, bool datagram)
{
	check_within(data, len);
	if (data[0] != head)
		return PROBE_NO;
	if (len < 2)
		return datagram ? PROBE_NO : PROBE_MORE;
	if (len < 3 + (size_t)data[1])
		return datagram ? PROBE_NO : verdict;
	return verdict == PROBE_MAYBE || is_right(data) ? verdict : PROBE_NO;
}

static enum probe probe_sum(const uint8_t *data, size_t len, bool datagram)
{
	return probe_as('S', PROBE_YES, data, len, datagram);
}

static enum probe probe_shape(const uint8_t *data, size_t len, bool datagram)
{
	return probe_as('M', PROBE_MAYBE, data, len, datagram);
}

static struct frame frame_as(struct session *session, uint8_t head, const uint8_t *data, size_t len)
{
	check_within(data, len);
	probed_frames += session->probed;
	if (data[0] == 's')
		return (struct frame){FRAME_OK, 1};
	if (data[0] != head)
		return (struct frame){FRAME_BAD, 1};
	const size_t least = len < 2 ? 2 : 3 + (size_t)data[1];
	return (struct frame){len < least ? FRAME_MORE : FRAME_OK, least};
}

static struct frame frame_sum(struct session *session, const uint8_t *data, size_t len)
{
	return frame_as(session, 'S', data, len);
}

static struct frame frame_shape(struct session *session, const uint8_t *data, size_t len)
{
	return frame_as(session, 'M', data, len);
}

static enum decode_status decode_sum(
	struct session *session, const uint8_t *data, size_t len, struct decoded *out)
{
	check_within(data, len);
	probed_decodes += session->probed;
	session_set_ident(session, "1", 1);
	if (len > 1 && !session->probed && !is_right(data))
		return DECODE_BAD_SUM;
	struct report *report = decoded_report(out, session);
	report->raw = report->key = (struct text){(const char *)data, len};
	return DECODE_OK;
}

static enum probe probe_spy(const uint8_t *data, size_t len, bool datagram)
{
	check_within(data, len);
	return decoder_gt06.probe(data, len, datagram);
}

static struct frame frame_spy(struct session *session, const uint8_t *data, size_t len)
{
	check_within(data, len);
	const struct frame frame = decoder_gt06.frame(session, data, len);
	if (spoils && frame.kind == FRAME_OK)
		page.map[data - page.map + (ptrdiff_t)frame.len - 3] ^= 0xFF;
	return frame;
}

static enum decode_status decode_spy(
	struct session *session, const uint8_t *data, size_t len, struct decoded *out)
{
	check_within(data, len);
	probed_decodes += session->probed;
	return decoder_gt06.decode(session, data, len, out);
}

static const struct decoder decoder_sum = {
	.name = "sum", .probe = probe_sum, .frame = frame_sum, .decode = decode_sum};
static const struct decoder decoder_shape = {
	.name = "shape", .probe = probe_shape, .frame = frame_shape, .decode = decode_sum};
static const struct decoder decoder_spy = {.name = "spy",
	.frame_max = GT06_WIRE_MOST,
	.probe = probe_spy,
	.frame = frame_spy,
	.decode = decode_spy};

const struct decoder *const registry_decoders[] = {
	&decoder_spy, &decoder_sum, &decoder_shape, NULL};

// ---- feeding

static struct decoded decoded;
static struct feed feed;
static unsigned reports, rejects;

static void begin(bool datagram)
{
	feed_init(&feed, DECODERS_ALL, NULL, datagram);
	feed.session.received_us = 1795342500000000; // 2026-11-22 10:15
	sums = probed_frames = probed_decodes = reports = rejects = 0;
}

// Feeds bytes that end before an unreadable page. Returns the bytes used.
static size_t give(const uint8_t *data, size_t len)
{
	size_t start = 0;
	while (start < len) {
		size_t used;
		const uint8_t *at = guarded_copy(&page, data + start, len - start);
		const enum feed_verdict verdict =
			feed_step(&feed, at, len - start, &decoded, &used);
		assert_false(feed.session.probed);
		if (verdict == FEED_MORE)
			break;
		assert_in_range(used, 1, len - start);
		start += used;
		reports += (unsigned)decoded.report_count;
		rejects += (unsigned)decoded.reject_count;
	}
	return start;
}

// Feeds the pieces that end at cuts[0] <= cuts[1] <= len as a new stream.
static void give_cut(const uint8_t *data, size_t len, const size_t cuts[2])
{
	begin(false);
	size_t start = give(data, cuts[0]);
	start += give(data + start, cuts[1] - start);
	start += give(data + start, len - start);
	assert_int_equal(start, len);
}

#define GIVE(literal) give((const uint8_t *)(literal), sizeof(literal) - 1)

// ---- the tests

static void a_sum_is_computed_once_however_the_bytes_are_cut(void **state)
{
	static const uint8_t bytes[] = "S\3abc\x60S\1x\x78S\2xy\1";
	const size_t len = sizeof(bytes) - 1;
	(void)state;
	for (size_t first = 1; first <= len; first++) {
		for (size_t second = first; second <= len; second++) {
			give_cut(bytes, len, (const size_t[]){first, second});
			assert_int_equal(reports, 3);
			assert_int_equal(rejects, 0);
			assert_int_equal(sums, 3);
			// Of the first frame only, and only if it was whole when probe() gave its verdict.
			const size_t seen = first >= 2 ? first : second >= 2 ? second : len;
			assert_int_equal(probed_decodes, seen >= 6);
		}
	}
}

static void a_frame_of_which_the_start_was_probed_is_checked(void **state)
{
	(void)state;
	begin(false);
	assert_int_equal(GIVE("S\3a"), 0);
	assert_int_equal(probed_frames, 1);
	assert_int_equal(GIVE("S\3abc\x61"), 6); // the sum is 60
	assert_int_equal(probed_frames, 1);
	assert_int_equal(probed_decodes, 0);
	assert_int_equal(reports, 0);
	assert_int_equal(rejects, 1);
	assert_int_equal(sums, 1);
	assert_int_equal(GIVE("S\1x\x78"), 4);
	assert_int_equal(reports, 1);
	feed_done(&feed);
}

static void only_the_first_of_several_frames_is_probed(void **state)
{
	(void)state;
	begin(false);
	assert_int_equal(GIVE("S\1x\x78S\1x\x78S\1x\x79"), 12);
	assert_int_equal(probed_decodes, 1);
	assert_int_equal(reports, 2);
	assert_int_equal(rejects, 1);
	assert_int_equal(sums, 3);
}

static void a_maybe_is_no_yes(void **state)
{
	(void)state;
	begin(false);
	assert_int_equal(GIVE("M\1x\x78M\1x\x79"), 8);
	assert_int_equal(probed_frames + probed_decodes, 0);
	assert_int_equal(reports, 1);
	assert_int_equal(rejects, 1);
	assert_int_equal(sums, 2);
}

static void bytes_that_are_sniffed_again_are_probed_again(void **state)
{
	(void)state;
	begin(false);
	assert_int_equal(GIVE("M\1x\x78S\1x\x78S\1x\x78"), 12); // another protocol continues
	assert_ptr_equal(feed.session.decoder, &decoder_sum);
	assert_int_equal(probed_decodes, 1);
	assert_int_equal(reports, 3);
	assert_int_equal(sums, 3);
	begin(false);
	assert_int_equal(GIVE("S\1x\x78!S\1x\x78"), 9); // framing was lost
	assert_int_equal(probed_decodes, 2);
	assert_int_equal(reports, 2);
	assert_int_equal(rejects, 1);
	assert_int_equal(sums, 2);
}

static void each_datagram_is_checked_once(void **state)
{
	(void)state;
	begin(true);
	for (unsigned i = 1; i <= 3; i++) {
		feed_datagram(&feed, 1795342500000000);
		assert_int_equal(GIVE("S\1x\x78"), 4);
		assert_int_equal(probed_decodes, i);
		assert_int_equal(sums, i);
	}
	feed_datagram(&feed, 1795342500000000);
	assert_int_equal(GIVE("s"), 1); // found by frame(), not by probe()
	assert_int_equal(reports, 4);
	assert_int_equal(probed_decodes, 3);
	feed_datagram(&feed, 1795342500000000);
	assert_int_equal(GIVE("S\1x\x79"), 4); // by frame() again, after the NO
	assert_int_equal(rejects, 1);
	assert_int_equal(probed_decodes, 3);
}

// ---- GT06

#define LOGIN     0x01, 0x08, 0x60, 0, 0, 0, 0, 0, 0x17
#define HEARTBEAT 0x13, 0x46, 5, 3, 0, 2

static size_t write_gt06(uint8_t *out)
{
	static const uint8_t login[] = {LOGIN}, heartbeat[] = {HEARTBEAT};
	size_t len = gt06_wire_seal(out, false, login, sizeof(login), 1);
	len += gt06_wire_seal(out + len, false, heartbeat, sizeof(heartbeat), 2);
	return len + gt06_wire_seal(out + len, true, heartbeat, sizeof(heartbeat), 3);
}

static bool has_bad_crc(void)
{
	const struct text extra = decoded.reports[0].extra;
	return extra.len > 0 && memmem(extra.data, extra.len, "crc_bad", 7);
}

static void the_crc_of_a_gt06_frame_is_computed_once(void **state)
{
	uint8_t data[128];
	const size_t len = write_gt06(data), first = 18;
	(void)state;
	spoils = true;
	for (size_t cut = 1; cut < first; cut++) {
		begin(false);
		assert_int_equal(give(data, cut), 0);
		assert_int_equal(give(data, first), first);
		assert_int_equal(decoded.report_count, 1);
		assert_false(has_bad_crc()); // probe() has computed it
		assert_int_equal(probed_decodes, 1);
	}
	begin(false);
	assert_int_equal(give(data, len), len);
	assert_int_equal(reports, 1);
	assert_int_equal(rejects, 2); // decode() has computed those of the heartbeats
	assert_int_equal(probed_decodes, 1);
	spoils = false;
}

static void the_crc_of_a_gt06_datagram_is_computed_once(void **state)
{
	uint8_t data[128];
	const size_t len = write_gt06(data);
	(void)state;
	spoils = true;
	begin(true);
	for (size_t at = 0, size; at < len; at += size) {
		size = data[at] == 0x78 ? 5 + (size_t)data[at + 2] : 6 + (size_t)data[at + 3];
		feed_datagram(&feed, 1795342500000000);
		assert_int_equal(give(data + at, size), size);
		assert_int_equal(decoded.report_count, 1);
		assert_false(has_bad_crc());
	}
	assert_int_equal(probed_decodes, 3);
	spoils = false;
}

static void no_flipped_bit_of_a_gt06_login_is_probed(void **state)
{
	uint8_t data[128];
	(void)state;
	write_gt06(data);
	for (size_t bit = 0; bit < 18 * 8; bit++) {
		data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		for (size_t cut = 1; cut <= 18; cut++) {
			begin(false);
			const size_t start = give(data, cut);
			if (start < 18)
				give(data + start, 18 - start);
			assert_int_equal(probed_decodes, 0);
			feed_done(&feed);
		}
		data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sum_is_computed_once_however_the_bytes_are_cut),
		cmocka_unit_test(a_frame_of_which_the_start_was_probed_is_checked),
		cmocka_unit_test(only_the_first_of_several_frames_is_probed),
		cmocka_unit_test(a_maybe_is_no_yes),
		cmocka_unit_test(bytes_that_are_sniffed_again_are_probed_again),
		cmocka_unit_test(each_datagram_is_checked_once),
		cmocka_unit_test(the_crc_of_a_gt06_frame_is_computed_once),
		cmocka_unit_test(the_crc_of_a_gt06_datagram_is_computed_once),
		cmocka_unit_test(no_flipped_bit_of_a_gt06_login_is_probed),
	};
	page = guarded_new(4096);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
