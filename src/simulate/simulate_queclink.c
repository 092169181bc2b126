// SPDX-License-Identifier: MIT
// Messages of a Queclink GV300, and the server's answers and commands. It has no log-in.
//
//   +RESP:GTFRI,060502,<id>,,<mV>,10,1,1,<km/h>,...,<count>$     position; GTSOS, GTSPD and GTBPL alarms
//   +SACK:<count>$                                               answer
//   +ACK:GTHBD,060502,<id>,,<time>,<count>$                      heartbeat      answer  +SACK:GTHBD,060502,<count>$
//   command  AT+GTOUT=gv300,1,...,<serial>$     reply  +ACK:GTOUT,060502,<id>,,<serial>,<time>,<count>$
#include "simulate/simulate_queclink.h"

#include "simulate/simulate_text.h"
#include "simulate/simulate_tracker.h"
#include "util/calendar.h"
#include "util/text.h"

#include <string.h>

#define VERSION     "060502"
#define ANSWER      "+SACK:"
#define BEAT_ANSWER "+SACK:GTHBD," VERSION ","
#define COMMAND     "AT+GT"
#define WORD_LEN    3
#define NUMBER_LEN  4        /* hex digits of a count or serial */
#define KEY         0x10000u /* and the count */
#define SCALE       15       /* of the battery in a sighting */

static char *put_hex(char *out, unsigned value, unsigned width)
{
	for (unsigned i = width; i > 0; i--, value >>= 4)
		out[i - 1] = "0123456789ABCDEF"[value & 15];
	return out + width;
}

static char *put_signed(char *out, int32_t value, unsigned width, unsigned decimals)
{
	if (value < 0)
		*out++ = '-';
	return simulate_text_fixed(
		out, value < 0 ? (uint32_t)-value : (uint32_t)value, width, decimals);
}

static char *put_head(char *out, const char *start, const struct simulate_tracker *tracker)
{
	out = simulate_text_put(out, start);
	out = simulate_text_put(out, "," VERSION ",");
	out = simulate_text_put(out, tracker->ident);
	return simulate_text_put(out, ",,");
}

static char *put_time(char *out, int64_t time_us)
{
	const struct calendar at = calendar_of(time_us);
	out = simulate_text_digits(out, (uint32_t)at.year, 4);
	out = simulate_text_digits(out, (uint32_t)(at.month * 100 + at.day), 4);
	return simulate_text_digits(
		out, (uint32_t)(at.hour * 10000 + at.minute * 100 + at.second), 6);
}

// Writes send time and count. Returns the length of the message.
static size_t finish(struct simulate_tracker *tracker, char *start, char *end, int64_t time_us)
{
	end = put_time(end, time_us);
	*end++ = ',';
	end = put_hex(end, ++tracker->serial, NUMBER_LEN);
	*end++ = '$';
	return (size_t)(end - start);
}

static char *put_place(char *out, const struct simulate_sighting *seen)
{
	out = simulate_text_put(out, "1,");
	out = simulate_text_fixed(out, seen->speed_kmh_e2 / 10, 5, 1);
	*out++ = ',';
	out = simulate_text_digits(out, seen->course_deg_e2 / 100u, 3);
	out = simulate_text_put(out, ",,");
	out = put_signed(out, seen->lon_e7 / 10, 10, 6);
	*out++ = ',';
	out = put_signed(out, seen->lat_e7 / 10, 9, 6);
	*out++ = ',';
	out = put_time(out, seen->time_us);
	out = simulate_text_put(out, ",0502,0010,1B2C,A1B2,01,");
	out = simulate_text_digits(out, seen->satellites, 2);
	*out++ = ',';
	return out;
}

static size_t write_battery_alarm(
	struct simulate_tracker *tracker, const struct simulate_sighting *seen, char *start)
{
	char *end = put_head(start, "+RESP:GTBPL", tracker);
	end = simulate_text_put(end, "3.60,");
	return finish(tracker, start, put_place(end, seen), seen->time_us);
}

static size_t write_report(
	struct simulate_tracker *tracker, const struct simulate_sighting *seen, uint8_t *out)
{
	const bool moves = seen->speed_kmh_e2 > 0;
	char *start = (char *)out;
	if (seen->event == SIGHTING_LOW_BATTERY)
		return write_battery_alarm(tracker, seen, start);
	char *end = put_head(start,
		seen->event == SIGHTING_SOS         ? "+RESP:GTSOS"
		: seen->event == SIGHTING_OVERSPEED ? "+RESP:GTSPD"
						    : "+RESP:GTFRI",
		tracker);
	end = simulate_text_digits(end, 12000 + seen->battery * 100u, 5);
	end = simulate_text_put(end, ",10,1,");
	end = put_place(end, seen);
	end = simulate_text_fixed(end, (uint32_t)(seen->odometer_m / 100), 9, 1);
	end = simulate_text_put(end, ",,,,");
	end = simulate_text_digits(end, seen->battery * 100u / SCALE, 3);
	*end++ = ',';
	*end++ = seen->ignition ? '2' : '1';
	*end++ = moves ? '2' : '1';
	end = simulate_text_put(end, seen->ignition ? "01" : "00");
	end = put_hex(end, tracker->outputs, 2);
	end = simulate_text_put(end, ",,,,");
	return finish(tracker, start, end, seen->time_us);
}

static size_t write_heartbeat(
	struct simulate_tracker *tracker, const struct simulate_sighting *seen, uint8_t *out)
{
	char *start = (char *)out;
	return finish(tracker, start, put_head(start, "+ACK:GTHBD", tracker), seen->time_us);
}

// Answers and commands ---------------------------------------------------------

static size_t find_end(const uint8_t *data, size_t len)
{
	const uint8_t *end = memchr(data, '$', len);
	return end ? (size_t)(end - data) + 1 : 0;
}

static bool begins(const uint8_t *data, size_t len, const char *word)
{
	return len >= strlen(word) && memcmp(data, word, strlen(word)) == 0;
}

static bool is_report(const uint8_t *record)
{
	return record[1] == 'R';
}

// Returns the key of the four digits before the $.
static uint32_t read_count(const uint8_t *data, size_t len)
{
	uint64_t count;
	const struct text text = {(const char *)data + len - 1 - NUMBER_LEN, NUMBER_LEN};
	return text_hex(text, &count) ? KEY | (uint32_t)count : 0;
}

static uint32_t key_of(const uint8_t *record, size_t len)
{
	return read_count(record, len);
}

static enum simulate_answer read_answer(
	const uint8_t *data, size_t len, size_t *used, uint32_t *key)
{
	*used = find_end(data, len);
	if (*used == 0)
		return len < SIMULATE_RECORD_MAX ? ANSWER_MORE : ANSWER_BAD;
	if (begins(data, *used, COMMAND))
		return ANSWER_OTHER;
	const size_t around = begins(data, *used, BEAT_ANSWER) ? sizeof BEAT_ANSWER : sizeof ANSWER;
	if (*used != around + NUMBER_LEN || !begins(data, *used, ANSWER))
		return ANSWER_BAD;
	*key = read_count(data, *used);
	return *key ? ANSWER_ACK : ANSWER_BAD;
}

// Sets the output of AT+GTOUT=<password>,<value>,...
static void set_output(struct simulate_tracker *tracker, const uint8_t *command, size_t len)
{
	const uint8_t *comma = memchr(command, ',', len);
	if (begins(command, len, COMMAND "OUT=") && comma)
		tracker->outputs = (uint8_t)((tracker->outputs & ~1u) | (comma[1] == '1'));
}

static size_t execute(
	struct simulate_tracker *tracker, const uint8_t *command, size_t len, uint8_t *reply)
{
	char start[sizeof "+ACK:GT" + WORD_LEN] = "+ACK:GT";
	if (!begins(command, len, COMMAND) ||
		len < sizeof COMMAND - 1 + WORD_LEN + 1 + NUMBER_LEN + 1)
		return 0;
	memcpy(start + sizeof "+ACK:GT" - 1, command + sizeof COMMAND - 1, WORD_LEN);
	set_output(tracker, command, len);
	char *end = put_head((char *)reply, start, tracker);
	memcpy(end, command + len - 1 - NUMBER_LEN, NUMBER_LEN);
	end += NUMBER_LEN;
	*end++ = ',';
	return finish(tracker, (char *)reply, end, tracker->last.time_us);
}

const struct simulate_protocol simulate_queclink = {
	.name = "queclink",
	.ident = simulate_tracker_ident_imei,
	.report = write_report,
	.heartbeat = write_heartbeat,
	.length = find_end,
	.is_report = is_report,
	.answer = read_answer,
	.key = key_of,
	.command_length = find_end,
	.execute = execute,
};
