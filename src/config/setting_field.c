// SPDX-License-Identifier: MIT
#include "config/setting_field.h"

#include "config/conninfo.h"
#include "config/setting_value.h"
#include "feed/registry.h"
#include "model/command.h"
#include "util/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(offsetof(struct config, server.udp) == offsetof(struct config, server.tcp) + 1,
	"both transports are one field");

static const void *field_of(const struct setting *setting, const struct config *config)
{
	return (const char *)config + setting->offset;
}

static const char *text_of(const struct setting *setting, const struct config *config)
{
	const char *text;
	memcpy(&text, field_of(setting, config), sizeof(text));
	return text;
}

// Returns the size of a field that is no text.
static size_t size_of(const struct setting *setting)
{
	switch (setting_type(setting)) {
	case SETTING_FLAG:
		return sizeof(bool);
	case SETTING_TRANSPORTS:
		return 2 * sizeof(bool);
	case SETTING_ENUM:
		return sizeof(int);
	case SETTING_PROTOCOLS:
	case SETTING_COMMANDS:
		return sizeof(uint32_t);
	default:
		return sizeof(int64_t);
	}
}

bool setting_field_same(
	const struct setting *setting, const struct config *one, const struct config *other)
{
	if (setting_type(setting) == SETTING_TEXT)
		return !strcmp(text_of(setting, one), text_of(setting, other));
	return !memcmp(field_of(setting, one), field_of(setting, other), size_of(setting));
}

void setting_field_copy(const struct setting *setting, const struct config *from, struct config *to)
{
	void *field = (char *)to + setting->offset;
	if (setting_type(setting) != SETTING_TEXT) {
		memcpy(field, field_of(setting, from), size_of(setting));
		return;
	}
	char **text = field, *copy = strdup(text_of(setting, from));
	if (!copy)
		log_fatal("out of memory for=\"settings\"");
	free(*text);
	*text = copy;
}

// Values -----------------------------------------------------------------------------------------

// Adds a name to the list in out.
static void add_name(char *out, const char *name)
{
	const size_t len = strlen(out);
	snprintf(out + len, SETTING_FIELD_SHOW_MAX - len, "%s%s", len ? ", " : "", name);
}

static void show_protocols(uint32_t protocols, char *out)
{
	if (protocols == DECODERS_ALL)
		add_name(out, "all");
	for (size_t i = 0; protocols != DECODERS_ALL && registry_decoders[i]; i++)
		if (protocols >> i & 1)
			add_name(out, registry_decoders[i]->name);
}

static void show_commands(uint32_t commands, char *out)
{
	for (unsigned i = 0; i < COMMAND_KINDS; i++)
		if (commands >> i & 1)
			add_name(out, command_kind_name((enum command_kind)i));
}

static void show_number(enum setting_type type, int64_t number, char *out)
{
	char value[VALUE_SHOW_MAX];
	if (type == SETTING_SIZE)
		add_name(out, setting_value_show_size(number, value));
	else if (type == SETTING_DURATION)
		add_name(out, setting_value_show_duration(number, value));
	else
		snprintf(out, SETTING_FIELD_SHOW_MAX, "%lld%s",
			(long long)(number < 0 ? -number : number), number < 0 ? "%" : "");
}

static void show_text(const char *text, char *out)
{
	char *copy =
		strdup(text); // hidden before it is cut, which may end in the middle of a password
	if (!copy)
		log_fatal("out of memory for=\"settings\"");
	conninfo_hide_passwords(copy);
	log_quote(copy, strlen(copy), out, SETTING_FIELD_SHOW_MAX);
	free(copy);
}

const char *setting_field_show(
	const struct setting *setting, const struct config *config, char *out)
{
	const enum setting_type type = setting_type(setting);
	int64_t number = 0;
	bool flags[2] = {false, false};
	uint32_t set = 0;
	int index = 0;

	*out = '\0';
	switch (type) {
	case SETTING_TEXT:
		show_text(text_of(setting, config), out);
		break;
	case SETTING_FLAG:
		memcpy(flags, field_of(setting, config), sizeof(flags[0]));
		add_name(out, flags[0] ? "yes" : "no");
		break;
	case SETTING_TRANSPORTS:
		memcpy(flags, field_of(setting, config), sizeof(flags));
		if (flags[0])
			add_name(out, "tcp");
		if (flags[1])
			add_name(out, "udp");
		break;
	case SETTING_ENUM:
		memcpy(&index, field_of(setting, config), sizeof(index));
		add_name(out, setting->names[index]);
		break;
	case SETTING_PROTOCOLS:
		memcpy(&set, field_of(setting, config), sizeof(set));
		show_protocols(set, out);
		break;
	case SETTING_COMMANDS:
		memcpy(&set, field_of(setting, config), sizeof(set));
		show_commands(set, out);
		break;
	default:
		memcpy(&number, field_of(setting, config), sizeof(number));
		show_number(type, number, out);
	}
	return out;
}
