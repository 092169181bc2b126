// SPDX-License-Identifier: MIT
// Commands to a Queclink, from its @Track documents:
//
//   AT+GTRTO=<password>,<sub>,,,,,,<serial>$       1 position, 3 reboot, 4 factory reset, 8 version
//   AT+GTOUT=<password>,<0 or 1>,,,0,0,0,0,0,0,0,,,,,,,<serial>$      output 1, in the layout of a GV300
//
// The device answers +ACK:GT<command>,...,<serial>,<time>,<count>$. The serial has four hex digits. The password is the model in
// lower case unless the owner has changed it.
#include "decoders/queclink/queclink_command.h"

#define PASSWORD_MOST 20
#define SERIAL_LEN    4
#define NO_SERIAL     (UINT32_C(1) << 31)
#define LETTERS       26u

// Passwords by the prefix of the version.
static const struct {
	uint32_t prefix;
	const char *password;
} passwords[] = {
	{0x02, "gl200"},
	{0x21, "gl200"},
	{0x04, "gv200"},
	{0x35, "gv200"},
	{0x06, "gv300"},
	{0x25, "gv300"},
	{0x27, "gv300w"},
	{0x08, "gmt100"},
	{0x3F, "gmt100"},
	{0x0F, "gv55"},
	{0x2F, "gv55"},
	{0x4F, "gv56"},
	{0x11, "gl500"},
	{0x40, "gl500"},
	{0x44, "gl530"},
	{0x1A, "gl300"},
	{0x30, "gl300"},
	{0x2C, "gl300w"},
	{0x28, "gl300vc"},
	{0x1F, "gv500"},
	{0x36, "gv500"},
	{0x2D, "gv500vc"},
	{0x31, "gv65"},
	{0x41, "gv75w"},
	{0x42, "gt501"},
	{0x45, "gb100"},
	{0x50, "gv55w"},
	{0x52, "gl50"},
	{0x55, "gl50"},
	{0x5E, "gv500map"},
	{0x6E, "gv310lau"},
	{0xBD, "cv200"},
	{0xDF, "cv100lg"},
	{0xC2, "gv600m"},
	{0xC3, "gl320m"},
	{0xDC, "gv600mg"},
	{0xDE, "gl500m"},
	{0xF1, "gv350m"},
	{0xF8, "gv800w"},
	{0xFC, "gv600w"},
	{0x802004, "gv58lau"},
	{0x802005, "gv355ceu"},
	{0x80201E, "gv30ceu"},
};

// Returns the prefix plus 1.
static uint32_t read_memo(const struct session *session)
{
	uint32_t value;
	memcpy(&value, session->memo + QUECLINK_MEMO_PREFIX, sizeof value);
	return value;
}

void queclink_command_note_prefix(struct session *session, uint32_t prefix)
{
	const uint32_t value = prefix + 1;
	if (prefix != QUECLINK_NO_PREFIX || read_memo(session) == 0)
		memcpy(session->memo + QUECLINK_MEMO_PREFIX, &value, sizeof value);
}

static uint32_t prefix_of(const struct session *session)
{
	return read_memo(session) - 1;
}

// Returns the model that the owner has set, in lower case, or else the device's by its prefix; empty: unknown.
static struct text find_password(const struct session *session, char buffer[PASSWORD_MOST])
{
	const struct text model = session_settings(session).model;
	const uint32_t prefix = prefix_of(session);
	bool good = model.len > 0 && model.len <= PASSWORD_MOST;
	for (size_t i = 0; good && i < model.len; i++) {
		good = text_is_alnum(model.data[i]);
		buffer[i] = (char)(model.data[i] | (text_is_digit(model.data[i]) ? 0 : 0x20));
	}
	if (good)
		return (struct text){buffer, model.len};
	for (size_t i = 0; i < sizeof passwords / sizeof passwords[0]; i++)
		if (passwords[i].prefix == prefix)
			return (struct text){passwords[i].password, strlen(passwords[i].password)};
	return (struct text){"", 0};
}

// Numbers ---------------------------------------------------------------------

// Returns the three letters of a command as a number above 0 in bits 16 to 30; 0: these are no letters.
static uint32_t number_of_letters(struct text letters)
{
	uint32_t number = 0;
	if (letters.len != 3)
		return 0;
	for (size_t i = 0; i < 3; i++) {
		const char c = (char)(letters.data[i] & ~0x20);
		if (c < 'A' || c > 'Z')
			return 0;
		number = number * LETTERS + (uint32_t)(c - 'A');
	}
	return (number + 1) << 16;
}

static uint32_t number_of_serial(struct text serial)
{
	uint64_t value;
	return fields_is_hex(serial, SERIAL_LEN, SERIAL_LEN) && text_hex(serial, &value)
		       ? (uint32_t)value
		       : NO_SERIAL;
}

void queclink_command_note_answer(const struct queclink_message *m)
{
	const struct text serial = m->name > 0 && m->end > m->name + 1
					   ? queclink_message_at(m, m->end - 1)
					   : (struct text){"", 0};
	decoded_answer(m->out, ANSWER_GIVEN,
		(struct correlation){true, number_of_letters(m->event) | number_of_serial(serial)});
}

// Encoding --------------------------------------------------------------------

struct line {
	size_t len;
	char text[COMMAND_TEXT_MAX + 64];
};

static void add(struct line *line, struct text text)
{
	line->len = (size_t)(fields_put(line->text + line->len, text.data, text.len) - line->text);
}

static void add_literal(struct line *line, const char *text)
{
	add(line, (struct text){text, strlen(text)});
}

// Returns the sub-command of RTO; NULL: there is none.
static const char *find_request(const struct command *command)
{
	switch (command->kind) {
	case COMMAND_POSITION_SINGLE:
		return "1";
	case COMMAND_REBOOT_DEVICE:
		return command->args[COMMAND_WHAT] == 0 ? "3" : NULL;
	case COMMAND_FACTORY_RESET:
		return "4";
	case COMMAND_GET_VERSION:
		return "8";
	default:
		return NULL;
	}
}

// Returns the value of output 1 that the command sets; NULL: it sets none. The GMT100 has another layout.
static const char *find_output(const struct command *command, uint32_t prefix)
{
	unsigned index;
	bool on;
	if (!command_sets_output(command, &index, &on) || index != 1 || prefix == 0x08 ||
		prefix == 0x3F)
		return NULL;
	return on ? "1" : "0";
}

// Writes a command. Returns its number.
static uint32_t write_line(struct line *line, const char *word, struct text password,
	const char *value, const char *rest, int64_t id)
{
	char serial[SERIAL_LEN];
	for (unsigned i = 0; i < SERIAL_LEN; i++)
		serial[i] = "0123456789ABCDEF"[(uint64_t)id >> (4 * (SERIAL_LEN - 1 - i)) & 15];
	add_literal(line, "AT+GT");
	add_literal(line, word);
	add_literal(line, "=");
	add(line, password);
	add_literal(line, ",");
	add_literal(line, value);
	add_literal(line, rest);
	add(line, (struct text){serial, SERIAL_LEN});
	add_literal(line, "$");
	return number_of_letters((struct text){word, 3}) |
	       number_of_serial((struct text){serial, SERIAL_LEN});
}

// Copies the text of a custom command, with a $. Returns its number, which may lack the serial; 0: it has none.
static uint32_t write_custom(struct line *line, struct text text)
{
	size_t last = text.len;
	add(line, text);
	add_literal(line, "$");
	if (text.len < 9 || !fields_is_word((struct text){text.data, 5}, "AT+GT"))
		return 0;
	while (last > 0 && text.data[last - 1] != ',')
		last--;
	const uint32_t letters = number_of_letters((struct text){text.data + 5, 3});
	return letters ? letters |
				 number_of_serial((struct text){text.data + last, text.len - last})
		       : 0;
}

static struct encoded encode_custom(const struct command *command, struct line *line)
{
	struct text text = {command->text, command->text_len};
	if (text.len > 0 && text.data[text.len - 1] == '$')
		text.len--;
	if (text.len == 0 || memchr(text.data, '$', text.len))
		return (struct encoded){.result = ENCODE_NEVER};
	const uint32_t number = write_custom(line, text);
	return (struct encoded){ENCODE_DONE, line->len, {number > 0, number}};
}

static struct encoded encode_standard(
	const struct session *session, const struct command *command, struct line *line)
{
	char buffer[PASSWORD_MOST];
	const char *request = find_request(command);
	const char *output = find_output(command, prefix_of(session));
	if (!request && !output)
		return (struct encoded){.result = ENCODE_NEVER};
	const struct text password = find_password(session, buffer);
	if (password.len == 0)
		return (struct encoded){
			.result = read_memo(session) == 0 ? ENCODE_LATER : ENCODE_NEVER};
	const uint32_t number =
		request ? write_line(line, "RTO", password, request, ",,,,,,", command->id)
			: write_line(line, "OUT", password, output, ",,,0,0,0,0,0,0,0,,,,,,,",
				  command->id);
	return (struct encoded){ENCODE_DONE, line->len, {true, number}};
}

struct encoded queclink_command_encode(
	struct session *session, const struct command *command, uint8_t *out, size_t cap)
{
	struct line line = {.len = 0};
	const struct encoded encoded = command->kind == COMMAND_CUSTOM
					       ? encode_custom(command, &line)
					       : encode_standard(session, command, &line);
	if (encoded.result == ENCODE_DONE && session->ident_len == 0)
		return (struct encoded){.result = ENCODE_LATER};
	if (encoded.len > cap)
		return (struct encoded){.result = ENCODE_NEVER};
	if (encoded.result == ENCODE_DONE)
		memcpy(out, line.text, line.len);
	return encoded;
}

// A binary answer has no letters.
enum confirmation queclink_command_confirms(const struct command *command, struct correlation sent,
	const struct report *report, const struct command_answer *answer)
{
	(void)command;
	(void)report;
	if (!answer || !sent.known || !answer->correlation.known)
		return CONFIRMATION_NONE;
	const uint32_t a = sent.number, b = answer->correlation.number;
	const bool same_letters = (b >> 16 & 0x7FFF) == 0 || ((a ^ b) >> 16 & 0x7FFF) == 0;
	const bool same_serial = ((a | b) & NO_SERIAL) > 0 || ((a ^ b) & 0xFFFF) == 0;
	return same_letters && same_serial ? decoder_answer_confirms(answer) : CONFIRMATION_NONE;
}
