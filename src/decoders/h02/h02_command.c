// SPDX-License-Identifier: MIT
// Commands to an H02, from the makers' papers:
//
//   *HQ,<id>,<word>,<hhmmss>[,arguments]#     with the maker's letters that the device uses
//
//   S20,t,1,1  engine stop     S20,t,1,0  resume     D1,t,0,1  position     S71,t,22,<s>  interval     R1,t  cold start
//
// hhmmss is our time. The answer V4 returns it, so that no two commands of a connection have the same.
#include "decoders/h02/h02_command.h"
#include "decoders/h02/h02_report.h"
#include "util/decimal.h"

#define DAY_S 86400

// The parts of a command around the time.
struct words {
	struct text word, arguments;
	bool has_number; /* `number` follows */
	int32_t number;
};

#define WORDS(word, arguments)                                                                     \
	(struct words)                                                                             \
	{                                                                                          \
		{word, sizeof(word) - 1}, {arguments, sizeof(arguments) - 1}, false, 0             \
	}

// Splits "S71,22,60" after the first word.
static struct words custom_words(const struct command *command)
{
	struct words words = {.word = {command->text, command->text_len}};
	const char *comma = memchr(command->text, ',', command->text_len);
	if (comma) {
		words.word.len = (size_t)(comma - command->text);
		words.arguments = (struct text){comma, command->text_len - words.word.len};
	}
	return words;
}

static bool find_words(const struct command *command, struct words *words)
{
	const bool on = command->args[COMMAND_VALUE];
	switch (command->kind) {
	case COMMAND_ENGINE_STOP:
		*words = WORDS("S20", ",1,1");
		return true;
	case COMMAND_ENGINE_RESUME:
		*words = WORDS("S20", ",1,0");
		return true;
	case COMMAND_OUTPUT_CONTROL:
		*words = on ? WORDS("S20", ",1,1") : WORDS("S20", ",1,0");
		return command->args[COMMAND_INDEX] == 1;
	case COMMAND_POSITION_SINGLE:
		*words = WORDS("D1", ",0,1");
		return true;
	case COMMAND_POSITION_PERIODIC:
		*words = WORDS("S71", ",22,");
		words->has_number = true;
		words->number = command->args[COMMAND_SECONDS];
		return true;
	case COMMAND_REBOOT_DEVICE:
		*words = WORDS("R1", "");
		return command->args[COMMAND_WHAT] == 0;
	case COMMAND_CUSTOM:
		*words = custom_words(command);
		// After # a second command could follow.
		return !memchr(command->text, '#', command->text_len);
	default:
		return false;
	}
}

// Returns the present second of the day, or a later one if a command of this connection has it.
static unsigned next_second(struct session *session)
{
	const int64_t now_us =
		session->now_us > session->received_us ? session->now_us : session->received_us;
	const unsigned now = (unsigned)(now_us / 1000000 % DAY_S);
	uint32_t last; /* plus 1; 0: none */
	memcpy(&last, session->memo + H02_MEMO_COMMAND, sizeof last);
	unsigned second = now;
	if (last > 0 && (now + DAY_S - (last - 1)) % DAY_S > DAY_S / 2)
		second = last % DAY_S;
	else if (last > 0 && now == last - 1)
		second = (now + 1) % DAY_S;
	last = second + 1;
	memcpy(session->memo + H02_MEMO_COMMAND, &last, sizeof last);
	return second;
}

struct encoded h02_command_encode(
	struct session *session, const struct command *command, uint8_t *out, size_t cap)
{
	char text[COMMAND_TEXT_MAX + 80], *end = text;
	struct words words;
	if (!find_words(command, &words))
		return (struct encoded){.result = ENCODE_NEVER};
	if (session->ident_len == 0)
		return (struct encoded){.result = ENCODE_LATER};
	const unsigned second = next_second(session);
	const unsigned clock = second / 3600 * 10000 + second / 60 % 60 * 100 + second % 60;
	*end++ = '*';
	end = fields_put(end, h02_report_letters(session), 2);
	*end++ = ',';
	end = fields_put(end, session->ident, session->ident_len);
	*end++ = ',';
	end = fields_put(end, words.word.data, words.word.len);
	*end++ = ',';
	end = fields_put_digits(end, clock, 6);
	if (words.arguments.len > 0)
		end = fields_put(end, words.arguments.data, words.arguments.len);
	if (words.has_number)
		end = decimal_write(end, (uint64_t)(words.number > 0 ? words.number : 0));
	*end++ = '#';
	const size_t len = (size_t)(end - text);
	if (len > cap)
		return (struct encoded){.result = ENCODE_NEVER};
	memcpy(out, text, len);
	return (struct encoded){ENCODE_DONE, len, {true, clock}};
}

enum confirmation h02_command_confirms(const struct command *command, struct correlation sent,
	const struct report *report, const struct command_answer *answer)
{
	if (decoder_answer_matches(answer, sent))
		return decoder_answer_confirms(answer);
	return !answer && command->kind == COMMAND_POSITION_SINGLE && report->body.has & HAS_FIX
		       ? CONFIRMATION_DONE
		       : CONFIRMATION_NONE;
}
