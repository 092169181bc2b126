// SPDX-License-Identifier: MIT
#include "util/ages.h"

#include <string.h>

#define INTERVAL_US 1000000

// Drops every second mark, and from now on keeps half as many.
static void thin_out(struct ages *ages)
{
	for (size_t i = 0; i < AGES_MARKS / 2; i++)
		ages->marks[i] = ages->marks[2 * i];
	ages->count = AGES_MARKS / 2;
	ages->interval_us *= 2;
}

void ages_note(struct ages *ages, uint64_t position, int64_t time_us)
{
	if (ages->count == 0)
		ages->interval_us = INTERVAL_US;
	else if (time_us - ages->marks[ages->count - 1].time_us < ages->interval_us)
		return;
	if (ages->count == AGES_MARKS)
		thin_out(ages);
	ages->marks[ages->count].position = position;
	ages->marks[ages->count++].time_us = time_us;
}

// Returns the index of the mark that holds for what follows `position`; 0 also if there is none.
static size_t find(const struct ages *ages, uint64_t position)
{
	size_t i = 0;

	while (i + 1 < ages->count && ages->marks[i + 1].position <= position)
		i++;
	return i;
}

int64_t ages_find(const struct ages *ages, uint64_t position)
{
	return ages->count > 0 ? ages->marks[find(ages, position)].time_us : 0;
}

void ages_drop(struct ages *ages, uint64_t position)
{
	const size_t first = find(ages, position);

	if (first == 0)
		return;
	ages->count -= first;
	memmove(ages->marks, ages->marks + first, ages->count * sizeof(ages->marks[0]));
	ages->interval_us = INTERVAL_US;
}
