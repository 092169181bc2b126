// SPDX-License-Identifier: MIT
// Device memory: one block per device and decoder, and the search through all of them.
#include "protocol/device_memory.h"

#include "protocol/decoder.h"

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

// Finds the device's block and returns how often it was found.
static unsigned find(const char *ident)
{
	struct session session = session_of(&first, ident);
	uint8_t *block = device_memory_block(&session);
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

static void keeps_a_block_per_ident_and_decoder(void **state)
{
	(void)state;
	struct session a = session_of(&first, "1"), b = session_of(&second, "1");
	struct session nobody = session_of(&first, NULL), forgetful = session_of(&none, "1");
	char *block = device_memory_block(&a);
	assert_memory_equal(block, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
	block[0] = 'x';
	assert_ptr_equal(device_memory_block(&a), block);
	assert_int_equal(((char *)device_memory_block(&b))[0], 0);
	assert_null(device_memory_block(&nobody));
	assert_null(device_memory_block(&forgetful));
	a.memory = NULL;
	assert_null(device_memory_block(&a));
	assert_int_equal(device_memory_count(memory), 2);
}

static void drops_the_device_silent_longest(void **state)
{
	(void)state;
	find("1");
	find("2");
	find("3");
	assert_int_equal(find("1"), 2);
	find("4"); // drops 2
	assert_int_equal(device_memory_count(memory), 3);
	assert_int_equal(find("3"), 2);
	assert_int_equal(find("1"), 3);
	assert_int_equal(find("2"), 1); // drops 4
	assert_int_equal(find("4"), 1);
	assert_int_equal(device_memory_count(memory), 3);
}

static struct device_settings known(const void *context, struct text ident)
{
	(void)context;
	return (struct device_settings){.known = ident.data[0] == 'k'};
}

// Like find(), with the settings of devices: those whose ident begins with k are known.
static unsigned find_settled(const char *ident)
{
	struct session session = session_of(&first, ident);
	session.find_settings = known;
	return ++((uint8_t *)device_memory_block(&session))[15];
}

static void devices_are_never_dropped_for_idents_that_nobody_admitted(void **state)
{
	(void)state;
	char ident[16];
	device_memory_free(memory);
	memory = device_memory_new(100);
	for (unsigned i = 0; i < 100; i++) {
		snprintf(ident, sizeof ident, "k%u", i);
		assert_int_equal(find_settled(ident), 1);
	}
	struct session admitted = session_of(&first, "new");
	device_memory_block(&admitted);
	device_memory_keep(&admitted, false); // drops the one used longest ago, which is k0
	for (unsigned i = 0; i < 100000; i++) {
		snprintf(ident, sizeof ident, "%u", i);
		find_settled(ident);
	}
	assert_in_range(device_memory_count(memory), 100, 126);
	for (unsigned i = 1; i < 100; i++) {
		snprintf(ident, sizeof ident, "k%u", i);
		assert_int_equal(find_settled(ident), 2);
	}
	assert_int_equal(find_settled("new"), 1);
	assert_int_equal(find_settled("99999"), 2); // the newest of the others is remembered, too
	assert_int_equal(find_settled("99900"), 1);
}

// Finds the block of an ident that is unknown, and admits it after one datagram.
static void admit_once(const char *ident)
{
	struct session session = session_of(&first, ident);
	session.find_settings = known;
	((uint8_t *)device_memory_block(&session))[15] = 1;
	device_memory_keep(&session, true);
}

static void idents_that_nobody_admitted_get_few_blocks_and_displace_none_of_devices_heard_once(
	void **state)
{
	(void)state;
	char ident[16];
	device_memory_free(memory);
	memory = device_memory_new(100);
	for (unsigned i = 0; i < 25; i++) {
		snprintf(ident, sizeof ident, "o%u", i);
		admit_once(ident);
	}
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(ident, sizeof ident, "%u", i);
		find_settled(ident);
	}
	assert_int_equal(device_memory_count(memory), 25 + 100 / 32 + 1);
	assert_int_equal(find_settled("o0"), 2);
	for (unsigned i = 25; i < 1000; i++) {
		snprintf(ident, sizeof ident, "o%u", i);
		admit_once(ident);
	}
	assert_int_equal(device_memory_count(memory), 26 + 3); // the newest has moved
}

static void a_device_heard_once_is_kept_when_a_session_finds_it_known(void **state)
{
	(void)state;
	char ident[16];
	device_memory_free(memory);
	memory = device_memory_new(100);
	admit_once("k");
	assert_int_equal(find_settled("k"), 2); // known by now: it is kept
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(ident, sizeof ident, "o%u", i);
		admit_once(ident);
	}
	assert_int_equal(find_settled("k"), 3);
}

static void does_not_use_a_dropped_block_that_a_session_found(void **state)
{
	(void)state;
	struct session session = session_of(&first, "1");
	memset(device_memory_block(&session), 'x', 16);
	for (unsigned i = 10; i < 30; i++) {
		char ident[8];
		snprintf(ident, sizeof ident, "%u", i);
		find(ident);
	}
	assert_int_equal(((char *)device_memory_block(&session))[0], 0);
	assert_true(session_set_ident(&session, "29", 2));
	assert_int_equal(((char *)device_memory_block(&session))[15], 1);
}

static void visit(void *context, struct text ident, const void *block)
{
	unsigned *sum = context;
	*sum += (unsigned)(ident.data[0] - '0') * ((const uint8_t *)block)[15];
}

static void a_search_visits_all_devices_of_the_decoder(void **state)
{
	(void)state;
	struct session other = session_of(&second, "9");
	struct session session = session_of(&first, NULL);
	unsigned sum = 0;
	device_memory_block(&other);
	find("1");
	find("2");
	find("2");
	assert_true(device_memory_search(&session, visit, &sum));
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
		find(ident);
	}
	struct session session = session_of(&first, NULL);
	unsigned searches = 0, sum = 0;
	for (unsigned i = 0; i < 10000; i++) {
		device_memory_tick(&session);
		searches += device_memory_search(&session, visit, &sum);
	}
	assert_in_range(searches, 10, 20);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, make, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(keeps_a_block_per_ident_and_decoder),
		CASE(drops_the_device_silent_longest),
		CASE(devices_are_never_dropped_for_idents_that_nobody_admitted),
		CASE(idents_that_nobody_admitted_get_few_blocks_and_displace_none_of_devices_heard_once),
		CASE(a_device_heard_once_is_kept_when_a_session_finds_it_known),
		CASE(does_not_use_a_dropped_block_that_a_session_found),
		CASE(a_search_visits_all_devices_of_the_decoder),
		CASE(many_devices_are_not_searched_for_each_frame),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
