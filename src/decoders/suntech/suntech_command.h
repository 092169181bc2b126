// SPDX-License-Identifier: MIT
// Commands to a Suntech. Drawn in suntech_command.c.
#ifndef AVLD_DECODERS_SUNTECH_COMMAND_H
#define AVLD_DECODERS_SUNTECH_COMMAND_H

#include "decoders/suntech/suntech_message.h"

// Decode the result of a command, whose report has been added.
void suntech_command_decode_legacy(const struct suntech_message *m);    /* ST300CMD;Res;... */
void suntech_command_decode_universal(const struct suntech_message *m); /* RES;... */

// decoder.encode_command, decoder.confirms_command
struct encoded suntech_command_encode(
	struct session *session, const struct command *command, uint8_t *out, size_t cap);
enum confirmation suntech_command_confirms(const struct command *command, struct correlation sent,
	const struct report *report, const struct command_answer *answer);

#endif
