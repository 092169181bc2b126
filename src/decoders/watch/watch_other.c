// SPDX-License-Identifier: MIT
// From the maker's and vendors' papers and captures:
//
//   LK[,steps,turns,battery[,more]]    keep-alive, the first message; also LK,steps,battery
//   heart,n  bphrt,high,low,...        health; without values it echoes a request
//   INIT,... CONFIG,... TKQ ICCID,...  answered at once
//
// The others are answers to commands, or unknown: they are kept as text.
#include "decoders/watch/watch_other.h"

#include "decoders/watch/watch_command.h"
#include "decoders/watch/watch_media.h"

#define VALUES_MOST 7

// Keep-alive ------------------------------------------------------------------

static void decode_counters(const struct watch_message *m)
{
	struct fields fields;
	uint64_t steps, turns, battery;
	fields_split(m->rest, &fields);
	const bool is_short = fields.count == 2;
	const struct text empty = {"", 0}, last = fields_get(&fields, is_short ? 1 : 2),
			  first = fields_get(&fields, 0),
			  second = is_short ? empty : fields_get(&fields, 1);
	if (fields.count < 2 || !fields_is_digits(first, 0, 18) ||
		!fields_is_digits(second, 0, 18) || !fields_is_digits(last, 0, 18)) {
		watch_message_keep(m, "data", m->rest);
		return;
	}
	if (text_uint(first, &steps))
		extra_int(m->out, m->report, "steps", (int64_t)steps);
	if (text_uint(second, &turns))
		extra_int(m->out, m->report, "turns", (int64_t)turns);
	if (text_uint(last, &battery))
		report_set_battery_percent(m->report, (int64_t)battery);
	watch_message_keep(m, "tail", watch_message_without_commas(fields_from(&fields, 3)));
}

static void decode_keep_alive(struct watch_message *m)
{
	const struct text answer = {"LK", 2};
	if (m->word.len == m->content.len) {
		watch_message_answer(m, REPLY_NOW, answer);
		return;
	}
	watch_message_begin(m);
	decode_counters(m);
	watch_message_answer(m, REPLY_STORED, answer);
}

// Health ----------------------------------------------------------------------

struct health {
	const char *word, *values[VALUES_MOST]; /* their names; "": not kept */
};

static const struct health healths[] = {
	{"PULSE", {"heartRate"}},
	{"HEART", {"heartRate"}},
	{"BLOOD", {"pressureHigh", "pressureLow", "heartRate"}},
	{"BPHRT", {"pressureHigh", "pressureLow", "heartRate", "", "", "", ""}},
	{"TEMP", {"temp1"}},
	{"BTEMP2", {"", "temp1"}}, /* 0 before it: it is bad */
	{"OXYGEN", {"", "bloodOxygen"}},
};

// Returns false for a value that a body cannot have, which stands for none.
static bool is_possible(const char *name, int64_t value, unsigned decimals)
{
	const struct text text = {name, strlen(name)};
	if (text_equal(text, "temp1"))
		return true;
	if (!text_equal(text, "bloodOxygen"))
		return value > 0;
	return value >= 0 && value <= 100 * (int64_t)scan_power(decimals);
}

static const struct health *find_health(struct text word)
{
	for (size_t i = 0; i < sizeof healths / sizeof healths[0]; i++)
		if (fields_is_word(word, healths[i].word))
			return &healths[i];
	return NULL;
}

static void decode_health(struct watch_message *m, const struct health *health)
{
	struct fields fields;
	int64_t values[VALUES_MOST] = {0};
	unsigned decimals[VALUES_MOST] = {0};
	size_t count = 0;
	fields_split(m->rest, &fields);
	watch_message_begin(m);
	if (fields.count == 1 && !health->values[0][0]) { // the value is missing
		watch_message_keep(m, "data", m->rest);
		return;
	}
	for (; count < VALUES_MOST && health->values[count]; count++) {
		const struct text text = fields_get(&fields, count);
		if (health->values[count][0] && text.len > 0 &&
			!fields_number(text, &values[count], &decimals[count])) {
			watch_message_keep(m, "data", m->rest);
			return;
		}
	}
	const bool is_bad =
		fields_is_word(m->word, "BTEMP2") && fields_is_letter(fields.at[0], '0');
	for (size_t i = 0; i < count && !is_bad; i++) {
		const char *name = health->values[i];
		if (name[0] && fields_get(&fields, i).len > 0 &&
			is_possible(name, values[i], decimals[i]))
			extra_fixed(m->out, m->report, name, values[i], decimals[i]);
	}
	watch_message_keep(m, "tail", watch_message_without_commas(fields_from(&fields, count)));
}

// Others ----------------------------------------------------------------------

// Returns the answer that the word gets at once; empty: none.
static struct text find_answer(struct text word)
{
	static const char *const echoed[] = {"TKQ", "TKQ2", "RYIMEI", "ICCID", "APPCONTACTTEL",
		"PHLQ", "SOSQ", "REMINDQ", "LGZONE"};
	if (fields_is_word(word, "INIT"))
		return (struct text){"INIT,1", 6};
	if (fields_is_word(word, "CONFIG"))
		return (struct text){"CONFIG,1", 8};
	for (size_t i = 0; i < sizeof echoed / sizeof echoed[0]; i++)
		if (fields_is_word(word, echoed[i]))
			return word;
	return (struct text){"", 0};
}

static void decode_text(struct watch_message *m)
{
	const struct text answer = find_answer(m->word);
	if (answer.len > 0)
		watch_message_answer(m, REPLY_NOW, answer);
	if (answer.len > 0 && m->rest.len == 0)
		return;
	watch_message_begin(m);
	watch_message_keep_all(m);
	if (answer.len == 0)
		watch_command_note_answer(m);
}

void watch_other_decode(struct watch_message *m)
{
	const struct health *health;
	if (fields_is_word(m->word, "LK"))
		decode_keep_alive(m);
	else if (m->word.len < m->content.len && (health = find_health(m->word)))
		decode_health(m, health);
	else if (!watch_media_decode(m))
		decode_text(m);
}
