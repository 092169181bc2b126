// SPDX-License-Identifier: MIT
// Commands to a GT06. Drawn in gt06_command.c.
#ifndef AVLD_DECODERS_GT06_COMMAND_H
#define AVLD_DECODERS_GT06_COMMAND_H

#include "protocol/decoder.h"

// decoder.encode_command, decoder.confirms_command
struct encoded gt06_command_encode(
	struct session *session, const struct command *command, uint8_t *out, size_t cap);
enum confirmation gt06_command_confirms(const struct command *command, struct correlation sent,
	const struct report *report, const struct command_answer *answer);

// Writes the frame of a command's text. The tracker returns `flag` with its answer. Returns the
// number of bytes, or 0 if the text is empty or too long, or if the frame is longer than cap.
size_t gt06_command_frame(uint32_t flag, const char *text, size_t text_len, uint16_t serial,
	uint8_t *out, size_t cap);

#endif
