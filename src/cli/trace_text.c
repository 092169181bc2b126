// SPDX-License-Identifier: MIT
#include "cli/trace_text.h"

#include "util/json_reader.h"
#include "util/log.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_MOST 512 /* bytes of a frame that are shown as text */

struct text trace_text_member(struct text event, const char *name)
{
	struct text rest = json_reader_open(event), key, value;
	char buffer[64];

	while (json_reader_next_member(&rest, &key, &value))
		if (text_equal(json_reader_string(key, buffer, sizeof(buffer)), name))
			return value;
	return (struct text){NULL, 0};
}

// Returns a member without quotes; what it is if it is no string.
static struct text plain(struct text event, const char *name)
{
	const struct text value = trace_text_member(event, name);

	if (json_reader_kind(value) != JSON_STRING)
		return value;
	return (struct text){value.data + 1, value.len - 2};
}

bool trace_text_is(struct text event, const char *kind)
{
	return text_equal(plain(event, "event"), kind);
}

// Prints " NAMEvalue" if the event has this member.
static void print(FILE *to, const char *before, struct text event, const char *name)
{
	const struct text value = plain(event, name);

	if (value.len)
		fprintf(to, "%s%.*s", before, (int)value.len, value.data);
}

static void print_head(FILE *to, struct text event, const char *title)
{
	print(to, "", event, "time");
	fprintf(to, " %s", title);
	print(to, " ", event, "transport");
	print(to, " ", event, "peer");
}

// Prints a frame that is text for the most part as such.
static void print_as_text(FILE *to, struct text hex)
{
	const size_t len = hex.len / 2 < TEXT_MOST ? hex.len / 2 : TEXT_MOST;
	char bytes[TEXT_MOST], text[4 * TEXT_MOST + 1];
	size_t readable = 0;

	for (size_t i = 0; hex.data && i < len; i++) {
		bytes[i] = (char)((unsigned)text_hex_digit(hex.data[2 * i]) << 4 |
				  (unsigned)text_hex_digit(hex.data[2 * i + 1]));
		readable += bytes[i] >= ' ' && bytes[i] < 0x7f;
	}
	if (readable == 0 || readable * 4 < len * 3)
		return;
	fprintf(to, "  text    %s%s\n", log_quote(bytes, len, text, sizeof(text)),
		len < hex.len / 2 ? " ..." : "");
}

static void print_decoded(FILE *to, struct text list)
{
	struct text rest = json_reader_open(list), item;

	while (json_reader_next_element(&rest, &item)) {
		const bool is_reject = trace_text_member(item, "reject").len > 0;
		fprintf(to, "  %s  %.*s\n", is_reject ? "reject" : "report", (int)item.len,
			item.data);
	}
}

static void print_replies(FILE *to, struct text event)
{
	struct text rest = json_reader_open(trace_text_member(event, "replies")), item;
	const bool is_withheld = trace_text_member(event, "withheld").len > 0;

	while (json_reader_next_element(&rest, &item)) {
		const bool waits = text_equal(plain(item, "when"), "stored");
		print(to, "  reply   ", item, "reply");
		fprintf(to, ", %s\n",
			is_withheld ? "not sent: this sender has not proved itself (UDP)"
			: waits     ? "sent once the journal has the data"
				    : "sent at once");
	}
}

static void print_frame(FILE *to, struct text event)
{
	print_head(to, event, "frame");
	print(to, " ", event, "protocol");
	if (!trace_text_member(event, "frame").len)
		fputs(", of frames held before", to);
	else
		print(to, " bytes=", event, "bytes");
	print(to, " -> ", event, "outcome");
	print(to, ": ", event, "reason");
	print(to, ", lsn ", event, "lsn");
	if (!trace_text_member(event, "ident").len)
		fputs(" (before the ident was known)", to);
	fputc('\n', to);
	print(to, "  frame   ", event, "frame");
	if (trace_text_member(event, "cut").len)
		fputs("... (cut)", to);
	if (trace_text_member(event, "frame").len)
		fputc('\n', to);
	print_as_text(to, plain(event, "frame"));
	print_decoded(to, trace_text_member(event, "decoded"));
	if (trace_text_member(event, "decoded_left_out").len) {
		print(to, "  and ", event, "decoded_left_out");
		fputs(" more\n", to);
	}
	print_replies(to, event);
}

static void print_disconnected(FILE *to, struct text event)
{
	print_head(to, event, "disconnected");
	print(to, ": ", event, "reason");
	print(to, " (since ", event, "since");
	print(to, ", bytes=", event, "bytes");
	print(to, " frames=", event, "frames");
	print(to, " rejects=", event, "rejects");
	fputs(")\n", to);
}

static void print_connection(FILE *to, struct text event)
{
	const bool udp = text_equal(plain(event, "transport"), "udp");

	print_head(to, event, udp ? "sender" : "connection");
	print(to, udp ? ", first heard " : ", open since ", event, "since");
	fputc('\n', to);
}

static void print_command(FILE *to, struct text event)
{
	print_head(to, event, "command sent");
	print(to, " avld.commands.id=", event, "id");
	print(to, "\n  frame   ", event, "frame");
	fputc('\n', to);
	print_as_text(to, plain(event, "frame"));
}

static void print_stored(FILE *to, struct text event)
{
	print_head(to, event, "committed: the database has");
	print(to, " the frames up to lsn ", event, "lsn");
	fputc('\n', to);
}

static void print_lost(FILE *to, struct text event)
{
	print(to, "*** ", event, "count");
	fputs(" events are missing here: they were not read in time\n", to);
}

void trace_text_print(FILE *to, struct text event)
{
	static const struct {
		const char *kind;
		void (*print)(FILE *to, struct text event);
	} kinds[] = {{"frame", print_frame}, {"connection", print_connection},
		{"disconnected", print_disconnected}, {"command", print_command},
		{"stored", print_stored}, {"lost", print_lost}};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (trace_text_is(event, kinds[i].kind))
			kinds[i].print(to, event);
}
