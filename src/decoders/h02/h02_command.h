// SPDX-License-Identifier: MIT
// Commands to an H02. Drawn in h02_command.c.
#ifndef AVLD_DECODERS_H02_COMMAND_H
#define AVLD_DECODERS_H02_COMMAND_H

#include "protocol/decoder.h"

// decoder.encode_command, decoder.confirms_command
struct encoded h02_command_encode(
	struct session *session, const struct command *command, uint8_t *out, size_t cap);
enum confirmation h02_command_confirms(const struct command *command, struct correlation sent,
	const struct report *report, const struct command_answer *answer);

#endif
