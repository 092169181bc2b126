// SPDX-License-Identifier: MIT
// Packets of a Teltonika with one record of codec 8, and the server's answers and commands.
//
//   TCP   log-in    00 0F | IMEI                                                  answer 01
//         packet    00 00 00 00 | length u32 | 08 01 record 01 | CRC u32          answer 00 00 00 01
//   UDP   datagram  length u16 | id u16 | 01 | id u8 | 00 0F | IMEI | 08 01 record 01
//                                                                                 answer 00 05 | id u16 | 01 | id u8 | 01
//   command and reply   00 00 00 00 | length u32 | 0C 01 05 size u32 text 01 | CRC u32      reply: 06 for 05
//
// Over TCP an answer has no id: it is for the oldest packet. Alarms are the events 236 (SOS), 255 and 252 (power cut).
#include "simulate/simulate_teltonika.h"

#include "simulate/simulate_bytes.h"
#include "simulate/simulate_tracker.h"
#include "util/checksum.h"

#include <string.h>

#define CODEC_8  0x08
#define CODEC_12 0x0C

#define COMMAND 0x05
#define REPLY   0x06

#define HEAD           8
#define AROUND         12
#define DATAGRAM_LEN   23 /* bytes of a datagram before the body */
#define ANSWER_UDP     7
#define COMMAND_AROUND 20 /* bytes around the text of a command */

// Keys: the number in an answer over TCP, or the id of a datagram and DATAGRAM.
#define KEY_LOGIN    0x20000
#define KEY_DATAGRAM 0x10000

static const uint8_t event_ids[] = {
	[SIGHTING_POSITION] = 0,
	[SIGHTING_IGNITION] = 239,
	[SIGHTING_OVERSPEED] = 255,
	[SIGHTING_SOS] = 236,
	[SIGHTING_LOW_BATTERY] = 252,
};

static uint32_t be32(const uint8_t *data)
{
	return (uint32_t)data[0] << 24 | (uint32_t)data[1] << 16 | (uint32_t)data[2] << 8 | data[3];
}

// Completes a packet whose body is from out + 8 to `end`. Returns its length.
static size_t end_packet(uint8_t *out, uint8_t *end)
{
	const size_t len = (size_t)(end - out) - HEAD;
	simulate_bytes_put(simulate_bytes_put(out, 0, 4), len, 4);
	end = simulate_bytes_put(end, checksum_crc16_arc(out + HEAD, len), 4);
	return (size_t)(end - out);
}

static size_t put_ident(uint8_t *out, const struct simulate_tracker *tracker)
{
	simulate_bytes_put(out, tracker->ident_len, 2);
	memcpy(out + 2, tracker->ident, tracker->ident_len);
	return 2 + (size_t)tracker->ident_len;
}

static uint8_t *put_element(uint8_t *out, uint8_t id, uint64_t value, unsigned bytes)
{
	*out++ = id;
	return simulate_bytes_put(out, value, bytes);
}

static uint8_t *put_elements(
	uint8_t *out, const struct simulate_tracker *tracker, const struct simulate_sighting *seen)
{
	const uint8_t event = event_ids[seen->event];
	const bool has_event = event != 0 && event != 239;
	*out++ = (uint8_t)(7 + has_event); /* in all */
	*out++ = (uint8_t)(4 + has_event); /* of one byte */
	out = put_element(out, 239, seen->ignition, 1);
	out = put_element(out, 240, seen->speed_kmh_e2 > 0, 1);
	out = put_element(out, 21, seen->gsm * 5u / 15, 1);
	out = put_element(out, 179, tracker->outputs & 1, 1);
	if (has_event)
		out = put_element(
			out, event, event == 255 ? (seen->speed_kmh_e2 + 50) / 100 : 1, 1);
	*out++ = 2; /* of two bytes */
	out = put_element(out, 66, seen->ignition ? 13800 : 12400, 2);
	out = put_element(out, 67, 3600 + seen->battery * 40u, 2);
	*out++ = 1; /* of four bytes */
	out = put_element(out, 16, (uint64_t)seen->odometer_m, 4);
	*out++ = 0; /* of eight bytes */
	return out;
}

// Writes the body with one record.
static uint8_t *put_body(
	uint8_t *out, const struct simulate_tracker *tracker, const struct simulate_sighting *seen)
{
	*out++ = CODEC_8;
	*out++ = 1;
	out = simulate_bytes_put(out, (uint64_t)seen->time_us / 1000, 8);
	*out++ = seen->event != SIGHTING_POSITION; /* priority */
	out = simulate_bytes_put(out, (uint32_t)seen->lon_e7, 4);
	out = simulate_bytes_put(out, (uint32_t)seen->lat_e7, 4);
	out = simulate_bytes_put(out, 100, 2); /* altitude */
	out = simulate_bytes_put(out, seen->course_deg_e2 / 100u, 2);
	*out++ = seen->satellites ? seen->satellites : 1;
	out = simulate_bytes_put(out, (seen->speed_kmh_e2 + 50) / 100, 2);
	*out++ = event_ids[seen->event];
	out = put_elements(out, tracker, seen);
	*out++ = 1;
	return out;
}

static size_t write_login(struct simulate_tracker *tracker, uint8_t *out)
{
	return tracker->udp ? 0 : put_ident(out, tracker);
}

static size_t write_report(
	struct simulate_tracker *tracker, const struct simulate_sighting *seen, uint8_t *out)
{
	if (!tracker->udp)
		return end_packet(out, put_body(out + HEAD, tracker, seen));
	const uint16_t id = ++tracker->serial;
	const uint8_t *end = put_body(out + DATAGRAM_LEN, tracker, seen);
	uint8_t *head = simulate_bytes_put(out, (size_t)(end - out) - 2, 2);
	head = simulate_bytes_put(head, id, 2);
	*head++ = 1;
	*head++ = (uint8_t)id;
	put_ident(head, tracker);
	return (size_t)(end - out);
}

static size_t record_length(const uint8_t *record, size_t len)
{
	(void)len;
	const size_t head = (size_t)record[0] << 8 | record[1];
	return head ? head + 2 : be32(record + 4) + AROUND;
}

static bool is_report(const uint8_t *record)
{
	(void)record;
	return true;
}

static uint32_t key_of(const uint8_t *record, size_t len)
{
	const unsigned head = (unsigned)record[0] << 8 | record[1];
	if (head == 0)
		return record[HEAD + 1];
	return head == len - 2 && len < DATAGRAM_LEN
		       ? KEY_LOGIN
		       : KEY_DATAGRAM | (uint32_t)record[2] << 8 | record[3];
}

// Reads a command. Returns its length; 0: incomplete.
static size_t command_length(const uint8_t *data, size_t len)
{
	const size_t total = len < HEAD ? 0 : (size_t)be32(data + 4) + AROUND;
	return total <= len ? total : 0;
}

static enum simulate_answer read_answer(
	const uint8_t *data, size_t len, size_t *used, uint32_t *key)
{
	if (data[0] == 1) {
		*used = 1;
		*key = KEY_LOGIN;
		return ANSWER_ACK;
	}
	if (data[0] != 0)
		return ANSWER_BAD;
	if (len < 4)
		return ANSWER_MORE;
	if (data[1] == 5) {
		if (len < ANSWER_UDP)
			return ANSWER_MORE;
		*used = ANSWER_UDP;
		*key = KEY_DATAGRAM | (uint32_t)data[2] << 8 | data[3];
		return data[5] == data[3] && data[6] == 1 ? ANSWER_ACK : ANSWER_BAD;
	}
	*key = be32(data);
	if (*key != 0) {
		*used = 4;
		return ANSWER_ACK;
	}
	*used = command_length(data, len);
	return *used ? ANSWER_OTHER : ANSWER_MORE;
}

// Answers unknown commands with the text, like a real tracker.
static size_t execute(
	struct simulate_tracker *tracker, const uint8_t *frame, size_t len, uint8_t *reply)
{
	static const char on[] = "DOUT1:1 Timeout:INFINITY", off[] = "DOUT1:0", other[] = "OK";
	static const char output[] = "setdigout ";
	const size_t output_len = sizeof output - 1;
	if (len < COMMAND_AROUND || frame[8] != CODEC_12 || frame[10] != COMMAND ||
		be32(frame + 11) > len - COMMAND_AROUND)
		return 0;
	const char *text = (const char *)frame + 15;
	const size_t text_len = be32(frame + 11);
	const char *answer = other;
	if (text_len > output_len && memcmp(text, output, output_len) == 0) {
		const bool is_on = text[output_len] == '1';
		tracker->outputs = (uint8_t)((tracker->outputs & ~1u) | is_on);
		answer = is_on ? on : off;
	}
	const size_t answer_len = strlen(answer);
	uint8_t *end = reply + HEAD;
	*end++ = CODEC_12;
	*end++ = 1;
	*end++ = REPLY;
	end = simulate_bytes_put(end, answer_len, 4);
	memcpy(end, answer, answer_len);
	end += answer_len;
	*end++ = 1;
	return end_packet(reply, end);
}

const struct simulate_protocol simulate_teltonika = {
	.name = "teltonika",
	.ident = simulate_tracker_ident_imei,
	.login = write_login,
	.report = write_report,
	.length = record_length,
	.is_report = is_report,
	.answer = read_answer,
	.key = key_of,
	.command_length = command_length,
	.execute = execute,
};
