// SPDX-License-Identifier: MIT
// The commands in memory: found by id, and per device in a list by id. Also keeps each device's newest fix, while there
// are commands for it.
#ifndef AVLD_DOWNLINK_COMMAND_TABLE_H
#define AVLD_DOWNLINK_COMMAND_TABLE_H

#include "journal/entry.h"
#include "model/command.h"
#include "util/uthash_config.h"

struct command_target;

struct command_item {
	UT_hash_handle hh;             /* in table->items, by command.id */
	struct command_item *next;     /* of the same device, by id */
	struct command_target *target; /* NULL: no such device, or the command has ended */
	struct command command;
	enum command_state state;
	struct correlation correlation; /* sent with it last */
	uint32_t attempts;
	int64_t created_us, expires_us, sent_us;
	uint8_t sent_to[16]; /* address to which this process sent it last; :: if none */
	const char *waits;   /* the reason in its row for not being sent; NULL: none written */
	const char *refusal; /* why this process must never send it, or NULL */
	/* At the last reading another avld had heard the device last. That one may allow what this one refuses, and may
	 * have sent the command since, so that it is left alone until the next reading. */
	bool elsewhere;
	uint64_t ended_lsn; /* LSN after the entry that ended it */
	uint64_t reading;   /* the last reading that contained it */
};

// A device that has commands.
struct command_target {
	UT_hash_handle hh; /* in table->targets, by ident */
	struct command_item *items;
	uint64_t since; /* end of the journal when it was added: later reports are noted here */
	/* A UDP peer gets commands only if the report before came from its address too. */
	uint8_t udp_address[16]; /* of the newest datagram with a report; :: if none is known */
	int64_t udp_us;          /* its receipt; 0: it was before the device had commands */
	bool udp_again;          /* the report before it came from the same address */
	bool has_fix;            /* the fields below hold the newest valid, plausible fix */
	int64_t fixed_us;
	int32_t speed_kmh_e2; /* -1: unknown */
	uint8_t ident_len;
	char ident[IDENT_MAX];
};

struct command_table {
	struct command_item *items;
	struct command_target *targets;
	uint64_t reading; /* number of the newest reading of the database's commands */
	uint64_t lsn;     /* the journal was stored up to here before that reading */
};

static inline bool command_table_is_open(const struct command_item *item)
{
	return item->state < COMMAND_CONFIRMED;
}

// Returns true if the database held all reports received before this process noted them. Otherwise the database's fix may
// be older than one in the journal.
static inline bool command_table_fix_is_known(
	const struct command_table *table, const struct command_target *target)
{
	return table->lsn >= target->since;
}

// Return NULL if there is none.
struct command_item *command_table_find(const struct command_table *table, int64_t id);
struct command_target *command_table_find_target(
	const struct command_table *table, struct text ident);

// Adds an item of that id, otherwise zero. Links it to the device of that ident (1..IDENT_MAX bytes; empty: to none).
// journal_end: for the device's `since` if it has no other commands.
struct command_item *command_table_add(
	struct command_table *table, int64_t id, struct text ident, uint64_t journal_end);

// Removes the item from its device's list.
void command_table_unlink(struct command_item *item);

// Unlinks and frees the item.
void command_table_remove(struct command_table *table, struct command_item *item);

// Frees the devices without commands.
void command_table_drop_idle_targets(struct command_table *table);

// Keeps the fix unless a newer one is known. Of two at the same time keeps the faster one: trackers' times are in seconds.
void command_table_note_fix(struct command_target *target, int64_t fixed_us, int32_t speed_kmh_e2);

// Frees all items and targets.
void command_table_clear(struct command_table *table);

// Returns the LSN up to which the journal must be stored for the database to have the fixes of all devices with an engine
// stop.
uint64_t command_table_wanted_lsn(const struct command_table *table);

#endif
