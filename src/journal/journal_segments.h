// SPDX-License-Identifier: MIT
// The journal's segments: made ahead of need, deleted when stored, within the quota. Works through journal_files.c, so
// nothing here waits for the disk once that has its thread.
#ifndef AVLD_JOURNAL_JOURNAL_SEGMENTS_H
#define AVLD_JOURNAL_JOURNAL_SEGMENTS_H

#include <stdbool.h>
#include <stdint.h>

struct journal;

#define JOURNAL_SEGMENTS_RESERVED 16 /* segments' worth of LSNs reserved ahead in meta */

// Returns the first LSN of the newest segment, or NO_LSN.
uint64_t journal_segments_newest(const struct journal *journal);

// Records in meta that this process writes and which LSNs may be given. Done once, when the disk has room for it. With
// threads it is the syncer that writes it: false until that is done. False without threads: errno.
bool journal_segments_activate(struct journal *journal);

// Returns true if `need` bytes of entries, headers included, fit into the segments made ahead, in any order. Requests as
// many segments as are missing.
bool journal_segments_make_room(struct journal *journal, uint64_t need);
// Requests the next segment if there is none. If there can be none now, journal->request_below makes sure that it is
// requested again when half of what is left is used, and so on.
void journal_segments_request_next(struct journal *journal);

// Deletes segments that are stored and retained long enough, and writes the file `stored` (once a second).
void journal_segments_release(struct journal *journal);
// Collects what journal_files.c has done, and requests what was pending. To be called when it has done something.
void journal_segments_resume(struct journal *journal);
// Ends writing to the files there are: the next entry begins a new segment, in the folder that dir_fd names by then. Waits for
// both threads.
void journal_segments_leave(struct journal *journal);
// Waits for all that was requested, and collects it; writes the file `stored`.
void journal_segments_finish(struct journal *journal);

#endif
