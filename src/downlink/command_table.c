// SPDX-License-Identifier: MIT
// Commands as the database has them, joined with what is known here.
//
//   in the database   here        then
//   open              not known   taken up
//   open              open        as here, unless another process has sent it since
//   open              ended       the database will hear of it
//   not open          open        withdrawn: cancelled, deleted
//   not open          ended       forgotten, once what ended it is stored
#include "downlink/command_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SECOND_US INT64_C(1000000)

static int64_t clock_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * SECOND_US + now.tv_nsec / 1000;
}

static struct target *add_target(struct command_queue *queue, struct text ident)
{
	struct target *target = command_find_target(queue, ident);

	if (target && target->items)
		return target;
	if (!target) {
		target = calloc(1, sizeof(*target));
		if (!target)
			log_fatal("out of memory: commands");
		target->ident_len = (uint8_t)ident.len;
		memcpy(target->ident, ident.data, ident.len);
		HASH_ADD(hh, queue->targets, ident, target->ident_len, target);
	}
	/* While no command was open, nobody noted its reports. */
	target->has_fix = false;
	target->since = journal_end(queue->journal);
	return target;
}

// Into the device's list, by id.
static void link_item(struct target *target, struct item *item)
{
	struct item **at = &target->items;

	while (*at && (*at)->command.id < item->command.id)
		at = &(*at)->next;
	item->next = *at;
	*at = item;
	item->target = target;
}

static struct item *add_item(struct command_queue *queue, const struct command_row *row)
{
	struct item *item = calloc(1, sizeof(*item));

	if (!item)
		log_fatal("out of memory: commands");
	item->command.id = row->id;
	item->created_us = row->created_us;
	item->expires_us = row->expires_us;
	item->command.kind = COMMAND_KINDS; /* until it is known */
	item->refusal = command_read(row->name, row->args, &item->command);
	if (!item->refusal)
		item->refusal = command_find_refusal(queue, item);
	if (row->ident.len && row->ident.len <= IDENT_MAX)
		link_item(add_target(queue, row->ident), item);
	else
		item->refusal = "the device is not in avld.devices";
	HASH_ADD(hh, queue->items, command.id, sizeof(item->command.id), item);
	queue->open++;
	if (!row->sent)
		command_log(item, COMMAND_QUEUED, NULL);
	return item;
}

static void begin(void *context, uint64_t lsn)
{
	struct command_queue *queue = context;

	queue->reading++;
	queue->lsn = lsn;
}

static void take_row(void *context, const struct command_row *row)
{
	struct command_queue *queue = context;
	struct item *item;

	HASH_FIND(hh, queue->items, &row->id, sizeof(row->id), item);
	if (!item)
		item = add_item(queue, row);
	item->reading = queue->reading;
	item->elsewhere = row->elsewhere;
	if (!command_is_open(item)) /* the database will hear of its end */
		return;
	if (row->sent &&
		row->attempts > item->attempts) { /* by a process before us, or beside us */
		item->state = COMMAND_SENT;
		item->attempts = row->attempts;
		item->sent_us = row->sent_us;
	}
	if (row->has_fix && item->target && command_fix_is_known(queue, item->target))
		command_note_fix(item->target, row->fixed_us, row->speed_kmh_e2);
}

static void drop(struct command_queue *queue, struct item *item)
{
	if (command_is_open(item)) {
		command_log_withdrawn(item);
		queue->open--;
	}
	command_unlink(item);
	assert(queue->items); /* it holds this one */
	HASH_DELETE(hh, queue->items, item);
	free(item);
}

// Open ones that the database no longer has as open, and ended ones that it knows as ended, are no more.
static void drop_settled(struct command_queue *queue, int64_t up_to)
{
	struct item *item, *next;

	HASH_ITER(hh, queue->items, item, next)
	{
		if (command_is_open(item)
				? item->reading != queue->reading && item->command.id <= up_to
				: item->ended_lsn <= queue->lsn)
			drop(queue, item);
	}
}

void command_drop_idle_targets(struct command_queue *queue)
{
	struct target *target, *next;

	HASH_ITER(hh, queue->targets, target, next)
	{
		if (target->items)
			continue;
		HASH_DELETE(hh, queue->targets, target);
		free(target);
	}
}

// Up to where the journal must be stored for the fixes of all whose engine is to be stopped.
static uint64_t find_wanted_lsn(const struct command_queue *queue)
{
	uint64_t lsn = 0;

	for (const struct item *item = queue->items; item; item = item->hh.next)
		if (command_is_open(item) && item->target && command_stops_engine(&item->command) &&
			!command_fix_is_known(queue, item->target) && item->target->since > lsn)
			lsn = item->target->since;
	return lsn;
}

static uint64_t end(void *context, int64_t up_to)
{
	struct command_queue *queue = context;

	drop_settled(queue, up_to);
	command_queue_tick(queue, clock_us());
	command_drop_idle_targets(queue);
	return find_wanted_lsn(queue);
}

struct command_sink command_queue_sink(struct command_queue *queue)
{
	return (struct command_sink){queue, begin, take_row, end};
}
