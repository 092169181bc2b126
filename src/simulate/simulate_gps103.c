// SPDX-License-Identifier: MIT
// Sentences of a GPS103, and the server's answers and commands.
//
//   ##,imei:<id>,A;                                                                          answer  LOAD
//   <id>;                                                                                    answer  ON
//   imei:<id>,<keyword>,yymmddhhmmss,,F,hhmmss.sss,A,ddmm.mmmm,N,dddmm.mmmm,E,knots,course,,acc,;
//                                                                       answer to "help me"  **,imei:<id>,E;
//   command  **,imei:<id>,<letter or number>[,argument][;]      reply  a sentence with the keyword <letter>t or <number>
//
// Other sentences have no answer. The date is by the tracker's own clock; each has one of several zones.
#include "simulate/simulate_gps103.h"

#include "simulate/simulate_text.h"
#include "simulate/simulate_tracker.h"
#include "util/calendar.h"

#define KEY_LOGIN     1
#define KEY_HEARTBEAT 2
#define KEY_SOS       3

#define MINUTE_US   INT64_C(60000000)
#define KEYWORD_MAX 8 /* of a reply, with its NUL */

static const char sos[] = "help me";
static const char *const keywords[] = {
	[SIGHTING_POSITION] = "tracker",
	[SIGHTING_OVERSPEED] = "speed",
	[SIGHTING_SOS] = sos,
	[SIGHTING_LOW_BATTERY] = "low battery",
};

static const int16_t zone_minutes[] = {0, 180, -330, 345, 720, -705};

static uint32_t clock_of(const struct calendar *time)
{
	return (uint32_t)(time->hour * 10000 + time->minute * 100 + time->second);
}

static size_t write_sentence(const struct simulate_tracker *tracker, const char *keyword,
	const struct simulate_sighting *seen, uint8_t *out)
{
	const size_t zone = tracker->number % (sizeof zone_minutes / sizeof zone_minutes[0]);
	const struct calendar utc = calendar_of(seen->time_us);
	const struct calendar local = calendar_of(seen->time_us + zone_minutes[zone] * MINUTE_US);
	const uint32_t knots_e2 = (uint32_t)(((uint64_t)seen->speed_kmh_e2 * 1000 + 926) / 1852);
	const uint32_t date = (uint32_t)(local.year % 100 * 10000 + local.month * 100 + local.day);
	char *end = simulate_text_put((char *)out, "imei:");
	end = simulate_text_put(end, tracker->ident);
	*end++ = ',';
	end = simulate_text_put(end, keyword);
	*end++ = ',';
	end = simulate_text_digits(end, date, 6);
	end = simulate_text_digits(end, clock_of(&local), 6);
	end = simulate_text_put(end, ",,F,");
	end = simulate_text_digits(end, clock_of(&utc), 6);
	*end++ = '.';
	end = simulate_text_digits(end, (uint32_t)utc.us / 1000, 3);
	end = simulate_text_put(end, ",A,");
	end = simulate_text_angle(end, seen->lat_e7, 2);
	end = simulate_text_put(end, seen->lat_e7 < 0 ? ",S," : ",N,");
	end = simulate_text_angle(end, seen->lon_e7, 3);
	end = simulate_text_put(end, seen->lon_e7 < 0 ? ",W," : ",E,");
	end = simulate_text_fixed(end, knots_e2, 6, 2);
	*end++ = ',';
	end = simulate_text_fixed(end, seen->course_deg_e2, 6, 2);
	end = simulate_text_put(end, seen->ignition ? ",,1,;" : ",,0,;");
	return (size_t)(end - (char *)out);
}

static size_t write_login(struct simulate_tracker *tracker, uint8_t *out)
{
	char *end = simulate_text_put((char *)out, "##,imei:");
	end = simulate_text_put(end, tracker->ident);
	end = simulate_text_put(end, ",A;");
	return (size_t)(end - (char *)out);
}

static size_t write_report(
	struct simulate_tracker *tracker, const struct simulate_sighting *seen, uint8_t *out)
{
	const char *ignition = seen->ignition ? "acc on" : "acc off";
	const char *keyword = seen->event == SIGHTING_IGNITION ? ignition : keywords[seen->event];
	return write_sentence(tracker, keyword, seen, out);
}

static size_t write_heartbeat(
	struct simulate_tracker *tracker, const struct simulate_sighting *seen, uint8_t *out)
{
	(void)seen;
	char *end = simulate_text_put((char *)out, tracker->ident);
	*end++ = ';';
	return (size_t)(end - (char *)out);
}

static size_t find_end(const uint8_t *data, size_t len)
{
	const uint8_t *end = memchr(data, ';', len);
	return end ? (size_t)(end - data) + 1 : 0;
}

static bool is_report(const uint8_t *record)
{
	return record[0] == 'i';
}

// Returns true if the bytes begin with the word, or are the beginning of it.
static bool agrees(const uint8_t *data, size_t len, const char *word)
{
	const size_t word_len = strlen(word);
	return memcmp(data, word, len < word_len ? len : word_len) == 0;
}

static uint32_t key_of(const uint8_t *record, size_t len)
{
	if (record[0] == '#')
		return KEY_LOGIN;
	if (!is_report(record))
		return KEY_HEARTBEAT;
	const uint8_t *keyword = memchr(record, ',', len);
	const size_t left = keyword ? (size_t)(record + len - ++keyword) : 0;
	return left >= sizeof sos && agrees(keyword, left, sos) && keyword[sizeof sos - 1] == ','
		       ? KEY_SOS
		       : SIMULATE_NO_ANSWER;
}

// Returns the first byte after "**,imei:<id>,"; NULL: incomplete.
static const uint8_t *find_word(const uint8_t *data, size_t len)
{
	const uint8_t *at = len > 3 ? memchr(data + 3, ',', len - 3) : NULL;
	return at && at + 1 < data + len ? at + 1 : NULL;
}

// Returns the length of the command at the head of the bytes. It ends with `;`, where the next answer begins, or with the bytes.
static size_t command_length(const uint8_t *data, size_t len)
{
	const uint8_t *word = find_word(data, len), *end = data + len;
	if (!word)
		return 0;
	for (const uint8_t *at = word; at < end; at++) {
		const size_t left = (size_t)(end - at);
		if (*at == ';')
			return (size_t)(at - data) + 1;
		if (at > word &&
			(agrees(at, left < 2 ? left : 2, "**") || *at == 'O' || *at == 'L'))
			return (size_t)(at - data);
	}
	return len;
}

static enum simulate_answer read_answer(
	const uint8_t *data, size_t len, size_t *used, uint32_t *key)
{
	static const struct {
		const char *word;
		uint32_t key;
	} words[] = {{"LOAD", KEY_LOGIN}, {"ON", KEY_HEARTBEAT}};
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		if (!agrees(data, len, words[i].word))
			continue;
		*used = strlen(words[i].word);
		*key = words[i].key;
		return len < *used ? ANSWER_MORE : ANSWER_ACK;
	}
	if (!agrees(data, len, "**,imei:"))
		return ANSWER_BAD;
	const uint8_t *word = find_word(data, len);
	if (!word || (*word == 'E' && word + 1 == data + len))
		return ANSWER_MORE;
	*used = command_length(data, len);
	*key = KEY_SOS;
	return word[0] == 'E' && word[1] == ';' ? ANSWER_ACK : ANSWER_OTHER;
}

// Writes the keyword that confirms a command: "jt", or its number.
static bool find_keyword(const uint8_t *word, size_t len, char keyword[KEYWORD_MAX])
{
	size_t at = 0;
	while (at < len && at < 3 && word[at] != ',' && word[at] != ';') {
		keyword[at] = (char)word[at];
		at++;
	}
	if (at == 1 && keyword[0] >= 'A' && keyword[0] <= 'Z') {
		keyword[0] = (char)(keyword[0] | 0x20);
		keyword[at++] = 't';
	} else if (at != 3) {
		return false;
	}
	keyword[at] = 0;
	return true;
}

static size_t execute(
	struct simulate_tracker *tracker, const uint8_t *frame, size_t len, uint8_t *reply)
{
	char keyword[KEYWORD_MAX];
	const uint8_t *word = find_word(frame, len);
	if (!word || tracker->last.time_us == 0 ||
		!find_keyword(word, (size_t)(frame + len - word), keyword))
		return 0;
	if (!strcmp(keyword, "jt") || !strcmp(keyword, "109"))
		tracker->outputs |= 1;
	else if (!strcmp(keyword, "kt") || !strcmp(keyword, "110"))
		tracker->outputs &= (uint8_t)~1u;
	return write_sentence(
		tracker, strcmp(keyword, "bt") ? keyword : "tracker", &tracker->last, reply);
}

const struct simulate_protocol simulate_gps103 = {
	.name = "gps103",
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
