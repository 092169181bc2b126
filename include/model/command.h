// SPDX-License-Identifier: MIT
// What may be asked of a tracker: the standard names of commands, their arguments and ranges. Decoders turn a struct
// command into their protocol's words. Pure. The table avld.commands (src/sql/003_commands.sql) knows the same.
#ifndef AVLD_MODEL_COMMAND_H
#define AVLD_MODEL_COMMAND_H

#include "model/report.h"

#define COMMAND_TEXT_MAX 200 /* bytes of a custom command */

// Their order is that of the table in command.c; nothing outside the process knows the numbers.
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
	int32_t args[COMMAND_ARGS]; /* those of its kind; COMMAND_TEXT is in text */
	uint8_t text_len;
	char text[COMMAND_TEXT_MAX]; /* printable ASCII, not NUL-terminated */
};

// An empty name for a number that is no kind.
const char *command_kind_name(enum command_kind kind);
const char *command_arg_name(enum command_arg arg); /* "index" */
bool command_find_kind(struct text name, enum command_kind *kind);

// Name and arguments, as text, into *command (its id is left alone). data NULL: not given. NULL if all is
// well, else what is wrong with them.
const char *command_read(
	struct text name, const struct text args[COMMAND_ARGS], struct command *command);

// "index=2 value=1" for people: the text of a custom command as it is, "" for one without arguments. cap: at least
// COMMAND_TEXT_MAX + 1. Returns out.
const char *command_print_args(const struct command *command, char *out, size_t cap);

// Whatever its name is: a relay that cuts the engine sits at output 1, and custom text can say anything, of which what is
// known is seen.
bool command_stops_engine(const struct command *command);
bool command_resumes_engine(const struct command *command);
// Sets an output: which (from 1), and to what.
bool command_sets_output(const struct command *command, unsigned *index, bool *on);
// To do it twice is worse than not to know whether it was done.
bool command_is_sent_once(const struct command *command);

#endif
