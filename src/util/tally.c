// SPDX-License-Identifier: MIT
#include "util/tally.h"

#include <stdio.h>
#include <string.h>

static void begin_row(struct tally_row *row, const char *group, const char *text)
{
	row->group = group;
	snprintf(row->text, sizeof(row->text), "%s", text);
}

size_t tally_add(struct tally *tally, const char *group, const char *text)
{
	const size_t last = TALLY_ROWS - 1;
	size_t i = 0;

	while (i < last && tally->rows[i].group &&
		(strcmp(tally->rows[i].text, text) != 0 ||
			strcmp(tally->rows[i].group, group) != 0))
		i++;
	if (!tally->rows[i].group)
		begin_row(&tally->rows[i], i < last ? group : "-", i < last ? text : "other");
	tally->rows[i].count++;
	return i;
}

const struct tally_row *tally_next(const struct tally *tally, size_t *index)
{
	while (*index < TALLY_ROWS) {
		const struct tally_row *row = &tally->rows[(*index)++];
		if (row->count > 0)
			return row;
	}
	return NULL;
}
