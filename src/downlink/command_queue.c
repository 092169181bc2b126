// SPDX-License-Identifier: MIT
// States of a command:
//
//                  .---------.  sent again: no confirmation within 30 s, 3 times at most
//                  v         |
//   queued ----> sent -------'----> confirmed    by a reply, or by a later report that shows it
//     |            |--------------> failed       not allowed, not in the protocol, refused, withdrawn
//     '------------'--------------> expired
//
// Per device one command at a time is outstanding, in order of id; an engineStop that waits for a fix or a lower speed
// lets the others pass, and a later engineResume withdraws it. A command that the protocol cannot send yet (ENCODE_LATER)
// stays in its state, and those after it wait too.
//
// A command that has ended is kept until the database has its end, so that a row still in state "sent" is not taken for
// an open command. Each reading of the database's open commands is merged:
//
//   in the database   here        result
//   open              unknown     added
//   open              open        kept, unless another process has sent it since
//   open              ended       kept: the database will get its end from the journal
//   not open          open        withdrawn: cancelled or deleted
//   not open          ended       removed, once its end is stored
#include "downlink/command_queue.h"

#include "downlink/command_change.h"
#include "downlink/command_table.h"
#include "model/immobilizer.h"
#include "util/clock.h"
#include "util/log.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND_US      INT64_C(1000000)
#define RETRY_US       (30 * SECOND_US)
#define SENDS_MAX      3
#define STOP_TTL_US    (15 * 60 * SECOND_US)
#define FIX_FRESH_US   (120 * SECOND_US)
#define CLOCK_SLACK_US (60 * SECOND_US)
#define REASON_LEN     128 /* longest reason of a journal entry */
#define NOT_LIVE       (FLAG_STORED | FLAG_ASIDE)

struct command_queue {
	const struct config *config;
	struct command_changes changes;
	command_queue_ready *ready;
	void *context;
	struct command_table table;
	int64_t sent_id; /* of the command sent last */
};

static bool has_address(const uint8_t address[16], const struct peer *peer)
{
	return memcmp(address, peer->address, sizeof(peer->address)) == 0;
}

// ---- changes

static bool fail(
	struct command_queue *queue, struct command_item *item, int64_t now_us, const char *reason)
{
	return command_change(&queue->changes, item, COMMAND_FAILED, now_us,
		&(struct command_cause){.reason = reason});
}

static void expire(struct command_queue *queue, struct command_item *item, int64_t now_us)
{
	char reason[REASON_LEN];

	if (item->attempts > 0)
		snprintf(reason, sizeof(reason), "sent %" PRIu32 " time%s, no confirmation",
			item->attempts, item->attempts == 1 ? "" : "s");
	else
		snprintf(reason, sizeof(reason), "never sent: %s",
			item->waits ? item->waits
				    : "the device was not heard, or busy with another command");
	command_change(&queue->changes, item, COMMAND_EXPIRED, now_us,
		&(struct command_cause){.reason = reason});
}

// Writes into the command's row why it is not sent, once for each reason.
static void note_waiting(
	struct command_queue *queue, struct command_item *item, int64_t now_us, const char *why)
{
	if (item->waits != why && item->state == COMMAND_QUEUED &&
		command_change(&queue->changes, item, COMMAND_QUEUED, now_us,
			&(struct command_cause){.reason = why}))
		item->waits = why;
}

// ---- sending

static bool is_allowed(const struct command_queue *queue, enum command_kind kind)
{
	return queue->config->commands.allow >> kind & 1;
}

// Returns why the command must never be sent, or NULL.
static const char *find_refusal(const struct command_queue *queue, const struct command_item *item)
{
	const bool stops = immobilizer_stops(&item->command);

	if (!is_allowed(queue, item->command.kind))
		return "not in commands.allow";
	if (stops && !is_allowed(queue, COMMAND_ENGINE_STOP))
		return "stops the engine, and engineStop is not in commands.allow";
	if (stops && item->expires_us - item->created_us > STOP_TTL_US)
		return "stops the engine: must expire within 15 minutes";
	return NULL;
}

// Returns why the engine must not be stopped now, or NULL. The clocks of trackers and database may differ by seconds: a
// fix from the future is treated like one from the past.
static const char *find_danger(
	const struct command_queue *queue, const struct command_target *target, int64_t now_us)
{
	if (!target->has_fix)
		return command_table_fix_is_known(&queue->table, target)
			       ? "waits for a valid fix"
			       : "waits for the next fix, or until those received are stored";
	if (now_us - target->fixed_us > FIX_FRESH_US || target->fixed_us - now_us > FIX_FRESH_US)
		return "waits for a fix that is not older than 2 minutes";
	if (target->speed_kmh_e2 < 0)
		return "waits for a fix with a speed";
	if (target->speed_kmh_e2 > queue->config->commands.engine_stop_max_kmh * 100)
		return "waits for a speed up to commands.engine_stop_max_kmh";
	return NULL;
}

// Returns true if the command was sent and its confirmation may still arrive.
static bool is_outstanding(const struct command_item *item, int64_t now_us)
{
	return item->state == COMMAND_SENT && now_us - item->sent_us < RETRY_US;
}

static bool is_spent(const struct command_item *item)
{
	return item->attempts >= SENDS_MAX ||
	       (item->attempts > 0 && command_is_sent_once(&item->command));
}

// Withdraws engine stops that are older than the newest engine resume.
static void withdraw_stops(
	struct command_queue *queue, struct command_target *target, int64_t now_us)
{
	int64_t resume_id = 0;

	for (const struct command_item *item = target->items; item; item = item->next)
		if (immobilizer_resumes(&item->command) && !item->refusal)
			resume_id = item->command.id;
	for (struct command_item *item = target->items, *next; item; item = next) {
		next = item->next;
		if (item->command.id < resume_id && immobilizer_stops(&item->command))
			fail(queue, item, now_us, "withdrawn: engineResume came after it");
	}
}

// Encodes the command and checks the result.
static struct encoded encode(const struct command_item *item, const struct command_queue_talk *talk,
	uint8_t *out, char reason[REASON_LEN])
{
	const struct decoder *decoder = talk->decoder;
	struct encoded encoded = {.result = ENCODE_NEVER};

	snprintf(reason, REASON_LEN, "protocol %s has no such command", decoder->name);
	if (!decoder->encode_command)
		return encoded;
	encoded = decoder->encode_command(talk->session, &item->command, out, COMMAND_FRAME_MAX);
	const bool broken = encoded.result == ENCODE_DONE ? encoded.len - 1 >= COMMAND_FRAME_MAX
							  : (unsigned)encoded.result > ENCODE_DONE;
	if (broken) {
		snprintf(reason, REASON_LEN, "protocol %s: " DECODED_FAULT, decoder->name);
		encoded.result = ENCODE_NEVER;
	}
	return encoded;
}

// Encodes the command into out. DONE: *len bytes are to be sent; 0: the journal is full. LATER: the session cannot send any
// now. NEVER: not this one, not now or never.
static enum encode_result try_to_send(struct command_queue *queue, struct command_item *item,
	const struct command_queue_talk *talk, int64_t now_us, uint8_t *out, size_t *len)
{
	const char *danger =
		immobilizer_stops(&item->command) ? find_danger(queue, item->target, now_us) : NULL;
	char reason[REASON_LEN];

	if (danger) {
		note_waiting(queue, item, now_us, danger);
		return ENCODE_NEVER;
	}
	const struct encoded encoded = encode(item, talk, out, reason);
	if (encoded.result == ENCODE_NEVER) {
		fail(queue, item, now_us, reason);
	} else if (encoded.result == ENCODE_LATER) {
		note_waiting(queue, item, now_us, "waits until the tracker has logged in");
	} else {
		const struct command_cause cause = {.peer = talk->peer,
			.decoder = talk->decoder,
			.correlation = encoded.correlation};
		item->waits = NULL;
		*len = command_change(&queue->changes, item, COMMAND_SENT, now_us, &cause)
			       ? encoded.len
			       : 0;
		queue->sent_id = item->command.id;
	}
	return encoded.result;
}

// Returns true unless the peer is a UDP address from which only one report of the device has come, or the newest one has not.
static bool is_its_peer(const struct command_target *target, const struct peer *peer)
{
	return !peer || peer->transport == TRANSPORT_TCP ||
	       (target->udp_again && has_address(target->udp_address, peer));
}

size_t command_queue_next(struct command_queue *queue, const struct command_queue_talk *talk,
	int64_t now_us, uint8_t *out)
{
	struct command_target *target =
		queue->changes.open ? command_table_find_target(&queue->table, talk->ident) : NULL;
	size_t len = 0;

	if (!target || !target->items || !is_its_peer(target, talk->peer))
		return 0;
	withdraw_stops(queue, target, now_us);
	for (const struct command_item *item = target->items; item; item = item->next)
		if (is_outstanding(item, now_us))
			return 0;
	for (struct command_item *item = target->items, *next; item && !len; item = next) {
		next = item->next;
		if (item->expires_us <= now_us)
			expire(queue, item, now_us);
		else if (!item->refusal && !item->elsewhere && !is_spent(item) &&
			 try_to_send(queue, item, talk, now_us, out, &len) == ENCODE_LATER)
			break;
	}
	return len;
}

// ---- reports

// Notes the fix of a report. One that is stored (from the tracker's log) or set aside cannot allow an engine stop, but a fast
// one can forbid it.
static void note_fix(const struct command_queue *queue, struct command_target *target,
	const struct report_body *body, int64_t received_us)
{
	const struct fixed_time fixed = report_fixed_time(body, received_us);
	const int32_t speed_kmh_e2 = body->has & HAS_SPEED ? (int32_t)body->speed_kmh_e2 : -1;
	const bool is_fast = speed_kmh_e2 > queue->config->commands.engine_stop_max_kmh * 100;

	if (!(body->has & HAS_FIX) || !(body->flags & FLAG_VALID))
		return;
	if (body->flags & NOT_LIVE && (!is_fast || fixed.source == TIME_RECEIVED))
		return;
	command_table_note_fix(target, fixed.time_us, speed_kmh_e2);
}

// Returns true if the report's state of outputs is from before the command was sent, by the tracker's clock: it was
// delayed in the tracker without being marked as stored. Without a plausible clock the time of receipt counts.
static bool is_from_before(
	const struct command_item *item, const struct report_body *body, int64_t received_us)
{
	unsigned index;
	bool on;

	return command_sets_output(&item->command, &index, &on) &&
	       report_fixed_time(body, received_us).time_us < item->sent_us - CLOCK_SLACK_US;
}

// Returns true if the report is a datagram from another address than the one the command was sent to.
static bool is_from_elsewhere(const struct command_item *item, const struct peer *peer)
{
	return peer && peer->transport == TRANSPORT_UDP && !has_address(item->sent_to, peer);
}

// Returns the command sent last about which the report shows something, or NULL.
static struct command_item *find_confirmed(const struct command_target *target,
	const struct decoder *decoder, const struct peer *peer, const struct report *report,
	const struct command_answer *answer, int64_t received_us, enum confirmation *confirmation)
{
	struct command_item *found = NULL;

	for (struct command_item *item = target->items; item; item = item->next) {
		if (item->state != COMMAND_SENT || item->sent_us >= received_us ||
			(found && item->sent_us <= found->sent_us) ||
			is_from_before(item, &report->body, received_us) ||
			is_from_elsewhere(item, peer))
			continue;
		const enum confirmation shown = decoder->confirms_command(
			&item->command, item->correlation, report, answer);
		if (shown == CONFIRMATION_NONE)
			continue;
		found = item;
		*confirmation = shown;
	}
	return found;
}

// Notes the address of a datagram. received_us: the same for all reports of one datagram.
static void note_datagram(
	struct command_target *target, const struct peer *peer, int64_t received_us)
{
	const bool same = has_address(target->udp_address, peer);

	if (same && target->udp_us == received_us)
		return; // another report of the same datagram
	target->udp_again = same;
	target->udp_us = received_us;
	memcpy(target->udp_address, peer->address, sizeof(target->udp_address));
}

void command_queue_note_report(struct command_queue *queue, const struct decoder *decoder,
	const struct peer *peer, const struct report *report, const struct command_answer *answer,
	int64_t received_us)
{
	struct command_target *target =
		queue->changes.open ? command_table_find_target(&queue->table, report->ident)
				    : NULL;
	enum confirmation confirmation = CONFIRMATION_NONE;

	if (!target)
		return;
	if (peer && peer->transport == TRANSPORT_UDP && !(report->body.flags & FLAG_ASIDE))
		note_datagram(target, peer, received_us);
	note_fix(queue, target, &report->body, received_us);
	/* A stored report shows nothing of what was done since. */
	if (report->body.flags & NOT_LIVE || !decoder->confirms_command)
		return;
	struct command_item *item =
		find_confirmed(target, decoder, peer, report, answer, received_us, &confirmation);
	if (!item)
		return;
	struct command_cause cause = {.peer = peer, .decoder = decoder};
	if (report->body.flags & FLAG_TEXT)
		cause.reply = report->extra;
	const bool refused = confirmation == CONFIRMATION_REFUSED;
	if (refused)
		cause.reason = "refused by the tracker";
	command_change(&queue->changes, item, refused ? COMMAND_FAILED : COMMAND_CONFIRMED,
		received_us, &cause);
}

// ---- expiry

static void settle(struct command_queue *queue, struct command_item *item, int64_t now_us)
{
	if (!command_table_is_open(item))
		return;
	if (item->refusal && !item->elsewhere && item->state != COMMAND_SENT)
		fail(queue, item, now_us, item->refusal);
	else if (item->expires_us <= now_us)
		expire(queue, item, now_us);
}

void command_queue_tick(struct command_queue *queue, int64_t now_us)
{
	struct command_item *item, *next_item;
	struct command_target *target, *next_target;

	if (!queue->changes.open)
		return;
	HASH_ITER(hh, queue->table.items, item, next_item)
	{
		settle(queue, item, now_us);
	}
	HASH_ITER(hh, queue->table.targets, target, next_target)
	{
		if (target->items)
			queue->ready(
				queue->context, (struct text){target->ident, target->ident_len});
	}
}

// ---- readings of the database

static struct command_item *add_item(struct command_queue *queue, const struct command_row *row)
{
	const bool has_device = row->ident.len && row->ident.len <= IDENT_MAX;
	struct command_item *item = command_table_add(&queue->table, row->id,
		has_device ? row->ident : (struct text){NULL, 0},
		journal_end(queue->changes.journal));

	item->created_us = row->created_us;
	item->expires_us = row->expires_us;
	item->command.kind = COMMAND_KINDS; /* until it is known */
	item->refusal = command_read(row->name, row->args, &item->command);
	if (!item->refusal)
		item->refusal = find_refusal(queue, item);
	if (!has_device)
		item->refusal = "the device is not in avld.devices";
	queue->changes.open++;
	if (!row->sent)
		command_change_log(item, entry_command_state_name(COMMAND_QUEUED), NULL);
	return item;
}

static void begin_reading(void *context, uint64_t lsn)
{
	struct command_queue *queue = context;

	queue->table.reading++;
	queue->table.lsn = lsn;
}

static void merge_row(void *context, const struct command_row *row)
{
	struct command_queue *queue = context;
	struct command_item *item = command_table_find(&queue->table, row->id);

	if (!item)
		item = add_item(queue, row);
	item->reading = queue->table.reading;
	item->elsewhere = row->elsewhere;
	if (!command_table_is_open(item)) /* the database will get its end */
		return;
	if (row->sent && row->attempts > item->attempts) { /* by an earlier process, or another */
		item->state = COMMAND_SENT;
		item->attempts = row->attempts;
		item->sent_us = row->sent_us;
		item->correlation = row->correlation;
		memset(item->sent_to, 0, sizeof(item->sent_to));
	}
	if (item->target && !item->target->udp_us)
		memcpy(item->target->udp_address, row->udp_address,
			sizeof(item->target->udp_address));
	if (row->has_fix && item->target && command_table_fix_is_known(&queue->table, item->target))
		command_table_note_fix(item->target, row->fixed_us, row->speed_kmh_e2);
}

// Removes open commands that the database no longer has as open, and ended ones whose end it has.
static void drop_settled(struct command_queue *queue, int64_t up_to)
{
	const struct command_table *table = &queue->table;
	struct command_item *item, *next;

	HASH_ITER(hh, table->items, item, next)
	{
		const bool open = command_table_is_open(item);
		if (open ? item->reading == table->reading || item->command.id > up_to
			 : item->ended_lsn > table->lsn)
			continue;
		if (open) {
			command_change_log(item, "withdrawn", NULL);
			queue->changes.open--;
		}
		command_table_remove(&queue->table, item);
	}
}

static uint64_t end_reading(void *context, int64_t up_to)
{
	struct command_queue *queue = context;

	drop_settled(queue, up_to);
	command_queue_tick(queue, clock_utc_us());
	command_table_drop_idle_targets(&queue->table);
	return command_table_wanted_lsn(&queue->table);
}

struct command_sink command_queue_sink(struct command_queue *queue)
{
	return (struct command_sink){queue, begin_reading, merge_row, end_reading};
}

// ---- life

struct command_queue *command_queue_new(const struct config *config, struct journal *journal,
	command_queue_ready *ready, void *context)
{
	struct command_queue *queue = calloc(1, sizeof(*queue));

	if (!queue)
		log_fatal("out of memory for=\"commands\"");
	queue->config = config;
	queue->changes.journal = journal;
	queue->ready = ready;
	queue->context = context;
	return queue;
}

void command_queue_free(struct command_queue *queue)
{
	if (!queue)
		return;
	command_table_clear(&queue->table);
	free(queue);
}

int64_t command_queue_sent_id(const struct command_queue *queue)
{
	return queue->sent_id;
}

size_t command_queue_count(const struct command_queue *queue)
{
	return queue->changes.open;
}

size_t command_queue_count_sent(const struct command_queue *queue)
{
	size_t count = 0;

	for (const struct command_item *item = queue->table.items; item; item = item->hh.next)
		count += item->state == COMMAND_SENT;
	return count;
}

const struct command_counters *command_queue_counters(const struct command_queue *queue)
{
	return &queue->changes.counters;
}
