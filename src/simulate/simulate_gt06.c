// SPDX-License-Identifier: MIT
// Frames of a GT06, and the server's acknowledgements and commands.
//
//   78 78 | length | type | body ... | serial (2) | crc (2) | 0D 0A      length counts type..crc;
//   the crc covers length..serial
//
//   01 log-in     ident as 8 BCD bytes, model, zone 0
//   12 position   GPS, cell, ACC, reason, live, mileage      (half of the trackers)
//   22 position   the same, with newer firmware's number     (the other half)
//   26 alarm      GPS, cell with its length, status, mileage
//   13 heartbeat  status
//   answer        78 78 05 type serial crc 0D 0A
//   80 command    n, flag u32, text, serial
//   15 reply      n, flag u32, text, language u16
#include "simulate/simulate_gt06.h"

#include "simulate/simulate_bytes.h"
#include "simulate/simulate_tracker.h"
#include "util/calendar.h"
#include "util/checksum.h"

#include <string.h>

#define TYPE_LOGIN     0x01
#define TYPE_POSITION  0x12
#define TYPE_HEARTBEAT 0x13
#define TYPE_REPLY     0x15
#define TYPE_POSITION2 0x22
#define TYPE_ALARM     0x26
#define TYPE_COMMAND   0x80

#define ANSWER_LEN 10

static const uint8_t alarm_codes[] = {
	[SIGHTING_SOS] = 0x01,
	[SIGHTING_OVERSPEED] = 0x06,
	[SIGHTING_LOW_BATTERY] = 0x0f,
};

static uint8_t *begin_frame(uint8_t *out, uint8_t type)
{
	out[0] = out[1] = 0x78;
	out[3] = type;
	return out + 4;
}

// Completes a frame whose body ends at `end`. Returns the length of the frame.
static size_t end_frame(struct simulate_tracker *tracker, uint8_t *frame, uint8_t *end)
{
	frame[2] = (uint8_t)(end - frame - 4 + 5);
	end = simulate_bytes_put(end, ++tracker->serial, 2);
	end = simulate_bytes_put(end, checksum_crc16_x25(frame + 2, (size_t)(end - frame - 2)), 2);
	*end++ = '\r';
	*end++ = '\n';
	return (size_t)(end - frame);
}

static uint32_t angle(int32_t e7)
{
	uint64_t magnitude = e7 < 0 ? (uint32_t)-e7 : (uint32_t)e7;
	return (uint32_t)((magnitude * 18 + 50) / 100);
}

static uint8_t *put_gps(uint8_t *out, const struct simulate_sighting *seen)
{
	const struct calendar now = calendar_of(seen->time_us);
	*out++ = (uint8_t)(now.year - 2000);
	*out++ = (uint8_t)now.month;
	*out++ = (uint8_t)now.day;
	*out++ = (uint8_t)now.hour;
	*out++ = (uint8_t)now.minute;
	*out++ = (uint8_t)now.second;
	*out++ = (uint8_t)(0xc0 | (seen->satellites & 15));
	out = simulate_bytes_put(out, angle(seen->lat_e7), 4);
	out = simulate_bytes_put(out, angle(seen->lon_e7), 4);
	*out++ = (uint8_t)((seen->speed_kmh_e2 + 50) / 100);
	unsigned flags =
		1u << 12 | (unsigned)(seen->lat_e7 >= 0) << 10 | (unsigned)(seen->lon_e7 < 0) << 11;
	return simulate_bytes_put(out, flags | (seen->course_deg_e2 + 50u) / 100 % 360, 2);
}

// Writes a cell of the test network 001-01: mcc, mnc, area, id.
static uint8_t *put_cell(uint8_t *out, const struct simulate_tracker *tracker)
{
	out = simulate_bytes_put(out, 262, 2);
	*out++ = 1;
	out = simulate_bytes_put(out, 4700 + tracker->number % 16, 2);
	return simulate_bytes_put(out, 10000 + tracker->number, 3);
}

static uint8_t *put_status(uint8_t *out, const struct simulate_tracker *tracker,
	const struct simulate_sighting *seen, uint8_t alarm)
{
	bool low = seen->event == SIGHTING_LOW_BATTERY;
	*out++ = (uint8_t)((tracker->outputs & 1) << 7 | 0x40 | (low ? 0 : 4) |
			   (seen->ignition ? 2 : 0));
	*out++ = (uint8_t)(seen->battery * 6 / 15);
	*out++ = (uint8_t)(seen->gsm * 4 / 15);
	*out++ = alarm;
	*out++ = 2; /* English */
	return out;
}

static size_t write_login(struct simulate_tracker *tracker, uint8_t *out)
{
	uint8_t *end = begin_frame(out, TYPE_LOGIN);
	*end++ = (uint8_t)(tracker->ident[0] - '0');
	for (size_t i = 1; i < 15; i += 2)
		*end++ = (uint8_t)((tracker->ident[i] - '0') << 4 | (tracker->ident[i + 1] - '0'));
	end = simulate_bytes_put(end, 0x2001, 2);
	end = simulate_bytes_put(end, 0x0002, 2);
	return end_frame(tracker, out, end);
}

static size_t write_alarm(struct simulate_tracker *tracker, const struct simulate_sighting *seen,
	uint8_t code, uint8_t *out)
{
	uint8_t *end = put_gps(begin_frame(out, TYPE_ALARM), seen);
	*end++ = 9;
	end = put_cell(end, tracker);
	end = put_status(end, tracker, seen, code);
	end = simulate_bytes_put(end, (uint64_t)seen->odometer_m, 4);
	return end_frame(tracker, out, end);
}

static size_t write_report(
	struct simulate_tracker *tracker, const struct simulate_sighting *seen, uint8_t *out)
{
	if (seen->event == SIGHTING_IGNITION)
		return write_alarm(tracker, seen, seen->ignition ? 0xfe : 0xff, out);
	if (seen->event != SIGHTING_POSITION)
		return write_alarm(tracker, seen, alarm_codes[seen->event], out);
	uint8_t type = tracker->number / 2 % 2 ? TYPE_POSITION2 : TYPE_POSITION;
	uint8_t *end = put_gps(begin_frame(out, type), seen);
	end = put_cell(end, tracker);
	*end++ = seen->ignition;
	*end++ = 0; /* by interval */
	*end++ = 0; /* live */
	end = simulate_bytes_put(end, (uint64_t)seen->odometer_m, 4);
	return end_frame(tracker, out, end);
}

static size_t write_heartbeat(
	struct simulate_tracker *tracker, const struct simulate_sighting *seen, uint8_t *out)
{
	return end_frame(
		tracker, out, put_status(begin_frame(out, TYPE_HEARTBEAT), tracker, seen, 0));
}

static size_t record_length(const uint8_t *record, size_t len)
{
	(void)len;
	return (size_t)record[2] + 5;
}

static bool is_report(const uint8_t *record)
{
	return record[3] != TYPE_HEARTBEAT;
}

// Returns type and serial.
static uint32_t key_of(const uint8_t *record, size_t len)
{
	return (uint32_t)record[3] << 16 | (uint32_t)record[len - 6] << 8 | record[len - 5];
}

static enum simulate_answer read_answer(
	const uint8_t *data, size_t len, size_t *used, uint32_t *key)
{
	static const uint8_t start[] = {0x78, 0x78};
	if (memcmp(data, start, len < 2 ? len : 2) != 0)
		return ANSWER_BAD;
	if (len < 3)
		return ANSWER_MORE;
	if (data[2] != ANSWER_LEN - 5) {
		if (len > 3 && data[3] == TYPE_COMMAND && len < (size_t)data[2] + 5)
			return ANSWER_MORE; /* a command is executed when complete */
		*used = (size_t)data[2] + 5;
		return ANSWER_OTHER;
	}
	if (len < ANSWER_LEN)
		return ANSWER_MORE;
	uint16_t crc = (uint16_t)(data[6] << 8 | data[7]);
	if (checksum_crc16_x25(data + 2, 4) != crc || data[8] != '\r' || data[9] != '\n')
		return ANSWER_BAD;
	*used = ANSWER_LEN;
	*key = key_of(data, ANSWER_LEN);
	return ANSWER_ACK;
}

static size_t command_length(const uint8_t *data, size_t len)
{
	const size_t total = len > 3 && data[3] == TYPE_COMMAND ? (size_t)data[2] + 5 : 0;
	return total <= len ? total : 0;
}

// Answers unknown commands with OK, like a real tracker.
static size_t execute(
	struct simulate_tracker *tracker, const uint8_t *frame, size_t len, uint8_t *reply)
{
	static const char stopped[] = "RELAY:ON OK!", runs[] = "RELAY:OFF OK!", other[] = "OK!";
	if (len < 15 || frame[4] < 4 || (size_t)frame[4] > len - 11)
		return 0;
	bool relay = simulate_tracker_set_output(tracker, (const char *)frame + 9, frame[4] - 4u);
	const char *text = !relay ? other : tracker->outputs & 1 ? stopped : runs;
	uint8_t text_len = (uint8_t)strlen(text);
	uint8_t *end = begin_frame(reply, TYPE_REPLY);
	*end++ = (uint8_t)(4 + text_len);
	memcpy(end, frame + 5, 4);
	memcpy(end + 4, text, text_len);
	end = simulate_bytes_put(end + 4 + text_len, 2, 2); /* English */
	return end_frame(tracker, reply, end);
}

const struct simulate_protocol simulate_gt06 = {
	.name = "gt06",
	.ident = simulate_tracker_ident_imei,
	.login = write_login,
	.report = write_report,
	.heartbeat = write_heartbeat,
	.length = record_length,
	.is_report = is_report,
	.answer = read_answer,
	.key = key_of,
	.command_length = command_length,
	.execute = execute,
};
