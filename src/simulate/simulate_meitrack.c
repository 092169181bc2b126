// SPDX-License-Identifier: MIT
// Frames of a T399 over TCP and of an MVT340 over UDP, and the server's answers and commands.
//
//   $$<flag><length>,<ident>,CCE,<record>*<sum> CR LF        TCP     answer @@<flag>27,<ident>,CCE,1*<sum>
//   $$<flag><length>,<ident>,AFF,0001,<event>,...*<sum>      UDP     answer @@<flag>27,<ident>,AFF,1*<sum>
//   $$<flag>25,<ident>,AAC*<sum>                             heart-beat     answer AAC,1
//   command  @@<flag><length>,<ident>,C01,0,12222*<sum>      reply   $$<flag>28,<ident>,C01,OK*<sum>
//   request  @@<flag><length>,<ident>,D00,<file>,0*<sum>     reply   the photo, in one part
//
// record: size, number of parameters, then groups of values with 1, 2 and 4 bytes, and of bytes; little-endian. An answer is for
// the record with its flag. Over UDP a record waits for the answer to the last: there are only 26 flags, and if a datagram is
// lost while later ones are answered, its flag comes again before it is missed.
#include "simulate/simulate_meitrack.h"

#include "simulate/simulate_text.h"
#include "simulate/simulate_tracker.h"
#include "util/calendar.h"
#include "util/checksum.h"

#include <string.h>

#define IDENT_LEN  15
#define HEAD       (3 + 3 + 1)            /* $$A167, */
#define COMMAND_AT (HEAD + IDENT_LEN + 1) /* of a record */
#define END        5                      /* *HH CR LF */
#define FRAME_MOST 512
#define FLAGS      26
#define SCALE      15 /* of battery and gsm in a sighting */
#define EPOCH_S    946684800

static const uint8_t events[] = {
	[SIGHTING_POSITION] = 35,
	[SIGHTING_IGNITION] = 2,
	[SIGHTING_OVERSPEED] = 19,
	[SIGHTING_SOS] = 1,
	[SIGHTING_LOW_BATTERY] = 17,
};

// Frames -----------------------------------------------------------------------

// Completes a frame whose content is from out + COMMAND_AT to `end`. Returns its length.
static size_t end_frame(
	const struct simulate_tracker *tracker, char flag, uint8_t *out, uint8_t *end)
{
	char *at = (char *)out;
	const size_t length = (size_t)(end - out) - HEAD + 1 + END;
	*at++ = '$';
	*at++ = '$';
	*at++ = flag;
	at = simulate_text_digits(at, (uint32_t)length, 3);
	*at++ = ',';
	memcpy(at, tracker->ident, IDENT_LEN);
	at[IDENT_LEN] = ',';
	*end++ = '*';
	const unsigned sum = checksum_sum(out, (size_t)(end - out));
	*end++ = (uint8_t) "0123456789ABCDEF"[sum >> 4];
	*end++ = (uint8_t) "0123456789ABCDEF"[sum & 15];
	*end++ = '\r';
	*end++ = '\n';
	return (size_t)(end - out);
}

static char next_flag(struct simulate_tracker *tracker)
{
	return (char)('A' + tracker->serial++ % FLAGS);
}

static uint8_t *put_text(uint8_t *out, const char *text)
{
	return (uint8_t *)simulate_text_put((char *)out, text);
}

static uint8_t *put_le(uint8_t *out, uint64_t value, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		*out++ = (uint8_t)(value >> 8 * i);
	return out;
}

static uint8_t *put_value(uint8_t *out, uint8_t id, uint64_t value, unsigned bytes)
{
	*out++ = id;
	return put_le(out, value, bytes);
}

// Records ----------------------------------------------------------------------

static unsigned gsm_of(const struct simulate_sighting *seen)
{
	return seen->gsm * 31u / SCALE;
}

static unsigned battery_e2(const struct simulate_sighting *seen)
{
	return 360 + seen->battery * 60u / SCALE;
}

// Microdegrees, rounded.
static int32_t micro(int32_t e7)
{
	return (e7 + (e7 < 0 ? -5 : 5)) / 10;
}

// Input 2 is the ignition.
static unsigned inputs_of(const struct simulate_sighting *seen)
{
	return seen->ignition ? 2 : 0;
}

// Writes size, number and parameters of a record.
static uint8_t *put_record(
	uint8_t *out, const struct simulate_tracker *tracker, const struct simulate_sighting *seen)
{
	uint8_t *start = out;
	out = put_le(out + 2, 19, 2);
	*out++ = 6;
	out = put_value(out, 0x01, events[seen->event], 1);
	out = put_value(out, 0x05, 1, 1);
	out = put_value(out, 0x06, seen->satellites, 1);
	out = put_value(out, 0x07, gsm_of(seen), 1);
	out = put_value(out, 0x14, tracker->outputs, 1);
	out = put_value(out, 0x15, inputs_of(seen), 1);
	*out++ = 6;
	out = put_value(out, 0x08, (seen->speed_kmh_e2 + 50) / 100, 2);
	out = put_value(out, 0x09, seen->course_deg_e2 / 100u, 2);
	out = put_value(out, 0x0A, 9, 2);
	out = put_value(out, 0x0B, 100, 2);
	out = put_value(out, 0x19, battery_e2(seen), 2);
	out = put_value(out, 0x1A, 1366, 2);
	*out++ = 5;
	out = put_value(out, 0x02, (uint32_t)micro(seen->lat_e7), 4);
	out = put_value(out, 0x03, (uint32_t)micro(seen->lon_e7), 4);
	out = put_value(out, 0x04, (uint64_t)(seen->time_us / 1000000 - EPOCH_S), 4);
	out = put_value(out, 0x0C, (uint64_t)seen->odometer_m, 4);
	out = put_value(out, 0x0D, 889900, 4);
	*out++ = 2;
	*out++ = 0x0E;
	out = put_le(out, 12, 1);
	out = put_le(put_le(put_le(out, 724, 2), 5, 2), 0x2F19, 2);
	out = put_le(put_le(out, 0xA893, 4), 0xFFB9, 2);
	*out++ = 0x2A;
	out = put_le(put_le(put_le(out, 3, 1), 1, 1), 2150, 2);
	put_le(start, (size_t)(out - start) - 2, 2);
	return out;
}

static char *put_angle(char *out, int32_t e7)
{
	const int32_t value = micro(e7);
	if (value < 0)
		*out++ = '-';
	return simulate_text_fixed(out, (uint32_t)(value < 0 ? -value : value), 10, 6);
}

static uint8_t *put_position(
	uint8_t *out, const struct simulate_tracker *tracker, const struct simulate_sighting *seen)
{
	const struct calendar now = calendar_of(seen->time_us);
	char *at = (char *)out;
	at = put_angle(at, seen->lat_e7);
	*at++ = ',';
	at = put_angle(at, seen->lon_e7);
	*at++ = ',';
	at = simulate_text_digits(
		at, (uint32_t)((now.year % 100) * 10000 + now.month * 100 + now.day), 6);
	at = simulate_text_digits(
		at, (uint32_t)(now.hour * 10000 + now.minute * 100 + now.second), 6);
	at = simulate_text_put(at, ",A,");
	at = simulate_text_digits(at, seen->satellites, 2);
	*at++ = ',';
	at = simulate_text_digits(at, gsm_of(seen), 2);
	*at++ = ',';
	at = simulate_text_fixed(at, seen->speed_kmh_e2, 6, 2);
	*at++ = ',';
	at = simulate_text_digits(at, seen->course_deg_e2 / 100u, 3);
	at = simulate_text_put(at, ",0.9,100,");
	at = simulate_text_digits(at, (uint32_t)seen->odometer_m, 9);
	at = simulate_text_put(at, ",889900,724|5|2F19|A893,0");
	*at++ = (char)('0' + inputs_of(seen));
	*at++ = '0';
	*at++ = (char)('0' + (tracker->outputs & 1));
	at = simulate_text_put(at, ",");
	at = simulate_text_fixed(at, battery_e2(seen), 4, 2);
	return put_text((uint8_t *)at, "|13.66,,,3,0C32");
}

static size_t write_report(
	struct simulate_tracker *tracker, const struct simulate_sighting *seen, uint8_t *out)
{
	uint8_t *at = out + COMMAND_AT;
	if (!tracker->udp) {
		at = put_text(at, "CCE,");
		at = put_record(put_le(put_le(at, 1, 4), 1, 2), tracker, seen);
	} else {
		at = put_text(at, "AFF,0001,");
		at = (uint8_t *)simulate_text_digits((char *)at, events[seen->event], 2);
		*at++ = ',';
		at = put_position(at, tracker, seen);
	}
	return end_frame(tracker, next_flag(tracker), out, at);
}

static size_t write_heartbeat(
	struct simulate_tracker *tracker, const struct simulate_sighting *seen, uint8_t *out)
{
	(void)seen;
	return end_frame(tracker, next_flag(tracker), out, put_text(out + COMMAND_AT, "AAC"));
}

// Returns the length of the frame at the head of the bytes; 0: incomplete.
static size_t find_end(const uint8_t *data, size_t len)
{
	size_t at = 3, length = 0;
	for (; at < len && data[at] >= '0' && data[at] <= '9'; at++)
		length = length * 10 + (size_t)(data[at] - '0');
	return at < len && data[at] == ',' && at + length <= len ? at + length : 0;
}

static bool is_report(const uint8_t *record)
{
	return memcmp(record + COMMAND_AT, "AAC", 3) != 0;
}

// Answers ----------------------------------------------------------------------

// A key is the flag, and the last letter of the command.
static uint32_t key_by(uint8_t flag, uint8_t letter)
{
	return (uint32_t)letter << 8 | flag;
}

static uint32_t key_of(const uint8_t *record, size_t len)
{
	(void)len;
	return key_by(record[2], record[COMMAND_AT + 2]);
}

static enum simulate_answer read_answer(
	const uint8_t *data, size_t len, size_t *used, uint32_t *key)
{
	static const char *const words[] = {"CCE,1", "AFF,1", "AAC,1"};
	const size_t at = 3 + 2 + 1 + IDENT_LEN + 1, total = at + 5 + END;
	if (data[0] != '@')
		return ANSWER_BAD;
	*used = find_end(data, len);
	if (*used == 0)
		return len < FRAME_MOST ? ANSWER_MORE : ANSWER_BAD;
	if (*used != total)
		return ANSWER_OTHER;
	for (size_t i = 0; i < 3; i++) {
		if (memcmp(data + at, words[i], 5) != 0)
			continue;
		*key = key_by(data[2], data[at + 2]);
		return ANSWER_ACK;
	}
	return ANSWER_OTHER;
}

// Commands ---------------------------------------------------------------------

static bool begins(const uint8_t *data, size_t len, const char *word)
{
	return len >= strlen(word) && memcmp(data, word, strlen(word)) == 0;
}

static void set_output(struct simulate_tracker *tracker, const uint8_t *words, size_t len)
{
	const uint8_t *comma = begins(words, len, "C01,") ? memchr(words + 4, ',', len - 4) : NULL;
	if (!comma || comma + 1 == words + len)
		return;
	if (comma[1] == '1')
		tracker->outputs |= 1;
	else if (comma[1] == '0')
		tracker->outputs &= (uint8_t)~1u;
}

// Returns the length of the command's first word.
static size_t word_len(const uint8_t *words, size_t len)
{
	const uint8_t *comma = memchr(words, ',', len);
	return comma ? (size_t)(comma - words) : len;
}

static uint8_t *put_photo(uint8_t *out, const uint8_t *words, size_t len)
{
	static const char photo[] = "\xFF\xD8photo*\r\n$$\xFF\xD9";
	while (len > 0 && words[len - 1] != ',') // the number of the part
		len--;
	memcpy(out, words, len);
	out = put_text(out + len, "1,0,");
	memcpy(out, photo, sizeof photo - 1);
	return out + sizeof photo - 1;
}

static size_t execute(
	struct simulate_tracker *tracker, const uint8_t *frame, size_t len, uint8_t *reply)
{
	const uint8_t *comma = memchr(frame, ',', len);
	const size_t head = comma ? (size_t)(comma - frame) + 1 + IDENT_LEN + 1 : len;
	if (len <= head + END || len > FRAME_MOST)
		return 0;
	const uint8_t *words = frame + head;
	const size_t words_len = len - head - END, word = word_len(words, words_len);
	uint8_t *end = reply + COMMAND_AT;
	set_output(tracker, words, words_len);
	if (begins(words, words_len, "D00,")) {
		end = put_photo(end, words, words_len);
	} else if (begins(words, words_len, "A10") && tracker->last.time_us != 0) {
		end = put_position(put_text(end, "AAA,34,"), tracker, &tracker->last);
	} else {
		memcpy(end, words, word);
		end = put_text(end + word, ",OK");
	}
	return end_frame(tracker, (char)frame[2], reply, end);
}

const struct simulate_protocol simulate_meitrack = {
	.name = "meitrack",
	.one_by_one = true,
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
