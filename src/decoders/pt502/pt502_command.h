// SPDX-License-Identifier: MIT
// Commands to a PT-502. Drawn in pt502_command.c.
#ifndef AVLD_DECODERS_PT502_COMMAND_H
#define AVLD_DECODERS_PT502_COMMAND_H

#include "protocol/decoder.h"

// decoder.encode_command, decoder.confirms_command
struct encoded pt502_command_encode(
	struct session *session, const struct command *command, uint8_t *out, size_t cap);
enum confirmation pt502_command_confirms(const struct command *command, struct correlation sent,
	const struct report *report, const struct command_answer *answer);

#endif
