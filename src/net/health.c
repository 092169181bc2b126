// SPDX-License-Identifier: MIT
#include "net/health.h"

#include "journal/journal_watch.h"
#include "net/listener.h"
#include "util/clock.h"
#include "util/json.h"
#include "util/process.h"

#include <inttypes.h>
#include <string.h>

#define BEHIND_S     60 /* age of pending data from which on a database that is connected is behind */
#define FILLING_PART 0.75 /* of journal.max_size that pending data uses */
#define FILES_PART   0.9  /* of the file descriptors that are not reserved */
#define TEXT_MAX     640

struct check {
	const char *word; /* stable: programs match on it */
	bool fails;       /* data is not accepted */
	/* Returns true if it applies, and writes a sentence. */
	bool (*find)(const struct http_sources *sources, char *text);
};

// ---- journal

static uint64_t pending_bytes(const struct http_sources *s)
{
	return vitals_pending_bytes(s->intake, s->writer);
}

static bool is_full(const struct http_sources *s, char *text)
{
	snprintf(text, TEXT_MAX,
		"The journal is full, with %" PRIu64
		" bytes that are not in the database: TCP is not read, UDP is dropped.",
		pending_bytes(s));
	return s->intake->full;
}

static bool is_filling(const struct http_sources *s, char *text)
{
	const double max = (double)s->intake->config->journal.max_size;
	const double part = (double)pending_bytes(s) / max;

	snprintf(text, TEXT_MAX,
		"Data that is not in the database uses %.0f %% of journal.max_size.", part * 100);
	return !s->intake->full && part >= FILLING_PART;
}

static bool is_folder_wrong(const struct http_sources *s, char *text)
{
	const char *problem = journal_watch_problem(s->intake->journal);

	snprintf(text, TEXT_MAX, "%s", problem);
	return *problem != '\0';
}

static bool is_journal_damaged(const struct http_sources *s, char *text)
{
	const uint64_t lost = vitals_lost_entries(s->vitals, s->intake, s->writer);

	snprintf(text, TEXT_MAX,
		"%" PRIu64
		" entries of the journal, written since the start, could not be read again.",
		lost);
	return lost > 0;
}

// ---- database

static bool has_trouble(const struct http_sources *s, enum writer_trouble trouble, char *text)
{
	const struct writer_counters *out = writer_counters(s->writer);

	snprintf(text, TEXT_MAX, "%s", out->trouble_text);
	return out->trouble == trouble;
}

static bool is_unreachable(const struct http_sources *s, char *text)
{
	const struct writer_counters *out = writer_counters(s->writer);

	if (has_trouble(s, TROUBLE_UNREACHABLE, text))
		return true;
	snprintf(text, TEXT_MAX, "The database is not connected yet.");
	return !out->connected && out->trouble == TROUBLE_NONE;
}

static bool is_in_use(const struct http_sources *s, char *text)
{
	return has_trouble(s, TROUBLE_LOCKED, text);
}

static bool are_tables_wrong(const struct http_sources *s, char *text)
{
	const char *problem = writer_counters(s->writer)->problem;

	snprintf(text, TEXT_MAX, "%s", problem);
	return *problem != '\0';
}

// Once it is connected and nothing is pending, there is nothing that it could refuse.
static bool is_refusing(const struct http_sources *s, char *text)
{
	return has_trouble(s, TROUBLE_REFUSED, text) &&
	       (pending_bytes(s) > 0 || !writer_counters(s->writer)->connected);
}

static bool is_behind(const struct http_sources *s, char *text)
{
	const double age_s = vitals_pending_age(s->vitals, s->intake, s->writer);

	snprintf(text, TEXT_MAX, "The oldest data that is not in the database is %.0f s old.",
		age_s);
	return writer_counters(s->writer)->connected && age_s >= BEHIND_S;
}

// ---- this process

// Returns true if it happened, and not long ago. at_s: 0: never.
static bool is_recent(uint32_t at_s)
{
	return at_s > 0 && clock_coarse_s() - at_s <= VITALS_LATELY_S;
}

static bool is_slow(const struct http_sources *s, char *text)
{
	snprintf(text, TEXT_MAX,
		"A turn of the loop took %.1f s: everything else had to wait for it.",
		s->vitals->slow_s);
	return is_recent(s->vitals->slow_at_s);
}

static bool has_few_files(const struct http_sources *s, char *text)
{
	const struct process_use use = process_read_use();
	const uint64_t open = vitals_open_files(s->vitals, s->conns, &use);

	snprintf(text, TEXT_MAX,
		"%" PRIu64 " of %" PRIu64 " file descriptors are in use, of which %d are reserved.",
		open, use.files_max, LISTENER_RESERVED_FILES);
	return (double)open >= FILES_PART * ((double)use.files_max - LISTENER_RESERVED_FILES);
}

static bool loses_datagrams(const struct http_sources *s, char *text)
{
	snprintf(text, TEXT_MAX,
		"Datagrams were lost within the last %d s, %" PRIu64 " since the start.",
		VITALS_LATELY_S, vitals_udp_dropped(s->intake));
	return is_recent(s->vitals->udp_dropped_s);
}

static bool is_decoder_faulty(const struct http_sources *s, char *text)
{
	const char *name = "";

	for (size_t i = 0; registry_decoders[i]; i++)
		if (s->intake->faulty >> i & 1)
			name = registry_decoders[i]->name;
	snprintf(text, TEXT_MAX,
		"The decoder of %s broke its contract; the bytes are rejected as decoder fault.",
		name);
	return s->intake->faulty != 0;
}

// The most serious first.
static const struct check checks[] = {
	{"journal_full", true, is_full},
	{"journal_filling", false, is_filling},
	{"journal_folder", false, is_folder_wrong},
	{"journal_damaged", false, is_journal_damaged},
	{"tables_changed", false, are_tables_wrong},
	{"database_refuses", false, is_refusing},
	{"database_in_use", false, is_in_use},
	{"database_unreachable", false, is_unreachable},
	{"database_behind", false, is_behind},
	{"udp_loss", false, loses_datagrams},
	{"file_descriptors", false, has_few_files},
	{"slow_loop", false, is_slow},
	{"decoder_fault", false, is_decoder_faulty},
};
#define CHECKS (sizeof(checks) / sizeof(checks[0]))

static void write_text(FILE *to, const char *text)
{
	char quoted[6 * TEXT_MAX + 16];
	struct json json = json_of(quoted, sizeof(quoted));

	json_text(&json, text, strlen(text));
	fprintf(to, "%.*s", (int)(json.at - quoted), quoted);
}

// What needs a person at the tables or the folder has a key of its own, from before there were reasons.
static void write_problem(const struct http_sources *sources, FILE *to)
{
	const char *problem = journal_watch_problem(sources->intake->journal);

	if (!*problem)
		problem = writer_counters(sources->writer)->problem;
	if (!*problem)
		return;
	fputs(",\"problem\":", to);
	write_text(to, problem);
}

bool health_write(const struct http_sources *sources, FILE *to)
{
	const bool connected = writer_counters(sources->writer)->connected;
	bool applies[CHECKS], fails = false, any = false;
	char texts[CHECKS][TEXT_MAX];
	const char *between = "";

	for (size_t i = 0; i < CHECKS; i++) {
		applies[i] = checks[i].find(sources, texts[i]);
		fails |= applies[i] && checks[i].fails;
		any |= applies[i];
	}
	fprintf(to, "{\"status\":\"%s\",\"database\":\"%s\",\"reasons\":[",
		fails ? "failing"
		: any ? "degraded"
		      : "ok",
		connected ? "connected" : "away");
	for (size_t i = 0; i < CHECKS; i++) {
		if (!applies[i])
			continue;
		fprintf(to, "%s{\"reason\":\"%s\",\"text\":", between, checks[i].word);
		write_text(to, texts[i]);
		fputc('}', to);
		between = ",";
	}
	fputc(']', to);
	write_problem(sources, to);
	fputs("}\n", to);
	return !fails;
}
