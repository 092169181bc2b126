// SPDX-License-Identifier: MIT
// Commands to a Teltonika. Drawn in teltonika_command.c.
#ifndef AVLD_DECODERS_TELTONIKA_COMMAND_H
#define AVLD_DECODERS_TELTONIKA_COMMAND_H

#include "protocol/decoder.h"

// As decoder.encode_command and decoder.confirms_command.
struct encoded teltonika_command_encode(
	struct session *session, const struct command *command, uint8_t *out, size_t cap);
enum confirmation teltonika_command_confirms(const struct command *command, struct correlation sent,
	const struct report *report, const struct command_answer *answer);

#endif
