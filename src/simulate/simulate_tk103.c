// SPDX-License-Identifier: MIT
// Packed frames of a TK103, and the server's answers and commands.
//
//   (id BP00HSO)               log-in and heartbeat    answer  (id AP01HSO)
//   (id BP05 000id position)   position                answer  (id AP05)          the others have no answer
//   (id BO01n position)        alarm n                 answer  (id AS01n)
//   command  (id AV010)        reply  (id BV010)       command  (id AP00)         reply  (id BP04 position)
//
//   position  yymmddAddmm.mmmmNdddmm.mmmmEsss.shhmmssccc.ccPIXXXFFFLmmmmmmmm      written without the blanks above
//
// An ident has 12 digits, seed and number. An answer has no number: it is for the oldest record of its kind.
#include "simulate/simulate_tk103.h"

#include "simulate/simulate_text.h"
#include "simulate/simulate_tracker.h"
#include "util/calendar.h"

#include <string.h>

#define ID_LEN      12
#define COMMAND_AT  (1 + ID_LEN)
#define COMMAND_LEN 4

#define KEY_BEAT     1
#define KEY_POSITION 2
#define KEY_ALARM    16 /* plus its number */

static const char alarm_numbers[] = {
	[SIGHTING_SOS] = '2',
	[SIGHTING_OVERSPEED] = '5',
	[SIGHTING_LOW_BATTERY] = '0',
};

// Writes exactly width hex digits.
static char *put_hex(char *out, uint32_t value, unsigned width)
{
	for (unsigned i = width; i > 0; i--, value >>= 4)
		out[i - 1] = "0123456789ABCDEF"[value & 15];
	return out + width;
}

static uint8_t make_ident(uint32_t seed, uint32_t number, char out[16])
{
	simulate_text_digits(simulate_text_digits(out, seed, 6), number, 6);
	out[ID_LEN] = 0;
	return ID_LEN;
}

// Writes (id and the command.
static char *put_head(char *out, const struct simulate_tracker *tracker, const char *command)
{
	*out++ = '(';
	out = simulate_text_put(out, tracker->ident);
	return simulate_text_put(out, command);
}

// Writes the position and the ).
static char *put_position(
	char *out, const struct simulate_tracker *tracker, const struct simulate_sighting *seen)
{
	const struct calendar now = calendar_of(seen->time_us);
	out = simulate_text_digits(
		out, (uint32_t)(now.year % 100 * 10000 + now.month * 100 + now.day), 6);
	*out++ = 'A';
	out = simulate_text_angle(out, seen->lat_e7, 2);
	*out++ = "NS"[seen->lat_e7 < 0];
	out = simulate_text_angle(out, seen->lon_e7, 3);
	*out++ = "EW"[seen->lon_e7 < 0];
	out = simulate_text_fixed(out, (seen->speed_kmh_e2 + 5) / 10, 5, 1);
	out = simulate_text_digits(
		out, (uint32_t)(now.hour * 10000 + now.minute * 100 + now.second), 6);
	out = simulate_text_fixed(out, seen->course_deg_e2, 6, 2);
	*out++ = '0';
	*out++ = seen->ignition ? '1' : '0';
	*out++ = tracker->outputs & 1 ? '8' : '0';
	out = simulate_text_put(out, "00");
	out = put_hex(out, seen->adc, 3);
	*out++ = 'L';
	out = put_hex(out, (uint32_t)seen->odometer_m, 8);
	*out++ = ')';
	return out;
}

static size_t write_login(struct simulate_tracker *tracker, uint8_t *out)
{
	return (size_t)(put_head((char *)out, tracker, "BP00HSO)") - (char *)out);
}

static size_t write_heartbeat(
	struct simulate_tracker *tracker, const struct simulate_sighting *seen, uint8_t *out)
{
	(void)seen;
	return write_login(tracker, out);
}

static size_t write_report(
	struct simulate_tracker *tracker, const struct simulate_sighting *seen, uint8_t *out)
{
	const char number = seen->event < sizeof alarm_numbers ? alarm_numbers[seen->event] : '\0';
	char *end = put_head((char *)out, tracker, number ? "BO01" : "BP05000");
	if (number)
		*end++ = number;
	else
		end = simulate_text_put(end, tracker->ident);
	return (size_t)(put_position(end, tracker, seen) - (char *)out);
}

static size_t find_end(const uint8_t *data, size_t len)
{
	const uint8_t *end = memchr(data, ')', len);
	return end ? (size_t)(end - data) + 1 : 0;
}

static bool has_command(const uint8_t *frame, size_t len, const char *command)
{
	return len > COMMAND_AT + COMMAND_LEN &&
	       memcmp(frame + COMMAND_AT, command, COMMAND_LEN) == 0;
}

static bool is_report(const uint8_t *record)
{
	return !has_command(record, SIMULATE_LOGIN_MAX, "BP00");
}

static uint32_t key_of(const uint8_t *record, size_t len)
{
	if (has_command(record, len, "BO01"))
		return KEY_ALARM + (uint32_t)(record[COMMAND_AT + COMMAND_LEN] - '0');
	return has_command(record, len, "BP00") ? KEY_BEAT : KEY_POSITION;
}

static enum simulate_answer read_answer(
	const uint8_t *data, size_t len, size_t *used, uint32_t *key)
{
	if (data[0] != '(')
		return ANSWER_BAD;
	*used = find_end(data, len);
	if (*used == 0)
		return len < SIMULATE_RECORD_MAX ? ANSWER_MORE : ANSWER_BAD;
	if (has_command(data, *used, "AP01"))
		*key = KEY_BEAT;
	else if (has_command(data, *used, "AP05"))
		*key = KEY_POSITION;
	else if (has_command(data, *used, "AS01"))
		*key = KEY_ALARM + (uint32_t)(data[COMMAND_AT + COMMAND_LEN] - '0');
	else
		return ANSWER_OTHER;
	return ANSWER_ACK;
}

static size_t execute(
	struct simulate_tracker *tracker, const uint8_t *frame, size_t len, uint8_t *reply)
{
	const size_t arguments_at = COMMAND_AT + COMMAND_LEN;
	if (len <= arguments_at || len > 64)
		return 0;
	char *end = put_head((char *)reply, tracker, "B");
	if (has_command(frame, len, "AP00")) {
		if (tracker->last.time_us == 0)
			return 0;
		end = simulate_text_put(end, "P04");
		return (size_t)(put_position(end, tracker, &tracker->last) - (char *)reply);
	}
	if (has_command(frame, len, "AV01"))
		tracker->outputs =
			(uint8_t)((tracker->outputs & ~1u) | (frame[arguments_at] == '0'));
	memcpy(end, frame + COMMAND_AT + 1, len - COMMAND_AT - 1);
	return (size_t)(end - (char *)reply) + len - COMMAND_AT - 1;
}

const struct simulate_protocol simulate_tk103 = {
	.name = "tk103",
	.ident = make_ident,
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
