// SPDX-License-Identifier: MIT
// Reads a journal's folder at its opening: which files are segments, and what is done with the others.
#ifndef AVLD_JOURNAL_JOURNAL_FOLDER_H
#define AVLD_JOURNAL_JOURNAL_FOLDER_H

#include <stdbool.h>
#include <stdint.h>

struct journal;

struct journal_folder {
	bool has_uuid; /* journal->meta.uuid is set: by the caller, or from a segment's header */
	bool doubt;    /* a segment has a damaged header: LSNs after its last entry may be in use */
	uint64_t highest; /* first LSN of the newest file that was set aside, or 0 */
};

// Puts the folder's segments into journal->segments, oldest first. False: journal_findings_fail was called.
bool journal_folder_read(struct journal *journal, struct journal_folder *folder);

// Returns true for the name of a file that a start set aside: a copy of damage, or a segment.
bool journal_folder_is_aside(const char *name);

#endif
