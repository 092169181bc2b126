// SPDX-License-Identifier: MIT
// Blanks at the head of a conversation, and the limits that decoders declare. The decoders are made for these tests, beside the
// real ones: their table replaces that of registry_decoders.c.
//
//   nul   00 0F, 15 digits      a log-in; needs all 17 bytes for its YES
//         00 00 00 00 n payload n u8
//   line  L ... LF              declares frames of LINE_MAX; looks for the LF in all bytes that it sees
//   size  G n payload           n u16 BE: the length in all; declares frames of FRAME_MOST
//   slow  S ... !               needs the ! for its YES; declares SLOW_MAX bytes for sniffing
#include "decoders/decoders.h"
#include "feed/feed.h"
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#define BYTES(literal) (const uint8_t *)(literal), sizeof(literal) - 1
#define LINE_MAX       100
#define SLOW_MAX       1000

static enum decode_status decode_any(
	struct session *session, const uint8_t *data, size_t len, struct decoded *out)
{
	session_set_ident(session, "1", 1);
	struct report *report = decoded_report(out, session);
	report->raw = report->key = (struct text){(const char *)data, len};
	return DECODE_OK;
}

static enum probe more_unless(bool datagram)
{
	return datagram ? PROBE_NO : PROBE_MORE;
}

static bool begins(const uint8_t *data, size_t len, const char *head, size_t head_len)
{
	return memcmp(data, head, len < head_len ? len : head_len) == 0;
}

static struct frame frame_nul(struct session *session, const uint8_t *data, size_t len)
{
	(void)session;
	if (len < 2)
		return (struct frame){FRAME_MORE, 2};
	const bool login = data[1] == 0x0F;
	if (!login && len < 5)
		return (struct frame){FRAME_MORE, 5};
	const size_t total = login ? 17 : 5 + (size_t)data[4];
	return (struct frame){len < total ? FRAME_MORE : FRAME_OK, total};
}

static enum probe probe_nul(const uint8_t *data, size_t len, bool datagram)
{
	if (begins(data, len, "\0\0\0\0", 4))
		return len > 4 && data[4] > 0 ? PROBE_YES
		       : len > 4              ? PROBE_NO
					      : more_unless(datagram);
	if (!begins(data, len, "\0\x0f", 2))
		return PROBE_NO;
	for (size_t i = 2; i < len && i < 17; i++)
		if (!text_is_digit((char)data[i]))
			return PROBE_NO;
	return len >= 17 ? PROBE_YES : more_unless(datagram);
}

static enum probe probe_line(const uint8_t *data, size_t len, bool datagram)
{
	(void)len;
	(void)datagram;
	return data[0] == 'L' ? PROBE_YES : PROBE_NO;
}

static struct frame frame_line(struct session *session, const uint8_t *data, size_t len)
{
	(void)session;
	if (data[0] != 'L')
		return (struct frame){data[0] == '\n' ? FRAME_SKIP : FRAME_BAD, 1};
	const uint8_t *end = memchr(data, '\n', len);
	return end ? (struct frame){FRAME_OK, (size_t)(end - data) + 1}
		   : (struct frame){FRAME_MORE, len + 1};
}

static enum probe probe_size(const uint8_t *data, size_t len, bool datagram)
{
	(void)len;
	(void)datagram;
	return data[0] == 'G' ? PROBE_YES : PROBE_NO;
}

// A frame of 0 bytes stands for one of FRAME_MOST.
static struct frame frame_size(struct session *session, const uint8_t *data, size_t len)
{
	(void)session;
	if (data[0] != 'G')
		return (struct frame){FRAME_BAD, 1};
	if (len < 3)
		return (struct frame){FRAME_MORE, 3};
	size_t total = (size_t)data[1] << 8 | data[2];
	total = total ? total : FRAME_MOST;
	return (struct frame){len < total ? FRAME_MORE : FRAME_OK, total};
}

static enum probe probe_slow(const uint8_t *data, size_t len, bool datagram)
{
	if (data[0] != 'S')
		return PROBE_NO;
	return memchr(data, '!', len) ? PROBE_YES : more_unless(datagram);
}

static struct frame frame_slow(struct session *session, const uint8_t *data, size_t len)
{
	(void)session;
	(void)data;
	return (struct frame){FRAME_OK, len};
}

static const struct decoder nul = {
	.name = "nul", .probe = probe_nul, .frame = frame_nul, .decode = decode_any};
static const struct decoder line = {.name = "line",
	.probe = probe_line,
	.frame = frame_line,
	.decode = decode_any,
	.frame_max = LINE_MAX};
static const struct decoder size = {.name = "size",
	.probe = probe_size,
	.frame = frame_size,
	.decode = decode_any,
	.frame_max = FRAME_MOST};
static const struct decoder slow = {.name = "slow",
	.probe = probe_slow,
	.frame = frame_slow,
	.decode = decode_any,
	.sniff_max = SLOW_MAX};

const struct decoder *const registry_decoders[] = {
	&decoder_gt06, &decoder_pt502, &nul, &line, &size, &slow, NULL};
#define WITHOUT_SLOW (DECODERS_ALL & ~(decoder_set)(1 << 5))

// ---- feeding

struct outcome {
	size_t reports, rejects, reject_bytes, report_bytes, faults, rest;
	const struct decoder *decoder;
	const char *closed; /* the reason, or NULL */
};

static struct decoded decoded;
static decoder_set set = DECODERS_ALL;

static void add(struct outcome *outcome, const struct feed *feed)
{
	for (size_t i = 0; i < decoded.report_count; i++)
		outcome->report_bytes += decoded.reports[i].raw.len;
	for (size_t i = 0; i < decoded.reject_count; i++)
		outcome->reject_bytes += decoded.rejects[i].raw.len;
	outcome->reports += decoded.report_count;
	outcome->rejects += decoded.reject_count;
	outcome->decoder = feed->session.decoder;
	outcome->faults = feed->faults;
}

// Feeds data[*start, end) until more bytes are needed. Returns false if the conversation is closed.
static bool feed_up_to(
	struct feed *feed, const uint8_t *data, size_t *start, size_t end, struct outcome *outcome)
{
	while (*start < end) {
		size_t used;
		const enum feed_verdict verdict =
			feed_step(feed, data + *start, end - *start, &decoded, &used);
		if (verdict == FEED_MORE)
			break;
		assert_in_range(used, 1, end - *start);
		*start += used;
		add(outcome, feed);
		if (verdict == FEED_CLOSE) {
			outcome->closed = decoded.detail;
			return false;
		}
	}
	return true;
}

// Feeds a stream: the first `first` bytes at once, then in pieces of `piece` bytes.
static struct outcome feed_cut(const uint8_t *data, size_t len, size_t first, size_t piece)
{
	struct outcome outcome = {0};
	struct feed feed;
	size_t start = 0;

	feed_init(&feed, set, NULL, false);
	for (size_t end = first; feed_up_to(&feed, data, &start, end, &outcome) && end < len;)
		end = piece < len - end ? end + piece : len;
	outcome.rest = len - start;
	feed_done(&feed);
	return outcome;
}

static struct outcome feed_whole(const uint8_t *data, size_t len)
{
	return feed_cut(data, len, len, 1);
}

static void assert_same(struct outcome a, struct outcome b)
{
	assert_int_equal(a.reports, b.reports);
	assert_int_equal(a.report_bytes, b.report_bytes);
	assert_int_equal(a.rejects, b.rejects);
	assert_int_equal(a.reject_bytes, b.reject_bytes);
	assert_int_equal(a.faults, b.faults);
	assert_int_equal(a.rest, b.rest);
	assert_ptr_equal(a.decoder, b.decoder);
	assert_true(a.closed == b.closed);
}

// Asserts that the result does not depend on how the bytes are cut: at each place (step 1), and byte by byte.
static struct outcome feed_all_cuts(const uint8_t *data, size_t len, size_t step)
{
	const struct outcome whole = feed_whole(data, len);
	for (size_t at = 1; at < len; at += step)
		assert_same(whole, feed_cut(data, len, at, len));
	assert_same(whole, feed_cut(data, len, 1, 1));
	return whole;
}

static struct outcome feed_as_datagram(const uint8_t *data, size_t len)
{
	struct outcome outcome = {0};
	struct feed feed;
	size_t start = 0;

	feed_init(&feed, set, NULL, true);
	feed_datagram(&feed, 1);
	feed_up_to(&feed, data, &start, len, &outcome);
	outcome.rest = len - start;
	feed_done(&feed);
	return outcome;
}

// ---- blanks

#define NUL_LOGIN                                                                                  \
	"\0\x0f"                                                                                   \
	"123456789012345"
#define NUL_DATA "\0\0\0\0\3abc"
#define RECORD   "$POS,5020001,101500.000,V,,,,,,,221126,,,\n"
#define LOGIN    "\x78\x78\x0d\x01\x08\x60\x00\x00\x00\x00\x00\x17\x00\x01\xdf\xea\x0d\x0a"

static const struct {
	const uint8_t *data;
	size_t len;
	const struct decoder *decoder;
	size_t reports;
} openings[] = {
	// bytes that begin with NUL
	{BYTES(NUL_LOGIN), &nul, 1},
	{BYTES(NUL_LOGIN NUL_DATA), &nul, 2},
	{BYTES(NUL_DATA NUL_DATA), &nul, 2},
	// blanks before them
	{BYTES("\r\n" NUL_LOGIN), &nul, 1},
	{BYTES("\0" NUL_LOGIN), &nul, 1},
	{BYTES("\0\0\0" NUL_LOGIN), &nul, 1},
	{BYTES(" \0\0\r\n\0 " NUL_DATA), &nul, 1},
	// and before others
	{BYTES("\r\n" RECORD), &decoder_pt502, 1},
	{BYTES("\0" RECORD), &decoder_pt502, 1},
	{BYTES("\0\0\0" RECORD RECORD), &decoder_pt502, 2},
	{BYTES("\r\n \0\n" RECORD), &decoder_pt502, 1},
	{BYTES("\r\n \0\n" LOGIN), &decoder_gt06, 1},
	{BYTES("\0" LOGIN), &decoder_gt06, 1},
};
#define OPENINGS (sizeof(openings) / sizeof(openings[0]))

static void bytes_that_begin_with_nul_are_seen(void **state)
{
	(void)state;
	for (size_t i = 0; i < OPENINGS; i++) {
		for (int datagram = 0; datagram < 2; datagram++) {
			const struct outcome outcome =
				datagram ? feed_as_datagram(openings[i].data, openings[i].len)
					 : feed_all_cuts(openings[i].data, openings[i].len, 1);
			assert_int_equal(outcome.reports, openings[i].reports);
			assert_int_equal(outcome.rejects + outcome.rest, 0);
			assert_ptr_equal(outcome.decoder, openings[i].decoder);
		}
	}
}

static void blanks_alone_are_no_reject(void **state)
{
	(void)state;
	static const uint8_t blanks[] = "\r\n \n\r  \r\n";
	const size_t len = sizeof(blanks) - 1;
	assert_int_equal(feed_all_cuts(blanks, len, 1).rest, 0);
	assert_int_equal(feed_whole(blanks, len).rejects, 0);
	assert_int_equal(feed_as_datagram(blanks, len).rejects, 0);
	// A NUL may be the start of a log-in, or a blank: what is left at the end is no reject either.
	const struct outcome outcome = feed_all_cuts(BYTES("\r\n\0"), 1);
	assert_int_equal(outcome.rest, 1);
	assert_int_equal(feed_blanks(BYTES("\0")), 1);
}

static void foreign_bytes_after_blanks_close(void **state)
{
	(void)state;
	const struct outcome outcome = feed_whole(BYTES("\0\r\nHTTP/1.1 400\r\n\r\n"));
	assert_string_equal(outcome.closed, "unknown protocol");
	assert_int_equal(outcome.rejects, 1);
	assert_int_equal(outcome.reject_bytes, 16);
}

// ---- the limit of frames

// Writes a line of `len` bytes in all, LF included. Returns len.
static size_t write_line(uint8_t *out, size_t len)
{
	memset(out, 'x', len);
	out[0] = 'L';
	out[len - 1] = '\n';
	return len;
}

static void a_frame_of_the_limit_is_accepted(void **state)
{
	(void)state;
	uint8_t data[3 * LINE_MAX];
	size_t len = write_line(data, LINE_MAX);
	len += write_line(data + len, 2);
	len += write_line(data + len, LINE_MAX);
	const struct outcome outcome = feed_all_cuts(data, len, 1);
	assert_int_equal(outcome.reports, 3);
	assert_int_equal(outcome.rejects, 0);
}

static void one_byte_over_the_limit_is_rejected_however_it_is_cut(void **state)
{
	(void)state;
	uint8_t data[4 * LINE_MAX];
	for (size_t over = 1; over <= LINE_MAX; over += 33) {
		size_t len = write_line(data, 5);
		len += write_line(data + len, LINE_MAX + over);
		memset(data + len - over, '\n', over); // filler, but for the first
		len += write_line(data + len, 7);
		const struct outcome outcome = feed_all_cuts(data, len, 1);
		assert_int_equal(outcome.reports, 2);
		assert_int_equal(outcome.report_bytes, 5 + 7);
		assert_int_equal(outcome.rejects, 1);
		assert_int_equal(outcome.reject_bytes, LINE_MAX);
		assert_int_equal(outcome.faults, 1); // it must return BAD, not MORE
		assert_null(outcome.closed);
	}
}

static void a_decoder_that_declares_no_limit_has_4096_bytes(void **state)
{
	(void)state;
	assert_int_equal(decoder_frame_max(&nul), FRAME_CAP);
	assert_int_equal(decoder_frame_max(&line), LINE_MAX);
	assert_int_equal(decoder_frame_max(&size), FRAME_MOST);
}

static void the_longest_frame_that_may_be_declared_is_accepted(void **state)
{
	(void)state;
	static uint8_t data[2 * FRAME_MOST + 8];
	memset(data, 'x', sizeof(data));
	memcpy(data, "G\0\4x", 4);
	memcpy(data + 4, "G\0\0", 3);
	memcpy(data + 4 + FRAME_MOST, "G\xff\xff", 3);
	const size_t len = 4 + FRAME_MOST + 65535;
	const struct outcome outcome = feed_all_cuts(data, len, 4093);
	assert_int_equal(outcome.reports, 3);
	assert_int_equal(outcome.report_bytes, len);
	assert_int_equal(outcome.rejects + outcome.rest, 0);
}

// ---- the limit of sniffing

static void the_largest_sniffing_limit_of_the_set_holds(void **state)
{
	(void)state;
	uint8_t data[SNIFF_MOST];
	memset(data, 'x', sizeof(data));
	data[0] = 'S';
	set = DECODERS_ALL;
	assert_int_equal(registry_sniff_max(set), SLOW_MAX);
	assert_int_equal(registry_sniff_max(WITHOUT_SLOW), SNIFF_CAP);
	// The verdict comes with the last byte allowed.
	data[SLOW_MAX - 1] = '!';
	const struct outcome found = feed_cut(data, SLOW_MAX, 1, 1);
	assert_ptr_equal(found.decoder, &slow);
	assert_int_equal(found.reports, 1);
	// One byte less is still no verdict, and no reject.
	assert_int_equal(feed_cut(data, SLOW_MAX - 1, 1, 1).rest, SLOW_MAX - 1);
	// Without a verdict it is closed there.
	data[SLOW_MAX - 1] = 'x';
	const struct outcome none = feed_cut(data, sizeof(data), 1, 1);
	assert_string_equal(none.closed, "unknown protocol");
	assert_int_equal(none.reject_bytes, SLOW_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_that_begin_with_nul_are_seen),
		cmocka_unit_test(blanks_alone_are_no_reject),
		cmocka_unit_test(foreign_bytes_after_blanks_close),
		cmocka_unit_test(a_frame_of_the_limit_is_accepted),
		cmocka_unit_test(one_byte_over_the_limit_is_rejected_however_it_is_cut),
		cmocka_unit_test(a_decoder_that_declares_no_limit_has_4096_bytes),
		cmocka_unit_test(the_longest_frame_that_may_be_declared_is_accepted),
		cmocka_unit_test(the_largest_sniffing_limit_of_the_set_holds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
