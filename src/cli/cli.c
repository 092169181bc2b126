// SPDX-License-Identifier: MIT
// The table of verbs: their options, arguments and help.
#include "cli/cli.h"

#include "cli/verbs.h"
#include "util/log.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

// clang-format off
static const struct command_line_verb verbs[] = {
	{"serve", serve_verb, "run the daemon", .settings = true,
		.help =
			"Receives trackers and stores their reports in PostgreSQL. Prints \"ready tcp\n"
			"ADDRESS:PORT udp ADDRESS:PORT\" once it listens. SIGTERM or SIGINT shuts it down."},

	{"check", check_verb, "check settings, journal, ports and database", .settings = true,
		.help =
			"Reads the settings and tests what they name: journal folder, ports, database, its\n"
			"schema and rights. Changes nothing and may run beside the daemon, best as the\n"
			"daemon's user.",
		.notes =
			"Exit status: 0 no problem, 1 a problem, 2 bad settings.",
		.options = {
			{0, "settings", NULL, "read the settings only"},
		}},

	{"migrate", migrate_verb, "create or upgrade the database schema", .settings = true,
		.help =
			"Creates or upgrades the schema avld in the database of database.conninfo, in\n"
			"one transaction. Running it again, or twice at once, does no harm.",
		.options = {
			{0, "dry-run", NULL, "print the SQL that would run, for psql, and change nothing"},
		}},

	{"decode", decode_verb, "decode bytes to JSON lines", "[FILE]",
		.help =
			"Decodes the bytes of a tracker from FILE or standard input. Prints JSON lines:\n"
			"reports, rejects with their reason, and the bytes that a server would reply.",
		.options = {
			{'p', "protocol", "NAME", "do not detect the protocol; use this one"},
			{0, "datagram", NULL, "the input is one UDP datagram, not a TCP stream"},
			{0, "model", "TEXT", "the model of the devices, as in avld.devices.model"},
			{0, "photos", NULL, "fetch and report photos, as with media.photos = on"},
		}},

	{"simulate", simulate_verb, "simulate trackers that report to a server", .required = {"to"},
		.help =
			"Simulates trackers that drive through a town and report to a server. They obey\n"
			"commands: they switch outputs and send requested positions and replies.",
		.options = {
			{0, "to", "HOST:PORT", "the server: name, IPv4 address or [IPv6 address], and port"},
			{0, "protocol", "P", "pt502 (default), ... as 'avld protocols' lists them; mixed: half pt502,\n"
				"half gt06; all: all protocols in turn, with --udp those that use it"},
			{0, "devices", "N", "number of trackers, one connection each (default 10)"},
			{0, "rate", "R",
				"reports per second of all trackers together (default: one per second\n"
				"and tracker; 0: as fast as the server reads them)"},
			{0, "count", "N",
				"stop after this many reports of all trackers together (default: run\n"
				"until Ctrl-C)"},
			{0, "deltas", NULL,
				"PT-502s send most records as the difference from the record before"},
			{0, "gaps", NULL,
				"PT-502s lose coverage now and then, and send the records stored\n"
				"meanwhile after the next live record"},
			{0, "track", "FILE",
				"write the reports to FILE as they are made: ident, protocol, time,\n"
				"latitude, longitude, km/h"},
			{0, "udp", NULL, "use UDP, one report per datagram (default: TCP)"},
			{0, "photos", NULL, "PT-502s announce photos and send them on request"},
			{0, "seed", "S", "selects trackers and routes, 1 to 999999 (default 1)"},
		},
		.notes =
			"Exit status: 0 all reports were sent (and acknowledged, if the protocol does so),\n"
			"1 not, 2 bad usage."},

	{"journal", journal_verb, "inspect a journal folder", "DIR",
		.help =
			"Shows what a journal folder holds: segments, entries, entries pending for the\n"
			"database, damage, and files set aside by earlier starts. Reads only (except\n"
			"--redecode), and may run beside the daemon.",
		.options = {
			{0, "dump", NULL, "print the entries as JSON lines, each with its frame in hex"},
			{0, "ident", "IDENT", "only entries of this tracker (implies --dump)"},
			{0, "since", "TIME",
				"only entries received since then: 2026-11-22T10:15:00Z, 2026-11-22,\n"
				"or 10m, 2h, 3d ago (implies --dump)"},
			{0, "redecode", NULL,
				"decode all frames again and append, as reports, those that were\n"
				"rejected and can be decoded now; the next avld serve stores them.\n"
				"Run it as the daemon's user, while the daemon is stopped"},
		},
		.notes =
			"To decode again what one tracker sent:\n"
			"  avld journal DIR --ident 5020001 | jq -r '.frame // empty' | xxd -r -p | avld decode"},

	{"media", media_verb, "export photos to files", .settings = true, .required = {"export"},
		.help =
			"Writes the photos in the database (avld.media) to files named by tracker, time (UTC)\n"
			"and camera: 5020001_20261122T101500Z_1.jpg. Existing files are never overwritten;\n"
			"running it again adds new photos.",
		.options = {
			{0, "export", "DIR", "the folder; created if missing"},
			{0, "ident", "IDENT", "only photos of this tracker"},
		},
		.notes =
			"Exit status: 0 all photos are in the folder, 1 not, 2 bad usage."},

	{"map", map_verb, "write a page with tracks, to open in a browser", .settings = true,
		.required = {"output"},
		.help =
			"Writes one HTML file with the tracks of a time range, coloured by speed, and trips, stops,\n"
			"alarms and photos. A browser opens it without a network. Needs the package\n"
			"libjs-leaflet.",
		.options = {
			{'o', "output", "FILE",
				"the page; -: standard output. After -o, SECTION.KEY=VALUE is a setting\n"
				"and anything else the file"},
			{0, "ident", "IDENT", "the tracker"},
			{0, "all", NULL, "all trackers"},
			{0, "from", "TIME", "start of the range (default: 24 hours before its end)"},
			{0, "to", "TIME",
				"end of the range, not included (default: now). Times are UTC:\n"
				"2026-11-22T10:15:00Z, 2026-11-22, or 10m, 2h, 3d ago"},
			{0, "tiles", "URL",
				"background from a tile server: https://HOST/{z}/{x}/{y}.png (default: a\n"
				"grid)"},
			{0, "points", "N",
				"draw at most this many points, evenly chosen (default 1000000)"},
			{0, "leaflet", "DIR", "where Leaflet is (default /usr/share/javascript/leaflet)"},
		},
		.notes =
			"Exit status: 0 the page is written, 1 an error, or nothing to show, 2 bad usage."},

	{"export", export_verb, "write old days to files, before they are dropped", .settings = true,
		.required = {"before", "output"},
		.help =
			"Writes the rows of each UTC day before a day to a file: positions-2026-11-20.csv.gz,\n"
			"statuses-..., alarms-.... Deletes nothing. Running it again skips files that have as\n"
			"many rows as the table, and continues a run that was interrupted.",
		.options = {
			{0, "before", "DAY",
				"the first day that is not written, at the latest today (UTC):\n"
				"2026-11-22, or 30d: the day 30 days ago"},
			{0, "output", "DIR", "the folder; created if missing"},
			{0, "from", "DAY", "the first day (default: the oldest)"},
			{0, "format", "FORMAT",
				"csv (default), which can be read back; or geojson, for maps"},
			{0, "tables", "LIST",
				"positions, statuses, alarms, with commas (default: all, since days of\n"
				"positions and statuses are dropped together)"},
			{0, "ident", "IDENT", "only rows of this tracker, which is named in the files"},
			{0, "plain", NULL, "files without gzip"},
			{0, "force", NULL, "replace files that have fewer rows than the table, or are damaged"},
			{0, "drop-sql", NULL,
				"print SQL for psql that drops what is in the files, unless the tables\n"
				"have changed since; only if all is in files"},
		},
		.notes =
			"Exit status: 0 each day is in a file with all rows that the table had when it was read,\n"
			"1 not, 2 bad usage."},

	{"protocols", protocols_verb, "list the protocols",
		.help =
			"Lists the protocols: transports, what confirms a protocol by a conversation's first\n"
			"bytes, which messages are acknowledged, and the commands that can be sent."},

	{"status", status_verb, "show the counters of the running daemon", .settings = true,
		.help =
			"Shows the counters of the running daemon: received, stored, pending, rejected. Asks\n"
			"it over HTTP at http.listen of the settings.",
		.options = {
			{0, "watch", NULL,
				"print them every second, with their change per second, until Ctrl-C"},
		}},

	{"trace", trace_verb, "show what one tracker sends, live", "IDENT", .settings = true,
		.help =
			"Shows every frame of a tracker as the running daemon receives it, in hex and decoded,\n"
			"with the replies and what became of it, until Ctrl-C. Run it as the daemon's user:\n"
			"it asks the daemon over a socket in journal.dir of the settings.",
		.options = {
			{0, "json", NULL, "print one JSON object a line"},
			{0, "count", "N", "end after N frames"},
		},
		.notes =
			"Exit status: 0 after N frames or Ctrl-C, 1 avld is not running or has ended, 2 bad\n"
			"usage."},
};
// clang-format on
#define VERB_COUNT (sizeof(verbs) / sizeof(verbs[0]))

static void print_help(FILE *to)
{
	fputs("avld " AVLD_VERSION
	      ": receives GPS trackers on one port and stores their reports in PostgreSQL\n\n"
	      "usage: avld VERB [OPTION]...\n\n",
		to);
	for (size_t i = 0; i < VERB_COUNT; i++)
		fprintf(to, "  avld %-10s %s\n", verbs[i].name, verbs[i].summary);
	fputs("\n'avld VERB --help' describes a verb\n", to);
}

// Opens the standard streams that are closed, so that no file, socket or journal gets their numbers, and with them what is
// printed. Reading and writing them goes on failing.
static void hold_standard_streams(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			(void)!open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

// Returns the exit code of `name`, whose output is complete: 1 if the output was lost.
static int end_output(const char *name, int code)
{
	if (code || (fflush(stdout) == 0 && !ferror(stdout)))
		return code;
	fprintf(stderr, "%s: cannot write to stdout\n", name);
	return 1;
}

static int run_verb(const struct command_line_verb *verb, int argc, char **argv)
{
	struct command_line line;
	char name[32];
	int code;

	if (command_line_parse(&line, verb, argc, argv, &code)) {
		code = verb->run(&line);
		log_end();
		command_line_done(&line);
	}
	snprintf(name, sizeof(name), "avld %s", verb->name);
	return end_output(name, code);
}

int cli_run(int argc, char **argv)
{
	hold_standard_streams();
	if (argc < 2) {
		print_help(stderr);
		return 2;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		print_help(stdout);
		return end_output("avld", 0);
	}
	if (!strcmp(argv[1], "--version")) {
		puts("avld " AVLD_VERSION);
		return end_output("avld", 0);
	}
	for (size_t i = 0; i < VERB_COUNT; i++)
		if (!strcmp(argv[1], verbs[i].name))
			return run_verb(&verbs[i], argc - 1, argv + 1);
	fprintf(stderr, "avld: unknown verb '%s'; 'avld --help' lists the verbs\n", argv[1]);
	return 2;
}
