// SPDX-License-Identifier: MIT
// Commands to a PT-502, from the maker's manual: '#' + words + CR LF, without the password of the
// SMS commands.
//
//   #OPC<n>,<0|1>  output n       #RCP  position now          #PTI<s>  report interval
//   #SPD<km/h>  speed alarm       #RST<n>  reboot             #PHO  photo
//   #TMZ<h>  time zone of its SMS   #VER  firmware             #DFT  factory defaults
#include "decoders/pt502/pt502_command.h"
#include "util/decimal.h"
#include "util/text.h"

#include <string.h>

struct words {
	uint8_t *out;
	size_t len, cap; /* len > cap: the words did not fit */
};

static void put_text(struct words *words, const char *text, size_t len)
{
	if (words->len <= words->cap && len <= words->cap - words->len)
		memcpy(words->out + words->len, text, len);
	words->len += len;
}

static void put_number(struct words *words, int32_t value)
{
	char digits[DECIMAL_MAX];
	const char *end = decimal_write(digits, value < 0 ? 0u - (uint32_t)value : (uint32_t)value);
	if (value < 0)
		put_text(words, "-", 1);
	put_text(words, digits, (size_t)(end - digits));
}

static void put_output(struct words *words, int32_t index, bool on)
{
	put_text(words, "#OPC", 4);
	put_number(words, index);
	put_text(words, on ? ",1" : ",0", 2);
}

// Appends four characters, and a number if there is one.
static void put_word(struct words *words, const char *word, const int32_t *number)
{
	put_text(words, word, 4);
	if (number)
		put_number(words, *number);
}

// Appends the words of a command. Returns false if there are none for it.
static bool put_command(struct words *words, const struct command *command)
{
	const int32_t *args = command->args;
	bool marked = command->text_len > 0 && command->text[0] == '#';

	switch (command->kind) {
	case COMMAND_ENGINE_STOP:
	case COMMAND_ENGINE_RESUME:
		put_output(words, 1, command->kind == COMMAND_ENGINE_STOP);
		return true;
	case COMMAND_OUTPUT_CONTROL:
		put_output(words, args[COMMAND_INDEX], args[COMMAND_VALUE]);
		return true;
	case COMMAND_POSITION_SINGLE:
		put_word(words, "#RCP", NULL);
		return true;
	case COMMAND_POSITION_PERIODIC:
		put_word(words, "#PTI", &args[COMMAND_SECONDS]);
		return true;
	case COMMAND_ALARM_SPEED:
		put_word(words, "#SPD", &args[COMMAND_KMH]);
		return true;
	case COMMAND_REBOOT_DEVICE:
		put_word(words, "#RST", &args[COMMAND_WHAT]);
		return true;
	case COMMAND_REQUEST_PHOTO:
		put_word(words, "#PHO", NULL);
		return true;
	case COMMAND_SET_TIMEZONE:
		put_word(words, "#TMZ", &args[COMMAND_HOURS]);
		return true;
	case COMMAND_GET_VERSION:
		put_word(words, "#VER", NULL);
		return true;
	case COMMAND_FACTORY_RESET:
		put_word(words, "#DFT", NULL);
		return true;
	case COMMAND_CUSTOM:
		put_text(words, "#", marked ? 0 : 1);
		put_text(words, command->text, command->text_len);
		return true;
	case COMMAND_KINDS:
		break;
	}
	return false;
}

struct encoded pt502_command_encode(
	struct session *session, const struct command *command, uint8_t *out, size_t cap)
{
	struct words words = {out, 0, cap};
	(void)session;
	if (!put_command(&words, command))
		return (struct encoded){.result = ENCODE_NEVER};
	put_text(&words, "\r\n", 2);
	if (words.len > cap)
		return (struct encoded){.result = ENCODE_NEVER};
	return (struct encoded){.result = ENCODE_DONE, .len = words.len};
}

static bool begins_with(struct text text, const char *start, size_t len)
{
	return text.len >= len && memcmp(text.data, start, len) == 0;
}

// Returns the number of outputs in the record, "/inputs,outputs/". The body of a report does not
// have it.
static unsigned count_outputs(struct text record)
{
	struct text rest = record, part = {NULL, 0}, field = {NULL, 0};
	unsigned count = 0;

	for (int i = 0; i < 2; i++)
		if (!text_next(&rest, '/', &part))
			return 0;
	for (int i = 0; i < 2; i++)
		if (!text_next(&part, ',', &field))
			return 0;
	while (count < field.len && (field.data[count] == '0' || field.data[count] == '1'))
		count++;
	return count;
}

static bool shows_output(const struct report *report, unsigned index, bool on)
{
	if (!(report->body.has & HAS_OUTPUTS) || index > count_outputs(report->raw))
		return false;
	return (report->body.outputs >> (index - 1) & 1) == on;
}

// The form of replies is undocumented. A later record confirms an output, a position or photo
// confirms its request, and any text answers another command. A record of a photo that was not taken has an answer that says so; the
// request is sent again.
enum confirmation pt502_command_confirms(const struct command *command, struct correlation sent,
	const struct report *report, const struct command_answer *answer)
{
	unsigned index;
	bool on, done;

	(void)sent;
	if (command_sets_output(command, &index, &on))
		done = shows_output(report, index, on);
	else if (report->body.flags & FLAG_TEXT)
		return answer ? decoder_answer_confirms(answer) : CONFIRMATION_DONE;
	else if (command->kind == COMMAND_POSITION_SINGLE)
		done = report->body.has & HAS_FIX;
	else if (command->kind == COMMAND_REQUEST_PHOTO)
		done = begins_with(report->event, "PHO", 3) &&
		       !(answer && answer->result == ANSWER_REFUSED);
	else
		done = command->kind == COMMAND_GET_VERSION && begins_with(report->event, "FUS", 3);
	return done ? CONFIRMATION_DONE : CONFIRMATION_NONE;
}
