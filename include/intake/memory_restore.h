// SPDX-License-Identifier: MIT
// What was remembered of devices (memory.h) is lost with the process; the journal still has it.
#ifndef AVLD_INTAKE_MEMORY_RESTORE_H
#define AVLD_INTAKE_MEMORY_RESTORE_H

#include "feed/feed.h"
#include "journal/entry.h"
#include "journal/journal.h"

// Decodes the raw bytes of a report or reject once more, with the ident that was known. False: its
// bytes are no whole frame. What comes of it is in *batch. feed: a conversation for such entries, kept
// from call to call; its session.memory is set.
bool memory_restore_entry(struct feed *feed, const struct entry *entry, struct decoded *batch);

// Fills the memory from the newest entries of the journal, MEMORY_RESTORE_BYTES of them.
#define MEMORY_RESTORE_BYTES (UINT64_C(64) << 20)
void memory_restore_devices(struct device_memory *memory, struct journal *journal);

#endif
