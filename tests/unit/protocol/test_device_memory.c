// SPDX-License-Identifier: MIT
// What decoders remember: blocks of devices, frames that wait.
#include "protocol/device_memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct decoder first = {.name = "first", .device_size = 16},
			    second = {.name = "second", .device_size = 8}, none = {.name = "none"};
static struct device_memory *memory;

static struct session session_of(const struct decoder *decoder, const char *ident)
{
	struct session session = {.decoder = decoder, .memory = memory};
	if (ident)
		assert_true(session_set_ident(&session, ident, strlen(ident)));
	return session;
}

// Counts how often the device has been asked for.
static unsigned ask(const char *ident)
{
	struct session session = session_of(&first, ident);
	uint8_t *block = session_device(&session);
	assert_non_null(block);
	return ++block[15];
}

static int make(void **state)
{
	(void)state;
	memory = device_memory_new(3);
	return memory ? 0 : 1;
}

static int drop(void **state)
{
	(void)state;
	device_memory_free(memory);
	return 0;
}

static void a_block_is_kept_by_ident_and_decoder(void **state)
{
	(void)state;
	struct session a = session_of(&first, "1"), b = session_of(&second, "1");
	struct session nobody = session_of(&first, NULL), forgetful = session_of(&none, "1");
	char *block = session_device(&a);
	assert_memory_equal(block, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
	block[0] = 'x';
	assert_ptr_equal(session_device(&a), block);
	assert_int_equal(((char *)session_device(&b))[0], 0);
	assert_null(session_device(&nobody));
	assert_null(session_device(&forgetful));
	a.memory = NULL;
	assert_null(session_device(&a));
	assert_int_equal(device_memory_count(memory), 2);
}

static void the_one_silent_longest_is_forgotten(void **state)
{
	(void)state;
	ask("1");
	ask("2");
	ask("3");
	assert_int_equal(ask("1"), 2);
	ask("4"); // forgets 2
	assert_int_equal(device_memory_count(memory), 3);
	assert_int_equal(ask("3"), 2);
	assert_int_equal(ask("1"), 3);
	assert_int_equal(ask("2"), 1); // forgets 4
	assert_int_equal(ask("4"), 1);
	assert_int_equal(device_memory_count(memory), 3);
}

static void what_a_session_found_is_not_used_when_it_is_gone(void **state)
{
	(void)state;
	struct session session = session_of(&first, "1");
	memset(session_device(&session), 'x', 16);
	for (unsigned i = 10; i < 30; i++) {
		char ident[8];
		snprintf(ident, sizeof ident, "%u", i);
		ask(ident);
	}
	assert_int_equal(((char *)session_device(&session))[0], 0);
	assert_true(session_set_ident(&session, "29", 2));
	assert_int_equal(((char *)session_device(&session))[15], 1);
}

static void visit(void *context, struct text ident, const void *block)
{
	unsigned *sum = context;
	*sum += (unsigned)(ident.data[0] - '0') * ((const uint8_t *)block)[15];
}

static void a_search_shows_all_of_the_decoder(void **state)
{
	(void)state;
	struct session other = session_of(&second, "9");
	struct session session = session_of(&first, NULL);
	unsigned sum = 0;
	session_device(&other);
	ask("1");
	ask("2");
	ask("2");
	assert_true(session_search(&session, visit, &sum));
	assert_int_equal(sum, 5);
}

static void many_devices_are_not_searched_for_each_frame(void **state)
{
	(void)state;
	device_memory_free(memory);
	memory = device_memory_new(10000);
	for (unsigned i = 0; i < 10000; i++) {
		char ident[8];
		snprintf(ident, sizeof ident, "%u", i);
		ask(ident);
	}
	struct session session = session_of(&first, NULL);
	unsigned searches = 0, sum = 0;
	for (unsigned i = 0; i < 10000; i++) {
		session_tick(&session);
		searches += session_search(&session, visit, &sum);
	}
	assert_in_range(searches, 10, 20);
}

static void frames_wait_in_their_order_and_within_bounds(void **state)
{
	(void)state;
	struct session session = session_of(&first, "1");
	const uint32_t marks[2] = {1, 2};
	static uint8_t big[MEMORY_HELD_BYTES];
	assert_int_equal(session_holds(&session), 0);
	for (unsigned i = 0; i < MEMORY_HELD; i++) {
		uint8_t frame[3] = {(uint8_t)i, 'a', 'b'};
		assert_true(session_hold(&session, "late", marks, frame, 1 + i % 3));
	}
	assert_false(session_hold(&session, "late", marks, big, 1));
	hold_remove(session.held, 5);
	hold_remove(session.held, 0);
	assert_int_equal(session_holds(&session), MEMORY_HELD - 2);
	for (unsigned i = 0; i < session_holds(&session); i++) {
		const struct hold_frame *frame = &session.held->frames[i];
		const unsigned number = i < 4 ? i + 1 : i + 2;
		assert_int_equal(session.held->bytes[frame->at], number);
		assert_int_equal(frame->len, 1 + number % 3);
		assert_string_equal(frame->detail, "late");
	}
	assert_false(session_hold(&session, "late", marks, big, sizeof big));
	session_done(&session);
	assert_int_equal(session_holds(&session), 0);
	assert_true(session_hold(&session, "late", marks, big, sizeof big));
	session_done(&session);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, make, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_block_is_kept_by_ident_and_decoder),
		CASE(the_one_silent_longest_is_forgotten),
		CASE(what_a_session_found_is_not_used_when_it_is_gone),
		CASE(a_search_shows_all_of_the_decoder),
		CASE(many_devices_are_not_searched_for_each_frame),
		CASE(frames_wait_in_their_order_and_within_bounds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
