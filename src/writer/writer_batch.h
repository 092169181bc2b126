// SPDX-License-Identifier: MIT
// The batch: journal entries between two LSNs as rows. Decides what becomes of each entry.
//
// While there is a backlog the next batch is built while the database is busy with the current one. What is built ahead
// holds only if the current batch commits as it is.
#ifndef AVLD_WRITER_WRITER_BATCH_H
#define AVLD_WRITER_WRITER_BATCH_H

#include "writer/batch_rows.h"
#include "writer/writer_state.h"

#include <ev.h>

// Reports received at about the same time.
struct receipts {
	int64_t received_us;
	uint32_t reports;
};
#define RECEIPTS_MAX 512 /* kept of a batch; the last one gets the others */

// What has become of the entries of a batch.
struct built_counts {
	uint64_t duplicates, left_out[LEFT_OUT_REASONS];
	uint64_t entries, reports; /* written since the start, and not done by an earlier batch */
	uint64_t reports_again;    /* others */
};

struct writer_built {
	struct batch_rows rows;
	uint64_t start, end; /* LSNs; equal: nothing is built */
	size_t entries;
	bool whole; /* complete: no entry is to be added */
	bool more;  /* the journal held more */
	struct built_counts counts;
	size_t receipt_count;
	struct receipts receipts[RECEIPTS_MAX];
};

// An entry that the database refused.
struct writer_refusal {
	uint64_t lsn; /* after the entry */
	char message[400];
};

struct writer_batch {
	struct writer_built now;   /* the current batch */
	struct writer_built ahead; /* the next one */
	struct writer_built *building;
	int64_t last_day, oldest_us; /* while building: the day looked up last; what is kept */
	size_t limit; /* entries in the next batch: database.batch_rows; more while behind */
	bool staged;  /* is sent through the stages, past rows that are stored */
	bool sent;    /* may be committed, as far as we know */
	uint64_t stored[ROWS_KINDS]; /* rows sent directly, or that the stages let through */
	struct writer_refusal *refused;
	size_t refused_count, refused_cap;
	struct dedup_cache *recent;
	ev_timer timer; /* database.batch_interval since the first pending entry */
	bool due;
	uint64_t done_lsn;  /* everything below has been counted as done */
	double begun_s;     /* when the current batch was begun, on clock_monotonic_s */
	double entry_bytes; /* of an entry in the journal, on average */
};

void writer_batch_init(struct writer *writer);
void writer_batch_done(struct writer *writer);

// Starts the interval after which the pending entries are due, unless it runs or has passed.
void writer_batch_schedule(struct writer *writer, double after_s);
// Returns true if the pending entries are due: the interval has passed, or there are enough for a full batch.
bool writer_batch_due(const struct writer *writer);

// Returns the bytes that database.batch_rows entries take in the journal.
uint64_t writer_batch_full_bytes(const struct writer *writer);

// Makes the batch that begins at the checkpoint the current one, whole: as it was built ahead, or built now, of at most
// database.batch_rows entries more.
void writer_batch_next(struct writer *writer);
// Forgets the keys of the current batch and drops the one ahead: both will be built again. `now` stays readable.
void writer_batch_forget(struct writer *writer);
// Returns true if the next batch may be built ahead: it has been begun, or the journal holds enough for a full one.
bool writer_batch_has_next(const struct writer *writer);
// Builds the next batch while the current one is under way: at most so many entries. Returns true if it is whole.
bool writer_batch_build_ahead(struct writer *writer, size_t entries);
void writer_batch_drop_ahead(struct writer *writer); /* what it was built upon does not hold */

// From now on the entry becomes a reject with this message. Returns false if it is one already.
bool writer_batch_refuse(struct writer *writer, uint64_t lsn, const char *message);
// The smallest limit that trouble leads to is BATCH_LIMIT_SMALL entries.
#define BATCH_LIMIT_SMALL 256
void writer_batch_lower_limit(struct writer *writer, size_t limit);
// For writer_states_committed: counts the rows of the current batch and advances the checkpoint.
void writer_batch_committed(struct writer *writer);

#endif
