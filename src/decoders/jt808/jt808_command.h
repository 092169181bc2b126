// SPDX-License-Identifier: MIT
// Commands to a JT/T 808 device. Drawn in jt808_command.c.
#ifndef AVLD_DECODERS_JT808_COMMAND_H
#define AVLD_DECODERS_JT808_COMMAND_H

#include "decoders/jt808/jt808_wire.h"

struct encoded jt808_command_encode(
	struct session *session, const struct command *command, uint8_t *out, size_t cap);
enum confirmation jt808_command_confirms(const struct command *command, struct correlation sent,
	const struct report *report, const struct command_answer *answer);

// Notes the answer to a command of this id and serial, of the newest report or alone.
void jt808_command_note(
	const struct jt808_frame *frame, enum answer_result result, uint16_t id, uint16_t serial);
// Notes an answer that names no command.
void jt808_command_note_text(const struct jt808_frame *frame);
// Notes the general answer 0001: serial u16, id u16, result u8. Returns false if the body is none.
bool jt808_command_note_general(const struct jt808_frame *frame);

#endif
