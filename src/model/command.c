// SPDX-License-Identifier: MIT
#include "model/command.h"

#include "util/text.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct arg_rule {
	enum command_arg arg;
	bool required;
	int32_t least, most;
};

struct kind_rule {
	const char *name;
	struct arg_rule args[2];
	unsigned count;
	bool once;
};

static const struct kind_rule kinds[COMMAND_KINDS] = {
	[COMMAND_ENGINE_STOP] = {.name = "engineStop"},
	[COMMAND_ENGINE_RESUME] = {.name = "engineResume"},
	[COMMAND_OUTPUT_CONTROL] = {"outputControl",
		{{COMMAND_INDEX, true, 1, 8}, {COMMAND_VALUE, true, 0, 1}}, 2, false},
	[COMMAND_POSITION_SINGLE] = {.name = "positionSingle"},
	[COMMAND_POSITION_PERIODIC] = {"positionPeriodic", {{COMMAND_SECONDS, true, 1, 86400}}, 1,
		false},
	[COMMAND_ALARM_SPEED] = {"alarmSpeed", {{COMMAND_KMH, true, 1, 300}}, 1, false},
	[COMMAND_REBOOT_DEVICE] = {"rebootDevice", {{COMMAND_WHAT, false, 0, 2}}, 1, true},
	[COMMAND_REQUEST_PHOTO] = {.name = "requestPhoto"},
	[COMMAND_SET_TIMEZONE] = {"setTimezone", {{COMMAND_HOURS, true, -12, 14}}, 1, false},
	[COMMAND_GET_VERSION] = {.name = "getVersion"},
	[COMMAND_FACTORY_RESET] = {.name = "factoryReset", .once = true},
	[COMMAND_CUSTOM] = {"custom", {{COMMAND_TEXT, true, 1, COMMAND_TEXT_MAX}}, 1, false},
};

static const char *const arg_names[COMMAND_ARGS] = {
	[COMMAND_INDEX] = "index",
	[COMMAND_VALUE] = "value",
	[COMMAND_SECONDS] = "seconds",
	[COMMAND_KMH] = "kmh",
	[COMMAND_WHAT] = "what",
	[COMMAND_HOURS] = "hours",
	[COMMAND_TEXT] = "text",
};

const char *command_kind_name(enum command_kind kind)
{
	return (unsigned)kind < COMMAND_KINDS ? kinds[kind].name : "";
}

const char *command_arg_name(enum command_arg arg)
{
	assert((unsigned)arg < COMMAND_ARGS);
	return arg_names[arg];
}

bool command_find_kind(struct text name, enum command_kind *kind)
{
	for (unsigned i = 0; i < COMMAND_KINDS; i++) {
		if (!text_equal(name, kinds[i].name))
			continue;
		*kind = (enum command_kind)i;
		return true;
	}
	return false;
}

// ---- arguments

static const char *read_text(struct text value, struct command *command)
{
	if (value.len == 0 || value.len > COMMAND_TEXT_MAX)
		return "text is empty or longer than 200 bytes";
	for (size_t i = 0; i < value.len; i++)
		if (value.data[i] < 0x20 || value.data[i] > 0x7e)
			return "text has a line end or another byte that is not printable ASCII";
	memcpy(command->text, value.data, value.len);
	command->text_len = (uint8_t)value.len;
	return NULL;
}

// Removes the decimals of 30.0: jsonb keeps them, and it is a whole number.
static struct text without_zeros(struct text value)
{
	size_t len = value.len;

	while (len > 0 && value.data[len - 1] == '0')
		len--;
	if (len > 0 && len < value.len && value.data[len - 1] == '.')
		value.len = len - 1;
	return value;
}

static const char *read_arg(const struct arg_rule *rule, struct text value, struct command *command)
{
	int64_t number;

	if (!value.data)
		return rule->required ? "an argument is missing" : NULL;
	if (rule->arg == COMMAND_TEXT)
		return read_text(value, command);
	if (!text_int(without_zeros(value), &number))
		return "an argument is no whole number";
	if (number < rule->least || number > rule->most)
		return "an argument is out of range";
	command->args[rule->arg] = (int32_t)number;
	return NULL;
}

const char *command_read(
	struct text name, const struct text args[COMMAND_ARGS], struct command *command)
{
	unsigned found = 0;

	memset(command->args, 0, sizeof(command->args));
	command->text_len = 0;
	if (!command_find_kind(name, &command->kind))
		return "no such command";
	const struct kind_rule *rule = &kinds[command->kind];
	for (unsigned i = 0; i < rule->count; i++) {
		const char *wrong = read_arg(&rule->args[i], args[rule->args[i].arg], command);
		if (wrong)
			return wrong;
		found |= 1u << rule->args[i].arg;
	}
	for (unsigned arg = 0; arg < COMMAND_ARGS; arg++)
		if (args[arg].data && !(found >> arg & 1))
			return "an argument that the command does not have";
	return NULL;
}

const char *command_print_args(const struct command *command, char *out, size_t cap)
{
	size_t len = 0;

	assert(cap > COMMAND_TEXT_MAX); /* two numbers are shorter than the longest text */
	memcpy(out, command->text, command->text_len);
	out[command->text_len] = '\0';
	if (command->kind >= COMMAND_KINDS || command->kind == COMMAND_CUSTOM)
		return out;
	for (unsigned i = 0; i < kinds[command->kind].count; i++) {
		const enum command_arg arg = kinds[command->kind].args[i].arg;
		len += (size_t)snprintf(out + len, cap - len, "%s%s=%" PRId32, i ? " " : "",
			command_arg_name(arg), command->args[arg]);
	}
	return out;
}

bool command_sets_output(const struct command *command, unsigned *index, bool *on)
{
	*index = 1;
	*on = command->kind == COMMAND_ENGINE_STOP;
	if (command->kind == COMMAND_OUTPUT_CONTROL) {
		*index = (unsigned)command->args[COMMAND_INDEX];
		*on = command->args[COMMAND_VALUE];
		return true;
	}
	return command->kind == COMMAND_ENGINE_STOP || command->kind == COMMAND_ENGINE_RESUME;
}

bool command_is_sent_once(const struct command *command)
{
	return kinds[command->kind].once;
}
