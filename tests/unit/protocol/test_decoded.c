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

static void keeps_bytes_in_the_arena(void **state)
{
	(void)state;
	static const uint8_t escaped[] = {0x30, 0x7D, 0x02, 0x08, 0x7D, 0x01, 0x55};
	static const uint8_t plain[] = {0x30, 0x7E, 0x08, 0x7D, 0x55};
	static const uint8_t wrong[] = {0x30, 0x7D, 0x03}, cut[] = {0x30, 0x7D};
	decoded_reset(&decoded);
	const struct text text = decoded_undo_7d(&decoded, escaped, sizeof escaped);
	assert_int_equal(text.len, sizeof plain);
	assert_memory_equal(text.data, plain, sizeof plain);
	assert_null(decoded_undo_7d(&decoded, wrong, sizeof wrong).data);
	assert_null(decoded_undo_7d(&decoded, cut, sizeof cut).data);
	assert_int_equal(decoded.arena_len, sizeof plain);
	uint8_t *rest = decoded_arena(&decoded, DECODED_ARENA - sizeof plain);
	assert_ptr_equal(rest, text.data + text.len);
	assert_non_null(decoded_arena(&decoded, 0));
	assert_null(decoded_arena(&decoded, 1));
	assert_null(decoded_undo_7d(&decoded, escaped, 1).data);
}

static void notes_what_the_newest_report_resolves(void **state)
{
	(void)state;
	struct session session = {0};
	decoded_reset(&decoded);
	decoded_report(&decoded, &session);
	decoded_resolve(&decoded, (struct held_mark){.key = 0});
	assert_int_equal(decoded.resolved_count, 0);
	decoded_report(&decoded, &session);
	decoded_resolve(&decoded, (struct held_mark){.key = 7});
	assert_int_equal(decoded.resolved_count, 1);
	assert_int_equal(decoded.resolved[0].report, 1);
	assert_int_equal(decoded.resolved[0].mark.key, 7);
	assert_null(decoded.fault);
	decoded_reset(&decoded);
	decoded_resolve(&decoded, (struct held_mark){.key = 7});
	assert_non_null(decoded.fault);
}

static void marks_stay_with_their_reports(void **state)
{
	(void)state;
	struct session session = {0};
	decoded_reset(&decoded);
	for (uint64_t key = 1; key <= 4; key++) {
		decoded_report(&decoded, &session);
		decoded.reports[key - 1].body.odometer_m = (int64_t)key;
		decoded_resolve(&decoded, (struct held_mark){.key = key == 3 ? 0 : key});
	}
	assert_int_equal(decoded_remove_report(&decoded, 2).key, 0);
	assert_int_equal(decoded_remove_report(&decoded, 0).key, 1);
	assert_int_equal(decoded.report_count, 2);
	assert_int_equal(decoded.resolved_count, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(decoded.resolved[i].report, i);
		assert_int_equal(decoded.resolved[i].mark.key, decoded.reports[i].body.odometer_m);
	}
}

static void a_dropped_report_resolves_nothing(void **state)
{
	(void)state;
	struct session session = {0};
	decoded_reset(&decoded);
	for (uint64_t key = 1; key <= 3; key++) {
		decoded_report(&decoded, &session);
		decoded_resolve(&decoded, (struct held_mark){.key = key});
	}
	decoded_resolve(&decoded, (struct held_mark){.key = 4}); // two are resolved by the newest
	decoded_drop_report(&decoded);
	assert_int_equal(decoded.resolved_count, 2);
	assert_int_equal(decoded.resolved[1].mark.key, 2);
	decoded_report(&decoded, &session); // another, which resolves nothing
	assert_int_equal(decoded.resolved[decoded.resolved_count - 1].report, 1);
	assert_null(decoded.fault);
}

static void a_change_of_device_memory_can_be_undone(void **state)
{
	(void)state;
	uint64_t value = 1, other = 5;
	decoded_reset(&decoded);
	decoded_undo(&decoded); // there is none
	decoded_change(&decoded, &value, 2);
	decoded_change(&decoded, &value, 3);
	assert_true(value == 3);
	decoded_undo(&decoded);
	assert_true(value == 1);
	decoded_change(&decoded, &value, 4);
	decoded_reset(&decoded);
	decoded_undo(&decoded); // that of the frame before stays
	assert_true(value == 4);
	decoded_change(&decoded, &value, 5);
	assert_null(decoded.fault);
	decoded_change(&decoded, &other, 6);
	assert_non_null(decoded.fault);
}

static void answers_stay_with_their_reports(void **state)
{
	(void)state;
	struct session session = {0};
	decoded_reset(&decoded);
	decoded_answer_alone(&decoded, ANSWER_DONE, (struct correlation){0});
	for (int i = 0; i < 3; i++) {
		decoded_report(&decoded, &session);
		decoded_answer(
			&decoded, i == 2 ? ANSWER_REFUSED : ANSWER_GIVEN, (struct correlation){0});
	}
	decoded_remove_report(&decoded, 1);
	assert_int_equal(decoded.answer_count, 3);
	assert_int_equal(decoded.answers[0].report, ANSWER_ALONE);
	assert_int_equal(decoded_find_answer(&decoded, 0)->result, ANSWER_GIVEN);
	assert_int_equal(decoded_find_answer(&decoded, 1)->result, ANSWER_REFUSED);
	assert_null(decoded_find_answer(&decoded, 2));
}

static void held_bytes_are_rejected_only_if_there_is_room(void **state)
{
	(void)state;
	char held[] = "held";
	const struct text text = {held, 4};
	const struct held_mark mark = {.key = 7, .number = 2};
	decoded_reset(&decoded);
	assert_true(decoded_reject_held(&decoded, DECODE_DETAIL, "late", text, mark));
	held[0] = 'x'; // a copy was made
	assert_memory_equal(decoded.rejects[0].raw.data, "held", 4);
	assert_int_equal(decoded.rejects[0].resolves.number, 2);
	decoded_arena(&decoded, DECODED_ARENA - 7);
	assert_false(decoded_reject_held(&decoded, DECODE_DETAIL, "late", text, mark));
	decoded.arena_len = 0;
	while (decoded.reject_count < DECODED_REJECTS)
		assert_true(decoded_reject_held(&decoded, DECODE_DETAIL, "late", text, mark));
	assert_false(decoded_reject_held(&decoded, DECODE_DETAIL, "late", text, mark));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(adds_empty_reports_up_to_the_limit),
		cmocka_unit_test(widens_the_last_reject_when_full),
		cmocka_unit_test(appends_replies_that_fit),
		cmocka_unit_test(names_each_status),
		cmocka_unit_test(joins_status_and_detail_of_a_reject),
		cmocka_unit_test(keeps_bytes_in_the_arena),
		cmocka_unit_test(notes_what_the_newest_report_resolves),
		cmocka_unit_test(marks_stay_with_their_reports),
		cmocka_unit_test(a_dropped_report_resolves_nothing),
		cmocka_unit_test(a_change_of_device_memory_can_be_undone),
		cmocka_unit_test(answers_stay_with_their_reports),
		cmocka_unit_test(held_bytes_are_rejected_only_if_there_is_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
