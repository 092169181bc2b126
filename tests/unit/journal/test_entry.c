// SPDX-License-Identifier: MIT
// An entry is read as it was written; entry_read never reads beyond its bytes.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fixture.h"
#include "journal/entry.h"

#include <stdlib.h>

#define TEXT(literal) ((struct text){literal, sizeof(literal) - 1})

static uint8_t written[ENTRY_SIZE_MAX];
static char long_text[ENTRY_RAW_MAX + 100];

static struct entry a_report(void)
{
	struct entry entry = {
		.kind = ENTRY_REPORT,
		.received_us = 1795342500123456,
		.peer = {.address = {[10] = 0xff, [11] = 0xff, [12] = 192, [14] = 2, [15] = 1},
			.port = 4711,
			.transport = TRANSPORT_UDP},
		.protocol = TEXT("pt502"),
		.ident = TEXT("5020001"),
		.event = TEXT("POS"),
		.driver = TEXT("driver 7"),
		.extra = TEXT("\"firmware\":\"1.2\""),
		.raw = TEXT("$POS,5020001,101500.000,A,4807.0380,N,01131.0000,E"),
	};
	memset(&entry.body, 0x5a, sizeof(entry.body));
	entry.body.alarms = 1u << ALARM_SOS;
	return entry;
}

static struct entry of_kind(enum entry_kind kind)
{
	struct entry entry = a_report();
	entry.kind = kind;
	entry.reason = kind == ENTRY_CONNECTED ? (struct text){NULL, 0} : TEXT("bad value: time");
	entry.change = (struct command_change){1ll << 40, 3, COMMAND_EXPIRED};
	entry.traffic = (struct traffic){1795342400000000, 1ull << 40, 77, 3};
	entry.media = (struct media_piece){
		1ull << 63, 7, 1795342400000000, -358333333, 1745000000, 1, 2, -1, MEDIA_FIX};
	entry.part = (struct media_part){1ull << 62, 1795342400000000, 6, 7, 6000, -1, 0};
	entry.mark = (struct held_mark){1ull << 61, 3, 0};
	return entry;
}

static void same_text(struct text a, struct text b)
{
	assert_int_equal(a.len, b.len);
	if (a.len)
		assert_memory_equal(a.data, b.data, a.len);
}

static void round_trip(const struct entry *in, struct entry *out)
{
	size_t size = entry_size(in);
	assert_true(size <= ENTRY_SIZE_MAX);
	memset(written, 0xee, sizeof(written));
	entry_write(in, written);
	if (size < sizeof(written))
		assert_int_equal(written[size], 0xee);
	assert_true(entry_read(written, size, out));
	assert_int_equal(out->kind, in->kind);
	assert_int_equal(out->received_us, in->received_us);
	assert_memory_equal(out->peer.address, in->peer.address, 16);
	assert_int_equal(out->peer.port, in->peer.port);
	assert_int_equal(out->peer.transport, in->peer.transport);
}

static void each_kind_is_read_as_written(void **state)
{
	(void)state;
	for (int kind = ENTRY_REPORT; kind < ENTRY_KINDS; kind++) {
		struct entry in = of_kind((enum entry_kind)kind), out;
		round_trip(&in, &out);
		bool report = kind == ENTRY_REPORT;
		struct text none = {NULL, 0};
		same_text(out.protocol, in.protocol);
		same_text(out.ident, in.ident);
		same_text(out.event, report ? in.event : none);
		same_text(out.driver, report ? in.driver : none);
		same_text(out.extra, report || kind == ENTRY_COMMAND ? in.extra : none);
		same_text(out.reason, report ? none : in.reason);
		const bool has_raw = report || kind == ENTRY_REJECT || kind == ENTRY_MEDIA ||
				     kind == ENTRY_HELD || kind == ENTRY_MEDIA_PART;
		same_text(out.raw, has_raw ? in.raw : none);
		if (report || kind == ENTRY_REJECT || kind == ENTRY_HELD || kind == ENTRY_RELEASED)
			assert_memory_equal(&out.mark, &in.mark, sizeof(in.mark));
		else
			assert_int_equal(out.mark.key, 0);
		if (kind == ENTRY_MEDIA_PART)
			assert_memory_equal(&out.part, &in.part, sizeof(in.part));
		if (report || kind == ENTRY_MEDIA_PART)
			assert_memory_equal(&out.body, &in.body, sizeof(in.body));
		if (kind == ENTRY_COMMAND)
			assert_memory_equal(&out.change, &in.change, sizeof(in.change));
		if (kind == ENTRY_MEDIA)
			assert_memory_equal(&out.media, &in.media, sizeof(in.media));
		if (kind == ENTRY_DISCONNECTED)
			assert_memory_equal(&out.traffic, &in.traffic, sizeof(in.traffic));
	}
}

// How a text is copied depends on its length.
static void texts_of_every_length_are_read_as_written(void **state)
{
	(void)state;
	for (size_t len = 0; len <= 200; len++) {
		struct entry in = a_report(), out;
		in.protocol = in.ident = in.event = (struct text){long_text, len};
		in.driver = in.extra = in.raw = (struct text){long_text + 1, len};
		round_trip(&in, &out);
		same_text(out.protocol, (struct text){long_text, len < 32 ? len : 32});
		same_text(out.ident, (struct text){long_text, len < IDENT_MAX ? len : IDENT_MAX});
		same_text(out.event, (struct text){long_text, len < EVENT_MAX ? len : EVENT_MAX});
		same_text(out.driver,
			(struct text){long_text + 1, len < DRIVER_MAX ? len : DRIVER_MAX});
		same_text(out.extra, in.extra);
		same_text(out.raw, in.raw);
	}
}

static void long_texts_are_cut(void **state)
{
	(void)state;
	struct text much = {long_text, sizeof(long_text)};
	struct entry in = a_report(), out;
	in.protocol = in.ident = in.event = in.driver = in.extra = in.raw = much;
	round_trip(&in, &out);
	same_text(out.extra, (struct text){long_text, EXTRA_MAX});
	same_text(out.raw, (struct text){long_text, ENTRY_RAW_MAX});
	in = of_kind(ENTRY_REJECT);
	in.reason = in.raw = much;
	round_trip(&in, &out);
	same_text(out.reason, (struct text){long_text, 128});
}

// A change of these bytes is a change of the journal's format.
static void the_layout_is_unchanged(void **state)
{
	(void)state;
	struct entry in = of_kind(ENTRY_DISCONNECTED);
	in.received_us = 0x0102030405060708;
	in.reason = TEXT("idle");
	static const uint8_t expected[] = {4, 1, 40, 5, 7, 4, 0, 24, /* lengths */
		0, 0, 0x67, 0x12, 0, 0, 0, 0,                        /* extra, port, raw */
		8, 7, 6, 5, 4, 3, 2, 1,                              /* received */
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1};
	assert_int_equal(entry_size(&in), 40 + 24 + 5 + 7 + 4);
	entry_write(&in, written);
	assert_memory_equal(written, expected, sizeof(expected));
	assert_memory_equal(written + 64, "pt5025020001idle", 16);
}

// Reports and rejects of earlier versions have no mark; those that resolve nothing are still written so.
static void only_results_of_held_data_have_a_mark(void **state)
{
	(void)state;
	static const enum entry_kind kinds[] = {ENTRY_REPORT, ENTRY_REJECT};
	for (size_t i = 0; i < 2; i++) {
		struct entry in = of_kind(kinds[i]), out;
		const size_t with = entry_size(&in);
		in.mark = (struct held_mark){0};
		assert_int_equal(entry_size(&in), with - 16);
		round_trip(&in, &out);
		assert_int_equal(written[7], i == 0 ? 96 : 0);
		assert_int_equal(out.mark.key, 0);
		same_text(out.raw, in.raw);
	}
}

static void longer_heads_and_bodies_are_read(void **state)
{
	(void)state;
	struct entry in = a_report(), out;
	size_t size = entry_size(&in);
	entry_write(&in, written);
	memmove(written + 40 + 8 + 96 + 16, written + 40 + 96, size - 40 - 96);
	memmove(written + 40 + 8, written + 40, 96);
	written[2] = 48;
	written[7] = 112;
	assert_true(entry_read(written, size + 24, &out));
	same_text(out.ident, in.ident);
	same_text(out.raw, in.raw);
	assert_memory_equal(&out.body, &in.body, sizeof(in.body));
}

static void a_cut_entry_is_rejected(void **state)
{
	(void)state;
	struct guarded guarded = guarded_new(ENTRY_SIZE_MAX);
	for (int kind = ENTRY_REPORT; kind < ENTRY_KINDS; kind++) {
		struct entry in = of_kind((enum entry_kind)kind), out;
		size_t size = entry_size(&in);
		entry_write(&in, written);
		for (size_t len = 0; len < size; len++)
			assert_false(entry_read(guarded_copy(&guarded, written, len), len, &out));
		assert_true(entry_read(guarded_copy(&guarded, written, size), size, &out));
	}
	guarded_free(&guarded);
}

static uint64_t touch(struct text text)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < text.len; i++)
		sum += (uint8_t)text.data[i];
	return sum;
}

// Random changes of the head: texts that are accepted lie within the data.
static void random_bytes_are_survived(void **state)
{
	(void)state;
	struct guarded guarded = guarded_new(ENTRY_SIZE_MAX);
	srandom(7);
	uint64_t sum = 0;
	size_t accepted = 0;
	for (int round = 0; round < 200000; round++) {
		struct entry in = of_kind((enum entry_kind)(1 + round % 6)), out;
		size_t size = entry_size(&in);
		entry_write(&in, written);
		for (long n = 1 + random() % 3; n > 0; n--)
			written[(size_t)random() % 16] = (uint8_t)random();
		size_t len = random() % 2 ? size : (size_t)random() % (size + 1);
		if (!entry_read(guarded_copy(&guarded, written, len), len, &out))
			continue;
		accepted++;
		sum += touch(out.protocol) + touch(out.ident) + touch(out.event) +
		       touch(out.driver) + touch(out.reason) + touch(out.extra) + touch(out.raw);
	}
	assert_true(accepted > 0 && sum > 0);
	guarded_free(&guarded);
}

int main(void)
{
	for (size_t i = 0; i < sizeof(long_text); i++)
		long_text[i] = (char)('a' + i % 23);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_is_read_as_written),
		cmocka_unit_test(texts_of_every_length_are_read_as_written),
		cmocka_unit_test(long_texts_are_cut),
		cmocka_unit_test(the_layout_is_unchanged),
		cmocka_unit_test(only_results_of_held_data_have_a_mark),
		cmocka_unit_test(longer_heads_and_bodies_are_read),
		cmocka_unit_test(a_cut_entry_is_rejected),
		cmocka_unit_test(random_bytes_are_survived),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
