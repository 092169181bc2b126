// SPDX-License-Identifier: MIT
// The times at which a growing position, such as the end of the journal, was passed. Of long spans the times are kept more
// coarsely: an age is exact to a second, or to a thirtieth of it.
#ifndef AVLD_UTIL_AGES_H
#define AVLD_UTIL_AGES_H

#include <stddef.h>
#include <stdint.h>

#define AGES_MARKS 128

struct ages {
	struct {
		uint64_t position;
		int64_t time_us;
	} marks[AGES_MARKS]; /* what follows the position was added at that time or later */
	size_t count;
	int64_t interval_us; /* between marks, at least */
};

// Notes that what follows `position` was added from this time on. Positions and times rise.
void ages_note(struct ages *ages, uint64_t position, int64_t time_us);
// Returns the time at which what follows `position` was added; 0: it is not known.
int64_t ages_find(const struct ages *ages, uint64_t position);
// Forgets what was added before `position`.
void ages_drop(struct ages *ages, uint64_t position);

#endif
