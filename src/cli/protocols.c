// SPDX-License-Identifier: MIT
// avld protocols: lists the decoders with what their tables say and the commands that they can encode.
#include "cli/verbs.h"
#include "feed/registry.h"

#include <stdio.h>
#include <string.h>

#define MARGIN 16 /* columns before the second column */
#define WIDTH  80

static const char *or_none(const char *text)
{
	return text ? text : "nothing";
}

// Returns true if the decoder can send the command to a tracker, now or after its log-in.
static bool can_encode(const struct decoder *decoder, enum command_kind kind)
{
	struct session session = {.decoder = decoder};
	struct command command = {
		.id = 1,
		.kind = kind,
		.args = {[COMMAND_INDEX] = 1,
			[COMMAND_VALUE] = 1,
			[COMMAND_SECONDS] = 60,
			[COMMAND_KMH] = 80,
			[COMMAND_HOURS] = 1},
	};
	uint8_t bytes[1024];

	session_set_ident(&session, "860000000000017", 15);
	if (kind == COMMAND_CUSTOM) {
		command.text_len = 2;
		memcpy(command.text, "AB", 2);
	}
	return decoder->encode_command &&
	       decoder->encode_command(&session, &command, bytes, sizeof(bytes)).result !=
		       ENCODE_NEVER;
}

// Prints the names, in lines of WIDTH columns. Prints "none" if the decoder can encode no command.
static void print_commands(const struct decoder *decoder)
{
	size_t column = (size_t)printf("  %-*s", MARGIN - 2, "commands");
	bool any = false;

	for (enum command_kind kind = 0; kind < COMMAND_KINDS; kind++) {
		const char *name = command_kind_name(kind);
		if (!can_encode(decoder, kind))
			continue;
		if (any && column + 1 + strlen(name) > WIDTH)
			column = (size_t)printf("\n%*s", MARGIN, "") - 1;
		else if (any)
			column += (size_t)printf(" ");
		column += (size_t)printf("%s", name);
		any = true;
	}
	puts(any ? "" : "none");
}

int protocols_verb(struct command_line *line)
{
	(void)line;
	for (size_t i = 0; registry_decoders[i]; i++) {
		const struct decoder *decoder = registry_decoders[i];
		printf("%s\n  %-*s%s\n", decoder->name, MARGIN - 2, "transports",
			or_none(decoder->transports));
		printf("  %-*s%s\n", MARGIN - 2, "confirmed by", or_none(decoder->confirmed_by));
		printf("  %-*s%s\n", MARGIN - 2, "acknowledges", or_none(decoder->acknowledges));
		print_commands(decoder);
	}
	return 0;
}
