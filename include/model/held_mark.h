// SPDX-License-Identifier: MIT
// The name of something held in memory that is in the journal too (entries of kind HELD and MEDIA_PART). The entry that
// carries its result repeats the mark: from then on it is resolved, and a start does not restore it.
#ifndef AVLD_MODEL_HELD_MARK_H
#define AVLD_MODEL_HELD_MARK_H

#include <stdint.h>

// The journal stores it unchanged: entry.c asserts the layout.
struct held_mark {
	uint64_t key; /* unique: 1 + the LSN before its first entry; 0: it is not in the journal */
	uint32_t number;   /* of the part of a message, from 1; 0: the whole */
	uint32_t reserved; /* 0 */
};

#endif
