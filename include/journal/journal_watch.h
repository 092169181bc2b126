// SPDX-License-Identifier: MIT
// Notices that the journal's folder or its files were moved or removed, and writes new files as soon as there is a folder at the
// path. What is in the old ones can still be read, and goes to the database, as long as the process lives.
#ifndef AVLD_JOURNAL_JOURNAL_WATCH_H
#define AVLD_JOURNAL_JOURNAL_WATCH_H

struct journal;

// To be called once a second: two system calls, and one for each segment that is written to. New files are begun between two
// entries; only then it waits for the disk.
void journal_watch(struct journal *journal);
// Returns what is wrong with the folder, for a person; "": nothing.
const char *journal_watch_problem(const struct journal *journal);

#endif
