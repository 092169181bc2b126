// SPDX-License-Identifier: MIT
// Commands, from the standard and the makers' papers:
//
//   8105  word             64 / 65 engine stop, resume (G10LS, W15L); F0 / F1 (Huabao); text #0;1 / #0;0 (VL300);
//                          04 restart; 05 factory settings
//   8201                   position; the answer is 0201
//   8103  n u8 | n x (id u32 | len u8 | value)          00000029 interval in s; 0000F030 text (AOVX)
//   8300  flag u8 | text   8900  F0 | text (Jimi JC)
//   8801  channel u8 | 1 u16 | 0 u16 | 0 | resolution | quality | brightness | contrast | saturation | chroma      photo
//
// A device ignores a word that is not its model's: without devices.model the engine cannot be stopped. Devices answer
// 0001 with the serial and the id of the command, or with a message of its own that has the serial.
#include "decoders/jt808/jt808_command.h"
#include "decoders/jt808/jt808_reply.h"
#include "util/text.h"

#define BODY_MOST (COMMAND_TEXT_MAX + 16)

struct words {
	uint16_t id; /* 0: no such command */
	size_t len;
	uint8_t body[BODY_MOST];
};

static void put(struct words *words, const void *data, size_t len)
{
	memcpy(words->body + words->len, data, len);
	words->len += len;
}

static struct words begin(uint16_t id)
{
	return (struct words){.id = id};
}

static bool has_prefix(struct text text, const char *prefix)
{
	return text.len >= strlen(prefix) && !memcmp(text.data, prefix, strlen(prefix));
}

// The word that switches the relay.
static struct words relay(struct text model, bool on)
{
	struct words words = begin(0x8105);
	if (text_equal(model, "G10LS") || text_equal(model, "W15L"))
		put(&words, on ? "\x64" : "\x65", 1);
	else if (has_prefix(model, "HB") || has_prefix(model, "Huabao"))
		put(&words, on ? "\xF0" : "\xF1", 1);
	else if (text_equal(model, "VL300"))
		put(&words, on ? "#0;1" : "#0;0", 4);
	else
		words.id = 0;
	return words;
}

static struct words set_interval(int32_t seconds)
{
	struct words words = begin(0x8103);
	const uint8_t body[] = {1, 0, 0, 0, 0x29, 4, (uint8_t)(seconds >> 24),
		(uint8_t)(seconds >> 16), (uint8_t)(seconds >> 8), (uint8_t)seconds};
	put(&words, body, sizeof body);
	return words;
}

static struct words send_text(struct text model, const struct command *command)
{
	struct words words = begin(0x8300);
	if (text_equal(model, "AL300") || text_equal(model, "GL100") ||
		text_equal(model, "VL300")) {
		const uint8_t head[] = {1, 0, 0, 0xF0, 0x30, command->text_len};
		words.id = 0x8103;
		put(&words, head, sizeof head);
	} else if (has_prefix(model, "JC")) {
		words.id = 0x8900;
		put(&words, "\xF0", 1);
	} else {
		put(&words, "\x01", 1);
	}
	put(&words, command->text, command->text_len);
	return words;
}

// One photo at once, 640 x 480, of channel 1.
static struct words take_photo(void)
{
	static const uint8_t body[] = {1, 0, 1, 0, 0, 0, 2, 5, 128, 64, 64, 128};
	struct words words = begin(0x8801);
	put(&words, body, sizeof body);
	return words;
}

static struct words find_words(struct text model, const struct command *command)
{
	struct words words = begin(0x8105);
	unsigned index;
	bool on;
	switch (command->kind) {
	case COMMAND_ENGINE_STOP:
	case COMMAND_ENGINE_RESUME:
	case COMMAND_OUTPUT_CONTROL:
		if (command_sets_output(command, &index, &on) && index == 1)
			return relay(model, on);
		return begin(0);
	case COMMAND_POSITION_SINGLE:
		return begin(0x8201);
	case COMMAND_POSITION_PERIODIC:
		return set_interval(command->args[COMMAND_SECONDS]);
	case COMMAND_REBOOT_DEVICE:
		put(&words, "\x04", 1);
		return command->args[COMMAND_WHAT] == 0 ? words : begin(0);
	case COMMAND_FACTORY_RESET:
		put(&words, "\x05", 1);
		return words;
	case COMMAND_REQUEST_PHOTO:
		return take_photo();
	case COMMAND_CUSTOM:
		return send_text(model, command);
	default:
		return begin(0);
	}
}

static struct correlation correlation_of(uint16_t id, uint16_t serial)
{
	return (struct correlation){true, (uint32_t)id << 16 | serial};
}

struct encoded jt808_command_encode(
	struct session *session, const struct command *command, uint8_t *out, size_t cap)
{
	struct jt808_memo memo;
	unsigned index;
	bool on;
	const struct words words = find_words(session_settings(session).model, command);
	memcpy(&memo, session->memo, sizeof memo);
	// Before the first frame there is no ident, and so no model.
	if (memo.peer.number_len == 0 &&
		(words.id != 0 || command_sets_output(command, &index, &on)))
		return (struct encoded){.result = ENCODE_LATER};
	if (words.id == 0)
		return (struct encoded){.result = ENCODE_NEVER};
	const size_t len =
		jt808_wire_seal(&memo.peer, words.id, memo.serial, words.body, words.len, out, cap);
	if (len == 0)
		return (struct encoded){.result = ENCODE_NEVER};
	return (struct encoded){
		ENCODE_DONE, len, correlation_of(words.id, jt808_reply_next_serial(session))};
}

enum confirmation jt808_command_confirms(const struct command *command, struct correlation sent,
	const struct report *report, const struct command_answer *answer)
{
	if (decoder_answer_matches(answer, sent))
		return decoder_answer_confirms(answer);
	if (answer && !answer->correlation.known && command->kind == COMMAND_CUSTOM)
		return decoder_answer_confirms(answer);
	if (command->kind == COMMAND_REQUEST_PHOTO && text_equal(report->event, "0801"))
		return CONFIRMATION_DONE;
	return CONFIRMATION_NONE;
}

void jt808_command_note(
	const struct jt808_frame *f, enum answer_result result, uint16_t id, uint16_t serial)
{
	if (f->out->report_count > 0)
		decoded_answer(f->out, result, correlation_of(id, serial));
	else
		decoded_answer_alone(f->out, result, correlation_of(id, serial));
}

void jt808_command_note_text(const struct jt808_frame *f)
{
	const struct correlation none = {0};
	if (f->out->report_count == 0)
		return;
	const struct text text = f->out->reports[f->out->report_count - 1].extra;
	decoded_answer(f->out, decoded_judge_text(text.data, text.len), none);
}

bool jt808_command_note_general(const struct jt808_frame *f)
{
	if (f->len != 5)
		return false;
	const uint8_t result = f->body[4];
	jt808_command_note(f, result == 0 || result == 4 ? ANSWER_DONE : ANSWER_REFUSED,
		(uint16_t)(f->body[2] << 8 | f->body[3]), (uint16_t)(f->body[0] << 8 | f->body[1]));
	return true;
}
