// SPDX-License-Identifier: MIT
// A summary is a reject without bytes, or the end of a connection without traffic, whose reason is "left out: ..." with the
// numbers by cause.
#include "intake/row_summaries.h"

#include "util/clock.h"
#include "util/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LOG_S 60

// Rows of all peers in a second, so that they delay no report: 50 rejects cost the database 1 ms
// (20 µs each, 634 bytes).
#define REJECTS_PER_SECOND     50
#define CONNECTIONS_PER_SECOND 200

static const struct {
	const char *table, *setting;
	enum entry_kind kind;
} tables[LIMITED_TABLES] = {
	[LIMITED_REJECTS] = {"rejects", "rejects_per_minute", ENTRY_REJECT},
	[LIMITED_CONNECTIONS] = {"connections", "connections_per_minute", ENTRY_DISCONNECTED},
};

struct writing {
	struct intake *intake;
	enum limited_table table;
};

// Writes "left out: 912 in 60 s: unknown protocol 900, bad checksum 12", cut at cap - 1.
static void write_reason(const struct row_limits_summary *summary, char *out, size_t cap)
{
	size_t len = (size_t)snprintf(out, cap, "left out: %" PRIu64 " in %" PRIu32 " s",
		summary->count, summary->seconds);

	for (size_t i = 0; i < summary->causes && len + 1 < cap; i++) {
		const char *name = summary->cause[i].name;
		len += (size_t)snprintf(out + len, cap - len, "%s%s %" PRIu64, i ? ", " : ": ",
			*name ? name : "others", summary->cause[i].count);
	}
}

// row_limits_write
static bool write_summary(void *context, const struct row_limits_summary *summary)
{
	const struct writing *writing = context;
	const int64_t now_us = clock_utc_us();
	char reason[128];

	write_reason(summary, reason, sizeof(reason));
	struct entry entry = {
		.kind = tables[writing->table].kind,
		.received_us = now_us,
		.peer = summary->peer,
		.ident = summary->ident,
		.reason = {reason, strlen(reason)},
		.traffic = {.opened_us = now_us - summary->seconds * INT64_C(1000000)},
	};
	entry.peer.port = 0; /* it ends no connection */
	return intake_has_room(writing->intake) && intake_append_entry(writing->intake, &entry);
}

static struct row_limits_numbers configured(const struct config *config, enum limited_table table)
{
	if (table == LIMITED_REJECTS)
		return (struct row_limits_numbers){
			.per_minute = (uint32_t)config->database.rejects_per_minute,
			.per_second = REJECTS_PER_SECOND,
			.per_day = (uint64_t)config->database.rejects_per_day};
	return (struct row_limits_numbers){
		.per_minute = (uint32_t)config->database.connections_per_minute,
		.per_second = CONNECTIONS_PER_SECOND,
		.per_day = (uint64_t)config->database.connections_per_day};
}

bool row_summaries_begin(struct intake *intake)
{
	bool good = true;
	for (enum limited_table table = 0; table < LIMITED_TABLES; table++) {
		intake->limits[table] = row_limits_new(configured(intake->config, table));
		good = good && intake->limits[table];
	}
	return good;
}

void row_summaries_configure(struct intake *intake)
{
	for (enum limited_table table = 0; table < LIMITED_TABLES; table++)
		if (intake->limits[table])
			row_limits_set(intake->limits[table], configured(intake->config, table));
}

static void log_left_out(struct intake *intake, enum limited_table table)
{
	struct limited_log *logged = &intake->limited_logs[table];
	const uint64_t left_out = row_limits_left_out(intake->limits[table]);
	const uint32_t now_s = clock_coarse_s();

	if (left_out == logged->left_out || (logged->at_s && now_s - logged->at_s < LOG_S))
		return;
	log_warning("rows left out table=avld.%s rows=%" PRIu64
		    " what_to_do=\"see its rows whose reason begins with 'left out', and "
		    "database.%s\"",
		tables[table].table, left_out - logged->left_out, tables[table].setting);
	*logged = (struct limited_log){left_out, now_s};
}

void row_summaries_each_second(struct intake *intake)
{
	for (enum limited_table table = 0; table < LIMITED_TABLES; table++) {
		struct writing writing = {intake, table};
		row_limits_each_second(
			intake->limits[table], clock_coarse_s(), write_summary, &writing);
		log_left_out(intake, table);
	}
}

void row_summaries_finish(struct intake *intake)
{
	for (enum limited_table table = 0; table < LIMITED_TABLES; table++) {
		struct writing writing = {intake, table};
		row_limits_finish(intake->limits[table], clock_coarse_s(), write_summary, &writing);
	}
}

void row_summaries_end(struct intake *intake)
{
	for (enum limited_table table = 0; table < LIMITED_TABLES; table++) {
		row_limits_free(intake->limits[table]);
		intake->limits[table] = NULL;
	}
}
