// SPDX-License-Identifier: MIT
// What the parts of the writer share. Each part takes the whole writer and keeps its own state to itself.
//
//   writer.c            decides what runs next
//   writer_send.c       sends a batch and handles the database's answer
//   writer_session.c    prepares a fresh connection: settings, lock, checkpoint, devices
//   writer_batch.c      turns journal entries into a batch
//   writer_states.c     decides which rows of device_state a batch writes
//   writer_notify.c     notifications of alarms for other programs
//   writer_commands.c   reads the open commands
//   writer_retention.c  deletes old rows, once an hour
//   writer_lookup.c     ids of devices
//   writer_days.c       partitions of days
//   writer_shape.c      whether the tables are as expected
//   writer_link.c       the connection, its watchers, the query under way
//   writer_sql.c        SQL text
#ifndef AVLD_WRITER_WRITER_STATE_H
#define AVLD_WRITER_WRITER_STATE_H

#include "config/config.h"
#include "journal/journal.h"
#include "model/device_directory.h"
#include "util/clock.h"
#include "writer/backlog.h"
#include "writer/writer_counters.h"
#include "writer/writer_sql.h"

#define DAY_US INT64_C(86400000000)

struct ev_loop;
struct writer;

enum writer_state {
	WRITER_DISCONNECTED, /* until the back-off has passed */
	WRITER_RESOLVING,    /* host names */
	WRITER_CONNECTING,   /* PQconnectPoll */
	WRITER_PREPARING,    /* the steps of writer_session.c */
	WRITER_LOADING,      /* avld.devices into the directory */
	WRITER_IDLE,         /* ready; from here on counters.connected */
	WRITER_ASKING,       /* a query between two batches */
	WRITER_SENDING,      /* COPY data */
	WRITER_COMMITTING,   /* all is sent, the answer is pending */
};

// What the last comparison of the tables has found (writer_shape.c).
struct writer_shape {
	unsigned problems;
	char problem[256]; /* the first one */
	void (*end)(struct writer *writer);
};

// Notifications of alarms (writer_notify.c).
struct writer_notify {
	bool tried;    /* the batch under way has some */
	uint64_t sent; /* of it, as far as it is answered */
	double resume; /* none before this, on clock_monotonic_s */
	double log_at; /* alarms without them are not logged before this, likewise */
};

struct writer {
	struct ev_loop *loop;
	const struct config *config;
	struct journal *journal;
	struct device_directory *directory;
	struct writer_counters counters;
	enum writer_state state; /* set by writer_link_set_state */
	uint64_t lsn;            /* everything below is stored: the checkpoint in the database */
	bool on_citus;           /* the database has Citus; set at each connect */
	char engine[16];         /* what keeps positions and statuses; also then */
	struct writer_sql sql;   /* the text of the next query */
	struct backlog backlog;

	struct writer_link *link;
	struct writer_lookup *lookup;
	struct writer_days *days;
	struct writer_retention *retention;
	struct writer_commands *commands;
	struct writer_batch *batch;
	struct writer_states *states;
	struct writer_session *session;
	struct writer_shape shape;
	struct writer_notify notify;
	struct writer_send *send;
	struct writer_turns *turns; /* writer.c */
};

#endif
