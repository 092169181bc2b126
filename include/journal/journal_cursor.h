// SPDX-License-Identifier: MIT
// Reads a journal's entries in order. May be done while the journal is written to, by the same thread or by another
// process that has opened it read-only.
#ifndef AVLD_JOURNAL_JOURNAL_CURSOR_H
#define AVLD_JOURNAL_JOURNAL_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct journal;

#define JOURNAL_ENTRY_HEADER 16 /* bytes before each payload, at the entry's LSN */

struct journal_cursor {
	struct journal *journal;
	uint64_t lsn;        /* of the next entry */
	const uint8_t *data; /* payload of the entry just read */
	size_t len;
	uint8_t *map; /* the segment being read */
	uint64_t map_first, map_len, map_dropped;
};

// Starts at the first entry at or after lsn; 0 is the oldest one.
void journal_cursor_init(struct journal_cursor *cursor, struct journal *journal, uint64_t lsn);
// Reads the next entry. Its payload is valid until the next call on the cursor, or journal_release. False: there is none,
// lsn is journal_end; or a segment cannot be opened now (reported once, lsn stays).
bool journal_cursor_next(struct journal_cursor *cursor);
void journal_cursor_done(struct journal_cursor *cursor);

#endif
