// SPDX-License-Identifier: MIT
// The table of sources: sets of a few slots, found by a hash with a seed of this process, so that nobody can aim at one
// set. A slot lives for a minute from its first row, and then until its summary is written.
#include "intake/row_limits.h"

#include "util/bucket.h"

#include <stdlib.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#define WAYS 8
#define SETS (ROW_LIMITS_SOURCES / WAYS)

#define CAUSES_KNOWN 32
#define CAUSE_OTHER  CAUSES_KNOWN

#define DAY_S 86400.

struct key {
	uint8_t address[16]; /* zeros if there is an ident */
	char ident[IDENT_MAX];
};

struct counted {
	uint64_t count;
	uint32_t first_s;
	uint8_t cause[ROW_LIMITS_CAUSES]; /* index into limits->causes */
	uint64_t of_cause[ROW_LIMITS_CAUSES];
};

struct source {
	struct key key;
	uint32_t began_s; /* 0: the slot is free */
	uint32_t rows;    /* allowed since then */
	struct counted left_out;
	struct peer peer; /* the newest one left out */
};

struct row_limits {
	uint32_t per_minute, per_second;
	double per_day;
	struct bucket rows; /* that may be written now, at most a quarter of per_day; by seconds */
	uint32_t second_s;
	uint32_t this_second; /* rows allowed in second_s */
	uint64_t seed, left_out;
	size_t pending;        /* sources with rows left out */
	size_t next;           /* the source at which the next call begins to look */
	struct counted others; /* of sources that have no summary of their own */
	uint32_t others_s;     /* when they were written last */
	size_t cause_count;
	char causes[CAUSES_KNOWN][ROW_LIMITS_CAUSE_MAX];
	struct source sources[SETS][WAYS];
};

void row_limits_set(struct row_limits *limits, struct row_limits_numbers numbers)
{
	limits->per_minute = numbers.per_minute;
	limits->per_second = numbers.per_second;
	limits->per_day = (double)numbers.per_day;
}

struct row_limits *row_limits_new(struct row_limits_numbers numbers)
{
	struct row_limits *limits = calloc(1, sizeof(*limits));

	if (!limits)
		return NULL;
	row_limits_set(limits, numbers);
	limits->rows.level = limits->per_day / 4;
	arc4random_buf(&limits->seed, sizeof(limits->seed));
	return limits;
}

void row_limits_free(struct row_limits *limits)
{
	free(limits);
}

uint64_t row_limits_left_out(const struct row_limits *limits)
{
	return limits ? limits->left_out : 0;
}

// ---- the limits of all sources together

static void refill(struct row_limits *limits, uint32_t now_s)
{
	const double most = limits->per_day / 4;

	bucket_fill(&limits->rows, most, (limits->per_day - most) / DAY_S, now_s);
	if (now_s != limits->second_s) {
		limits->second_s = now_s;
		limits->this_second = 0;
	}
}

// Returns true if one more row may be written, and counts it.
static bool take_token(struct row_limits *limits, uint32_t now_s, enum row_standing standing)
{
	const bool proven = standing == ROW_PROVEN;

	if (standing == ROW_ADMITTED)
		return true;
	refill(limits, now_s);
	const double kept = proven ? 0. : limits->per_day / 16;
	const uint32_t per_second =
		proven ? limits->per_second : limits->per_second - limits->per_second / 4;

	if (limits->rows.level < kept + 1. || limits->this_second >= per_second)
		return false;
	limits->rows.level -= 1.;
	limits->this_second++;
	return true;
}

// ---- counting what is left out

static uint8_t index_of_cause(struct row_limits *limits, const char *cause)
{
	size_t i = 0;

	while (i < limits->cause_count &&
		strncmp(limits->causes[i], cause, ROW_LIMITS_CAUSE_MAX - 1) != 0)
		i++;
	if (i < limits->cause_count || i == CAUSES_KNOWN)
		return (uint8_t)i; /* CAUSE_OTHER if there is no room for its name */
	const size_t len = strnlen(cause, ROW_LIMITS_CAUSE_MAX - 1);
	memcpy(limits->causes[i], cause, len);
	limits->cause_count++;
	return (uint8_t)i;
}

static void count(struct counted *counted, uint8_t cause, uint64_t rows)
{
	counted->count += rows;
	for (size_t i = 0; i < ROW_LIMITS_CAUSES; i++) {
		if (counted->of_cause[i] > 0 && counted->cause[i] != cause)
			continue;
		counted->cause[i] = cause;
		counted->of_cause[i] += rows;
		return;
	}
}

// Adds what a source has left out to `others`: it gets no summary of its own.
static void merge(struct row_limits *limits, struct source *source)
{
	struct counted *others = &limits->others;
	uint64_t named = 0;

	if (source->left_out.count == 0)
		return;
	if (others->count == 0 || source->left_out.first_s < others->first_s)
		others->first_s = source->left_out.first_s;
	for (size_t i = 0; i < ROW_LIMITS_CAUSES; i++)
		if (source->left_out.of_cause[i] > 0) {
			count(others, source->left_out.cause[i], source->left_out.of_cause[i]);
			named += source->left_out.of_cause[i];
		}
	others->count += source->left_out.count - named;
	limits->pending--;
}

// ---- the sources

static struct key key_of(const struct row_limits_row *row)
{
	struct key key = {{0}, {0}};
	const size_t len = row->ident.len < IDENT_MAX ? row->ident.len : IDENT_MAX;

	if (len > 0)
		memcpy(key.ident, row->ident.data, len);
	else
		peer_network(row->peer, key.address);
	return key;
}

static bool is_over(const struct source *source, uint32_t now_s)
{
	return now_s - source->began_s >= ROW_LIMITS_WINDOW_S;
}

// Returns the row's source, a new one in the place of the oldest one of its set if need be.
static struct source *find_source(
	struct row_limits *limits, const struct row_limits_row *row, uint32_t now_s)
{
	const struct key key = key_of(row);
	struct source *set =
		limits->sources[XXH3_64bits_withSeed(&key, sizeof(key), limits->seed) % SETS];
	struct source *place = &set[0];

	for (size_t i = 0; i < WAYS; i++) {
		if (set[i].began_s && !memcmp(&set[i].key, &key, sizeof(key))) {
			/* With a summary due it stays as it is until that is written. */
			if (!is_over(&set[i], now_s) || set[i].left_out.count > 0)
				return &set[i];
			place = &set[i];
			break;
		}
		if (set[i].began_s < place->began_s)
			place = &set[i];
	}
	if (place->began_s)
		merge(limits, place);
	*place = (struct source){.key = key, .began_s = now_s ? now_s : 1};
	return place;
}

bool row_limits_allow(struct row_limits *limits, const struct row_limits_row *row, uint32_t now_s)
{
	if (!limits)
		return true;
	struct source *source = find_source(limits, row, now_s);
	if (source->rows < limits->per_minute && take_token(limits, now_s, row->standing)) {
		source->rows++;
		return true;
	}
	limits->left_out++;
	if (source->left_out.count == 0) {
		source->left_out.first_s = now_s;
		limits->pending++;
	}
	count(&source->left_out, index_of_cause(limits, row->cause), 1);
	source->peer = *row->peer;
	return false;
}

// ---- summaries

static struct row_limits_summary summary_of(
	const struct row_limits *limits, const struct counted *counted, uint32_t now_s)
{
	struct row_limits_summary summary = {.count = counted->count,
		.first_s = counted->first_s,
		.seconds = now_s - counted->first_s};
	uint64_t named = 0;

	for (size_t i = 0; i < ROW_LIMITS_CAUSES && counted->of_cause[i] > 0; i++) {
		if (counted->cause[i] == CAUSE_OTHER)
			continue;
		summary.cause[summary.causes].name = limits->causes[counted->cause[i]];
		summary.cause[summary.causes++].count = counted->of_cause[i];
		named += counted->of_cause[i];
	}
	if (named < counted->count) {
		summary.cause[summary.causes].name = "";
		summary.cause[summary.causes++].count = counted->count - named;
	}
	return summary;
}

// Returns false if the summary is to be written later.
static bool write_source(struct row_limits *limits, struct source *source, uint32_t now_s,
	row_limits_write *write, void *context)
{
	struct row_limits_summary summary = summary_of(limits, &source->left_out, now_s);

	summary.peer = source->peer;
	summary.ident = (struct text){
		source->key.ident, strnlen(source->key.ident, sizeof(source->key.ident))};
	if (!write(context, &summary))
		return false;
	limits->pending--;
	*source = (struct source){.began_s = 0};
	return true;
}

static bool write_others(
	struct row_limits *limits, uint32_t now_s, row_limits_write *write, void *context)
{
	if (limits->others.count == 0)
		return true;
	const struct row_limits_summary summary = summary_of(limits, &limits->others, now_s);
	if (!write(context, &summary))
		return false;
	limits->others = (struct counted){.count = 0};
	limits->others_s = now_s;
	return true;
}

// Goes on where the last call ended, so that no source is always the last.
static void write_sources(
	struct row_limits *limits, uint32_t now_s, row_limits_write *write, void *context)
{
	struct source *sources = &limits->sources[0][0];
	size_t written = 0;

	for (size_t i = 0; i < ROW_LIMITS_SOURCES && written < ROW_LIMITS_SUMMARIES; i++) {
		struct source *source = &sources[limits->next];
		limits->next = (limits->next + 1) % ROW_LIMITS_SOURCES;
		if (source->left_out.count == 0 || !is_over(source, now_s))
			continue;
		if (!take_token(limits, now_s, ROW_STRANGER)) {
			merge(limits, source);
			*source = (struct source){.began_s = 0};
			continue;
		}
		if (!write_source(limits, source, now_s, write, context))
			return;
		written++;
	}
}

void row_limits_each_second(
	struct row_limits *limits, uint32_t now_s, row_limits_write *write, void *context)
{
	if (!limits)
		return;
	if (limits->pending > 0)
		write_sources(limits, now_s, write, context);
	if (limits->others.count > 0 && now_s - limits->others_s >= ROW_LIMITS_WINDOW_S)
		write_others(limits, now_s, write, context);
}

void row_limits_finish(
	struct row_limits *limits, uint32_t now_s, row_limits_write *write, void *context)
{
	if (!limits)
		return;
	struct source *sources = &limits->sources[0][0];
	size_t written = 0;
	for (size_t i = 0; i < ROW_LIMITS_SOURCES && limits->pending > 0; i++) {
		if (sources[i].left_out.count == 0)
			continue;
		if (written < ROW_LIMITS_SUMMARIES && take_token(limits, now_s, ROW_STRANGER)) {
			if (!write_source(limits, &sources[i], now_s, write, context))
				return;
			written++;
			continue;
		}
		merge(limits, &sources[i]);
		sources[i] = (struct source){.began_s = 0};
	}
	write_others(limits, now_s, write, context);
}
