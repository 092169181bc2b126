// SPDX-License-Identifier: MIT
// Commands to a TK103. Drawn in tk103_command.c.
#ifndef AVLD_DECODERS_TK103_COMMAND_H
#define AVLD_DECODERS_TK103_COMMAND_H

#include "decoders/tk103/tk103_message.h"

// Notes that the report of a packed frame may be the answer to a command.
void tk103_command_note_answer(const struct tk103_message *message);

// decoder.encode_command, decoder.confirms_command
struct encoded tk103_command_encode(
	struct session *session, const struct command *command, uint8_t *out, size_t cap);
enum confirmation tk103_command_confirms(const struct command *command, struct correlation sent,
	const struct report *report, const struct command_answer *answer);

#endif
