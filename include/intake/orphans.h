// SPDX-License-Identifier: MIT
// What is held though its conversation is over: restored at the start, or because the journal had no room at the
// conversation's end. It is kept by protocol and ident (without an ident: by peer), until
//
//   the reference of a frame arrives in another conversation of the device     report
//   missing parts of a message arrive there                                    moved there
//   its time is over (FEED_HOLD_US after its receipt)                          reject
//   a photo: as soon as the journal has room                                   media, complete or not
//
// What is in the journal under an ident was admitted when it was held (conversation.c), so its results are stored whatever
// the device's settings and password are by then. Results for another ident are asked for admission like those of a
// conversation without a password: what came before the ident was known, and what a refused conversation leaves.
#ifndef AVLD_INTAKE_ORPHANS_H
#define AVLD_INTAKE_ORPHANS_H

#include "intake/intake.h"

#define ORPHANS_MAX 65536 /* devices */

// At the start, for each unresolved entry of kind HELD or MEDIA_PART, in the order of the journal; then once at the end.
// lsn: not after the entry's.
void orphans_restore(struct intake *intake, const struct entry *entry, uint64_t lsn);
void orphans_restore_end(struct intake *intake);

// At the end of a conversation: moves what the feed still holds here. Above ORPHANS_MAX it is left in the journal, for the
// next start. admitted: the session's device is admitted.
void orphans_adopt(struct intake *intake, struct hold *hold, struct feed *feed,
	const struct peer *peer, bool admitted);

// After each frame of a conversation whose device is admitted: tries what is held for it again. Not while intake->ending is
// in use.
void orphans_retry(
	struct intake *intake, struct hold *hold, struct feed *feed, const struct peer *peer);

// Once a second: expires what is due.
void orphans_expire(struct intake *intake, int64_t now_us);

size_t orphans_count(const struct intake *intake);
// Frees them; what is unresolved stays in the journal.
void orphans_free(struct intake *intake);

#endif
