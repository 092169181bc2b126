// SPDX-License-Identifier: MIT
// Each change of a command's state: appended to the journal, then applied, logged and counted.
#ifndef AVLD_DOWNLINK_COMMAND_CHANGE_H
#define AVLD_DOWNLINK_COMMAND_CHANGE_H

#include "downlink/command_counters.h"
#include "downlink/command_table.h"
#include "journal/journal.h"
#include "model/peer.h"
#include "protocol/decoder.h"

struct command_changes {
	struct journal *journal;
	size_t open; /* commands */
	struct command_counters counters;
};

// What caused a change; all may be NULL.
struct command_cause {
	const struct peer *peer;
	const struct decoder *decoder;
	struct text reply;              /* JSON members */
	struct correlation correlation; /* of a command sent */
	const char *reason;
};

// Changes the state at now_us; COMMAND_SENT counts an attempt. A command that is not open any more leaves its device. Returns
// false and changes nothing if the journal is full.
bool command_change(struct command_changes *changes, struct command_item *item,
	enum command_state state, int64_t now_us, const struct command_cause *cause);
// Logs what has become of a command.
void command_change_log(const struct command_item *item, const char *what, const char *reason);

#endif
