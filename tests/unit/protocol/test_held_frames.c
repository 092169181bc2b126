// SPDX-License-Identifier: MIT
#include "protocol/held_frames.h"

#include "protocol/device_memory.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void keeps_order_and_bounds(void **state)
{
	(void)state;
	struct device_memory *memory = device_memory_new(1);
	struct session session = {.memory = memory};
	const uint32_t marks[2] = {1, 2};
	static uint8_t big[HELD_FRAMES_BYTES];
	assert_int_equal(held_frames_count(&session), 0);
	for (unsigned i = 0; i < HELD_FRAMES_MAX; i++) {
		uint8_t frame[3] = {(uint8_t)i, 'a', 'b'};
		assert_true(held_frames_add(&session, "late", marks, frame, 1 + i % 3));
	}
	assert_false(held_frames_add(&session, "late", marks, big, 1));
	held_frames_remove(session.held, 5);
	held_frames_remove(session.held, 0);
	assert_int_equal(held_frames_count(&session), HELD_FRAMES_MAX - 2);
	for (unsigned i = 0; i < held_frames_count(&session); i++) {
		const struct held_frame *frame = &session.held->frames[i];
		const unsigned number = i < 4 ? i + 1 : i + 2;
		assert_int_equal(session.held->bytes[frame->at], number);
		assert_int_equal(frame->len, 1 + number % 3);
		assert_string_equal(frame->detail, "late");
	}
	assert_false(held_frames_add(&session, "late", marks, big, sizeof big));
	held_frames_free(&session);
	assert_int_equal(held_frames_count(&session), 0);
	assert_true(held_frames_add(&session, "late", marks, big, sizeof big));
	held_frames_free(&session);
	device_memory_free(memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_order_and_bounds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
