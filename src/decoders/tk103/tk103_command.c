// SPDX-License-Identifier: MIT
// Commands to a TK103, from the maker's paper and servers built from it:
//
//   packed   (<id><word>)                     AV010 engine stop    AV011 resume     AP00 position      AT00 reboot
//                                             AP07 version         AR00ssss0000     interval in s, hexadecimal, without end
//   comma    [begin]sms2,<text>,[end]         *getposl* position   88888888 reboot  *about* version
//
// The answer to a packed command has its letters with B for A, AV01 -> BV01, and no number; to AP00 it may also be BR00. The
// answer in comma style is ZC03. So letters and digits are the correlation of a packed command; the others have none.
#include "decoders/tk103/tk103_command.h"

#define SECONDS_MOST 0xFFFF

// Returns the number of a command and of its answer: the three characters of xV01 after the first; 0 for another text.
static uint32_t code_of(struct text text, char first)
{
	if (text.len < 4 || text.data[0] != first || text.data[1] < 'A' || text.data[1] > 'Z' ||
		!fields_is_digits(tk103_part(text, 2, 2), 2, 2))
		return 0;
	return (uint32_t)text.data[1] << 16 | (uint32_t)text.data[2] << 8 | (uint32_t)text.data[3];
}

// Returns the words of a command for a tracker with packed frames; empty: it has none.
static struct text packed_words(const struct command *command, char buffer[16])
{
	static const char digits[] = "0123456789ABCDEF";
	unsigned index;
	bool on;
	if (command_sets_output(command, &index, &on) && index == 1)
		return (struct text){on ? "AV010" : "AV011", 5};
	switch (command->kind) {
	case COMMAND_POSITION_SINGLE:
		return (struct text){"AP00", 4};
	case COMMAND_REBOOT_DEVICE:
		return (struct text){"AT00", command->args[COMMAND_WHAT] == 0 ? 4 : 0};
	case COMMAND_GET_VERSION:
		return (struct text){"AP07", 4};
	case COMMAND_CUSTOM:
		return (struct text){command->text, command->text_len};
	case COMMAND_POSITION_PERIODIC:
		memcpy(buffer, "AR0000000000", 12);
		for (unsigned i = 0; i < 4; i++)
			buffer[4 + i] = digits[command->args[COMMAND_SECONDS] >> (12 - 4 * i) & 15];
		return (struct text){
			buffer, command->args[COMMAND_SECONDS] <= SECONDS_MOST ? 12 : 0};
	default:
		return (struct text){"", 0};
	}
}

static struct text comma_words(const struct command *command)
{
	switch (command->kind) {
	case COMMAND_POSITION_SINGLE:
		return (struct text){"*getposl*", 9};
	case COMMAND_REBOOT_DEVICE:
		return (struct text){"88888888", command->args[COMMAND_WHAT] == 0 ? 8 : 0};
	case COMMAND_GET_VERSION:
		return (struct text){"*about*", 7};
	case COMMAND_CUSTOM:
		return (struct text){command->text, command->text_len};
	default:
		return (struct text){"", 0};
	}
}

struct encoded tk103_command_encode(
	struct session *session, const struct command *command, uint8_t *out, size_t cap)
{
	char text[COMMAND_TEXT_MAX + IDENT_MAX + 24], buffer[16], *end = text;
	const bool is_comma = session->memo[TK103_MEMO_COMMA];
	if (session->ident_len == 0)
		return (struct encoded){.result = ENCODE_LATER};
	const struct text words = is_comma ? comma_words(command) : packed_words(command, buffer);
	if (words.len == 0)
		return (struct encoded){.result = ENCODE_NEVER};
	if (is_comma) {
		end = fields_put(end, "[begin]sms2,", 12);
		end = fields_put(end, words.data, words.len);
		end = fields_put(end, ",[end]", 6);
	} else {
		*end++ = '(';
		end = fields_put(end, session->ident, session->ident_len);
		end = fields_put(end, words.data, words.len);
		*end++ = ')';
	}
	const size_t len = (size_t)(end - text);
	const uint32_t code = is_comma ? 0 : code_of(words, 'A');
	if (len > cap)
		return (struct encoded){.result = ENCODE_NEVER};
	memcpy(out, text, len);
	return (struct encoded){ENCODE_DONE, len, {code != 0, code}};
}

void tk103_command_note_answer(const struct tk103_message *message)
{
	const struct text rest = message->rest;
	const bool has_fix = message->report->body.has & HAS_FIX;
	decoded_answer(message->out,
		has_fix ? ANSWER_GIVEN : decoded_judge_text(rest.data, rest.len),
		(struct correlation){true, code_of(message->command, 'B')});
}

// Returns true if an answer with this number may be that of the command sent.
static bool is_answer(uint32_t sent, uint32_t number)
{
	const struct text request = {"AP00", 4}, position = {"BP04", 4}, report = {"BR00", 4};
	if (sent != code_of(request, 'A'))
		return number == sent;
	return number == code_of(position, 'B') || number == code_of(report, 'B');
}

enum confirmation tk103_command_confirms(const struct command *command, struct correlation sent,
	const struct report *report, const struct command_answer *answer)
{
	(void)command;
	(void)report;
	if (!answer || answer->correlation.known != sent.known ||
		(sent.known && !is_answer(sent.number, answer->correlation.number)))
		return CONFIRMATION_NONE;
	return decoder_answer_confirms(answer);
}
