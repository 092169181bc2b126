// SPDX-License-Identifier: MIT
// Commands to a Meitrack.
#ifndef AVLD_DECODERS_MEITRACK_COMMAND_H
#define AVLD_DECODERS_MEITRACK_COMMAND_H

#include "decoders/meitrack/meitrack_message.h"

#define MEITRACK_DEVICE_BYTES 64 /* of device memory: see meitrack_command.c */

// Returns the number of a command by its flag and word, which its answer repeats.
struct correlation meitrack_command_number(char flag, struct text word);

// Returns the name of the file that the last command for a photo named.
struct text meitrack_command_photo_file(struct session *session);

struct encoded meitrack_command_encode(
	struct session *session, const struct command *command, uint8_t *out, size_t cap);
enum confirmation meitrack_command_confirms(const struct command *command, struct correlation sent,
	const struct report *report, const struct command_answer *answer);

#endif
