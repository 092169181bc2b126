// SPDX-License-Identifier: MIT
// avld check: tests what the settings name, as `avld serve` would use it. Changes nothing: creates no folder, takes no
// lock, keeps no port.
//
//   ok ...        works
//   note: ...     works, but worth knowing
//   problem: ...  does not: where the setting is, what is wrong, how to mend it
#include "cli/check_database.h"
#include "cli/check_journal.h"
#include "cli/check_port.h"
#include "cli/check_print.h"
#include "cli/verbs.h"
#include "config/conninfo_exposed.h"
#include "config/setting.h"

#include <stdio.h>

static void note_exposed(const struct config *config)
{
	char origin[SETTING_ORIGIN_MAX];

	if (conninfo_exposed(config))
		check_print_note("%s: database.conninfo: " CONNINFO_EXPOSED " %s",
			setting_origin(config, "database.conninfo", origin), config->origin.file);
}

int check_verb(struct command_line *line)
{
	const struct config *config = &line->config;
	check_print_ok("settings");
	if (command_line_value(line, "settings"))
		return 0;
	note_exposed(config);
	bool journal = check_journal(config);
	bool port = check_port(config);
	bool http = check_port_http(config);
	if (config->server.udp)
		check_port_udp_buffer();
	fflush(stdout); // connecting to the database may take seconds
	bool database = check_database(config);
	return journal && port && http && database ? 0 : 1;
}
