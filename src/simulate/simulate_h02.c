// SPDX-License-Identifier: MIT
// Records of an H02, and the server's answers and commands. Over TCP, every third position of a tracker with an ident of ten
// digits is binary (32 bytes, drawn in decoders/h02/h02_binary.c).
//
//   *HQ,id,V0#                                                                 answer  *HQ,id,V0#
//   *HQ,id,V1,hhmmss,A,ddmm.mmmm,N,dddmm.mmmm,E,knots,course,ddmmyy,status#    answer  *HQ,id,V4,V1,yyyymmddhhmmss#
//   *HQ,id,HTBT,battery#                                                       answer  *HQ,id,HTBT#
//   $ ...                                                                      answer  *HQ,id,R12,hhmmss#
//   command  *HQ,id,S20,hhmmss,1,<0|1>#     reply  *HQ,id,V4,S20,<DONE|OK>,hhmmss,<the newest position>#
//
// An answer has no number: it is for the oldest record of its type. An alarm is a bit of the status that is 0.
#include "simulate/simulate_h02.h"

#include "simulate/simulate_text.h"
#include "simulate/simulate_tracker.h"
#include "util/calendar.h"
#include "util/hex.h"
#include "util/text.h"

#include <string.h>

#define KEY_POSITION  1
#define KEY_HEARTBEAT 2
#define KEY_BINARY    3
#define KEY_LOGIN     4

#define BINARY_LEN   32
#define BINARY_IDENT 10 /* digits */
#define BINARY_EVERY 3

#define BIT_ACC     (1u << 10)
#define BIT_BLOCKED (1u << 27)

static const uint32_t alarm_bits[] = {
	[SIGHTING_SOS] = 1u << 1,
	[SIGHTING_OVERSPEED] = 1u << 2,
	[SIGHTING_LOW_BATTERY] = 1u << 19,
};

// Writes *HQ,id,TYPE,
static char *put_head(char *out, const struct simulate_tracker *tracker, const char *type)
{
	out = simulate_text_put(out, "*HQ,");
	out = simulate_text_put(out, tracker->ident);
	*out++ = ',';
	out = simulate_text_put(out, type);
	*out++ = ',';
	return out;
}

// Writes degrees, minutes, hemisphere and a comma: "4807.0380,N,".
static char *put_angle(char *out, int32_t e7, unsigned degree_digits, const char *halves)
{
	out = simulate_text_angle(out, e7, degree_digits);
	*out++ = ',';
	*out++ = halves[e7 < 0];
	*out++ = ',';
	return out;
}

static uint32_t status_of(
	const struct simulate_tracker *tracker, const struct simulate_sighting *seen)
{
	uint32_t status = ~alarm_bits[seen->event];
	if (!seen->ignition)
		status &= ~BIT_ACC;
	if (tracker->outputs & 1)
		status &= ~BIT_BLOCKED;
	return status;
}

static uint32_t knots_of(const struct simulate_sighting *seen, uint32_t scale)
{
	return (uint32_t)(((uint64_t)seen->speed_kmh_e2 * 10 * scale + 926) / 1852);
}

static char *put_status(
	char *out, const struct simulate_tracker *tracker, const struct simulate_sighting *seen)
{
	const uint32_t status = status_of(tracker, seen);
	for (int shift = 28; shift >= 0; shift -= 4)
		*out++ = hex_digits[status >> shift & 15];
	return out;
}

// Writes the fields from the time to the status, and '#'.
static char *put_position(
	char *out, const struct simulate_tracker *tracker, const struct simulate_sighting *seen)
{
	const struct calendar now = calendar_of(seen->time_us);
	out = simulate_text_digits(
		out, (uint32_t)(now.hour * 10000 + now.minute * 100 + now.second), 6);
	out = simulate_text_put(out, ",A,");
	out = put_angle(out, seen->lat_e7, 2, "NS");
	out = put_angle(out, seen->lon_e7, 3, "EW");
	out = simulate_text_fixed(out, knots_of(seen, 100), 6, 2);
	*out++ = ',';
	out = simulate_text_digits(out, seen->course_deg_e2 / 100u, 3);
	*out++ = ',';
	out = simulate_text_digits(
		out, (uint32_t)(now.day * 10000 + now.month * 100 + (int)(now.year % 100)), 6);
	*out++ = ',';
	out = put_status(out, tracker, seen);
	*out++ = '#';
	return out;
}

// Writes a time, a date and a place as digits.
static char *put_digits(char *out, const struct simulate_sighting *seen, uint32_t battery_percent)
{
	const struct calendar now = calendar_of(seen->time_us);
	const uint32_t lat = simulate_text_minutes_e4(seen->lat_e7),
		       lon = simulate_text_minutes_e4(seen->lon_e7);
	out = simulate_text_digits(
		out, (uint32_t)(now.hour * 10000 + now.minute * 100 + now.second), 6);
	out = simulate_text_digits(
		out, (uint32_t)(now.day * 10000 + now.month * 100 + (int)(now.year % 100)), 6);
	out = simulate_text_digits(out, lat / 600000 * 1000000 + lat % 600000, 8);
	*out++ = hex_digits[battery_percent >> 4];
	*out++ = hex_digits[battery_percent & 15];
	out = simulate_text_digits(out, lon / 600000 * 1000000 + lon % 600000, 9);
	*out++ = hex_digits[2 | (seen->lat_e7 >= 0 ? 4 : 0) | (seen->lon_e7 >= 0 ? 8 : 0)];
	out = simulate_text_digits(out, knots_of(seen, 1), 3);
	return simulate_text_digits(out, seen->course_deg_e2 / 100u, 3);
}

static uint8_t to_byte(const char *digits)
{
	return (uint8_t)((unsigned)text_hex_digit(digits[0]) << 4 |
			 (unsigned)text_hex_digit(digits[1]));
}

static size_t write_binary(const struct simulate_tracker *tracker,
	const struct simulate_sighting *seen, uint8_t out[BINARY_LEN])
{
	char digits[2 * BINARY_LEN] = {0};
	const uint32_t percent = seen->battery * 100u / 15, status = status_of(tracker, seen);
	memcpy(digits, tracker->ident, BINARY_IDENT);
	put_digits(digits + BINARY_IDENT, seen, percent < 7 ? 0 : percent);
	memset(out, 0xFF, BINARY_LEN);
	out[0] = '$';
	for (size_t i = 0; i < 24; i++)
		out[1 + i] = to_byte(digits + 2 * i);
	for (size_t i = 0; i < 4; i++)
		out[25 + i] = (uint8_t)(status >> 8 * (3 - i));
	out[31] = (uint8_t)tracker->serial;
	return BINARY_LEN;
}

// A text has to open the conversation: a binary record does so for a known device only. A datagram may be the first of a
// sender that the server has forgotten.
static bool is_binary(const struct simulate_tracker *tracker)
{
	return !tracker->udp && tracker->ident_len == BINARY_IDENT &&
	       tracker->serial % BINARY_EVERY == 0;
}

static size_t write_login(struct simulate_tracker *tracker, uint8_t *out)
{
	if (tracker->udp)
		return 0;
	char *end = put_head((char *)out, tracker, "V0");
	end[-1] = '#';
	return (size_t)(end - (char *)out);
}

static size_t write_report(
	struct simulate_tracker *tracker, const struct simulate_sighting *seen, uint8_t *out)
{
	tracker->serial++;
	if (is_binary(tracker))
		return write_binary(tracker, seen, out);
	char *end = put_head((char *)out, tracker, "V1");
	return (size_t)(put_position(end, tracker, seen) - (char *)out);
}

static size_t write_heartbeat(
	struct simulate_tracker *tracker, const struct simulate_sighting *seen, uint8_t *out)
{
	char *end = put_head((char *)out, tracker, "HTBT");
	end = simulate_text_digits(end, seen->battery * 100u / 15, 3);
	*end++ = '#';
	return (size_t)(end - (char *)out);
}

static size_t find_end(const uint8_t *data, size_t len)
{
	if (data[0] == '$')
		return len < BINARY_LEN ? 0 : BINARY_LEN;
	const uint8_t *end = memchr(data, '#', len);
	return end ? (size_t)(end - data) + 1 : 0;
}

// Returns the field at an index, up to its comma or '#'.
static const char *find_field(const uint8_t *data, size_t len, unsigned index)
{
	const char *at = (const char *)data, *end = at + len;
	while (index > 0 && at < end)
		index -= *at++ == ',';
	return at;
}

static bool has_word(const uint8_t *data, size_t len, unsigned index, const char *word)
{
	const char *at = find_field(data, len, index), *end = (const char *)data + len;
	const size_t word_len = strlen(word);
	return (size_t)(end - at) > word_len && memcmp(at, word, word_len) == 0 &&
	       (at[word_len] == ',' || at[word_len] == '#');
}

static bool is_report(const uint8_t *record)
{
	return record[0] == '$' || has_word(record, SIMULATE_LOGIN_MAX, 2, "V1");
}

static uint32_t key_of(const uint8_t *record, size_t len)
{
	if (record[0] == '$')
		return KEY_BINARY;
	return has_word(record, len, 2, "HTBT") ? KEY_HEARTBEAT
	       : has_word(record, len, 2, "V0") ? KEY_LOGIN
						: KEY_POSITION;
}

static enum simulate_answer read_answer(
	const uint8_t *data, size_t len, size_t *used, uint32_t *key)
{
	if (data[0] != '*')
		return ANSWER_BAD;
	*used = find_end(data, len);
	if (*used == 0)
		return len < SIMULATE_RECORD_MAX ? ANSWER_MORE : ANSWER_BAD;
	if (has_word(data, *used, 2, "HTBT"))
		*key = KEY_HEARTBEAT;
	else if (has_word(data, *used, 2, "V4") && has_word(data, *used, 3, "V1"))
		*key = KEY_POSITION;
	else if (has_word(data, *used, 2, "R12"))
		*key = KEY_BINARY;
	else if (has_word(data, *used, 2, "V0"))
		*key = KEY_LOGIN;
	else
		return ANSWER_OTHER;
	return ANSWER_ACK;
}

static size_t execute(
	struct simulate_tracker *tracker, const uint8_t *frame, size_t len, uint8_t *reply)
{
	char *end = put_head((char *)reply, tracker, "V4");
	const char *word = find_field(frame, len, 2), *clock = find_field(frame, len, 3);
	const char *value = find_field(frame, len, 5), *limit = (const char *)frame + len;
	const size_t word_len = (size_t)(clock - word);
	if (limit - clock < 7 || word_len > 16 || tracker->last.time_us == 0)
		return 0;
	const bool relay = has_word(frame, len, 2, "S20") && limit - value >= 2;
	if (relay)
		tracker->outputs = (uint8_t)((tracker->outputs & ~1u) | (*value == '1'));
	memcpy(end, word, word_len);
	end = simulate_text_put(end + word_len, relay && tracker->outputs & 1 ? "DONE," : "OK,");
	memcpy(end, clock, 6);
	end[6] = ',';
	return (size_t)(put_position(end + 7, tracker, &tracker->last) - (char *)reply);
}

const struct simulate_protocol simulate_h02 = {
	.name = "h02",
	.ident = simulate_tracker_ident_ten,
	.login = write_login,
	.report = write_report,
	.heartbeat = write_heartbeat,
	.length = find_end,
	.is_report = is_report,
	.answer = read_answer,
	.key = key_of,
	.command_length = find_end,
	.execute = execute,
};
