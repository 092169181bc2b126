// SPDX-License-Identifier: MIT
// Moves the journal's entries into PostgreSQL, exactly once: a state machine over libpq that never blocks the loop.
#ifndef AVLD_WRITER_WRITER_H
#define AVLD_WRITER_WRITER_H

#include "config/config.h"
#include "journal/journal.h"
#include "model/device_directory.h"
#include "writer/backlog.h"
#include "writer/command_rows.h"
#include "writer/writer_counters.h"

struct ev_loop;
struct writer;

// Starts connecting at once. The arguments must outlive the writer.
struct writer *writer_new(struct ev_loop *loop, const struct config *config,
	struct journal *journal, struct device_directory *directory);
// Sets the receiver of commands, which must outlive the writer. Call it before the loop runs.
void writer_set_commands(struct writer *writer, const struct command_sink *sink);
void writer_free(struct writer *writer);
// Settings have changed: looks for rows that are too old now. Everything else is read when it is used.
void writer_configure(struct writer *writer);
// The journal may have new entries: starts a batch within database.batch_interval. Cheap; call it once per loop turn.
void writer_wake(struct writer *writer);
// Writes the pending entries without waiting for batch_interval; no new ones may follow. Calls done once, from the loop,
// when all are stored or the database is unreachable.
void writer_drain(struct writer *writer, void (*done)(void *context), void *context);
// Returns how much is pending for a database that is connected; SMALL while it is not. Cheap; call it once per loop turn.
enum backlog_state writer_backlog(struct writer *writer);
const struct writer_counters *writer_counters(const struct writer *writer);

#endif
