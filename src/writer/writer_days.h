// SPDX-License-Identifier: MIT
// The days of positions and statuses that have a partition, and the making of those that have none. Days are counted from 1970,
// UTC. No report waits for a partition: without one its row goes to the DEFAULT partition, where queries find it and retention
// deletes it, and avld.ensure_partitions moves it.
#ifndef AVLD_WRITER_WRITER_DAYS_H
#define AVLD_WRITER_WRITER_DAYS_H

#include "writer/writer_link.h"

void writer_days_init(struct writer *writer);
void writer_days_done(struct writer *writer);

// Notes that the device (its id) has a report of this day. Ignored: days that can have no partition of their own (before 1970,
// after 2149), while the days are not read, and beyond the limits: so many new days in an hour for one device, and for all.
#define DAYS_OF_DEVICE 3
#define DAYS_NEW       24
void writer_days_note(struct writer *writer, int64_t day, int64_t device_id);

int64_t writer_days_today(const struct writer *writer);
// Returns true if the near days are to be noted: a day has begun since, or too many could not be made
// some minutes ago.
bool writer_days_is_new(const struct writer *writer);
// Notes yesterday to the day after tomorrow, which no limit concerns.
void writer_days_note_near(struct writer *writer);

void writer_days_forget(struct writer *writer); /* partitions may have been dropped */
bool writer_days_are_read(const struct writer *writer);
// Reads which days have partitions, notes the near ones, then calls end.
void writer_days_read(struct writer *writer, writer_on_end *end);

// Returns true if the partition of a missing day may be made now: one a second, so that other rows are delayed by at most
// DAYS_MS a second.
#define DAYS_MS 100
bool writer_days_due(const struct writer *writer);
// Makes the partitions of one missing day, then calls end. If that takes longer than DAYS_MS (more with parts of a day, and on
// Citus) it is given up, and tried again later.
void writer_days_make(struct writer *writer, writer_on_end *end);
// For a session that begins: makes all near days at once if today has no partition, then calls end.
void writer_days_make_today(struct writer *writer, writer_on_end *end);

#endif
