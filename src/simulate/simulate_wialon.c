// SPDX-License-Identifier: MIT
// Packets of Wialon IPS 2.0, and the server's answers and commands.
//
//   #L#2.0;<id>;NA;<sum>                      log-in       answer  #AL#1
//   #D#ddmmyy;hhmmss;...;<sum>                position             #AD#1
//   #P#                                       heart-beat           #AP#
//   command  #M#text;<sum>    reply  #AM#1
//            #QI#                    #I#, a photo of one block
//            other text              #M#text OK;<sum>
//
// A datagram has "2.0;<id>" before the first #, and there is no log-in. Answers have no numbers: one is for the oldest record of its
// kind. Ignition, odometer, battery, GSM and SOS are parameters.
#include "simulate/simulate_wialon.h"

#include "simulate/simulate_text.h"
#include "simulate/simulate_tracker.h"
#include "util/calendar.h"
#include "util/checksum.h"

#include <string.h>

#define KEY_LOGIN  1
#define KEY_BEAT   2
#define KEY_REPORT 3

#define SCALE     15 /* of battery and gsm in a sighting */
#define TEXT_MOST 256

static char *put_prefix(char *out, const struct simulate_tracker *tracker)
{
	if (!tracker->udp)
		return out;
	out = simulate_text_put(out, "2.0;");
	return simulate_text_put(out, tracker->ident);
}

static char *put_sum(char *out, const char *start)
{
	const unsigned sum = checksum_crc16_arc((const uint8_t *)start, (size_t)(out - start));
	for (int shift = 12; shift >= 0; shift -= 4)
		*out++ = "0123456789ABCDEF"[sum >> shift & 15];
	return simulate_text_put(out, "\r\n");
}

static size_t write_login(struct simulate_tracker *tracker, uint8_t *out)
{
	char *start = (char *)out, *end = simulate_text_put(start, "#L#2.0;");
	if (tracker->udp)
		return 0;
	end = simulate_text_put(end, tracker->ident);
	end = simulate_text_put(end, ";NA;");
	return (size_t)(put_sum(end, start + 3) - start);
}

static size_t write_heartbeat(
	struct simulate_tracker *tracker, const struct simulate_sighting *seen, uint8_t *out)
{
	char *end = put_prefix((char *)out, tracker);
	(void)seen;
	return (size_t)(simulate_text_put(end, "#P#\r\n") - (char *)out);
}

static char *put_percent(char *out, unsigned value)
{
	return simulate_text_digits(out, value * 100 / SCALE, 3);
}

static char *put_params(char *out, const struct simulate_sighting *seen)
{
	out = simulate_text_put(out, seen->ignition ? "ign:1:1" : "ign:1:0");
	out = simulate_text_put(out, ",odo:1:");
	out = simulate_text_digits(out, (uint32_t)seen->odometer_m, 9);
	out = simulate_text_put(out, ",battery:1:");
	out = put_percent(out, seen->battery);
	out = simulate_text_put(out, ",gsm:1:");
	out = put_percent(out, seen->gsm);
	return simulate_text_put(out, seen->event == SIGHTING_SOS ? ",SOS:1:1;" : ";");
}

static size_t write_report(
	struct simulate_tracker *tracker, const struct simulate_sighting *seen, uint8_t *out)
{
	const struct calendar now = calendar_of(seen->time_us);
	char *end = simulate_text_put(put_prefix((char *)out, tracker), "#D#"), *start = end;
	end = simulate_text_digits(
		end, (uint32_t)(now.day * 10000 + now.month * 100 + now.year % 100), 6);
	*end++ = ';';
	end = simulate_text_digits(
		end, (uint32_t)(now.hour * 10000 + now.minute * 100 + now.second), 6);
	*end++ = ';';
	end = simulate_text_angle(end, seen->lat_e7, 2);
	end = simulate_text_put(end, seen->lat_e7 < 0 ? ";S;" : ";N;");
	end = simulate_text_angle(end, seen->lon_e7, 3);
	end = simulate_text_put(end, seen->lon_e7 < 0 ? ";W;" : ";E;");
	end = simulate_text_fixed(end, seen->speed_kmh_e2, 6, 2);
	*end++ = ';';
	end = simulate_text_fixed(end, seen->course_deg_e2, 6, 2);
	end = simulate_text_put(end, ";NA;");
	end = simulate_text_digits(end, seen->satellites < 3 ? 3 : seen->satellites, 2);
	end = simulate_text_put(end, seen->ignition ? ";0.9;1;0;" : ";0.9;0;0;");
	end = simulate_text_fixed(end, seen->adc, 6, 2);
	end = simulate_text_put(end, ";NA;");
	return (size_t)(put_sum(put_params(end, seen), start) - (char *)out);
}

static size_t find_end(const uint8_t *data, size_t len)
{
	const uint8_t *end = memchr(data, '\n', len);
	return end ? (size_t)(end - data) + 1 : 0;
}

// Returns the letter after the first # of a record.
static uint8_t letter_of(const uint8_t *record)
{
	while (*record != '#')
		record++;
	return record[1];
}

static bool is_report(const uint8_t *record)
{
	return letter_of(record) == 'D';
}

static uint32_t key_of(const uint8_t *record, size_t len)
{
	(void)len;
	const uint8_t letter = letter_of(record);
	return letter == 'D' ? KEY_REPORT : letter == 'L' ? KEY_LOGIN : KEY_BEAT;
}

static bool is_line(const uint8_t *data, size_t len, const char *line)
{
	return len == strlen(line) && memcmp(data, line, len) == 0;
}

static enum simulate_answer read_answer(
	const uint8_t *data, size_t len, size_t *used, uint32_t *key)
{
	*used = find_end(data, len);
	if (*used == 0)
		return len < TEXT_MOST ? ANSWER_MORE : ANSWER_BAD;
	*key = is_line(data, *used, "#AD#1\r\n")   ? KEY_REPORT
	       : is_line(data, *used, "#AP#\r\n")  ? KEY_BEAT
	       : is_line(data, *used, "#AL#1\r\n") ? KEY_LOGIN
						   : SIMULATE_NO_ANSWER;
	return *key != SIMULATE_NO_ANSWER ? ANSWER_ACK : ANSWER_OTHER;
}

// The other answers, to photos and texts, are no commands.
static size_t command_length(const uint8_t *data, size_t len)
{
	return len > 2 && memcmp(data, "#A", 2) == 0 ? 0 : find_end(data, len);
}

static size_t write_photo(const struct simulate_tracker *tracker, uint8_t *out)
{
	static const char photo[] = "\xFF\xD8photo\r\n#\xFF\xD9";
	const size_t size = sizeof photo - 1;
	const struct calendar now = calendar_of(tracker->last.time_us);
	char *end = simulate_text_put((char *)out, "#I#12;0;0;");
	end = simulate_text_digits(
		end, (uint32_t)(now.day * 10000 + now.month * 100 + now.year % 100), 6);
	*end++ = ';';
	end = simulate_text_digits(
		end, (uint32_t)(now.hour * 10000 + now.minute * 100 + now.second), 6);
	end = simulate_text_put(end, ";photo.jpg;");
	const unsigned sum = checksum_crc16_arc((const uint8_t *)photo, size);
	for (int shift = 12; shift >= 0; shift -= 4)
		*end++ = "0123456789ABCDEF"[sum >> shift & 15];
	end = simulate_text_put(end, "\r\n");
	memcpy(end, photo, size);
	return (size_t)(end + size - (char *)out);
}

static size_t execute(
	struct simulate_tracker *tracker, const uint8_t *line, size_t len, uint8_t *reply)
{
	char *start = (char *)reply, *end = start;
	if (len < 3 || len > TEXT_MOST)
		return 0;
	if (is_line(line, len, "#QI#\r\n"))
		return write_photo(tracker, reply);
	if (memcmp(line, "#M#", 3) == 0)
		return (size_t)(simulate_text_put(start, "#AM#1\r\n") - start);
	end = simulate_text_put(end, "#M#");
	memcpy(end, line, len - 2);
	end = simulate_text_put(end + len - 2, " OK;");
	return (size_t)(put_sum(end, start + 3) - start);
}

const struct simulate_protocol simulate_wialon = {
	.name = "wialon_ips",
	.ident = simulate_tracker_ident_imei,
	.login = write_login,
	.report = write_report,
	.heartbeat = write_heartbeat,
	.length = find_end,
	.is_report = is_report,
	.answer = read_answer,
	.key = key_of,
	.command_length = command_length,
	.execute = execute,
};
