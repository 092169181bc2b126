// SPDX-License-Identifier: MIT
// Reads and repairs a journal at its opening, and finds where writing resumes.
#ifndef AVLD_JOURNAL_JOURNAL_RECOVER_H
#define AVLD_JOURNAL_JOURNAL_RECOVER_H

#include <stdbool.h>

struct journal;

// Sets the segments, meta, uuid, end, next_first, released and recovered of a journal whose folder is open. If the last
// segment written to is to be continued, end lies in it; else end is next_first. False: journal_findings_fail was called.
bool journal_recover(struct journal *journal);

#endif
