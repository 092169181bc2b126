// SPDX-License-Identifier: MIT
// Commands to a Suntech, from the makers' manuals. The family is the one that the device used last.
//
//   ST300CMD;id;02;Enable1 CR     answer  ST300CMD;Res;id;version;Enable1
//   ST300RPT;id;02;arguments CR   answer  ST300RPT;Res;id;version;arguments      settings
//   CMD;id;04;01 CR               answer  RES;id;04;01;text                      without a family
//   ST910;VER CR                  answer unknown                                 ST9xx
//
// A StatusReq is answered by an STT. The number of a command is the hash of the word, or of group and action, in its answer.
#include "decoders/suntech/suntech_command.h"

#define WORD     3 /* letters of RPT */
#define ARGUMENT "02"

// The three forms of a command; NULL: there is none.
struct forms {
	const char *legacy, *universal, *nine;
};

static struct forms find_output(unsigned index, bool on)
{
	static const struct forms forms[3][2] = {
		{{"Disable1", "04;02", NULL}, {"Enable1", "04;01", NULL}},
		{{"Disable2", "04;04", NULL}, {"Enable2", "04;03", NULL}},
		{{NULL, "04;10", NULL}, {NULL, "04;09", NULL}},
	};
	return index >= 1 && index <= 3 ? forms[index - 1][on] : (struct forms){NULL, NULL, NULL};
}

static struct forms find_forms(const struct command *command)
{
	switch (command->kind) {
	case COMMAND_ENGINE_STOP:
		return find_output(1, true);
	case COMMAND_ENGINE_RESUME:
		return find_output(1, false);
	case COMMAND_OUTPUT_CONTROL:
		return find_output(
			(unsigned)command->args[COMMAND_INDEX], command->args[COMMAND_VALUE]);
	case COMMAND_POSITION_SINGLE:
		return (struct forms){"StatusReq", "03;01", NULL};
	case COMMAND_REBOOT_DEVICE:
		return command->args[COMMAND_WHAT] == 0 ? (struct forms){"Reboot", "03;03", NULL}
							: (struct forms){NULL, NULL, NULL};
	case COMMAND_FACTORY_RESET:
		return (struct forms){"Reset", NULL, NULL};
	case COMMAND_GET_VERSION:
		return (struct forms){"ReqVer", NULL, "VER"};
	default:
		return (struct forms){NULL, NULL, NULL};
	}
}

static struct text text_of(const char *word)
{
	return (struct text){word, word ? strlen(word) : 0};
}

// Returns the text of the command for this kind of device; empty: it has no such command.
static struct text find_text(const struct command *command, enum suntech_kind kind)
{
	if (command->kind == COMMAND_CUSTOM)
		return (struct text){command->text, command->text_len};
	const struct forms forms = find_forms(command);
	switch (kind) {
	case SUNTECH_LEGACY:
		return text_of(forms.legacy);
	case SUNTECH_UNIVERSAL:
		return text_of(forms.universal);
	case SUNTECH_NINE:
		return text_of(forms.nine);
	case SUNTECH_NONE:
		break;
	}
	return text_of(forms.legacy      ? forms.legacy
		       : forms.universal ? forms.universal
					 : forms.nine);
}

// Moves a word of three capitals before a ; from the text to *word, which is CMD otherwise.
static void split_word(struct text *text, struct text *word)
{
	*word = (struct text){"CMD", WORD};
	if (text->len <= WORD || text->data[WORD] != ';')
		return;
	for (size_t i = 0; i < WORD; i++)
		if (text->data[i] < 'A' || text->data[i] > 'Z')
			return;
	*word = (struct text){text->data, WORD};
	*text = (struct text){text->data + WORD + 1, text->len - WORD - 1};
}

// Returns the first `count` fields.
static struct text first_fields(struct text text, unsigned count)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] == ';' && --count == 0)
			return (struct text){text.data, i};
	return text;
}

static struct correlation number_of(struct text text)
{
	return (struct correlation){true, fields_hash_word(text)};
}

// The number of a command with a family, and of its answer.
static struct correlation legacy_number(struct text word, struct text text)
{
	return number_of(fields_is_word(word, "CMD") ? first_fields(text, 1) : word);
}

static char *put_text(char *out, struct text text)
{
	return fields_put(out, text.data, text.len);
}

struct encoded suntech_command_encode(
	struct session *session, const struct command *command, uint8_t *out, size_t cap)
{
	char frame[SUNTECH_FAMILY_MOST + IDENT_MAX + COMMAND_TEXT_MAX + 16], *end = frame;
	const enum suntech_kind kind = (enum suntech_kind)session->memo[SUNTECH_MEMO_KIND];
	struct text text = find_text(command, kind), word;
	struct encoded encoded = {.result = ENCODE_NEVER};
	if (text.len == 0)
		return encoded;
	if (session->ident_len == 0 || kind == SUNTECH_NONE)
		return (struct encoded){.result = ENCODE_LATER};
	if (kind != SUNTECH_UNIVERSAL)
		end = put_text(end, suntech_head_family(session));
	if (kind == SUNTECH_NINE) {
		*end++ = ';';
	} else {
		split_word(&text, &word);
		encoded.correlation = kind == SUNTECH_LEGACY ? legacy_number(word, text)
							     : number_of(first_fields(text, 2));
		end = put_text(end, word);
		*end++ = ';';
		end = fields_put(end, session->ident, session->ident_len);
		end = put_text(end, text_of(kind == SUNTECH_LEGACY ? ";" ARGUMENT ";" : ";"));
	}
	end = put_text(end, text);
	*end++ = '\r';
	encoded.len = (size_t)(end - frame);
	if (encoded.len > cap)
		return (struct encoded){.result = ENCODE_NEVER};
	encoded.result = ENCODE_DONE;
	memcpy(out, frame, encoded.len);
	return encoded;
}

// Adds the text, and notes that it is the answer to the command of this number.
static void add_result(
	const struct suntech_message *m, struct text result, struct correlation number)
{
	suntech_message_keep(m, "result", result);
	decoded_answer(m->out, decoded_judge_text(result.data, result.len), number);
}

void suntech_command_decode_legacy(const struct suntech_message *m)
{
	const struct text result = fields_from(&m->fields, 4);
	add_result(m, result, legacy_number(m->head.type, result));
}

void suntech_command_decode_universal(const struct suntech_message *m)
{
	const struct text result = fields_from(&m->fields, 2);
	add_result(m, result, number_of(first_fields(result, 2)));
}

enum confirmation suntech_command_confirms(const struct command *command, struct correlation sent,
	const struct report *report, const struct command_answer *answer)
{
	if (decoder_answer_matches(answer, sent))
		return decoder_answer_confirms(answer);
	return !answer && command->kind == COMMAND_POSITION_SINGLE &&
			       fields_is_word(report->event, "STT") &&
			       !(report->body.flags & FLAG_STORED)
		       ? CONFIRMATION_DONE
		       : CONFIRMATION_NONE;
}
