// SPDX-License-Identifier: MIT
// Limits of new idents: buckets per address and in total, idents on trial, and devices without a row.
#include "intake/newcomers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define MINUTE 60000

static struct newcomers *newcomers;
static struct device_directory *directory;
static char dropped[4096], released[4096];
static int64_t datagrams;
static size_t drops;

static void on_dropped(void *context, const uint8_t *entry, size_t size)
{
	(void)context;
	drops++;
	if (strlen(dropped) + size < sizeof(dropped))
		strncat(dropped, (const char *)entry, size);
}

static void on_released(void *context, const uint8_t *entry, size_t size)
{
	(void)context;
	strncat(released, (const char *)entry, size);
}

static void begin(uint32_t per_minute, uint32_t per_address)
{
	newcomers_free(newcomers);
	newcomers = newcomers_new(
		(struct newcomers_limits){per_minute, per_address}, on_dropped, NULL, 1000);
	assert_non_null(newcomers);
	dropped[0] = released[0] = '\0';
	drops = 0;
}

static int set_up(void **state)
{
	(void)state;
	directory = device_directory_new();
	begin(2000, 500);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	newcomers_free(newcomers);
	newcomers = NULL;
	device_directory_free(directory);
	return 0;
}

static struct peer peer_of(uint32_t address, enum transport transport)
{
	struct peer peer = {.address = {[10] = 0xff, [11] = 0xff}, .transport = (uint8_t)transport};

	for (int i = 0; i < 4; i++)
		peer.address[12 + i] = (uint8_t)(address >> (24 - 8 * i));
	return peer;
}

static struct text number(uint32_t n)
{
	static char text[16];
	return (struct text){text, (size_t)snprintf(text, sizeof(text), "%u", n)};
}

static enum newcomer tcp(uint32_t address, uint32_t ident, uint32_t now_ms)
{
	const struct peer peer = peer_of(address, TRANSPORT_TCP);
	return newcomers_ask(newcomers, &peer, number(ident), 0, now_ms);
}

static enum newcomer udp(uint32_t address, uint32_t ident, uint32_t now_ms)
{
	const struct peer peer = peer_of(address, TRANSPORT_UDP);
	return newcomers_ask(newcomers, &peer, number(ident), ++datagrams, now_ms);
}

static bool keep(uint32_t ident, const char *entry)
{
	uint8_t *out = newcomers_keep(newcomers, number(ident), strlen(entry));
	if (out)
		memcpy(out, entry, strlen(entry));
	return out != NULL;
}

static uint32_t admitted_tcp(uint32_t address, uint32_t first, uint32_t count, uint32_t now_ms)
{
	uint32_t admitted = 0;
	for (uint32_t i = 0; i < count; i++)
		admitted += tcp(address, first + i, now_ms) == NEWCOMER_ADMITTED;
	return admitted;
}

static bool never(const struct device *device)
{
	(void)device;
	return false;
}

static bool always(const struct device *device)
{
	(void)device;
	return true;
}

static bool admit_with_token(void *context, struct text ident, bool has_token)
{
	if (!has_token)
		return false;
	newcomers_release(newcomers, ident, on_released, context);
	return true;
}

static void a_tcp_address_gets_an_hours_worth_then_its_rate(void **state)
{
	(void)state;
	assert_int_equal(admitted_tcp(1, 0, 31000, 1000), 30000);
	assert_int_equal(admitted_tcp(1, 40000, 1000, 1000 + MINUTE), 500);
	assert_int_equal(
		admitted_tcp(2, 50000, 100, 1000 + MINUTE), 100); // another one is not limited
	assert_int_equal(newcomers_counters(newcomers)->admitted, 30600);
	assert_int_equal(newcomers_counters(newcomers)->refused, 1500);
}

static void the_total_is_limited_over_all_addresses(void **state)
{
	(void)state;
	uint32_t admitted = 0;
	struct peer peer;
	for (uint32_t address = 0; address < 130000; address++)
		admitted += tcp(address, address, 1000) == NEWCOMER_ADMITTED;
	assert_int_equal(admitted, 120000);
	assert_string_equal(newcomers_limited(newcomers, &peer), "devices.new_per_minute");
	assert_null(newcomers_limited(newcomers, &peer));
}

static void zero_is_no_limit(void **state)
{
	(void)state;
	begin(0, 0);
	assert_int_equal(admitted_tcp(1, 0, 200000, 1000), 200000);
	for (uint32_t ident = 0; ident < 200000; ident++)
		assert_int_equal(udp(1, ident, 1000), NEWCOMER_ADMITTED);
}

static void a_fleet_of_100000_within_an_hour_is_admitted(void **state)
{
	(void)state;
	// Behind four addresses over TCP; from addresses of their own over UDP, each heard once.
	for (uint32_t i = 0; i < 100000; i++)
		assert_int_equal(tcp(i % 4, i, 1000 + i * 36), NEWCOMER_ADMITTED);
	begin(2000, 500);
	for (uint32_t i = 0; i < 100000; i++)
		assert_int_equal(udp(i, i, 1000 + i * 36), NEWCOMER_ADMITTED);
}

static void a_flood_of_idents_heard_once_gets_its_share_once(void **state)
{
	(void)state;
	uint32_t admitted = 0;
	for (uint32_t i = 0; i < 600000; i++)
		admitted += udp(1, i, 1000 + i / 55) == NEWCOMER_ADMITTED;
	assert_int_equal(admitted, 2000);
	assert_int_equal(newcomers_on_trial(newcomers), NEWCOMERS_TRIALS);
	// It does not keep others out, over TCP or UDP, not even from its own address over TCP.
	assert_int_equal(udp(2, 3000000, 40000), NEWCOMER_ADMITTED);
	assert_int_equal(tcp(1, 3000001, 40000), NEWCOMER_ADMITTED);
}

static void a_flood_with_forged_addresses_is_limited_in_total(void **state)
{
	(void)state;
	uint32_t admitted = 0;
	for (uint32_t i = 0; i < 300000; i++)
		admitted += udp(i, i, 1000 + i / 55) == NEWCOMER_ADMITTED;
	assert_in_range(admitted, 5000, 5100);
	assert_int_equal(admitted_tcp(7, 2000000, 10000, 20000), 10000);
	// One that is heard again passes, in the midst of the flood.
	assert_int_equal(udp(5, 999999999, 20000), NEWCOMER_ON_TRIAL);
	assert_int_equal(udp(5, 999999999, 20001), NEWCOMER_ADMITTED);
}

// Uses up what address 1 may have over UDP heard once.
static void flood(void)
{
	for (uint32_t i = 0; i < 4000; i++)
		udp(1, 1000000 + i, 1000);
}

static void reports_on_trial_are_released_when_heard_again(void **state)
{
	(void)state;
	flood();
	assert_int_equal(udp(1, 7, 1000), NEWCOMER_ON_TRIAL);
	assert_true(keep(7, "first "));
	// A second frame of the same datagram is not heard again.
	const struct peer peer = peer_of(1, TRANSPORT_UDP);
	assert_int_equal(
		newcomers_ask(newcomers, &peer, number(7), datagrams, 1000), NEWCOMER_ON_TRIAL);
	assert_true(keep(7, "second"));
	// From another address: a carrier may have changed it, and over UDP it proves nothing.
	assert_int_equal(udp(9, 7, 5000), NEWCOMER_ADMITTED);
	newcomers_release(newcomers, number(7), on_released, NULL);
	assert_string_equal(released, "first second");
	assert_false(keep(7, "third"));
	newcomers_release(newcomers, number(7), on_released, NULL);
	assert_string_equal(released, "first second");
	assert_int_equal(drops, 0);
}

static void what_one_ident_may_keep_is_limited(void **state)
{
	(void)state;
	flood();
	udp(1, 7, 1000);
	for (uint32_t n = 0; n < NEWCOMERS_OF_IDENT / 36; n++)
		assert_true(keep(7, "a report of thirty-two byte long"));
	assert_false(keep(7, "a report of thirty-two byte long"));
	assert_null(newcomers_keep(newcomers, number(7), SIZE_MAX));
	assert_false(keep(8, "not on trial"));
}

static void the_heaviest_address_gives_way_first(void **state)
{
	(void)state;
	char text[16];
	flood();
	for (uint32_t i = 0; i < 4000; i++)
		udp(2, 2000000 + i, 1000); // half of them are on trial
	for (uint32_t i = 0; i < 100000; i++) {
		udp(1, 5000000 + i, 1000);
		if (i < 10) {
			snprintf(text, sizeof(text), "%u ", i);
			assert_true(keep(5000000 + i, text));
		}
	}
	assert_int_equal(newcomers_on_trial(newcomers), NEWCOMERS_TRIALS);
	assert_string_equal(dropped, "0 1 2 3 4 5 6 7 8 9 ");
	for (uint32_t i = 2000; i < 4000; i++)
		assert_true(keep(2000000 + i, "honest"));
}

static void the_bytes_of_all_trials_are_limited(void **state)
{
	(void)state;
	flood();
	const uint32_t size = 30000, most = (uint32_t)(NEWCOMERS_BYTES / size);
	for (uint32_t i = 0; i < most + 100; i++) {
		udp(1, i, 1000);
		assert_non_null(newcomers_keep(newcomers, number(i), size));
	}
	assert_true(drops >= 100);
}

static void a_trial_ends_with_the_flood(void **state)
{
	(void)state;
	flood();
	udp(1, 7, 1000);
	assert_true(keep(7, "late"));
	newcomers_each_second(newcomers, admit_with_token, NULL, never, 2000);
	assert_string_equal(released, "");
	for (uint32_t s = 0; s < 600; s++)
		newcomers_each_second(newcomers, admit_with_token, NULL, never, 2000 + s * 1000);
	assert_string_equal(released, "late");
	assert_int_equal(drops, 0);
	assert_int_equal(newcomers_on_trial(newcomers), 0);
}

static bool refuse(void *context, struct text ident, bool has_token)
{
	(void)context;
	(void)ident;
	(void)has_token;
	return false;
}

static void a_trial_lasts_an_hour_at_most(void **state)
{
	(void)state;
	flood();
	udp(1, 7, 1000);
	assert_true(keep(7, "never"));
	for (uint32_t s = 0; s < 100; s++)
		newcomers_each_second(
			newcomers, refuse, NULL, never, 1000 + NEWCOMERS_TRIAL_MS + s * 1000);
	assert_int_equal(newcomers_on_trial(newcomers), 0);
	assert_string_equal(dropped, "never");
}

static void at_the_end_all_trials_are_dropped(void **state)
{
	(void)state;
	flood();
	udp(1, 7, 1000);
	assert_true(keep(7, "open"));
	newcomers_finish(newcomers);
	assert_string_equal(dropped, "open");
	assert_int_equal(newcomers_on_trial(newcomers), 0);
}

static void an_address_earns_by_devices_that_go_on(void **state)
{
	(void)state;
	const struct peer peer = peer_of(1, TRANSPORT_TCP);
	struct device *devices[1000];
	admitted_tcp(1, 0, 31000, 1000);
	for (uint32_t i = 0; i < 1000; i++) {
		devices[i] = device_directory_add(directory, number(i));
		newcomers_joined(newcomers, directory, devices[i], &peer, 1000);
	}
	newcomers_each_second(newcomers, refuse, NULL, always, 1000 + NEWCOMERS_PROOF_MS - 1);
	assert_int_equal(admitted_tcp(1, 40000, 3000, 1000 + MINUTE), 500);
	newcomers_each_second(newcomers, refuse, NULL, always, 1000 + NEWCOMERS_PROOF_MS);
	assert_int_equal(admitted_tcp(1, 50000, 3000, 1000 + 2 * MINUTE), 1500);
	for (uint32_t i = 0; i < 1000; i++)
		newcomers_joined(newcomers, directory, devices[i], &peer, 1000);
	newcomers_each_second(newcomers, refuse, NULL, always, 1000 + 3 * MINUTE);
	admitted_tcp(1, 60000, 3000, 1000 + 3 * MINUTE);
	assert_int_equal(
		admitted_tcp(1, 70000, 3000, 1000 + 4 * MINUTE), 2000); // four times, at most
}

static void an_ipv6_address_counts_by_its_network(void **state)
{
	(void)state;
	uint32_t admitted = 0;
	for (uint32_t i = 0; i < 40000; i++) {
		struct peer peer = {.address = {0x20, 1, 0xd, 0xb8}, .transport = TRANSPORT_TCP};
		memcpy(peer.address + 12, &i, sizeof(i));
		admitted +=
			newcomers_ask(newcomers, &peer, number(i), 0, 1000) == NEWCOMER_ADMITTED;
	}
	assert_int_equal(admitted, 30000);
}

static void devices_without_a_row_are_removed(void **state)
{
	(void)state;
	const struct peer peer = peer_of(1, TRANSPORT_UDP);
	for (uint32_t i = 0; i < 3 * NEWCOMERS_JOINED; i++) {
		struct device *device = device_directory_add(directory, number(i));
		if (i == 1)
			device->id = 1; // it has a row
		if (i == 2)
			device->users = 1; // a conversation has it
		newcomers_joined(newcomers, directory, device, &peer, 1000);
	}
	assert_int_equal(device_directory_count(directory), NEWCOMERS_JOINED + 1);
	assert_null(device_directory_find(directory, number(0)));
	assert_non_null(device_directory_find(directory, number(1)));
	assert_non_null(device_directory_find(directory, number(2)));
	assert_non_null(device_directory_find(directory, number(3 * NEWCOMERS_JOINED - 1)));
	device_directory_find(directory, number(2))->users = 0;
	for (uint32_t i = 0; i < 3 * NEWCOMERS_JOINED; i++)
		newcomers_joined(newcomers, directory,
			device_directory_add(directory, number(9000000 + i)), &peer, 1000);
	assert_null(device_directory_find(directory, number(2)));
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_tcp_address_gets_an_hours_worth_then_its_rate),
		TEST(the_total_is_limited_over_all_addresses),
		TEST(zero_is_no_limit),
		TEST(a_fleet_of_100000_within_an_hour_is_admitted),
		TEST(a_flood_of_idents_heard_once_gets_its_share_once),
		TEST(a_flood_with_forged_addresses_is_limited_in_total),
		TEST(reports_on_trial_are_released_when_heard_again),
		TEST(what_one_ident_may_keep_is_limited),
		TEST(the_heaviest_address_gives_way_first),
		TEST(the_bytes_of_all_trials_are_limited),
		TEST(a_trial_ends_with_the_flood),
		TEST(a_trial_lasts_an_hour_at_most),
		TEST(at_the_end_all_trials_are_dropped),
		TEST(an_address_earns_by_devices_that_go_on),
		TEST(an_ipv6_address_counts_by_its_network),
		TEST(devices_without_a_row_are_removed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
