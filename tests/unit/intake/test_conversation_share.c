// SPDX-License-Identifier: MIT
// What a peer may cost, and how long a new device is on probation.
#include "intake/conversation_share.h"

#include "util/clock.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct intake intake;
static struct device device;
static struct conversation conversation;

static int set_up(void **state)
{
	(void)state;
	intake = (struct intake){.directory = device_directory_new()};
	device = (struct device){.state = DEVICE_UNKNOWN};
	conversation = (struct conversation){.active_s = clock_coarse_s()};
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	device_directory_free(intake.directory);
	return 0;
}

// Counts the work of bytes that have become so many frames and reports.
static void charge(uint64_t frames, uint64_t reports, size_t bytes)
{
	const struct intake_counters before = intake.counters;

	intake.counters.frames += frames;
	intake.counters.reports += reports;
	conversation_share_charge(&intake, &conversation, &before, bytes);
}

// Returns the work after which nothing is left.
static unsigned work_left(void)
{
	unsigned work = 0;

	for (; conversation_share_is_left(&conversation, clock_coarse_ms()); work++)
		charge(1, 1, 0);
	return work;
}

static void a_stranger_gets_enough_for_its_first_reports(void **state)
{
	(void)state;
	assert_in_range(work_left(), 32, 2048); // some comes back meanwhile
}

static void a_device_in_the_table_of_devices_gets_more(void **state)
{
	(void)state;
	device.state = DEVICE_ACTIVE;
	conversation.device = &device;
	assert_true(work_left() >= 4096);
	assert_int_equal(conversation.share.spent, 0);
}

static void a_new_device_begins_with_a_strangers_share(void **state)
{
	(void)state;
	conversation_share_begin(&device);
	device.state = DEVICE_ACTIVE;
	conversation.device = &device;
	assert_in_range(work_left(), 32, 2048);
}

static void frames_without_reports_and_bytes_cost_too(void **state)
{
	(void)state;
	charge(3, 0, 0);
	assert_int_equal(conversation.share.spent, 3);
	conversation.share = (struct share){0};
	charge(1, 2, 4096);
	assert_int_equal(conversation.share.spent, 6);
}

static void probation_ends_when_a_new_device_is_heard_in_a_second_second(void **state)
{
	(void)state;
	device_directory_set_loaded(intake.directory);
	conversation_share_begin_probation(&intake, &conversation, &device);
	charge(1, 1, 0);
	do { // twice in one second
		conversation.probation = PROBATION_HEARD;
		conversation.active_s = clock_coarse_s();
		charge(1, 1, 0);
	} while (clock_coarse_s() != conversation.active_s);
	assert_true(conversation_is_on_probation(&conversation));
	conversation.active_s--;
	charge(0, 0, 10);
	assert_true(conversation_is_on_probation(&conversation));
	charge(1, 1, 0);
	assert_false(conversation_is_on_probation(&conversation));
}

static void known_devices_and_those_before_the_table_is_read_have_no_probation(void **state)
{
	(void)state;
	conversation_share_begin_probation(&intake, &conversation, &device);
	assert_false(conversation_is_on_probation(&conversation));
	device_directory_set_loaded(intake.directory);
	device.state = DEVICE_ACTIVE;
	conversation_share_begin_probation(&intake, &conversation, &device);
	assert_false(conversation_is_on_probation(&conversation));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_stranger_gets_enough_for_its_first_reports),
		TEST(a_device_in_the_table_of_devices_gets_more),
		TEST(a_new_device_begins_with_a_strangers_share),
		TEST(frames_without_reports_and_bytes_cost_too),
		TEST(probation_ends_when_a_new_device_is_heard_in_a_second_second),
		TEST(known_devices_and_those_before_the_table_is_read_have_no_probation),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
