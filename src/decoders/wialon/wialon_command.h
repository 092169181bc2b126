// SPDX-License-Identifier: MIT
// Commands to devices that speak Wialon IPS. Drawn in wialon_command.c.
#ifndef AVLD_DECODERS_WIALON_COMMAND_H
#define AVLD_DECODERS_WIALON_COMMAND_H

#include "decoders/wialon/wialon_message.h"

// What an answer confirms.
enum wialon_command {
	WIALON_COMMAND_TEXT,    /* text of the device's maker: the next M */
	WIALON_COMMAND_MESSAGE, /* #M#: AM */
	WIALON_COMMAND_PHOTO,   /* #QI#: I */
	WIALON_COMMAND_FILE,    /* #QT#: IT */
};

// Notes that the newest report answers such a command.
void wialon_command_note(struct decoded *out, enum wialon_command command, struct text text);
// Notes the packet AM.
void wialon_command_note_receipt(struct decoded *out, struct text code);

struct encoded wialon_command_encode(
	struct session *session, const struct command *command, uint8_t *out, size_t cap);
enum confirmation wialon_command_confirms(const struct command *command, struct correlation sent,
	const struct report *report, const struct command_answer *answer);

#endif
