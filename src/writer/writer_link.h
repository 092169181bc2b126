// SPDX-License-Identifier: MIT
// The connection to the database: host names, PQconnectPoll, watchers and timers, the query under way, back-off, and the
// log lines about a database that cannot be used. It does not depend on what is asked: the rest of the writer is called
// through hooks.
#ifndef AVLD_WRITER_WRITER_LINK_H
#define AVLD_WRITER_WRITER_LINK_H

#include "writer/writer_failure.h"
#include "writer/writer_state.h"

#include <libpq-fe.h>

struct writer_link_hooks {
	// A connection was made; no query is under way.
	void (*connected)(struct writer *writer);
	// A notification arrived on this channel.
	void (*notified)(struct writer *writer, const char *channel);
	// The server waits for the data of a COPY: the next one if `begins`, else the same, since the socket can be
	// written again.
	void (*copy_in)(struct writer *writer, bool begins);
	// Something may be due (writer_link_wake), or a query has ended and the state is IDLE (writer_link_ready).
	void (*idle)(struct writer *writer);
	// The connection was lost in this state; the next attempt follows after the back-off.
	void (*lost)(struct writer *writer, enum writer_state state);
};

typedef void writer_on_result(struct writer *writer, PGresult *result);
typedef void writer_on_end(struct writer *writer);

// hooks must outlive the link.
void writer_link_init(struct writer *writer, const struct writer_link_hooks *hooks);
void writer_link_done(struct writer *writer);
// Starts connecting. Later attempts follow by themselves.
void writer_link_start(struct writer *writer);

void writer_link_set_state(struct writer *writer, enum writer_state state);
// Calls the hook `idle`: something may be due.
void writer_link_wake(struct writer *writer);
// Nothing is left to ask: sets IDLE, then calls the hook `idle`.
void writer_link_ready(struct writer *writer);

// Sends a query string; none is under way. result (or NULL) is called with each result that is no error; end, or the hook
// `lost`, is called once.
void writer_link_query(
	struct writer *writer, const char *sql, writer_on_result *result, writer_on_end *end);
// Delivers the rows of the query just sent one by one.
void writer_link_set_single_rows(struct writer *writer);
// Returns how the query that ended failed, or NULL if it succeeded. Valid until the next query.
const struct writer_failure *writer_link_failure(const struct writer *writer);

// Sends a piece of the current COPY's data. Returns false if the caller must stop: the socket is full (the hook copy_in
// follows), or the connection was lost.
bool writer_link_copy(struct writer *writer, const void *data, size_t len);
// Ends the current COPY's data. last: no other COPY follows; sets COMMITTING.
void writer_link_end_copy(struct writer *writer, bool last);
bool writer_link_is_copying(const struct writer *writer);  /* the server waits for COPY data */
bool writer_link_is_flushing(const struct writer *writer); /* the socket is full */

// Gives the connection up: back-off, then the next attempt. sqlstate may be "".
void writer_link_lose(struct writer *writer, enum writer_trouble trouble, const char *sqlstate,
	const char *message);
// Gives the connection up because the query failed and no row is at fault.
void writer_link_lose_query(struct writer *writer);
// The same for an earlier query's failure.
void writer_link_lose_failure(struct writer *writer, const struct writer_failure *failure);
// Returns true if the query failed because the session was ended: it is to be repeated in the next one.
bool writer_link_was_cut_off(const struct writer *writer);
// Logs that the trouble is over if there was one; the next one is logged again.
void writer_link_end_trouble(struct writer *writer);
void writer_link_reset_backoff(struct writer *writer); /* the connection proved good */
void writer_link_keep_backoff(struct writer *writer);  /* the next loss does not double it */

// For quoting and PQstatus. NULL while disconnected.
PGconn *writer_link_conn(const struct writer *writer);

#endif
