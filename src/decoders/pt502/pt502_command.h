// SPDX-License-Identifier: MIT
// Commands to a PT-502. Drawn in pt502_command.c.
#ifndef AVLD_DECODERS_PT502_COMMAND_H
#define AVLD_DECODERS_PT502_COMMAND_H

#include "protocol/decoder.h"

// decoder.encode_command, decoder.confirms_command
size_t pt502_command_encode(
	const struct session *session, const struct command *command, uint8_t *out, size_t cap);
bool pt502_command_confirms(const struct command *command, const struct report *report);

#endif
