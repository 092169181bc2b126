// SPDX-License-Identifier: MIT
// Notices that the journal's folder or files were moved or removed (include/journal/journal.h: journal_watch).
#ifndef AVLD_JOURNAL_JOURNAL_WATCH_H
#define AVLD_JOURNAL_JOURNAL_WATCH_H

struct journal;

void journal_watch(struct journal *journal);
const char *journal_problem(const struct journal *journal);

#endif
