// SPDX-License-Identifier: MIT
// Teltonika: how frames are cut, what opens a conversation, acknowledgements, large packets, commands. The fields are compared
// by tests/reference.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "decoders/decoders.h"
#include "feed/feed.h"
#include "fixture.h"
#include "protocol/device_memory.h"
#include "protocol/photo.h"
#include "util/checksum.h"

#include <stdlib.h>
#include <string.h>

#define NOON_US          INT64_C(1795003200000000) /* 2026-11-18 12:00:00 UTC */
#define FRAME_MOST_BYTES 16384

#define LOGIN                                                                                      \
	"\x00\x0f"                                                                                 \
	"860000000000017"
#define HEAD_16                                                                                    \
	"\x00\x00\x01\x9c\xeb\xc9\xd9\x00\x00\x0e\xc1\x19\x80\x23\x6d\x5d\xd0\x00\x0c\x00\x5a\x07" \
	"\x00\x3f\x00\xfd\x03"
#define PACKET                                                                                     \
	"\x00\x00\x00\x00\x00\x00\x00\x2d\x10\x01" HEAD_16                                         \
	"\x03\x02\x00\xfd\x02\x00\xfe\x29\x01\x00\x42\x6d\x6a\x00\x00\x01\x00\x00\x38\x85"
#define DATAGRAM_1                                                                                 \
	"\x00\x42\xca\xfe\x01\x7b\x00\x0f"                                                         \
	"860000000000017"                                                                          \
	"\x10\x01" HEAD_16 "\x03\x02\x00\xfd\x02\x00\xfe\x29\x01\x00\x42\x6d\x6a\x00\x00\x01"
#define ANSWER                                                                                     \
	"\x00\x00\x00\x00\x00\x00\x00\x20\x0c\x01\x06\x00\x00\x00\x18"                             \
	"DOUT1:1 Timeout:INFINITY"                                                                 \
	"\x01\x00\x00\x36\x37"

static struct guarded page;
static struct decoded decoded;

struct outcome {
	size_t reports, rejects, frames;
	enum feed_verdict verdict;
	bool closed;
	size_t reply_len[REPLY_KINDS];
	uint8_t replies[REPLY_KINDS][256];
	char reason[DECODED_REASON_MAX]; /* of the last reject */
};

static void add(struct outcome *outcome)
{
	assert_null(decoded.fault);
	outcome->reports += decoded.report_count;
	outcome->rejects += decoded.reject_count;
	outcome->closed |= decoded.close;
	for (size_t kind = 0; kind < REPLY_KINDS; kind++) {
		assert_true(outcome->reply_len[kind] + decoded.reply_len[kind] <=
			    sizeof outcome->replies[kind]);
		memcpy(outcome->replies[kind] + outcome->reply_len[kind], decoded.reply[kind],
			decoded.reply_len[kind]);
		outcome->reply_len[kind] += decoded.reply_len[kind];
	}
	if (decoded.reject_count > 0)
		decoded_reject_reason(&decoded.rejects[decoded.reject_count - 1], outcome->reason);
}

// Feeds the bytes in pieces of `step`.
static struct outcome feed_bytes(const void *bytes, size_t len, size_t step, bool datagram)
{
	const uint8_t *data = bytes;
	struct outcome outcome = {0};
	struct feed feed;
	size_t start = 0, used;
	feed_init(&feed, DECODERS_ALL, NULL, datagram);
	feed.session.received_us = NOON_US;
	for (size_t end = 0; end < len && outcome.verdict != FEED_CLOSE;) {
		end = len - end < step ? len : end + step;
		while (start < end) {
			const uint8_t *at = guarded_copy(&page, data + start, end - start);
			outcome.verdict = feed_step(&feed, at, end - start, &decoded, &used);
			if (outcome.verdict == FEED_MORE)
				break;
			add(&outcome);
			start += used;
			if (outcome.verdict == FEED_CLOSE)
				break;
		}
	}
	outcome.frames = feed.frames;
	feed_done(&feed);
	return outcome;
}

#define FEED(literal, step) feed_bytes(literal, sizeof(literal) - 1, step, false)
#define DATAGRAM(literal)   feed_bytes(literal, sizeof(literal) - 1, sizeof(literal), true)

static void assert_replies(
	const struct outcome *outcome, enum reply_when when, const void *want, size_t len)
{
	assert_int_equal(outcome->reply_len[when], len);
	assert_memory_equal(outcome->replies[when], want, len);
}

static void put_be32(uint8_t *out, size_t value)
{
	for (int i = 0; i < 4; i++)
		out[i] = (uint8_t)(value >> (24 - 8 * i));
}

// Makes a packet of a body that is at out + 8. Returns its length.
static size_t seal(uint8_t *out, size_t body_len)
{
	put_be32(out, 0);
	put_be32(out + 4, body_len);
	put_be32(out + 8 + body_len, checksum_crc16_arc(out + 8, body_len));
	return body_len + 12;
}

// Calls the decoder as it is called for a conversation that has logged in.
static enum decode_status decode(struct session *session, const void *data, size_t len)
{
	decoded_reset(&decoded);
	session_set_ident(session, "860000000000017", 15);
	session->decoder = &decoder_teltonika;
	return decoder_teltonika.decode(session, guarded_copy(&page, data, len), len, &decoded);
}

static void frames_are_cut_the_same_in_any_pieces(void **state)
{
	static const uint8_t count[] = {0, 0, 0, 1, 0, 0, 0, 1};
	(void)state;
	for (size_t step = 1; step < 200; step++) {
		struct outcome outcome =
			FEED("\xff" LOGIN "\xff\xff" PACKET "\xff" PACKET ANSWER LOGIN, step);
		assert_int_equal(outcome.reports, 3);
		assert_int_equal(outcome.rejects, 0);
		assert_int_equal(outcome.frames, 5);
		assert_false(outcome.closed);
		assert_replies(&outcome, REPLY_NOW, "\x01\x01", 2);
		assert_replies(&outcome, REPLY_REFUSED, "\0\0", 2);
		assert_replies(&outcome, REPLY_STORED, count, sizeof count);
	}
}

static void garbage_is_rejected_and_the_stream_goes_on(void **state)
{
	(void)state;
	struct outcome outcome = FEED(LOGIN PACKET "garbage" PACKET, 1000);
	assert_int_equal(outcome.reports, 2);
	assert_int_equal(outcome.rejects, 1);
	assert_string_equal(outcome.reason, "framing lost");
	char bad[] = LOGIN PACKET PACKET;
	bad[sizeof LOGIN - 1 + sizeof PACKET - 2]++; // the checksum of the first
	outcome = feed_bytes(bad, sizeof bad - 1, 7, false);
	assert_int_equal(outcome.reports, 1);
	assert_string_equal(outcome.reason, "bad checksum");
	assert_replies(&outcome, REPLY_STORED, "\0\0\0\1", 4);
}

static void a_packet_before_the_login_closes(void **state)
{
	static uint8_t large[8192];
	(void)state;
	for (size_t step = 1; step < 100; step++) {
		struct outcome outcome = FEED(PACKET, step);
		assert_int_equal(outcome.reports, 0);
		assert_string_equal(outcome.reason, "before login");
		assert_true(outcome.closed);
	}
	// Larger than the sniffing limit.
	size_t at = 8;
	large[at++] = 0x08;
	large[at++] = 200;
	for (int i = 0; i < 200; i++)
		at += 30; // records of zeros
	large[at++] = 200;
	const size_t len = seal(large, at - 8);
	for (size_t step = 100; step < 8000; step += 700) {
		struct outcome outcome = feed_bytes(large, len, step, false);
		assert_string_equal(outcome.reason, "before login");
		assert_true(outcome.closed);
		for (size_t kind = 0; kind < REPLY_KINDS; kind++)
			assert_int_equal(outcome.reply_len[kind], 0);
	}
	large[len - 1]++;
	for (size_t step = 100; step < 8000; step += 700)
		assert_string_equal(feed_bytes(large, len, step, false).reason, "bad checksum");
}

static void a_connection_has_one_ident(void **state)
{
	(void)state;
	struct outcome outcome = FEED(LOGIN LOGIN, 9);
	assert_false(outcome.closed);
	outcome = FEED(LOGIN "\x00\x0e"
			     "86000000000025",
		9);
	assert_true(outcome.closed);
	assert_string_equal(outcome.reason, "bad value: ident");
	assert_replies(&outcome, REPLY_NOW, "\x01", 1);
}

static void a_packet_has_at_most_16_kib(void **state)
{
	static uint8_t data[17 + FRAME_MOST_BYTES + 17];
	const size_t packet = sizeof LOGIN - 1;
	(void)state;
	memcpy(data, LOGIN, packet);
	// One text of the largest size.
	const size_t body = FRAME_MOST_BYTES - 12, size = body - 8;
	uint8_t *out = data + packet;
	memcpy(out + 8, "\x0c\x01\x06", 3);
	put_be32(out + 11, size);
	memset(out + 15, 'x', size);
	out[15 + size] = 1;
	assert_int_equal(seal(out, body), FRAME_MOST_BYTES);
	for (size_t step = 333; step < sizeof data; step += 5000) {
		struct outcome outcome = feed_bytes(data, packet + FRAME_MOST_BYTES, step, false);
		assert_int_equal(outcome.reports, 1);
		assert_int_equal(outcome.rejects, 0);
	}
	put_be32(out + 4, body + 1);
	for (size_t step = 333; step < sizeof data; step += 5000) {
		struct session session = {.ident_len = 0};
		struct frame frame = decoder_teltonika.frame(&session, out, 8);
		assert_int_equal(frame.kind, FRAME_OK);
		assert_int_equal(decode(&session, out, frame.len), DECODE_BAD_LENGTH);
		assert_true(decoded.close);
	}
}

// Writes a record of codec 8E with a string element. Returns its length.
static size_t put_record(uint8_t *out, unsigned id, const uint8_t *string, size_t len)
{
	memset(out, 0, 28);
	memcpy(out, "\x00\x00\x01\x9c\xeb\xc9\xd9\x00", 8);
	memcpy(out + 28, "\0\0\0\0\0\0\0\0\0\1", 10);
	out[38] = (uint8_t)(id >> 8);
	out[39] = (uint8_t)id;
	out[40] = (uint8_t)(len >> 8);
	out[41] = (uint8_t)len;
	memcpy(out + 42, string, len);
	return 42 + len;
}

static void the_members_of_the_largest_packet_fit(void **state)
{
	static uint8_t data[FRAME_MOST_BYTES];
	uint8_t tags[1 + 2 * 253] = {0};
	struct session session = {0};
	size_t len = 8;
	unsigned count = 0;
	(void)state;
	for (size_t tag = 0; tag < 2; tag++) {
		uint8_t *at = tags + 1 + tag * 253;
		*at++ = 252;
		for (int i = 0; i < 63; i++, at += 4)
			memcpy(at, "\x02\x02\xc0\xff", 4); // two members of 4 bytes
	}
	data[len++] = 0x8e;
	len++;
	while (len + 42 + sizeof tags + 5 <= sizeof data) {
		len += put_record(data + len, 548, tags, sizeof tags);
		count++;
	}
	data[9] = data[len++] = (uint8_t)count;
	assert_int_equal(decode(&session, data, seal(data, len - 8)), DECODE_OK);
	assert_null(decoded.fault);
	assert_int_equal(decoded.report_count, count);
	for (size_t i = 0; i < count; i++)
		assert_in_range(decoded.reports[i].extra.len, EXTRA_MAX - 30, EXTRA_MAX);
}

static void a_packet_has_up_to_255_records_and_each_can_be_decoded_alone(void **state)
{
	static uint8_t data[FRAME_MOST_BYTES], raw[FRAME_MOST_BYTES];
	static struct report reports[255];
	static char extras[255][64];
	struct session session = {.datagram = true};
	size_t len = 8;
	(void)state;
	data[len++] = 0x8e;
	data[len++] = 255;
	for (unsigned i = 0; i < 255; i++)
		len += put_record(data + len, 300 + i, (const uint8_t *)"abcdef", 1 + i % 6);
	data[len++] = 255;
	assert_int_equal(decode(&session, data, seal(data, len - 8)), DECODE_OK);
	assert_int_equal(decoded.report_count, 255);
	assert_int_equal(decoded.reply_len[REPLY_STORED], 4);
	assert_memory_equal(decoded.reply[REPLY_STORED], "\0\0\0\xff", 4);
	uint8_t *at = raw;
	for (size_t i = 0; i < 255; i++) {
		reports[i] = decoded.reports[i];
		memcpy(extras[i], reports[i].extra.data, reports[i].extra.len);
		memcpy(at, reports[i].raw.data, reports[i].raw.len);
		at += reports[i].raw.len;
	}
	at = raw;
	for (size_t i = 0; i < 255; at += reports[i++].raw.len) {
		assert_int_equal(
			decoder_teltonika.frame(&session, at, reports[i].raw.len).kind, FRAME_OK);
		assert_int_equal(decode(&session, at, reports[i].raw.len), DECODE_OK);
		assert_int_equal(decoded.report_count, 1);
		assert_int_equal(decoded.reply_len[REPLY_STORED], 0);
		assert_memory_equal(
			&decoded.reports[0].body, &reports[i].body, sizeof reports[i].body);
		assert_memory_equal(
			decoded.reports[0].extra.data, extras[i], decoded.reports[0].extra.len);
	}
}

static void members_that_do_not_fit_are_left_out(void **state)
{
	static uint8_t data[FRAME_MOST_BYTES];
	uint8_t string[2050];
	struct session session = {0};
	(void)state;
	memset(string, 0xab, sizeof string);
	data[8] = 0x8e;
	data[9] = 1;
	for (size_t size = 2030; size < 2050; size++) {
		size_t len = 10;
		const size_t record = put_record(data + len, 403, string, size);
		data[len + 37] = 2; // another string follows
		len += record;
		memcpy(data + len, "\x01\x94\x00\x01\x07\x01", 6);
		len += 6;
		assert_int_equal(decode(&session, data, seal(data, len - 8)), DECODE_OK);
		const struct text extra = decoded.reports[0].extra;
		const size_t first = strlen("\"io403\":\"\"") + 2 * size,
			     second = strlen(",\"io404\":\"07\""),
			     mark = strlen(",\"incomplete\":true");
		assert_int_equal(extra.len, first + second + mark <= EXTRA_MAX ? first + second
					    : first + mark <= EXTRA_MAX        ? first + mark
									       : mark - 1 + second);
	}
}

static void only_frames_of_teltonika_open_a_conversation(void **state)
{
	(void)state;
	static const char opening[] = "\xff\xff" LOGIN;
	for (size_t len = 1; len < sizeof opening; len++)
		assert_int_equal(
			decoder_teltonika.probe(guarded_copy(&page, opening, len), len, false),
			len < sizeof opening - 1 ? PROBE_MORE : PROBE_YES);
	for (size_t len = 1; len < sizeof PACKET; len++)
		assert_int_equal(
			decoder_teltonika.probe(guarded_copy(&page, PACKET, len), len, false),
			len < sizeof PACKET - 1 ? PROBE_MORE : PROBE_YES);
	char bad[] = PACKET;
	bad[20]++;
	const struct {
		const char *data;
		size_t len;
	} foreign[] = {
		{bad, sizeof bad - 1},
		{"\x00\x0f"
		 "86000000000001a",
			17},
		{"\x00\x0d"
		 "8600000000017",
			15},
		{"\x00\x00\x00\x01", 4},
		{"\x00\x00\x00\x00\x00\x00\x40\x00", 8},
		{"\x00\x00\x00\x00\x00\x00\x00\x02", 8},
		{"\x00\x00\x00\x00\x00\x00\x00\x20\x09", 9},
		{"\xff\x01", 2},
	};
	for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++)
		assert_int_equal(decoder_teltonika.probe(
					 guarded_copy(&page, foreign[i].data, foreign[i].len),
					 foreign[i].len, false),
			PROBE_NO);
}

static void datagrams_are_answered_with_their_ids(void **state)
{
	(void)state;
	struct outcome outcome = DATAGRAM(DATAGRAM_1);
	assert_int_equal(outcome.reports, 1);
	assert_replies(&outcome, REPLY_STORED, "\x00\x05\xca\xfe\x01\x7b\x01", 7);
	static const struct {
		size_t at;
		char byte;
	} faults[] = {{1, 0x43}, {4, 2}, {7, 13}, {8, 'x'}, {23, 9}};
	for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
		char bad[] = DATAGRAM_1;
		bad[faults[i].at] = faults[i].byte;
		outcome = feed_bytes(bad, sizeof bad - 1, sizeof bad, true);
		assert_string_equal(outcome.reason, "unknown protocol");
	}
	for (size_t len = 1; len < sizeof DATAGRAM_1 - 1; len++)
		assert_int_equal(feed_bytes(DATAGRAM_1, len, len, true).reports, 0);
	char empty[] = "\x00\x18\xca\xfe\x01\x7b\x00\x0f"
		       "860000000000017"
		       "\x08\x00\x00";
	outcome = feed_bytes(empty, sizeof empty - 1, sizeof empty, true);
	assert_replies(&outcome, REPLY_NOW, "\x00\x05\xca\xfe\x01\x7b\x00", 7);
}

// A record of codec 8 at a second, with 255 as its event.
static uint64_t overspeed_alarms(struct device_memory *memory, unsigned second, unsigned kmh)
{
	uint8_t data[64] = {0};
	struct session session = {.memory = memory}; // a new connection
	memcpy(data + 8, "\x08\x01\x00\x00\x01\x9c\xeb", 7);
	data[8 + 7] = (uint8_t)(second * 1000 >> 16);
	data[8 + 8] = (uint8_t)(second * 1000 >> 8);
	data[8 + 9] = (uint8_t)(second * 1000);
	data[8 + 23] = 9; // satellites
	data[8 + 26] = 255;
	data[8 + 28] = 1;
	data[8 + 29] = 255;
	data[8 + 30] = (uint8_t)kmh;
	data[8 + 34] = 1;
	assert_int_equal(decode(&session, data, seal(data, 35)), DECODE_OK);
	return decoded.reports[0].body.alarms;
}

static void an_overspeed_is_an_alarm_once(void **state)
{
	(void)state;
	struct device_memory *memory = device_memory_new(10);
	const uint64_t alarm = UINT64_C(1) << ALARM_OVERSPEED;
	assert_int_equal(overspeed_alarms(memory, 1000, 95), alarm);
	assert_int_equal(overspeed_alarms(memory, 1060, 90), 0); // its end
	assert_int_equal(overspeed_alarms(memory, 1070, 91), alarm);
	assert_int_equal(overspeed_alarms(memory, 1070 + 599, 91), 0);
	assert_int_equal(overspeed_alarms(memory, 1070 + 599 + 600, 91), alarm);
	assert_int_equal(overspeed_alarms(memory, 2300, 0), 0);
	assert_int_equal(overspeed_alarms(memory, 2301, 60), alarm);
	assert_int_equal(overspeed_alarms(NULL, 2302, 60), alarm);
	// A device that is not admitted: its event does not count.
	assert_int_equal(overspeed_alarms(memory, 2400, 80), alarm);
	decoded_undo(&decoded);
	assert_int_equal(overspeed_alarms(memory, 2401, 80), alarm);
	assert_int_equal(overspeed_alarms(memory, 2402, 80), 0);
	device_memory_free(memory);
}

static void commands_are_codec_12(void **state)
{
	static const struct {
		struct command command;
		const char *text;
	} goldens[] = {
		{{.kind = COMMAND_ENGINE_STOP}, "setdigout 1"},
		{{.kind = COMMAND_ENGINE_RESUME}, "setdigout 0"},
		{{.kind = COMMAND_OUTPUT_CONTROL,
			 .args = {[COMMAND_INDEX] = 1, [COMMAND_VALUE] = 1}},
			"setdigout 1"},
		{{.kind = COMMAND_OUTPUT_CONTROL, .args = {[COMMAND_INDEX] = 3}}, "setdigout ?\?0"},
		{{.kind = COMMAND_POSITION_SINGLE}, "getrecord"},
		{{.kind = COMMAND_POSITION_PERIODIC, .args = {[COMMAND_SECONDS] = 60}},
			"setparam 10050:60;10055:60"},
		{{.kind = COMMAND_REBOOT_DEVICE}, "cpureset"},
		{{.kind = COMMAND_GET_VERSION}, "getver"},
		{{.kind = COMMAND_CUSTOM, .text_len = 7, .text = "getinfo"}, "getinfo"},
		{{.kind = COMMAND_CUSTOM, .text_len = 6, .text = "01fF7e"}, "\x01\xff\x7e"},
		{{.kind = COMMAND_CUSTOM, .text_len = 5, .text = "01fF7"}, "01fF7"},
	};
	static const uint8_t stop[] =
		"\0\0\0\0\0\0\0\x13\x0c\x01\x05\0\0\0\x0bsetdigout 1\x01\0\0\x87\xa2";
	static const uint8_t info[] =
		"\0\0\0\0\0\0\0\x0f\x0c\x01\x05\0\0\0\x07getinfo\x01\0\0\x43\x12";
	struct session session = {.decoder = &decoder_teltonika, .received_us = NOON_US};
	uint8_t out[300];
	(void)state;
	// Not before the log-in, the first records, or over UDP.
	assert_int_equal(
		decoder_teltonika.encode_command(&session, &goldens[0].command, out, 300).result,
		ENCODE_LATER);
	assert_int_equal(decode(&session, LOGIN, sizeof LOGIN - 1), DECODE_OK);
	assert_int_equal(
		decoder_teltonika.encode_command(&session, &goldens[0].command, out, 300).result,
		ENCODE_LATER);
	assert_int_equal(decode(&session, ANSWER, sizeof ANSWER - 1), DECODE_OK);
	assert_int_equal(
		decoder_teltonika.encode_command(&session, &goldens[0].command, out, 300).result,
		ENCODE_LATER);
	assert_int_equal(decode(&session, PACKET, sizeof PACKET - 1), DECODE_OK);
	for (size_t i = 0; i < sizeof goldens / sizeof goldens[0]; i++) {
		const size_t len = strlen(goldens[i].text);
		struct encoded encoded = decoder_teltonika.encode_command(
			&session, &goldens[i].command, out, len + 20);
		assert_int_equal(encoded.result, ENCODE_DONE);
		assert_int_equal(encoded.len, len + 20);
		assert_false(encoded.correlation.known);
		assert_memory_equal(out + 15, goldens[i].text, len);
		if (i == 0)
			assert_memory_equal(out, stop, sizeof stop - 1);
		if (goldens[i].text[0] == 'g' && goldens[i].text[3] == 'i')
			assert_memory_equal(out, info, sizeof info - 1);
		encoded = decoder_teltonika.encode_command(
			&session, &goldens[i].command, out, len + 19);
		assert_int_equal(encoded.result, ENCODE_NEVER);
	}
	static const struct command never[] = {
		{.kind = COMMAND_ALARM_SPEED},
		{.kind = COMMAND_OUTPUT_CONTROL, .args = {[COMMAND_INDEX] = 4}},
		{.kind = COMMAND_REBOOT_DEVICE, .args = {[COMMAND_WHAT] = 1}},
		// an engine stop in hex
		{.kind = COMMAND_CUSTOM, .text_len = 22, .text = "7365746469674f75742031"},
	};
	for (size_t i = 0; i < sizeof never / sizeof never[0]; i++)
		assert_int_equal(
			decoder_teltonika.encode_command(&session, &never[i], out, 300).result,
			ENCODE_NEVER);
	assert_int_equal(decode(&session, LOGIN, sizeof LOGIN - 1), DECODE_OK);
	assert_int_equal(
		decoder_teltonika.encode_command(&session, &goldens[0].command, out, 300).result,
		ENCODE_LATER);
	session.memo[0] = 1;
	session.datagram = true;
	assert_int_equal(
		decoder_teltonika.encode_command(&session, &goldens[0].command, out, 300).result,
		ENCODE_LATER);
}

static enum confirmation confirmation_of(unsigned codec, unsigned type, const char *text)
{
	static const struct command stop = {.kind = COMMAND_ENGINE_STOP};
	const size_t imei = codec == 0x0e ? 8 : 0, len = strlen(text);
	struct session session = {0};
	uint8_t data[128] = {0};
	data[8] = (uint8_t)codec;
	data[9] = 1;
	data[10] = (uint8_t)type;
	data[14] = (uint8_t)(imei + len);
	memcpy(data + 15 + imei, text, len);
	data[15 + imei + len] = 1;
	assert_int_equal(decode(&session, data, seal(data, 8 + imei + len)), DECODE_OK);
	return decoder_teltonika.confirms_command(&stop, (struct correlation){0},
		&decoded.reports[0], decoded_find_answer(&decoded, 0));
}

static void answers_confirm_the_outstanding_command(void **state)
{
	struct session session = {0};
	(void)state;
	assert_int_equal(confirmation_of(0x0c, 0x06, "DOUT1:1"), CONFIRMATION_DONE);
	assert_int_equal(
		confirmation_of(0x0c, 0x06, "ERROR: no such parameter"), CONFIRMATION_REFUSED);
	assert_int_equal(confirmation_of(0x0c, 0x05, "DOUT1:1"), CONFIRMATION_NONE);
	assert_int_equal(confirmation_of(0x0d, 0x06, "DOUT1:1"), CONFIRMATION_NONE);
	assert_int_equal(confirmation_of(0x0e, 0x06, "DOUT1:1"), CONFIRMATION_DONE);
	assert_int_equal(confirmation_of(0x0e, 0x11, ""), CONFIRMATION_REFUSED);
	decode(&session, PACKET, sizeof PACKET - 1);
	assert_int_equal(decoder_teltonika.confirms_command(&(struct command){0},
				 (struct correlation){0}, &decoded.reports[0], NULL),
		CONFIRMATION_NONE);
}

// Receives a message of the camera.
static void receive_camera(struct session *session, const void *payload, size_t payload_len)
{
	static uint8_t data[4096];
	memcpy(data + 8, "\x0c\x01\x0d", 3);
	put_be32(data + 11, payload_len);
	memcpy(data + 15, payload, payload_len);
	data[15 + payload_len] = 1;
	assert_int_equal(decode(session, data, seal(data, 8 + payload_len)), DECODE_OK);
}

static void assert_request(uint32_t offset, uint32_t count)
{
	const uint8_t *reply = decoded.reply[REPLY_NOW];
	assert_int_equal(decoded.reply_len[REPLY_NOW], 31);
	assert_memory_equal(reply, "\0\0\0\0\0\0\0\x13\x0c\x01\x0d\0\0\0\x0b\x02\0\0\0\x07", 20);
	assert_int_equal(reply[22] << 8 | reply[23], offset);
	assert_int_equal(reply[24] << 8 | reply[25], count);
}

static void a_photo_is_requested_in_parts(void **state)
{
	static uint8_t part[11 + 2048] = "\x02\0\0\0\x07\0\0\0\0\x08\0";
	struct photos photos = {0};
	struct session session = {.photos = &photos, .received_us = NOON_US, .now_us = NOON_US};
	(void)state;
	memset(part + 11, 0x55, 2048);
	receive_camera(&session, "\x01\0\0\0\x07\0\0\x10\x01", 9); // 4097 bytes
	assert_int_equal(decoded.report_count, 1);
	assert_request(0, 2048);
	receive_camera(&session, part, sizeof part);
	assert_int_equal(decoded.report_count, 0);
	assert_request(2048, 2048);
	receive_camera(&session, part, sizeof part); // again: not requested twice
	assert_int_equal(decoded.reply_len[REPLY_NOW], 0);
	receive_camera(&session, part, sizeof part - 1); // shorter than its count: kept as a status
	assert_int_equal(decoded.report_count, 1);
	part[7] = 0x08;
	receive_camera(&session, part, sizeof part);
	assert_request(4096, 1);
	for (int second = 1; second <= 29; second++) {
		session.now_us = NOON_US + second * INT64_C(1000000);
		decoded_reset(&decoded);
		decoder_teltonika.wake(&session, INT64_MIN, &decoded);
		assert_int_equal(decoded.reply_len[REPLY_NOW], second % 10 == 0 ? 31 : 0);
	}
	session.now_us += 1000000;
	decoder_teltonika.wake(&session, INT64_MIN, &decoded);
	session.now_us += 10000000;
	decoder_teltonika.wake(&session, INT64_MIN, &decoded);
	assert_null(session.photo); // given up
	assert_non_null(session.finished);
	assert_int_equal(session.finished->size, 4096);
	assert_false(session.finished->complete);
	photo_drop_all(&session);
	assert_int_equal(photos.bytes, 0);
}

static void photos_are_not_requested_over_udp_or_if_they_are_off(void **state)
{
	struct photos photos = {0};
	struct session off = {.received_us = NOON_US};
	struct session datagram = {.photos = &photos, .datagram = true};
	struct session large = {.photos = &photos};
	(void)state;
	receive_camera(&off, "\x01\0\0\0\x07\0\0\x10\x01", 9);
	assert_null(off.photo);
	receive_camera(&datagram, "\x01\0\0\0\x07\0\0\x10\x01", 9);
	assert_null(datagram.photo);
	receive_camera(&large, "\x01\0\0\0\x07\xff\xff\xff\xff", 9);
	assert_null(large.photo);
	receive_camera(&large, "\x01\0\0\0\x07\0\0\0\0", 9);
	assert_null(large.photo);
	assert_int_equal(decoded.reply_len[REPLY_NOW], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_are_cut_the_same_in_any_pieces),
		cmocka_unit_test(garbage_is_rejected_and_the_stream_goes_on),
		cmocka_unit_test(a_packet_before_the_login_closes),
		cmocka_unit_test(a_connection_has_one_ident),
		cmocka_unit_test(a_packet_has_at_most_16_kib),
		cmocka_unit_test(the_members_of_the_largest_packet_fit),
		cmocka_unit_test(a_packet_has_up_to_255_records_and_each_can_be_decoded_alone),
		cmocka_unit_test(members_that_do_not_fit_are_left_out),
		cmocka_unit_test(only_frames_of_teltonika_open_a_conversation),
		cmocka_unit_test(datagrams_are_answered_with_their_ids),
		cmocka_unit_test(an_overspeed_is_an_alarm_once),
		cmocka_unit_test(commands_are_codec_12),
		cmocka_unit_test(answers_confirm_the_outstanding_command),
		cmocka_unit_test(a_photo_is_requested_in_parts),
		cmocka_unit_test(photos_are_not_requested_over_udp_or_if_they_are_off),
	};
	page = guarded_new(2 * FRAME_MOST_BYTES);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
