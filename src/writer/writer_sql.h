// SPDX-License-Identifier: MIT
// The writer's SQL: text that grows, and the statements of a session and of a batch.
#ifndef AVLD_WRITER_WRITER_SQL_H
#define AVLD_WRITER_WRITER_SQL_H

#include "writer/batch_rows.h"

#include <libpq-fe.h>

// A zeroed struct is an empty text.
struct writer_sql {
	char *data;
	size_t len, cap;
};
void writer_sql_clear(struct writer_sql *sql);
void writer_sql_done(struct writer_sql *sql);
void writer_sql_add(struct writer_sql *sql, const char *text);
// Adds at most 511 bytes.
void writer_sql_format(struct writer_sql *sql, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void writer_sql_literal(struct writer_sql *sql, PGconn *conn, const char *text); /* 'quoted' */
void writer_sql_date(struct writer_sql *sql, int64_t day); /* since 1970, as 'YYYY-MM-DD' */

// Writes the session's temporary tables and prepared statements.
void writer_sql_session(struct writer_sql *sql);

struct writer_sql_batch {
	const char *instance, *journal;
	uint64_t old_lsn, new_lsn; /* of the checkpoint */
	uint64_t state_lsn;        /* device_state is complete up to here */
	bool staged;   /* reports go through stages, past those that are stored already */
	bool notify;   /* alarms go through their stage, and each that is stored is notified */
	bool on_citus; /* the command tag is right only if the statement returns rows */
};
// Writes the whole batch: the fence, the COPYs, and the statements that use their rows. order receives the kinds in the
// order of their COPYs. Returns how many there are.
size_t writer_sql_batch(struct writer_sql *sql, PGconn *conn, const struct writer_sql_batch *batch,
	const struct batch_rows *rows, enum rows_kind order[ROWS_KINDS]);
// Returns true if the batch sends rows of this kind through a stage. The statement after their COPY then has the command tag
// "INSERT 0 n", where n is the number of rows that were stored, and with `notify` one row "t" or "f" for each of them: notified
// or not.
bool writer_sql_is_staged(const struct writer_sql_batch *batch, enum rows_kind kind);
// Returns the kind whose COPY has this table or stage as its target ("positions" or "avld_positions", as an error's context
// names it); ROWS_KINDS if none has.
enum rows_kind writer_sql_kind(const char *relation);

#endif
