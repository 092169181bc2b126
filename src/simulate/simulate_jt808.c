// SPDX-License-Identifier: MIT
// Frames of a JT/T 808-2019 terminal, and the server's answers and commands.
//
//   7E | id u16 | 4000 + length u16 | version 1 | number BCD 10 | serial u16 | body | XOR | 7E      7D 01 is 7D, 7D 02 is 7E
//
//   0102 log-in     a code
//   0200 position   alarm u32, status u32, place, time of UTC+8, items: 01 mileage, 30 signal, 31 satellites
//   0002 heartbeat
//   8001 answer     serial u16, id u16, result
//   8105 command    64 stops the engine, 65 lets it run; 8201 requests a position
//   0001 reply      serial u16, id u16, result; 0201 to 8201: serial u16, position
#include "simulate/simulate_jt808.h"

#include "simulate/simulate_bytes.h"
#include "simulate/simulate_tracker.h"
#include "util/calendar.h"
#include "util/checksum.h"
#include "util/escape.h"

#include <string.h>

#define MARK      0x7E
#define HEADER    17
#define FRAME_MAX 512
#define ZONE_US   INT64_C(28800000000)

#define ID_REPLY     0x0001
#define ID_HEARTBEAT 0x0002
#define ID_LOGIN     0x0102
#define ID_POSITION  0x0200
#define ID_REQUESTED 0x0201
#define ID_ANSWER    0x8001
#define ID_CONTROL   0x8105
#define ID_REQUEST   0x8201

#define STATUS_IGNITION 1u
#define STATUS_FIX      2u
#define STATUS_SOUTH    4u
#define STATUS_WEST     8u
#define STATUS_BLOCKED  (1u << 10)

static const uint32_t alarm_bits[] = {
	[SIGHTING_SOS] = 1u << 0,
	[SIGHTING_OVERSPEED] = 1u << 1,
	[SIGHTING_LOW_BATTERY] = 1u << 7,
};

static uint8_t *put_bcd(uint8_t *out, int64_t value)
{
	*out = (uint8_t)(value / 10 % 10 << 4 | value % 10);
	return out + 1;
}

// Frames -----------------------------------------------------------------------

// Writes header, body, check and delimiters. Returns the length of the frame.
static size_t write_frame(struct simulate_tracker *tracker, uint16_t id, const uint8_t *body,
	size_t body_len, uint8_t *out)
{
	uint8_t plain[FRAME_MAX], *end = simulate_bytes_put(plain, id, 2);
	char digits[21] = "00000000000000000000";
	memcpy(digits + 20 - tracker->ident_len, tracker->ident, tracker->ident_len);
	end = simulate_bytes_put(end, 0x4000 | body_len, 2);
	*end++ = 1;
	for (size_t i = 0; i < 20; i += 2)
		*end++ = (uint8_t)((digits[i] - '0') << 4 | (digits[i + 1] - '0'));
	end = simulate_bytes_put(end, ++tracker->serial, 2);
	memcpy(end, body, body_len);
	end += body_len;
	*end = checksum_xor(plain, (size_t)(end - plain));
	end++;
	uint8_t *at = out;
	*at++ = MARK;
	for (const uint8_t *byte = plain; byte < end; byte++) {
		*at++ = *byte == MARK ? 0x7D : *byte;
		if (*byte == 0x7D || *byte == MARK)
			*at++ = *byte == 0x7D ? 1 : 2;
	}
	*at++ = MARK;
	return (size_t)(at - out);
}

static size_t find_end(const uint8_t *data, size_t len)
{
	const uint8_t *end = len > 1 ? memchr(data + 1, MARK, len - 1) : NULL;
	return end ? (size_t)(end - data) + 1 : 0;
}

// Removes delimiters and escapes. Returns the number of bytes, with the check; 0: no sound frame.
static size_t open_frame(const uint8_t *frame, size_t len, uint8_t plain[FRAME_MAX])
{
	size_t n;
	if (len < 2 || len > FRAME_MAX || !escape_undo_7d(frame + 1, len - 2, plain, &n) ||
		n <= HEADER || checksum_xor(plain, n) != 0)
		return 0;
	return n;
}

static uint16_t read_u16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

// Records ----------------------------------------------------------------------

// Writes a position block with its items. Returns the byte after it.
static uint8_t *put_position(
	uint8_t *out, const struct simulate_tracker *tracker, const struct simulate_sighting *seen)
{
	const struct calendar now = calendar_of(seen->time_us + ZONE_US);
	uint32_t status = STATUS_FIX | (seen->ignition ? STATUS_IGNITION : 0) |
			  (seen->lat_e7 < 0 ? STATUS_SOUTH : 0) |
			  (seen->lon_e7 < 0 ? STATUS_WEST : 0) |
			  (tracker->outputs & 1 ? STATUS_BLOCKED : 0);
	const uint32_t lat_e7 = (uint32_t)(seen->lat_e7 < 0 ? -seen->lat_e7 : seen->lat_e7);
	const uint32_t lon_e7 = (uint32_t)(seen->lon_e7 < 0 ? -seen->lon_e7 : seen->lon_e7);
	out = simulate_bytes_put(out, alarm_bits[seen->event], 4);
	out = simulate_bytes_put(out, status, 4);
	out = simulate_bytes_put(out, (lat_e7 + 5) / 10, 4);
	out = simulate_bytes_put(out, (lon_e7 + 5) / 10, 4);
	out = simulate_bytes_put(out, 100, 2); /* m */
	out = simulate_bytes_put(out, (seen->speed_kmh_e2 + 5) / 10, 2);
	out = simulate_bytes_put(out, seen->course_deg_e2 / 100u % 360, 2);
	out = put_bcd(out, now.year);
	out = put_bcd(out, now.month);
	out = put_bcd(out, now.day);
	out = put_bcd(out, now.hour);
	out = put_bcd(out, now.minute);
	out = put_bcd(out, now.second);
	out = simulate_bytes_put(out, 0x0104, 2);
	out = simulate_bytes_put(out, (uint64_t)seen->odometer_m / 100, 4);
	out = simulate_bytes_put(out, 0x3001, 2);
	*out++ = (uint8_t)(seen->gsm * 31u / 15);
	out = simulate_bytes_put(out, 0x3101, 2);
	*out++ = seen->satellites;
	return out;
}

static size_t write_login(struct simulate_tracker *tracker, uint8_t *out)
{
	// The code that avld gives in its answer to a registration.
	return write_frame(
		tracker, ID_LOGIN, (const uint8_t *)tracker->ident, strlen(tracker->ident), out);
}

static size_t write_report(
	struct simulate_tracker *tracker, const struct simulate_sighting *seen, uint8_t *out)
{
	uint8_t body[FRAME_MAX - 32];
	const uint8_t *end = put_position(body, tracker, seen);
	return write_frame(tracker, ID_POSITION, body, (size_t)(end - body), out);
}

static size_t write_heartbeat(
	struct simulate_tracker *tracker, const struct simulate_sighting *seen, uint8_t *out)
{
	(void)seen;
	return write_frame(tracker, ID_HEARTBEAT, (const uint8_t *)"", 0, out);
}

static bool is_report(const uint8_t *record)
{
	return read_u16(record + 1) == ID_POSITION;
}

// Answers ----------------------------------------------------------------------

// Returns id and serial.
static uint32_t key_of(const uint8_t *record, size_t len)
{
	uint8_t plain[FRAME_MAX];
	if (open_frame(record, len, plain) == 0)
		return 0;
	return (uint32_t)read_u16(plain) << 16 | read_u16(plain + HEADER - 2);
}

static enum simulate_answer read_answer(
	const uint8_t *data, size_t len, size_t *used, uint32_t *key)
{
	uint8_t plain[FRAME_MAX];
	if (data[0] != MARK)
		return ANSWER_BAD;
	*used = find_end(data, len);
	if (*used == 0)
		return len < FRAME_MAX ? ANSWER_MORE : ANSWER_BAD;
	const size_t n = open_frame(data, *used, plain);
	if (n == 0)
		return ANSWER_BAD;
	if (read_u16(plain) != ID_ANSWER || n != HEADER + 5 + 1)
		return ANSWER_OTHER;
	*key = (uint32_t)read_u16(plain + HEADER + 2) << 16 | read_u16(plain + HEADER);
	return plain[HEADER + 4] == 0 ? ANSWER_ACK : ANSWER_OTHER;
}

// Obeys, and confirms by a 0001; a request for a position by a 0201.
static size_t execute(
	struct simulate_tracker *tracker, const uint8_t *frame, size_t len, uint8_t *reply)
{
	uint8_t plain[FRAME_MAX], body[FRAME_MAX - 32], *end = body;
	const size_t n = open_frame(frame, len, plain);
	if (n == 0)
		return 0;
	const uint16_t id = read_u16(plain);
	end = simulate_bytes_put(end, read_u16(plain + HEADER - 2), 2);
	if (id == ID_REQUEST && tracker->last.time_us != 0) {
		end = put_position(end, tracker, &tracker->last);
		return write_frame(tracker, ID_REQUESTED, body, (size_t)(end - body), reply);
	}
	if (id == ID_CONTROL && n == HEADER + 2 && (plain[HEADER] | 1) == 0x65)
		tracker->outputs = (uint8_t)((tracker->outputs & ~1u) | (plain[HEADER] == 0x64));
	end = simulate_bytes_put(end, id, 2);
	*end++ = 0;
	return write_frame(tracker, ID_REPLY, body, (size_t)(end - body), reply);
}

const struct simulate_protocol simulate_jt808 = {
	.name = "jt808",
	.ident = simulate_tracker_ident_imei,
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
