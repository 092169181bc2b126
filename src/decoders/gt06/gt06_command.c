// SPDX-License-Identifier: MIT
// Commands to a GT06, from the makers' manuals: the text of its SMS commands in a frame of type 80.
//
//   78 78 | L | 80 | n | flag u32 | text | serial u16 | crc u16 | 0D 0A   n: of flag and text
//
//   Relay,1#  engine stop     Relay,0#  resume     WHERE#  position     TIMER,on_s,off_s#  interval
//   DYD#  HFYD#  the same for the relay of G109 (devices.model)
//   RESET#  reboot            GMT,E|W,hours,0#     VERSION#             FACTORY#
//
// flag is the low half of the command's id; the answers (types 15 and 21) return it. The serial counts the
// commands of a connection.
#include "decoders/gt06/gt06_command.h"
#include "decoders/gt06/gt06_frame.h"
#include "decoders/gt06/gt06_wire.h"
#include "util/decimal.h"
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

// Appends a number, which must not be negative.
static void put_number(struct words *words, int32_t value)
{
	char digits[DECIMAL_MAX];
	const char *end = decimal_write(digits, (uint32_t)value);
	put_text(words, digits, (size_t)(end - digits));
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

// Appends the words of a command; nothing if these trackers have none for it.
static void put_command(
	struct words *words, const struct command *command, enum gt06_variant variant)
{
	const int32_t *args = command->args;
	unsigned index;
	bool on;

	if (command_sets_output(command, &index, &on) && index == 1 && variant == GT06_G109)
		put(words, on ? "DYD#" : "HFYD#");
	else if (command_sets_output(command, &index, &on) && index == 1)
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

size_t gt06_command_frame(
	uint32_t flag, const char *text, size_t text_len, uint16_t serial, uint8_t *out, size_t cap)
{
	uint8_t payload[UINT8_MAX];
	if (text_len == 0 || text_len > sizeof payload - 10)
		return 0;
	size_t len = 6 + text_len;
	if (cap < len + GT06_WIRE_OVERHEAD - 1) // the header is a short one
		return 0;
	payload[0] = 0x80;
	payload[1] = (uint8_t)(4 + text_len);
	for (size_t i = 0; i < 4; i++)
		payload[2 + i] = (uint8_t)(flag >> (24 - 8 * i));
	memcpy(payload + 6, text, text_len);
	return gt06_wire_seal(out, false, payload, len, serial);
}

static uint32_t flag_of(const struct command *command)
{
	return (uint32_t)((uint64_t)command->id & UINT32_MAX);
}

struct encoded gt06_command_encode(
	struct session *session, const struct command *command, uint8_t *out, size_t cap)
{
	struct words words = {.len = 0};
	struct gt06_memo memo;
	uint32_t flag = flag_of(command);
	memcpy(&memo, session->memo, sizeof memo);
	put_command(&words, command, gt06_frame_model(session));
	size_t len = gt06_command_frame(flag, words.text, words.len, memo.command_serial, out, cap);
	if (len == 0)
		return (struct encoded){.result = ENCODE_NEVER};
	memo.command_serial++;
	memcpy(session->memo, &memo, sizeof memo);
	return (struct encoded){ENCODE_DONE, len, {true, flag}};
}

// An answer with the command's flag shows its result; a relay is also confirmed by a status that
// shows it as requested.
enum confirmation gt06_command_confirms(const struct command *command, struct correlation sent,
	const struct report *report, const struct command_answer *answer)
{
	unsigned index;
	bool on;

	if (!sent.known) // sent by a version that stored no number
		sent = (struct correlation){true, flag_of(command)};
	if (answer)
		return decoder_answer_matches(answer, sent) ? decoder_answer_confirms(answer)
							    : CONFIRMATION_NONE;
	return command_sets_output(command, &index, &on) && index == 1 &&
			       report->body.has & HAS_OUTPUTS && (report->body.outputs & 1) == on
		       ? CONFIRMATION_DONE
		       : CONFIRMATION_NONE;
}
