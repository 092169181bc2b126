// SPDX-License-Identifier: MIT
#include "writer/writer_counters.h"

#include <string.h>

static const double commit_bounds[] = {
	.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 0};
static const double receipt_bounds[] = {
	.05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 21600, 86400, 0};

_Static_assert(sizeof(commit_bounds) <= (HISTOGRAM_BOUNDS + 1) * sizeof(double), "room");
_Static_assert(sizeof(receipt_bounds) <= (HISTOGRAM_BOUNDS + 1) * sizeof(double), "room");

void writer_counters_init(struct writer_counters *counters)
{
	counters->commit_s.bounds = commit_bounds;
	counters->receipt_s.bounds = receipt_bounds;
}

const char *writer_counters_left_out_name(enum left_out reason)
{
	static const char *const names[LEFT_OUT_REASONS] = {
		[LEFT_OUT_REFUSED] = "refused",
		[LEFT_OUT_BLOCKED] = "blocked",
		[LEFT_OUT_UNKNOWN] = "unknown",
		[LEFT_OUT_OLD] = "old",
	};

	return names[reason];
}

// The classes of SQLSTATE in PostgreSQL's manual that a writer can meet.
static const char *const classes[] = {"connection", "other", "08", "0A", "22", "23", "25", "28",
	"3D", "40", "42", "53", "54", "55", "57", "58", "P0", "XX"};
#define CLASSES (sizeof(classes) / sizeof(classes[0]))

_Static_assert(CLASSES <= WRITER_ERROR_CLASSES, "room for the classes");

const char *writer_counters_error_class(size_t index)
{
	return index < CLASSES ? classes[index] : NULL;
}

void writer_counters_note_error(struct writer_counters *counters, const char *sqlstate)
{
	size_t class = *sqlstate != '\0';

	for (size_t i = 2; *sqlstate && i < CLASSES; i++)
		if (!strncmp(sqlstate, classes[i], 2))
			class = i;
	counters->errors[class]++;
	counters->last_error = class;
}
