// SPDX-License-Identifier: MIT
// Commands to a Teltonika, in codec 12. Source: the maker's "Codec" and "GPRS commands".
//
//   00 00 00 00 | length u32 | 0C 01 05 | size u32 | text | 01 | CRC u32      length: from 0C to 01
//
//   setdigout 1      output 1 on: engine stop      setdigout ?0     output 2 off, output 1 as it is
//   setdigout 0      resume                        getrecord        position
//   setparam 10050:60;10055:60                     records and sends every 60 s
//   cpureset         reboot, without an answer     getver           version
//
// An answer has no number: it is for the one command that is outstanding. Commands are sent over TCP only, after the log-in
// and the tracker's first records.
#include "decoders/teltonika/teltonika_command.h"
#include "decoders/fields.h"
#include "decoders/teltonika/teltonika_packet.h"
#include "util/decimal.h"

#include <string.h>

#define OUTPUTS 3

struct words {
	size_t len;
	char text[COMMAND_TEXT_MAX];
};

static bool set_words(struct words *words, const char *text)
{
	words->len = strlen(text);
	memcpy(words->text, text, words->len);
	return true;
}

// setdigout, with a '?' for each output before the one that is set.
static bool set_output(struct words *words, int32_t index, bool on)
{
	if (index < 1 || index > OUTPUTS)
		return false;
	set_words(words, "setdigout ");
	for (; index > 1; index--)
		words->text[words->len++] = '?';
	words->text[words->len++] = on ? '1' : '0';
	return true;
}

static bool set_interval(struct words *words, int32_t seconds)
{
	const uint64_t value = seconds > 0 ? (uint64_t)seconds : 0;
	char *end = fields_put(words->text, "setparam 10050:", 15);
	end = decimal_write(end, value);
	end = fields_put(end, ";10055:", 7);
	words->len = (size_t)(decimal_write(end, value) - words->text);
	return true;
}

static bool is_hex(const struct command *command)
{
	return command->text_len % 2 == 0 &&
	       fields_is_hex((struct text){command->text, command->text_len}, 2, COMMAND_TEXT_MAX);
}

static char hex_byte(const char *digits)
{
	const unsigned high = (unsigned)text_hex_digit(digits[0]);
	return (char)(high << 4 | (unsigned)text_hex_digit(digits[1]));
}

// Copies the text of a custom command, or the bytes of one in hex. Refuses to set outputs in hex, which would pass by the
// rules for engine stops.
static bool set_custom(struct words *words, const struct command *command)
{
	static const char output[] = "SETDIGOUT";
	memcpy(words->text, command->text, command->text_len);
	words->len = command->text_len;
	if (!is_hex(command))
		return true;
	words->len /= 2;
	for (size_t i = 0; i < words->len; i++)
		words->text[i] = hex_byte(command->text + 2 * i);
	for (size_t at = 0; at + sizeof output - 1 <= words->len; at++)
		if (fields_is_word((struct text){words->text + at, sizeof output - 1}, output))
			return false;
	return true;
}

static bool find_words(const struct command *command, struct words *words)
{
	switch (command->kind) {
	case COMMAND_ENGINE_STOP:
		return set_output(words, 1, true);
	case COMMAND_ENGINE_RESUME:
		return set_output(words, 1, false);
	case COMMAND_OUTPUT_CONTROL:
		return set_output(
			words, command->args[COMMAND_INDEX], command->args[COMMAND_VALUE]);
	case COMMAND_POSITION_SINGLE:
		return set_words(words, "getrecord");
	case COMMAND_POSITION_PERIODIC:
		return set_interval(words, command->args[COMMAND_SECONDS]);
	case COMMAND_REBOOT_DEVICE:
		return command->args[COMMAND_WHAT] == 0 && set_words(words, "cpureset");
	case COMMAND_GET_VERSION:
		return set_words(words, "getver");
	case COMMAND_CUSTOM:
		return set_custom(words, command);
	default:
		return false;
	}
}

struct encoded teltonika_command_encode(
	struct session *session, const struct command *command, uint8_t *out, size_t cap)
{
	struct words words;
	if (!find_words(command, &words) || words.len + TELTONIKA_PACKET_AROUND > cap)
		return (struct encoded){.result = ENCODE_NEVER};
	if (session->datagram || session->ident_len == 0 || !session->memo[TELTONIKA_MEMO_DATA])
		return (struct encoded){.result = ENCODE_LATER};
	const size_t len =
		teltonika_packet_write(out, TELTONIKA_TYPE_COMMAND, words.text, words.len);
	return (struct encoded){.result = ENCODE_DONE, .len = len};
}

enum confirmation teltonika_command_confirms(const struct command *command, struct correlation sent,
	const struct report *report, const struct command_answer *answer)
{
	(void)command;
	(void)sent;
	(void)report;
	return answer ? decoder_answer_confirms(answer) : CONFIRMATION_NONE;
}
