// SPDX-License-Identifier: MIT
// Syncs the journal to disk, on a thread of its own once started. Shown in journal_syncer.c.
#ifndef AVLD_JOURNAL_JOURNAL_SYNCER_H
#define AVLD_JOURNAL_JOURNAL_SYNCER_H

#include "journal/journal_meta.h"

struct journal_syncer;
struct ev_loop;

struct journal_syncer *journal_syncer_new(int dir_fd);   /* NULL: out of memory */
void journal_syncer_free(struct journal_syncer *syncer); /* ends the thread; does not sync */
// done: called on the loop's thread after a round.
void journal_syncer_start(struct journal_syncer *syncer, struct ev_loop *loop,
	void (*done)(void *context), void *context);

// Requests that everything below `end` is synced. Without a thread that is done at once.
void journal_syncer_request(struct journal_syncer *syncer, uint64_t end);
// Waits until everything requested is done.
void journal_syncer_wait(struct journal_syncer *syncer);
uint64_t journal_syncer_synced(const struct journal_syncer *syncer);   /* all below is on disk */
uint64_t journal_syncer_reserved(const struct journal_syncer *syncer); /* meta.reserved on disk */
// Sets both as a start has found them.
void journal_syncer_set(struct journal_syncer *syncer, uint64_t synced, uint64_t reserved);

// Sets the current segment's descriptor, or -1.
void journal_syncer_use(struct journal_syncer *syncer, int fd);
// Takes over the descriptor of the current segment, which is full, and closes it once it is synced.
void journal_syncer_roll(struct journal_syncer *syncer, int fd);
// Returns true if no more segments may be begun: too many full ones are not synced. ahead: segments made
// and not begun. Then, and always without a thread, requests a sync up to `end`.
bool journal_syncer_full(struct journal_syncer *syncer, uint64_t end, size_t ahead);

// Requests that meta is written and the folder is synced. fd: of a segment just made, whose header must be
// on disk before its name; or -1.
void journal_syncer_write_meta(
	struct journal_syncer *syncer, const struct journal_meta *meta, int fd);

#endif
