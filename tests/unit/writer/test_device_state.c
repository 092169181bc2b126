// SPDX-License-Identifier: MIT
// The states of several ranges, merged, are those of the whole range.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "writer/device_state.h"

#include <stdlib.h>
#include <string.h>

#define DEVICES 3
#define EVENTS  12
#define START   INT64_C(1795342500000000)

static uint32_t seed;
static bool ascending; /* times: otherwise it is open which of two older values fills a gap */
static bool datagrams; /* by UDP only, from two peers */

static uint32_t pick(uint32_t below)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % below;
}

static struct peer some_peer(void)
{
	return (struct peer){.address = {[15] = 1},
		.port = (uint16_t)(1000 + pick(datagrams ? 2 : 3)),
		.transport = pick(4) && !datagrams ? TRANSPORT_TCP : TRANSPORT_UDP};
}

// One random event of a journal.
struct event {
	int64_t device_id;
	struct entry entry;
	struct fixed_time fixed;
};

static struct event some_event(unsigned number)
{
	static const char *const texts[] = {"", "POS", "SOS"};
	const char *event = texts[pick(3)], *driver = texts[pick(3)];
	struct event made = {.device_id = 1 + pick(DEVICES)};
	struct entry *entry = &made.entry;

	entry->kind = (const enum entry_kind[]){
		ENTRY_REPORT, ENTRY_REPORT, ENTRY_REPORT, ENTRY_CONNECTED, ENTRY_LEFT}[pick(5)];
	entry->peer = some_peer();
	entry->received_us = START + number * 1000;
	entry->protocol = (struct text){"pt502", 5};
	entry->event = (struct text){event, strlen(event)};
	entry->driver = (struct text){driver, strlen(driver)};
	entry->body.has = pick(2) ? HAS_FIX : 0;
	entry->body.has |= (pick(2) ? HAS_IGNITION : 0) | (pick(2) ? HAS_ODOMETER : 0) |
			   (pick(2) ? HAS_ADC1 : 0);
	entry->body.flags = (uint8_t)((pick(2) ? FLAG_VALID : 0) | (pick(2) ? FLAG_IGNITION : 0) |
				      (pick(8) ? 0 : FLAG_SHARED) | (pick(8) ? 0 : FLAG_ASIDE));
	entry->body.lat_e7 = (int32_t)number;
	entry->body.odometer_m = entry->body.has & HAS_ODOMETER ? number : 0;
	entry->body.adc[0] = entry->body.has & HAS_ADC1 ? (int32_t)number : 0;
	made.fixed =
		(struct fixed_time){START + (ascending ? number : pick(5)) * 1000000, TIME_DEVICE};
	return made;
}

static void note(struct device_states *states, const struct event *event)
{
	const struct entry *entry = &event->entry;

	if (entry->kind == ENTRY_LEFT) {
		device_state_disconnected(states, event->device_id, &entry->peer);
		return;
	}
	device_state_seen(states, event->device_id, entry, true);
	if (entry->kind == ENTRY_REPORT)
		device_state_report(states, event->device_id, entry, event->fixed);
}

static const struct state_row *row_of(const struct device_states *states, int64_t device_id)
{
	for (size_t i = 0; i < states->count; i++)
		if (states->rows[i].device_id == device_id)
			return &states->rows[i];
	return NULL;
}

static void compare_rows(const struct state_row *whole, const struct state_row *merged)
{
	assert_int_equal(whole->seen.known, merged->seen.known);
	assert_int_equal(whole->seen.time_us, merged->seen.time_us);
	assert_int_equal(whole->seen.certain, merged->seen.certain);
	assert_int_equal(whole->seen.open, merged->seen.open);
	if (whole->seen.open) { /* otherwise that of a datagram before the end may stay */
		assert_int_equal(whole->seen.peer.port, merged->seen.peer.port);
		assert_int_equal(whole->seen.peer.transport, merged->seen.peer.transport);
	}
	if (datagrams) {
		assert_int_equal(whole->other.known, merged->other.known);
		assert_int_equal(whole->other.both, merged->other.both);
		if (whole->other.known && !whole->other.both) {
			assert_int_equal(whole->other.peer.port, merged->other.peer.port);
			assert_int_equal(whole->other.time_us, merged->other.time_us);
		}
	}
	assert_int_equal(whole->fix.known, merged->fix.known);
	assert_int_equal(whole->fix.time_us, merged->fix.time_us);
	assert_int_equal(whole->fix.body.lat_e7, merged->fix.body.lat_e7);
	const struct state_telemetry *a = &whole->telemetry, *b = &merged->telemetry;
	assert_int_equal(a->known, b->known);
	assert_int_equal(a->time_us, b->time_us);
	assert_int_equal(a->body.has & (HAS_IGNITION | HAS_ODOMETER | HAS_ADC1),
		b->body.has & (HAS_IGNITION | HAS_ODOMETER | HAS_ADC1));
	if (!ascending)
		return;
	assert_int_equal(a->body.flags, b->body.flags);
	assert_int_equal(a->body.odometer_m, b->body.odometer_m);
	assert_int_equal(a->body.adc[0], b->body.adc[0]);
	assert_int_equal(a->event_len, b->event_len);
	assert_memory_equal(a->event, b->event, a->event_len);
	assert_int_equal(a->driver_len, b->driver_len);
	assert_memory_equal(a->driver, b->driver, a->driver_len);
}

static void compare(const struct device_states *whole, const struct device_states *merged)
{
	assert_int_equal(whole->count, merged->count);
	for (size_t i = 0; i < whole->count; i++) {
		const struct state_row *other = row_of(merged, whole->rows[i].device_id);
		assert_non_null(other);
		compare_rows(&whole->rows[i], other);
	}
	assert_int_equal(whole->end_count, merged->end_count);
	for (size_t i = 0; i < whole->end_count; i++) {
		assert_int_equal(whole->ends[i].device_id, merged->ends[i].device_id);
		assert_int_equal(whole->ends[i].peer.port, merged->ends[i].peer.port);
	}
}

static void merged_ranges_are_the_whole(void **state)
{
	(void)state;
	struct device_states *whole = device_state_new(), *merged = device_state_new(),
			     *range = device_state_new();
	for (seed = 1; seed < 20000000; seed += 997) {
		const uint32_t round = seed;
		ascending = pick(2);
		datagrams = pick(3) == 0;
		device_state_clear(whole);
		device_state_clear(merged);
		device_state_clear(range);
		for (unsigned i = 0; i < EVENTS; i++) {
			const struct event event = some_event(i);
			note(whole, &event);
			note(range, &event);
			if (pick(3) && i < EVENTS - 1)
				continue;
			device_state_merge(merged, range);
			device_state_clear(range);
		}
		compare(whole, merged);
		seed = round;
	}
	device_state_free(whole);
	device_state_free(merged);
	device_state_free(range);
}

// Rows are cut from the end while others are found and added.
static void cut_rows_are_gone_and_others_are_found(void **state)
{
	(void)state;
	struct device_states *states = device_state_new();
	const struct entry entry = {.kind = ENTRY_REPORT, .received_us = START};
	for (int64_t id = 1; id <= 3000; id++)
		device_state_seen(states, id * 977, &entry, false);
	device_state_disconnected(states, 5, &entry.peer);
	for (size_t left = 3000; left > 0; left -= left < 700 ? left : 700) {
		device_state_cut(states, left);
		assert_int_equal(states->count, left);
		assert_int_equal(states->end_count, 0);
		device_state_seen(states, 977, &entry, false); /* found */
		assert_int_equal(states->count, left);
	}
	device_state_cut(states, 0);
	assert_int_equal(states->count, 0);
	device_state_seen(states, 977, &entry, false);
	assert_int_equal(states->count, 1);
	device_state_free(states);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(merged_ranges_are_the_whole),
		cmocka_unit_test(cut_rows_are_gone_and_others_are_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
