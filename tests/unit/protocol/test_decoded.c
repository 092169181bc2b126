// SPDX-License-Identifier: MIT
#include "protocol/decoded.h"

#include "protocol/session.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct decoded decoded;

static void adds_empty_reports_up_to_the_limit(void **state)
{
	(void)state;
	struct session session = {0};
	decoded_reset(&decoded);
	memset(decoded.reports, 0xAA, sizeof decoded.reports);
	struct report *report = decoded_report(&decoded, &session);
	struct report empty;
	report_clear(&empty);
	assert_memory_equal(report, &empty, sizeof empty);
	assert_true(session_set_ident(&session, "0042", 4));
	for (size_t i = 1; i < DECODED_REPORTS; i++) {
		report = decoded_report(&decoded, &session);
		assert_non_null(report);
		assert_int_equal(report->ident.len, 4);
		assert_memory_equal(report->ident.data, "0042", 4);
	}
	assert_null(decoded_report(&decoded, &session));
	decoded_reset(&decoded);
	assert_int_equal(decoded.report_count, 0);
}

static void widens_the_last_reject_when_full(void **state)
{
	(void)state;
	static const uint8_t frame[DECODED_REJECTS * 2 + 10];
	decoded_reset(&decoded);
	for (size_t i = 0; i < DECODED_REJECTS + 3; i++)
		decoded_reject(&decoded, DECODE_BAD_VALUE, "record", frame + 2 * i, 2);
	assert_int_equal(decoded.reject_count, DECODED_REJECTS);
	const struct reject *last = &decoded.rejects[DECODED_REJECTS - 1];
	assert_ptr_equal(last->raw.data, frame + 2 * (DECODED_REJECTS - 1));
	assert_int_equal(last->raw.len, 8);
	assert_int_equal(decoded.rejects[0].raw.len, 2);
	assert_int_equal(last->status, DECODE_BAD_VALUE);
}

static void appends_replies_that_fit(void **state)
{
	(void)state;
	static const uint8_t bytes[DECODED_REPLY + 1];
	decoded_reset(&decoded);
	assert_false(decoded_reply(&decoded, REPLY_NOW, bytes, DECODED_REPLY + 1));
	assert_true(decoded_reply(&decoded, REPLY_NOW, "ab", 2));
	assert_true(decoded_reply(&decoded, REPLY_STORED, bytes, DECODED_REPLY));
	assert_false(decoded_reply(&decoded, REPLY_STORED, "x", 1));
	assert_true(decoded_reply(&decoded, REPLY_NOW, "cd", 2));
	assert_int_equal(decoded.reply_len[REPLY_NOW], 4);
	assert_memory_equal(decoded.reply[REPLY_NOW], "abcd", 4);
	assert_int_equal(decoded.reply_len[REPLY_STORED], DECODED_REPLY);
	assert_true(decoded_reply(&decoded, REPLY_REFUSED, "no", 2));
	assert_int_equal(decoded.reply_len[REPLY_REFUSED], 2);
	decoded.close = true;
	decoded_reset(&decoded);
	for (size_t kind = 0; kind < REPLY_KINDS; kind++)
		assert_int_equal(decoded.reply_len[kind], 0);
	assert_false(decoded.close);
}

static void names_each_status(void **state)
{
	(void)state;
	assert_string_equal(decoded_status_text(DECODE_OK), "");
	assert_string_equal(decoded_status_text(DECODE_IGNORED), "");
	assert_string_equal(decoded_status_text(DECODE_BAD_SUM), "bad checksum");
	assert_string_equal(decoded_status_text(DECODE_BAD_LENGTH), "bad length");
	assert_string_equal(decoded_status_text(DECODE_BAD_VALUE), "bad value");
	assert_string_equal(decoded_status_text(DECODE_UNKNOWN), "unknown message");
	assert_string_equal(decoded_status_text(DECODE_DETAIL), "");
}

static void joins_status_and_detail_of_a_reject(void **state)
{
	(void)state;
	static const struct {
		struct reject reject;
		const char *reason;
	} samples[] = {
		{{.status = DECODE_BAD_SUM}, "bad checksum"},
		{{.status = DECODE_BAD_VALUE, .detail = "time"}, "bad value: time"},
		{{.status = DECODE_DETAIL, .detail = "framing lost"}, "framing lost"},
	};
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		char text[DECODED_REASON_MAX];
		const size_t len = decoded_reject_reason(&samples[i].reject, text);
		assert_string_equal(text, samples[i].reason);
		assert_int_equal(len, strlen(text));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(adds_empty_reports_up_to_the_limit),
		cmocka_unit_test(widens_the_last_reject_when_full),
		cmocka_unit_test(appends_replies_that_fit),
		cmocka_unit_test(names_each_status),
		cmocka_unit_test(joins_status_and_detail_of_a_reject),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
