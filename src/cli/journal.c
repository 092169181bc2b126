// SPDX-License-Identifier: MIT
// avld journal: looks into a journal folder, also while a daemon writes to it; changes nothing
// there. The summary reads and checks every entry; --dump prints them.
#include "journal/journal.h"
#include "cli/cli.h"
#include "cli/redecode.h"
#include "config/setting_value.h"
#include "journal/entry.h"
#include "util/text.h"

#include <dirent.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static const char usage[] =
	"usage: avld journal DIR [--dump] [--ident IDENT] [--since TIME] | --redecode\n\n"
	"Says what a journal folder holds: segments, entries, what waits for the database, damage, "
	"and\n"
	"what earlier starts set aside. Reads only (but for --redecode), and may be used while "
	"avld runs.\n\n"
	"      --dump         the entries as JSON lines, each with its frame in hex\n"
	"      --ident IDENT  only this tracker's (means --dump)\n"
	"      --since TIME   only those received since: 2026-11-22T10:15:00Z, 2026-11-22, or 10m, "
	"2h, 3d\n"
	"                     for so long ago (means --dump)\n"
	"      --redecode     decode once more all that it holds, and put behind it as reports "
	"what was\n"
	"                     rejected then and can be read now: the next avld serve stores it. As "
	"the\n"
	"                     user that runs avld, while it does not run\n"
	"  -h, --help         this text\n\n"
	"To decode once more what a tracker sent:\n"
	"  avld journal DIR --ident 5020001 | jq -r '.frame // empty' | xxd -r -p | avld decode\n";

struct look {
	const char *dir;
	bool dump, redecode;
	const char *ident; /* or NULL */
	int64_t since_us;  /* or INT64_MIN */
	uint64_t damage;   /* findings told */
};

static int64_t now_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

// What is found wrong goes where it does not mix with JSON lines.
static void on_finding(void *context, bool serious, const char *text)
{
	struct look *look = context;
	look->damage += serious;
	fprintf(look->dump ? stderr : stdout, "%s %s\n", serious ? "DAMAGE:" : "note:", text);
}

// ---- --since

static bool digits_at(const char *text, size_t len, int *value)
{
	uint64_t number;
	if (strnlen(text, len) < len || !text_uint((struct text){text, len}, &number))
		return false;
	*value = (int)number;
	return true;
}

// "Z", "+02:00", "-0530" or nothing (UTC): what to take off, in minutes.
static bool read_zone(const char *text, int *minutes)
{
	int hour, minute;
	*minutes = 0;
	if (!strcmp(text, "") || !strcmp(text, "Z") || !strcmp(text, "z"))
		return true;
	if ((*text != '+' && *text != '-') || !digits_at(text + 1, 2, &hour))
		return false;
	const char *rest = text + 3 + (text[3] == ':');
	if (!digits_at(rest, 2, &minute) || rest[2] || hour > 23 || minute > 59)
		return false;
	*minutes = (*text == '-' ? -1 : 1) * (hour * 60 + minute);
	return true;
}

// RFC 3339, the time of day, seconds, fraction and zone may be missing.
static bool read_time(const char *text, int64_t *time_us)
{
	int year, month, day, hour = 0, minute = 0, second = 0, us = 0, zone;
	if (!digits_at(text, 4, &year) || text[4] != '-' || !digits_at(text + 5, 2, &month) ||
		text[7] != '-' || !digits_at(text + 8, 2, &day))
		return false;
	text += 10;
	if (*text == 'T' || *text == 't' || *text == ' ') {
		if (!digits_at(text + 1, 2, &hour) || text[3] != ':' ||
			!digits_at(text + 4, 2, &minute))
			return false;
		text += 6;
		if (*text == ':') {
			if (!digits_at(text + 1, 2, &second))
				return false;
			text += 3;
		}
		if (*text == '.') {
			int unit = 100000;
			for (text++; text_is_digit(*text); text++, unit /= 10)
				us += (*text - '0') * unit;
		}
	}
	if (!read_zone(text, &zone) ||
		!text_make_time(year, month, day, hour, minute, second, us, time_us))
		return false;
	*time_us -= (int64_t)zone * 60 * 1000000;
	return true;
}

static bool read_since(const char *text, int64_t *since_us)
{
	int64_t ago_us;
	if (read_time(text, since_us))
		return true;
	if (!setting_value_read_duration(text, &ago_us) || ago_us < 0)
		return false;
	*since_us = now_us() - ago_us;
	return true;
}

// ---- printing

// "2026-11-22T10:15:00.000Z"; text has room for 40.
static const char *time_text(int64_t time_us, char *text)
{
	struct tm tm;
	char date[24];
	int64_t ms = time_us / 1000 - (time_us % 1000 < 0);
	time_t seconds = ms / 1000 - (ms % 1000 < 0);
	if (!gmtime_r(&seconds, &tm) || !strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm))
		date[0] = '\0';
	snprintf(text, 40, "%s.%03dZ", date, (int)(ms - (int64_t)seconds * 1000));
	return text;
}

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

static void print_member(const char *name, struct text text)
{
	if (text.len == 0)
		return;
	printf(",\"%s\":\"", name);
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.data[i];
		if (c == '"' || c == '\\')
			printf("\\%c", c);
		else if (c < 0x20 || c >= 0x7f)
			printf("\\u%04x", c);
		else
			putchar(c);
	}
	putchar('"');
}

static void print_hex(const char *name, struct text bytes)
{
	static const char digits[] = "0123456789abcdef";
	if (bytes.len == 0)
		return;
	printf(",\"%s\":\"", name);
	for (size_t i = 0; i < bytes.len; i++) {
		unsigned char c = (unsigned char)bytes.data[i];
		putchar(digits[c >> 4]);
		putchar(digits[c & 15]);
	}
	putchar('"');
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
	};
	char time[40], peer[PEER_TEXT_MAX];
	printf("{\"lsn\":%" PRIu64
	       ",\"kind\":\"%s\",\"received_at\":\"%s\",\"peer\":\"%s\",\"transport\":\"%s\"",
		lsn, kinds[entry->kind], time_text(entry->received_us, time),
		peer_text(&entry->peer, peer), peer_transport_name(entry->peer.transport));
	print_member("protocol", entry->protocol);
	print_member("ident", entry->ident);
	print_member("event", entry->event);
	print_member("reason", entry->reason);
	if (entry->kind == ENTRY_DISCONNECTED)
		printf(",\"opened_at\":\"%s\",\"bytes\":%" PRIu64 ",\"frames\":%" PRIu32
		       ",\"rejects\":%" PRIu32,
			time_text(entry->traffic.opened_us, time), entry->traffic.bytes,
			entry->traffic.frames, entry->traffic.rejects);
	if (entry->kind == ENTRY_COMMAND)
		printf(",\"command\":%" PRId64 ",\"state\":\"%s\",\"attempts\":%" PRIu32,
			entry->change.id,
			entry_command_state_name((enum command_state)entry->change.state),
			entry->change.attempts);
	if (entry->kind == ENTRY_MEDIA)
		printf(",\"piece\":%u,\"pieces\":%u", entry->media.piece, entry->media.pieces);
	print_hex(entry->kind == ENTRY_MEDIA ? "bytes" : "frame", entry->raw);
	puts("}");
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
				printf("{\"lsn\":%" PRIu64 ",\"kind\":\"unknown\",\"bytes\":%zu}\n",
					lsn_of(&cursor), cursor.len);
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
			look->ident ? "; an ident is compared whole" : "");
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
	char oldest[40] = "-", newest[40] = "-";
	if (count->oldest_us)
		time_text(count->oldest_us, oldest);
	if (count->newest_us)
		time_text(count->newest_us, newest);
	printf("%s %20" PRIu64 " %10" PRIu64 " %12" PRIu64 "  %-24s  %s\n", segment->file,
		segment->first, count->entries, count->bytes, oldest, newest);
}

static void print_count(const char *what, const struct count *count)
{
	char time[40], age[40];
	int64_t now = now_us();
	printf("%s %" PRIu64 " entries, %" PRIu64 " bytes\n", what, count->entries, count->bytes);
	if (count->unknown)
		printf("          %" PRIu64 " of a kind that this avld does not know\n",
			count->unknown);
	if (count->oldest_us)
		printf("          oldest %s (%s)\n", time_text(count->oldest_us, time),
			age_text(now - count->oldest_us, age));
	if (count->newest_us)
		printf("          newest %s (%s)\n", time_text(count->newest_us, time),
			age_text(now - count->newest_us, age));
}

// A row for each segment; reads them all.
static void count_all(struct journal *journal, struct count *all, struct count *waiting)
{
	struct journal_cursor cursor;
	struct journal_segment segment;
	uint64_t stored = journal_stored(journal);
	journal_cursor_init(&cursor, journal, 0);
	bool more = journal_cursor_next(&cursor);
	for (size_t i = 0; journal_segment_at(journal, i, &segment); i++) {
		struct count count = {0};
		for (; more && cursor.map_first == segment.first; more = journal_cursor_next(&cursor)) {
			add(&count, &cursor);
			add(all, &cursor);
			if (lsn_of(&cursor) >= stored)
				add(waiting, &cursor);
		}
		print_segment(&segment, &count);
	}
	journal_cursor_done(&cursor);
}

static int is_aside(const struct dirent *file)
{
	return journal_is_aside(file->d_name);
}

// What earlier starts could not read, and kept.
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
	struct count all = {0}, waiting = {0};
	char size[VALUE_SHOW_MAX];
	printf("journal   %s\nuuid      %s\n\n", look->dir, journal_uuid(journal));
	printf("%-20s %20s %10s %12s  %-24s  %s\n", "segment", "first LSN", "entries", "bytes",
		"oldest entry", "newest entry");
	count_all(journal, &all, &waiting);
	printf("\nLSNs      %" PRIu64 " to %" PRIu64 "\n", journal_start(journal),
		journal_end(journal));
	printf("on disk   %s\n", setting_value_show_size((int64_t)journal_bytes(journal), size));
	print_count("holds    ", &all);
	printf("stored    below LSN %" PRIu64 " all is in the database\n", journal_stored(journal));
	print_count("waiting  ", &waiting);
	if (look->damage == 0)
		puts("damage    none");
	else
		printf("damage    %" PRIu64 " found, see above\n", look->damage);
	print_aside(look->dir);
}

static int look_into(struct look *look)
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
	if (fflush(stdout) || ferror(stdout)) {
		fputs("avld journal: cannot write\n", stderr);
		return 1;
	}
	return 0;
}

static int redecode(struct look *look)
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
	return fflush(stdout) || ferror(stdout) ? 1 : 0;
}

int journal_verb(int argc, char **argv)
{
	static const struct option options[] = {
		{"dump", no_argument, NULL, 'd'},
		{"ident", required_argument, NULL, 'i'},
		{"since", required_argument, NULL, 's'},
		{"redecode", no_argument, NULL, 'r'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct look look = {.since_us = INT64_MIN};
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		switch (option) {
		case 'h':
			fputs(usage, stdout);
			return 0;
		case 'i':
			look.ident = optarg;
			break;
		case 's':
			if (!read_since(optarg, &look.since_us))
				return cli_usage_error("journal",
					"--since %s: not a time; 2026-11-22T10:15:00Z, 10m or 2h "
					"would be",
					optarg);
			break;
		case 'r':
			look.redecode = true;
			continue;
		case 'd':
			break;
		case ':':
			return cli_usage_error(
				"journal", "option '%s' wants a value", argv[optind - 1]);
		default:
			return cli_usage_error("journal", "unknown option '%s'", argv[optind - 1]);
		}
		look.dump = true;
	}
	if (argc - optind != 1)
		return cli_usage_error(
			"journal", argc == optind ? "which folder?" : "one folder at a time");
	look.dir = argv[optind];
	if (look.redecode && look.dump)
		return cli_usage_error("journal", "--redecode goes alone");
	journal_explain_sigbus(look.dir);
	if (look.redecode)
		return redecode(&look);
	return look_into(&look);
}
