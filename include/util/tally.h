// SPDX-License-Identifier: MIT
// Counts by two texts, such as protocol and reason. The texts are the program's own, so that a peer cannot fill the table;
// what finds no place is counted in the last row.
#ifndef AVLD_UTIL_TALLY_H
#define AVLD_UTIL_TALLY_H

#include <stddef.h>
#include <stdint.h>

#define TALLY_ROWS     160
#define TALLY_TEXT_MAX 96

struct tally_row {
	const char *group; /* static text; NULL: free, as all rows that follow except the last */
	char text[TALLY_TEXT_MAX];
	uint64_t count;
};

// Zeroed it is empty.
struct tally {
	struct tally_row rows[TALLY_ROWS]; /* the last one is for all others: "-", "other" */
};

// Counts one. Returns the index of its row.
size_t tally_add(struct tally *tally, const char *group, const char *text);
// Returns the next row with a count, from *index on, and moves *index past it; NULL: none is left.
const struct tally_row *tally_next(const struct tally *tally, size_t *index);

#endif
