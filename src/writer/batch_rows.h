// SPDX-License-Identifier: MIT
// The rows of a batch, made from journal entries: one COPY BINARY buffer for each table that a batch writes. Calls neither
// libpq nor a clock. writer_batch.c decides which entry becomes which rows.
#ifndef AVLD_WRITER_BATCH_ROWS_H
#define AVLD_WRITER_BATCH_ROWS_H

#include "journal/entry.h"
#include "writer/device_state.h"
#include "writer/rows_copy.h"

enum rows_kind {
	ROWS_POSITIONS,
	ROWS_STATUSES,
	ROWS_ALARMS,
	ROWS_REJECTS,
	ROWS_CONNECTIONS,
	ROWS_ENDED, /* ends of connections that started before the batch; precedes ROWS_STATE */
	ROWS_STATE, /* one row a device */
	ROWS_OTHER, /* devices heard from two peers; as the two above made by batch_rows_set_states */
	ROWS_UNKNOWN,  /* one row a report; the database counts them */
	ROWS_COMMANDS, /* changes; the database keeps the newest of each command */
	ROWS_MEDIA,    /* pieces of photos; the database assembles them */
	ROWS_KINDS
};

struct batch_rows {
	struct rows_copy copies[ROWS_KINDS];
	struct device_states *states;
};

void batch_rows_init(struct batch_rows *rows);
void batch_rows_done(struct batch_rows *rows);
void batch_rows_clear(struct batch_rows *rows);         /* removes all rows, keeps the memory */
size_t batch_rows_bytes(const struct batch_rows *rows); /* so far, without the states */

// lsn: of the entry. live: this process received it (device_state.h).

// Adds a report as position or status, its alarms, and the device's state.
void batch_rows_add_report(struct batch_rows *rows, const struct entry *report, int64_t device_id,
	struct fixed_time fixed, uint64_t lsn, bool live);
// Adds that the device was seen: for a report that is not stored (again).
void batch_rows_add_repeat(
	struct batch_rows *rows, const struct entry *report, int64_t device_id, bool live);
// Adds an entry of any kind as a reject with this reason, and its raw bytes if it has them.
void batch_rows_add_reject(
	struct batch_rows *rows, const struct entry *entry, struct text reason, uint64_t lsn);
// Adds an ENTRY_CONNECTED of a device.
void batch_rows_add_connected(
	struct batch_rows *rows, const struct entry *entry, int64_t device_id, bool live);
// Adds an ENTRY_DISCONNECTED to the connections.
void batch_rows_add_disconnected(struct batch_rows *rows, const struct entry *entry, uint64_t lsn);
// Adds an ENTRY_DISCONNECTED or ENTRY_LEFT to the device's state: it is not connected from that peer any more.
void batch_rows_add_left(struct batch_rows *rows, const struct entry *entry, int64_t device_id);
// Adds a frame of a device that may not report.
void batch_rows_add_unknown(struct batch_rows *rows, const struct entry *entry, uint64_t lsn);
// Adds an ENTRY_COMMAND.
void batch_rows_add_command(struct batch_rows *rows, const struct entry *entry, uint64_t lsn);
// Adds an ENTRY_MEDIA.
void batch_rows_add_media(
	struct batch_rows *rows, const struct entry *entry, int64_t device_id, uint64_t lsn);
// Completes the buffers of all kinds but those that batch_rows_set_states makes; no entry may follow.
void batch_rows_finish(struct batch_rows *rows);
// Makes ROWS_ENDED of the ends, ROWS_STATE and ROWS_OTHER of the states' rows from number `first` on, and completes them;
// NULL: empty. May be called again. instance: database.instance. It is in the rows that are certain whether a TCP connection
// is open. Where it is NULL, `connected` is false and counts only if the table's peer is the row's.
void batch_rows_set_states(struct batch_rows *rows, const struct device_states *states,
	size_t first, const char *instance);

// Returns the columns of a kind in the order of its fields: "device_id, fixed_at, ...".
const char *batch_rows_columns(enum rows_kind kind);

#endif
