// SPDX-License-Identifier: MIT
// Frames of a watch, and the server's answers and commands.
//
//   [3G*<id>*<length>*LK]                              log-in       answer  LK
//   [3G*<id>*<length>*LK,steps,turns,battery]          keep-alive           LK
//   [3G*<id>*<length>*UD,ddmmyy,hhmmss,A,...]          position             none
//   [3G*<id>*<length>*AL,ddmmyy,hhmmss,A,...]          alarm                AL
//   command  [3G*<id>*<length>*UPLOAD,600]             reply  [3G*<id>*<length>*UPLOAD]
//
// An ident has 15 digits, the length 4 hex digits. An answer has no number: it is for the oldest record of its kind. The status
// word has SOS and low battery at bits 16 and 17. One cell and one Wi-Fi point are in view.
#include "simulate/simulate_watch.h"

#include "simulate/simulate_text.h"
#include "simulate/simulate_tracker.h"
#include "util/calendar.h"

#include <string.h>

#define LENGTH_AT  (1 + 2 + 1 + 15 + 1)
#define CONTENT_AT (LENGTH_AT + 4 + 1)
#define WORD_LEN   2
#define WORD_MOST  32 /* of a command */

#define KEY_BEAT  1
#define KEY_ALARM 2

#define SCALE 15 /* of battery and gsm in a sighting */

static char *put_head(char *out, const struct simulate_tracker *tracker)
{
	out = simulate_text_put(out, "[3G*");
	out = simulate_text_put(out, tracker->ident);
	return simulate_text_put(out, "*0000*");
}

// Writes the ] and the length. Returns the length of the frame.
static size_t finish(char *start, char *end)
{
	size_t len = (size_t)(end - start) - CONTENT_AT;
	for (unsigned i = 4; i > 0; i--, len >>= 4)
		start[LENGTH_AT + i - 1] = "0123456789ABCDEF"[len & 15];
	*end++ = ']';
	return (size_t)(end - start);
}

// Writes a coordinate with 7 decimals and its letter, between commas. width: of the number.
static char *put_angle(char *out, int32_t e7, unsigned width, const char sides[2])
{
	const uint32_t magnitude = e7 < 0 ? (uint32_t)-e7 : (uint32_t)e7;
	out = simulate_text_fixed(out, magnitude, width, 7);
	*out++ = ',';
	*out++ = sides[e7 < 0];
	*out++ = ',';
	return out;
}

static char *put_percent(char *out, unsigned value)
{
	return simulate_text_digits(out, value * 100 / SCALE, 3);
}

static size_t write_login(struct simulate_tracker *tracker, uint8_t *out)
{
	char *start = (char *)out, *end = put_head(start, tracker);
	return finish(start, simulate_text_put(end, "LK"));
}

static size_t write_heartbeat(
	struct simulate_tracker *tracker, const struct simulate_sighting *seen, uint8_t *out)
{
	char *start = (char *)out, *end = put_head(start, tracker);
	end = simulate_text_put(end, "LK,");
	end = simulate_text_digits(end, (uint32_t)seen->odometer_m, 10);
	end = simulate_text_put(end, ",0,");
	return finish(start, put_percent(end, seen->battery));
}

static const char *status_of(const struct simulate_sighting *seen)
{
	return seen->event == SIGHTING_SOS           ? "00010000"
	       : seen->event == SIGHTING_LOW_BATTERY ? "00020000"
						     : "00000000";
}

static size_t write_report(
	struct simulate_tracker *tracker, const struct simulate_sighting *seen, uint8_t *out)
{
	const struct calendar now = calendar_of(seen->time_us);
	const char *status = status_of(seen);
	char *start = (char *)out, *end = put_head(start, tracker);
	end = simulate_text_put(end, status[3] == '0' ? "UD," : "AL,");
	end = simulate_text_digits(
		end, (uint32_t)(now.day * 10000 + now.month * 100 + now.year % 100), 6);
	*end++ = ',';
	end = simulate_text_digits(
		end, (uint32_t)(now.hour * 10000 + now.minute * 100 + now.second), 6);
	end = simulate_text_put(end, ",A,");
	end = put_angle(end, seen->lat_e7, 10, "NS");
	end = put_angle(end, seen->lon_e7, 11, "EW");
	end = simulate_text_fixed(end, seen->speed_kmh_e2, 6, 2);
	*end++ = ',';
	end = simulate_text_fixed(end, seen->course_deg_e2, 6, 2);
	end = simulate_text_put(end, ",-1,");
	end = simulate_text_digits(end, seen->satellites, 2);
	*end++ = ',';
	end = put_percent(end, seen->gsm);
	*end++ = ',';
	end = put_percent(end, seen->battery);
	*end++ = ',';
	end = simulate_text_digits(end, (uint32_t)seen->odometer_m, 10);
	end = simulate_text_put(end, ",0,");
	end = simulate_text_put(end, status);
	end = simulate_text_put(
		end, ",1,255,502,10,6956,41394,45,1,home,02:00:5e:10:00:01,-61,25.0");
	return finish(start, end);
}

static size_t find_end(const uint8_t *data, size_t len)
{
	const uint8_t *end = memchr(data, ']', len);
	return end ? (size_t)(end - data) + 1 : 0;
}

static bool has_word(const uint8_t *frame, const char *word)
{
	return memcmp(frame + CONTENT_AT, word, WORD_LEN) == 0;
}

static bool is_report(const uint8_t *record)
{
	return !has_word(record, "LK");
}

static uint32_t key_of(const uint8_t *record, size_t len)
{
	(void)len;
	return has_word(record, "LK")   ? KEY_BEAT
	       : has_word(record, "AL") ? KEY_ALARM
					: SIMULATE_NO_ANSWER;
}

static enum simulate_answer read_answer(
	const uint8_t *data, size_t len, size_t *used, uint32_t *key)
{
	if (data[0] != '[')
		return ANSWER_BAD;
	*used = find_end(data, len);
	if (*used == 0)
		return len < SIMULATE_RECORD_MAX ? ANSWER_MORE : ANSWER_BAD;
	if (*used != CONTENT_AT + WORD_LEN + 1 || (!has_word(data, "LK") && !has_word(data, "AL")))
		return ANSWER_OTHER;
	*key = has_word(data, "LK") ? KEY_BEAT : KEY_ALARM;
	return ANSWER_ACK;
}

// Returns the first word of the command.
static size_t execute(
	struct simulate_tracker *tracker, const uint8_t *frame, size_t len, uint8_t *reply)
{
	char *start = (char *)reply, *end = put_head(start, tracker);
	if (len <= CONTENT_AT + 1)
		return 0;
	const uint8_t *word = frame + CONTENT_AT;
	const size_t most = len - CONTENT_AT - 1;
	size_t word_len = 0;
	while (word_len < most && word_len < WORD_MOST && word[word_len] != ',')
		word_len++;
	memcpy(end, word, word_len);
	return finish(start, end + word_len);
}

const struct simulate_protocol simulate_watch = {
	.name = "watch",
	.tcp_only = true,
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
