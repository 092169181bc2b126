// SPDX-License-Identifier: MIT
// The numbers of the writer, since the process started.
#ifndef AVLD_WRITER_WRITER_COUNTERS_H
#define AVLD_WRITER_WRITER_COUNTERS_H

#include "util/histogram.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Why a report has become no row of positions or statuses, though it is no duplicate.
enum left_out {
	LEFT_OUT_REFUSED, /* the database refused it, or its device: it is in rejects */
	LEFT_OUT_BLOCKED, /* its device is blocked */
	LEFT_OUT_UNKNOWN, /* its device is unknown, and unknown devices are refused */
	LEFT_OUT_OLD,     /* older than database.retention: it is in rejects */
	LEFT_OUT_REASONS
};
// Returns "refused", "blocked", ...
const char *writer_counters_left_out_name(enum left_out reason);

// Why the database cannot be used.
enum writer_trouble {
	TROUBLE_NONE,
	TROUBLE_UNREACHABLE,
	TROUBLE_LOCKED, /* by another avld of this instance */
	TROUBLE_REFUSED,
	TROUBLE_TABLES, /* not as expected */
};

#define WRITER_ERROR_CLASSES 20 /* at most */

struct writer_counters {
	uint64_t batches;
	uint64_t rows_positions, rows_statuses, rows_alarms, rows_rejects; /* stored */
	uint64_t rows_connections, rows_commands, rows_media, rows_unknown_devices;
	/* With database.notify_alarms, each row of alarms is counted as one of these: */
	uint64_t notifications, notifications_left_out;
	uint64_t duplicates;                 /* reports that were stored before */
	uint64_t left_out[LEFT_OUT_REASONS]; /* reports */
	uint64_t refused;   /* entries whose rows the database refused; stored as rejects */
	uint64_t retries;   /* connections lost and batches sent again */
	uint64_t connects;  /* connections that became ready to write */
	uint64_t lsn;       /* everything below is stored */
	uint64_t state_lsn; /* device_state is complete up to here */
	/* Of the entries written to the journal since the start, those that are done: stored, or left out. */
	uint64_t entries_done, reports_done;
	uint64_t
		reports_again; /* other reports done: from before the start, or lost by the database */
	bool connected;        /* the session is ready to write */
	enum writer_trouble trouble;           /* until the database can be used again */
	char trouble_text[240];                /* the reason, one line */
	uint64_t errors[WRITER_ERROR_CLASSES]; /* by index of writer_counters_error_class */
	size_t last_error;                     /* likewise; meaningless before the first */
	struct histogram commit_s;             /* from the beginning of a batch until its commit */
	struct histogram receipt_s;            /* from the receipt of a report until its commit */
	char problem[288]; /* what is wrong with the tables, and its remedy; "": nothing known */
};

void writer_counters_init(struct writer_counters *counters);
// Counts an error of the database. sqlstate: "" if the connection failed.
void writer_counters_note_error(struct writer_counters *counters, const char *sqlstate);
// Returns the class of errors of this index: the first two characters of an SQLSTATE, "connection" or "other"; NULL: there
// is no such index.
const char *writer_counters_error_class(size_t index);

#endif
