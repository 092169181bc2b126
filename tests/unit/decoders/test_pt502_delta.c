// SPDX-License-Identifier: MIT
// Deltas of the PT-502, through the feed as in the daemon: each record that a tracker made is
// decoded or rejected. The results of all conversations are collected in one list.
#include "decoders/decoders.h"
#include "feed/feed.h"
#include "fixture.h"
#include "util/checksum.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define NOON_US      INT64_C(1795348800000000) /* 2026-11-22 12:00 */
#define SECOND_US    INT64_C(1000000)
#define NOT_SEEN     "delta: reference not seen"

static struct guarded guard;
static struct decoded batch;
static struct device_memory *memory;

// Results ---------------------------------------------------------------------

#define RESULTS_MOST 4096

struct result {
	uint16_t len;
	uint8_t bytes[300];
	uint64_t dedup;
	bool reject, stored;
	char ident[IDENT_MAX + 1];
	char reason[DECODED_REASON_MAX];
};

struct results {
	size_t count, rejects;
	struct result list[RESULTS_MOST];
};

static struct results results;

static void clear_results(void)
{
	results.count = results.rejects = 0;
}

static struct result *add_result(struct text raw)
{
	assert_in_range(results.count, 0, RESULTS_MOST - 1);
	struct result *result = &results.list[results.count++];
	*result = (struct result){.len = (uint16_t)raw.len};
	assert_in_range(raw.len, 1, sizeof result->bytes);
	memcpy(result->bytes, raw.data, raw.len);
	return result;
}

static void collect(void)
{
	for (size_t i = 0; i < batch.report_count; i++) {
		const struct report *report = &batch.reports[i];
		struct result *result = add_result(report->raw);
		result->dedup = report->body.dedup;
		result->stored = report->body.flags & FLAG_STORED;
		memcpy(result->ident, report->ident.data, report->ident.len);
	}
	for (size_t i = 0; i < batch.reject_count; i++) {
		struct result *result = add_result(batch.rejects[i].raw);
		result->reject = true;
		decoded_reject_reason(&batch.rejects[i], result->reason);
		results.rejects++;
	}
}

// A conversation --------------------------------------------------------------

struct talk {
	struct feed feed;
	uint8_t rest[FRAME_CAP * 2];
	size_t len;
};

static struct talk talk, other;

static void begin(struct talk *t, bool datagram)
{
	feed_init(&t->feed, DECODERS_ALL, NULL, datagram);
	t->feed.session.memory = memory;
	t->feed.session.received_us = NOON_US;
	t->len = 0;
}

static void receive(struct talk *t, const void *data, size_t len)
{
	if (t->feed.session.datagram)
		feed_datagram(&t->feed, t->feed.session.received_us);
	memcpy(t->rest + t->len, data, len);
	t->len += len;
	while (t->len > 0) {
		size_t used;
		const uint8_t *at = guarded_copy(&guard, t->rest, t->len);
		enum feed_verdict verdict = feed_step(&t->feed, at, t->len, &batch, &used);
		if (verdict == FEED_MORE)
			break;
		assert_int_equal(verdict, FEED_TAKEN);
		collect();
		t->len -= used;
		memmove(t->rest, t->rest + used, t->len);
	}
}

static void pause_for(struct talk *t)
{
	size_t used;
	if (!t->feed.open)
		return;
	feed_rest(&t->feed, t->rest, t->len, &batch, &used);
	assert_int_equal(used, t->len);
	t->len = 0;
	collect();
}

static void expire(struct talk *t, int64_t now_us)
{
	feed_expire(&t->feed, now_us, now_us - FEED_HOLD_US, &batch);
	collect();
}

static void end(struct talk *t)
{
	pause_for(t);
	assert_int_equal(t->len, 0);
	while (feed_holds(&t->feed)) {
		feed_expire(&t->feed, NOON_US, INT64_MAX, &batch);
		collect();
	}
	feed_done(&t->feed);
}

// What a tracker sends --------------------------------------------------------

struct wire {
	size_t len;
	uint8_t bytes[FRAME_CAP];
};

static struct wire wire_of(const char *text)
{
	struct wire wire = {.len = strlen(text)};
	memcpy(wire.bytes, text, wire.len);
	return wire;
}

static const char *field_end(const char *at)
{
	return at + strcspn(at, ",/");
}

// Makes a delta as the trackers do: for each field that differs, the text from the first difference
// on.
static struct wire delta_of(const char *reference, const char *record)
{
	struct wire out = {.bytes = "@"};
	out.bytes[1] = checksum_xor((const uint8_t *)reference, strlen(reference));
	out.len = 2;
	for (uint8_t field = 0;; field++) {
		const char *old_end = field_end(reference), *new_end = field_end(record);
		size_t old_len = (size_t)(old_end - reference), len = (size_t)(new_end - record);
		size_t same = 0;
		while (same < old_len && same < len && reference[same] == record[same])
			same++;
		if (same < old_len || same < len) {
			out.bytes[out.len++] = field;
			out.bytes[out.len++] = (uint8_t)same;
			out.bytes[out.len++] = (uint8_t)(len - same);
			memcpy(out.bytes + out.len, record + same, len - same);
			out.len += len - same;
		}
		assert_int_equal(*old_end, *new_end);
		if (!*old_end)
			return out;
		reference = old_end + 1;
		record = new_end + 1;
	}
}

static struct wire full_of(const struct wire *body)
{
	struct wire out = {.bytes = "\xBF\xFB", .len = body->len + 5};
	out.bytes[2] = checksum_xor(body->bytes, body->len);
	out.bytes[3] = (uint8_t)out.len;
	out.bytes[4] = (uint8_t)(out.len >> 8);
	memcpy(out.bytes + 5, body->bytes, body->len);
	return out;
}

static void send(struct talk *t, const struct wire *wire)
{
	receive(t, wire->bytes, wire->len);
}

static void send_text(struct talk *t, const char *text)
{
	receive(t, text, strlen(text));
}

static void send_delta(struct talk *t, const char *reference, const char *record)
{
	struct wire wire = delta_of(reference, record);
	send(t, &wire);
	pause_for(t);
}

static void expect(size_t index, const char *record)
{
	assert_in_range(index, 0, results.count - 1);
	assert_false(results.list[index].reject);
	const size_t len = strcspn(record, "\r\n"); // a read may have ended within the line end
	assert_in_range(results.list[index].len, len + 1, len + 2);
	assert_memory_equal(results.list[index].bytes, record, len);
}

static void expect_reject(size_t index, const struct wire *wire, const char *reason)
{
	assert_in_range(index, 0, results.count - 1);
	assert_true(results.list[index].reject);
	assert_string_equal(results.list[index].reason, reason);
	assert_int_equal(results.list[index].len, wire->len);
	assert_memory_equal(results.list[index].bytes, wire->bytes, wire->len);
}

// Changes the driver "00" so that the record has the wanted XOR. Records of a test need distinct
// ones, because there are few values and equal ones fit by chance.
static void set_xor(char *text, uint8_t wanted)
{
	char *driver = strstr(text, "/00/fa7/") + 1;
	uint8_t rest = checksum_xor((uint8_t *)text, strlen(text)) ^ wanted;
	for (uint8_t c = 0x30; c < 0x7f; c++) {
		driver[0] = (char)c;
		driver[1] = (char)(c ^ rest);
		if (driver[1] >= 0x30 && driver[1] < 0x7f)
			return;
	}
	fail();
}

// Returns record number n of a device, each with its own position, time and odometer.
static const char *record_of(const char *ident, unsigned n, const char *line_end)
{
	static char texts[64][160];
	static unsigned next;
	char *text = texts[next++ % 64];
	snprintf(text, sizeof texts[0],
		"$POS,%s,10%02u%02u.000,A,5412.%04u,N,00748.%04u,E,12.00,45.00,221126,,,"
		"A/00010,00000/0,0,0,0/%u/00/fa7/%s",
		ident, n * 10 / 60 % 60, n * 10 % 60, 100 + n * 37, 200 + n * 53, 3000 + n * 91,
		line_end);
	set_xor(text, (uint8_t)(n * 2 + (line_end[0] == '#')) % 127);
	return text;
}

#define DEVICE "5021040"

static const char *live(unsigned n)
{
	return record_of(DEVICE, n, "\r\n");
}

static const char *stored(unsigned n)
{
	return record_of(DEVICE, n, "#\n");
}

static int new_memory(void **state)
{
	(void)state;
	memory = device_memory_new(1000);
	clear_results();
	begin(&talk, false);
	begin(&other, false);
	return memory ? 0 : 1;
}

static int free_memory(void **state)
{
	(void)state;
	end(&talk);
	end(&other);
	device_memory_free(memory);
	return 0;
}

// Single rules ----------------------------------------------------------------

#define EX_1                                                                                       \
	"$POS,5021041,093000.000,A,5410.5000,N,00752.2500,E,8.10,120.00,221126,,,"                 \
	"A/00010,00000/0,0,0,0/7700//fa8/\r\n"
#define EX_2                                                                                       \
	"$POS,5021041,093020.000,A,5410.4810,N,00752.3010,E,8.40,121.50,221126,,,"                 \
	"A/00010,00000/0,0,0,0/7790//fa9/\r\n"
#define EX_3                                                                                       \
	"$IN1,5021041,093025.000,A,5410.4802,N,00752.3088,E,0.00,121.50,221126,,,"                 \
	"A/10010,00000/0,0,0,0/7801//fa9/\r\n"
#define EX_0                                                                                       \
	"$POS,5021041,092940.000,A,5410.5200,N,00752.2000,E,8.00,119.00,221126,,,"                 \
	"A/00010,00000/0,0,0,0/7600//fa8/#\n"

static const uint8_t example_2[] = "@\x6d\x02\x04\x06"
				   "20.000"
				   "\x04\x05\x04"
				   "4810"
				   "\x06\x06\x04"
				   "3010"
				   "\x08\x02\x02"
				   "40"
				   "\x09\x02\x04"
				   "1.50"
				   "\x14\x02\x02"
				   "90"
				   "\x16\x02\x01"
				   "9";
static const uint8_t example_3[] = "@\x6b\x00\x01\x03"
				   "IN1"
				   "\x02\x05\x05"
				   "5.000"
				   "\x04\x07\x02"
				   "02"
				   "\x06\x08\x02"
				   "88"
				   "\x08\x00\x04"
				   "0.00"
				   "\x0e\x00\x05"
				   "10010"
				   "\x14\x01\x03"
				   "801";

static void example_of_five_records_decodes(void **state)
{
	(void)state;
	struct wire made = delta_of(EX_1, EX_2);
	assert_int_equal(made.len, sizeof example_2 - 1);
	assert_memory_equal(made.bytes, example_2, made.len);
	send_text(&talk, EX_1);
	receive(&talk, example_2, sizeof example_2 - 1);
	receive(&talk, example_3, sizeof example_3 - 1);
	pause_for(&talk);
	send_text(&talk, EX_0);
	send_delta(&talk, EX_0, EX_1); // "# LF" becomes "CR LF"
	assert_int_equal(results.count, 5);
	expect(0, EX_1);
	expect(1, EX_2);
	expect(2, EX_3);
	expect(3, EX_0);
	expect(4, EX_1);
	assert_true(results.list[3].stored && !results.list[4].stored);
	assert_string_equal(results.list[2].ident, "5021041");
}

static void rebuilt_record_equals_one_sent_whole(void **state)
{
	(void)state;
	send_text(&talk, live(1));
	send_delta(&talk, live(1), live(2));
	send_text(&other, live(2));
	assert_int_equal(results.count, 3);
	assert_int_equal(results.list[1].dedup, results.list[2].dedup);
	expect(1, live(2));
}

static void full_frame_may_mix_deltas_and_records(void **state)
{
	(void)state;
	struct wire body = wire_of(live(1)), more;
	for (unsigned n = 2; n < 12; n++) {
		more = n % 4 ? delta_of(live(n - 1), live(n)) : wire_of(live(n));
		memcpy(body.bytes + body.len, more.bytes, more.len);
		body.len += more.len;
	}
	more = full_of(&body);
	send(&talk, &more);
	assert_int_equal(results.count, 11);
	for (unsigned n = 1; n < 12; n++)
		expect(n - 1, live(n));
}

// Deltas followed by each kind of part, in pieces of every size.
static void bare_delta_ends_where_no_triple_follows(void **state)
{
	(void)state;
	static const char *const texts[] = {
		// they differ in fields 10 and 13, whose numbers are LF and CR
		"$POS," DEVICE ",101000.000,V,,,,,,,010126,,,A/0,0/0/1/\r\n",
		"$POS," DEVICE ",101000.000,V,,,,,,,020226,,,N/0,0/0/1/\r\n",
		"$POS," DEVICE ",101000.000,V,,,,,,,120226,,,E/0,0/0/1/\r\n",
		"$POS," DEVICE ",101000.000,V,,,,,,,130327,,,N/0,0/0/1/\r\n",
		"$POS," DEVICE ",101000.000,V,,,,,,,130328,,,A/0,0/0/1/\r\n",
	};
	struct wire all = wire_of(texts[0]), next;
	for (size_t i = 1; i < COUNT(texts); i++) {
		next = delta_of(texts[i - 1], texts[i]);
		next = i == 3 ? full_of(&next) : next;
		memcpy(all.bytes + all.len, next.bytes, next.len);
		all.len += next.len;
	}
	next = wire_of(live(9));
	memcpy(all.bytes + all.len, next.bytes, next.len);
	all.len += next.len;
	for (size_t step = 1; step <= all.len; step++) {
		clear_results();
		device_memory_free(memory);
		memory = device_memory_new(10);
		begin(&talk, false);
		for (size_t at = 0; at < all.len; at += step)
			receive(&talk, all.bytes + at, all.len - at < step ? all.len - at : step);
		end(&talk);
		assert_int_equal(results.count, COUNT(texts) + 1);
		for (size_t i = 0; i < COUNT(texts); i++)
			expect(i, texts[i]);
		expect(COUNT(texts), live(9));
	}
	begin(&talk, false);
}

static void late_rest_of_a_delta_is_rejected_and_undone(void **state)
{
	(void)state;
	struct wire wire = delta_of(live(1), live(2));
	send_text(&talk, live(1));
	receive(&talk, wire.bytes, 11); // the first triple
	pause_for(&talk);
	receive(&talk, wire.bytes + 11, wire.len - 11);
	pause_for(&talk);
	send_delta(&talk, live(1), live(2));
	assert_int_equal(results.rejects, 1);
	assert_string_equal(results.list[2].reason, "delta: its rest came too late");
	assert_true(results.list[2].reject);
	expect(0, live(1));
	expect(results.count - 1, live(2));
}

// Sends live(1) to live(12) as datagrams, then `again` repetitions of two remembered records, then
// a delta that refers to the record `back` places before the end.
static void look_back(unsigned back, unsigned again)
{
	const size_t sent = 12 + again;
	clear_results();
	device_memory_free(memory);
	memory = device_memory_new(10);
	begin(&talk, true);
	for (unsigned n = 1; n <= 12; n++)
		send_text(&talk, live(n));
	for (unsigned i = 0; i < again; i++)
		send_text(&talk, live(5 + i % 2));
	// A stored record with the time of its reference: no rule rejects it.
	char event[160];
	snprintf(event, sizeof event, "%s", live(13 - back));
	memcpy(event, "$LPA", 4);
	memcpy(strchr(event, '\r'), "#\n", 3);
	send_delta(&talk, live(13 - back), event);
	assert_int_equal(results.count, back <= 9 ? sent + 1 : sent);
	if (back <= 8)
		expect(sent, event);
	end(&talk);
	begin(&talk, false);
}

static void last_eight_records_are_remembered(void **state)
{
	(void)state;
	for (unsigned back = 1; back <= 10; back++)
		look_back(back, 0);
}

static void repeated_record_takes_no_room_in_history(void **state)
{
	(void)state;
	for (unsigned back = 1; back <= 8; back++)
		look_back(back, 10);
}

static void newest_live_record_outlasts_the_log(void **state)
{
	(void)state;
	send_text(&talk, live(100));
	for (unsigned n = 1; n <= 40; n++)
		send_text(&talk, stored(n));
	send_delta(&talk, live(100), live(101));
	assert_int_equal(results.count, 42);
	expect(41, live(101));
	send_delta(&talk, stored(33),
		stored(34)); // the last records of the log are remembered as well
	expect(42, stored(34));
}

static void history_holds_long_records(void **state)
{
	(void)state;
	char texts[8][300];
	for (unsigned i = 0; i < COUNT(texts); i++)
		snprintf(texts[i], sizeof texts[i],
			"$POS," DEVICE
			",1000%02u.000,A,5412.%04u,N,00748.1000,E,1.00,2.00,221126,,,"
			"A/00010,00000/0,0,0,0/%u/%0*d/fa7/\r\n",
			i, i * 17, 3000 + i, i == 3 ? 190 : 140, 7);
	for (unsigned i = 0; i < COUNT(texts); i++)
		send_text(&talk, texts[i]);
	char event[300];
	snprintf(event, sizeof event, "%s", texts[7]);
	memcpy(event, "$LPA", 4);
	send_delta(&talk, texts[7], event);
	assert_int_equal(results.count, 9);
	expect(8, event);
}

static void chain_of_deltas_is_held_until_its_reference_arrives(void **state)
{
	(void)state;
	send_text(&talk, live(1));
	end(&talk);
	begin(&talk, false); // after reconnecting: the live records first, then the log
	for (unsigned n = 5; n < 9; n++)
		send_delta(&talk, n == 5 ? stored(4) : live(n - 1), live(n));
	assert_int_equal(results.count, 1);
	for (unsigned n = 2; n < 5; n++)
		send_text(&talk, stored(n));
	assert_int_equal(results.count, 8);
	for (unsigned n = 2; n < 9; n++)
		expect(n - 1, n < 5 ? stored(n) : live(n));
}

static void stored_records_may_be_deltas(void **state)
{
	(void)state;
	send_text(&talk, live(1));
	send_delta(&talk, stored(4), live(5));
	send_delta(&talk, live(1), stored(2));
	send_delta(&talk, stored(2), stored(3));
	send_delta(&talk, stored(3), stored(4));
	assert_int_equal(results.count, 5);
	expect(3, stored(4));
	expect(4, live(5));
}

// A delta from the log whose reference is lost does not block the live ones for long.
static void three_deltas_in_a_row_resolve_after_an_unresolved_one(void **state)
{
	(void)state;
	send_text(&talk, live(1));
	send_text(&talk, live(20));
	send_delta(&talk, stored(8), stored(9));
	send_delta(&talk, live(20), live(21));
	send_delta(&talk, live(21), live(22));
	assert_int_equal(results.count, 2);
	send_delta(&talk, live(22), live(23));
	assert_int_equal(results.count, 5);
	expect(4, live(23));
}

// Over UDP, or between two connections, a record may be missing: one check is not enough for a step
// in time that is longer than all before.
static void after_a_gap_a_reference_needs_the_next_delta(void **state)
{
	(void)state;
	for (unsigned n = 1; n < 5; n++)
		send_text(&talk, live(n));
	send_delta(&talk, live(4), live(10)); // nothing can be missing within one stream
	expect(4, live(10));
	begin(&talk, true);
	send_text(&talk, live(11));
	send_delta(&talk, live(11), live(40));
	assert_int_equal(results.count, 6);
	send_delta(&talk, live(40), live(41));
	assert_int_equal(results.count, 8);
	expect(6, live(40));
	expect(7, live(41));
	send_delta(
		&talk, live(41), live(200)); // without a next delta it is accepted when it expires
	assert_int_equal(results.count, 8);
	expire(&talk, NOON_US + 119 * SECOND_US);
	assert_int_equal(results.count, 8);
	expire(&talk, NOON_US + 121 * SECOND_US);
	assert_int_equal(results.count, 9);
	expect(8, live(200));
}

// Returns record number n of a vehicle at rest. All vehicles of the fleet report at the same times.
static const char *parked(unsigned ident, unsigned odometer, unsigned n)
{
	static char texts[8][160];
	static unsigned next;
	char *text = texts[next++ % COUNT(texts)];
	snprintf(text, sizeof texts[0],
		"$POS,%u,10%02u%02u.000,A,5412.%04u,N,00748.%04u,E,0.00,0.00,221126,,,"
		"A/00000,00000/0,0,0,0/%u//fa7/\r\n",
		ident, n / 2 % 60, n % 2 * 30, odometer % 9973, odometer % 9967, odometer);
	return text;
}

// A vehicle reports every half minute; one datagram is lost, and the record before it has the same
// XOR. While the vehicle is at rest, nothing shows that the next deltas do not refer to it.
static void chance_match_after_a_missing_record_is_not_accepted(void **state)
{
	(void)state;
	unsigned odometer = 4000;
	struct wire wire = delta_of(parked(6202, 5100, 4), parked(6202, 5100, 5)), again;
	begin(&talk, true);
	for (unsigned n = 0; n < 3; n++)
		send_text(&talk, parked(6202, 3000, n));
	do {
		odometer++;
		again = delta_of(parked(6202, odometer, 3), parked(6202, odometer, 4));
	} while (again.bytes[1] != wire.bytes[1]);
	send_text(&talk, parked(6202, odometer, 3));
	for (unsigned n = 5; n < 12; n++)
		send_delta(&talk, parked(6202, 5100, n - 1), parked(6202, 5100, n));
	assert_int_equal(results.count, 4);
	expire(&talk, NOON_US + 121 * SECOND_US);
	assert_int_equal(results.rejects, 7);
	assert_int_equal(results.count, 4 + 7);
	send_text(&talk, parked(6202, 5100, 12));
	send_delta(&talk, parked(6202, 5100, 12), parked(6202, 5100, 13));
	expect(4 + 7 + 1, parked(6202, 5100, 13));
}

// A tracker whose deltas are lean always sends lean ones, so another one probably fits by chance.
static void unusual_delta_needs_the_next_delta(void **state)
{
	(void)state;
	send_text(&talk, live(1));
	for (unsigned n = 2; n < 7; n++)
		send_delta(&talk, live(n - 1), live(n));
	struct wire wire = delta_of(live(6), live(7));
	wire.bytes[3]--; // one more of the time's digits
	memmove(wire.bytes + 6, wire.bytes + 5, wire.len - 5);
	wire.bytes[5] = (uint8_t)live(6)[13 + wire.bytes[3]];
	wire.bytes[4]++;
	wire.len++;
	send(&talk, &wire);
	pause_for(&talk);
	assert_int_equal(results.count, 6);
	send_delta(&talk, live(7), live(8));
	assert_int_equal(results.count, 8);
	expect(6, live(7));
}

static void conversation_holds_at_most_32_deltas(void **state)
{
	(void)state;
	send_text(&talk, live(1));
	for (unsigned n = 3; n < 36; n++)
		send_delta(&talk, live(n - 1), live(n));
	struct wire last = delta_of(live(34), live(35));
	assert_int_equal(results.count, 2);
	expect_reject(1, &last, NOT_SEEN);
	send_text(&talk, live(2));
	assert_int_equal(results.count, 3 + 32);
	expect(34, live(34));
	assert_false(feed_holds(&talk.feed));
}

static void full_hold_does_not_block_resolvable_deltas(void **state)
{
	(void)state;
	send_text(&talk, live(1));
	for (unsigned n = 3; n < 36; n++)
		send_delta(&talk, live(n - 1), live(n));
	send_text(&talk, live(50));
	send_delta(&talk, live(50), live(51));
	assert_int_equal(results.count, 4);
	expect(3, live(51));
}

static void held_deltas_expire_after_two_minutes(void **state)
{
	(void)state;
	struct wire first = delta_of(live(2), live(3)), second = delta_of(live(3), live(4));
	send_text(&talk, live(1));
	send(&talk, &first);
	pause_for(&talk);
	talk.feed.session.received_us = NOON_US + 5 * SECOND_US;
	send(&talk, &second);
	pause_for(&talk);
	expire(&talk, NOON_US + 120 * SECOND_US);
	assert_int_equal(results.count, 1);
	expire(&talk, NOON_US + 121 * SECOND_US);
	assert_int_equal(results.count, 2);
	expect_reject(1, &first, NOT_SEEN);
	expire(&talk, NOON_US + 126 * SECOND_US);
	assert_int_equal(results.count, 3);
	expect_reject(2, &second, NOT_SEEN);
	assert_false(feed_holds(&talk.feed));
}

static void records_of_another_connection_resolve_held_deltas(void **state)
{
	(void)state;
	send_text(&talk, live(1));
	send_delta(&talk, live(2), live(3));
	send_text(&other, stored(1));
	send_text(&other, live(2));
	expire(&talk, NOON_US + SECOND_US);
	assert_int_equal(results.count, 4);
	expect(3, live(3));
}

static void first_record_identifies_held_deltas(void **state)
{
	(void)state;
	send_delta(&talk, live(1), live(2));
	assert_int_equal(talk.feed.session.ident_len, 0);
	send_text(&talk, live(1));
	assert_int_equal(results.count, 2);
	expect(1, live(2));
}

// Returns record number n of a moving vehicle: all fields that differ between vehicles change.
static const char *driven(const char *ident, unsigned n)
{
	static char texts[8][160];
	static unsigned next;
	char *text = texts[next++ % COUNT(texts)];
	const unsigned lat = 12345 + n * 2371, lon = 45678 + n * 3187,
		       speed = 1237 + n * n * 719 % 7000;
	snprintf(text, sizeof texts[0],
		"$POS,%s,10%02u%02u.000,A,54%02u.%04u,N,007%02u.%04u,E,%u.%02u,%u.%02u,221126,,,"
		"A/00010,00000/0,0,0,0/%u//fa7/\r\n",
		ident, n / 6 % 60, n % 6 * 10, lat / 10000, lat % 10000, lon / 10000, lon % 10000,
		speed / 100, speed % 100, n * n * 43 % 360, n * 37 % 100, 83000 + n * 391);
	return text;
}

// Sends deltas until the device is identified. Returns their number, or 0 if the hold is full
// before that.
static unsigned deltas_until_known(unsigned first)
{
	for (unsigned n = 1; n <= HELD_FRAMES_MAX; n++) {
		send_delta(&talk, driven(DEVICE, first + n - 1), driven(DEVICE, first + n));
		if (talk.feed.session.ident_len > 0)
			return n;
	}
	return 0;
}

// A moving vehicle is identified by its records: each check is new evidence if digits change that
// no delta has changed before.
static void two_deltas_identify_one_of_few_devices(void **state)
{
	(void)state;
	send_text(&other, record_of("5021042", 60, "\r\n"));
	send_text(&other, driven(DEVICE, 1));
	send_text(&other, record_of("5021043", 70, "\r\n"));
	unsigned wanted = deltas_until_known(1);
	assert_int_equal(wanted, 2);
	assert_int_equal(results.count, 3 + wanted);
	for (unsigned n = 1; n <= wanted; n++)
		expect(2 + n, driven(DEVICE, 1 + n));
	assert_memory_equal(talk.feed.session.ident, DEVICE, 7);
}

// A device that has reported on another conversation since the deltas began is not their sender.
static void device_heard_on_another_conversation_is_not_identified(void **state)
{
	(void)state;
	send_text(&other, driven(DEVICE, 1));
	send_delta(&talk, driven(DEVICE, 1), driven(DEVICE, 2));
	send_text(&other, record_of(DEVICE, 0, "#\n"));
	assert_int_equal(deltas_until_known(2), 0);
	send_text(&talk, driven(DEVICE, 40));
	assert_int_equal(results.rejects, 1); // the one for which there was no room
	assert_int_equal(results.count, 3 + HELD_FRAMES_MAX + 1);
}

// Two devices that differ only in idents of the same XOR cannot be told apart.
static void deltas_that_fit_two_devices_identify_none(void **state)
{
	(void)state;
	const char *twin = "5021004";
	send_text(&other, live(1));
	send_text(&other, record_of(twin, 1, "\r\n"));
	send_delta(&talk, live(1), live(2));
	send_delta(&talk, live(2), live(3));
	assert_int_equal(results.count, 2);
	send_text(&talk, live(1)); // has the ident
	assert_int_equal(results.count, 5);
	expect(3, live(2));
	expect(4, live(3));
	assert_string_equal(results.list[4].ident, DEVICE);
}

// Evidence that is enough among three devices fits one of many by chance.
static void many_devices_require_more_evidence(void **state)
{
	(void)state;
	send_text(&other, driven(DEVICE, 1));
	unsigned few = deltas_until_known(1);
	end(&talk);
	begin(&talk, false);
	device_memory_free(memory);
	memory = device_memory_new(1000);
	begin(&talk, false);
	begin(&other, false);
	for (unsigned i = 0; i < 30; i++) {
		char ident[16];
		snprintf(ident, sizeof ident, "%u", 6000000 + i);
		send_text(&other, record_of(ident, i, "\r\n"));
		begin(&other, false);
	}
	send_text(&other, driven(DEVICE, 1));
	unsigned many = deltas_until_known(1);
	assert_int_equal(few, 2);
	assert_true(many == 0 || many > 3);
}

// One record of B was lost, and A's newest record has the same XOR: all later deltas of B apply to
// it.
static void chain_that_changes_only_times_identifies_no_device(void **state)
{
	(void)state;
	unsigned odometer = 1000;
	struct wire first = delta_of(parked(6202, 5100, 1), parked(6202, 5100, 2));
	while (delta_of(parked(6101, odometer, 1), parked(6101, odometer, 2)).bytes[1] !=
		first.bytes[1])
		odometer++;
	send_text(&other, parked(6101, odometer, 1));
	begin(&other, false);
	send_text(&other, parked(6202, 5000, 0));
	for (unsigned n = 2; n < 30; n++)
		send_delta(&talk, parked(6202, 5100, n - 1), parked(6202, 5100, n));
	assert_int_equal(talk.feed.session.ident_len, 0);
	assert_int_equal(results.count, 2);
	send_text(&talk, parked(6202, 5100, 1));
	assert_int_equal(results.count, 2 + 29);
	expect(30, parked(6202, 5100, 29));
	assert_string_equal(results.list[30].ident, "6202");
}

static void delta_never_uses_a_record_of_another_device(void **state)
{
	(void)state;
	struct wire wire = delta_of(live(1), live(2));
	send_text(&talk, live(7)); // a gateway: two devices, whose idents have the same XOR
	send(&talk, &wire);
	pause_for(&talk);
	send_text(&talk, record_of("5021004", 1, "\r\n"));
	assert_int_equal(results.count, 2);
	send_text(&talk, live(1));
	assert_int_equal(results.count, 4);
	expect(3, live(2));
}

static void deltas_in_datagrams_decode_in_any_order(void **state)
{
	(void)state;
	begin(&talk, true);
	send_text(&talk, live(1));
	send_delta(&talk, live(2), live(3)); // has overtaken the one before
	send_delta(&talk, live(1), live(2));
	send_delta(&talk, live(1), live(2)); // twice
	struct wire wire = delta_of(live(3), live(4)), full = full_of(&wire);
	send(&talk, &full);
	assert_int_equal(results.count, 5);
	expect(1, live(2));
	expect(2, live(3));
	expect(3, live(2));
	expect(4, live(4));
}

static void rejected_record_is_still_a_reference(void **state)
{
	(void)state;
	const char *bad =
		"$POS," DEVICE ",256070.000,A,5412.0000,N,00748.0000,E,1.00,2.00,221126\r\n";
	const char *good =
		"$POS," DEVICE ",101500.000,A,5412.0000,N,00748.0000,E,1.00,2.00,221126\r\n";
	send_text(&talk, bad);
	assert_int_equal(results.rejects, 1);
	send_delta(&talk, bad, good);
	expect(1, good);
}

// The line end is two bytes of the record, however the reads cut it; blank lines are not.
static void line_end_is_part_of_the_record_once(void **state)
{
	(void)state;
	char text[200];
	snprintf(text, sizeof text, "%s\r\n\r\n", live(1));
	send_text(&talk, text);
	send_delta(&talk, live(1), live(2));
	receive(&talk, live(3), strlen(live(3)) - 1);
	receive(&talk, "\n", 1);
	send_delta(&talk, live(3), live(4));
	receive(&talk, "$FUS" DEVICE ",A,B\r", 16);
	receive(&talk, "\r", 1);
	assert_int_equal(results.rejects, 0);
	assert_int_equal(results.count, 5);
	assert_memory_equal(results.list[1].bytes, live(2), strlen(live(2)));
	expect(3, live(4));
}

// If a check fits by chance, the result must still be a record of this device.
static void invalid_result_is_not_accepted(void **state)
{
	(void)state;
	static const struct {
		const char *triples;
		size_t len;
	} wrong[] = {
#define TRIPLES(text) {text, sizeof(text) - 1}
		TRIPLES("\x1f\x00\x01"
			"1"), // unknown field
		TRIPLES("\x02\x0b\x01"
			"1"), // offset beyond the end of the field
		TRIPLES("\x02\x00\x01"
			"1\x02\x00\x01"
			"2"), // the same field twice
		TRIPLES("\x02\x04\x03"
			"1,2"), // a separator
		TRIPLES("\x02\x04\x03"
			"1\r\n"), // a line end within
		TRIPLES("\x17\x02\x01"
			"x"), // after the line end
		TRIPLES("\x01\x00\x07"
			"5029999"), // the ident of another device
		TRIPLES("\x00\x00\x03"
			"POS"), // no '$'
		TRIPLES("\x0a\x00\x06"
			"320126"), // invalid date
		TRIPLES("\x08\x00\x05"
			"12.00"), // nothing changes
	};
	send_text(&talk, live(1));
	for (size_t i = 0; i < COUNT(wrong); i++) {
		struct wire wire = {.bytes = "@", .len = wrong[i].len + 2};
		wire.bytes[1] = checksum_xor((const uint8_t *)live(1), strlen(live(1)));
		memcpy(wire.bytes + 2, wrong[i].triples, wrong[i].len);
		clear_results();
		begin(&other, true);
		session_set_ident(&other.feed.session, DEVICE, 7);
		send(&other, &wire);
		assert_int_equal(results.count, 0);
		end(&other);
		assert_int_equal(results.count, 1);
		expect_reject(0, &wire, NOT_SEEN);
		begin(&other, false);
	}
	clear_results();
	send_text(&talk, live(2));
	send_delta(&talk, live(2), live(3));
	expect(1, live(3));
}

// Without memory (a decoder by itself) a delta is rejected at once.
static void delta_is_rejected_without_memory(void **state)
{
	(void)state;
	talk.feed.session.memory = NULL;
	struct wire wire = delta_of(live(1), live(2));
	send_text(&talk, live(1));
	send(&talk, &wire);
	pause_for(&talk);
	assert_int_equal(results.count, 2);
	expect_reject(1, &wire, NOT_SEEN);
}

// Random tracks ---------------------------------------------------------------

static uint32_t dice;

static uint32_t chance(uint32_t most)
{
	dice = dice * 1664525u + 1013904223u;
	return (dice >> 8) % most;
}

#define TRACK_MOST 160
#define APART      12 /* records in a row with different XORs; a byte cannot tell more apart */

struct item {
	char text[200];
	bool whole, lost, found;
	struct wire wire;
};

struct track {
	char ident[16];
	size_t count;
	struct item items[TRACK_MOST];
	size_t order[TRACK_MOST]; /* in which they are sent */
	bool begins[TRACK_MOST];  /* order[i] is the first of a connection */
};

static bool is_apart(const struct track *track, size_t index)
{
	const struct item *items = track->items;
	uint8_t sum = checksum_xor((const uint8_t *)items[index].text, strlen(items[index].text));
	for (size_t i = index > APART ? index - APART : 0; i < index; i++) {
		if (checksum_xor((const uint8_t *)items[i].text, strlen(items[i].text)) == sum)
			return false;
	}
	return true;
}

struct vehicle {
	uint32_t time_s, lat, lon, speed, course, odometer, inputs, state;
};

static void drive(struct vehicle *v)
{
	v->time_s += 1 + chance(60);
	v->lat += chance(200);
	v->lon += chance(300);
	v->speed = chance(4) ? v->speed : chance(5000);
	v->course = chance(3) ? v->course : chance(36000);
	v->odometer += chance(2000);
	v->inputs = chance(10) ? v->inputs : chance(2);
	v->state = chance(5) ? v->state : chance(4096);
}

static void write_item(struct track *track, size_t index, struct vehicle *v, bool is_stored)
{
	static const char *const events[] = {"POS", "POS", "POS", "POS", "IN1", "SPD", "IN4"};
	do {
		drive(v);
		snprintf(track->items[index].text, sizeof track->items[index].text,
			"$%s,%s,%02u%02u%02u.000,A,%u.%04u,N,0%u.%04u,E,%u.%02u,%u.%02u,221126,,,"
			"A/%u0010,00000/%x,0,0,0/%u//%03x/%s",
			events[chance(COUNT(events))], track->ident, v->time_s / 3600 % 24,
			v->time_s / 60 % 60, v->time_s % 60, 5412 + v->lat / 10000, v->lat % 10000,
			1048 + v->lon / 10000, v->lon % 10000, v->speed / 100, v->speed % 100,
			v->course / 100, v->course % 100, v->inputs, v->speed / 7, v->odometer,
			v->state, is_stored ? "#\n" : "\r\n");
	} while (!is_apart(track, index));
}

static void encode(struct track *track, size_t index, bool must_be_whole)
{
	struct item *item = &track->items[index];
	item->whole = must_be_whole || chance(6) == 0;
	item->lost = !must_be_whole && !strstr(item->text, "#") && chance(40) == 0;
	item->wire = item->whole ? wire_of(item->text) : delta_of(item[-1].text, item->text);
	if (chance(2))
		item->wire = full_of(&item->wire);
}

// Makes connections of 5 to 20 records, with a gap after each. The records of the gap are sent
// after the next one or two live ones.
static void make_track(struct track *track, unsigned number)
{
	struct vehicle v = {.time_s = 3600 + chance(3600), .odometer = chance(100000)};
	size_t sent = 0, made = 0;
	snprintf(track->ident, sizeof track->ident, "%u", 5400000 + number * 7);
	memset(track->begins, 0, sizeof track->begins);
	while (made + 30 < TRACK_MOST) {
		size_t gap = made ? chance(7) : 0, ahead = gap ? 1 + chance(2) : 0;
		size_t rest = 5 + chance(16), first = made;
		for (size_t i = 0; i < gap + ahead + rest; i++)
			write_item(track, made++, &v, i < gap);
		track->begins[sent] = true;
		for (size_t i = first + gap; i < first + gap + ahead; i++)
			track->order[sent++] = i;
		for (size_t i = first; i < first + gap; i++)
			track->order[sent++] = i;
		for (size_t i = first + gap + ahead; i < made; i++)
			track->order[sent++] = i;
		size_t whole = gap ? first + chance((uint32_t)gap) : first; // it has the ident
		for (size_t i = first; i < made; i++)
			encode(track, i, i == whole);
	}
	track->count = made;
}

static bool is_due(const struct track *track, size_t index)
{
	for (; !track->items[index].lost; index--) {
		if (track->items[index].whole)
			return true;
	}
	return false;
}

static struct item *find_item(struct track *track, const struct result *result)
{
	for (size_t i = 0; i < track->count; i++) {
		struct item *item = &track->items[i];
		const size_t len = strcspn(item->text, "\r\n"); // see expect
		if (result->len > len && result->len <= len + 2 &&
			!memcmp(result->bytes, item->text, len))
			return item;
	}
	return NULL;
}

static void send_pieces(struct talk *t, const struct wire *wire)
{
	if (t->feed.session.datagram) {
		send(t, wire);
		return;
	}
	for (size_t at = 0, piece; at < wire->len; at += piece) {
		piece = chance(3) ? wire->len - at : 1 + chance((uint32_t)(wire->len - at));
		receive(t, wire->bytes + at, piece);
	}
	if (chance(3) == 0)
		pause_for(t);
}

static void send_track(struct track *track, bool datagram)
{
	begin(&talk, datagram);
	for (size_t i = 0; i < track->count; i++) {
		const struct item *item = &track->items[track->order[i]];
		if (track->begins[i] && i > 0) {
			if (datagram) // held deltas expire long before their sender
				expire(&talk, NOON_US + 121 * SECOND_US);
			end(&talk);
			begin(&talk, datagram);
		}
		if (!item->lost)
			send_pieces(&talk, &item->wire);
	}
	expire(&talk, NOON_US + 121 * SECOND_US);
	end(&talk);
	begin(&talk, false);
}

// Counts the records that could have been decoded and were not. Few are: a live delta or two after
// unresolved ones from the log, and datagrams after a long step, which look like those whose
// reference is lost.
static size_t count_missing(const struct track *track)
{
	size_t missing = 0;
	for (size_t i = 0; i < track->count; i++) {
		bool found = track->items[i].found, due = is_due(track, i);
		assert_true(due || !found);
		missing += found != due;
	}
	return missing;
}

static void random_tracks_decode_without_a_wrong_record(void **state)
{
	static struct track track;
	size_t sum = 0, rejects = 0, missing = 0;
	(void)state;
	for (unsigned number = 1; number <= 400; number++) {
		size_t sent = 0;
		dice = number;
		memset(&track, 0, sizeof track);
		make_track(&track, number);
		clear_results();
		send_track(&track, number % 3 == 0);
		for (size_t i = 0; i < results.count; i++) {
			struct item *item = find_item(&track, &results.list[i]);
			if (results.list[i].reject) {
				assert_string_equal(results.list[i].reason, NOT_SEEN);
				continue;
			}
			assert_non_null(item); // no result is wrong
			assert_false(item->found || item->lost);
			item->found = true;
		}
		for (size_t i = 0; i < track.count; i++)
			sent += !track.items[i].lost;
		assert_int_equal(results.count, sent);
		missing += count_missing(&track);
		sum += sent;
		rejects += results.rejects;
	}
	assert_true(rejects > sum / 20 && rejects < sum / 3); // losses become rejects
	assert_true(missing < sum / 100);
}

// A fleet that reports at the same times, with one remembered record each. The last record of one
// vehicle is lost, and its deltas open a new connection: a record that fits them by chance must not
// be accepted.
#define FLEET 60

static void write_fleet(char text[160], unsigned number, const struct vehicle *v)
{
	snprintf(text, 160,
		"$POS,%u,%02u%02u%02u.000,A,54%02u.%04u,N,010%02u.%04u,E,%u.%02u,%u.%02u,221126,,,"
		"A/00010,00000/0,0,0,0/%u//fa7/\r\n",
		5600000 + number * 13, v->time_s / 3600, v->time_s / 60 % 60, v->time_s % 60,
		v->lat / 10000, v->lat % 10000, v->lon / 10000, v->lon % 10000, v->speed / 100,
		v->speed % 100, v->course / 100, v->course % 100, v->odometer);
}

static struct vehicle new_vehicle(bool moves)
{
	return (struct vehicle){.time_s = 36000,
		.lat = 120000 + chance(60000),
		.lon = 220000 + chance(90000),
		.speed = moves ? chance(9000) : 0,
		.course = moves ? chance(36000) : 0,
		.odometer = chance(9000) * 100};
}

// Moves the vehicle by one report. jitter: of its position while it is at rest.
static void drive_on(struct vehicle *v, bool moves, unsigned jitter)
{
	v->time_s += 30;
	v->lat += moves ? chance(2000) : chance(jitter);
	v->lon += moves ? chance(3000) : chance(jitter);
	if (!moves)
		return;
	v->speed = chance(9000);
	v->course = chance(36000);
	v->odometer += 100 * chance(9);
}

// Returns true if the device was identified, which must be right. lost: the record before the first
// delta is lost.
static bool meet_fleet(bool moves, unsigned jitter, bool lost)
{
	char texts[HELD_FRAMES_MAX + 1][160];
	unsigned sent = 0;
	struct vehicle mine = new_vehicle(moves);
	for (unsigned number = 0; number < FLEET; number++) {
		struct vehicle v = number ? new_vehicle(moves) : mine;
		write_fleet(texts[0], number, &v);
		begin(&other, false);
		send_text(&other, texts[0]);
	}
	drive_on(&mine, moves, jitter);
	write_fleet(texts[0], 0, &mine);
	if (!lost)
		send_text(&other, texts[0]);
	const size_t first = results.count;
	for (; sent < HELD_FRAMES_MAX && talk.feed.session.ident_len == 0; sent++) {
		drive_on(&mine, moves, jitter);
		write_fleet(texts[sent + 1], 0, &mine);
		send_delta(&talk, texts[sent], texts[sent + 1]);
	}
	if (talk.feed.session.ident_len == 0)
		return false;
	assert_memory_equal(talk.feed.session.ident, "5600000", 7);
	for (size_t i = 0; i < sent; i++)
		expect(first + i, texts[i + 1]);
	return true;
}

static void deltas_are_never_given_to_another_vehicle_of_a_fleet(void **state)
{
	static const struct {
		bool moves, lost;
		unsigned jitter;
	} kinds[] = {{.lost = true, .jitter = 1}, {.lost = true, .jitter = 3},
		{.lost = true, .jitter = 90}, {.lost = true, .moves = true, .jitter = 1},
		{.moves = true, .jitter = 1}};
	unsigned known[COUNT(kinds)] = {0};
	(void)state;
	for (unsigned round = 0; round < 150; round++) {
		const size_t kind = round % COUNT(kinds);
		dice = round;
		known[kind] += meet_fleet(kinds[kind].moves, kinds[kind].jitter, kinds[kind].lost);
		(void)free_memory(NULL);
		(void)new_memory(NULL);
	}
	assert_true(known[COUNT(kinds) - 1] > 0); // where no record was lost
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, new_memory, free_memory)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(example_of_five_records_decodes),
		CASE(rebuilt_record_equals_one_sent_whole),
		CASE(full_frame_may_mix_deltas_and_records),
		CASE(bare_delta_ends_where_no_triple_follows),
		CASE(late_rest_of_a_delta_is_rejected_and_undone),
		CASE(last_eight_records_are_remembered),
		CASE(repeated_record_takes_no_room_in_history),
		CASE(newest_live_record_outlasts_the_log),
		CASE(history_holds_long_records),
		CASE(chain_of_deltas_is_held_until_its_reference_arrives),
		CASE(stored_records_may_be_deltas),
		CASE(three_deltas_in_a_row_resolve_after_an_unresolved_one),
		CASE(after_a_gap_a_reference_needs_the_next_delta),
		CASE(chance_match_after_a_missing_record_is_not_accepted),
		CASE(unusual_delta_needs_the_next_delta),
		CASE(conversation_holds_at_most_32_deltas),
		CASE(full_hold_does_not_block_resolvable_deltas),
		CASE(held_deltas_expire_after_two_minutes),
		CASE(records_of_another_connection_resolve_held_deltas),
		CASE(first_record_identifies_held_deltas),
		CASE(two_deltas_identify_one_of_few_devices),
		CASE(device_heard_on_another_conversation_is_not_identified),
		CASE(deltas_that_fit_two_devices_identify_none),
		CASE(many_devices_require_more_evidence),
		CASE(chain_that_changes_only_times_identifies_no_device),
		CASE(delta_never_uses_a_record_of_another_device),
		CASE(deltas_in_datagrams_decode_in_any_order),
		CASE(rejected_record_is_still_a_reference),
		CASE(line_end_is_part_of_the_record_once),
		CASE(invalid_result_is_not_accepted),
		CASE(delta_is_rejected_without_memory),
		CASE(random_tracks_decode_without_a_wrong_record),
		CASE(deltas_are_never_given_to_another_vehicle_of_a_fleet),
	};
	guard = guarded_new(65536);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	guarded_free(&guard);
	return failed;
}
