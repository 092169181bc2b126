// SPDX-License-Identifier: MIT
// How the daemon fares: its loop, the age of what is pending, and what was lost lately. Kept by the loop, shown by
// net/numbers.h, net/metrics.h and net/health.h.
#ifndef AVLD_NET_VITALS_H
#define AVLD_NET_VITALS_H

#include "intake/intake.h"
#include "net/conn.h"
#include "util/ages.h"
#include "util/histogram.h"
#include "util/process.h"
#include "writer/writer.h"

#define VITALS_SLOW_S   1. /* a turn of the loop that takes so long is slow */
#define VITALS_LATELY_S 60 /* what has happened so many seconds ago, or less, is recent */

struct vitals {
	struct histogram turn_s; /* of turns of the loop, without the time that it sleeps */
	int64_t turn_us;         /* clock_monotonic_us when the current turn began; 0: none has */
	double slow_s;           /* the last slow turn, */
	uint32_t slow_at_s;      /* and its clock_coarse_s; 0: there was none */
	struct ages written;     /* when the journal's entries were written */
	uint64_t end_lsn;        /* of the journal, at the end of the last turn */
	/* Entries, and reports among them, that this process has written and could not read again. */
	uint64_t entries_lost, reports_lost;
	uint64_t udp_dropped;   /* datagrams, a second ago */
	uint32_t udp_dropped_s; /* clock_coarse_s when it rose last; 0: never */
	int64_t started_us;     /* UTC */
	size_t files;           /* file descriptors open at the start, without connections */
};

// Call it when the journal is open, before the loop runs. May read one entry of the journal.
void vitals_begin(struct vitals *vitals, struct journal *journal);
void vitals_turn_begins(struct vitals *vitals);
void vitals_turn_ends(
	struct vitals *vitals, const struct intake *intake, const struct writer *writer);
void vitals_each_second(struct vitals *vitals, const struct intake *intake);

// Returns the bytes of the journal that are not in the database.
uint64_t vitals_pending_bytes(const struct intake *intake, const struct writer *writer);
// Return the entries written since the start that are pending; of them the reports; those that are lost. Each is exact once
// nothing is pending: what was not read by then is lost.
uint64_t vitals_pending_entries(
	const struct vitals *vitals, const struct intake *intake, const struct writer *writer);
uint64_t vitals_pending_reports(
	const struct vitals *vitals, const struct intake *intake, const struct writer *writer);
uint64_t vitals_lost_entries(
	const struct vitals *vitals, const struct intake *intake, const struct writer *writer);
uint64_t vitals_lost_reports(
	const struct vitals *vitals, const struct intake *intake, const struct writer *writer);
// Returns the age of the oldest pending entry in seconds; 0: nothing is pending.
double vitals_pending_age(
	const struct vitals *vitals, const struct intake *intake, const struct writer *writer);
// Returns the file descriptors that are open; where the kernel does not count them, those of the start and the connections.
uint64_t vitals_open_files(
	const struct vitals *vitals, const struct conns *conns, const struct process_use *use);
// Returns the datagrams that were received, or not, and dropped.
uint64_t vitals_udp_dropped(const struct intake *intake);

#endif
