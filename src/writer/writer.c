// SPDX-License-Identifier: MIT
// The writer's parts put together, and the decision what runs next.
//
//   DISCONNECTED -> RESOLVING -> CONNECTING -> PREPARING -> LOADING -> IDLE <-> ASKING
//      ^                                                               |  ^       |
//      |                                                               v  |       v
//      +--- the connection is lost, from every state ------- COMMITTING <- SENDING <--+
#include "writer/writer.h"

#include "util/log.h"
#include "writer/writer_batch.h"
#include "writer/writer_commands.h"
#include "writer/writer_days.h"
#include "writer/writer_link.h"
#include "writer/writer_lookup.h"
#include "writer/writer_retention.h"
#include "writer/writer_send.h"
#include "writer/writer_session.h"
#include "writer/writer_state.h"
#include "writer/writer_states.h"

#include <ev.h>
#include <stdlib.h>
#include <string.h>

// What has run since the last batch: however often it is due, batches get their turn.
struct writer_turns {
	bool reload, day, commands, retention;
	void (*drained)(void *context); /* NULL: no drain is wanted */
	void *drain_context;
	ev_timer drain_timer;
};

// ---- draining

static void on_drained(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	struct writer *writer = timer->data;
	void (*done)(void *context) = writer->turns->drained;

	writer->turns->drained = NULL;
	if (done)
		done(writer->turns->drain_context);
}

// Ends the drain if all is stored, or if there is no connection: one being made may succeed, one that failed is not
// waited for again.
static void check_drained(struct writer *writer)
{
	struct writer_turns *turns = writer->turns;

	if (!turns->drained)
		return;
	const bool stored = writer->state == WRITER_IDLE &&
			    journal_end(writer->journal) == writer->lsn &&
			    !writer_states_is_reading(writer) && !writer_states_due(writer);
	if (!stored && writer->state != WRITER_DISCONNECTED)
		return;
	if (!ev_is_active(&turns->drain_timer))
		ev_timer_start(writer->loop, &turns->drain_timer);
}

void writer_drain(struct writer *writer, void (*done)(void *context), void *context)
{
	writer->turns->drained = done;
	writer->turns->drain_context = context;
	check_drained(writer);
	writer_wake(writer);
}

// ---- what runs next

static bool batch_wanted(const struct writer *writer)
{
	if (writer_states_is_reading(writer))
		return false;
	if (journal_end(writer->journal) == writer->lsn)
		return writer_states_due(writer);
	return writer->turns->drained || writer_batch_due(writer);
}

// Runs whatever is due besides batches. Returns false if nothing is. The state must be IDLE.
static bool run_extra(struct writer *writer)
{
	struct writer_turns *turns = writer->turns;
	const bool batch_due = writer->batch->due || writer->batch->now.more;

	if (writer_lookup_due(writer) && !(turns->reload && batch_due)) {
		turns->reload = true;
		writer_batch_drop_ahead(writer);
		writer_lookup_reload(writer);
		return true;
	}
	if (writer_days_due(writer) && !(turns->day && batch_due)) {
		turns->day = true;
		writer_days_make(writer, writer_link_ready);
		return true;
	}
	if (writer_commands_due(writer) && !(turns->commands && batch_due)) {
		turns->commands = true;
		writer_commands_run(writer);
		return true;
	}
	if (writer_retention_due(writer) && !turns->drained &&
		!(turns->retention && batch_wanted(writer))) {
		turns->retention = true;
		writer_batch_drop_ahead(writer);
		writer_retention_run(writer);
		return true;
	}
	return false;
}

void writer_wake(struct writer *writer)
{
	const bool idle = writer->state == WRITER_IDLE;
	const bool busy = writer->state == WRITER_SENDING || writer->state == WRITER_COMMITTING;

	if (idle && run_extra(writer))
		return;
	if (idle && batch_wanted(writer)) {
		writer->turns->reload = writer->turns->day = writer->turns->commands = false;
		writer->turns->retention = false;
		writer_send_start(writer);
		return;
	}
	if (journal_end(writer->journal) == (busy ? writer->batch->now.end : writer->lsn))
		return;
	writer_batch_schedule(writer, (double)writer->config->database.batch_interval_us / 1e6);
}

enum backlog_state writer_backlog(struct writer *writer)
{
	const uint64_t pending = journal_end(writer->journal) - writer->lsn;

	if (writer->state < WRITER_IDLE)
		return BACKLOG_SMALL;
	return backlog_state(&writer->backlog, pending, writer_batch_full_bytes(writer));
}

// ---- hooks of the link

static void on_notified(struct writer *writer, const char *channel)
{
	if (strcmp(channel, "avld_devices"))
		writer_commands_set_due(writer);
	else
		writer_lookup_set_due(writer);
}

static void on_idle(struct writer *writer)
{
	check_drained(writer);
	writer_wake(writer);
}

static void on_lost(struct writer *writer, enum writer_state state)
{
	/* A connection that breaks again and again gets a small batch through. */
	if (state >= WRITER_SENDING)
		writer_batch_lower_limit(writer, writer->batch->limit / 2);
	writer_batch_forget(writer);
	check_drained(writer);
}

static const struct writer_link_hooks hooks = {
	.connected = writer_session_start,
	.notified = on_notified,
	.copy_in = writer_send_copy_in,
	.idle = on_idle,
	.lost = on_lost,
};

// ---- for other rooms

const struct writer_counters *writer_counters(const struct writer *writer)
{
	return &writer->counters;
}

void writer_set_commands(struct writer *writer, const struct command_sink *sink)
{
	writer_commands_set_sink(writer, sink);
}

void writer_configure(struct writer *writer)
{
	writer_retention_configure(writer);
	writer_link_wake(writer);
}

struct writer *writer_new(struct ev_loop *loop, const struct config *config,
	struct journal *journal, struct device_directory *directory)
{
	struct writer *writer = calloc(1, sizeof(*writer));
	struct writer_turns *turns = calloc(1, sizeof(*turns));

	if (!writer || !turns)
		log_fatal("out of memory for=\"writer\"");
	writer->loop = loop;
	writer->config = config;
	writer->journal = journal;
	writer->directory = directory;
	writer->lsn = writer->counters.lsn = writer->counters.state_lsn = journal_start(journal);
	writer->turns = turns;
	writer_counters_init(&writer->counters);
	ev_timer_init(&turns->drain_timer, on_drained, 0., 0.);
	turns->drain_timer.data = writer;
	writer_link_init(writer, &hooks);
	writer_lookup_init(writer);
	writer_days_init(writer);
	writer_retention_init(writer);
	writer_commands_init(writer);
	writer_batch_init(writer);
	writer_session_init(writer);
	writer_send_init(writer);
	writer_states_init(writer);
	writer_link_start(writer);
	return writer;
}

void writer_free(struct writer *writer)
{
	if (!writer)
		return;
	writer_link_done(writer);
	writer_send_done(writer);
	writer_session_done(writer);
	writer_batch_done(writer);
	writer_states_done(writer);
	writer_commands_done(writer);
	writer_retention_done(writer);
	writer_days_done(writer);
	writer_lookup_done(writer);
	writer_sql_done(&writer->sql);
	ev_timer_stop(writer->loop, &writer->turns->drain_timer);
	free(writer->turns);
	free(writer);
}
