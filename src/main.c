// SPDX-License-Identifier: MIT
// The command line: finds the verb and hands over.
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

static const struct verb {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *what;
} verbs[] = {
	{"serve", serve_verb, "take in trackers: run the daemon"},
	{"check", check_verb, "check settings and database"},
	{"migrate", migrate_verb, "make or upgrade the database schema"},
	{"decode", decode_verb, "bytes in, JSON lines out"},
	{"simulate", simulate_verb, "drive trackers that report to a server"},
	{"journal", journal_verb, "look into a journal folder"},
	{"media", media_verb, "photos out of the database into files"},
	{"status", status_verb, "the running daemon's counters"},
};

static void print_help(FILE *to)
{
	fputs("avld " AVLD_VERSION ": takes in GPS trackers, one port for all, into PostgreSQL\n\n"
	      "usage: avld VERB [OPTION]...\n\n",
		to);
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		fprintf(to, "  avld %-9s %s\n", verbs[i].name, verbs[i].what);
	fputs("\navld VERB --help tells more.\n", to);
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		print_help(stderr);
		return 2;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		print_help(stdout);
		return 0;
	}
	if (!strcmp(argv[1], "--version")) {
		puts("avld " AVLD_VERSION);
		return 0;
	}
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(argv[1], verbs[i].name))
			continue;
		if (argc > 2 && !strcmp(argv[2], "--version")) {
			puts("avld " AVLD_VERSION);
			return 0;
		}
		return verbs[i].run(argc - 1, argv + 1);
	}
	fprintf(stderr, "avld: no verb '%s'; 'avld --help' lists them\n", argv[1]);
	return 2;
}
