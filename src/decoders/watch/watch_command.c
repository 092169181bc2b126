// SPDX-License-Identifier: MIT
// Commands to a Watch, from the maker's and vendors' papers. They are frames, with the letters that the device used last, and the
// index 0001 if it uses one:
//
//   CR  position     UPLOAD,<s>  interval     RESET  restart     LZ,0,+5  time zone, in English
//
// The device returns the first word, usually without arguments. It is the number of the command here, as a hash.
#include "decoders/watch/watch_command.h"

#include "util/decimal.h"

#define ARGUMENTS_MOST 32

// Never sent: the device would be lost (POWEROFF, IP), or listen in secret (MONITOR).
static const char *const forbidden[] = {"POWEROFF", "IP", "MONITOR"};

// Returns the text up to the first comma.
static struct text first_word(struct text text)
{
	const char *comma = memchr(text.data, ',', text.len);
	return (struct text){text.data, comma ? (size_t)(comma - text.data) : text.len};
}

static struct text write_interval(int32_t seconds, char *buffer)
{
	char *end = fields_put(buffer, "UPLOAD,", 7);
	end = decimal_write(end, (uint64_t)(seconds > 0 ? seconds : 0));
	return (struct text){buffer, (size_t)(end - buffer)};
}

static struct text write_zone(int32_t hours, char *buffer)
{
	char *end = fields_put(buffer, "LZ,0,", 5);
	*end++ = hours < 0 ? '-' : '+';
	end = decimal_write(end, (uint64_t)(hours < 0 ? -hours : hours));
	return (struct text){buffer, (size_t)(end - buffer)};
}

static struct text custom_text(const struct command *command)
{
	const struct text text = {command->text, command->text_len}, none = {"", 0};
	for (size_t i = 0; i < sizeof forbidden / sizeof forbidden[0]; i++)
		if (fields_is_word(fields_trim(first_word(text)), forbidden[i]))
			return none;
	return memchr(text.data, '[', text.len) || memchr(text.data, ']', text.len) ? none : text;
}

// Returns the content of the frame; empty: the protocol has no such command.
static struct text find_text(const struct command *command, char buffer[ARGUMENTS_MOST])
{
	switch (command->kind) {
	case COMMAND_POSITION_SINGLE:
		return (struct text){"CR", 2};
	case COMMAND_POSITION_PERIODIC:
		return write_interval(command->args[COMMAND_SECONDS], buffer);
	case COMMAND_REBOOT_DEVICE:
		return (struct text){"RESET", command->args[COMMAND_WHAT] == 0 ? 5 : 0};
	case COMMAND_SET_TIMEZONE:
		return write_zone(command->args[COMMAND_HOURS], buffer);
	case COMMAND_CUSTOM:
		return custom_text(command);
	default:
		return (struct text){"", 0};
	}
}

struct encoded watch_command_encode(
	struct session *session, const struct command *command, uint8_t *out, size_t cap)
{
	char frame[WATCH_HEAD_MOST + COMMAND_TEXT_MAX + 1], buffer[ARGUMENTS_MOST];
	const struct text text = find_text(command, buffer);
	const struct watch_head head = {
		.maker = {(const char *)session->memo + WATCH_MEMO_MAKER, 2},
		.ident = {session->ident, session->ident_len},
		.index = {"0001", session->memo[WATCH_MEMO_INDEX] ? 4 : 0}};
	if (text.len == 0)
		return (struct encoded){.result = ENCODE_NEVER};
	if (session->ident_len == 0 || !session->memo[WATCH_MEMO_MAKER])
		return (struct encoded){.result = ENCODE_LATER};
	const size_t len = (size_t)(watch_head_write(frame, &head, text) - frame);
	if (len > cap)
		return (struct encoded){.result = ENCODE_NEVER};
	memcpy(out, frame, len);
	return (struct encoded){ENCODE_DONE, len, {true, fields_hash_word(first_word(text))}};
}

void watch_command_note_answer(const struct watch_message *m)
{
	const bool refused = fields_is_word(m->word, "TK") && fields_is_letter(m->rest, '0');
	decoded_answer(m->out,
		refused ? ANSWER_REFUSED : decoded_judge_text(m->rest.data, m->rest.len),
		(struct correlation){true, fields_hash_word(m->word)});
}

enum confirmation watch_command_confirms(const struct command *command, struct correlation sent,
	const struct report *report, const struct command_answer *answer)
{
	(void)command;
	(void)report;
	return decoder_answer_matches(answer, sent) ? decoder_answer_confirms(answer)
						    : CONFIRMATION_NONE;
}
