// SPDX-License-Identifier: MIT
// A decoder that breaks its contract (protocol/decoder.h): its bytes become a reject, are counted, and the feed continues.
#include "feed/feed.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <string.h>

#define LEN 8 /* bytes given to the feed */

// What the decoder under test returns next.
static struct frame frame;
static enum decode_status status;
static void (*fill)(struct session *session, struct decoded *out);

static enum probe probe_any(const uint8_t *data, size_t len, bool datagram)
{
	(void)data;
	(void)len;
	(void)datagram;
	return PROBE_YES;
}

static struct frame frame_any(struct session *session, const uint8_t *data, size_t len)
{
	(void)session;
	(void)data;
	(void)len;
	return frame;
}

static enum decode_status decode_any(
	struct session *session, const uint8_t *data, size_t len, struct decoded *out)
{
	(void)data;
	(void)len;
	if (fill)
		fill(session, out);
	return status;
}

static void wake_any(struct session *session, int64_t last_us, struct decoded *out)
{
	(void)last_us;
	fill(session, out);
}

static const struct decoder faulty = {.name = "faulty",
	.probe = probe_any,
	.frame = frame_any,
	.decode = decode_any,
	.wake = wake_any};

static const uint8_t bytes[LEN] = "abcdefg";
static struct feed feed;
static struct decoded decoded;

static void check_reject(size_t len)
{
	char reason[DECODED_REASON_MAX];
	assert_non_null(decoded.fault);
	assert_int_equal(decoded.report_count, 0);
	assert_int_equal(decoded.reject_count, 1);
	assert_int_equal(decoded.rejects[0].raw.len, len);
	decoded_reject_reason(&decoded.rejects[0], reason);
	assert_string_equal(reason, "decoder fault");
	assert_int_equal(feed.faults, 1);
	assert_int_equal(feed.rejects, 1);
}

// Feeds good bytes after a fault: the next frame is decoded as usual.
static void check_goes_on(void)
{
	size_t used;
	frame = (struct frame){FRAME_OK, LEN};
	status = DECODE_OK;
	fill = NULL;
	assert_int_equal(feed_step(&feed, bytes, LEN, &decoded, &used), FEED_TAKEN);
	assert_int_equal(used, LEN);
	assert_null(decoded.fault);
	assert_int_equal(decoded.reject_count, 0);
	assert_int_equal(feed.faults, 1);
	assert_int_equal(feed.frames, 1);
}

static void rejects_what_frame_must_not_return(void **state)
{
	(void)state;
	static const struct {
		struct frame frame;
		bool datagram, quiet;
	} rows[] = {
		{{FRAME_MORE, 0}, false, false},
		{{FRAME_MORE, LEN}, false, false},
		{{FRAME_MORE, FRAME_CAP + 1}, false, false},
		{{FRAME_MORE, LEN}, true, false},
		{{FRAME_OPEN, LEN}, false, false},
		{{FRAME_OPEN, FRAME_CAP + 1}, false, false},
		{{FRAME_OPEN, LEN + 1}, true, false},
		{{FRAME_OPEN, LEN + 1}, false, true},
		{{FRAME_OK, 0}, false, false},
		{{FRAME_OK, LEN + 1}, false, false},
		{{FRAME_OK, SIZE_MAX}, true, false},
		{{FRAME_SKIP, 0}, false, false},
		{{FRAME_SKIP, LEN + 1}, false, false},
		{{(enum frame_kind)99, 1}, false, false},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t used;
		feed_init(&feed, DECODERS_ALL, &faulty, rows[i].datagram);
		frame = rows[i].frame;
		const enum feed_verdict verdict =
			(rows[i].quiet ? feed_rest : feed_step)(&feed, bytes, LEN, &decoded, &used);
		assert_int_equal(verdict, FEED_TAKEN);
		assert_int_equal(used, LEN);
		assert_false(feed.open);
		check_reject(LEN);
		check_goes_on();
		feed_done(&feed);
	}
}

static void rejects_bad_beyond_the_bytes(void **state)
{
	(void)state;
	size_t used;
	feed_init(&feed, DECODERS_ALL, &faulty, false);
	frame = (struct frame){FRAME_BAD, LEN + 1};
	const enum feed_verdict verdict = feed_step(&feed, bytes, LEN, &decoded, &used);
	assert_int_equal(used, LEN);
	assert_int_equal(verdict, FEED_TAKEN);
	check_reject(LEN);
	check_goes_on();
	feed_done(&feed);
}

static void report_without_ident(struct session *session, struct decoded *out)
{
	decoded_report(out, session);
}

static void report_with_long_ident(struct session *session, struct decoded *out)
{
	static const char ident[IDENT_MAX + 1];
	decoded_report(out, session)->ident = (struct text){ident, sizeof(ident)};
}

static void too_many_reports(struct session *session, struct decoded *out)
{
	(void)session;
	out->report_count = DECODED_REPORTS + 1;
}

static void drop_of_no_report(struct session *session, struct decoded *out)
{
	(void)session;
	decoded_drop_report(out);
}

static void reply_of_unknown_kind(struct session *session, struct decoded *out)
{
	(void)session;
	assert_false(decoded_reply(out, REPLY_KINDS, "x", 1));
}

static void answer_of_no_report(struct session *session, struct decoded *out)
{
	(void)session;
	decoded_answer(out, ANSWER_DONE, (struct correlation){0});
}

static void extra_of_an_older_report(struct session *session, struct decoded *out)
{
	assert_true(session_set_ident(session, "1", 1));
	struct report *first = decoded_report(out, session);
	decoded_report(out, session);
	extra_int(out, first, "a", 1);
}

static void extra_of_no_report(struct session *session, struct decoded *out)
{
	(void)session;
	extra_text(out, &out->reports[0], "a", "x", 1);
}

static void (*const bad_fills[])(struct session *, struct decoded *) = {report_without_ident,
	report_with_long_ident, too_many_reports, drop_of_no_report, reply_of_unknown_kind,
	answer_of_no_report, extra_of_an_older_report, extra_of_no_report};
#define BAD_FILLS (sizeof(bad_fills) / sizeof(bad_fills[0]))

static void rejects_a_frame_that_was_decoded_wrongly(void **state)
{
	(void)state;
	for (size_t i = 0; i < BAD_FILLS; i++) {
		size_t used;
		feed_init(&feed, DECODERS_ALL, &faulty, false);
		frame = (struct frame){FRAME_OK, LEN - 2};
		status = DECODE_OK;
		fill = bad_fills[i];
		assert_int_equal(feed_step(&feed, bytes, LEN, &decoded, &used), FEED_TAKEN);
		assert_int_equal(used, LEN - 2);
		check_reject(LEN - 2);
		check_goes_on();
		feed_done(&feed);
	}
}

static void rejects_an_unknown_status(void **state)
{
	(void)state;
	static const int statuses[] = {DECODE_STATUS_COUNT, 1000, -1};
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		size_t used;
		feed_init(&feed, DECODERS_ALL, &faulty, false);
		frame = (struct frame){FRAME_OK, LEN};
		status = (enum decode_status)statuses[i];
		fill = NULL;
		assert_int_equal(feed_step(&feed, bytes, LEN, &decoded, &used), FEED_TAKEN);
		check_reject(LEN);
		check_goes_on();
		feed_done(&feed);
	}
}

static void wake_is_checked_too(void **state)
{
	(void)state;
	for (size_t i = 0; i < BAD_FILLS; i++) {
		struct photos photos = {0};
		feed_init(&feed, DECODERS_ALL, &faulty, false);
		feed.session.photos = &photos;
		struct report report = {.ident = {"1", 1}};
		const struct photo_plan plan = {"image/jpeg", 1, 1, -1};
		assert_non_null(photo_open(&feed.session, &report, &plan));
		fill = bad_fills[i];
		feed_expire(&feed, 1, 0, &decoded);
		check_reject(0);
		feed_done(&feed);
	}
}

// A reject needs a reason, whatever the decoder gave.
static void a_reject_always_has_a_reason(void **state)
{
	(void)state;
	static char longer[2 * DECODED_REASON_MAX];
	char reason[DECODED_REASON_MAX];
	memset(longer, 'x', sizeof(longer) - 1);
	decoded_reject_reason(&(struct reject){.status = DECODE_OK}, reason);
	assert_string_equal(reason, "decoder fault");
	decoded_reject_reason(&(struct reject){.status = (enum decode_status)77}, reason);
	assert_string_equal(reason, "decoder fault");
	assert_int_equal(
		decoded_reject_reason(
			&(struct reject){.status = DECODE_DETAIL, .detail = longer}, reason),
		DECODED_REASON_MAX - 1);
	assert_int_equal(strlen(reason), DECODED_REASON_MAX - 1);
}

// What has no room is left out; nothing is written beyond the arrays.
static void the_limits_of_decoded_hold(void **state)
{
	(void)state;
	static const uint8_t reply[DECODED_REPLY + 1];
	struct session session = {.ident_len = 1, .ident = "1"};
	decoded_reset(&decoded);
	for (size_t when = 0; when < REPLY_KINDS; when++) {
		assert_false(
			decoded_reply(&decoded, (enum reply_when)when, reply, DECODED_REPLY + 1));
		assert_true(decoded_reply(&decoded, (enum reply_when)when, reply, DECODED_REPLY));
		assert_false(decoded_reply(&decoded, (enum reply_when)when, reply, 1));
		assert_int_equal(decoded.reply_len[when], DECODED_REPLY);
	}
	for (size_t i = 0; i < DECODED_REPORTS; i++)
		assert_non_null(decoded_report(&decoded, &session));
	assert_null(decoded_report(&decoded, &session));
	for (size_t i = 0; i <= DECODED_ANSWERS; i++)
		decoded_answer(&decoded, ANSWER_DONE, (struct correlation){true, (uint32_t)i});
	assert_int_equal(decoded.answer_count, DECODED_ANSWERS);
	assert_ptr_equal(decoded_find_answer(&decoded, DECODED_REPORTS - 1), decoded.answers);
	assert_null(decoded_find_answer(&decoded, 0));
	decoded_drop_report(&decoded); /* with its answers */
	assert_int_equal(decoded.answer_count, 0);
	for (size_t i = 0; i <= DECODED_REJECTS; i++)
		decoded_reject(&decoded, DECODE_DETAIL, "x", bytes, i ? LEN : 1);
	assert_int_equal(decoded.reject_count, DECODED_REJECTS);
	assert_null(decoded.fault);
}

// The setters leave out a value beyond its range, and remove an older one.
static void the_setters_of_a_report_check_their_ranges(void **state)
{
	(void)state;
	static const struct {
		bool (*set)(struct report *report, int64_t value);
		int64_t least, most;
	} rows[] = {
		{report_set_speed, 0, 100000},
		{report_set_course, 0, 36000},
		{report_set_altitude, -100000, 2000000},
		{report_set_satellites, 0, 99},
		{report_set_hdop, 0, 9999},
		{report_set_odometer, 0, INT64_C(1000000000000)},
		{report_set_battery_percent, 0, 100},
		{report_set_battery_mv, 0, 100000},
		{report_set_power_mv, 0, 1000000},
		{report_set_gsm_percent, 0, 100},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const int64_t bad[] = {rows[i].least - 1, rows[i].most + 1, INT64_MIN, INT64_MAX};
		for (size_t j = 0; j < sizeof(bad) / sizeof(bad[0]); j++) {
			struct report report = {0};
			assert_true(rows[i].set(&report, rows[i].least));
			assert_true(rows[i].set(&report, rows[i].most));
			assert_int_not_equal(report.body.has, 0);
			assert_false(rows[i].set(&report, bad[j]));
			assert_int_equal(report.body.has, 0);
		}
	}
	struct report report = {0};
	assert_false(report_set_fix(&report, 900000001, 0, true));
	assert_false(report_set_fix(&report, 0, -1800000001, true));
	assert_int_equal(report.body.has | report.body.flags, 0);
}

// Parts of a photo, held frames and values out of range are ignored.
static void ignores_values_out_of_range(void **state)
{
	(void)state;
	struct photos photos = {0};
	struct held_frames held = {.count = 1};
	struct session session = {.photos = &photos};
	struct report report = {.ident = {"1", 1}};
	struct photo *photo =
		photo_open(&session, &report, &(struct photo_plan){"image/jpeg", 10, 1, -1});
	photo_add_part(photo, 1, bytes, 1);
	photo_add_part(photo, 0, bytes, 11);
	assert_false(photo_has(photo, 0));
	photo_drop_all(&session);
	held_frames_remove(&held, 1);
	assert_int_equal(held.count, 1);
	report_add_alarm(&report, ALARM_COUNT);
	report_set_adc(&report, 4, 1);
	assert_int_equal(report.body.alarms, 0);
	assert_int_equal(report.body.has, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rejects_what_frame_must_not_return),
		cmocka_unit_test(rejects_bad_beyond_the_bytes),
		cmocka_unit_test(rejects_a_frame_that_was_decoded_wrongly),
		cmocka_unit_test(rejects_an_unknown_status),
		cmocka_unit_test(wake_is_checked_too),
		cmocka_unit_test(a_reject_always_has_a_reason),
		cmocka_unit_test(the_limits_of_decoded_hold),
		cmocka_unit_test(the_setters_of_a_report_check_their_ranges),
		cmocka_unit_test(ignores_values_out_of_range),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
