// SPDX-License-Identifier: MIT
// avld journal: inspects a journal folder, also while a daemon writes to it, and changes nothing there. The summary
// reads and checks every entry; --dump prints them.
#include "journal/journal.h"
#include "cli/redecode.h"
#include "cli/time_argument.h"
#include "cli/verbs.h"
#include "config/setting_value.h"
#include "journal/entry.h"
#include "util/calendar.h"
#include "util/clock.h"
#include "util/json_line.h"
#include "util/text.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct look {
	const char *dir;
	bool dump;
	const char *ident; /* or NULL */
	int64_t since_us;  /* or INT64_MIN */
	uint64_t damage;   /* serious findings so far */
};

// Prints a finding. With --dump it goes to stderr, apart from the JSON lines.
static void on_finding(void *context, bool serious, const char *text)
{
	struct look *look = context;
	look->damage += serious;
	fprintf(look->dump ? stderr : stdout, "%s %s\n", serious ? "DAMAGE:" : "note:", text);
}

// ---- printing

static const char *age_text(int64_t us, char *text)
{
	static const struct {
		int64_t us;
		const char *unit;
	} units[] = {{86400000000, "d"}, {3600000000, "h"}, {60000000, "min"}, {1000000, "s"}};
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (us >= 2 * units[i].us || i == 3) {
			snprintf(text, 40, "%" PRId64 " %s ago", us / units[i].us, units[i].unit);
			break;
		}
	return text;
}

// Prints the member unless it is empty.
static void print_text(struct json_line *json, const char *name, struct text text)
{
	if (text.len)
		json_line_text(json, name, text);
}

static void print_entry(uint64_t lsn, const struct entry *entry)
{
	static const char *const kinds[] = {
		[ENTRY_REPORT] = "report",
		[ENTRY_REJECT] = "reject",
		[ENTRY_CONNECTED] = "connected",
		[ENTRY_DISCONNECTED] = "disconnected",
		[ENTRY_COMMAND] = "command",
		[ENTRY_MEDIA] = "media",
		[ENTRY_LEFT] = "left",
		[ENTRY_HELD] = "held",
		[ENTRY_MEDIA_PART] = "media_part",
		[ENTRY_RELEASED] = "released",
	};
	struct json_line json = {.to = stdout};
	char peer[PEER_TEXT_MAX];
	json_line_uint(&json, "lsn", lsn);
	json_line_string(&json, "kind", kinds[entry->kind]);
	json_line_time(&json, "received_at", entry->received_us);
	json_line_string(&json, "peer", peer_text(&entry->peer, peer));
	json_line_string(&json, "transport", peer_transport_name(entry->peer.transport));
	print_text(&json, "protocol", entry->protocol);
	print_text(&json, "ident", entry->ident);
	print_text(&json, "event", entry->event);
	print_text(&json, "reason", entry->reason);
	if (entry->kind == ENTRY_DISCONNECTED) {
		json_line_time(&json, "opened_at", entry->traffic.opened_us);
		json_line_uint(&json, "bytes", entry->traffic.bytes);
		json_line_uint(&json, "frames", entry->traffic.frames);
		json_line_uint(&json, "rejects", entry->traffic.rejects);
	}
	if (entry->kind == ENTRY_COMMAND) {
		json_line_int(&json, "command", entry->change.id);
		json_line_string(&json, "state",
			entry_command_state_name((enum command_state)entry->change.state));
		json_line_uint(&json, "attempts", entry->change.attempts);
	}
	if (entry->kind == ENTRY_MEDIA) {
		json_line_uint(&json, "piece", entry->media.piece);
		json_line_uint(&json, "pieces", entry->media.pieces);
	}
	if (entry->kind == ENTRY_MEDIA_PART) {
		json_line_uint(&json, "key", entry->part.key);
		json_line_uint(&json, "piece", entry->part.number);
		json_line_uint(&json, "pieces", entry->part.parts);
	}
	if (entry->mark.key) {
		const bool held = entry->kind == ENTRY_HELD;
		json_line_uint(&json, held ? "key" : "resolves", entry->mark.key);
		if (entry->mark.number)
			json_line_uint(&json, "part", entry->mark.number);
	}
	if (entry->raw.len) {
		const bool media = entry->kind == ENTRY_MEDIA || entry->kind == ENTRY_MEDIA_PART;
		json_line_hex(&json, media ? "bytes" : "frame", entry->raw.data, entry->raw.len);
	}
	json_line_end(&json);
}

// ---- reading

static bool is_wanted(const struct look *look, const struct entry *entry)
{
	return entry->received_us >= look->since_us &&
	       (!look->ident || text_equal(entry->ident, look->ident));
}

static uint64_t lsn_of(const struct journal_cursor *cursor)
{
	return cursor->map_first + (uint64_t)(cursor->data - cursor->map) - JOURNAL_ENTRY_HEADER;
}

static void print_unknown(uint64_t lsn, size_t len)
{
	struct json_line json = {.to = stdout};
	json_line_uint(&json, "lsn", lsn);
	json_line_string(&json, "kind", "unknown");
	json_line_uint(&json, "bytes", len);
	json_line_end(&json);
}

static void dump(const struct look *look, struct journal *journal)
{
	struct journal_cursor cursor;
	struct entry entry;
	const bool all = !look->ident && look->since_us == INT64_MIN;
	bool found = all;
	journal_cursor_init(&cursor, journal, 0);
	while (journal_cursor_next(&cursor)) {
		if (!entry_read(cursor.data, cursor.len, &entry)) {
			if (all)
				print_unknown(lsn_of(&cursor), cursor.len);
		} else if (is_wanted(look, &entry)) {
			print_entry(lsn_of(&cursor), &entry);
			found = true;
		}
	}
	journal_cursor_done(&cursor);
	if (!found)
		fprintf(stderr, "avld journal: no entry%s%s%s in %s%s\n",
			look->ident ? " of ident " : "", look->ident ? look->ident : "",
			look->since_us == INT64_MIN ? "" : " since then", look->dir,
			look->ident ? "; --ident must match the whole ident" : "");
}

struct count {
	uint64_t entries, bytes, unknown;
	int64_t oldest_us, newest_us;
};

static void add(struct count *count, const struct journal_cursor *cursor)
{
	struct entry entry;
	count->bytes += cursor->len;
	count->entries++;
	if (!entry_read(cursor->data, cursor->len, &entry)) {
		count->unknown++;
		return;
	}
	if (count->oldest_us == 0 || entry.received_us < count->oldest_us)
		count->oldest_us = entry.received_us;
	if (entry.received_us > count->newest_us)
		count->newest_us = entry.received_us;
}

static void print_segment(const struct journal_segment *segment, const struct count *count)
{
	char oldest[CALENDAR_TEXT_MAX] = "-", newest[CALENDAR_TEXT_MAX] = "-";
	if (count->oldest_us)
		calendar_text(count->oldest_us, 3, oldest);
	if (count->newest_us)
		calendar_text(count->newest_us, 3, newest);
	printf("%s %20" PRIu64 " %10" PRIu64 " %12" PRIu64 "  %-24s  %s\n", segment->file,
		segment->first, count->entries, count->bytes, oldest, newest);
}

static void print_count(const char *what, const struct count *count)
{
	char time[CALENDAR_TEXT_MAX], age[40];
	int64_t now = clock_utc_us();
	printf("%s %" PRIu64 " entries, %" PRIu64 " bytes\n", what, count->entries, count->bytes);
	if (count->unknown)
		printf("          %" PRIu64 " of a kind unknown to this version\n", count->unknown);
	if (count->oldest_us)
		printf("          oldest %s (%s)\n", calendar_text(count->oldest_us, 3, time),
			age_text(now - count->oldest_us, age));
	if (count->newest_us)
		printf("          newest %s (%s)\n", calendar_text(count->newest_us, 3, time),
			age_text(now - count->newest_us, age));
}

// Prints one row per segment; reads all entries.
static void count_all(struct journal *journal, struct count *all, struct count *pending)
{
	struct journal_cursor cursor;
	struct journal_segment segment;
	uint64_t stored = journal_stored(journal);
	journal_cursor_init(&cursor, journal, 0);
	bool more = journal_cursor_next(&cursor);
	for (size_t i = 0; journal_segment_at(journal, i, &segment); i++) {
		struct count count = {0};
		for (; more && cursor.map_first == segment.first;
			more = journal_cursor_next(&cursor)) {
			add(&count, &cursor);
			add(all, &cursor);
			if (lsn_of(&cursor) >= stored)
				add(pending, &cursor);
		}
		print_segment(&segment, &count);
	}
	journal_cursor_done(&cursor);
}

static int is_aside(const struct dirent *file)
{
	return journal_is_aside(file->d_name);
}

// Lists the files that earlier starts could not read and set aside.
static void print_aside(const char *dir)
{
	struct dirent **files;
	const int count = scandir(dir, &files, is_aside, alphasort);
	for (int i = 0; i < count; i++) {
		struct stat status;
		char path[4096];
		snprintf(path, sizeof(path), "%s/%s", dir, files[i]->d_name);
		if (!stat(path, &status))
			printf("%s %s, %jd bytes\n", i ? "         " : "set aside",
				files[i]->d_name, (intmax_t)status.st_size);
		free(files[i]);
	}
	if (count >= 0)
		free(files);
}

static void summarize(const struct look *look, struct journal *journal)
{
	struct count all = {0}, pending = {0};
	char size[VALUE_SHOW_MAX];
	printf("journal   %s\nuuid      %s\n\n", look->dir, journal_uuid(journal));
	printf("%-20s %20s %10s %12s  %-24s  %s\n", "segment", "first LSN", "entries", "bytes",
		"oldest entry", "newest entry");
	count_all(journal, &all, &pending);
	printf("\nLSNs      %" PRIu64 " to %" PRIu64 "\n", journal_start(journal),
		journal_end(journal));
	printf("on disk   %s\n", setting_value_show_size((int64_t)journal_bytes(journal), size));
	print_count("holds    ", &all);
	printf("stored    everything below LSN %" PRIu64 " is in the database\n",
		journal_stored(journal));
	print_count("pending  ", &pending);
	if (look->damage == 0)
		puts("damage    none");
	else
		printf("damage    %" PRIu64 " found, see above\n", look->damage);
	print_aside(look->dir);
}

static int inspect(struct look *look)
{
	const struct journal_options options = {.dir = look->dir, .read_only = true};
	char error[JOURNAL_ERROR_SIZE];
	struct journal *journal = journal_open(&options, on_finding, look, error);
	if (!journal) {
		fprintf(stderr, "avld journal: %s\n", error);
		return 1;
	}
	if (look->dump)
		dump(look, journal);
	else
		summarize(look, journal);
	journal_close(journal);
	return 0;
}

static int decode_again(struct look *look)
{
	struct redecoded done;
	char error[JOURNAL_ERROR_SIZE];
	if (!redecode_journal(look->dir, on_finding, look, &done, error)) {
		fprintf(stderr, "avld journal: %s\n", error);
		return 1;
	}
	printf("decoded again  %" PRIu64 " frames, %" PRIu64 " of them rejects\n", done.frames,
		done.rejects);
	printf("recovered      %" PRIu64 " reports, %" PRIu64 " of them recovered before\n",
		done.found, done.known);
	puts(done.found > done.known ? "the next avld serve stores them" : "nothing to store");
	return 0;
}

int journal_verb(struct command_line *line)
{
	const char *since = command_line_value(line, "since");
	const bool redecode = command_line_value(line, "redecode") != NULL;
	struct look look = {.dir = line->argument,
		.ident = command_line_value(line, "ident"),
		.since_us = INT64_MIN};

	look.dump = command_line_value(line, "dump") || look.ident || since;
	if (since && !time_argument_read(since, &look.since_us))
		return command_line_error(line,
			"invalid time '%s' for --since; examples are 2026-11-22T10:15:00Z, 10m, 2h",
			since);
	if (redecode && look.dump)
		return command_line_error(
			line, "--redecode cannot be combined with --dump, --ident or --since");
	journal_explain_sigbus(look.dir);
	return redecode ? decode_again(&look) : inspect(&look);
}
