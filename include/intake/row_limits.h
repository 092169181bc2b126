// SPDX-License-Identifier: MIT
// Limits the rows that peers can cause in a table: so many per source and minute, so many per second and per day in all.
// What is left out is counted by cause, and reported once a minute: per source while the day's rows last, for all others
// together in any case. The memory is fixed; where it is short, the source that began first is forgotten.
//
// The day's rows are a bucket: a quarter of them at once, the rest comes back evenly over the day. The last quarter of the
// bucket and of each second is kept for sources that have sent a good frame, so that a flood from many addresses does not
// hide their rows. Rows of admitted devices are limited for each device only.
#ifndef AVLD_INTAKE_ROW_LIMITS_H
#define AVLD_INTAKE_ROW_LIMITS_H

#include "model/peer.h"
#include "model/report.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ROW_LIMITS_SOURCES   2048 /* remembered at once */
#define ROW_LIMITS_CAUSES    4    /* by name in a summary; further ones are counted together */
#define ROW_LIMITS_CAUSE_MAX 64   /* of a cause's text, with its NUL */
#define ROW_LIMITS_WINDOW_S  60
#define ROW_LIMITS_SUMMARIES 16 /* written in one call of row_limits_each_second */

struct row_limits;

// The rows that were left out of one source, or of all sources without a summary of their own.
struct row_limits_summary {
	struct peer peer;  /* the newest; zeroed: various */
	struct text ident; /* empty: counted by address */
	uint64_t count;
	uint32_t first_s, seconds; /* clock_coarse_s of the first; the time since then */
	size_t causes;
	struct {
		const char *name; /* "": others */
		uint64_t count;
	} cause[ROW_LIMITS_CAUSES + 1];
};
// Writes a summary. Returns false if there is no room for it now: it is kept.
typedef bool row_limits_write(void *context, const struct row_limits_summary *summary);

enum row_standing {
	ROW_STRANGER,
	ROW_PROVEN,   /* the source has sent a good frame */
	ROW_ADMITTED, /* a device of avld.devices */
};

struct row_limits_row {
	const struct peer *peer;
	struct text ident; /* empty: counted by its address, IPv6 by its /64; else by this ident */
	const char *cause;
	enum row_standing standing;
};

struct row_limits_numbers {
	uint32_t per_minute; /* of one source */
	uint32_t per_second; /* of all, as per_day; at least 4 */
	uint64_t per_day;
};
// Returns NULL if out of memory.
struct row_limits *row_limits_new(struct row_limits_numbers numbers);
// Sets other numbers. What has been written counts.
void row_limits_set(struct row_limits *limits, struct row_limits_numbers numbers);
void row_limits_free(struct row_limits *limits);

// Returns true if the row may be written; else counts it. now_s: clock_coarse_s, or a test's clock. NULL: no limits.
bool row_limits_allow(struct row_limits *limits, const struct row_limits_row *row, uint32_t now_s);

// Writes the summaries that are due. To be called once a second.
void row_limits_each_second(
	struct row_limits *limits, uint32_t now_s, row_limits_write *write, void *context);
// Writes what is counted and not written yet, as far as there is room.
void row_limits_finish(
	struct row_limits *limits, uint32_t now_s, row_limits_write *write, void *context);

// Returns the rows left out since the start.
uint64_t row_limits_left_out(const struct row_limits *limits);

#endif
