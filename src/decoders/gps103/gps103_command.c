// SPDX-License-Identifier: MIT
// Commands to a GPS103, from the maker's paper:
//
//   **,imei:<id>,<letter>[,argument]      older firmware      confirmed by a sentence with the keyword <letter>t
//   **,imei:<id>,<number>[,argument]      newer firmware      confirmed by the keyword <number>
//
// Without a terminator; some servers send `;`, which is sent to devices whose model ends with it. Numbers are sent to devices
// whose model has the word "numbers". The confirmations have nothing else in common with the command, so that only one may be
// outstanding.
#include "decoders/gps103/gps103_command.h"

#include "decoders/fields.h"
#include "util/decimal.h"

#define ARGUMENT_MOST 24

// Numbers of commands. A device's postponement of the engine stop (509) is no confirmation yet.
#define POSITION     100
#define INTERVAL     101
#define MOVEMENT_ON  105
#define MOVEMENT_OFF 106
#define OVERSPEED    107
#define TIME_ZONE    108
#define ENGINE_STOP  109
#define ENGINE_RUN   110
#define ARM          111
#define FENCE        114
#define PHOTO        160
#define SMS_MODE     113 /* the tracker would stop using the network: never sent */

#define REFUSED_ARM     511
#define REFUSED_FENCE_1 525
#define REFUSED_FENCE_2 526

// The letter of each number; 0: none. 105 and 106 are confirmed alike.
static const char letters[] = {
	[100 - POSITION] = 'B',
	[101 - POSITION] = 'C',
	[102 - POSITION] = 'D',
	[103 - POSITION] = 'F',
	[104 - POSITION] = 'E',
	[105 - POSITION] = 'G',
	[106 - POSITION] = 0,
	[107 - POSITION] = 'H',
	[108 - POSITION] = 'I',
	[109 - POSITION] = 'J',
	[110 - POSITION] = 'K',
	[111 - POSITION] = 'L',
	[112 - POSITION] = 'M',
	[113 - POSITION] = 'N',
	[114 - POSITION] = 'O',
	[115 - POSITION] = 'P',
};
#define LETTERS (sizeof letters)

// Returns the number of the command that a letter stands for, or 0.
static uint32_t number_of_letter(char letter)
{
	const char upper = letter >= 'a' && letter <= 'z' ? (char)(letter - 0x20) : letter;
	for (size_t i = 0; i < LETTERS; i++)
		if (letters[i] && letters[i] == upper)
			return POSITION + (uint32_t)i;
	return 0;
}

// Returns the number of a command, given its letter or number; 0: unknown.
static uint32_t number_of_word(struct text word)
{
	uint64_t number;
	if (word.len == 1)
		return number_of_letter(word.data[0]);
	return fields_is_digits(word, 3, 3) && text_uint(word, &number) ? (uint32_t)number : 0;
}

// A command's number, and its argument with the comma.
struct words {
	uint32_t number;
	struct text argument;
};

static struct text finish(char *start, const char *end)
{
	return (struct text){start, (size_t)(end - start)};
}

// Writes ",05m": two digits and the largest unit of which it is a multiple. Empty: impossible.
static struct text write_interval(int32_t seconds, char *out)
{
	static const struct {
		int32_t seconds;
		char letter;
	} units[] = {{3600, 'h'}, {60, 'm'}, {1, 's'}};
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
		const int32_t count = seconds / units[i].seconds;
		if (seconds % units[i].seconds != 0 || count > 99)
			continue;
		*out = ',';
		char *end = fields_put_digits(out + 1, (unsigned)count, 2);
		*end++ = units[i].letter;
		return finish(out, end);
	}
	return (struct text){out, 0};
}

static struct text write_zone(int32_t hours, char *out)
{
	out[0] = ',';
	out[1] = hours < 0 ? '-' : '+';
	return finish(out, decimal_write(out + 2, (uint64_t)(hours < 0 ? -hours : hours)));
}

// Reads the first word of "C,30s". Trackers take ';' for the end of a command.
static struct words custom_words(const struct command *command)
{
	struct text word = {command->text, 0};
	while (word.len < command->text_len && !memchr(",;", word.data[word.len], 2))
		word.len++;
	return (struct words){number_of_word(fields_trim(word)), {NULL, 0}};
}

// Returns the words of the command; number 0: the protocol has no such command. argument: ARGUMENT_MOST bytes.
static struct words find_words(const struct command *command, char *argument)
{
	const struct text none = {argument, 0};
	struct words words = {0, none};
	switch (command->kind) {
	case COMMAND_ENGINE_STOP:
		return (struct words){ENGINE_STOP, none};
	case COMMAND_ENGINE_RESUME:
		return (struct words){ENGINE_RUN, none};
	case COMMAND_OUTPUT_CONTROL:
		if (command->args[COMMAND_INDEX] == 1)
			words.number = command->args[COMMAND_VALUE] ? ENGINE_STOP : ENGINE_RUN;
		return words;
	case COMMAND_POSITION_SINGLE:
		return (struct words){POSITION, none};
	case COMMAND_POSITION_PERIODIC:
		words.argument = write_interval(command->args[COMMAND_SECONDS], argument);
		words.number = words.argument.len > 0 ? INTERVAL : 0;
		return words;
	case COMMAND_ALARM_SPEED:
		*argument = ',';
		words.argument = finish(argument,
			fields_put_digits(argument + 1, (unsigned)command->args[COMMAND_KMH], 3));
		words.number = OVERSPEED;
		return words;
	case COMMAND_SET_TIMEZONE:
		return (struct words){
			TIME_ZONE, write_zone(command->args[COMMAND_HOURS], argument)};
	case COMMAND_REQUEST_PHOTO:
		return (struct words){PHOTO, none};
	default:
		return words;
	}
}

char *gps103_command_put_head(char *out, const struct session *session)
{
	out = fields_put(out, "**,imei:", 8);
	out = fields_put(out, session->ident, session->ident_len);
	return fields_put(out, ",", 1);
}

static bool wants_numbers(struct text model)
{
	static const char word[] = "numbers";
	const size_t len = sizeof word - 1;
	for (size_t at = 0; at + len <= model.len; at++)
		if (memcmp(model.data + at, word, len) == 0)
			return true;
	return false;
}

static char *put_number(char *out, uint32_t number, struct text model)
{
	const uint32_t index = number - POSITION;
	if (index >= LETTERS || !letters[index] || wants_numbers(model))
		return decimal_write(out, number);
	*out = letters[index];
	return out + 1;
}

struct encoded gps103_command_encode(
	struct session *session, const struct command *command, uint8_t *out, size_t cap)
{
	char text[GPS103_COMMAND_HEAD + COMMAND_TEXT_MAX + 1], argument[ARGUMENT_MOST];
	const bool is_custom = command->kind == COMMAND_CUSTOM;
	const struct words words =
		is_custom ? custom_words(command) : find_words(command, argument);
	if (words.number == SMS_MODE || (words.number == 0 && !is_custom) ||
		(is_custom && memchr(command->text, '*', command->text_len)))
		return (struct encoded){.result = ENCODE_NEVER};
	if (session->ident_len == 0)
		return (struct encoded){.result = ENCODE_LATER};
	const struct text model = session_settings(session).model;
	char *end = gps103_command_put_head(text, session);
	if (is_custom) {
		end = fields_put(end, command->text, command->text_len);
	} else {
		end = put_number(end, words.number, model);
		end = fields_put(end, words.argument.data, words.argument.len);
	}
	if (model.len > 0 && model.data[model.len - 1] == ';')
		*end++ = ';';
	const size_t len = (size_t)(end - text);
	if (len > cap)
		return (struct encoded){.result = ENCODE_NEVER};
	memcpy(out, text, len);
	return (struct encoded){ENCODE_DONE, len, {words.number > 0, words.number}};
}

// Returns the number of the command that a keyword confirms; 0: none.
static uint32_t number_of_keyword(struct text keyword)
{
	if (keyword.len == 2 && (keyword.data[1] | 0x20) == 't')
		return number_of_letter(keyword.data[0]);
	if (keyword.len > 2 && fields_is_word((struct text){keyword.data, 2}, "VT"))
		return PHOTO;
	if (fields_is_word(keyword, "TRACKER") || text_equal(keyword, "150"))
		return POSITION;
	return keyword.len == 3 ? number_of_word(keyword) : 0;
}

static bool is_refusal(uint32_t keyword, uint32_t command)
{
	if (keyword == REFUSED_ARM)
		return command == ARM;
	return (keyword == REFUSED_FENCE_1 || keyword == REFUSED_FENCE_2) && command == FENCE;
}

enum confirmation gps103_command_confirms(const struct command *command, struct correlation sent,
	const struct report *report, const struct command_answer *answer)
{
	(void)command;
	(void)answer;
	const uint32_t keyword = number_of_keyword(fields_trim(report->event));
	if (!sent.known || keyword == 0)
		return CONFIRMATION_NONE;
	if (is_refusal(keyword, sent.number))
		return CONFIRMATION_REFUSED;
	const bool both = keyword == MOVEMENT_ON && sent.number == MOVEMENT_OFF;
	return both || keyword == sent.number ? CONFIRMATION_DONE : CONFIRMATION_NONE;
}
