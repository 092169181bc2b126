// SPDX-License-Identifier: MIT
// Commands to a Watch.
#ifndef AVLD_DECODERS_WATCH_COMMAND_H
#define AVLD_DECODERS_WATCH_COMMAND_H

#include "decoders/watch/watch_message.h"

// Notes that the message, whose report is the newest, may be the answer to a command with its word.
void watch_command_note_answer(const struct watch_message *m);

struct encoded watch_command_encode(
	struct session *session, const struct command *command, uint8_t *out, size_t cap);
enum confirmation watch_command_confirms(const struct command *command, struct correlation sent,
	const struct report *report, const struct command_answer *answer);

#endif
