// SPDX-License-Identifier: MIT
// Commands to a GT06: the words of its SMS commands in a frame 80, with the number of our row as the flag that 15 and 21
// bring back.
//
//   Relay,1#  engine stop     Relay,0#  resume     WHERE#  position     TIMER,on_s,off_s#  interval
//   RESET#  reboot            GMT,E|W,hours,0#     VERSION#             FACTORY#
#include "decoders/gt06/gt06.h"
#include "util/text.h"

#include <string.h>

struct words {
	char text[COMMAND_TEXT_MAX];
	size_t len;
};

static void put_text(struct words *words, const char *text, size_t len)
{
	if (len > sizeof words->text - words->len)
		return;
	memcpy(words->text + words->len, text, len);
	words->len += len;
}

static void put(struct words *words, const char *text)
{
	put_text(words, text, strlen(text));
}

static void put_number(struct words *words, int32_t value)
{
	char digits[10];
	size_t at = sizeof digits;
	uint32_t rest = (uint32_t)value; // none of ours is negative
	do {
		digits[--at] = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest > 0);
	put_text(words, digits + at, sizeof digits - at);
}

static void put_timer(struct words *words, int32_t seconds)
{
	put(words, "TIMER,");
	put_number(words, seconds);
	put(words, ",");
	put_number(words, seconds);
	put(words, "#");
}

static void put_zone(struct words *words, int32_t hours)
{
	put(words, hours < 0 ? "GMT,W," : "GMT,E,");
	put_number(words, hours < 0 ? -hours : hours);
	put(words, ",0#");
}

// Nothing is put for what these trackers have no word for.
static void put_command(struct words *words, const struct command *command)
{
	const int32_t *args = command->args;
	unsigned index;
	bool on;

	if (command_sets_output(command, &index, &on) && index == 1)
		put(words, on ? "Relay,1#" : "Relay,0#");
	else if (command->kind == COMMAND_POSITION_SINGLE)
		put(words, "WHERE#");
	else if (command->kind == COMMAND_POSITION_PERIODIC)
		put_timer(words, args[COMMAND_SECONDS]);
	else if (command->kind == COMMAND_REBOOT_DEVICE && args[COMMAND_WHAT] == 0)
		put(words, "RESET#");
	else if (command->kind == COMMAND_SET_TIMEZONE)
		put_zone(words, args[COMMAND_HOURS]);
	else if (command->kind == COMMAND_GET_VERSION)
		put(words, "VERSION#");
	else if (command->kind == COMMAND_FACTORY_RESET)
		put(words, "FACTORY#");
	else if (command->kind == COMMAND_CUSTOM)
		put_text(words, command->text, command->text_len);
}

static uint32_t flag_of(const struct command *command)
{
	return (uint32_t)((uint64_t)command->id & UINT32_MAX);
}

size_t gt06_encode(
	const struct session *session, const struct command *command, uint8_t *out, size_t cap)
{
	struct words words = {.len = 0};
	uint32_t flag = flag_of(command);
	(void)session;
	put_command(&words, command);
	return gt06_encode_command(flag, words.text, words.len, (uint16_t)flag, out, cap);
}

// "command":7 is the first member of extra in an answer (gt06_statuses.c).
static bool brings_flag(struct text extra, uint32_t flag)
{
	static const char name[] = "\"command\":";
	struct text rest = extra, member;
	uint64_t value;
	return text_next(&rest, ',', &member) && member.len > sizeof name - 1 &&
	       memcmp(member.data, name, sizeof name - 1) == 0 &&
	       text_uint(
		       (struct text){member.data + sizeof name - 1, member.len - (sizeof name - 1)},
		       &value) &&
	       value == flag;
}

// An answer with our flag, or a status that shows the relay as it was wanted.
bool gt06_confirms(const struct command *command, const struct report *report)
{
	unsigned index;
	bool on;

	if (report->body.flags & FLAG_TEXT)
		return brings_flag(report->extra, flag_of(command));
	return command_sets_output(command, &index, &on) && index == 1 &&
	       report->body.has & HAS_OUTPUTS && (report->body.outputs & 1) == on;
}
