// SPDX-License-Identifier: MIT
// What the writer's files share.
//   writer.c           states, connection, watchers, results
//   writer_connect.c   names, PQconnectPoll
//   writer_prepare.c   from a fresh connection to one that is ready: settings, lock, checkpoint, devices
//   writer_learn.c     idents without an id, days without a partition
//   writer_retention.c once an hour, the end of what is old
//   writer_commands.c  the open commands, for whoever sends them
//   writer_batch.c     from journal entries to a batch
//   writer_send.c      the batch on its way, and what the database says to it
//   writer_sql.c       SQL text
#ifndef AVLD_WRITER_WRITER_INTERNAL_H
#define AVLD_WRITER_WRITER_INTERNAL_H

#include "journal/entry.h"
#include "writer/batch_rows.h"
#include "writer/dedup_cache.h"
#include "writer/resolve.h"
#include "writer/writer.h"

#include <ev.h>
#include <libpq-fe.h>

#define DAY_US     INT64_C(86400000000)
#define DAYS_KNOWN 65536 /* 1970 to 2149; other days belong to the DEFAULT partition */

#define BATCH_LIMIT_SMALL 256 /* entries; a batch that gives trouble is made as small as that */

enum writer_state {
	WRITER_WAITING,    /* for the back-off to pass */
	WRITER_RESOLVING,  /* host names */
	WRITER_CONNECTING, /* PQconnectPoll */
	WRITER_PREPARING,  /* the steps of writer_prepare.c */
	WRITER_LOADING,    /* avld.devices into the directory */
	WRITER_IDLE,       /* ready; from here on counters.connected */
	WRITER_LEARNING,   /* devices or partitions, ahead of a batch */
	WRITER_SENDING,    /* COPY */
	WRITER_COMMITTING, /* all is sent, the answer is not here */
};

// Why the database is of no use now. A change is one line in the log.
enum trouble { TROUBLE_NONE, TROUBLE_AWAY, TROUBLE_LOCKED, TROUBLE_SCHEMA };

// SQL text that grows.
struct sql {
	char *data;
	size_t len, cap;
};
void sql_clear(struct sql *sql);
void sql_add(struct sql *sql, const char *text);
void sql_format(struct sql *sql, const char *format, ...) __attribute__((format(printf, 2, 3)));
void sql_literal(struct sql *sql, PGconn *conn, const char *text); /* 'quoted' */
void sql_date(struct sql *sql, int64_t day);                       /* 'YYYY-MM-DD' */
void sql_done(struct sql *sql);
// The session's tables and statements.
void sql_session(struct sql *sql);
// The whole batch: fence, COPYs, and what depends on them. order receives the kinds in the order of
// their COPYs, *count how many. staged: past duplicates.
struct batch_sql {
	const char *instance, *journal;
	uint64_t old_lsn, new_lsn;
	bool staged;
};
void sql_batch(struct sql *sql, PGconn *conn, const struct batch_sql *batch,
	const struct batch_rows *rows, enum rows_kind *order, size_t *count);
// "positions" or "avld_positions_stage" (as an error's context names it) to its kind; ROWS_KINDS:
// none.
enum rows_kind sql_kind_of(const char *relation, size_t len);

// The error that ended a query string.
struct failure {
	char sqlstate[6];    /* "" if the server gave none */
	char message[480];   /* and its detail, which may show the row: for avld.rejects */
	char told[480];      /* the message alone, quoted: for the log */
	enum rows_kind kind; /* the COPY it happened in, or ROWS_KINDS */
	uint64_t line;       /* its row, from 1; 0: not known */
	char context[160];
};

// A query string under way.
typedef void on_result(struct writer *writer, PGresult *result);
typedef void on_end(struct writer *writer);
struct query {
	bool active, failed;
	on_result *result; /* of each that is no error; may be NULL */
	on_end *end;
	struct failure failure; /* the first one, when failed */
};

struct link {
	PGconn *conn;
	struct resolve *resolve;
	PostgresPollingStatusType poll; /* what PQconnectPoll waits for */
	bool flushing;                  /* libpq holds bytes that the socket did not take */
	char farewell[240];             /* what the server said last outside of a query */
	ev_io io;
	int io_fd, io_events;
	ev_timer timer; /* back-off, or the guard of a state that waits for the database */
	double backoff, ready_since;
	enum trouble trouble;
	char trouble_state[6];
	double trouble_since;
	uint64_t token; /* of this process: each of its sessions holds a lock of this key */
};

struct prepare {
	unsigned step;
	bool locked;
	bool own; /* the lock is held by our own last connection, ended now */
	int version;
	char holder[200]; /* of the lock, if it is not us */
	bool found;       /* the checkpoint's row */
	char journal[40];
	uint64_t lsn;
	unsigned changed; /* rows that the step changed */
	bool adopted;     /* once in this process */
	bool was_reset;   /* device_state.connected */
};

// An ident that has no id: asked for, or refused for a while.
struct note;
struct learn {
	struct note *notes;
	size_t wanted;
	size_t limit; /* idents in one question; 1 after the database refused some */
	bool days_wanted;
	uint64_t days[DAYS_KNOWN / 64];    /* have a partition, or cannot have one */
	uint64_t missing[DAYS_KNOWN / 64]; /* to be made */
	int64_t today;
	bool warned;
	on_end *then;
};

// What is too old, on its way out.
struct retention {
	ev_timer timer;
	bool due;
	bool was_last; /* nothing was written since the last step */
	size_t step;   /* 0: days, then a table each */
	uint64_t rows; /* deleted of the table so far */
};

struct refusal {
	uint64_t lsn;
	char message[400];
};

// Rows of the journal's entries between two LSNs.
struct built {
	struct batch_rows rows;
	uint64_t start, end; /* equal: nothing is built */
	size_t entries;
	bool whole; /* nothing is to be added */
	bool more;  /* the journal held more */
	uint64_t duplicates, blocked;
};

struct writer_batch {
	struct built now;   /* the batch under way */
	struct built ahead; /* the next one, built while the database is busy with this one */
	struct built *building;
	size_t limit; /* entries in the next batch */
	bool staged;
	bool sent;                        /* may be committed, as far as we know */
	enum rows_kind order[ROWS_KINDS]; /* of the COPYs */
	size_t copies, copied;            /* how many, how many begun */
	bool copying;
	size_t offset; /* in the one under way */
	bool answered; /* a statement has succeeded: the fence held */
	uint64_t inserted[ROWS_KINDS];
	struct refusal *refused;
	size_t refused_count, refused_cap;
	double refusal_told; /* when, on the loop's clock */
	ev_timer timer;      /* batch_interval since the first waiting entry */
	bool due;
	ev_timer slices;    /* the next one is being built */
	double entry_bytes; /* of an entry in the journal, on average */
};

// The reading of avld.commands.
struct commands_reading {
	const struct command_sink *sink; /* NULL: nobody wants to know */
	ev_timer timer;
	bool due;
	uint64_t wanted_lsn; /* due once all below it is stored; 0: none */
	bool was_last;       /* nothing was written since the last reading */
	bool warned;
	unsigned rows;
	int64_t last_id;
};

struct writer {
	struct ev_loop *loop;
	const struct config *config;
	struct journal *journal;
	struct device_directory *directory;
	struct dedup_cache *recent;
	struct writer_counters counters;
	enum writer_state state;
	uint64_t lsn; /* everything below is stored: the checkpoint in the database */
	struct link link;
	struct query query;
	struct prepare prepare;
	struct learn learn;
	struct retention retention;
	struct writer_batch batch;
	struct commands_reading commands;
	struct sql sql;
	void (*drained)(void *context);
	void *drain_context;
	ev_timer drain_timer;
	bool devices_due;   /* somebody changed avld.devices: it is to be read again */
	bool reloaded_last; /* it was, with no batch since */
};

// writer.c
void writer_set_state(struct writer *writer, enum writer_state state);
void writer_query(struct writer *writer, const char *sql, on_result *result, on_end *end);
// The connection is given up: back-off, then all over again. The message is for the log.
void writer_lose(
	struct writer *writer, enum trouble trouble, const char *sqlstate, const char *message);
// The query failed in a way that no row is to blame for: gives the connection up.
void writer_lose_query(struct writer *writer);
void writer_lose_connection(struct writer *writer); /* it is gone: says why, as far as known */
void writer_watch(struct writer *writer);           /* what the state wants to know of the socket */
void writer_one_line(char *to, size_t cap, const char *from);
void writer_ready(struct writer *writer); /* nothing to ask: IDLE, or the next batch */
bool writer_flush(struct writer *writer); /* true: all is out; false: wait, or lost */
void writer_trouble_over(struct writer *writer, const char *what);

// writer_connect.c
void connect_start(struct writer *writer);
void connect_poll(struct writer *writer); /* the socket is ready for PQconnectPoll */

// writer_prepare.c
void prepare_start(struct writer *writer);
void prepare_check_fence(struct writer *writer);
// avld.devices into the directory once more, then writer_ready.
void prepare_reload_devices(struct writer *writer);
void device_row(struct writer *writer, PGresult *result); /* id, ident, state, protocol */

// writer_learn.c
enum ident_verdict { IDENT_ASKED, IDENT_REFUSED, IDENT_BROKEN };
void learn_init(struct writer *writer);
void learn_done(struct writer *writer);
void learn_start_session(struct writer *writer);
// An ident without id. BROKEN: the database refuses it, *why says how.
enum ident_verdict learn_ident(struct writer *writer, struct text ident, const char **why);
void learn_day(struct writer *writer, int64_t time_us);
void learn_near_days(struct writer *writer); /* yesterday to the day after tomorrow */
int64_t learn_today(const struct writer *writer);
bool learn_needed(const struct writer *writer);
// Asks for what is needed, then calls `then`.
void learn_run(struct writer *writer, on_end *then);

void learn_forget_days(struct writer *writer); /* some may be gone */

// writer_retention.c
void retention_init(struct writer *writer);
void retention_done(struct writer *writer);
bool retention_due(const struct writer *writer); /* and is it its turn? */
void retention_run(struct writer *writer);       /* one step. IDLE only; then writer_ready */
// The day, since 1970, before which nothing is kept.
int64_t retention_first_day(const struct writer *writer);

// writer_commands.c
void commands_init(struct writer *writer);
void commands_done(struct writer *writer);
void commands_set_due(struct writer *writer);   /* there are new ones, or may be */
bool commands_due(const struct writer *writer); /* and is it their turn? */
void commands_read(struct writer *writer);      /* IDLE only; then writer_ready */

// writer_batch.c
void batch_init(struct writer *writer);
void batch_done(struct writer *writer);
bool batch_wanted(const struct writer *writer); /* is it time for one? */
void batch_start(struct writer *writer);        /* builds and sends, or learns first */
// The database has all of this batch, and the journal a whole one more: builds that meanwhile.
void batch_build_ahead(struct writer *writer);
void batch_drop_ahead(struct writer *writer); /* what it was built upon does not hold */
bool batch_refuse(
	struct writer *writer, uint64_t lsn, const char *message); /* false: it is already */
void batch_committed(struct writer *writer);

// writer_send.c
void send_batch(struct writer *writer);
void send_feed(struct writer *writer);    /* COPY's data, as far as the socket takes it */
void send_copy_in(struct writer *writer); /* the server waits for the next COPY's data */

#endif
