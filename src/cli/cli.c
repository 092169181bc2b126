// SPDX-License-Identifier: MIT
// What the verbs share: options that name settings, help, and how a wrong command line is told.
#include "cli/cli.h"

#include "util/log.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef AVLD_CONFIG_FILE
#define AVLD_CONFIG_FILE "/etc/avld/avld.ini"
#endif

static void print_help(const char *usage)
{
	fputs(usage, stdout);
	puts("\nSettings, their defaults, and what they are (the sample avld.ini says more):");
	for (size_t i = 0; i < config_key_count(); i++) {
		struct config_key key = config_key_at(i);
		printf("  %-34s %-21s %s\n", key.key, *key.text ? key.text : "-", key.doc);
	}
}

int cli_usage_error(const char *verb, const char *format, ...)
{
	fprintf(stderr, "avld %s: ", verb);
	va_list arguments;
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fprintf(stderr, "\navld %s --help tells how to use it.\n", verb);
	return 2;
}

// The file to read when -c names none, or NULL. Options alone must be enough to run: a file that is
// not ours to read (it is root's and the service's) does not stop who gives some.
static const char *find_file(int option_count)
{
	int fd = open(AVLD_CONFIG_FILE, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		close(fd);
		return AVLD_CONFIG_FILE;
	}
	if (errno == ENOENT || errno == ENOTDIR)
		return NULL;
	if (!option_count)
		return AVLD_CONFIG_FILE; // config_load says what is wrong with it
	fprintf(stderr, "avld: %s: %s; going on without it, with defaults and what -o sets\n",
		AVLD_CONFIG_FILE, strerror(errno));
	return NULL;
}

#define LONG 256 /* added to the letter of a long option: in errors, optopt is that or 0 */

struct arguments {
	const char *file;
	char **options; /* as many as argc has room */
	int option_count;
	bool help, version;
};

// 0, or the exit code after a message.
static int parse(int argc, char **argv, struct arguments *arguments)
{
	static const struct option known[] = {
		{"config", required_argument, NULL, LONG + 'c'},
		{"option", required_argument, NULL, LONG + 'o'},
		{"help", no_argument, NULL, LONG + 'h'},
		{"version", no_argument, NULL, LONG + 'V'},
		{0},
	};
	optind = 0; // GNU: begin anew
	opterr = 0;
	for (int found; (found = getopt_long(argc, argv, ":c:o:h", known, NULL)) != -1;) {
		switch (found % LONG) {
		case 'c':
			if (arguments->file)
				return cli_usage_error(argv[0], "-c is given twice");
			arguments->file = optarg;
			break;
		case 'o':
			arguments->options[arguments->option_count++] = optarg;
			break;
		case 'h':
			arguments->help = true;
			break;
		case 'V':
			arguments->version = true;
			break;
		case ':':
			return cli_usage_error(
				argv[0], "%s needs a value behind it", argv[optind - 1]);
		default:
			if (optopt && optopt < LONG)
				return cli_usage_error(argv[0], "no option -%c", optopt);
			return cli_usage_error(argv[0], "no option %s", argv[optind - 1]);
		}
	}
	if (optind < argc)
		return cli_usage_error(
			argv[0], "'%s' is not an option; nothing else is taken", argv[optind]);
	return 0;
}

bool cli_settings(int argc, char **argv, const char *usage, struct config *config, int *exit_code)
{
	struct arguments arguments = {.options = calloc((size_t)argc, sizeof(char *))};
	if (!arguments.options)
		log_fatal("out of memory");
	bool loaded = false;
	memset(config, 0, sizeof(*config));
	*exit_code = parse(argc, argv, &arguments);
	if (*exit_code) {
		// told already
	} else if (arguments.help) {
		print_help(usage);
	} else if (arguments.version) {
		puts("avld " AVLD_VERSION);
	} else {
		const char *file =
			arguments.file ? arguments.file : find_file(arguments.option_count);
		loaded = config_load(config, file, arguments.options, arguments.option_count);
		if (loaded)
			log_set_level((enum log_level)config->log.level);
		else
			config_done(config);
		*exit_code = loaded ? 0 : 2;
	}
	free(arguments.options);
	return loaded;
}
