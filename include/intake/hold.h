// SPDX-License-Identifier: MIT
// Writes what conversations hold in memory into the journal: frames without their reference, parts of messages and photos.
// So a start after kill -9 can restore it (intake/orphans.h). The entry of the result, or one of kind RELEASED, resolves
// it.
//
//   holds   oldest <-> ... <-> newest       hold.lsn: rising; what the conversation holds was written at or after it
//           ^ the journal keeps its segments from here on (journal_pin)
//
// What is unresolved is at most HOLD_SPAN bytes before the journal's end, or twice the size of all that is held, if that is
// more: older entries are written again under their old marks. So a tracker that never completes what it began cannot keep
// the journal from being released, and a start need not read all of it. Twice, because what is written again moves the end.
#ifndef AVLD_INTAKE_HOLD_H
#define AVLD_INTAKE_HOLD_H

#include "feed/feed.h"
#include "journal/journal.h"
#include "model/peer.h"

#define HOLD_SPAN      (UINT64_C(16) << 20)
#define HOLD_SPAN_MOST (UINT64_C(256) << 20) /* photos of 64 MiB take 196 MiB */

// Part of each conversation. Initialised by zeros.
struct hold {
	struct hold *previous, *next;
	uint64_t lsn;            /* 0: nothing is held, and it is in no list */
	struct feed *feed;       /* while lsn is not 0 */
	const struct peer *peer; /* likewise */
};

// All that hold something. Initialised by zeros.
struct holds {
	struct hold *first, *last;
	uint64_t span;         /* from HOLD_SPAN to HOLD_SPAN_MOST; 0: not measured yet */
	uint64_t measured_lsn; /* journal's end when it was */
};

// Returns true if hold_save has something to do.
static inline bool hold_is_due(const struct hold *hold, const struct feed *feed)
{
	return hold->lsn || feed->session.unsaved || feed->session.photo || feed->session.finished;
}

// Appends what the feed holds and the journal does not, and notes whether anything is still held. To be called after the
// results of a frame have been appended; the journal has room for what that frame can have added.
void hold_save(struct holds *holds, struct journal *journal, struct hold *hold, struct feed *feed,
	const struct peer *peer);

// Begins a hold of what was written at or after lsn by an earlier process; not before an earlier call's. Does nothing if the
// hold has begun. Before any hold_save.
void hold_restore(struct holds *holds, struct journal *journal, struct hold *hold, uint64_t lsn,
	struct feed *feed, const struct peer *peer);

// Appends anew everything that the feed holds. Returns false if the journal has no room for it.
bool hold_renew(struct holds *holds, struct journal *journal, struct hold *hold);

// Renews the oldest one if it is too far behind the journal's end. To be called after each frame.
void hold_renew_old(struct holds *holds, struct journal *journal);

// Ends a hold: nothing is held, or its conversation is over.
void hold_end(struct holds *holds, struct journal *journal, struct hold *hold);

// Makes `to` hold what `from` holds, or part of it, for another feed. `from` goes on until hold_save or hold_end.
void hold_share(struct holds *holds, const struct hold *from, struct hold *to, struct feed *feed,
	const struct peer *peer);

#endif
