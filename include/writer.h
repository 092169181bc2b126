// SPDX-License-Identifier: MIT
// From the journal into PostgreSQL, exactly once: a state machine over libpq that never blocks the loop.
#ifndef AVLD_WRITER_H
#define AVLD_WRITER_H

#include "config.h"
#include "directory.h"
#include "journal.h"

struct ev_loop;
struct writer;

struct writer_counters {
	uint64_t batches, rows_positions, rows_statuses, rows_alarms, rows_rejects, duplicates,
		refused, retries;
	uint64_t blocked; /* reports of blocked devices, dropped */
	uint64_t lsn;     /* everything below is stored */
	bool connected;   /* and ready to write */
};

// config and the others must outlive the writer. Starts connecting at once. schema_version: what this program needs.
struct writer *writer_new(struct ev_loop *loop, const struct config *config,
	struct journal *journal, struct directory *directory);
void writer_free(struct writer *writer);
// The journal has new entries: a batch starts within batch_interval. Cheap; call it once per loop turn.
void writer_wake(struct writer *writer);
// No new entries will come: write what there is without waiting for batch_interval. done is called once, when all is
// stored or the database is away (not connected now).
void writer_drain(struct writer *writer, void (*done)(void *context), void *context);
const struct writer_counters *writer_counters(const struct writer *writer);

#endif
