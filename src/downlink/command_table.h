// SPDX-License-Identifier: MIT
// What the two files of the commands share: command.c sends them and hears of them, command_load.c takes them from the
// database.
#ifndef AVLD_DOWNLINK_COMMAND_INTERNAL_H
#define AVLD_DOWNLINK_COMMAND_INTERNAL_H

#include "util/log.h"
#define uthash_fatal(message) log_fatal("out of memory: commands")
#include "downlink/command_queue.h"
#include "journal/entry.h"
#include "util/uthash_config.h"

struct target;

struct item {
	UT_hash_handle hh;     /* in queue->items, by command.id */
	struct item *next;     /* of the same device, by id */
	struct target *target; /* NULL: the device is no more, or the command has ended */
	struct command command;
	enum command_state state;
	uint32_t attempts;
	int64_t created_us, expires_us, sent_us;
	const char *waits;   /* why it is not sent, as the row says; NULL: nothing said */
	const char *refusal; /* it must never be sent, from here at least */
	/* Another avld heard the device last, when the rows were read: it may allow what we do not, and may
	 * have sent it since. Left to it until they are read again. */
	bool elsewhere;
	uint64_t ended_lsn; /* behind the entry that ended it */
	uint64_t reading;   /* the one that showed it last */
};

// A device that commands are for.
struct target {
	UT_hash_handle hh;
	struct item *items;
	uint64_t
		since; /* the journal's end when it was made: later reports are noted here, earlier ones the database knows */
	bool has_fix;  /* the newest plausible valid one */
	int64_t fixed_us;
	int32_t speed_kmh_e2; /* -1: not known */
	uint8_t ident_len;
	char ident[IDENT_MAX];
};

struct command_queue {
	const struct config *config;
	struct journal *journal;
	command_queue_ready *ready;
	void *context;
	struct item *items;
	struct target *targets;
	size_t open;
	uint64_t reading, lsn; /* number of the newest reading, and what was stored before it */
	struct command_counters counters;
};

static inline bool command_is_open(const struct item *item)
{
	return item->state < COMMAND_CONFIRMED;
}

// Has all been stored that was received before reports were noted? If not, the database's fix may be older than one that
// waits in the journal.
static inline bool command_fix_is_known(
	const struct command_queue *queue, const struct target *target)
{
	return queue->lsn >= target->since;
}

// command.c: The device's fix, unless a newer one is known.
void command_note_fix(struct target *target, int64_t fixed_us, int32_t speed_kmh_e2);
// NULL: no commands for it.
struct target *command_find_target(const struct command_queue *queue, struct text ident);
// Why the command must never be sent, or NULL.
const char *command_find_refusal(const struct command_queue *queue, const struct item *item);
// Out of its device's list.
void command_unlink(struct item *item);
void command_log_withdrawn(const struct item *item);
void command_log(const struct item *item, enum command_state state, const char *reason);

// command_load.c: frees what no command is for.
void command_drop_idle_targets(struct command_queue *queue);

#endif
