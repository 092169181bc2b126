// SPDX-License-Identifier: MIT
// Restores what is lost with the process from the journal: device memory (protocol/device_memory.h), and what was held
// when it ended (intake/orphans.h).
#ifndef AVLD_INTAKE_MEMORY_RESTORE_H
#define AVLD_INTAKE_MEMORY_RESTORE_H

#include "intake/intake.h"

// Decodes the raw bytes of a report or reject again, with the ident that was known then, into *decoded.
// Returns false if they are no whole frame. feed: one for such entries, kept from call to call, with its
// session.memory set.
bool memory_restore_entry(struct feed *feed, const struct entry *entry, struct decoded *decoded);

// Fills intake->memory from the newest entries of the journal, MEMORY_RESTORE_BYTES of them, and intake->orphans with what
// is unresolved. Before the first conversation, and before the writer.
#define MEMORY_RESTORE_BYTES (UINT64_C(64) << 20)
void memory_restore_devices(struct intake *intake);

#endif
