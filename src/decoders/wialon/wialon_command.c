// SPDX-License-Identifier: MIT
// Commands, from the maker's papers. Over TCP only.
//
//   #QI#              photo                        the device sends I
//   #M#text[;sum]     message for the driver       #AM#1
//   #QT#driver        tachograph file              IT
//   other text        of the device's maker        M, if anything
//
// All but the first are custom commands. The sum of a message is added for a device of version 2.
#include "decoders/wialon/wialon_command.h"

#include "util/checksum.h"

#define SUM_BYTES 5 /* ";1B2C" */

void wialon_command_note(struct decoded *out, enum wialon_command command, struct text text)
{
	decoded_answer(out,
		command == WIALON_COMMAND_TEXT ? decoded_judge_text(text.data, text.len)
					       : ANSWER_DONE,
		(struct correlation){true, command});
}

void wialon_command_note_receipt(struct decoded *out, struct text code)
{
	decoded_answer_alone(out, text_equal(code, "1") ? ANSWER_DONE : ANSWER_REFUSED,
		(struct correlation){true, WIALON_COMMAND_MESSAGE});
}

static bool begins(struct text text, const char *word)
{
	const size_t len = strlen(word);
	return text.len >= len && fields_is_word((struct text){text.data, len}, word);
}

static enum wialon_command command_of(struct text text)
{
	return begins(text, "#M#")    ? WIALON_COMMAND_MESSAGE
	       : begins(text, "#QI#") ? WIALON_COMMAND_PHOTO
	       : begins(text, "#QT#") ? WIALON_COMMAND_FILE
				      : WIALON_COMMAND_TEXT;
}

// Writes the sum of the bytes after #M#.
static char *put_sum(char *end, const char *start)
{
	static const char digits[] = "0123456789ABCDEF";
	*end++ = ';';
	const unsigned sum =
		checksum_crc16_arc((const uint8_t *)start + 3, (size_t)(end - start) - 3);
	for (int shift = 12; shift >= 0; shift -= 4)
		*end++ = digits[sum >> shift & 15];
	return end;
}

struct encoded wialon_command_encode(
	struct session *session, const struct command *command, uint8_t *out, size_t cap)
{
	char line[COMMAND_TEXT_MAX + SUM_BYTES + 2];
	struct text text = {"#QI#", 4};
	if (command->kind == COMMAND_CUSTOM)
		text = (struct text){command->text, command->text_len};
	else if (command->kind != COMMAND_REQUEST_PHOTO)
		return (struct encoded){.result = ENCODE_NEVER};
	if (session->datagram || session->ident_len == 0)
		return (struct encoded){.result = ENCODE_LATER};
	const enum wialon_command number = command_of(text);
	char *end = fields_put(line, text.data, text.len);
	if (number == WIALON_COMMAND_MESSAGE && wialon_memo_load(session).is_2)
		end = put_sum(end, line);
	end = fields_put(end, "\r\n", 2);
	const size_t len = (size_t)(end - line);
	if (len > cap)
		return (struct encoded){.result = ENCODE_NEVER};
	memcpy(out, line, len);
	return (struct encoded){ENCODE_DONE, len, {true, number}};
}

enum confirmation wialon_command_confirms(const struct command *command, struct correlation sent,
	const struct report *report, const struct command_answer *answer)
{
	(void)command;
	(void)report;
	return decoder_answer_matches(answer, sent) ? decoder_answer_confirms(answer)
						    : CONFIRMATION_NONE;
}
