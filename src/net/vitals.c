// SPDX-License-Identifier: MIT
#include "net/vitals.h"

#include "journal/entry.h"
#include "util/clock.h"

static const double turn_bounds[] = {
	.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 0};

_Static_assert(sizeof(turn_bounds) <= (HISTOGRAM_BOUNDS + 1) * sizeof(double), "room");

// Returns the time of receipt of the entry at this LSN; 0: there is none.
static int64_t received_at(struct journal *journal, uint64_t lsn)
{
	struct journal_cursor cursor;
	struct entry entry;
	int64_t received_us = 0;

	journal_cursor_init(&cursor, journal, lsn);
	if (journal_cursor_next(&cursor) && entry_read(cursor.data, cursor.len, &entry))
		received_us = entry.received_us;
	journal_cursor_done(&cursor);
	return received_us;
}

void vitals_begin(struct vitals *vitals, struct journal *journal)
{
	const uint64_t stored = journal_stored(journal);
	const int64_t received_us =
		stored < journal_end(journal) ? received_at(journal, stored) : 0;

	vitals->turn_s.bounds = turn_bounds;
	vitals->started_us = clock_utc_us();
	vitals->files = process_count_files();
	vitals->end_lsn = journal_end(journal);
	if (received_us > 0 && received_us < vitals->started_us)
		ages_note(&vitals->written, stored, received_us);
}

void vitals_turn_begins(struct vitals *vitals)
{
	vitals->turn_us = clock_monotonic_us();
}

static void note_turn(struct vitals *vitals)
{
	if (vitals->turn_us == 0)
		return;
	const double turn_s = (double)(clock_monotonic_us() - vitals->turn_us) / 1e6;
	histogram_add(&vitals->turn_s, turn_s, 1);
	if (turn_s >= VITALS_SLOW_S) {
		vitals->slow_s = turn_s;
		vitals->slow_at_s = clock_coarse_s();
	}
}

// Entries and reports that are neither done nor known to be lost.
static uint64_t open_entries(const struct intake *intake, const struct writer *writer)
{
	return journal_appended(intake->journal) - writer_counters(writer)->entries_done;
}

static uint64_t open_reports(const struct intake *intake, const struct writer *writer)
{
	return intake->counters.reports_journaled - writer_counters(writer)->reports_done;
}

void vitals_turn_ends(
	struct vitals *vitals, const struct intake *intake, const struct writer *writer)
{
	const uint64_t end = journal_end(intake->journal);

	note_turn(vitals);
	if (end != vitals->end_lsn) {
		ages_drop(&vitals->written, writer_counters(writer)->lsn);
		ages_note(&vitals->written, vitals->end_lsn, clock_utc_us());
		vitals->end_lsn = end;
	}
	if (vitals_pending_bytes(intake, writer) == 0) {
		vitals->entries_lost = open_entries(intake, writer);
		vitals->reports_lost = open_reports(intake, writer);
	}
}

void vitals_each_second(struct vitals *vitals, const struct intake *intake)
{
	const uint64_t dropped = vitals_udp_dropped(intake);

	if (dropped != vitals->udp_dropped)
		vitals->udp_dropped_s = clock_coarse_s();
	vitals->udp_dropped = dropped;
}

uint64_t vitals_pending_bytes(const struct intake *intake, const struct writer *writer)
{
	const uint64_t start = journal_start(intake->journal);
	const uint64_t lsn = writer_counters(writer)->lsn;

	return journal_end(intake->journal) - (lsn > start ? lsn : start);
}

uint64_t vitals_lost_entries(
	const struct vitals *vitals, const struct intake *intake, const struct writer *writer)
{
	return vitals_pending_bytes(intake, writer) > 0 ? vitals->entries_lost
							: open_entries(intake, writer);
}

uint64_t vitals_lost_reports(
	const struct vitals *vitals, const struct intake *intake, const struct writer *writer)
{
	return vitals_pending_bytes(intake, writer) > 0 ? vitals->reports_lost
							: open_reports(intake, writer);
}

uint64_t vitals_pending_entries(
	const struct vitals *vitals, const struct intake *intake, const struct writer *writer)
{
	return open_entries(intake, writer) - vitals_lost_entries(vitals, intake, writer);
}

uint64_t vitals_pending_reports(
	const struct vitals *vitals, const struct intake *intake, const struct writer *writer)
{
	return open_reports(intake, writer) - vitals_lost_reports(vitals, intake, writer);
}

double vitals_pending_age(
	const struct vitals *vitals, const struct intake *intake, const struct writer *writer)
{
	const int64_t written_us = ages_find(&vitals->written, writer_counters(writer)->lsn);
	const double age_s = (double)(clock_utc_us() - written_us) / 1e6;

	if (vitals_pending_bytes(intake, writer) == 0 || written_us == 0)
		return 0.;
	return age_s > 0. ? age_s : 0.;
}

uint64_t vitals_udp_dropped(const struct intake *intake)
{
	const struct intake_counters *counters = &intake->counters;

	return counters->udp_lost + counters->udp_no_room + counters->udp_no_memory;
}

uint64_t vitals_open_files(
	const struct vitals *vitals, const struct conns *conns, const struct process_use *use)
{
	return use->files ? use->files : vitals->files + conn_count(conns);
}
