// SPDX-License-Identifier: MIT
// Texts of an ST300 over TCP and of an ST600 over UDP, and the server's answers and commands.
//
//   ST300STT;<id>;45;315;yyyymmdd;hh:mm:ss;1a2b3c;lat;lon;km/h;course;satellites;1;metres;13.65;<I/O>;2;number;minutes;battery;1
//                                                   position             answer  none over TCP, ST600ACK;<id> over UDP
//   ST300EMG;<id>;...;1;minutes;battery;1           emergency                    ST300CMD;<id>;02;AckEmerg
//   ST300ALT;<id>;...;14;minutes;battery;1          low battery                  none over TCP
//   ST300ALV;<id>                                   keep-alive                   none
//   command  ST300CMD;<id>;02;Enable1               reply  ST300CMD;Res;<id>;315;Enable1
//
// An ident has 10 digits. An answer has no number: it is for the oldest record of its kind.
#include "simulate/simulate_suntech.h"

#include "simulate/simulate_text.h"
#include "simulate/simulate_tracker.h"
#include "util/calendar.h"

#include <string.h>

#define FAMILY_LEN 5 /* ST300 */
#define TYPE_LEN   3
#define IDENT_LEN  10

#define KEY_DATA      1
#define KEY_EMERGENCY 2

#define SCALE 15 /* of battery in a sighting */

static char *put_head(char *out, const struct simulate_tracker *tracker, const char *type)
{
	out = simulate_text_put(out, tracker->udp ? "ST600" : "ST300");
	out = simulate_text_put(out, type);
	*out++ = ';';
	return simulate_text_put(out, tracker->ident);
}

// Writes a coordinate with its sign and 6 decimals. width: of the number.
static char *put_angle(char *out, int32_t e7, unsigned width)
{
	const uint32_t magnitude = e7 < 0 ? (uint32_t)-e7 : (uint32_t)e7;
	*out++ = e7 < 0 ? '-' : '+';
	out = simulate_text_fixed(out, (magnitude + 5) / 10, width, 6);
	*out++ = ';';
	return out;
}

static char *put_time(char *out, int64_t time_us)
{
	const struct calendar now = calendar_of(time_us);
	const int date = (int)now.year * 10000 + now.month * 100 + now.day;
	out = simulate_text_digits(out, (uint32_t)date, 8);
	*out++ = ';';
	out = simulate_text_digits(out, (uint32_t)now.hour, 2);
	*out++ = ':';
	out = simulate_text_digits(out, (uint32_t)now.minute, 2);
	*out++ = ':';
	out = simulate_text_digits(out, (uint32_t)now.second, 2);
	*out++ = ';';
	return out;
}

// Writes ignition, three inputs and two outputs.
static char *put_io(
	char *out, const struct simulate_tracker *tracker, const struct simulate_sighting *seen)
{
	*out++ = seen->ignition ? '1' : '0';
	out = simulate_text_put(out, "000");
	*out++ = tracker->outputs & 1 ? '1' : '0';
	*out++ = tracker->outputs & 2 ? '1' : '0';
	*out++ = ';';
	return out;
}

static const char *type_of(const struct simulate_sighting *seen)
{
	return seen->event == SIGHTING_SOS           ? "EMG"
	       : seen->event == SIGHTING_LOW_BATTERY ? "ALT"
						     : "STT";
}

static size_t write_report(
	struct simulate_tracker *tracker, const struct simulate_sighting *seen, uint8_t *out)
{
	const char *type = type_of(seen);
	char *start = (char *)out, *end = put_head(start, tracker, type);
	end = simulate_text_put(end, ";45;315;");
	end = put_time(end, seen->time_us);
	end = simulate_text_put(end, tracker->udp ? "0bf1a893;724;5;2f19;23;" : "1a2b3c;");
	end = put_angle(end, seen->lat_e7, 9);
	end = put_angle(end, seen->lon_e7, 10);
	end = simulate_text_fixed(end, seen->speed_kmh_e2, 6, 2);
	*end++ = ';';
	end = simulate_text_fixed(end, seen->course_deg_e2, 6, 2);
	*end++ = ';';
	end = simulate_text_digits(end, seen->satellites, 2);
	end = simulate_text_put(end, ";1;");
	end = simulate_text_digits(end, (uint32_t)seen->odometer_m, 10);
	end = simulate_text_put(end, ";13.65;");
	end = put_io(end, tracker, seen);
	if (type[0] == 'S') {
		end = simulate_text_put(end, "2;");
		end = simulate_text_digits(end, ++tracker->serial % 10000u, 4);
	} else {
		end = simulate_text_put(end, type[0] == 'E' ? "1" : "14");
	}
	end = simulate_text_put(end, ";019267;");
	end = simulate_text_fixed(end, 300 + seen->battery * 120u / SCALE, 4, 2);
	end = simulate_text_put(end, ";1\r");
	return (size_t)(end - start);
}

static size_t write_heartbeat(
	struct simulate_tracker *tracker, const struct simulate_sighting *seen, uint8_t *out)
{
	char *start = (char *)out, *end = put_head(start, tracker, "ALV");
	(void)seen;
	return (size_t)(simulate_text_put(end, "\r") - start);
}

static size_t find_end(const uint8_t *data, size_t len)
{
	const uint8_t *end = memchr(data, '\r', len);
	return end ? (size_t)(end - data) + 1 : 0;
}

static bool has_type(const uint8_t *data, const char *type)
{
	return memcmp(data + FAMILY_LEN, type, TYPE_LEN) == 0;
}

static bool is_report(const uint8_t *record)
{
	return !has_type(record, "ALV");
}

static uint32_t key_of(const uint8_t *record, size_t len)
{
	const bool udp = record[2] == '6'; /* ST600 */
	(void)len;
	return has_type(record, "ALV")   ? SIMULATE_NO_ANSWER
	       : udp                     ? KEY_DATA
	       : has_type(record, "EMG") ? KEY_EMERGENCY
					 : SIMULATE_NO_ANSWER;
}

static enum simulate_answer read_answer(
	const uint8_t *data, size_t len, size_t *used, uint32_t *key)
{
	static const char emergency[] = ";02;AckEmerg\r";
	const size_t end_len = sizeof(emergency) - 1, head = FAMILY_LEN + TYPE_LEN + 1 + IDENT_LEN;
	if (data[0] != 'S')
		return ANSWER_BAD;
	*used = find_end(data, len);
	if (*used == 0)
		return len < SIMULATE_RECORD_MAX ? ANSWER_MORE : ANSWER_BAD;
	if (*used == head + 1 && has_type(data, "ACK"))
		*key = KEY_DATA;
	else if (*used == head + end_len && has_type(data, "CMD") &&
		 memcmp(data + head, emergency, end_len) == 0)
		*key = KEY_EMERGENCY;
	else
		return ANSWER_OTHER;
	return ANSWER_ACK;
}

static void set_output(struct simulate_tracker *tracker, const char *word, size_t len)
{
	if (len == 7 && memcmp(word, "Enable1", 7) == 0)
		tracker->outputs |= 1;
	else if (len == 8 && memcmp(word, "Disable1", 8) == 0)
		tracker->outputs &= (uint8_t)~1u;
}

// Returns the words of a command as its result.
static size_t execute(
	struct simulate_tracker *tracker, const uint8_t *frame, size_t len, uint8_t *reply)
{
	const size_t head = FAMILY_LEN + TYPE_LEN + 1 + IDENT_LEN + 4; /* ;02; */
	char *start = (char *)reply, *end = start;
	if (len <= head + 1 || len - head > SIMULATE_REPLY_MAX / 2)
		return 0;
	const char *words = (const char *)frame + head;
	set_output(tracker, words, len - head - 1);
	memcpy(end, frame, FAMILY_LEN + TYPE_LEN);
	end = simulate_text_put(end + FAMILY_LEN + TYPE_LEN, ";Res;");
	end = simulate_text_put(end, tracker->ident);
	end = simulate_text_put(end, ";315;");
	memcpy(end, words, len - head);
	return (size_t)(end + (len - head) - start);
}

const struct simulate_protocol simulate_suntech = {
	.name = "suntech",
	.ident = simulate_tracker_ident_ten,
	.report = write_report,
	.heartbeat = write_heartbeat,
	.length = find_end,
	.is_report = is_report,
	.answer = read_answer,
	.key = key_of,
	.command_length = find_end,
	.execute = execute,
};
