// SPDX-License-Identifier: MIT
// Commands on their way.
//
//                  .--------- the same again: no confirmation within 30 s, 3 times at most
//                  v         |
//   queued ----> sent -------'----> confirmed       a reply, or a later report that shows it
//     |            |------------> failed          not allowed, no such words, refused, withdrawn
//     '------------'------------> expired
//
// Each device has its commands in a list by id. One at a time is outstanding; an engineStop that has to wait (for a fix,
// for a lower speed) lets the others pass, and is withdrawn by an engineResume that comes after it.
//
// A command that has ended stays here until the database knows: what it still calls "sent" must not be taken for open.
#include "downlink/command_internal.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SECOND_US      INT64_C(1000000)
#define RETRY_US       (30 * SECOND_US)
#define SENDS_MAX      3
#define STOP_TTL_US    (15 * 60 * SECOND_US)
#define FIX_FRESH_US   (120 * SECOND_US)
#define CLOCK_SLACK_US (60 * SECOND_US)
#define REASON_LEN     128 /* as a journal entry takes */

static struct text text_of(const char *chars)
{
	return (struct text){chars, strlen(chars)};
}

// ---- changes

// Where a change comes from; all may be NULL.
struct cause {
	const struct peer *peer;
	const struct decoder *decoder;
	struct text reply; /* JSON members */
	const char *reason;
};

static void log_change(const struct item *item, const char *what, const char *reason)
{
	const struct target *target = item->target;
	const char *name = command_kind_name(item->command.kind);
	char args[COMMAND_TEXT_MAX + 1] = "", quoted[2 * COMMAND_TEXT_MAX + 1];

	if (!item->refusal) /* else they may be no good */
		command_print_args(&item->command, args, sizeof(args));
	log_quote(args, strlen(args), quoted, sizeof(quoted));
	log_info("command %s id=%" PRId64 " ident=%.*s command=%s%s%s%s attempts=%" PRIu32 "%s%s%s",
		what, item->command.id, target ? target->ident_len : 1,
		target ? target->ident : "-", *name ? name : "-", *args ? " args=\"" : "", quoted,
		*args ? "\"" : "", item->attempts, reason ? " reason=\"" : "", reason ? reason : "",
		reason ? "\"" : "");
}

void command_log_withdrawn(const struct item *item)
{
	log_change(item, "withdrawn", NULL);
}

void command_log(const struct item *item, enum command_state state, const char *reason)
{
	log_change(item, entry_command_state_name(state), reason);
}

void command_unlink(struct item *item)
{
	struct target *target = item->target;

	for (struct item **at = target ? &target->items : NULL; at && *at; at = &(*at)->next) {
		if (*at != item)
			continue;
		*at = item->next;
		break;
	}
	item->target = NULL;
	item->next = NULL;
}

static void count(struct command_queue *queue, enum command_state state)
{
	struct command_counters *counters = &queue->counters;

	counters->sent += state == COMMAND_SENT;
	counters->confirmed += state == COMMAND_CONFIRMED;
	counters->failed += state == COMMAND_FAILED;
	counters->expired += state == COMMAND_EXPIRED;
}

// Into the journal, then into memory. False: the journal is full, nothing has changed.
static bool change(struct command_queue *queue, struct item *item, enum command_state state,
	int64_t now_us, const struct cause *cause)
{
	const struct target *target = item->target;
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
	if (!journal_room(queue->journal, 1, entry_size(&entry)))
		return false;
	entry_write(&entry, journal_begin(queue->journal, entry_size(&entry)));
	item->ended_lsn = journal_commit(queue->journal);
	item->attempts = entry.change.attempts;
	item->state = state;
	if (state == COMMAND_SENT)
		item->sent_us = now_us;
	command_log(item, state, cause->reason);
	count(queue, state);
	if (!command_is_open(item)) {
		queue->open--;
		command_unlink(item);
	}
	return true;
}

static bool fail(struct command_queue *queue, struct item *item, int64_t now_us, const char *reason)
{
	return change(queue, item, COMMAND_FAILED, now_us, &(struct cause){.reason = reason});
}

static void expire(struct command_queue *queue, struct item *item, int64_t now_us)
{
	char reason[REASON_LEN];

	if (item->attempts > 0)
		snprintf(reason, sizeof(reason), "sent %" PRIu32 " time%s, no confirmation",
			item->attempts, item->attempts == 1 ? "" : "s");
	else
		snprintf(reason, sizeof(reason), "never sent: %s",
			item->waits ? item->waits
				    : "the device was not heard, or busy with another command");
	change(queue, item, COMMAND_EXPIRED, now_us, &(struct cause){.reason = reason});
}

// The row says why nothing happens; once for each reason.
static void wait_for(
	struct command_queue *queue, struct item *item, int64_t now_us, const char *why)
{
	if (item->waits != why && item->state == COMMAND_QUEUED &&
		change(queue, item, COMMAND_QUEUED, now_us, &(struct cause){.reason = why}))
		item->waits = why;
}

// ---- what may be sent

static bool is_allowed(const struct command_queue *queue, enum command_kind kind)
{
	return queue->config->commands.allow >> kind & 1;
}

const char *command_find_refusal(const struct command_queue *queue, const struct item *item)
{
	const bool stops = command_stops_engine(&item->command);

	if (!is_allowed(queue, item->command.kind))
		return "not in commands.allow";
	if (stops && !is_allowed(queue, COMMAND_ENGINE_STOP))
		return "stops the engine, and engineStop is not in commands.allow";
	if (stops && item->expires_us - item->created_us > STOP_TTL_US)
		return "stops the engine: must expire within 15 minutes";
	return NULL;
}

// Why the engine must not be stopped now, or NULL. The clocks of trackers and of the database need not agree to the second:
// a fix from the future is no better than one from the past.
static const char *find_danger(
	const struct command_queue *queue, const struct target *target, int64_t now_us)
{
	if (!target->has_fix)
		return command_fix_is_known(queue, target)
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

// Sent, and its confirmation may still come before anything else is done about it.
static bool is_outstanding(const struct item *item, int64_t now_us)
{
	return item->state == COMMAND_SENT && now_us - item->sent_us < RETRY_US;
}

static bool is_spent(const struct item *item)
{
	return item->attempts >= SENDS_MAX ||
	       (item->attempts > 0 && command_is_sent_once(&item->command));
}

// What was to stop the engine is not to be done any more once it was asked to run again.
static void withdraw_stops(struct command_queue *queue, struct target *target, int64_t now_us)
{
	int64_t resume_id = 0;

	for (const struct item *item = target->items; item; item = item->next)
		if (command_resumes_engine(&item->command) && !item->refusal)
			resume_id = item->command.id;
	for (struct item *item = target->items, *next; item; item = next) {
		next = item->next;
		if (item->command.id < resume_id && command_stops_engine(&item->command))
			fail(queue, item, now_us, "withdrawn: engineResume came after it");
	}
}

// The length of the command's words in out; 0: not now, or not at all.
static size_t try_to_send(struct command_queue *queue, struct item *item,
	const struct command_queue_talk *talk, int64_t now_us, uint8_t *out)
{
	const struct decoder *decoder = talk->decoder;
	const struct cause cause = {.peer = talk->peer, .decoder = decoder};
	const char *danger = command_stops_engine(&item->command)
				     ? find_danger(queue, item->target, now_us)
				     : NULL;
	char reason[REASON_LEN];

	if (danger) {
		wait_for(queue, item, now_us, danger);
		return 0;
	}
	const size_t len = decoder->encode_command ? decoder->encode_command(talk->session,
							     &item->command, out, COMMAND_FRAME_MAX)
						   : 0;
	if (len == 0) {
		snprintf(reason, sizeof(reason), "protocol %s has no such command", decoder->name);
		fail(queue, item, now_us, reason);
		return 0;
	}
	item->waits = NULL;
	return change(queue, item, COMMAND_SENT, now_us, &cause) ? len : 0;
}

struct target *command_find_target(const struct command_queue *queue, struct text ident)
{
	struct target *target = NULL;

	if (ident.len)
		HASH_FIND(hh, queue->targets, ident.data, ident.len, target);
	return target;
}

size_t command_queue_next(struct command_queue *queue, const struct command_queue_talk *talk,
	int64_t now_us, uint8_t *out)
{
	struct target *target = queue->open ? command_find_target(queue, talk->ident) : NULL;
	size_t len = 0;

	if (!target || !target->items)
		return 0;
	withdraw_stops(queue, target, now_us);
	for (const struct item *item = target->items; item; item = item->next)
		if (is_outstanding(item, now_us))
			return 0;
	for (struct item *item = target->items, *next; item && !len; item = next) {
		next = item->next;
		if (item->expires_us <= now_us)
			expire(queue, item, now_us);
		else if (!item->refusal && !item->elsewhere && !is_spent(item))
			len = try_to_send(queue, item, talk, now_us, out);
	}
	return len;
}

// ---- what reports say

// Of two at the same time the faster one counts: trackers know seconds only.
void command_note_fix(struct target *target, int64_t fixed_us, int32_t speed_kmh_e2)
{
	if (target->has_fix &&
		(fixed_us < target->fixed_us ||
			(fixed_us == target->fixed_us && speed_kmh_e2 <= target->speed_kmh_e2)))
		return;
	target->has_fix = true;
	target->fixed_us = fixed_us;
	target->speed_kmh_e2 = speed_kmh_e2;
}

// One out of the tracker's log is no reason to stop the engine, but may be one not to.
static void note_fix(const struct command_queue *queue, struct target *target,
	const struct report_body *body, int64_t received_us)
{
	const struct fixed_time fixed = report_fixed_time(body, received_us);
	const int32_t speed_kmh_e2 = body->has & HAS_SPEED ? (int32_t)body->speed_kmh_e2 : -1;
	const bool is_fast = speed_kmh_e2 > queue->config->commands.engine_stop_max_kmh * 100;

	if (!(body->has & HAS_FIX) || !(body->flags & FLAG_VALID))
		return;
	if (body->flags & FLAG_STORED && (!is_fast || fixed.source == TIME_RECEIVED))
		return;
	command_note_fix(target, fixed.time_us, speed_kmh_e2);
}

// Words of refusal that trackers are known to use, anywhere in the reply.
static bool is_refusal(struct text reply)
{
	static const char *const words[] = {"fail", "error", "invalid"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		const size_t len = strlen(words[i]);
		for (size_t at = 0; at + len <= reply.len; at++)
			if (!strncasecmp(reply.data + at, words[i], len))
				return true;
	}
	return false;
}

// What is so by the tracker's own clock was so before: a report that waited in the tracker, and is not marked so. Where its
// clock is of no use, the receipt counts.
static bool is_from_before(
	const struct item *item, const struct report_body *body, int64_t received_us)
{
	unsigned index;
	bool on;

	return command_sets_output(&item->command, &index, &on) &&
	       report_fixed_time(body, received_us).time_us < item->sent_us - CLOCK_SLACK_US;
}

// The one sent last that the report confirms.
static struct item *find_confirmed(const struct target *target, const struct decoder *decoder,
	const struct report *report, int64_t received_us)
{
	struct item *found = NULL;

	for (struct item *item = target->items; item; item = item->next)
		if (item->state == COMMAND_SENT && item->sent_us < received_us &&
			(!found || item->sent_us > found->sent_us) &&
			!is_from_before(item, &report->body, received_us) &&
			decoder->confirms_command(&item->command, report))
			found = item;
	return found;
}

void command_queue_note_report(struct command_queue *queue, const struct decoder *decoder,
	const struct peer *peer, const struct report *report, int64_t received_us)
{
	struct target *target = queue->open ? command_find_target(queue, report->ident) : NULL;

	if (!target)
		return;
	note_fix(queue, target, &report->body, received_us);
	/* Out of the tracker's log: it says nothing of what was done since. */
	if (report->body.flags & FLAG_STORED)
		return;
	struct item *item = decoder->confirms_command
				    ? find_confirmed(target, decoder, report, received_us)
				    : NULL;
	if (!item)
		return;
	struct cause cause = {.peer = peer, .decoder = decoder};
	if (report->body.flags & FLAG_TEXT)
		cause.reply = report->extra;
	const bool refused = cause.reply.len && is_refusal(cause.reply);
	if (refused)
		cause.reason = "refused by the tracker";
	change(queue, item, refused ? COMMAND_FAILED : COMMAND_CONFIRMED, received_us, &cause);
}

// ---- time

static void settle(struct command_queue *queue, struct item *item, int64_t now_us)
{
	if (!command_is_open(item))
		return;
	if (item->refusal && !item->elsewhere && item->state != COMMAND_SENT)
		fail(queue, item, now_us, item->refusal);
	else if (item->expires_us <= now_us)
		expire(queue, item, now_us);
}

void command_queue_tick(struct command_queue *queue, int64_t now_us)
{
	struct item *item, *next_item;
	struct target *target, *next_target;

	if (!queue->open)
		return;
	HASH_ITER(hh, queue->items, item, next_item)
	{
		settle(queue, item, now_us);
	}
	HASH_ITER(hh, queue->targets, target, next_target)
	{
		if (target->items)
			queue->ready(
				queue->context, (struct text){target->ident, target->ident_len});
	}
}

// ---- all of them

struct command_queue *command_queue_new(const struct config *config, struct journal *journal,
	command_queue_ready *ready, void *context)
{
	struct command_queue *queue = calloc(1, sizeof(*queue));

	if (!queue)
		log_fatal("out of memory: commands");
	queue->config = config;
	queue->journal = journal;
	queue->ready = ready;
	queue->context = context;
	return queue;
}

void command_queue_free(struct command_queue *queue)
{
	struct item *item, *next;

	if (!queue)
		return;
	HASH_ITER(hh, queue->items, item, next)
	{
		command_unlink(item);
		assert(queue->items); /* it holds this one */
		HASH_DELETE(hh, queue->items, item);
		free(item);
	}
	command_drop_idle_targets(queue);
	free(queue);
}

size_t command_queue_count(const struct command_queue *queue)
{
	return queue->open;
}

const struct command_counters *command_queue_counters(const struct command_queue *queue)
{
	return &queue->counters;
}
