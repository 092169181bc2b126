// SPDX-License-Identifier: MIT
// Messages in several frames: joined by number, capped, rejected with their raw frames.
#include "protocol/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct decoded decoded;
static struct messages all;
static uint8_t filler[MESSAGES_HELD];

static struct session a_session(const char *ident)
{
	struct session session = {.all_messages = &all, .received_us = 1000};
	assert_true(session_set_ident(&session, ident, strlen(ident)));
	return session;
}

static int end(void **state)
{
	(void)state;
	assert_int_equal(all.bytes, 0);
	return 0;
}

static enum message_state add(struct session *session, uint64_t id, uint32_t number, uint32_t count,
	const char *data, struct text *whole)
{
	char frame[64];
	const int len = snprintf(frame, sizeof(frame), "<%u/%u:%s>", number, count, data);
	const struct message_part part = {id, count, number, (const uint8_t *)data, strlen(data),
		(const uint8_t *)frame, (size_t)len};
	decoded_reset(&decoded);
	return message_add(session, &part, &decoded, whole);
}

static void check_whole(struct text whole, const char *expected)
{
	assert_int_equal(whole.len, strlen(expected));
	assert_memory_equal(whole.data, expected, whole.len);
}

static void parts_are_joined_by_their_numbers(void **state)
{
	(void)state;
	static const uint32_t orders[][3] = {{1, 2, 3}, {3, 2, 1}, {2, 3, 1}, {3, 1, 2}};
	static const char *const texts[] = {"", "one ", "two ", "three"};
	struct session session = a_session("1");
	struct text whole;
	for (size_t i = 0; i < COUNT(orders); i++) {
		const uint32_t *order = orders[i];
		for (int k = 0; k < 2; k++)
			assert_int_equal(add(&session, i, order[k], 3, texts[order[k]], &whole),
				MESSAGE_HELD);
		assert_int_equal(add(&session, i, order[0], 3, texts[order[0]], &whole),
			MESSAGE_HELD); // a repeat
		assert_int_equal(
			add(&session, i, order[2], 3, texts[order[2]], &whole), MESSAGE_WHOLE);
		check_whole(whole, "one two three");
		message_conclude(&session, true, DECODE_OK, &decoded);
		assert_false(message_is_held(&session));
	}
	assert_int_equal(add(&session, 9, 1, 1, "alone", &whole), MESSAGE_WHOLE);
	check_whole(whole, "alone");
	assert_null(session.whole);
}

static void missing_parts_are_listed(void **state)
{
	(void)state;
	struct session session = a_session("1");
	struct text whole;
	uint16_t numbers[2] = {0};
	assert_int_equal(message_missing(&session, 7, numbers, 2), 0);
	add(&session, 7, 4, 5, "four", &whole);
	assert_int_equal(message_missing(&session, 7, numbers, 2), 4);
	assert_int_equal(numbers[0], 1);
	assert_int_equal(numbers[1], 2);
	add(&session, 7, 1, 5, "one", &whole);
	add(&session, 7, 3, 5, "three", &whole);
	assert_int_equal(message_missing(&session, 7, numbers, 2), 2);
	assert_int_equal(numbers[0], 2);
	assert_int_equal(numbers[1], 5);
	assert_int_equal(message_missing(&session, 8, numbers, 2), 0);
	message_drop_all(&session);
}

static void messages_of_other_ids_and_devices_are_apart(void **state)
{
	(void)state;
	struct session session = a_session("1");
	struct text whole;
	add(&session, 1, 1, 2, "a", &whole);
	add(&session, 2, 1, 2, "b", &whole);
	session_set_ident(&session, "2", 1);
	assert_int_equal(add(&session, 1, 2, 2, "c", &whole), MESSAGE_HELD);
	session_set_ident(&session, "1", 1);
	assert_int_equal(add(&session, 2, 2, 2, "d", &whole), MESSAGE_WHOLE);
	check_whole(whole, "bd");
	message_drop_all(&session);
}

static void numbers_out_of_range_are_refused(void **state)
{
	(void)state;
	struct session session = a_session("1");
	struct text whole;
	assert_int_equal(add(&session, 1, 0, 2, "a", &whole), MESSAGE_REFUSED);
	assert_int_equal(add(&session, 1, 3, 2, "a", &whole), MESSAGE_REFUSED);
	assert_int_equal(add(&session, 1, 1, 0, "a", &whole), MESSAGE_REFUSED);
	assert_int_equal(add(&session, 1, 1, MESSAGE_PARTS + 1, "a", &whole), MESSAGE_REFUSED);
	assert_int_equal(add(&session, 1, 1, 2, "", &whole), MESSAGE_REFUSED);
	assert_int_equal(add(&session, 1, 1, MESSAGE_PARTS, "a", &whole), MESSAGE_HELD);
	assert_int_equal(add(&session, 1, 2, 2, "a", &whole), MESSAGE_REFUSED); // other count
	session.all_messages = NULL;
	assert_int_equal(add(&session, 2, 1, 2, "a", &whole), MESSAGE_REFUSED);
	message_drop_all(&session);
}

static enum message_state add_bytes(struct session *session, uint64_t id, uint32_t number,
	uint32_t count, size_t len, size_t frame_len)
{
	const struct message_part part = {id, count, number, filler, len, filler, frame_len};
	struct text whole;
	decoded_reset(&decoded);
	return message_add(session, &part, &decoded, &whole);
}

static void a_conversation_is_capped(void **state)
{
	(void)state;
	struct session session = a_session("1");
	assert_int_equal(add_bytes(&session, 1, 1, 2, MESSAGE_BYTES + 1, MESSAGE_BYTES + 1),
		MESSAGE_REFUSED);
	assert_int_equal(
		add_bytes(&session, 1, 1, 3, MESSAGE_BYTES - 1, MESSAGE_BYTES), MESSAGE_HELD);
	assert_int_equal(
		add_bytes(&session, 1, 2, 3, 2, 2), MESSAGE_REFUSED); // longer than a message
	assert_int_equal(add_bytes(&session, 1, 2, 3, 1, 1), MESSAGE_HELD);
	for (uint64_t id = 2; id <= MESSAGES_MOST; id++)
		assert_int_equal(add_bytes(&session, id, 1, 9, 1, 1), MESSAGE_HELD);
	assert_int_equal(add_bytes(&session, 99, 1, 9, 1, 1), MESSAGE_REFUSED);
	size_t held = 0; // frames much longer than their data
	for (uint32_t number = 2; number <= 9; number++)
		held += add_bytes(&session, 2, number, 9, 1, 65536) == MESSAGE_HELD;
	assert_int_equal(held, 2);
	assert_true(all.bytes <= MESSAGES_HELD);
	message_drop_all(&session);
}

static void all_conversations_are_capped_together(void **state)
{
	(void)state;
	static struct session many[400];
	size_t held = 0;
	for (size_t i = 0; i < COUNT(many); i++) {
		many[i] = a_session("1");
		for (uint32_t number = 1; number <= 3; number++)
			held += add_bytes(&many[i], 1, number, 4, 1, 65536) == MESSAGE_HELD;
	}
	assert_in_range(held, 1000, 1023);
	assert_true(all.bytes <= MESSAGES_BYTES);
	message_drop_all(&many[0]);
	assert_int_equal(add_bytes(&many[399], 2, 1, 2, 1, 65536), MESSAGE_HELD);
	for (size_t i = 0; i < COUNT(many); i++)
		message_drop_all(&many[i]);
}

static void idle_messages_yield_when_memory_is_short(void **state)
{
	(void)state;
	static struct session many[400];
	struct session late = a_session("2");
	for (size_t i = 0; i < COUNT(many); i++) {
		many[i] = a_session("1");
		many[i].received_us = 1000 + (int64_t)i;
		for (uint32_t number = 1; number <= 3; number++)
			add_bytes(&many[i], 1, number, 4, 1, 65536);
	}
	late.received_us = 1000 + MESSAGE_IDLE_US - 1;
	assert_int_equal(add_bytes(&late, 1, 1, 3, 1, 65536), MESSAGE_REFUSED); // nobody is idle
	many[0].received_us = late.received_us = 1100 + MESSAGE_IDLE_US;
	assert_int_equal(add_bytes(&many[0], 1, 1, 4, 1, 65536), MESSAGE_HELD); // has it already
	assert_int_equal(add_bytes(&late, 1, 1, 3, 1, 65536), MESSAGE_REFUSED); // they yield now
	size_t rejects = 0;
	for (size_t i = 0; i < COUNT(many); i++) {
		decoded_reset(&decoded);
		message_reject(&many[i], INT64_MIN + 1, &decoded);
		rejects += decoded.reject_count;
	}
	assert_true(rejects > 0 && rejects < 303); // as many as are needed
	assert_int_equal(all.yielding, 0);
	assert_true(message_is_held(&many[300]));
	assert_int_equal(add_bytes(&late, 1, 1, 3, 1, 65536), MESSAGE_HELD);
	assert_int_equal(add_bytes(&late, 1, 2, 3, 1, 65536), MESSAGE_HELD);
	for (size_t i = 0; i < COUNT(many); i++)
		message_drop_all(&many[i]);
	message_drop_all(&late);
	assert_null(all.first);
}

static void incomplete_messages_become_rejects_of_their_frames(void **state)
{
	(void)state;
	struct session session = a_session("1");
	struct text whole;
	char reason[DECODED_REASON_MAX];
	add(&session, 1, 3, 3, "c", &whole);
	session.received_us = 2000;
	add(&session, 1, 1, 3, "a", &whole);
	decoded_reset(&decoded);
	message_reject(&session, 2000, &decoded); // the newest part counts
	assert_int_equal(decoded.reject_count, 0);
	message_reject(&session, 2001, &decoded);
	assert_int_equal(decoded.reject_count, 2);
	assert_memory_equal(decoded.rejects[0].raw.data, "<1/3:a>", 7);
	assert_memory_equal(decoded.rejects[1].raw.data, "<3/3:c>", 7);
	decoded_reject_reason(&decoded.rejects[0], reason);
	assert_string_equal(reason, "incomplete message");
	assert_false(message_is_held(&session));
}

static void a_rejected_message_rejects_all_its_frames(void **state)
{
	(void)state;
	struct session session = a_session("1");
	struct text whole;
	char reason[DECODED_REASON_MAX];
	add(&session, 1, 1, 3, "a", &whole);
	add(&session, 1, 2, 3, "b", &whole);
	assert_int_equal(add(&session, 1, 3, 3, "c", &whole), MESSAGE_WHOLE);
	decoded.detail = "time";
	message_conclude(&session, false, DECODE_BAD_VALUE, &decoded);
	message_reject(&session, INT64_MIN + 1, &decoded);
	assert_int_equal(decoded.reject_count, 2); // the third is the frame at hand
	decoded_reject_reason(&decoded.rejects[1], reason);
	assert_string_equal(reason, "bad value: time");
	assert_false(message_is_held(&session));
}

// A decoded holds fewer rejects than a message has parts: the others follow with the next calls.
static void many_parts_are_rejected_in_turns(void **state)
{
	(void)state;
	struct session session = a_session("1");
	struct text whole;
	size_t rejects = 0, turns = 0;
	for (uint32_t number = 1; number <= 200; number++)
		assert_int_equal(add(&session, 1, number, 201, "x", &whole), MESSAGE_HELD);
	for (; message_is_held(&session); turns++) {
		decoded_reset(&decoded);
		message_reject(&session, INT64_MAX, &decoded);
		rejects += decoded.reject_count;
	}
	assert_int_equal(turns, 4); // 64 each
	assert_int_equal(rejects, 200);
}

// For the replay of a long journal: ids come again.
static void forgotten_messages_leave_nothing(void **state)
{
	(void)state;
	struct session session = a_session("1");
	struct text whole;
	add(&session, 1, 1, 2, "a", &whole);
	message_forget(&session, 1000);
	assert_true(message_is_held(&session));
	message_forget(&session, 1001);
	assert_false(message_is_held(&session));
}

// message_visitor
static void save(void *context, const struct message_visit *visit)
{
	(void)context;
	*visit->key = 1;
}

static void only_parts_that_are_not_saved_are_dropped(void **state)
{
	(void)state;
	struct session session = a_session("1");
	struct text whole;
	add(&session, 1, 1, 3, "a", &whole);
	message_visit_parts(&session, true, true, save, NULL);
	const size_t bytes = all.bytes;
	for (int i = 0; i < 100; i++) { // and none of them counts for the caps any longer
		assert_int_equal(add(&session, 1, 2, 3, "x", &whole), MESSAGE_HELD);
		assert_int_equal(add_bytes(&session, 2, 1, 2, 30000, 1), MESSAGE_HELD);
		message_drop_unsaved(&session);
		assert_int_equal(all.bytes, bytes);
	}
	add(&session, 1, 2, 3, "b", &whole);
	assert_int_equal(add(&session, 1, 3, 3, "c", &whole), MESSAGE_WHOLE);
	check_whole(whole, "abc");
	message_drop_all(&session);
}

static void a_second_conversation_goes_on_with_the_messages_of_the_first(void **state)
{
	(void)state;
	struct session first = a_session("1"), second = a_session("1");
	struct text whole;
	add(&first, 1, 1, 2, "a", &whole);
	add(&first, 2, 1, 2, "b", &whole);
	add(&second, 2, 1, 2, "B", &whole);
	assert_true(message_move(&first, &second));
	assert_int_equal(add(&second, 1, 2, 2, "c", &whole), MESSAGE_WHOLE);
	check_whole(whole, "ac");
	assert_true(message_is_held(&first)); // the second conversation has that one anew
	message_drop_all(&first);
	message_drop_all(&second);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, end)
	const struct CMUnitTest tests[] = {
		TEST(parts_are_joined_by_their_numbers),
		TEST(missing_parts_are_listed),
		TEST(messages_of_other_ids_and_devices_are_apart),
		TEST(numbers_out_of_range_are_refused),
		TEST(a_conversation_is_capped),
		TEST(all_conversations_are_capped_together),
		TEST(idle_messages_yield_when_memory_is_short),
		TEST(incomplete_messages_become_rejects_of_their_frames),
		TEST(a_rejected_message_rejects_all_its_frames),
		TEST(many_parts_are_rejected_in_turns),
		TEST(forgotten_messages_leave_nothing),
		TEST(only_parts_that_are_not_saved_are_dropped),
		TEST(a_second_conversation_goes_on_with_the_messages_of_the_first),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
