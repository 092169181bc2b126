// SPDX-License-Identifier: MIT
// Requests of a phone, and the server's answers. Requests are pipelined over one connection, so answers come in their order.
//
//   GET /?id=<id>&lat=...&lon=...&timestamp=...  HTTP/1.1     position, perhaps with an alarm
//   GET /?id=<id>&timestamp=...&batt=...         HTTP/1.1     heartbeat
//   HTTP/1.1 200 OK, Content-Length: 0                        answer
//
// An ident has 15 digits. Speed is in knots.
#include "simulate/simulate_osmand.h"

#include "simulate/simulate_text.h"
#include "simulate/simulate_tracker.h"

#include <string.h>

#define START     "GET /?id="
#define PLACE_AT  (sizeof(START) - 1 + 15 + 1) /* of "lat" in a record */
#define END       "\r\n\r\n"
#define STORED    "HTTP/1.1 200 "
#define ANSWER    "HTTP/1.1 "
#define NO_BODY   "\r\nContent-Length: 0\r\n"
#define KEY       1
#define SCALE     15 /* of battery in a sighting */
#define SECOND_US INT64_C(1000000)

static char *put_signed(char *out, int32_t value, unsigned width, unsigned decimals)
{
	if (value < 0)
		*out++ = '-';
	return simulate_text_fixed(
		out, value < 0 ? (uint32_t)-value : (uint32_t)value, width, decimals);
}

static char *put_start(char *out, const struct simulate_tracker *tracker)
{
	out = simulate_text_put(out, START);
	return simulate_text_put(out, tracker->ident);
}

// Appends the time, the battery and the end of the request. Returns the request's length.
static size_t finish(char *start, char *end, const struct simulate_sighting *seen)
{
	end = simulate_text_put(end, "&timestamp=");
	end = simulate_text_digits(end, (uint32_t)(seen->time_us / SECOND_US), 10);
	end = simulate_text_put(end, "&batt=");
	end = simulate_text_digits(end, (uint32_t)seen->battery * 100 / SCALE, 3);
	end = simulate_text_put(end, " HTTP/1.1\r\nHost:a" END);
	return (size_t)(end - start);
}

static const char *alarm_of(const struct simulate_sighting *seen)
{
	return seen->event == SIGHTING_SOS           ? "&alarm=sos"
	       : seen->event == SIGHTING_LOW_BATTERY ? "&alarm=lowBattery"
						     : "";
}

static size_t write_report(
	struct simulate_tracker *tracker, const struct simulate_sighting *seen, uint8_t *out)
{
	char *start = (char *)out, *end = put_start(start, tracker);
	end = simulate_text_put(end, "&lat=");
	end = put_signed(end, seen->lat_e7, 10, 7);
	end = simulate_text_put(end, "&lon=");
	end = put_signed(end, seen->lon_e7, 11, 7);
	end = simulate_text_put(end, "&speed=");
	end = simulate_text_fixed(
		end, (uint32_t)(((uint64_t)seen->speed_kmh_e2 * 1000 + 926) / 1852), 6, 2);
	end = simulate_text_put(end, "&bearing=");
	end = simulate_text_fixed(end, seen->course_deg_e2, 6, 2);
	end = simulate_text_put(end, "&sat=");
	end = simulate_text_digits(end, seen->satellites, 2);
	end = simulate_text_put(end, "&odometer=");
	end = simulate_text_digits(end, (uint32_t)seen->odometer_m, 10);
	end = simulate_text_put(end, seen->ignition ? "&ignition=1" : "&ignition=0");
	end = simulate_text_put(end, alarm_of(seen));
	return finish(start, end, seen);
}

static size_t write_heartbeat(
	struct simulate_tracker *tracker, const struct simulate_sighting *seen, uint8_t *out)
{
	return finish((char *)out, put_start((char *)out, tracker), seen);
}

// Returns the length of a head; 0: incomplete.
static size_t find_end(const uint8_t *data, size_t len)
{
	const uint8_t *end = memmem(data, len, END, sizeof(END) - 1);
	return end ? (size_t)(end - data) + sizeof(END) - 1 : 0;
}

static bool is_report(const uint8_t *record)
{
	return memcmp(record + PLACE_AT, "lat", 3) == 0;
}

static uint32_t key_of(const uint8_t *record, size_t len)
{
	(void)record;
	(void)len;
	return KEY;
}

static bool begins(const uint8_t *data, size_t len, const char *text)
{
	const size_t most = strlen(text);
	return memcmp(data, text, len < most ? len : most) == 0;
}

static enum simulate_answer read_answer(
	const uint8_t *data, size_t len, size_t *used, uint32_t *key)
{
	if (!begins(data, len, ANSWER))
		return ANSWER_BAD;
	*used = find_end(data, len);
	if (*used == 0)
		return len < SIMULATE_RECORD_MAX ? ANSWER_MORE : ANSWER_BAD;
	*key = KEY;
	return begins(data, *used, STORED) && memmem(data, *used, NO_BODY, sizeof(NO_BODY) - 1)
		       ? ANSWER_ACK
		       : ANSWER_OTHER;
}

const struct simulate_protocol simulate_osmand = {
	.name = "osmand",
	.tcp_only = true,
	.ident = simulate_tracker_ident_imei,
	.report = write_report,
	.heartbeat = write_heartbeat,
	.length = find_end,
	.is_report = is_report,
	.answer = read_answer,
	.key = key_of,
	.command_length = find_end,
};
