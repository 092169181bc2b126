// SPDX-License-Identifier: MIT
// From the journal into PostgreSQL, exactly once: a state machine over libpq that never blocks the loop.
#ifndef AVLD_WRITER_WRITER_H
#define AVLD_WRITER_WRITER_H

#include "config/config.h"
#include "journal/journal.h"
#include "model/command.h"
#include "model/device_directory.h"

struct ev_loop;
struct writer;

struct writer_counters {
	uint64_t batches, rows_positions, rows_statuses, rows_alarms, rows_rejects, duplicates,
		refused, retries;
	uint64_t blocked; /* reports of blocked devices, dropped */
	uint64_t lsn;     /* everything below is stored */
	bool connected;   /* and ready to write */
};

// A command that is not ended, as avld.commands has it now.
struct command_row {
	int64_t id;
	struct text ident; /* of the device; empty: it is no more */
	struct text name;
	struct text args[COMMAND_ARGS]; /* as text; data NULL: not given */
	bool sent;                      /* else queued */
	bool elsewhere;                 /* the device was heard of by another instance last */
	uint32_t attempts;
	int64_t created_us, expires_us;
	int64_t sent_us; /* 0: never */
	bool has_fix;    /* the device's newest plausible valid fix: */
	int64_t fixed_us;
	int32_t speed_kmh_e2; /* -1: not known */
};
// Who wants to know of commands. They are read when the database says that there are new ones, at each connect, and once a
// minute: begin, a row each by id, end.
struct command_sink {
	void *context;
	// lsn: what the journal holds below it is in these rows.
	void (*begin)(void *context, uint64_t lsn);
	void (*row)(void *context, const struct command_row *row);
	// Up to which id the rows are all that there are; -1: the reading failed. Returns an LSN: they are to be read once more
	// when what the journal holds below it is stored. 0: no need.
	uint64_t (*end)(void *context, int64_t up_to);
};

// config and the others must outlive the writer. Starts connecting at once. schema_version: what this program needs.
struct writer *writer_new(struct ev_loop *loop, const struct config *config,
	struct journal *journal, struct device_directory *directory);
// sink must outlive the writer. Before the loop turns for the first time.
void writer_set_commands(struct writer *writer, const struct command_sink *sink);
void writer_free(struct writer *writer);
// The journal has new entries: a batch starts within batch_interval. Cheap; call it once per loop turn.
void writer_wake(struct writer *writer);
// No new entries will come: write what there is without waiting for batch_interval. done is called once, when all is
// stored or the database is away (not connected now).
void writer_drain(struct writer *writer, void (*done)(void *context), void *context);
const struct writer_counters *writer_counters(const struct writer *writer);

#endif
