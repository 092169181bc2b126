// SPDX-License-Identifier: MIT
#include "writer/writer_states.h"

#include "util/log.h"
#include "writer/writer_batch.h"
#include "writer/writer_link.h"
#include "writer/writer_retention.h"

#include <ev.h>
#include <inttypes.h>
#include <stdlib.h>

#define TURN_S      10.    /* between turns while the writer does not keep up */
#define YOUNG_MOST  200000 /* devices, at about 500 bytes: more begin a turn at once */
#define SLICE_ROWS  5000   /* rows that a batch writes of many, about 50 ms, */
#define SLICE_SHARE 16     /* or one for so many entries of the batch */
#define READ_SLICE  5000   /* entries that are read at once, in about a millisecond */
#define READ_SLICES 0.0005 /* seconds between two */

enum chosen {
	CHOSEN_NONE,  /* the batch writes no states */
	CHOSEN_OWN,   /* its own: nothing is collected */
	CHOSEN_ALL,   /* everything collected and its own */
	CHOSEN_SLICE, /* a slice of `old` */
};

struct writer_states {
	struct device_states *young, *old;
	struct device_states *all; /* of the batch under way, for CHOSEN_ALL */
	uint64_t lsn;              /* device_state is complete up to here */
	uint64_t old_lsn;          /* and up to here when `old` is written */
	uint64_t collected;        /* `young` reaches up to here: the checkpoint */
	uint64_t read;             /* entries from here to the checkpoint are to be read */
	double turned; /* when the last turn began, or collecting, on clock_monotonic_s */
	enum chosen chosen;
	size_t left;    /* rows of `old` when the batch under way is committed */
	size_t most;    /* rows of a slice: SLICE_ROWS, or fewer after a refusal */
	size_t suspect; /* rows of the batch that was refused; 0: none is suspected */
	ev_timer reading;
};

// ---- collecting

static bool is_empty(const struct device_states *states)
{
	return states->count == 0 && states->end_count == 0;
}

size_t writer_states_count(const struct writer *writer)
{
	return writer->states->young->count + writer->states->old->count;
}

uint64_t writer_states_lsn(const struct writer *writer)
{
	return writer->states->lsn;
}

static bool has_collected(const struct writer_states *states)
{
	return !is_empty(states->young) || !is_empty(states->old);
}

bool writer_states_due(const struct writer *writer)
{
	return !writer_states_is_reading(writer) && has_collected(writer->states) &&
	       journal_end(writer->journal) == writer->lsn;
}

static void collect(struct writer *writer, const struct device_states *next)
{
	struct writer_states *states = writer->states;

	if (!has_collected(states))
		states->turned = clock_monotonic_s();
	device_state_merge(states->young, next);
}

// ---- reading again what earlier batches have collected

bool writer_states_is_reading(const struct writer *writer)
{
	return writer->states->read < writer->lsn;
}

static void note_report(
	struct writer *writer, int64_t device_id, const struct entry *entry, bool live)
{
	const struct fixed_time fixed = report_fixed_time(&entry->body, entry->received_us);
	const int64_t first_day = writer_retention_first_day(writer);

	device_state_seen(writer->states->young, device_id, entry, live);
	if (first_day <= 0 || fixed.time_us >= first_day * DAY_US)
		device_state_report(writer->states->young, device_id, entry, fixed);
}

static void note(struct writer *writer, const struct entry *entry, bool live)
{
	const struct device *device = device_directory_find(writer->directory, entry->ident);
	struct device_states *young = writer->states->young;

	if (!device || !device->id)
		return;
	if (entry->kind == ENTRY_DISCONNECTED || entry->kind == ENTRY_LEFT)
		device_state_disconnected(young, device->id, &entry->peer);
	else if (device->state == DEVICE_BLOCKED)
		return;
	else if (entry->kind == ENTRY_REPORT)
		note_report(writer, device->id, entry, live);
	else if (entry->kind == ENTRY_CONNECTED)
		device_state_seen(young, device->id, entry, live);
}

// The devices must have been loaded.
static void read_slice(struct writer *writer)
{
	struct writer_states *states = writer->states;
	const uint64_t recovered = journal_recovered(writer->journal);
	struct journal_cursor cursor;
	struct entry entry;

	journal_cursor_init(&cursor, writer->journal, states->read);
	for (unsigned i = 0; i < READ_SLICE && states->read < writer->lsn; i++) {
		if (!journal_cursor_next(&cursor) || cursor.lsn > writer->lsn) {
			states->read =
				writer->lsn; /* the rest was lost; the journal has logged it */
			break;
		}
		states->read = cursor.lsn;
		if (entry_read(cursor.data, cursor.len, &entry))
			note(writer, &entry, cursor.lsn > recovered);
	}
	journal_cursor_done(&cursor);
	states->collected = states->read;
}

static void on_reading(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct writer *writer = timer->data;

	(void)events;
	if (writer->state != WRITER_IDLE)
		return; /* the devices may be loading */
	if (writer_states_is_reading(writer))
		read_slice(writer);
	if (writer_states_is_reading(writer))
		return;
	ev_timer_stop(loop, timer);
	writer_link_wake(writer);
}

void writer_states_adopt(struct writer *writer, uint64_t state_lsn)
{
	struct writer_states *states = writer->states;
	const uint64_t start = journal_start(writer->journal);

	if (state_lsn < start)
		state_lsn = start;
	if (state_lsn > writer->lsn)
		state_lsn = writer->lsn;
	if (states->lsn == state_lsn && states->collected == writer->lsn)
		return;
	device_state_clear(states->young);
	device_state_clear(states->old);
	states->lsn = states->read = states->collected = state_lsn;
	states->suspect = 0; /* the suspected rows are gone */
	writer->counters.state_lsn = state_lsn;
	if (!writer_states_is_reading(writer))
		return;
	log_info("reading entries again for device_state bytes=%" PRIu64, writer->lsn - state_lsn);
	if (!ev_is_active(&states->reading))
		ev_timer_again(writer->loop, &states->reading);
}

// ---- a batch

// Begins a turn if one is due.
static void turn(struct writer *writer)
{
	struct writer_states *states = writer->states;
	const double now = clock_monotonic_s();
	struct device_states *empty = states->old;

	if (!is_empty(states->old) || is_empty(states->young))
		return;
	if (writer->batch->now.more && states->young->count < YOUNG_MOST &&
		now - states->turned < TURN_S)
		return;
	states->old = states->young;
	states->young = empty;
	states->old_lsn = writer->lsn;
	states->turned = now;
}

// Returns the most rows of a slice: fewer after a refusal, more with a large batch.
static size_t slice_rows(const struct writer *writer)
{
	const size_t most = writer->states->most, share = writer->batch->now.entries / SLICE_SHARE;

	return most == SLICE_ROWS && share > most ? share : most;
}

static uint64_t choose_slice(struct writer *writer)
{
	struct writer_states *states = writer->states;
	const size_t most = slice_rows(writer);

	turn(writer);
	if (is_empty(states->old)) {
		states->chosen = CHOSEN_NONE;
		batch_rows_set_states(&writer->batch->now.rows, NULL, 0, "");
		return states->lsn;
	}
	states->chosen = CHOSEN_SLICE;
	states->left = states->old->count > most ? states->old->count - most : 0;
	batch_rows_set_states(&writer->batch->now.rows, states->old, states->left,
		writer->config->database.instance);
	return states->left ? states->lsn : states->old_lsn;
}

uint64_t writer_states_choose(struct writer *writer)
{
	struct writer_states *states = writer->states;
	struct writer_built *built = &writer->batch->now;
	const struct device_states *own = built->rows.states, *written = own;

	if (states->suspect) {
		states->chosen = CHOSEN_NONE;
		batch_rows_set_states(&built->rows, NULL, 0, "");
		return states->lsn;
	}
	states->chosen = CHOSEN_OWN;
	if (has_collected(states) || built->more || own->count > states->most) {
		const size_t rows = writer_states_count(writer) + own->count;
		if (built->more || rows > states->most)
			return choose_slice(writer);
		states->chosen = CHOSEN_ALL;
		device_state_clear(states->all);
		device_state_merge(states->all, states->old);
		device_state_merge(states->all, states->young);
		device_state_merge(states->all, own);
		written = states->all;
	}
	batch_rows_set_states(&built->rows, written, 0, writer->config->database.instance);
	return built->end;
}

// Drops the newest of the collected states, which the database has refused; the ends of connections with it, of which one may be
// at fault.
static void drop_refused(struct writer *writer)
{
	struct writer_states *states = writer->states;
	struct device_states *from = is_empty(states->old) ? states->young : states->old;

	if (from->count) {
		log_warning(
			"the database refuses a row of device_state, dropped it device_id=%" PRId64,
			from->rows[from->count - 1].device_id);
		device_state_cut(from, from->count - 1);
	} else {
		log_warning("the database refuses ends of connections in device_state, dropped "
			    "them count=%zu",
			from->end_count);
		device_state_cut(from, 0);
	}
	writer->counters.refused++;
}

// The batch got through without the suspected states.
static void settle_suspects(struct writer *writer)
{
	struct writer_states *states = writer->states;

	if (states->suspect == 1) {
		drop_refused(writer);
		states->most = SLICE_ROWS;
	} else {
		states->most = states->suspect / 2;
	}
	states->suspect = 0;
}

void writer_states_committed(struct writer *writer)
{
	struct writer_states *states = writer->states;
	const struct writer_built *built = &writer->batch->now;

	writer_batch_committed(writer);
	switch (states->chosen) {
	case CHOSEN_ALL:
		device_state_clear(states->old);
		device_state_clear(states->young);
		/* fall through */
	case CHOSEN_OWN:
		states->lsn = built->end;
		break;
	case CHOSEN_SLICE:
		device_state_cut(states->old, states->left);
		if (states->left == 0)
			states->lsn = states->old_lsn;
		collect(writer, built->rows.states);
		break;
	case CHOSEN_NONE:
		collect(writer, built->rows.states);
		break;
	}
	states->collected = states->read = built->end;
	if (states->suspect)
		settle_suspects(writer);
	writer->counters.state_lsn = states->lsn;
	journal_release(writer->journal, states->lsn);
}

bool writer_states_refused(struct writer *writer)
{
	struct writer_states *states = writer->states;

	if (states->suspect) { /* it was not the states */
		states->suspect = 0;
		return false;
	}
	if (states->chosen != CHOSEN_ALL && states->chosen != CHOSEN_SLICE)
		return false;
	const size_t rows = states->chosen == CHOSEN_ALL ? states->all->count
							 : states->old->count - states->left;
	states->suspect = rows ? rows : 1;
	return true;
}

void writer_states_init(struct writer *writer)
{
	struct writer_states *states = calloc(1, sizeof(*states));

	if (!states)
		log_fatal("out of memory for=\"writer\"");
	writer->states = states;
	states->young = device_state_new();
	states->old = device_state_new();
	states->all = device_state_new();
	states->most = SLICE_ROWS;
	ev_timer_init(&states->reading, on_reading, READ_SLICES, READ_SLICES);
	states->reading.data = writer;
}

void writer_states_done(struct writer *writer)
{
	struct writer_states *states = writer->states;

	ev_timer_stop(writer->loop, &states->reading);
	device_state_free(states->young);
	device_state_free(states->old);
	device_state_free(states->all);
	free(states);
}
