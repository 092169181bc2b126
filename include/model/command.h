// SPDX-License-Identifier: MIT
// The standard commands to trackers: names, arguments and ranges. Decoders encode a struct command in their protocol.
// Pure. The table avld.commands accepts the same commands.
#ifndef AVLD_MODEL_COMMAND_H
#define AVLD_MODEL_COMMAND_H

#include "model/report.h"

#define COMMAND_TEXT_MAX 200 /* bytes of a custom command */

// The numbers are used within the process only.
enum command_kind {
	COMMAND_ENGINE_STOP,
	COMMAND_ENGINE_RESUME,
	COMMAND_OUTPUT_CONTROL,
	COMMAND_POSITION_SINGLE,
	COMMAND_POSITION_PERIODIC,
	COMMAND_ALARM_SPEED,
	COMMAND_REBOOT_DEVICE,
	COMMAND_REQUEST_PHOTO,
	COMMAND_SET_TIMEZONE,
	COMMAND_GET_VERSION,
	COMMAND_FACTORY_RESET,
	COMMAND_CUSTOM,
	COMMAND_KINDS
};

enum command_arg {
	COMMAND_INDEX, /* of an output, from 1 */
	COMMAND_VALUE, /* 0 off, 1 on */
	COMMAND_SECONDS,
	COMMAND_KMH,
	COMMAND_WHAT, /* 0 the tracker, 1 its GPS, 2 its GSM part */
	COMMAND_HOURS,
	COMMAND_TEXT,
	COMMAND_ARGS
};

struct command {
	int64_t id; /* of its row in avld.commands */
	enum command_kind kind;
	int32_t args[COMMAND_ARGS]; /* those of its kind; COMMAND_TEXT is in `text` */
	uint8_t text_len;
	char text[COMMAND_TEXT_MAX]; /* printable ASCII, not NUL-terminated */
};

// The number by which a tracker's answer names the command it answers.
struct correlation {
	bool known;
	uint32_t number;
};

// Returns "" for a number that is no kind.
const char *command_kind_name(enum command_kind kind);
// Returns "index" and so on.
const char *command_arg_name(enum command_arg arg);
bool command_find_kind(struct text name, enum command_kind *kind);

// Parses name and arguments into *command, except its id. An argument with data NULL is absent. Returns NULL, or what is
// wrong.
const char *command_read(
	struct text name, const struct text args[COMMAND_ARGS], struct command *command);

// Writes the arguments for people: "index=2 value=1", the text of a custom command, "" for a command without arguments.
// cap: at least COMMAND_TEXT_MAX + 1. Returns out.
const char *command_print_args(const struct command *command, char *out, size_t cap);

// Returns true if the command sets an output; *index (from 1) and *on are valid then.
bool command_sets_output(const struct command *command, unsigned *index, bool *on);
// Returns true if the command must not be sent again without confirmation, because repeating it does harm.
bool command_is_sent_once(const struct command *command);

#endif
