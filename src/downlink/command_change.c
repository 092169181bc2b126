// SPDX-License-Identifier: MIT
#include "downlink/command_change.h"

#include "util/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static struct text text_of(const char *chars)
{
	return (struct text){chars, strlen(chars)};
}

void command_change_log(const struct command_item *item, const char *what, const char *reason)
{
	const struct command_target *target = item->target;
	const char *name = command_kind_name(item->command.kind);
	char args[COMMAND_TEXT_MAX + 1] = "", quoted[2 * COMMAND_TEXT_MAX + 1];
	const bool secret = item->command.kind == COMMAND_CUSTOM &&
			    !log_enabled(LOG_LEVEL_DEBUG); /* its text may contain a password */

	if (!item->refusal && !secret) /* refused ones may be invalid */
		command_print_args(&item->command, args, sizeof(args));
	log_quote(args, strlen(args), quoted, sizeof(quoted));
	log_info_each("command %s id=%" PRId64 " ident=%.*s command=%s%s%s%s attempts=%" PRIu32
		      "%s%s%s",
		what, item->command.id, target ? target->ident_len : 1,
		target ? target->ident : "-", *name ? name : "-", *args ? " args=\"" : "", quoted,
		*args ? "\"" : "", item->attempts, reason ? " reason=\"" : "", reason ? reason : "",
		reason ? "\"" : "");
}

static void count(struct command_counters *counters, enum command_state state)
{
	counters->sent += state == COMMAND_SENT;
	counters->confirmed += state == COMMAND_CONFIRMED;
	counters->failed += state == COMMAND_FAILED;
	counters->expired += state == COMMAND_EXPIRED;
}

bool command_change(struct command_changes *changes, struct command_item *item,
	enum command_state state, int64_t now_us, const struct command_cause *cause)
{
	const struct command_target *target = item->target;
	char members[32];
	struct entry entry = {
		.kind = ENTRY_COMMAND,
		.received_us = now_us,
		.change = {item->command.id, item->attempts + (state == COMMAND_SENT), state},
		.extra = cause->reply,
	};

	if (target)
		entry.ident = (struct text){target->ident, target->ident_len};
	if (cause->peer)
		entry.peer = *cause->peer;
	if (cause->decoder)
		entry.protocol = text_of(cause->decoder->name);
	if (cause->reason)
		entry.reason = text_of(cause->reason);
	if (cause->correlation.known)
		entry.extra = (struct text){
			members, (size_t)snprintf(members, sizeof(members),
					 "\"correlation\":%" PRIu32, cause->correlation.number)};
	if (!journal_room(changes->journal, 1, entry_size(&entry)))
		return false;
	entry_write(&entry, journal_begin(changes->journal, entry_size(&entry)));
	item->ended_lsn = journal_commit(changes->journal);
	item->attempts = entry.change.attempts;
	item->state = state;
	if (state == COMMAND_SENT) {
		item->sent_us = now_us;
		item->correlation = cause->correlation;
		if (cause->peer)
			memcpy(item->sent_to, cause->peer->address, sizeof(item->sent_to));
	}
	command_change_log(item, entry_command_state_name(state), cause->reason);
	count(&changes->counters, state);
	if (!command_table_is_open(item)) {
		changes->open--;
		command_table_unlink(item);
	}
	return true;
}
