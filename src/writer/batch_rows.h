// SPDX-License-Identifier: MIT
// From journal entries to the rows of a batch, as COPY BINARY buffers: one for each table that a
// batch writes. Pure: no libpq, no clock. Which entry becomes what is the writer's decision
// (writer_batch.c).
#ifndef AVLD_WRITER_BATCH_ROWS_H
#define AVLD_WRITER_BATCH_ROWS_H

#include "journal/entry.h"
#include "writer/device_state.h"
#include "writer/pgcopy.h"

enum rows_kind {
	ROWS_POSITIONS,
	ROWS_STATUSES,
	ROWS_ALARMS,
	ROWS_REJECTS,
	ROWS_CONNECTIONS,
	ROWS_ENDED,    /* connections that batches before this one saw open; ahead of the state */
	ROWS_STATE,    /* reduced: one row a device; made by batch_rows_finish */
	ROWS_UNKNOWN,  /* one row a report; the database counts them */
	ROWS_COMMANDS, /* changes; the database keeps the newest of each command */
	ROWS_MEDIA,    /* pieces of photos; the database puts them together */
	ROWS_KINDS
};

struct batch_rows {
	struct pgcopy copies[ROWS_KINDS];
	struct device_states *latest;
};

void batch_rows_init(struct batch_rows *rows);
void batch_rows_done(struct batch_rows *rows);
void batch_rows_clear(struct batch_rows *rows);
size_t batch_rows_bytes(const struct batch_rows *rows); /* so far, without ROWS_STATE */

// A report as position or status, its alarms, and the newest state of its device. lsn: of the
// entry. live: this process received it (latest.h).
void batch_rows_add_report(struct batch_rows *rows, const struct entry *report, int64_t device_id,
	struct fixed_time fixed, uint64_t lsn, bool live);
// A report that is stored already: the device was seen, no more.
void batch_rows_add_repeat(
	struct batch_rows *rows, const struct entry *report, int64_t device_id, bool live);
// Any entry, as a reject with this reason; its raw bytes if it has them.
void batch_rows_add_reject(
	struct batch_rows *rows, const struct entry *entry, struct text reason, uint64_t lsn);
// ENTRY_CONNECTED of a device.
void batch_rows_add_connected(
	struct batch_rows *rows, const struct entry *entry, int64_t device_id, bool live);
// ENTRY_DISCONNECTED, of whatever device.
void batch_rows_add_disconnected(struct batch_rows *rows, const struct entry *entry, uint64_t lsn);
// ENTRY_DISCONNECTED or ENTRY_LEFT of a device: it is not connected from that peer any more.
void batch_rows_add_left(
	struct batch_rows *rows, const struct entry *entry, int64_t device_id, uint64_t lsn);
// A device that may not report was seen.
void batch_rows_add_unknown(struct batch_rows *rows, const struct entry *entry, uint64_t lsn);

// ENTRY_COMMAND.
void batch_rows_add_command(struct batch_rows *rows, const struct entry *entry, uint64_t lsn);

// ENTRY_MEDIA.
void batch_rows_add_media(
	struct batch_rows *rows, const struct entry *entry, int64_t device_id, uint64_t lsn);

// No more entries. instance: our name.
void batch_rows_finish(struct batch_rows *rows, const char *instance);

// The columns of a kind, in the order of its fields: "device_id, fixed_at, ...".
const char *batch_rows_columns(enum rows_kind kind);

#endif
