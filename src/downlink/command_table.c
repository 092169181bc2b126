// SPDX-License-Identifier: MIT
#include "downlink/command_table.h"

#include "model/immobilizer.h"
#include "util/log.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct command_item *command_table_find(const struct command_table *table, int64_t id)
{
	struct command_item *item;

	HASH_FIND(hh, table->items, &id, sizeof(id), item);
	return item;
}

struct command_target *command_table_find_target(
	const struct command_table *table, struct text ident)
{
	struct command_target *target = NULL;

	if (ident.len)
		HASH_FIND(hh, table->targets, ident.data, ident.len, target);
	return target;
}

static struct command_target *add_target(
	struct command_table *table, struct text ident, uint64_t journal_end)
{
	struct command_target *target = command_table_find_target(table, ident);

	if (target && target->items)
		return target;
	if (!target) {
		target = calloc(1, sizeof(*target));
		if (!target)
			log_fatal("out of memory for=\"commands\"");
		target->ident_len = (uint8_t)ident.len;
		memcpy(target->ident, ident.data, ident.len);
		HASH_ADD(hh, table->targets, ident, target->ident_len, target);
	}
	/* Reports were not noted while the device had no commands. */
	target->has_fix = false;
	target->since = journal_end;
	memset(target->udp_address, 0, sizeof(target->udp_address));
	target->udp_us = 0;
	target->udp_again = false;
	return target;
}

// Inserts the item into the device's list, by id.
static void link_item(struct command_target *target, struct command_item *item)
{
	struct command_item **at = &target->items;

	while (*at && (*at)->command.id < item->command.id)
		at = &(*at)->next;
	item->next = *at;
	*at = item;
	item->target = target;
}

struct command_item *command_table_add(
	struct command_table *table, int64_t id, struct text ident, uint64_t journal_end)
{
	struct command_item *item = calloc(1, sizeof(*item));

	if (!item)
		log_fatal("out of memory for=\"commands\"");
	assert(ident.len <= IDENT_MAX);
	item->command.id = id;
	if (ident.len)
		link_item(add_target(table, ident, journal_end), item);
	HASH_ADD(hh, table->items, command.id, sizeof(item->command.id), item);
	return item;
}

void command_table_unlink(struct command_item *item)
{
	struct command_target *target = item->target;

	for (struct command_item **at = target ? &target->items : NULL; at && *at;
		at = &(*at)->next) {
		if (*at != item)
			continue;
		*at = item->next;
		break;
	}
	item->target = NULL;
	item->next = NULL;
}

void command_table_remove(struct command_table *table, struct command_item *item)
{
	command_table_unlink(item);
	assert(table->items); /* at least this one */
	HASH_DELETE(hh, table->items, item);
	free(item);
}

void command_table_drop_idle_targets(struct command_table *table)
{
	struct command_target *target, *next;

	HASH_ITER(hh, table->targets, target, next)
	{
		if (target->items)
			continue;
		HASH_DELETE(hh, table->targets, target);
		free(target);
	}
}

void command_table_note_fix(struct command_target *target, int64_t fixed_us, int32_t speed_kmh_e2)
{
	if (target->has_fix &&
		(fixed_us < target->fixed_us ||
			(fixed_us == target->fixed_us && speed_kmh_e2 <= target->speed_kmh_e2)))
		return;
	target->has_fix = true;
	target->fixed_us = fixed_us;
	target->speed_kmh_e2 = speed_kmh_e2;
}

void command_table_clear(struct command_table *table)
{
	struct command_item *item, *next;

	HASH_ITER(hh, table->items, item, next)
	{
		command_table_remove(table, item);
	}
	command_table_drop_idle_targets(table);
}

uint64_t command_table_wanted_lsn(const struct command_table *table)
{
	uint64_t lsn = 0;

	for (const struct command_item *item = table->items; item; item = item->hh.next)
		if (command_table_is_open(item) && item->target &&
			immobilizer_stops(&item->command) &&
			!command_table_fix_is_known(table, item->target) &&
			item->target->since > lsn)
			lsn = item->target->since;
	return lsn;
}
