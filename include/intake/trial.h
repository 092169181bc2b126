// SPDX-License-Identifier: MIT
// Admission of idents that are not in the device directory (intake/newcomers.h), and the reports of those on trial: held as
// entries, written to the journal when the ident is admitted, and as rejects "too many new devices" when it is not.
//
// Idents in the journal at the start are in the directory, so they are not new. While avld.devices has not been read,
// because the database is unreachable since the start, all idents are admitted until the directory has TRIAL_UNREAD:
// nobody can tell which ones are new.
#ifndef AVLD_INTAKE_TRIAL_H
#define AVLD_INTAKE_TRIAL_H

#include "intake/intake.h"
#include "intake/newcomers.h"

#define TRIAL_UNREAD 200000

// Returned by trial_ask for an ident on trial.
extern const char trial_pending[];

// Creates intake->newcomers, as configured. Without it there are no limits. Returns false if out of memory.
bool trial_begin(struct intake *intake);
// Applies the limits of the settings, which have changed.
void trial_configure(struct intake *intake);
// Rejects the reports of idents on trial. For the shutdown, while the journal is open.
void trial_finish(struct intake *intake);
// Frees intake->newcomers.
void trial_end(struct intake *intake);

// Decides on the session's ident, which is not in the directory, and adds it if it is admitted. Returns NULL, or why it is
// not admitted.
const char *trial_ask(struct intake *intake, const struct feed *feed, const struct peer *peer,
	struct device **device);
// Decides on another ident in its frame. Returns NULL, or why it is not admitted.
const char *trial_ask_other(struct intake *intake, const struct peer *peer, struct text ident);

// Holds the reports of the session's ident, which is on trial, and removes them from *decoded. Others become rejects. The bytes
// of a frame with a password are left out.
void trial_keep(struct intake *intake, const struct feed *feed, const struct peer *peer,
	struct decoded *decoded);

// To be called once a second: see newcomers_each_second.
void trial_each_second(struct intake *intake, newcomers_proves *proves);

#endif
