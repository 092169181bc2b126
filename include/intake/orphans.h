// SPDX-License-Identifier: MIT
// What is held though its conversation is over: restored at the start, or because the journal had no room at the
// conversation's end. It is kept by protocol and ident (without an ident: by peer), until
//
//   the reference of a frame arrives in another conversation of the device     report
//   missing parts of a message arrive there                                    moved there
//   its time is over (FEED_HOLD_US after its receipt)                          reject
//   a photo: as soon as the journal has room                                   media, complete or not
//
// Results are not asked for admission: the device was admitted when its frame was held, and the writer checks again.
#ifndef AVLD_INTAKE_ORPHANS_H
#define AVLD_INTAKE_ORPHANS_H

#include "intake/intake.h"

#define ORPHANS_MAX 65536 /* devices */

// At the start, for each unresolved entry of kind HELD or MEDIA_PART, in the order of the journal; then once at the end.
// lsn: not after the entry's.
void orphans_restore(struct intake *intake, const struct entry *entry, uint64_t lsn);
void orphans_restore_end(struct intake *intake);

// At the end of a conversation: moves what the feed still holds here. Above ORPHANS_MAX it is left in the journal, for the
// next start.
void orphans_adopt(
	struct intake *intake, struct hold *hold, struct feed *feed, const struct peer *peer);

// After each frame of a conversation: tries what is held for its device again. Not while intake->ending is in use.
void orphans_retry(
	struct intake *intake, struct hold *hold, struct feed *feed, const struct peer *peer);

// Once a second: expires what is due.
void orphans_expire(struct intake *intake, int64_t now_us);

size_t orphans_count(const struct intake *intake);
// Frees them; what is unresolved stays in the journal.
void orphans_free(struct intake *intake);

#endif
