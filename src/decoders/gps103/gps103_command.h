// SPDX-License-Identifier: MIT
// Commands to a GPS103. Drawn in gps103_command.c.
#ifndef AVLD_DECODERS_GPS103_COMMAND_H
#define AVLD_DECODERS_GPS103_COMMAND_H

#include "protocol/decoder.h"

// Writes "**,imei:<id>,". Returns the byte after it.
#define GPS103_COMMAND_HEAD (9 + IDENT_MAX)
char *gps103_command_put_head(char *out, const struct session *session);

// decoder.encode_command, decoder.confirms_command
struct encoded gps103_command_encode(
	struct session *session, const struct command *command, uint8_t *out, size_t cap);
enum confirmation gps103_command_confirms(const struct command *command, struct correlation sent,
	const struct report *report, const struct command_answer *answer);

#endif
