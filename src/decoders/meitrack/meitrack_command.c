// SPDX-License-Identifier: MIT
// Commands, from the maker's papers.
//
//   server   @@G33,<ident>,C01,0,12222*BA CR LF      output 1 on, the others unchanged
//   tracker  $$G28,<ident>,C01,OK*CB CR LF           the same flag and word; an error code for OK
//
// A10 is answered by a position with event 34. Flags go from A to Z. The device's memory has the name of the file of the last
// command D03, if it is not the usual one.
#include "decoders/meitrack/meitrack_command.h"

#include "decoders/meitrack/meitrack_photo.h"
#include "protocol/device_memory.h"
#include "util/decimal.h"

#define PICTURE   "camera_picture.jpg"
#define OUTPUTS   5
#define STOP_KMH  "20" /* the engine stops once the vehicle is slower */
#define TEXT_MOST (COMMAND_TEXT_MAX + 1)
#define FLAGS     26
#define REPLY     "34" /* the event of an answer to A10 */
#define UNIT_S    10   /* of an interval */

struct device {
	uint8_t len; /* 0: PICTURE */
	char file[MEITRACK_DEVICE_BYTES - 1];
};

static struct text text_of(const char *text)
{
	return (struct text){text, strlen(text)};
}

// Writes "0,22122", output `index` on.
static char *put_outputs(char *out, const char *kmh, unsigned index, bool on)
{
	out = fields_put(fields_put(out, kmh, strlen(kmh)), ",", 1);
	for (unsigned i = 1; i <= OUTPUTS; i++)
		*out++ = i != index ? '2' : on ? '1' : '0';
	return out;
}

// Writes the command. Returns its length; 0: there is none.
static size_t write_text(const struct command *command, char text[TEXT_MOST])
{
	const int32_t *args = command->args;
	char *end = text;
	struct text plain = {"", 0};
	switch (command->kind) {
	case COMMAND_ENGINE_STOP:
		end = put_outputs(fields_put(end, "C01,", 4), STOP_KMH, 1, true);
		break;
	case COMMAND_ENGINE_RESUME:
		end = put_outputs(fields_put(end, "C01,", 4), "0", 1, false);
		break;
	case COMMAND_OUTPUT_CONTROL:
		if (args[COMMAND_INDEX] <= OUTPUTS)
			end = put_outputs(fields_put(end, "C01,", 4), "0",
				(unsigned)args[COMMAND_INDEX], args[COMMAND_VALUE]);
		break;
	case COMMAND_POSITION_SINGLE:
		plain = text_of("A10");
		break;
	case COMMAND_POSITION_PERIODIC:
		end = decimal_write(fields_put(end, "A12,", 4),
			(uint64_t)(args[COMMAND_SECONDS] + UNIT_S - 1) / UNIT_S);
		break;
	case COMMAND_REBOOT_DEVICE: // its GPS or GSM part
		plain = text_of(args[COMMAND_WHAT] == 1   ? "F02"
				: args[COMMAND_WHAT] == 2 ? "F01"
							  : "");
		break;
	case COMMAND_REQUEST_PHOTO:
		plain = text_of("D03,1," PICTURE);
		break;
	case COMMAND_GET_VERSION:
		plain = text_of("E91");
		break;
	case COMMAND_CUSTOM:
		plain = (struct text){command->text, command->text_len};
		break;
	default:
		break;
	}
	return (size_t)(fields_put(end, plain.data, plain.len) - text);
}

static struct text first_word(struct text text)
{
	const char *comma = memchr(text.data, ',', text.len);
	return comma ? (struct text){text.data, (size_t)(comma - text.data)} : text;
}

struct correlation meitrack_command_number(char flag, struct text word)
{
	return (struct correlation){
		true, (fields_hash_word(word) & ~UINT32_C(0xFF)) | (uint8_t)flag};
}

// Remembers the file of D03,<camera>,<file>.
static void remember_file(struct session *session, struct text text)
{
	struct text rest = text, word, camera;
	if (!text_next(&rest, ',', &word) || !fields_is_word(word, "D03"))
		return;
	struct device *device = device_memory_block(session);
	if (!device)
		return;
	device->len = 0;
	if (!rest.data || !text_next(&rest, ',', &camera) || !rest.data ||
		rest.len > sizeof device->file || !meitrack_photo_is_name(rest) ||
		text_equal(rest, PICTURE))
		return;
	device->len = (uint8_t)rest.len;
	memcpy(device->file, rest.data, rest.len);
}

struct text meitrack_command_photo_file(struct session *session)
{
	const struct device *device = device_memory_block(session);
	return device && device->len > 0 ? (struct text){device->file, device->len}
					 : text_of(PICTURE);
}

struct encoded meitrack_command_encode(
	struct session *session, const struct command *command, uint8_t *out, size_t cap)
{
	char text[TEXT_MOST], frame[MEITRACK_AROUND + IDENT_MAX + TEXT_MOST];
	const struct text ident = {session->ident, session->ident_len},
			  content[2] = {{text, write_text(command, text)}, {"", 0}};
	const char flag = (char)('A' + session->memo[MEITRACK_MEMO_SERIAL] % FLAGS);
	if (content[0].len == 0)
		return (struct encoded){.result = ENCODE_NEVER};
	if (ident.len == 0)
		return (struct encoded){.result = ENCODE_LATER};
	const size_t len = meitrack_frame_write(frame, "@@", flag, ident, content);
	if (len > cap)
		return (struct encoded){.result = ENCODE_NEVER};
	session->memo[MEITRACK_MEMO_SERIAL] =
		(uint8_t)((session->memo[MEITRACK_MEMO_SERIAL] + 1) % FLAGS);
	remember_file(session, content[0]);
	memcpy(out, frame, len);
	return (struct encoded){
		ENCODE_DONE, len, meitrack_command_number(flag, first_word(content[0]))};
}

// An answer that is neither OK nor a refusal is an error code, unless the command asks for a text.
enum confirmation meitrack_command_confirms(const struct command *command, struct correlation sent,
	const struct report *report, const struct command_answer *answer)
{
	if (decoder_answer_matches(answer, sent)) {
		const bool asks =
			command->kind == COMMAND_CUSTOM || command->kind == COMMAND_GET_VERSION;
		return answer->result == ANSWER_GIVEN && !asks ? CONFIRMATION_REFUSED
							       : decoder_answer_confirms(answer);
	}
	return !answer && command->kind == COMMAND_POSITION_SINGLE &&
			       text_equal(report->event, REPLY)
		       ? CONFIRMATION_DONE
		       : CONFIRMATION_NONE;
}
