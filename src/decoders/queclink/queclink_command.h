// SPDX-License-Identifier: MIT
// Commands to a Queclink. Drawn in queclink_command.c.
#ifndef AVLD_DECODERS_QUECLINK_COMMAND_H
#define AVLD_DECODERS_QUECLINK_COMMAND_H

#include "decoders/queclink/queclink_message.h"

// Offset in session.memo: 4 bytes, the prefix of the device's newest version plus 1; 0: no message was received.
#define QUECLINK_MEMO_PREFIX 0

// Notes the device type of a message. An unknown one does not replace a known one.
void queclink_command_note_prefix(struct session *session, uint32_t prefix);

// Notes that the newest report is the answer to a command.
void queclink_command_note_answer(const struct queclink_message *m);

struct encoded queclink_command_encode(
	struct session *session, const struct command *command, uint8_t *out, size_t cap);
enum confirmation queclink_command_confirms(const struct command *command, struct correlation sent,
	const struct report *report, const struct command_answer *answer);

#endif
